"""Claims read off the screen, where markup says what they are: times, dates and bylines. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain, islice
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from pipelines import authors, words
from pipelines.claims import Claim
from pipelines.headline import Headline
from pipelines.nearby import split_updated
from pipelines.tree import Survey, parted_text, text_of

_CHANGED = re.compile(r"modif|updat|aktual|edit")
_MAX_TIMES = 40
_MAX_BYLINES = 12
_MAX_LINKS = 2_000


def visible(tree: HtmlElement, seen: Survey, headline: Headline) -> Iterator[Claim]:
    """Claims about dates, authors and language that a reader sees."""
    yield from _times(seen, headline)
    yield from _dates(seen, headline)
    yield from _bylines(seen, headline)
    for language in (tree.get("lang"), tree.get("{http://www.w3.org/XML/1998/namespace}lang"), tree.get("xml:lang")):
        if language:
            yield Claim("language", language, "html", 70)


def _times(seen: Survey, headline: Headline) -> Iterator[Claim]:
    shown = (element for element in seen.times[:_MAX_TIMES] if not headline.apart(element))
    for rank, element in enumerate(islice(shown, 6)):
        around = element.getparent().get("class") or ""
        label = f"{element.get('class') or ''} {element.get('itemprop') or ''} {around}".lower()
        field = "modified" if _CHANGED.search(label) else "published"
        marked = element.get("pubdate") is not None or "publish" in label
        yield Claim(field, element.get("datetime") or text_of(element, 200), "time", (66 if marked else 58) - rank)


def _dates(seen: Survey, headline: Headline) -> Iterator[Claim]:
    marked = chain(seen.dated[:60], filter(_names_date, seen.bylines[:60]))
    shown = (element for element in marked if not headline.apart(element))
    for rank, element in enumerate(islice(shown, 8)):
        text = parted_text(element, 400).replace(" | ", " ")  # a leaf of a calendar has its parts in elements
        if 8 <= len(text) <= 120 and re.search(r"\d{4}", text):
            yield from (Claim(field, part, "visible", 44 - rank) for field, part in split_updated(text))


def _names_date(element: HtmlElement) -> bool:
    """Whether what is marked as a byline is marked as a date too."""
    return "date" in f"{element.get('class') or ''} {element.get('id') or ''}".lower()


def _bylines(seen: Survey, headline: Headline) -> Iterator[Claim]:
    count = 0
    for element in seen.bylines[:200]:
        text = parted_text(element, 400)
        if not 3 <= len(text) <= 150 or headline.apart(element):
            continue
        label = f"{element.get('class') or ''} {element.get('id') or ''} {element.get('rel') or ''}".lower()
        exact = "name" in label or element.get("rel") == "author"
        yield Claim("author", text, "byline", (48 if exact else 42) - min(count, 10))
        count += 1
        if count >= _MAX_BYLINES:
            return


def author_links(tree: HtmlElement, headline: Headline) -> Iterator[Claim]:
    """The text of the first link to an author's page that has one."""
    for link in islice(tree.iter("a"), _MAX_LINKS):
        if _leads_to_author(link.get("href") or "") and not headline.apart(link) and (text := text_of(link, 200)):
            yield Claim("author", text[:200], "author-link", 36 if authors.likely_person(text) else 26)
            return


def _leads_to_author(href: str) -> bool:
    if not _author_paths().search(href[:1_000].lower()):
        return False
    try:
        return _author_paths().search(urlsplit(href).path.lower()) is not None
    except ValueError:
        return False


@cache
def _author_paths() -> re.Pattern[str]:
    return re.compile(rf"/(?:{'|'.join(map(re.escape, words.lines('author_paths')))})/[^/]{{3,100}}/?$")
