"""The tape: what one exchange recorded, its limits, and the words for why it failed."""

from __future__ import annotations

import pytest

from crawler.wire.reasons import reason_of
from crawler.wire.tape import CappedBody, Limits, Tape, TooFineError
from storage.errors import DiskError
from storage.records import Ended, FetchContext, Kind


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
    exchange.response.close()


def test_a_tape_without_room_on_disk_says_so(tmp_path):
    """A spool folder that is gone becomes the verdict of the exchange, not an error amid the reactor."""
    tape = Tape(Limits(spool_folder=str(tmp_path / "gone")))
    tape.received(b"HTTP/1.1 200 OK\r\n\r\n")
    tape.head_complete()
    tape.received(b"x" * 2_000_000)
    assert isinstance(tape.verdict, DiskError)
    assert "gone" in str(tape.verdict)
    tape.discard()


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


def test_a_body_in_too_small_pieces_is_refused():
    """A hundred thousand one-byte pieces are put up with, one more is not; larger pieces may be more."""
    large, small = CappedBody(10), CappedBody(10)
    for _ in range(100_000):
        large.write(b"12345678")
        small.write(b"1")
    large.write(b"12345678")
    with pytest.raises(TooFineError):
        small.write(b"1")
