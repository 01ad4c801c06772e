"""The frontier table: dedupe, leases, states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select, update

from storage.database.engine import transaction
from storage.database.schema import outcomes, urls
from storage.frontier import leases, yields
from storage.frontier import urls as frontier
from storage.frontier.leases import Want
from storage.frontier.urls import Origin, Settlement
from storage.records import LAST, Announced, Kind, Lease, Link, State
from storage.times import later
from tests.databases import T0, a_run, a_source, an_article

SOON = later(T0, 60)
WANT = Want(run_id="run-1", now=T0, lease_until=later(T0, 3600))
STORY = "https://gazette.test/2026/03/01/bridge-opens"


@pytest.fixture
def origin(database: Engine) -> Origin:
    """A source and a run to discover links in."""
    with transaction(database) as conn:
        a_run(conn)
        return Origin(a_source(conn), "run-1", T0, via="https://gazette.test/feed", hops=1)


def discover(database: Engine, origin: Origin, *links: Link) -> int:
    with transaction(database) as conn:
        return frontier.discover(conn, links, origin).due


def claim(database: Engine, want: Want = WANT) -> list[Lease]:
    with transaction(database) as conn:
        return leases.claim(conn, want)


def row(database: Engine, url: str) -> dict[str, object]:
    with transaction(database) as conn:
        return dict(conn.execute(select(urls).where(urls.c.url == url)).mappings().one())


def test_a_link_is_kept_once(database: Engine, origin: Origin) -> None:
    """Http and https, and any order of the query, are one row; the second sighting is not new."""
    assert discover(database, origin, Link("https://gazette.test/a?x=1&y=2")) == 1
    assert (
        discover(database, origin, Link("http://gazette.test/a?y=2&x=1"), Link("https://gazette.test/a?x=1&y=2")) == 0
    )
    assert len(claim(database)) == 1


def test_what_was_announced_travels_with_the_lease(database: Engine, origin: Origin) -> None:
    """Title, authors and tags of a feed entry come back with the leased row."""
    said = Announced(title="Bridge opens", authors=("Ada Quill",), tags=("city", "traffic"))
    discover(database, origin, Link(STORY, announced=said))
    [lease] = claim(database)
    assert (lease.announced, lease.via, lease.hops_from_seed, lease.source) == (said, origin.via, 1, "gazette")


def test_a_later_announcement_reaches_a_waiting_row(database: Engine, origin: Origin) -> None:
    """A link found on a section page learns what a feed says of it, and its better priority."""
    discover(database, origin, Link(STORY, priority=2))
    discover(database, origin, Link(STORY, announced=Announced(title="Bridge opens"), priority=1))
    [lease] = claim(database)
    assert lease.announced == Announced(title="Bridge opens")
    assert lease.priority == 1


def test_a_refused_link_is_kept_with_its_reason(database: Engine, origin: Origin) -> None:
    """A link that a rule refuses has a row, a reason and an entry in the ledger, and is never leased."""
    assert discover(database, origin, Link("https://gazette.test/imprint", refused="not-article-like: legal")) == 0
    kept = row(database, "https://gazette.test/imprint")
    assert (kept["state"], kept["reason"]) == ("filtered", "not-article-like: legal")
    assert claim(database) == []
    with transaction(database) as conn:
        assert conn.execute(select(outcomes.c.verdict, outcomes.c.reason)).all() == [
            ("filtered", "not-article-like: legal")
        ]


def test_a_refused_link_that_a_feed_announces_is_fetched(database: Engine, origin: Origin) -> None:
    """What looked like no article is one when a feed says so."""
    discover(database, origin, Link(STORY, refused="not-article-like: short"))
    assert discover(database, origin, Link(STORY)) == 1
    assert [lease.url for lease in claim(database)] == [STORY]


def test_robots_refusal_is_not_undone_by_seeing_the_link_again(database: Engine, origin: Origin) -> None:
    """A row that was considered and filtered stays so, however often a feed lists it."""
    discover(database, origin, Link(STORY))
    [lease] = claim(database)
    with transaction(database) as conn:
        frontier.settle(conn, lease.url_id, Settlement(State.FILTERED, "robots", None, 0), T0)
    assert discover(database, origin, Link(STORY)) == 0
    assert claim(database) == []


def test_seeds_come_first_and_no_host_starves_another(database: Engine, origin: Origin) -> None:
    """A claim takes seeds before articles, and only a few rows of each host."""
    many = [Link(f"https://big.test/story-{n}") for n in range(50)]
    discover(
        database,
        origin,
        *many,
        Link("https://small.test/story"),
        Link("https://small.test/feed", Kind.FEED, priority=0),
    )
    leases = claim(database, replace(WANT, per_host=5, limit=20))
    assert leases[0].kind is Kind.FEED
    assert sorted(lease.host for lease in leases) == ["big.test"] * 5 + ["small.test"] * 2


def test_a_host_of_few_turns_gives_half_of_them_to_pages(database: Engine, origin: Origin) -> None:
    """Its seeds and its pages are leased in turns, pages by their priority; other hosts have seeds first."""
    for host in ("few.test", "many.test"):
        discover(
            database,
            origin,
            *(Link(f"https://{host}/feed-{n}", Kind.FEED, priority=0) for n in range(3)),
            *(Link(f"https://{host}/story-{n}", priority=3 - n) for n in range(3)),
        )
    leased = claim(database, replace(WANT, scarce={"few.test"}, per_host=5))
    of_host = {host: [lease for lease in leased if lease.host == host] for host in ("few.test", "many.test")}
    assert [lease.kind is Kind.FEED for lease in of_host["many.test"]] == [True, True, True, False, False]
    few = [lease.kind is Kind.FEED for lease in of_host["few.test"]]
    assert few in ([True, False, True, False, True], [False, True, False, True, False])
    assert [lease.url[-1] for lease in of_host["few.test"] if lease.kind is Kind.ARTICLE] == ["2", "1", "0"][: few.count(False)]
    seeds = claim(database, replace(WANT, scarce={"few.test"}, pages=0))
    assert [lease.host for lease in seeds] == ["few.test"] * (3 - few.count(True))


def test_seeds_are_no_pages(database: Engine, origin: Origin) -> None:
    """A claim that may take one page takes all seeds that are due, whatever their host, and one page."""
    for host in ("big.test", "small.test"):
        discover(
            database,
            origin,
            *(Link(f"https://{host}/story-{n}") for n in range(3)),
            Link(f"https://{host}/feed", Kind.FEED, priority=0),
        )
    leased = [lease.kind for lease in claim(database, replace(WANT, pages=1))]
    assert leased == [Kind.FEED, Kind.FEED, Kind.ARTICLE]
    assert claim(database, replace(WANT, pages=0)) == []


def test_a_row_is_leased_once(database: Engine, origin: Origin) -> None:
    """What is leased is not handed out again until it is given back."""
    discover(database, origin, Link(STORY))
    assert len(claim(database)) == 1
    assert claim(database) == []
    with transaction(database) as conn:
        leases.release(conn, "run-1")
    assert len(claim(database)) == 1


def test_rows_of_the_future_wait(database: Engine, origin: Origin) -> None:
    """A row is leased when its time has come, not before."""
    discover(database, origin, Link(STORY))
    [lease] = claim(database)
    with transaction(database) as conn:
        frontier.settle(conn, lease.url_id, Settlement(State.FAILED, "timeout", SOON, 1), T0)
    assert claim(database) == []
    assert [again.attempts for again in claim(database, replace(WANT, now=SOON))] == [1]


def test_full_hosts_other_sources_and_other_spiders_are_left_out(database: Engine, origin: Origin) -> None:
    """A claim can leave out hosts, take only some sources, and never takes what another spider has to read."""
    discover(
        database,
        origin,
        Link(STORY),
        Link("https://other.test/a"),
        Link("https://third.test/a", payload="{}", spider="own"),
    )
    got = claim(database, replace(WANT, full={"other.test"}, source_ids=[origin.source_id]))
    assert [lease.url for lease in got] == [STORY]
    assert claim(database, replace(WANT, source_ids=[origin.source_id + 1])) == []
    assert [lease.host for lease in claim(database, replace(WANT, full={"other.test"}, spider="own"))] == ["third.test"]


def test_a_url_known_as_an_alias_is_not_fetched(database: Engine, origin: Origin) -> None:
    """A link whose key already belongs to an article is settled as its duplicate when it is found."""
    with transaction(database) as conn:
        an_article(conn, STORY)
        conn.execute(urls.update().values(key="elsewhere.test/"))  # the alias alone knows the URL
    assert discover(database, origin, Link(STORY + "#top")) == 0
    assert claim(database) == []


def test_exact_rows_are_due_whatever_their_state(database: Engine, origin: Origin) -> None:
    """`fetch` makes exactly its pages due, also one that was refused."""
    discover(database, origin, Link(STORY, refused="denied"), Link("https://gazette.test/other"))
    with transaction(database) as conn:
        ids = list(frontier.ids_of(conn, ["gazette.test/2026/03/01/bridge-opens"]).values())
        frontier.make_due_rows(conn, ids, "run-1", T0)
    with transaction(database) as conn:
        assert [lease.url for lease in leases.claim_rows(conn, ids, "run-1", SOON)] == [STORY]


PICTURE = Link("https://cdn.test/a.jpg", Kind.REQUISITE, priority=LAST)


def test_requisites_are_claimed_apart(database: Engine, origin: Origin) -> None:
    """A claim gives pages, or requisites where it asks for the last; never both."""
    discover(database, origin, Link(STORY), PICTURE)
    assert [lease.kind for lease in claim(database)] == [Kind.ARTICLE]
    assert [lease.kind for lease in claim(database, replace(WANT, last=True))] == [Kind.REQUISITE]


def test_only_what_was_discovered_since_can_be_claimed(database: Engine, origin: Origin) -> None:
    """A fetch of single pages takes their requisites, and none that waited before it."""
    discover(database, origin, PICTURE)
    assert claim(database, replace(WANT, now=SOON, last=True, born=SOON)) == []
    discover(database, replace(origin, now=SOON), replace(PICTURE, url="https://cdn.test/b.jpg"))
    assert [lease.url for lease in claim(database, replace(WANT, now=SOON, last=True, born=SOON))] == ["https://cdn.test/b.jpg"]


@pytest.mark.parametrize("fetched", [False, True])
def test_a_page_that_was_taken_for_a_requisite_is_a_page(database: Engine, origin: Origin, *, fetched: bool) -> None:
    """A story that some page names as its picture is fetched as a story once a feed announces it."""
    discover(database, origin, replace(PICTURE, url=STORY))
    if fetched:
        [lease] = claim(database, replace(WANT, last=True))
        with transaction(database) as conn:
            frontier.settle(conn, lease.url_id, Settlement(State.KEPT, None, None, 0), T0)
    assert discover(database, origin, Link(STORY)) == 1
    assert [lease.kind for lease in claim(database)] == [Kind.ARTICLE]


def test_a_refused_story_does_not_stop_its_requisite(database: Engine, origin: Origin) -> None:
    """A link that is refused as an article leaves a requisite as it is; what was refused may still be a requisite."""
    discover(database, origin, PICTURE)
    assert discover(database, origin, replace(PICTURE, kind=Kind.ARTICLE, priority=1, refused="not-article-like: image")) == 0
    paper = "https://gazette.test/report.pdf"
    discover(database, origin, Link(paper, refused="not-article-like: file"))
    discover(database, origin, Link(paper, Kind.REQUISITE, priority=LAST))
    assert {lease.url for lease in claim(database, replace(WANT, last=True))} == {PICTURE.url, paper}


def test_a_requisite_in_hand_stays_one(database: Engine, origin: Origin) -> None:
    """What another run is fetching as a requisite is not made an article under its hands."""
    discover(database, origin, replace(PICTURE, url=STORY))
    claim(database, replace(WANT, last=True))
    assert discover(database, origin, Link(STORY)) == 0
    assert row(database, STORY)["kind"] == "requisite"


def test_a_requisite_that_is_asked_for_is_a_page(database: Engine, origin: Origin) -> None:
    """Whoever names a URL to `fetch` means a page, also where it has failed as a requisite."""
    discover(database, origin, PICTURE)
    [lease] = claim(database, replace(WANT, last=True))
    with transaction(database) as conn:
        frontier.settle(conn, lease.url_id, Settlement(State.FAILED, "http-404", None, 1), T0)
        frontier.make_due_rows(conn, [lease.url_id], "run-1", SOON)
    found = row(database, PICTURE.url)
    assert (found["kind"], found["state"], found["priority"]) == ("article", "pending", 1)


def test_noting_links_tells_which_stories_are_new(database: Engine, origin: Origin) -> None:
    """Of links to stories the new ones are told from those known before, with what was announced of the new."""
    said = Announced(published="Sun, 01 Mar 2026 11:00:00 GMT")
    with transaction(database) as conn:
        first = frontier.discover(conn, [Link(STORY, announced=said), Link("https://gazette.test/feed", Kind.FEED)], origin)
        second = frontier.discover(conn, [Link(STORY), Link(f"{STORY}-2"), Link("https://gazette.test/x", refused="deny")], origin)
    assert first == frontier.Found(due=2, new=1, known=0, announced=(said,))
    assert second == frontier.Found(due=1, new=1, known=1)


def test_doubted_links_are_refused_until_nobody_doubts_them(database: Engine, origin: Origin) -> None:
    """New ones, and those that were doubted before; a link that is known otherwise is not asked about."""
    known, new = Link("https://gazette.test/known"), Link("https://gazette.test/new")
    asked: list[list[str]] = []

    def doubt(_: object, links: Sequence[Link]) -> set[str]:
        asked.append([link.url for link in links])
        return set(asked[-1])

    with transaction(database) as conn:
        frontier.discover(conn, [known], origin)
        found = frontier.discover(conn, [known, new], origin, doubt)
        frontier.discover(conn, [known, new], replace(origin, now=later(T0, 60)), doubt)
    assert asked == [[new.url], [new.url]]
    assert (found.due, found.new) == (0, 0)
    doubted = row(database, new.url)
    assert (doubted["state"], doubted["reason"], doubted["next_fetch_at"]) == ("filtered", "trap-shape", None)
    assert row(database, known.url)["state"] == "pending"
    assert discover(database, origin, new) == 1
    assert row(database, new.url)["state"] == "pending"


def test_the_newest_judged_urls_reach_back_as_far_as_all_states_do(
    database: Engine, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a state with many, what is older than its last one counts of no other state either; waiting ones never count."""
    monkeypatch.setattr(yields, "MOST", 2)
    states = ("stored", "rejected", "rejected", "duplicate", "rejected", "pending", "gone")
    discover(database, origin, *(Link(f"https://gazette.test/{number}") for number in range(len(states))))
    with transaction(database) as conn:
        for number, state in enumerate(states):
            conn.execute(update(urls).where(urls.c.url == f"https://gazette.test/{number}").values(state=state, reason="x"))
        found = yields.newest(conn, origin.source_id)
    assert sorted(found) == [(f"https://gazette.test/{number}", states[number], "x") for number in (2, 3, 4, 6)]
