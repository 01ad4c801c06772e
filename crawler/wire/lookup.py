"""Name lookups, a thread for each, that nobody waits for: Twisted's pool would keep a run from ending until all are done."""

from __future__ import annotations

from collections.abc import Sequence
from socket import AF_INET, AF_INET6, SOCK_STREAM, gaierror, getaddrinfo
from threading import Thread
from typing import Any

from twisted.internet import address as endpoint
from twisted.internet.interfaces import IHostnameResolver, IHostResolution
from zope.interface import implementer


@implementer(IHostResolution)
class Resolution:
    """A lookup in hand, as Twisted's interface wants it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """A lookup cannot be taken back; its answer comes to nothing."""


@implementer(IHostnameResolver)
class Lookups:
    """The system's resolver. What the guard lets through at once is bounded by the run's concurrency."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def resolveHostName(  # noqa: N802 (Twisted's name)
        self,
        resolutionReceiver: Any,  # noqa: N803 (Twisted's name)
        hostName: str,  # noqa: N803 (Twisted's name)
        portNumber: int = 0,  # noqa: N803 (Twisted's name)
        addressTypes: Sequence[type] | None = None,  # noqa: N803 (Twisted's name)
        transportSemantics: str = "TCP",  # noqa: N803 (Twisted's name)
    ) -> Any:
        """Twisted's IHostnameResolver."""
        resolution = Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)

        def deliver(found: list[Any]) -> None:
            for address in found:
                if isinstance(address, tuple(addressTypes or (object,))):
                    resolutionReceiver.addressResolved(address)
            resolutionReceiver.resolutionComplete()

        def work() -> None:
            found = _addresses(hostName, portNumber)
            self._reactor.callFromThread(deliver, found)

        Thread(target=work, name="lookup", daemon=True).start()
        return resolution


def _addresses(host: str, port: int) -> list[Any]:
    try:
        answers = getaddrinfo(host, port, type=SOCK_STREAM)
    except (gaierror, OSError, UnicodeError):
        return []
    made = {AF_INET: endpoint.IPv4Address, AF_INET6: endpoint.IPv6Address}
    return [made[family]("TCP", *place) for family, _, _, _, place in answers if family in made]
