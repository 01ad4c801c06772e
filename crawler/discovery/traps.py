"""Does a URL lead into a trap, where every page links to more of them for ever? Judged from the URL alone. Pure.

The reasons: `trap-long-url`, `trap-depth`, `trap-repetition`, `trap-calendar`, `trap-facets`, `trap-paging`, `trap-session`.
Session ids that are known as such never come here: they are no part of the canonical form (`storage.urlkey`). What no
pattern tells is told by what became of its like: `pipelines.barren`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

LONGEST = 2_047  # characters: the sitemap protocol's limit
DEEPEST = 15  # segments of a path; stories have up to nine
_REPEATS = 3  # times in a row, or of one name in all
_LONGEST_BLOCK = 4  # segments that may repeat together
_MANY = 6  # parameters, of a page that none of them identifies
_TOO_MANY = 10

_NAME = re.compile(r"[a-z_-]*[a-z]")  # of a parameter: filter[color][] is a filter
_NUMBER = re.compile(r"[0-9]+")
_FUTURE = re.compile(r"/(2[01][0-9]{2})[/-](?:0[1-9]|1[0-2])(?=[/-]|$)")
_DATE_LIKE = re.compile(r"[0-9]{1,4}(?:[-/.][0-9]{1,2}){0,2}|[0-9]{6}|[0-9]{8}")
_IDENTIFIER = re.compile(r"(?:[a-z]+[_-]?)?(?:id|no|nr|num|idx|seq|key)|p|story|article|news|post", re.IGNORECASE)
_SEVERAL_DIGITS = re.compile(r"[0-9]{2}")
_HASH = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[a-f])[0-9a-f-]{16,64}", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]+")

_MONTHS = frozenset("month year monat jahr mois annee mes ano anio mese anno maand jaar eventdisplay".split())
_DAYS = frozenset("date day week datum woche jour semaine fecha dia semana giorno settimana dag cal calendar".split())
_ORDERS = frozenset(
    "sort sortby sort_by sort-by sortorder sort_order sortdir sort_dir sortfield sort_field sortierung order orderby order_by "
    "order-by orderdir dir direction perpage per_page per-page pagesize page_size filter filters filterby filter_by facet facets "
    "refine refinement fq".split()
)
_PAGES = frozenset("page paged pg pagina seite strana offset start from_page pageno pagenum currentpage".split())


def refusal(url: str, now: str) -> str | None:
    """The trap that a canonical URL leads into, as a reason; None where it is none. `now` is ISO 8601."""
    path, _, query = url.partition("://")[2].partition("?")
    names = _names(query)
    return endless(url) or _calendar(path, names, now) or _facets(names) or _paging(names)


def endless(url: str) -> str | None:
    """The same for a URL that a sitemap lists, or of which the source's owner says that it is wanted: what no story has."""
    if len(url) > LONGEST:
        return "trap-long-url"
    path = url.partition("://")[2].partition("?")[0]
    segments = [segment for segment in path.split("/")[1:] if segment]
    if len(segments) > DEEPEST:
        return "trap-depth"
    return "trap-repetition" if _repeats(segments) else None


# ---- the path


def _repeats(segments: list[str]) -> bool:
    """/a/b/a/b/a/b, and /a/b/a/c/a; numbers may repeat, as in dates."""
    named = [segment.casefold() for segment in segments if not segment.isdigit()]
    if max(Counter(named).values(), default=0) >= _REPEATS:
        return True
    longest = min(_LONGEST_BLOCK, len(segments) // _REPEATS)
    return any(_repeats_block(segments, size) for size in range(2, longest + 1))


def _repeats_block(segments: list[str], size: int) -> bool:
    length = size * _REPEATS
    starts = range(len(segments) - length + 1)
    return any(segments[at : at + length] == segments[at : at + size] * _REPEATS for at in starts)


# ---- the query


def _names(query: str) -> list[tuple[str, str]]:
    """Parameters with bare, lower-case names."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(_bare(name), value) for name, _, value in pairs]


def _bare(name: str) -> str:
    match = _NAME.match(unquote(name).lower())
    return match[0] if match else ""


def _is_identified(names: list[tuple[str, str]]) -> bool:
    return any(_IDENTIFIER.fullmatch(name) and _SEVERAL_DIGITS.search(value) for name, value in names)


def _calendar(path: str, names: list[tuple[str, str]], now: str) -> str | None:
    """A month to come, years from now, or a day or month among the parameters of a page that has no name of its own."""
    last = int(now[:4]) + 1
    if any(int(match[1]) > last for match in _FUTURE.finditer(path)):
        return "trap-calendar"
    dated = {name for name, value in names if _DATE_LIKE.fullmatch(value)}
    if not dated or _is_identified(names):
        return None
    is_calendar = dated & _MONTHS or (dated & _DAYS and not _has_name(path))
    return "trap-calendar" if is_calendar else None


def _has_name(path: str) -> bool:
    """Whether the last segment may be a story's: three words, or a number."""
    last = unquote(path.rpartition("/")[2])
    return len(_WORDS.findall(last)) >= 3 or len(_NUMBER.findall(last)) > 0


def _facets(names: list[tuple[str, str]]) -> str | None:
    """Lists in another order or narrowed down: each combination is a URL of its own."""
    if not names:
        return None
    ordering = sum(name in _ORDERS for name, _ in names)
    most = max(Counter(name for name, _ in names).values())
    identified = _is_identified(names)
    combined = ordering > 1 or len(names) > _TOO_MANY or (most >= _REPEATS and not identified)
    alone = not identified and (ordering > 0 or len(names) > _MANY)
    return "trap-facets" if combined or alone else None


def _paging(names: list[tuple[str, str]]) -> str | None:
    """Pages far down a list; those with up to four digits are told by their shape."""
    deep = any(name in _PAGES and _NUMBER.fullmatch(value) and len(value) > 4 for name, value in names)
    return "trap-paging" if deep and not _is_identified(names) else None


# ---- the links of one page


def doubles(urls: Iterable[str]) -> frozenset[str]:
    """Those of a page's links that differ from an earlier one in nothing but a long hash above a story's name: a session's."""
    seen: dict[str, str] = {}
    return frozenset(url for url in urls if (form := _without_hash(url)) and seen.setdefault(form, url) != url)


@lru_cache(maxsize=4096)
def _without_hash(url: str) -> str | None:
    """The URL without the hashes in its path; None where it has none, or no name beside."""
    path, mark, query = url.partition("?")
    *above, last = path.split("/")[3:]
    if len(_WORDS.findall(unquote(last))) < 3 or not any(map(_HASH.fullmatch, above)):
        return None
    return "/".join("*" if _HASH.fullmatch(segment) else segment for segment in above) + f"/{last}{mark}{query}"
