"""`make eval`: an invented corpus, read by both extractors and scored by a kit of two figures."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import foreign_files as foreign
import pytest
from newsroom.stories import templated

from scripts.eval_extract import is_held_out, site_of
from scripts.eval_goals import GOALS, Goal, Part, cpu, table

ROOT = Path(__file__).resolve().parent.parent
KIT = """
import json, sys
from pathlib import Path
what, *rest = sys.argv[1:]
folders = [Path(one) for one in rest if Path(one).is_dir()]
truth = {folder.name: [json.loads(line) for line in open(folder / "truth.jsonl")] for folder in folders}
if what == "manifest":
    for folder in folders:
        for row in truth[folder.name]:
            page = {"html": str(folder / "html" / f"{row['id']}.html.gz"), "corpus": folder.name}
            print(json.dumps({"id": row["id"], "url": row["url"], **page}))
else:
    lines = [one for one in rest if one.endswith("jsonl")]
    got = {(row["corpus"], row["id"]): row for row in map(json.loads, open(lines[0]))}
    share = lambda name, rows: sum(got[name, row["id"]].get("title") == row["title"] for row in rows) / max(1, len(rows))
    found = {name: {"n": len(rows), "title": share(name, rows), "empty": 0} for name, rows in truth.items()}
    print(json.dumps(found) if "--json" in rest else f"kit {rest[0]}")
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Six stories of the newsroom, two of them on a site of their own, and a kit beside them."""
    folder = tmp_path / "corpus" / "fundus_tests"
    (folder / "html").mkdir(parents=True)
    (tmp_path / "evalkit").mkdir()
    (tmp_path / "evalkit" / "score.py").write_text(KIT)
    with (folder / "truth.jsonl").open("w") as truth:
        for number in range(1, 7):
            url = foreign.url(number) if number > 2 else f"https://other.test/{number}"
            truth.write(json.dumps({"id": f"p{number}", "url": url, "title": templated(number).title}) + "\n")
            (folder / "html" / f"p{number}.html.gz").write_bytes(gzip.compress(foreign.html(number)))
    return folder.parent


def evaluated(*words: str) -> subprocess.CompletedProcess[str]:
    """The command, without an environment of its own."""
    command = [sys.executable, "-m", "scripts.eval_extract", *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSWARC_")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_both_extractors_are_measured_on_all_pages_and_on_parts(corpus: Path, tmp_path: Path) -> None:
    """A line a goal with the figures of both, the rejected pages, and the cost; every page is in one part of two."""
    done = evaluated(str(corpus), "--predictions", str(tmp_path / "kept.jsonl"))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "accepted  6 of 6 = 1.0000" in lines
    [title] = [line for line in lines if line.startswith("| title | fundus_tests | ≥ 0.940 | ")]
    assert title.split(" | ")[4:6] == ["1.000", "reached"]
    assert sum(line.startswith("| ") for line in lines) == len(GOALS) + 2
    assert len([line for line in lines if line.startswith("CPU a page, ") and "trafilatura" in line]) == 2
    kept = [json.loads(line) for line in (tmp_path / "kept.jsonl").read_text().splitlines()]
    assert [row["id"] for row in kept] == [f"p{number}" for number in range(1, 7)]


def test_newswarc_can_be_measured_alone(corpus: Path) -> None:
    """For those who work on it: half as long. What the kit is to show of the worst pages is passed on."""
    done = evaluated(str(corpus), "--alone", "--worst", "3")
    assert done.returncode == 0
    assert "pages: trafilatura" not in done.stdout
    assert "kit --worst" in done.stdout


def test_without_a_corpus_or_a_kit_a_line_says_so(corpus: Path, tmp_path: Path) -> None:
    """Exit code 2."""
    done = evaluated(str(tmp_path))
    said = f"{tmp_path}: no corpus there (folders with truth.jsonl); set NEWSWARC_CORPUS\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)
    (tmp_path / "evalkit" / "score.py").unlink()
    done = evaluated(str(corpus))
    assert (done.returncode, done.stderr) == (2, f"{tmp_path}/evalkit/score.py: no evaluation kit\n")


def test_a_third_of_the_sites_is_held_out() -> None:
    """By the host alone, so that a site is never in both parts; a page without an address is a site of its own."""
    held = [is_held_out(f"www.paper{number}.test") for number in range(3_000)]
    assert 900 < sum(held) < 1_100
    assert site_of({"id": "a", "url": "https://www.paper.test/x"}) == "paper.test"
    assert site_of({"id": "a", "url": None}) == "a"


def test_a_goal_is_reached_as_exactly_as_it_is_shown() -> None:
    """At least or at most; what was not scored is neither."""
    least, most = Goal("title", "title", "one", 0.94), Goal("date wrong", "wrong", "one", 0.015, at_most=True)
    assert [least.reached(figure) for figure in (0.9394, 0.9396, 0.95)] == [False, True, True]
    assert [most.reached(figure) for figure in (0.0156, 0.0154, 0)] == [False, True, True]
    assert Goal("empty pages", "empty", "", 0, at_most=True).figure({"one": {"empty": 1}, "two": {"empty": 2}}) == 3
    lines = list(table([Part("all", 5, {"aeb": {"F": 0.9749}}, None)]))
    assert "| body F | aeb | ≥ 0.975 | 0.975 | reached |" in lines
    assert "| title | fundus_tests | ≥ 0.940 |  |  |" in lines


def test_the_cost_is_told_as_a_share_of_the_peers() -> None:
    """Mean and median each have to be at most half."""
    lines = list(cpu([10, 20, 60], [50, 50, 50]))
    assert lines[0].endswith("0.60 of it (≤ 0.5: no)")
    assert lines[1].endswith("0.40 of it (≤ 0.5: reached)")
    assert list(cpu([10], [])) == ["CPU a page, mean: 10.0 ms", "CPU a page, median: 10.0 ms"]
