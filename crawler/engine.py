"""What the command line starts: the Scrapy project of this package, run in this process."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

from scrapy import Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from crawler import console
from crawler import settings as project
from crawler.collection import Collection
from crawler.config import Config, Source
from crawler.dryrun import DryRun, ProbeSpider, TrialSpider, why
from crawler.options import CrawlOptions, Probe, Trial
from crawler.spiders.news import NewsSpider
from crawler.stopping import Stopping
from crawler.summary import lines_of
from storage.errors import AllSourcesFailed, NewswarcError, StoppedError
from storage.records import Candidate, NoArticle
from storage.urlkey import host_key


def crawl(collection: Collection, options: CrawlOptions) -> int:
    """Run the sources of a collection, or fetch exactly some pages; returns the exit code. Raises what ended the run."""
    spider = _start(NewsSpider, _level(options), collection=collection.folder, options=options)
    run = cast("NewsSpider", spider).run
    if run.failure is not None:
        raise run.failure
    if not options.quiet or run.exit_code:
        for line in lines_of(run):
            console.note(line)
    return run.exit_code or 0


def try_url(config: Config, url: str) -> Trial:
    """Fetch one page and read it; nothing is kept. Raises AllSourcesFailed when there is no page."""
    run = DryRun(config, _source_for(url), obey_scope=False)
    spider = cast("TrialSpider", _start(TrialSpider, logging.ERROR, url=url, run=run))
    if spider.result is None:
        raise AllSourcesFailed(f"{url}: {why(spider.failure)}")
    return Trial(spider.final_url, spider.status, spider.result)


def probe(collection: Collection, source: Source) -> Probe:
    """Look at the way into a site. Raises AllSourcesFailed when its home page cannot be had at all."""
    run = DryRun(collection.config, source, obey_scope=True)
    spider = cast("ProbeSpider", _start(ProbeSpider, logging.ERROR, url=source.url, run=run))
    if spider.home is None:
        raise AllSourcesFailed(f"{source.url}: {why(spider.failure)}")
    return Probe(
        url=spider.final_url,
        **{f"{kind}s": tuple(urls) for kind, urls in spider.seeds.items()},
        samples=tuple(Trial(url, status, result) for url, status, result in spider.samples),
        obstacle=_obstacle(spider.home),
    )


_OBSTACLES = {"bot-challenge", "consent-wall", "needs-javascript", "login"}


def _obstacle(home: Candidate | NoArticle) -> str | None:
    return home.reason if isinstance(home, NoArticle) and home.reason in _OBSTACLES else None


def _source_for(url: str) -> Source:
    scheme = url.partition("://")[0]
    return Source(name=host_key(url), url=f"{scheme}://{host_key(url)}/")


def _level(options: CrawlOptions) -> int:
    if options.quiet:
        return logging.ERROR
    return {0: logging.WARNING, 1: logging.INFO}.get(options.verbose, logging.DEBUG)


def _start(spidercls: type[Spider], level: int, **arguments: Any) -> Spider:
    """Run one spider to its end in this process and return it. Raises what kept it from starting."""
    _log_to_stderr(level)
    process = AsyncCrawlerProcess(_settings())
    crawler = process.create_crawler(spidercls)
    task = process.crawl(crawler, **arguments)
    stopping = Stopping(crawler)
    stopping.listen(asyncio.get_event_loop_policy().get_event_loop())
    process.start(install_signal_handlers=False)
    if (error := task.exception()) is not None:
        raise error
    if stopping.signum is not None and not isinstance(failure_of(crawler.spider), NewswarcError):
        raise StoppedError(stopping.signum)
    assert crawler.spider is not None, "a crawl that did not fail had a spider"
    return crawler.spider


def failure_of(spider: Spider | None) -> BaseException | None:
    """What ended a spider's run before its time."""
    return getattr(getattr(spider, "run", None), "failure", None)


def _log_to_stderr(level: int) -> None:
    speaker = logging.StreamHandler()
    speaker.setLevel(level)  # on the handler: Scrapy sets levels of its own loggers
    speaker.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    if level > logging.INFO:
        logging.getLogger("scrapy.core.downloader.tls").setLevel(logging.ERROR)  # verify_tls = false was a choice
    logging.basicConfig(level=max(logging.DEBUG, level), handlers=[speaker])


def _settings() -> Settings:
    values = Settings()
    values.setmodule(project, priority="project")
    values.set("LOG_INSTALL_ROOT_HANDLER", value=False, priority="cmdline")  # ours is there, and speaks to stderr
    return values
