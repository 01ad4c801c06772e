"""What a very long answer costs in memory: fetched, shown, and verified, by the real command."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.desk import Desk
from tests.runner import environment

LONG, SHORT = 200_000_000, 2_000  # bytes
MOST = 32 << 20  # bytes that the long one may add to the peak
BLOCK = random.Random(7).randbytes(1 << 16)  # as an archive or a film: nothing that a compressor could shorten
MEASURED = """
import sys
from crawler.cli import main
code = main()
print(open("/proc/self/status").read(), file=sys.stderr)
sys.exit(code)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        """`/length/N` and `/chunked/N` are N bytes; there is no robots.txt."""
        if self.path == "/robots.txt":
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        _, form, size = self.path.split("/")
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header(*(("Transfer-Encoding", "chunked") if form == "chunked" else ("Content-Length", size)))
        self.end_headers()
        for start in range(0, int(size), len(BLOCK)):
            piece = BLOCK[: int(size) - start]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if form == "chunked" else piece)
        if form == "chunked":
            self.wfile.write(b"0\r\n\r\n")


@dataclass(frozen=True)
class Command:
    """A collection of a server that sends as many bytes as it is asked for."""

    desk: Desk
    site: str

    def peak(self, *words: str, sink: Path) -> int:
        """The peak of the main process's memory, in bytes, in a command; what it prints goes to a file."""
        with sink.open("wb") as out:
            done = subprocess.run(
                [sys.executable, "-c", MEASURED, *words],
                cwd=self.desk.folder,
                env=environment(),
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
                timeout=240,
                check=False,
            )
        assert done.returncode == 0, done.stderr
        return int(re.search(r"VmHWM:\s+(\d+) kB", done.stderr)[1]) * 1024  # type: ignore[index]


@pytest.fixture
def command(desk: Desk) -> Iterator[Command]:
    """With limits that let all of the long answer in."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    site = f"http://127.0.0.1:{server.server_port}"
    desk.configure(("s", f"{site}/"), allow=json.dumps(["127.0.0.1"]), crawl="max_capture_bytes = 300_000_000\nworkers = 1")
    yield Command(desk, site)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("form", ["length", "chunked"])
def test_200_megabytes_cost_little_memory(command: Command, tmp_path: Path, form: str) -> None:
    """Beside a short answer, 200 MB add at most 32 MB to the peak: of the crawl, of `show --raw`, of `verify`."""
    sink = tmp_path / "sink"
    peaks: dict[int, list[int]] = {}
    for size in (SHORT, LONG):
        url = f"{command.site}/{form}/{size}"
        fetch, verify = command.peak("fetch", "-q", url, sink=sink), command.peak("verify", sink=sink)
        peaks[size] = [fetch, verify, command.peak("show", "--raw", url, sink=sink)]
        assert sink.stat().st_size > size
    assert command.desk.one("SELECT count(*) FROM captures WHERE truncated IS NULL AND warc_length > ?", LONG) == 1
    added = [long - short for short, long in zip(peaks[SHORT], peaks[LONG], strict=True)]
    assert max(added) <= MOST, added
