"""The network guard: which addresses are public, what a list opens, and what a resolver behind it may say."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.task import Clock

from crawler.wire.netguard import NetGuard, PrivateAddressError, check_url, is_public, parse_opening

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.32.0.1",
    "192.0.1.1",
    "100.63.255.255",
    "198.20.0.1",
    "223.255.255.1",
]
PUBLIC_6 = ["2606:4700::1111", "2a00:1450::1", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "0.0.0.0", "0.1.2.3"),
    *("169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.0.170", "192.0.2.1", "198.51.100.1"),
    *("203.0.113.9", "198.18.0.1", "198.19.255.255", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
    "255.255.255.255",
]
PRIVATE_6 = [
    *(
        "::1",
        "::",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
    ),
    *("64:ff9b::a00:1", "2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "3fff::1"),
    *("fe80::1", "fe80::1%2", "fec0::1", "fc00::1", "fd12::1", "ff02::1", "ff0e::1", "100::1", "2001:20::1", "5f00::1"),
    "4000::1",
]


@pytest.mark.parametrize("address", PUBLIC + PUBLIC_6)
def test_public_addresses(address):
    """Ordinary global unicast is public, and public IPv4 inside IPv6 where networks really use that."""
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", PRIVATE + PRIVATE_6)
def test_special_addresses(address):
    """Everything the IANA registries set apart is not public, whatever IPv6 it is wrapped in."""
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://a.example/x?y", None),
        ("http://a.example:80/", None),
        ("HTTPS://A.EXAMPLE/", None),
        ("http://[::1]/", None),
        ("http://a.example:8080/", "port"),
        ("http://a.example:0/", "port"),
        ("http://a.example:22/", "port"),
        ("ftp://a.example/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("data:text/html,x", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("//a.example/", "scheme"),
        ("http:///x", "bad-url"),
        ("http://:80/", "bad-url"),
        ("http://a.example:99999/", "bad-url"),
        ("http://a.example:x/", "bad-url"),
        ("http://[::1/", "bad-url"),
        ("http://user@a.example/", "userinfo"),
        ("http://user:secret@a.example/", "userinfo"),
        ("http://@a.example/", "userinfo"),
    ],
)
def test_check_url(url, reason):
    """Scheme, host, user name and port are judged before anything is looked up."""
    assert check_url(url, {80, 443}) == reason


def test_check_url_without_a_list_of_ports():
    """None allows all ports."""
    assert check_url("http://a.example:8080/") is None


@pytest.mark.parametrize(
    ("entry", "address", "host", "port", "admitted"),
    [
        ("127.0.0.1", "127.0.0.1", "localhost", 8000, True),
        ("127.0.0.1", "::ffff:127.0.0.1", "x", 8000, True),
        ("127.0.0.1", "127.0.0.2", "localhost", 8000, False),
        ("10.0.0.0/8", "10.9.8.7", "intranet.test", 80, True),
        ("10.0.0.1/8", "10.9.8.7", "intranet.test", 80, True),
        ("10.0.0.0/8", "172.16.0.1", "intranet.test", 80, False),
        ("127.0.0.1:8000", "127.0.0.1", "localhost", 8000, True),
        ("127.0.0.1:8000", "127.0.0.1", "localhost", 8001, False),
        ("::1", "::1", "localhost", 1, True),
        ("[::1]", "::1", "localhost", 1, True),
        ("[::1]:8000", "::1", "localhost", 8000, True),
        ("[::1]:8000", "::1", "localhost", 80, False),
        ("fd00::/8", "fd12::1", "x", 80, True),
        ("Intranet.test:8000", "10.0.0.1", "intranet.test", 8000, True),
        ("intranet.test:8000", "10.0.0.1", "other.test", 8000, False),
        ("intranet.test:8000", "10.0.0.1", "intranet.test", 80, False),
        ("intranet.test", "10.0.0.1", "intranet.test", 80, True),
    ],
)
def test_openings(entry, address, host, port, admitted):
    """An entry of allow_private_networks opens an address, a network or a name, on one port or all."""
    assert parse_opening(entry).admits(ip_address(address), host, port) is admitted
    assert NetGuard([entry]).admits(address, host, port) is admitted


@pytest.mark.parametrize(
    "entry", ["", "10.0.0.0/33", "300.1.1.1", "127.0.0.1:99999", "127.0.0.1:0", "a b", "http://x/", ":80"]
)
def test_bad_openings(entry):
    """What is neither address, network nor host:port is refused by name."""
    with pytest.raises(ValueError, match=r"no address, network or host:port|no such port"):
        NetGuard([entry])


class FakeReactor(Clock):
    """A clock with a name resolver."""

    def __init__(self, resolver):
        super().__init__()
        self.nameResolver = resolver

    def installNameResolver(self, resolver):  # noqa: N802 (Twisted's name)
        """Replaces the resolver."""
        self.nameResolver = resolver


class FakeResolver:
    """Answers by turns; an answer of None never comes, unless `finish` is called."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []
        self.pending = []

    def resolveHostName(self, receiver, hostName, portNumber=0, addressTypes=None, transportSemantics="TCP"):  # noqa: N802, N803
        """Twisted's interface."""
        self.asked.append(hostName)
        receiver.resolutionBegan(None)
        turns = self.answers[hostName.split(".")[0]]
        answer = turns.pop(0) if len(turns) > 1 else turns[0]
        if answer is None:
            self.pending.append(receiver)
        else:
            self.finish(receiver, answer)

    def finish(self, receiver, answer):
        """Gives an answer."""
        for host in answer:
            receiver.addressResolved((IPv6Address if ":" in host else IPv4Address)("TCP", host, 0))
        receiver.resolutionComplete()


