"""The newsroom as a set of stories and the answers to every path; no sockets here."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from . import feeds, pages, press
from .oddities import Oddity, oddities
from .stories import PRESS_TIME, SECTIONS, Story, stories, templated

CHANNELS = ("rss", "atom", "json", "news", "news-gz", "pages", "section")
"""Where a story is announced: its number decides, a third of the stories are in two places."""

LONG_GONE = {"/city/2026/01/05/a-story-withdrawn-long-ago": 410, "/city/2026/01/06/a-story-nobody-remembers": 404}
"""Paths that the sitemap still lists and the site no longer has."""

_NOT_FOUND = "<h1>Not found</h1><p>There is nothing at this address.</p>"
_GONE = "<h1>Gone</h1><p>This story has been withdrawn.</p>"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the site says to one request, before compression and framing."""

    status: int
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    changed: datetime | None = None
    location: str | None = None
    compress: bool = True
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def etag(self) -> str:
        """A strong validator of the body."""
        return f'"{hashlib.sha1(self.body, usedforsecurity=False).hexdigest()[:20]}"'


@dataclass
class Site:
    """The stories of a paper, what became of them, and what it answers. `base` is its URL without the last slash."""

    base: str
    count: int
    seed: int = 1
    now: datetime = PRESS_TIME
    _removed: dict[int, int] = field(default_factory=dict)
    _corrections: dict[int, str] = field(default_factory=dict)
    _changed: dict[int, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Write the first edition."""
        first = stories(self.count, self.seed)
        self._stories: dict[int, Story] = {story.number: story for story in first}
        self._odd: dict[str, Oddity] = {odd.path: odd for odd in oddities(first)}
        self._original = tuple(first)
        self._paths = {unquote(story.path): story.number for story in first}

    # --- what tests do to it -------------------------------------------------------------------------------------

    @property
    def live(self) -> tuple[Story, ...]:
        """Every story that can be read now, in the order they were written."""
        return tuple(story for number, story in self._stories.items() if number not in self._removed)

    @property
    def rejects(self) -> dict[str, str]:
        """URL -> the word for why it is no article."""
        return {self.base + path: odd.why for path, odd in self._odd.items()}

    def story(self, number: int) -> Story:
        """The current wording of a story."""
        return self._stories[number]

    def edit(self, story: Story, *, title: str | None = None, paragraphs: tuple[str, ...] | None = None) -> Story:
        """Publish a new wording under the old address; without arguments the last paragraph is rewritten."""
        old = self._stories[story.number]
        moment = self._tick()
        body = paragraphs or old.paragraphs
        if title is None and paragraphs is None:
            body = (*old.paragraphs[:-1], f"{old.paragraphs[-1]} [{old.number}: {moment:%H:%M}]")
        new = replace(old, title=title or old.title, paragraphs=body, modified=moment)
        self._stories[old.number] = new
        self._changed[old.number] = moment
        self._corrections[old.number] = f"This article was amended at {moment:%H:%M} UTC."
        return new

    def remove(self, story: Story, status: int = 410) -> None:
        """Withdraw a story: its page answers `status`, and nothing announces it any more."""
        self._tick()
        self._removed[story.number] = status

    def restore(self, story: Story) -> None:
        """Bring a removed story back as it was."""
        self._tick()
        self._removed.pop(story.number, None)

    def add(self, story: Story | None = None) -> Story:
        """Publish a story (a templated one if none is given); the front page and RSS announce it."""
        number = len(self._stories)
        moment = self._tick()
        new = replace(story, number=number) if story else templated(number, self.seed, published=moment)
        self._stories[number] = new
        self._paths[unquote(new.path)] = number
        return new

    def url(self, story: Story) -> str:
        """The story's own URL."""
        return self.base + story.path

    def _tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    # --- who announces what --------------------------------------------------------------------------------------

    def announced(self, channel: str) -> list[tuple[str, Story]]:
        """URL and story of everything one channel announces, newest first."""
        chosen = sorted((s for s in self.live if channel in self._channels(s)), key=lambda s: s.moment, reverse=True)
        if channel != "rss":
            return [(self.url(story), story) for story in chosen]
        return [(self._feed_link(story), story) for story in chosen]

    def _channels(self, story: Story) -> set[str]:
        number = story.number
        if number >= self.count:
            return {"rss"}
        also = {CHANNELS[(number // 3) % 7]} if number % 3 == 0 else set()
        return {CHANNELS[number % 7]} | also

    def _feed_link(self, story: Story) -> str:
        """Feeds link through redirects and with tracking parameters, as feeds do; always the same for a story."""
        number = story.number
        ways = {7: f"/old/{number}", 14: f"/r/{number}", 21: f"/go/{number}?utm_source=rss"}
        if number in ways and number < self.count:
            return self.base + ways[number]
        if number % 2:
            return self.url(story)
        return f"{self.url(story)}?utm_source=rss&utm_medium=feed&utm_campaign=courier"

    # --- answers -------------------------------------------------------------------------------------------------

    def answer(self, target: str) -> Answer:
        """What the site answers to a GET of `target` (path and query)."""
        parts = urlsplit(target)
        path = unquote(parts.path)
        fixed = self._fixed().get(path)
        if fixed:
            return fixed()
        if path in self._odd:
            odd = self._odd[path]
            return Answer(odd.status, odd.html.encode())
        if path in LONG_GONE:
            return _failure(LONG_GONE[path])
        if other := self._redirect(path) or _needed(path):
            return other
        name = path.strip("/")
        if name in SECTIONS:
            listed = [story for _, story in self.announced("section") if story.section == name]
            return Answer(200, pages.section(name, listed).encode())
        return self._story_page(path, parts.query)

    def _fixed(self) -> dict[str, Callable[[], Answer]]:
        return {
            "/": self._front,
            "/robots.txt": lambda: _text(feeds.robots(self.base), "text/plain; charset=utf-8"),
            "/feeds/rss.xml": lambda: _text(
                feeds.rss(self.announced("rss"), self.base), "application/rss+xml; charset=utf-8"
            ),
            "/feeds/atom.xml": lambda: _text(feeds.atom(self.announced("atom"), self.base), "application/atom+xml"),
            "/feeds/feed.json": lambda: _text(
                feeds.json_feed(self.announced("json"), self.base), "application/feed+json"
            ),
            "/sitemap_index.xml": lambda: _text(
                feeds.sitemap_index(self.base, ("news.xml", "news-older.xml.gz", "pages.xml")), "application/xml"
            ),
            "/sitemaps/news.xml": lambda: _text(feeds.news_sitemap(self.announced("news")), "application/xml"),
            "/sitemaps/news-older.xml.gz": self._packed_sitemap,
            "/sitemaps/pages.xml": self._pages_sitemap,
        }

    def _front(self) -> Answer:
        newest = sorted(self.live, key=lambda story: story.moment, reverse=True)[:8]
        sections = {name: [story for story in newest if story.section == name] for name in SECTIONS}
        odd = [(o.path, o.link) for o in self._odd.values() if o.path.count("/") > 3]
        return Answer(200, pages.front(sections, odd).encode())

    def _packed_sitemap(self) -> Answer:
        packed = gzip.compress(feeds.news_sitemap(self.announced("news-gz")).encode(), mtime=0)
        return Answer(200, packed, "application/gzip", compress=False)

    def _pages_sitemap(self) -> Answer:
        own: list[tuple[str, datetime | None]] = [
            (url, self._changed.get(story.number, story.moment)) for url, story in self.announced("pages")
        ]
        odd: list[tuple[str, datetime | None]] = [(self.base + path, None) for path in (*self._odd, *LONG_GONE)]
        twins: list[tuple[str, datetime | None]] = [(url, None) for url in self.twins]
        return _text(feeds.sitemap(own + odd + twins), "application/xml")

    @property
    def twins(self) -> dict[str, Story]:
        """Further URLs of live stories: a syndicated copy without canonical, a print view and an AMP page."""
        prefixes = ("/syndicated", "/print", "/amp")
        return {self.base + prefix + story.path: story for prefix, story in zip(prefixes, self.live, strict=False)}

    def _redirect(self, path: str) -> Answer | None:
        head, _, number = path.strip("/").rpartition("/")
        if not number.isdigit() or int(number) not in self._stories:
            return None
        story = self._stories[int(number)]
        steps = {
            "old": (301, self.url(story)),
            "r": (302, story.path),
            "go": (302, f"/go/on/{number}"),
            "go/on": (307, f"/old/{number}"),
            "variant": (302, f"{self.base.replace('127.0.0.1', 'localhost')}{story.path}"),
        }
        status, location = steps.get(head, (0, ""))
        return Answer(status, b"", location=location) if status else None

    def _story_page(self, path: str, query: str) -> Answer:
        prefix, page = "", path
        for known in ("/amp", "/print", "/syndicated"):
            if path.startswith(known + "/"):
                prefix, page = known, path.removeprefix(known)
        if page not in self._paths:
            return _failure(404)
        story = self._stories[self._paths[page]]
        if story.number in self._removed:
            return _failure(self._removed[story.number])
        if prefix == "/amp":
            return self._dated(story, pages.amp(story, self.base))
        if prefix == "/print" or ("print", "1") in parse_qsl(query):
            return self._dated(story, pages.print_view(story, self.base))
        return self._article(story, canonical=prefix == "")

    def _article(self, story: Story, *, canonical: bool) -> Answer:
        html = pages.article(story, self.base, self._related(story), self._corrections.get(story.number))
        if not canonical:
            html = html.replace(f'<link rel="canonical" href="{self.base}{story.path}">\n', "")
            html = html.replace(self.url(story), f"{self.base}/syndicated{story.path}")
        answer = self._dated(story, html)
        if story.charset == "utf-8":
            return answer
        body = html.encode(story.charset, "xmlcharrefreplace")
        return replace(answer, body=body, content_type="text/html")  # only the meta tag knows the charset

    def _dated(self, story: Story, html: str) -> Answer:
        return Answer(200, html.encode(), changed=self._changed.get(story.number, story.modified or story.moment))

    def _related(self, story: Story) -> list[Story]:
        """Two neighbours of the first edition, so that editing one story leaves the bytes of all others alone."""
        after = [known for known in self._original if known.number > story.number]
        return (after + [known for known in self._original if known.number < story.number])[:2]


def not_modified(answer: Answer, if_none_match: str | None, if_modified_since: str | None) -> bool:
    """Whether a conditional request is answered by 304 (RFC 9110, 13.2.2: the entity tag wins)."""
    if answer.status != 200:
        return False
    if if_none_match is not None:
        return answer.etag in (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    if if_modified_since is None or answer.changed is None:
        return False
    return answer.changed.replace(microsecond=0) <= parsedate_to_datetime(if_modified_since)


def http_date(moment: datetime) -> str:
    """A moment as HTTP writes it."""
    return format_datetime(moment.astimezone(PRESS_TIME.tzinfo), usegmt=True)


def path_of(url: str) -> str:
    """Path and query of a URL or path, percent-encoded, as it stands on a request line."""
    parts = urlsplit(url)
    return quote(parts.path, safe="/%:@!$&'()*+,;=~-._") + (f"?{parts.query}" if parts.query else "")


def _text(text: str, content_type: str) -> Answer:
    return Answer(200, text.encode(), content_type)


def _needed(path: str) -> Answer | None:
    found = press.file(path)
    return Answer(200, found[1], found[0]) if found else None


def _failure(status: int) -> Answer:
    words = _GONE if status == 410 else _NOT_FOUND
    return Answer(status, pages.plain("Gone" if status == 410 else "Not found", words).encode())
