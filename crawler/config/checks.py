"""What a value in newswarc.toml must be: one pure function a kind of value, ValueError with the reason otherwise.

A reason completes the line `FILE: [TABLE] KEY: `. It says what is wrong and what would be right, on one line.
"""

# ruff: noqa: TRY004 - whatever is wrong with a value, its type too, is told by one kind of error

from __future__ import annotations

import difflib
import json
import re
import warnings
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

from storage.urlkey import InvalidURL, canonical

T = TypeVar("T")

MAX_SHOWN = 60  # characters of a faulty value that are repeated in a message
MAX_NAMED = 40  # of what is possible: all commands, and not a thousand sources
MAX_LINE = 200  # characters of a name or contact
MAX_PORT = 65535
DAY = 86_400  # seconds
MAX_BUDGET = 1000  # false alarms a fortnight over 1,000 sources
DATABASES = ("sqlite", "postgresql", "postgresql+psycopg")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SOURCE_NAME = re.compile(r"\w[\w.-]{0,63}")
_PASSWORD = re.compile(r"(//[^/?#@\s:]*:)[^/?#@\s]*@")
_SERVER = re.compile(r"(?:[^:/]*(?::[^@]*)?@)?(?:\[[^\]]*\]|[^/:?]*)(?::([^/?]*))?")  # what stands behind a database's ://
_HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?")
_MAIL = re.compile(r"([^@\s<>(),;:]+)@([^@\s<>(),;:]+\.[^@\s<>(),;:]+)")
_PAGE = re.compile(r"https?://([^/\s:?#]+\.[^/\s:?#]+)", re.IGNORECASE)
_PLACEHOLDER_PERSON = re.compile(r"you|your.*|user|username|name|someone|change-?me|todo|x{3,}|foo|bar", re.IGNORECASE)
_PLACEHOLDER_DOMAIN = re.compile(
    r"(.*\.)?(example(\.(com|org|net|edu))?|invalid|domain\.(com|org|tld)|your-?(domain|site|company)\..*|change-?me\..*)",
    re.IGNORECASE,
)


def without_password(text: str) -> str:
    """Text with the passwords of URLs in it blotted out."""
    return _PASSWORD.sub(r"\1***@", text)


