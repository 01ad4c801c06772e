"""A small news site on loopback for tests and the demo. See `Newsroom`."""

from __future__ import annotations

from .server import Fault, Newsroom, Served
from .site import CHANNELS, LONG_GONE, Answer, Site
from .stories import SECTIONS, Story, stories, templated

__all__ = [
    "CHANNELS",
    "LONG_GONE",
    "SECTIONS",
    "Answer",
    "Fault",
    "Newsroom",
    "Served",
    "Site",
    "Story",
    "stories",
    "templated",
]
