"""The trees that weigh text blocks, against a plain reading of the same files."""

import json
from importlib.resources import files
from math import exp, isfinite

import numpy as np
import pytest

from pipelines import block_model
from pipelines.block_model import VERDICT_COLUMNS, Trees, agreement, squeezed, trees
from pipelines.blocks import blocks_of
from pipelines.features import Known, Measured, measure
from pipelines.tree import parse

NAMES = ("alone", "with_verdict")
PAGE = """<html><body><nav><a href=/a>Start</a> <a href=/b>Sport</a></nav><article><h1>Most bude zavřen celé léto</h1>
<p>Most přes řeku bude zavřen od června do září, řekl v pondělí jeho správce.</p>
<p>Řidiči mají jezdit přes brod u mlýna, který je otevřen jen za nízké vody.</p></article>
<aside><h3>Čtěte také</h3><ul><li><a href=/c>Přívoz jede bez kapitána</a></ul></aside></body></html>"""


def told(name):
    """What a model's file says."""
    return json.loads(files("pipelines.models").joinpath(f"{name}.json").read_text("utf-8"))


def plainly(told, row):
    """The probability of one row, tree by tree and level by level, without numpy."""
    size = len(told["leaves"][0])
    depth = size.bit_length() - 1
    score = told["bias"]
    for number, leaves in enumerate(told["leaves"]):
        leaf = 0
        for level in range(depth):
            at = number * depth + level
            leaf += (row[told["columns"][at]] > float(np.float32(told["borders"][at]))) << level
        score += leaves[leaf]
    return 1 / (1 + exp(-max(-50, min(50, score))))


def rows_for(told, count):
    """Rows of the model's width: random ones around its borders, with borders themselves among them."""
    random = np.random.default_rng(7)
    borders = np.array(told["borders"], np.float32)
    rows = random.normal(0, 2, (count, told["width"])).astype(np.float32)
    for column, border in zip(told["columns"], borders, strict=True):
        chosen = random.random(count) < 0.5 / np.sqrt(len(borders))
        rows[chosen, column] = border
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_trees_are_what_a_plain_reading_of_their_file_gives(name):
    """Level by level, the first one is the lowest bit, and a border itself is not above it."""
    rows = rows_for(told(name), 120)
    expected = [plainly(told(name), row.tolist()) for row in rows]
    assert trees(name).probabilities(rows) == pytest.approx(expected, abs=1e-9)
    assert max(expected) - min(expected) > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_weighed_one_by_one(name, monkeypatch):
    """In pieces of any size, or alone, a row has the same probability."""
    rows = rows_for(told(name), 23)
    whole = trees(name).probabilities(rows)
    for size in (1, 7, 22, 23, 24):
        monkeypatch.setattr(block_model, "_AT_ONCE", size)
        assert trees(name).probabilities(rows) == pytest.approx(whole, rel=1e-9)
    assert trees(name).probabilities(rows[5:6]) == pytest.approx(whole[5:6], rel=1e-9)


def test_no_rows_have_no_probabilities():
    """A page without blocks is none to weigh."""
    assert trees("alone").probabilities(np.zeros((0, told("alone")["width"]), np.float32)).shape == (0,)


def test_a_score_beyond_all_measure_is_still_a_probability():
    """What is far beyond is 0 or 1, without a warning."""
    extreme = Trees(np.array([0]), np.array([0.5], np.float32), np.array([[-1e6, 1e6]]), 0.0, 1)
    assert extreme.probabilities(np.array([[0], [1]], np.float32)) == pytest.approx([0, 1], abs=1e-20)


def test_the_bits_of_a_leaf():
    """With two questions, the leaves are: neither, the first, the second, both."""
    two = Trees(np.array([0, 1]), np.array([0, 0], np.float32), np.array([[0.1, 0.2, 0.3, 0.4]]), 0.5, 2)
    found = two.probabilities(np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32))
    assert found == pytest.approx([1 / (1 + exp(-0.5 - leaf)) for leaf in (0.1, 0.2, 0.3, 0.4)])


