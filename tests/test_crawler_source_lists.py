"""Lists of sources as others write them become entries; hostile ones are one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.sources import lists as source_lists
from crawler.sources import opml
from crawler.sources.lists import Entry
from crawler.sources.opml import Outline
from storage.errors import UsageError


def told(text: str | bytes, form: str | None = None) -> list[tuple[int, str, str, tuple[str, ...]]]:
    """Line, name, home page and feeds of each entry."""
    content = text.encode() if isinstance(text, str) else text
    return [(one.line, one.name, one.home, one.feeds) for one in source_lists.read(content, "LIST", form)]


def test_lines_of_urls() -> None:
    """Comments and blank lines are passed over; a scheme that is missing is https."""
    text = "# papers\n\nhttps://a.net/x\n  b.net # the second\n\tWWW.C.net/de/\nfeed://d.net/rss\nfeed:https://e.net/rss\n//f.net\ng.net:8080\n"
    assert told(text) == [
        (3, "", "https://a.net/x", ()),
        (4, "", "https://b.net", ()),
        (5, "", "https://WWW.C.net/de/", ()),
        (6, "", "http://d.net/rss", ()),
        (7, "", "https://e.net/rss", ()),
        (8, "", "https://f.net", ()),
        (9, "", "https://g.net:8080", ()),
    ]


@pytest.mark.parametrize("line", [
    "hello", "two words.net", "mailto:ada@a.net", "ada@a.net", "javascript:x.y", "https://", "ftp://a.net/", "https://me:x@a.net/",
])  # fmt: skip
def test_what_is_no_url_is_an_entry_with_a_fault(line: str) -> None:
    """It does not keep the others from being read, and its password is not repeated."""
    bad, good = source_lists.read(f"{line}\na.net\n".encode(), "LIST", "list")
    assert bad.fault
    assert ":x@" not in bad.fault
    assert (good.fault, good.home) == (None, "https://a.net")


@pytest.mark.parametrize("text", [
    "Name,URL,RSS\nPost,https://post.net,https://post.net/rss\n",
    'rss;title;homepage\nhttps://post.net/rss;"Post";post.net\n',
    "\ufeffFeed URL\tWebsite\tOutlet\r\nhttps://post.net/rss\thttps://post.net\tPost\r\n",
    "# ours\nid,web site,newspaper,feed\n\n7,post.net,Post,https://post.net/rss\n",
])  # fmt: skip
def test_csv_with_a_header(text: str) -> None:
    """Columns are found by their names, in any case and order, behind any of three separators."""
    [(_, name, home, feeds)] = told(text)
    assert (name, home.removeprefix("https://"), feeds) == ("Post", "post.net", ("https://post.net/rss",))


def test_csv_without_a_header_takes_the_first_column_of_urls() -> None:
    """And the first column of words for the names; a row without URL is told."""
    assert told("1,Post,https://post.net\n2,Gazette,gazette.net\n") == [
        (1, "Post", "https://post.net", ()),
        (2, "Gazette", "https://gazette.net", ()),
    ]
    _, row = source_lists.read(b"url,name\na.net,A\n,B\n", "LIST")[0:2]
    assert row.fault == "there is no URL in this row"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_told_by_the_bytes(encoding: str) -> None:
    """A name with an umlaut survives each of them."""
    assert told("url;name\nhttps://a.net;Zürich\n".encode(encoding))[0][1] == "Zürich"


OPML = """<?xml version="1.0"
 encoding="ISO-8859-1"?>
