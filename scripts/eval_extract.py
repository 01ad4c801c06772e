"""Run extract() over a corpus of real pages and print the table of its evaluation kit.

Usage: NEWSWARC_CORPUS=FOLDER eval_extract.py [--bare] [--predictions FILE]; the kit's score.py is looked for in
NEWSWARC_EVALKIT, else in `evalkit` beside the corpus. --bare also times trafilatura with metadata on the same pages.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from multiprocessing import Pool
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from trafilatura import bare_extraction

from pipelines.extract import extract
from storage.records import NoArticle, Page

FETCHED_AT = "2026-11-01T00:00:00.000Z"
Row = dict[str, Any]


def main() -> None:
    """Print the rejected pages, the share accepted, the cost, and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--predictions", type=Path)
    arguments = parser.parse_args()
    corpus = Path(os.environ["NEWSWARC_CORPUS"])
    score = Path(os.environ.get("NEWSWARC_EVALKIT", corpus.parent / "evalkit")) / "score.py"
    folders = sorted(str(folder.parent) for folder in corpus.glob("*/truth.jsonl"))
    rows = [json.loads(line) for line in _kit(score, "manifest", *folders).splitlines()]
    with Pool(2) as pool:
        results = pool.map(_run, [(row, arguments.bare) for row in rows], chunksize=4)
    _report(results, bare=arguments.bare)
    with tempfile.TemporaryDirectory() as scratch:
        predictions = arguments.predictions or Path(scratch) / "predictions.jsonl"
        predictions.write_text("".join(json.dumps(result) + "\n" for result in results), "utf-8")
        print(_kit(score, "score", str(predictions), *folders))


def _kit(score: Path, *arguments: str) -> str:
    return subprocess.run([sys.executable, str(score), *arguments], capture_output=True, text=True, check=True).stdout


def _run(task: tuple[Row, bool]) -> Row:
    row, bare = task
    body = gzip.decompress(Path(row["html"]).read_bytes())
    started = time.process_time()
    result = extract(Page(row["url"] or "", row["url"] or "", FETCHED_AT, 200, "text/html", body), None)
    spent = (time.process_time() - started) * 1000
    return {
        "id": row["id"],
        "corpus": row["corpus"],
        "url": row["url"],
        "ms": spent,
        **_fields(result),
        **(_bare(body, row["url"]) if bare else {}),
    }


def _fields(result: object) -> Row:
    if isinstance(result, NoArticle):
        return {"reason": result.reason}
    names = ("text", "title", "authors", "published_precision", "language", "canonical_url", "provenance")
    return {**{name: getattr(result, name) for name in names}, "date": getattr(result, "published_local", None)}


def _bare(body: bytes, url: str) -> Row:
    started = time.process_time()
    bare_extraction(body, url=url, with_metadata=True)
    return {"bare_ms": (time.process_time() - started) * 1000}


def _report(results: list[Row], *, bare: bool) -> None:
    rejected = [result for result in results if "reason" in result]
    for result in rejected:
        print(f"rejected  {result['reason']:16} {result['corpus']}/{result['id']}  {result['url']}")
    print(f"accepted  {len(results) - len(rejected)} of {len(results)} = {1 - len(rejected) / len(results):.4f}")
    exact = sum(result.get("published_precision") in ("second", "minute") for result in results)
    print(f"moments   {exact} with time and zone, {sum(bool(result.get('date')) for result in results)} with a day")
    for name in ("ms", "bare_ms") if bare else ("ms",):
        spent = [result[name] for result in results]
        print(
            f"{name:9} mean {statistics.mean(spent):.1f}  median {statistics.median(spent):.1f}  most {max(spent):.0f}"
        )


if __name__ == "__main__":
    main()
