"""Mistakes of the surroundings: streams, limits, environment."""

# ruff: noqa: E501 - a mistake a line reads best as a table

from __future__ import annotations

from tests.mistakes.bench import DATABASE, DISK, OK, SIGPIPE, USAGE, Bench, Mistake, empty
from tests.mistakes.places import FULL_TMP

good, crawled = Bench.good, Bench.crawled

MACHINE = [
    Mistake("stdout is a full disk", "export", DISK, "newswarc: error: No space left on device", crawled, shell='exec "$@" >/dev/full'),
    Mistake("stdout is a full disk, for `status`", "status", DISK, "newswarc: error: No space left on device", crawled, shell='exec "$@" >/dev/full'),
    Mistake("stdout is a full disk, for `--help`", "--help", DISK, "newswarc: error: No space left on device", shell='exec "$@" >/dev/full'),
    Mistake("stdout is a full disk, for `show --raw`", "show --raw SITE/good/", DISK, "newswarc: error: No space left on device", crawled, shell='exec "$@" >/dev/full'),
    Mistake("stdout is a full disk, for `verify --json`", "verify --json", DISK, "newswarc: error: No space left on device", crawled, shell='exec "$@" >/dev/full'),
    Mistake("stdout is closed", "export", DISK, "newswarc: error: stdout is closed", crawled, shell='exec "$@" >&-'),
    Mistake("stdout is closed, for `crawl`: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, shell='exec "$@" >&-'),
    Mistake("stderr is closed: no mistake", "crawl", OK, "", good, shell='exec "$@" 2>&-'),
    Mistake("stderr is a full disk: no mistake", "crawl", OK, "", good, shell='exec "$@" 2>/dev/full'),
    Mistake("all streams are closed: no mistake", "crawl", OK, "", good, shell='exec "$@" <&- >&- 2>&-'),
    Mistake("the reader of the pipe is gone", "export", SIGPIPE, "", crawled, shell='"$@" | true; exit "${PIPESTATUS[0]}"'),
    Mistake("`export` to a device that is full", "export --output /dev/full", DISK, "newswarc: error: /dev/full: cannot be written: No space left on device", crawled),
    Mistake("64 open files allowed", "crawl", OK, "Articles: 1 added, 0 pending", good, shell='ulimit -n 64; exec "$@"', mend=empty),
    Mistake("24 open files allowed", "crawl", OK, "Articles: 1 added, 0 pending", good, shell='ulimit -n 24; exec "$@"', mend=empty),
    Mistake("10 open files allowed", "crawl", DATABASE, "newswarc: error: database DIR/news.db cannot be opened; check that it exists and its folder's permissions", good, shell='ulimit -n 10; exec "$@"', mend=empty),
    Mistake("files of 4 kB allowed", "crawl", DISK, "newswarc: error: database DIR/news.db cannot be read or written: disk I/O error, SQLITE_IOERR_SHMSIZE; check the disk it lies on", good, shell='ulimit -f 4; exec "$@"', mend=empty),
    Mistake("TMPDIR is not there: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, environment={"TMPDIR": "/no/such/place"}),
    Mistake("TMPDIR is full: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, environment={"TMPDIR": "full"}, shell=FULL_TMP),
    Mistake("HOME is not there: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, environment={"HOME": "/no/such/place"}),
    Mistake("no HOME: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, shell='unset HOME USER LOGNAME; exec "$@"'),
    Mistake("no PATH: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, shell='unset PATH; exec "$@"'),
    Mistake("a locale of no language: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, environment={"LC_ALL": "C"}),
    Mistake("a locale that is not there: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, environment={"LC_ALL": "tlh_QO.UTF-8"}),
    Mistake("ASCII for streams: no mistake", "export", OK, '{"uid":...}', crawled, environment={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}),
    Mistake("an odd time zone: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, environment={"TZ": "Pacific/Kiritimati"}),
    Mistake("a time zone that there is none of: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, environment={"TZ": "Mars/Olympus"}),
    Mistake("Python without assertions: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, environment={"PYTHONOPTIMIZE": "1"}),
    Mistake("Python without docstrings: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, environment={"PYTHONOPTIMIZE": "2"}),
    Mistake("a proxy in the environment is not used: no mistake", "crawl", OK, "Articles: 1 added, 0 pending", good, environment={"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}),
    Mistake("the current folder was deleted", "status", USAGE, "newswarc: error: the current folder is not there any more; change to another", shell='mkdir gone; cd gone; rmdir ../gone; exec "$@"'),
    Mistake("the current folder was deleted, for `init`", "init", USAGE, "newswarc: error: the current folder is not there any more; change to another", shell='mkdir gone; cd gone; rmdir ../gone; exec "$@"'),
    Mistake("the current folder was deleted, for `try`", "try page.html", USAGE, 'newswarc: error: "page.html" is no file here, and no URL (https://...)', shell='mkdir gone; cd gone; rmdir ../gone; exec "$@"'),
]
