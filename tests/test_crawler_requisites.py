"""Page requisites in whole runs of the real command: archived as served, after the pages, once, within bounds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from warcio.archiveiterator import ArchiveIterator

from storage.urlkey import canonical
from tests.desk import Desk, wait_until
from tests.killing import begin, kill
from tests.newsroom.press import SHARED
from tests.newsroom.server import Fault, Newsroom
from tests.newsroom.site import Answer
from tests.newsroom.stories import Story

WANTED = "requisites = true\nfeeds = []\nsitemaps = []"  # the home page leads to the stories
IS_REQUISITE = re.compile(r"/(?:images|static|private)/")
STORIES = 6


def configure(desk: Desk, room: Newsroom, *others: Newsroom, more: str = WANTED, crawl: str = "") -> None:
    """One source to crawl; those of others only name their ports."""
    rooms = [("room", room.url), *((f"other{n}", other.url) for n, other in enumerate(others))]
    desk.configure(*rooms, allow=str([each.host for each in (room, *others)]).replace("'", '"'), more=more, crawl=crawl)


def asked(room: Newsroom) -> Counter[str]:
    """Paths of requisites that were asked for, and how often."""
    return Counter(served.path for served in room.log if IS_REQUISITE.match(served.path))


def expected(room: Newsroom) -> set[str]:
    """What the stories of a newsroom show."""
    return {*SHARED, *(f"/images/{story.number}.jpg" for story in room.site.live)}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Newsroom, str]]:
    """A crawl with requisites, and what it said. Tests only look at it."""
    desk = Desk(tmp_path_factory.mktemp("kept"))
    with Newsroom(stories=STORIES) as room:
        configure(desk, room)
        yield desk, room, desk.run("crawl").stderr


def test_each_requisite_is_asked_for_once(kept: tuple[Desk, Newsroom, str]) -> None:
    """Pictures, stylesheets and what they import and show, font, script and icon, however many pages share them."""
    _, room, _ = kept
    assert asked(room) == Counter(expected(room))


def test_requisites_come_after_the_pages(kept: tuple[Desk, Newsroom, str]) -> None:
    """No page is asked for once the first requisite was."""
    _, room, _ = kept
    order = [IS_REQUISITE.match(served.path) is not None for served in room.log]
    assert order == sorted(order)


def test_another_host_waits_for_the_pages_too(desk: Desk) -> None:
    """The picture of the first story is asked for when all stories are there, though its host has nothing else to do."""
    with Newsroom(stories=10, latency=0.1) as room, Newsroom(stories=2) as cdn:
        for story in room.site.live:
            story_with(room, f"<img src={cdn.site.base}/images/far.png>", story)
        configure(desk, room, cdn)
        desk.run("crawl", "-q", "room")
        pages = [served.started for served in room.log if not IS_REQUISITE.match(served.path)]
        [far] = cdn.served("/images/far.png")
        assert max(pages) < far.started


def test_requisites_are_archived_as_served(kept: tuple[Desk, Newsroom, str]) -> None:
    """The WARC has the very bytes of each, as the kind that it is, and `verify` finds nothing."""
    desk, room, _ = kept
    archived: dict[str, bytes] = {}
    for path in (desk.folder / "warc").glob("*.warc.gz"):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, no_record_parse=True):
                if record.rec_type == "response":
                    archived[record.rec_headers.get_header("WARC-Target-URI")] = record.raw_stream.read()
    served = {room.site.base + each.path: each.response for each in room.log if IS_REQUISITE.match(each.path)}
    assert {url: archived[url] for url in served} == served
    kinds = desk.rows("SELECT url FROM captures WHERE kind = 'requisite' ORDER BY 1")
    assert [url for (url,) in kinds] == sorted(served)
    desk.run("verify")


def test_the_states_add_up(kept: tuple[Desk, Newsroom, str]) -> None:
    """Each is kept, with one outcome of the run; the articles are counted as without them, and `kept` stands beside."""
    desk, room, _ = kept
    total = len(expected(room))
    assert desk.rows("SELECT state, reason, next_fetch_at, count(*) FROM urls WHERE kind = 'requisite' GROUP BY 1, 2, 3") == [
        ("kept", None, None, total)
    ]
    assert desk.rows("SELECT verdict, count(*), count(DISTINCT url_id) FROM outcomes WHERE kind = 'requisite'") == [
        ("kept", total, total)
    ]
    assert desk.rows("SELECT added, kept, pending FROM v_runs") == [(STORIES, total, 0)]
    assert desk.one("SELECT considered FROM v_runs") == desk.one("SELECT count(*) FROM urls WHERE kind = 'article'")


def test_a_requisite_says_which_page_led_to_it(kept: tuple[Desk, Newsroom, str]) -> None:
    """A story for its picture, a stylesheet for what it shows."""
    desk, room, _ = kept
    via = dict(desk.rows("SELECT url, json_extract(context, '$.via') FROM captures WHERE kind = 'requisite'"))
    base = room.site.base
    assert via[f"{base}/static/print.css"] == f"{base}/static/courier.css"
    assert via[f"{base}/images/stamp.png"] == f"{base}/static/print.css"
    story = room.site.live[2]
    assert via[f"{base}/images/{story.number}.jpg"] == canonical(room.site.url(story))


def test_they_are_told_in_a_line(kept: tuple[Desk, Newsroom, str]) -> None:
    """By the run and by `status`, whose columns do not count them."""
    desk, room, said = kept
    total = len(expected(room))
    assert f"Requisites: {total} kept\n" in said
    status = desk.run("status").stdout
    assert f"of them page requisites: {total} kept\n" in status
    assert re.search(rf"^room\t{STORIES}\t{STORIES}\t{STORIES}\t0\t", status, re.MULTILINE)


def test_a_later_run_asks_for_none_of_them_again(desk: Desk) -> None:
    """Not when the pages are fetched again either; a new picture of an old page is fetched."""
    with Newsroom(stories=2) as room:
        configure(desk, room)
        desk.run("crawl", "-q")
        before = asked(room)
        story = room.site.live[0]
        page = room.site.answer(story.path).body.replace(b"</article>", b"<img src=/images/new.png></article>")
        room.replace(room.site.url(story), Answer(200, page))
        desk.run("crawl", "-q", "--now", "--refetch")
        assert asked(room) - before == Counter(["/images/new.png"])


def test_none_is_asked_for_by_default(desk: Desk) -> None:
    """Without the setting there is no request for one, and no row."""
    with Newsroom(stories=2) as room:
        configure(desk, room, more="feeds = []\nsitemaps = []")
        assert "Requisites" not in desk.run("crawl").stderr
        assert asked(room) == Counter()
        assert desk.one("SELECT count(*) FROM urls WHERE kind = 'requisite'") == 0


def story_with(room: Newsroom, needed: str, story: Story | None = None) -> str:
    """The URL of a story (the first, if none is given) whose page shows what is given, and its own picture."""
    story = story or room.site.live[0]
    page = re.sub(rb"<link rel=\"(?:stylesheet|icon)\"[^>]*>|<script src[^>]*></script>", b"", room.site.answer(story.path).body)
    page = page.replace(b"</article>", needed.encode() + b"</article>")
    room.replace(room.site.url(story), Answer(200, page))
    return room.site.url(story)


def states(desk: Desk) -> dict[str, tuple[str, str | None]]:
    """Requisites by the last part of their URL: state and reason."""
    rows = desk.rows("SELECT url, state, reason FROM urls WHERE kind = 'requisite'")
    return {url.rpartition("/")[2]: (state, reason) for url, state, reason in rows}


def test_requisites_of_all_kinds_of_trouble(desk: Desk) -> None:
    """Other hosts are asked, politely; what is missing, refused, cut or no picture has its state, and the page its article."""
    with Newsroom(stories=2) as room, Newsroom(stories=2) as cdn:
        away = cdn.site.base
        needed = {
            "own.png": ("/images/own.png", ("kept", None)),
            "far.png": (f"{away}/images/far.png", ("kept", None)),
            "moved.png": ("/images/moved.png", ("kept", None)),
            "missing.bin": ("/static/missing.bin", ("failed", "http-404")),
            "forbidden.png": ("/images/forbidden.png", ("failed", "http-403")),
            "wrong.png": ("/images/wrong.png", ("kept", None)),
            "huge.png": ("/images/huge.png", ("kept", "cut: length")),
            "torn.png": ("/images/torn.png", ("failed", "cut: disconnect")),
            "secret.png": (f"{away}/private/secret.png", ("filtered", "robots")),
            "odd-port.png": ("http://127.0.0.1:9/odd-port.png", ("filtered", "port")),
        }
        room.replace("/images/moved.png", Answer(302, location=f"{away}/images/target.png"))
        room.replace("/images/forbidden.png", Answer(403, b"no"))
        room.replace("/images/wrong.png", Answer(200, b"<html><img src=/images/never.png>"))
        room.replace("/images/huge.png", Answer(200, bytes(300_000), "image/png", compress=False))
        room.fault("/images/torn.png", Fault.CUT)
        url = story_with(room, "".join(f"<img src='{where}'>" for where, _ in needed.values()))
        configure(desk, room, cdn, crawl="max_capture_bytes = 100_000")
        done = desk.run("fetch", url)
        found = states(desk)
        assert found.pop(f"{room.site.live[0].number}.jpg") == ("kept", None)
        assert found == {name: state for name, (_, state) in needed.items()} | {"odd-port.png": found["odd-port.png"]}
        assert found["odd-port.png"][0] == "filtered"
        assert "/private/secret.png" not in asked(cdn)
        assert asked(cdn) == Counter(["/images/far.png", "/images/target.png"])
        assert "Articles: 1 added, 0 pending" in done.stderr
        assert desk.one("SELECT count(*) FROM captures WHERE pending") == 0
        assert desk.run("status").stdout.splitlines()[1].split("\t")[2:4] == ["0", "0"]
        desk.run("verify")
        assert desk.rows("SELECT reason FROM urls WHERE kind = 'requisite' AND next_fetch_at IS NOT NULL") == [("cut: disconnect",)]


def test_a_requisite_may_be_redirected_to_another_site(desk: Desk) -> None:
    """What would be refused for a page of a crawl is usual for a picture."""
    with Newsroom(stories=2) as room:
        story_with(room, "<img src=/variant/1>")  # by way of localhost, which is another site
        configure(desk, room)
        toml = desk.folder / "newswarc.toml"
        toml.write_text(toml.read_text().replace(f'["{room.host}"]', f'["{room.host}", "localhost:{room.port}"]'))
        desk.run("crawl", "-q")
        assert states(desk)["1"] == ("kept", None)
        hosts = desk.rows("SELECT url FROM captures WHERE url LIKE '%localhost%' AND kind = 'requisite'")
        assert len(hosts) == 1


def test_robots_of_other_hosts_are_obeyed_whatever_the_source_may_ignore(desk: Desk) -> None:
    """A licence to ignore robots.txt is of the source's own hosts."""
    with Newsroom(stories=2) as room, Newsroom(stories=2) as cdn:
        url = story_with(room, f"<img src=/private/own.png><img src={cdn.site.base}/private/far.png>")
        configure(desk, room, cdn, more=f'{WANTED}\nrobots = "ignore"\nrobots_reason = "a newsroom of ours"')
        desk.run("fetch", "-q", url)
        found = states(desk)
        assert (found["own.png"], found["far.png"]) == (("failed", "http-404"), ("filtered", "robots"))


