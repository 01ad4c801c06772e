"""Mistakes in newswarc.toml."""

# ruff: noqa: E501 - a mistake a line reads best as a table

from __future__ import annotations

import os

from tests.mistakes.bench import CONFIG, DATABASE, DISK, HEAD, OK, SOURCE, USAGE, Bench, Mistake, Prepare, steps

good, crawled = Bench.good, Bench.crawled


def text(content: str | bytes) -> Prepare:
    """A newswarc.toml of just that."""
    return lambda bench: bench.settings(content)


def crawl(line: str) -> Prepare:
    """A line of `[crawl]` that is wrong."""
    return text(f"[crawl]\n{line}\n" + SOURCE)


def source(line: str) -> Prepare:
    """A line of `[[source]]` that is wrong."""
    return text(HEAD + SOURCE + line + "\n")


def database(url: str) -> Prepare:
    """A wrong URL of the database."""
    return text(HEAD + f'[database]\nurl = "{url}"\n' + SOURCE)


def encoded(codec: str) -> Prepare:
    """A good newswarc.toml in another encoding."""
    return lambda bench: bench.settings((HEAD + SOURCE).replace("{url}", f"{bench.site}/good/").encode(codec))


def folder(bench: Bench) -> None:
    """A folder in place of the file."""
    (bench.folder / "newswarc.toml").mkdir()


def loop(bench: Bench) -> None:
    """A link to itself."""
    (bench.folder / "newswarc.toml").symlink_to("newswarc.toml")


def dangling(bench: Bench) -> None:
    """A link to what is not there."""
    (bench.folder / "newswarc.toml").symlink_to("/media/nowhere/newswarc.toml")


def pipe(bench: Bench) -> None:
    """A pipe into which nobody writes."""
    os.mkfifo(bench.folder / "newswarc.toml")


def unreadable(bench: Bench) -> None:
    """A file of somebody else."""
    bench.good()
    bench.mode("newswarc.toml", 0)


