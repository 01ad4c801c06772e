"""Serves the pages of a corpus at their own host names, each host with a robots.txt, a home page and announcements.

A corpus is a folder of folders, each with a truth.jsonl (id, url, ...) and html/<id>.html.gz. Nothing of the truth but
the URL is told to the crawler: no titles, no dates, no names.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from html import escape
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_WAYS = ("feed", "sitemap", "section")
_Key = tuple[bytes, frozenset[bytes]]  # path and query parameters, percent-decoded


@dataclass(frozen=True, slots=True)
class CorpusPage:
    """One page: the URL it is announced by, and where its bytes lie (gzip)."""

    url: str
    file: Path


@dataclass(slots=True)
class Host:
    """One host and its pages; `way` is how it announces them."""

    name: str
    scheme: str
    pages: dict[_Key, CorpusPage] = field(default_factory=dict)

    @property
    def way(self) -> str:
        """feed, sitemap or section: by the hash of the name."""
        return _WAYS[zlib.crc32(self.name.encode()) % len(_WAYS)]

    @property
    def root(self) -> str:
        """The host's URL without a path."""
        return f"{self.scheme}://{self.name}"

    @property
    def home(self) -> str:
        """The path of the home page: not / where the corpus has an article there."""
        return "/welcome/" if (b"/", frozenset()) in self.pages else "/"


def load(corpus: Path) -> list[CorpusPage]:
    """All pages of a corpus; pages without a URL of their own (or with another's) get an invented host."""
    pages: dict[str, CorpusPage] = {}
    for truth in sorted(corpus.glob("*/truth.jsonl")):
        for line in truth.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            url = str(row.get("url") or "").partition("#")[0].strip()
            if not urlsplit(url).scheme.startswith("http") or url in pages:
                name = re.sub(r"[^a-z0-9]+", "-", str(row["id"]).lower()).strip("-")
                url = f"https://page-{len(pages)}.corpus.test/news/story-{name}.html"
            pages[url] = CorpusPage(url, truth.parent / "html" / f"{row['id']}.html.gz")
    return list(pages.values())


def hosts_of(pages: list[CorpusPage]) -> dict[str, Host]:
    """The pages by host name (ASCII form); a host speaks https where one of its pages does."""
    hosts: dict[str, Host] = {}
    for page in pages:
        parts = urlsplit(page.url)
        name = (parts.hostname or "").encode("idna").decode()
        host = hosts.setdefault(name, Host(name, parts.scheme))
        if parts.scheme == "https":
            host.scheme = "https"
        host.pages[_key(page.url)] = page
    return hosts


def _key(target: str) -> _Key:
    """As servers look at it: session ids and a last dot mean nothing."""
    parts = urlsplit(re.sub(r";jsessionid=[^/?]*|(?<=/)\.$", "", target))
    parameters = (unquote_to_bytes(part) for part in parts.query.split("&") if part)
    return unquote_to_bytes(parts.path) or b"/", frozenset(parameters)


def answer(host: Host, target: str) -> tuple[int, str, bytes]:
    """Status, content type and body for a request; the charset of pages is said by their own meta tags alone."""
    own = _own_page(host, target)
    if own:
        return 200, *own
    page = host.pages.get(_key(target)) or _nearest(host, _key(target))
    if page is None:
        return 404, "text/html", b"<!doctype html><title>Not found</title><h1>Not found</h1>"
    return 200, "text/html", gzip.decompress(page.file.read_bytes())


def _nearest(host: Host, key: _Key) -> CorpusPage | None:
    """The page at the same path whose own parameters are nearest: servers do not look at tracking parameters."""
    path, parameters = key
    same = [(len(own ^ parameters), page) for (other, own), page in host.pages.items() if other == path]
    return min(same, key=lambda pair: pair[0])[1] if same else None


def _own_page(host: Host, path: str) -> tuple[str, bytes] | None:
    """Content type and body of what the host itself has at a path: how it says which pages there are."""
    if path == "/robots.txt":
        return "text/plain", _robots(host)
    if path == host.home:
        return "text/html; charset=utf-8", _home(host)
    links = sorted(page.url for page in host.pages.values())
    if (host.way, path) == ("feed", "/corpus-feed.xml"):
        return "application/rss+xml", _feed(host, links)
    if (host.way, path) == ("sitemap", "/corpus-sitemap.xml"):
        return "application/xml", _sitemap(host, links)
    if (host.way, path) == ("section", "/all-news/"):
        return "text/html; charset=utf-8", _section(host, links)
    return None


def _robots(host: Host) -> bytes:
    sitemap = f"Sitemap: {host.root}/corpus-sitemap.xml\n" if host.way == "sitemap" else ""
    return f"User-agent: *\nDisallow: /never/\n{sitemap}".encode()