@pytest.mark.parametrize("name", NAMES)
def test_a_model_fits_what_is_measured(name):
    """Its width is that of the numbers of a block, with four more of trafilatura's verdict in one; all it says is finite."""
    model = told(name)
    measured = measure(blocks_of(parse(PAGE)), Known())
    assert model["width"] == measured.rows.shape[1] + (VERDICT_COLUMNS if name == "with_verdict" else 0)
    assert set(model["columns"]) <= set(range(model["width"]))
    sizes = {len(leaves) for leaves in model["leaves"]}
    assert len(sizes) == 1
    depth = sizes.pop().bit_length() - 1
    assert len(model["columns"]) == len(model["borders"]) == len(model["leaves"]) * depth
    assert all(len(leaves) == 1 << depth for leaves in model["leaves"])
    numbers = [model["bias"], *model["borders"], *(leaf for leaves in model["leaves"] for leaf in leaves)]
    assert all(map(isfinite, numbers))


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_small(name):
    """Less than a megabyte, as it is installed."""
    assert len(files("pipelines.models").joinpath(f"{name}.json").read_bytes()) < 1_000_000


def test_the_same_page_is_weighed_the_same():
    """Twice the same page, and other pages between, give the same numbers to the last bit."""
    first, texts = _weighed(PAGE)
    _weighed(PAGE.replace("Most", "Brod"))
    again, _ = _weighed(PAGE)
    assert [numbers.tolist() for numbers in first] == [numbers.tolist() for numbers in again]
    assert all(numbers.dtype.kind == "f" and ((numbers >= 0) & (numbers <= 1)).all() for numbers in first)
    assert len(first[0]) <= len(texts)


def _weighed(html):
    page = blocks_of(parse(html))
    measured = measure(page, Known("Most bude zavřen celé léto"))
    texts = [block.text for block in page.blocks]
    return (block_model.alone(measured), block_model.with_verdict(measured, texts, "\n".join(texts[2:5]))), texts


def test_prose_is_likelier_to_be_text_than_links():
    """On a plain page, each paragraph of the story has more of a chance than any headline of another."""
    more = "".join(
        f"<p>Starosta řekl, že oprava má {part}. část, že ji platí město a že nikdo nemá spěchat, protože řeka počká.</p>"
        for part in range(2, 9)
    )
    page = blocks_of(parse(PAGE.replace("</article>", f"{more}</article>")))
    measured = measure(page, Known("Most bude zavřen celé léto"))
    chances = dict(zip((page.blocks[index].text for index in measured.kept), block_model.alone(measured), strict=True))
    prose = [chance for text, chance in chances.items() if text.endswith(".")]
    assert len(prose) == 9
    assert min(prose) > 0.5 > chances["Přívoz jede bez kapitána"]


def test_agreement_is_what_another_extractor_has_of_a_block():
    """The share of beginning, middle and end of each kept block, that of the blocks beside it, and of the page by width."""
    texts = ["a" * 90, "left out", "b" * 30 + "c" * 15 + "d" * 30 + "e" * 15, "short one"]
    measured = Measured(np.zeros((3, 1), np.float32), np.array([0, 2, 3]), np.array([90.0, 8.0, 90.0, 9.0]))
    found = agreement(measured, texts, "x" + "b" * 30 + " c|" + "*short\none#")
    assert found[:, 0] == pytest.approx([0, 1 / 3, 1])
    assert found[:, 1] == pytest.approx([0, 0, 1 / 3])
    assert found[:, 2] == pytest.approx([1 / 3, 1, 0])
    assert found[:, 3] == pytest.approx([(90 / 3 + 9) / 197] * 3)
    assert found.shape == (3, VERDICT_COLUMNS)


@pytest.mark.parametrize(
    ("block", "verdict", "share"),
    [
        ("Die Fähre", "Die Fähre fährt.", 1),
        ("Die Fähre", "die fähre", 0),
        ("##", "## Die", 0),
        ("渡し船は 出た", "渡し船は出た。", 1),
        ("m" * 60 + "n", "m" * 60, 2 / 3),
        ("k" * 40 + "m" * 40 + "n" * 40, "m" * 20 + "n" * 10, 1 / 3),
        ("Wort", "", 0),
    ],
)
def test_white_space_and_marks_make_no_difference(block, verdict, share):
    """A short block has to stand there whole; nothing but marks stands nowhere."""
    measured = Measured(np.zeros((1, 1), np.float32), np.array([0]), np.array([9.0]))
    assert agreement(measured, [block], verdict)[0, 0] == pytest.approx(share)


def test_texts_are_compared_without_marks():
    """Blanks, strokes, stars and hashes go; all else stays."""
    assert squeezed("# Мост |\n* закрыт*, да\u00a0-") == "Мостзакрыт,да-"
