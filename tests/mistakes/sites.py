"""Mistakes with a site, and what sites do."""

# ruff: noqa: E501 - a mistake a line reads best as a table

from __future__ import annotations

from tests.mistakes.bench import ALL, DEAD, HEAD, OK, SOME, SOURCE, Bench, Mistake, Prepare

good = Bench.good


def at(path: str, more: str = "") -> Prepare:
    """A collection whose source is another page of the site."""
    return lambda bench: bench.good("{site}" + path, more)


def site(url: str) -> Prepare:
    """A collection whose source is elsewhere."""
    return lambda bench: bench.good(url)


SITES = [
    Mistake("a port where nobody listens", "crawl", ALL, "Failed: paper (robots-unreachable: refused)", site(DEAD), mend=good),
    Mistake("a host without address", "crawl", ALL, "Failed: paper (robots-unreachable: dns)", site("http://paper.invalid/"), mend=good),
    Mistake("a host that never answers", "crawl", ALL, "Failed: paper (timeout)", lambda bench: bench.settings(HEAD.replace("timeout = 5", "timeout = 1") + SOURCE.replace("{url}", "{site}/mute/"))),
    Mistake("https of a site that has none", "crawl", ALL, "Failed: paper (robots-unreachable: timeout)", lambda bench: bench.good(bench.site.replace("http:", "https:") + "/good/")),
    Mistake("a home page with status 500", "crawl", ALL, "Failed: paper (http-500)", at("/500/"), mend=good),
    Mistake("a home page with status 404", "crawl", ALL, "Failed: paper (http-404)", at("/nowhere/")),
    Mistake("a home page with status 403", "crawl", ALL, "Failed: paper (http-403)", at("/403/")),
    Mistake("a home page that leads to itself", "crawl", ALL, "Failed: paper (too-many-redirects)", at("/loop/")),
    Mistake("a home page that leads to another site", "crawl", ALL, "Failed: paper (offsite-redirect)", at("/away/")),
    Mistake("a home page without links", "crawl", ALL, "Failed: paper (no-links)", at("/bare/")),
    Mistake("a home page without a byte", "crawl", ALL, "Failed: paper (empty)", at("/nothing/")),
    Mistake("a feed that is HTML", "crawl", ALL, "Failed: paper (not-a-feed: html)", at("/bare/", 'feeds = ["{site}/html.xml"]\n')),
    Mistake("a feed without entries", "crawl", ALL, "Failed: paper (no-links)", at("/bare/", 'feeds = ["{site}/no-items.xml"]\n')),
    Mistake("a feed with status 404", "crawl", OK, "Articles: 1 added, 0 pending", at("/good/", 'feeds = ["{site}/nowhere.xml"]\n')),
    Mistake("a sitemap without a byte", "crawl", ALL, "Failed: paper (no-links)", at("/bare/", 'sitemaps = ["{site}/empty.xml"]\n')),
    Mistake("a sitemap without URLs", "crawl", ALL, "Failed: paper (no-links)", at("/bare/", 'sitemaps = ["{site}/no-urls.xml"]\n')),
    Mistake("one of two sites fails", "crawl", SOME, "Failed: dead (robots-unreachable: refused)", lambda bench: bench.good(more=f'[[source]]\nname = "dead"\nurl = "{DEAD}"\n')),
    Mistake("a site in a private network", "crawl", ALL, "Failed: paper (private-address; allow_private_networks in newswarc.toml can open it)", lambda bench: bench.settings(SOURCE), mend=good),
    Mistake("a proxy where nobody listens", "crawl", ALL, "Failed: paper (robots-unreachable: refused)", lambda bench: bench.settings(HEAD + 'http_proxy = "http://127.0.0.1:9"\n' + SOURCE.replace("{url}", "http://paper.invalid/"))),
    Mistake("everything is forbidden by robots.txt", "crawl", ALL, "Failed: paper (robots)", lambda bench: bench.good("{site}/closed/")),
    Mistake("`fetch` of a page that is not there", "fetch SITE/nowhere/", ALL, "Failed: paper (http-404)", good),
    Mistake("`fetch` of two pages, one not there", "fetch SITE/nowhere/ SITE/good/", OK, "Articles: 0 added, 2 rejected, 0 pending", good),
    Mistake("`fetch` of a port where nobody listens", f"fetch {DEAD}", ALL, "Failed: 127.0.0.1-9 (robots-unreachable: refused)", good),
    Mistake("`try` of a port where nobody listens", f"try {DEAD}", ALL, "newswarc: error: http://127.0.0.1:9/: robots-unreachable: refused", good),
    Mistake("`try` of a private network", "try SITE/good/", ALL, "newswarc: error: SITE/good/: private-address"),
    Mistake("`try` of a page with status 500", "try SITE/500/", ALL, "newswarc: error: SITE/500/: http-500", good),
    Mistake("`try` of a page that is no article", "try SITE/bare/", OK, "no article: empty", good),
    Mistake("`source add` of a site without a way in", "source add SITE/bare/", ALL, "newswarc: error: SITE/bare/: not added, no article was found; --force adds it anyway", good),
    Mistake("`source add` of a site that fails", "source add SITE/500/", ALL, "newswarc: error: SITE/500/: http-500", good),
]
