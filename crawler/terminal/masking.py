"""Secrets blotted out of text that leaves the machine by a log or a ping. Pure; every pattern is linear."""

from __future__ import annotations

import re
from urllib.parse import unquote

MASK = "***"

_USERINFO = re.compile(r"://[^/?#@\s]*@")
_PARAMETER = re.compile(r"([?&;#])([^=&;#\s]{1,80})=([^&;#\s\"'<>]*)")
_HEADER = re.compile(r"\b((?:proxy-)?authorization|(?:set-)?cookie2?)\b([\"']?\s{0,4}[:=]).*", re.IGNORECASE | re.DOTALL)
_SETTING = re.compile(
    r"\b(password|passwd|pwd|passphrase|passfile|secret|api[_-]?key|access[_-]?token|auth[_-]?token)"
    r"([\"']?\s{0,4}[:=]\s{0,4})(?:\"[^\"]*\"|'[^']*'|[^\s&;,]+)",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"token|secret|passw|passphrase|pwd|credential|signature|session|apikey|api[_-]key|auth"
    r"|(?:^|[._-])(?:key|sig|sid|code|jwt)$|^pass$",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """Text without user and password of URLs, secrets among their parameters, credentials of headers and settings."""
    text = _USERINFO.sub(f"://{MASK}@", text)
    text = _PARAMETER.sub(_parameter, text)
    text = _SETTING.sub(rf"\1\2{MASK}", text)
    return _HEADER.sub(rf"\1\2 {MASK}", text)


def _parameter(found: re.Match[str]) -> str:
    secret = _SECRET_NAME.search(unquote(found[2]))
    return f"{found[1]}{found[2]}={MASK}" if secret else found[0]
