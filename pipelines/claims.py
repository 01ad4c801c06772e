"""A claim: one value of one field, and where it was found. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.jsonld import Graph, Node

MAX_TITLE = 500  # characters


@dataclass(frozen=True, slots=True)
class Claim:
    """One value of one field, where it was found, and how far that place is to be trusted (0 to 100)."""

    field: str
    value: str
    source: str
    weight: int


@dataclass(frozen=True, slots=True)
class Claims:
    """All claims about a page, and the JSON-LD graph they came from."""

    all: tuple[Claim, ...]
    graph: Graph
    node: Node | None  # the graph's node of this article
    labels: frozenset[str] = frozenset()  # folded names that the site goes by
    organizations: frozenset[str] = frozenset()  # folded names that are declared to be of organisations

    def of(self, field: str) -> list[Claim]:
        """The claims of one field, most trusted first."""
        return sorted((claim for claim in self.all if claim.field == field), key=lambda claim: -claim.weight)

    def values(self, field: str) -> list[str]:
        """Their values alone."""
        return [claim.value for claim in self.of(field)]
