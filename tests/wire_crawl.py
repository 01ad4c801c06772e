"""A real Scrapy crawl in a process of its own, for tests: a reactor cannot be started twice.

    python -W error tests/wire_crawl.py PLAN OUT

PLAN is a pickled dict: `requests` (keyword arguments of scrapy.Request, asked one after the other), `limits`, `allow`,
`proxy`, `names` (answers of the name server, by turns), `settings`, `cut_after` (seconds). OUT gets a pickled dict:
`exchanges` (the fields of each Exchange, its response read), `results` (what Scrapy saw of each request), `memory`.
"""

from __future__ import annotations

import pickle
import resource
import sys
from dataclasses import fields
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace

import scrapy
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.utils.reactor import install_reactor
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver
from zope.interface import implementer

sys.path.insert(0, str(Path(__file__).parent.parent))

from crawler.wire.handler import CUT_SHORT, Limits, reason_of
from crawler.wire.netguard import NetGuard
from storage.records import FetchContext, Kind

SETTINGS = {
    "DOWNLOAD_HANDLERS": {
        "http": "crawler.wire.handler.WireDownloadHandler",
        "https": "crawler.wire.handler.WireDownloadHandler",
    },
    "TWISTED_DNS_RESOLVER": "crawler.wire.netguard.NetGuard",
    "DOWNLOAD_TIMEOUT": 600,  # ours is the one that counts
    "CONCURRENT_REQUESTS": 1,
    "COMPRESSION_ENABLED": False,
    "COOKIES_ENABLED": False,
    "HTTPERROR_ALLOW_ALL": True,
    "REDIRECT_ENABLED": False,
    "RETRY_ENABLED": False,
    "ROBOTSTXT_OBEY": False,
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    "USER_AGENT": "newswarc-test",
    "LOG_LEVEL": "WARNING",
}


@implementer(IHostnameResolver)
class Names:
    """A name server that gives each name's answers by turns."""

    def __init__(self, under, answers):
        self.under = under
        self.answers = {name: cycle(turns) for name, turns in answers.items()}

    def resolveHostName(self, receiver, hostName, portNumber=0, addressTypes=None, transportSemantics="TCP"):  # noqa: N802, N803
        if hostName not in self.answers:
            return self.under.resolveHostName(receiver, hostName, portNumber, addressTypes, transportSemantics)
        receiver.resolutionBegan(SimpleNamespace(name=hostName))
        for address in next(self.answers[hostName]):
            receiver.addressResolved((IPv6Address if ":" in address else IPv4Address)("TCP", address, portNumber))
        receiver.resolutionComplete()
        return None


class FakeRun:
    """Collects exchanges."""

    def __init__(self, plan):
        self.limits = Limits(**plan.get("limits", {}))
        self.guard = NetGuard(plan.get("allow", True), proxy=plan.get("proxy"), ttl=plan.get("ttl", 60))
        self.exchanges = []

    def context_of(self, request):
        return FetchContext("run-1", "test", Kind.ARTICLE, request.url)

    def exchanged(self, request, exchange):
        exchange.response.seek(0)
        response = exchange.response.read(4_000_000)  # all of it, but where memory is measured
        exchange.response.seek(0, 2)
        size = exchange.response.tell()
        exchange.response.close()
        kept = {each.name: getattr(exchange, each.name) for each in fields(exchange)}
        about = {"response": response, "ended": str(exchange.ended), "context": exchange.context.frontier_url}
        self.exchanges.append({**kept, **about, "size": size, "n": request.meta["n"]})


class PlanSpider(scrapy.Spider):
    """Asks what the plan says."""

    name = "plan"

    def __init__(self, plan, out, **kwargs):
        super().__init__(**kwargs)
        self.plan, self.out = plan, out
        self.run = FakeRun(plan)
        self.results = {}

    async def start(self):
        from twisted.internet import reactor

        if "names" in self.plan:
            reactor.installNameResolver(Names(reactor.nameResolver, self.plan["names"]))
        if "cut_after" in self.plan:
            reactor.callLater(self.plan["cut_after"], self.crawler.signals.send_catch_log, CUT_SHORT)
        self.before = peak_memory(reset=True)
        for n, wanted in enumerate(self.plan["requests"]):
            meta = {**wanted.get("meta", {}), "n": n}
            yield scrapy.Request(
                **{**wanted, "meta": meta}, callback=self.seen, errback=self.failed, dont_filter=True, priority=-n
            )

    def seen(self, response):
        self.results[response.meta["n"]] = {
            "url": response.url,
            "status": response.status,
            "flags": response.flags,
            "body": response.body,
            "exchanges": len(self.run.exchanges),
        }

    def failed(self, failure):
        self.results[failure.request.meta["n"]] = {
            "reason": reason_of(failure.value),
            "type": type(failure.value).__name__,
            "text": str(failure.value),
        }

    def closed(self, reason):
        memory = (peak_memory(reset=False) - self.before) * 1024
        found = {"exchanges": self.run.exchanges, "results": self.results, "memory": memory}
        Path(self.out).write_bytes(pickle.dumps(found))


def peak_memory(*, reset):
    """The peak of resident memory in KiB, since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    crawl_plan = pickle.loads(Path(sys.argv[1]).read_bytes())
    if "file_limit" in crawl_plan:
        resource.setrlimit(resource.RLIMIT_FSIZE, (crawl_plan["file_limit"],) * 2)
    install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
    process = AsyncCrawlerProcess({**SETTINGS, **crawl_plan.get("settings", {})})
    process.crawl(PlanSpider, plan=crawl_plan, out=sys.argv[2])
    process.start()
