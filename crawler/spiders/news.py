"""The spider of every site that newswarc.toml can describe: sites are settings, not code."""

from crawler.spiders.base import ArchiveSpider


class NewsSpider(ArchiveSpider):
    """Crawls the sources of a collection."""

    name = "news"
