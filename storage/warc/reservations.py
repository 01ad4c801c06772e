"""What rights a publisher reserves, as far as an answer says so: in its HTTP header, or as a robots.txt. Pure; never raises.

Robots directives (X-Robots-Tag, as Google, Bing and DeviantArt define them), the TDM Reservation Protocol (W3C community group
report, 10 May 2024; its tdmrep.json too), Content-Signal (contentsignals.org) and Content-Usage (IETF draft-ietf-aipref-attach),
and in a robots.txt (RFC 9309) groups that name agents of language models (ai_agents.txt). Only what is said: an agent that `*`
speaks of is not named.
What the HTML of a page says is read by `pipelines.reservations`.

Statements are kept by the place where they stand, as `noai`, `gptbot: noarchive` or `tdm-reservation: 1`: short, and of words that
are known, numbers and canonical URLs only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import resources
from typing import IO

from storage.urlkey import InvalidURL, canonical
from storage.warc.format import pieces
from storage.warc.http_message import Head, Headers, decode_body

Said = dict[str, tuple[str, ...]]  # place -> statements

TDMREP = "tdmrep.json"
TDMREP_PATH = "/.well-known/tdmrep.json"
MOST = 100  # statements of one place
_ROBOTS_BYTES = 512_000
_MOST_TEXT = 4_096  # characters of one field, line or attribute
_LONGEST_URL = 500
_PLACES = ("header", "meta", "link", "json-ld", "robots.txt", TDMREP)

_DIRECTIVES = frozenset("noindex none noarchive nocache nosnippet noimageindex noai noimageai".split())
_LIMITS = {
    "max-snippet": re.compile(r"[0-9]{1,9}"),
    "max-image-preview": re.compile("none"),
    "max-video-preview": re.compile("0"),
}
_SEARCH_AGENTS = frozenset(
    "googlebot googlebot-news googlebot-image googlebot-video bingbot bingpreview msnbot newswarc".split()
)
_SIGNALS = {
    "content-signal": re.compile(r"(?:search|ai-input|ai-train)=(?:yes|no)"),
    "content-usage": re.compile(r"(?:bots|search|ai-output|train-ai|train-genai)=[yn]"),
}
_LINE = re.compile(r"[ \t]*([A-Za-z-]{1,20})[ \t]*:[ \t]*([^\r\n#]{0,400})")
_RULE_NAMES = frozenset({"allow", "disallow", *_SIGNALS})
_AGENT = re.compile(r"[a-z][a-z0-9 _-]{0,60}")  # no part of a date
_RULES = 3  # paths of one agent that are named
_PATH = re.compile(r"/[!-~]{0,99}")


# ---- statements


def directives(text: str, *, prefixed: bool = False) -> Iterator[str]:
    """Those of a list of robots directives that reserve something; `prefixed`: a name before a colon may be an agent's."""
    agent = ""
    for part in _parts(text):
        name, colon, value = (piece.strip() for piece in part.partition(":"))
        if prefixed and colon and name not in _LIMITS and _AGENT.fullmatch(name) and name != "unavailable_after":
            agent, name, value = name, *(piece.strip() for piece in value.partition(":")[::2])
        statement = _directive(name, value)
        if statement and (not agent or agent == "robots" or is_agent(agent)):
            yield statement if agent in {"", "robots"} else f"{agent}: {statement}"


def _parts(text: str) -> list[str]:
    """The members of a list, as far as it is read."""
    return text.lower().split(",") if len(text) <= _MOST_TEXT else text[:_MOST_TEXT].lower().split(",")[:-1]


def _directive(name: str, value: str) -> str | None:
    if name in _DIRECTIVES:
        return name
    allowed = _LIMITS.get(name)
    return f"{name}: {value}" if allowed and allowed.fullmatch(value) else None


def is_agent(name: str) -> bool:
    """Whether directives may be meant for an agent of this name (lower case): a search engine's, a language model's, ours."""
    return name in _SEARCH_AGENTS or name in _ai_agents()


def tdm(name: str, value: str, url: str) -> Iterator[str]:
    """A `tdm-reservation` (0 or 1) or `tdm-policy` (a URL, relative to `url`)."""
    if name == "tdm-reservation" and value.strip() in {"0", "1"}:
        yield f"tdm-reservation: {value.strip()}"
    elif name == "tdm-policy":
        yield from address("tdm-policy", value, url)


def address(name: str, value: str, url: str) -> Iterator[str]:
    """A statement whose value is a URL; none where it has no canonical form."""
    try:
        form = canonical(value, url) if value.strip() else ""
    except InvalidURL:
        return
    if 0 < len(form) <= _LONGEST_URL:
        yield f"{name}: {form}"


def signals(name: str, value: str) -> Iterator[str]:
    """The preferences of a Content-Signal or Content-Usage."""
    for part in _parts(value):
        preference = part.replace(" ", "")
        if _SIGNALS[name].fullmatch(preference):
            yield f"{name}: {preference}"


@lru_cache(maxsize=1)
def _ai_agents() -> frozenset[str]:
    text = resources.files("storage.warc").joinpath("ai_agents.txt").read_text(encoding="utf-8")
    return frozenset(line.strip().lower() for line in text.splitlines() if line.strip() and not line.startswith("#"))


# ---- places


