"""What stands beside the headline, or behind a label, without any markup that says what it is. Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from functools import cache, cached_property
from itertools import islice, pairwise

from htmldate import find_date
from lxml.html import HtmlElement

from pipelines import authors, dates, words
from pipelines.claims import Claim
from pipelines.headline import Headline
from pipelines.normalize import fold

_SILENT = frozenset({"script", "style", "noscript", "template", "svg", "option", "figcaption", "figure", "button"})
_YEAR = re.compile(r"(?:19|20)\d{2}")
_REACH = 1_500  # characters behind the headline
_MAX_TEXTS = 400
_LABEL = 160  # characters of a label and what follows its colon
_COLON = re.compile("[:：]")
_BRACKETS = " ()[]（）【】\t\r\n"
_MAX_BEFORE = 15
_MAX_WALK = 10_000  # texts looked at for a label
_WORDY = 6  # words beside a date, more of which make it a caption or a sentence
_DATELINE = 60  # characters in which a paragraph that begins with a date has said so
_CLOCK = re.compile(r"\d[:.h]\d\d")
_MAX_CLOCKS = 5
_DATE_START = re.compile(  # up to its year: at most a place, then day and month in any order
    r"^\W{0,3}(?:[^\d.:;!?]{0,30}[,(]\s?)?"
    r"(?:\d{1,2}\W{1,2}(?:\d{1,2}\W{1,2}|\w{3,10}\W{1,2})|\d{4}$|\w{3,10}\.?\s\d{1,2},?\s)"
)


class Nearby:
    """The short texts around a headline, read at most once."""

    def __init__(self, tree: HtmlElement, headline: Headline) -> None:
        self._tree = tree
        self._heading = headline.element

    @cached_property
    def after(self) -> list[str]:
        """The texts behind the headline."""
        return list(_within(_following(self._heading))) if self._heading is not None else []

    @cached_property
    def before(self) -> list[str]:
        """The texts just before it."""
        return list(_preceding(self._heading)) if self._heading is not None else []

    @cached_property
    def labels(self) -> list[tuple[str, str]]:
        """Labels of authors and dates, case-folded, each with what stands behind its colon or in the text that follows."""
        body = self._tree.find("body")
        texts = islice((self._tree if body is None else body).itertext(), _MAX_WALK)
        shown = [text for text in texts if not text.isspace()]
        return [
            pair for text, after in pairwise([*shown, ""]) if len(text) <= _LABEL and (pair := _labelled(text, after))
        ]

    def pictured(self, name: str) -> bool:
        """Whether a picture on the page is described by this name alone."""
        key = fold(name)
        return any(fold((image.get("alt") or "")[:200]) == key for image in islice(self._tree.iter("img"), 500))


def bylines(near: Nearby) -> Iterator[Claim]:
    """Short texts beside the headline that say "by" in so many words; else what a date stands beside; else a label's value."""
    names = next(_spoken(near.after), None) or next(_spoken(near.before), None)
    if names:
        yield Claim("author", names, "beside-heading", 34)
        return
    if names := next(_beside_dates([*near.before, "", *near.after[:12]], near), None):
        yield Claim("author", names, "beside-date", 30)


def _labelled(text: str, following: str) -> tuple[str, str] | None:
    head, *tail = _COLON.split(text, maxsplit=1)
    label = head.strip(_BRACKETS).casefold()
    if label not in authors.labels() and label not in _date_labels():
        return None
    value = _line(tail[0]).strip(_BRACKETS) if tail else ""
    return label, value or _line(following[:_LABEL]).strip(_BRACKETS)


def labelled_author(near: Nearby) -> Iterator[Claim]:
    """A name behind a label such as "Author:", wherever on the page; the first."""
    for label, value in near.labels:
        if names := authors.labelled(label, value):
            yield Claim("author", names, "label", 28)
            return


def _spoken(texts: list[str]) -> Iterator[str]:
    for at, text in enumerate(texts):
        if names := authors.spoken(text):
            yield names
        elif authors.is_prefix(text) and (following := _listed(texts[at + 1 : at + 8])):
            yield following


def _listed(texts: list[str]) -> str:
    """The names that follow a lone "by": as long as each text is a name, with what joins two of them between."""
    found: list[str] = []
    for text in texts:
        if not authors.joins(text) and not (authors.likely_person(text) and (not found or authors.joins(found[-1]))):
            break
        found.append(text)
    return " ".join(found) if found else next(filter(authors.may_follow, texts[:1]), "")


def _beside_dates(texts: list[str], near: Nearby) -> Iterator[str]:
    """Persons named in a line that is else but a date; alone in the line beside one where a picture shows them."""
    for text, following in pairwise([*texts, ""]):
        if name := _with_date(text):
            yield name
        for name, date in ((text, following), (following, text)):
            if " " in name and authors.likely_person(name) and _is_date(date) and near.pictured(name):
                yield name


def _is_date(text: str) -> bool:
    return 6 <= len(text) <= 40 and any(map(str.isdigit, text)) and dates.parse(text, None) is not None


