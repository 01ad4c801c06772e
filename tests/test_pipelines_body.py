"""Which text blocks of a page are its story, as paragraphs."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import block_model, body
from pipelines.blocks import blocks_of
from pipelines.body import chosen, find
from pipelines.features import Known, measure
from pipelines.paragraphs import Paragraph
from pipelines.tree import parse

SENTENCE = "Die Brücke bleibt den Sommer über gesperrt, sagt ihr Wärter, und niemand soll es eilig haben ({})."


def never():
    """A verdict that must not be asked for."""
    pytest.fail("trafilatura was heard")


def taken(html, known=None, chances=None):
    """The paragraphs of a page of which all blocks are as likely as told, at first certain."""
    page = blocks_of(parse(html))
    measured = measure(page, known or Known())
    numbers = measured.rows[:, 0].astype(float) * 0 + 1
    for index, chance in (chances or {}).items():
        numbers[index] = chance
    return chosen(page, known or Known(), measured, numbers)


def weighed(monkeypatch, alone, heard=1.0):
    """Let each model give one number to all blocks."""
    monkeypatch.setattr(block_model, "alone", lambda measured: measured.rows[:, 0].astype(float) * 0 + alone)
    monkeypatch.setattr(block_model, "with_verdict", lambda measured, *_: measured.rows[:, 0].astype(float) * 0 + heard)


PROSE = "".join(f"<p>{SENTENCE.format(number)}</p>" for number in range(5))


@pytest.mark.parametrize(("alone", "is_heard"), [(0.99, False), (0.8, True), (0.5, True), (0.0, False)])
def test_the_verdict_is_heard_only_in_doubt(monkeypatch, alone, is_heard):
    """Where the page alone tells enough, trafilatura is not asked; where not, the second model decides."""
    weighed(monkeypatch, alone)
    calls = []
    found = find(parse(PROSE), Known(), lambda: calls.append("asked") or "")
    assert bool(calls) == is_heard
    assert len(found.paragraphs) == (0 if alone == 0.0 else 5)


def test_the_second_model_decides_where_it_is_heard(monkeypatch):
    """What it finds unlikely is left out, whatever the first one said."""
    weighed(monkeypatch, 0.8, 0.1)
    assert find(parse(PROSE), Known(), lambda: "").paragraphs == []


def test_doubt_is_measured_in_width():
    """Sure pages have none, whole pages of halves have all; a little on a short page is little."""
    page = measure(blocks_of(parse(PROSE)), Known())
    assert body.doubt(page.rows[:, 0] * 0 + 1.0, page.width) == 0
    assert body.doubt(page.rows[:, 0] * 0 + 0.5, page.width) == pytest.approx(1)
    assert body.doubt(page.rows[:1, 0] * 0 + 0.5, page.width[:1] * 0 + 20) == pytest.approx(10 / 200)


def test_an_empty_page_has_no_body():
    """Without a block nothing is weighed and nothing asked."""
    assert find(parse("<html><body><img src=a></body></html>"), Known(), never) == body.Body([])


def test_a_page_of_nothing_but_links_has_no_body():
    """Menus are no story; where no block is left to weigh, nothing fails."""
    menu = "".join(f"<li><a href=/{word}>{word}</a></li>" for word in ("Start", "Sport", "Kultur", "Wetter", "Suche"))
    assert find(parse(f"<nav><ul>{menu}</ul></nav>"), Known(), lambda: "").paragraphs == []


def test_a_page_without_prose_has_no_body():
    """Labels and headlines of others are no story."""
    items = "".join(
        f"<li><h3><a href=/{number}>Die Brücke, {number}. Teil der Serie</a></h3>Heute" for number in range(6)
    )
    assert find(parse(f"<h2>Neues vom Fluss</h2><ul>{items}</ul>"), Known("Neues"), lambda: "").paragraphs == []


def test_a_plain_page_gives_its_story():
    """The paragraphs in their order, without menu and headlines of others."""
    menu = "<nav><a href=/a>Start</a> <a href=/b>Sport</a></nav>"
    page = f"{menu}<article><h1>Die Brücke</h1>{PROSE}</article><footer>Kontakt</footer>"
    found = find(parse(page), Known("Die Brücke"), lambda: "")
    assert found == body.Body([Paragraph(SENTENCE.format(number)) for number in range(5)])


def test_a_cut_page_says_so(monkeypatch):
    """Where more blocks are than are looked at, the body is cut."""
    monkeypatch.setattr("pipelines.blocks.MAX_BLOCKS", 4)
    assert find(parse(PROSE), Known(), lambda: "").cut


def test_cells_of_a_row_are_one_line():
    """They are joined by strokes; the next row is the next line, and lines within one cell stay lines."""
    table = "<tr><th>Порт<th>Мест</tr><tr><td>Север</td><td>41</td><td>62</td></tr><tr><td>Юг<br>и запад</td><td>7</td></tr>"
    assert taken(f"<p>Таблица портов на сегодня.</p><table>{table}</table>") == [
        Paragraph("Таблица портов на сегодня."),
        Paragraph("Порт | Мест", "row"),
        Paragraph("Север | 41 | 62", "row"),
        Paragraph("Юг"),
        Paragraph("и запад | 7", "row"),
    ]


def test_cells_of_different_tables_are_not_joined():
    """The innermost row counts: a table within a cell has rows of its own."""
    html = "<table><tr><td>a1<table><tr><td>b1</td><td>b2</td></tr></table></td><td>a2</td></tr></table>"
    assert [line.text for line in taken(html)] == ["a1", "b1 | b2", "a2"]


def test_cells_that_lay_out_a_page_are_not_joined():
    """A cell of more than 200 characters is a column of text, and so is what is beside it."""
    long = SENTENCE.format("lang") * 3
    assert taken(f"<table><tr><td>{long}</td><td>Ein kurzer Satz daneben.</td></tr></table>") == [
        Paragraph(long),
        Paragraph("Ein kurzer Satz daneben."),
    ]


def test_a_long_block_stands_once():
    """What is said again is left out, short lines are not."""
    again = "Мост закрыт на всё лето, говорит его смотритель."
    html = f"<p>{again}</p><p>— Да.</p><p>Паром ходит только днём и в хорошую погоду.</p><p>— Да.</p><p>{again}</p>"
    assert [line.text for line in taken(html)] == [
        again,
        "— Да.",
        "Паром ходит только днём и в хорошую погоду.",
        "— Да.",
    ]


@pytest.mark.parametrize(
    ("html", "kind"),
    [
        ("<p>x y</p>", "p"),
        ("<div>x y</div>", "p"),
        ("<h2>x y</h2>", "h2"),
        ("<h6><b>x y</b></h6>", "h6"),
        ("<ul><li>x y</ul>", "li"),
        ("<ol><li><p>x y</p></ol>", "li"),
        ("<dl><dt>x y</dl>", "p"),
        ("<dl><dd>x y</dl>", "li"),
        ("<blockquote><p>x y</p></blockquote>", "quote"),
        ("<blockquote><div><div><p>x y</p></div></div></blockquote>", "p"),
        ("<pre>x y</pre>", "pre"),
        ("<table><tr><td>x y</table>", "p"),
    ],
)
def test_paragraphs_have_kinds(html, kind):
    """By the nearest of the three boxes around them that tells one."""
    assert taken(html) == [Paragraph("x y", kind)]


@pytest.mark.parametrize(("chance", "is_taken"), [(0.46, True), (0.44, False)])
def test_what_is_likely_is_taken(chance, is_taken):
    """From a probability on, a block belongs to the story without the help of others."""
    assert bool(taken("<div>Kort rad utan punkt</div>", chances={0: chance})) == is_taken


@pytest.mark.parametrize(
    ("html", "chance", "is_taken"),
    [
        ("<p>{}</p>", 0.25, True),
        ("<p>{}</p>", 0.15, False),
        ("<div>{}</div>", 0.25, False),
        ("<p class=note>{}</p>", 0.25, False),
        ("<section class=box><p>{}</p></section>", 0.25, False),
    ],
)
def test_a_less_likely_sentence_among_its_like_is_taken(html, chance, is_taken):
    """Two neighbours of the same tag and labels, in boxes of the same labels, make up for some doubt."""
    page = f"<p>{SENTENCE.format(1)}</p>{html.format(SENTENCE.format(2))}<p>{SENTENCE.format(3)}</p>"
    assert len(taken(page, chances={1: chance})) == 2 + is_taken


@pytest.mark.parametrize(
    "line", ["Kurz.", "Eine lange Zeile, die nicht wie ein Satz endet, sondern wie eine Überschrift"]
)
def test_only_sentences_are_helped_by_their_like(line):
    """Short lines and those without an end stay out."""
    page = f"<p>{SENTENCE.format(1)}</p><p>{line}</p><p>{SENTENCE.format(3)}</p>"
    assert len(taken(page, chances={1: 0.4})) == 2


def test_one_neighbour_is_not_enough():
    """Nor are two that stand far away."""
    near = f"<p>{SENTENCE.format(1)}</p><p>{SENTENCE.format(2)}</p>"
    assert len(taken(near, chances={1: 0.4})) == 1
    far = (
        f"<p>{SENTENCE.format(1)}</p><p>{SENTENCE.format(2)}</p>"
        + "<div>Kurze Zeile {}</div>" * 6
        + f"<p>{SENTENCE.format(3)}</p>"
    )
    chances = {1: 0.4, **dict.fromkeys(range(2, 8), 0.0)}
    assert len(taken(far, chances=chances)) == 2 - 1 + 1


TAGS = (
    "p",
    "div",
    "br",
    "a",
    "b",
    "i",
    "td",
    "tr",
    "table",
    "li",
    "ul",
    "h1",
    "h2",
    "blockquote",
    "section",
    "button",
    "span",
)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<>&"), max_size=60)
WORDS = st.sampled_from(
    [
        "Also read:",
        "関連記事",
        "Foto: A. B.",
        "© 2026",
        "Newsletter",
        "12:30",
        "|",
        "Cookies and partners",
        "Die Brücke",
        "{}",
        "—",
        "",
    ]
)
LEAF = TEXT | WORDS | st.builds(SENTENCE.format, st.integers(0, 3))
TREES = st.recursive(
    LEAF,
    lambda inner: st.builds(
        lambda tag, label, children: f"<{tag} {label}>{''.join(children)}</{tag}>",
        st.sampled_from(TAGS),
        st.sampled_from(["", "class=related", "hidden", "href=/x", "id=comments", "style='display:none'"]),
        st.lists(inner, max_size=6),
    ),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(html=TREES, title=LEAF, author=LEAF, verdict=LEAF)
def test_any_tree_gives_nothing_but_text_of_the_page(html, title, author, verdict):
    """Whatever the tree, nothing fails, each paragraph is one or more whole blocks of it, and twice gives the same."""
    tree = parse(f"<html><body><p>!</p>{html}</body></html>")
    known = Known(title, "", "", (author,))
    found = find(tree, known, lambda: verdict)
    texts = {block.text for block in blocks_of(tree).blocks}
    for line in found.paragraphs:
        assert line.text in texts or (line.kind == "row" and all(_are_texts(line.text, texts)))
    assert find(tree, known, lambda: verdict) == found


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(html=TREES, title=LEAF, author=LEAF)
def test_all_that_is_likely_may_be_judged(html, title, author):
    """Where every block of any tree is taken, the rules for the rest do not fail and add nothing."""
    page = blocks_of(parse(f"<html><body><p>!</p>{html}</body></html>"))
    if page.blocks:
        known = Known(title, "", "", (author,))
        measured = measure(page, known)
        lines = chosen(page, known, measured, measured.rows[:, 0].astype(float) * 0 + 1)
        assert sum(len(line.text.replace(" | ", "")) for line in lines) <= sum(len(block.text) for block in page.blocks)


def _are_texts(row, texts):
    """For each cell of a row, whether it is a text of the page (or a part of one that has a stroke itself)."""
    return (any(cell in text for text in texts) for cell in row.split(" | "))
