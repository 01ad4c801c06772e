"""Feeds of every dialect, well-formed and not: which links they give and what travels with them."""

from __future__ import annotations

import gzip
import json

import pytest

from crawler.discovery.discover import Discovered, Scope, discover
from crawler.discovery.phrases import plain
from storage.records import Announced, Kind, Link, Page

URL = "https://zeitung.example/feeds/news.xml"
SCOPE = Scope.of("https://www.zeitung.example/")
NOW = "2026-03-03T12:00:00.000Z"


def read(body: str | bytes, content_type: str | None = None, scope: Scope = SCOPE, url: str = URL) -> Discovered:
    """What a feed at `url` leads to."""
    raw = body.encode() if isinstance(body, str) else body
    page = Page(url=url, frontier_url=url, fetched_at=NOW, status=200, content_type=content_type, body=raw)
    return discover(page, Kind.FEED, scope, NOW)


def rss(items: str, head: str = "", attributes: str = "") -> str:
    """An RSS 2.0 document."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0" {attributes}><channel>{head}{items}</channel></rss>'
    )


def only(found: Discovered) -> Link:
    """The one link of a feed."""
    assert len(found.links) == 1, found
    return found.links[0]


def announced(found: Discovered) -> Announced:
    """What is said of the one story of a feed."""
    said = only(found).announced
    assert said is not None
    return said


RICH = rss(
    """<item>
      <title>Die Brücke &amp; der Fluss: <![CDATA[eine <em>lange</em> Geschichte]]></title>
      <link> https://www.zeitung.example/region/bruecke-4711.html?utm_source=rss&amp;b=1 </link>
      <guid isPermaLink="false">4711</guid>
      <pubDate>Tue, 03 Mar 2026 10:00:00 +0100</pubDate><atom:updated>2026-03-03T11:30:00+01:00</atom:updated>
      <dc:creator>Ana Lem</dc:creator><dc:creator><![CDATA[Jörg Öztürk]]></dc:creator>
      <author>redaktion@zeitung.example (Ana Lem)</author>
      <category>Region</category><category domain="x">Brücken</category><category>region</category>
      <description>&lt;p&gt;Ein Satz.&lt;/p&gt;&lt;p&gt;Noch einer &amp;amp; mehr.&lt;/p&gt;</description>
      <media:group><media:content url="/bild.jpg" medium="image"/></media:group>
    </item>""",
    "<title>Zeitung</title><language>de-AT</language><ttl>30</ttl><image><title>Logo</title></image>",
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"'
    ' xmlns:atom="http://www.w3.org/2005/Atom"',
)


def test_rss_keeps_all_that_is_said() -> None:
    """Title, dates as written, several authors, tags, language, picture and description travel with the link."""
    found = read(RICH)
    assert found.problem is None
    assert found.hint == 1800
    assert found.title == "Zeitung"
    assert only(found).url == "https://www.zeitung.example/region/bruecke-4711.html?b=1"
    assert announced(found) == Announced(
        title="Die Brücke & der Fluss: eine lange Geschichte",
        published="Tue, 03 Mar 2026 10:00:00 +0100",
        modified="2026-03-03T11:30:00+01:00",
        authors=("Ana Lem", "Jörg Öztürk"),
        tags=("Region", "Brücken"),
        description="Ein Satz. Noch einer & mehr.",
        language="de-AT",
        image_url="https://zeitung.example/bild.jpg",
    )


def test_rss_091_with_its_doctype() -> None:
    """A DOCTYPE that declares no entities is none of our business."""
    body = (
        '<?xml version="1.0"?>\n<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
        '"http://my.netscape.com/publish/formats/rss-0.91.dtd">\n<rss version="0.91"><channel><title>A</title>'
        "<item><title>Uno</title><link>https://zeitung.example/1</link></item></channel></rss>"
    )
    assert only(read(body)).url == "https://zeitung.example/1"


def test_rdf_items_lie_beside_the_channel() -> None:
    """RSS 1.0: items outside the channel, Dublin Core for the rest, the period of the syndication module."""
    body = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
      xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">
      <channel rdf:about="https://zeitung.example/"><title>朝の新聞</title><sy:updatePeriod>hourly</sy:updatePeriod>
      <sy:updateFrequency>4</sy:updateFrequency></channel>
      <item rdf:about="https://zeitung.example/a/1"><title>橋が完成</title><link>https://zeitung.example/a/1</link>
      <dc:date>2026-03-03T10:00:00+09:00</dc:date><dc:creator>山田花子</dc:creator><dc:subject>地域</dc:subject>
      <dc:language>ja</dc:language></item>
      <item rdf:about="https://zeitung.example/a/2"><title>無題</title></item></rdf:RDF>"""
    found = read(body)
    assert [link.url for link in found.links] == ["https://zeitung.example/a/1", "https://zeitung.example/a/2"]
    assert found.hint == 900
    assert found.links[0].announced == Announced(
        title="橋が完成", published="2026-03-03T10:00:00+09:00", authors=("山田花子",), tags=("地域",), language="ja"
    )


