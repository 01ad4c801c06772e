"""From the bytes of a response to a Page, live or read from a WARC, and on to what workers make of it. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO

from pipelines import requisites, reservations
from pipelines.foreign_body import foreign_body
from pipelines.requisites import NOTHING, Requisites
from storage.records import Announced, Candidate, NoArticle, Page
from storage.warc.format import body_sha256
from storage.warc.http_message import decode_body, split_head

NO_STATUS = 0  # of a Page whose bytes start with no status line

# So short that every way of reading it is tried, with an address to compare: all that is loaded at first use is loaded.
_SAMPLE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html lang=en><head>"
    b"<title>The bridge at Low Mill</title><link rel=canonical href=https://sample.test/bridge></head><body><article>"
    b"<h1>The bridge at Low Mill</h1><p>"
    + b"The bridge at Low Mill will be closed for most of the summer, the council said on Monday. " * 2
    + b"</p></article></body></html>"
)


@dataclass(frozen=True, slots=True)
class RawPage:
    """What a worker needs to read a page: the response as it lies in the archive, or its first part.

    `truncated` says that bytes are missing at its end, `limit` how many bytes of decoded body are read. `foreign`: others
    archived it, so that its header may not fit its body; `content_type` is then that of a record without HTTP header.
    """

    url: str  # of the final hop
    frontier_url: str
    fetched_at: str
    raw: bytes  # from the final status line on
    truncated: bool
    limit: int
    announced: Announced | None = None
    foreign: bool = False
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which requisites of an article's page are wanted."""

    pdfs: bool = False


@dataclass(frozen=True, slots=True)
class ReadArticle:
    """What a page turned out to be, and the SHA-256 (hex) of its decoded body: None when some of it is missing."""

    result: Candidate | NoArticle
    body_sha256: str | None
    requisites: Requisites = NOTHING  # of an article, where they are wanted
    signals: str | None = None  # what rights its publisher reserves: JSON, see `storage.warc.reservations`


def page_of(raw: bytes, *, url: str, frontier_url: str, fetched_at: str, limit: int, truncated: bool) -> Page:
    """The page in a response as it came over the wire; never raises on what a server sent."""
    head = split_head(raw)
    decoded = decode_body(raw[head.payload_offset :], head.headers, limit)
    return Page(
        url=url,
        frontier_url=frontier_url,
        fetched_at=fetched_at,
        status=NO_STATUS if head.status is None else head.status,
        content_type=head.get("content-type"),
        body=decoded.body,
        cut=truncated or decoded.cut or decoded.error is not None or not head.complete,
        headers=head.headers,
    )


def read_page(raw: RawPage) -> Page:
    """The page that a worker was given."""
    return _read(raw)[0]


def _read(raw: RawPage) -> tuple[Page, bool]:
    """The page, and whether its body is what the archived header declares: then its digest can be told from the archive."""
    if raw.foreign:
        return _read_foreign(raw)
    page = page_of(
        raw.raw,
        url=raw.url,
        frontier_url=raw.frontier_url,
        fetched_at=raw.fetched_at,
        limit=raw.limit,
        truncated=raw.truncated,
    )
    return page, True


def _read_foreign(raw: RawPage) -> tuple[Page, bool]:
    found = foreign_body(raw.raw, raw.content_type, raw.limit)
    page = Page(
        url=raw.url,
        frontier_url=raw.frontier_url,
        fetched_at=raw.fetched_at,
        status=NO_STATUS if found.status is None else found.status,
        content_type=found.content_type,
        body=found.body,
        cut=raw.truncated or found.cut,
        headers=found.headers,
    )
    return page, found.as_declared


def read_article(raw: RawPage, wanted: Wanted | None = None) -> ReadArticle:
    """The article of a page, and the requisites of one that has an article. For workers."""
    from pipelines.extract import read

    page, as_declared = _read(raw)
    reading = read(page, raw.announced)
    result = reading.result
    needed = requisites.of_page(page, pdfs=wanted.pdfs) if wanted and isinstance(result, Candidate) else NOTHING
    digest = hashlib.sha256(page.body).hexdigest() if as_declared and not page.cut else None
    return ReadArticle(result, digest, needed, reservations.written(page, reading.said))


def read_stylesheet(raw: RawPage) -> Requisites:
    """What a stylesheet imports and shows. For workers."""
    return requisites.of_stylesheet(read_page(raw))


def digest_of(raw: RawPage) -> str | None:
    """The SHA-256 (hex) of a page's decoded body, as the archive would tell it; None when some of the page is missing."""
    if raw.truncated:
        return None
    return body_sha256(BytesIO(raw.raw), len(raw.raw), split_head(raw.raw))


def warm() -> None:
    """Load what reading an article needs, models that load at first use too. For `Workers(preload=...)`."""
    url = "http://sample.test/2026/03/01/bridge"
    read_article(RawPage(url, url, "2026-03-01T12:00:00.000Z", _SAMPLE, truncated=False, limit=len(_SAMPLE)))
