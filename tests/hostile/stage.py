"""The whole stage: papers on addresses of their own, faults shared out among them, healthy stories between."""

# ruff: noqa: E501 - a fault a line reads best as a table

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape

from tests.hostile import fields, pages, redirects, robots, seeds, transport
from tests.hostile.faults import Fault, Story
from tests.hostile.server import Answer, Line, Server

NETWORK = "127.0.70"
STORIES = 4  # healthy ones of each paper
_NEWS = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
)


@dataclass
class Paper:
    """A site of its own address. `open`: its source lets every host in, so that only the network guard stands."""

    name: str
    server: Server
    faults: list[Fault] = field(default_factory=list)
    robots: Answer | None = None
    healthy: bool = True  # whether its stories can be had
    home: str = r"seed:$"
    open: bool = False
    links: tuple[str, ...] = ()  # further links of the home page, as HTML

    @property
    def stories(self) -> list[Story]:
        """Its healthy articles."""
        return [Story(number, self.name) for number in range(1, STORIES + 1)]

    def set_up(self) -> None:
        """Everything it answers."""
        answers = self.server.answers
        answers |= {fault.path: fault.answer for fault in self.faults}
        answers |= {story.path: _page(story) for story in self.stories}
        answers["/"] = lambda line: line.reply(self._home().encode("utf-8", "surrogatepass"))
        answers["/robots.txt"] = self.robots or robots.text(self._robots())
        answers["/sitemaps/good.xml"] = seeds.xml(self._sitemap())
        answers["/feeds/good.xml"] = seeds.xml(self._feed())

    def _shares(self) -> tuple[list[tuple[str, str]], ...]:
        """(path, title) for the home page, the sitemap and the feed: faults dealt in turn, a story between them."""
        shares: tuple[list[tuple[str, str]], ...] = ([], [], [])
        bad = [(fault.path, f"The strange case of {fault.name.replace('-', ' ')} in the town") for fault in self.faults
               if fault.kind == "page" and fault.listed]  # fmt: skip
        for number, entry in enumerate(bad):
            shares[number % 3].append(entry)
        for number, story in enumerate(self.stories):
            share = shares[number % 3]
            share.insert(len(share) // 2, (story.path, story.title))
        return shares

    def _home(self) -> str:
        alternates = "".join(
            f'<link rel="alternate" type="application/rss+xml" href="{path}">'
            for path in ["/feeds/good.xml", *(fault.path for fault in self.faults if fault.kind == "feed")]
        )
        teasers = "".join(f'<h2><a href="{path}">{escape(title)}</a></h2>' for path, title in self._shares()[0])
        return f"<!doctype html><html><head><title>{self.name}</title>{alternates}<link rel=sitemap href=/sitemaps/good.xml></head><body><main>{teasers}{''.join(self.links)}</main></body></html>"

    def _robots(self) -> str:
        maps = [fault.path for fault in self.faults if fault.kind == "sitemap"]
        return "User-agent: *\nDisallow: /private/\n" + "".join(
            f"Sitemap: {self.server.url}{path}\n" for path in ["/sitemaps/good.xml", *maps]
        )

    def _sitemap(self) -> str:
        return f"<urlset {_NEWS}>" + "".join(
            f"<url><loc>{self.server.url}{path}</loc><news:news><news:title>{escape(title)}</news:title></news:news></url>"
            for path, title in self._shares()[1]
        ) + "</urlset>"  # fmt: skip

    def _feed(self) -> str:
        return '<rss version="2.0"><channel><title>x</title>' + "".join(
            f"<item><title>{escape(title)}</title><link>{path}</link></item>" for path, title in self._shares()[2]
        ) + "</channel></rss>"  # fmt: skip


def _page(story: Story) -> Answer:
    return lambda line: line.reply(story.page())


class Stage:
    """All papers and the private listeners, which nobody may ever reach. One port for all of them."""

    def __init__(self) -> None:
        self.private = _private_servers()
        self.port = self.private[0].port
        self.papers: list[Paper] = []

    @property
    def inside(self) -> str:
        """The base of a private listener."""
        return self.private[0].url

    def add(self, name: str, faults: Sequence[Fault] = (), **more: object) -> Paper:
        """A paper at an address of its own."""
        server = Server(f"{NETWORK}.{len(self.papers) + 1}", self.port)
        paper = Paper(name, server, list(faults), **more)  # type: ignore[arg-type]
        self.papers.append(paper)
        return paper

    def deal(self, name: str, faults: Sequence[Fault], papers: int) -> None:
        """Faults shared out among several papers, so that slow ones wait for each other as little as may be."""
        for number in range(papers):
            self.add(f"{name}-{'abcdefghijkl'[number]}", faults[number::papers])

    def open(self) -> Stage:
        """From here on everything answers."""
        for paper in self.papers:
            paper.set_up()
        return self

    def stop(self) -> None:
        """Ends all servers."""
        for server in [*self.private, *(paper.server for paper in self.papers)]:
            server.stop()

    def sources(self) -> str:
        """The `[[source]]` tables."""
        opening = "allow = ['^https?://']\n"
        return "".join(
            f'[[source]]\nname = "{paper.name}"\nurl = "{paper.server.url}/"\n{opening if paper.open else ""}'
            for paper in self.papers
        )

    @property
    def faults(self) -> Iterator[tuple[str, Fault]]:
        """All faults with the URLs they are at."""
        return ((f"{paper.server.url}{fault.path}", fault) for paper in self.papers for fault in paper.faults)


def _private_servers() -> list[Server]:
    first = Server("127.0.0.1")
    others = [Server("127.8.8.8", first.port)]
    with suppress(OSError):  # a machine without IPv6
        others.append(Server("::1", first.port, socket.AF_INET6))
    return [first, *others]


def whole_stage() -> Stage:
    """Every fault of the catalogue."""
    stage = Stage()
    numbers = itertools.count(100)
    inside = stage.inside
    stage.deal("wire", [*transport.heads(numbers), *transport.bodies(numbers)], 9)
    stage.add("forgers", transport.forgeries())
    other = stage.papers[0].server.url
    stage.add("inward", redirects.inward(stage.port), open=True, links=_links(stage.port))
    stage.add("inward-shut", redirects.inward(stage.port))
    stage.add("outward", [])
    outward = stage.papers[-1]
    outward.faults += [*redirects.outward(outward.server.url, other), *redirects.hops(numbers)]
    stage.deal("maps", seeds.sitemaps(stage.port, inside), 3)
    stage.deal("feeds", seeds.feeds(stage.port, inside), 3)
    stage.deal("pages", [*pages.no_articles(), *pages.markup(numbers), *pages.charsets(numbers)], 3)
    stage.deal("fields", fields.faults(numbers, other), 2)
    stage.add("traps", **_traps())
    for number, fault in enumerate(robots.faults(inside)):
        stage.add(f"robots-{number}", robots=fault.answer, healthy=fault.stored, home=fault.home)
    return stage.open()


def flooded_stage() -> Stage:
    """Papers that announce more than can ever be fetched; only a budget ends the crawl of them."""
    stage = Stage()
    stage.add("index", [seeds.growing()])
    flood = stage.add("flood")
    listed = "<url><loc>/archive/2025/01/01/the-story-with-number-%d</loc></url>\n"
    flood.faults.append(
        Fault(
            "archive",
            seeds.streamed("<urlset>", make=lambda: seeds._entries(10_000_000, listed)),
            seeds.POLLED,
            kind="sitemap",
        )
    )
    calendar = stage.add("calendar", links=tuple(_calendar(1)))
    calendar.server.otherwise = _more_calendar
    return stage.open()


def _calendar(page: int) -> Iterator[str]:
    for day in range(60):
        yield f'<a href="/calendar/{2026 + page}/11/{day}/?view=day&page={page}">Events of the day {day} in the year {page}</a>'
        yield f'<a href="/news/2026/11/20/a/a/{"a/" * page}a-very-deep-story-{day}">A very deep story of the day {day}</a>'
        yield f'<a href="/news/2026/11/20/story-of-the-session?sid={page}{day}">The story of the session, told again</a>'


def _more_calendar(line: Line) -> None:
    line.reply(f"<title>Calendar</title>{''.join(_calendar(len(line.path)))}".encode())


def _links(port: int) -> tuple[str, ...]:
    """Links straight to private places, from a home page whose source lets every host in."""
    return tuple(
        f'<h2><a href="{escape(url)}">A secret of this house, and where to find it</a></h2>'
        for url in redirects.private_forms(port).values()
    )


def _traps() -> dict[str, object]:
    """A home page of traps: calendars, sessions, deep paths, fifty addresses of one body, odd links."""
    odd = ("http://[", "//", "///", "http:///", "javascript:1", "data:,x", "mailto:a@b", "\x00", "\x1b[31m", "a" * 50_000,
           "http://127.0.70.1:99999/x", "http://user:pw@127.0.70.1/", "?", "#", "../" * 3000, "/%zz%", "/\ud800")  # fmt: skip
    same = (
        f'<a href="/news/2026/11/20/fifty-addresses-of-one-story?v={n}">Fifty addresses of one story of the town</a>'
        for n in range(50)
    )
    links = [f'<a href="{escape(href)}">A link that nobody can follow to its end</a>' for href in odd]
    return {"links": ("<div>" * 20_000, *_calendar(1), *same, *links)}
