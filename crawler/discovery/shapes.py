"""Does a link look like an article? Judged from its URL and how it is linked, without fetching it.

A wrong yes costs one fetch, and extraction turns the page down; a wrong no loses a story. So the doubtful ones pass,
unless they stand in a menu. The words of many languages are in words/paths.txt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from urllib.parse import unquote

_LONG_TEXT = 25  # characters of a link's text that are more than a label; ideographs count for three
_MANY_WORDS = 4
_SECTION_LENGTH = 30
_LONG_WORD = 20

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_YEAR = r"(?:19[5-9]\d|20\d\d)"
_DATE = re.compile(
    rf"/{_YEAR}[/-](?:0?[1-9]|1[0-2]|(?:{_MONTHS})[a-z]*)(?:[/-](?:0?[1-9]|[12]\d|3[01]))?(?=[/-]|$)"
    rf"|/(?:0?[1-9]|[12]\d|3[01])[/.-](?:0?[1-9]|1[0-2])[/.-]{_YEAR}(?=[/-]|$)"
    rf"|/(?:0[1-9]|1[0-2])[/-]{_YEAR}(?=/)"
    rf"|(?<!\d){_YEAR}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])(?!\d)"
    rf"|(?<!\d){_YEAR}[-_](?:0[1-9]|1[0-2])(?!\d)"
)
_DATE_SEGMENT = re.compile(rf"\d{{1,2}}|{_YEAR}|(?:{_MONTHS})[a-z]*|{_YEAR}[.-]?\d{{1,2}}(?:[.-]?\d{{1,2}})?")
_BETWEEN = re.compile(r"[-_+,.:~ \u2013\u2014]+")
_CAMEL = re.compile(r"(?<=[a-z\u00df-\u00ff])(?=[A-Z])")
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_LONG_NUMBER = re.compile(r"(?<!\d)\d{5,}")
_TOKEN = re.compile(r"[A-Za-z0-9]{10,}")
_MARKERS = frozenset(
    "a article articles artikel artikelen articulo articulos artigo artigos articolo articoli story stories noticia "
    "noticias nota notas post posts p blog blogs item detail details news-detail newsdetail view read entry beitrag "
    "beitraege meldung meldungen nachricht notizia notizie haber novost novosti news_view artykul clanek cikk sak "
    "actualite nyhet uutinen berita tin-tuc statya статья новость новости news_detail cnt archive archives".split()
)
_ID_NAMES = re.compile(
    r"(?:id|p|aid|nid|sid|no|idx|seq|seq_code|key|item|doc|docid|story|news|article|art|artikel|noticia|nota|post"
    r"|(?:art(?:icle|ikel|nr|no)?|news|story|noticia|nota|post|content|doc|item|entry|id)[_-]?(?:id|no|nr|num|key|noticia|nota|seq)?)",
    re.IGNORECASE,
)
_ID_VALUE = re.compile(r"[A-Za-z_-]{0,6}\d{2,}(?::[\w-]+)?")
_PAGING_NAMES = frozenset(
    "page paged pg pagina seite strana strona offset start from_page pageno pagenum currentpage".split()
)
_SEARCH_NAMES = frozenset("s q query search suche keyword keywords search_query searchterm such".split())
_VARIANT_NAMES = frozenset(
    "replytocom share print printable like_comment openlinkback login redirect_to returnurl".split()
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """How a page links a URL, all its links to that URL taken together."""

    text: str = ""
    prominent: bool = False  # in a heading, or around one; <article> proves nothing: cards name their section too
    menu: bool = False  # nowhere but in menus, headers and footers
    rel: frozenset[str] = frozenset()

    @property
    def is_headline(self) -> bool:
        """More text than a label has."""
        length = len(self.text) + 2 * len(_IDEOGRAPH.findall(self.text))
        return length >= _LONG_TEXT or len(self.text.split()) >= _MANY_WORDS


@dataclass(frozen=True, slots=True)
class _Path:
    """The path and query of a URL, taken apart. Segments are decoded; the last has no file extension."""

    segments: tuple[str, ...]
    folded: tuple[str, ...]  # the segments as the word lists have them
    extension: str
    names: dict[str, str]  # query parameters, lower-case names
    dated: bool
    identified: bool  # a long number or a hash in the path, or an identifier among the parameters

    @property
    def last(self) -> str:
        return self.segments[-1] if self.segments else ""


def refusal(url: str, anchor: Anchor | None = None, *, expected: bool = False) -> str | None:
    """Why a canonical URL is no article, as `not-article-like: WHY` or `media-file`; None when it may be one.

    Without an anchor the URL alone is judged. `expected`: the source's owner says that such URLs are articles.
    """
    path = _taken_apart(url)
    reason = _ruled_out(url, path, anchor)
    if reason is None and not expected:
        reason = _unlikely(path, anchor)
    return reason if reason in {None, "media-file"} else f"not-article-like: {reason}"


def listed_refusal(url: str) -> str | None:
    """The same for a URL that a sitemap lists: its shape does not matter, only what it says it is."""
    path = _taken_apart(url)
    reason = media_refusal(url) or _ruled_out_by_query(path) or _root(path) or _ruled_out_by_words(path, listed=True)
    return reason if reason in {None, "media-file"} else f"not-article-like: {reason}"


def media_refusal(url: str) -> str | None:
    """`media-file` when the file extension of a URL is that of a picture, film, document or archive."""
    return "media-file" if _taken_apart(url).extension in _words_of("files.txt")["media"] else None


def is_section(url: str, anchor: Anchor) -> bool:
    """Whether a link in the menu of a home page leads to a section: a short path with few words, and a label."""
    path = _taken_apart(url)
    words = _words_of("paths.txt")
    folded = path.folded
    if not 1 <= len(folded) <= 2 or path.names or anchor.is_headline or not anchor.text.strip():
        return False
    barred = words["area"] | words["list"]
    if not barred.isdisjoint(folded) or folded[-1] in words["page"] or folded[-1] in words["section"]:
        return False
    return media_refusal(url) is None and all(map(_is_label, path.segments))


def _is_label(segment: str) -> bool:
    return len(segment) <= _SECTION_LENGTH and _word_count(segment) <= 3 and not re.search(r"\d{3}", segment)


# ---- against


def _ruled_out(url: str, path: _Path, anchor: Anchor | None) -> str | None:
    """What no shape can mend."""
    reason = media_refusal(url) or _ruled_out_by_query(path) or _root(path)
    return reason or _ruled_out_by_words(path) or _ruled_out_by_rel(anchor) or _date_archive(path)


def _root(path: _Path) -> str | None:
    return None if path.segments or path.identified else "root"


def _ruled_out_by_query(path: _Path) -> str | None:
    if not path.names:
        return None
    if _SEARCH_NAMES & path.names.keys() and not path.identified:
        return "search"
    if _VARIANT_NAMES & path.names.keys():
        return "variant"
    return "paging" if any(re.fullmatch(r"\d{1,4}", path.names.get(name, "")) for name in _PAGING_NAMES) else None


def _ruled_out_by_words(path: _Path, *, listed: bool = False) -> str | None:
    if not path.segments:
        return None
    return _ruled_out_by_last(path) or _ruled_out_by_area(path, listed=listed) or _paging(path)


def _ruled_out_by_last(path: _Path) -> str | None:
    words = _words_of("paths.txt")
    last = path.folded[-1]
    if last in words["page"]:
        return last
    return last if not path.dated and any(last in words[group] for group in ("area", "list", "section")) else None


def _ruled_out_by_area(path: _Path, *, listed: bool) -> str | None:
    words = _words_of("paths.txt")
    for depth, segment in enumerate(path.folded[:-1][:3]):
        is_out = (
            segment in words["area"]
            or (segment in words["list"] and not _is_story_below(path, depth, _MANY_WORDS))
            or (segment in words["section"] and not listed and not _is_story_below(path, depth, 3))
        )
        if is_out:
            return segment
    return None


def _paging(path: _Path) -> str | None:
    """/page/2, /page-2, /comment-page-1."""
    *above, last = path.folded
    numbered = re.fullmatch(r"(?:comment-)?(?:([^\W\d]+)-?)?\d{1,4}", last)
    word = numbered and (numbered[1] or (above[-1] if above else ""))
    return "paging" if word in _words_of("paths.txt")["paging"] else None


def _is_story_below(path: _Path, depth: int, words: int) -> bool:
    """Below tags, authors and categories there are stories too: their names are longer, dated or numbered."""
    below = path.segments[depth + 1 :]
    named = max(map(_word_count, below))
    return path.dated or (named > 2 and path.identified) or (len(below) > 1 and named >= words) or named > words + 1


def _ruled_out_by_rel(anchor: Anchor | None) -> str | None:
    return next(iter(sorted(anchor.rel & {"tag", "author", "search", "category"})), None) if anchor else None


def _date_archive(path: _Path) -> str | None:
    """/2026/03/02/ and what is in front of it lists the stories of a day."""
    is_date = _DATE_SEGMENT.fullmatch(path.last) and (path.dated or re.fullmatch(_YEAR, path.last))
    return "date-archive" if is_date and not path.names else None


# ---- for


def _unlikely(path: _Path, anchor: Anchor | None) -> str | None:
    """What the shape says, weighed with where the link stands; None when it may be an article."""
    if path.dated or path.identified:
        return None
    if anchor is not None and anchor.menu and not anchor.is_headline:
        return None if _word_count(path.last) > (2 if _has_marker(path) else _MANY_WORDS) else "menu"
    if _has_story_shape(path, linked=anchor is not None) or (anchor and (anchor.prominent or anchor.is_headline)):
        return None
    return "short-slug" if anchor is None or anchor.text else "no-text"


def _has_story_shape(path: _Path, *, linked: bool) -> bool:
    """Three words, a number, a word like `article`; two words below a section, or when nothing else is known."""
    if max(map(_word_count, path.segments[-2:]), default=0) >= 3 or _has_marker(path) or _is_numbered(path):
        return True
    deep = not linked or bool(path.extension) or len(path.segments) > 1
    return len(path.last) >= _LONG_WORD or (deep and _word_count(path.last) >= 2)


def _is_identified(segments: list[str], names: dict[str, str]) -> bool:
    values = (value for name, value in names.items() if _ID_NAMES.fullmatch(name))
    return any(map(_has_number, segments[-3:])) or any(_ID_VALUE.fullmatch(v) or _has_number(v) for v in values)


def _has_number(text: str) -> bool:
    """Five digits in a row, or what looks like a hash: long, of letters and digits."""
    return _LONG_NUMBER.search(text) is not None or any(map(_is_hash, _TOKEN.findall(text)))


def _is_hash(token: str) -> bool:
    digits = sum(map(str.isdigit, token))
    return 2 <= digits < len(token)


def _has_marker(path: _Path) -> bool:
    return not _MARKERS.isdisjoint(path.folded[:-1]) or path.folded[-1:] == ("artikel",)


def _is_numbered(path: _Path) -> bool:
    """/822, /detail/718, /report-1026; a year at the end counts too."""
    return re.search(r"(?:^|[-_])\d{3,}$", path.last) is not None or (path.last.isdecimal() and len(path.segments) > 1)


@lru_cache(maxsize=4096)
def _word_count(segment: str) -> int:
    """Words with a letter; two ideographs are about a word."""
    parts = [part for chunk in _BETWEEN.split(segment) for part in _CAMEL.split(chunk)]
    ideographs = len(_IDEOGRAPH.findall(segment))
    return max(sum(any(map(str.isalpha, part)) for part in parts), ideographs // 2)


# ---- taking apart


@lru_cache(maxsize=8192)
def _taken_apart(url: str) -> _Path:
    _, _, rest = url.partition("://")
    path, _, query = rest.partition("?")
    raw = [segment for segment in path.split("/")[1:] if segment]
    segments = [unquote(segment) for segment in raw]
    extension = ""
    if segments:
        segments[-1], extension = _without_extension(segments[-1])
    names = {name.lower(): value for name, _, value in (part.partition("=") for part in query.split("&")) if name}
    kept = [segment for i, segment in enumerate(segments) if segment and not _says_nothing(segment, raw[i])]
    return _Path(
        segments=tuple(kept),
        folded=tuple(map(_folded, kept)),
        extension=extension,
        names=names,
        dated=_DATE.search("/" + "/".join(segments)) is not None,
        identified=_is_identified(kept, names),
    )


def _without_extension(segment: str) -> tuple[str, str]:
    stem, dot, extension = segment.rpartition(".")
    known = _words_of("files.txt")
    if dot and stem and extension.lower() in known["media"] | known["page"]:
        return stem, extension.lower()
    return segment, ""


def _says_nothing(segment: str, raw: str) -> bool:
    """`index.php` in front of a path, `index.html` at its end."""
    return raw.lower().startswith(("index.", "default.")) or segment.lower() == "index"


def _folded(segment: str) -> str:
    return segment.casefold().replace("_", "-").replace(" ", "-")


@lru_cache(maxsize=2)
def _words_of(file: str) -> dict[str, frozenset[str]]:
    groups: dict[str, set[str]] = {}
    words: set[str] = set()
    for line in resources.files("crawler.discovery").joinpath("words", file).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            words = groups.setdefault(line.strip("[] \n"), set())
        elif not line.startswith("#"):
            words.update(line.casefold().split())
    return {group: frozenset(words) for group, words in groups.items()}