class Receiver:
    """Collects what a resolver gives out."""

    def __init__(self):
        self.addresses = []
        self.complete = False

    def resolutionBegan(self, resolution):  # noqa: N802 (Twisted's name)
        """Nothing."""

    def addressResolved(self, address):  # noqa: N802 (Twisted's name)
        """One more."""
        self.addresses.append((address.host, address.port))

    def resolutionComplete(self):  # noqa: N802 (Twisted's name)
        """The end."""
        assert not self.complete
        self.complete = True


def guarded(*, allow=False, **answers):
    """A guard over a fake resolver, and both."""
    resolver = FakeResolver(**answers)
    reactor = FakeReactor(resolver)
    guard = NetGuard(allow, timeout=5, ttl=60)
    guard.install(reactor)
    return guard, reactor, resolver


def look_up(reactor, host, port=80, **kwargs):
    """What the installed resolver gives out for a host."""
    receiver = Receiver()
    reactor.nameResolver.resolveHostName(receiver, host, port, **kwargs)
    return receiver


def test_bad_addresses_are_dropped_and_good_ones_kept():
    """Of a mixed answer the public addresses remain, both families, with the port that was asked for."""
    _, reactor, _ = guarded(mixed=[["10.0.0.1", "1.1.1.1", "::1", "2606:4700::1111"]])
    receiver = look_up(reactor, "mixed.test", 443)
    assert receiver.addresses == [("1.1.1.1", 443), ("2606:4700::1111", 443)]
    assert receiver.complete
    only_4 = look_up(reactor, "mixed.test", 443, addressTypes=[IPv4Address])
    assert only_4.addresses == [("1.1.1.1", 443)]


def test_a_refusal_says_which_addresses():
    """A host with nothing but private addresses has an error to raise; one that is unknown or public has none."""
    guard, reactor, _ = guarded(private=[["10.0.0.1", "::1"]], public=[["1.1.1.1"]], unknown=[[]])
    for host in ("private.test", "public.test", "unknown.test"):
        look_up(reactor, host)
    error = guard.refusal("http://PRIVATE.test/x")
    assert isinstance(error, PrivateAddressError)
    assert str(error) == "private.test:80 is 10.0.0.1, ::1"
    assert guard.refusal("http://public.test/") is None
    assert guard.refusal("http://unknown.test/") is None
    assert guard.refusal("http://never-asked.test/") is None


