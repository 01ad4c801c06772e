"""URLs that lead into traps, and stories that look a little like them."""

from __future__ import annotations

import pytest

from crawler.discovery.discover import Discovered, Scope, discover
from crawler.discovery.traps import LONGEST, doubles, endless, refusal
from storage.records import Kind, Page
from storage.urlkey import canonical

HOST = "https://paper.example"
NOW = "2026-03-03T12:00:00.000Z"
SESSION = "0123456789abcdef0123456789abcdef"

TRAPS = {
    "/region/" + "a" * LONGEST: "trap-long-url",
    "/" + "/".join(f"part{number}" for number in range(16)): "trap-depth",
    "/city/news/city/news/city/news/the-bridge-is-open": "trap-repetition",
    "/city/city/city/the-bridge-is-open": "trap-repetition",
    "/city/a/city/b/city/the-bridge-is-open": "trap-repetition",
    "/1/2/3/1/2/3/1/2/3/bridge": "trap-repetition",
    "/events/2031/05/": "trap-calendar",
    "/events/2031-05/what-is-on-in-town": "trap-calendar",
    "/what-is-on-in-town?month=2026-05": "trap-calendar",
    "/events/?month=5&year=2026": "trap-calendar",
    "/?date=2026-05-01": "trap-calendar",
    "/whats-on?day=20260501": "trap-calendar",
    "/region/the-new-bridge-is-open?sort=price": "trap-facets",
    "/shop-4711123/?sort=price&filter%5Bcolour%5D=red": "trap-facets",
    "/shop-4711123/?filter[colour]=red": "trap-facets",
    "/articles?a=1&b=2&c=3&d=4&e=5&f=6&g=7": "trap-facets",
    "/articles?tag=a&tag=b&tag=c": "trap-facets",
    "/view?id=4711&" + "&".join(f"x{number}a=1" for number in range(10)): "trap-facets",
    "/region/the-new-bridge-is-open?offset=1519238998558": "trap-paging",
}

STORIES = [
    "/2026/03/03/the-bridge-is-open",
    "/2027/01/02/a-happy-new-year",
    "/1851/09/18/archives/the-bridge-is-open",
    "/11/11/11/the-eleventh-of-the-eleventh",
    "/news/4711/12-people-on-the-bridge",
    "/en/news/the-bridge/en/the-bridge-is-open",
    "/politics/elections/2031/the-bridge-is-open",
    "/world/2031-what-the-future-brings",
    "/view.php?id=4711&sort=asc",
    "/news_view.htm?date=20260301&lang=e&Seq_Code=181595",
    "/read?article_no=4711&date=2026-03-01",
    "/the-new-bridge-is-open?date=2026-03-01",
    "/pbcs.dll/article?Site=CG&Date=20211103&Category=NEWS&ArtNo=110209999&Ref=AR",
    "/view?menu=1&code=2&part=3&no=4711&x=1&y=2&z=3",
    "/index.php?option=content&view=article&id=4711&Itemid=12&lang=en&layout=default&catid=3",
    "/a/b/c/d/e/f/g/h/i/the-bridge-is-open",
    "/" + "%D0%BC%D0%BE%D1%81%D1%82" * 20,
]


@pytest.mark.parametrize(("path", "reason"), TRAPS.items(), ids=range(len(TRAPS)))
def test_traps_have_a_reason(path: str, reason: str) -> None:
    """Each kind of trap is told by its own word."""
    assert refusal(canonical(HOST + path), NOW) == reason


@pytest.mark.parametrize("path", STORIES, ids=range(len(STORIES)))
def test_stories_are_no_traps(path: str) -> None:
    """Dates, numbers, identifiers with many parameters, long names in other scripts."""
    assert refusal(canonical(HOST + path), NOW) is None


def test_what_is_listed_is_told_by_what_no_story_has() -> None:
    """A sitemap may list what looks like a calendar or a facet; it cannot make an endless path a story."""
    found = {reason for path in TRAPS if (reason := endless(canonical(HOST + path)))}
    assert found == {"trap-long-url", "trap-depth", "trap-repetition"}


def test_the_same_story_under_another_hash_is_a_double() -> None:
    """A session's hash above a story's name; a story that is named by a hash alone is its own."""
    first, second = (f"{HOST}/{hash_}/region/the-bridge-is-open" for hash_ in (SESSION, SESSION[::-1]))
    others = [f"{HOST}/{SESSION}/region/the-bridge-is-closed", f"{HOST}/n/{SESSION}", f"{HOST}/n/{SESSION[::-1]}"]
    assert doubles([first, second, *others]) == {second}


def test_known_session_ids_are_no_part_of_a_url() -> None:
    """They never make a second URL of a story."""
    named = f"{HOST}/the-bridge-is-open"
    for written in (f";jsessionid={SESSION}", f"?PHPSESSID={SESSION[:26]}", f"?sid={SESSION}", "?jsessionid=A.node7"):
        assert canonical(named + written) == named


def read(body: str, kind: Kind, scope: Scope) -> Discovered:
    """What a page or sitemap of the paper leads to."""
    page = Page(f"{HOST}/x", f"{HOST}/x", NOW, 200, None, body.encode())
    return discover(page, kind, scope, NOW)


@pytest.mark.parametrize(("allow", "refused"), [((), "trap-facets"), ((r"/region/",), None)])
def test_a_page_that_links_into_a_trap(allow: tuple[str, ...], refused: str | None) -> None:
    """The link is refused with the trap's reason, unless the source's owner says that such URLs are wanted."""
    body = '<a href="/region/the-bridge-is-open?sort=new">The bridge is open again</a>'
    found = read(body, Kind.SECTION, Scope.of(HOST, allow=allow))
    assert [link.refused for link in found.links] == [refused]


def test_a_page_that_links_a_story_under_two_sessions() -> None:
    """The first link is followed, the other is none of its own."""
    links = (f'<a href="/{hash_}/the-bridge-is-open">The bridge is open again</a>' for hash_ in (SESSION, SESSION[::-1]))
    found = read("".join(links), Kind.SECTION, Scope.of(HOST))
    assert [link.refused for link in found.links] == [None, "trap-session"]


def test_a_sitemap_that_lists_a_trap() -> None:
    """Pages and further sitemaps without end are refused."""
    paths = ("/the-bridge-is-open?sort=new", "/a/a/a/the-bridge-is-open")
    urls = "".join(f"<url><loc>{HOST}{path}</loc></url>" for path in paths)
    found = read(f"<urlset>{urls}</urlset>", Kind.SITEMAP, Scope.of(HOST))
    assert [link.refused for link in found.links] == [None, "trap-repetition"]
    index = f"<sitemapindex><sitemap><loc>{HOST}/s/s/s/more.xml</loc></sitemap></sitemapindex>"
    found = read(index, Kind.SITEMAP, Scope.of(HOST))
    assert ([link.refused for link in found.links], found.seeds) == (["trap-repetition"], ())