def shown(value: object) -> str:
    """A value as it is repeated in a message: quoted, on one line, shortened, without the password of a URL."""
    text = without_password(json.dumps(value, ensure_ascii=True, default=str))
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def nearest(word: str, words: Iterable[str]) -> str:
    """`did you mean "delay"?` or, when nothing comes near, the list of what is possible, as far as a person reads it."""
    possible = sorted(words)
    close = difflib.get_close_matches(word.lower(), possible, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    more = len(possible) - MAX_NAMED
    return f"possible: {', '.join(possible[:MAX_NAMED])}{f' and {more} more' if more > 0 else ''}"


def is_text(typed: str) -> bool:
    """Whether what was typed is text: bytes that are not stand in it as surrogates, which nothing can be stored with."""
    return typed.isascii() or not re.search("[\ud800-\udfff]", typed)


def line(value: object) -> str:
    """Text on one line, not empty."""
    if not isinstance(value, str):
        raise ValueError(f"must be text in quotes, not {shown(value)}")
    if not value.strip() or len(value) > MAX_LINE or _CONTROL.search(value):
        raise ValueError(f"must be 1 to {MAX_LINE} characters on one line, not {shown(value)}")
    return value.strip()


def source_name(value: object) -> str:
    """A word that can be typed on the command line and is never taken for a URL or an option."""
    name = line(value)
    if not _SOURCE_NAME.fullmatch(name):
        raise ValueError(f"must be one word of letters, digits and . _ - (at most 64), not {shown(name)}")
    return name


def is_source_name(text: str) -> bool:
    """Whether a text can be a source's name as it is."""
    return _SOURCE_NAME.fullmatch(text) is not None


def contact(value: object) -> str:
    """An e-mail address or web page where a site's owner reaches whoever runs the crawl; goes into the User-Agent."""
    text = line(value) if value != "" else ""
    mails, hosts = _MAIL.findall(text), [host for _, host in _MAIL.findall(text)] + _PAGE.findall(text)
    if not hosts or not text.isascii():
        raise ValueError(f"must be an e-mail address or a web page (https://...) of yours, not {shown(text)}")
    if any(map(_PLACEHOLDER_DOMAIN.fullmatch, hosts)) or any(_PLACEHOLDER_PERSON.fullmatch(who) for who, _ in mails):
        raise ValueError(f"{shown(text)} is a placeholder; write your own e-mail address or web page")
    return text


def yes_or_no(value: object) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false (without quotes), not {shown(value)}")
    return value


def seconds(value: object) -> float:
    """A number of seconds, from 0 to a day."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= DAY:
        raise ValueError(f"must be a number of seconds from 0 to {DAY}, not {shown(value)}")
    return float(value)


def positive_seconds(value: object) -> float:
    """A number of seconds, from above 0 to a day."""
    number = seconds(value)
    if number == 0:
        raise ValueError("must be a number of seconds above 0, not 0")
    return number


def budget(value: object) -> float:
    """A number of false alarms a fortnight over 1,000 sources."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_BUDGET:
        raise ValueError(f"must be a number of false alarms from 0 to {MAX_BUDGET}, not {shown(value)}")
    return float(value)


def share(value: object) -> float:
    """A part of one whole."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"must be a number from 0 to 1, not {shown(value)}")
    return float(value)


def whole(unit: str, largest: int, smallest: int = 1) -> Callable[[object], int]:
    """A whole number of `unit` from `smallest` to `largest`."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not smallest <= value <= largest:
            raise ValueError(f"must be a whole number of {unit} from {smallest} to {largest}, not {shown(value)}")
        return value

    return check


def one_of(*words: str) -> Callable[[object], str]:
    """One of some words."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"must be one of {', '.join(map(shown, words))}, not {shown(value)}")
        if value not in words:
            raise ValueError(f"{shown(value)} is none of its values; {nearest(value, words)}")
        return value

    return check


def list_of(check: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """A list whose members all pass `check`; the number of the first that does not is named."""

    def check_all(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise ValueError(f"must be a list, [{shown(value)}], not {shown(value)}")
        return tuple(_member(check, number, member) for number, member in enumerate(value, 1))

    return check_all


def _member(check: Callable[[object], T], number: int, member: object) -> T:
    try:
        return check(member)
    except ValueError as fault:
        raise ValueError(f"entry {number}: {fault}") from None


def _split(text: str) -> SplitResult | None:
    """The parts of a URL with a usable host and port, else None."""
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable and not re.search(r"[\s\x00-\x1f\x7f]", text) else None


def web_address(value: object) -> str:
    """A full http or https URL."""
    if not isinstance(value, str):
        raise ValueError(f"must be a URL in quotes, not {shown(value)}")
    parts = _split(value.strip())
    if parts is None or parts.scheme not in ("http", "https"):
        raise ValueError(f"must be a full URL, https://host/path, not {shown(value)}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password, since it is written to the archive")
    try:
        canonical(value)
    except InvalidURL as error:
        raise ValueError(f"{shown(value)} is no URL that can be fetched ({error.reason})") from None
    return value.strip()


def secret_address(value: object) -> str:
    """A full http or https URL that is never repeated in a message."""
    try:
        return web_address(value)
    except ValueError:
        raise ValueError("must be a full URL, https://host/path, without user name and password") from None


def file_name(value: object) -> str:
    """The path of a file that will be written."""
    if not isinstance(value, str) or not value.strip() or "\0" in value or value.endswith("/"):
        raise ValueError(f"must be the path of a file in quotes, not {shown(value)}")
    return value


def proxy(value: object) -> str:
    """A proxy's URL, http://host:port. A password would be sent, and so archived, with every request."""
    parts = _split(value) if isinstance(value, str) else None
    if not isinstance(value, str) or parts is None or parts.scheme not in ("http", "https") or parts.port is None:
        raise ValueError("must be the URL of a proxy with its port, http://host:3128")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password, since it would be written to the archive")
    return value


def pattern(value: object) -> str:
    """A regular expression that is searched for in the whole URL."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"must be a regular expression in quotes, not {shown(value)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(value)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(f"{shown(value)} is no regular expression: {error}") from None
    return value


def database_url(value: object) -> str:
    """A SQLAlchemy URL of a database we can use; its password is never repeated in a message."""
    scheme, separator, rest = value.partition("://") if isinstance(value, str) else ("", "", "")
    if not isinstance(value, str) or not separator:
        raise ValueError('must be "sqlite:///news.db" or "postgresql://user@host/database"')
    if scheme not in DATABASES:
        raise ValueError(f"{shown(scheme)} is no database that newswarc knows; {nearest(scheme, DATABASES)}")
    if scheme != "sqlite" and (server := _SERVER.match(rest)) and server[1] and not server[1].isdecimal():
        raise ValueError('must be "postgresql://user@host:port/database", the port a number')
    if scheme == "sqlite" and (not rest.startswith("/") or rest.strip("/") in ("", ":memory:")):
        raise ValueError('needs a file after three slashes, "sqlite:///news.db"')
    return value


def private_networks(value: object) -> bool | tuple[str, ...]:
    """Which places that are not public may be contacted: none, all, or a list of addresses, networks, host:port."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, list):
        raise ValueError(f'must be true, false or a list such as ["127.0.0.1", "10.0.0.0/8"], not {shown(value)}')
    return list_of(private_place)(value)


def private_place(value: object) -> str:
    """An IP address, a network in CIDR form, or host:port ([address]:port for IPv6)."""
    text = value.strip() if isinstance(value, str) else ""
    if not (_is_address(text) or _is_network(text) or _is_host_port(text)):
        raise ValueError(f"must be an address, a network (10.0.0.0/8) or host:port, not {shown(value)}")
    return text


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _is_network(text: str) -> bool:
    if "/" not in text:
        return False
    try:
        return bool(ip_network(text))
    except ValueError as error:
        if "host bits" in str(error):
            raise ValueError(
                f'{shown(text)} has host bits set; did you mean "{ip_network(text, strict=False)}"?'
            ) from None
        return False


def _is_host_port(text: str) -> bool:
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= MAX_PORT:
        return False
    if host.startswith("[") and host.endswith("]"):
        return _is_address(host[1:-1])
    return bool(_HOST.fullmatch(host))
