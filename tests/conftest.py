"""Fixtures for all tests come from plugins beside this file."""

pytest_plugins = ["databases", "desk"]
