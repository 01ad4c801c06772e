"""What a CSS text needs: the URLs of `url()`, `@import` and `image-set()`, as written. Pure.

A scanner, not a parser: it knows the tokens of CSS Syntax Level 3 that may hold or hide a URL (comments, strings, escapes,
`url(` with and without quotes) and which at-rule or function they stand in. It reads each character once.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

MAX_CSS = 2_000_000  # characters that are read
MAX_URL = 32_000  # characters of one; data: URLs are longer, and none of ours
_MAX_NESTED = 200  # functions

_SCAN = re.compile(
    r"""
    (?P<comment>/\*.*?(?:\*/|\Z))
  | (?P<string>"(?:[^"\\\n\r\f]|\\(?:\r\n|.))*+(?:"|(?P<torn>[\n\r\f])|\Z|\\\Z)
              |'(?:[^'\\\n\r\f]|\\(?:\r\n|.))*+(?:'|(?P<torn1>[\n\r\f])|\Z|\\\Z))
  | (?P<url>(?<![\w\-\\])url\(\s*+(?P<bare>(?:[^"'()\\\s]|\\[^\n\r\f])*+)\s*+(?:\)|\Z))
  | (?P<function>(?P<name>-?[A-Za-z_][\w-]*+)\()
  | (?P<at>@(?P<rule>-?[A-Za-z][\w-]*+))
  | (?P<word>(?:[\w-]|\\.)++)
  | (?P<mark>[(){};])
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_BAD_URL = re.compile(
    r"(?!\s*+[\"'])(?:[^)\\]|\\.)*+\)?", re.DOTALL
)  # what follows `url(` and is neither bare nor quoted
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|[ \n\r\t\f])?|(\r\n|[\n\r\f])|(.))", re.DOTALL)
_CHARSET = re.compile(rb'@charset "([\w.:-]{1,40})"')
_SETS = frozenset({"image-set", "-webkit-image-set"})


def urls_of(css: str) -> Iterator[str]:
    """The URLs in a stylesheet, a `<style>` or a `style` attribute, in order. Never raises."""
    text, at, scan = css[:MAX_CSS], 0, _Scan()
    while (token := _SCAN.search(text, at)) is not None:
        at = token.end()
        written = scan.take(token)
        if written is not None and len(written) <= MAX_URL:
            yield unescaped(written).strip()
        if (token["name"] or "").lower() == "url" and (bad := _BAD_URL.match(text, at)):
            at = bad.end()
            scan.leave()


class _Scan:
    """Where in a stylesheet the scanner is: within which functions, behind which at-rule."""

    def __init__(self) -> None:
        self._functions: list[str] = []
        self._rule = ""

    def take(self, token: re.Match[str]) -> str | None:
        """Note a token; the URL in it, as written, if it has one that is to be fetched."""
        if token["url"]:
            return None if self._spend() == "namespace" else token["bare"]
        if token["string"]:
            return self._string(token)
        if token["at"]:
            self._rule, self._functions = token["rule"].lower(), []
        elif token["function"]:
            self._enter(token["name"].lower())
        elif token["mark"]:
            self._mark(token["mark"])
        return None

    def leave(self) -> None:
        """A function ends."""
        del self._functions[-1:]

    def _enter(self, name: str) -> None:
        if len(self._functions) < _MAX_NESTED:
            self._functions.append(name)

    def _mark(self, mark: str) -> None:
        if mark == "(":
            self._enter("")
        elif mark == ")":
            self.leave()
        else:  # whatever was left open ends here
            self._functions, self._rule = [], ""

    def _string(self, token: re.Match[str]) -> str | None:
        inside = self._functions[-1] if self._functions else ""
        wanted = inside in _SETS or (inside == "url" and self._rule != "namespace")
        if not self._functions:
            wanted = self._spend() == "import"
        elif inside == "url":
            self._spend()
        if not wanted or token["torn"] or token["torn1"]:
            return None
        quote = token["string"][0]
        return str(token["string"][1:].removesuffix(quote))

    def _spend(self) -> str:
        """The at-rule that this is the first string or URL of: what follows are its conditions."""
        rule, self._rule = self._rule, ""
        return rule


def unescaped(written: str) -> str:
    """The text of a string or URL, its escapes resolved."""
    return _ESCAPE.sub(_character, written) if "\\" in written else written


def _character(escape: re.Match[str]) -> str:
    if escape[1]:
        code = int(escape[1], 16)
        return chr(code) if 0 < code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"
    return escape[3] or ""


def text_of(body: bytes, charset: str | None) -> str:
    """A stylesheet's text: by its byte order mark, by what HTTP says, by `@charset`, else UTF-8. Never raises."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    said = _CHARSET.match(body)
    for declared in (charset, said[1].decode("ascii") if said else None):
        try:
            if declared:
                return body.decode(declared, "replace")
        except (LookupError, ValueError):
            continue
    return body.decode("utf-8", "replace")
