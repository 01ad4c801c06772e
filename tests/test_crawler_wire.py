"""The wire: what is recorded is what a raw-socket server sent and received, byte for byte, and every limit holds."""

from __future__ import annotations

import socket
import threading
from collections import Counter

import pytest
from authority import certified
from crawling import run_crawl
from hard_server import CASES, PAGE, Case, Server, serving
from twisted.internet.testing import StringTransport

from crawler.wire.connection import _TapedProtocol


@pytest.fixture(scope="module")
def servers():
    """Both hard servers."""
    with serving() as running:
        yield running


@pytest.fixture
def crawl(tmp_path, servers):
    """Crawls some requests, one after the other; keywords are parts of the plan."""
    return lambda *requests, **plan: run_crawl(tmp_path, servers, requests, **plan)


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

SMALL = {"max_capture_bytes": 3_000_000, "max_page_bytes": 400_000, "max_header_bytes": 100_000, "timeout": 30.0}


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


def test_a_body_of_too_many_tiny_chunks_ends(crawl, servers):
    """Chunks of one byte are put up with for a while, and then no more; the archive has what came."""
    found = crawl(servers.http.url("tiny-chunks"))
    [exchange] = found.exchanges[0]
    assert exchange["ended"] == "disconnect"
    assert exchange["error"] == "bad-response: malformed: 100000 chunks of less than 8 bytes"
    assert len(found.results[0]["body"]) == 100_000
    assert found.results[0]["flags"] == ["dataloss"]
    assert 600_000 < len(exchange["response"]) < 700_000


def test_a_page_is_capped_below_its_capture(crawl, servers):
    """Scrapy sees max_page_bytes of a long page, marked; the archive has all of it."""
    found = crawl(servers.http.url("megabytes"), limits={"max_page_bytes": 1_000})
    [exchange] = found.exchanges[0]
    assert exchange["ended"] == "complete"
    assert exchange["response"] == servers.http.by_name("megabytes").sent
    assert found.results[0]["flags"] == ["truncated"]
    assert len(found.results[0]["body"]) == 1_000


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_200_megabytes_cost_little_memory(crawl, servers, tmp_path, scheme):
    """The tape of a long response lies on disk: 200 MB add at most 32 MB to the peak of memory."""
    limits = {"max_capture_bytes": 200_000_000, "spool_folder": str(tmp_path), "timeout": 100.0}
    found = crawl(getattr(servers, scheme).url("endless-body"), limits=limits)
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
    """A response that cannot be kept fails with DiskError, and is not handed over."""
    found = crawl(servers.http.url("megabytes"), limits={"spool_folder": str(tmp_path)}, file_limit=2_000_000)
    assert found.results[0]["type"] == "DiskError"
    assert str(tmp_path) in found.results[0]["text"]
    assert not found.exchanges[0]


# --- TLS --------------------------------------------------------------------------------------------------------------


def test_certificates_are_verified_unless_told_otherwise(crawl, servers):
    """An unknown authority fails with its reason and no exchange; `verify_tls` False opens the one request alone."""
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


def test_a_certificate_without_names_is_refused_quietly(crawl, servers, tmp_path):
    """A trusted authority does not make up for a missing subjectAltName (RFC 9525), and nothing but the reason is said."""
    ca_file, context = certified(tmp_path, "127.0.0.1", named=False)
    nameless = Server(servers.https.cases, context)
    nameless.start()
    requests = [{"url": nameless.url("plain"), "meta": meta} for meta in ({}, {"verify_tls": False})]
    found = crawl(*requests, env={"SSL_CERT_FILE": str(ca_file)})
    nameless.stop()
    assert found.results[0]["reason"] == "tls: certificate verify failed"
    assert found.results[1]["status"] == 200


def test_tls_with_a_plain_server(crawl):
    """What is no TLS at all is named too."""
    with socket.create_server(("127.0.0.1", 0)) as plain:
        answering = threading.Thread(target=_answer_anything, args=(plain,))
        answering.start()
        found = crawl(f"https://127.0.0.1:{plain.getsockname()[1]}/")
        answering.join()
    assert found.results[0]["reason"].startswith("tls: ")
    assert not found.exchanges[0]


def _answer_anything(plain):
    with plain.accept()[0] as connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


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
