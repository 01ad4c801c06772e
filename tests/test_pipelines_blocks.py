"""From a tree to the lines that a reader sees, and the boxes they lie in."""

import pytest

from pipelines import blocks as module
from pipelines.blocks import MAX_BLOCKS, MAX_BOXES, Box, blocks_of
from pipelines.tree import parse


def read(html):
    """The boxes and blocks of an HTML text."""
    return blocks_of(parse(html))


def texts(html):
    """The texts of the blocks of an HTML text."""
    return [block.text for block in read(html).blocks]


def path(page, block):
    """The tags of the boxes around a block, the outermost first."""
    found, box = [], block.box
    while box >= 0:
        found.insert(0, page.boxes[box].tag)
        box = page.boxes[box].parent
    return found


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>The ferry sails.<p>It is late.", ["The ferry sails.", "It is late."]),
        ("<p>Le bac <em>part</em> <span>à <b>midi</b></span>.</p>", ["Le bac part à midi."]),
        ("<div>Über <span>die</span> Brücke<div>und zurück</div>heim</div>", ["Über die Brücke", "und zurück", "heim"]),
        ("<p>渡し船は<ruby>出<rt>で</rt></ruby>た。</p>", ["渡し船は出でた。"]),
        ("<p> \n\t мост \u00a0 закрыт \n</p><p> \n </p><p>&nbsp;</p>", ["мост закрыт"]),
        ("<p>ab<wbr>c<unknown>d</unknown>e</p>", ["abcde"]),
    ],
)
def test_a_block_is_a_run_of_inline_content(html, expected):
    """Block-level tags end a block, all others do not; white space is one blank, and alone it is nothing."""
    assert texts(html) == expected


def test_line_breaks_end_a_block():
    """What stands behind a <br> is a block of its own that says so; several in a row make no empty ones."""
    page = read("<p>Uno<br>dos<br><br><b>tres</b></p><p>cuatro</p>")
    assert [(block.text, block.broken) for block in page.blocks] == [
        ("Uno", False),
        ("dos", True),
        ("tres", True),
        ("cuatro", False),
    ]
    assert len({block.box for block in page.blocks[:3]}) == 1


def test_what_is_linked_strong_or_italic_is_counted():
    """Sizes are characters without the white space around them; what is both counts as both."""
    page = read(
        "<p>See <a href='/one'> <b>one</b> </a>, <i>so</i> <strong><em>both</em></strong> <a href=/two>two</a></p>"
    )
    (block,) = page.blocks
    assert (block.text, block.links, block.href) == ("See one , so both two", 2, "/one")
    assert (block.linked, block.strong, block.italic) == (6, 7, 6)


def test_counts_of_one_block_are_not_those_of_the_next():
    """A link around two paragraphs is the text of both; what ended before a block is not counted in it."""
    page = read("<a href=/x><p>one</p><p>four</p></a><p><a href=/y>two</a></p><p>plain</p>")
    assert [(block.text, block.linked) for block in page.blocks] == [("one", 3), ("four", 4), ("two", 3), ("plain", 0)]
    assert [(block.links, block.href) for block in page.blocks[2:]] == [(1, "/y"), (0, "")]


@pytest.mark.parametrize(
    "tag",
    ["script", "style", "svg", "template", "button", "select", "textarea", "object", "video", "iframe", "noframes"],
)
def test_what_is_no_text_by_its_tag_is_passed_over(tag):
    """Scripts, players and form controls give no text, and part none; what follows them does."""
    assert texts(f"<p>Most <{tag}>zavřen</{tag}>uzavřen</p>") == ["Most uzavřen"]


def test_a_button_that_is_never_closed_gives_the_article_back():
    """Where it has swallowed paragraphs, a button is a box as any other."""
    page = read("<div><button>Share<p>The bridge is closed.</p><p>It stays so.</p></div>")
    assert [block.text for block in page.blocks] == ["Share", "The bridge is closed.", "It stays so."]
    assert "button" in path(page, page.blocks[1])


@pytest.mark.parametrize(
    ("attributes", "hidden"),
    [
        ("hidden", True),
        ("hidden=''", True),
        ("style='color:red; display: none'", True),
        ("style='display:block'", False),
        ("style='float:none'", False),
        ("class=hidden", False),
    ],
)
def test_hidden_boxes_say_so(attributes, hidden):
    """By the attribute or by a style that shows nothing; the text is there all the same."""
    page = read(f"<div {attributes}><p>Tekst</p></div>")
    assert [(box.tag, box.hidden) for box in page.boxes] == [("body", False), ("div", hidden), ("p", False)]
    assert page.blocks[0].text == "Tekst"


def test_a_box_keeps_its_labels():
    """Class, id, itemprop and role, in this order, at most 300 characters of them."""
    page = read(f"<main id=i role=r class=c itemprop=p>x</main><section class='{'n' * 400}'>y</section>")
    assert page.boxes[1] == Box("main", "c i p r", 0)
    assert page.boxes[2].label == "n" * 300


