"""What a look at a site comes to: one word, and what it rests on. Pure."""

from __future__ import annotations

from enum import StrEnum

from crawler.options import Probe
from storage.records import NoArticle
from storage.urlkey import InvalidURL, canonical, key


class Word(StrEnum):
    """What became of one source of a list."""

    FOUND = "found"
    NO_WAY_IN = "no way in"
    BOT_WALL = "bot wall"
    ROBOTS = "robots"
    JAVASCRIPT = "needs JavaScript"
    DEAD = "dead"
    KNOWN = "known already"
    NO_URL = "not a URL"
    UNPROBED = "not probed"


OBSTACLES = {
    "bot-challenge": "a bot wall answers instead of the site",
    "consent-wall": "a consent wall answers instead of the site",
    "login": "a login page answers instead of the site",
    "paywall": "a paywall answers instead of the site",
    "needs-javascript": "the page needs JavaScript, which newswarc does not run",
    "robots": "robots.txt forbids it",
    "asked-for-patience": "it asked to be left alone for a while, which is not over: newswarc politeness tells until when",
}
_WORDS = {
    "bot-challenge": Word.BOT_WALL,
    "needs-javascript": Word.JAVASCRIPT,
    "robots": Word.ROBOTS,
    "http-401": Word.BOT_WALL,
    "http-403": Word.BOT_WALL,
    "http-429": Word.BOT_WALL,
    "asked-for-patience": Word.BOT_WALL,
}
_UNREACHABLE = "robots-unreachable: "


def judge(probe: Probe) -> tuple[Word, str]:
    """The verdict on a site, and its reasons in a few words."""
    if way_in(probe):
        return Word.FOUND, _findings(probe)
    reason = probe.obstacle or probe.failure
    if reason is None:
        return Word.NO_WAY_IN, "; ".join(["no feed, sitemap, section or article was found", *broken(probe)])
    word = _WORDS.get(reason) or (Word.NO_WAY_IN if probe.obstacle else Word.DEAD)
    return word, "; ".join([_told(reason), *broken(probe)])


def way_in(probe: Probe) -> bool:
    """Whether news can be found from what a probe found."""
    if probe.failure is not None:
        kept_out = probe.obstacle is not None or probe.failure in _WORDS  # the site is there, but does not show itself to us
        return bool(given_that_work(probe)) or (kept_out and any(seed.fault is None for seed in probe.read))
    pages = (probe.sections or probe.samples) and not probe.obstacle
    return bool(working_feeds(probe) or working_sitemaps(probe) or pages)


def working_feeds(probe: Probe) -> tuple[str, ...]:
    """The feeds that were found or given, but for those that turned out to be none."""
    return tuple(dict.fromkeys([*_unbroken(probe, probe.feeds), *given_that_work(probe)]))


def working_sitemaps(probe: Probe) -> tuple[str, ...]:
    """The sitemaps that were found, but for those that turned out to be none."""
    return _unbroken(probe, probe.sitemaps)


def given_that_work(probe: Probe) -> tuple[str, ...]:
    """Of the feeds that were known before, those that were found on the home page, or read."""
    good = {seed.url for seed in probe.read if seed.fault is None}
    return tuple(url for url in probe.given if url in good or url in _unbroken(probe, probe.feeds))


def unfound(probe: Probe) -> tuple[str, ...]:
    """Of the feeds that were known before and work, those that the home page does not name."""
    ends = {seed.url: seed.final_url for seed in probe.read}
    found = {*probe.feeds, *(ends.get(url) for url in probe.feeds)}
    return tuple(url for url in given_that_work(probe) if url not in found and ends.get(url) not in found)


def lost_feeds(probe: Probe) -> tuple[str, ...]:
    """Of the feeds that were known before, those that could not be read."""
    faulty = {seed.url for seed in probe.read if seed.fault}
    return tuple(url for url in probe.given if url in faulty)


def moved_feeds(probe: Probe) -> dict[str, str]:
    """Of the feeds that were known before, those that lead elsewhere, with where."""
    ends = {seed.url: seed.final_url for seed in probe.read if seed.fault is None and seed.final_url}
    return {url: end for url in probe.given if (end := ends.get(url)) and key(end) != key(url)}


def home_of(probe: Probe, asked: str) -> str:
    """The address to keep: the one that was asked for, unless it leads to another host, or from http to https."""
    try:
        old, new = canonical(asked), canonical(probe.url)
    except InvalidURL:
        return asked
    if probe.failure is not None or probe.obstacle is not None or old == new:
        return asked
    hosts = [url.split("/")[2].removeprefix("www.") for url in (old, new)]
    return new if hosts[0] != hosts[1] or old.split("://")[1] == new.split("://")[1] else asked


def broken(probe: Probe) -> list[str]:
    """What is wrong with feeds and sitemaps that were read."""
    return [f"{seed.url}: {seed.fault}" for seed in probe.read if seed.fault]


def _unbroken(probe: Probe, urls: tuple[str, ...]) -> tuple[str, ...]:
    faulty = {seed.url for seed in probe.read if seed.fault}
    return tuple(url for url in urls if url not in faulty)


def _told(reason: str) -> str:
    if reason.startswith(_UNREACHABLE):
        reason = reason.removeprefix(_UNREACHABLE)
        return f"robots.txt cannot be read: {reason}" if reason.startswith("http-") else reason
    return OBSTACLES.get(reason, reason)


def _findings(probe: Probe) -> str:
    numbers = (
        ("feed", len(working_feeds(probe))),
        ("sitemap", len(working_sitemaps(probe))),
        ("section", len(probe.sections)),
    )
    found = [f"{number} {word}{'s' if number > 1 else ''}" for word, number in numbers if number]
    unread = [f"a sample is no article ({trial.result.reason})" for trial in probe.samples if isinstance(trial.result, NoArticle)]
    without_home = [f"no home page ({_told(probe.failure)})"] if probe.failure else []
    warning = [_told(probe.obstacle)] if probe.obstacle else []
    return "; ".join([", ".join(found) or "articles on the home page", *without_home, *warning, *unread, *broken(probe)])
