"""Names of authors out of bylines: without "By", roles, addresses and noise; several authors are several. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import takewhile

from pipelines import dates, words
from pipelines.normalize import clean_line, fold

MAX_AUTHORS = 50
MAX_NAME = 80  # characters
_MARKUP = re.compile(r"<[^>]{0,300}>")
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+|(?:https?://|www\.)\S+|(?<!\w)@\w+")
_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]|（[^）]*）|【[^】]*】")
_PARTS = re.compile(r"\s*[;,|/、，；•·\n\t]\s*|\s+[–—-]\s+|\s+&\s+|\s*\+\s+")
_EDGES = " .:;,|/-–—•·*\"'“”„«»()[]"
_UNSPACED = re.compile("[\u3040-\u30ff\u4e00-\u9fff]{2,5}|[\uac00-\ud7a3]{2,4}")  # names in scripts without spaces
_FOR = frozenset({"for", "für", "pour", "voor", "dla"})  # whom an article was written for
_INITIALS = re.compile(r"(?:\b[^\W\d_]\.)+$")
_SUFFIX = re.compile(
    r"^(?:jr|sr|ph\.?d|m\.?d|dr|md|mba|mph|rd|r\.d|rdn|dds|dvm|cpa|lcsw|ms|ii|iii|iv|esq|rn|msc|ma|bsc)\.?$",
    re.IGNORECASE,
)


def names(values: list[str], labels: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The names in one source's values, in order, each once; `labels` are folded names of the site (see `titles`)."""
    parts: dict[str, str] = {}
    for value in values[:MAX_AUTHORS]:
        for name in _split(clean_line(value, 2_000)):
            bare = _without_site(name, labels)
            parts.setdefault(fold(bare), bare)
    named = {key: name for key, name in parts.items() if key and _is_name(name, key)}
    without_roles = {key: name for key, name in named.items() if not _role().search(key)} or named
    people = [name for key, name in without_roles.items() if key not in labels]
    return tuple(people or without_roles.values())[:MAX_AUTHORS]


def spoken(text: str) -> str | None:
    """The names in a short text that begins with "By" or its like in other languages and goes on as names do."""
    match = _prefixes().match(text) if 5 <= len(text) <= 90 else None
    return text[match.end() :] if match and _looks_named(text[match.end() :]) else None


def may_follow(text: str) -> bool:
    """Whether a text that stands behind a lone "by" can be a name: written as names or as accounts are, or short; no label."""
    short = text[:1].isupper() and len(text.split()) <= 4
    named = len(text) <= 90 and (short or is_user_name(text) or _looks_named(text))
    return named and text.rstrip(" :").casefold() not in labels()


def labelled(label: str, value: str) -> str | None:
    """The persons whom a value names behind a label such as "Author"; of a list with commas the first, whom the rest describes."""
    listed = value.split(",", maxsplit=1)[0].strip()
    named = likely_person(re.split("[、，]", listed, maxsplit=1)[0].strip())
    return listed if named and label in labels() else None


@cache
def labels() -> frozenset[str]:
    """Case-folded labels of an author's name."""
    return frozenset(map(str.casefold, words.lines("author_labels")))


def joins(text: str) -> bool:
    """Whether a text only joins two names: a comma, "and"."""
    return fold(text) in _joint_words() or text in (",", "&", "+", "/", "|", "、")


def spelled_out(name: str, others: Iterable[str]) -> str:
    """A name that is written as an account, as another of the names writes it in two words or more; else as it is."""
    if not is_user_name(name):
        return name
    same = (other for other in others if " " in other and fold(other).replace(" ", "") == fold(name))
    return next(same, name)


def is_user_name(name: str) -> bool:
    """Whether a name is written as accounts are: one word in small Latin letters and digits."""
    return name.isascii() and name == name.lower() and len(name) > 3 and " " not in name


def is_spoken(text: str) -> bool:
    """Whether a byline begins with "By" or its like."""
    return _prefixes().match(text.strip(_EDGES)) is not None


def is_prefix(text: str) -> bool:
    """Whether a text is nothing but "By" or its like."""
    return len(text) <= 40 and fold(text) in _bare_prefixes() and text[:1].isupper() and not text.endswith(".")


def likely_person(name: str) -> bool:
    """Whether this is written as persons' names are: two to four capitalised words, or a script without capitals."""
    parts = name.split()
    if len(parts) == 1 and _UNSPACED.fullmatch(name):
        return True
    return 2 <= len(parts) <= 4 and _looks_named(name) and not any(map(str.isdigit, name))


