"""`source import`: lists of sites are looked at, each gets a verdict, and those with a way in are written."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise

import pytest

from crawler.config import keys as config
from tests.desk import COMMAND, Desk
from tests.newsroom import Answer, Fault, Newsroom
from tests.runner import environment

DEAD = "http://127.0.0.9:9/"
FORBIDS = Answer(200, b"User-agent: *\nDisallow: /\n", "text/plain")
SCRIPTS = b"<title>x</title><div id=root></div><script src=/a.js></script><noscript>Please enable JavaScript.</noscript>"
WALL = b"<title>Just a moment...</title><body>Checking your browser before accessing the site</body>"


class Street:
    """Some newsrooms, opened when they are needed."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def room(self, **answers: Answer) -> Newsroom:
        """A newsroom; `home` and `robots` are answers in place of its own."""
        room = self._stack.enter_context(Newsroom(stories=4))
        for name, answer in answers.items():
            room.replace({"home": "/", "robots": "/robots.txt"}[name], answer)
        return room


@pytest.fixture
def street() -> Iterator[Street]:
    """Newsrooms that are closed after the test."""
    with ExitStack() as stack:
        yield Street(stack)


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """A collection without sources."""
    desk.configure(allow="true", crawl="timeout = 3")
    return desk


def sources(desk: Desk) -> list[tuple[str, tuple[str, ...] | None]]:
    """Home page and given feeds of each source in newswarc.toml."""
    return [(source.url, source.feeds) for source in config.load(desk.folder / "newswarc.toml").sources]


def imported(desk: Desk, text: str, *options: str, code: int) -> dict[str, dict[str, object]]:
    """The verdicts on a list, by URL as it was written or moved to."""
    done = desk.run("source", "import", "-", "--json", *options, stdin=text, code=code)
    return {found["url"]: found for found in map(json.loads, done.stdout.splitlines())}


def test_each_kind_of_site_has_its_verdict(desk: Desk, street: Street) -> None:
    """A way in, a bot wall, robots.txt, JavaScript, no way in, dead in five ways, no URL; only the first is written."""
    nothing = Answer(404)
    good = street.room()
    walls = street.room(home=Answer(403, WALL), robots=nothing), street.room(home=Answer(429), robots=nothing)
    forbidden, scripted = street.room(robots=FORBIDS), street.room(home=Answer(200, SCRIPTS), robots=nothing)
    bare = street.room(home=Answer(200, b"<p>Nothing here."), robots=nothing)
    gone, closed = street.room(home=Answer(404), robots=nothing), street.room(robots=Answer(503))
    silent = street.room()
    silent.fault("/robots.txt", Fault.STALL)
    rooms = (good, *walls, forbidden, scripted, bare, gone, closed, silent)
    found = imported(
        desk, "\n".join([*(room.url for room in rooms), DEAD, "http://nowhere.invalid/", "hello"]), code=4
    )
    verdicts = {url: (one["verdict"], one["added"]) for url, one in found.items()}
    assert verdicts == {
        good.url: ("found", True),
        walls[0].url: ("bot wall", False),
        walls[1].url: ("bot wall", False),
        forbidden.url: ("robots", False),
        scripted.url: ("needs JavaScript", False),
        bare.url: ("no way in", False),
        gone.url: ("dead", False),
        closed.url: ("dead", False),
        silent.url: ("dead", False),
        DEAD: ("dead", False),
        "http://nowhere.invalid/": ("dead", False),
        "hello": ("not a URL", False),
    }
    details = {url: one["details"] for url, one in found.items()}
    assert details[good.url] == "3 feeds, 4 sitemaps, 6 sections"
    assert (details[DEAD], details["http://nowhere.invalid/"], details[gone.url]) == ("refused", "dns", "http-404")
    assert details[closed.url] == "robots.txt cannot be read: http-503"
    assert details[silent.url] == "timeout"
    assert sources(desk) == [(good.url, None)]
    assert [one.path for one in forbidden.log] == ["/robots.txt"]


def test_lines_are_for_people_and_pipes(desk: Desk, street: Street) -> None:
    """Name, verdict and details between tabs on stdout, the sum on stderr; -q leaves the sum out."""
    room = street.room()
    done = desk.run("source", "import", "-", "--dry-run", stdin=f"name,url\nThe Post,{room.url}\nX,{DEAD}\n", code=4)
    assert sorted(done.stdout.splitlines()) == ["The-Post\tfound\t3 feeds, 4 sitemaps, 6 sections", "X\tdead\trefused"]
    assert done.stderr.endswith(f"1 would be added to {desk.folder}/newswarc.toml\n")
    assert sources(desk) == []
    assert desk.run("-q", "source", "import", "-", stdin=room.url).stderr == ""


