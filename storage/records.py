"""The vocabulary: what flows from a source to a stored article. Standard library only.

Source -> Seed -> Exchange -> Capture -> Page -> Candidate -> Outcome -> rows.
Unknown is None, never a guess. Times are ISO 8601 UTC with milliseconds (`2026-03-01T12:00:00.000Z`, see `times`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO


class Kind(StrEnum):
    """What a URL was fetched as; written to every exchange's metadata record."""

    ROBOTS = "robots"
    FEED = "feed"
    SITEMAP = "sitemap"
    HOME = "home"
    SECTION = "section"
    ARTICLE = "article"
    REQUISITE = "requisite"


SEED_KINDS = frozenset({Kind.FEED, Kind.SITEMAP, Kind.HOME, Kind.SECTION})
REVISITED = 2  # the priority of articles that are fetched again: behind every new one
OLD = 3  # of older pages that a sitemap lists
LAST = 4  # of page requisites, which are fetched when no page is due any more


class State(StrEnum):
    """The one state of a known URL (`v_urls.state`); the counts of all states add up to the URLs known."""

    PENDING = "pending"  # discovered, waiting for its turn (a lease in another column marks those in hand)
    SEED = "seed"  # a feed, sitemap, home or section page that is polled again and again
    STORED = "stored"  # the URL of a stored article
    DUPLICATE = "duplicate"  # another URL of a stored article of the same site
    REJECTED = "rejected"  # fetched, and no article: reason says why
    FILTERED = "filtered"  # never fetched by rule: reason says which
    FAILED = "failed"  # could not be fetched or read: reason says why
    GONE = "gone"  # a stored article that answered 404 or 410, or leads to the home page now
    KEPT = "kept"  # a page requisite that is in the archive: no article is made of it


class FileState(StrEnum):
    """Where a WARC file is (`warc_files.state`)."""

    HERE = "here"  # it can be read
    ELSEWHERE = "elsewhere"  # moved to other storage: `place` says where
    WITHDRAWN = "withdrawn"  # rewritten by a purge, and gone: `replaced_by` says into which


class FileOrigin(StrEnum):
    """Who wrote a WARC file (`warc_files.origin`)."""

    OWN = "own"
    INGESTED = "ingested"


class Ended(StrEnum):
    """How an exchange ended. All but COMPLETE are marked; the first three are WARC-Truncated values (WARC 1.1, 5.13)."""

    COMPLETE = "complete"
    LENGTH = "length"
    TIME = "time"
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True)
class Announced:
    """What a feed, sitemap or section page said of a story. Dates as written there."""

    title: str | None = None
    published: str | None = None
    modified: str | None = None
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    description: str | None = None
    language: str | None = None
    image_url: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A URL found on a page, feed or sitemap. `refused` names the rule that keeps it from being fetched."""

    url: str  # canonical form, see urlkey
    kind: Kind = Kind.ARTICLE
    announced: Announced | None = None
    refused: str | None = None
    priority: int = 1  # 0 seeds, 1 fresh news, 2 (REVISITED), 3 (OLD), 4 (LAST)
    payload: str | None = None  # JSON of an unusual request (a spider's own callback), else None
    spider: str | None = None  # the only spider that can read it, None: any


@dataclass(frozen=True, slots=True)
class FetchContext:
    """Why and how a request was made; kept in the WARC metadata record so that a database can be rebuilt from it."""

    run_id: str
    source: str
    kind: Kind
    frontier_url: str  # the URL of the frontier row this fetch was made for
    via: str | None = None  # the page, feed or sitemap that announced it
    hops_from_seed: int = 0
    redirected_from: str | None = None
    attempt: int = 1
    announced: Announced | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its response, as bytes on the wire (after TLS).

    `response` is a seekable binary file (it may lie on disk), positioned anywhere; empty when no byte came back.
    It starts at the final status line; interim 1xx answers are in `interim`.
    """

    url: str
    started_at: str
    request: bytes
    response: IO[bytes]
    response_length: int
    ended: Ended
    fetch_ms: int
    context: FetchContext
    interim: bytes = b""
    peer_ip: str | None = None
    peer_port: int | None = None
    tls: str | None = None  # protocol version and cipher, as negotiated
    error: str | None = None  # one line, when the exchange did not end as it should


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """Where one WARC record lies. `file` is the final name (`NAME.warc.gz`), also while it is still `NAME.warc.gz.open`."""

    file: str
    offset: int
    length: int  # of the gzip member, bytes
    record_id: str  # urn:uuid:... without angle brackets


