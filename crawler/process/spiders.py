"""Running one spider in this process: Scrapy's settings of this package, logging to stderr, signals."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from scrapy import Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from crawler import settings as project
from crawler.process.heeding import end_at_once
from crawler.process.stopping import Stopping
from crawler.terminal import jsonlog
from storage.errors import NewswarcError, StoppedError


def start(spidercls: type[Spider], level: int, **arguments: Any) -> Spider:
    """Run one spider to its end in this process and return it. Raises what kept it from starting."""
    _log_to_stderr(level)
    process = AsyncCrawlerProcess(_settings())
    crawler = process.create_crawler(spidercls)
    task = process.crawl(crawler, **arguments)
    stopping = Stopping(crawler)
    stopping.listen(asyncio.get_event_loop_policy().get_event_loop())
    process.start(install_signal_handlers=False)
    end_at_once()
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
    speaker = jsonlog.speaker()
    speaker.setLevel(level)  # on the handler: Scrapy sets levels of its own loggers
    if level > logging.INFO:
        logging.getLogger("scrapy.core.downloader.tls").setLevel(logging.ERROR)  # verify_tls = false was a choice
    logging.basicConfig(level=max(logging.DEBUG, min(level, logging.INFO)), handlers=[speaker])  # a run's journal hears INFO


def _settings() -> Settings:
    values = Settings()
    values.setmodule(project, priority="project")
    values.set("LOG_INSTALL_ROOT_HANDLER", value=False, priority="cmdline")  # ours is there, and speaks to stderr
    # The spider is given, and none of the extensions is used here: loading them would take as long as fetching a page.
    values.set("SPIDER_MODULES", [], priority="cmdline")
    values.set("EXTENSIONS_BASE", {}, priority="cmdline")
    return values
