"""`make eval`: how good extraction is on the real pages of NEWSWARC_CORPUS, beside plain trafilatura on the same pages.

Runs `newswarc extract` and trafilatura by turns, page by page, on two processors; scores both with the evaluation kit of the
corpus; and prints what is to be reached and what is: on all pages (on which the body's weights were trained), on the third of the
sites that is held out (by a hash of the host), with weights that have not seen them, and on the others. The kit's score.py is
looked for in NEWSWARC_EVALKIT, else in `evalkit` beside the corpus. Exit codes: 0 measured; 2 there is no corpus, or no kit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from scripts.eval_goals import Part, Scores, cpu, table
from scripts.held_out import is_held_out, site_of

Row = dict[str, Any]

OURS = (sys.executable, "-m", "crawler.cli", "extract", "--manifest", "-", "--workers", "1")
UNSEEN = (sys.executable, "-m", "scripts.eval_unseen")
PEER = (sys.executable, "-m", "scripts.eval_peer")
SIDE_BY_SIDE = 2
ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Measure, and print the tables."""
    options = arguments()
    corpus = Path(options.corpus).resolve()
    kit = Path(os.environ.get("NEWSWARC_EVALKIT", corpus.parent / "evalkit")) / "score.py"
    folders = sorted(truth.parent for truth in corpus.glob("*/truth.jsonl"))
    if not folders or not kit.is_file():
        missing = "no corpus there (folders with truth.jsonl); set NEWSWARC_CORPUS" if not folders else "no evaluation kit"
        print(f"{kit if folders else corpus}: {missing}", file=sys.stderr)
        return 2
    rows = [json.loads(line) for line in _run_kit(kit, "manifest", *folders).splitlines()]
    ours, theirs = measured(rows, alone=options.alone)
    if options.predictions:
        options.predictions.write_text(_lines(ours), "utf-8")
    report(ours, theirs, unseen(rows), Kit(kit, folders, rows), worst=options.worst)
    return 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.eval_extract", description=__doc__)
    parser.add_argument("corpus", nargs="?", default=os.environ.get("NEWSWARC_CORPUS", "../shared/corpus"))
    parser.add_argument("--alone", action="store_true", help="without trafilatura: half as long")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="also the N pages of each corpus with the lowest body F")
    parser.add_argument("--predictions", type=Path, metavar="FILE", help="keep what `newswarc extract` printed")
    return parser.parse_args()


# --- measuring --------------------------------------------------------------------------------------------------------


def measured(rows: Sequence[Row], *, alone: bool) -> tuple[list[Row], list[Row]]:
    """What newswarc and trafilatura give for each page of a manifest, in its order."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        shares = [rows[number::SIDE_BY_SIDE] for number in range(SIDE_BY_SIDE)]
        halves = list(pool.map(lambda share: _by_turns(share, alone=alone), shares))
    order = {(row["corpus"], row["id"]): number for number, row in enumerate(rows)}
    both = [[answer for half in halves for answer in half[which]] for which in (0, 1)]
    return tuple(sorted(found, key=lambda row: order[row["corpus"], row["id"]]) for found in both)  # type: ignore[return-value]


def unseen(rows: Sequence[Row]) -> list[Row]:
    """What newswarc gives for the pages held out, with weights that have not seen their sites."""
    with ExitStack() as opened:
        ask = _asked(UNSEEN, opened)
        return [ask(row) for row in rows if is_held_out(site_of(row))]


def _by_turns(rows: Sequence[Row], *, alone: bool) -> tuple[list[Row], list[Row]]:
    """One page after the other, each read by both before the next; they take turns in being first."""
    ours: list[Row] = []
    theirs: list[Row] = []
    with ExitStack() as opened:
        turns = [(_asked(OURS, opened), ours)] + ([] if alone else [(_asked(PEER, opened), theirs)])
        for row in rows:
            for ask, found in turns:
                found.append(ask(row))
            turns.reverse()
    return ours, theirs


def _asked(command: Sequence[str], opened: ExitStack) -> Callable[[Row], Row]:
    """A process that answers lines with lines."""
    process = opened.enter_context(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    def ask(row: Row) -> Row:
        print(json.dumps(row), file=stdin, flush=True)
        answer = stdout.readline()
        if not answer:
            raise SystemExit(f"{' '.join(command)}: ended early")
        return json.loads(answer)  # type: ignore[no-any-return]

    return ask


# --- scoring ----------------------------------------------------------------------------------------------------------


class Kit:
    """The evaluation kit on a corpus."""

    def __init__(self, script: Path, folders: Sequence[Path], rows: Sequence[Row]) -> None:
        self.script = script
        self.folders = folders
        self._sites = {(row["corpus"], row["id"]): site_of(row) for row in rows}

    def part(self, name: str, ours: Sequence[Row], theirs: Sequence[Row], wanted: Callable[[str], bool]) -> Part:
        """The scores of the pages whose site is wanted."""
        with tempfile.TemporaryDirectory() as scratch:
            folders = [self._reduced(folder, Path(scratch) / folder.name, wanted) for folder in self.folders]
            pages = sum(wanted(site) for site in self._sites.values())
            return Part(name, pages, self._scores(ours, folders), self._scores(theirs, folders) if theirs else None)

    def _reduced(self, folder: Path, into: Path, wanted: Callable[[str], bool]) -> Path:
        """A corpus of the pages that are wanted; scoring needs their truth alone."""
        into.mkdir()
        lines = (folder / "truth.jsonl").read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if wanted(self._sites[folder.name, json.loads(line)["id"]])]
        (into / "truth.jsonl").write_text("".join(kept), "utf-8")
        return into

    def _scores(self, predictions: Iterable[Row], folders: Sequence[Path]) -> Scores:
        return json.loads(self.said(predictions, folders, "--json"))  # type: ignore[no-any-return]

    def said(self, predictions: Iterable[Row], folders: Sequence[Path], *options: str) -> str:
        """What score.py prints."""
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".jsonl") as file:
            file.write(_lines(predictions))
            file.flush()
            return _run_kit(self.script, "score", *options, file.name, *folders)


def _run_kit(script: Path, *arguments: str | Path) -> str:
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def _lines(rows: Iterable[Row]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


# --- reporting --------------------------------------------------------------------------------------------------------


def report(ours: Sequence[Row], theirs: Sequence[Row], untrained: Sequence[Row], kit: Kit, *, worst: int) -> None:
    """Rejected pages, precision and recall, the goals, the cost."""
    rejected = [row for row in ours if row["rejected"]]
    for row in rejected:
        print(f"rejected  {row['rejected']:16} {row['corpus']}/{row['id']}  {row['url']}")
    print(f"accepted  {len(ours) - len(rejected)} of {len(ours)} = {1 - len(rejected) / len(ours):.4f}")
    exact = sum(row["published_precision"] in ("second", "minute") for row in ours)
    print(f"moments   {exact} with time and zone, {sum(bool(row['date']) for row in ours)} with a day\n")
    print(kit.said(ours, kit.folders, *(["--worst", str(worst)] if worst else [])))
    whole = kit.part("all", ours, theirs, lambda _: True)
    held_out = kit.part("held out", untrained, theirs, is_held_out)
    others = kit.part("others", ours, theirs, lambda site: not is_held_out(site))
    print("\n".join(table([whole, held_out, others])), end="\n\n")
    print("\n".join(cpu(*([row["ms"] for row in rows if row["ms"] is not None] for rows in (ours, theirs)))))


if __name__ == "__main__":
    sys.exit(main())
