"""From a hard server through a whole run into a WARC file: every block equals what that server sent and received."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hard_server import CASES, Case, Served, Server, serving
from replayed import replayed
from warcio.archiveiterator import ArchiveIterator

from storage.urlkey import InvalidURL, canonical
from tests.desk import Desk

IGNORE = 'robots = "ignore"\nrobots_reason = "a test server of ours"\nverify_tls = false'


def reachable(server: Server, case: Case) -> bool:
    """Whether a case's address is one that newswarc asks for as it stands (429 and 503 close the host to the others)."""
    try:
        return (
            case.method == "GET"
            and case.status not in (429, 503)
            and canonical(server.url(case.name)) == server.url(case.name)
        )
    except InvalidURL:
        return False


def blocks(folder: Path, kind: str) -> Counter[tuple[str, bytes]]:
    """(target URI, block) of all records of a type, read by warcio without looking into them."""
    found: Counter[tuple[str, bytes]] = Counter()
    for path in sorted(folder.glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, no_record_parse=True):
                if record.rec_type == kind:
                    found[record.rec_headers["WARC-Target-URI"], record.raw_stream.read()] += 1
    return found


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_block_is_what_the_server_sent_and_received(desk: Desk, scheme: str) -> None:
    """At least forty hard exchanges: response and request blocks in the WARC are the server's own bytes, and verify agrees."""
    with serving(CASES) as servers:
        server: Server = getattr(servers, scheme)
        cases = [case for case in CASES if reachable(server, case)]
        assert len(cases) >= 40
        desk.configure(("hard", server.url("/")), allow='["127.0.0.0/8"]', more=IGNORE)
        desk.run("fetch", "-", stdin="\n".join(server.url(case.name) for case in cases), code=None)
        served = [one for one in server.served if one.case is not None and one.case.exact]
    base = server.url("/")[:-1]
    assert {one.case.name for one in served if one.case} >= {case.name for case in cases if case.exact}
    responses = Counter((one.get("WARC-Target-URI"), one.block) for one in replayed((desk.folder / "warc").glob("*.warc.gz")))
    assert responses >= expected_responses(base, served)
    assert blocks(desk.folder / "warc", "request") >= Counter((base + one.target, one.request) for one in served)
    desk.run("verify")


def expected_responses(base: str, served: list[Served]) -> Counter[tuple[str, bytes]]:
    """What the server sent, interim answers left out, where it sent anything."""
    sent = [(base + one.target, one.response[one.case.interim if one.case else 0 :]) for one in served]
    return Counter(pair for pair in sent if pair[1])
