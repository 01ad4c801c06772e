"""The names of the sources' hosts, looked up as a run does."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator, Sequence

from crawler.checkup.findings import Finding, fail, ok, warn
from crawler.config.keys import Config
from storage.errors import AllSourcesFailed
from storage.urlkey import host_key

AT_ONCE = 16
PATIENCE = 20.0  # seconds for all names together
SHOWN = 5


def dns(config: Config) -> Iterator[Finding]:
    """Whether the host of each source has an address."""
    hosts = sorted({_name(source.url) for source in config.sources})
    if config.crawl.http_proxy:
        yield ok("DNS", "a proxy looks names up")
        return
    found = resolved(hosts, PATIENCE)
    missing = [host for host in hosts if found.get(host) is False]
    late = [host for host in hosts if host not in found]
    if hosts and len(missing) + len(late) == len(hosts):
        yield fail("DNS", AllSourcesFailed("the host of no source has an address: check the network and /etc/resolv.conf"))
    elif missing or late:
        yield from _told(missing, "have no address: moved, gone or misspelt")
        yield from _told(late, f"gave no answer within {PATIENCE:g} s")
    else:
        yield ok("DNS", f"all {len(hosts)} hosts of sources have an address")


def _told(hosts: Sequence[str], what: str) -> Iterator[Finding]:
    if hosts:
        more = f" and {len(hosts) - SHOWN} more" if len(hosts) > SHOWN else ""
        yield warn("DNS", f"{', '.join(hosts[:SHOWN])}{more} {what}")


def _name(url: str) -> str:
    """The host of a URL, without port."""
    host = host_key(url)
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def resolved(hosts: Sequence[str], seconds: float) -> dict[str, bool]:
    """Host -> whether it has an address, of those that were answered in time. Nobody waits for the threads."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[str, bool]] = queue.SimpleQueue()
    for host in hosts:
        waiting.put(host)

    def work() -> None:
        while True:
            try:
                host = waiting.get_nowait()
            except queue.Empty:
                return
            answers.put((host, _has_address(host)))

    for _ in range(min(AT_ONCE, len(hosts))):
        threading.Thread(target=work, name="lookup", daemon=True).start()
    found: dict[str, bool] = {}
    until = time.monotonic() + seconds
    while len(found) < len(hosts):
        try:
            host, has_address = answers.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        found[host] = has_address
    return found


def _has_address(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host.strip("[]"), 443, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return False
