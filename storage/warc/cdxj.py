"""CDXJ, the index that pywb and other replay tools search: one line a capture, sorted by reversed host name.

`urlkey timestamp {"url", "mime", "status", "digest", "length", "offset", "filename"}`. The key follows the canonical
form that the Internet Archive's tools agree on (SURT); written here from its description and from what they answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from storage.records import Capture, RecordPlace
from storage.warc.format import RecordHead
from storage.warc.http_message import header_text

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(//)?", re.IGNORECASE)
_TYPE = b"content-type"
_WWW = re.compile(r"www\d*\.(?=.)")
_AUTHORITY = re.compile(r"(?:.*@)?(\[[^\]]*\]|[^:]*)(?::([0-9]*))?", re.DOTALL)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_KEPT = "".join(chr(code) for code in range(33, 127) if chr(code) not in "#%")
_MAX_WITH_SESSION = 10_000  # characters; the patterns below take the square of their time
_IN_HOST = "".join(map(chr, range(33, 127)))  # a blank or line end, written as %20 or %0A, would break the line
_MAX_DEPTH = 50  # of percent-encoding upon itself: each level costs a pass, and a hostile URL could ask for thousands
_ASPX_SESSIONS = (
    re.compile(r"(.*/)\((?:[a-z]\([0-9a-z]{24}\))+\)/([^?]+\.aspx.*)", re.DOTALL),
    re.compile(r"(.*/)\([0-9a-z]{24}\)/([^?]+\.aspx.*)", re.DOTALL),
)
_QUERY_SESSIONS = (
    re.compile(r"(.*)jsessionid=[0-9a-z]{32}(?:&(.*))?", re.DOTALL),
    re.compile(r"(.*)phpsessid=[0-9a-z]{32}(?:&(.*))?", re.DOTALL),
    re.compile(r"(.*)sid=[0-9a-z]{32}(?:&(.*))?", re.DOTALL),
    re.compile(r"(.*)aspsessionid[a-z]{8}=[a-z]{24}(?:&(.*))?", re.DOTALL),
    re.compile(r"(.*)cfid=[^&]+&cftoken=[^&]+(?:&(.*))?", re.DOTALL),
)


def line(url: str, date: str, place: RecordPlace, said: Mapping[str, str | None]) -> str:
    """One CDXJ line without its newline, of a record with this WARC-Target-URI and WARC-Date.

    `said`: mime, status and digest, in this order; what is None is left out.
    """
    timestamp = "".join(filter(str.isdigit, date))[:14]
    where = {"length": str(place.length), "offset": str(place.offset), "filename": place.file}
    named = {"url": url, **{name: value for name, value in said.items() if value is not None}, **where}
    return f"{surt(url)} {timestamp} {json.dumps(named)}"


def of_response(capture: Capture, raw_head: bytes) -> str:
    """The line of an exchange whose response begins with `raw_head`: mime and status as they stand there."""
    is_revisit = capture.record_type == "revisit"
    return of_message(capture.url, capture.fetched_at, capture.place, capture.payload_digest, raw_head, revisit=is_revisit)


def of_message(
    url: str, date: str, place: RecordPlace, digest: str | None, raw_head: bytes, *, revisit: bool = False
) -> str:
    """The line of a record with an HTTP response whose header block is `raw_head`.

    Of a revisit indexes say that it is one instead of its media type.
    """
    start, *lines = raw_head.split(b"\n")
    status = header_text(start).rstrip().partition(" ")[2].strip().partition(" ")[0]
    types = (value for name, _, value in (raw.partition(b":") for raw in lines) if name.lower().rstrip() == _TYPE)
    mime = next(types, None)
    bare = None if mime is None else _bare(header_text(mime))
    said = {"mime": "warc/revisit" if revisit else bare, "status": status or None}
    return line(url, date, place, {**said, "digest": digest})


def of_resource(head: RecordHead, place: RecordPlace) -> str:
    """The line of a resource record."""
    said = {"mime": _bare(head.get("Content-Type") or ""), "digest": head.get("WARC-Payload-Digest")}
    return line(head.uri or "", head.date, place, said)


def _bare(content_type: str) -> str:
    """As indexes have it: nothing checked, nothing changed, but no parameters."""
    return re.split(r"[;\s]", content_type.strip(), maxsplit=1)[0]


def sorted_lines(lines: Iterable[bytes]) -> list[bytes]:
    """Lines in byte order, each once, each with its newline; one that has none was cut off and is dropped."""
    return sorted({whole for whole in lines if whole.endswith(b"\n")})


def surt(url: str) -> str:
    """`com,example)/path?query`: the key under which all spellings of a URL are found."""
    found = _SCHEME.match(url)
    if not found or not found[2]:
        return _opaque(url)
    rest = url[found.end() :].partition("#")[0]
    end = re.search(r"[/?]", rest)
    authority, tail = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    path, mark, query = tail.partition("?")
    return f"{_host(authority, found[1].lower())}){_path(path)}{_query(query) if mark else ''}"


def _opaque(url: str) -> str:
    path, mark, query = url.partition("#")[0].partition("?")
    return path.lower() + (_query(query) if mark else "")


@lru_cache(maxsize=4096)
def _host(authority: str, scheme: str) -> str:
    found = _AUTHORITY.fullmatch(authority)
    name, port = (found[1], found[2]) if found else (authority, None)
    name = ".".join(filter(None, unquote_to_bytes(name).decode("utf-8", "replace").strip("[]").lower().split(".")))
    name = ",".join(reversed(_WWW.sub("", _ascii(name), count=1).split(".")))
    port = port and (port.lstrip("0") or "0")
    return name if not port or port == _DEFAULT_PORTS.get(scheme) else f"{name}:{port}"


def _ascii(name: str) -> str:
    try:
        return quote(name if name.isascii() else name.encode("idna").decode("ascii"), safe=_IN_HOST)
    except UnicodeError:
        return quote(name)


def _path(path: str) -> str:
    segments: list[str] = []
    for segment in _escaped(path).removeprefix("/").split("/"):
        if segment == ".." and segments:
            segments.pop()
        elif segment != ".":
            segments.append(segment)
    return _without_sessions("/" + "/".join(filter(None, segments)).lower(), _ASPX_SESSIONS)


def _query(query: str) -> str:
    query = _without_sessions(_escaped(query).lower(), _QUERY_SESSIONS)
    return "?" + "&".join(sorted(query.split("&"), key=lambda pair: pair.split("=", 1))) if query else ""


def _without_sessions(text: str, patterns: Iterable[re.Pattern[str]]) -> str:
    for pattern in patterns if len(text) <= _MAX_WITH_SESSION else ():
        if found := pattern.fullmatch(text):
            text = "".join(group or "" for group in found.groups())
    return text


def _escaped(text: str) -> str:
    """Percent-encoding undone as often as it was done, then done once."""
    raw = text.encode("utf-8", "surrogatepass")
    for _ in range(_MAX_DEPTH):
        plain = unquote_to_bytes(raw)
        if plain == raw:
            break
        raw = plain
    return quote(raw, safe=_KEPT)
