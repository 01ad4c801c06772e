"""WARC and WACZ files as other software writes them, and as it should not: each with what is to be had from it."""

# ruff: noqa: E501, PLR0915 - a case a line reads best as a table

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from base64 import b32encode
from dataclasses import dataclass
from functools import cache

from newsroom.pages import article
from newsroom.stories import templated

SITE = "https://www.harbour-times.test"
T = "2026-03-01T12:00:00Z"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
SOFTWARE = b"software: other/1.0\r\nformat: WARC File Format 1.0\r\n"


@cache
def html(number: int) -> bytes:
    """The page of a story."""
    story = templated(number)
    return article(story, "", [templated(number + n) for n in range(1, 4)]).encode()


def url(number: int) -> str:
    """Its address."""
    return SITE + templated(number).path


def record(
    kind: str,
    target: str,
    block: bytes,
    *,
    date: str | None = T,
    version: str = "WARC/1.0",
    record_id: str | None = "",
    nl: bytes = b"\r\n",
    length: int | None = None,
    end: bytes = b"\r\n\r\n",
    brackets: bool = True,
    content_type: str | None = "application/http; msgtype=response",
    **fields: str,
) -> bytes:
    """A record, right or wrong in many ways. `fields` are further named fields, `_` for `-`."""
    made = record_id or f"urn:uuid:{hashlib.md5(target.encode() + block + str(date).encode() + kind.encode()).hexdigest()}"
    lines = [version, f"WARC-Type: {kind}"]
    if target:
        lines.append(f"WARC-Target-URI: {target}")
    if record_id is not None:
        lines.append(f"WARC-Record-ID: <{made}>" if brackets else f"WARC-Record-ID: {made}")
    if date is not None:
        lines.append(f"WARC-Date: {date}")
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    if length != -1:
        lines.append(f"Content-Length: {len(block) if length is None else length}")
    return nl.join(line.encode("latin-1") for line in lines) + nl + nl + block + end


def warcinfo(**more: str) -> bytes:
    """What a file begins with, mostly."""
    return record("warcinfo", "", SOFTWARE, content_type="application/warc-fields", **more)


def response(number: int, head: bytes = HEAD, body: bytes | None = None, **more: object) -> bytes:
    """A story's response record."""
    target = str(more.pop("target", url(number)))
    return record("response", target, head + b"\r\n" + (html(number) if body is None else body), **more)  # type: ignore[arg-type]


def member(data: bytes) -> bytes:
    """One gzip member."""
    return gzip.compress(data, mtime=0)


def members(*records: bytes) -> bytes:
    """One gzip member a record."""
    return b"".join(map(member, records))


def cut(data: bytes, size: int = 65_536) -> bytes:
    """Members that begin anywhere, as bgzip and pigz write them."""
    return b"".join(member(data[at : at + size]) for at in range(0, len(data), size))


