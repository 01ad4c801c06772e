"""Fixtures for all tests come from plugins beside this file."""

import signal
from collections.abc import Generator

import pytest

pytest_plugins = [f"tests.{name}" for name in ("archives", "balanced", "databases", "desk", "judged", "staged")]


def pytest_configure() -> None:
    """Let SIGINT be heard by what is started here, also where the tests themselves were started in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name binary data by its argument: every worker must collect the same names, and gzip keeps the time of day."""
    return argname if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a report be sent to another process, whatever was logged or compared: lone surrogates cannot be."""
    report = yield
    report.sections = [(name, _sendable(text)) for name, text in report.sections]
    if report.longrepr is not None and str(report.longrepr) != _sendable(str(report.longrepr)):
        report.longrepr = _sendable(str(report.longrepr))
    return report


def _sendable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
