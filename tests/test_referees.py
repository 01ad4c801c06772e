"""Programs of others find nothing wrong with an archive, its index and its packages."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.desk import Desk
from tests.judged import head_request, judge, written

# warcio 1.8 cannot open a brotli body where the brotli package is installed; without it, it leaves them alone.
WARCIO_CHECK = "import sys; sys.modules['brotli'] = None; from warcio.cli import main; main(['check', *sys.argv[1:]])"


@pytest.fixture(scope="module")
def files(judged: Desk) -> list[Path]:
    """The WARC files of the archive that was crawled, and one with a HEAD."""
    written(judged.folder, head_request())
    found = sorted((judged.folder / "warc").glob("*.warc.gz"))
    assert len(found) > 3
    return found


def wacz_of(desk: Desk, tmp_path: Path, *options: str) -> Path:
    """A package of a collection."""
    path = tmp_path / "all.wacz"
    desk.run("package", "--output", str(path), *options)
    return path


@pytest.mark.parametrize(
    "command",
    [("gzip", "-t"), (sys.executable, "-c", WARCIO_CHECK), (Path(sys.executable).with_name("fastwarc"), "check")],
    ids=["gzip", "warcio", "fastwarc"],
)
def test_every_file_passes(files: list[Path], command: tuple[str, ...]) -> None:
    """`gzip -t`, `warcio check` and `fastwarc check` find nothing in any file."""
    for path in files:
        done = subprocess.run([*command, path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{path}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def lines(text: str) -> list[tuple[str, str, dict[str, str]]]:
    """CDXJ as (key, timestamp, fields)."""
    parts = (line.split(" ", 2) for line in text.splitlines())
    return [(key, timestamp, json.loads(fields)) for key, timestamp, fields in parts]


def test_the_index_is_cdxj_indexers(files: list[Path]) -> None:
    """Our CDXJ is what `cdxj-indexer --sort FILE` writes, line for line, field for field."""
    for path in files:
        ours = path.with_name(path.name.replace(".warc.gz", ".cdxj")).read_text()
        assert lines(ours) == lines(judge("cdxj-indexer", "--sort", path)), path


def test_the_index_of_a_package_is_cdxj_indexers(judged: Desk, tmp_path: Path) -> None:
    """Unpacked and put together, index.cdx.gz is what `cdxj-indexer` writes of the package's own files."""
    with zipfile.ZipFile(wacz_of(judged, tmp_path)) as package:
        package.extractall(tmp_path)
    ours = gzip.decompress((tmp_path / "indexes" / "index.cdx.gz").read_bytes()).decode()
    assert lines(ours) == lines(judge("cdxj-indexer", "--sort", *sorted((tmp_path / "archive").iterdir())))


def test_a_package_is_valid(judged: Desk, tmp_path: Path) -> None:
    """`wacz validate` passes."""
    said = judge("wacz", "validate", "-f", wacz_of(judged, tmp_path))
    assert "Validation succeeded" in said
