"""A field's value as one clean phrase. Pure."""

from __future__ import annotations

import re
from html import unescape

from pipelines.normalize import clean_line

_SCRIPT = re.compile(r"<(script|style)\b[^<>]{0,300}>[^<]{0,2000}</\1\s{0,9}>", re.IGNORECASE)  # with what it says
_INLINE_MARKUP = re.compile(  # what feeds and JSON-LD leave in a phrase; any other <word> is the author's own
    r"</?(?:a|abbr|b|bdi|big|br|cite|code|del|div|em|font|h[1-6]|i|img|ins|mark|nobr|p|q|s|small|span|strike|strong|sub|sup|u|wbr)"
    r"(?:\s[^<>]{0,300})?/?>",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"https?://|^www\.|^/")


def phrase(value: str, limit: int) -> str | None:
    """The value on one line without markup and entities, at most `limit` characters; None for nothing or an address."""
    plain = _SCRIPT.sub(" ", unescape(unescape(value[: 8 * limit])))
    text = clean_line(_INLINE_MARKUP.sub(" ", plain), limit)
    return None if not text or _ADDRESS.match(text) else text


def site_name(value: str) -> str | None:
    """The name of a site, an account's without its @."""
    text = phrase(value, 80)
    return text.lstrip("@") or None if text else None