def of_header(headers: Headers, url: str) -> Iterator[str]:
    """What the header of an answer for `url` says."""
    for name, value in headers:
        if name == "x-robots-tag":
            yield from directives(value, prefixed=True)
        elif name in _SIGNALS:
            yield from signals(name, value)
        elif name.startswith("tdm-"):
            yield from tdm(name, value, url)


def of_robots(body: bytes) -> Iterator[str]:
    """What a robots.txt says to agents of language models by their names, and its content signals for everybody.

    Of each agent `disallow /` where the whole site is closed to it, else the first paths that are.
    """
    closed: dict[str, list[str]] = {}
    for agents, name, value in _rules(body):
        if name == "disallow" and _PATH.fullmatch(value):
            for agent in agents - {"*"}:
                _close(closed.setdefault(agent, []), value)
        elif name in _SIGNALS:
            for statement in signals(name, value):
                yield from sorted(f"{agent}: {statement}" if agent != "*" else statement for agent in agents)
    for agent, paths in sorted(closed.items()):
        yield from (f"{agent}: disallow {path}" for path in paths)


def _close(paths: list[str], path: str) -> None:
    if path == "/":
        paths[:] = [path]
    elif len(paths) < _RULES and path not in paths and paths != ["/"]:
        paths.append(path)


def _rules(body: bytes) -> Iterator[tuple[frozenset[str], str, str]]:
    """Each rule with those of its group's agents (RFC 9309, 2.2.1) that count: lower case, `*` for all others."""
    agents = frozenset("*")
    begun = True  # whether the group has a rule: the next agent opens another
    text = body[:_ROBOTS_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
    for line in text.splitlines():
        if not (match := _LINE.match(line)):
            continue
        name, value = match[1].lower(), match[2].strip()
        if name == "user-agent":
            agents, begun = (frozenset() if begun else agents) | ({value.lower()} & _counting()), False
        else:
            begun = begun or name in _RULE_NAMES
            yield agents, name, value


@lru_cache(maxsize=1)
def _counting() -> frozenset[str]:
    return _ai_agents() | {"*"}


def of_tdmrep(body: bytes, url: str) -> Iterator[str]:
    """The rules of a tdmrep.json, each statement behind the pattern of the paths it is about: `/news/*: tdm-reservation: 1`."""
    try:
        rules = json.loads(body[:_ROBOTS_BYTES].decode("utf-8", "replace").removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return
    for rule in (rules if isinstance(rules, list) else [rules])[:MOST]:
        pattern = rule.get("location") if isinstance(rule, dict) else None
        if isinstance(pattern, str) and _PATH.fullmatch(pattern):
            for name in ("tdm-reservation", "tdm-policy"):
                yield from (f"{pattern}: {statement}" for statement in tdm(name, _said(rule.get(name)), url))


def _said(value: object) -> str:
    """A JSON value as a header would have it; true is no number."""
    return str(value) if isinstance(value, str) or (type(value) is int and value in (0, 1)) else ""


def for_path(rules: Iterable[str], path: str) -> list[str]:
    """Statements of `of_tdmrep` about a path with its query: those of the longest pattern that matches (RFC 9309, 2.2.2)."""
    found: dict[str, list[str]] = {}
    for rule in rules:
        pattern, _, statement = rule.partition(": ")
        if pattern in found or _matches(pattern, path):
            found.setdefault(pattern, []).append(statement)
    return found[max(found, key=len)] if found else []


def _matches(pattern: str, path: str) -> bool:
    """Whether a path begins as a pattern says, in which `*` is anything and a last `$` the end; in one go, whatever it holds."""
    first, *rest = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    last = rest.pop() if rest and pattern.endswith("$") else None
    at = len(first)
    for part in rest:
        if (at := path.find(part, at)) < 0:
            return False
        at += len(part)
    if last is not None:
        return len(path) - len(last) >= at and path.endswith(last)
    return at == len(path) or not pattern.endswith("$")


# ---- an answer


def of_response(url: str, head: Head, block: IO[bytes], length: int) -> Said:
    """What an archived response, whose block is `length` bytes long, says by itself: its header, and its body as a robots.txt."""
    said: Said = {"header": tuple(of_header(head.headers, url))}
    path = "/" + url.partition("://")[2].partition("/")[2]
    if path in {"/robots.txt", TDMREP_PATH} and 200 <= (head.status or 0) < 300:
        raw = b"".join(pieces(block, head.payload_offset, min(length, head.payload_offset + _ROBOTS_BYTES)))
        body = decode_body(raw, head.headers, _ROBOTS_BYTES).body
        place, statements = ("robots.txt", of_robots(body)) if path == "/robots.txt" else (TDMREP, of_tdmrep(body, url))
        said[place] = tuple(statements)
    return said


def with_tdmrep(said: str | None, rules: str | None, url: str) -> str | None:
    """What a page at `url` says, with what the tdmrep.json of its host says of it; both as rows of captures have it."""
    about = for_path(json.loads(rules or "{}").get(TDMREP, ()), "/" + url.partition("://")[2].partition("/")[2])
    return as_json(json.loads(said or "{}") | {TDMREP: tuple(about)}) if about else said


def as_json(said: Said) -> str | None:
    """All places with what they say, each statement once, at most MOST of them; None where nothing is said."""
    kept = {place: list(dict.fromkeys(said[place]))[:MOST] for place in _PLACES if said.get(place)}
    return json.dumps(kept, ensure_ascii=False) if kept else None
