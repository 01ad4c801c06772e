"""The command line: doors, options, exit codes, and what is printed where."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from crawler import cli
from crawler.commands.shared import Invocation, duration
from crawler.config import collection as collections
from crawler.config import keys as config
from crawler.later import later
from crawler.options import CrawlOptions, Probe, Trial
from crawler.terminal import console
from storage import errors
from storage.archive.captures import context_json
from storage.database import schema
from storage.database.engine import open_database, transaction
from storage.records import Candidate, Capture, Ended, Exchange, FetchContext, Kind, NoArticle
from storage.verify.check import Checked, Fault, What
from storage.warc.write import WarcWriter
from tests import databases

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
HELP_LIMIT = 0.3  # s; CPU time, since wall time is also that of whatever else runs

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Type a command line in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def typed(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return typed


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make stdout look like a terminal."""
    monkeypatch.setattr(console, "is_terminal", lambda _: True)


def runs(monkeypatch: pytest.MonkeyPatch, code: int = 0) -> list[tuple[collections.Collection, CrawlOptions]]:
    """Put a recorder in the place of the engine."""
    asked: list[tuple[collections.Collection, CrawlOptions]] = []

    def run(collection: collections.Collection, options: CrawlOptions, begun: object = None) -> int:
        asked.append((collection, options))
        return code

    monkeypatch.setattr("crawler.commands.crawl.run", run)
    monkeypatch.setattr("crawler.commands.fetch.run", run)
    return asked