def test_force_adds_what_answers(desk: Desk, street: Street) -> None:
    """Walls and scripts may be there on purpose; what is dead is never added."""
    room = street.room(home=Answer(200, SCRIPTS), robots=Answer(404))
    found = imported(desk, f"{room.url}\n{DEAD}\n", "--force", code=4)
    assert found[room.url]["details"] == "the page needs JavaScript, which newswarc does not run; added all the same"
    assert sources(desk) == [(room.url, None)]


def test_exit_code_tells_whether_all_were_added_or_known(desk: Desk, street: Street) -> None:
    """0 where nobody has to look, 4 for some, 5 for all."""
    room = street.room()
    imported(desk, DEAD, code=5)
    imported(desk, room.url, code=0)
    assert imported(desk, f"{room.url}?utm_source=x\n", code=0)[f"{room.url}?utm_source=x"]["verdict"] == "known already"
    imported(desk, f"{room.url}\n{DEAD}\n", code=4)
    assert len(sources(desk)) == 1


def test_without_probe_nothing_is_asked(desk: Desk, street: Street) -> None:
    """All are written as they stand, each with a name of its own, in the order of the list."""
    room = street.room()
    rows = f"name,url,feed\nPost,{room.url},\nPost,{DEAD},{DEAD}rss\n,,http://c.test/deep/rss\n"
    found = imported(desk, rows, "--no-probe", code=0)
    assert {one["verdict"] for one in found.values()} == {"not probed"}
    assert room.log == ()
    assert sources(desk) == [(room.url, None), (DEAD, (f"{DEAD}rss",)), ("http://c.test/", ("http://c.test/deep/rss",))]
    names = [source.name for source in config.load(desk.folder / "newswarc.toml").sources]
    assert names == ["Post", "127.0.0.9-9", "c.test"]


def test_one_site_is_one_source(desk: Desk, street: Street) -> None:
    """However it is written, and when another address leads to it; an address that moved is written as it is now."""
    room, other, moved = street.room(), street.room(), street.room()
    other.replace("/", Answer(301, location=room.url))
    done = desk.run("source", "import", "-", stdin=f"{room.url}\n{room.url[:-1]}\n{other.url}\n")
    assert sorted(line.split("\t")[1] for line in done.stdout.splitlines()) == ["found", "known already"]
    assert sources(desk) == [(room.url, None)]
    target = street.room()
    moved.replace("/", Answer(301, location=target.url))
    text = f"{moved.url}\nhttp://127.0.0.9:{target.port}/\n"  # no other port than those of the list is asked
    assert imported(desk, text, code=4)[target.url]["added"]
    assert sources(desk)[1:] == [(target.url, None)]


def outline(home: str, *feeds: str) -> str:
    """A list with one site."""
    inner = "".join(f'<outline text="Post" xmlUrl="{feed}" htmlUrl="{home}"/>' for feed in feeds)
    return f'<opml version="2.0"><body><outline text="News">{inner}</outline></body></opml>'


def test_named_feed_is_kept_only_where_it_is_not_found(desk: Desk, street: Street) -> None:
    """What the home page names is found by every crawl; a feed that is broken is told and left out."""
    room, hidden, broken = street.room(), street.room(), street.room()
    atom = Answer(200, hidden.site.answer("/feeds/atom.xml").body, "application/atom+xml")
    hidden.replace("/hidden.xml", atom)
    imported(desk, outline(room.url, f"{room.url}feeds/rss.xml"), code=0)
    imported(desk, outline(hidden.url, f"{hidden.url}feeds/rss.xml", f"{hidden.url}hidden.xml"), code=0)
    told = imported(desk, outline(broken.url, f"{broken.url}none.xml"), code=0)[broken.url]
    assert told["broken"] == [f"{broken.url}none.xml: http-404"]
    assert sources(desk) == [
        (room.url, None),
        (hidden.url, (f"{hidden.url}feeds/rss.xml", f"{hidden.url}hidden.xml")),
        (broken.url, None),
    ]


def test_feed_is_a_way_in_where_a_wall_stands_before_the_home_page(desk: Desk, street: Street) -> None:
    """The list knows more than the site tells."""
    room = street.room(home=Answer(403, WALL), robots=Answer(404))
    found = imported(desk, outline(room.url, f"{room.url}feeds/rss.xml"), code=0)[room.url]
    assert found["verdict"] == "found"
    assert sources(desk) == [(room.url, (f"{room.url}feeds/rss.xml",))]


