"""What a robots.txt says, and for how long it is believed: pure functions, by RFC 9309.

4xx allows all; 5xx, 429 and unreachable close the site for now; 500 KiB are read. It is kept for a day at most, also when
nothing newer can be had: then the site is closed until it can. A site's Crawl-delay (not in the RFC, widely used)
lengthens our delay, never shortens it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from protego import Protego

from storage.frontier.robots import Kept
from storage.times import later

PRODUCT = "newswarc"
ROBOTS_BYTES = 512_000  # RFC 9309, 2.5: at least 500 KiB
MAX_LINE = 10_000  # characters; no URL that a longer rule could be about is fetched
MINUTE, HOUR = 60.0, 3_600.0
LONGEST = 24 * HOUR  # RFC 9309, 2.4
SHORTEST = 30 * MINUTE  # many answers are said to be stale at once
REFUSED = HOUR  # of a 401, 403, ...: a wall that may be gone soon, with rules behind it
CLOSED = 10 * MINUTE  # at first; each failure doubles it
CLOSED_LONGEST = {True: 4 * HOUR, False: HOUR}  # by whether the site answered at all: else it may be our own line
LONGEST_DELAY = 12 * HOUR  # of a Crawl-delay; twice that is a day, and robots.txt is asked for once a day

_AGENT = re.compile(r"\s*user(?:-|\s*)agent(?:\s*:|\s)(.*)")  # as generous as Protego is
_OTHERS = "User-agent: others"
_MAX_AGE = re.compile(r'(?:^|[\s,])max-age\s{0,9}=\s{0,9}"?(\d{1,9})', re.IGNORECASE | re.ASCII)
_MARKUP = ("<!doctype", "<html", "<head", "<?xml")
_RAW = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Rules:
    """What one origin's robots.txt says. `reason` is set when it could not be read and all is closed for now.

    `sitemaps` are the lines that name some, `planted` see `storage.frontier.robots`.
    """

    parser: Protego | None = None
    reason: str | None = None
    sitemaps: str = ""
    planted: dict[str, str] = field(default_factory=dict)

    def allow(self, url: str) -> bool:
        """Whether a URL may be fetched."""
        return self.reason is None and (self.parser is None or bool(self.parser.can_fetch(url, PRODUCT)))

    @property
    def crawl_delay(self) -> float | None:
        """Seconds that the site asks for between two requests, at most LONGEST_DELAY; None where it asks for none."""
        asked = None if self.parser is None else self.parser.crawl_delay(PRODUCT)
        if asked is None or math.isnan(asked) or asked <= 0:
            return None
        return min(float(asked), LONGEST_DELAY)


def rules_of(kept: Kept) -> Rules:
    """The rules that were kept."""
    if kept.reason is not None or kept.body is None:
        return Rules(reason=kept.reason)
    sitemaps = "\n".join(line for line in kept.body.splitlines() if "sitemap" in line.lower())
    return Rules(robots_parser(kept.body), None, sitemaps, dict(kept.planted))


def robots_text(body: bytes) -> str:
    """The text of a robots.txt as far as it is read: UTF-8, any other byte as its %XX, as in a URL. Of a web page nothing."""
    text = body[:ROBOTS_BYTES].decode("utf-8", "surrogateescape").removeprefix("\ufeff").replace("\0", "")
    if text.lstrip()[:9].lower().startswith(_MARKUP):
        return ""
    text = _RAW.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", text)
    return "\n".join(line for line in text.splitlines() if line and len(line) <= MAX_LINE)


def robots_parser(text: bytes | str) -> Protego:
    """The rules in a robots.txt. Never raises.

    Groups of other crawlers count as one: Protego keeps each rule once for every agent named above it, so that 20,000 names
    above 20,000 rules would fill the memory.
    """
    text = robots_text(text) if isinstance(text, bytes) else text
    return Protego.parse("\n".join(_OTHERS if _names_others(line) else line for line in text.splitlines()))


def _names_others(line: str) -> bool:
    """Whether a line begins the rules of a crawler that is not us."""
    found = _AGENT.match(line.lower())
    name = found[1].partition("#")[0].strip() if found else "*"
    return name != "*" and not PRODUCT.startswith(name.replace("*", ""))


def answered(origin: str, status: int, body: bytes, cache_control: bytes | None, delay: float, now: str) -> Kept:
    """What to keep of an answer that is none of a server in trouble. `delay`: seconds promised between two requests."""
    text = robots_text(body) if 200 <= status < 300 else None
    return Kept(origin, now, later(now, lifetime(status, cache_control, delay)), status, None, text)


def is_trouble(status: int) -> bool:
    """Whether a status says nothing of the rules, and closes the site for now."""
    return status >= 500 or status == 429


def unreachable(origin: str, why: str, status: int | None, before: Kept | None, now: str) -> Kept:
    """What to keep when a robots.txt could not be had, for the first time or once more."""
    seconds = closed_for(before, answered=status is not None)
    return Kept(origin, now, later(now, seconds), status, f"robots-unreachable: {why}")


def lifetime(status: int, cache_control: bytes | None, delay: float) -> float:
    """Seconds that an answer is believed: as its max-age says, within bounds.

    At least two of the host's delays: where it may be asked so seldom, nothing but robots.txt would ever be asked for.
    """
    longest = LONGEST if 200 <= status < 400 or status in (404, 410) else REFUSED
    said = _MAX_AGE.search((cache_control or b"")[:1000].decode("latin-1"))
    return max(min(float(said[1]) if said else longest, longest), SHORTEST, 2 * delay)


def closed_for(before: Kept | None, *, answered: bool) -> float:
    """Seconds that a site stays closed: ten minutes, and twice as long each time that it was closed before."""
    if before is None or before.reason is None:
        return CLOSED
    return max(CLOSED, min(2 * before.seconds, CLOSED_LONGEST[answered]))
