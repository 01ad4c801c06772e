"""From an HTML text to one tree, and what one walk over it finds."""

import pytest

from pipelines.classify import shape
from pipelines.tree import parse, survey, text_of

MANY = " ".join(f"a{number}=1" for number in range(1_001))
QUOTED = " ".join(f"a{number}='>'" for number in range(1_001))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a\x00b\x0bc\x1fd", "abcd"),
        ("a&#1;b&#x1F;c&#127;d", "abcd"),
        ("a\ufffeb\uffffc\ud800d", "abcd"),
        ("five &#128; and &#x92;", "five € and ’"),
        ("a&\x00#1;b", "ab"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("&#27;[31mred", "red"),
        ("&#65;&#x42;&#233;&#x4e2d;", "ABé中"),
    ],
)
def test_no_tree_holds_what_is_no_character(written, read):
    """Controls, escapes, surrogates and non-characters go, also as references; 128 to 159 mean Windows-1252."""
    assert text_of(parse(f"<p>{written}</p>").find(".//p")) == read


@pytest.mark.parametrize("attributes", [MANY, QUOTED], ids=["plain", "angles in quotes"])
def test_a_tag_with_too_many_attributes_loses_them(attributes):
    """More than a thousand attributes go; the element, its text and its neighbours stay as they are."""
    tree = parse(f"<h1 class=a>Bridge</h1><p {attributes}>closed</p><p title='>'>all summer</p>")
    assert [(element.tag, dict(element.attrib), element.text) for element in tree.find("body")] == [
        ("h1", {"class": "a"}, "Bridge"),
        ("p", {}, "closed"),
        ("p", {"title": ">"}, "all summer"),
    ]


def test_a_long_tag_with_few_attributes_keeps_them():
    """It is their number that is bounded, not their length."""
    assert parse(f"<p title='{'long ' * 1_000}'>x</p>").find(".//p").get("title") == "long " * 1_000


def test_labels_are_read_within_the_body():
    """Bylines, dates and microdata are elements of the body, in their order; in the head nothing is shown."""
    found = survey(
        parse(
            "<head><meta itemprop=author content=A><meta name=author content=B class=author></head><body class=author>"
            "<p class=byline>C<time class=when>D</time><a rel=author>E</a><span id=pub-date itemprop=datePublished>F</span>"
        )
    )
    assert found.metas == {"author": ["A", "B"]}
    assert [element.text for element in found.bylines] == ["C", "E"]
    assert [element.text for element in found.dated] == ["F"]
    assert [element.text for element in found.itemprops] == ["F"]
    assert [element.text for element in found.times] == ["D"]


def test_what_links_and_teasers_say_is_told_from_a_story():
    """Headlines that are links and the short texts below them are retold; labels, anchors and paragraphs are not."""
    page = shape(
        parse(
            "<h2><a href=/1>A bridge, and a <b>ford</b></a></h2><p>Both will be closed: all summer.</p>"
            "<a href=/2>More</a><a href='#top'>Back to the top of the page</a>"
            f"<a href=/3>{'Whole paragraphs of a story are links. ' * 10}</a><p>Nobody has said why, so far.</p>"
        )
    )
    assert page.retold() == {"a bridge and a ford", "both will be closed all summer"}
    assert page.headlines == 1
