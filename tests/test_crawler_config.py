"""newswarc.toml: what it may say, and what is said of its faults."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from crawler.config import checks
from crawler.config import edit as config_edit
from crawler.config import keys as config
from crawler.config.keys import CrawlTable, FaultyConfig, ScheduleTable, Source
from storage.errors import ConfigError, DiskError

FILE = "newswarc.toml"
NAMES = {key for table in config.TABLES.values() for key in config.keys(table)} | set(config.TABLES)
WORDS = st.sampled_from(sorted(NAMES)) | st.text(max_size=5)

FULL = """
[collection]
name = "Harbour papers"
contact = "desk@harbour-papers.net"

[crawl]
delay = 2
concurrency = 8
workers = 3
allow_private_networks = ["127.0.0.1", "10.0.0.0/8", "fd00::/8", "localhost:8080", "[::1]:8443"]
verify_tls = false
max_page_bytes = 1_000_000
max_capture_bytes = 2_000_000
max_warc_bytes = 50_000_000
max_warc_idle = 120
max_warc_age = 3600.5
dedupe = "month"
max_requisite_bytes = 70_000_000
max_pages_per_host = 500
timeout = 12.5
tdmrep = false
http_proxy = "http://proxy.local:3128"

[database]
url = "postgresql://crawl:pass@db.local/news"
max_log_bytes = 5_000_000

[report]
metrics = "/var/lib/node_exporter/news.prom"
ping = "https://monitor.example/uuid"

[alarm]
budget = 0.5

[schedule]
revisit = true
revisit_days = 10
min_poll = 120
max_poll = 7200
polls_per_day = 24
equal_share = 0.5

[[source]]
name = "harbour-post"
url = "https://www.harbour-post.net/"
feeds = ["https://www.harbour-post.net/rss.xml"]
sitemaps = []
sections = ["https://www.harbour-post.net/city/"]
allow = ['/\\d{4}/']
deny = ['/sport/', '\\?print=']
delay = 5
max_pages_per_host = 0
robots = "ignore"
robots_reason = "written permission of the editor, 2026-03-01"
verify_tls = true
requisites = true
pdfs = true
paused = false
revisit = false

