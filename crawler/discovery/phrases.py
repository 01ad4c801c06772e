"""The texts and addresses of feeds and sitemaps, in clean words: one line, no markup, no control characters."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from storage.urlkey import InvalidURL, canonical

TITLE_LENGTH = 1_000
LABEL_LENGTH = 200
_MAX_LABELS = 50
_INLINE_TAG = re.compile(
    r"</?(?:a|abbr|b|big|br|cite|code|del|div|em|font|h[1-6]|i|img|ins|mark|p|q|s|small|span|strong|sub|sup|u)\b[^<>]*>",
    re.IGNORECASE,
)
TAG = re.compile(r"<[/!]?[A-Za-z][^<>]*>|<!--.*?(?:-->|\Z)", re.DOTALL)
_BREAKING = re.compile(r"</?(?:br|p|div|li|ul|ol|h[1-6]|tr|td|th|blockquote|img|hr)\b", re.IGNORECASE)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufeff]")
_MAIL_AND_NAME = re.compile(r"[^\s@]+@[^\s()]+\s*\((.+)\)")
_NAME_AND_MAIL = re.compile(r"(.+?)\s*[<(][^<>()\s@]+@[^<>()\s]+[>)]")
_MAIL = re.compile(r"(?:mailto:)?[^\s@]+@[^\s@]+")
_AMPERSAND = re.compile(r"&(?:amp;|#0{0,5}38;|#x26;)", re.IGNORECASE)


def plain(value: object, limit: int, tags: re.Pattern[str] = _INLINE_TAG) -> str | None:
    """One line of text without HTML, at most `limit` characters; None when nothing is left or it is no text."""
    if not isinstance(value, str):
        return None
    text = value[: limit * 20]
    if "<" in text:
        text = tags.sub(_between_words, text)
    if "&" in text:
        text = html.unescape(text)
    return " ".join(_UNPRINTABLE.sub(" ", text).split())[:limit].strip() or None


def _between_words(tag: re.Match[str]) -> str:
    return " " if _BREAKING.match(tag[0]) else ""


def label(value: object) -> str | None:
    """A short text."""
    return plain(value, LABEL_LENGTH)


def distinct(texts: Iterable[str | None]) -> tuple[str, ...]:
    """The texts that say anything, each once whatever its case, at most fifty."""
    kept: dict[str, str] = {}
    for text in texts:
        if text and len(kept) < _MAX_LABELS:
            kept.setdefault(text.casefold(), text)
    return tuple(kept.values())


def address(written: object, base: str | None = None) -> str | None:
    """The canonical form of a URL as written; None when it has none."""
    if not isinstance(written, str) or not written:
        return None
    try:
        return canonical(mended_url(written), base)
    except InvalidURL:
        return None


def person(written: str | None) -> str | None:
    """The name in `desk@paper.example (Desk)` or `Desk <desk@paper.example>`; a bare address is no name."""
    text = plain(written, LABEL_LENGTH + 100) or ""
    match = _MAIL_AND_NAME.fullmatch(text) or _NAME_AND_MAIL.fullmatch(text)
    return label(match[1]) if match else None if _MAIL.fullmatch(text) else label(text)


def mended_url(url: str) -> str:
    """A URL as written in a feed, with ampersands that were escaped once too often."""
    return _AMPERSAND.sub("&", url) if "&" in url else url
