"""A purge: what referred to the bytes that go keeps what was served, and a kill at any step is put right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from replayed import replayed
from test_storage_dedupe import LONG, NOT_MODIFIED, again, fetch

from storage.archive import purge
from storage.database.engine import reading, transaction
from storage.errors import DamageError, UsageError
from storage.frontier import withdrawals
from storage.frontier.withdrawals import Withdrawal
from storage.recovery.recover import recover
from tests.archives import SITE, Archive, page


@pytest.fixture
def run(archive: Archive) -> Archive:
    """Four URLs with one payload, in two files; the first file has the original."""
    archive.begin("R1")
    fetch(archive, "/a", LONG)
    fetch(archive, "/other", page("Another story."))
    fetch(archive, "/b", again(LONG))
    archive.end()
    archive.begin("R2")
    fetch(archive, "/c", again(LONG, b"X-Third: 1"))
    fetch(archive, "/b", NOT_MODIFIED)
    archive.end()
    return archive


def withdraw(archive: Archive, path: str) -> Withdrawal:
    """Hide what was captured under a URL."""
    with reading(archive.engine) as conn:
        found = withdrawals.named(conn, SITE + path, "asked for", "id-1", archive.tick())
    assert found is not None
    with transaction(archive.engine) as conn:
        withdrawals.apply(conn, found)
    return found


def served(archive: Archive) -> dict[tuple[str, str], bytes]:
    """What was served, by URL and date."""
    return {(one.get("WARC-Target-URI"), one.get("WARC-Date")): one.block for one in replayed(archive.files())}


def test_revisits_keep_what_was_served(run: Archive) -> None:
    """The first of them holds the payload now, the others refer to that one; nothing else has changed."""
    before = served(run)
    purge.purge(run.engine, run.folder, withdraw(run, "/a"), run.tick())
    after = served(run)
    assert after == {place: block for place, block in before.items() if place[0] != f"{SITE}/a"}
    types = run.rows("SELECT url, record_type FROM captures ORDER BY fetched_at")
    assert types == [
        (f"{SITE}/other", "response"),
        (f"{SITE}/b", "response"),
        (f"{SITE}/c", "revisit"),
        (f"{SITE}/b", "revisit"),
    ]
    [[heir]] = run.rows("SELECT warc_record_id FROM captures WHERE record_type = 'response' AND url LIKE '%/b'")
    assert run.rows("SELECT DISTINCT revisit_of FROM captures WHERE record_type = 'revisit'") == [(heir,)]
    assert run.faults() == []


def test_a_revisit_goes_alone(run: Archive) -> None:
    """Its original, of another URL, stays as it is."""
    before = served(run)
    purge.purge(run.engine, run.folder, withdraw(run, "/c"), run.tick())
    assert served(run) == {place: block for place, block in before.items() if place[0] != f"{SITE}/c"}
    assert run.faults() == []


def test_a_file_with_nothing_else_goes_whole(archive: Archive) -> None:
    """No empty file takes its place."""
    archive.begin("R1")
    fetch(archive, "/a", LONG)
    archive.do(lambda _: archive.writer.close())
    purge.purge(archive.engine, archive.folder, withdraw(archive, "/a"), archive.tick())
    assert archive.files() == []
    assert archive.rows("SELECT state, replaced_by FROM warc_files") == [("withdrawn", None)]
    assert archive.faults() == []


def test_a_file_that_is_elsewhere_is_not_touched(run: Archive) -> None:
    """It has to be brought back first; nothing was changed."""
    found = withdraw(run, "/a")
    run.edit("UPDATE warc_files SET state = 'elsewhere', place = 'tape 7' WHERE id = 1")
    before = run.files()
    with pytest.raises(UsageError, match="is in tape 7; bring it into"):
        purge.purge(run.engine, run.folder, found, run.tick())
    assert run.files() == before


def test_a_damaged_file_is_not_touched(run: Archive) -> None:
    """What cannot be read cannot be told from what has to go."""
    found, path = withdraw(run, "/a"), run.files()[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamageError, match="verify --repair"):
        purge.purge(run.engine, run.folder, found, run.tick())
    assert path.read_bytes() == content


def _before_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "_forget", _killed)


def _before_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "finish", _killed)


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("step", "done"), [(_before_commit, False), (_before_rename, True)])
def test_a_kill_is_put_right_by_the_next_run(
    run: Archive, monkeypatch: pytest.MonkeyPatch, step: Callable[[pytest.MonkeyPatch], None], done: bool
) -> None:
    """Before the rows are committed nothing has happened; after it the files are given their places."""
    found, before = withdraw(run, "/a"), served(run)
    with monkeypatch.context() as patched:
        step(patched)
        with pytest.raises(KeyboardInterrupt):
            purge.purge(run.engine, run.folder, found, run.tick())
    recover(run.engine, run.folder, run.tick())
    assert not (run.folder / purge.FOLDER).exists()
    assert (f"{SITE}/a" in {url for url, _ in served(run)}) is not done
    assert {place: block for place, block in before.items() if place[0] != f"{SITE}/a"}.items() <= served(run).items()
    assert run.faults() == []
