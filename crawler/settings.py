"""Scrapy settings of the project, the same under `newswarc` and `scrapy crawl`.

What newswarc.toml says (delay, concurrency, contact, limits) is set by the spider when it opens its collection; what is
here concerns every collection.
"""

BOT_NAME = "newswarc"
SPIDER_MODULES = ["crawler.spiders"]
NEWSPIDER_MODULE = "crawler.spiders"

# Doors that a crawler does not need open.
REMOTE_CONTROL_ENABLED = False
TELNETCONSOLE_ENABLED = False
METAREFRESH_ENABLED = False
REFERRER_POLICY = "no-referrer"
HTTPPROXY_ENABLED = False  # reads the environment; `http_proxy` of newswarc.toml is set per request
ROBOTSTXT_OBEY = False  # by crawler.middlewares.politeness, which follows RFC 9309

TWISTED_DNS_RESOLVER = "crawler.wire.netguard.NetGuard"  # closed until the run's own guard takes its place
DOWNLOAD_HANDLERS = {
    "http": "crawler.wire.handler.WireDownloadHandler",
    "https": "crawler.wire.handler.WireDownloadHandler",
    "data": None,
    "file": None,
    "ftp": None,
    "s3": None,
}
DOWNLOAD_VERIFY_CERTIFICATES = True
DOWNLOAD_FAIL_ON_DATALOSS = False  # a page that broke off is kept, and marked
DOWNLOAD_MAXSIZE = 0  # the wire has its own limits, which keep what came before them
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_DELAY_JITTER = 0  # a promised gap is a gap
CONCURRENT_REQUESTS_PER_DOMAIN = 1
CONCURRENT_ITEMS = 1  # a callback gives one Harvest; Scrapy makes a task for each that there may be
SCRAPER_SLOT_MAX_ACTIVE_SIZE = 50_000_000

HTTPERROR_ALLOWED_CODES = [304]  # only one that was asked for comes so far

RETRY_TIMES = 1  # in the same run; later ones are the frontier's
RETRY_HTTP_CODES = [500, 502, 504, 522, 524, 408]  # not 429 and 503: those ask us to stay away
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"
REDIRECT_MAX_TIMES = 10

SCHEDULER = "crawler.run.frontier.Frontier"
DEFAULT_REQUEST_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Encoding": "gzip, br",  # neither pywb nor ReplayWeb.page undoes zstd, and the latter not even deflate
}
DOWNLOADER_MIDDLEWARES = {
    "crawler.middlewares.politeness.Scope": 50,
    "crawler.middlewares.politeness.Robots": 100,
    "crawler.middlewares.politeness.RetryAfter": 545,
    "crawler.middlewares.conditional.Conditional": 880,
    "crawler.middlewares.politeness.OwnSlot": 890,
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.cookies.CookiesMiddleware": None,
    "crawler.middlewares.politeness.ChainCookies": 700,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
    "crawler.middlewares.politeness.Decompression": 590,
}
SPIDER_MIDDLEWARES = {
    "crawler.middlewares.harvesting.HarvestMiddleware": 10,
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
}
ITEM_PIPELINES = {"crawler.middlewares.harvesting.HarvestPipeline": 100}
EXTENSIONS = {
    "scrapy.extensions.telnet.TelnetConsole": None,
    "scrapy.extensions.memusage.MemoryUsage": None,
}
STATS_DUMP = False
DOWNLOADER_STATS = False  # it puts every message together again to measure it; the ledger counts what we show
LOG_LEVEL = "INFO"
