"""pywb replays what is archived: every URL, with the status and the bytes served."""

from __future__ import annotations

import http.client
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from replayed import replayed
from warcio.bufferedreaders import ChunkedDataReader

from tests.desk import Desk
from tests.judged import head_request, judge, replaying, wayback, written

# Answers that no server can say again: they contradict themselves, or HTTP. pywb's own server fails on them.
UNSAYABLE = {"/odd-names", "/chunked-with-length", "/204-excess", "/304-with-length"}
BODILESS = {204, 304}
HEAD = head_request().url  # its answer has no body, as pywb's to another HEAD


@dataclass(frozen=True)
class Served:
    """What a server said: status, and the body as transferred but without chunk framing."""

    status: int
    body: bytes


def of_block(block: bytes) -> Served:
    """How a client of HTTP/1.1 reads a response block."""
    head, _, body = re.split(rb"(\r?\n\r?\n)", block, maxsplit=1)
    status = int(block.split(None, 2)[1])
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    if status in BODILESS:
        body = b""
    elif re.search(rb"(?im)^transfer-encoding: *chunked", head):
        body = ChunkedDataReader(BytesIO(body), decomp_type=None).read()
    elif length:
        body = body[: int(length[1])]
    return Served(status, body)


def archived(folder: Path) -> dict[tuple[str, str], list[Served]]:
    """(timestamp, URL) -> the answers with them, revisits joined with their payload."""
    found: dict[tuple[str, str], list[Served]] = defaultdict(list)
    for record in replayed(sorted(folder.glob("*.warc.gz"))):
        timestamp = re.sub(r"\D", "", record.get("WARC-Date"))[:14]
        found[timestamp, record.get("WARC-Target-URI")].append(of_block(record.block))
    return found


def asked(address: str, timestamp: str, url: str) -> Served:
    """What pywb answers for the bytes as they were."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        path = f"{parts.path}/{timestamp}id_/{url}"
        connection.request(
            "HEAD" if url == HEAD else "GET", path, headers={"Accept-Encoding": "gzip, deflate, br, zstd"}
        )
        answer = connection.getresponse()
        return Served(answer.status, answer.read())
    except (OSError, http.client.HTTPException) as error:
        return Served(0, repr(error).encode())
    finally:
        connection.close()


def differences(address: str, captures: dict[tuple[str, str], list[Served]]) -> Iterator[str]:
    """Every capture that is not replayed as it is archived."""
    for (timestamp, url), served in captures.items():
        said = None if urlsplit(url).path in UNSAYABLE else asked(address, timestamp, url)
        if said is not None and said not in served:
            yield f"{timestamp} {url}: {said.status} {said.body[:80]!r}, not {[(one.status, one.body[:80]) for one in served]}"


@pytest.fixture(autouse=True)
def _many_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http.client, "_MAXHEADERS", 1_000)


def test_pywb_replays_the_collection(judged: Desk) -> None:
    """Each capture, at its very second, has the status and the body that were served; no file is copied for that."""
    written(judged.folder, head_request())
    captures = archived(judged.folder / "warc")
    statuses = Counter(one.status for served in captures.values() for one in served)
    assert {200, 204, 301, 304, 404, 410, 500} <= set(statuses)
    assert judged.one("SELECT count(*) FROM captures WHERE record_type = 'revisit'") > 10
    with replaying(judged.folder) as address:
        wrong = list(differences(address, captures))
    assert not wrong, "\n".join(wrong)


def test_pywb_replays_a_package(judged: Desk, tmp_path: Path) -> None:
    """So is a WACZ that `wb-manager add --unpack-wacz` took apart: it holds all that its captures refer to."""
    judged.run("package", "--output", str(tmp_path / "all.wacz"))
    judge("wb-manager", "init", "packed", cwd=tmp_path)
    judge("wb-manager", "add", "packed", tmp_path / "all.wacz", "--unpack-wacz", cwd=tmp_path)
    captures = archived(tmp_path / "collections" / "packed" / "archive")
    assert len(captures) > 50
    with wayback(tmp_path) as address:
        wrong = list(differences(f"{address}/packed", captures))
    assert not wrong, "\n".join(wrong)


def test_files_of_all_states_are_replayed_and_what_is_withdrawn_is_not(judged: Desk, tmp_path: Path) -> None:
    """One that lies elsewhere on the disk, one that is still being written, one in its place; a withdrawn URL is not there."""
    desk = Desk(Path(shutil.copytree(judged.folder, tmp_path / "news")))
    captures = archived(desk.folder / "warc")
    moved, still_open, *_ = sorted(path.name for path in (desk.folder / "warc").glob("newswarc-2*.warc.gz"))
    attic = tmp_path / "attic"
    attic.mkdir()
    for path in (desk.folder / "warc").glob(f"{moved.removesuffix('.warc.gz')}.*"):
        path.rename(attic / path.name)
    desk.write("UPDATE warc_files SET place = ? WHERE name = ?", str(attic / moved), moved)
    opened(desk.folder / "warc" / still_open)
    withdrawn = desk.one("SELECT max(url) FROM captures WHERE http_status = 200 AND kind = 'article'")
    desk.write("UPDATE captures SET withdrawn_at = '2026-03-01T12:00:00.000Z' WHERE url = ?", withdrawn)
    hidden = {place for place in captures if place[1] == withdrawn}
    with replaying(desk.folder) as address:
        wrong = list(differences(address, {place: served for place, served in captures.items() if place not in hidden}))
        assert {asked(address, *place).status for place in hidden} == {404}
    assert not wrong, "\n".join(wrong)


def opened(path: Path) -> None:
    """Make of a closed file and its index what they were while they were being written."""
    index = path.with_name(path.name.replace(".warc.gz", ".cdxj"))
    lines = index.read_bytes().splitlines(keepends=True)
    index.with_name(f"{index.name}.open").write_bytes(b"".join(reversed(lines)) + b"com,half a li")
    index.unlink()
    path.rename(f"{path}.open")
