"""When articles are fetched again: what is learnt from visits, and what whole runs make of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rebuilt import assert_rebuilt

from crawler.schedule.refetch import MAX_ATTEMPTS, next_visit
from crawler.schedule.revisits import (
    BUDGET,
    DAY,
    GONE_WAITS,
    HOUR,
    Habits,
    Story,
    after_visit,
    next_revisit,
    seen_again,
    shown,
)
from pipelines.store import Met, When
from storage.records import OLD, REVISITED, Candidate, Kind, Lease, NoArticle, Outcome, Verdict
from storage.times import later, parse
from tests.desk import Desk
from tests.newsroom.server import Newsroom
from tests.newsroom.site import Answer

URL = "https://gazette.test/a"
NOW = "2026-03-01T12:00:00.000Z"
T0 = parse(NOW).timestamp()
BORN = Story(T0 - 600, T0)
NEW, EAGER, LAZY = Habits(), Habits(300.0, 150.0, 40.0, 400.0), Habits(300.0, 0.0, 40.0, 200.0)


def climbed(
    changes: Callable[[float, int], bool], habits: Habits = NEW, *, name: str = URL, learning: bool = False
) -> list[float]:
    """The ages at which a story is visited, given whether each visit (age, number) shows a change."""
    story, now, ages = BORN, T0, []
    while (moment := next_revisit(story, habits, now, days=30, name=name)) is not None and len(ages) < 2000:
        now = moment
        ages.append(now - story.born)
        story, more = seen_again(story, now, changed=changes(ages[-1], len(ages)))
        habits = habits.and_(more) if learning else habits
    return ages


def never(age: float, number: int) -> bool:
    """A story that does not change."""
    return False


def test_a_quiet_story_is_seen_at_growing_ages_and_once_more_at_the_end() -> None:
    """First within the hour, each gap longer than the one before, a handful of visits, the last one after a month."""
    ages = climbed(never)
    gaps = [after - before for before, after in pairwise([600, *ages])]
    assert 15 * 60 < ages[0] < HOUR
    assert gaps == sorted(gaps)
    assert 4 <= len(ages) <= 8
    assert ages[-1] == pytest.approx(30 * DAY)


def test_a_site_that_edits_is_asked_more_and_one_that_never_does_hardly() -> None:
    """Of a site without any edit in forty stories only the last look remains."""
    assert len(climbed(never, EAGER)) > len(climbed(never)) > len(climbed(never, LAZY)) == 1


def test_a_change_brings_the_next_visit_nearer() -> None:
    """The ladder begins anew part of its way down."""
    quiet, _ = seen_again(BORN, T0 + 6 * HOUR, changed=False)
    edited, _ = seen_again(BORN, T0 + 6 * HOUR, changed=True)
    soon, late = (next_revisit(story, Habits(), story.at, days=30, name=URL) for story in (edited, quiet))
    assert soon is not None
    assert late is not None
    assert soon - edited.at < (late - quiet.at) / 4


def test_a_page_that_always_changes_stays_within_its_bounds() -> None:
    """Never within five minutes, at most 300 times in a month, fewer where all pages of the site are like that."""
    ages = climbed(lambda *_: True, replace(EAGER, visits=0.0))
    assert min(after - before for before, after in pairwise(ages)) >= BUDGET.shortest
    assert 100 < sum(age <= 30 * DAY for age in ages) <= 300
    like_it = climbed(lambda *_: True, Habits(300.0, 300.0, 10.0, 3000.0))
    assert len(like_it) < len(ages) / 2


def test_stories_of_one_moment_are_not_visited_at_one_moment() -> None:
    """The name spreads them, always in the same way."""
    firsts = [next_revisit(BORN, Habits(), T0, days=30, name=f"{URL}{number}") for number in range(50)]
    assert len(set(firsts)) > 45
    assert firsts == [next_revisit(BORN, Habits(), T0, days=30, name=f"{URL}{number}") for number in range(50)]


def test_an_old_story_is_left_alone_unless_it_changed_lately() -> None:
    """At the end of its days nothing is due; a change a moment ago is followed up."""
    old = Story(T0 - 40 * DAY, T0)
    assert next_revisit(old, Habits(), T0, days=30, name=URL) is None
    assert next_revisit(replace(old, changes=2, changed_at=T0), Habits(), T0, days=30, name=URL) is not None


@given(st.text(max_size=40) | st.sampled_from(["null", "[]", "{}", '{"born":1e999,"at":1}', '{"born":"x","at":1}', "[" * 9999]))
def test_a_memory_that_cannot_be_read_is_none(text: str) -> None:
    """Whatever stands there, nothing is raised."""
    assert Story.from_json(text) is None
    assert Habits.from_json(text) == Habits()


@given(
    st.floats(0, 1e11), st.floats(0, 1e11), st.integers(0, 9), st.integers(0, 9), st.none() | st.floats(0, 1e11), st.floats(0, 1e5)
)
def test_whatever_is_remembered_the_next_visit_is_later(
    born: float, at: float, visits: int, changes: int, changed_at: float | None, exposure: float
) -> None:
    """And what is remembered is read back, whatever a clock did."""
    story = Story(born, at, visits, changes, changed_at or None, exposure)
    back = Story.from_json(story.to_json())
    assert back is not None
    assert back.born == pytest.approx(born, abs=1e-3)
    moment = next_revisit(back, Habits(), T0, days=30, name=URL)
    assert moment is None or moment > T0


# --- of a row ---------------------------------------------------------------------------------------------------------


def lease(rhythm: str | None = None, *, attempts: int = 0, priority: int = 1, **more: str | None) -> Lease:
    return Lease(
        1, URL, "gazette.test", "gazette", Kind.ARTICLE, priority, attempts, 0, None, None, more.pop("payload", None),
        discovered_at=NOW, rhythm=rhythm, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def story(published: str | None = None, precision: str = "second") -> Candidate:
    return Candidate(URL, None, "T", "x", published_at=published, published_precision=precision if published else None)


def visited(verdict: Verdict, rhythm: str | None = None, *, now: str = NOW, reason: str | None = None, **more: int) -> When | None:
    return after_visit(lease(rhythm, **more), Outcome(verdict, reason, article_id=7), Met(article=story()), now, 30)


ADDED = visited(Verdict.ADDED)
assert ADDED is not None
KNOWN = ADDED.rhythm


def test_a_new_article_is_due_again_behind_all_new_ones() -> None:
    """Its row gets a date and the priority of articles that are fetched again."""
    assert ADDED.next_fetch_at is not None
    assert later(NOW, 300) < ADDED.next_fetch_at < later(NOW, 3600)
    assert ADDED.priority == REVISITED


@pytest.mark.parametrize(
    ("published", "precision", "priority", "due"),
    [
        (None, "second", 1, True),
        (None, "second", OLD, False),
        ("2026-02-28T12:00:00Z", "second", OLD, True),
        ("2026-03-01", "day", 1, True),
        ("2025-12-01", "day", 1, False),
        ("2019-03-01T12:00:00Z", "second", 1, False),
        ("2031-03-01T12:00:00Z", "second", 1, True),
        ("+99999", "second", 1, True),
    ],
)
def test_what_is_old_when_it_is_found_is_not_followed(published: str | None, precision: str, priority: int, *, due: bool) -> None:
    """Age counts from publication; a date that is missing, broken or to come says nothing."""
    met = Met(article=story(published, precision))
    when = after_visit(lease(priority=priority), Outcome(Verdict.ADDED, article_id=7), met, NOW, 30)
    assert when is not None
    assert (when.next_fetch_at is not None) is due


@pytest.mark.parametrize("verdict", [Verdict.DUPLICATE, Verdict.REJECTED, Verdict.FAILED, Verdict.FILTERED, Verdict.GONE])
def test_what_is_no_stored_article_has_no_revisits(verdict: Verdict) -> None:
    """Duplicates, rejects and failures of a first visit are decided elsewhere."""
    assert visited(verdict) is None


def test_pages_of_ones_own_and_sources_that_do_not_want_it_have_none() -> None:
    """A request with its own callback is not made again; without days nothing is."""
    added, met = Outcome(Verdict.ADDED, article_id=7), Met(article=story())
    assert after_visit(lease(payload="{}"), added, met, NOW, 30) is None
    assert next_visit(lease(), added, met, NOW, revisit_days=0).next_fetch_at is None
    assert next_visit(lease(), added, met, NOW, revisit_days=30).next_fetch_at is not None


@pytest.mark.parametrize(
    ("verdict", "reason", "least"),
    [
        (Verdict.FAILED, "timeout", 15 * 60),
        (Verdict.FAILED, "http-403", 6 * HOUR),
        (Verdict.FILTERED, "robots", 6 * HOUR),
        (Verdict.REJECTED, "consent-wall", 6 * HOUR),
    ],
)
def test_a_failure_on_the_way_does_not_end_the_ladder(verdict: Verdict, reason: str, least: float) -> None:
    """Each waits longer, none is the last while the story is young; what was seen of it is kept."""
    waits = []
    for attempts in range(2 * MAX_ATTEMPTS):
        when = visited(verdict, KNOWN, reason=reason, attempts=attempts)
        assert when is not None
        assert when.next_fetch_at is not None
        assert (when.attempts, when.rhythm) == (attempts + 1, KNOWN)
        waits.append(parse(when.next_fetch_at).timestamp() - T0)
    assert waits[0] == least
    assert waits == sorted(waits)
    old = visited(verdict, KNOWN, reason=reason, attempts=9, now=later(NOW, 31 * DAY))
    assert old is not None
    assert old.next_fetch_at is None


def test_a_gone_story_is_looked_for_a_few_times_and_may_come_back() -> None:
    """Four looks, further and further apart; a story that is there again climbs on."""
    rhythm, now, waits = KNOWN, NOW, []
    while (when := visited(Verdict.GONE, rhythm, now=now)) is not None and when.next_fetch_at is not None:
        waits.append(parse(when.next_fetch_at).timestamp() - parse(now).timestamp())
        rhythm, now = when.rhythm, when.next_fetch_at
        back = visited(Verdict.UNCHANGED, rhythm, now=now)
        assert back is not None
        assert back.rhythm is not None
        assert "gone" not in json.loads(back.rhythm)
    assert waits == list(GONE_WAITS)


def test_a_site_learns_from_articles_that_were_seen_again_alone() -> None:
    """Failures, duplicates and first visits say nothing of edits."""
    later_on = later(NOW, DAY)
    changed = shown(lease(KNOWN), Outcome(Verdict.CHANGED), later_on)
    assert changed is not None
    assert (changed.changes, changed.visits) == (1.0, 1.0)
    assert changed.exposure > 1
    assert shown(lease(), Outcome(Verdict.ADDED), NOW) == Habits(stories=1.0)
    assert shown(lease(KNOWN), Outcome(Verdict.FAILED, "timeout"), later_on) is None
    assert shown(lease(), Outcome(Verdict.REJECTED, "section"), later_on) is None


# --- whole runs -------------------------------------------------------------------------------------------------------


def make_due(desk: Desk) -> None:
    """Let the time come for every article that is to be visited again."""
    desk.write("UPDATE urls SET next_fetch_at = '2020-01-01T00:00:00.000Z' WHERE kind = 'article' AND next_fetch_at IS NOT NULL")


def due(desk: Desk) -> set[str]:
    """The articles that have a next visit."""
    return {url for (url,) in desk.rows("SELECT url FROM urls WHERE kind = 'article' AND next_fetch_at IS NOT NULL")}


@pytest.fixture
def young(desk: Desk, newsroom: Newsroom) -> Desk:
    """A crawled newsroom, six of whose stories were published just now."""
    newsroom.site.now = datetime.now(UTC)
    for _ in range(6):
        newsroom.add()
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl", "-q")
    return desk


def test_young_articles_are_visited_again_and_edits_become_versions(young: Desk, newsroom: Newsroom) -> None:
    """Only those published lately have a next visit; an edit is stored without being asked for, and the source remembers it."""
    fresh = newsroom.site.live[-6:]
    assert due(young) == {newsroom.url_of(story) for story in fresh}
    assert young.rows("SELECT DISTINCT priority FROM urls WHERE kind = 'article' AND next_fetch_at IS NOT NULL") == [(REVISITED,)]
    newsroom.edit(fresh[0])
    make_due(young)
    newsroom.clear_log()
    young.run("crawl", "-q")
    assert {served.path for served in newsroom.log if "/20" in served.path} == {story.path for story in fresh}
    assert young.rows("SELECT url FROM v_articles WHERE version = 2") == [(newsroom.url_of(fresh[0]),)]
    assert due(young) == {newsroom.url_of(story) for story in fresh}
    habits = Habits.from_json(young.one("SELECT edits FROM sources"))
    assert (habits.changes, habits.visits) == (1.0, 6.0)


def test_a_source_that_does_not_want_it_is_not_visited_again(desk: Desk, newsroom: Newsroom) -> None:
    """With `revisit = false` no article has a next visit."""
    newsroom.site.now = datetime.now(UTC)
    newsroom.add()
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]', more="revisit = false")
    desk.run("crawl", "-q")
    assert due(desk) == set()


def states(desk: Desk, url: str) -> tuple[str, str | None, bool, bool, bool, int]:
    """State and reason of a URL; whether its article has the dates gone, redirected and paywalled; its versions."""
    state, reason = desk.rows("SELECT state, reason FROM v_urls WHERE url = ?", url)[0]
    dates = desk.rows("SELECT gone_at, redirected_at, paywalled_at, version FROM v_articles WHERE url = ?", url)[0]
    return (state, reason, *(date is not None for date in dates[:3]), dates[3])


def test_gone_redirected_and_paywalled_are_states_with_dates(young: Desk, newsroom: Newsroom, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Each is seen by a revisit, keeps its first date, makes no version, and is the same in a rebuilt database."""
    gone, moved, closed = newsroom.site.live[-3:]
    whole = newsroom.site.answer(closed.path).body.decode()
    start = whole.index('<div class="article-body">')
    first = whole.index("</p>", start) + 4
    teaser = whole[:first] + "<p>Subscribe to continue reading.</p>" + whole[whole.index("</div>", start) :]
    paid = '<meta property="article:content_tier" content="locked">'
    newsroom.remove(gone)
    newsroom.replace(newsroom.url_of(moved), Answer(302, b"", location="/"))
    newsroom.replace(newsroom.url_of(closed), Answer(200, teaser.replace("</head>", f"{paid}</head>").encode()))
    urls = [newsroom.url_of(story) for story in (gone, moved, closed)]
    seen = []
    for _ in range(2):
        make_due(young)
        young.run("crawl", "-q")
        assert states(young, urls[0]) == ("gone", "http-410", True, False, False, 1)
        assert states(young, urls[1]) == ("gone", "redirected-home", False, True, False, 1)
        assert states(young, urls[2])[0::2] == ("stored", False, True)
        assert states(young, urls[2])[-1] == 1
        dates = "SELECT gone_at, redirected_at, paywalled_at FROM v_articles ORDER BY uid"
        seen.append(young.rows(dates))
    assert seen[0] == seen[1]
    assert "redirected_at" in young.run("show", urls[1]).stdout
    assert "paywalled_at" in young.run("show", urls[2]).stdout
    assert_rebuilt(young, tmp_path / "gone.db")
    newsroom.restore(gone)
    newsroom.mend()
    make_due(young)
    young.run("crawl", "-q")
    assert [states(young, url)[:1] + states(young, url)[2:] for url in urls] == [("stored", False, False, False, 1)] * 3
    assert_rebuilt(young, tmp_path / "back.db")
    young.run("reprocess")
    assert young.one("SELECT max(version) FROM v_articles") == 1


def test_a_page_that_is_no_article_now_does_not_become_the_article_it_was(young: Desk, newsroom: Newsroom) -> None:
    """A 304 to a consent wall would say that the story is unchanged: it is asked for with the story's own validators."""
    story = newsroom.site.live[-1]
    wall = NoArticle("soft-404")
    newsroom.replace(newsroom.url_of(story), Answer(200, b"<title>Page not found</title><h1>Page not found</h1>"))
    before = young.rows("SELECT etag, last_modified, validated_at FROM urls WHERE url = ?", newsroom.url_of(story))
    make_due(young)
    young.run("crawl", "-q")
    assert states(young, newsroom.url_of(story))[:2] == ("stored", wall.reason)
    assert young.rows("SELECT etag, last_modified, validated_at FROM urls WHERE url = ?", newsroom.url_of(story)) == before
    assert newsroom.url_of(story) in due(young)
