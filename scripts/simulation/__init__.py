"""Polling policies on a virtual clock: traces of sources, our own schedule and those of peers, and how they compare."""