[[source]]
name = "zeitung"
url = "https://zeitung.net/"
"""


def loads(text: str) -> config.Config:
    """The settings in a text."""
    return config.loads(text.encode(), FILE)


def faults(text: str | bytes) -> tuple[str, ...]:
    """The lines of what is wrong with a text, without the name of the file."""
    with pytest.raises(FaultyConfig) as caught:
        config.loads(text if isinstance(text, bytes) else text.encode(), FILE)
    assert str(caught.value) == caught.value.faults[0]
    assert all(fault.startswith(f"{FILE}: ") and "\n" not in fault for fault in caught.value.faults)
    return tuple(fault.removeprefix(f"{FILE}: ") for fault in caught.value.faults)


def test_every_key_is_read() -> None:
    """A file that sets every key gives exactly what it says."""
    read = loads(FULL)
    assert (read.collection.name, read.collection.contact) == ("Harbour papers", "desk@harbour-papers.net")
    assert read.crawl == CrawlTable(
        delay=2.0,
        concurrency=8,
        workers=3,
        allow_private_networks=("127.0.0.1", "10.0.0.0/8", "fd00::/8", "localhost:8080", "[::1]:8443"),
        verify_tls=False,
        max_page_bytes=1_000_000,
        max_capture_bytes=2_000_000,
        max_warc_bytes=50_000_000,
        max_warc_idle=120.0,
        max_warc_age=3600.5,
        dedupe="month",
        max_requisite_bytes=70_000_000,
        max_pages_per_host=500,
        timeout=12.5,
        tdmrep=False,
        http_proxy="http://proxy.local:3128",
    )
    assert read.database.url == "postgresql://crawl:pass@db.local/news"
    assert read.schedule == ScheduleTable(min_poll=120.0, max_poll=7200.0, polls_per_day=24, equal_share=0.5, revisit_days=10)
    post, zeitung = read.sources
    assert post.sitemaps == ()
    assert zeitung.sitemaps is None
    assert post.allow == (r"/\d{4}/",)
    assert post.deny == ("/sport/", r"\?print=")
    assert (read.delay(post), read.delay(zeitung)) == (5.0, 2.0)
    assert (read.max_pages(post), read.max_pages(zeitung)) == (0, 500)
    assert (read.verify_tls(post), read.verify_tls(zeitung)) == (True, False)
    assert [(source.requisites, source.pdfs) for source in read.sources] == [(True, True), (False, False)]
    assert [read.revisit_days(source) for source in (post, zeitung, None)] == [0, 10, 10]
    assert read.source("zeitung") is zeitung
    assert read.source("nobody") is None


def test_full_example_sets_every_key() -> None:
    """The example above leaves no key out, so that a new key must be added to it."""
    document = tomlkit.parse(FULL).unwrap()
    for title, table in config.TABLES.items():
        content = document[title][0] if title == "source" else document[title]
        assert set(content) == set(config.keys(table)), title


def test_empty_file_has_defaults() -> None:
    """Nothing needs to be set."""
    read = loads("")
    assert read == config.Config()
    assert read.crawl.delay == 1.0
    assert read.crawl.concurrency == 32
    assert read.crawl.timeout == 60.0
    assert read.crawl.allow_private_networks is False
    assert read.crawl.verify_tls is True
    assert (read.crawl.max_page_bytes, read.crawl.max_capture_bytes) == (10_000_000, 64_000_000)
    assert read.crawl.max_warc_bytes == 1_000_000_000
    assert read.crawl.worker_count == config.cores() >= 1
    assert read.database.url == "sqlite:///news.db"
    assert read.sources == ()


def test_settings_are_frozen_and_typed() -> None:
    """Nobody changes settings while a run uses them."""
    with pytest.raises(AttributeError):
        loads("").crawl.delay = 0  # type: ignore[misc]


def test_of_many_that_are_possible_some_are_named() -> None:
    """A collection may have a thousand sources, and an error is a line that a person reads."""
    many = [f"paper-{n:04}" for n in range(1_000)]
    assert checks.nearest("zzz", many).endswith(", paper-0039 and 960 more")
    assert checks.nearest("zzz", many[:40]).endswith(", paper-0039")


SOURCE = '[[source]]\nname = "post"\nurl = "https://post.net/"\n'

FAULTS = [
    ("[crawl]\ndelya = 1", '[crawl] unknown key "delya"; did you mean "delay"?'),
    ("[crawl]\nzzz = 1", '[crawl] unknown key "zzz"; possible: allow_private_networks, concurrency, dedupe, '),
    ("[crawl]\ncontact = 'x'", '[crawl] unknown key "contact"; it belongs to [collection]'),
    ("[crwal]\ndelay = 1", 'unknown table or key "crwal"; did you mean "crawl"?'),
    ("delay = 1", 'key "delay" stands outside of its table; move it below [crawl] or [source]'),
    ("crawl = 3", "[crawl] must be a table, written once with single brackets"),
    ("[[crawl]]\ndelay = 1", "[crawl] must be a table, written once with single brackets"),
    ('[source]\nname = "a"', "[source] must be written with double brackets, [[source]], once for each source"),
    ("source = [1]", "[source] must be written with double brackets, [[source]], once for each source"),
    ('[crawl]\ndelay = "1"', '[crawl] key delay: must be a number of seconds from 0 to 86400, not "1"'),
    ("[crawl]\ndelay = -1", "[crawl] key delay: must be a number of seconds from 0 to 86400, not -1"),
    ("[crawl]\ndelay = nan", "[crawl] key delay: must be a number of seconds from 0 to 86400, not NaN"),
    ("[crawl]\ndelay = inf", "[crawl] key delay: must be a number of seconds from 0 to 86400, not Infinity"),
    ("[crawl]\ndelay = true", "[crawl] key delay: must be a number of seconds from 0 to 86400, not true"),
    ("[crawl]\ndelay = 2026-03-01", '[crawl] key delay: must be a number of seconds from 0 to 86400, not "2026-03-01"'),
    ("[crawl]\ndelay = " + "9" * 400, "[crawl] key delay: must be a number of seconds from 0 to 86400, not 9999"),
    ("[crawl]\ntimeout = 0", "[crawl] key timeout: must be a number of seconds above 0, not 0"),
    ("[crawl]\nconcurrency = 0", "[crawl] key concurrency: must be a whole number of hosts from 1 to 1000, not 0"),
    ("[crawl]\nconcurrency = 1.5", "[crawl] key concurrency: must be a whole number of hosts from 1 to 1000, not 1.5"),
    ("[crawl]\nworkers = true", "[crawl] key workers: must be a whole number of processes from 1 to 256, not true"),
    ("[crawl]\nmax_page_bytes = '10MB'", "[crawl] key max_page_bytes: must be a whole number of bytes from 1 to "),
    ("[crawl]\nmax_capture_bytes = -5", "[crawl] key max_capture_bytes: must be a whole number of bytes from 1 to "),
    ("[crawl]\nmax_warc_idle = 0", "[crawl] key max_warc_idle: must be a number of seconds above 0, not 0"),
    ("[crawl]\nmax_warc_age = 86_401", "[crawl] key max_warc_age: must be a number of seconds from 0 to 86400, not 86401"),
    ("[crawl]\nmax_warc_bytes = 9_999", "[crawl] key max_warc_bytes: must be a whole number of bytes from 10000 to "),
    ("[crawl]\nmax_requisite_bytes = 0", "[crawl] key max_requisite_bytes: must be a whole number of bytes from 1 to "),
    (f"{SOURCE}requisites = 'all'", '[[source]] 1 (post) key requisites: must be true or false (without quotes), not "all"'),
    (f"{SOURCE}pdfs = true", "[[source]] 1 (post) key pdfs: needs requisites = true"),
    ("[crawl]\nverify_tls = 'no'", '[crawl] key verify_tls: must be true or false (without quotes), not "no"'),
    ("[crawl]\nhttp_proxy = 'proxy.local'", "[crawl] key http_proxy: must be the URL of a proxy with its port"),
    ("[crawl]\nhttp_proxy = 'socks5://a:1'", "[crawl] key http_proxy: must be the URL of a proxy with its port"),
    ("[crawl]\nhttp_proxy = 'http://u:p@a:1'", "[crawl] key http_proxy: must not hold a user name or password"),
    ("[crawl]\nhttp_proxy = 'http://a:99999'", "[crawl] key http_proxy: must be the URL of a proxy with its port"),
    ("[crawl]\nallow_private_networks = 'all'", "[crawl] key allow_private_networks: must be true, false or a list"),
    (
        '[crawl]\nallow_private_networks = ["10.0.0.7/8"]',
        '[crawl] key allow_private_networks: entry 1: "10.0.0.7/8" has host bits set; did you mean "10.0.0.0/8"?',
    ),
    (
        '[crawl]\nallow_private_networks = ["::1", "10.0.0.0/99"]',
        '[crawl] key allow_private_networks: entry 2: must be an address, a network (10.0.0.0/8) or host:port, not "10',
    ),
    (
        '[crawl]\nallow_private_networks = ["intranet"]',
        "[crawl] key allow_private_networks: entry 1: must be an address",
    ),
    ('[crawl]\nallow_private_networks = ["a:0"]', "[crawl] key allow_private_networks: entry 1: must be an address"),
    ('[crawl]\nallow_private_networks = ["::1:x"]', "[crawl] key allow_private_networks: entry 1: must be an address"),
    ("[crawl]\nallow_private_networks = [1]", "[crawl] key allow_private_networks: entry 1: must be an address"),
    ("[collection]\nname = ''", '[collection] key name: must be 1 to 200 characters on one line, not ""'),
    ("[collection]\nname = 3", "[collection] key name: must be text in quotes, not 3"),
    ('[collection]\nname = "a\\nb"', '[collection] key name: must be 1 to 200 characters on one line, not "a\\nb"'),
    (
        "[database]\nurl = 'postgres://u:hidden@h/d'",
        '[database] key url: "postgres" is no database that newswarc knows; did you mean "postgresql"?',
    ),
    ("[database]\nurl = 'mysql://h/d'", '[database] key url: "mysql" is no database that newswarc knows; possible: '),
    ("[database]\nurl = 'news.db'", '[database] key url: must be "sqlite:///news.db" or "postgresql://'),
    ("[database]\nurl = 'sqlite://'", '[database] key url: needs a file after three slashes, "sqlite:///news.db"'),
    ("[database]\nurl = 'sqlite://x.db'", "[database] key url: needs a file after three slashes"),
    ("[database]\nurl = 'sqlite:///:memory:'", "[database] key url: needs a file after three slashes"),
    (f"{SOURCE}feed = []", '[[source]] 1 (post) unknown key "feed"; did you mean "feeds"?'),
    (f"{SOURCE}contact = 'a'", '[[source]] 1 (post) unknown key "contact"; it belongs to [collection]'),
    (f"{SOURCE}feeds = 'https://post.net/f'", '[[source]] 1 (post) key feeds: must be a list, ["https://post.net/f"]'),
    (
        f"{SOURCE}feeds = ['/rss']",
        '[[source]] 1 (post) key feeds: entry 1: must be a full URL, https://host/path, not "/rss"',
    ),
    (f"{SOURCE}deny = ['ok', '(']", '[[source]] 1 (post) key deny: entry 2: "(" is no regular expression: '),
    (f"{SOURCE}deny = ['']", "[[source]] 1 (post) key deny: entry 1: must be a regular expression in quotes"),
    (f"{SOURCE}allow = ['[[a]']", '[[source]] 1 (post) key allow: entry 1: "[[a]" is no regular expression: Possible '),
    (f"{SOURCE}allow = ['a{{99999999999}}']", '[[source]] 1 (post) key allow: entry 1: "a{99999999999}" is no regular'),
    (
        f"{SOURCE}robots = 'ignroe'",
        '[[source]] 1 (post) key robots: "ignroe" is none of its values; did you mean "ignore"?',
    ),
    (f"{SOURCE}robots = true", '[[source]] 1 (post) key robots: must be one of "obey", "ignore", not true'),
    (f"{SOURCE}robots = 'ignore'", '[[source]] 1 (post) key robots: "ignore" needs a robots_reason'),
    (f"{SOURCE}delay = -2", "[[source]] 1 (post) key delay: must be a number of seconds from 0 to 86400, not -2"),
    (f"{SOURCE}{SOURCE}", "[[source]] 2 (post) key name: [[source]] 1 has this name already"),
    ("[[source]]\nurl = 'https://post.net/'", "[[source]] 1 key name: is missing"),
    ("[[source]]\nname = 'post'", "[[source]] 1 (post) key url: is missing"),
    ("[[source]]\nname = 'my post'\nurl = 'https://post.net/'", "[[source]] 1 (my post) key name: must be one word"),
    ("[[source]]\nname = '-q'\nurl = 'https://post.net/'", "[[source]] 1 (-q) key name: must be one word"),
    ("[[source]]\nname = 'a'\nurl = 'www.post.net'", "[[source]] 1 (a) key url: must be a full URL, https://host/path"),
    (
        "[[source]]\nname = 'a'\nurl = 'ftp://post.net'",
        "[[source]] 1 (a) key url: must be a full URL, https://host/path",
    ),
    ("[[source]]\nname = 'a'\nurl = 'https://post.net:x/'", "[[source]] 1 (a) key url: must be a full URL"),
    ("[[source]]\nname = 'a'\nurl = 'https://[::1/'", "[[source]] 1 (a) key url: must be a full URL"),
    ("[[source]]\nname = 'a'\nurl = 'https://po st.net/'", "[[source]] 1 (a) key url: must be a full URL"),
    (
        "[[source]]\nname = 'a'\nurl = 'https://me:word@post.net/'",
        "[[source]] 1 (a) key url: must not hold a user name",
    ),
]


@pytest.mark.parametrize(("text", "line"), FAULTS, ids=[str(number) for number in range(len(FAULTS))])
def test_fault_names_place_and_remedy(text: str | bytes, line: str) -> None:
    """Each fault is one line with file, table, key, and what would be right."""
    assert faults(text)[0].startswith(line)


@pytest.mark.parametrize(("text", "line"), [
    (b"[crawl]\ndelay =\n\n[x]", 2),
    (b"a = 1\n[crawl\n\n", 2),
    (b"[crawl]\ndelay = 1\ndelay = 2\n", 3),
    (b"[crawl]\n# caf\xe9\n", 2),
    (b"a = " + b"[" * 5000, None),
    (b"a = " + b"9" * 5000, None),
])  # fmt: skip
def test_what_is_no_toml_is_told_with_its_line(text: bytes, line: int | None) -> None:
    """Syntax, encoding and absurd documents end in one line too."""
    (fault,) = faults(text)
    assert fault.startswith("is not ")
    assert line is None or f"at line {line}" in fault


def test_all_faults_are_found_at_once() -> None:
    """Nobody corrects a file fault by fault."""
    found = faults(f"[crawl]\ndelya = 1\ntimeout = 0\n{SOURCE}robots = 'x'\n[[source]]\n")
    assert [fault.split(" key ")[0].split(" unknown")[0] for fault in found] == [
        "[crawl]", "[crawl]", "[[source]] 1 (post)", "[[source]] 2", "[[source]] 2"
    ]  # fmt: skip


@pytest.mark.parametrize("contact", [
    "", "   ", "you@example.com", "me@mail.example.org", "https://example.com/bot", "https://www.example.net",
    "you@post.net", "your-name@post.net", "YOURNAME@post.net", "changeme", "changeme@post.net",
    "someone@yourdomain.com", "x@domain.com", "desk@paper.example", "desk@paper.invalid",
    "todo", "post.net", "desk at post.net", "a@b", "d\u00e9sk@post.net",
])  # fmt: skip
def test_placeholder_contact_is_refused(contact: str) -> None:
    """A contact that reaches nobody would be a lie to the sites."""
    (fault,) = faults(f"[collection]\ncontact = '{contact}'")
    assert fault.startswith("[collection] key contact: ")


@pytest.mark.parametrize("contact", [
    "desk@harbour-papers.net", "https://www.example-paper.org/bot", "News Lab <lab@uni-harbour.edu>", "mail@yours.org",
    "https://harbour.net/crawl; crawl@harbour.net", "newsroom@localhost.test",
])  # fmt: skip
def test_real_contact_is_taken(contact: str) -> None:
    """What reaches somebody is taken as it is written."""
    assert loads(f"[collection]\ncontact = '{contact}'").collection.contact == contact


def test_passwords_are_never_repeated() -> None:
    """A fault in a URL with a password is told without it."""
    for text in ("[database]\nurl = 'postgres://u:hidden@h/d'", "[crawl]\nhttp_proxy = 'ftp://u:hidden@h:1'"):
        assert "hidden" not in faults(text)[0]


def test_byte_order_mark_and_windows_lines_are_read() -> None:
    """Some editors write them."""
    assert config.loads(b"\xef\xbb\xbf[crawl]\r\ndelay = 3\r\n", FILE).crawl.delay == 3.0


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
        max_leaves=15,
    )
)
def test_no_document_crashes_the_check(value: object) -> None:
    """Whatever a document holds, the answer is settings or faults on one line each."""
    document = value if isinstance(value, dict) else {"crawl": value, "source": value, "collection": {"contact": value}}
    found: tuple[str, ...] = ("",)
    try:
        config.parse(document, FILE)
    except FaultyConfig as error:
        found = error.faults
    assert found
    assert not any(set("\r\n") & set(fault) for fault in found)


def test_missing_file_is_a_config_error(tmp_path: Path) -> None:
    """The line names the file and the command that makes one."""
    with pytest.raises(ConfigError, match=r"newswarc\.toml: there is no such file; `newswarc init`"):
        config.load(tmp_path / FILE)


def test_unreadable_file_is_a_disk_error(tmp_path: Path) -> None:
    """A folder in the place of the file stands for everything that cannot be read."""
    (tmp_path / FILE).mkdir()
    with pytest.raises(DiskError, match=r"newswarc\.toml: cannot be read: Is a directory"):
        config.load(tmp_path / FILE)


# ---- edits

HAND_WRITTEN = """\
# our papers
[collection]
name   =   "Harbour"      # keep this

  [crawl]
  delay = 1.50

