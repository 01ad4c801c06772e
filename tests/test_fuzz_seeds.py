"""The fuzz targets on their seeds, on mutations of these, on generated inputs and on large shapes: the same in every run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.giants import giants
from tests.fuzz.mutate import SEEDS, mutated, seeds
from tests.fuzz.targets import TARGETS

COSTLY = {"article": 15, "archived": 20, "claims": 30, "warc_file": 20}  # mutations; of all others there are more
MUTATIONS = 60
GIANT = 60_000  # bytes; what takes the square of its size takes minutes here

steady = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

ADDRESS_PARTS = (
    "http", "https", ":", "//", "/", "\\", "@", "?", "#", "&", "=", ".", "..", "[", "]", "::1", "127.1",
    "0x7f", "0177", "2130706433", ":80", ":0443",
    "%", "%2e", "%2F", "%40", "%00", "%E3%80%82", "\t", "\n", " ", "\x1c", "\u3002", "\uff0e", "\uff11",
    "\u00ad", "\u200d", "xn--", "b\u00fccher",
    "fa\u00df", "\u0130", "gazette", "test", "www", ";jsessionid=1", "utm_source=x", "amp;", "a", "-", "_", "\udc80",
)  # fmt: skip
MARKUP_PARTS = (
    "<", ">", "/", "</", "<!--", "-->", "<![CDATA[", "]]>", "<rss>", "<item>", "<link>", "<title>", "<url>",
    "<loc>", "<urlset>", "<a href=", "<h1>", "<p>",
    "<nav>", "<script type='application/ld+json'>", "</script>", "<meta name=author content=",
    "<time datetime=", '"', "'", "=", " ", "&", "&#", "&#1",
    "&#x1b;", ";", "{", "}", "[", "]", '"@type":"Article"', ",", "http://[", "9999-12-31T23:59-14:00", "By ",
    "Ada Quill", "|", "\x1b]", "\0", "\u202e",
)  # fmt: skip

STYLE_PARTS = (
    "url(", "URL(", "image-set(", "(", ")", "{", "}", ";", "@import", "@namespace", "@charset", '"', "'", "\\", "\n", " ",
    "/*", "*/", "a.png", "//cdn.test/b.png", "data:image/gif;base64,R0", "\\61 ", "\0", "\u202e", "-", "%",
)  # fmt: skip


def test_every_target_has_seeds():
    """Each folder of seeds belongs to a target, and each target has one."""
    assert {folder.name for folder in SEEDS.iterdir()} == TARGETS.keys()
    assert sum(path.stat().st_size for path in SEEDS.rglob("*")) < 500_000


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name):
    """What each target promises holds for its seeds, among them every input that once broke it."""
    for file, data in seeds(name).items():
        _holds(TARGETS[name], data, file)


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_seeds(name):
    """It holds for what a seeded generator makes of the seeds."""
    corpus = list(seeds(name).values())
    for count, data in enumerate(mutated(corpus, COSTLY.get(name, MUTATIONS), 1)):
        _holds(TARGETS[name], data, f"mutation {count}")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("giant", list(giants()), ids=lambda giant: f"{giant.target}: {giant.name}")
def test_giants(giant):
    """Large shapes, each the worst for some parser, are read in time that does not grow with the square of their size."""
    TARGETS[giant.target](giant.of(GIANT))


@steady
@given(st.lists(st.sampled_from(ADDRESS_PARTS), max_size=14).map("".join))
@example("http://gazette.test\\@other.test/")
@example("http://\uff11\uff12\uff17\u30020\u30020\u30021\x1c")
def test_addresses(written):
    """Addresses put together from what parsers disagree on have one canonical form, or none."""
    TARGETS["url"](written.encode("utf-8", "surrogateescape"))


@steady
@given(st.lists(st.sampled_from(MARKUP_PARTS), max_size=40).map("".join))
@pytest.mark.parametrize("name", ["feed", "sitemap", "home", "tree", "claims", "linked_data", "requisites"])
def test_markup(name, written):
    """Pieces of markup in any order are read without an exception."""
    TARGETS[name](written.encode())


@steady
@given(st.lists(st.sampled_from(STYLE_PARTS), max_size=40).map("".join))
def test_styles(written):
    """Pieces of CSS in any order are read without an exception."""
    TARGETS["stylesheet"](written.encode())


@steady
@given(st.text(max_size=200))
@pytest.mark.parametrize("name", ["moment", "names", "spreadsheet", "terminal", "text", "wait", "warc_fields"])
def test_texts(name, written):
    """Texts of all characters there are come out clean, or back as they were."""
    TARGETS[name](written.encode("utf-8", "surrogatepass"))


@steady
@given(st.binary(max_size=300))
@pytest.mark.parametrize("name", ["charset", "http_message", "marked", "records", "robots"])
def test_bytes(name, data):
    """Any bytes are read without an exception."""
    TARGETS[name](data)


def _holds(target: Callable[[bytes], None], data: bytes, file: str) -> None:
    try:
        target(data)
    except Exception as error:
        error.add_note(f"the input: {Path(target.__name__, file)}, {data[:200]!r}")
        raise
