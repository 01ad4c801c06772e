from __future__ import annotations

import gzip
import json
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import foreign_files as foreign
import pytest
from desk import COMMAND, environment

from pipelines.page import RawPage, read_article
from storage.records import Candidate

CASES = foreign.cases()


@dataclass
class Collection:
    """A collection in a folder, and its command line."""

    folder: Path

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """A command in it."""
        command = [*COMMAND, *map(str, words), "--collection", str(self.folder)]
        return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=240, check=False)

    def ingest(self, *words: str | Path, code: int = 0) -> dict[str, Any]:
        """What `ingest --json` says."""
        done = self.run("ingest", "--json", *words)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        with closing(sqlite3.connect(self.folder / "news.db")) as database:
            return database.execute(query, values).fetchall()


def made(folder: Path, settings: str = "") -> Collection:
    """A new collection."""
    (folder / "warc").mkdir(parents=True)
    (folder / "newswarc.toml").write_text(f'[collection]\nname = "c"\n[crawl]\nworkers = 1\n{settings}')
    return Collection(folder)


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """An empty collection."""
    return made(tmp_path / "c")


def warc(folder: Path, *numbers: int, name: str = "other.warc.gz", day: int = 1) -> Path:
    """A file of some stories."""
    path = folder / name
    date = f"2026-03-{day:02d}T12:00:00Z"
    path.write_bytes(foreign.members(foreign.warcinfo(), *(foreign.response(number, date=date) for number in numbers)))
    return path


def page(url: str, body: bytes, *, date: str, head: bytes = foreign.HEAD) -> bytes:
    """A response record with a body of one's own."""
    return foreign.record("response", url, head + b"\r\n" + body, date=date)


# ---- what others write


@dataclass
class Told:
    """What was said of one file."""

    added: int = 0
    malformed: int = 0
    unresolved: int = 0


class All:
    """Every hard input, ingested at once."""

    def __init__(self, root: Path) -> None:
        self.collection = made(root / "c")
        folder = root / "files"
        folder.mkdir()
        paths = {name: folder / f"{number:03d}{case.suffix}" for number, (name, case) in enumerate(CASES.items())}
        for name, path in paths.items():
            path.write_bytes(CASES[name].data)
        self.files = self.collection.ingest(folder, code=9)["files"]
        self.paths = {str(path): name for name, path in paths.items()}
        self.texts = dict(self.collection.rows(
            "SELECT a.url, e.text FROM articles a JOIN versions v ON v.article_id = a.id AND v.number = a.version"
            " JOIN extractions e ON e.id = v.extraction_id"
        ))

    def told(self, name: str) -> Told:
        """What was said of the file of a case, or of the files in it."""
        told = Told()
        for file in self.files:
            if self.paths[file["file"].partition("!")[0]] == name:
                told.added += file["outcomes"].get("added", 0)
                told.malformed += len(file["malformed"])
                told.unresolved += file["unresolved"]
        return told


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> All:
    """The collection that has them all."""
    return All(tmp_path_factory.mktemp("all"))


def text_of(number: int) -> str:
    """What is read from a story's page when it is crawled."""
    raw = foreign.HEAD + b"\r\n" + foreign.html(number)
    url = foreign.url(number)
    result = read_article(RawPage(url, url, "2026-03-01T12:00:00.000Z", raw, truncated=False, limit=10_000_000)).result
    assert isinstance(result, Candidate)
    return result.text


@pytest.mark.parametrize("name", CASES)
def test_every_article_in_a_hard_input_is_stored(everything: All, name: str) -> None:
    """Nothing that others write keeps an article from being stored; what cannot be read is counted."""
    case = CASES[name]
    assert everything.told(name) == Told(len(case.stories), case.malformed, case.unresolved)
    for number in case.stories:
        [text] = [text for url, text in everything.texts.items() if url.startswith(foreign.url(number))]
        assert text == text_of(number)
