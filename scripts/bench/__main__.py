"""`python -m scripts.bench [cpu|workers|memory|frontier|disk|verify|ingest|cron]`: the figures asked for, or all. Linux, two cores.

No figure fails the command: what is above its goal is marked MISSED. docs/cost.md says how each is measured.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from scripts.bench import checking, cron, frontier, ingesting, memory, pages
from scripts.bench.cost import Bench
from scripts.bench.figures import Figure, heading, machine, show

WORDS = ("cpu", "workers", "disk", "frontier", "memory", "verify", "ingest", "cron")


def main() -> int:
    """Measure and print."""
    options = arguments()
    words = options.figures or WORDS
    print(machine())
    chosen = choose(options) if {"cpu", "workers", "disk", "verify", "ingest"} & set(words) else []
    bench = Bench(chosen)
    measures: dict[str, tuple[str, Callable[[], Iterator[Figure]]]] = {
        "cpu": ("CPU a page outside extraction: main process, and workers without the extraction function", bench.cpu),
        "workers": ("pages a second with one and two workers, on two cores", bench.workers),
        "disk": ("bytes kept (database, WARC, CDXJ) over bytes received, heads included", bench.disk),
        "frontier": (
            "claim, discovery and settling of a page, by URLs known",
            lambda: frontier.figures(options.frontier_pages, options.few, options.many),
        ),
        "memory": ("memory over a long crawl of generated pages", lambda: memory.figures(options.memory_pages)),
        "verify": (
            "megabytes of WARC that `newswarc verify` reads a second, beside `warcio check`",
            lambda: checking.figures(chosen, options.verify_mb),
        ),
        "ingest": ("articles a CPU second out of WARC files that others wrote", lambda: ingesting.figures(chosen)),
        "cron": ("a run that finds nothing new", lambda: cron.figures(options.cron_seeds)),
    }
    missed = [figure for word in words for figure in _run(*measures[word]) if figure.good is False]
    print(f"\n{len(missed)} of the goals missed" if missed else "\nall goals reached")
    return 0


def _run(title: str, measure: Callable[[], Iterator[Figure]]) -> Sequence[Figure]:
    heading(title)
    return show(measure())


def choose(options: argparse.Namespace) -> list[pages.Page]:
    """The pages that are crawled."""
    corpus = Path(options.corpus) if options.corpus else None
    if corpus is not None and any(corpus.glob("*/truth.jsonl")):
        chosen = pages.corpus(corpus, options.pages)
        origin = "of NEWSWARC_CORPUS"
    else:
        chosen = pages.generated(options.pages, heavy=True)
        origin = "generated, since NEWSWARC_CORPUS names no corpus"
    size = sum(len(page.html) for page in chosen) / len(chosen)
    print(f"{len(chosen)} pages {origin}; {size / 1e3:.1f} KB of HTML on average")
    return chosen


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench", description=__doc__)
    parser.add_argument("figures", nargs="*", type=_word, metavar="|".join(WORDS))
    parser.add_argument("--corpus", default=os.environ.get("NEWSWARC_CORPUS"), help="folder; or NEWSWARC_CORPUS")
    parser.add_argument("--pages", type=int, default=270, metavar="N", help="crawl N pages, and thrice as many")
    parser.add_argument("--few", type=int, default=frontier.FEW, metavar="N", help="known URLs of a small frontier")
    parser.add_argument("--many", type=int, default=frontier.MANY, metavar="N", help="known URLs of a large one")
    parser.add_argument("--frontier-pages", type=int, default=2000, metavar="N")
    parser.add_argument("--memory-pages", type=int, default=20_000, metavar="N")
    parser.add_argument("--cron-seeds", type=int, default=1200, metavar="N")
    parser.add_argument("--verify-mb", type=int, default=checking.SIZE, metavar="N", help="size of the archive checked")
    return parser.parse_args()


def _word(text: str) -> str:
    if text not in WORDS:
        raise argparse.ArgumentTypeError(f"possible: {', '.join(WORDS)}")
    return text


if __name__ == "__main__":
    sys.exit(main())
