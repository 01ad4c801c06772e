"""Which real URLs are refused as traps: of the articles of NEWSWARC_CORPUS, and of the links on their pages that look like stories.

`python -m scripts.corpus_traps [CORPUS] [--links]`. Exit codes: 0 no article is refused; 1 some are; 2 there is no corpus.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from crawler.discovery import shapes
from crawler.discovery.links import from_html
from crawler.discovery.scope import Scope
from crawler.discovery.traps import refusal
from pipelines.decode import decode
from storage.times import now
from storage.urlkey import InvalidURL, canonical


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m scripts.corpus_traps", description=__doc__)
    parser.add_argument("corpus", nargs="?", default=os.environ.get("NEWSWARC_CORPUS", "../shared/corpus"))
    parser.add_argument("--links", action="store_true", help="also the links of their pages, which takes minutes")
    options = parser.parse_args()
    pages = dict(_pages(Path(options.corpus)))
    if not pages:
        print(f"{options.corpus}: no corpus there (folders with truth.jsonl); set NEWSWARC_CORPUS", file=sys.stderr)
        return 2
    refused = _told("articles", pages)
    if options.links:
        _told("links that look like stories", {url for item in pages.items() for url in _links(*item)})
    return 1 if refused else 0


def _pages(corpus: Path) -> Iterator[tuple[str, Path]]:
    """Canonical URL and file of each article."""
    for truth in sorted(corpus.glob("*/truth.jsonl")):
        for line in truth.read_text("utf-8").splitlines():
            said = json.loads(line)
            try:
                yield canonical(said.get("url") or ""), truth.parent / "html" / f"{said['id']}.html.gz"
            except InvalidURL:
                continue


def _links(url: str, path: Path) -> Iterator[str]:
    """Links that would be followed but for traps, on any host."""
    body = gzip.decompress(path.read_bytes())
    for link in from_html(decode(body, None), url, Scope.of(url), now(), is_home=False).links:
        hidden = link.refused == "offsite" or (link.refused or "").startswith("trap-")
        if link.refused is None or (hidden and shapes.refusal(link.url) is None):
            yield link.url


def _told(what: str, urls: Iterable[str]) -> int:
    """How many there are, and how many of them are refused, by reason."""
    reasons = [refusal(url, now()) for url in urls]
    counts = Counter(reason for reason in reasons if reason)
    told = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    print(f"{len(reasons):,} {what}: {counts.total()} refused as traps" + (f" ({told})" if told else ""))
    return counts.total()


if __name__ == "__main__":
    sys.exit(main())
