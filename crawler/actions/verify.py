"""`verify`: database and archive against each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import collection as collections
from crawler import console
from crawler.actions.database import opened
from storage.errors import DamageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Checks everything, reports each damage as it is found (`str()` names file and offset), returns how many captures it read.
Check = Callable[["Connection", Path, Callable[[object], None]], int]


def verify(folder: Path, check: Check, *, as_json: bool, note: Callable[[str], None]) -> None:
    """Print all damage. Raises DamageError when there is any."""
    collection = collections.find(folder)
    damage: list[str] = []

    def report(found: object) -> None:
        damage.append(str(found))
        if not as_json:
            console.out(console.one_line(damage[-1]))

    with opened(collection) as conn:
        checked = check(conn, collection.warc(), report)
    if as_json:
        console.out_json({"checked": checked, "damage": damage})
    if damage:
        raise DamageError(f"{collection.folder}: {len(damage)} damaged places; {checked} captures were checked")
    note(f"{checked} captures checked, no damage")
