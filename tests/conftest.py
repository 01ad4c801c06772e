"""Fixtures for all tests come from plugins beside this file."""

pytest_plugins = ["archives", "databases", "desk"]