def _home(host: Host) -> bytes:
    feed = '<link rel="alternate" type="application/rss+xml" href="/corpus-feed.xml">' if host.way == "feed" else ""
    section = '<li><a href="/all-news/">All news</a></li>' if host.way == "section" else ""
    return f"""<!doctype html>
<html><head><meta charset="utf-8"><title>{host.name}</title>{feed}</head>
<body><header><nav><ul><li><a href="{host.home}">Home</a></li>{section}</ul></nav></header>
<main><h1>{host.name}</h1><p>Welcome.</p></main></body></html>""".encode()


def _feed(host: Host, links: list[str]) -> bytes:
    entries = "".join(f"<item><link>{escape(link)}</link></item>\n" for link in links)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel><title>{host.name}</title><link>{host.root}{host.home}</link>
<description>All of {host.name}</description>
{entries}</channel></rss>
""".encode()


def _sitemap(host: Host, links: list[str]) -> bytes:
    news = f"<news:news><news:publication><news:name>{host.name}</news:name></news:publication></news:news>"
    entries = "".join(f"<url><loc>{escape(link)}</loc>{news}</url>\n" for link in links)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">
{entries}</urlset>
""".encode()


def _section(host: Host, links: list[str]) -> bytes:
    """Links as section pages have them; their text is made from the URL, since nothing else may be told."""
    entries = "".join(f'<article><h2><a href="{escape(link)}">{_words(link)}</a></h2></article>\n' for link in links)
    return f"""<!doctype html>
<html><head><meta charset="utf-8"><title>All news</title></head>
<body><header><nav><a href="{host.home}">Home</a></nav></header><main>
{entries}</main></body></html>""".encode()


def _words(link: str) -> str:
    parts = urlsplit(link)
    last = unquote(parts.path.rstrip("/").rpartition("/")[2]).rpartition(".")[0] or unquote(parts.path)
    return escape(" ".join(re.findall(r"\w+", last)) or parts.netloc)


# ---- the server


class CertificateStore:
    """A certificate authority for this run, and a TLS context for every host name that is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Corpus test authority")])
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.file = folder / "authority.pem"
        self.file.write_bytes(self._signed(self._name, None).public_bytes(serialization.Encoding.PEM))
        (folder / "key.pem").write_bytes(
            self._key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def context(self) -> ssl.SSLContext:
        """A server context that changes to the right certificate when the client says which host it wants."""
        context = self._for("unnamed.test")
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name:
            connection.context = self._contexts.get(name) or self._for(name)

    def _for(self, name: str) -> ssl.SSLContext:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:60])])
        certificate = self._folder / "host.pem"
        certificate.write_bytes(self._signed(subject, name).public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, self._folder / "key.pem")
        self._contexts[name] = context
        return context

    def _signed(self, subject: x509.Name, host: str | None) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
        )
        if host:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


class CorpusServer:
    """HTTP/1.1 with keep-alive; which host is meant is said by the Host header."""

    def __init__(self, hosts: dict[str, Host]) -> None:
        self._hosts = hosts
        self.requests = 0

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until the client closes it."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
                writer.write(self._respond(head.decode("latin-1")))
                await writer.drain()
        writer.close()

    def _respond(self, head: str) -> bytes:
        self.requests += 1
        target = head.split(" ", 2)[1]
        named = re.search(r"\r\nhost: *([^\r:]+)", head, re.IGNORECASE)
        host = self._hosts.get(named[1].lower() if named else "")
        status, kind, body = answer(host, target) if host else (421, "text/plain", b"no such host")
        phrase = {200: "OK", 404: "Not Found", 421: "Misdirected Request"}[status]
        lines = f"HTTP/1.1 {status} {phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        return lines.encode() + body


@contextmanager
def serving(hosts: dict[str, Host], certificates: CertificateStore) -> Iterator[CorpusServer]:
    """Serve on ports 80 and 443 of every address of this network namespace, in a thread."""
    server = CorpusServer(hosts)
    ready: Future[Callable[[], object]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(server, certificates.context(), ready)))
    thread.start()
    stop = ready.result(30)
    try:
        yield server
    finally:
        stop()
        thread.join(10)


async def _serve(server: CorpusServer, context: ssl.SSLContext, ready: Future[Callable[[], object]]) -> None:
    """Serve until what `ready` brings is called, from another thread."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        await asyncio.start_server(server.converse, "0.0.0.0", 80, backlog=512)  # noqa: S104 - own namespace
        await asyncio.start_server(server.converse, "0.0.0.0", 443, ssl=context, backlog=512)  # noqa: S104 - the same
    except OSError as error:
        ready.set_exception(error)
        return
    ready.set_result(partial(loop.call_soon_threadsafe, stopped.set))
    await stopped.wait()


def addresses(hosts: dict[str, Host]) -> dict[str, str]:
    """A loopback address for each host name, 127.1.x.y."""
    return {name: f"127.1.{number // 250}.{1 + number % 250}" for number, name in enumerate(sorted(hosts))}
