"""A newsroom whose front page also leads into traps: each poll shows other links into them, and each page there leads on."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator

from tests.newsroom.server import Newsroom
from tests.newsroom.site import Answer

FLOOD = 220  # links of one shape on each poll of the front page

_WORDS = "ash birch cedar delta ember fjord grove heath inlet jetty knoll larch marsh north ocean pier quay ridge reef moor".split()


class Maze(Newsroom):
    """Traps beside the stories: calendars, sessions, facets, endless paths and lists, and `/offers/...` of no pattern."""

    polls = 0

    def _answer(self, target: str, headers: tuple[tuple[str, str], ...]) -> Answer:
        if target == "/":
            self.polls += 1
            front = self.site.answer("/")
            links = _anchors([*self.trapped(self.polls), *self.flood(self.polls)])
            return Answer(200, front.body.replace(b"</body>", f"{links}</body>".encode()))
        known = super()._answer(target, headers)
        return known if known.status != 404 else Answer(200, _page(target, [*self.trapped(zlib.crc32(target.encode()) % 1000)]))

    def trapped(self, turn: int) -> Iterator[str]:
        """Links into every trap, other ones at each turn."""
        for number in range(turn * 10, turn * 10 + 10):
            session = hashlib.sha256(f"{number}".encode()).hexdigest()[:32]
            yield f"/whats-on?month={2026 + number // 12}-{number % 12 + 1:02d}"
            yield f"/events/{2030 + number % 60}/05/whats-on-in-the-town"
            yield f"/region/all-the-articles?sort=date&filter[colour]={number}"
            yield f"/region/all-the-articles?offset={10_000 + number}"
            yield "/" + "/".join(_WORDS[(number + step) % 20] for step in range(18)) + f"/a-page-without-end-{number}"
            yield "/more/of/it" * 4 + f"/page-number-{number}"
            yield f"/region/the-bridge-is-open-{number};jsessionid={session}?month=5"

    def flood(self, turn: int) -> Iterator[str]:
        """Names that no pattern tells from stories'."""
        return (f"/offers/a-very-good-offer-{turn}-{number}" for number in range(FLOOD))


def _page(target: str, links: list[str]) -> bytes:
    return f"<html><head><title>{target[:60]}</title></head><body><h1>Nothing here</h1>{_anchors(links)}</body></html>".encode()


def _anchors(links: list[str]) -> str:
    return "".join(f'<p><a href="{link}">A headline that is long enough to be one</a></p>' for link in links)
