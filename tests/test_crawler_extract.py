"""`newswarc extract`: pages in files, folders, WARC files and manifests, as lines of JSON; nothing is stored."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import foreign_files as foreign
import pytest

from crawler.look.extraction import Read, read_all
from crawler.look.given import Terms, of_targets
from pipelines.extract import extract
from pipelines.workers import Workers
from storage.records import Candidate, Page
from tests.desk import COMMAND, Desk, runner
from tests.runner import environment

PAGES = Path(__file__).parent / "pages"
AT = "2026-11-01T00:00:00.000Z"
KEYS = {"id", "corpus", "rejected", "ms", "date", *(field.name for field in fields(Candidate))} - {"published_local"}


def typed(folder: Path, *words: str, stdin: bytes = b"", code: int = 0) -> tuple[list[dict[str, Any]], list[str]]:
    """`newswarc extract WORDS` in a folder: the objects on stdout, the lines on stderr."""
    done = run(folder, words, stdin)
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode().splitlines()


def run(folder: Path, words: Sequence[str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own."""
    return runner().run(("extract", "--workers", "1", *words), folder, stdin=stdin)


@pytest.fixture
def story(tmp_path: Path) -> bytes:
    """A page, as `page.html` in a folder of its own."""
    content = foreign.html(1)
    (tmp_path / "page.html").write_bytes(content)
    return content


def test_a_page_gives_what_a_crawl_would_store(tmp_path: Path, story: bytes) -> None:
    """All fields of the Candidate that extract() makes, with id, CPU time and the date as declared beside them."""
    [found], said = typed(tmp_path, "page.html", "--url", foreign.url(1), "--fetched-at", AT)
    expected = extract(Page(foreign.url(1), foreign.url(1), AT, 200, "text/html", story), None)
    assert isinstance(expected, Candidate)
    assert said == []
    assert found.keys() == KEYS
    assert (found["id"], found["corpus"], found["url"], found["rejected"]) == ("page.html", None, foreign.url(1), None)
    assert found["date"] == expected.published_local
    assert found["ms"] > 0
    assert found["provenance"] == dict(expected.provenance)
    of_candidate = json.loads(json.dumps(asdict(expected)))
    for name in KEYS - {"id", "corpus", "url", "rejected", "ms", "date", "provenance"}:
        assert found[name] == of_candidate[name], name


