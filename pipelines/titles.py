"""Titles without the site's name. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from pipelines.claims import Claim, Claims
from pipelines.normalize import fold
from pipelines.phrases import site_name

_SEPARATORS = re.compile(
    r"\s+(?:[|–—·•»«›‹:/~⋆*>]|-{1,2}|::|\|\|)\s+|\s*[|]\s*|(?<=\S):\s+(?=\S+$)|\s+@\s+|：|｜|(?<=\S)[–—]\s+|\s+[–—](?=\S)"
)
_UNSPACED_TAIL = re.compile("(?<=[^-_—–]{6})[-_—–]{1,2}[^-_—–|\\s]{0,8}[\u3040-\u30ff\u4e00-\u9fff][^-_—–|\\s]{0,8}$")
_ADDRESSED = re.compile(r"^(.{2,60}?)\s*[(\[](?:https?://)?(?:www\.)?([\w.-]{4,60})[)\]]$")  # "Name (example.test)"
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"})
_TOLD = 0.5  # the share of a part's words that the address must have
_LONG_SLUG = 3  # words
_MAX_SITE_NAMES = 30  # that titles are compared with
_DOMAIN = re.compile(r"^(?:www\.)?[\w-]+(?:\.[\w-]+)*\.[a-z]{2,10}$", re.IGNORECASE)


def labels_of(claims: Claims, url: str) -> frozenset[str]:
    """The folded names that the site of a page goes by, as far as its claims and its host tell."""
    names = [*claims.values("site_name")[:_MAX_SITE_NAMES], *suffix_headings(claims.of("title"))]
    host = urlsplit(url).netloc.lower() if "://" in url else ""
    addressed = (_ADDRESSED.match(value.strip()[:200]) for value in claims.values("author")[:5])
    names.extend(match[1] for match in addressed if match and match[2].lower() in host)
    return site_labels([value for value in map(site_name, names) if value], host)


def site_labels(names: list[str], host: str) -> frozenset[str]:
    """The folded names a site goes by, its host name and the parts of that included."""
    labels = {fold(name) for name in names if len(name) < 80}
    for name in names:
        labels.update(fold(part) for part in _SEPARATORS.split(name) if len(part) > 2)
    bare = re.sub(r"^(?:www\d?|m|amp|mobile|news|blog)\.", "", host.split(":", maxsplit=1)[0].lower())
    parts = bare.split(".")
    labels |= {fold(bare), bare.replace(".", ""), ".".join(parts[-2:]).replace(".", " "), fold(parts[0])}
    if len(parts) > 1:
        labels.add(fold(parts[-2]))
    return frozenset(label for label in labels if len(label) > 1)


def parts(title: str) -> list[str]:
    """A title, what it begins with and what it ends with, as cut by separators."""
    cuts = list(_SEPARATORS.finditer(title))
    return [title, title[: cuts[0].start()], title[cuts[-1].end() :]] if cuts else [title]


def without_site(title: str, labels: frozenset[str]) -> str:
    """The title without leading and trailing parts that name the site; whole when it is nothing else."""
    for _ in range(3):
        shorter = _without_last(title, labels) or _without_first(title, labels)
        if not shorter:
            break
        title = shorter
    return title


def _without_last(title: str, labels: frozenset[str]) -> str | None:
    cuts = list(_SEPARATORS.finditer(title))
    for match in cuts:
        if names_site(title[match.end() :], labels) and len(title[: match.start()].strip()) > 3:
            return title[: match.start()].strip()
    return None


def _without_first(title: str, labels: frozenset[str]) -> str | None:
    match = _SEPARATORS.search(title)
    if match and match.start() and names_site(title[: match.start()], labels) and len(title[match.end() :].split()) > 1:
        return title[match.end() :].strip()
    return None


def names_site(part: str, labels: frozenset[str]) -> bool:
    """Whether a part of a title is the site's name, its domain, or the name with a section or slogan word or two."""
    folded = fold(part)
    if not folded:
        return True
    squeezed = folded.replace(" ", "")
    if folded in labels or squeezed in {label.replace(" ", "") for label in labels} or _DOMAIN.match(part.strip()):
        return True
    count = len(folded.split())
    return count <= 6 and any(
        len(label) > 3
        and (folded.startswith(label + " ") or folded.endswith(" " + label))
        and count - len(label.split()) <= 3
        for label in labels
    )


def in_address(title: str, url: str) -> str | None:
    """The parts of a lone <title> that the last words of the page's address repeat; None where they do not tell."""
    slug = _slug(url)
    cuts = [(0, 0), *((cut.start(), cut.end()) for cut in _SEPARATORS.finditer(title)), (len(title), len(title))]
    parts = [(start[1], end[0]) for start, end in pairwise(cuts)]
    known = [at for at, (start, end) in enumerate(parts) if _share(title[start:end], slug) >= _TOLD]
    if len(slug) < _LONG_SLUG or not known or len(parts) == 1 or len(known) == len(parts):
        return None
    return title[parts[known[0]][0] : parts[known[-1]][1]].strip()


def _slug(url: str) -> frozenset[str]:
    path = urlsplit(url).path.rstrip("/") if "://" in url else ""
    return frozenset(_plain(unquote(path.rpartition("/")[2])).split())


def _plain(text: str) -> str:
    """Folded, without accents, umlauts written out as addresses have them."""
    spelled = text.casefold().translate(_UMLAUTS)
    return fold("".join(char for char in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(char)))


def _share(text: str, slug: frozenset[str]) -> float:
    found = _plain(text).split()
    return sum(part in slug for part in found) / len(found) if found else 0.0


def without_last_part(title: str) -> str:
    """A lone <title> without what follows its last bar, or its last dash when that is short."""
    if unspaced := _UNSPACED_TAIL.search(title):
        return title[: unspaced.start()]
    cuts = list(_SEPARATORS.finditer(title))
    if not cuts:
        return title
    head, tail = title[: cuts[-1].start()].strip(), title[cuts[-1].end() :]
    strong = "|" in cuts[-1].group() or "»" in cuts[-1].group()
    return head if len(head.split()) > 2 and (strong or len(tail.split()) <= 4) else title


def suffix_headings(claims: Iterable[Claim]) -> list[str]:
    """Headings that <title> has at its end, behind a longer part, and that no other source knows: the site's banner."""
    claims = list(claims)
    pages = [claim.value for claim in claims if claim.source == "title"]
    others = {fold(claim.value) for claim in claims if claim.source not in ("title", "h1", "h2")}
    return [
        claim.value
        for claim in claims
        if claim.source in ("h1", "h2")
        and fold(claim.value) not in others
        and any(_is_suffix(page, claim.value) for page in pages)
    ]


def _is_suffix(title: str, heading: str) -> bool:
    part = fold(heading)
    return any(
        fold(title[cut.end() :]) == part and len(fold(title[: cut.start()])) > len(part)
        for cut in _SEPARATORS.finditer(title)
    )
