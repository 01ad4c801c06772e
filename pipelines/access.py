"""Whether everybody may read all of a page, as far as it declares that; classes of a paywall's markup are no declaration. Pure."""

from __future__ import annotations

from functools import cache

from pipelines import words
from pipelines.claims import Claims
from pipelines.jsonld import Node
from pipelines.normalize import fold


def choose(claims: Claims) -> tuple[bool, str] | None:
    """True, or False where a paywall stands before some of it, and the source; None where nothing is declared."""
    said = [(claim, free) for claim in claims.of("free") if (free := _is_open(claim.value)) is not None]
    said += [(claim, not paid) for claim in claims.of("paid") if (paid := _is_open(claim.value)) is not None]
    weightiest = max(said, key=lambda pair: pair[0].weight, default=None)
    return (weightiest[1], weightiest[0].source) if weightiest else None


def closed_part(node: Node) -> bool:
    """Whether JSON-LD says that a part of the page is not free: hasPart with isAccessibleForFree (schema.org)."""
    parts = node.get("hasPart")
    listed = parts[:50] if isinstance(parts, list) else [parts]
    return any(
        isinstance(part, dict) and _is_open(str(part.get("isAccessibleForFree", ""))) is False for part in listed
    )


def _is_open(value: str) -> bool | None:
    """What a value says: also schema.org/True, "locked", "metered"."""
    key = fold(value[:200].strip().rsplit("/", 1)[-1])
    return True if key in _values("access_open") else False if key in _values("access_closed") else None


@cache
def _values(name: str) -> frozenset[str]:
    return frozenset(map(fold, words.lines(name)))