def test_cells_are_boxes_of_their_own():
    """Each cell is a block in its box, within its row's."""
    page = read("<table><tr><th>Порт<td>41</tr><tr><td><p>Мост</p><td>62</table>")
    assert [(block.text, path(page, block)[1:]) for block in page.blocks] == [
        ("Порт", ["table", "tr", "th"]),
        ("41", ["table", "tr", "td"]),
        ("Мост", ["table", "tr", "td", "p"]),
        ("62", ["table", "tr", "td"]),
    ]
    assert len([box for box in page.boxes if box.tag == "tr"]) == 2


def test_only_boxes_with_text_are_made():
    """Empty elements leave nothing; those around a text are made with it, once."""
    page = read("<div><p></p><hr><ul><li> </li></ul></div><div><section>a<p>b</p><p></p>c</section></div>")
    assert [(box.tag, box.parent) for box in page.boxes] == [("body", -1), ("div", 0), ("section", 1), ("p", 2)]
    assert [(block.text, block.box) for block in page.blocks] == [("a", 2), ("b", 3), ("c", 2)]


def test_boxes_and_blocks_are_in_document_order():
    """A box comes behind the one around it; all of a box stands before what follows it."""
    page = read("<h1>1</h1><div>2<div>3<p>4</p>5</div><p>6</p></div><p>7</p>")
    assert "".join(block.text for block in page.blocks) == "1234567"
    assert [box.parent for box in page.boxes] == [-1, 0, 0, 2, 3, 2, 0]
    assert all(box.parent < index for index, box in enumerate(page.boxes))


def test_a_page_nested_deep_is_read_to_its_bottom():
    """The innermost of 250 elements keeps its text, its boxes, and what follows."""
    page = read("<div>" * 250 + "в глубине" + "</div>" * 250 + "<p>снаружи</p>")
    assert [block.text for block in page.blocks] == ["в глубине", "снаружи"]
    assert len(path(page, page.blocks[0])) > 100


@pytest.mark.parametrize("html", ["<title>Head</title>Text<p>more", "Text<p>more</p></body></html>", "<p>Text</p>more"])
def test_text_without_a_body_of_its_own_is_read(html):
    """Where the markup says nothing of a body, its text is found all the same; the head's is not."""
    assert texts(html) == ["Text", "more"]


@pytest.mark.parametrize("html", ["<p>Text</p></body>more", "<p>Text</p></body><div><p>more</p></div>"])
def test_text_behind_the_end_of_the_body_is_read(html):
    """It is shown, so it is read."""
    assert texts(f"<html><body>{html}") == ["Text", "more"]


def test_a_page_of_frames_has_no_text():
    """What stands there for those who show no frames is no story, and nothing fails."""
    frames = "<frame src=a><frame src=b><noframes><p>No frames.</p></noframes>"
    assert texts(f"<html><head><title>t</title></head><frameset>{frames}</frameset></html>") == []


@pytest.mark.parametrize(
    "html", ["<html></html>", "<!doctype html><body></body>", "<body><img src=a><br><br>", "<!-- a -->x"]
)
def test_a_page_with_next_to_nothing_is_read(html):
    """Empty pages have no boxes and no blocks; a comment is no text."""
    page = read(html)
    assert [block.text for block in page.blocks] == (["x"] if "x" in html else [])
    assert not page.cut


def test_a_huge_text_is_one_block():
    """Megabytes without any markup are one block of all its words."""
    (block,) = read("<p>" + "реката чака " * 200_000 + "</p>").blocks
    assert len(block.text) == len("реката чака ") * 200_000 - 1


def test_more_boxes_than_are_looked_at_are_left_out():
    """The walk ends after so many elements, says so, and keeps what it has."""
    page = read("<p>first</p>" + "<div></div>" * MAX_BOXES + "<p>last</p>")
    assert [block.text for block in page.blocks] == ["first"]
    assert page.cut


def test_as_many_boxes_as_are_looked_at_are_kept():
    """Just below the bound nothing is lost."""
    page = read("<div></div>" * (MAX_BOXES - 2) + "<p>last</p>")
    assert [block.text for block in page.blocks] == ["last"]
    assert not page.cut


def test_more_blocks_than_are_kept_are_left_out(monkeypatch):
    """The first ones are kept, and the page says that it is cut."""
    monkeypatch.setattr(module, "MAX_BLOCKS", 3)
    assert (texts("a<br>b<br>c"), read("a<br>b<br>c").cut) == (["a", "b", "c"], False)
    assert (texts("a<br>b<br>c<br>d"), read("a<br>b<br>c<br>d").cut) == (["a", "b", "c"], True)


def test_lines_within_one_box_are_bounded_too():
    """A box of line breaks alone gives no more blocks than any page."""
    page = read("<div>" + "x<br>" * (MAX_BLOCKS + 5) + "</div>")
    assert (len(page.blocks), page.cut) == (MAX_BLOCKS, True)