def chunked(body: bytes, size: int = 1000, wrong: int = 0) -> bytes:
    """Chunk framing; `wrong` is added to the size of the second chunk."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    lines = [b"%x\r\n%s\r\n" % (len(part) + (wrong if at == 1 else 0), part) for at, part in enumerate(parts)]
    return b"".join(lines) + b"0\r\n\r\n"


def sha1(data: bytes) -> str:
    """A digest as most write it."""
    return "sha1:" + b32encode(hashlib.sha1(data).digest()).decode()


def wacz(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A WACZ with these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in {"datapackage.json": json.dumps({"profile": "data-package"}).encode(), **files}.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, 1, 0, 0, 0)), data)
    return out.getvalue()


@dataclass(frozen=True)
class Case:
    """A file, the stories that are in it, how many records are malformed, revisits have no original, pages are none."""

    data: bytes
    stories: tuple[int, ...]
    malformed: int = 0
    suffix: str = ".warc.gz"
    unresolved: int = 0
    rejected: int = 0


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"
GZIPPED = HEAD + b"Content-Encoding: gzip\r\n"


def _zipped(number: int) -> bytes:
    return gzip.compress(html(number), mtime=0)


def _torn(number: int) -> bytes:
    return member(response(number))[:-200]


def _broken(number: int) -> bytes:
    data = bytearray(member(response(number)))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


def _revisit(
    number: int, *, head: bytes = HEAD + b"\r\n", date: str = "2026-03-02T12:00:00Z", digest: str | None = None, **fields: str
) -> bytes:
    stated = {"WARC_Payload_Digest": sha1(html(number)) if digest is None else digest}
    return record("revisit", url(number), head, date=date, **stated, **fields)


def cases() -> dict[str, Case]:
    """All of them by name; no two hold the same story."""
    numbers = iter(range(0, 10_000, 10))

    def n() -> int:
        return next(numbers)

    found: dict[str, Case] = {}

    def case(name: str, make: object, count: int = 1, **more: object) -> None:
        own = tuple(n() for _ in range(count))
        found[name] = Case(make(*own), own, **more)  # type: ignore[operator, arg-type]

    # how records lie in files
    case("one member a record", lambda a, b: members(warcinfo(), response(a), response(b)), 2)
    case("uncompressed", lambda a, b: warcinfo() + response(a) + response(b), 2, suffix=".warc")
    case("uncompressed, named gz", lambda a: warcinfo() + response(a))
    case("gzip, named warc", lambda a: members(warcinfo(), response(a)), suffix=".warc")
    case("one member", lambda a, b, c: member(warcinfo() + response(a) + response(b) + response(c)), 3)
    case("several records in a member", lambda a, b, c: members(warcinfo() + response(a), response(b) + response(c)), 3)
    case("a member every 64 KiB", lambda *all_: cut(warcinfo() + b"".join(map(response, all_))), 12)
    case("a member every 1000 bytes", lambda a, b: cut(warcinfo() + response(a) + response(b), 1000), 2)
    case("zero padding", lambda a, b: members(warcinfo()) + bytes(512) + members(response(a)) + bytes(700) + members(response(b)) + bytes(99), 2)
    case("zero padding, uncompressed", lambda a, b: response(a) + bytes(512) + response(b) + bytes(99), 2, suffix=".warc")
    case("concatenated files", lambda a, b: members(warcinfo(), response(a)) + members(warcinfo(), response(b)), 2)
    case("compressed and not, concatenated", lambda a, b: response(a) + members(response(b)), 2)
    case("no warcinfo", lambda a: members(response(a)))
    case("LF alone", lambda a, b: response(a, nl=b"\n", end=b"\n\n") + response(b, nl=b"\n", end=b"\n\n"), 2, suffix=".warc")
    case("LF alone, compressed", lambda a, b: members(response(a, nl=b"\n"), response(b, nl=b"\n", end=b"\n\n")), 2)
    case("LF alone, HTTP too", lambda a: members(response(a, HEAD.replace(b"\r\n", b"\n"), nl=b"\n").replace(b"\n\r\n", b"\n\n", 1)))
    case("no line ends behind records", lambda a, b: members(response(a, end=b""), response(b, end=b"")), 2)
    case("more line ends than needed", lambda a, b: members(response(a, end=b"\r\n" * 6), response(b, end=b"\r\n" * 3)), 2)
    # damage
    case("a torn tail", lambda a: members(response(a)) + _torn(9_990), malformed=1)
    case("a torn tail, uncompressed", lambda a: response(a) + response(9_991)[:-300], malformed=1, suffix=".warc")
    case("a damaged member", lambda a, b: members(response(a)) + _broken(9_992) + members(response(b)), 2, malformed=1)
    case("junk between members", lambda a, b: members(response(a)) + b"junk" * 100 + members(response(b)), 2, malformed=1)
    case("junk between records", lambda a, b: response(a) + b"junk\r\n" * 100 + response(b), 2, malformed=1, suffix=".warc")
    case("junk at the end", lambda a: members(response(a)) + b"\x00\x01\x02junk" * 9, malformed=1)
    case("length too long", lambda a, b, c: members(response(a), response(b, length=90_000), response(c)), 3)
    case("length too short", lambda a, b, c: members(response(a), response(b, length=700), response(c)), 3)
    case("length too long, uncompressed", lambda a, b, c: response(a) + response(b, length=9_000) + response(c), 3, suffix=".warc")
    case("length too short, uncompressed", lambda a, b, c: response(a) + response(b, length=700) + response(c), 3, suffix=".warc")
    case("no length", lambda a, b: members(response(a, length=-1), response(b)), 2)
    case("lengths of the last record too long", lambda a: members(response(a, length=10**9)))
    # record headers
    case("WARC/1.1 with fractions of seconds", lambda a: members(response(a, version="WARC/1.1", date="2026-03-01T12:00:00.123456789Z")))
    case("WARC/0.18", lambda a: members(response(a, version="WARC/0.18")))
    case("a date of 14 digits", lambda a: members(response(a, date="20260301120000")))
    case("a date with an offset", lambda a: members(response(a, date="2026-03-01T14:00:00+02:00")))
    case("a day for a date", lambda a: members(response(a, version="WARC/1.1", date="2026-03-01")))
    case("no date but the server's", lambda a: members(response(a, HEAD + b"Date: Sun, 01 Mar 2026 12:00:00 GMT\r\n", date=None)))
    case("a URI in angle brackets", lambda a: members(response(a, target=f"<{url(a)}>")))
    case("a URI with spaces", lambda a: members(response(a, target=f"{url(a)}?a=b c d")))
    case("a URI in latin-1", lambda a: members(response(a, target=f"{url(a)}?x=caf\u00e9")))
    case("names in lower case", lambda a: members(_lower(response(a))))
    case("a record id without brackets", lambda a: members(response(a, brackets=False)))
    case("no record id", lambda a, b: members(response(a, record_id=None), response(b, record_id=None)), 2)
    case("one record id for two records", lambda a, b: members(response(a, record_id="urn:uuid:1"), response(b, record_id="urn:uuid:1")), 2)
    case("one record twice", lambda a: members(response(a), response(a)))
    case("sha256 in base 16", lambda a: members(response(a, WARC_Payload_Digest="sha256:" + hashlib.sha256(html(a)).hexdigest())))
    case("sha1 in base 16", lambda a: members(response(a, WARC_Payload_Digest="sha1:" + hashlib.sha1(html(a)).hexdigest())))
    case("md5", lambda a: members(response(a, WARC_Block_Digest="md5:" + hashlib.md5(html(a)).hexdigest())))
    case("wrong digests", lambda a: members(response(a, WARC_Payload_Digest=sha1(b"x"), WARC_Block_Digest=sha1(b"y"))))
    case("no Content-Type of the record", lambda a: members(response(a, content_type=None)))
    case("a record id of 9000 characters", lambda a: members(response(a, record_id="urn:x:" + "y" * 9_000)))
    case("a user name in the URI", lambda a: members(response(a), response(9_994, target="http://me:secret@www.harbour-times.test/story")), rejected=1)
    case("a date before the web", lambda a: members(response(a, HEAD + b"Date: Sun, 01 Mar 2026 12:00:00 -0000\r\n", date="0001-01-01T00:00:00Z")))
    case("metadata as of ours, and too long", lambda a: members(response(a, record_id="urn:uuid:o1"), record(
        "metadata", url(a), b"run: " + b"r" * 9_000 + b"\r\nsource: s\r\nkind: article\r\nfrontierUrl: http://a.test/\r\n",
        content_type="application/warc-fields", WARC_Concurrent_To="<urn:uuid:o1>")))
    case("folded fields", lambda a: members(response(a, X_Long="a\r\n  b\r\n\tc")))
    case("2000 fields", lambda a: members(response(a, **{f"X_{number}": "x" * 100 for number in range(2_000)})))
    # HTTP
    case("chunked", lambda a: members(response(a, CHUNKED, chunked(html(a)))))
    case("chunked and gzip", lambda a: members(response(a, CHUNKED + b"Content-Encoding: gzip\r\n", chunked(_zipped(a)))))
    case("chunks too long", lambda a: members(response(a, CHUNKED, chunked(html(a), wrong=7))))
    case("chunks too short", lambda a: members(response(a, CHUNKED, chunked(html(a), wrong=-7))))
    case("no last chunk", lambda a: members(response(a, CHUNKED, chunked(html(a))[:-5])))
    case("said to be chunked, and not", lambda a: members(response(a, CHUNKED)))
    case("chunked, and not said to be", lambda a: members(response(a, HEAD, chunked(html(a)))))
    case("said to be gzip, and not", lambda a: members(response(a, GZIPPED + b"Content-Length: 2000\r\n")))
    case("gzip, and not said to be", lambda a: members(response(a, HEAD, _zipped(a))))
    case("said to be chunked and brotli, and not", lambda a: members(response(a, CHUNKED + b"Content-Encoding: br\r\n")))
    case("a coding nobody knows", lambda a: members(response(a, HEAD + b"Content-Encoding: x-own\r\n")))
    case("Content-Length too short", lambda a: members(response(a, HEAD + b"Content-Length: 900\r\n")))
    case("Content-Length too long", lambda a: members(response(a, HEAD + b"Content-Length: 99999\r\n")))
    case("HTTP/2", lambda a: members(response(a, b"HTTP/2 200\r\ncontent-type: text/html\r\n")))
    case("HTTP/3", lambda a: members(response(a, b"HTTP/3 200 \r\ncontent-type: text/html\r\n")))
    case("headers in latin-1", lambda a: members(response(a, HEAD + b"X-Title: caf\xe9\r\nServer: \xff\xfe\r\n")))
    case("no HTTP header", lambda a: members(record("response", url(a), html(a))))
    case("no HTTP header, and said so", lambda a: members(record("response", url(a), html(a), content_type="text/html")))
    case("no Content-Type", lambda a: members(response(a, b"HTTP/1.1 200 OK\r\n")))
    case("octet-stream", lambda a: members(response(a, b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n")))
    # kinds of records
    case("resource", lambda a: members(record("resource", url(a), html(a), content_type="text/html; charset=utf-8")))
    case("conversion", lambda a: members(record("conversion", url(a), html(a), content_type="text/html")))
    case("a conversion of a page that is there", lambda a: members(
        response(a), record("conversion", url(a), html(9_993), date="2026-03-01T12:00:05Z", content_type="text/html")))
    case("other records", lambda a: members(
        warcinfo(),
        record("response", "dns:www.harbour-times.test", b"20260301120000\nwww.harbour-times.test. 60 IN A 192.0.2.1\n", content_type="text/dns"),
        record("request", url(a), b"GET / HTTP/1.1\r\n\r\n", content_type="application/http; msgtype=request"),
        response(a),
        record("metadata", url(a), b"via: https://www.harbour-times.test/\r\nhopsFromSeed: L\r\nfetchTimeMs: 7\r\n", content_type="application/warc-fields"),
        record("metadata", "metadata://gnu.org/software/wget/warc/MANIFEST.txt", b"<urn:uuid:1>\n", content_type="text/plain"),
        record("resource", "metadata://gnu.org/software/wget/warc/wget.log", b"log\n", content_type="text/plain"),
        record("resource", f"urn:pageinfo:{url(a)}", b"{}", content_type="application/json"),
        record("x-own", url(a), b"??", content_type="text/html"),
    ))
    case("other media", lambda a: members(
        response(a),
        record("response", f"{SITE}/a.jpg", b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff\xe0"),
        record("response", f"{SITE}/a.css", b"HTTP/1.1 200 OK\r\nContent-Type: text/css\r\n\r\np { color: red }"),
        record("response", f"{SITE}/a.json", b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"a": 1}'),
        record("response", f"{SITE}/moved", b"HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Type: text/html\r\n\r\n<html>Moved"),
        record("response", f"{SITE}/robots.txt", b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nUser-agent: *"),
        record("response", f"{SITE}/empty", b""),
    ))
    case("continuation", _continued)
    # revisits
    case("a revisit by record id", lambda a: members(
        response(a, record_id="urn:uuid:r1"), _revisit(a, digest="md5:0", WARC_Refers_To="<urn:uuid:r1>")))
    case("a revisit by URI and date", lambda a: members(
        response(a), _revisit(a, digest="md5:0", WARC_Refers_To_Target_URI=url(a), WARC_Refers_To_Date=T)))
    case("a 1.0 revisit by digest", lambda a: members(response(a), _revisit(a)))
    case("a revisit by a digest of the body without chunks", lambda a: members(
        response(a, CHUNKED, chunked(html(a)), WARC_Payload_Digest=sha1(html(a))), _revisit(a)))
    case("a revisit without header", lambda a: members(
        response(a, GZIPPED, _zipped(a), record_id="urn:uuid:r2"), _revisit(a, head=b"", WARC_Refers_To="<urn:uuid:r2>")))
    case("a revisit before its original", lambda a: members(_revisit(a, date="2026-03-03T12:00:00Z"), response(a)))
    case("the page of another URL, by a revisit", lambda a: members(
        response(a), record("revisit", f"{url(a)}-copy", HEAD + b"\r\n", WARC_Payload_Digest=sha1(html(a)))))
    case("a revisit of nothing that is there", lambda a: members(
        response(a), record("revisit", f"{SITE}/lost-and-found-story", HEAD + b"\r\n", WARC_Payload_Digest=sha1(b"lost"))), unresolved=1)
    case("not modified", lambda a: members(response(a), record(
        "revisit", url(a), b"HTTP/1.1 304 Not Modified\r\n\r\n", date="2026-03-05T12:00:00Z",
        WARC_Profile="http://netpreserve.org/warc/1.0/revisit/server-not-modified")))
    # WACZ
    case("WACZ", lambda a, b: wacz({
        "archive/data-0.warc.gz": members(warcinfo(), response(a)), "archive/data-1.warc": response(b),
        "pages/pages.jsonl": b'{"format": "json-pages-1.0"}\n', "indexes/index.cdx": b""}), 2, suffix=".wacz")
    case("WACZ, compressed", lambda a: wacz({"archive/data.warc.gz": members(response(a))}, zipfile.ZIP_DEFLATED), suffix=".wacz")
    case("WACZ of several", lambda a: wacz({"one.wacz": wacz({"archive/data.warc.gz": members(response(a))})}), suffix=".wacz")
    return found


def _continued(number: int) -> bytes:
    """A response in two segments (WARC 1.1, 6.9)."""
    block = HEAD + b"\r\n" + html(number)
    half = len(block) // 2
    first = record("response", url(number), block[:half], record_id="urn:uuid:s1", WARC_Segment_Number="1")
    return members(first, record(
        "continuation", url(number), block[half:], content_type=None, WARC_Segment_Number="2",
        WARC_Segment_Origin_ID="<urn:uuid:s1>", WARC_Segment_Total_Length=str(len(block))))


def _lower(data: bytes) -> bytes:
    head, blank, block = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    named = (line.partition(b":") for line in lines)
    return b"\r\n".join([first, *(name.lower() + colon + value for name, colon, value in named)]) + blank + block
