"""Open files: how many this process may have, and how many hosts that lets it ask at once."""

from __future__ import annotations

import resource

ENOUGH = 8_192  # open files; more are never wanted
RESERVED = 44  # of these: database, archive, workers, event loop, and what a moment needs
A_HOST = 2  # a connection, and another that is kept for a while, or a long response's file


def lifted_limit() -> int:
    """How many files this process may open, once its own limit is as high as the system lets it be (at most ENOUGH)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return ENOUGH if soft == resource.RLIM_INFINITY else soft


def hosts_at_once(wanted: int, limit: int) -> int:
    """Of the hosts that the settings want to be asked at once, as many as `limit` open files allow; at least one."""
    return max(1, min(wanted, (limit - RESERVED) // A_HOST))