[[source]]   # the first
name = "post"
url = "https://post.net/"
deny = [
  "/sport/",   # never
]
"""
NEW = Source(
    "zeitung", "https://zeitung.net/", feeds=("https://zeitung.net/a", "https://zeitung.net/b"), deny=(r"\d'\"",)
)


@pytest.mark.parametrize("text", [
    HAND_WRITTEN, HAND_WRITTEN.rstrip("\n"), HAND_WRITTEN.replace("\n", "\r\n"), "", "# only a comment",
    HAND_WRITTEN + "\n[database]\nurl = 'sqlite:///x.db'\n[[source]]\nname='b'\nurl='https://b.net'\n",
    "\ufeff[crawl]\n",
])  # fmt: skip
def test_source_is_added_below_untouched_text(tmp_path: Path, text: str) -> None:
    """Every byte that stood there stays; the source is read back as it was given."""
    path = tmp_path / FILE
    path.write_bytes(text.encode())
    before = config.load(path)
    after = config_edit.add_source(path, NEW)
    assert path.read_bytes().startswith(text.encode())
    assert after == config.load(path)
    assert after.sources == (*before.sources, NEW)
    assert (b"\r\n" in path.read_bytes()) == ("\r\n" in text)
    assert path.read_bytes().count(b"\r\n") in (0, path.read_bytes().count(b"\n"))


@pytest.mark.parametrize(("source", "line"), [
    (Source("post", "https://other.net/"), 'there is a source "post" already'),
    (Source("other", "http://post.net"), 'http://post.net is there already, as source "post"'),
    (Source("bad name", "https://other.net/"), "the source cannot be added at its end"),
])  # fmt: skip
def test_bad_source_leaves_the_file_alone(tmp_path: Path, source: Source, line: str) -> None:
    """Duplicates and invalid sources are refused before anything is written."""
    path = tmp_path / FILE
    path.write_text(HAND_WRITTEN)
    with pytest.raises(ConfigError, match=line):
        config_edit.add_source(path, source)
    assert path.read_text() == HAND_WRITTEN
    assert [p.name for p in tmp_path.iterdir()] == [FILE]


def test_inline_sources_are_left_to_the_person(tmp_path: Path) -> None:
    """Where TOML allows no table at the end, the file is not touched."""
    path = tmp_path / FILE
    path.write_text('source = [{name = "a", url = "https://a.net/"}]\n')
    with pytest.raises(ConfigError, match="add it by hand"):
        config_edit.add_source(path, NEW)
    assert path.read_text().count("\n") == 1


def test_edit_keeps_mode_and_link(tmp_path: Path) -> None:
    """The file stays as private as it was, and a symbolic link stays one."""
    real, link = tmp_path / "real.toml", tmp_path / FILE
    real.write_text(HAND_WRITTEN)
    real.chmod(0o600)
    link.symlink_to(real)
    config_edit.add_source(link, NEW)
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert config.load(link).source("zeitung") == NEW


@given(
    st.text(min_size=1, max_size=20).filter(lambda text: text.strip() == text and text.isprintable()),
    st.lists(st.from_regex(r"https://[a-z]{1,9}\.net/[a-z0-9/]{0,9}", fullmatch=True), max_size=3),
)
def test_rendered_source_is_read_back(reason: str, feeds: list[str]) -> None:
    """Quotes, backslashes and any alphabet survive the way into TOML and back."""
    source = Source("a", "https://a.net/", feeds=tuple(feeds), robots="ignore", robots_reason=reason)
    assert config.loads(config_edit.rendered(source).encode(), FILE).sources == (source,)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://crawl@/news?host=/run/postgresql&port=5433",
        "postgresql:///news",
        "postgresql://crawl:w@[::1]:5432/news",
        "postgresql://crawl:w/o@db.local/news",
        "postgresql://db.local/news?application_name=a@b:c",
    ],
)
def test_every_form_of_a_postgresql_url_is_taken(url: str) -> None:
    """Sockets, IPv6, odd passwords, options: whether the server is there is for the server to say."""
    assert config.loads(f'[database]\nurl = "{url}"\n'.encode(), "newswarc.toml").database.url == url


def test_a_message_never_repeats_the_password_of_a_url() -> None:
    """What was typed is shown, but for that."""
    assert checks.shown("https://me:geheim@post.net/a") == '"https://me:***@post.net/a"'
    assert checks.shown("https://post.net/a:b@c") == '"https://post.net/a:b@c"'