def _looks_named(text: str) -> bool:
    parts = re.findall(r"[^\W\d_][^\s,;|/]*", text.split("|", maxsplit=1)[0])
    capitals = sum(not part[0].islower() for part in parts)
    return (
        1 <= len(parts) <= 10
        and not re.search(r"[?!:]|\d{2}", text)
        and capitals >= max(1, 0.6 * len(parts))
        and len(parts[0]) > 1
    )


def _split(text: str) -> list[str]:
    text = _BRACKETS.sub(" ", _ADDRESS.sub(" , ", _MARKUP.sub(" ", text)))
    parts = [part for whole in _PARTS.split(_without_prefix(text)) for part in _joints().split(whole)]
    return [name for part in parts if (name := _bare(part)) and not _SUFFIX.match(name)]


def _bare(part: str) -> str:
    part = _without_prefix(" ".join(part.split()))
    stripped = part.strip(_EDGES)
    short = len(stripped) < 30 and not stripped.endswith(".")
    initials = short and _INITIALS.search(part.rstrip(_EDGES.replace(".", "")))
    return _cased(_without_role(stripped + "." if initials else stripped))


def _without_site(name: str, labels: frozenset[str]) -> str:
    """A full name without the name of the site behind it."""
    parts = name.split()
    cut = (at for at in range(2, min(len(parts), 5)) if fold(" ".join(parts[at:])) in labels)
    return " ".join(parts[: next(cut, len(parts))])


def _without_role(name: str) -> str:
    """A full name without the role that follows it, without whom it was written for, and without figures."""
    parts = name.split()
    parts = list(takewhile(lambda part: not part[0].isdigit(), parts)) or parts
    for at in range(2, min(len(parts), 5)):
        if parts[at - 1].islower() and not parts[0].islower():  # no name ends so: "staff" belongs to the role
            continue
        rest = fold(" ".join(parts[at:]))
        written_for = parts[at].lower() in _FOR and len(parts) > at + 1
        if written_for or _role_after().match(rest):
            return " ".join(parts[:at])
    return " ".join(parts)


def _cased(name: str) -> str:
    """A name shouted in capitals, in ordinary case; short ones may be abbreviations."""
    if len(name.split()) > 1 and name.isupper() and name.isascii() and len(name) > 6:
        return name.title()
    return name


def _without_prefix(text: str) -> str:
    text = text.strip(_EDGES)
    for _ in range(2):
        match = _prefixes().match(text)
        if not match or not text[match.end() :].strip(_EDGES):
            break
        text = text[match.end() :].strip(_EDGES)
    return text


def _is_name(name: str, key: str) -> bool:
    if not 2 <= len(name) <= MAX_NAME or len(name.split()) > 7 or sum(map(str.isdigit, name)) > 1 or "http" in key:
        return False
    if (
        key in _not_names()
        or key in _bare_prefixes()
        or key in _joint_words()
        or dates.is_month(name)
        or not any(map(str.isalpha, name))
        or name[0].isdigit()
        or name[-1] in "?!"
    ):
        return False
    return dates.parse(name) is None


@cache
def _prefixes() -> re.Pattern[str]:
    """A prefix ends at a colon or a space; in scripts without spaces only a colon makes one."""
    phrases = "|".join(re.escape(line) for line in sorted(words.lines("bylines"), key=len, reverse=True))
    return re.compile(rf"(?:{phrases})(?:\s*[:：]\s*|\s+(?=[^\W\d_]))", re.IGNORECASE)


@cache
def _bare_prefixes() -> frozenset[str]:
    return frozenset(fold(line) for line in words.lines("bylines"))


@cache
def _joint_words() -> frozenset[str]:
    return frozenset(fold(line) for line in words.lines("author_joints"))


@cache
def _joints() -> re.Pattern[str]:
    phrases = "|".join(re.escape(line) for line in sorted(words.lines("author_joints"), key=len, reverse=True))
    return re.compile(rf"\s+(?:{phrases})\s+", re.IGNORECASE)


@cache
def _role() -> re.Pattern[str]:
    phrases = "|".join(re.escape(fold(line)) for line in sorted(words.lines("author_roles"), key=len, reverse=True))
    return re.compile(rf"^(?:{phrases})\b|\b(?:{phrases})$")


@cache
def _role_after() -> re.Pattern[str]:
    """What begins with a role or what specifies one, and ends with a role."""
    roles = "|".join(re.escape(fold(line)) for line in sorted(words.lines("author_roles"), key=len, reverse=True))
    modifiers = "|".join(re.escape(fold(line)) for line in words.lines("author_modifiers"))
    return re.compile(rf"^(?:(?:{modifiers})\b.{{0,40}}\b(?:{roles})|(?:{roles}))$")


@cache
def _not_names() -> frozenset[str]:
    return frozenset(fold(line) for line in words.lines("author_not_names"))
