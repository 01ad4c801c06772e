"""One page by itself, for those who want to see what it gives and store nothing: its fields, whatever it is judged to be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from pipelines.page import RawPage, read_page
from pipelines.paragraphs import Paragraph
from storage.records import Candidate, Page
from storage.urlkey import InvalidURL, canonical

_MAX_LINKS = 2_000  # <link> and <meta> elements that are looked at


@dataclass(frozen=True, slots=True)
class Single:
    """What a page gives. `reason`: why a crawl would not store it; `candidate` is None where nothing could be read.

    `url` is the page's own address where none was given, or "". `cut`: bytes of it are missing. `ms`: milliseconds of CPU time
    from the decoded body to the fields. `paragraphs`: the lines of the text, and what each is.
    """

    url: str
    candidate: Candidate | None
    reason: str | None
    cut: bool
    ms: float
    paragraphs: tuple[Paragraph, ...] = ()


def read_single(raw: RawPage) -> Single:
    """Reads a page of which there may be no address. For workers."""
    from pipelines.extract import read

    page = read_page(raw)
    if not page.url:
        page = replace(page, url=(url := own_address(page)), frontier_url=url)
    started = time.process_time()
    reading = read(page, raw.announced)
    spent = (time.process_time() - started) * 1000
    return Single(page.url, reading.candidate, reading.reason, page.cut, round(spent, 3), reading.paragraphs)


def own_address(page: Page) -> str:
    """The address that a page calls its own, as `<link rel=canonical>` or `og:url`; "" where it names none."""
    return next((address for address in _named(page) if _is_address(address)), "")


def _named(page: Page) -> Iterator[str]:
    from pipelines.classify import served
    from pipelines.decode import decode
    from pipelines.tree import parse

    tree = None if served(page) else parse(decode(page.body, page.content_type))
    if tree is None:
        return
    for link in islice(tree.iter("link"), _MAX_LINKS):
        if "canonical" in (link.get("rel") or "").lower().split():
            yield (link.get("href") or "").strip()
    for meta in islice(tree.iter("meta"), _MAX_LINKS):
        if (meta.get("property") or meta.get("name") or "").lower() == "og:url":
            yield (meta.get("content") or "").strip()


def _is_address(text: str) -> bool:
    try:
        return bool(canonical(text))
    except InvalidURL:
        return False
