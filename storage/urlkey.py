"""The one canonical form of a URL, and the keys made from it.

Hosts, slashes and dots are read as browsers read them (WHATWG URL Standard, special schemes); what servers do not
look at is then dropped: fragments, tracking parameters (tracking_parameters.txt), session ids, the default port.
Stricter than browsers: user names are refused, and host names hold letters, digits, `-`, `_` and dots only.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from urllib.parse import unquote_to_bytes

import idna

MAX_LENGTH = 8_000  # characters of a canonical URL
_MAX_KEY = 2_000
_MAX_RAW_LENGTH = 4 * MAX_LENGTH  # parameters that will be dropped may make a URL too long
_MAX_RAW_HOST = 1_000
_DEFAULT_PORTS = {"http": 80, "https": 443}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_EDGE = "".join(map(chr, range(0x21)))  # C0 controls and space, as browsers strip them
_NEWLINES = re.compile(r"[\t\n\r]")
_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_PORT = re.compile(r"0*([0-9]{1,5})")
_SURROGATES = re.compile("[\ud800-\udfff]")
_UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_PATH_ODD = re.compile(r"%([0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@/]")
_QUERY_ODD = re.compile(r"%([0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$()*+,;:@/?=&]")
_JAVA_SESSION = re.compile(r"(?:;|%3B)jsessionid=[^;/]*", re.IGNORECASE)
# The segment of ASP.NET where there are no cookies: (S(24 characters)), with or without others beside it.
_ASP_SESSION = re.compile(
    r"/\((?:[AFX]\([\w-]+\))*S\([a-z0-5]{24}\)(?:[AFX]\([\w-]+\))*\)(?=/)", re.ASCII | re.IGNORECASE
)
_SESSION_ID = re.compile(r"(?=[0-9a-f]+-?[0-9a-f])[0-9a-f-]{16,}", re.IGNORECASE)


class InvalidURL(ValueError):
    """No canonical form. `reason` is a short stable word: scheme, no-scheme, host, port, userinfo, too-long."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"invalid URL: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Parts:
    scheme: str
    host: str
    port: int | None  # None for the default of the scheme
    path: str
    query: str

    @property
    def netloc(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


def canonical(url: str, base: str | None = None) -> str:
    """The canonical form of `url`, resolved against `base` when it is relative; raises InvalidURL."""
    return _written(_parse(url, base))


def absolute(url: str, base: str | None = None) -> str:
    """The URL that a browser would ask for: as `canonical`, but no parameter is dropped; raises InvalidURL.

    Of what is no page: the signature of a picture looks like a session id, and without it there is no picture.
    """
    return _written(_parse(url, base, whole=True))


def key(url: str) -> str:
    """The identity of a page: the canonical form without scheme, parameters sorted; raises InvalidURL.

    At most 2,065 characters: PostgreSQL's indexes take no more than 2,704 bytes. A longer one ends in `#` and its SHA-256.
    """
    parts = _parse(canonical(url))
    query = "?" + "&".join(sorted(parts.query.split("&"))) if parts.query else ""
    whole = parts.netloc + parts.path + query
    return whole if len(whole) <= _MAX_KEY else f"{whole[:_MAX_KEY]}#{hashlib.sha256(whole.encode()).hexdigest()}"


def host_key(url: str) -> str:
    """`host[:port]`, the port only where it is not the scheme's default; raises InvalidURL."""
    return _parse(url).netloc


def site(url_or_host: str) -> str:
    """The registrable domain (Public Suffix List, private suffixes too), the host itself where there is none.

    Raises InvalidURL.
    """
    return _registrable(_parse(url_or_host if "://" in url_or_host else f"http://{url_or_host}/").host)


def same_site(a: str, b: str) -> bool:
    """Whether two URLs or hosts have one registrable domain; raises InvalidURL."""
    return site(a) == site(b)


# ---- reading


def _written(parts: _Parts) -> str:
    query = f"?{parts.query}" if parts.query else ""
    return _limited(f"{parts.scheme}://{parts.netloc}{parts.path}{query}")


def _limited(url: str) -> str:
    if len(url) > MAX_LENGTH:
        raise InvalidURL("too-long")
    return url


def _parse(url: str, base: str | None = None, *, whole: bool = False) -> _Parts:
    if len(url) > _MAX_RAW_LENGTH:
        raise InvalidURL("too-long")
    return _cleaned(*_split(_NEWLINES.sub("", url.strip(_EDGE)), base), whole=whole)


@lru_cache(maxsize=64)
def _parse_base(base: str) -> _Parts:
    return _parse(base)


def _split(url: str, base: str | None) -> tuple[str, str | None, str, str]:
    """The raw scheme, authority (None where the base's holds), path and query of a stripped URL."""
    match = _SCHEME.match(url)
    scheme = match[1].lower() if match else None
    if match and scheme not in _DEFAULT_PORTS:
        raise InvalidURL("scheme")
    rest = url[match.end() :] if match else url
    rest, _, _ = rest.partition("#")
    rest, mark, query = rest.partition("?")
    rest = rest.replace("\\", "/")
    if rest.startswith("//") or (scheme and not (base and _parse_base(base).scheme == scheme)):
        authority, slash, path = rest.lstrip("/").partition("/")
        return scheme or _base(base).scheme, authority, slash + path, query
    return _resolved(rest, query if mark else None, _base(base))


def _base(base: str | None) -> _Parts:
    if base is None:
        raise InvalidURL("no-scheme")
    return _parse_base(base)


def _resolved(path: str, query: str | None, base: _Parts) -> tuple[str, str | None, str, str]:
    """A relative reference against its base (RFC 3986, 5.2.2)."""
    if not path:
        path = base.path
        query = base.query if query is None else query
    elif not path.startswith("/"):
        path = base.path.rpartition("/")[0] + "/" + path
    return base.scheme, base.netloc, path, query or ""


def _cleaned(scheme: str, authority: str | None, path: str, query: str, *, whole: bool) -> _Parts:
    host, port = _authority(authority or "")
    return _Parts(
        scheme=scheme,
        host=_host(host),
        port=None if port == _DEFAULT_PORTS[scheme] else port,
        path=_path(path, whole=whole),
        query=_query(query, whole=whole),
    )


# ---- host


def _authority(authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise InvalidURL("userinfo")
    host, colon, port = authority.rpartition(":")
    if not colon or "]" in port:
        return authority, None
    if not port:
        return host, None
    match = _PORT.fullmatch(port) if len(port) < _MAX_RAW_HOST else None
    if match is None or int(match[1]) > 0xFFFF:
        raise InvalidURL("port")
    return host, int(match[1])


@lru_cache(maxsize=4096)
def _host(raw: str) -> str:
    if len(raw) > _MAX_RAW_HOST:
        raise InvalidURL("host")
    if raw.startswith("["):
        return _ipv6(raw)
    host = _ascii(_percent_decoded(raw)).removesuffix(".")
    if _ends_in_number(host):
        return _ipv4(host)
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise InvalidURL("host")
    return host


def _percent_decoded(host: str) -> str:
    if "%" not in host:
        return host
    try:
        return unquote_to_bytes(_SURROGATES.sub("\ufffd", host)).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidURL("host") from None


def _ascii(host: str) -> str:
    """UTS 46 mapping, then punycode; unlike IDNA 2008 it lets emoji and underscores pass, as browsers do."""
    try:
        return ".".join(map(_label, idna.uts46_remap(host, std3_rules=False).split(".")))
    except ValueError:  # IDNAError and UnicodeError are; idna also lets a bare one pass
        raise InvalidURL("host") from None


def _label(label: str) -> str:
    if label.startswith("xn--"):
        _check_punycode(label)
    if label.isascii():
        return label
    _check_label(label)
    return "xn--" + label.encode("punycode").decode("ascii")


def _check_punycode(label: str) -> None:
    """A label written in punycode must be what its own text would be written as."""
    text = label[4:].encode("ascii").decode("punycode")
    if (
        text.isascii()
        or idna.uts46_remap(text, std3_rules=False) != text
        or "xn--" + text.encode("punycode").decode("ascii") != label
    ):
        raise InvalidURL("host")
    _check_label(text)


def _check_label(text: str) -> None:
    """The checks of UTS 46 that browsers make: no leading mark, joiners in context, one direction."""
    joiners_fit = all(idna.valid_contextj(text, i) for i, char in enumerate(text) if char in "\u200c\u200d")
    if unicodedata.category(text[0]).startswith("M") or "." in text or text.startswith("xn--") or not joiners_fit:
        raise InvalidURL("host")
    idna.check_bidi(text)


def _ipv6(raw: str) -> str:
    try:
        address = ipaddress.IPv6Address(raw[1:-1] if raw.endswith("]") and "%" not in raw else "")
    except ValueError:
        raise InvalidURL("host") from None
    return f"[{_compressed(int(address))}]"


def _compressed(number: int) -> str:
    """RFC 5952 without the mixed notation, which newer Pythons write for mapped addresses and browsers do not."""
    words = [f"{number >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)]
    start, length = max(((i, _zeros(words[i:])) for i in range(8)), key=lambda run: (run[1], -run[0]))
    if length < 2:
        return ":".join(words)
    return ":".join(words[:start]) + "::" + ":".join(words[start + length :])


def _zeros(words: list[str]) -> int:
    return next((i for i, word in enumerate(words) if word != "0"), len(words))


def _ends_in_number(host: str) -> bool:
    return re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.rpartition(".")[2]) is not None


def _ipv4(host: str) -> str:
    """Decimal, octal and hexadecimal parts, one to four of them, the last filling what is left."""
    numbers = [_ipv4_number(part) for part in host.split(".")]
    *leading, last = numbers
    if len(numbers) > 4 or any(number > 255 for number in leading) or last >= 256 ** (5 - len(numbers)):
        raise InvalidURL("host")
    total = last + sum(number << 8 * (3 - i) for i, number in enumerate(leading))
    return str(ipaddress.IPv4Address(total))


def _ipv4_number(part: str) -> int:
    if match := re.fullmatch(r"0x([0-9a-f]*)", part):
        return int(match[1] or "0", 16)
    if re.fullmatch(r"0[0-7]*", part):
        return int(part, 8)
    if re.fullmatch(r"[1-9][0-9]*", part):
        return int(part)
    raise InvalidURL("host")


@lru_cache(maxsize=4096)
def _registrable(host: str) -> str:
    if host.startswith("[") or _ends_in_number(host):
        return host
    labels = host.split(".")
    suffix = _suffix_of()(host) or labels[-1]  # the list's own default: an unknown last label is a suffix
    return ".".join(labels[-2 - suffix.count(".") :])


@lru_cache(maxsize=1)
def _suffix_of() -> Callable[[str], str]:
    # Imported late: it pulls in requests, a quarter of a second that commands without same_site need not pay.
    from tldextract import TLDExtract

    extract = TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)
    return lambda host: extract.extract_str(host).suffix


# ---- path and query


def _path(raw: str, *, whole: bool) -> str:
    encoded = _PATH_ODD.sub(_percent, _SURROGATES.sub("\ufffd", raw))
    return _without_dots(encoded if whole else _ASP_SESSION.sub("", _JAVA_SESSION.sub("", encoded)))


def _percent(match: re.Match[str]) -> str:
    if match[1] is None:
        return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8"))
    byte = int(match[1], 16)
    return chr(byte) if byte in _UNRESERVED else f"%{byte:02X}"


def _without_dots(path: str) -> str:
    if "/." not in path:
        return path or "/"
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _query(raw: str, *, whole: bool) -> str:
    encoded = _QUERY_ODD.sub(_percent, _SURROGATES.sub("\ufffd", raw))
    if whole:
        return encoded
    return "&".join(parameter for parameter in encoded.split("&") if parameter and not _is_tracking(parameter))


@dataclass(frozen=True, slots=True)
class _Tracking:
    names: frozenset[str]
    prefixes: tuple[str, ...]
    values: frozenset[str]  # name=value
    sessions: frozenset[str]  # names whose value must look like a session id


@lru_cache(maxsize=1)
def _tracking() -> _Tracking:
    text = resources.files("storage").joinpath("tracking_parameters.txt").read_text(encoding="utf-8")
    rules = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    sessions = {rule.removesuffix("={id}") for rule in rules if rule.endswith("={id}")}
    plain = {rule for rule in rules if not rule.endswith("={id}")}
    return _Tracking(
        names=frozenset(rule for rule in plain if "=" not in rule and not rule.endswith("*")),
        prefixes=tuple(rule[:-1] for rule in plain if rule.endswith("*")),
        values=frozenset(rule for rule in plain if "=" in rule),
        sessions=frozenset(sessions),
    )


def _is_tracking(parameter: str) -> bool:
    rules = _tracking()
    lowered = parameter.lower().removeprefix("amp;")
    name, _, value = lowered.partition("=")
    if name in rules.names or lowered in rules.values or name.startswith(rules.prefixes):
        return True
    return name in rules.sessions and _SESSION_ID.fullmatch(value) is not None
