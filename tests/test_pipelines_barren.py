"""Shapes of URLs that hundreds of pages became no article of."""

from __future__ import annotations

import pytest

from pipelines.barren import MANY, SAMPLE, Judged, barren_shapes, is_sample, refused, shape
from storage.records import State

HOST = "https://paper.example"


def urls(path: str, count: int) -> list[str]:
    """Different URLs of one shape."""
    return [f"{HOST}{path}-{number}" for number in range(count)]


def judged(path: str, count: int, state: State, reason: str | None = None) -> list[Judged]:
    """What became of them."""
    return [Judged(url, str(state), reason) for url in urls(path, count)]


OFFERS = "/offers/a-good-offer"
STORIES = "/region/the-bridge-is-open"


def test_what_never_became_an_article_is_barren() -> None:
    """Rejected or another URL of a story, MANY times; one less is not enough to tell."""
    rejected = judged(OFFERS, MANY // 2, State.REJECTED, "section")
    twins = judged(OFFERS + "-again", MANY // 2, State.DUPLICATE)
    assert barren_shapes(rejected + twins) == {shape(HOST + OFFERS + "-1")}
    assert barren_shapes(rejected + twins[1:]) == frozenset()
    assert barren_shapes(rejected + twins + judged(OFFERS + "-once", 1, State.STORED))


def test_what_becomes_articles_is_never_barren() -> None:
    """A site has thousands of stories of one shape; a few in a hundred are enough, and stories that are gone count."""
    fruitless = judged(STORIES, 10 * MANY, State.REJECTED, "section")
    assert barren_shapes(fruitless + judged(STORIES, MANY, State.STORED)) == frozenset()
    assert barren_shapes(fruitless[: 2 * MANY] + judged(STORIES, 10, State.GONE)) == frozenset()


@pytest.mark.parametrize("reason", ["paywall", "bot-challenge", "consent-wall", "login", "needs-javascript"])
def test_what_a_wall_hides_may_be_stories(reason: str) -> None:
    """Nothing was seen of them that could tell."""
    assert barren_shapes(judged(STORIES, 5 * MANY, State.REJECTED, reason)) == frozenset()


def test_a_sample_is_let_through() -> None:
    """So that a shape which begins to bear is found out; other shapes of the source are not touched."""
    new = [f"{HOST}/offers/a-new-offer-{number}" for number in range(800)]
    others = urls(STORIES, 100)
    out = refused(new + others, judged(OFFERS, MANY, State.REJECTED, "empty"))
    assert out == {url for url in new if not is_sample(url)}
    assert 50 < len(new) - len(out) < 2 * len(new) / SAMPLE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/offers/a-good-offer", "/offers/another-better-one-2"),
        ("/4711/politics", "/12/sport"),
        ("/a?x=1&y=2", "/b?y=3&x=4"),
        ("/0123456789abcdef0/the-bridge", "/fedcba98765432100/the-river"),
    ],
)
def test_urls_of_one_shape(one: str, other: str) -> None:
    """Numbers, hashes, names and values make no difference."""
    assert shape(HOST + one) == shape(HOST + other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/offers/a-good-offer", "/region/a-good-offer"),
        ("/offers/a-good-offer", "/offers/2026/a-good-offer"),
        ("/offers/a-good-offer", "/offers/a-good-offer?x=1"),
        ("/offers/offer", "/offers/4711"),
    ],
)
def test_urls_of_two_shapes(one: str, other: str) -> None:
    """The first folder, the depth, the parameters' names, and what a segment is."""
    assert shape(HOST + one) != shape(HOST + other)
    assert shape(HOST + one) != shape("https://other.example" + one)
