"""Fixtures for all tests come from plugins beside this file."""

pytest_plugins = ["archives", "databases", "desk", "judged"]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name binary data by its argument: every worker must collect the same names, and gzip keeps the time of day."""
    return argname if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()) else None