def every_command(
    command: click.Command = cli.cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All commands below newswarc, with their paths."""
    context = click.Context(command)
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        below = command.get_command(context, name)  # type: ignore[attr-defined]
        if not isinstance(below, click.Group):
            yield (*path, name), below
        yield from every_command(below, (*path, name))


COMMANDS = dict(every_command())


# ---- help, doors, documentation


@pytest.mark.parametrize("path", [(), ("source",), ("files",), *COMMANDS], ids=lambda path: " ".join(path) or "newswarc")
def test_help_answers_at_once(path: tuple[str, ...]) -> None:
    """The best of three takes under 0.3 s of CPU, start included, and nothing heavy is imported."""
    code = (
        "import sys, time; from crawler import cli; code = cli.main(sys.argv[1:]);"
        "heavy = {'scrapy', 'twisted', 'sqlalchemy', 'lxml', 'trafilatura', 'tomlkit', 'idna'} & set(sys.modules);"
        "print(code, time.process_time(), heavy or '', file=sys.stderr)"
    )
    answers = [
        subprocess.run(
            [sys.executable, "-c", code, *path, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        for _ in range(3)
    ]
    told = [answer.stderr.split() for answer in answers]
    assert all(exit_code == "0" and not heavy for exit_code, _, *heavy in told)
    assert min(float(seconds) for _, seconds, *_ in told) < HELP_LIMIT
    assert answers[0].stdout.startswith(f"Usage: {' '.join(('newswarc', *path))} ")


def test_commands_are_the_promised_ones() -> None:
    """Others script against these names."""
    names = {" ".join(path) for path in COMMANDS}
    assert names == {
        "init", "try", "source add", "source import", "source list", "source check", "source export",
        "source pause", "source resume", "source remove",
        "crawl", "fetch", "status", "politeness", "show", "diff", "export", "snapshot", "verify",
        "package", "replay", "ingest", "extract",
        "files list", "files elsewhere", "files here", "files dedupe", "withdraw", "reprocess",
        "plan", "retry", "why", "schedule", "doctor",
    }  # fmt: skip


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_door_leads_somewhere(path: tuple[str, ...]) -> None:
    """Every function that a door names by its path exists."""
    module = sys.modules[COMMANDS[path].callback.__module__]
    found = [value for value in vars(module).values() if isinstance(value, later)]
    assert found
    assert all(callable(value.function()) for value in found)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_command_is_documented(path: tuple[str, ...]) -> None:
    """docs/cli.md has a section for every command, which names each of its arguments and options."""
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", (DOCS / "cli.md").read_text(), re.MULTILINE | re.DOTALL))
    own, shared = sections[f"newswarc {' '.join(path)}"], sections["Options of every command"]
    for parameter in COMMANDS[path].params:
        if isinstance(parameter, click.Option):
            where = own if parameter.expose_value else shared
            assert all(f"`{name}" in where for name in parameter.opts), parameter.name
            assert parameter.help or parameter.name == "fmt"


def test_options_in_the_documentation_exist() -> None:
    """docs/cli.md promises no option that no command has."""
    parameters = [parameter for command in COMMANDS.values() for parameter in command.params]
    known = {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)}
    promised = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (DOCS / "cli.md").read_text()))
    assert promised - known == {"--help"}


def test_exit_codes_are_documented() -> None:
    """Every error of the tree has its row in the table of exit codes."""
    rows = {int(code) for code in re.findall(r"^\| (\d+) \|", (DOCS / "cli.md").read_text(), re.MULTILINE)}
    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.NewswarcError)
    }
    assert rows == codes | {0, 4}


@pytest.mark.parametrize(("title", "table"), config.TABLES.items())
def test_settings_are_documented(title: str, table: type) -> None:
    """docs/settings.md has a row for every key, with its default, and no other rows."""
    heading = f"## `[[{title}]]`" if title == "source" else f"## `[{title}]`"
    section = (DOCS / "settings.md").read_text().partition(f"{heading}\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", section, re.MULTILINE))
    assert list(rows) == list(config.keys(table))
    for field in fields(table):
        if field.name in config.required(table):
            assert rows[field.name] == "required"
        elif field.default not in (None, ()):
            assert rows[field.name] == f"`{json.dumps(field.default)}`"


def test_settings_example_is_valid() -> None:
    """The example in docs/settings.md can be copied."""
    example = re.search(r"```toml\n(.*?)```", (DOCS / "settings.md").read_text(), re.DOTALL)
    assert example
    assert config.loads(example[1].encode(), "docs/settings.md").sources[0].name == "harbour-post"


# ---- how commands end


ENDINGS = [
    (errors.UsageError("wrong folder"), 2, "newswarc: error: wrong folder\n"),
    (config.FaultyConfig(("one", "two")), 3, "newswarc: error: one\nnewswarc: error: two\n"),
    (errors.AllSourcesFailed("all"), 5, "newswarc: error: all\n"),
    (errors.LockedError("held"), 6, "newswarc: error: held\n"),
    (errors.DatabaseError("base"), 7, "newswarc: error: base\n"),
    (errors.DiskError("disk"), 8, "newswarc: error: disk\n"),
    (errors.DamageError("a\nb\x1b[31m\u202e"), 9, "newswarc: error: a b\\u001b[31m\\u202e\n"),
    (KeyboardInterrupt(), 130, "newswarc: error: interrupted\n"),
    (
        OSError(errno.ENOSPC, "No space left on device", "/srv/x"),
        8,
        "newswarc: error: /srv/x: No space left on device\n",
    ),
    (PermissionError(errno.EACCES, "Permission denied"), 8, "newswarc: error: Permission denied\n"),
    (BrokenPipeError(), 141, ""),
    (
        KeyError("lost"),
        1,
        "newswarc: error: a bug, please report it (KeyError: 'lost'); --debug shows the traceback\n",
    ),
]


@pytest.mark.parametrize(("error", "code", "line"), ENDINGS, ids=[type(error).__name__ for error, *_ in ENDINGS])
def test_error_is_one_line_and_a_code(
    say: Say, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
) -> None:
    """Whatever a command raises, there is no traceback."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(console, "abandon", lambda: None)
    monkeypatch.setattr("crawler.commands.init.make", fail)
    assert say("init") == (code, "", line)


def test_debug_shows_the_traceback(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """On request, and only then."""
    monkeypatch.setattr("crawler.commands.init.make", lambda *_: os.environ.pop("lost"))
    code, _, err = say("init", "--debug")
    assert code == 1
    assert "Traceback (most recent call last)" in err
    assert err.endswith("newswarc: error: a bug, please report it (KeyError: 'lost'); --debug shows the traceback\n")


USAGE = [
    (("--colection", "x"), "No such option '--colection'"),
    (("craw",), "No such command 'craw'"),
    (("crawl", "--max-pages", "0"), "Invalid value for '--max-pages'"),
    (("crawl", "--max-pages", "many"), "Invalid value for '--max-pages'"),
    (("crawl", "--max-runtime", "soon"), "'soon' is no duration; write 90, 90s, 15m, 2h or 1h30m"),
    (("fetch",), "Missing argument 'URL...|-'"),
    (("try",), "Missing argument 'URL|FILE'"),
    (("extract",), "nothing to extract; name files or folders, or give --manifest FILE"),
    (("extract", "a.html", "--manifest", "-"), "--manifest goes without FILE; the manifest names them"),
    (("extract", "a.html", "b.html", "--url", "https://post.net/"), "--url goes with one FILE"),
    (("extract", "a.html", "--url", "post.net"), '"post.net" is no URL that can be fetched'),
    (("show",), "Missing argument 'URL|UID'"),
    (("show", "x", "--raw", "--json"), "--raw and --json exclude each other"),
    (("export", "--format", "xml"), "'xml' is not one of 'jsonl', 'csv'"),
    (("export", "--since-seq", "-1"), "Invalid value for '--since-seq'"),
    (("init", "a", "b"), "Got unexpected extra argument"),
    (("status",), "no collection here (no newswarc.toml); `newswarc init` makes one"),
    (("--collection", "nowhere", "status"), "there is no such folder"),
    (("crawl",), "no collection here"),
    (("fetch", "https://post.net/"), "no collection here"),
    (("crawl", "https://"), '"https://" is no URL that can be fetched (host)'),
    (("crawl", "ftp://post.net/"), '"ftp://post.net/" is no URL that can be fetched (scheme)'),
    (("crawl", "https://me:word@post.net/"), "is no URL that can be fetched (userinfo)"),
    (("fetch", "post.net"), '"post.net" is no URL that can be fetched'),
    (("try", "nothing.html"), '"nothing.html" is no file here, and no URL (https://...)'),
    (("try", "https://post.net/", "--url", "https://post.net/"), "--url goes with a FILE"),
    (("init", "--collection", "a", "b"), "DIR and --collection"),
]


@pytest.mark.parametrize(("arguments", "line"), USAGE, ids=[" ".join(arguments) for arguments, _ in USAGE])
def test_usage_error_is_one_line(say: Say, tmp_path: Path, arguments: tuple[str, ...], line: str) -> None:
    """Exit code 2, nothing on stdout, nothing made."""
    code, out, err = say(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("newswarc: error: ")
    assert line in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_no_command_shows_the_help(say: Say) -> None:
    """Exit code 2, since nothing was asked."""
    code, out, err = say()
    assert (code, out) == (2, "")
    assert err.startswith("Usage: newswarc ")


@pytest.mark.parametrize("arguments", [("--version",), ("crawl", "--version"), ("source", "list", "--version")])
def test_version_is_told_everywhere(say: Say, arguments: tuple[str, ...]) -> None:
    """Before or after any command."""
    code, out, err = say(*arguments)
    assert (code, err) == (0, "")
    assert re.fullmatch(r"newswarc \d+\.\d+\.\d+\n", out)


def newswarc(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own."""
    return subprocess.run([sys.executable, "-m", "crawler.cli", *arguments], cwd=ROOT, check=False, **options)


def test_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """`newswarc source list | head -1` ends quietly."""
    collections.make(tmp_path)
    read, write = os.pipe()
    os.close(read)
    ended = newswarc("--collection", str(tmp_path), "source", "list", stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_full_output_is_a_disk_error(tmp_path: Path) -> None:
    """What could not be written is never passed over, though the interpreter would try again at its end."""
    collections.make(tmp_path)
    with open("/dev/full", "wb") as full:
        ended = newswarc("--collection", str(tmp_path), "source", "list", stdout=full, stderr=subprocess.PIPE)
    assert (ended.returncode, ended.stderr) == (8, b"newswarc: error: No space left on device\n")


def test_closed_output_is_a_disk_error(tmp_path: Path) -> None:
    """As when a service manager gives no stdout."""
    collections.make(tmp_path)
    command = f"exec {sys.executable} -m crawler.cli --collection {tmp_path} source list >&-"
    ended = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (8, b"newswarc: error: stdout is closed\n")


def test_pipes_get_utf8_in_any_locale(tmp_path: Path) -> None:
    """As under cron, which has no locale."""
    made = collections.make(tmp_path)
    made.file.write_text('[[source]]\nname = "zeitung-größe"\nurl = "https://zeitung.net/"\n')
    environment = {"LC_ALL": "C", "PATH": os.environ["PATH"], "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"}
    ended = newswarc("--collection", str(tmp_path), "source", "list", "--json", stdout=subprocess.PIPE, env=environment)
    assert json.loads(ended.stdout)[0]["name"] == "zeitung-größe"


# ---- options before or after


@pytest.mark.parametrize(
    "arguments",
    [
        ("--collection", "a", "-q", "-v", "--debug", "source", "list"),
        ("source", "--collection", "a", "-q", "-v", "--debug", "list"),
        ("source", "list", "--collection", "a", "-q", "-v", "--debug"),
    ],
)
def test_shared_options_stand_anywhere(monkeypatch: pytest.MonkeyPatch, say: Say, arguments: tuple[str, ...]) -> None:
    """Before the command, after it, or between its words: all the same."""
    seen: list[Invocation | None] = []
    monkeypatch.setattr(
        "crawler.commands.source.show",
        lambda *_, **__: seen.append(click.get_current_context().find_object(Invocation)),
    )
    assert say(*arguments) == (0, "", "")
    assert seen == [Invocation(Path("a"), quiet=True, verbose=1, debug=True)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400), ("1h30m", 5400), (" 2H ", 7200), ("1m5", 65)],
)
def test_durations(text: str, seconds: float) -> None:
    """As a person writes them."""
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5", "1.5h", "m", "5 m", "30m1h", "\u0665m", "9" * 30])
def test_no_durations(text: str) -> None:
    """Anything else is refused, never guessed."""
    with pytest.raises(click.BadParameter, match="is no duration"):
        duration(text)


# ---- init, source list


def test_init_makes_a_collection(say: Say, tmp_path: Path) -> None:
    """In the folder named, saying on stderr what comes next."""
    code, out, err = say("init", "papers", "--name", "Harbour papers")
    assert (code, out) == (0, "")
    assert err.splitlines() == [
        f"Made the collection {tmp_path}/papers",
        f"Next: set your contact in {tmp_path}/papers/newswarc.toml, then `newswarc source add URL`",
    ]
    assert collections.find(tmp_path / "papers").config.collection.name == "Harbour papers"
    assert say("-q", "init", "more", "--contact", "desk@harbour-papers.net") == (0, "", "")
    assert say("init", "papers")[0] == 2
    assert say("init", "papers/inner")[0] == 2
    assert say("init", "third", "--contact", "you@example.com")[0] == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["more", "papers"]


def test_init_takes_the_current_folder_or_the_option(say: Say, tmp_path: Path) -> None:
    """Without DIR, in the collection's folder."""
    assert say("init", "--collection", "there")[0] == 0
    assert collections.exists(tmp_path / "there")


def test_source_list_shows_what_is_set(say: Say, tmp_path: Path) -> None:
    """Separated by tabs for a pipe, as JSON with the settings that hold."""
    collections.make(tmp_path).file.write_text(
        '[crawl]\ndelay = 2\n[[source]]\nname = "post"\nurl = "https://post.net/"\nfeeds = []\ndeny = ["a", "b"]\n'
        'robots = "ignore"\nrobots_reason = "licence"\nverify_tls = false\ndelay = 0.5\n'
        '[[source]]\nname = "zeitung"\nurl = "https://zeitung.net/"\n'
    )
    assert say("source", "list") == (
        0,
        (
            "name\turl\tdelay\tsettings\n"
            "post\thttps://post.net/\t0.5\tfeeds=0 deny=2 robots ignored TLS unchecked\n"
            "zeitung\thttps://zeitung.net/\t2\t\n"
        ),
        "",
    )
    code, out, _ = say("source", "list", "--json")
    post, zeitung = json.loads(out)
    assert (code, post["feeds"], zeitung["feeds"]) == (0, [], None)
    assert (zeitung["delay"], zeitung["verify_tls"], post["robots_reason"]) == (2.0, True, "licence")


def test_source_list_is_aligned_on_a_terminal(say: Say, tmp_path: Path, terminal: None) -> None:
    """For a person, columns stand below each other."""
    collections.make(tmp_path).file.write_text(
        '[[source]]\nname = "post"\nurl = "https://post.net/"\n[[source]]\nname = "z"\nurl = "https://z.net/"\n'
    )
    assert say("source", "list")[1].splitlines() == [
        "name  url                delay  settings",
        "post  https://post.net/  1",
        "z     https://z.net/     1",
    ]


def test_faulty_settings_end_every_command(say: Say, tmp_path: Path) -> None:
    """Exit code 3, a line for each fault, for whoever reads the collection."""
    collections.make(tmp_path).file.write_text("[crawl]\ndelya = 1\ntimeout = 0\n")
    for command in (("source", "list"), ("crawl",), ("status",), ("export",), ("show", "x"), ("verify",)):
        code, out, err = say(*command)
        assert (code, out, err.count("\n")) == (3, "", 2)
        assert err.startswith(f"newswarc: error: {tmp_path}/newswarc.toml: [crawl] unknown key")


# ---- crawl, fetch


def test_crawl_of_a_url_makes_collection_and_source(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder a home page is enough; the second time everything is there."""
    asked = runs(monkeypatch)
    code, out, err = say("crawl", "https://www.harbour-post.net/", "--max-pages", "5", "--max-runtime", "2m")
    assert (code, out) == (0, "")
    assert err.splitlines() == [
        f"Made the collection {tmp_path}",
        f'Added the source "harbour-post.net" to {tmp_path}/newswarc.toml',
        f"No contact is set: sites cannot reach you; set it in {tmp_path}/newswarc.toml",
    ]
    collection, options = asked[0]
    assert options == CrawlOptions(sources=("harbour-post.net",), max_pages=5, max_runtime=120.0)
    assert collection == collections.find(tmp_path)
    assert say("-q", "crawl", "http://www.harbour-post.net", "--now", "--refetch", "-v") == (0, "", "")
    assert asked[1][1] == CrawlOptions(sources=("harbour-post.net",), now=True, refetch=True, quiet=True, verbose=1)


def test_crawl_does_not_spoil_a_folder(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that holds other things stays as it is."""
    asked = runs(monkeypatch)
    (tmp_path / "thesis.txt").touch()
    code, _, err = say("crawl", "https://www.harbour-post.net/")
    assert code == 2
    assert "holds other things" in err
    assert not asked
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_crawl_names_sources(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and URLs may be mixed; none means all; the exit code is the engine's."""
    asked = runs(monkeypatch, 4)
    made = collections.make(tmp_path, contact="desk@harbour-papers.net")
    assert say("crawl") == (2, "", f"newswarc: error: {made.file}: no source yet; `newswarc source add URL` adds one\n")
    made.file.write_text('[[source]]\nname = "post"\nurl = "https://post.net/"\n')
    assert say("-q", "crawl")[0] == 4
    assert asked[-1][1].sources == ()
    assert say("-q", "crawl", "post", "https://zeitung.net/", "https://post.net", "post")[0] == 4
    assert asked[-1][1].sources == ("post", "zeitung.net")
    assert 'no source "pots" in' in say("crawl", "pots")[2]
    assert 'did you mean "post"?' in say("crawl", "pots")[2]
    assert "for a site write its URL, https://abc.net/" in say("crawl", "abc.net", "https://never-added.net/")[2]
    assert [source.name for source in collections.find(tmp_path).config.sources] == ["post", "zeitung.net"]


@pytest.mark.parametrize(("urls", "names"), [
    (["https://www.post.net", "https://post.net/x", "http://post.net:8"], ["post.net", "post.net-x", "post.net-8"]),
    (["https://post.net/a", "https://post.net/b", "https://post.net/a?x=1"], ["post.net", "post.net-b", "post.net-a"]),
    (["https://post.net/?a", "https://post.net/?b", "https://post.net/?c"], ["post.net", "post.net-2", "post.net-3"]),
    (["http://127.0.0.1:8000/", "http://[::1]:8000/"], ["127.0.0.1-8000", "1-8000"]),
    (["https://zeitung.de/" + "x" * 80, "https://zeitung.de/" + "x" * 90], ["zeitung.de", "zeitung.de-" + "x" * 49]),
])  # fmt: skip
def test_new_sources_get_free_names(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, urls: list[str], names: list[str]
) -> None:
    """Names come from hosts, and stay words however odd the URL."""
    runs(monkeypatch)
    assert say("-q", "crawl", *urls)[0] == 0
    assert [source.name for source in collections.find(tmp_path).config.sources] == names


def test_fetch_takes_pages_from_arguments_and_stdin(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Canonical, each once, in the order given."""
    asked = runs(monkeypatch)
    collections.make(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("https://post.net/b\r\n\n  https://POST.net/a#x \n"))
    assert say("-q", "fetch", "https://post.net/a?utm_source=x", "-", "--max-runtime", "90")[0] == 0
    assert asked[0][1] == CrawlOptions(
        urls=("https://post.net/a", "https://post.net/b"), exact=True, max_runtime=90.0, quiet=True
    )
    monkeypatch.setattr(sys, "stdin", io.StringIO("https://post.net/b\nhttp:/\n"))
    assert "stdin, line 2: " in say("fetch", "-")[2]
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert say("fetch", "-") == (2, "", "newswarc: error: no URL to fetch: stdin was empty\n")
    assert len(asked) == 1


# ---- try, source add


ARTICLE = Candidate(
    url="https://post.net/a",
    canonical_url=None,
    title="Crane \x1b[2Jmoves\nnorth",
    text="First.\n\nSecond \u202eline.",
    authors=("Ada Berg", "Cy Dahl"),
    published_at="2026-03-01T12:00:00Z",
    word_count=3,
    provenance=(("title", "json-ld"),),
)


def test_try_prints_the_article(say: Say, monkeypatch: pytest.MonkeyPatch, terminal: None) -> None:
    """For a person: field, value, origin; then the text, with nothing that a terminal would obey."""
    monkeypatch.setattr("crawler.commands.try_.try_url", lambda _, url, __: Trial(url, 200, ARTICLE))
    code, out, err = say("try", "https://post.net/a")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "https://post.net/a",
        "title:         Crane \\u001b[2Jmoves north  (json-ld)",
        "published_at:  2026-03-01T12:00:00Z",
        "authors:       Ada Berg, Cy Dahl",
        "words:         3",
        "",
        "First.",
        "",
        "Second \\u202eline.",
    ]


def test_try_prints_json(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """One object on one line, exact, with every field; or the reason."""
    monkeypatch.setattr("crawler.commands.try_.try_url", lambda _, url, __: Trial(url, 200, ARTICLE))
    out = say("try", "https://post.net/a", "--json")[1]
    found = json.loads(out)
    assert out.count("\n") == 1
    assert found["title"] == ARTICLE.title
    assert found["text"] == ARTICLE.text
    assert (found["outcome"], found["http_status"], found["provenance"]) == ("article", 200, {"title": "json-ld"})
    monkeypatch.setattr("crawler.commands.try_.try_url", lambda _, url, __: Trial(url, 403, NoArticle("bot-challenge")))
    assert json.loads(say("try", "https://post.net/a", "--json")[1]) == {
        "url": "https://post.net/a", "http_status": 403, "outcome": "rejected", "reason": "bot-challenge"
    }  # fmt: skip
    assert say("try", "https://post.net/a") == (0, "https://post.net/a\nno article: bot-challenge\n", "")


def test_try_reads_a_file_with_the_settings_of_its_collection(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's own address comes from --url, else it is the file's."""
    seen: list[tuple[int, bytes, str]] = []

    def read(settings: config.Config, content: bytes, url: str) -> Trial:
        seen.append((settings.crawl.max_page_bytes, content, url))
        return Trial(url, None, NoArticle("empty"))

    monkeypatch.setattr("crawler.commands.try_.try_bytes", read)
    (tmp_path / "page.html").write_bytes(b"<p>\xff")
    assert say("try", "page.html", "--url", "https://post.net/a")[0] == 0
    collections.make(tmp_path).file.write_text("[crawl]\nmax_page_bytes = 7\n")
    assert say("try", "page.html")[0] == 0
    assert seen == [
        (10_000_000, b"<p>\xff", "https://post.net/a"),
        (7, b"<p>\xff", (tmp_path / "page.html").as_uri()),
    ]


FOUND = Probe(
    url="https://www.post.net/",
    feeds=("https://www.post.net/rss",),
    sections=tuple(f"https://www.post.net/{number}" for number in range(12)),
    samples=(Trial("https://www.post.net/a", 200, ARTICLE), Trial("https://www.post.net/b", 200, NoArticle("section"))),
)


def test_source_add_shows_and_writes(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found goes to stdout, the source into the file, comments stay."""
    made = collections.make(tmp_path)
    before = made.file.read_bytes()
    monkeypatch.setattr("crawler.commands.source.probe", lambda *_: FOUND)
    code, out, err = say("source", "add", "https://www.post.net/", "--name", "post")
    assert code == 0
    assert made.file.read_bytes().startswith(before)
    assert collections.find(tmp_path).config.sources == (config.Source("post", "https://www.post.net/"),)
    lines = out.splitlines()
    assert lines[:3] == [
        "https://www.post.net/", "  feeds     https://www.post.net/rss", "  sitemaps  none found"
    ]  # fmt: skip
    assert lines[12:] == [
        "  sections  https://www.post.net/9",
        "            and 2 more",
        "  article   2026-03-01T12:00:00Z · Crane \\u001b[2Jmoves north · https://www.post.net/a",
        "  article   no article (section): https://www.post.net/b",
    ]
    assert err == f'Added the source "post" to {made.file}; `newswarc crawl post` crawls it\n'
    assert 'is there already, as source "post"' in say("source", "add", "http://www.post.net")[2]


def test_source_add_refuses_a_site_without_a_way_in(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it is forced to."""
    made = collections.make(tmp_path)
    monkeypatch.setattr("crawler.commands.source.probe", lambda _, source: Probe(source.url, obstacle="bot-challenge"))
    code, out, err = say("source", "add", "https://post.net/")
    assert code == 5
    assert "warning   a bot wall answers instead of the site" in out
    assert "not added, a bot wall answers" in err
    assert made.config.sources == ()
    assert say("-q", "source", "add", "https://post.net/", "--force")[0] == 0
    assert say("source", "add", "https://other.net/", "--name", "two words")[0] == 2


# ---- status, show, export


RESPONSE = b"HTTP/1.1 200 OK\r\nX-Odd:  caf\xe9\r\n\r\n<p>\x1b[2J \xff text"
URL = "https://gazette.test/a"


@pytest.fixture
def uid(tmp_path: Path) -> str:
    """A collection with one article of two versions, a failing feed and a URL that waits; the article's uid."""
    made = collections.make(tmp_path)
    made.file.write_text(
        '[[source]]\nname = "gazette"\nurl = "https://gazette.test/"\n[[source]]\nname = "post"\nurl = "https://post.net/"\n'
    )
    capture = archived(made.warc())
    engine = open_database(made.database_url)
    with transaction(engine) as conn:
        uid = databases.an_article(conn, URL, title="=Crane\x07 moves", text="First.\nSecond.", authors=["Ada", "Cy"])
        databases.a_version(conn, uid, at="2026-03-02T12:00:00.000Z", title="Crane moved")
        databases.a_url(conn, "https://gazette.test/waits")
        failing = {"reason": "http-500", "attempts": 2, "next_fetch_at": databases.T0}
        databases.a_url(conn, "https://gazette.test/rss", kind="feed", state="seed", **failing)
        databases.an_outcome(conn, URL, "added")
        place = capture.place
        row = {"warc_offset": place.offset, "warc_length": place.length, "context": context_json(capture.context)}
        conn.execute(schema.captures.update().values(row))
        conn.execute(schema.warc_files.update().values(name=place.file))
    engine.dispose()
    return uid


def archived(folder: Path) -> Capture:
    """A response in a WARC file."""
    writer = WarcWriter(folder, run_id="run-1", software="test")
    context = FetchContext("run-1", "gazette", Kind.ARTICLE, URL)
    exchange = Exchange(
        URL, databases.T0, b"GET /a HTTP/1.1\r\n\r\n", io.BytesIO(RESPONSE), len(RESPONSE), Ended.COMPLETE, 5, context
    )
    capture = writer.write_exchange(exchange)
    writer.close()
    return capture


def test_status_before_the_first_crawl(say: Say, tmp_path: Path) -> None:
    """No database is no error: nothing was crawled yet."""
    collections.make(tmp_path).file.write_text('[[source]]\nname = "post"\nurl = "https://post.net/"\n')
    assert say("status") == (
        0,
        (
            "source\tarticles\tnew 24 h\tnew 7 d\tpending\tfailed\tlast success\tlast new\ttrouble\n"
            "post\t0\t0\t0\t0\t0\tnever\tnever\t\n\n0 URLs known\nno run yet\n"
        ),
        "",
    )
    assert not (tmp_path / "news.db").exists()


def test_status_shows_sources_states_and_the_last_run(say: Say, uid: str, tmp_path: Path) -> None:
    """Sources of the file and of the database, trouble with its reasons."""
    code, out, err = say("status")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[1].split("\t")[:6] == ["gazette", "1", "0", "0", "1", "0"]
    assert lines[1].endswith("\thttp-500 (1)")
    assert lines[2].split("\t") == ["post", "0", "0", "0", "0", "0", "never", "never", ""]
    assert lines[4] == "3 URLs known: 1 pending, 1 seed, 1 stored"
    assert lines[5] == "run run-1 began 2026-03-01 12:00Z, and is running or was killed"
    found = json.loads(say("status", "--json")[1])
    assert found["folder"] == str(tmp_path)
    assert found["states"] == {"pending": 1, "seed": 1, "stored": 1}
    assert [source["source"] for source in found["sources"]] == ["gazette", "post"]
    assert found["last_run"]["run_id"] == "run-1"
    assert found["last_run"]["added"] == 1


def test_show_finds_an_article_by_uid_and_url(say: Say, uid: str) -> None:
    """Fields, place in the archive, versions, captures, text; nothing that a terminal would obey."""
    code, out, err = say("show", uid)
    assert (code, err) == (0, "")
    assert say("show", "http://gazette.test/a?utm_source=x")[1] == out
    lines = out.splitlines()
    assert lines[0] == "Crane moved"
    assert f"{'uid:':17}{uid}" in lines
    assert "version 1  2026-03-01T12:00:00.000Z  =Crane\\u0007 moves" in lines
    assert "version 2  2026-03-02T12:00:00.000Z  Crane moved  (+4 -4 words)" in lines
    assert sum(line.startswith("capture ") for line in lines) == 2
    assert lines[-2:] == ["", "A text"]
    found = json.loads(say("show", uid, "--json")[1])
    assert found["article"]["uid"] == uid
    assert [row["version"] for row in found["versions"]] == [1, 2]
    assert found["url"]["state"] == "stored"
    assert len(found["captures"]) == 2


def test_show_raw_gives_the_bytes_served(
    capsysbinary: pytest.CaptureFixture[bytes], uid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte into a pipe, harmless on a terminal."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(("show", uid, "--raw")) == 0
    assert capsysbinary.readouterr().out == RESPONSE
    monkeypatch.setattr(console, "is_terminal", lambda _: True)
    assert cli.main(("show", uid, "--raw")) == 0
    shown = capsysbinary.readouterr().out
    assert shown.endswith(b"<p>\\u001b[2J \\xff text")
    assert b"\x1b" not in shown


def test_show_knows_other_urls(say: Say, uid: str) -> None:
    """What is no article has a state; what is not known is a usage error."""
    code, out, _ = say("show", "https://gazette.test/waits")
    assert code == 0
    assert f"{'state:':17}pending" in out.splitlines()
    assert say("show", "https://gazette.test/waits", "--raw")[0] == 2
    assert "is not known in" in say("show", "https://gazette.test/never")[2]
    assert say("show", "nonsense")[0] == 2


def test_export_writes_rows_to_stdout_or_a_file(say: Say, uid: str, tmp_path: Path) -> None:
    """The same lines either way; a file appears whole."""
    code, out, err = say("export")
    assert (code, err) == (0, "")
    assert [json.loads(line)["uid"] for line in out.splitlines()] == [uid]
    assert say("export", "--output", "out.jsonl") == (0, "", "")
    assert (tmp_path / "out.jsonl").read_text() == out
    seq = json.loads(out)["changed_seq"]
    assert say("export", "--since-seq", str(seq), "--source", "gazette", "--since", "2026-03-01")[1] == ""
    assert say("export", "--format", "csv")[1].startswith("uid,source,url,")
    for wrong in (("--source", "gazete"), ("--since", "soon")):
        (tmp_path / "out.jsonl").write_text("old")
        assert say("export", *wrong, "--output", "out.jsonl")[0] == 2
        assert (tmp_path / "out.jsonl").read_text() == "old"
    assert say("export", "--output", "warc")[0] == 2
    assert say("export", "--output", "missing/out.jsonl")[0] == 8
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_reading_needs_a_database(say: Say, tmp_path: Path) -> None:
    """Exit code 7, and the line says to crawl first; reading makes no file."""
    collections.make(tmp_path)
    for command in (("export",), ("show", "https://post.net/")):
        code, _, err = say(*command)
        assert code == 7
        assert "crawl" in err
        assert err.count("\n") == 1
    assert not (tmp_path / "news.db").exists()


def test_verify_prints_faults_and_ends_with_9(
    say: Say, uid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fault on a line of stdout as it is found, what is only worth knowing on stderr."""
    faults = [Fault(What.FLIPPED, "a.warc.gz", 5, "crc"), Fault(What.ARTICLE, None, None, "no \x1b version")]

    def check(
        engine: object, folder: Path, checked: Checked, progress: Callable[[str], None] | None, **options: object
    ) -> list[Fault]:
        assert options.keys() == {"choice", "crew"}
        assert folder == tmp_path / "warc"
        checked.captures, checked.faults, checked.notes = 7, len(faults), ["a.warc.gz was left open"]
        if progress:
            progress("a.warc.gz")
        return faults

    monkeypatch.setattr("crawler.actions.verify.faults_of", check)
    code, out, err = say("verify", "-v")
    assert code == 9
    assert out.splitlines()[0] == "a.warc.gz at offset 5: flipped: crc"
    assert len(out.splitlines()) == 2
    assert err.splitlines()[:2] == ["a.warc.gz", "a.warc.gz was left open"]
    assert err.splitlines()[2].startswith(f"newswarc: error: {tmp_path}: 2 faults in 0 files, 0 records, 7 captures")
    code, out, _ = say("verify", "--json")
    assert code == 9
    assert json.loads(out)["faults"][0]["offset"] == 5
    assert json.loads(out)["checked"]["captures"] == 7
    faults.clear()
    assert say("verify")[:2] == (0, "")
    assert say("-q", "verify") == (0, "", "")


def test_verify_reads_a_real_archive(say: Say, uid: str) -> None:
    """Rows made by hand do not agree with their record, and that is told with its place."""
    code, out, err = say("verify")
    assert code == 9
    assert all(" at offset " in line or line.startswith("database: ") for line in out.splitlines())
    assert err.splitlines()[-1].startswith("newswarc: error: ")


def test_reader_of_export_that_goes_away_leaves_no_trace(uid: str, tmp_path: Path) -> None:
    """The stream ends before its connection does: nothing on stderr."""
    read, write = os.pipe()
    os.close(read)
    ended = newswarc("--collection", str(tmp_path), "export", stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (141, b"")
