"""The wire: what is recorded is what a raw-socket server sent and received, byte for byte, and every limit holds."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hard_server import CASES, PAGE, Case, Server, Servers, read_request, serving
from twisted.internet.testing import StringTransport

from crawler.reasons import reason_of
from crawler.tape import CappedBody, Limits, Tape
from crawler.wire import _TapedProtocol
from storage.errors import DiskError
from storage.records import Ended, FetchContext, Kind

CRAWL = Path(__file__).with_name("wire_crawl.py")


@pytest.fixture(scope="module")
def servers():
    """Both hard servers."""
    with serving() as running:
        yield running


def run_crawl(folder: Path, servers: Servers, requests, *, trusted=True, env=None, **plan) -> Found:
    """Runs a plan in a process of its own, deprecations being errors, and gives back what it found."""
    wanted = [{"url": each} if isinstance(each, str) else each for each in requests]
    plan_file, out_file = folder / "plan", folder / "out"
    plan_file.write_bytes(pickle.dumps({"requests": wanted, **plan}))
    surroundings = {**os.environ, **({"SSL_CERT_FILE": servers.ca_file} if trusted else {}), **(env or {})}
    command = [sys.executable, "-W", "error", str(CRAWL), str(plan_file), str(out_file)]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert "Unhandled" not in done.stderr, done.stderr
    return Found(pickle.loads(out_file.read_bytes()))


@pytest.fixture
def crawl(tmp_path, servers):
    """Crawls some requests, one after the other; keywords are parts of the plan."""
    return lambda *requests, **plan: run_crawl(tmp_path, servers, requests, **plan)


class Found:
    """What a crawl found, by the number of the request."""

    def __init__(self, out):
        self.results, self.memory = out["results"], out["memory"]
        self.exchanges = {n: [each for each in out["exchanges"] if each["n"] == n] for n in self.results}


# --- fidelity ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["http", "https"])
def all_cases(request, servers, tmp_path_factory):
    """All hard cases crawled once over one scheme, in order, over kept connections."""
    server: Server = getattr(servers, request.param)
    wanted = [{"url": server.url(case.name), "method": case.method, "body": case.sends} for case in CASES]
    return server, run_crawl(tmp_path_factory.mktemp(request.param), servers, wanted)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_byte_sent_and_received_is_recorded(all_cases, case: Case):
    """Request, interim answers and response equal the server's own record, over http and https."""
    server, found = all_cases
    exchanges, served = found.exchanges[CASES.index(case)], server.of(case.name)
    assert [each["request"] for each in exchanges] == [each.request for each in served]
    if case.exact:
        assert [each["interim"] + each["response"] for each in exchanges] == [each.response for each in served]
    assert served[-1].response.startswith(exchanges[-1]["interim"] + exchanges[-1]["response"])
    assert len(exchanges[-1]["interim"]) == case.interim


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_ending_is_named(all_cases, case: Case):
    """Scrapy gets the response with its flags, or a failure with its reason; the exchange says how it ended."""
    server, found = all_cases
    n = CASES.index(case)
    seen, exchange = found.results[n], found.exchanges[n][-1]
    ended = case.tls_ended if server.tls and case.tls_ended else case.ended
    assert exchange["ended"] == ended
    assert (exchange["error"] is None) == (ended == "complete")
    assert seen.get("status") == case.status
    if case.status is None:
        assert seen["reason"].startswith(case.reason)
        assert exchange["error"].startswith(case.reason)
    else:
        assert case.body in {None, seen["body"]}
        assert ("dataloss" in seen["flags"]) == (ended == "disconnect")
        assert "truncated" not in seen["flags"]


def test_connections_are_kept(all_cases):
    """Most exchanges share one connection, and one that was closed under us is tried again on a new one."""
    server, found = all_cases
    by_connection = Counter(served.connection for served in server.served if served.case in CASES)
    assert max(by_connection.values()) >= 50
    stale = found.exchanges[CASES.index(server.by_name("fresh-only"))]
    assert [each["ended"] for each in stale] == ["disconnect", "complete"]
    assert stale[0]["response"] == b""


def test_facts_of_the_connection_are_kept(all_cases):
    """Peer, TLS, start and duration are recorded with each exchange."""
    server, found = all_cases
    for exchanges in found.exchanges.values():
        for exchange in exchanges:
            assert (exchange["peer_ip"], exchange["peer_port"]) == (server.host, server.port)
            assert (exchange["tls"] or "").startswith("TLSv1") == (server.tls is not None)
            assert exchange["started_at"].endswith("Z")
            assert 0 <= exchange["fetch_ms"] < 20_000
            assert exchange["context"] == exchange["url"]


