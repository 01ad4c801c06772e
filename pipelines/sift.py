"""Which captures of foreign files are taken, and which of them are pages: judged before anything is extracted. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipelines.foreign_body import foreign_body, is_markup
from storage.records import Kind
from storage.warc.http_message import Headers, first_value

SAMPLE = 65_536  # bytes of a block that are looked at
_DECODED = 16_384  # bytes of its body
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_PERHAPS = frozenset({"", "text/plain", "application/octet-stream", "text/xml", "application/xml", "unknown/unknown"})
_FEEDS = frozenset({"application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json"})
_GONE = frozenset({404, 410})
_NOT_MODIFIED = 304
_LANG = re.compile(
    rb"<html\b[^>]{0,500}?\s(?:xml:)?lang\s*=\s*[\"']?\s*([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*)", re.IGNORECASE
)
# ISO 639-2 and 639-3 as crawlers write them, of languages with a code of two letters.
_SHORT = dict(
    pair.split(":")
    for pair in (
        "ara:ar ben:bn bul:bg cat:ca ces:cs cze:cs chi:zh zho:zh hrv:hr dan:da deu:de ger:de dut:nl nld:nl ell:el gre:el eng:en "
        "est:et eus:eu fas:fa per:fa fin:fi fra:fr fre:fr gle:ga glg:gl heb:he hin:hi hun:hu hye:hy ind:id isl:is ice:is ita:it "
        "jpn:ja kat:ka kor:ko lav:lv lit:lt mkd:mk may:ms msa:ms nob:nb nno:nn nor:no pol:pl por:pt ron:ro rum:ro rus:ru slk:sk "
        "slo:sk slv:sl spa:es sqi:sq alb:sq srp:sr swa:sw swe:sv tam:ta tel:te tha:th tur:tr ukr:uk urd:ur vie:vi cym:cy wel:cy"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A capture before it is entered. `sample` is the beginning of its block, `content_type` of a record without HTTP header."""

    type: str  # WARC-Type
    url: str
    date: str
    status: int | None
    mime: str | None
    headers: Headers
    said: Mapping[str, str]  # by metadata records, and by the record's own header as `language`
    sample: bytes
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Sieve:
    """Filters, all of which a capture has to pass; an empty one lets everything through."""

    hosts: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None  # exclusive
    languages: tuple[str, ...] = ()
    mimes: tuple[str, ...] = ()

    def passes(self, seen: Seen) -> bool:
        """Whether a capture is taken."""
        return (
            (self.since is None or seen.date >= self.since)
            and (self.until is None or seen.date < self.until)
            and (not self.hosts or _is_on(seen.url, self.hosts))
            and (not self.mimes or _is_of(seen.mime, self.mimes))
            and (not self.languages or not self.languages_of(seen).isdisjoint(map(short, self.languages)))
        )

    @property
    def takes_all(self) -> bool:
        """Whether nothing is left out."""
        return self == Sieve()

    @staticmethod
    def languages_of(seen: Seen) -> set[str]:
        """The languages that a capture says it is in: Content-Language, `<html lang>`, and what metadata records tell."""
        stated = (first_value(seen.headers, "content-language") or "").split(",")
        stated += [seen.said.get("language", ""), *_detected(seen.said.get("languages-cld2"))]
        if kind_of(seen) is Kind.ARTICLE and (found := _LANG.search(_body(seen))):
            stated.append(found[1].decode("ascii"))
        return {short(one) for one in stated} - {""}


def short(tag: str) -> str:
    """The language of a tag, two letters where it has them: `de` of de-AT, deu and ger."""
    first = re.split(r"[-_;]", tag.strip().lower(), maxsplit=1)[0]
    return _SHORT.get(first, first)


def _detected(cld2: str | None) -> list[str]:
    """What Common Crawl detected."""
    try:
        found = json.loads(cld2 or "{}").get("languages", [])
        return [str(one.get("code", "")) for one in found[:1]]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return []


def _is_on(url: str, hosts: tuple[str, ...]) -> bool:
    name = f".{_host(url)}"
    return any(name.endswith(f".{host.lower().strip('.')}") for host in hosts)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _is_of(mime: str | None, wanted: tuple[str, ...]) -> bool:
    name = mime or ""
    return any(name == one.lower() or (one.endswith("/*") and name.startswith(one.lower()[:-1])) for one in wanted)


# --- kinds ------------------------------------------------------------------------------------------------------------


def kind_of(seen: Seen) -> Kind:
    """What a foreign capture counts as: an article is what extraction will look at, or what happened to one."""
    if seen.url.partition("?")[0].endswith("/robots.txt") and (seen.mime or "text/plain") == "text/plain":
        return Kind.ROBOTS
    if seen.status == _NOT_MODIFIED or seen.status in _GONE:
        return Kind.ARTICLE
    mime = seen.mime or ""
    if seen.type == "revisit" and not mime:
        return Kind.ARTICLE  # its original will say
    if mime in _FEEDS:
        return Kind.FEED
    if mime in _PAGES:
        return Kind.ARTICLE
    return Kind.ARTICLE if mime in _PERHAPS and is_markup(_body(seen)) else Kind.REQUISITE


def is_page(seen: Seen) -> bool:
    """Whether a capture's page is to be read, or its outcome may concern an article."""
    if kind_of(seen) is not Kind.ARTICLE or seen.type == "request":
        return False
    return seen.status is None or 200 <= seen.status < 300 or seen.status == _NOT_MODIFIED or seen.status in _GONE


def _body(seen: Seen) -> bytes:
    """The beginning of the decoded body."""
    return foreign_body(seen.sample, seen.content_type, _DECODED).body
