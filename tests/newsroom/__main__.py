"""`python -m tests.newsroom --port N --stories N`: a newsroom to look at; prints its URL."""

from __future__ import annotations

import argparse
from contextlib import suppress

from .server import Newsroom


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.newsroom", description="A small news site on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--stories", type=int, default=26)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    options = parser.parse_args()
    newsroom = Newsroom(options.stories, seed=options.seed, port=options.port, latency=options.latency)
    print(newsroom.url, flush=True)
    with suppress(KeyboardInterrupt):
        newsroom.serve_forever()
    newsroom.close()


if __name__ == "__main__":
    main()
