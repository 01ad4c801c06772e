"""A page with all it needs, from the archive: the captures that a package of one article, or a look at it, takes along."""

from __future__ import annotations

from pipelines import requisites
from pipelines.page import page_of
from storage.archive import captures
from storage.archive.shelf import Shelf
from storage.database.engine import Engine, reading
from storage.records import Capture, Page
from storage.urlkey import key


class WholePage:
    """Finds what pages need, each page's requisites as they were nearest to it in time.

    What a page needs is read from the page, not from who fetched it: a picture that ten pages show is fetched for the first
    of them. `limit` bounds what is read of a page or stylesheet (decoded bytes).
    """

    def __init__(self, engine: Engine, shelf: Shelf, limit: int) -> None:
        self._engine = engine
        self._shelf = shelf
        self._limit = limit

    def captures(self, article: Capture, *, pdfs: bool = True) -> list[Capture]:
        """The captures of all that the page in a capture needs, hops of redirects included; what was not archived is not there.

        Raises DamageError and DiskError as `Shelf.response`.
        """
        found: dict[str, list[Capture]] = {}

        def chain(url: str) -> list[Capture]:
            if url not in found:
                with reading(self._engine) as conn:
                    found[url] = captures.fetched_for(conn, key(url), article.fetched_at)
            return found[url]

        def stylesheet(url: str) -> Page | None:
            last = next(reversed(chain(url)), None)
            is_sheet = last is not None and requisites.is_stylesheet(last.url, last.mime)
            return self._page(last) if last is not None and is_sheet else None

        urls = requisites.whole(self._page(article), stylesheet, pdfs=pdfs)
        return [capture for url in urls for capture in chain(url)]

    def _page(self, capture: Capture) -> Page:
        with self._shelf.response(capture) as response:
            raw = response.block.read(self._limit)
            cut = response.length > len(raw) or capture.truncated is not None
        url, at = capture.context.frontier_url, capture.fetched_at
        return page_of(raw, url=capture.url, frontier_url=url, fetched_at=at, limit=self._limit, truncated=cut)
