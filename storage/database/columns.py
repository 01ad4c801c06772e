"""Types of columns: text that every database takes."""

from __future__ import annotations

import json
import re
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.types import TypeDecorator

from storage.database.dialects import SortedText

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_ESCAPED_UNSTORABLE = re.compile(r"\\u(0000|d[89a-f])", re.IGNORECASE)


class CleanText(TypeDecorator[str]):
    """Text from anywhere: NUL and lone surrogates, which databases refuse, become U+FFFD. Sorted by code point."""

    impl = SortedText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """What is sent to the database."""
        return None if value is None else clean(str(value))


class Json(CleanText):
    """A JSON list or object as text. An escaped NUL or lone surrogate in it would make PostgreSQL refuse to take it apart."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """What is sent to the database."""
        if value is not None and _ESCAPED_UNSTORABLE.search(value):
            value = json.dumps(_deeply_clean(json.loads(value)), ensure_ascii=False)
        return super().process_bind_param(value, dialect)


def clean(value: str) -> str:
    """`value` with U+FFFD for what no database stores."""
    return value if value.isascii() and "\0" not in value else _UNSTORABLE.sub("\ufffd", value)


def _deeply_clean(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case list():
            return [_deeply_clean(member) for member in value]
        case dict():
            return {clean(key): _deeply_clean(member) for key, member in value.items()}
    return value
