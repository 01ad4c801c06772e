r"""The application/warc-fields block of an exchange's metadata record: why and how it was made.

One `name: value` a line, UTF-8. In a value a backslash begins an escape (`\\`, `\r`, `\n`, `\xHH`, `\uHHHH`), so that
every value keeps to its line and comes back as it was; `announced` alone is JSON, which has escapes of its own.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

from storage.records import Announced, Exchange, FetchContext, Kind

_UNSAFE = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_TO_ESCAPE = re.compile(rf"[\\{_UNSAFE}]|\A\s|\s\Z")
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|([\\rn]))")
_SHORT = {"\\": "\\\\", "\r": "\\r", "\n": "\\n"}
_LONG = {"\\": "\\", "r": "\r", "n": "\n"}
_NOT_IN_JSON_LINE = re.compile(f"[{_UNSAFE}]")
_ANNOUNCED = "announced"
_OF_CONTEXT = frozenset(
    {"run", "source", "kind", "frontierUrl", "via", "hopsFromSeed", "redirectedFrom", "attempt", _ANNOUNCED}
)


def fields_block(named: Iterable[tuple[str, str | None]]) -> bytes:
    """A warc-fields block; values that are None are left out."""
    lines = (f"{name}: {_escape(name, value)}\r\n" for name, value in named if value is not None)
    return "".join(lines).encode("utf-8")


def parse_fields(block: bytes) -> dict[str, str]:
    """The inverse of `fields_block`; of a name that comes twice the first counts."""
    named: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            named.setdefault(name.strip(), _unescape(name, value.strip()))
    return named


def exchange_block(exchange: Exchange) -> bytes:
    """The metadata block of an exchange; `context_of` and `interim_of` read it back."""
    context = exchange.context
    return fields_block(
        (
            ("run", context.run_id),
            ("source", context.source),
            ("kind", str(context.kind)),
            ("frontierUrl", context.frontier_url),
            ("via", context.via),
            ("hopsFromSeed", str(context.hops_from_seed)),
            ("redirectedFrom", context.redirected_from),
            ("attempt", str(context.attempt)),
            (_ANNOUNCED, _announced_json(context.announced)),
            ("fetchTimeMs", str(exchange.fetch_ms)),
            ("ended", str(exchange.ended)),
            ("error", exchange.error),
            ("tls", exchange.tls),
            ("peerPort", None if exchange.peer_port is None else str(exchange.peer_port)),
            ("interim", base64.b64encode(exchange.interim).decode("ascii") if exchange.interim else None),
        )
    )


def context_of(block: bytes) -> tuple[FetchContext, dict[str, str]]:
    """The context in a metadata block, and its other fields by name.

    Raises ValueError when the block is not of an exchange of ours.
    """
    named = parse_fields(block)
    missing = {"run", "source", "kind", "frontierUrl"} - named.keys()
    if missing:
        raise ValueError(f"no metadata of an exchange: {', '.join(sorted(missing))} missing")
    context = FetchContext(
        run_id=named["run"],
        source=named["source"],
        kind=Kind(named["kind"]),
        frontier_url=named["frontierUrl"],
        via=named.get("via"),
        hops_from_seed=int(named.get("hopsFromSeed", "0")),
        redirected_from=named.get("redirectedFrom"),
        attempt=int(named.get("attempt", "1")),
        announced=_announced(named.get(_ANNOUNCED)),
    )
    return context, {name: value for name, value in named.items() if name not in _OF_CONTEXT}


def interim_of(extra: Mapping[str, str]) -> bytes:
    """The 1xx answers that came before the response, from the other fields of `context_of`."""
    return base64.b64decode(extra.get("interim", ""))


def _escape(name: str, value: str) -> str:
    return value if name == _ANNOUNCED else _TO_ESCAPE.sub(lambda found: _SHORT.get(found[0]) or _code(found[0]), value)


def _code(char: str) -> str:
    return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}"


def _unescape(name: str, value: str) -> str:
    if name == _ANNOUNCED or "\\" not in value:
        return value
    return _ESCAPED.sub(lambda found: _LONG[found[3]] if found[3] else chr(int(found[1] or found[2], 16)), value)


def _announced_json(announced: Announced | None) -> str | None:
    if announced is None:
        return None
    said = {name: value for name, value in asdict(announced).items() if value not in {None, ()}}
    text = json.dumps(said, ensure_ascii=False, sort_keys=True)
    return _NOT_IN_JSON_LINE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _announced(text: str | None) -> Announced | None:
    if text is None:
        return None
    try:
        said = json.loads(text)
    except RecursionError:
        raise ValueError("announced is nested too deep") from None
    if not isinstance(said, dict):
        raise ValueError("announced is no object")  # noqa: TRY004 - of the archive's making, not of the caller's
    known = {field.name for field in fields(Announced)}
    kept: Any = {
        name: tuple(value) if isinstance(value, list) else value for name, value in said.items() if name in known
    }
    return Announced(**kept)
