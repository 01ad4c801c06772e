"""Every hostile page is read within the limits of the crawl's own workers, and what comes of it is clean."""

import asyncio
import itertools
import re
import threading

import pytest

from pipelines.page import RawPage, read_article
from pipelines.workers import WorkerError, Workers
from storage.records import Candidate, NoArticle
from tests.hostile import fields, pages
from tests.hostile.clean import DIRT, LONGEST
from tests.hostile.shapes import SHAPES

URL = "https://www.tidewater-courier.test/news/2026/11/20/the-strange-case"
FETCHED = "2026-11-20T12:00:00.000Z"
TOMORROW = "2026-11-22"
LIMIT = 10_000_000  # bytes of a page that are read, unless newswarc.toml says otherwise
TAG = re.compile(r"</?(?:a|b|i|p|br|div|span|script|strong|em|img)\b[^>]{0,200}>", re.IGNORECASE)
ONE_LINE = ("title", "site_name", "section", "description", "language", "canonical_url", "image_url")


class Caught:
    """Stands where a connection stands, and keeps what a fault answers."""

    def reply(self, body, *lines, kind="text/html; charset=utf-8", status="200 OK"):
        head = "\r\n".join((f"HTTP/1.1 {status}", *([f"Content-Type: {kind}"] if kind else []), *lines, "", ""))
        self.raw = head.encode("latin-1") + body


def answered(fault):
    """The response of a fault that is one whole answer."""
    caught = Caught()
    fault.answer(caught)
    return caught.raw


def shaped(make):
    """A page of one shape, as a response."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + make()


NUMBERS = itertools.count(1)
FAULTS = {
    fault.name: fault
    for fault in (
        *pages.no_articles(),
        *pages.markup(NUMBERS),
        *pages.charsets(NUMBERS),
        *fields.faults(NUMBERS, "https://other-paper.test"),
    )
}

KNOWN: dict[str, str] = {}


def marked(names):
    """Names as parameters; what is known to fail must fail, or lose its mark."""
    return [
        pytest.param(
            name, marks=[pytest.mark.xfail(reason=KNOWN[name], strict=True, raises=(AssertionError, WorkerError))]
        )
        if name in KNOWN
        else pytest.param(name)
        for name in names
    ]


@pytest.fixture(scope="module")
def read():
    """A function that has a response read as the crawl does, in a worker that is killed when it passes a limit."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    workers = Workers(
        1, preload=("pipelines.page:warm",), recycle_jobs=1
    )  # what one page leaves is not held against the next

    def ask(raw):
        page = RawPage(URL, URL, FETCHED, raw, truncated=False, limit=LIMIT)
        return asyncio.run_coroutine_threadsafe(workers.run(read_article, page), loop).result().result

    yield ask
    workers.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def faults_of(article):
    """What is wrong with the fields of an article, a line each."""
    if article.published_at is not None and article.published_at > TOMORROW:
        yield f"published in the future: {article.published_at}"
    if article.modified_at is not None and article.modified_at > TOMORROW:
        yield f"modified in the future: {article.modified_at}"
    for name in ONE_LINE:
        yield from _faults(name, getattr(article, name) or "", LONGEST[name])
    for name in ("authors", "tags"):
        for value in getattr(article, name):
            yield from _faults(name, value, 200)
        if len(getattr(article, name)) > 50:
            yield f"{name}: {len(getattr(article, name))}"
    for paragraph in article.text.split("\n"):
        yield from _faults("text", paragraph, LONGEST["text"])
    if len(article.text) > LONGEST["text"]:
        yield f"text: {len(article.text)} characters"


def _faults(name, value, longest):
    if DIRT.search(value) or "\n" in value:
        yield f"{name} is dirty: {value[:100]!a}"
    if name in ("title", "authors", "site_name", "section", "tags") and TAG.search(value):
        yield f"{name} holds markup: {value[:100]!a}"
    if len(value) > longest:
        yield f"{name}: {len(value)} characters"


@pytest.mark.parametrize("name", marked(SHAPES))
def test_a_shape_of_megabytes_is_read_within_limits(name, read):
    """It ends, its story is found, and its fields are clean."""
    got = read(shaped(SHAPES[name]))
    assert isinstance(got, Candidate), got
    assert "nobody should hurry it" in got.text
    assert list(faults_of(got))[:5] == []


@pytest.mark.parametrize("name", marked(FAULTS))
def test_a_hostile_page_is_read_within_limits(name, read):
    """The pages of the hostile stage, without the stage."""
    got = read(answered(FAULTS[name]))
    assert isinstance(got, Candidate | NoArticle)
    assert list(faults_of(got))[:5] == [] if isinstance(got, Candidate) else got.reason
