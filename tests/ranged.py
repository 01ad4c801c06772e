"""Files of some folders over HTTP on loopback, whole or in ranges, as a reader of WACZ files asks for them."""

from __future__ import annotations

import mimetypes
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Answering(BaseHTTPRequestHandler):
    folders: tuple[Path, ...] = ()
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = next((one for one in self._paths() if one.is_file()), None)
        content = b"" if path is None else path.read_bytes()
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        start, end = _span(asked, len(content)) if asked else (0, len(content))
        self.send_response(404 if path is None else 206 if asked else 200)
        self.send_header("Content-Type", mimetypes.guess_type(str(path))[0] or "application/octet-stream")
        self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[start:end])

    do_HEAD = do_GET  # noqa: N815 - the library's name

    def _paths(self) -> Iterator[Path]:
        name = unquote(urlsplit(self.path).path).lstrip("/") or "index.html"
        return (folder / name for folder in self.folders)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _span(asked: re.Match[str], size: int) -> tuple[int, int]:
    if not asked[1]:
        return max(0, size - int(asked[2])), size
    return int(asked[1]), min(size, int(asked[2]) + 1) if asked[2] else size


@contextmanager
def serving_files(*folders: Path) -> Iterator[str]:
    """A server of what lies in these folders; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answering", (_Answering,), {"folders": folders}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
