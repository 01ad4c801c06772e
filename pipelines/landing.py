"""Whether a redirect led from a story to a page that is none: the site's front, or a list above it. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from pipelines.classify import is_home
from storage.records import Candidate, NoArticle
from storage.urlkey import key

_LISTS = frozenset({"home", "section"})


def leads_home(asked: str, final: str, result: Candidate | NoArticle | None) -> bool:
    """Whether the URL `asked` for led to a front page, or to a folder of its own path that is a list of stories.

    A folder alone tells nothing: `/story/amp` may lead to `/story`.
    """
    if key(asked) == key(final) or is_home(asked):
        return False
    if is_home(final):
        return True
    return isinstance(result, NoArticle) and result.reason in _LISTS and _is_above(final, asked)


def _is_above(folder: str, page: str) -> bool:
    return urlsplit(page).path.startswith(urlsplit(folder).path.rstrip("/") + "/")
