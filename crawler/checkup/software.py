"""What newswarc runs on, and whether it is what newswarc asks for."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement

from crawler import VERSION
from crawler.checkup.findings import Finding, ok, warn
from storage.query.health import sqlite_version

SHOWN = ("scrapy", "twisted", "trafilatura", "lxml", "sqlalchemy")


def versions() -> Iterator[Finding]:
    """The versions that matter, and each package that is missing or of a version that newswarc does not work with."""
    told = [f"{name} {metadata.version(name)}" for name in SHOWN]
    yield ok("versions", f"newswarc {VERSION}, Python {platform.python_version()}, {', '.join(told)}, SQLite {sqlite_version()}")
    for requirement in _requirements():
        try:
            installed = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield warn("versions", f"{requirement.name} is not installed; newswarc needs {requirement}")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            yield warn("versions", f"{requirement.name} {installed} is installed; newswarc needs {requirement}")


def _requirements() -> Iterator[Requirement]:
    """What newswarc's own metadata ask for, extras aside; nothing where it runs from a folder that is not installed."""
    try:
        asked = metadata.requires("newswarc") or []
    except metadata.PackageNotFoundError:
        return
    for line in asked:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement
