"""Visits become rows: states, duplicates, aliases, versions, and what a passing trouble must not change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import pairwise

import pytest
from sqlalchemy import Connection, Engine, select, text

from crawler.schedule.refetch import next_visit
from pipelines.store import (
    MAX_REQUISITE_HOPS,
    Recorded,
    Visit,
    When,
    store_article,
    store_links,
    store_requisite,
    store_seed,
)
from storage.database.engine import transaction
from storage.database.schema import urls
from storage.frontier import leases
from storage.frontier import urls as frontier
from storage.frontier.urls import Origin
from storage.records import LAST, Candidate, Kind, Lease, Link, NoArticle, Outcome, Verdict
from storage.times import later
from tests.databases import T0, a_capture, a_run, a_source

SITE = "https://gazette.test"


def candidate(url: str, title: str = "Bridge opens", body: str = "word " * 40, canonical: str | None = None) -> Candidate:
    wording = sha256(f"{title}\n{body}".encode()).hexdigest()
    return Candidate(url, canonical, title, body, word_count=len(body.split()), text_sha256=wording, extractor="test-1")


@dataclass
class Paper:
    """A source whose pages are visited one after the other, a minute apart."""

    conn: Connection
    source_id: int
    now: str = T0
    leases: dict[str, Lease] = field(default_factory=dict)

    def lease(self, path: str, kind: Kind = Kind.ARTICLE) -> Lease:
        self.now = later(self.now, 60)
        link = Link(SITE + path, kind)
        frontier.discover(self.conn, [link], Origin(self.source_id, "run-1", self.now))
        ids = list(frontier.ids_of(self.conn, [link.url.removeprefix("https://")]).values())
        frontier.make_due_rows(self.conn, ids, "run-1", self.now)
        [lease] = leases.claim_rows(self.conn, ids, "run-1", later(self.now, 3600))
        return lease

    def visit(
        self,
        path: str,
        result: Candidate | NoArticle | None,
        *,
        status: int | None = 200,
        final: str | None = None,
        error: str | None = None,
        refused: str | None = None,
    ) -> Outcome:
        lease = self.lease(path)
        url = SITE + (final or path)
        recorded = None
        if status is not None:
            recorded = Recorded(a_capture(self.conn, url, at=self.now, url_id=lease.url_id, http_status=status), self.now)
        visit = Visit(lease, self.source_id, "run-1", self.now, url, status, recorded, error, refused)
        return store_article(self.conn, visit, result, [], lambda *_: When(None, 0))[0]

    def read(self, path: str, **more: str) -> Outcome:
        """A page that is an article."""
        final = more.pop("final", None)
        return self.visit(path, candidate(SITE + (final or path), **more), final=final)

    def state(self, path: str) -> tuple[str, str | None]:
        row = self.conn.execute(select(urls.c.state, urls.c.reason).where(urls.c.url == SITE + path)).one()
        return row.state, row.reason

    def articles(self) -> list[tuple[str, int, bool]]:
        rows = self.conn.execute(text("SELECT url, version, gone_at FROM v_articles ORDER BY url"))
        return [(row.url.removeprefix(SITE), row.version, row.gone_at is not None) for row in rows]


@pytest.fixture
def paper(database: Engine):
    with transaction(database) as conn:
        a_run(conn)
        yield Paper(conn, a_source(conn))


def test_an_article_is_added_then_unchanged_then_changed(paper: Paper) -> None:
    """The same wording is no version, another wording is the next one."""
    verdicts = [paper.read("/a").verdict, paper.read("/a").verdict, paper.read("/a", body="other " * 40).verdict]
    assert verdicts == [Verdict.ADDED, Verdict.UNCHANGED, Verdict.CHANGED]
    assert paper.articles() == [("/a", 2, False)]


def test_a_removed_article_keeps_all_and_can_come_back(paper: Paper) -> None:
    """404 dates the removal and 200 takes it back; the version stays."""
    paper.read("/a")
    assert paper.visit("/a", None, status=404).verdict is Verdict.GONE
    assert paper.articles() == [("/a", 1, True)]
    paper.read("/a")
    assert paper.articles() == [("/a", 1, False)]


def test_the_loss_of_another_url_is_not_the_articles(paper: Paper) -> None:
    """When the print view of an article answers 404, the article is not gone."""
    paper.read("/a")
    assert paper.visit("/print", candidate(SITE + "/print", canonical=f"{SITE}/a")).verdict is Verdict.DUPLICATE
    assert paper.visit("/print", None, status=404).verdict is Verdict.REJECTED
    assert paper.articles() == [("/a", 1, False)]


@pytest.mark.parametrize("trouble", [{"error": "timeout", "status": None}, {"refused": "robots", "status": None}, {"status": 503}])
def test_a_passing_trouble_keeps_the_state_of_a_known_url(paper: Paper, trouble: dict[str, object]) -> None:
    """A stored article, a duplicate and a removed one stay what they are, and the reason says what happened."""
    paper.read("/a")
    paper.visit("/print", candidate(SITE + "/print", canonical=f"{SITE}/a"))
    paper.read("/b", title="Another story", body="tale " * 40)
    paper.visit("/b", None, status=410)
    for path, state in (("/a", "stored"), ("/print", "duplicate"), ("/b", "gone")):
        paper.visit(path, None, **trouble)  # type: ignore[arg-type]
        assert paper.state(path)[0] == state


def test_a_canonical_url_that_many_stories_share_merges_none(paper: Paper) -> None:
    """A site that names its politics section as canonical URL of every story has as many articles as stories."""
    shared = f"{SITE}/politics"
    for number in range(3):
        paper.read(f"/s{number}", title=f"Story {number}", body=f"tale{number} " * 40, canonical=shared)
    assert [url for url, _, _ in paper.articles()] == ["/s0", "/s1", "/s2"]


def test_a_story_that_another_one_claims_as_canonical_is_still_its_own(paper: Paper) -> None:
    """A wrong rel=canonical of one story does not swallow the story it points at."""
    frontier.discover(paper.conn, [Link(f"{SITE}/b")], Origin(paper.source_id, "run-1", T0))
    paper.read("/a", canonical=f"{SITE}/b")
    assert paper.state("/b")[0] == "pending"
    assert paper.read("/b", title="Another story", body="tale " * 40).verdict is Verdict.ADDED
    assert paper.read("/b", title="Another story", body="tale edited " * 40).verdict is Verdict.CHANGED
    assert paper.articles() == [("/a", 1, False), ("/b", 2, False)]


def test_a_variant_with_the_same_title_is_a_duplicate(paper: Paper) -> None:
    """An AMP page whose text is a little shorter belongs to the article its canonical names."""
    paper.read("/a")
    assert paper.read("/amp/a", body="word " * 38, canonical=f"{SITE}/a").verdict is Verdict.DUPLICATE


def test_a_story_behind_a_redirect_is_found_by_both_urls(paper: Paper) -> None:
    """The old URL and the new one are one article, whichever is met first."""
    paper.read("/old", final="/new")
    assert paper.read("/new").verdict in (Verdict.UNCHANGED, Verdict.DUPLICATE)
    assert paper.articles() == [("/new", 1, False)]


def test_a_redirect_for_a_while_does_not_end_an_article(paper: Paper) -> None:
    """An article that redirected to another one for a time is itself again, and its edits are versions."""
    paper.read("/a")
    paper.read("/b", title="Another story", body="tale " * 40)
    assert paper.read("/a", title="Another story", body="tale " * 40, final="/b").verdict is Verdict.DUPLICATE
    assert paper.state("/a")[0] == "stored"
    assert paper.read("/a", body="edited " * 40).verdict is Verdict.CHANGED
    assert paper.articles() == [("/a", 2, False), ("/b", 1, False)]


def test_the_same_text_again_is_a_duplicate_unless_the_first_is_gone(paper: Paper) -> None:
    """A second URL with the wording of a live article is its duplicate; of a removed one, it is the article now."""
    paper.read("/a")
    assert paper.read("/copy").reason == "same-wording"
    paper.visit("/a", None, status=404)
    assert paper.read("/moved").verdict is Verdict.ADDED


def test_every_visible_change_gets_a_new_number(paper: Paper) -> None:
    """Whoever follows changed_seq hears of removals, and of an answer that became 403."""
    numbers = []
    for status, result in ((200, candidate(SITE + "/a")), (403, None), (404, None)):
        paper.visit("/a", result, status=status)
        row = paper.conn.execute(text("SELECT changed_seq, http_status FROM v_articles")).one()
        assert row.http_status == status
        numbers.append(row.changed_seq)
    assert numbers == sorted(set(numbers))


def test_being_seen_again_as_it_was_is_no_change(paper: Paper) -> None:
    """A 200 with the same wording and a 304 move the sighting, not changed_seq; nor does a refusal that is repeated."""
    asked = text("SELECT changed_seq, last_seen_at, http_status FROM v_articles")
    paper.read("/a")
    began = paper.conn.execute(asked).one()
    for status in (200, 304, 200):
        paper.visit("/a", candidate(SITE + "/a") if status == 200 else None, status=status)
        row = paper.conn.execute(asked).one()
        assert (row.changed_seq, row.http_status) == (began.changed_seq, status)
        assert row.last_seen_at > began.last_seen_at
    numbers = []
    for status in (403, 403, 200, 200, 404, 404, 304, 304):
        paper.visit("/a", candidate(SITE + "/a") if status == 200 else None, status=status)
        numbers.append(paper.conn.execute(asked).one().changed_seq)
    assert [after > before for before, after in pairwise([began.changed_seq, *numbers])] == [True, False] * 4


def test_a_waiting_url_of_a_redirect_is_settled_and_accounted(paper: Paper) -> None:
    """A row that waits for the URL a redirect led to is its duplicate without a fetch, with an entry in the ledger."""
    frontier.discover(paper.conn, [Link(f"{SITE}/new")], Origin(paper.source_id, "run-1", T0))
    paper.read("/old", final="/new")
    assert paper.state("/new") == ("duplicate", "alias")
    query = text("SELECT count(*) FROM outcomes JOIN urls ON urls.id = url_id WHERE url = :url")
    counted = paper.conn.execute(query, {"url": f"{SITE}/new"})
    assert counted.scalar_one() == 1


def test_the_wall_behind_a_status_is_named(paper: Paper) -> None:
    """A story that a bot wall answers with 403 says so, not only the number."""
    assert paper.visit("/a", None, status=403, error="http-403: bot-challenge").reason == "http-403: bot-challenge"


def test_a_seed_that_fails_is_still_a_seed(paper: Paper) -> None:
    """A feed that cannot be read keeps its state, and the reason stands in its row."""
    lease = paper.lease("/feed", Kind.FEED)
    visit = Visit(lease, paper.source_id, "run-1", paper.now, lease.url, 200)
    outcome, _ = store_seed(paper.conn, visit, [], "not-a-feed: html", lambda *_: When(None, 1))
    assert outcome == Outcome(Verdict.FAILED, "not-a-feed: html")
    assert paper.state("/feed") == ("seed", "not-a-feed: html")


def test_sitemap_indexes_nest_only_so_deep(paper: Paper) -> None:
    """What an index within an index lists is noted when it is a story; further sitemaps below it are a trap's."""
    for depth in range(5):
        lease = replace(paper.lease(f"/{depth}.xml", Kind.SITEMAP), hops_from_seed=depth)
        visit = Visit(lease, paper.source_id, "run-1", paper.now, lease.url, 200)
        below = [Link(f"{SITE}/below-{depth}.xml", Kind.SITEMAP), Link(f"{SITE}/story-{depth}", Kind.ARTICLE)]
        store_seed(paper.conn, visit, below, None, lambda *_: When(None, 0))
    known = set(paper.conn.execute(select(urls.c.url)).scalars())
    assert [depth for depth in range(5) if f"{SITE}/below-{depth}.xml" in known] == [0, 1, 2]
    assert [depth for depth in range(5) if f"{SITE}/story-{depth}" in known] == [0, 1, 2, 3, 4]


