"""Rows of the frontier as Scrapy's requests, and requests of a spider's own as links of the frontier."""

from __future__ import annotations

import json
from typing import Any

from scrapy import Request, Spider

from crawler.run.context import RunContext
from storage.records import Kind, Lease, Link
from storage.urlkey import InvalidURL, canonical


class Requests:
    """Makes the requests of a run."""

    def __init__(self, run: RunContext, spider: Spider) -> None:
        self._run = run
        self._spider = spider

    def of(self, lease: Lease) -> Request:
        """The request of a leased row."""
        unusual = json.loads(lease.payload) if lease.payload else {}
        callback = getattr(self._spider, unusual.pop("callback", "visit"))
        meta = unusual.pop("meta", {}) | {"lease": lease, "kind": lease.kind, "raw": not lease.payload}
        request = Request(
            lease.url,
            callback=callback,
            errback=self._spider.failed,  # type: ignore[attr-defined]
            meta=meta,
            dont_filter=True,
            **unusual,
        )
        request.meta.update(self.wire_meta(request))
        return request

    def wire_meta(self, request: Request) -> dict[str, Any]:
        """Per-request settings of the source that a request is made for."""
        source = self._run.source_of(request)
        meta: dict[str, Any] = {"verify_tls": source.verify_tls, "download_timeout": self._run.limits.timeout}
        if self._run.config.crawl.http_proxy:
            meta["proxy"] = self._run.config.crawl.http_proxy
        return meta

    def link_of(self, request: Request) -> Link:
        """A Scrapy request, as a spider of one's own yields it, as a link of the frontier."""
        payload: dict[str, Any] = {}
        if request.callback is not None and request.callback.__name__ != "visit":
            payload["callback"] = request.callback.__name__
        if request.method != "GET":
            payload["method"] = request.method
        if request.body:
            payload["body"] = request.body.decode()
        if request.cb_kwargs:
            payload["cb_kwargs"] = dict(request.cb_kwargs)
        kind = Kind(request.meta.get("kind", Kind.ARTICLE))
        try:
            url, refused = canonical(request.url), None
        except InvalidURL as error:
            url, refused = request.url, f"bad-url: {error}"
        return Link(
            url,
            kind,
            refused=refused,
            payload=json.dumps(payload) if payload else None,
            spider=self._spider.name if payload else None,
        )
