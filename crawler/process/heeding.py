"""Which signals end a run, and what they do while nothing has begun that would have to be finished."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from storage.errors import StoppedError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heeded() -> list[signal.Signals]:
    """The signals that end a run: not those that whoever started us, nohup or a shell, wants to be ignored."""
    return [signum for signum in SIGNALS if signal.getsignal(signum) is not signal.SIG_IGN]


@contextmanager
def heard_at_once() -> Iterator[None]:
    """A signal that comes in here raises StoppedError: nothing has begun yet that would have to be finished.

    The event loop hears signals only between two steps of it, and opening a collection is one of them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.signal(signum, _stop) for signum in heeded()}
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is _stop:
            for signum, handler in before.items():
                signal.signal(signum, handler)


def end_at_once() -> None:
    """From here on there is nothing to finish: a signal, a second one mostly, ends the process."""
    for signum in heeded():
        signal.signal(signum, lambda number, _: os._exit(128 + number))


def _stop(signum: int, _: FrameType | None) -> None:
    end_at_once()  # a second one must not be raised in the midst of what the first one unwinds
    raise StoppedError(signum)