SETTINGS = [
    Mistake("no TOML", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is not TOML: Invalid value (at line 2, column 9)", text("[crawl]\ndelay = = 1\n"), mend=good),
    Mistake("a quote that is not closed", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is not TOML: Illegal character '\\n' (at line 2, column 13)", text('[collection]\nname = "desk\n')),
    Mistake("a table that is not closed", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is not TOML: Expected ']' at the end of a table declaration (at line 1, column 7)", text("[crawl\n")),
    Mistake("a key twice", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is not TOML: Cannot overwrite a value (at line 3, column 10)", text("[crawl]\ndelay = 1\ndelay = 2\n")),
    Mistake("a table twice", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is not TOML: Cannot declare ('crawl',) twice (at line 3, column 7)", text("[crawl]\ndelay = 1\n[crawl]\ntimeout = 2\n")),
    Mistake("Latin-1", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is not UTF-8 text (at line 2)", text(b'[collection]\nname = "Caf\xe9"\n'), mend=good),
    Mistake("UTF-16", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is not UTF-8 text (at line 1)", encoded("utf-16")),
    Mistake("UTF-16 without a mark", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is not TOML: Invalid initial character for a key part (at line 1, column 2)", encoded("utf-16-le")),
    Mistake("bytes of something else", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is not TOML: Invalid statement (at line 1, column 1)", text(b"\x7fELF\x02\x01\x01\x00\x00" * 100)),
    Mistake("UTF-8 with a mark, CR LF as line ends: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", lambda bench: bench.settings(b"\xef\xbb\xbf" + (HEAD + SOURCE).replace("{url}", f"{bench.site}/good/").replace("\n", "\r\n").encode())),
    Mistake("an empty file", "crawl", USAGE, "newswarc: error: DIR/newswarc.toml: no source yet; `newswarc source add URL` adds one", text("")),
    Mistake("a huge file", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is larger than 4000000 bytes; is it a settings file at all?", lambda bench: bench.settings("# x\n" * 5_000_000)),
    Mistake("a folder", "crawl", DISK, "newswarc: error: DIR/newswarc.toml: cannot be read: Is a directory", folder),
    Mistake("a link to itself", "crawl", DISK, "newswarc: error: DIR/newswarc.toml: cannot be read: Too many levels of symbolic links", loop),
    Mistake("a link to what is not there", "crawl", DISK, "newswarc: error: DIR/newswarc.toml: is a link to what is not there; mount its disk or correct the link", dangling),
    Mistake("a pipe", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is a pipe, not a file", pipe),
    Mistake("may not be read", "crawl", DISK, "newswarc: error: DIR/newswarc.toml: cannot be read: Permission denied", unreadable, ordinary=True, mend=lambda bench: bench.mode("newswarc.toml", 0o644)),
    Mistake("a table misspelt", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: unknown table or key "crawls"; did you mean "crawl"?', text("[crawls]\ndelay = 1\n")),
    Mistake("a source in single brackets", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [source] must be written with double brackets, [[source]], once for each source", text('[source]\nname = "a"\n')),
    Mistake("a source as a tabbed list", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is not TOML: Expected '=' after a key in a key/value pair (at line 1, column 7)", text("source:\n\t- name: paper\n\t  url: https://paper.test/\n")),
    Mistake("a table in double brackets", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [crawl] must be a table, written once with single brackets", text("[[crawl]]\ndelay = 1\n")),
    Mistake("a key outside of its table", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: key "delay" stands outside of its table; move it below [crawl] or [source]', text("delay = 1\n" + SOURCE)),
    Mistake("a key misspelt", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [crawl] unknown key "delya"; did you mean "delay"?', crawl("delya = 1")),
    Mistake("a key in capitals", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [crawl] unknown key "Delay"; did you mean "delay"?', crawl("Delay = 1")),
    Mistake("a key of another table", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [crawl] unknown key "contact"; it belongs to [collection]', crawl('contact = "a@b.org"')),
    Mistake("a number in quotes", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [crawl] key delay: must be a number of seconds from 0 to 86400, not "1"', crawl('delay = "1"')),
    Mistake("a number with a comma", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is not TOML: Expected newline or end of document after a statement (at line 2, column 10)", crawl("delay = 1,5")),
    Mistake("a negative delay", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [crawl] key delay: must be a number of seconds from 0 to 86400, not -1", crawl("delay = -1")),
    Mistake("a delay that is no number", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [crawl] key delay: must be a number of seconds from 0 to 86400, not NaN", crawl("delay = nan")),
    Mistake("an endless delay", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [crawl] key delay: must be a number of seconds from 0 to 86400, not Infinity", crawl("delay = inf")),
    Mistake("no time-out", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [crawl] key timeout: must be a number of seconds above 0, not 0", crawl("timeout = 0")),
    Mistake("half a worker", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [crawl] key workers: must be a whole number of processes from 1 to 256, not 0.5", crawl("workers = 0.5")),
    Mistake("a million workers", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [crawl] key workers: must be a whole number of processes from 1 to 256, not 1000000", crawl("workers = 1000000")),
    Mistake("yes for true", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: is not TOML: Invalid value (at line 2, column 14)", crawl("verify_tls = yes")),
    Mistake("true in quotes", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [crawl] key verify_tls: must be true or false (without quotes), not "true"', crawl('verify_tls = "true"')),
    Mistake("pages of no byte", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [crawl] key max_page_bytes: must be a whole number of bytes from 1 to 1000000000, not 0", crawl("max_page_bytes = 0")),
    Mistake("a network with host bits", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [crawl] key allow_private_networks: entry 1: "10.0.0.1/8" has host bits set; did you mean "10.0.0.0/8"?', crawl('allow_private_networks = ["10.0.0.1/8"]')),
    Mistake("a network in quotes, without brackets", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [crawl] key allow_private_networks: must be true, false or a list such as ["127.0.0.1", "10.0.0.0/8"], not "10.0.0.0/8"', crawl('allow_private_networks = "10.0.0.0/8"')),
    Mistake("a proxy without a port", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [crawl] key http_proxy: must be the URL of a proxy with its port, http://host:3128", crawl('http_proxy = "proxy.test"')),
    Mistake("a ping that leads nowhere", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [report] key ping: must be a full URL, https://host/path, without user name and password", text('[report]\nping = "geheim"\n')),
    Mistake("a folder for metrics", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [report] key metrics: must be the path of a file in quotes, not "/var/metrics/"', text('[report]\nmetrics = "/var/metrics/"\n')),
    Mistake("a SOCKS proxy", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [crawl] key http_proxy: must be the URL of a proxy with its port, http://host:3128", crawl('http_proxy = "socks5://me:geheim@proxy.test:1080"')),
    Mistake("a placeholder as contact", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [collection] key contact: "you@example.com" is a placeholder; write your own e-mail address or web page', text('[collection]\ncontact = "you@example.com"\n')),
    Mistake("an empty contact", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [collection] key contact: must be an e-mail address or a web page (https://...) of yours, not ""', text('[collection]\ncontact = ""\n')),
    Mistake("a name of no character", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [collection] key name: must be 1 to 200 characters on one line, not ""', text('[collection]\nname = ""\n')),
    Mistake("a source without URL", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [[source]] 1 (a) key url: is missing", text('[[source]]\nname = "a"\n')),
    Mistake("a source without name", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [[source]] 1 key name: is missing", text('[[source]]\nurl = "https://paper.test/"\n')),
    Mistake("a name twice", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [[source]] 2 (paper) key name: [[source]] 1 has this name already", text(SOURCE + SOURCE), mend=good),
    Mistake("a name of two words", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [[source]] 1 (my paper) key name: must be one word of letters, digits and . _ - (at most 64), not "my paper"', text('[[source]]\nname = "my paper"\nurl = "{url}"\n')),
    Mistake("a source's URL without https://", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [[source]] 1 (a) key url: must be a full URL, https://host/path, not "www.paper.test"', text('[[source]]\nname = "a"\nurl = "www.paper.test"\n')),
    Mistake("a source's URL of ftp", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [[source]] 1 (a) key url: must be a full URL, https://host/path, not "ftp://paper.test/"', text('[[source]]\nname = "a"\nurl = "ftp://paper.test/"\n')),
    Mistake("a source's URL with a space", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [[source]] 1 (a) key url: must be a full URL, https://host/path, not "https://paper .test/"', text('[[source]]\nname = "a"\nurl = "https://paper .test/"\n')),
    Mistake("a source's URL with a password", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [[source]] 1 (a) key url: must not hold a user name or password, since it is written to the archive", text('[[source]]\nname = "a"\nurl = "https://me:geheim@paper.test/"\n')),
    Mistake("a source's host that cannot be", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [[source]] 1 (a) key url: "https://pa_per..test/" is no URL that can be fetched (host)', text('[[source]]\nname = "a"\nurl = "https://pa_per..test/"\n')),
    Mistake("a pattern that is none", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [[source]] 1 (paper) key deny: entry 1: "(" is no regular expression: ...', source("deny = ['(']")),
    Mistake("a pattern without a list", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [[source]] 1 (paper) key deny: must be a list, ["/video/"], not "/video/"', source("deny = '/video/'")),
    Mistake("robots.txt ignored without a reason", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [[source]] 1 (paper) key robots: "ignore" needs a robots_reason, which is written to the archive', source('robots = "ignore"')),
    Mistake("PDFs without requisites", "crawl", CONFIG, "newswarc: error: DIR/newswarc.toml: [[source]] 1 (paper) key pdfs: needs requisites = true", source("pdfs = true")),
    Mistake("requisites of a kind", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [[source]] 1 (paper) key requisites: must be true or false (without quotes), not "images"', source('requisites = "images"')),
    Mistake("robots misspelt", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [[source]] 1 (paper) key robots: "ignored" is none of its values; did you mean "ignore"?', source('robots = "ignored"')),
    Mistake("a feed without its host", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [[source]] 1 (paper) key feeds: entry 1: must be a full URL, https://host/path, not "/feed.xml"', source('feeds = ["/feed.xml"]')),
    Mistake("a feed that is no list", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [[source]] 1 (paper) key feeds: must be a list, ["https://paper.test/feed.xml"], not "https://paper.test/feed.xml"', source('feeds = "https://paper.test/feed.xml"')),
    Mistake("faults together: a line each", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [crawl] unknown key "timout"; did you mean "timeout"?', crawl("delay = -1\ntimout = 3")),
    Mistake("a database that newswarc does not know", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [database] key url: "mysql" is no database that newswarc knows; possible: postgresql, postgresql+psycopg, sqlite', database("mysql://me:geheim@db/x")),
    Mistake("a database's URL without a file", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [database] key url: needs a file after three slashes, "sqlite:///news.db"', database("sqlite://")),
    Mistake("a database's URL that is a path", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [database] key url: must be "sqlite:///news.db" or "postgresql://user@host/database"', database("news.db")),
    Mistake("a database in a folder that is not there", "crawl", DATABASE, "newswarc: error: database /no/such/news.db cannot be made: its folder does not exist; create it or correct [database] url", database("sqlite:////no/such/news.db")),
    Mistake("a PostgreSQL server that is not there", "crawl", DATABASE, 'newswarc: error: database postgresql://127.0.0.1:9/x cannot be reached (connection failed: connection to server at "127.0.0.1", port 9 failed: Connection refused); check that the server runs and [database] url', database("postgresql://me:geheim@127.0.0.1:9/x")),
    Mistake("a PostgreSQL host that is not there", "crawl", DATABASE, "newswarc: error: database postgresql://db.invalid/x cannot be reached (failed to resolve host 'db.invalid': [Errno -2] Name or service not known); check that the server runs and [database] url", database("postgresql://me:geheim@db.invalid/x")),
    Mistake("a PostgreSQL port that cannot be", "crawl", CONFIG, 'newswarc: error: DIR/newswarc.toml: [database] key url: must be "postgresql://user@host:port/database", the port a number', database("postgresql://me:geheim@127.0.0.1:port/x")),
    Mistake("`source add`: the file may not be written", "source add SITE/good/ --name other", DISK, "newswarc: error: DIR/newswarc.toml: cannot be written: Permission denied", steps(lambda bench: bench.good("{site}/500/"), lambda bench: bench.mode(".", 0o555)), ordinary=True),
    Mistake("`source add`: sources stand in an inline list", "source add SITE/good/ --name other", CONFIG, "newswarc: error: DIR/newswarc.toml: the source cannot be added at its end, add it by hand (DIR/newswarc.toml: is not TOML: Cannot mutate immutable namespace ('source',) (at line 5, column 9))", text('source = [{name = "x", url = "https://paper.test/"}]\n[crawl]\nallow_private_networks = true\n')),
]
