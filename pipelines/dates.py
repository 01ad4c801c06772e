"""Moments as publishers write them: what is known of time and zone is kept, nothing is guessed. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cache

from pipelines import words

EARLIEST = date(1990, 1, 1)

_ISO = re.compile(
    r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"
    r"(?:[T\s,]+(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,]\d{1,9})?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>[^\s,;<)]{0,9})?)?"
)
_COMPACT = re.compile(
    r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:[T ]?(?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})?(?P<zone>Z|[+-]\d{2}:?\d{2})?)?$"
)
_EPOCH = re.compile(r"(\d{10})(\d{3})?$")
_CLOCK = re.compile(
    r"(?<![\d:.])(?P<H>\d{1,2})[:h.](?P<M>\d{2})(?::(?P<S>\d{2}))?(?![\d.])\s*(?P<half>[AaPp]\.?\s?[Mm]\b\.?)?\s*(?P<zone>[A-Z]{1,5}\b(?:[+-]\d{1,2}(?::?\d{2})?)?|[+-]\d{2}:?\d{2})?"
)
_DMY = re.compile(r"(?<!\d)(?P<d>\d{1,2})(?:[./-]\s?|\s?\|\s?)(?P<m>\d{1,2})(?:[./-]\s?|\s?\|\s?)(?P<y>\d{4})(?!\d)")
_EAST = re.compile(r"(?P<y>\d{4})\s*[年년]\s*(?P<m>\d{1,2})\s*[月월]\s*(?P<d>\d{1,2})\s*[日일]")
_NAMED_DMY = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|er|\.|ος|º|-го)?\s*(?:de\s+|of\s+|d['’])?([^\W\d_][^\s\d,]{1,14}?)\.?,?\s+(?:de\s+|del\s+)?(\d{4})(?!\d)",
    re.IGNORECASE,
)
_NAMED_MDY = re.compile(r"([^\W\d_][^\s\d,]{1,14}?)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?!\d)", re.IGNORECASE)
_ASCTIME = re.compile(r"([A-Za-z]{3}) +(\d{1,2}) (\d{1,2}:\d{2}:\d{2}) (?:([A-Z]{1,5}) )?(\d{4})$")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+\-−])(\d{1,2})(?::?(\d{2}))?(?::?\d{2})?$")
_IN_URL = re.compile(
    r"(?<!\d)((?:19|20)\d{2})[/_.-]?(0[1-9]|1[0-2]|[1-9](?=[/_.-]))[/_.-]?(0[1-9]|[12]\d|3[01]|[1-9](?=[/_.-]))(?!\d)"
)
_NOISE_ZONE = re.compile(r"\s*\[[^\]]*\]$|\s*\([^)]*\)$")
# Abbreviations that mean one offset wherever news sites use them; ambiguous ones (IST, CST, BST) are left out.
_ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "UT": 0, "WET": 0, "CET": 60, "MEZ": 60, "CEST": 120, "MESZ": 120, "EET": 120,
    "EEST": 180,
    "MSK": 180, "EST": -300, "EDT": -240, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420, "JST": 540, "KST": 540,
    "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780, "HKT": 480, "SGT": 480, "WIB": 420, "SAST": 120,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """A declared moment. `clock` is None when only the day is known; `offset` (minutes) when no zone is declared."""

    day: date
    clock: tuple[int, int, int | None] | None = None
    offset: int | None = None

    @property
    def known(self) -> bool:
        """Whether this names one point in time."""
        return self.clock is not None and self.offset is not None

    @property
    def naive(self) -> bool:
        """Whether this is a wall clock whose zone is not declared."""
        return self.clock is not None and self.offset is None

    @property
    def precision(self) -> str:
        """Second | minute | day."""
        if self.clock is None or self.offset is None:
            return "day"
        return "minute" if self.clock[2] is None else "second"

    def utc(self) -> str:
        """`YYYY-MM-DDTHH:MM:SS.000Z`, or `YYYY-MM-DD` when time or zone is not known."""
        if not self.known:
            return self.day.isoformat()
        return self.at(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def local(self) -> str:
        """As declared, in ISO form with its offset; without one when none was declared."""
        if self.clock is None:
            return self.day.isoformat()
        hour, minute, second = self.clock
        seconds = "" if second is None else f":{second:02d}"
        return f"{self.day.isoformat()}T{hour:02d}:{minute:02d}{seconds}{self._zone()}"

    def _zone(self) -> str:
        if self.offset is None:
            return ""
        hours, minutes = divmod(abs(self.offset), 60)
        return f"{'-' if self.offset < 0 else '+'}{hours:02d}:{minutes:02d}"

    def at(self, zone: tzinfo) -> datetime:
        """The moment in a zone; midnight where no time is known, UTC where no zone is."""
        hour, minute, second = self.clock or (0, 0, 0)
        own = timezone(timedelta(minutes=self.offset or 0))
        return datetime(self.day.year, self.day.month, self.day.day, hour, minute, second or 0, tzinfo=own).astimezone(
            zone
        )

    def same_minute(self, other: Moment) -> bool:
        """Whether both are full moments less than a minute apart."""
        return self.known and other.known and abs((self.at(UTC) - other.at(UTC)).total_seconds()) < 60

    def with_wall_clock_of(self, naive: Moment) -> Moment | None:
        """This moment in the zone that makes it the wall clock of `naive`; None when no zone does."""
        if not self.known or naive.clock is None or naive.offset is not None:
            return None
        shown = Moment(naive.day, naive.clock, 0).at(UTC)
        own = self.at(UTC)
        minutes = round((shown.replace(second=0) - own.replace(second=0)).total_seconds() / 60)
        if abs(minutes) > 14 * 60 or minutes % 30:
            return None
        return Moment(naive.day, (shown.hour, shown.minute, self.clock[2] if self.clock else None), minutes)

    def days(self) -> frozenset[date]:
        """The day as written and the day in UTC."""
        return frozenset({self.day, self.at(UTC).date()}) if self.known else frozenset({self.day})


def parse(text: str, month_first: bool | None = False) -> Moment | None:
    """The moment a publisher's text declares; None when it declares none that can be believed to be one.

    `month_first` says how to read 4/5/2026; None when that is not known, so that such a text declares nothing.
    """
    text = _NOISE_ZONE.sub("", " ".join(text[:200].split()))
    return _epoch(text) or _compact(text) or _asctime(text) or _iso(text) or _named(text) or _numbers(text, month_first)


def believed(moment: Moment | None, fetched_at: str) -> Moment | None:
    """The moment unless it lies before 1990 or more than a day after the fetch."""
    if moment is None or moment.day < EARLIEST:
        return None
    limit = datetime.fromisoformat(fetched_at) + timedelta(days=1)
    if moment.known and moment.day.year <= limit.year + 1:  # beyond, a zone may lead past the last year there is
        return moment if moment.at(UTC) <= limit else None
    return moment if moment.day <= limit.date() else None


def in_url(url: str) -> Moment | None:
    """The day a URL names with year, month and day in its path."""
    path = url.split("://", 1)[-1].partition("/")[2].split("?")[0]
    found = [moment for match in _IN_URL.finditer(path) if (moment := _moment(*map(int, match.groups())))]
    return found[0] if found else None


def is_month(word: str) -> bool:
    """Whether a word names a month, in any language known here."""
    return word.casefold() in _months()


def _epoch(text: str) -> Moment | None:
    match = _EPOCH.match(text)
    if not match:
        return None
    moment = datetime.fromtimestamp(int(match.group(1)), UTC)
    return Moment(moment.date(), (moment.hour, moment.minute, moment.second), 0)


def _compact(text: str) -> Moment | None:
    match = _COMPACT.match(text)
    return _from_groups(match, match) if match else None


def _iso(text: str) -> Moment | None:
    match = _ISO.search(text)
    if not match:
        return None
    return (
        _from_groups(match, match) if match.group("H") else _with_clock(_from_groups(match, None), text[match.end() :])
    )


def _asctime(text: str) -> Moment | None:
    match = _ASCTIME.search(text)
    return (
        _named(f"{match.group(2)} {match.group(1)} {match.group(5)} {match.group(3)} {match.group(4) or ''}")
        if match
        else None
    )


def _numbers(text: str, month_first: bool | None) -> Moment | None:
    if match := _EAST.search(text):
        return _with_clock(_from_groups(match, None), text[match.end() :])
    if not (match := _DMY.search(text)):
        return None
    first, second, year = (int(match.group(name)) for name in "dmy")
    slashed = "/" in match.group() and first <= 12 and second <= 12 and first != second
    if slashed and month_first is None:
        return None
    swap = second > 12 or (slashed and month_first)
    day, month = (second, first) if swap else (first, second)
    return _with_clock(_moment(year, month, day), text[match.end() :])


def _named(text: str) -> Moment | None:
    for match in _NAMED_DMY.finditer(text):
        if month := _months().get(match.group(2).casefold()):
            return _with_clock(
                _moment(int(match.group(3)), month, int(match.group(1))), text[match.end() :], text[: match.start()]
            )
    for match in _NAMED_MDY.finditer(text):
        if month := _months().get(match.group(1).casefold()):
            return _with_clock(
                _moment(int(match.group(3)), month, int(match.group(2))), text[match.end() :], text[: match.start()]
            )
    return None


def _with_clock(moment: Moment | None, after: str, before: str = "") -> Moment | None:
    """The day joined with the time written beside it."""
    match = _CLOCK.search(after[:40]) or _CLOCK.search(before[-30:])
    if moment is None or match is None:
        return moment
    clock = _clock(match)
    return Moment(moment.day, clock, _offset(match.group("zone")) if clock else None)


def _from_groups(day: re.Match[str], clock: re.Match[str] | None) -> Moment | None:
    moment = _moment(*(int(day.group(name)) for name in "ymd"))
    if moment is None or clock is None or not clock.group("H"):
        return moment
    time = _clock(clock)
    return Moment(moment.day, time, _offset(clock.group("zone")) if time else None)


def _clock(match: re.Match[str]) -> tuple[int, int, int | None] | None:
    hour, minute = int(match.group("H")), int(match.group("M"))
    second = int(match.group("S")) if match.group("S") else None
    half = (match.groupdict().get("half") or "").lower()[:1]
    if half and hour <= 12:
        hour = hour % 12 + 12 * (half == "p")
    return (hour, minute, min(second, 59) if second is not None else None) if hour < 24 and minute < 60 else None


def _offset(zone: str | None) -> int | None:
    if not zone:
        return None
    if zone.upper() in _ZONES:
        return _ZONES[zone.upper()]
    match = _OFFSET.match(zone)
    if not match or int(match.group(2)) > 14 or int(match.group(3) or 0) > 59:
        return None
    minutes = int(match.group(2)) * 60 + int(match.group(3) or 0)
    return minutes if match.group(1) == "+" else -minutes


def _moment(year: int, month: int, day: int) -> Moment | None:
    if not MINYEAR < year < MAXYEAR:  # a zone could push it over the edge of time
        return None
    try:
        return Moment(date(year, month, day))
    except ValueError:
        return None


@cache
def _months() -> dict[str, int]:
    table: dict[str, int] = {}
    for line in words.lines("months"):
        number, _, names = line.partition(":")
        for name in names.split():
            table.setdefault(name.casefold(), int(number))
    return table
