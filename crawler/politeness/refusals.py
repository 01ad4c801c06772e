"""What keeps a request from being sent, or its answer from being used, as errors that reach the request's errback."""

from __future__ import annotations

from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response


class Refused(IgnoreRequest):
    """A rule of ours kept a request from being sent. `temporary`: the URL may be asked for another time."""

    def __init__(self, reason: str, *, temporary: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.temporary = temporary


class Unsent(IgnoreRequest):
    """The run ended before the request's turn came: its lease is given back."""


class BadStatus(IgnoreRequest):
    """The final answer was not 2xx."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"http-{response.status}")
        self.response = response
