"""What another extractor reads otherwise, field by field. Pure."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.records import Candidate, NoArticle

FIELDS = (
    "title",
    "text",
    "authors",
    "organizations",
    "published_at",
    "published_local",
    "published_precision",
    "modified_at",
    "modified_local",
    "modified_precision",
    "page_type",
    "is_accessible_for_free",
    "language",
    "section",
    "tags",
    "description",
    "image_url",
    "site_name",
    "canonical_url",
    "word_count",
)
LARGEST = 20  # differences shown of a field
_LISTS = ("authors", "organizations", "tags")
_SHOWN = 120  # characters of a value


@dataclass(order=True, slots=True)
class Difference:
    """One field of one capture; `size` counts the words that only one of the two has."""

    size: int
    uid: str
    url: str = field(compare=False)
    before: Any = field(compare=False)
    after: Any = field(compare=False)


@dataclass(slots=True)
class FieldReport:
    """How a field fared."""

    same: int = 0
    changed: int = 0
    gained: int = 0  # unknown before
    lost: int = 0  # unknown now
    largest: list[Difference] = field(default_factory=list)  # a heap while it grows

    @property
    def share(self) -> float:
        """Of captures in which the field is not what it was."""
        differing = self.changed + self.gained + self.lost
        return differing / (differing + self.same) if differing + self.same else 0.0


@dataclass(slots=True)
class Report:
    """Extractions that are current against what the extractor at hand reads."""

    captures: int = 0
    rejected: Counter[str] = field(default_factory=Counter)  # no article any more, by reason
    unreadable: Counter[str] = field(default_factory=Counter)
    fields: dict[str, FieldReport] = field(default_factory=lambda: {name: FieldReport() for name in FIELDS})

    def take(self, uid: str, url: str, before: Mapping[str, Any], result: Candidate | NoArticle | str) -> None:
        """Compare one capture; `result` is a reason when it could not be read."""
        self.captures += 1
        if isinstance(result, str):
            self.unreadable[result] += 1
        elif isinstance(result, NoArticle):
            self.rejected[result.reason] += 1
        else:
            for name in FIELDS:
                self._field(name, uid, url, _stored(before, name), _read(result, name))

    def _field(self, name: str, uid: str, url: str, before: Any, after: Any) -> None:
        report = self.fields[name]
        if before == after:
            report.same += 1
            return
        if before in (None, [], ""):
            report.gained += 1
        elif after in (None, [], ""):
            report.lost += 1
        else:
            report.changed += 1
        difference = Difference(_size(before, after), uid, url, _short(before), _short(after))
        if len(report.largest) < LARGEST:
            heapq.heappush(report.largest, difference)
        else:
            heapq.heappushpop(report.largest, difference)


def _stored(row: Mapping[str, Any], name: str) -> Any:
    return json.loads(row[name]) if name in _LISTS else row[name]


def _read(candidate: Candidate, name: str) -> Any:
    value = getattr(candidate, name)
    return list(value) if name in _LISTS else value


def _size(before: Any, after: Any) -> int:
    """How many words only one of two values has; at least 1."""
    old, new = (Counter(str("" if value is None else value).split()) for value in (before, after))
    return max(1, ((old - new) + (new - old)).total())


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]}..."
    return value
