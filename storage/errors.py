"""The errors of newswarc, one tree. Each ends a command with its exit code and one line: what, where, what to do.

NewswarcError            1  a bug, or nothing more precise
├── UsageError           2  wrong arguments, wrong folder
├── ConfigError          3  newswarc.toml
├── AllSourcesFailed     5  every source failed
├── LockedError          6  another run holds the collection
├── DatabaseError        7  the database cannot be opened, read or written
│   └── TemporaryDatabaseError  locked or disconnected for the moment: the same transaction may be tried again
│       └── UnreachableDatabaseError  no connection came about: a server that restarts, or an address that is wrong
├── DiskError            8  no space, no permission, input/output error
│   └── AwayError           a WARC file was moved to other storage, or withdrawn: its place is known
├── DamageError          9  archive and database do not agree
└── StoppedError   128 + n  a signal ended the run in good order: 130 SIGINT, 143 SIGTERM, 129 SIGHUP
"""

from __future__ import annotations

import signal


class NewswarcError(Exception):
    """Base of all: `str()` is the line shown to the user."""

    exit_code = 1


class UsageError(NewswarcError):
    exit_code = 2


class ConfigError(NewswarcError):
    exit_code = 3


class AllSourcesFailed(NewswarcError):
    exit_code = 5


class LockedError(NewswarcError):
    exit_code = 6


class DatabaseError(NewswarcError):
    exit_code = 7


class TemporaryDatabaseError(DatabaseError):
    exit_code = 7


class UnreachableDatabaseError(TemporaryDatabaseError):
    exit_code = 7


class DiskError(NewswarcError):
    exit_code = 8


class AwayError(DiskError):
    exit_code = 8


class DamageError(NewswarcError):
    exit_code = 9


class StoppedError(NewswarcError):
    def __init__(self, signum: int) -> None:
        name = signal.Signals(signum).name
        super().__init__(f"stopped by {name}; what was in hand is kept, and the next run carries on")
        self.exit_code = 128 + signum