def test_feed_tells_its_home_page(desk: Desk, street: Street) -> None:
    """Whether a list calls it a feed or not, in RSS, Atom and JSON; since the home page names it, it is not pinned."""
    rooms = [street.room() for _ in range(4)]
    paths = ("feeds/rss.xml", "feeds/atom.xml", "feeds/feed.json", "feeds/rss.xml")
    addresses = [room.url + path for room, path in zip(rooms, paths, strict=True)]
    imported(desk, "\n".join(["url,feed", *(f",{url}" for url in addresses[:3]), f"{addresses[3]},"]), code=0)
    assert sources(desk) == [(room.url, None) for room in rooms]


def test_many_feeds_of_one_site_are_one_source(desk: Desk, street: Street) -> None:
    """Those that its home page does not name are kept together."""
    room = street.room()
    rss = Answer(200, room.site.answer("/feeds/rss.xml").body, "application/rss+xml")
    for path in ("/a.xml", "/b.xml"):
        room.replace(path, rss)
    text = "".join(f'<outline xmlUrl="{room.url}{name}.xml"/>' for name in "ab")
    imported(desk, f"<opml><body>{text}</body></opml>", code=0)
    [(home, feeds)] = sources(desk)
    assert home == room.url
    assert {f"{room.url}a.xml", f"{room.url}b.xml"} <= set(feeds or ())


def test_requests_to_a_host_keep_the_delay(desk: Desk, street: Street) -> None:
    """One after the other, never sooner than the delay after the answer before, also for two sources of one host."""
    settings = desk.folder / "newswarc.toml"
    settings.write_text(settings.read_text().replace("delay = 0", "delay = 0.25"))
    room = street.room()
    imported(desk, f"{room.url}\n{room.url}city/\n{DEAD}\n", code=4)
    starts = [one.started for one in room.log]
    assert len(starts) > 6
    assert all(later - earlier >= 0.25 for earlier, later in pairwise(starts))


def test_host_that_asks_for_patience_is_asked_no_more(desk: Desk, street: Street) -> None:
    """After a 429 its named feeds are left alone too; a long Crawl-delay ends the look after the home page."""
    busy = street.room(home=Answer(429, headers=(("Retry-After", "60"),)), robots=Answer(404))
    slow = street.room(robots=Answer(200, b"User-agent: *\nCrawl-delay: 6\n", "text/plain"))
    found = imported(desk, outline(busy.url, f"{busy.url}feeds/rss.xml"), code=5)[busy.url]
    assert found["verdict"] == "bot wall"
    assert [one.path for one in busy.log] == ["/robots.txt", "/"]
    assert imported(desk, slow.url, code=0)[slow.url]["verdict"] == "found"
    assert [one.path for one in slow.log] == ["/robots.txt", "/"]
    assert slow.log[1].started - slow.log[0].started >= 6


def test_interrupt_keeps_what_was_decided(desk: Desk, street: Street) -> None:
    """Ctrl-C ends the looks in hand; the sites that have a verdict are written."""
    good, silent = street.room(), street.room()
    silent.fault("/robots.txt", Fault.STALL)
    desk.configure(allow="true", crawl="timeout = 60")
    with subprocess.Popen(
        [*COMMAND, "source", "import", "-"], cwd=desk.folder, env=environment(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(f"{silent.url}\n{good.url}\n")
        process.stdin.close()
        assert "found" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in errors
    assert sources(desk) == [(good.url, None)]


def test_reader_that_goes_away_loses_nothing(desk: Desk, street: Street) -> None:
    """`| head -1` ends the command; what was decided is written."""
    rooms = [street.room() for _ in range(3)]
    done = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$@" | true', "bash", *COMMAND, "source", "import", "-"],
        cwd=desk.folder, env=environment(), text=True, input="\n".join(room.url for room in rooms),
        capture_output=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == "" or "Traceback" not in done.stderr
    assert len(sources(desk)) >= 1


def test_comments_and_layout_of_the_file_stay(desk: Desk, street: Street) -> None:
    """Everything that stood there is there, byte for byte, and the new sources stand below it."""
    path = desk.folder / "newswarc.toml"
    before = path.read_bytes() + b"# the end"
    path.write_bytes(before)
    imported(desk, street.room().url, code=0)
    assert path.read_bytes().startswith(before + b"\n\n[[source]]\nname = ")


def test_page_that_breaks_a_worker_is_one_dead_site(desk: Desk, street: Street) -> None:
    """A home page that is not HTML, or cut off, does not end the import of others."""
    odd = street.room(home=Answer(200, bytes(range(256)) * 50, "application/pdf"), robots=Answer(404))
    cut = street.room()
    cut.fault("/", Fault.GARBAGE)
    good = street.room()
    found = imported(desk, f"{odd.url}\n{cut.url}\n{good.url}", code=4)
    assert found[good.url]["added"]
    assert not found[odd.url]["added"]