def test_atom_with_nested_bases_and_many_links() -> None:
    """xml:base adds up, rel=alternate is the story, HTML goes before other forms, every author counts."""
    body = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://zeitung.example/" xml:lang="fr">
      <title>Le Pont</title><author><name>Rédaction</name></author>
      <entry xml:base="eco/"><title type="html">Le &amp;lt;pont&amp;gt; &lt;b&gt;rouvre&lt;/b&gt;</title>
      <link rel="related" href="https://ailleurs.example/x"/><link type="application/json" href="p.json"/>
      <link type="text/html" href="pont"/><id>tag:zeitung.example,2026:1</id>
      <author><name>Léa Roux</name><email>l@zeitung.example</email></author><author><name>Ali Ben</name></author>
      <published>2026-03-03T10:00:00+01:00</published><updated>2026-03-04T08:00:00Z</updated>
      <category term="eco" label="Économie"/><category term="pont"/><summary type="xhtml">
      <div xmlns="http://www.w3.org/1999/xhtml"><p>Un <i>pont</i>.</p></div></summary></entry></feed>"""
    found = read(body)
    assert only(found).url == "https://zeitung.example/eco/pont"
    assert announced(found) == Announced(
        title="Le <pont> rouvre",
        published="2026-03-03T10:00:00+01:00",
        modified="2026-03-04T08:00:00Z",
        authors=("Léa Roux", "Ali Ben"),
        tags=("Économie", "pont"),
        description="Un pont.",
        language="fr",
    )


def test_atom_03() -> None:
    """The old namespace and its names for dates are read too."""
    body = """<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title>Старый мост</title>
      <link rel="alternate" type="text/html" href="https://zeitung.example/most"/>
      <issued>2026-03-03T10:00:00Z</issued><modified>2026-03-03T11:00:00Z</modified></entry></feed>"""
    said = announced(read(body))
    assert (said.title, said.published, said.modified) == (
        "Старый мост",
        "2026-03-03T10:00:00Z",
        "2026-03-03T11:00:00Z",
    )


def test_json_feed() -> None:
    """JSON Feed 1.1, odd types and all."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Daraja",
        "language": "sw",
        "items": [
            {
                "id": "1",
                "url": "/habari/daraja-jipya",
                "title": "Daraja jipya",
                "date_published": "2026-03-03T10:00:00+03:00",
                "authors": [{"name": "Asha Juma"}, {"url": "x"}, "odd", {"name": 7}],
                "tags": ["Habari", 5, "habari"],
                "summary": "<b>Fupi</b>",
                "image": "/d.jpg",
            },
            {"id": "https://zeitung.example/2", "url": None, "author": {"name": "Bo"}, "tags": "odd"},
            {"id": 3},
            "odd",
        ],
    }
    found = read(json.dumps(feed))
    assert [link.url for link in found.links] == [
        "https://zeitung.example/habari/daraja-jipya",
        "https://zeitung.example/2",
    ]
    assert found.links[0].announced == Announced(
        title="Daraja jipya",
        published="2026-03-03T10:00:00+03:00",
        authors=("Asha Juma",),
        tags=("Habari",),
        description="Fupi",
        language="sw",
        image_url="https://zeitung.example/d.jpg",
    )
    assert [link.refused for link in found.unusable] == ["invalid-url: no-link"]


