"""The fields of small pages, for tests of single claims."""

import json

from pipelines import metadata
from pipelines.gather import gather
from pipelines.tree import parse

URL = "https://www.harbour-herald.test/news/ferry-4711"
NOW = "2026-05-01T12:00:00.000Z"


def fields(head="", body="", announced=None, url=URL, lang="en-GB"):
    """The fields chosen for a page of this head and body."""
    tree = parse(f"<html lang='{lang}'><head>{head}</head><body>{body}</body></html>")
    return metadata.choose(gather(tree, url, announced, NOW), url, NOW)


def ld(**node):
    """A JSON-LD script of a news article."""
    return f'<script type="application/ld+json">{json.dumps({"@type": "NewsArticle", **node})}</script>'
