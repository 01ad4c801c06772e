"""What the short stable words of outcomes mean, in a sentence for a person. Pure.

A reason is a word, or a word, a colon, and what differs from case to case: `not-article-like: menu`, `tls: handshake failed`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # a rule kept us from asking
    "offsite": "it is on a host that is none of its source's",
    "denied": "a `deny` pattern of its source names it",
    "not-allowed": "no `allow` pattern of its source names it",
    "media-file": "its address ends like that of a picture, film, document or archive",
    "not-article-like": "its address, and how it is linked, are not those of an article",
    "offsite-redirect": "it redirects to another site",
    "robots": "the site's robots.txt does not allow it",
    "robots-unreachable": "the site's robots.txt could not be read, and until it can be, all of the site is closed",
    "private-address": "its host has no public address, and the settings allow no private one",
    "scheme": "only http and https are fetched",
    "userinfo": "its address holds a user name",
    "port": "its address names a port that no source names",
    "bad-url": "its address cannot be read as a URL",
    "invalid-url": "its address cannot be read as a URL",
    "trap-long-url": "its address is longer than that of any page",
    "trap-depth": "its path is deeper than that of any page: a trap",
    "trap-repetition": "its path repeats itself: a trap",
    "trap-calendar": "it is a page of a calendar, which has no end",
    "trap-facets": "it is one of the countless ways to filter or sort a list",
    "trap-paging": "it is a page far down a list",
    "trap-session": "its address holds a session: the same page has another one",
    "withdrawn": "it was withdrawn, and is never fetched again",
    # the network
    "timeout": "the server did not answer in time",
    "dns": "the name of its host is not known to the DNS",
    "refused": "the server refused the connection",
    "unreachable": "there was no way to the server",
    "tls": "no secure connection came about",
    "disconnect": "the server closed the connection before it had answered",
    "reset": "the connection broke off",
    "stopped": "the run ended while it was being fetched",
    "proxy": "the proxy refused the connection",
    "bad-response": "what the server sent is no HTTP response, or is longer than is taken",
    "too-many-redirects": "it redirects again and again",
    "no-response": "there was no answer",
    "ignored": "the request was dropped before it was sent",
    # the answer
    "http": "the server answered with an error status",
    "empty": "there is nothing, or too little, to read on it",
    "not-html": "it is no HTML page",
    "cut": "only a part of it came",
    "damaged": "it is damaged, and was read as far as that goes",
    "not-modified": "the server said that it has not changed",
    "archive": "its record in the archive cannot be read",
    # what the page is
    "home": "it is a home page",
    "section": "it lists other pages",
    "soft-404": "it says that there is nothing here, with a status that says otherwise",
    "server-page": "it is an error message of the server",
    "meta-refresh": "it only leads on to another page",
    "consent-wall": "it asks for consent instead of showing the story",
    "bot-challenge": "it asks whether we are human: a bot wall",
    "login": "it asks for a login",
    "paywall": "it stands behind a paywall, and shows next to nothing of the story",
    "needs-javascript": "it shows nothing without JavaScript",
    "links-only": "a spider of one's own took links from it, and no article",
    # articles
    "alias": "it is another URL of an article that is stored",
    "same-wording": "its wording is that of another article of the same source",
    "other-extractor": "it differs, but was read by another extractor than before: no edit can be told",
    "redirected-home": "it leads to the home page now",
    "paywalled": "it shows no more than a teaser of what is stored: it is behind a paywall now",
    "truncated": "it differs, but not all of it came: no edit can be told",
    # seeds
    "no-entries": "it has no entries",
    "no-links": "it has no links",
    "not-a-feed": "it is no feed",
    "not-a-sitemap": "it is no sitemap",
    "not-a-page": "it is no page",
    "too-many-entries": "it has more entries than are read of one",
    "too-many-links": "it has more links than are read of one",
    "too-large": "it holds more than is read of one",
    "entity-declarations": "it declares entities, as attacks do, and is not read",
    # the reader
    "cpu-limit": "reading it took more time than a page is given",
    "time-limit": "reading it took more time than a page is given",
    "memory-limit": "reading it took more memory than a page is given",
    "crashed": "the process that read it crashed",
    "unavailable": "no process could be had to read it",
    "closed": "the run ended before it was read",
    "spider": "the spider failed on it",
    "error": "reading it failed: a bug, or a page beyond all bounds",
}

_SHAPES: Mapping[str, str] = {
    "search": "a search",
    "variant": "another form of a page, such as one for printing",
    "paging": "a further page of a list",
    "root": "the root of a site",
    "menu": "linked from menus alone",
    "short-slug": "a short name",
    "no-text": "linked without a text",
    "date-archive": "the stories of a day or month",
}

_STATUS = re.compile(r"http-(\d{3})")


def explained(reason: str | None) -> str:
    """A reason as a sentence without its full stop; one that is not known stands as it is."""
    word, _, detail = (reason or "").partition(":")
    detail = detail.strip()
    if status := _STATUS.fullmatch(word):
        return _with(f"the server answered with status {status[1]}", WORDS.get(detail, detail))
    if word not in WORDS:
        return reason or "no reason was noted"
    if word == "not-article-like":
        detail = _SHAPES.get(detail, f'"{detail}" in its path' if detail else "")
    elif word == "robots-unreachable":
        detail = explained(detail) if detail else ""
    return _with(WORDS[word], detail)


def _with(sentence: str, detail: str) -> str:
    return f"{sentence} ({detail})" if detail else sentence
