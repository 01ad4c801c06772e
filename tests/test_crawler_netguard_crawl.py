"""The network guard in real crawls: private addresses are not contacted, directly, by redirect, by DNS or by proxy."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
from urllib.parse import urlsplit

import pytest
from crawling import run_crawl
from hard_server import CASES, Case, Server, read_request, serving


@pytest.fixture(scope="module")
def servers():
    """Both hard servers."""
    with serving() as running:
        yield running


@pytest.fixture
def crawl(tmp_path, servers):
    """Crawls some requests, one after the other; keywords are parts of the plan."""
    return lambda *requests, **plan: run_crawl(tmp_path, servers, requests, **plan)


# --- private addresses ------------------------------------------------------------------------------------------------

LOOPBACK = ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "0x7f.1", "0.0.0.0", "0", "localhost"]
LOOPBACK_6 = ["[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"]


@pytest.fixture
def listener():
    """A private server that nobody must contact."""
    server = Server({"/plain": dataclasses.replace(CASES[0], then="close")})
    server.start()
    yield server
    server.stop()


def test_private_addresses_are_never_contacted(crawl, listener):
    """Loopback in all its forms, unspecified, private and link-local addresses are refused before a connection."""
    hosts = [*LOOPBACK, *LOOPBACK_6, "10.0.0.1", "192.168.1.1", "169.254.169.254", "[fe80::1]", "[fd00::1]"]
    found = crawl(*(f"http://{host}:{listener.port}/plain" for host in hosts), allow=False)
    reasons = {host: found.results[n]["reason"] for n, host in enumerate(hosts)}
    assert set(reasons.values()) == {"private-address"}, reasons
    assert listener.accepted == 0
    assert not any(found.exchanges.values())


def test_redirects_do_not_lead_to_private_addresses(crawl, listener):
    """A server that may be contacted cannot send us on to one that may not."""
    targets = [f"http://{host}:{listener.port}/plain" for host in [*LOOPBACK, *LOOPBACK_6]]
    cases = [_redirect(n, target) for n, target in enumerate(targets)]
    with serving(tuple(cases)) as open_servers:
        server = open_servers.http
        urls = [server.url(case.name) for case in cases]
        found = crawl(*urls, allow=[f"127.0.0.1:{server.port}"], settings={"REDIRECT_ENABLED": True})
    reasons = [found.results[n].get("reason") for n in range(len(cases))]
    assert reasons == ["private-address"] * len(cases)
    assert listener.accepted == 0
    assert all(len(exchanges) == 1 for exchanges in found.exchanges.values())


def _redirect(n: int, target: str) -> Case:
    reply = b"HTTP/1.1 302 Found\r\nLocation: " + target.encode() + b"\r\nContent-Length: 0\r\n\r\n"
    return Case(f"to-{n}", reply, status=302)


def test_a_name_that_changes_its_answer_gains_nothing(crawl, listener):
    """DNS rebinding: of a name whose answers alternate, only connections to the allowed address are made."""
    allowed = Server(listener.cases, host="127.0.0.2", port=listener.port)
    allowed.start()
    url = f"http://rebind.test:{listener.port}/plain"
    names = {"rebind.test": [["127.0.0.2"], ["127.0.0.1"], ["127.0.0.1", "127.0.0.2"]]}
    allow = [f"127.0.0.2:{listener.port}"]
    found = crawl(*[url] * 6, allow=allow, names=names, ttl=0)
    allowed.stop()
    outcomes = [found.results[n].get("reason", found.results[n].get("status")) for n in range(6)]
    assert outcomes == [200, "private-address", 200] * 2
    assert listener.accepted == 0


# --- proxies ----------------------------------------------------------------------------------------------------------


class Proxy:
    """An HTTP proxy: tunnels CONNECT to where it is asked, and remembers the requests for it."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"):
        self.answer, self.asked, self.threads = answer, [], []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self._start(self._accept)

    def _start(self, work, *args):
        self.threads.append(threading.Thread(target=work, args=args))
        self.threads[-1].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                self._start(self._tunnel, self.socket.accept()[0])

    def _tunnel(self, client):
        with client:
            request = read_request(client)
            self.asked.append(request)
            client.sendall(self.answer)
            if b" 200 " in self.answer:
                host, port = request.split(b" ")[1].decode().rsplit(":", 1)
                with socket.create_connection((host, int(port))) as server:
                    back = threading.Thread(target=_copy, args=(server, client))
                    back.start()
                    _copy(client, server)
                    back.join()

    def stop(self):
        """Closes everything."""
        self.socket.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        self.socket.close()


def _copy(source, target):
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy():
    """A proxy that tunnels."""
    running = Proxy()
    yield running
    running.stop()


@pytest.fixture
def closed_proxy():
    """A proxy that tunnels nothing."""
    running = Proxy(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    yield running
    running.stop()


def test_a_tunnel_is_not_part_of_the_exchange(crawl, servers, proxy):
    """Of https through a proxy, the bytes inside the tunnel are recorded, for each exchange on it."""
    server = servers.https
    names = ["chunked", "gzip", "cut-body"]
    seen_before = len(server.served)
    requests = [{"url": server.url(name), "meta": {"proxy": proxy.url}} for name in names]
    found = crawl(*requests)
    served = server.served[seen_before:]
    for n in range(len(names)):
        [exchange] = found.exchanges[n]
        assert (exchange["request"], exchange["response"]) == (served[n].request, served[n].response)
        assert exchange["tls"].startswith("TLSv1")
    assert len(proxy.asked) == 1
    assert proxy.asked[0].startswith(b"CONNECT ")


def test_http_through_a_proxy_is_recorded_as_sent(crawl, servers):
    """The request line to a proxy is the absolute form, and so it is recorded; the proxy resolves the name."""
    server = servers.http
    seen_before = len(server.served)
    meta = {"proxy": f"http://127.0.0.1:{server.port}"}
    found = crawl({"url": "http://paper.test/plain", "meta": meta}, allow=False, proxy="127.0.0.1")
    [exchange] = found.exchanges[0]
    assert exchange["request"].startswith(b"GET http://paper.test/plain HTTP/1.1\r\n")
    assert exchange["request"] == server.served[seen_before].request
    assert found.results[0]["status"] == 200


def test_a_proxy_is_no_way_into_a_private_network(crawl, closed_proxy):
    """An address that must not be dialled is not asked of the proxy either, and a proxy's refusal is named."""
    meta = {"proxy": closed_proxy.url}
    urls = ["http://127.0.0.1/", "https://0x7f.1/", f"{closed_proxy.url}/", "https://paper.test/"]
    found = crawl(*({"url": url, "meta": meta} for url in urls), allow=False, proxy="127.0.0.1")
    assert [found.results[n]["reason"] for n in range(3)] == ["private-address"] * 3
    assert found.results[3]["reason"].startswith("proxy: Could not open CONNECT tunnel")
    assert [urlsplit(b"//" + asked.split(b" ")[1]).hostname for asked in closed_proxy.asked] == [b"paper.test"]


def test_ambient_proxies_are_ignored_when_scrapys_middleware_is_off(crawl, servers):
    """The environment does not decide where requests go."""
    settings = {"HTTPPROXY_ENABLED": False}
    found = crawl(servers.http.url("plain"), env={"http_proxy": "http://127.0.0.1:9"}, settings=settings)
    assert found.results[0]["status"] == 200
