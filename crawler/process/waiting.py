"""Waiting for the signal that ends a command which has nothing to do but to wait."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Heard = Callable[[float], int | None]


@contextmanager
def signals_held() -> Iterator[Heard]:
    """Inside of here signals that end a process wait to be asked for: `heard(seconds)` is the one that came, None if none.

    Those that whoever started us wants to be ignored stay so. Threads and processes started inside must unblock theirs.
    """
    held = {
        one for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is not signal.SIG_IGN
    }
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)

    def heard(seconds: float) -> int | None:
        came = signal.sigtimedwait(held, seconds)
        return None if came is None else came.si_signo

    try:
        yield heard
    finally:
        while signal.sigtimedwait(held, 0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
