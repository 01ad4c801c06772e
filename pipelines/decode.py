"""The text of an HTML body, whatever charset it declares. Pure.

A declaration is a hint: BOM first, then UTF-8 where the bytes prove it, then what HTTP and <meta> declare,
then detection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from charset_normalizer import from_bytes
from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom

# In these, plain text is pure ASCII bytes or full of NULs, so that valid UTF-8 proves nothing.
_STATEFUL = ("utf-16", "utf-32", "iso2022", "iso-2022", "hz")
_UTF8 = ("utf-8", "utf8")
# Python's own inventions and what no browser reads: a page that declares one is written in something else.
_NO_CHARSETS = frozenset(
    "x-user-defined undefined punycode idna unicode_escape unicode-escape raw_unicode_escape raw-unicode-escape "
    "utf-7 mbcs oem".split()
)
_ENOUGH_GOOD = 20  # decoded non-ASCII characters for each broken one
_NON_ASCII = re.compile(rb"[\x00-\x7f]{0,8}(?:[\x80-\xff]+[\x00-\x7f]{0,4})+")
_ACCENTED_WORDS = re.compile("[\u00c0-\u00ff]{4,}")  # no language written in Latin letters has such
_WIDE_SAMPLE = 24  # bytes
_SAMPLE = 20_000  # bytes; detection costs milliseconds per kilobyte


def decode(body: bytes, content_type: str | None) -> str:
    """The body as text; bytes that no charset explains become U+FFFD. Never raises."""
    bom, rest = read_bom(body)
    if bom is not None and rest is not None:
        return body[len(rest) :].decode(bom, "replace")
    if (wide := unmarked_wide(body)) and (text := _mostly(body, wide)) is not None:
        return text
    declared = list(_declared(body, content_type))
    for charset in declared:
        if charset.startswith(_STATEFUL) and (text := _strict(body, charset)) is not None:
            return text
    return _utf8(body, declared) or _as_declared(body, declared) or _detected(body, declared)


def unmarked_wide(body: bytes) -> str | None:
    """`utf-16-le` or `utf-16-be` when markup begins in it without a byte order mark: every second byte is NUL."""
    start = body[:_WIDE_SAMPLE]
    if len(start) < _WIDE_SAMPLE:
        return None
    for charset, nul, letters in (("utf-16-le", start[1::2], start[::2]), ("utf-16-be", start[::2], start[1::2])):
        if not nul.strip(b"\x00") and letters.isascii() and letters.lstrip().startswith(b"<"):
            return charset
    return None


def _declared(body: bytes, content_type: str | None) -> Iterator[str]:
    for charset in (http_content_type_encoding(content_type), html_body_declared_encoding(body[:65_536])):
        if charset and charset.lower() not in _NO_CHARSETS:
            yield charset.lower()


def _strict(body: bytes, charset: str) -> str | None:
    try:
        return body.decode(charset)
    except (UnicodeError, LookupError):
        return None


def _mostly(body: bytes, charset: str) -> str | None:
    """The text when nearly all of it decodes: a torn last character or one bad widget does not change the charset."""
    try:
        text = body.decode(charset, "replace")  # unlike codecs.decode it refuses zlib, base64 and their like
    except (LookupError, ValueError):
        return None
    bad = text.count("\ufffd")
    good = sum(1 for char in text if char > "\x7f") - bad if bad else 0
    return text if bad == 0 or good >= _ENOUGH_GOOD * bad or bad <= min(3, good) else None


def _utf8(body: bytes, declared: list[str]) -> str | None:
    text = _strict(body, "utf-8")
    if text is None and (not declared or any(charset in _UTF8 for charset in declared)):
        text = _mostly(body, "utf-8")
    return text


def _as_declared(body: bytes, declared: list[str]) -> str | None:
    for charset in declared:
        text = _mostly(body, charset)
        if text is not None and not (charset in ("cp1252", "iso-8859-15", "latin-1") and _mojibake(text)):
            return text
    return None


def _mojibake(text: str) -> bool:
    """Whether words consist of accented letters: another script read as Latin-1, which decodes anything."""
    return len(_ACCENTED_WORDS.findall(text[:500_000])) >= 3


def _detected(body: bytes, declared: list[str]) -> str:
    sample = b" ".join(match.group() for match in _NON_ASCII.finditer(body[:2_000_000]))[:_SAMPLE]
    best = from_bytes(sample).best()
    for charset in ([best.encoding] if best else []) + declared:
        if (text := _mostly(body, charset)) is not None:
            return text
    return body.decode("utf-8", "replace")
