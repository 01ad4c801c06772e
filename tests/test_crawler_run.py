"""Whole runs of the real command against the newsroom: what is found, kept, noticed later, and what it says."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from replayed import replayed
from warcio.archiveiterator import ArchiveIterator

from storage.urlkey import key
from tests.desk import COMMAND, Desk, wait_until
from tests.newsroom.server import Fault, Newsroom
from tests.newsroom.site import Answer
from tests.runner import ROOT, environment

STORED = "SELECT url FROM v_articles ORDER BY url"
SEED_PATHS = re.compile(r"/$|/robots\.txt|/feeds/|/sitemap|/(city|business|culture|sport|science|travel)/?$")


def ledger(desk: Desk) -> dict[str, int]:
    """Article URLs of the newest run by verdict."""
    run_id = desk.one("SELECT run_id FROM v_runs ORDER BY started_at DESC LIMIT 1")
    return dict(
        desk.rows("SELECT verdict, count(*) FROM outcomes WHERE run_id = ? AND kind = 'article' GROUP BY 1", run_id)
    )


def test_every_story_is_stored_once(crawled: Desk, newsroom: Newsroom) -> None:
    """The first crawl stores each live story under its own URL, and no page that is no story."""
    stories = {newsroom.site.url(story) for story in newsroom.site.live}
    assert {key(url) for (url,) in crawled.rows(STORED)} == {key(url) for url in stories}


def test_pages_that_are_no_article_are_rejected_with_a_reason(crawled: Desk, newsroom: Newsroom) -> None:
    """Soft 404, consent wall, bot challenge, login form, listing: each is kept as a URL with the reason, none as an article."""
    for url in newsroom.site.rejects:
        state, reason = crawled.rows("SELECT state, reason FROM v_urls WHERE url = ?", url)[0]
        assert (state in {"rejected", "filtered", "failed"}, bool(reason)) == (True, True), url


def test_robots_txt_is_obeyed(crawled: Desk, newsroom: Newsroom) -> None:
    """A disallowed page is never asked for, and its URL says why."""
    assert not [served for served in newsroom.log if served.path.startswith("/private/")]
    assert crawled.rows("SELECT state FROM v_urls WHERE reason = 'robots'") == [("filtered",)]


def test_the_states_add_up_to_the_urls_known(crawled: Desk) -> None:
    """Every URL is in one state, and every article URL of the run is in its ledger once."""
    assert crawled.one("SELECT count(*) FROM urls WHERE state = 'pending'") == 0
    assert crawled.one("SELECT count(*) FROM urls WHERE kind = 'article'") == sum(ledger(crawled).values())
    assert (
        crawled.one("SELECT count(*) FROM (SELECT url_id FROM outcomes GROUP BY run_id, url_id HAVING count(*) > 1)")
        == 0
    )


def test_every_exchange_is_archived_as_it_was_served(crawled: Desk, newsroom: Newsroom) -> None:
    """The WARC has one record, response or revisit, for each answer of the newsroom, with the very bytes; requests likewise."""
    files = sorted((crawled.folder / "warc").glob("*.warc.gz"))
    responses = [record.block for record in replayed(files)]
    requests: list[bytes] = []
    for path in files:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, no_record_parse=True):
                block = record.raw_stream.read()
                if record.rec_type == "request":
                    requests.append(block)
    assert sorted(responses) == sorted(served.response for served in newsroom.log)
    assert sorted(requests) == sorted(served.request for served in newsroom.log)


def test_every_whole_answer_has_the_digest_of_its_body(crawled: Desk) -> None:
    """Told by the writer or by the reader of the page, and what `verify` finds in the archive."""
    left = crawled.rows("SELECT url FROM captures WHERE body_sha256 IS NULL AND truncated IS NULL AND http_status IS NOT NULL")
    assert left == []
    crawled.run("verify")


def test_what_a_feed_announced_is_in_the_metadata_record(crawled: Desk) -> None:
    """The WARC alone tells run, source, kind, via and what the feed said of a story."""
    fields: list[dict[str, str]] = []
    for path in (crawled.folder / "warc").glob("*.warc.gz"):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                if record.rec_type == "metadata":
                    lines = record.content_stream().read().decode().splitlines()
                    fields.append(dict(line.split(": ", 1) for line in lines if ": " in line))
    announced = [json.loads(f["announced"]) for f in fields if "announced" in f]
    assert {f["kind"] for f in fields} == {"robots", "home", "feed", "sitemap", "section", "article"}
    assert any(said.get("title") and said.get("published") for said in announced)


def test_a_second_run_asks_for_seeds_only(crawled: Desk, newsroom: Newsroom) -> None:
    """Of an unchanged newsroom, `--now` fetches robots, feeds, sitemaps, home and section pages, and stores nothing."""
    newsroom.clear_log()
    crawled.run("crawl", "--now")
    assert [served.path for served in newsroom.log if not SEED_PATHS.search(served.path)] == []
    assert ledger(crawled) == {}


def test_refetching_an_unchanged_newsroom_changes_nothing(crawled: Desk, newsroom: Newsroom) -> None:
    """`--refetch` reads every known article again: nothing new, no version, no duplicate."""
    crawled.run("crawl", "--refetch")
    assert ledger(crawled) == {"unchanged": len(newsroom.site.live)}
    assert crawled.one("SELECT max(version) FROM v_articles") == 1


def test_an_edit_becomes_a_version_and_a_removal_a_date(crawled: Desk, newsroom: Newsroom) -> None:
    """An edited story gets version 2, a removed one gone_at; both keep all they had, and a restored one is back."""
    site = newsroom.site
    edited, removed = site.live[0], site.live[1]
    site.edit(edited, paragraphs=("The council has thought again and the bridge stays open.", *edited.paragraphs[1:]))
    site.remove(removed)
    crawled.run("crawl", "--now", "--refetch")
    assert ledger(crawled)["changed"] == 1
    assert ledger(crawled)["gone"] == 1
    assert crawled.rows("SELECT url, version FROM v_articles WHERE version > 1") == [(site.url(edited), 2)]
    assert crawled.one("SELECT count(*) FROM v_versions WHERE url = ?", site.url(edited)) == 2
    gone, text = crawled.rows("SELECT gone_at, text FROM v_articles WHERE url = ?", site.url(removed))[0]
    assert gone
    assert text
    site.restore(removed)
    crawled.run("crawl", "--refetch")
    assert crawled.one("SELECT gone_at FROM v_articles WHERE url = ?", site.url(removed)) is None


def test_a_new_story_is_found_by_the_next_run(crawled: Desk, newsroom: Newsroom) -> None:
    """A story published between two runs is the only article that the second one fetches."""
    story = newsroom.site.add()
    crawled.run("crawl", "--now")
    assert ledger(crawled) == {"added": 1}
    assert crawled.one("SELECT count(*) FROM v_articles WHERE url = ?", newsroom.site.url(story)) == 1


def test_a_page_that_fails_is_tried_again_later(desk: Desk, newsroom: Newsroom) -> None:
    """A story that answers 500 is failed with its reason and due again; all others are stored."""
    story = newsroom.site.live[3]
    newsroom.fault(newsroom.site.url(story), Fault.SERVER_ERROR)
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl")
    state, reason, due = desk.rows("SELECT state, reason, next_fetch_at FROM v_urls WHERE reason = 'http-500'")[0]
    assert (state, reason, bool(due)) == ("failed", "http-500", True)
    assert desk.one("SELECT count(*) FROM v_articles") == len(newsroom.site.live) - 1


def test_a_story_that_breaks_off_is_marked(desk: Desk, newsroom: Newsroom) -> None:
    """A response cut in the middle of its body is archived with WARC-Truncated, and the row says so."""
    url = newsroom.site.url(newsroom.site.live[3])
    newsroom.fault(url, Fault.CUT)
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl")
    assert desk.rows("SELECT DISTINCT truncated FROM v_captures WHERE url = ?", url) == [("disconnect",)]


def test_fetch_gets_exactly_the_pages_named(desk: Desk, newsroom: Newsroom) -> None:
    """`fetch -` archives and stores the pages on stdin, and asks for nothing else but robots.txt."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    urls = [newsroom.site.url(story) for story in newsroom.site.live[:2]]
    desk.run("fetch", "-", stdin="\n".join(urls))
    assert [url for (url,) in desk.rows(STORED)] == sorted(urls)
    assert len(newsroom.log) == 3


