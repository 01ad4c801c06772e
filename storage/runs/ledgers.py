"""The accounts of runs as the archive keeps them: resource records, JSON, written by `crawler/run/ledger.py`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import accumulate
from typing import Any

from storage.records import Ledger, Verdict
from storage.warc.format import is_ledger


@dataclass(frozen=True, slots=True)
class Settled:
    """One article URL or requisite that a run settled with an exchange: by its main record, when, and how it ended then."""

    record_id: str
    run_id: str
    at: str
    verdict: Verdict
    reason: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """What the archive says of a run. `ended_at` and `exit_code` are None for one that was killed."""

    run_id: str
    command: str
    version: str
    started_at: str
    ended_at: str | None
    exit_code: int | None
    ledger: Ledger
    settled: tuple[Settled, ...]


def account_in(uri: str, content: bytes) -> Account | None:
    """The account in a resource record; None when it holds something else. Raises ValueError when it is none of ours."""
    if not is_ledger(uri):
        return None
    try:
        said = json.loads(content)
        run_id = said["run"]
        return Account(
            run_id=run_id,
            command=said.get("command", "crawl"),
            version=said.get("version", "unknown"),
            started_at=said.get("started_at", ""),
            ended_at=said.get("ended_at"),
            exit_code=said.get("exit_code"),
            ledger=_ledger(said),
            settled=tuple(Settled(one[0], run_id, one[1], Verdict(one[2]), one[3]) for one in said.get("settled", ())),
        )
    except (KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"{uri} is no account: {error!r}") from None


def _ledger(said: dict[str, Any]) -> Ledger:
    return Ledger(
        articles=said.get("articles", {}),
        others=said.get("others", {}),
        pending=said.get("pending", 0),
        considered=said.get("considered", {}),
        states=said.get("states", {}),
        faults=tuple(said.get("faults", ())),
    )


def in_order(accounts: Iterable[Account]) -> Iterator[Settled]:
    """Everything that runs settled, each run's own order kept; runs beside each other are merged by time."""
    timed = [list(zip(_rising(account), account.settled, strict=True)) for account in accounts]
    return (settled for _, settled in merge(*timed, key=lambda pair: (pair[0], pair[1].run_id)))


def _rising(account: Account) -> Iterator[str]:
    """When each was settled at the earliest: moments are taken a little before the order is made."""
    return accumulate((settled.at for settled in account.settled), max)
