"""What kind of file is given to be ingested: WARC, a WACZ with WARC files in it, or something that cannot be."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from storage.errors import DamageError, UsageError
from storage.foreign.stream import BLANK, GZIP
from storage.warc.file import disk

_LOOKED_AT = 65_536
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")
_INSIDE = re.compile(r"\.(?:warc(?:\.gz)?|wacz)", re.IGNORECASE)
_HEADER = re.compile(rb"WARC/[01]\.\d")
SUFFIXES = (".warc", ".warc.gz", ".wacz", ".arc", ".arc.gz", ".warc.zst")


def is_wacz(path: Path) -> bool:
    """Whether a file is a ZIP, to be opened with `entries`. Raises UsageError, in one line, for what cannot be ingested."""
    with disk("read", path), path.open("rb") as file:
        start = file.read(_LOOKED_AT)
    if start.startswith((_ZIP, _EMPTY_ZIP)):
        return True
    if _ZSTD.match(start):
        raise UsageError(f"{path}: is compressed with zstd; decompress it first (`zstd -d`)")
    plain = _inflated(start) if start.startswith(GZIP) else start
    if plain.lstrip(BLANK).startswith(b"filedesc:"):
        raise UsageError(f"{path}: is an ARC file, which is not read; make it a WARC first (`warcio recompress` does)")
    if start and not _HEADER.search(plain):
        raise UsageError(f"{path}: is no WARC file, and no WACZ")
    return False


def _inflated(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, _LOOKED_AT)
    except zlib.error:
        return b"WARC/1.0"  # damaged: whoever reads on finds what is whole


def entries(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The WARC files in a WACZ, and the WACZ files in one of several, by name. Raises DamageError when it cannot be read."""
    try:
        with disk("read", path), zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if _INSIDE.search(entry.filename[-8:]) and not entry.is_dir():
                    with archive.open(entry) as file:
                        yield entry.filename, file
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise DamageError(f"{path}: is no whole WACZ ({error})") from error