<opml version="1.1"><head><title>x</title></head><body>
<outline text="News &amp; more"><outline title="In">
<outline TEXT="Z\u00fcrich & more" XMLURL="https://a.net/rss?a=1&b=2" htmlurl="https://a.net"/>
</outline><outline type="link" text="B" url="b.net"/></outline>
<outline xmlUrl="https://c.net/rss"/><outline text="empty" xmlUrl=""/>
</body></opml>"""


def test_opml_however_deep_and_whatever_the_case() -> None:
    """Lone ampersands are mended, outlines without an address passed over, feeds without home page kept."""
    assert told(OPML.encode("latin-1")) == [
        (5, "Zürich & more", "https://a.net", ("https://a.net/rss?a=1&b=2",)),
        (6, "B", "https://b.net", ()),
        (7, "", "", ("https://c.net/rss",)),
    ]


@pytest.mark.parametrize(("content", "line"), [
    ("<opml><body>\n<outline xmlUrl='https://a.net/'>\n</body></opml>", "LIST:3: is not XML: Opening and ending tag mismatch"),
    ("<opml><body><outline xmlUrl='https://a.net/'/>", "LIST:1: is not XML: Premature end"),
    ("<html><body>404</body></html>", "LIST:1: is no OPML: its root element is <html>"),
    ("<!DOCTYPE opml [\n<!ENTITY a 'aaaaaaaa'>\n<!ENTITY b '&a;&a;'>]>\n<opml/>", "LIST:2: declares entities"),
    ("<opml><body>" + "<outline text='a'>" * 5_000, "LIST:1: is not XML: Excessive depth"),
    ("<opml>" + "<outline text='a'/>" * 50_000 + "</opml>", "LIST: there is no URL in it (read as opml"),
    ("a.net\n\x00\x01\x02", "LIST: is no text"),
    ("", "LIST: there is no URL in it (read as list"),
    ("# nothing\n", "LIST: there is no URL in it (read as list"),
    ('url,name\n"' + "a" * 200_000, "LIST:2: is no CSV: field larger than field limit"),
    ("a.net\n" * 20_001, "LIST: holds more than 20000 entries"),
    ('[[source]]\nname = "a b"\nurl = "https://a.net"\n', "LIST: [[source]] 1 (a b) key name: must be one word"),
    ("[[source]]\nname = \n", "LIST: is not TOML: Invalid value (at line 2"),
])  # fmt: skip
def test_a_list_that_cannot_be_read_is_one_line(content: str, line: str) -> None:
    """File, line where there is one, and what is wrong; nothing of it is taken."""
    with pytest.raises(UsageError) as caught:
        source_lists.read(content.encode(), "LIST")
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_format_can_be_said() -> None:
    """A URL with a comma in it is no CSV, once it is said."""
    assert told("https://a.net/r,12\n", "list") == [(1, "", "https://a.net/r,12", ())]


def test_own_tables_keep_their_settings() -> None:
    """TOML of another collection is taken with all it says."""
    [one] = source_lists.read(b'[crawl]\ndelay = 3\n[[source]]\nname = "a"\nurl = "https://a.net"\ndelay = 9\n', "LIST")
    assert one.source is not None
    assert (one.source.name, one.source.delay, one.address) == ("a", 9.0, "https://a.net")


@given(st.binary(max_size=300), st.sampled_from([*source_lists.FORMATS, None]))
def test_any_bytes_give_entries_or_one_line(content: bytes, form: str | None) -> None:
    """Nothing else is raised, whatever a file holds."""
    try:
        entries = source_lists.read(content, "LIST", form)
    except UsageError as error:
        entries = [Entry(0, fault=str(error))]
    assert all((one.fault or one.address) and "\n" not in (one.fault or "") for one in entries)


@given(st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=30).map(str.strip).filter(bool))
def test_written_opml_is_read_back(name: str) -> None:
    """Names, home pages and feeds, and whether a feed was found."""
    outlines = [
        Outline(0, name, "https://a.net/?a=1&b=2", "https://a.net/rss", found=True),
        Outline(0, name, "https://a.net/", "https://a.net/atom"),
        Outline(0, name, "https://b.net/", ""),
    ]
    read = list(opml.read(opml.written("desk", outlines).decode()))
    assert [(one.name, one.home, one.feed, one.found) for one in read] == [
        (one.name, one.home, one.feed, one.found) for one in outlines
    ]
