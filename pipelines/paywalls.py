"""Whether a page stands behind a paywall that was not there before, and shows less for it. Pure."""

from __future__ import annotations

from storage.records import Candidate, Known

BARE = "paywall"  # of a page that shows nothing at all, see classify


def is_teaser(candidate: Candidate, known: Known) -> bool:
    """Whether a page shows the beginning, or a summary, of what is stored, and a paywall before the rest.

    An editor may shorten a story too. So the page must declare that it is closed, or ask to subscribe beside a text that
    is the very beginning of the one before.
    """
    if candidate.word_count >= known.word_count or candidate.truncated:
        return False
    closed = candidate.is_accessible_for_free is False
    if closed and 2 * candidate.word_count <= known.word_count:
        return True
    return (closed or candidate.walled) and _begins(known.text, candidate.text)


def _begins(whole: str, start: str) -> bool:
    """Whether one text begins another: all its lines but the last are the first ones there, the last may break off."""
    *lines, last = start.rstrip(" .…[]").split("\n")
    first = whole.split("\n")[: len(lines) + 1]
    return len(first) > len(lines) and first[:-1] == lines and first[-1].startswith(last)


def news_of(candidate: Candidate, known: Known) -> bool | None:
    """What a page that is no teaser says of a paywall: True when one went up, False when there is none, None for no news."""
    if candidate.truncated:
        return None
    if candidate.is_accessible_for_free is not False:
        return False
    return None if known.is_accessible_for_free is False else True
