"""Mistakes of the command line."""

# ruff: noqa: E501 - a mistake a line reads best as a table

from __future__ import annotations

from tests.mistakes.bench import ALL, CONFIG, DAMAGE, DATABASE, DEAD, DISK, OK, USAGE, Bench, Mistake

good, crawled = Bench.good, Bench.crawled


def other_things(bench: Bench) -> None:
    """A folder that is used for something else."""
    (bench.folder / "thesis.txt").write_text("x")


def empty_page(bench: Bench) -> None:
    """A page without a byte."""
    (bench.folder / "page.html").write_text("")


def readable_page(bench: Bench) -> None:
    """A page whose reader has no permission."""
    (bench.folder / "page.html").write_text("<p>x")
    bench.mode("page.html", 0)


TYPED = [
    Mistake("a command misspelt", "crawll", USAGE, "newswarc: error: No such command 'crawll'; did you mean \"crawl\"? See `newswarc --help`."),
    Mistake("a command that there is none of", "frobnicate", USAGE, "newswarc: error: No such command 'frobnicate'; possible: crawl, diff, export, extract, fetch, files, ingest, init, package, replay, reprocess, show, snapshot, source, status, try, verify, withdraw. See `newswarc --help`."),
    Mistake("a command of `source` misspelt", "source ad SITE/good/", USAGE, "newswarc: error: No such command 'ad'. Did you mean 'add'? See `newswarc source --help`.", good),
    Mistake("`source` without a command", "source", USAGE, "Usage: newswarc source [OPTIONS] COMMAND [ARGS]...", good),
    Mistake("an option misspelt", "crawl --maxpages 3", USAGE, "newswarc: error: No such option '--maxpages'. Did you mean '--max-pages'? See `newswarc crawl --help`.", good),
    Mistake("an option without its value", "crawl --max-pages", USAGE, "newswarc: error: Option '--max-pages' requires an argument.", good),
    Mistake("no pages at all", "crawl --max-pages 0", USAGE, "newswarc: error: Invalid value for '--max-pages': 0 is not in the range x>=1. See `newswarc crawl --help`.", good),
    Mistake("a number in words", "crawl --max-pages many", USAGE, "newswarc: error: Invalid value for '--max-pages': 'many' is not a valid integer range. See `newswarc crawl --help`.", good),
    Mistake("a way to meet a lock that there is none of", "crawl --if-locked perhaps", USAGE, "newswarc: error: Invalid value for '--if-locked': 'perhaps' is not one of 'fail', 'skip', 'wait'. See `newswarc crawl --help`.", good),
    Mistake("a format of the log that there is none of", "crawl --log-format xml", USAGE, "newswarc: error: Invalid value for '--log-format': 'xml' is not one of 'text', 'json'. See `newswarc crawl --help`.", good),
    Mistake("a time in words", "crawl --max-runtime tomorrow", USAGE, "newswarc: error: Invalid value for '--max-runtime': 'tomorrow' is no duration; write 90, 90s, 15m, 2h or 1h30m. See `newswarc crawl --help`.", good),
    Mistake("no time at all", "crawl --max-runtime 0", USAGE, "newswarc: error: Invalid value for '--max-runtime': '0' is no duration; write 90, 90s, 15m, 2h or 1h30m. See `newswarc crawl --help`.", good),
    Mistake("a negative time", "crawl --max-runtime=-5", USAGE, "newswarc: error: Invalid value for '--max-runtime': '-5' is no duration; write 90, 90s, 15m, 2h or 1h30m. See `newswarc crawl --help`.", good),
    Mistake("no collection in this folder", "crawl", USAGE, "newswarc: error: DIR: no collection here (no newswarc.toml); `newswarc init` makes one, --collection DIR uses another"),
    Mistake("no collection, but one below", "crawl", USAGE, "newswarc: error: DIR: no collection here (no newswarc.toml); there is one in DIR/inner: add --collection DIR/inner", lambda bench: Bench(bench.folder / "inner", bench.site, bench.sample).good() if (bench.folder / "inner").mkdir() is None else None),
    Mistake("a folder that is not there", "crawl --collection /no/such/place", USAGE, "newswarc: error: /no/such/place: there is no such folder"),
    Mistake("a file in place of a folder", "status --collection thesis.txt", USAGE, "newswarc: error: DIR/thesis.txt: there is no such folder", other_things),
    Mistake("a site, in a folder of other things", f"crawl {DEAD}", USAGE, 'newswarc: error: DIR: holds other things ("thesis.txt") and no collection; use an empty folder, or make one here with `newswarc init`', other_things),
    Mistake("no source yet", "crawl", USAGE, "newswarc: error: DIR/newswarc.toml: no source yet; `newswarc source add URL` adds one", lambda bench: bench.settings('[collection]\nname = "desk"\n')),
    Mistake("a source misspelt", "crawl papper", USAGE, 'newswarc: error: no source "papper" in DIR/newswarc.toml; did you mean "paper"?', good),
    Mistake("a site without https://", "crawl www.paper.test", USAGE, 'newswarc: error: no source "www.paper.test" in DIR/newswarc.toml; for a site write its URL, https://www.paper.test/', good),
    Mistake("a URL with a space", ("fetch", "http://paper.test/a b"), ALL, "Failed: paper.test (robots-unreachable: dns)", good),
    Mistake("a scheme that is not fetched", "fetch ftp://paper.test/a", USAGE, 'newswarc: error: "ftp://paper.test/a" is no URL that can be fetched (scheme)', good),
    Mistake("a file's URL", "fetch file:///etc/passwd", USAGE, 'newswarc: error: "file:///etc/passwd" is no URL that can be fetched (scheme)', good),
    Mistake("a URL without a host", "fetch http:///a", ALL, "Failed: a (robots-unreachable: dns)", good),
    Mistake("a URL with a password", "fetch http://me:geheim@paper.test/", USAGE, 'newswarc: error: "http://me:***@paper.test/" is no URL that can be fetched (userinfo)', good),
    Mistake("a home page with a password", "crawl http://me:geheim@paper.test/", USAGE, 'newswarc: error: "http://me:***@paper.test/" is no URL that can be fetched (userinfo)', good),
    Mistake("a port that cannot be", "fetch http://paper.test:99999/", USAGE, 'newswarc: error: "http://paper.test:99999/" is no URL that can be fetched (port)', good),
    Mistake("a host name that cannot be", "fetch http://-.-/", ALL, "Failed: site (robots-unreachable: dns)", good),
    Mistake("an international host that is not there", "fetch http://zeitung-müller.invalid/", ALL, "Failed: xn-zeitung-mller-4ob.invalid (robots-unreachable: dns)", good),
    Mistake("a terminal's escape in a URL", ("fetch", "http://\x1b[31m/"), USAGE, 'newswarc: error: "http://\\u001b[31m/" is no URL that can be fetched (host)', good),
    Mistake("bytes that are no text in a URL", ("fetch", b"http://paper.test/\xff"), ALL, "Failed: paper.test (robots-unreachable: dns)", good),
    Mistake("bytes that are no text as a source", ("crawl", b"p\xe9"), USAGE, 'newswarc: error: no source "p\\udce9" in DIR/newswarc.toml; possible: paper', good),
    Mistake("no URL to fetch", "fetch", USAGE, "newswarc: error: Missing argument 'URL...|-'. See `newswarc fetch --help`.", good),
    Mistake("no URL on stdin", "fetch -", USAGE, "newswarc: error: no URL to fetch: stdin was empty", good),
    Mistake("stdin is closed", "fetch -", USAGE, "newswarc: error: no URL to fetch: stdin is closed", good, shell='exec "$@" <&-'),
    Mistake("stdin is no text", "fetch -", USAGE, 'newswarc: error: stdin, line 1: "\\udcff\\udcfe\\u0000\\u0001\\udc80" is no URL that can be fetched (no-scheme)', good, stdin=b"\xff\xfe\x00\x01\x80\n"),
    Mistake("stdin holds a line that is no URL", "fetch -", USAGE, 'newswarc: error: stdin, line 2: "not a url" is no URL that can be fetched (no-scheme)', good, stdin=b"http://paper.test/\nnot a url\n"),
    Mistake("a page that is no file", "try missing.html", USAGE, 'newswarc: error: "missing.html" is no file here, and no URL (https://...)'),
    Mistake("a folder in place of a page", "try /", USAGE, 'newswarc: error: "/" is no file here, and no URL (https://...)'),
    Mistake("a page without a byte", "try page.html", OK, "no article: empty", empty_page),
    Mistake("a page that may not be read", "try page.html", DISK, "newswarc: error: page.html: Permission denied", readable_page, ordinary=True),
    Mistake("--url for a URL", "try SITE/good/ --url SITE/good/", USAGE, "newswarc: error: --url goes with a FILE; a URL is its own address"),
    Mistake("--url that is none", "try page.html --url paper", USAGE, 'newswarc: error: "paper" is no URL that can be fetched (no-scheme)', empty_page),
    Mistake("`extract` of nothing", "extract", USAGE, "newswarc: error: nothing to extract; name files or folders, or give --manifest FILE"),
    Mistake("`extract` of a file that is not there", "extract missing.html", DAMAGE, "missing.html: No such file or directory"),
    Mistake("`extract` of a page without a byte", "extract page.html", DAMAGE, "page.html: empty", empty_page),
    Mistake("`extract` of a page that may not be read", "extract page.html", DAMAGE, "page.html: Permission denied", readable_page, ordinary=True),
    Mistake("`extract` of a folder without pages", "extract .", DAMAGE, ".: no HTML or WARC file there", other_things),
    Mistake("`extract` of a manifest that is not there", "extract --manifest missing.jsonl", DAMAGE, "missing.jsonl: No such file or directory"),
    Mistake("`extract` of a manifest that is none", "extract --manifest -", DAMAGE, "stdin, line 1: is no JSON", stdin=b"page.html\n"),
    Mistake("`extract` while stdin is closed", "extract -", DAMAGE, "stdin: is closed", shell='exec "$@" <&-'),
    Mistake("`extract` of a manifest without pages", "extract --manifest -", DAMAGE, 'stdin, line 1: is no JSON object with the path of a page as "html"', stdin=b"{}\n"),
    Mistake("`extract` of files and a manifest", "extract page.html --manifest -", USAGE, "newswarc: error: --manifest goes without FILE; the manifest names them"),
    Mistake("`extract` of a folder with one address", "extract . --url http://paper.test/a", USAGE, "newswarc: error: --url goes with one FILE"),
    Mistake("`extract` fetched at nonsense", ("extract", ".", "--fetched-at", "last week"), USAGE, 'newswarc: error: --fetched-at "last week" is no date; write 2026-03-01 or 2026-03-01T12:00:00Z'),
    Mistake("`show` of a URL never seen", "show http://paper.test/never-seen", USAGE, 'newswarc: error: "http://paper.test/never-seen" is not known in DIR, neither as URL nor as uid', crawled),
    Mistake("`show` of nonsense", "show %%%", USAGE, 'newswarc: error: "%%%" is not known in DIR, neither as URL nor as uid', crawled),
    Mistake("`show` of bytes that are no text", ("show", b"\xff\xfe"), USAGE, 'newswarc: error: "\\udcff\\udcfe" is no text, and so neither URL nor uid', crawled),
    Mistake("`show` before the first crawl", "show abcdefghijklmnop", DATABASE, "newswarc: error: database DIR/news.db does not exist; a crawl makes it, or correct [database] url", good),
    Mistake("`show --raw` of a page without answer", "show --raw http://127.0.0.1:9/", USAGE, 'newswarc: error: "http://127.0.0.1:9/" is not known in DIR, neither as URL nor as uid', crawled),
    Mistake("`show --at` of no moment", "show SITE/good/ --at yesterday", USAGE, "newswarc: error: 'yesterday' is no date; write 2026-03-01, 2026-03-01T12:00:00Z or 20260301120000", crawled),
    Mistake("`show --at` before the first capture", "show SITE/good/ --at 1999-12-31", USAGE, 'newswarc: error: "SITE/good/" has no capture up to 1999-12-31; the oldest is of ...', crawled),
    Mistake("`diff` of a URL never seen", "diff http://paper.test/never-seen", USAGE, 'newswarc: error: "http://paper.test/never-seen" is not known in DIR, neither as URL nor as uid', crawled),
    Mistake("`diff` of a URL that is no article", "diff SITE/good/", USAGE, 'newswarc: error: "SITE/good/" is no article (seed)', crawled),
    Mistake("`diff` of no version", "diff SITE/good/ 0", USAGE, "newswarc: error: Invalid value for '[V1 [V2]]': 0 is not in the range x>=1. See `newswarc diff --help`.", crawled),
    Mistake("`diff` of three versions", "diff SITE/good/ 1 2 3", USAGE, "newswarc: error: two versions at most, not 3. See `newswarc diff --help`.", crawled),
    Mistake("`diff` before the first crawl", "diff abcdefghijklmnop", DATABASE, "newswarc: error: database DIR/news.db does not exist; a crawl makes it, or correct [database] url", good),
    Mistake("`package` without a file", "package", USAGE, "newswarc: error: Missing option '--output'. See `newswarc package --help`."),
    Mistake("`package` before the first crawl", "package --output all.wacz", DATABASE, "newswarc: error: database DIR/news.db does not exist; a crawl makes it, or correct [database] url", good),
    Mistake("`package` of a source misspelt", "package --output all.wacz --source papper", USAGE, "newswarc: error: no source 'papper' in the database; did you mean paper", crawled),
    Mistake("`package` of a run that there is none of", "package --output all.wacz --run 7", USAGE, "newswarc: error: no run '7' in the database; the view v_runs names them", crawled),
    Mistake("`package` since nonsense", ("package", "--output", "all.wacz", "--since", "last week"), USAGE, "newswarc: error: 'last week' is no date; write 2026-03-01 or 2026-03-01T12:00:00Z", crawled),
    Mistake("`package` of nothing", "package --output all.wacz --query xyzzy", USAGE, "newswarc: error: DIR: nothing to package: no article with a capture (query: xyzzy)", crawled),
    Mistake("`package` of bytes that are no text", ("package", "--output", "all.wacz", "--query", b"\xff"), USAGE, 'newswarc: error: --query "\\udcff" is no text', crawled),
    Mistake("`package` to a file that is there", "package --output newswarc.toml", USAGE, "newswarc: error: newswarc.toml: is there already; --force overwrites it", crawled),
    Mistake("`package` to a folder", "package --output warc --force", USAGE, "newswarc: error: warc: is no file", crawled),
    Mistake("`package` to a folder that is not there", "package --output no/such/all.wacz", DISK, "newswarc: error: no/such/all.wacz: cannot be written: No such file or directory", crawled),
    Mistake("`replay` without pywb", "replay", USAGE, "newswarc: error: pywb's `wayback` is not on PATH; install it apart, `python3 -m venv ~/pywb && ~/pywb/bin/pip install pywb 'setuptools<81'`, then say `newswarc replay --wayback ~/pywb/bin/wayback`", crawled),
    Mistake("`replay` with what is no program", "replay --wayback newswarc.toml", USAGE, 'newswarc: error: --wayback "newswarc.toml" is no program that can be run', crawled),
    Mistake("`replay` at no port", "replay --port 70000", USAGE, "newswarc: error: Invalid value for '--port': 70000 is not in the range 1<=x<=65535. See `newswarc replay --help`."),
    Mistake("`export` before the first crawl", "export", DATABASE, "newswarc: error: database DIR/news.db does not exist; a crawl makes it, or correct [database] url", good),
    Mistake("`verify` before the first crawl", "verify", DATABASE, "newswarc: error: database DIR/news.db does not exist; a crawl makes it, or correct [database] url", good),
    Mistake("`files` before the first crawl", "files", DATABASE, "newswarc: error: database DIR/news.db does not exist; a crawl makes it, or correct [database] url", good),
    Mistake("`files elsewhere` before the first crawl", "files elsewhere '*' --place s3://cold/", DATABASE, "newswarc: error: database DIR/news.db does not exist; a crawl makes it, or correct [database] url", good),
    Mistake("`files elsewhere` of no file", "files elsewhere paper.warc.gz --place s3://cold/", USAGE, 'newswarc: error: no WARC file "paper.warc.gz" in the database; `newswarc files` lists them', crawled),
    Mistake("`files elsewhere` without a place", "files elsewhere '*'", USAGE, "newswarc: error: Missing option '--place'. See `newswarc files elsewhere --help`.", crawled),
    Mistake("`files here` of a file that is not there", "files here '*' --place no/such/folder", DISK, "newswarc: error: cannot read DIR/no/such/folder: No such file or directory; is the disk with the archive there?", crawled),
    Mistake("a command of `files` misspelt", "files lst", USAGE, "newswarc: error: No such command 'lst'. Did you mean 'list'? See `newswarc files --help`.", crawled),
    Mistake("`verify` since nonsense", ("verify", "--since", "last week"), USAGE, "newswarc: error: 'last week' is no date; write 2026-03-01 or 2026-03-01T12:00:00Z", crawled),
    Mistake("`verify` of a sample of nothing", "verify --sample 0%", USAGE, "newswarc: error: Invalid value for '--sample': '0%' is no share; write 5% or 0.5%. See `newswarc verify --help`.", crawled),
    Mistake("`verify` of a sample in words", "verify --sample some", USAGE, "newswarc: error: Invalid value for '--sample': 'some' is no share; write 5% or 0.5%. See `newswarc verify --help`.", crawled),
    Mistake("`verify` of more than all", "verify --sample 101%", USAGE, "newswarc: error: Invalid value for '--sample': '101%' is no share; write 5% or 0.5%. See `newswarc verify --help`.", crawled),
    Mistake("`verify` with no workers", "verify --workers 0", USAGE, "newswarc: error: Invalid value for '--workers': 0 is not in the range 1<=x<=64. See `newswarc verify --help`.", crawled),
    Mistake("`verify --repair` before the first crawl", "verify --repair", DATABASE, "newswarc: error: database DIR/news.db does not exist; a crawl makes it, or correct [database] url", good),
    Mistake("`export` of a source misspelt", "export --source papper", USAGE, "newswarc: error: no source 'papper' in the database; did you mean paper", crawled),
    Mistake("`export` of no format", "export --format xml", USAGE, "newswarc: error: Invalid value for '--format': 'xml' is not one of 'jsonl', 'csv'. See `newswarc export --help`.", crawled),
    Mistake("`export` since nonsense", ("export", "--since", "last week"), USAGE, "newswarc: error: 'last week' is no date; write 2026-03-01 or 2026-03-01T12:00:00Z", crawled),
    Mistake("`export` since a day that there is none of", "export --since 2026-02-30", USAGE, "newswarc: error: '2026-02-30' is no date; write 2026-03-01 or 2026-03-01T12:00:00Z", crawled),
    Mistake("`export` since a negative number", "export --since-seq=-1", USAGE, "newswarc: error: Invalid value for '--since-seq': -1 is not in the range x>=0. See `newswarc export --help`.", crawled),
    Mistake("`export` to a folder", "export --output warc", USAGE, "newswarc: error: warc: is a folder, not a file", crawled),
    Mistake("`export` to a folder that is not there", "export --output no/such/file.jsonl", DISK, "newswarc: error: no/such/file.jsonl: cannot be written: No such file or directory", crawled),
    Mistake("`export` to a name that is too long", f"export --output {'x' * 300}", DISK, "newswarc: error: ...: cannot be written: File name too long", crawled),
    Mistake("`init` where a collection is", "init", USAGE, "newswarc: error: DIR/newswarc.toml: is there already", good),
    Mistake("`init` inside of a collection", "init inner", USAGE, "newswarc: error: DIR/inner: lies inside of the collection DIR; collections cannot be nested", good),
    Mistake("`init` twice the folder", "init a --collection b", USAGE, "newswarc: error: DIR and --collection say the same; give one of them. See `newswarc init --help`."),
    Mistake("`init` around a collection", "init", USAGE, "newswarc: error: DIR: holds the collection inner; collections cannot be nested", lambda bench: Bench(bench.folder / "inner", bench.site, bench.sample).good() if (bench.folder / "inner").mkdir() is None else None),
    Mistake("`init` with a placeholder", "init --contact you@example.com", CONFIG, 'newswarc: error: DIR/newswarc.toml: [collection] key contact: "you@example.com" is a placeholder; write your own e-mail address or web page'),
    Mistake("`init` with a contact that is none", "init --contact me", CONFIG, 'newswarc: error: DIR/newswarc.toml: [collection] key contact: must be an e-mail address or a web page (https://...) of yours, not "me"'),
    Mistake("`init` with a name of two lines", ("init", "--name", "a\nb"), CONFIG, 'newswarc: error: DIR/newswarc.toml: [collection] key name: must be 1 to 200 characters on one line, not "a\\nb"'),
    Mistake("`init` at a file", "init thesis.txt", DISK, "newswarc: error: DIR/thesis.txt: the collection cannot be made: Not a directory", other_things),
    Mistake("`source add` of a site that is there", "source add SITE/good/", USAGE, 'newswarc: error: DIR/newswarc.toml: SITE/good/ is there already, as source "paper"', good),
    Mistake("`source add` of a name that is there", "source add SITE/bare/ --name paper", USAGE, 'newswarc: error: DIR/newswarc.toml: there is a source "paper" already; choose another --name', good),
    Mistake("`source add` with a name of two words", "source add SITE/bare/ --name 'my paper'", USAGE, 'newswarc: error: --name must be one word of letters, digits and . _ - (at most 64), not "my paper"', good),
    Mistake("`source add` without a collection", "source add SITE/good/", USAGE, "newswarc: error: DIR: no collection here (no newswarc.toml); `newswarc init` makes one, --collection DIR uses another"),
]
