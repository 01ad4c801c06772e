"""Articles as streams of lines."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc

import pytest
from sqlalchemy import Engine

from storage.database import views
from storage.database.engine import reading, transaction
from storage.errors import UsageError
from storage.query.export import cell, export
from storage.query.moments import moment
from tests.databases import T0, a_source, a_version, an_article

NAMES = [column.name for column in views.V_ARTICLES.columns]
DAY_LATER = "2026-03-02T12:00:00.000Z"


def fill(engine: Engine, count: int = 5, **fields: object) -> None:
    """Some articles."""
    with transaction(engine) as conn:
        for number in range(count):
            an_article(conn, f"https://gazette.test/{number}", title=f"Title {number}", **fields)


def test_json_lines_hold_every_column_and_real_lists(database: Engine) -> None:
    """One object a line, with the columns of v_articles in their order."""
    fill(database, 1, authors=["Ada Roe", "Bo \u00c5s"], tags=["x"])
    with reading(database) as conn:
        (line,) = export(conn)
    row = json.loads(line)
    assert list(row) == NAMES
    assert (row["authors"], row["tags"], row["section"], row["word_count"]) == (
        ["Ada Roe", "Bo \u00c5s"],
        ["x"],
        None,
        2,
    )
    assert "\u00c5" in line
    assert line.endswith("}\n")


def test_a_line_is_a_line_for_every_reader(database: Engine) -> None:
    """Nothing in a text ends a line or speaks to a terminal."""
    nasty = "a\nb\rc\u2028d\u2029e\x85f\x1b[31mg\x9b2Jh\x7fi"
    fill(database, 1, text=nasty)
    with reading(database) as conn:
        (line,) = export(conn)
    assert len(line.splitlines()) == 1
    assert all(sign.isprintable() for sign in line.rstrip("\n"))
    assert json.loads(line)["text"] == nasty


def test_lines_come_in_the_order_of_changes(database: Engine) -> None:
    """An article that changed last comes last."""
    fill(database, 3)
    with transaction(database) as conn:
        first = json.loads(next(export(conn)))
        a_version(conn, first["uid"], title="Edited")
        rows = [json.loads(line) for line in export(conn)]
    assert [row["title"] for row in rows] == ["Title 1", "Title 2", "Edited"]
    assert [row["changed_seq"] for row in rows] == [2, 3, 4]


def test_since_seq_is_an_exact_feed(database: Engine) -> None:
    """Asking again with the last number brings what changed since, once."""
    fill(database, 3)
    with transaction(database) as conn:
        seen = [json.loads(line)["changed_seq"] for line in export(conn)]
        assert list(export(conn, since_seq=seen[-1])) == []
        an_article(conn, "https://gazette.test/new")
        assert [json.loads(line)["url"] for line in export(conn, since_seq=seen[-1])] == ["https://gazette.test/new"]
        assert len(list(export(conn, since_seq=0))) == 4


def test_source_and_since_choose(database: Engine) -> None:
    """Only of a source; only first seen since a day or moment."""
    with transaction(database) as conn:
        an_article(conn, "https://gazette.test/a", at=T0)
        an_article(conn, "https://tribune.test/a", source="tribune", at=DAY_LATER)

        def chosen(**choice: str) -> list[str]:
            return [json.loads(line)["source"] for line in export(conn, **choice)]

        assert chosen(source="tribune") == ["tribune"]
        assert chosen(since="2026-03-02") == ["tribune"]
        assert chosen(since="2026-03-02T12:00:01Z") == []
        assert chosen(since="2026-03-01", source="gazette") == ["gazette"]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"fmt": "xml"}, "possible: jsonl, csv"),
        ({"source": "gazete"}, "did you mean gazette"),
        ({"since": "yesterday"}, "is no date"),
        ({"since": "2026-13-01"}, "is no date"),
    ],
)
def test_wrong_choices_are_named_before_the_first_line(database: Engine, choice: dict[str, str], words: str) -> None:
    """A slip is an error at once, not an empty export."""
    with transaction(database) as conn:
        a_source(conn)
        with pytest.raises(UsageError, match=words):
            export(conn, **choice)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-03-01", "2026-03-01T00:00:00.000Z"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00.000Z"),
        ("2026-03-01 12:00", "2026-03-01T12:00:00.000Z"),
    ],
)
def test_moments_may_be_written_in_several_ways(said: str, meant: str) -> None:
    """A date, with or without time and offset."""
    assert moment(said) == meant


def test_csv_has_a_header_and_reads_back(database: Engine) -> None:
    """Commas, quotes and line breaks survive; NULL is an empty cell; lists are JSON."""
    fill(database, 2, text='He said, "no".\n\nNext.', authors=["A, B"])
    with reading(database) as conn:
        lines = list(export(conn, fmt="csv"))
    table = list(csv.DictReader(io.StringIO("".join(lines), newline="")))
    assert lines[0] == ",".join(NAMES) + "\n"
    assert [row["title"] for row in table] == ["Title 0", "Title 1"]
    assert table[0]["text"] == 'He said, "no".\n\nNext.'
    assert (json.loads(table[0]["authors"]), table[0]["section"], table[0]["word_count"]) == (["A, B"], "", "2")


@pytest.mark.parametrize(
    "formula",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", '=HYPERLINK("x")'],
)
def test_a_spreadsheet_runs_nothing(database: Engine, formula: str) -> None:
    """Text that would be a formula gets an apostrophe in CSV; JSON lines keep it as it is."""
    fill(database, 1, description=formula)
    with reading(database) as conn:
        (row,) = csv.DictReader(io.StringIO("".join(export(conn, fmt="csv")), newline=""))
        assert row["description"] == f"'{formula}"
        assert json.loads(next(export(conn)))["description"] == formula


@pytest.mark.parametrize("harmless", ["1 = 1", " =1", "a-b", "", None, -1, 7])
def test_harmless_cells_stay_as_they_are(harmless: object) -> None:
    """Numbers and ordinary text are not touched."""
    assert cell(harmless) == harmless


def test_an_export_is_of_one_moment(database: Engine) -> None:
    """What is committed while lines are being taken is not in them."""
    fill(database, 120)
    with reading(database) as conn:
        lines = export(conn)
        titles = [json.loads(next(lines))["title"]]
        with transaction(database) as other:
            uid = json.loads(next(export(other, since_seq=110)))["uid"]
            a_version(other, uid, title="Edited meanwhile")
            an_article(other, "https://gazette.test/new", title="New meanwhile")
        titles += [json.loads(line)["title"] for line in lines]
    assert titles == [f"Title {number}" for number in range(120)]


def test_memory_stays_small(database: Engine) -> None:
    """However many rows there are, few are in memory."""
    fill(database, 150, text="x" * 200_000)
    with reading(database) as conn:
        next(export(conn))
        tracemalloc.start()
        size = sum(map(len, export(conn)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert size > 30_000_000
    assert peak < 22_000_000  # 50 rows of 200 kB, twice while the next are fetched
