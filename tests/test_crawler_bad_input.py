"""What an operator can get wrong: for each, the exit code and the line that is printed; never a traceback."""

# ruff: noqa: E501 - a mistake a line reads best as a table

from __future__ import annotations

import os
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from desk import COMMAND, Desk, environment

from storage.lock import hold
from tests.hostile.faults import Story
from tests.hostile.server import Server

STORY = Story(1, "harbour")
PAPER = "http://127.0.0.1:9/"  # where nobody listens
HEAD = '[collection]\nname = "desk"\n[crawl]\ndelay = 0\ntimeout = 5\nallow_private_networks = true\n'
SOURCE = '[[source]]\nname = "paper"\nurl = "{url}"\n'
USAGE, CONFIG, SOME, ALL, LOCKED, DATABASE, DISK, DAMAGE = range(2, 10)


@dataclass(frozen=True)
class Bench:
    """An empty folder, and a site to crawl."""

    folder: Path
    site: str
    sample: Path = Path()  # a collection after a crawl

    def settings(self, text: str) -> None:
        """Write newswarc.toml as it is given."""
        (self.folder / "warc").mkdir(exist_ok=True)
        (self.folder / "newswarc.toml").write_text(text)

    def good(self, url: str = "", more: str = "") -> None:
        """A collection with one source."""
        self.settings(HEAD + SOURCE.format(url=url or f"{self.site}/good/") + more)

    def crawled(self) -> None:
        """A collection after a crawl."""
        shutil.copytree(self.sample, self.folder, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A server with a way in for each mistake."""
    server = Server("127.0.0.1")
    seeds = {
        "html": b"<!doctype html><title>News</title><p>Our feed has moved.</p>",
        "empty": b"",
        "no-urls": b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"></urlset>',
        "no-items": b'<rss version="2.0"><channel><title>x</title></channel></rss>',
    }
    server.answers |= {f"/{name}.xml": lambda line, body=body: line.reply(body) for name, body in seeds.items()}  # type: ignore[misc]
    server.answers["/good/"] = lambda line: line.reply(f'<h2><a href="{STORY.path}">{STORY.title}</a></h2>'.encode())
    server.answers[STORY.path] = lambda line: line.reply(STORY.page())
    server.answers["/500/"] = lambda line: line.reply(b"<p>Oops</p>", status="500 Oops")
    server.answers["/403/"] = lambda line: line.reply(b"<p>No</p>", status="403 No")
    server.answers["/bare/"] = lambda line: line.reply(b"<title>Bare</title><p>Nothing here.</p>")
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def sample(site: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection after a crawl, to be copied."""
    folder = tmp_path_factory.mktemp("sample")
    Bench(folder, site).good()
    Desk(folder).run("crawl", "-q")
    return folder


@pytest.fixture
def bench(tmp_path: Path, site: str, sample: Path) -> Bench:
    """An empty folder."""
    folder = tmp_path / "news"
    folder.mkdir()
    return Bench(folder, site, sample)


Prepare = Callable[[Bench], None]


def config(text: str) -> Prepare:
    """A newswarc.toml of that text below a good head; `{url}` is the site's."""
    return lambda bench: bench.settings(text.replace("{url}", f"{bench.site}/good/"))


def in_crawl(line: str) -> Prepare:
    """A line of `[crawl]` that is wrong."""
    return config(f"[crawl]\n{line}\n" + SOURCE)


def in_source(line: str) -> Prepare:
    """A line of `[[source]]` that is wrong."""
    return config(SOURCE + line + "\n")


def at(path: str, more: str = "") -> Prepare:
    """A good collection whose source is another page of the site."""
    return lambda bench: bench.good(bench.site + path, more.replace("{site}", bench.site))


def _other_database(bench: Bench) -> None:
    bench.good()
    with sqlite3.connect(bench.folder / "news.db") as conn:
        conn.execute("CREATE TABLE customers (id INTEGER)")


def _newer_schema(bench: Bench) -> None:
    bench.crawled()
    with sqlite3.connect(bench.folder / "news.db") as conn:
        conn.execute("UPDATE newswarc_version SET version_num = '9999'")


def _not_a_database(bench: Bench) -> None:
    bench.good()
    (bench.folder / "news.db").write_bytes(b"this is no database at all, but a text of some length\n" * 99)


def _database_is_a_folder(bench: Bench) -> None:
    bench.good()
    (bench.folder / "news.db").mkdir()


def _without_warc(bench: Bench) -> None:
    bench.good()
    (bench.folder / "warc").rmdir()


def _warc_on_a_disk_that_is_gone(bench: Bench) -> None:
    _without_warc(bench)
    (bench.folder / "warc").symlink_to("/media/nowhere/warc")


def _warc_is_a_file(bench: Bench) -> None:
    _without_warc(bench)
    (bench.folder / "warc").write_text("")


def _nested(bench: Bench) -> None:
    bench.good()
    inner = bench.folder / "warc" / "inner"
    inner.mkdir()
    shutil.copy(bench.folder / "newswarc.toml", inner)


def _archive_is_gone(bench: Bench) -> None:
    bench.crawled()
    for path in (bench.folder / "warc").glob("*.warc.gz"):
        path.unlink()


def _archive_is_cut(bench: Bench) -> None:
    bench.crawled()
    for path in (bench.folder / "warc").glob("*.warc.gz"):
        os.truncate(path, path.stat().st_size // 2)


def _clock_set_back(bench: Bench) -> None:
    bench.crawled()
    with sqlite3.connect(bench.folder / "news.db") as conn:
        conn.execute("UPDATE urls SET next_fetch_at = '2999-01-01T00:00:00.000Z' WHERE next_fetch_at IS NOT NULL")
        conn.execute("UPDATE runs SET started_at = '2999-01-01T00:00:00.000Z', ended_at = '2999-01-01T00:00:01.000Z'")


def _settings_are_a_folder(bench: Bench) -> None:
    (bench.folder / "newswarc.toml").mkdir()


def _settings_are_a_loop(bench: Bench) -> None:
    (bench.folder / "newswarc.toml").symlink_to("newswarc.toml")


def _latin_settings(bench: Bench) -> None:
    bench.good()
    (bench.folder / "newswarc.toml").write_bytes(b'[collection]\nname = "Caf\xe9"\n')


def _other_things(bench: Bench) -> None:
    (bench.folder / "thesis.txt").write_text("x")


def _page_that_is_empty(bench: Bench) -> None:
    (bench.folder / "page.html").write_text("")


def nothing(bench: Bench) -> None:
    """The folder stays as it is."""


CASES: dict[str, tuple[Prepare, tuple[str, ...], int, str]] = {
    # what was typed
    "unknown-command": (nothing, ("crawll",), USAGE, "No such command 'crawll'"),
    "unknown-option": (Bench.good, ("crawl", "--maxpages", "3"), USAGE, "No such option '--maxpages'"),
    "zero-pages": (Bench.good, ("crawl", "--max-pages", "0"), USAGE, "'--max-pages'"),
    "runtime-in-words": (Bench.good, ("crawl", "--max-runtime", "tomorrow"), USAGE, "no duration"),
    "no-collection": (nothing, ("crawl",), USAGE, r"no collection here .*newswarc init"),
    "no-folder": (nothing, ("crawl", "--collection", "/no/such/place"), USAGE, "no such folder"),
    "folder-is-a-file": (_other_things, ("status", "--collection", "thesis.txt"), USAGE, "no such folder"),
    "folder-of-other-things": (_other_things, ("crawl", PAPER), USAGE, r'holds other things \("thesis.txt"\)'),
    "no-source": (config(HEAD), ("crawl",), USAGE, r"no source yet; `newswarc source add URL`"),
    "source-misspelt": (Bench.good, ("crawl", "papper"), USAGE, r'no source "papper".*did you mean "paper"\?'),
    "host-without-scheme": (Bench.good, ("crawl", "www.paper.test"), USAGE, "write its URL, https://www.paper.test/"),
    "url-of-ftp": (Bench.good, ("fetch", "ftp://paper.test/a"), USAGE, r"no URL that can be fetched \(scheme\)"),
    "url-with-password": (Bench.good, ("fetch", "http://me:pw@paper.test/"), USAGE, "userinfo"),
    "url-with-port-99999": (Bench.good, ("fetch", "http://paper.test:99999/"), USAGE, "port"),
    "url-with-escape": (Bench.good, ("fetch", "http://\x1b[31m/"), USAGE, r"\\u001b"),
    "page-is-no-file": (nothing, ("try", "missing.html"), USAGE, "no file here"),
    "page-is-empty": (_page_that_is_empty, ("try", "page.html"), 0, "^$"),
    "show-unknown": (Bench.crawled, ("show", "http://paper.test/never-seen"), USAGE, "never-seen"),
    "show-nonsense": (Bench.crawled, ("show", "%%%"), USAGE, "%%%"),
    "show-before-crawl": (Bench.good, ("show", "abcdefghijklmnop"), DATABASE, "a crawl makes it"),
    "export-before-crawl": (Bench.good, ("export",), DATABASE, "a crawl makes it"),
    "export-source-misspelt": (Bench.crawled, ("export", "--source", "papper"), USAGE, "papper"),
    "export-since-nonsense": (Bench.crawled, ("export", "--since", "last week"), USAGE, "last week"),
    "export-to-a-folder": (Bench.crawled, ("export", "--output", "warc"), USAGE, "warc: is a folder"),
    "export-to-nowhere": (Bench.crawled, ("export", "--output", "no/such/file.jsonl"), DISK, "no/such"),
    "init-twice": (Bench.good, ("init",), USAGE, "newswarc.toml"),
    "init-inside": (Bench.good, ("init", "inner"), USAGE, "cannot be nested"),
    "init-placeholder": (nothing, ("init", "--contact", "you@example.com"), CONFIG, "placeholder"),
    "init-at-a-file": (_other_things, ("init", "thesis.txt"), DISK, "thesis.txt"),
    "source-there-already": (Bench.good, ("source", "add", "{site}/good/"), USAGE, 'there already, as source "paper"'),
    # newswarc.toml
    "toml-broken": (config("[crawl]\ndelay = = 1\n"), ("crawl",), CONFIG, r"newswarc.toml: is not TOML: .*line 2"),
    "toml-latin": (_latin_settings, ("crawl",), CONFIG, r"is not UTF-8 text \(at line 2\)"),
    "toml-is-a-folder": (_settings_are_a_folder, ("crawl",), DISK, "newswarc.toml"),
    "toml-is-a-loop": (_settings_are_a_loop, ("crawl",), "2|8", "newswarc.toml"),  # type: ignore[dict-item]
    "table-misspelt": (config("[crawls]\ndelay = 1\n"), ("crawl",), CONFIG, r'"crawls"; did you mean "crawl"\?'),
    "table-single": (config('[source]\nname = "a"\n'), ("crawl",), CONFIG, r"\[\[source\]\]"),
    "key-misspelt": (in_crawl("delya = 1"), ("crawl",), CONFIG, r'\[crawl\] unknown key "delya"; did you mean "delay"\?'),
    "key-elsewhere": (in_crawl('contact = "a@b.org"'), ("crawl",), CONFIG, r"belongs to \[collection\]"),
    "key-of-wrong-type": (in_crawl('delay = "1"'), ("crawl",), CONFIG, "key delay: must be a number of seconds"),
    "delay-negative": (in_crawl("delay = -1"), ("crawl",), CONFIG, "key delay: must be a number of seconds"),
    "delay-nan": (in_crawl("delay = nan"), ("crawl",), CONFIG, "key delay"),
    "timeout-zero": (in_crawl("timeout = 0"), ("crawl",), CONFIG, "key timeout"),
    "workers-million": (in_crawl("workers = 1000000"), ("crawl",), CONFIG, "key workers"),
    "network-with-host-bits": (in_crawl('allow_private_networks = ["10.0.0.1/8"]'), ("crawl",), CONFIG, "10.0.0.0/8"),
    "proxy-without-port": (in_crawl('http_proxy = "proxy.test"'), ("crawl",), CONFIG, "key http_proxy"),
    "contact-placeholder": (config('[collection]\ncontact = "you@example.com"\n'), ("crawl",), CONFIG, "placeholder"),
    "source-without-url": (config('[[source]]\nname = "a"\n'), ("crawl",), CONFIG, "key url: is missing"),
    "source-twice": (config(SOURCE + SOURCE), ("crawl",), CONFIG, "has this name already"),
    "source-name-spaces": (config('[[source]]\nname = "my paper"\nurl = "{url}"\n'), ("crawl",), CONFIG, "key name"),
    "pattern-broken": (in_source("deny = ['(']"), ("crawl",), CONFIG, r'key deny: entry 1: "\(" is no regular expression'),
    "robots-without-reason": (in_source('robots = "ignore"'), ("crawl",), CONFIG, "needs a robots_reason"),
    "feed-is-relative": (in_source('feeds = ["/feed.xml"]'), ("crawl",), CONFIG, "key feeds: entry 1"),
    "faults-together": (in_crawl("delay = -1\ntimout = 3"), ("crawl",), CONFIG, r"(?s)timout.*\n.*delay|delay.*\n.*timout"),
    # the collection
    "nested": (_nested, ("crawl", "--collection", "warc/inner"), USAGE, "cannot be nested"),
    "warc-gone": (_without_warc, ("crawl",), DISK, "warc: the folder of the WARC files is not there"),
    "warc-disk-gone": (_warc_on_a_disk_that_is_gone, ("crawl",), DISK, "mount its disk"),
    "warc-is-a-file": (_warc_is_a_file, ("crawl",), DISK, "warc"),
    "database-of-something-else": (_other_database, ("crawl",), DATABASE, "customers"),
    "database-newer": (_newer_schema, ("crawl",), DATABASE, "newer newswarc"),
    "database-newer-read": (_newer_schema, ("status",), DATABASE, "newer newswarc"),
    "database-is-text": (_not_a_database, ("crawl",), DATABASE, "news.db"),
    "database-is-a-folder": (_database_is_a_folder, ("crawl",), "7|8", "news.db"),  # type: ignore[dict-item]
    "database-of-no-kind": (config('[database]\nurl = "mysql://x/y"\n'), ("crawl",), CONFIG, "mysql"),
    "database-nowhere": (config(HEAD + '[database]\nurl = "sqlite:////no/such/news.db"\n' + SOURCE), ("crawl",), "7|8", "/no/such/news.db"),  # type: ignore[dict-item]
    "database-in-memory": (config(HEAD + '[database]\nurl = "sqlite://"\n' + SOURCE), ("crawl",), CONFIG, "sqlite:///news.db"),
    "postgres-refused": (config(HEAD + '[database]\nurl = "postgresql://me:secret@127.0.0.1:9/x"\n' + SOURCE), ("crawl",), DATABASE, "127.0.0.1"),
    "archive-gone": (_archive_is_gone, ("verify",), DAMAGE, r"\.warc\.gz"),
    "archive-cut": (_archive_is_cut, ("verify",), DAMAGE, r"\.warc\.gz"),
    "clock-set-back": (_clock_set_back, ("crawl",), 0, "^|nothing"),
    # the site
    "host-unreachable": (lambda bench: bench.good(PAPER), ("crawl",), ALL, "paper .*refused"),
    "host-without-address": (lambda bench: bench.good("http://paper.invalid/"), ("crawl",), ALL, "paper .*dns"),
    "home-500": (at("/500/"), ("crawl",), ALL, "paper .*http-500"),
    "home-404": (at("/nowhere/"), ("crawl",), ALL, "paper .*http-404"),
    "home-403": (at("/403/"), ("crawl",), ALL, "paper .*http-403"),
    "home-tls-on-plain": (lambda bench: bench.good(bench.site.replace("http:", "https:") + "/good/"), ("crawl",), ALL, "paper .*(tls|timeout)"),
    "feed-is-html": (at("/bare/", 'feeds = ["{site}/html.xml"]\n'), ("crawl",), "0|4|5", "."),  # type: ignore[dict-item]
    "sitemap-empty": (at("/bare/", 'sitemaps = ["{site}/empty.xml"]\n'), ("crawl",), "0|4|5", "."),  # type: ignore[dict-item]
    "sitemap-without-urls": (at("/bare/", 'sitemaps = ["{site}/no-urls.xml"]\n'), ("crawl",), "0|4|5", "."),  # type: ignore[dict-item]
    "one-of-two-fails": (lambda bench: bench.good(more=f'[[source]]\nname = "dead"\nurl = "{PAPER}"\n'), ("crawl",), SOME, "dead .*refused"),
    "private-by-default": (config(SOURCE), ("crawl",), ALL, "private-address"),
    "try-unreachable": (Bench.good, ("try", PAPER), ALL, "refused"),
    "try-private": (nothing, ("try", "{site}/good/"), ALL, "private"),
    "add-without-a-way-in": (Bench.good, ("source", "add", "{site}/bare/"), ALL, "not added"),
}  # fmt: skip
DATA_ON_STDOUT = {"archive-gone", "archive-cut"}  # what verify found is data


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_one_line_and_a_code(bench: Bench, name: str) -> None:
    """Exit code and line of each mistake; stderr holds no traceback and no control characters."""
    prepare, arguments, code, pattern = CASES[name]
    prepare(bench)
    done = Desk(bench.folder).run(*(part.replace("{site}", bench.site) for part in arguments), code=None)
    said = done.stderr + (done.stdout if name in DATA_ON_STDOUT else "")
    assert re.fullmatch(str(code), str(done.returncode)), f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert re.search(pattern, said), said
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]|secret", said)
    if code in {USAGE, DATABASE, DISK} or (code == CONFIG and name != "faults-together"):
        assert len([line for line in done.stderr.splitlines() if "newswarc: error:" in line]) == 1, done.stderr


def test_a_second_run_is_told_who_holds_the_collection(bench: Bench) -> None:
    """Exit code 6 names the process."""
    bench.good()
    with hold(bench.folder):
        assert f"pid {os.getpid()}" in Desk(bench.folder).run("crawl", code=LOCKED).stderr


@pytest.mark.parametrize("arguments", [("crawl",), ("init", "new"), ("status",)], ids=lambda words: words[0])
def test_a_folder_that_may_not_be_written_is_a_matter_of_the_disk(site: str, arguments: tuple[str, ...]) -> None:
    """Exit code 8 or 7, and a line that names the place, for a user without permission."""
    with tempfile.TemporaryDirectory(dir="/tmp") as top:
        Path(top).chmod(0o755)
        bench = Bench(Path(top), site)
        bench.good()
        Path(top).chmod(0o555)
        done = _as_nobody(bench.folder, *arguments)
        Path(top).chmod(0o755)
    assert done.returncode in ((DISK,) if arguments[0] == "crawl" else (USAGE, DATABASE, DISK)), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("newswarc: error:") == 1


def test_settings_that_may_not_be_read_are_a_matter_of_the_disk(site: str) -> None:
    """Exit code 8 names the file."""
    with tempfile.TemporaryDirectory(dir="/tmp") as top:
        Path(top).chmod(0o755)
        bench = Bench(Path(top), site)
        bench.good()
        (bench.folder / "newswarc.toml").chmod(0)
        done = _as_nobody(bench.folder, "crawl")
    assert (done.returncode, "newswarc.toml" in done.stderr, "Traceback" in done.stderr) == (DISK, True, False), (
        done.stderr
    )


def _as_nobody(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command by a user who is not root; skips where that user cannot even run Python."""
    user = 65534 if os.getuid() == 0 else None
    try:
        subprocess.run(
            [*COMMAND, "--version"], cwd="/tmp", env=environment(), user=user, capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no ordinary user can run the command here")
    return subprocess.run([*COMMAND, *arguments], cwd=folder, env=environment(), user=user, capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip


def test_a_port_that_never_answers_ends_by_its_timeout(bench: Bench) -> None:
    """A host that takes connections and says nothing costs the timeout, and the line says so."""
    with socket.create_server(("127.0.0.1", 0)) as mute, suppress(OSError):
        bench.settings(
            HEAD.replace("timeout = 5", "timeout = 1") + SOURCE.format(url=f"http://127.0.0.1:{mute.getsockname()[1]}/")
        )
        assert re.search("paper .*timeout", Desk(bench.folder).run("crawl", code=ALL).stderr)