def test_nothing_is_stored(tmp_path: Path, story: bytes) -> None:
    """The folder is as it was."""
    typed(tmp_path, "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_files_may_be_compressed_and_come_in_folders_and_on_stdin(tmp_path: Path, story: bytes) -> None:
    """The same text from each, in the order of the names; what is no page is passed over in a folder."""
    (tmp_path / "more" / "deep").mkdir(parents=True)
    (tmp_path / "more" / "b.htm").write_bytes(story)
    (tmp_path / "more" / "notes.txt").write_bytes(story)
    (tmp_path / "more" / "deep" / "a.html.gz").write_bytes(gzip.compress(story))
    found, said = typed(tmp_path, "page.html", "more", "-", stdin=story)
    assert said == []
    assert [one["id"] for one in found] == ["page.html", "more/b.htm", "more/deep/a.html.gz", "-"]
    assert len({one["text"] for one in found}) == 1


def test_an_address_that_is_not_given_is_looked_for_on_the_page(tmp_path: Path) -> None:
    """The canonical link, then og:url; none at all is null."""
    body = "<body><article><p>" + "The lock at Low Mill was opened again. " * 30 + "</p></article>"
    link, og = '<link rel="canonical" href="https://a.test/lock">', '<meta property="og:url" content="https://b.test/lock">'
    for name, head in (("a", link + og), ("b", og + '<link rel="canonical" href="/lock">'), ("c", "")):
        (tmp_path / f"{name}.html").write_text(f"<html><head>{head}</head>{body}")
    found, _ = typed(tmp_path, "a.html", "b.html", "c.html")
    assert [one["url"] for one in found] == ["https://a.test/lock", "https://b.test/lock", None]


def test_a_page_that_would_be_rejected_is_told_with_its_text(tmp_path: Path) -> None:
    """Whoever compares extractors wants the text; the reason stands beside it, and the command is content."""
    teasers = "".join(f"<h2><a href=/n/{n}>The harbour council meets for time number {n}</a></h2><p>Soon.</p>" for n in range(40))
    (tmp_path / "list.html").write_text(f"<html><body><h1>News of the harbour</h1>{teasers}</body></html>")
    [found], said = typed(tmp_path, "list.html", "--url", "https://a.test/harbour/")
    assert found["rejected"] == "section"
    assert "harbour" in found["text"] + found["title"]
    assert said == []


def test_what_cannot_be_read_is_named_and_the_rest_is_printed(tmp_path: Path, story: bytes) -> None:
    """A line each on stderr, exit code 9, and a line of nulls on stdout for whatever was named."""
    (tmp_path / "empty.html").write_bytes(b"")
    (tmp_path / "pdf.html").write_bytes(b"%PDF-1.7 \x00\x01\x02")
    (tmp_path / "torn.html.gz").write_bytes(gzip.compress(story + os.urandom(9_000).hex().encode())[:-2_000])
    names = ["missing.html", "empty.html", "pdf.html", "torn.html.gz", "page.html"]
    found, said = typed(tmp_path, *names, code=9)
    assert [one["id"] for one in found] == names
    assert [one["rejected"] for one in found] == ["unreadable", "empty", "not-html", None, None]
    assert all(one.keys() == KEYS for one in found)
    assert found[0]["text"] is None
    assert found[3]["truncated"]
    assert found[3]["title"] == found[4]["title"] is not None
    assert said == [
        "missing.html: No such file or directory",
        "empty.html: empty",
        "pdf.html: not-html",
        "torn.html.gz: is torn, or longer than 10000000 bytes; its first part was read",
        "newswarc: error: 4 could not be read, or not whole; 2 pages were extracted",
    ]


def test_a_manifest_lists_pages_with_ids_of_its_own(tmp_path: Path, story: bytes) -> None:
    """A line each, in its order; what is no such line is named by its number."""
    rows = [
        {"id": "x1", "corpus": "one", "url": foreign.url(1), "html": "page.html"},
        {"html": str(tmp_path / "page.html"), "url": None, "fetched_at": "1999-01-01"},
        {"id": 3, "html": "missing.html"},
        {"id": 4},
    ]
    lines = b"\n\n".join(json.dumps(row).encode() for row in rows) + b"\n[\n\xff\n" + b"[" * 50_000 + b"\n"
    (tmp_path / "list.jsonl").write_bytes(lines)
    for words, stdin in ((("--manifest", "list.jsonl"), b""), (("--manifest", "-"), lines)):
        found, said = typed(tmp_path, *words, stdin=stdin, code=9)
        where = "stdin" if stdin else "list.jsonl"
        assert [(one["id"], one["corpus"]) for one in found] == [("x1", "one"), (str(tmp_path / "page.html"), None), (3, None)]
        assert found[0]["date"]
        assert found[1]["date"] is None, "a page is not published after it was fetched"
        assert said[:2] == [
            f'{where}, line 5: "missing.html": No such file or directory',
            f'{where}, line 7: is no JSON object with the path of a page as "html"',
        ]
        assert said[2:5] == [f"{where}, line {n}: is no JSON" for n in (8, 9, 10)]


def test_a_manifest_is_answered_line_by_line(tmp_path: Path, story: bytes) -> None:
    """Whoever writes the next line only after the answer to the last one gets it."""
    with subprocess.Popen(
        [*COMMAND, "extract", "--workers", "1", "--manifest", "-"],
        cwd=tmp_path, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as asked:  # fmt: skip
        assert asked.stdin
        assert asked.stdout
        for number in range(3):
            asked.stdin.write(json.dumps({"id": number, "html": "page.html"}).encode() + b"\n")
            asked.stdin.flush()
            assert json.loads(asked.stdout.readline())["id"] == number
        asked.stdin.close()
        assert asked.wait(60) == 0


def archive(*more: bytes) -> bytes:
    """A WARC file with two stories, and with what is no page to be extracted."""
    return b"".join(
        foreign.member(record)
        for record in (
            foreign.warcinfo(),
            foreign.response(1, record_id="urn:uuid:11111111-1111-4111-8111-111111111111"),
            foreign.response(2, head=b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n"),
            foreign.response(3, head=b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n", body=b"\x89PNG\r\n\x1a\n"),
            foreign.record("request", foreign.url(1), b"GET / HTTP/1.1\r\n\r\n", content_type="application/http; msgtype=request"),
            foreign.response(4, date="2026-03-02T12:00:00Z"),
            *more,
        )
    )


@pytest.mark.parametrize("name", ["a.warc.gz", "a.warc.gz.open", "without-suffix"])
def test_a_warc_file_gives_its_pages(tmp_path: Path, name: str) -> None:
    """HTML responses with status 200, by record id and in the order of the file, as of their WARC-Date; else nothing."""
    (tmp_path / name).write_bytes(archive())
    found, said = typed(tmp_path, name)
    assert said == []
    assert [one["url"] for one in found] == [foreign.url(1), foreign.url(4)]
    assert found[0]["id"] == "urn:uuid:11111111-1111-4111-8111-111111111111"
    assert all(one["rejected"] is None and one["text"] for one in found)


def test_an_archive_of_ours_gives_what_the_crawl_has_stored(crawled: Desk) -> None:
    """Field by field, with what feeds and sitemaps announced; the home page and sections are told as what they are."""
    found, _ = typed(crawled.folder, "warc")
    columns = sorted(KEYS & {row[1] for row in crawled.rows("PRAGMA table_info(v_articles)")} - {"url", "truncated"})
    assert {"title", "text", "authors", "published_at", "tags", "section"} <= set(columns)
    stored = crawled.rows(f"SELECT warc_record_id, published_local, {', '.join(columns)} FROM v_articles")
    by_id = {one["id"]: one for one in found}
    assert len(stored) == 26
    for record_id, date, *values in stored:
        one = by_id[record_id]
        assert one["rejected"] is None
        expected = [json.dumps(one[name], ensure_ascii=False) if isinstance(one[name], list) else one[name] for name in columns]
        assert (date, values) == (one["date"], expected)
    assert {one["rejected"] for one in found} >= {None, "home"}


def test_an_uncompressed_warc_file_and_records_without_a_place_are_read(tmp_path: Path) -> None:
    """Also several records in one gzip member, as some programs write them."""
    plain = foreign.warcinfo() + foreign.response(1) + foreign.response(4)
    (tmp_path / "plain.warc").write_bytes(plain)
    (tmp_path / "whole.warc.gz").write_bytes(gzip.compress(plain))
    found, said = typed(tmp_path, ".")
    assert said == []
    assert [one["url"] for one in found] == [foreign.url(1), foreign.url(4)] * 2


def test_a_torn_warc_file_gives_what_is_whole(tmp_path: Path) -> None:
    """What cannot be read is named with its offset; a WACZ and a file without pages are named too."""
    whole = archive()
    torn = foreign.member(foreign.response(5))[:-600]
    (tmp_path / "a.warc.gz").write_bytes(whole + torn)
    (tmp_path / "b.wacz").write_bytes(b"PK\x03\x04")
    (tmp_path / "c.warc").write_bytes(b"")
    found, said = typed(tmp_path, ".", code=9)
    assert [one["url"] for one in found] == [foreign.url(1), foreign.url(4)]
    assert said[0].startswith(f"a.warc.gz at offset {len(whole)}: ")
    assert said[1:] == [
        "b.wacz: is a WACZ; unpack it, and name the WARC files in it",
        "c.warc: no page with status 200 in it",
        "newswarc: error: 3 could not be read, or not whole; 2 pages were extracted",
    ]


def test_pages_come_in_the_order_in_which_they_were_given(tmp_path: Path) -> None:
    """However long each takes."""
    lines = []
    for number in range(12):
        size = 200 if number % 3 == 0 else 1
        (tmp_path / f"{number}.html").write_text("<p>" + "The lock at Low Mill was opened again. " * 20 * size)
        lines.append(json.dumps({"id": number, "html": f"{number}.html"}))
    found, _ = typed(tmp_path, "--manifest", "-", "--workers", "3", stdin="\n".join(lines).encode())
    assert [one["id"] for one in found] == list(range(12))


def test_a_page_that_runs_into_a_limit_is_named_and_the_rest_is_read(tmp_path: Path, story: bytes) -> None:
    """It costs its own line only."""
    (tmp_path / "slow.html").write_bytes(b"<body>" + b"<div><p>word word word</p>" * 150_000)
    told: list[Read] = []
    workers = Workers(1, cpu_seconds=0.5, preload=("pipelines.page:warm",))
    try:
        targets = [str(tmp_path / name) for name in ("slow.html", "page.html")]
        read_all(of_targets(targets, "", Terms(AT, 10_000_000)), workers, 4, told.append)
    finally:
        workers.close()
    assert [read.reason for read in told] == ["cpu-limit", None]
    assert told[0].problem == f"{tmp_path}/slow.html: cpu-limit"


def test_text_alone_can_be_printed(tmp_path: Path, story: bytes) -> None:
    """Title, blank line, paragraphs, blank line."""
    [found], _ = typed(tmp_path, "page.html")
    assert run(tmp_path, ["--text", "page.html"]).stdout.decode() == f"{found['title']}\n\n{found['text']}\n\n"


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path, story: bytes) -> None:
    """`newswarc extract ... | head -1` ends quietly, though stdin may bring more."""
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(
        [*COMMAND, "extract", "--manifest", "-"],
        cwd=tmp_path, env=environment(), stdin=subprocess.PIPE, stdout=write, stderr=subprocess.PIPE,
    ) as asked:  # fmt: skip
        os.close(write)
        assert asked.stdin
        asked.stdin.write(b'{"html": "page.html"}\n')
        asked.stdin.flush()
        assert asked.wait(60) == 141
        assert asked.stderr
        assert asked.stderr.read() == b""


def test_markdown_and_blocks_tell_what_each_paragraph_is(tmp_path):
    """Headings, list items and quotes are told apart on request; the text itself is the same."""
    body = f"<h1>{STORY_TITLE}</h1>" + "".join(f"<p>{line}</p>" for line in STORY_LINES[:2])
    body += f"<h2>What follows</h2><p>{STORY_LINES[2]}</p><ul><li>{STORY_LINES[3]}</li><li>{STORY_LINES[4]}</li></ul>"
    head = f"<html><head><title>{STORY_TITLE}</title></head>"
    (tmp_path / "page.html").write_text(f"{head}<body><article>{body}</article></body></html>")
    found = json.loads(run(tmp_path, ["--blocks", "page.html"]).stdout)
    assert [block["kind"] for block in found["blocks"]] == ["p", "p", "h2", "p", "li", "li"]
    assert "\n".join(block["text"] for block in found["blocks"]) == found["text"]
    shown = run(tmp_path, ["--markdown", "page.html"]).stdout.decode()
    assert shown.startswith(f"# {STORY_TITLE}\n\n{STORY_LINES[0]}\n\n")
    assert f"\n\n## What follows\n\n{STORY_LINES[2]}\n\n- {STORY_LINES[3]}\n- {STORY_LINES[4]}\n" in shown


STORY_TITLE = "The mill bridge opens again"
STORY_LINES = [
    "The bridge at the old mill opened again on Monday, two years after a flood had carried its middle arch away.",
    "Masons from three villages had cut the stones by hand, since no machine could reach the place above the weir.",
    "The council wants to keep cars away from it, and asked the farmers on the left bank for their opinion in writing.",
    "Walkers may cross at any hour of the day, and riders have to dismount before the first of the three arches.",
    "Carts with milk and grain are let through in the morning, as they were when the mill was still at work.",
]