@pytest.mark.parametrize(
    ("setting", "option", "fetched"),
    [("true", (), True), ("true", ("--no-requisites",), False), ("false", (), False), ("false", ("--requisites",), True)],
)
def test_fetch_asks_for_requisites_as_told(desk: Desk, setting: str, option: tuple[str, ...], *, fetched: bool) -> None:
    """`fetch` does as the source says, or as its option says; it takes those of its pages, and none that waited."""
    with Newsroom(stories=2) as room:
        configure(desk, room, more=f"requisites = {setting}")
        desk.run("fetch", "-q", *option, room.site.url(room.site.live[0]))
        mine = {*SHARED, f"/images/{room.site.live[0].number}.jpg"}
        assert set(asked(room)) == (mine if fetched else set())


def test_fetch_leaves_what_waited_before_it(desk: Desk) -> None:
    """What an earlier run left over is the next crawl's, not that of who wants one page."""
    with Newsroom(stories=2) as room:
        configure(desk, room, crawl="max_requisite_bytes = 1")
        one, two = room.site.live
        desk.run("fetch", "-q", room.site.url(one))
        before = asked(room)
        configure(desk, room)
        desk.run("fetch", "-q", room.site.url(two))
        assert asked(room) - before == Counter([f"/images/{two.number}.jpg"])


