from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from crawler.schedule.refetch import next_visit
from pipelines.store import Visit, store_article
from storage.records import Candidate, NoArticle, Outcome, Verdict
from tests.archives import SITE, Archive, candidate, page

URL = f"{SITE}/story"


@pytest.fixture
def ingesting(archive: Archive) -> Archive:
    """A collection into which archives are ingested."""
    archive.begin("R1")
    return archive


def meet(archive: Archive, day: int, result: str | Candidate | NoArticle | None, status: int = 200) -> Outcome:
    """Settle a capture of the story, of this day of March."""
    archive.now = f"2026-03-{day:02d}T11:59:59.000Z"
    lease = archive.lease(URL)
    recorded = archive.fetch(lease, page(str(day)))
    result = candidate(URL, result) if isinstance(result, str) else result
    visit = Visit(lease, archive.one("SELECT id FROM sources"), "R1", archive.now, URL, status, recorded, ingested=True)
    outcomes: list[Outcome] = []
    archive.do(lambda conn: outcomes.append(store_article(conn, visit, result, [], next_visit)[0]))
    return outcomes[0]


def versions(archive: Archive) -> list[tuple[Any, ...]]:
    """Number, day and title of all versions."""
    query = """SELECT v.number, CAST(substr(v.observed_at, 9, 2) AS INTEGER), e.title FROM versions v
               JOIN extractions e ON e.id = v.extraction_id AND e.capture_id = v.capture_id ORDER BY v.number"""
    return archive.rows(query)


def sizes(archive: Archive) -> list[tuple[Any, ...]]:
    """Words added and removed, version by version."""
    return archive.rows("SELECT words_added, words_removed FROM versions ORDER BY number")


def article(archive: Archive) -> tuple[Any, ...]:
    """Version, and the days when the article was seen first, last, and gone."""
    days = ", ".join(f"CAST(substr({name}, 9, 2) AS INTEGER)" for name in ("first_seen_at", "last_seen_at", "gone_at"))
    [row] = archive.rows(f"SELECT version, {days} FROM articles")
    return row


def test_captures_may_come_in_any_order(ingesting: Archive) -> None:
    """What is older takes its place among the versions, and the newest one stays the newest."""
    verdicts = [meet(ingesting, day, words).verdict for day, words in ((5, "five"), (7, "seven"), (3, "three"), (6, "six"))]
    assert verdicts == [Verdict.ADDED, Verdict.CHANGED, Verdict.CHANGED, Verdict.CHANGED]
    assert versions(ingesting) == [(1, 3, "three"), (2, 5, "five"), (3, 6, "six"), (4, 7, "seven")]
    assert article(ingesting) == (4, 3, 7, None)


def test_a_version_may_turn_out_to_be_older(ingesting: Archive) -> None:
    """An older capture with the wording of the version behind it is the one that first showed it."""
    meet(ingesting, 5, "five")
    outcome = meet(ingesting, 2, "five")
    assert (outcome.verdict, outcome.reason) == (Verdict.UNCHANGED, "earlier")
    assert versions(ingesting) == [(1, 2, "five")]
    assert article(ingesting) == (1, 2, 5, None)


def test_what_was_known_to_be_there_is_nothing_new(ingesting: Archive) -> None:
    """An older capture with the wording of the version before it changes nothing."""
    for day, words in ((2, "two"), (6, "six")):
        meet(ingesting, day, words)
    assert meet(ingesting, 4, "two").verdict is Verdict.UNCHANGED
    assert versions(ingesting) == [(1, 2, "two"), (2, 6, "six")]


def test_an_edit_that_was_undone(ingesting: Archive) -> None:
    """Another wording from between two sightings of a version is one of its own, and the version before it follows once more."""
    for day in (2, 6, 8):
        meet(ingesting, day, "two")
    assert meet(ingesting, 4, "four").verdict is Verdict.CHANGED
    assert versions(ingesting) == [(1, 2, "two"), (2, 4, "four"), (3, 6, "two")]
    assert article(ingesting) == (3, 2, 8, None)


