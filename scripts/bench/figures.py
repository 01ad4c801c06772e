"""A measured figure, its goal, and the plain table that they are printed in."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `goal` "" for figures that only explain others; `good` says whether it is reached."""

    name: str
    measured: str
    goal: str = ""
    good: bool | None = None
    note: str = ""


def heading(text: str) -> None:
    """A line above figures."""
    print(f"\n== {text}", flush=True)


def show(figures: Iterable[Figure]) -> list[Figure]:
    """Print figures as they come; they are given back."""
    shown = []
    for figure in figures:
        verdict = {True: "reached", False: "MISSED", None: ""}[figure.good]
        print(f"{figure.name:48}  {figure.measured:>32}  {figure.goal:10} {verdict}".rstrip(), flush=True)
        if figure.note:
            print(f"    {figure.note}", flush=True)
        shown.append(figure)
    return shown


def machine() -> str:
    """What it was measured on."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, {platform.system()}"
        f" {platform.release().split('-')[0]}; load before: {load}"
    )
