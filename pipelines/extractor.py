"""The name of the extractor, for those who need to know it without loading it."""

from importlib.metadata import version

EXTRACTOR = f"newswarc-2/trafilatura-{version('trafilatura')}"