@pytest.mark.parametrize(
    ("item", "url"),
    [
        ("<link>/a?x=1&amp;amp;y=2</link>", "https://zeitung.example/a?x=1&y=2"),
        ("<link><![CDATA[/a?x=1&#038;y=2]]></link>", "https://zeitung.example/a?x=1&y=2"),
        ("<link>/a?x=1&y=2</link>", "https://zeitung.example/a?x=1&y=2"),
        ('<link href="/a"/>', "https://zeitung.example/a"),
        ('<link/><guid isPermaLink="true">https://zeitung.example/a</guid>', "https://zeitung.example/a"),
        ("<guid>https://zeitung.example/a</guid>", "https://zeitung.example/a"),
        ('<guid isPermaLink="false">https://zeitung.example/?p=12</guid>', "https://zeitung.example/?p=12"),
        ("<link>mailto:a@b.example</link><guid>https://zeitung.example/a</guid>", "https://zeitung.example/a"),
        ('<atom:link rel="self" href="/self"/><atom:link href="/a"/>', "https://zeitung.example/a"),
        (
            "<link>https://tracker.example/~r/1</link><feedburner:origLink>https://zeitung.example/a</feedburner:origLink>",
            "https://zeitung.example/a",
        ),
        ("<link>\n  https://zeitung.example/lang/\n  zerteilt\n</link>", "https://zeitung.example/lang/%20%20zerteilt"),
    ],
)
def test_where_the_link_of_a_story_is_found(item: str, url: str) -> None:
    """Link, atom:link, origLink and guid, with escapes too many or too few."""
    names = 'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0"'
    assert only(read(rss(f"<item>{item}</item>", attributes=names))).url == url


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("<author>ana@zeitung.example (Ana Lem)</author>", ("Ana Lem",)),
        ("<author>Ana Lem &lt;ana@zeitung.example&gt;</author>", ("Ana Lem",)),
        ("<author>Ana Lem (ana@zeitung.example)</author>", ("Ana Lem",)),
        ("<author>ana@zeitung.example</author>", ()),
        ("<dc:creator>ANA LEM</dc:creator><author>Ana Lem</author>", ("ANA LEM",)),
        ("<dc:creator/><itunes:author>Funk</itunes:author>", ("Funk",)),
        ("<dc:creator>Bo</dc:creator><itunes:author>Funk</itunes:author>", ("Bo",)),
    ],
)
def test_authors(written: str, names: tuple[str, ...]) -> None:
    """Mail addresses are no names; undeclared prefixes are understood."""
    said = announced(read(rss(f"<item><link>/a</link>{written}</item>")))
    assert said.authors == names


def test_pictures() -> None:
    """Enclosures and thumbnails count when they are pictures."""
    sound = '<enclosure url="/a.mp3" type="audio/mpeg"/>'
    photo = '<enclosure url="/a.jpg?w=1" type="image/jpeg"/>'
    thumb = '<media:thumbnail url="/t"/>'
    assert announced(read(rss(f"<item><link>/a</link>{sound}</item>"))).image_url is None
    assert (
        announced(read(rss(f"<item><link>/a</link>{sound}{photo}</item>"))).image_url
        == "https://zeitung.example/a.jpg?w=1"
    )
    assert announced(read(rss(f"<item><link>/a</link>{sound}{thumb}</item>"))).image_url == "https://zeitung.example/t"


STORY = (
    "<rss><channel><item><title>Žluťoučký kůň</title><link>https://zeitung.example/kun</link></item></channel></rss>"
)
TITLE = "Žluťoučký kůň"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'<?xml version="1.0" encoding="iso-8859-1"?>' + STORY.encode(), None),
        (b'<?xml version="1.0" encoding="windows-1250"?>' + STORY.encode("cp1250"), "text/xml; charset=utf-8"),
        (STORY.encode("cp1250"), "application/rss+xml; charset=Windows-1250"),
        (b"\xef\xbb\xbf" + STORY.encode(), None),
        (b'\xef\xbb\xbf\n<?xml version="1.0" encoding="utf-16"?>' + STORY.encode(), None),
        (STORY.encode("utf-16"), None),
        (STORY.encode("utf-16-be"), None),
        (STORY.encode("utf-32"), None),
        (b"\n\n<br />\n<b>Warning</b>: foo() in bar.php\n<?xml version='1.0'?>" + STORY.encode(), "text/html"),
        (b"<!-- <html> <feed> --><?xml-stylesheet href='x'?>" + STORY.encode(), "text/plain"),
        (gzip.compress(STORY.encode(), mtime=0), None),
        (STORY.replace("ů", "&#367;").replace("ý", "&yacute;").replace("Ž", "&#x17D;").encode(), None),
    ],
)
def test_encodings_and_junk(body: bytes, content_type: str | None) -> None:
    """The bytes say what they are; labels are asked last, and what stands in front is passed over."""
    assert announced(read(body, content_type)).title == TITLE


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("A&nbsp;B &amp; C &foo; D & E", "A B & C &foo; D & E"),
        ("Q&amp;amp;A", "Q&A"),
        ("<![CDATA[a &lt; b && c]]>", "a < b && c"),
        ("5 < 6 und 7 &gt; 6", "5"),
        ("Caf\x00é\x0b \x1b[31mrot", "Café [31mrot"),
        ("&#146;tis &#x80;5", "’tis €5"),
        ("a&#0;b&#xD800;c&#11;d", "a\ufffdb\ufffdcd"),
        ("  viele \n\t Zeilen  ", "viele Zeilen"),
        ("x" * 5000, "x" * 1000),
        ("&lt;br&gt;eins&lt;br/&gt;zwei&lt;sup&gt;2&lt;/sup&gt; a &lt;wert&gt;", "eins zwei2 a <wert>"),
    ],
)
def test_damaged_titles(written: str, title: str) -> None:
    """Undeclared entities, lone ampersands, control characters and markup do not cut a title."""
    found = read(rss(f"<item><link>/a</link><title>{written}</title></item>"))
    assert (announced(found).title or "").startswith(title)


