"""The network guard: only public addresses are dialled, whatever a URL, a redirect or a name server says.

It is the reactor's name resolver, so a connection dials exactly the addresses that passed here: a name that changes its
answer between check and use (DNS rebinding) gains nothing. What is public follows the IANA special-purpose registries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import AI_NUMERICHOST, SOCK_STREAM, getaddrinfo
from typing import Any, Self
from urllib.parse import urlsplit

import idna
from twisted.internet import address as endpoint
from twisted.internet.interfaces import IHostnameResolver, IResolutionReceiver
from zope.interface import implementer

from crawler.wire.lookup import Lookups, Resolution

Address = IPv4Address | IPv6Address
Dialled = endpoint.IPv4Address | endpoint.IPv6Address
Deliver = Callable[[tuple[Dialled, ...]], None]

# Refused although `is_global` of some Python 3.11 - 3.14 says yes.
_REFUSED4 = tuple(
    ip_network(text)
    for text in ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4")
)
# The only space given out for global unicast; all else (fc00::/7, fe80::/10, fec0::/10, ff00::/8, ::/96) is refused.
_UNICAST6 = ip_network("2000::/3")
# IETF protocol assignments with Teredo and ORCHID, documentation, 6to4, documentation again.
_REFUSED6 = tuple(ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_NAT64 = ip_network("64:ff9b::/96")

_HOST_PORT = re.compile(r"(?:\[([^\]]+)\]|([^\[\]:/]+)):([0-9]{1,5})")
_NAME = re.compile(r"(?=.*[a-z])[a-z0-9._-]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LAST_PORT = 65535
_CACHED_NAMES = 4096


class PrivateAddressError(Exception):
    """A host has no address but private, loopback or otherwise special ones; nothing was sent to it."""


def check_url(url: str, allowed_ports: Collection[int] | None = None) -> str | None:
    """Why this URL must not be fetched: `bad-url`, `scheme`, `userinfo` or `port`; None if it may be."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "bad-url"
    if parts.scheme not in _DEFAULT_PORTS:
        return "scheme"
    if not parts.hostname:
        return "bad-url"
    if "@" in parts.netloc:
        return "userinfo"
    dialled = _DEFAULT_PORTS[parts.scheme] if port is None else port
    return "port" if allowed_ports is not None and dialled not in allowed_ports else None


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public Internet; IPv4 inside mapped and NAT64 addresses is judged as IPv4."""
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        return is_public(inner) if inner else address in _UNICAST6 and _is_ordinary(address, _REFUSED6)
    return _is_ordinary(address, _REFUSED4)


def _is_ordinary(address: Address, refused: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    special = address.is_multicast or not address.is_global
    return not special and not any(address in network for network in refused)


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped


@dataclass(frozen=True, slots=True)
class Opening:
    """One entry of `allow_private_networks`: a network or a name, on one port or on all."""

    network: IPv4Network | IPv6Network | None
    name: str | None
    port: int | None

    def admits(self, address: Address, host: str, port: int) -> bool:
        """Whether a connection to this address of this host and port is allowed."""
        if self.port not in (None, port):
            return False
        if self.network is None:
            return host == self.name
        inner = _inner(address) if isinstance(address, IPv6Address) else None
        return address in self.network or (inner is not None and inner in self.network)


def parse_opening(entry: str) -> Opening:
    """The opening of an address, network, name, `address:port` or `name:port`; raises ValueError on anything else."""
    text = entry.strip().lower()
    matched = _HOST_PORT.fullmatch(text)
    host = (matched[1] or matched[2]) if matched else text.removeprefix("[").removesuffix("]")
    port = int(matched[3]) if matched else None
    if port is not None and not 0 < port <= _LAST_PORT:
        raise ValueError(f"{entry!r}: no such port")
    try:
        return Opening(ip_network(host, strict=False), None, port)
    except ValueError:
        if not _NAME.fullmatch(host):
            raise ValueError(f"{entry!r} is no address, network or host:port") from None
        return Opening(None, host, port)


@implementer(IResolutionReceiver)
class _Collector:
    """Gathers the answer of the resolver underneath."""

    def __init__(self, done: Deliver) -> None:
        self._done = done
        self._addresses: list[Dialled] = []

    def resolutionBegan(self, resolution: object) -> None:  # noqa: N802 (Twisted's name)
        """Nothing to note."""

    def addressResolved(self, address: Dialled) -> None:  # noqa: N802 (Twisted's name)
        """One more address."""
        self._addresses.append(address)

    def resolutionComplete(self) -> None:  # noqa: N802 (Twisted's name)
        """All addresses are known."""
        self._done(tuple(self._addresses))


@implementer(IHostnameResolver)
class NetGuard:
    """A resolver that gives out public addresses and those that `allow` opens.

    Answers are kept for `ttl` seconds, unjudged: the judgement is made anew for every connection.
    """

    def __init__(
        self, allow: bool | Sequence[str] = False, *, proxy: str | None = None, timeout: float = 20, ttl: float = 60
    ) -> None:
        """`allow` is false, true or a list of addresses, networks, names and host:port; ValueError on anything else.

        `proxy` is the host of a configured proxy, dialled wherever it is. A lookup gives up after `timeout` seconds.
        """
        self._all = allow is True
        entries = [allow] if isinstance(allow, str) else [] if isinstance(allow, bool) else allow
        self._openings = tuple(parse_opening(entry) for entry in entries)
        self._proxy = proxy and _ascii(proxy)
        self._timeout = timeout
        self._ttl = ttl
        self._known: dict[str, tuple[float, tuple[Dialled, ...]]] = {}
        self._waiting: dict[str, list[Deliver]] = {}
        self._reactor: Any = None
        self._inner: Any = None

    @classmethod
    def from_crawler(cls, crawler: object, reactor: object) -> Self:  # noqa: ARG003 (Scrapy's interface)
        """For Scrapy's TWISTED_DNS_RESOLVER: a guard without openings, until a run installs its own."""
        guard = cls()
        guard._reactor = reactor
        return guard

    def install_on_reactor(self) -> None:
        """Scrapy's name for `install`, over lookups that do not keep a run from ending."""
        self._reactor.installNameResolver(Lookups(self._reactor))
        self.install(self._reactor)

    def install(self, reactor: Any) -> None:
        """Become the reactor's name resolver, over the present one; a guard that is there is replaced."""
        present = reactor.nameResolver
        if present is self:
            return
        self._reactor = reactor
        self._inner = present._inner if isinstance(present, NetGuard) else present  # noqa: SLF001 (another of us)
        reactor.installNameResolver(self)

    def admits(self, address: str, host: str, port: int) -> bool:
        """Whether `host:port` may be dialled at this IP address."""
        return host == self._proxy or self._is_open(address, host, port)

    def _is_open(self, address: str, host: str, port: int) -> bool:
        judged = ip_address(address)
        return self._all or is_public(judged) or any(opening.admits(judged, host, port) for opening in self._openings)

    def refusal(self, url: str) -> PrivateAddressError | None:
        """The error to raise for a URL whose host had no address, if that was this guard's doing."""
        host, port = _dialled(url)
        _, addresses = self._known.get(host, (0, ()))
        if not addresses or any(self.admits(found.host, host, port) for found in addresses):
            return None
        return PrivateAddressError(f"{host}:{port} is {', '.join(sorted({found.host for found in addresses}))}")

    def refuses_literal(self, url: str) -> PrivateAddressError | None:
        """The error for an IP address, in any form getaddrinfo reads, that a proxy must not be asked for."""
        host, port = _dialled(url)
        try:
            answers = getaddrinfo(host, None, type=SOCK_STREAM, flags=AI_NUMERICHOST)
        except (OSError, UnicodeError):
            return None  # a name: the proxy resolves it, and answers for what it reaches
        refused = [str(answer[4][0]) for answer in answers if not self._is_open(str(answer[4][0]), host, port)]
        return PrivateAddressError(f"{host}:{port} is {refused[0]}") if refused else None

    def resolveHostName(  # noqa: N802 (Twisted's name)
        self,
        resolutionReceiver: Any,  # noqa: N803 (Twisted's name)
        hostName: str,  # noqa: N803 (Twisted's name)
        portNumber: int = 0,  # noqa: N803 (Twisted's name)
        addressTypes: Sequence[type] | None = None,  # noqa: N803 (Twisted's name)
        transportSemantics: str = "TCP",  # noqa: N803 (Twisted's name)
    ) -> Any:
        """Twisted's IHostnameResolver: the addresses of a name that may be dialled, perhaps none."""
        resolution = Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        host = _ascii(hostName)

        def deliver(addresses: tuple[Dialled, ...]) -> None:
            for found in addresses:
                if self.admits(found.host, host, portNumber) and isinstance(found, tuple(addressTypes or (object,))):
                    resolutionReceiver.addressResolved(_with_port(found, portNumber))
            resolutionReceiver.resolutionComplete()

        self._look_up(host, deliver)
        return resolution

    def _look_up(self, host: str, deliver: Deliver) -> None:
        expires, addresses = self._known.get(host, (0.0, ()))
        if expires > self._reactor.seconds() or not _is_name(host):
            deliver(addresses)
        elif host in self._waiting:
            self._waiting[host].append(deliver)
        else:
            self._ask(host, deliver)

    def _ask(self, host: str, deliver: Deliver) -> None:
        self._waiting[host] = [deliver]
        timer = self._reactor.callLater(self._timeout, self._answer, host, ())

        def done(addresses: tuple[Dialled, ...]) -> None:
            self._remember(host, addresses)
            if timer.active():
                timer.cancel()
                self._answer(host, addresses)

        self._inner.resolveHostName(_Collector(done), host, 0)

    def _answer(self, host: str, addresses: tuple[Dialled, ...]) -> None:
        for deliver in self._waiting.pop(host, ()):
            deliver(addresses)

    def _remember(self, host: str, addresses: tuple[Dialled, ...]) -> None:
        self._known.pop(host, None)
        if addresses:
            self._known[host] = (self._reactor.seconds() + self._ttl, addresses)
        if len(self._known) > _CACHED_NAMES:
            del self._known[next(iter(self._known))]


def _dialled(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return _ascii(parts.hostname or ""), parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)


def _with_port(found: Dialled, port: int) -> Dialled:
    if isinstance(found, endpoint.IPv6Address):
        return endpoint.IPv6Address("TCP", found.host, port, found.flowInfo, found.scopeID)
    return endpoint.IPv4Address("TCP", found.host, port)


def _ascii(host: str) -> str:
    """The name as it goes to the resolver: getaddrinfo would encode other letters by the older IDNA 2003."""
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except UnicodeError:
        return host


def _is_name(host: str) -> bool:
    """Whether getaddrinfo takes it at all: on an overlong or empty label it raises, and the lookup would hang."""
    try:
        return b"\0" not in host.encode("idna")
    except UnicodeError:
        return False
