"""What a check finds, and how checks are kept from hanging."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from storage.errors import NewswarcError


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"  # crawls work; somebody should look
    FAIL = "fail"  # crawls do not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, what to do; the exit code counts when it is FAIL."""

    check: str
    level: Level
    message: str
    exit_code: int = 0


Check = Callable[[], Iterable[Finding]]


def ok(check: str, message: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, message)


def warn(check: str, message: str) -> Finding:
    """Somebody should look."""
    return Finding(check, Level.WARN, message)


def fail(check: str, error: NewswarcError) -> Finding:
    """Crawls do not work: they would end with this error."""
    return Finding(check, Level.FAIL, str(error), error.exit_code)


def within(seconds: float, name: str, check: Check) -> list[Finding]:
    """What a check finds; a warning when it does not end in time, or cannot be made at all.

    It runs on a thread of its own that nobody waits for: a file system or a server that does not answer cannot be stopped.
    """
    found: list[Finding] = []
    ended = threading.Event()

    def work() -> None:
        try:
            for finding in check():
                found.append(finding)  # noqa: PERF402 - one by one: what was found before it hangs is told
        except NewswarcError as error:
            found.append(fail(name, error))
        except Exception as error:  # noqa: BLE001 - one check that cannot be made must not take the others with it
            found.append(warn(name, f"cannot be checked ({type(error).__name__}: {error})"))
        ended.set()

    threading.Thread(target=work, name=f"check {name}", daemon=True).start()
    if not ended.wait(seconds):
        return [*found, warn(name, f"no answer within {seconds:g} s")]
    return found