def test_max_pages_leaves_the_rest_to_the_next_run(desk: Desk, newsroom: Newsroom) -> None:
    """A run that may fetch five pages fetches five; the next run does the rest, none twice."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl", "--max-pages", "12")
    some = desk.one("SELECT count(*) FROM v_articles")
    assert 0 < some < len(newsroom.site.live)
    desk.run("crawl")
    assert desk.one("SELECT count(*) FROM v_articles") == len(newsroom.site.live)
    assert (
        desk.one(
            "SELECT max(n) FROM (SELECT count(*) AS n FROM captures"
            " WHERE kind = 'article' AND http_status = 200 GROUP BY url_id)"
        )
        == 1
    )


def test_an_unreachable_source_fails_the_run(desk: Desk, newsroom: Newsroom) -> None:
    """All sources failing is exit code 5, some of them 4; the line names the source and why."""
    desk.configure(("dead", "http://127.0.0.1:9/"), allow="true")
    assert "Failed: dead (robots-unreachable: refused)" in desk.run("crawl", code=5).stderr
    desk.configure(("dead", "http://127.0.0.1:9/"), ("room", newsroom.url), ("gone", "http://127.0.0.2:9/"), allow="true")
    assert "Failed: gone (robots-unreachable: refused)" in desk.run("crawl", "--now", code=4).stderr


def test_a_source_that_needs_a_person_is_told_once(desk: Desk, newsroom: Newsroom) -> None:
    """Among good ones a dead source is exit code 4 and one line once; after that it is counted, and `-q` says nothing."""
    desk.configure(("dead", "http://127.0.0.1:9/"), ("room", newsroom.url), allow="true")
    line = desk.run("crawl", "-q", code=4).stderr
    assert line.startswith("dead: fails (robots-unreachable: refused) since 20")
    assert line.endswith("; see `newswarc source check dead`\n")
    assert desk.run("crawl", "-q", "--now").stderr == ""
    done = desk.run("crawl", "--now")
    assert "Failed: dead (robots-unreachable: refused)" in done.stderr
    assert "1 source still needs a person (newswarc status)" in done.stderr


def test_every_source_that_newly_needs_a_person_is_named(desk: Desk, newsroom: Newsroom) -> None:
    """Without -q too, however many there are beside those that are known to fail."""
    room, old = ("room", newsroom.url), [(f"a-{n}", f"http://127.0.0.{n}:9/") for n in range(2, 8)]
    desk.configure(room, *old, allow="true")
    assert desk.run("crawl", code=4).stderr.count("Failed: a-") == 6
    desk.configure(room, *old, ("new", "http://127.0.0.9:9/"), allow="true")
    said = desk.run("crawl", "--now", code=4).stderr
    assert "Failed: new (robots-unreachable: refused)" in said
    assert "Failed: and 2 more; `newswarc status` shows them" in said
    assert "6 sources still need a person (newswarc status)" in said


def test_a_network_that_is_away_is_one_line(desk: Desk) -> None:
    """A dozen sources that do not answer are told as one, and none of them needs a person."""
    desk.configure(*((f"paper-{n}", f"http://127.0.0.{n}:9/") for n in range(2, 14)), allow="true")
    line = "Network: 12 of 12 sources did not answer; is the network down? None of them is blamed\n"
    assert desk.run("crawl", "-q", code=5).stderr == line
    assert desk.one("SELECT count(*) FROM sources WHERE trouble IS NOT NULL") == 0


def test_an_outage_of_many_runs_is_told_once(desk: Desk, newsroom: Newsroom) -> None:
    """Seeds that fail for the first time in a later run of it are no news; its end is a line, and the next outage is told."""
    papers = [(f"paper-{n}", f"http://127.0.0.{n}:9/") for n in range(2, 14)]
    desk.configure(*papers, allow="true")
    desk.run("crawl", "-q", code=5)
    for first in range(20, 80, 20):
        more = [(f"paper-{n}", f"http://127.0.0.{n}:9/") for n in range(first, first + 12)]
        desk.configure(*more, allow="true")
        assert desk.run("crawl", "-q").stderr == ""
    desk.configure(("room", newsroom.url), allow="true")
    assert "Network: sources answer again that did not since 20" in desk.run("crawl").stderr
    desk.configure(*((f"weekly-{n}", f"http://127.0.0.{n}:9/") for n in range(100, 112)), allow="true")
    assert desk.run("crawl", "-q", code=5).stderr.startswith("Network: 12 of 12")


def test_a_source_that_is_back_needs_nobody(desk: Desk, newsroom: Newsroom) -> None:
    """Its trouble is cleared by a good poll, and it is told again should it come back."""
    desk.configure(("away", "http://127.0.0.1:9/"), ("room", newsroom.url), allow="true")
    desk.run("crawl", "-q", code=4)
    desk.configure(("away", newsroom.url), allow="true")
    desk.run("crawl", "-q", "--now")
    assert desk.rows("SELECT trouble, trouble_since, told_at FROM sources WHERE name = 'away'") == [(None, None, None)]


def test_a_source_that_worked_may_fail_for_a_while(crawled: Desk, newsroom: Newsroom) -> None:
    """Where all fail it is exit code 5 once, and then no news; the source needs nobody before patience is over."""
    newsroom.fault(f"{newsroom.url}robots.txt", Fault.SERVER_ERROR)
    crawled.write("DELETE FROM robots")
    due = "UPDATE urls SET next_fetch_at = '2026-01-01T00:00:00.000Z' WHERE state = 'seed'"
    crawled.write(due)
    assert "Failed: room" in crawled.run("crawl", "-q", code=5).stderr
    crawled.write(due)
    assert crawled.run("crawl", "-q").stderr == ""
    assert crawled.rows("SELECT trouble FROM sources") == [(None,)]


def test_private_networks_are_out_of_reach_by_default(desk: Desk, newsroom: Newsroom) -> None:
    """Without allow_private_networks a loopback site is not contacted at all."""
    desk.configure(("room", newsroom.url), allow="false")
    assert "private-address" in desk.run("crawl", code=5).stderr
    assert newsroom.log == ()


def test_quiet_is_silent_when_nothing_is_wrong(crawled: Desk) -> None:
    """`-q` prints nothing at all."""
    done = crawled.run("crawl", "--now", "-q")
    assert (done.stdout, done.stderr) == ("", "")


def test_scrapys_own_command_runs_the_same_spider(desk: Desk, newsroom: Newsroom) -> None:
    """`scrapy crawl news -a collection=DIR` in the checkout does what `newswarc crawl` does."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    scrapy = [sys.executable, "-W", "error", "-m", "scrapy"]
    listed = subprocess.run([*scrapy, "list"], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    assert "news" in listed.stdout.split()
    arguments = ["crawl", "news", "-a", f"collection={desk.folder}", "-a", "source=room"]
    done = subprocess.run(
        [*scrapy, *arguments], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    assert "Traceback" not in done.stderr
    assert desk.one("SELECT count(*) FROM v_articles") == len(newsroom.site.live)


SPIDER = """
from crawler.spiders.base import ArchiveSpider

class GazetteSpider(ArchiveSpider):
    name = "gazette"
    source = "room"

    async def start(self):
        yield self.seed("{feed}", callback=self.parse_list)

    def parse_list(self, response):
        for story in response.json()["items"]:
            yield self.article(story["url"], title=story["title"])
        yield response.follow("/city/", callback=self.parse_city)

    def parse_city(self, response):
        for url in response.css("h2 a::attr(href), h3 a::attr(href)").getall():
            yield self.article(response.urljoin(url))
"""


@pytest.mark.parametrize("times", [1, 2])
def test_a_spider_of_ones_own_gets_archive_and_storage_for_nothing(desk: Desk, newsroom: Newsroom, times: int) -> None:
    """A spider with a few lines crawls a JSON list; its pages are archived, extracted, stored, and not fetched twice."""
    feed = f"{newsroom.url}feeds/feed.json"
    (desk.folder / "gazette.py").write_text(SPIDER.format(feed=feed))
    desk.configure(
        ("room", newsroom.url), allow=f'["{newsroom.host}"]', more="feeds = []\nsitemaps = []\nsections = []"
    )
    config = (desk.folder / "newswarc.toml").read_text().replace("sections = []", 'sections = []\ndeny = ["."]')
    (desk.folder / "newswarc.toml").write_text(config)
    arguments = ["runspider", str(desk.folder / "gazette.py"), "-a", f"collection={desk.folder}"]
    for _ in range(times):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "scrapy", *arguments],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert "Traceback" not in done.stderr
    announced = {key(newsroom.site.url(story)) for _, story in newsroom.site.announced("json")}
    assert announced <= {key(url) for (url,) in desk.rows(STORED)}
    assert len(newsroom.served(newsroom.site.url(newsroom.site.announced("json")[0][1]))) == 1


def test_the_same_text_of_two_publishers_is_two_articles(desk: Desk, newsroom: Newsroom) -> None:
    """A wire story in two papers is no duplicate."""
    with Newsroom(stories=26) as other:
        desk.configure(("room", newsroom.url), ("other", other.url), allow="true")
        desk.run("crawl")
        assert desk.one("SELECT count(*) FROM v_articles") == 2 * len(newsroom.site.live)
    assert desk.rows("SELECT source, count(*) FROM v_articles GROUP BY 1") == [("other", 26), ("room", 26)]


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_ends_a_run_in_good_order(desk: Desk, name: str, code: int) -> None:
    """The run says that it was stopped, keeps what it has, leaves no `.open` file, and the next run does the rest."""
    with Newsroom(stories=60, latency=0.2) as room:
        desk.configure(("room", room.url), allow=f'["{room.host}"]')
        process = subprocess.Popen([*COMMAND, "crawl"], cwd=desk.folder, env=environment(), stderr=subprocess.PIPE, text=True)
        wait_until(lambda: len(room.log) > 20)
        process.send_signal(getattr(signal, name))
        _, said = process.communicate(timeout=30)
        assert (process.returncode, "Traceback" in said) == (code, False), said
        assert f"stopped by {name}" in said
        assert not list((desk.folder / "warc").glob("*.open"))
        room.latency = 0
        desk.run("crawl")
        assert desk.one("SELECT count(*) FROM v_articles") == len(room.site.live)
        desk.run("verify")


def test_the_delay_of_a_source_is_kept_between_all_its_requests(desk: Desk) -> None:
    """robots.txt, seeds, redirects and articles of a host are at least `delay` seconds apart."""
    with Newsroom(stories=4) as room:
        desk.configure(("room", room.url), allow=f'["{room.host}"]', more="delay = 0.25")
        desk.run("crawl", "--max-pages", "5")
        started = sorted(served.started for served in room.log)
    gaps = [later - earlier for earlier, later in itertools.pairwise(started)]
    assert min(gaps) > 0.2  # the first request also waits for its connection


def test_a_redirect_to_nowhere_costs_its_url_only(desk: Desk, newsroom: Newsroom) -> None:
    """A Location with a password, another scheme, no host or no end gives its row a reason; the run ends by itself."""
    stories = [newsroom.site.url(story) for story in newsroom.site.live[10:14]]
    nowhere = ("http://a:b@gazette.test/x", "ftp://gazette.test/x", "http:///", f"{newsroom.url}x?y={'z' * 9_000}")
    for url, target in zip(stories, nowhere, strict=True):
        newsroom.replace(url, Answer(302, location=target))
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl")
    assert desk.one("SELECT count(*) FROM v_articles") == len(newsroom.site.live) - 4
    assert not desk.rows("SELECT url FROM v_urls WHERE state = 'pending'")


def test_robots_txt_out_of_reach_costs_no_url_its_attempts(desk: Desk, newsroom: Newsroom) -> None:
    """While robots.txt answers 500 nothing is fetched and no story fails for it; when it is back, all are stored."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("crawl", "--max-pages", "1")
    desk.write("UPDATE robots SET expires_at = fetched_at")
    newsroom.fault(f"{newsroom.url}robots.txt", Fault.SERVER_ERROR)
    newsroom.clear_log()
    desk.run("crawl", "--now", code=5)
    assert {served.path for served in newsroom.log} == {"/robots.txt"}
    assert desk.one("SELECT max(attempts) FROM urls WHERE kind = 'article'") == 0
    newsroom.mend()
    desk.run("crawl", "--now")
    assert desk.one("SELECT count(*) FROM v_articles") == len(newsroom.site.live)


def test_two_sources_that_link_to_each_other_are_both_crawled(desk: Desk, newsroom: Newsroom) -> None:
    """A paper whose home page another paper links to is crawled under its own name."""
    with Newsroom(stories=8) as other:
        front = newsroom.site.answer("/")
        linking = front.body.replace(b"</main>", f'<a href="{other.url}">Our sister paper</a></main>'.encode())
        newsroom.replace(newsroom.url, replace(front, body=linking))
        desk.configure(("room", newsroom.url), allow="true")
        desk.run("crawl")
        desk.configure(("room", newsroom.url), ("other", other.url), allow="true")
        desk.run("crawl")
        assert desk.one("SELECT count(*) FROM v_articles WHERE source = 'other'") == len(other.site.live)


def test_fetching_a_home_page_does_not_keep_the_site_from_being_crawled(desk: Desk, newsroom: Newsroom) -> None:
    """What `fetch` took for a page becomes a seed when newswarc.toml names it."""
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    desk.run("fetch", newsroom.url, code=None)
    desk.run("crawl")
    assert desk.one("SELECT count(*) FROM v_articles") == len(newsroom.site.live)


def test_walls_are_named(desk: Desk, newsroom: Newsroom) -> None:
    """A bot wall is called so whatever its status, on the home page and on a story; a page for browsers alone as well."""
    wall = next(a for a in (newsroom.site.answer(u[len(newsroom.site.base) :]) for u in newsroom.site.rejects) if a.status == 403)
    newsroom.replace(newsroom.url, wall)
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]', more="sitemaps = []")
    assert "http-403: bot-challenge" in desk.run("crawl", code=5).stderr
    shell = b"<html><body><div id='root'></div><noscript>You need to enable JavaScript to run this app.</noscript></body></html>"
    newsroom.replace(newsroom.url, Answer(200, shell))
    assert "needs-javascript" in desk.run("crawl", "--now", code=5).stderr


def test_a_spider_outside_of_the_checkout_brings_the_projects_settings(desk: Desk, newsroom: Newsroom) -> None:
    """Without a scrapy.cfg around it, a spider of one's own is archived and guarded all the same."""
    (desk.folder / "gazette.py").write_text(SPIDER.format(feed=f"{newsroom.url}feeds/feed.json"))
    desk.configure(("room", newsroom.url), allow=f'["{newsroom.host}"]')
    arguments = ["runspider", "gazette.py", "-a", "collection=."]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "scrapy", *arguments],
        cwd=desk.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "elnet console" not in done.stderr
    assert "Remote control" not in done.stderr
    assert desk.one("SELECT count(*) FROM v_captures") > 5
    desk.run("verify")
