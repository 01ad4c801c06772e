"""What the named fields of foreign records mean: moments, record ids and digests, in all the ways in which they are written."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from storage.times import iso
from storage.warc.format import RecordHead

_MOMENT = re.compile(
    r"(\d{4})-?(\d\d)(?:-?(\d\d)(?:[T ]?(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?)?", re.ASCII
)
_SHA1 = 20  # bytes
_FIRST_YEAR = 1990  # of the web
_HEX = re.compile(r"[0-9a-fA-F]+")
_SPELT = "urn:newswarc:"  # of record ids that had to be made


def moment(text: str | None) -> str | None:
    """A WARC-Date as `times` writes moments, in any form that writers use (1.1's fractions and days too); None for no date."""
    found = _MOMENT.fullmatch((text or "").strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if int(year) < _FIRST_YEAR:
        return None
    millis = int(f"{fraction or '0':0<9}"[:3])
    offset = "+00:00" if zone in {None, "Z"} else zone
    clock = f"{hour or '00'}:{minute or '00'}:{min(int(second or 0), 59):02d}.{millis:03d}"
    try:
        return iso(datetime.fromisoformat(f"{year}-{month}-{day or '01'}T{clock}{offset}").astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def record_id(head: RecordHead) -> str:
    """WARC-Record-ID without brackets; "" without one."""
    return bare(head.get("WARC-Record-ID"))


def bare(reference: str | None) -> str:
    """A record id as another record names it."""
    return (reference or "").strip().strip("<>").strip()


def derived_id(*parts: str) -> str:
    """The id of a record that has none, or another's: always the same for the same parts."""
    return f"{_SPELT}{uuid5(NAMESPACE_URL, ' '.join(parts))}"


def is_derived(record_id_: str) -> bool:
    """Whether a record does not call itself so."""
    return record_id_.startswith(_SPELT)


def uri(head: RecordHead) -> str:
    """WARC-Target-URI, without the brackets of old wgets."""
    return (head.uri or "").strip()


def digest(stated: str | None) -> str | None:
    """A digest in the one form in which equal ones are equal: `sha1:BASE32` for SHA-1, else algorithm and text as they came."""
    algorithm, colon, value = (stated or "").strip().partition(":")
    if not colon:
        algorithm, value = "sha1", algorithm
    algorithm = algorithm.strip().lower().replace("-", "")
    if not value.strip():
        return None
    return f"{algorithm}:{_base32(value.strip()) if algorithm == 'sha1' else value.strip()}"


def _base32(value: str) -> str:
    """The bytes of a SHA-1 as WARC writes them, from base 16, 32 or 64; what is none of these stays."""
    if len(value) == 2 * _SHA1 and _HEX.fullmatch(value):
        return base64.b32encode(bytes.fromhex(value)).decode("ascii")
    if len(value) == 32:
        return value.upper()
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_" if set("-_") & set(value) else None)
    except (binascii.Error, ValueError):
        return value
    return base64.b32encode(raw).decode("ascii") if len(raw) == _SHA1 else value