def test_pdfs_are_archived_where_they_are_wanted(desk: Desk) -> None:
    """With `pdfs` what a page links to is kept, as a requisite and not as an article."""
    with Newsroom(stories=2) as room:
        room.replace("/static/report.pdf", Answer(200, b"%PDF-1.7\n", "application/pdf"))
        configure(desk, room, more=f"{WANTED}\npdfs = true")
        desk.run("fetch", "-q", story_with(room, "<a href=/static/report.pdf>The report</a>"))
        assert states(desk)["report.pdf"] == ("kept", None)


def test_a_run_ends_its_requisites_when_its_bytes_are_spent(desk: Desk) -> None:
    """What is left is said in its line, waits, and is fetched by the next runs; nothing twice."""
    with Newsroom(stories=4) as room:
        configure(desk, room, crawl="max_requisite_bytes = 1")
        said = desk.run("crawl").stderr
        assert asked(room).total() == 1  # the one that was on the wire when they were spent
        assert re.search(r"^Requisites: 1 kept, \d+ pending \(max_requisite_bytes, 1, is spent\)$", said, re.MULTILINE)
        assert desk.one("SELECT count(*) FROM v_articles") == 4
        configure(desk, room)
        assert "is spent" not in desk.run("crawl").stderr
        assert asked(room) == Counter(expected(room))


