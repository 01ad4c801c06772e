"""What an edit changed, word by word."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.normalize import words_in
from storage.articles import edits
from storage.articles.edits import Op, Size, size

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = "The ferry will not sail on Monday, the harbour office said.\nRepairs take a week.\nBuses run every hour."


def marked(before: str, after: str) -> str:
    """Both texts in one: what went in [-...-], what came in {+...+}."""
    shown = {Op.EQUAL: "{}", Op.DELETE: "[-{}-]", Op.INSERT: "{{+{}+}}"}
    return "".join(shown[edit.op].format(edit.text) for edit in edits.edits(before, after))


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("the old ferry sails", "the new ferry sails", "the[- old-]{+ new+} ferry sails"),
        ("the ferry sails", "the old ferry sails", "the{+ old+} ferry sails"),
        ("the ferry sails.", "the ferry sails, again.", "the ferry sails{+, again+}."),
        ("one, two, three", "un, deux, three", "[-one, two-]{+un, deux+}, three"),
        ("a\nb\nc", "a\nc", "a[-\nb-]\nc"),
        ("It sails.\nCars too.", "It still sails.", "It{+ still+} sails.[-\nCars too.-]"),
        ("", "all new", "{+all new+}"),
        ("all gone", "", "[-all gone-]"),
        ("橋は夏の間閉鎖される。", "橋は秋の間も閉鎖される。", "橋は[-夏-]{+秋+}の間{+も+}閉鎖される。"),
        ("पुल गर्मी में बंद है", "पुल सर्दी में बंद है", "पुल[- गर्मी-]{+ सर्दी+} में बंद है"),
        ("Мост закрыт до июня", "Мост открыт до июня", "Мост[- закрыт-]{+ открыт+} до июня"),
        ("الجسر مغلق اليوم", "الجسر مفتوح اليوم", "الجسر[- مغلق-]{+ مفتوح+} اليوم"),
    ],
)
def test_changes_are_told_by_words(before: str, after: str, shown: str) -> None:
    """A changed word is one, in any script, and a comma between two of them goes along."""
    assert marked(before, after) == shown


def test_paragraphs_are_aligned_before_words() -> None:
    """A new paragraph is one stretch, whatever words of it are elsewhere in the text."""
    first, *rest = PAGE.split("\n")
    added = "The harbour office said that buses run on Monday."
    assert marked(PAGE, "\n".join([first, added, *rest])) == f"{first}{{+\n{added}+}}\n" + "\n".join(rest)


@pytest.mark.parametrize(
    ("before", "after", "counted"),
    [
        (PAGE, PAGE, Size(0, 0)),
        (PAGE, PAGE.replace("a week", "two long weeks"), Size(3, 2)),
        (PAGE, PAGE.replace(",", ";"), Size(0, 0)),
        (PAGE, "  " + PAGE.replace("\n", "\n\n") + "\n", Size(0, 0)),
        ("橋は夏の間", "橋は秋の間も", Size(2, 1)),
        ("", PAGE, Size(words_in(PAGE), 0)),
    ],
)
def test_the_size_of_an_edit_is_in_words(before: str, after: str, counted: Size) -> None:
    """Punctuation and white space are none; characters count in scripts without spaces."""
    assert size(before, after) == counted
    assert size(after, before) == Size(counted.removed, counted.added)


TEXTS = st.text(st.sampled_from("abc \n.,\u00e9\u0301橋夏\u0e01\u0e35\u093f\u0915-'"), max_size=60)


@given(TEXTS, TEXTS)
def test_both_texts_are_in_the_edits(before: str, after: str) -> None:
    """Joined, the equal and inserted stretches are the later text, and the equal and deleted ones the words of the earlier."""
    found = edits.edits(before, after)
    assert "".join(edit.text for edit in found if edit.op is not Op.DELETE) == after.strip()
    earlier = "".join(edit.text for edit in found if edit.op is not Op.INSERT)
    assert "".join(earlier.split()) == "".join(before.split())


@given(TEXTS, TEXTS)
def test_words_are_counted_as_everywhere(before: str, after: str) -> None:
    """What was added is more than what was removed by just the difference of the word counts."""
    counted = size(before, after)
    assert counted.added - counted.removed == words_in(after) - words_in(before)


def _shuffled(seed: int) -> str:
    return " ".join(map(str, random.Random(seed).sample(range(15_000), 15_000)))


HOSTILE: dict[str, Callable[[], tuple[str, str]]] = {
    "one word, a million times": lambda: ("a " * 1_000_000, "b " + "a " * 999_999),
    "no line in common": lambda: ("a\n" * 1_000_000, "b\n" * 1_000_000),
    "the same lines in reverse": lambda: ("\n".join(map(str, range(99_999))), "\n".join(map(str, range(99_999, 0, -1)))),
    "the same words in any order": lambda: (_shuffled(1), _shuffled(2)),
    "three characters over and over": lambda: ("あいう" * 33_000, "いあう" * 33_000),
    "white space": lambda: ("a" + " \n" * 500_000 + "b", "a" + "\n " * 500_000 + "c"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_takes_long(name: str) -> None:
    """Texts made to be hard are aligned, well or badly, in a time that grows with their length alone."""
    before, after = HOSTILE[name]()
    assert size(before, after).added > 0
