"""Claims read off the screen: headline, times, bylines, and what stands beside the headline unmarked. Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from htmldate import find_date
from lxml.html import HtmlElement

from pipelines import authors, dates
from pipelines.claims import MAX_TITLE, Claim
from pipelines.normalize import fold
from pipelines.tree import Survey, parted_text, text_of

_YEAR = re.compile(r"(?:19|20)\d{2}")
_SILENT = frozenset({"script", "style", "noscript", "template", "svg", "option"})
_PARTS = re.compile("comment|related|teaser|recommend|sidebar|footer|promo|widget|newsletter")


def elsewhere(element: HtmlElement) -> bool:
    """Whether an element belongs to a comment, teaser, sidebar or another story rather than to the article."""
    for ancestor in islice(element.iterancestors(), 12):
        if ancestor.tag in ("aside", "footer", "nav"):
            return True
        label = f"{ancestor.get('class') or ''} {ancestor.get('id') or ''} {ancestor.get('itemtype') or ''}".lower()
        if len(label) > 2 and ancestor.tag not in ("body", "html", "main") and _PARTS.search(label):
            return True
    return False


def visible(tree: HtmlElement, seen: Survey, titles: list[str]) -> Iterator[Claim]:
    """Claims about title, dates, authors and language that a reader sees; `titles` are the page's headings."""
    title = next((text for element in seen.titles[:3] if (text := text_of(element, 4 * MAX_TITLE))), "")
    yield Claim("title", title, "title", 50)
    heads = [title, *seen.metas.get("og:title", [])[:1]]
    for rank, heading in enumerate(titles):
        yield Claim("title", heading, "h1", 60 - 3 * rank + round(24 * max(_overlap(heading, head) for head in heads)))
    yield from _times(seen)
    yield from _bylines(seen)
    yield from _spoken_bylines(tree)
    for language in (tree.get("lang"), tree.get("{http://www.w3.org/XML/1998/namespace}lang"), tree.get("xml:lang")):
        if language:
            yield Claim("language", language, "html", 70)


def _overlap(heading: str, head: str) -> float:
    """The share (0 to 1) of a heading's words, or of its characters in scripts without spaces, that `head` has too."""
    words = fold(heading).split()
    if len(words) < 3 and not heading.isascii():
        words = list(fold(heading).replace(" ", ""))
    there = fold(head)
    return sum(word in there for word in words) / len(words) if words else 0.0


def headings(seen: Survey) -> Iterator[str]:
    """The texts of the h1 that belong to no comment, teaser or sidebar."""
    for element in seen.headings[:20]:
        text = text_of(element, 4 * MAX_TITLE)
        if text and not elsewhere(element):
            yield text


def _times(seen: Survey) -> Iterator[Claim]:
    shown = [element for element in seen.times[:40] if not elsewhere(element)]
    for rank, element in enumerate(shown[:6]):
        around = element.getparent().get("class") or ""
        label = f"{element.get('class') or ''} {element.get('itemprop') or ''} {around}".lower()
        field = "modified" if re.search(r"modif|updat|aktual|edit", label) else "published"
        marked = element.get("pubdate") is not None or "publish" in label
        yield Claim(field, element.get("datetime") or text_of(element, 200), "time", (66 if marked else 58) - rank)
    for rank, element in enumerate([element for element in seen.dated[:60] if not elsewhere(element)][:8]):
        text = text_of(element, 400)
        if 8 <= len(text) <= 120 and re.search(r"\d{4}", text):
            yield Claim("published", text, "visible", 44 - rank)


def _bylines(seen: Survey) -> Iterator[Claim]:
    count = 0
    for element in seen.bylines[:200]:
        text = parted_text(element, 400)
        if not 3 <= len(text) <= 150 or elsewhere(element):
            continue
        label = f"{element.get('class') or ''} {element.get('id') or ''} {element.get('rel') or ''}".lower()
        exact = "name" in label or element.get("rel") == "author"
        yield Claim("author", text, "byline", (48 if exact else 42) - min(count, 10))
        count += 1
        if count >= 12:
            return


def _spoken_bylines(tree: HtmlElement) -> Iterator[Claim]:
    """Short texts beside the headline that say "by" in so many words."""
    heading = next(tree.iter("h1"), None)
    if heading is None:
        return
    read = 0
    texts = [" ".join(text.split()) for text in islice(_following(heading), 400)]
    for text, following in zip(texts, [*texts[1:], ""], strict=False):
        read += len(text)
        if names := authors.spoken(text) or (authors.is_prefix(text) and following) or None:
            yield Claim("author", names, "beside-heading", 34)
            return
        if read > 1_500:
            return


def searched_date(tree: HtmlElement, url: str, claims: list[Claim], fetched_at: str) -> Iterator[Claim]:
    """Dates that nothing marks as such, looked for only where none is declared: beside the headline, then anywhere."""
    if any(claim.field == "published" and dates.believed(dates.parse(claim.value), fetched_at) for claim in claims):
        return
    near = [text for text in _beside_heading(tree) if dates.believed(dates.parse(text, None), fetched_at)]
    yield from (Claim("published", text, "beside-heading", 36 - rank) for rank, text in enumerate(near[:3]))
    if not near and dates.in_url(url) is None:
        found = find_date(
            tree,
            url=url or None,
            original_date=True,
            extensive_search=False,
            max_date=fetched_at[:10],
            min_date=dates.EARLIEST.isoformat(),
        )
        if found and not found.endswith("-01"):  # a month without a day comes back as its first
            yield Claim("published", found, "htmldate", 10)


def _beside_heading(tree: HtmlElement) -> Iterator[str]:
    """Short texts with a year in them, from just before the first h1 to the first long paragraph after it."""
    heading = next(tree.iter("h1"), None)
    if heading is None:
        return
    before = deque(_dated_texts(islice(heading.itersiblings(preceding=True), 5)), maxlen=3)
    after = 0
    for event in islice(_following(heading), 400):
        text = " ".join((event or "").split())
        after += len(text)
        if 6 <= len(text) <= 120 and _YEAR.search(text):
            yield text
        if after > 1_500:
            break
    yield from before


def _following(heading: HtmlElement) -> Iterator[str]:
    """The texts that follow an element in the document."""
    for ancestor in (heading, *islice(heading.iterancestors(), 8)):
        if ancestor.tag in ("body", "html"):
            return
        for sibling in ancestor.itersiblings():
            for element in sibling.iter():
                if element.tag not in _SILENT and (text := (element.text or "").strip()):
                    yield text
                if tail := (element.tail or "").strip():
                    yield tail


def _dated_texts(elements: Iterable[HtmlElement]) -> Iterator[str]:
    for element in elements:
        text = text_of(element, 400) if element.tag not in _SILENT else ""
        if 6 <= len(text) <= 120 and _YEAR.search(text):
            yield text