def test_an_edit_that_was_undone_for_a_while(ingesting: Archive) -> None:
    """A wording that was there earlier than was thought, but not all the time since, makes two versions of it."""
    for day, words in ((1, "one"), (4, "one"), (6, "six")):
        meet(ingesting, day, words)
    assert meet(ingesting, 3, "six").verdict is Verdict.CHANGED
    assert versions(ingesting) == [(1, 1, "one"), (2, 3, "six"), (3, 4, "one"), (4, 6, "six")]


def test_an_older_error_says_nothing(ingesting: Archive) -> None:
    """A 404, or a page that is no article, from before the last sighting leaves the article as it is."""
    meet(ingesting, 5, "five")
    assert meet(ingesting, 3, None, status=404).verdict is Verdict.REJECTED
    assert meet(ingesting, 4, NoArticle("section")).verdict is Verdict.REJECTED
    assert article(ingesting) == (1, 5, 5, None)


def test_what_was_there_before_it_was_gone(ingesting: Archive) -> None:
    """A capture from between the last sighting and the end is a version, and the article stays gone."""
    meet(ingesting, 2, "two")
    meet(ingesting, 8, None, status=410)
    assert meet(ingesting, 5, "five").verdict is Verdict.CHANGED
    assert versions(ingesting) == [(1, 2, "two"), (2, 5, "five")]
    assert article(ingesting) == (2, 2, 5, 8)


def test_another_extractor_makes_no_version_of_the_past(ingesting: Archive) -> None:
    """A difference between extractors is none of the publisher's."""
    meet(ingesting, 5, "five")
    assert meet(ingesting, 3, candidate(URL, "three", extractor="t-2")).reason == "other-extractor"
    assert meet(ingesting, 4, candidate(URL, "four", truncated=True)).reason == "truncated"
    assert versions(ingesting) == [(1, 5, "five")]


def test_everybody_who_follows_changes_hears_of_it(ingesting: Archive) -> None:
    """A version that is put between others gets new numbers of the sequence, and so do those that move."""
    meet(ingesting, 2, "two")
    meet(ingesting, 6, "six")
    before = ingesting.one("SELECT max(changed_seq) FROM versions")
    meet(ingesting, 4, "four")
    assert ingesting.rows("SELECT number FROM versions WHERE changed_seq > :before ORDER BY number", before=before) == [(2,), (3,)]
    assert ingesting.one("SELECT changed_seq FROM articles") > before


@pytest.mark.parametrize("order", list(permutations(range(5)))[::5])
def test_the_order_of_ingestion_makes_no_difference(ingesting: Archive, order: tuple[int, ...]) -> None:
    """However captures come, the versions are those that they show in the order of their dates."""
    shown = [(1, "a"), (2, "b"), (3, "a"), (4, "a"), (5, "c")]
    for place in order:
        meet(ingesting, *shown[place])
    assert versions(ingesting) == [(1, 1, "a"), (2, 2, "b"), (3, 3, "a"), (4, 5, "c")]
    assert article(ingesting) == (4, 1, 5, None)


def story(words: str) -> Candidate:
    """The story with these words as its text."""
    return candidate(URL, words, title="One title", text=words)


@pytest.mark.parametrize("order", list(permutations(range(4)))[::3])
def test_each_edit_has_its_size_in_whatever_order_captures_come(ingesting: Archive, order: tuple[int, ...]) -> None:
    """A version that is put before another changes the size of that one's edit too; the first has none."""
    shown = [(1, "the ferry sails"), (2, "the ferry sails no more"), (3, "the ferry sails"), (5, "an old ferry sails")]
    for place in order:
        day, words = shown[place]
        meet(ingesting, day, story(words))
    assert sizes(ingesting) == [(None, None), (2, 0), (0, 2), (2, 1)]


def test_a_version_that_turns_out_to_be_older_keeps_its_size(ingesting: Archive) -> None:
    """The edit is the same, seen earlier."""
    for day, words in ((1, "the ferry sails"), (5, "the ferry sails again"), (3, "the ferry sails again")):
        meet(ingesting, day, story(words))
    assert sizes(ingesting) == [(None, None), (1, 0)]
