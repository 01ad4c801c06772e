"""What the archive says of a run."""

from __future__ import annotations

import json
from importlib.metadata import version

from crawler.config import keys as config
from crawler.options import CrawlOptions
from crawler.run import about

TOML = """
[collection]
name = "desk"
[crawl]
delay = 2
workers = 3
[database]
url = "{}"
[[source]]
name = "paper"
url = "https://paper.test/"
deny = ['/sport/']
"""


def _settings(options: CrawlOptions | None = None, url: str = "sqlite:///news.db") -> dict:
    resource = about.settings("R1", config.loads(TOML.format(url).encode(), "t"), options or CrawlOptions())
    assert (resource.uri, resource.mime) == ("urn:newswarc:run:R1:settings", "application/json")
    return json.loads(resource.content)


def test_settings_are_told_as_they_were_used() -> None:
    """What was set, what has its default, the options, and the versions of what reads pages."""
    told = _settings(CrawlOptions(now=True, max_pages=5, quiet=True))
    assert told["settings"]["crawl"]["delay"] == 2
    assert told["settings"]["crawl"]["timeout"] == 60
    own = {"name": "paper", "url": "https://paper.test/", "deny": ["/sport/"]}
    assert told["settings"]["source"] == [own | {"robots": "obey", "requisites": False, "pdfs": False, "paused": False}]
    assert (told["run"], told["command"], told["versions"]["trafilatura"]) == ("R1", "crawl", version("trafilatura"))
    assert (told["options"]["now"], told["options"]["max_pages"], told["options"]["refetch"]) == (True, 5, False)
    assert "quiet" not in told["options"]


def test_no_password_of_a_database_is_told() -> None:
    """Wherever a PostgreSQL URL may hold one."""
    for user in ("desk:geheim@", "desk:ge%40geheim@", ""):
        for query in ("", "?password=geheim&sslmode=require", "?options=-c%20geheim", "?host=/run/pg&sslpassword=geheim"):
            for scheme in ("postgresql", "postgresql+psycopg"):
                told = _settings(url=f"{scheme}://{user}db.test:5433/news{query}")
                assert told["settings"]["database"]["url"] == f"{scheme}://db.test:5433/news"
                assert "geheim" not in json.dumps(told)


def test_the_pages_of_a_long_fetch_are_counted() -> None:
    """A list of a million URLs is not written a second time."""
    urls = tuple(f"https://paper.test/{number}" for number in range(1200))
    told = _settings(CrawlOptions(urls=urls, exact=True))
    assert (told["command"], told["options"]["url_count"], len(told["options"]["urls"])) == ("fetch", 1200, about.MOST_URLS)
