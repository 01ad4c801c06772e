"""`--log-format json`: every line on stderr is an object that knows what it is about, and tells no secret."""

from __future__ import annotations

import json
import logging
import re
import signal
import subprocess
import sys
import threading
import warnings

import pytest

from crawler import cli
from crawler.terminal import console
from crawler.terminal.jsonlog import JsonLines, as_objects, speaker
from crawler.terminal.masking import masked
from tests.desk import COMMAND, Desk, wait_until
from tests.newsroom.server import Fault, Newsroom
from tests.runner import environment

KEYS = {"time", "level", "run", "source", "url", "reason", "message"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def objects(text: str) -> list[dict[str, object]]:
    """The lines, each an object with all that is promised."""
    told = [json.loads(line) for line in text.splitlines()]
    assert all(one.keys() >= KEYS and MOMENT.fullmatch(one["time"]) for one in told)
    return told


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("postgresql://crawl:geheim@db/news", "postgresql://***@db/news"),
        ("GET https://a.test/x?page=2&access_token=geheim&q=1", "GET https://a.test/x?page=2&access_token=***&q=1"),
        ("https://a.test/?Api-Key=geheim", "https://a.test/?Api-Key=***"),
        ("https://a.test/?pass%77ord=geheim#frag", "https://a.test/?pass%77ord=***#frag"),
        ("https://a.test/?keyword=storm&monkey=1", "https://a.test/?keyword=storm&monkey=1"),
        ("Authorization: Basic geheim", "Authorization: ***"),
        ("{'Cookie': 'a=geheim; b=geheim'}", "{'Cookie': ***"),
        ("host=db password=geheim user=crawl", "host=db password=*** user=crawl"),
        ("a token of trust, and a key witness", "a token of trust, and a key witness"),
    ],
)
def test_secrets_are_masked(text: str, safe: str) -> None:
    """Users and passwords of URLs, parameters named like a secret, credentials of headers and databases; nothing else."""
    assert masked(text) == safe


def test_masking_a_hostile_line_takes_no_time() -> None:
    """No text makes a pattern go back and forth: a megabyte of each kind is masked at once."""
    for piece in ("token", "?", "&a", "://", "password", "Cookie", "key=", "a" * 79 + "&"):
        masked(piece * (1_000_000 // len(piece)))


def test_a_record_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    """With what was said beside it, and its traceback in a field; a text that is too long is cut."""
    log = logging.getLogger("newswarc.test")
    log.propagate = False
    known = {"source": "room", "url": "https://a.test/?token=geheim", "reason": "http-500"}
    with as_objects():
        log.addHandler(handler := speaker())
        log.warning("failed\nbadly %s", "x" * 10_000, extra=known)
        log.error("broken", exc_info=ValueError("postgresql://me:geheim@db"))
        log.error("%d", "no number")
    log.removeHandler(handler)
    first, second, third = objects(capsys.readouterr().err)
    assert (first["source"], first["url"], first["reason"]) == ("room", "https://a.test/?token=***", "http-500")
    assert first["level"] == "warning"
    assert len(str(first["message"])) == 4_000
    assert "ValueError: postgresql://***@db" in str(second["traceback"])
    assert third["level"] == "error"


def test_what_others_write_is_an_object_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Bare text, a warning of a library, a thread that ends by an error: one each."""
    with as_objects():
        print("half a ", end="", file=sys.stderr)
        print("line\nand one", file=sys.stderr)
        warnings.showwarning(UserWarning("old\nname"), UserWarning, "f.py", 1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(threading, "excepthook", sys.stderr.thread_failed)  # type: ignore[attr-defined] # pytest has its own
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
        assert isinstance(sys.stderr, JsonLines)
    told = objects(capsys.readouterr().err)
    assert [one["message"] for one in told[:3]] == ["half a line", "and one", "UserWarning: old name"]
    assert "ZeroDivisionError" in str(told[3]["traceback"])


@pytest.mark.parametrize(
    "typed",
    [
        ("--log-format", "json", "crawll"),
        ("crawl", "--log-format=json", "--no-such-option"),
        ("crawl", "--max-pages", "0", "--log-format", "json"),
        ("crawl", "nobody", "--log-format", "json"),
    ],
)
def test_an_error_of_the_command_line_is_an_object(capsys: pytest.CaptureFixture[str], typed: tuple[str, ...]) -> None:
    """Whatever is wrong, and wherever the option stands; stderr is as before afterwards."""
    assert cli.main(typed) == 2
    [told] = objects(capsys.readouterr().err)
    assert (told["level"], told["exit_code"]) == ("error", 2)
    assert str(told["message"]).startswith("newswarc: error: ")
    assert not console.speaks_objects()


def test_a_crawl_speaks_in_objects(desk: Desk, newsroom: Newsroom) -> None:
    """Every line knows its run; one of a page its source, URL and reason; the summary and what failed are among them."""
    newsroom.fault(newsroom.site.url(newsroom.site.live[0]), Fault.SERVER_ERROR)
    desk.configure(("room", newsroom.url), ("dead", "http://127.0.0.1:9/"), allow="true")
    told = objects(desk.run("crawl", "-v", "--log-format", "json", code=4).stderr)
    assert {one["run"] for one in told} == set(*desk.rows("SELECT id FROM runs"))
    added = [one for one in told if str(one["message"]).startswith("added article")]
    assert {(one["source"], one["url"]) for one in added} == {
        ("room", url) for (url,) in desk.rows("SELECT u.url FROM outcomes o JOIN urls u ON u.id = o.url_id WHERE verdict = 'added'")
    }
    assert {one["reason"] for one in told if one["url"] == newsroom.site.url(newsroom.site.live[0])} >= {"http-500"}
    assert [one for one in told if one["source"] == "dead" and one["reason"] and one["level"] == "warning"]
    assert [one for one in told if str(one["message"]).startswith("Articles: ")]


def test_a_quiet_crawl_writes_nothing(desk: Desk, newsroom: Newsroom) -> None:
    """As with text."""
    desk.configure(("room", newsroom.url), allow="true")
    assert desk.run("crawl", "-q", "--max-pages", "1", "--log-format", "json").stderr == ""


def test_a_stopped_crawl_ends_in_an_object(desk: Desk, newsroom: Newsroom) -> None:
    """With the exit code of the signal."""
    desk.configure(("room", newsroom.url), allow="true")
    crawl = subprocess.Popen(
        [*COMMAND, "crawl", "--log-format", "json"],
        cwd=desk.folder, env=environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: bool(newsroom.log))
    crawl.send_signal(signal.SIGTERM)
    told = objects(crawl.communicate(timeout=60)[1])
    assert (told[-1]["exit_code"], crawl.returncode) == (143, 143)