def _with_date(text: str) -> str | None:
    """The person named in a line that is else nothing but a date."""
    if len(text) > 100 or dates.parse(text, None) is None:
        return None
    parts = [part for part in re.split(r"\s*[|·•,–—]\s*|\s+-\s+", text) if not any(map(str.isdigit, part))]
    named = [part for part in parts if authors.likely_person(part)]
    return named[0] if len(parts) == 1 and named else None


def published(near: Nearby, url: str, tree: HtmlElement, fetched_at: str) -> Iterator[Claim]:
    """Dates that nothing marks as such: beside the headline, behind a label, then anywhere."""
    found = False
    for rank, (field, text) in enumerate(islice(_dated(near, fetched_at), 3)):
        found = found or field == "published"
        yield Claim(field, text, "beside-heading", 44 - rank)
    if not found and (labelled := _labelled_date(near, fetched_at)):
        found = True
        yield Claim("published", labelled, "label", 38)
    if not found and dates.in_url(url) is None:
        yield from _searched(tree, url, fetched_at)


def clocks(near: Nearby) -> Iterator[Claim]:
    """Days with a time of day beside the headline: in which zone a moment declared in UTC is shown there."""
    shown = (text for text in (*near.after, *reversed(near.before)) if len(text) <= _DATELINE and _CLOCK.search(text))
    for text in islice(shown, _MAX_CLOCKS):
        yield from (Claim(field, part, "beside-heading", 12) for field, part in split_updated(text))


def _dated(near: Nearby, fetched_at: str) -> Iterator[tuple[str, str]]:
    for text in (*near.after, *reversed(near.before)):
        shown = _dateline(text) if len(text) > 120 else text
        if len(shown) >= 6 and _YEAR.search(shown):
            for field, part in split_updated(shown):
                if dates.believed(dates.parse(part, None), fetched_at) and not _is_wordy(part):
                    yield field, part


def _dateline(text: str) -> str:
    """The begin of a paragraph as far as it can be a dateline: a date with at most a place before it."""
    year = _YEAR.search(text[:_DATELINE])
    start = text[: year.end()] if year else ""
    return start if _DATE_START.match(start) else ""


def _is_wordy(text: str) -> bool:
    plain = [word for word in re.findall(r"\w+", text) if not any(map(str.isdigit, word)) and not dates.is_month(word)]
    return len(plain) > _WORDY and authors.spoken(text) is None


def split_updated(text: str) -> Iterator[tuple[str, str]]:
    """(field, text) of a text about when a story was published and updated: what stands behind "updated" is modified."""
    match = updated_words().search(text)
    if match is None:
        yield "published", text
        return
    if _YEAR.search(text[: match.start()]):
        yield "published", text[: match.start()]
    yield "modified", text[match.end() :]


@cache
def updated_words() -> re.Pattern[str]:
    """What is said before the time of a change."""
    phrases = sorted(words.lines("updated"), key=len, reverse=True)
    spaced = "|".join(re.escape(line) for line in phrases if line.isascii() or not _unspaced(line))
    tight = "|".join(re.escape(line) for line in phrases if _unspaced(line))
    return re.compile(rf"\b(?:{spaced})\b|{tight}", re.IGNORECASE)


def _unspaced(line: str) -> bool:
    return "\u3040" <= line[0] <= "\u9fff" or "\uac00" <= line[0] <= "\ud7a3"


def _labelled_date(near: Nearby, fetched_at: str) -> str | None:
    for label, value in near.labels:
        if label in _date_labels() and dates.believed(dates.parse(value[:60], None), fetched_at):
            return value[:60]
    return None


@cache
def _date_labels() -> frozenset[str]:
    return frozenset(map(str.casefold, words.lines("date_labels")))


def _searched(tree: HtmlElement, url: str, fetched_at: str) -> Iterator[Claim]:
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


def _within(texts: Iterator[str]) -> Iterator[str]:
    size = 0
    for text in islice(texts, _MAX_TEXTS):
        yield text
        size += len(text)
        if size > _REACH:
            return


def _following(heading: HtmlElement) -> Iterator[str]:
    """The texts that follow an element in the document."""
    for ancestor in (heading, *islice(heading.iterancestors(), 8)):
        if ancestor.tag in ("body", "html"):
            return
        for sibling in ancestor.itersiblings():
            yield from _texts(sibling)
            if tail := _line(sibling.tail):
                yield tail


def _preceding(heading: HtmlElement) -> Iterator[str]:
    """The texts just before an element, in the order of the document."""
    found: deque[str] = deque(maxlen=_MAX_BEFORE)
    for ancestor in reversed((heading, *islice(heading.iterancestors(), 2))):
        if ancestor.tag not in ("body", "html", "main", "article"):
            for sibling in reversed(list(islice(ancestor.itersiblings(preceding=True), 4))):
                found.extend(islice(_texts(sibling), _MAX_TEXTS))
    yield from found


def _texts(element: HtmlElement, depth: int = 0) -> Iterator[str]:
    """The texts inside an element in their order, each on one line."""
    if element.tag in _SILENT or depth > 60:
        return
    if text := _line(element.text):
        yield text
    for child in element:
        yield from _texts(child, depth + 1)
        if tail := _line(child.tail):
            yield tail


def _line(text: str | None) -> str:
    return " ".join(text[:2_000].split()) if text else ""
