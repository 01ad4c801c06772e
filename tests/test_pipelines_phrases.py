"""The word lists that tell lines and boxes around a story from the story."""

from __future__ import annotations

import unicodedata

import pytest

from pipelines import words

PHRASES = (
    "also_read",
    "more_from",
    "prompts",
    "credits",
    "legal_tails",
    "external_content",
    "times",
    "paywall_notices",
)
SCRIPTS = (
    "LATIN",
    "CYRILLIC",
    "GREEK",
    "ARABIC",
    "HEBREW",
    "DEVANAGARI",
    "BENGALI",
    "THAI",
    "HIRAGANA",
    "HANGUL",
    "CJK",
)
GROUPS = (
    *("content", "meta", "related", "social", "comment", "ad", "signup", "caption"),
    *("tags", "bio", "frame", "paywall", "live", "lead", "box", "widget"),
)


@pytest.mark.parametrize("name", PHRASES)
def test_phrases_are_written_one_way(name: str) -> None:
    """Phrases are lower case, NFC, without outer spaces or curly apostrophes, and none is there twice."""
    phrases = words.lines(name)
    assert [p for p in phrases if p != unicodedata.normalize("NFC", p.strip().lower().replace("\u2019", "'"))] == []
    assert len(set(phrases)) == len(phrases)


@pytest.mark.parametrize("name", PHRASES)
def test_no_phrase_is_a_single_letter(name: str) -> None:
    """A phrase has two letters at least."""
    assert [phrase for phrase in words.lines(name) if sum(map(str.isalpha, phrase)) < 2] == []


@pytest.mark.parametrize("name", PHRASES)
def test_the_mark_of_whole_lines_is_at_the_end_only(name: str) -> None:
    """`$` ends a phrase and does not stand alone within it."""
    assert [phrase for phrase in words.lines(name) if "$" in phrase[:-1]] == []


@pytest.mark.parametrize("name", PHRASES)
def test_phrases_are_in_many_scripts(name: str) -> None:
    """Each list speaks to readers of at least eleven scripts."""
    letters = {letter for phrase in words.lines(name) for letter in phrase if letter.isalpha()}
    assert set(SCRIPTS) <= {unicodedata.name(letter, "").split()[0] for letter in letters}


def test_groups_of_box_words_hold_tokens_once() -> None:
    """Every group of box_words is there, and names no token twice."""
    groups = dict(line.split(": ", 1) for line in words.lines("box_words"))
    assert tuple(groups) == GROUPS
    assert [name for name, tokens in groups.items() if len(set(tokens.split())) < len(tokens.split())] == []


def test_box_words_are_plain_tokens() -> None:
    """A token is of lower-case ASCII letters and digits, joined by single hyphens; only its end may be open."""
    tokens = " ".join(line.split(": ", 1)[1] for line in words.lines("box_words")).split()
    bare = [token.removesuffix("*").replace("-", "") for token in tokens]
    assert [token for token in bare if not (token.isascii() and token.isalnum() and token == token.lower())] == []
    assert [token for token in tokens if "--" in token] == []
