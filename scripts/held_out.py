"""Which sites of the corpus are held out: no model that is measured on them has seen them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ONE_OF = 3  # sites
UNSEEN = Path(__file__).resolve().parent / "unseen_models"  # weights that were trained on the other sites alone


def site_of(row: Mapping[str, Any]) -> str:
    """The host of a page without `www.`; the page itself where it has no address."""
    return (urlsplit(row["url"] or "").hostname or str(row["id"])).removeprefix("www.")


def number(site: str) -> int:
    """A number by which sites are dealt out, the same on every machine."""
    return int(hashlib.sha1(site.encode(), usedforsecurity=False).hexdigest(), 16)


def is_held_out(site: str) -> bool:
    """One site of three, whatever corpus it is in."""
    return number(site) % ONE_OF == 0
