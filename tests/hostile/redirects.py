"""Redirects that lead nowhere, round and round, or where nobody may go."""

from __future__ import annotations

from collections.abc import Iterator

from tests.hostile.faults import NEVER, Fault, Story
from tests.hostile.server import Answer, Line

FAILED = r"(failed|filtered|rejected):\S"


def to(target: str | bytes, *lines: str, status: str = "302 Found") -> Answer:
    """A redirect."""
    location = target if isinstance(target, bytes) else target.encode("utf-8", "surrogatepass")

    def answer(line: Line) -> None:
        extra = "".join(f"{text}\r\n" for text in lines).encode()
        line.send(b"HTTP/1.1 %s\r\n%sContent-Length: 0\r\nLocation: %s\r\n\r\n" % (status.encode(), extra, location))

    return answer


def private_forms(port: int) -> dict[str, str]:
    """Loopback in every way that URL parsers, resolvers and people write it. The private listeners are there."""
    hosts = {
        "plain": "127.0.0.1",
        "other-loopback": "127.8.8.8",
        "zero": "0.0.0.0",
        "bare-zero": "0",
        "short": "127.1",
        "integer": "2130706433",
        "hex": "0x7f000001",
        "hex-dotted": "0x7f.0x0.0x0.0x1",
        "octal": "0177.0.0.1",
        "octal-whole": "017700000001",
        "overflow": "4294967297",
        "mixed": "0x7f.1",
        "dot-behind": "127.0.0.1.",
        "full-width": "\uff11\uff12\uff17.0.0.1",
        "circled": "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
        "ideographic-stops": "127\u30020\u30020\u30021",
        "percent-encoded": "%31%32%37.0.0.1",
        "soft-hyphen": "127.0.0\u00ad.1",
        "name": "localhost",
        "name-upper": "LOCALHOST.",
        "ipv6": "[::1]",
        "ipv6-long": "[0:0:0:0:0:0:0:1]",
        "ipv6-any": "[::]",
        "mapped": "[::ffff:127.0.0.1]",
        "mapped-hex": "[::ffff:7f00:1]",
        "nat64": "[64:ff9b::7f00:1]",
        "six-to-four": "[2002:7f00:1::]",
        "compatible": "[::127.0.0.1]",
        "zone": "[::1%25lo]",
        "user": "127.0.70.1@127.0.0.1",
        "user-with-port": f"127.0.70.1:{port}@127.0.0.1",
        "backslash": "127.0.0.1\\@127.0.70.1",
        "metadata-service": "169.254.169.254",
    }
    return {name: f"http://{host}:{port}/secret-{name}" for name, host in hosts.items()}


def inward(port: int) -> list[Fault]:
    """Redirects to private places."""
    return [Fault(f"private-{name}", to(url), FAILED) for name, url in private_forms(port).items()]


def _spin(line: Line) -> None:
    """Always one further."""
    name, _, count = line.path.partition("?n=")
    to(f"{name}?n={int(count or 0) + 1}")(line)


def _cookie_loop(line: Line) -> None:
    """Goes on only with a cookie that it never accepts."""
    to(line.path, "Set-Cookie: seen=1; Path=/elsewhere")(line)


def outward(base: str, other: str) -> list[Fault]:
    """All other bad redirects. `other` is another paper's base."""
    loop = "/news/2026/11/20/the-strange-case-of-"
    deep = "redirect-to-ten-thousand"
    return [
        Fault("redirect-to-itself", lambda line: to(line.path)(line), "failed:too-many-redirects"),
        Fault("redirect-ping", to(loop + "redirect-pong"), "failed:too-many-redirects"),
        Fault("redirect-pong", to(loop + "redirect-ping"), FAILED + "|pending", listed=False),
        Fault(deep, _spin, "failed:too-many-redirects"),
        Fault("redirect-cookie-loop", _cookie_loop, "failed:too-many-redirects"),
        Fault("redirect-without-location", lambda line: line.reply(b"", status="302 Found"), FAILED),
        Fault("redirect-empty", to(""), FAILED),
        Fault("redirect-300-choices", to("", status="300 Multiple Choices"), FAILED),
        Fault("redirect-to-file", to("file:///etc/passwd"), FAILED),
        Fault("redirect-to-ftp", to("ftp://127.0.0.1/x"), FAILED),
        Fault("redirect-to-gopher", to("gopher://127.0.0.1:6379/_INFO"), FAILED),
        Fault("redirect-to-data", to("data:text/html,<h1>Article</h1>"), FAILED),
        Fault("redirect-to-script", to("javascript:alert(1)"), FAILED),
        Fault("redirect-to-s3", to("s3://bucket/key"), FAILED),
        Fault("redirect-to-port-22", to(f"{base.rsplit(':', 1)[0]}:22/x"), FAILED),
        Fault("redirect-to-port-zero", to(f"{base.rsplit(':', 1)[0]}:0/x"), FAILED),
        Fault("redirect-to-port-99999", to(f"{base.rsplit(':', 1)[0]}:99999/x"), FAILED),
        Fault("redirect-to-tls", to(f"https{base[4:]}/x"), FAILED),
        Fault("redirect-to-broken-host", to("http://[::1/x"), FAILED),
        Fault("redirect-to-long-host", to("http://" + "a" * 300 + ".test/"), FAILED),
        Fault("redirect-to-nul", to(b"http://127.0.70.1\x00.test/\x1b[31m"), FAILED),
        Fault("redirect-to-a-megabyte", to("/" + "a" * 200_000), FAILED),
        Fault("redirect-to-raw-bytes", to(b"/\xff\xfe\x80 spaces and\ttabs"), FAILED),
        Fault("redirect-to-home", to("/"), NEVER),
        Fault("redirect-to-other-paper", to(f"{other}/"), FAILED),
        Fault("redirect-by-meta", _by_meta(f"0;url={other}/"), NEVER),
        Fault("redirect-by-meta-to-file", _by_meta("0;url=file:///etc/passwd"), NEVER),
        Fault("redirect-by-refresh", _by_refresh, NEVER),
        Fault("redirect-304", to("/", status="304 Not Modified"), NEVER),
        Fault("redirect-305-proxy", to("http://127.0.0.1:3128/", status="305 Use Proxy"), FAILED),
    ]  # fmt: skip


def _by_meta(content: str) -> Answer:
    return lambda line: line.reply(f'<meta http-equiv="refresh" content="{content}"><p>Moved.'.encode())


def _by_refresh(line: Line) -> None:
    line.reply(b"<p>Wait.</p>", "Refresh: 0; url=http://127.0.0.1/")


def hops(numbers: Iterator[int]) -> list[Fault]:
    """A redirect within the site is no fault: its story is stored, at the end of the chain."""
    story = Story(next(numbers), "moved")
    return [Fault("redirect-to-a-story", to("/news/2026/11/20/the-strange-case-of-moved"), "stored:"),
            Fault("moved", lambda line: line.reply(story.page()), ANY_OR_NONE, listed=False)]  # fmt: skip


ANY_OR_NONE = r"\w+:"
