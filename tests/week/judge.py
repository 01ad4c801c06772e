"""What must hold at the end of a week: `faults` says what does not, `figures` what was measured."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from tests.balanced import imbalances
from tests.week.cron import CLOSED, DELAY, Week
from tests.week.paper import Paper, Wording, edition_of

LATE = 0.2  # seconds that the thread of a paper may note a request too late, on a busy machine
IN_A_ROW = 10  # gaps that are looked at together: what is a little short each time adds up
CUT = ("killed", "disk full")  # runs that lose what they had in hand


def faults(week: Week) -> list[str]:
    """One line for each promise that is broken."""
    return [*_codes(week), *_stored(week), *_versions(week), *_gaps(week), *_ledger(week), *_checks(week)]


def rows(week: Week, query: str) -> list[Any]:
    """Rows of a query on the collection's database."""
    conn = sqlite3.connect(week.folder / "news.db")
    try:
        return conn.execute(query).fetchall()
    finally:
        conn.close()


def _codes(week: Week) -> Iterator[str]:
    """Each run that deserves it has its one exit code, all others 0 and nothing to say."""
    for run in week.ended:
        if run.code != run.expected:
            yield f"run {run.number} ({run.what}) ended with {run.code}, not {run.expected}: {run.told}"
        elif "Traceback" in run.told:
            yield f"run {run.number} ({run.what}) has a traceback: {run.told}"
        elif run.what == "clock set back" and CLOSED not in run.told:
            yield f"run {run.number} does not tell that the clock was set back: {run.told}"
        elif run.what in ("cron", "after a kill") and run.told.strip() and CLOSED not in run.told:
            yield f"run {run.number} ({run.what}) speaks although nobody is needed: {run.told}"


def _stored(week: Week) -> Iterator[str]:
    """Each story that was published is one article, and nothing else is."""
    found = Counter(url for (url,) in rows(week, "SELECT url FROM v_articles"))
    published = {url for paper in week.papers for url in paper.born}
    yield from (f"{url} is stored {count} times" for url, count in found.items() if count > 1)
    yield from (f"{url} is not stored" for url in published - found.keys())
    yield from (f"{url} is stored and no story" for url in found.keys() - published)


def _versions(week: Week) -> Iterator[str]:
    """Each wording that was handed out is a version, once; none is that was not."""
    kept = Counter(Wording(url, edition_of(text)) for url, text in rows(week, "SELECT url, text FROM v_versions"))
    handed = {one.wording for paper in week.papers for one in paper.handed}
    yield from (f"{wording} is {count} versions" for wording, count in kept.items() if count > 1)
    yield from (
        f"{wording} was handed out and is no version" for wording in sorted(_safely(week) - kept.keys(), key=str)
    )
    yield from (f"{wording} is a version and was never handed out" for wording in kept.keys() - handed)


def _safely(week: Week) -> set[Wording]:
    """Wordings that were handed out to runs that came to their end."""
    cut = [(run.began, run.ended) for run in week.ended if run.what in CUT]
    return {
        one.wording
        for paper in week.papers
        for one in paper.handed
        if not any(began <= one.at <= ended for began, ended in cut)
    }


def gaps(paper: Paper) -> list[float]:
    """Seconds between two requests, as the paper saw them."""
    asked = sorted(served.started for served in paper.log)
    return [after - before for before, after in pairwise(asked)]


def too_short(found: Sequence[float], promised: float) -> list[float]:
    """Means of gaps, alone or a few in a row, that no lateness of a note explains."""
    spans = ((found[start : start + count], count) for count in range(1, IN_A_ROW + 1) for start in range(len(found)))
    return [sum(span) / count for span, count in spans if len(span) == count and sum(span) < count * promised - LATE]


def _gaps(week: Week) -> Iterator[str]:
    for paper in week.papers:
        promised = max(DELAY, paper.crawl_delay)
        robots = 1 if paper.crawl_delay else 0  # what a robots.txt asks holds once it was read
        if short := too_short(gaps(paper)[robots:], promised):
            yield f"{paper.host}: {len(short)} gaps shorter than {promised} s, the shortest {min(short):.3f} s"
        for since, until in paper.blocked:
            early = [served for served in paper.log if since < served.started < until and served.status != 429]
            if early:
                yield f"{paper.host}: {len(early)} requests while it was to be left alone"


def _ledger(week: Week) -> list[str]:
    return imbalances(week.folder / "news.db")


def _checks(week: Week) -> Iterator[str]:
    for command in (("verify",), ("politeness", "--check")):
        code, told = week.runner.run(*command, offset=week.clock.offset)
        if code:
            yield f"`newswarc {' '.join(command)}` ends with {code}: {told}"


# --- figures ------------------------------------------------------------------------------------------------------------


def figures(week: Week) -> Iterator[str]:
    """Lines."""
    kept = {Wording(url, edition_of(text)) for url, text in rows(week, "SELECT url, text FROM v_versions")}
    served = sum(len(paper.log) for paper in week.papers)
    befell = Counter(run.what for run in week.ended)
    yield f"runs: {len(week.ended)} ({', '.join(f'{count} {what}' for what, count in befell.items())})"
    codes = Counter(run.code for run in week.ended)
    yield f"exit codes: {', '.join(f'{count} × {code}' for code, count in sorted(codes.items()))}"
    yield f"requests: {served}, {served / len(week.ended):.1f} a run; smallest gaps: {', '.join(_smallest(week))}"
    yield f"blocks: {sum(len(paper.blocked) for paper in week.papers)} answers of 429 with Retry-After"
    stories = [url for paper in week.papers for url in paper.born]
    yield f"stories: {len(stories)} published, {len({wording.url for wording in kept})} stored; {_delays(week)}"
    edits = [(wording, at) for paper in week.papers for wording, at in paper.edits]
    seen = sum(wording in kept for wording, _ in edits)
    yield f"edits: {len(edits)} made, {seen} seen ({100 * seen / max(1, len(edits)):.0f} %), {_lasting(week, kept)}"
    lost = {one.wording for paper in week.papers for one in paper.handed} - kept
    answers = sum(len(paper.handed) for paper in week.papers)
    yield f"wordings handed out: {answers} answers; {len(lost)} lost with a run that was cut"


def _smallest(week: Week) -> Iterator[str]:
    for paper in week.papers:
        promised = max(DELAY, paper.crawl_delay)
        yield f"{min(gaps(paper)[1:], default=0):.3f} s of {promised:g} s"


def _delays(week: Week) -> str:
    """From publication to the first capture, of stories that came within the week."""
    born = {url: at for paper in week.papers for url, at in paper.born.items() if at}
    first: dict[str, float] = {}
    for paper in week.papers:
        for one in paper.handed:
            first.setdefault(one.wording.url, one.at)
    delays = sorted((first[url] - at) / 60 for url, at in born.items() if url in first) or [0.0]
    return f"found after {median(delays):.0f} minutes (median), {delays[int(0.95 * len(delays))]:.0f} (95th percentile)"


def _lasting(week: Week, kept: set[Wording]) -> str:
    """Edits that stood for an hour at least."""
    lasting = [
        wording
        for paper in week.papers
        for wording, at in paper.edits
        if not any(later.url == wording.url and at < then < at + 3600 for later, then in paper.edits)
        and at < week.end.timestamp() - 3600
    ]
    seen = sum(wording in kept for wording in lasting)
    return f"of the {len(lasting)} that stood for an hour {seen} ({100 * seen / max(1, len(lasting)):.0f} %)"
