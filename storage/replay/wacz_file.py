"""A WACZ as a ZIP file: members one after the other, each counted and hashed while it is written (WACZ 1.1.1, 5)."""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from storage.times import parse
from storage.warc.format import pieces

WACZ_VERSION = "1.1.1"


class Member:
    """A file in the package, being written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Some more of it."""
        self._file.write(data)
        self._sha256.update(data)
        self.size += len(data)

    @property
    def hash(self) -> str:
        """As a data package writes it."""
        return f"sha256:{self._sha256.hexdigest()}"


class WaczFile:
    """The package, written to a new seekable file; `created` is the moment that its members bear.

    To be left by `finish`, or else by an exception.
    """

    def __init__(self, file: IO[bytes], created: str) -> None:
        self._zip = zipfile.ZipFile(file, "w", allowZip64=True)
        self._created = created
        self._resources: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._zip.fp = None  # its destructor would try to end a file that is closed by then

    @contextmanager
    def member(self, path: str, *, deflated: bool = False, at_least: int = 0) -> Iterator[Member]:
        """A file to write. What readers seek in, WARC files and compressed indexes, is stored as it is.

        `at_least` is how long it will be, as far as that is known: one of more than 2 GiB must be announced. It is not announced
        to be on the safe side, since ReplayWeb.page then looks for shorter ones at the wrong place.
        """
        large = at_least > zipfile.ZIP64_LIMIT
        with self._zip.open(self._entry(path, deflated=deflated), "w", force_zip64=large) as file:
            member = Member(file)
            yield member
        name = path.rpartition("/")[2]
        self._resources.append({"name": name, "path": path, "hash": member.hash, "bytes": member.size})

    @contextmanager
    def spooled(self, path: str, folder: Path, *, deflated: bool = False) -> Iterator[Member]:
        """A file of any length to write; it goes into the package once its length is known, and lies in `folder` until then."""
        with tempfile.TemporaryFile(dir=folder) as spool:
            yield (spooled := Member(spool))
            with self.member(path, deflated=deflated, at_least=spooled.size) as member:
                for piece in pieces(spool, 0, spooled.size):
                    member.write(piece)

    def finish(self, about: Mapping[str, Any]) -> None:
        """The list of all members with their digests, its own digest, and the end of the ZIP file."""
        described = {"profile": "data-package", "wacz_version": WACZ_VERSION, **about, "created": self._created}
        package = _json(described | {"resources": self._resources})
        digest = {"path": "datapackage.json", "hash": f"sha256:{hashlib.sha256(package).hexdigest()}"}
        for path, content in (("datapackage.json", package), ("datapackage-digest.json", _json(digest))):
            self._zip.writestr(self._entry(path, deflated=True), content)
        self._zip.close()

    def _entry(self, path: str, *, deflated: bool) -> zipfile.ZipInfo:
        moment = parse(self._created)
        entry = zipfile.ZipInfo(path, (max(1980, moment.year), *moment.timetuple()[1:6]))
        entry.compress_type = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
        entry.external_attr = 0o644 << 16
        return entry


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode()