def test_a_broken_entry_does_not_take_the_others_along() -> None:
    """Wrong nesting, a missing end, an unclosed item: what can be read is read."""
    items = "<item><title><b>Eins</title><link>/1</link></item><item><link>/2</link></item><item><link>/3</link>"
    found = read(rss(items)[:-20])
    assert sorted(link.url[-1] for link in found.links) == ["1", "2", "3"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused(encoding: str) -> None:
    """A DOCTYPE that declares entities ends the reading, in any encoding."""
    body = '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY % a SYSTEM "file:///etc/hostname"> ]>' + STORY
    assert read(body.encode(encoding)) == Discovered(problem="entity-declarations")


def test_declarations_inside_the_root_are_not_read() -> None:
    """A DOCTYPE in the wrong place declares nothing."""
    body = STORY.replace("<rss>", '<rss><!DOCTYPE rss [<!ENTITY a "boom">]>').replace("<title>", "<title>&a;")
    assert not any("boom" in str(link.announced) for link in read(body).links)


def test_scope_and_refusals() -> None:
    """Links out of scope and to media files are returned with their reason; the same story twice is one link."""
    items = "".join(
        f"<item><link>{url}</link></item>"
        for url in (
            "https://zeitung.example/a",
            "http://www.zeitung.example/b",
            "https://zeitung.example/a#x",
            "https://anderswo.example/a",
            "https://zeitung.example/ton.mp3",
            "https://zeitung.example/intern/x",
            "javascript:x",
        )
    )
    found = read(rss(items), scope=Scope.of("https://zeitung.example/", deny=["/intern/"]))
    assert {link.url: link.refused for link in found.links} == {
        "https://zeitung.example/a": None,
        "http://www.zeitung.example/b": None,
        "https://anderswo.example/a": "offsite",
        "https://zeitung.example/ton.mp3": "media-file",
        "https://zeitung.example/intern/x": "denied",
    }
    assert [(link.url, link.refused) for link in found.unusable] == [("javascript:x", "invalid-url: scheme")]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "not-a-feed: html"),
        (b"<p>Please wait</p>", "not-a-feed: html"),
        (b"not found", "not-a-feed: text"),
        (b"<opml><body/></opml>", "not-a-feed: xml"),
        (b'{"error": 404}', "not-a-feed: json"),
        (b'[{"id": 1}]', "not-a-feed: json"),
        (b'{"items": ' + b"[" * 100_000, "not-a-feed: json"),
        (bytes(range(256)) * 10, "not-a-feed: binary"),
        (b"<rss><channel><title>Leer</title></channel></rss>", "no-entries"),
        (gzip.compress(rss("<item><link>/a</link></item>").encode(), mtime=0)[:-12], "damaged"),
    ],
)
def test_problems(body: bytes, problem: str) -> None:
    """What is no feed is named."""
    assert read(body).problem == problem


@pytest.mark.parametrize(
    ("head", "seconds"),
    [
        ("<ttl>60</ttl>", 3600),
        ("<ttl>0</ttl>", None),
        ("<ttl>soon</ttl>", None),
        ("<ttl>" + "9" * 5000 + "</ttl>", None),
        ("<sy:updatePeriod> daily </sy:updatePeriod>", 86400),
        ("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>24</sy:updateFrequency>", 3600),
        ("<sy:updatePeriod>sometimes</sy:updatePeriod>", None),
        ("<item><ttl>5</ttl></item>", None),
    ],
)
def test_how_long_a_feed_asks_to_be_left_alone(head: str, seconds: int | None) -> None:
    """The ttl in minutes, else the period over the frequency."""
    assert read(rss("", head)).hint == seconds


def test_plain_takes_anything() -> None:
    """What is no text is nothing."""
    nothing: list[object] = [None, 7, [], "", " \n", "<b></b>"]
    assert [plain(value, 10) for value in nothing] == [None] * 6