# --- page requisites


def settled(
    paper: Paper, path: str, *, links: tuple[Link, ...] = (), note: str | None = None, **about: object
) -> tuple[Outcome, int]:
    """A requisite, fetched and settled."""
    lease = paper.lease(path, Kind.REQUISITE)
    recorded = None
    if (status := about.get("status", 200)) is not None:
        at = {"url_id": lease.url_id, "http_status": status, "kind": "requisite", "pending": True}
        recorded = Recorded(a_capture(paper.conn, SITE + path, at=paper.now, **at), paper.now)
    visit = Visit(lease, paper.source_id, "run-1", paper.now, SITE + path, status, recorded, **about.get("why", {}))  # type: ignore[arg-type]
    return store_requisite(paper.conn, visit, note, links, next_visit)


@pytest.mark.parametrize(
    ("about", "state", "reason", "due"),
    [
        ({}, "kept", None, False),
        ({"note": "cut: length"}, "kept", "cut: length", False),
        ({"status": 304}, "kept", None, False),
        ({"status": 404}, "failed", "http-404", False),
        ({"status": 503, "why": {"error": "http-503"}}, "failed", "http-503", True),
        ({"status": None, "why": {"error": "dns"}}, "failed", "dns", True),
        ({"status": None, "why": {"refused": "robots"}}, "filtered", "robots", False),
    ],
)
def test_what_becomes_of_a_requisite(paper: Paper, about: dict[str, object], state: str, reason: str | None, *, due: bool) -> None:
    """What was archived is kept and never asked for again; a failure has its reason, and is tried again where that may help."""
    outcome, _ = settled(paper, "/a.jpg", **about)  # type: ignore[arg-type]
    row = paper.conn.execute(select(urls).where(urls.c.url == f"{SITE}/a.jpg")).mappings().one()
    assert (row["state"], row["reason"], row["next_fetch_at"] is not None) == (state, reason, due)
    assert (outcome.verdict, outcome.reason) == (state, reason)
    assert paper.conn.execute(text("SELECT count(*) FROM captures WHERE pending")).scalar_one() == 0
    assert paper.articles() == []


def test_a_stylesheet_leads_to_more(paper: Paper) -> None:
    """What it needs is due, found on it; a chain of them has an end."""
    needed = Link(f"{SITE}/b.png", Kind.REQUISITE, priority=LAST)
    assert settled(paper, "/a.css", links=(needed,))[1] == 1
    row = paper.conn.execute(select(urls).where(urls.c.url == needed.url)).mappings().one()
    assert (row["discovered_from"], row["state"], row["priority"]) == (f"{SITE}/a.css", "pending", LAST)
    deep = paper.lease("/deep.css", Kind.REQUISITE)
    visit = Visit(replace(deep, hops_from_seed=MAX_REQUISITE_HOPS), paper.source_id, "run-1", paper.now, deep.url)
    assert store_links(paper.conn, visit, [replace(needed, url=f"{SITE}/deeper.css")]).due == 0
