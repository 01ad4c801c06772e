"""What a response yields, gathered to one `Harvest` and settled as one: child links, outcome and acknowledgement together.

Scrapy exhausts a callback's generator before the requests it yields are scheduled and its items are processed, so the end
of a callback proves nothing. Here the requests of a callback never reach Scrapy's scheduler: they become links of the
Harvest, and one database transaction stores them with the outcome of the page and ends its lease.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scrapy import Request
from scrapy.http import Response

from storage.records import Announced, Link


@dataclass(frozen=True, slots=True)
class Article:
    """Yielded by a callback: store this page as an article. `announced` adds to what its link said."""

    announced: Announced | None = None


@dataclass(slots=True)
class Harvest:
    """All that came of one leased request. `problem` says why a seed or page could not be read.

    `hint` is for how many seconds a seed's publisher asks to be left alone (see `hints`), None where nothing is asked.
    """

    request: Request
    response: Response | None = None
    links: list[Link] = field(default_factory=list)
    article: Article | None = None
    problem: str | None = None
    error: BaseException | None = None
    hint: float | None = None