def test_answers_are_cached_and_judged_anew():
    """Within its time to live an answer is not asked for again, and an opened port does not open another."""
    _, reactor, resolver = guarded(allow=["10.0.0.1:8000"], name=[["10.0.0.1"], ["1.1.1.1"]])
    assert look_up(reactor, "name.test", 8000).addresses == [("10.0.0.1", 8000)]
    assert look_up(reactor, "name.test", 80).addresses == []
    assert len(resolver.asked) == 1
    reactor.advance(61)
    assert look_up(reactor, "name.test", 80).addresses == [("1.1.1.1", 80)]


def test_a_name_server_that_does_not_answer():
    """A lookup ends after its timeout without addresses; an answer that comes later is there for the next."""
    guard, reactor, resolver = guarded(slow=[None])
    first, second = look_up(reactor, "slow.test"), look_up(reactor, "slow.test")
    assert len(resolver.asked) == 1
    reactor.advance(5.1)
    assert (first.complete, first.addresses) == (True, [])
    assert second.complete
    assert guard.refusal("http://slow.test/") is None
    resolver.finish(resolver.pending.pop(), ["1.1.1.1"])
    assert look_up(reactor, "slow.test").addresses == [("1.1.1.1", 80)]


def test_waiting_lookups_share_one_answer():
    """Requests for one host in the same moment ask its name once."""
    _, reactor, resolver = guarded(slow=[None])
    receivers = [look_up(reactor, "slow.test", port) for port in (80, 443)]
    resolver.finish(resolver.pending.pop(), ["1.1.1.1"])
    assert [receiver.addresses for receiver in receivers] == [[("1.1.1.1", 80)], [("1.1.1.1", 443)]]
    assert reactor.getDelayedCalls() == []


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "a..test", ".test", "a\0.test"])
def test_names_that_are_none_are_not_looked_up(host):
    """What getaddrinfo would choke on ends at once."""
    _, reactor, resolver = guarded()
    receiver = look_up(reactor, host)
    assert receiver.complete
    assert not resolver.asked


def test_other_letters_go_out_as_idna_2008():
    """Twisted decodes xn-- names before the resolver sees them; they are encoded again, by the newer rule."""
    _, reactor, resolver = guarded(**{"xn--strae-oqa": [["1.1.1.1"]]})
    assert look_up(reactor, "straße.test").addresses == [("1.1.1.1", 80)]
    assert resolver.asked == ["xn--strae-oqa.test"]


def test_a_guard_replaces_another():
    """Installing is idempotent, and a second guard stands over the first one's resolver, not over its judgement."""
    guard, reactor, _ = guarded(name=[["10.0.0.1"]])
    guard.install(reactor)
    assert look_up(reactor, "name.test").addresses == []
    NetGuard(allow=True).install(reactor)
    assert look_up(reactor, "name.test").addresses == [("10.0.0.1", 80)]


def test_the_proxy_is_dialled_wherever_it_is():
    """A configured proxy may be private; that opens nothing that is asked of it."""
    guard = NetGuard(proxy="Proxy.intranet.test")
    assert guard.admits("10.0.0.1", "proxy.intranet.test", 3128)
    assert not guard.admits("10.0.0.1", "other.intranet.test", 3128)
    assert guard.refuses_literal("http://10.0.0.1/") is not None
    assert guard.refuses_literal("http://other.intranet.test/") is None


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "017700000001", "127.1", "0x7f.1", "[::ffff:7f00:1]"])
def test_literals_in_all_forms_of_the_platform(host):
    """What getaddrinfo reads as an address is judged as that address."""
    error = NetGuard().refuses_literal(f"http://{host}:81/")
    assert isinstance(error, PrivateAddressError)
    assert NetGuard(["127.0.0.1:81"]).refuses_literal(f"http://{host}:81/") is None
    assert socket.getaddrinfo(host.strip("[]"), 81)


def test_true_allows_all():
    """allow_private_networks = true turns the judgement off."""
    assert NetGuard(allow=True).admits("127.0.0.1", "localhost", 1)


def test_the_cache_is_bounded():
    """Names looked up long ago are forgotten, so that memory does not grow with hosts."""
    guard, reactor, _ = guarded(h=[["1.1.1.1"]])
    for number in range(5_000):
        look_up(reactor, f"h.{number}.test")
    assert len(guard._known) <= 4096
