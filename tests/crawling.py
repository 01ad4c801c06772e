"""Runs plans of wire_crawl.py in processes of their own, deprecations being errors."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

from hard_server import Servers

CRAWL = Path(__file__).with_name("wire_crawl.py")


class Found:
    """What a crawl found, by the number of the request."""

    def __init__(self, out):
        self.results, self.memory = out["results"], out["memory"]
        self.exchanges = {n: [each for each in out["exchanges"] if each["n"] == n] for n in self.results}


def run_crawl(folder: Path, servers: Servers, requests, *, trusted=True, env=None, **plan) -> Found:
    """Crawls the requests (URLs or arguments of scrapy.Request), one by one; keywords are parts of the plan."""
    wanted = [{"url": each} if isinstance(each, str) else each for each in requests]
    plan_file, out_file = folder / "plan", folder / "out"
    plan_file.write_bytes(pickle.dumps({"requests": wanted, **plan}))
    surroundings = {**os.environ, **({"SSL_CERT_FILE": servers.ca_file} if trusted else {}), **(env or {})}
    command = [sys.executable, "-W", "error", str(CRAWL), str(plan_file), str(out_file)]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert "Unhandled" not in done.stderr, done.stderr
    return Found(pickle.loads(out_file.read_bytes()))
