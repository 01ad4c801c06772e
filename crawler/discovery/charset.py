"""Which encoding a feed or sitemap is really in, told by its first bytes: they are asked before its labels.

Labels are wrong more often than bytes are ambiguous: what is valid UTF-8 is UTF-8, whatever it says. Labels are read as
browsers read them (WHATWG Encoding Standard). Web pages have `pipelines.decode`, which needs the whole body.
"""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LABEL = re.compile(rb"(?<![\w-])(?:encoding|charset)\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})")
_LABEL_REACH = 4096
_WHOLE = 1 << 16  # bytes; less is taken for all there is
_BROWSERS = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "latin1": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "iso-8859-8-i": "iso-8859-8",
}
_KNOWN = re.compile(r"(?:iso-?8859-\d+|windows-\d+|cp-?\d+|koi8-[ru]|euc-jp|iso-2022-(?:jp|kr)|gb18030|big5-?hkscs)")


def encoding_of(head: bytes, content_type: str | None = None) -> str:
    """The Python codec for bytes that begin with `head`; `content_type` is the raw HTTP header value."""
    for mark, codec in _BOMS:
        if head.startswith(mark):
            return codec
    if wide := _wide(head):
        return wide
    labels = [_codec(label) for label in _labels(head[:_LABEL_REACH], content_type)]
    label = next((codec for codec in labels if codec), None)
    if label and label.startswith("iso-2022"):  # seven bits: valid UTF-8 that is none
        return label
    return "utf-8" if _looks_like_utf8(head) else label or "cp1252"


def _wide(head: bytes) -> str | None:
    """UTF-16 without a byte order mark, told by the NUL of its first sign."""
    start = head[:64].lstrip(b"\x00 \t\r\n")[:1] in {b"<", b"{", b"h"}
    if not start or len(head) < 4 or head[:2] == b"\x00\x00":
        return None
    if head[1:2] == b"\x00" and head[3:4] == b"\x00":
        return "utf-16-le"
    return "utf-16-be" if head[0:1] == b"\x00" and head[2:3] == b"\x00" else None


def _labels(head: bytes, content_type: str | None) -> list[str]:
    labels = [match.decode("ascii") for match in _LABEL.findall(head)[:3]]
    header = _LABEL.search((content_type or "").encode("latin-1", "replace"))
    return labels + ([header[1].decode("ascii")] if header else [])


def _codec(label: str) -> str | None:
    """The codec of a label; None for unknown ones, and for UTF-8, which the bytes have been asked for already."""
    name = label.strip().lower()
    name = _BROWSERS.get(name, name)
    if name not in _BROWSERS.values() and not _KNOWN.fullmatch(name):
        return None
    try:
        return codecs.lookup(name.replace("windows-", "cp")).name
    except LookupError:
        return None


def _looks_like_utf8(sample: bytes) -> bool:
    """Valid, or so nearly valid that a few broken bytes are a better guess than another encoding."""
    if sample.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text = decoder.decode(sample, final=len(sample) < _WHOLE)
    broken = text.count("\ufffd")
    return broken == 0 or sum(not char.isascii() for char in text) > 4 * broken