def test_pages_that_may_not_be_fetched_do_not_keep_requisites_back(desk: Desk) -> None:
    """`--max-pages` counts pages: what those need that were fetched is fetched in the same run."""
    with Newsroom(stories=6) as room:
        configure(desk, room)
        desk.run("crawl", "-q", "--max-pages", "2")
        assert desk.one("SELECT count(*) FROM v_articles") == 2
        assert len(asked(room)) == len(SHARED) + 2
        assert desk.one("SELECT count(*) FROM urls WHERE kind = 'requisite' AND state = 'pending'") == 0


def test_a_source_that_wants_no_more_leaves_them(desk: Desk) -> None:
    """Requisites that wait are not asked for once the setting is taken back; they stay known."""
    with Newsroom(stories=2) as room:
        configure(desk, room, crawl="max_requisite_bytes = 1")
        desk.run("crawl", "-q")
        before = asked(room)
        configure(desk, room, more="feeds = []\nsitemaps = []")
        desk.run("crawl", "-q", "--now")
        assert asked(room) == before


def test_a_killed_run_is_carried_on_without_fetching_twice(desk: Desk) -> None:
    """Kill -9 amid the requisites: the next run keeps what is archived, and asks for the rest and what was on the wire."""
    with Newsroom(stories=6, latency=0.05) as room:
        configure(desk, room)
        crawling = begin(desk, "crawl", "-q")
        wait_until(lambda: len(asked(room)) > 4)
        kill(crawling, desk)
        room.latency = 0
        desk.run("crawl", "-q")
        fetched = "SELECT count(*) FROM captures WHERE kind = 'requisite' AND http_status = 200"
        assert desk.one(fetched) == len(expected(room))  # what is asked for again was not archived whole
        assert set(asked(room)) == expected(room)
        assert {state for state, _ in states(desk).values()} == {"kept"}
        assert desk.one("SELECT count(*) FROM captures WHERE pending") == 0
        assert desk.rows("SELECT url_id FROM outcomes WHERE kind = 'requisite' GROUP BY url_id HAVING count(*) > 1") == []
        desk.run("verify")


def test_two_runs_share_them(desk: Desk, postgres_url: str) -> None:
    """Runs that join fetch each requisite once between them."""
    with Newsroom(stories=STORIES, latency=0.02) as room:
        configure(desk, room, crawl=f'workers = 1\n[database]\nurl = "{postgres_url}"')
        both = [begin(desk, "crawl", "-q", "--join") for _ in range(2)]
        assert [run.wait(timeout=120) for run in both] == [0, 0]
        assert asked(room) == Counter(expected(room))
