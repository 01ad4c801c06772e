"""`newswarc extract --manifest -` with weights that have not seen the sites held out: a page a line in, its fields a line out."""

from __future__ import annotations

import json

from crawler.actions.extract import as_object
from crawler.look.extraction import Read
from crawler.look.given import Terms, of_manifest
from pipelines import block_model
from pipelines.single import read_single
from scripts.held_out import UNSEEN
from storage.times import now

MAX_PAGE = 20_000_000  # bytes


def main() -> None:
    """Answer each line of standard input."""
    block_model.FOLDER = UNSEEN
    for given in of_manifest("-", Terms(now(), MAX_PAGE)):
        single = read_single(given.raw) if given.raw else None
        print(json.dumps(as_object(Read(given, single, single.reason if single else "unreadable", given.problem))))


if __name__ == "__main__":
    main()
