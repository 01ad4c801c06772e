"""Hostile robots.txt files, each of a paper of its own. `stored`: whether its stories can be fetched all the same."""

from __future__ import annotations

from dataclasses import dataclass

from tests.hostile.redirects import to
from tests.hostile.server import Answer, Line
from tests.hostile.transport import drip, flood, gzip_bomb, raw

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


@dataclass(frozen=True)
class RobotsFault:
    """A bad robots.txt. `home` is a regular expression for state and reason of the home page."""

    name: str
    answer: Answer
    stored: bool = True
    home: str = r"seed:$"


def text(body: str | bytes, *lines: str, status: str = "200 OK") -> Answer:
    """A plain answer."""
    whole = body if isinstance(body, bytes) else body.encode()
    return lambda line: line.reply(whole, *lines, kind="text/plain", status=status)


def _bomb(line: Line) -> None:
    line.head("Content-Encoding: gzip", "Connection: close", kind="text/plain")
    line.flood(gzip_bomb())


def _many(pattern: str, count: int) -> Answer:
    return lambda line: line.reply(
        b"User-agent: *\n" + b"".join((pattern % n).encode() + b"\n" for n in range(count)), kind="text/plain"
    )


def _loop(line: Line) -> None:
    to("/robots.txt")(line)


def faults(private: str) -> list[RobotsFault]:
    """All of them; `private` is the base of a private listener."""
    closed = r"seed:robots-unreachable"
    stars = "User-agent: *\nDisallow: /" + "*a" * 60 + "*$\n" + "Disallow: /*" + "/*?*=" * 50 + "$\n"
    return [
        RobotsFault("hangs", raw(then="stall"), stored=False, home=closed),
        RobotsFault("drips", drip(_HEAD, b"User-agent: *\n"), stored=False, home=closed),
        RobotsFault("500", text("oops", status="500 No"), stored=False, home=closed),
        RobotsFault("garbage", raw(bytes(range(256))), stored=False, home=closed),
        RobotsFault("endless", flood(_HEAD + b"User-agent: *\nDisallow: /private\n", b"# filler\n" * 7000)),
        RobotsFault("endless-line", flood(_HEAD + b"User-agent: *\nDisallow: /", b"x" * 65_000)),
        RobotsFault("html", text("<!doctype html><html><title>Welcome</title><p>User-agent: * Disallow: /</p>")),
        RobotsFault("bomb", _bomb),
        RobotsFault("binary", text(bytes(range(256)) * 2000)),
        RobotsFault("stars", text(stars)),
        RobotsFault("many-stars", _many("Disallow: /*a*b*c*d*e*%d*$", 15_000)),
        RobotsFault("many-rules", _many("Disallow: /path-%06d/", 22_000)),
        RobotsFault("many-agents", text("".join(f"User-agent: bot{n}\nDisallow: /\n" for n in range(14_000)))),
        RobotsFault("many-sitemaps", _many("Sitemap: /sitemaps/none-%d.xml", 300)),
        RobotsFault("odd-sitemaps", text(
            f"User-agent: *\nSitemap: {private}/s.xml\nSitemap: file:///etc/passwd\nSitemap: //[::1/x\n"
            "Sitemap: \x00\x1b[31m\nSitemap: http://0x7f000001/\nSitemap:\nSitemap: " + "a" * 9000 + "\n")),
        RobotsFault("delay-forever", text("User-agent: *\nCrawl-delay: 1e300\n"), stored=False, home=r"\w+:"),
        RobotsFault("delay-a-year", text("User-agent: *\nCrawl-delay: 31536000\n"), stored=False, home=r"\w+:"),
        RobotsFault("delay-nan", text("User-agent: *\nCrawl-delay: nan\n")),
        RobotsFault("delay-infinite", text("User-agent: *\nCrawl-delay: inf\n"), stored=False, home=r"\w+:"),
        RobotsFault("delay-negative", text("User-agent: *\nCrawl-delay: -5\nRequest-rate: 1/0s 0-0\nVisit-time: x\n")),
        RobotsFault("delay-in-digits", text("User-agent: *\nCrawl-delay: " + "9" * 5000 + "\n"), stored=False, home=r"\w+:"),
        RobotsFault("loop", _loop, stored=False, home=closed),
        RobotsFault("to-private", to(f"{private}/robots.txt"), stored=False, home=r"\w+:"),
        RobotsFault("to-file", to("file:///etc/passwd"), stored=False, home=r"\w+:"),
        RobotsFault("429", text("no", "Retry-After: 99999999999", status="429 No"), stored=False, home=r"\w+:"),
        RobotsFault("forbidden", text("no", status="403 No")),
        RobotsFault("nul", text(b"\xff\xfeU\x00s\x00e\x00r\x00-\x00a\x00g\x00e\x00n\x00t\x00:\x00*\x00\x00")),
        RobotsFault("line-ends", text("User-agent: *\r\rDisallow: /private\x0b\x0c\x85\u2028" * 2000)),
    ]  # fmt: skip
