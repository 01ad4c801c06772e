"""What is wrong with a source, and when that needs a person."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.monitoring.silence import begun
from crawler.monitoring.troubles import (
    History,
    Met,
    News,
    Trouble,
    after,
    news_moments,
    trouble_of,
    unanswered,
    why_silent,
)
from crawler.schedule.week import DAY, HOUR
from storage.query.status import LastPoll

NOW = 1_772_409_600.0
WORKED = History(worked=True)


def failing(reason: str, days: float, runs: int, history: History = WORKED) -> Trouble | None:
    """The trouble after so many failed runs over so many days."""
    met = Met(seeds=[reason])
    for run in range(runs):
        history = after(history, met, NOW + run * days * DAY / max(runs - 1, 1))
    return trouble_of(history, met, NOW + days * DAY, 5)


@pytest.mark.parametrize(
    ("reason", "trouble"),
    [
        ("dns", Trouble.FAILING),
        ("http-500", Trouble.FAILING),
        ("robots-unreachable: timeout", Trouble.FAILING),
        ("http-403: bot-challenge", Trouble.WALL),
        ("consent-wall", Trouble.WALL),
        ("robots", Trouble.ROBOTS),
    ],
)
def test_a_source_that_never_worked_needs_a_person_at_once(reason: str, trouble: Trouble) -> None:
    """Its address is wrong, or it is closed: waiting will not help."""
    assert failing(reason, 0, 1, History()) == trouble


def test_a_source_that_worked_is_given_time() -> None:
    """A bad network is no case for a person; failures that outlast patience are, and a wall sooner."""
    assert failing("timeout", 1.9, 50) is None
    assert failing("timeout", 2.1, 50) == Trouble.FAILING
    assert failing("http-403", 1.1, 10) == Trouble.WALL
    assert failing("robots", 1.1, 10) == Trouble.ROBOTS


def test_a_source_that_is_seldom_asked_is_asked_three_times() -> None:
    """Two failures a month apart are not many."""
    assert failing("timeout", 30, 2) is None
    assert failing("timeout", 60, 3) == Trouble.FAILING


def test_one_good_seed_is_enough() -> None:
    """A dead feed beside a living home page is no failing source, and patience begins anew."""
    history = after(WORKED, Met(seeds=["http-404"]), NOW)
    history = after(history, Met(seeds=["http-404", None]), NOW + DAY)
    assert history.failing_since is None
    assert trouble_of(history, Met(seeds=["http-404", None]), NOW + 9 * DAY, 5) is None


def test_a_site_whose_pages_all_become_no_article_needs_a_person() -> None:
    """At once where none ever did; later where most did; and no more once one does."""
    met = Met(seeds=[None], barren=12)
    assert trouble_of(after(History(), met, NOW), met, NOW, 5) == Trouble.REJECTED
    good = after(History(), Met(seeds=[None], news=[News(NOW + n) for n in range(40)], barren=3), NOW)
    assert trouble_of(after(good, met, NOW), met, NOW, 5) is None
    bad = good
    for run in range(3):
        bad = after(bad, met, NOW + run * HOUR)
    assert trouble_of(bad, met, NOW + 3 * HOUR, 5) == Trouble.REJECTED
    again = Met(seeds=[None], news=[News(NOW + 4 * HOUR)])
    assert trouble_of(after(bad, again, NOW + 4 * HOUR), again, NOW + 4 * HOUR, 5) is None


def test_a_site_that_mostly_shows_other_pages_is_given_longer() -> None:
    """Where nine of ten pages never were articles, forty in a row are no rare event."""
    history = replace(WORKED, fertile=40, futile=360, barren=40, barren_runs=9)
    assert trouble_of(history, Met(seeds=[None]), NOW, 5) is None


def met(*reasons: str | None) -> Met:
    """One source whose seeds ended so."""
    return Met(seeds=reasons)


def test_a_network_that_is_away_is_told_from_sources_that_fail() -> None:
    """Nearly all of at least ten sources give no answer: it is not they; answers that refuse are answers."""
    away = [met("timeout"), met("dns"), met("robots-unreachable: dns", "refused")] * 10
    assert unanswered([*away, met(None)]) == 30
    assert unanswered([*away, *[met(None)] * 5]) == 0
    assert unanswered(away[:9]) == 0
    assert unanswered([met("http-503"), met("http-403"), met("robots"), met("tls: handshake failed")] * 10) == 0
    assert unanswered([Met()] * 40) == 0


def quiet() -> History:
    """A source that brought news every three hours until NOW."""
    return replace(WORKED, pulse=begun([NOW - n * 3 * HOUR for n in range(200)]))


def test_a_source_that_brings_nothing_is_silent() -> None:
    """Once its polls are good and so long a gap is rare; not while pages wait that may be articles, nor when it was not asked."""
    later = NOW + 4 * DAY
    assert trouble_of(quiet(), Met(seeds=[None]), NOW + 3 * HOUR, 5) is None
    assert trouble_of(quiet(), Met(seeds=[None]), later, 5) == Trouble.SILENT
    assert trouble_of(quiet(), Met(seeds=[None], waiting=True), later, 5) is None
    assert trouble_of(quiet(), Met(), later, 5) is None
    heard = Met(seeds=[None], news=[News(later)])
    assert trouble_of(after(quiet(), heard, later), heard, later, 5) is None


def test_news_are_when_they_say_where_that_can_be() -> None:
    """Between the newest known and the sight; what is older by days is no news; the first sight believes announced dates."""
    news = [News(NOW, NOW - HOUR), News(NOW, NOW + DAY), News(NOW, None), News(NOW, NOW - 30 * DAY), News(NOW, NOW - 2 * DAY)]
    assert news_moments(news, NOW - 5 * HOUR, NOW) == [NOW - HOUR, NOW, NOW, NOW]
    assert news_moments([News(NOW, NOW - n * DAY) for n in range(1, 90)], None, NOW)[0] > NOW - 60 * DAY
    assert news_moments([News(NOW), News(NOW)], None, NOW) == [NOW]


def test_an_old_archive_that_is_read_ends_no_silence() -> None:
    """Articles of years ago come in; the source is as silent as it was."""
    later = NOW + 4 * DAY
    met = Met(seeds=[None], news=[News(later, NOW - 300 * DAY)] * 50)
    assert trouble_of(after(quiet(), met, later), met, later, 5) == Trouble.SILENT


@pytest.mark.parametrize(
    ("polls", "filtered", "words"),
    [
        ([LastPoll("feed", "no-links", False), LastPoll("home", None, False)], 0, "its feeds are empty"),
        ([LastPoll("feed", "http-404", False), LastPoll("home", None, True)], 0, "its feeds fail: http-404"),
        ([LastPoll("feed", None, True), LastPoll("home", None, True)], 0, "its pages are the same as before"),
        ([LastPoll("feed", None, False)], 7, "7 new URLs, all refused by rule"),
        ([LastPoll("home", None, False)], 0, "really quiet: its pages change, and bring nothing new"),
    ],
)
def test_a_silence_is_explained(polls: list[LastPoll], filtered: int, words: str) -> None:
    """By how its seeds stand."""
    assert why_silent(polls, filtered) == words


def test_a_history_survives_the_database() -> None:
    """What is read is what was written."""
    history = replace(quiet(), failing_since=NOW, failed=3, barren=2, barren_runs=1, fertile=4.5, futile=2.0)
    again = History.from_json(history.to_json())
    assert replace(again, pulse=history.pulse) == history


@given(st.text() | st.dictionaries(st.text(), st.none() | st.integers() | st.text()).map(str))
def test_any_text_is_a_history(text: str) -> None:
    """Broken or foreign text is a fresh one."""
    assert History.from_json(text) == History()
