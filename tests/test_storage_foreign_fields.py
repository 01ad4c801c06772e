from __future__ import annotations

import base64
import hashlib

import pytest

from storage.foreign.fields import bare, derived_id, digest, is_derived, moment


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01T12:00:00.5Z", "2026-03-01T12:00:00.500Z"),
        ("2026-03-01T12:00:00.123456789Z", "2026-03-01T12:00:00.123Z"),
        ("2026-03-01T14:00:00+02:00", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01T12:00:00", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01 12:00:00", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01T12:00Z", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01", "2026-03-01T00:00:00.000Z"),
        ("2026-03", "2026-03-01T00:00:00.000Z"),
        ("20260301120000", "2026-03-01T12:00:00.000Z"),
        ("2026-12-31T23:59:60Z", "2026-12-31T23:59:59.000Z"),
        (" 2026-03-01T12:00:00Z ", "2026-03-01T12:00:00.000Z"),
        ("2026-13-01T12:00:00Z", None),
        ("0000-00-00T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("1601-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_moments(text: str | None, found: str | None) -> None:
    """A WARC-Date is read in every form that writers use, and becomes the one that rows have; what is no date is None."""
    assert moment(text) == found


SHA1 = hashlib.sha1(b"x").digest()
BASE32 = "sha1:" + base64.b32encode(SHA1).decode()


@pytest.mark.parametrize(
    ("stated", "found"),
    [
        (BASE32, BASE32),
        (BASE32.lower(), BASE32),
        ("SHA-1:" + SHA1.hex(), BASE32),
        ("sha1:" + SHA1.hex().upper(), BASE32),
        ("sha1:" + base64.b64encode(SHA1).decode(), BASE32),
        (BASE32.partition(":")[2], BASE32),
        ("sha256:" + hashlib.sha256(b"x").hexdigest(), "sha256:" + hashlib.sha256(b"x").hexdigest()),
        ("md5:0", "md5:0"),
        ("sha1:?", "sha1:?"),
        ("sha1:", None),
        (None, None),
    ],
)
def test_digests(stated: str | None, found: str | None) -> None:
    """SHA-1 in any base becomes the one spelling; other algorithms stay as they are."""
    assert digest(stated) == found


def test_record_ids() -> None:
    """Brackets are no part of an id, and one that had to be made is always the same, and told from others."""
    assert bare(" <urn:uuid:1> ") == bare("urn:uuid:1") == "urn:uuid:1"
    assert bare(None) == ""
    assert derived_id("a", "b") == derived_id("a", "b") != derived_id("a", "c")
    assert is_derived(derived_id("a"))
    assert not is_derived("urn:uuid:1")