@dataclass(frozen=True, slots=True)
class Capture:
    """An archived exchange: the place of its main record (response; request when nothing came back) and its digests."""

    place: RecordPlace
    record_type: str  # WARC-Type of the main record: response | request
    url: str
    fetched_at: str  # WARC-Date
    http_status: int | None
    mime: str | None
    payload_digest: str | None  # sha1:BASE32 of the bytes after the header block, as they came
    block_digest: str
    ended: Ended
    context: FetchContext
    body_sha256: str | None = None  # hex, of the decoded body
    revisit_of: str | None = None
    error: str | None = None
    signals: str | None = field(default=None, compare=False)  # of its record alone: JSON, see `reservations`

    @property
    def truncated(self) -> str | None:
        """The WARC-Truncated value, None for a whole exchange."""
        return None if self.ended is Ended.COMPLETE else str(self.ended)


@dataclass(frozen=True, slots=True)
class Page:
    """A capture with its decoded body: the same type live or read from a WARC.

    `body` is de-chunked and decompressed, at most max_page_bytes long; `cut` says whether any of it is missing.
    `content_type` is the raw header value.
    """

    url: str  # of the final hop
    frontier_url: str
    fetched_at: str
    status: int
    content_type: str | None
    body: bytes
    cut: bool = False
    headers: tuple[tuple[str, str], ...] = ()  # lower-case name, value (latin-1), in order


@dataclass(frozen=True, slots=True)
class Candidate:
    """An article as extracted from one page. Purely a function of the page and what was announced."""

    url: str
    canonical_url: str | None  # same site only, already in canonical form
    title: str | None
    text: str
    authors: tuple[str, ...] = ()
    published_at: str | None = None  # ISO 8601 UTC with Z, or YYYY-MM-DD where no time is known
    published_local: str | None = None  # as declared, offset kept
    published_precision: str | None = None  # second | minute | day
    modified_at: str | None = None
    modified_local: str | None = None  # as published_local
    modified_precision: str | None = None  # as published_precision
    site_name: str | None = None
    section: str | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None
    image_url: str | None = None
    language: str | None = None
    word_count: int = 0
    text_sha256: str = ""  # hex, of the normalised wording: title and text
    extractor: str = ""  # name and version of what made this, e.g. newswarc-2/trafilatura-2.3.1
    truncated: bool = False
    provenance: tuple[tuple[str, str], ...] = ()  # (field, where its value came from)
    organizations: tuple[str, ...] = ()  # those of the authors that are organisations
    is_accessible_for_free: bool | None = None  # False: behind a paywall
    page_type: str | None = None  # article | live-blog | gallery | video | audio | opinion
    walled: bool = False  # a short text, beside which the page asks to subscribe


@dataclass(frozen=True, slots=True)
class NoArticle:
    """Why a page is not an article: section, soft-404, consent-wall, bot-challenge, login, empty, not-html, ..."""

    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows when an outcome is decided."""

    article_id: int | None = None  # by any of the page's URLs
    own_url: bool = True  # the frontier URL already belongs to that article (or to none)
    version: int = 0
    text_sha256: str | None = None
    extractor: str | None = None
    twin_article_id: int | None = None  # an article of the same source with the same wording
    text: str = ""  # of its latest version
    word_count: int = 0
    is_accessible_for_free: bool | None = None


class Verdict(StrEnum):
    """The one result of considering a URL in a run; the ledger counts them."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    FILTERED = "filtered"
    FAILED = "failed"
    GONE = "gone"
    POLLED = "polled"  # a seed that was read
    KEPT = "kept"  # a page requisite that was archived


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one considered URL. `candidate` is there for ADDED and CHANGED, mostly for UNCHANGED and DUPLICATE."""

    verdict: Verdict
    reason: str | None = None
    candidate: Candidate | None = None
    article_id: int | None = None
    paywalled: bool | None = None  # whether a paywall went up before it, or is down; None: no news of one


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells whether a page has changed since (RFC 9110, 8.8): of the answer of `url` that was captured at `date`."""

    url: str
    date: str  # WARC-Date
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """A frontier row in hand."""

    url_id: int
    url: str
    host: str
    source: str
    kind: Kind
    priority: int
    attempts: int
    hops_from_seed: int
    via: str | None
    announced: Announced | None
    payload: str | None
    validators: Validators | None = None
    discovered_at: str | None = None
    last_fetch_at: str | None = None
    rhythm: str | None = None  # JSON: what schedules remember of it
    edits: str | None = None  # JSON: what its source's articles showed when they were fetched again


@dataclass(frozen=True, slots=True)
class Ledger:
    """The account of one run: article URLs by verdict, other kinds beside.

    considered (new + due + carried) = the sum of `articles` + pending; `faults` says where that does not hold.
    """

    articles: dict[str, int] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    pending: int = 0
    considered: dict[str, int] = field(default_factory=dict)  # article URLs found new, due again, carried over
    states: dict[str, int] = field(default_factory=dict)  # URLs known to the collection after it, by state
    faults: tuple[str, ...] = ()