# --- limits -----------------------------------------------------------------------------------------------------------

SMALL = {"max_capture_bytes": 3_000_000, "max_page_bytes": 500_000, "max_header_bytes": 100_000, "timeout": 30.0}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_floods_end(crawl, servers, scheme):
    """Endless headers end at the header limit, endless bodies at the capture limit; all bytes up to there are kept."""
    server = getattr(servers, scheme)
    heads = ["endless-headers", "endless-line", "endless-interim", "endless-status"]
    bodies = ["endless-body", "endless-chunks"]
    found = crawl(*map(server.url, [*heads, *bodies, "endless-excess"]), limits=SMALL)
    for n, name in enumerate([*heads, *bodies]):
        case, [exchange] = server.by_name(name), found.exchanges[n]
        got = exchange["interim"] + exchange["response"]
        assert exchange["ended"] == "length"
        assert exchange["error"].startswith("length:")
        assert case.sent.startswith(got[: len(case.sent)])
        assert (case.again * (len(got) // len(case.again) + 1)).startswith(got[len(case.sent) :])
        if name in heads:
            assert SMALL["max_header_bytes"] < len(got) < SMALL["max_header_bytes"] + 70_000
            assert found.results[n]["reason"] == "bad-response: header longer than 100000 bytes"
        else:
            assert exchange["size"] == len(got) == SMALL["max_capture_bytes"]
            assert "truncated" in found.results[n]["flags"]
            assert len(found.results[n]["body"]) == SMALL["max_page_bytes"]
    [excess] = found.exchanges[len(heads) + len(bodies)]
    assert excess["ended"] == "complete"
    assert found.results[len(heads) + len(bodies)]["body"] == PAGE


def test_a_page_is_capped_below_its_capture(crawl, servers):
    """Scrapy sees max_page_bytes of a long page, marked; the archive has all of it."""
    found = crawl(servers.http.url("megabytes"), limits={"max_page_bytes": 1_000})
    [exchange] = found.exchanges[0]
    assert exchange["ended"] == "complete"
    assert exchange["response"] == servers.http.by_name("megabytes").sent
    assert found.results[0]["flags"] == ["truncated"]
    assert len(found.results[0]["body"]) == 1_000


def test_200_megabytes_cost_little_memory(crawl, servers, tmp_path):
    """The tape of a long response lies on disk: 200 MB add at most 32 MB to the peak of memory."""
    limits = {"max_capture_bytes": 200_000_000, "spool_folder": str(tmp_path), "timeout": 100.0}
    found = crawl(servers.http.url("endless-body"), limits=limits)
    assert found.exchanges[0][0]["size"] == 200_000_000
    assert found.memory < 32_000_000


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_time_runs_out(crawl, servers, scheme):
    """The total time holds wherever a server stalls; what came is recorded, and the failure can be retried."""
    server = getattr(servers, scheme)
    names = ["stall-first", "stall-header", "stall-body", "drip"]
    found = crawl(*map(server.url, names), limits={"timeout": 0.7})
    for n, name in enumerate(names):
        [exchange] = found.exchanges[n]
        assert (exchange["ended"], exchange["error"]) == ("time", "timeout")
        assert (found.results[n]["reason"], found.results[n]["type"]) == ("timeout", "DownloadTimeoutError")
        assert 650 <= exchange["fetch_ms"] < 3_000
        if name != "drip":
            assert exchange["response"] == server.by_name(name).sent
        else:
            assert exchange["response"].startswith(server.by_name(name).sent + b"xxx")


def test_time_runs_out_before_anything_is_sent(crawl):
    """A handshake that never ends and a name server that never answers cost the total time, and leave no exchange."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        found = crawl(url, limits={"timeout": 0.7})
    assert found.results[0]["reason"] == "timeout"
    assert not found.exchanges[0]


def test_a_run_can_cut_its_exchanges_short(crawl, servers):
    """The signal CUT_SHORT ends what is in hand at once; what came is recorded."""
    found = crawl(servers.http.url("stall-body"), cut_after=0.5)
    [exchange] = found.exchanges[0]
    assert (exchange["ended"], exchange["error"]) == ("time", "stopped")
    assert exchange["response"] == servers.http.by_name("stall-body").sent
    assert found.results[0]["reason"] == "stopped"


def test_a_full_disk_is_named(crawl, servers, tmp_path):
    """A response that cannot be kept fails with DiskError, and no exchange that lacks bytes is handed over as whole."""
    found = crawl(servers.http.url("megabytes"), limits={"spool_folder": str(tmp_path)}, file_limit=2_000_000)
    assert found.results[0]["type"] == "DiskError"
    assert str(tmp_path) in found.results[0]["text"]
    assert [each["ended"] for each in found.exchanges[0]] == ["disconnect"]


# --- TLS --------------------------------------------------------------------------------------------------------------


def test_certificates_are_verified_unless_told_otherwise(crawl, servers):
    """An unknown authority fails with its reason and no exchange; `verify_tls` False of one request opens that one alone."""
    url = servers.https.url("plain")
    requests = [{"url": url, "meta": meta} for meta in ({}, {"verify_tls": False}, {}, {"verify_tls": True})]
    found = crawl(*requests, trusted=False)
    for n in (0, 2, 3):
        assert found.results[n]["reason"] == "tls: certificate verify failed"
        assert found.results[n]["type"] == "UntrustedServerError"
        assert not found.exchanges[n]
    assert found.results[1]["status"] == 200


def test_connections_are_not_shared_across_verification(crawl, servers):
    """A connection opened without verification is not used for a request that asks for it, and the other way round."""
    before = servers.https.accepted
    metas = [{}, {"verify_tls": False}, {}, {"verify_tls": False}]
    found = crawl(*({"url": servers.https.url("plain"), "meta": meta} for meta in metas))
    assert [found.results[n]["status"] for n in range(4)] == [200] * 4
    assert servers.https.accepted == before + 2


def test_the_name_in_the_certificate_counts(crawl, servers):
    """A certificate of a trusted authority for another address is refused."""
    with_other_name = Server(servers.https.cases, servers.https.tls, host="127.0.0.3")
    with_other_name.start()
    found = crawl(with_other_name.url("plain"))
    with_other_name.stop()
    assert found.results[0]["reason"] == "tls: certificate is for another name"


def test_tls_with_a_plain_server(crawl, servers):
    """What is no TLS at all is named too."""
    found = crawl(servers.http.url("plain").replace("http:", "https:"))
    assert found.results[0]["reason"].startswith("tls: ")
    assert not found.exchanges[0]


# --- nothing sent -----------------------------------------------------------------------------------------------------


def test_failures_before_the_first_byte_leave_no_exchange(crawl):
    """Refused connections, unknown names, forbidden ports and schemes have their reasons, and nothing to archive."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    urls = [f"http://127.0.0.1:{port}/", "http://no-such-name.invalid/", f"http://{'a' * 64}.example/"]
    found = crawl(*urls, f"http://user@127.0.0.1:{port}/", limits={"allowed_ports": frozenset({80, port})})
    assert [found.results[n]["reason"] for n in range(4)] == ["refused", "dns", "dns", "userinfo"]
    assert not any(found.exchanges.values())
    barred = crawl(f"http://127.0.0.1:{port}/", limits={"allowed_ports": frozenset({80, 443})})
    assert barred.results[0]["reason"] == "port"


# --- private addresses ------------------------------------------------------------------------------------------------

LOOPBACK = ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "0x7f.1", "0.0.0.0", "0", "localhost"]
LOOPBACK_6 = ["[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"]


@pytest.fixture
def listener():
    """A private server that nobody must contact."""
    server = Server({"/plain": CASES[0]})
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
    settings = {"DEFAULT_REQUEST_HEADERS": {"Connection": "close"}}
    allow = [f"127.0.0.2:{listener.port}"]
    found = crawl(*[url] * 6, allow=allow, names=names, ttl=0, settings=settings)
    allowed.stop()
    outcomes = [found.results[n].get("reason", found.results[n].get("status")) for n in range(6)]
    assert outcomes == [200, "private-address", 200] * 2
    assert listener.accepted == 0


# --- proxies ----------------------------------------------------------------------------------------------------------


class Proxy:
    """An HTTP proxy: tunnels CONNECT to where it is asked, and remembers the requests for it."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"):
        self.answer, self.asked = answer, []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._tunnel, args=(connection,), daemon=True).start()

    def _tunnel(self, client):
        request = read_request(client)
        self.asked.append(request)
        client.sendall(self.answer)
        if b" 200 " in self.answer:
            host, port = request.split(b" ")[1].decode().rsplit(":", 1)
            server = socket.create_connection((host, int(port)))
            threading.Thread(target=_copy, args=(server, client), daemon=True).start()
            _copy(client, server)
        client.close()


def _copy(source, target):
    while piece := source.recv(65536):
        target.sendall(piece)
    target.shutdown(socket.SHUT_WR)


def test_a_tunnel_is_not_part_of_the_exchange(crawl, servers):
    """Of https through a proxy, the bytes inside the tunnel are recorded, for each exchange on it."""
    proxy, server = Proxy(), servers.https
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


def test_a_proxy_is_no_way_into_a_private_network(crawl, servers):
    """An address that must not be dialled is not asked of the proxy either, and a proxy's refusal is named."""
    proxy = Proxy(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    metas = {"proxy": proxy.url}
    urls = ["http://127.0.0.1/", "https://0x7f.1/", f"{proxy.url}/", "https://paper.test/"]
    found = crawl(*({"url": url, "meta": metas} for url in urls), allow=False, proxy="127.0.0.1")
    assert [found.results[n]["reason"] for n in range(3)] == ["private-address"] * 3
    assert found.results[3]["reason"].startswith("proxy: Could not open CONNECT tunnel")
    assert [urlsplit(b"//" + asked.split(b" ")[1]).hostname for asked in proxy.asked] == [b"paper.test"]


def test_ambient_proxies_are_ignored_when_scrapys_middleware_is_off(crawl, servers):
    """The environment does not decide where requests go."""
    settings = {"HTTPPROXY_ENABLED": False}
    found = crawl(servers.http.url("plain"), env={"http_proxy": "http://127.0.0.1:9"}, settings=settings)
    assert found.results[0]["status"] == 200


# --- the parts --------------------------------------------------------------------------------------------------------


class Transport(StringTransport):
    """A transport that notes being aborted."""

    aborted = False

    def abortConnection(self):  # noqa: N802 (Twisted's name)
        """Notes it."""
        self.aborted = True


def test_data_on_an_idle_connection_does_not_raise():
    """An answer that nobody asked for ends the connection quietly."""
    protocol, transport = _TapedProtocol(), Transport()
    protocol.makeConnection(transport)
    protocol.dataReceived(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert transport.aborted


def test_a_tape_stops_when_it_has_ended():
    """What comes after the end, and a second end, change nothing."""
    tape = Tape(Limits(max_capture_bytes=100), clock=iter([1.0, 1.25]).__next__)
    tape.sent(b"GET")
    assert tape.received(b"HTTP/1.1 103 Hi\r\n\r\nHTTP/1.1 200\r\n\r\n" + b"x" * 100)[-20:] == b"x" * 20
    tape.end(Ended.LENGTH, "length")
    tape.end(Ended.COMPLETE)
    tape.sent(b"more")
    assert tape.received(b"more") == b""
    exchange = tape.exchange("http://a.example/", FetchContext("r", "s", Kind.ARTICLE, "http://a.example/"))
    exchange.response.seek(0)
    assert (exchange.request, exchange.interim) == (b"GET", b"HTTP/1.1 103 Hi\r\n\r\n")
    assert exchange.response.read() == b"HTTP/1.1 200\r\n\r\n" + b"x" * (100 - 35)
    assert (exchange.response_length, exchange.ended, exchange.fetch_ms) == (81, Ended.LENGTH, 250)


def test_a_tape_without_room_on_disk_says_so(tmp_path):
    """A spool folder that is gone becomes the verdict of the exchange, not an error amid the reactor."""
    tape = Tape(Limits(spool_folder=str(tmp_path / "gone")))
    tape.received(b"HTTP/1.1 200 OK\r\n\r\n")
    tape.head_complete()
    tape.received(b"x" * 2_000_000)
    assert isinstance(tape.verdict, DiskError)
    assert "gone" in str(tape.verdict)


def test_a_capped_body_says_when_it_is_cut():
    """Only what is over the limit counts as cut."""
    body = CappedBody(3)
    body.write(b"abc")
    assert not body.cut
    body.write(b"d")
    assert body.cut
    assert body.getvalue() == b"abc"


def test_an_unknown_error_has_a_reason_too():
    """A reason never fails."""
    assert reason_of(RuntimeError("x")) == "error: RuntimeError"
    assert reason_of(None) == "error: NoneType"
