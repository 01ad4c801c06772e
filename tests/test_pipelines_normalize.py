"""Clean text fields and the wording that tells versions apart."""

import pytest

from pipelines.normalize import clean_line, clean_text, wording, words_in


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("\x1b[31mFerry\x1b[0m late", "Ferry late"),
        ("\x1b]0;title\x07Ferry", "Ferry"),
        ("a\u202eb\u202cc\u2066d\u2069", "abcd"),
        ("zero\u200bwidth\ufeff and soft\u00adhyphen", "zerowidth and softhyphen"),
        ("nul\x00 bell\x07 del\x7f c1\x9c", "nul bell del c1"),
        ("cafe\u0301", "café"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("  many \t\u00a0 spaces ", "many spaces"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u200cb \u200d", "ab"),
    ],
)
def test_a_line_comes_out_clean(dirty, clean):
    """Control, escape, direction and invisible characters go; the joiners that Persian spells with stay."""
    assert clean_line(dirty) == clean


def test_text_keeps_one_paragraph_a_line():
    """Every kind of line break becomes one newline, and empty lines go."""
    assert clean_text("one\r\n\r\n two  words \u2028three\x0bfour") == "one\ntwo words\nthree\nfour"


def test_a_title_is_cut_at_its_limit():
    """A megabyte of title costs no more than its limit."""
    assert len(clean_line("word " * 200_000, 500)) <= 500


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a  b\nc", "a b c"),
        ("“quoted” text", '"quoted" text'),
        ("a – b", "a - b"),
        ("it’s", "it's"),
        ("wait…", "wait..."),
    ],
)
def test_wording_ignores_white_space_and_punctuation_variants(one, other):
    """A new quote mark is no new version."""
    assert wording("T", one) == wording("T", other)


@pytest.mark.parametrize(("one", "other"), [("Five died", "Six died"), ("us", "US"), ("a b", "ab")])
def test_wording_sees_words_and_case(one, other):
    """Another word or another case is another wording."""
    assert wording("T", one) != wording("T", other)


def test_words_are_counted_in_every_script():
    """Where a script has no spaces, its characters count."""
    assert (words_in("Two words"), words_in("港の会議"), words_in("")) == (2, 4, 0)


def test_an_open_escape_takes_nothing_with_it():
    """A terminal command goes with its text only where it ends: one that is left open does not hide what follows."""
    assert clean_text("The \x1b]0;forged\x07quiet \x1bPforged\x1b\\harbour") == "The quiet harbour"
    assert clean_text("The \x1b]quiet \x1bPharbour\nlies still") == "The quiet harbour\nlies still"


def test_heaped_marks_are_bounded():
    """A letter keeps at most thirty marks; words as people write them keep all."""
    assert len(clean_text("a" + "\u0323\u0301" * 500)) <= 31
    assert clean_text("Việt Nam, כָּל, हिन्दी") == "Việt Nam, כָּל, हिन्दी"


@pytest.mark.parametrize("heap", ["\u0323\u0301", "\U0001d165\u0323", "\U0001e8d0", "\u0f71\u0f74"])
def test_a_heap_of_any_marks_is_bounded(heap):
    """Thirty marks stay, whatever plane they are from; the letters and marks around a heap are not touched."""
    text = clean_text(f"Việt x{heap * 200} कि {heap}")
    assert len(text.split()[1]) <= 31
    assert [text.split()[0], text.split()[2]] == ["Việt", "कि"]
    assert clean_text("q" + "\u0323" * 30) == "q" + "\u0323" * 30


def test_what_else_is_in_a_text_does_not_change_how_a_character_is_cleaned():
    """Texts that hold nothing to remove take a shorter way, with the same end."""
    characters = [chr(code) for code in range(0x20, 0x10000)]
    changed = [char for char in characters if clean_text(f"a{char}b") != clean_text(f"a{char}b \u200b")]
    assert changed == []
