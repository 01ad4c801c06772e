"""Open files: the limit is lifted as far as it goes, and hosts are asked as it allows."""

from __future__ import annotations

import subprocess
import sys

import pytest

from crawler.process.handles import RESERVED, hosts_at_once

LIFTED = "from crawler.process.handles import lifted_limit; print(lifted_limit())"


@pytest.mark.parametrize(("limit", "hosts"), [(64, 10), (RESERVED, 1), (10, 1), (200, 32), (1_000_000, 32)])
def test_hosts_are_asked_as_the_limit_allows(limit: int, hosts: int) -> None:
    """Two files a host beside those that are needed anyway; one host is always asked."""
    assert hosts_at_once(32, limit) == hosts


@pytest.mark.parametrize(("given", "lifted"), [("64:64", 64), ("64:300", 300), ("256:5000", 5000)])
def test_the_limit_is_lifted(given: str, lifted: int) -> None:
    """As high as the system allows."""
    done = subprocess.run(["prlimit", f"--nofile={given}", sys.executable, "-c", LIFTED], capture_output=True, check=True)
    assert int(done.stdout) == lifted
