"""Paywalls that go up, and redirects to the front page: what is an edit, what is a state of the article."""

from __future__ import annotations

import pytest

from pipelines.decide import decide
from pipelines.landing import leads_home
from storage.records import Candidate, Known, NoArticle, Verdict

LINES = [f"Paragraph {number} tells of the bridge at Low Mill, and of who paid for it." for number in range(10)]
WHOLE = "\n".join(LINES)
KNOWN = Known(article_id=7, version=1, text_sha256="whole", extractor="t", text=WHOLE, word_count=150)


def page(text: str, *, free: bool | None = None, walled: bool = False, truncated: bool = False) -> Candidate:
    """What an extractor reads."""
    return Candidate(
        "https://a.test/1",
        None,
        "T",
        text,
        word_count=len(text.split()),
        text_sha256="whole" if text == WHOLE else text,
        extractor="t",
        truncated=truncated,
        is_accessible_for_free=free,
        walled=walled,
    )


TEASER = "\n".join(LINES[:2])
SUMMARY = "What became of the bridge, in short."
LONGER = WHOLE + "\nAn addition."


@pytest.mark.parametrize(
    ("read", "verdict", "reason", "paywalled"),
    [
        (page(TEASER, free=False), Verdict.UNCHANGED, "paywalled", True),
        (page(TEASER, walled=True), Verdict.UNCHANGED, "paywalled", True),
        (page(LINES[0] + "\n" + LINES[1][:30] + "…", walled=True), Verdict.UNCHANGED, "paywalled", True),
        (page(SUMMARY, free=False), Verdict.UNCHANGED, "paywalled", True),
        (page(SUMMARY, walled=True), Verdict.CHANGED, None, False),
        (page(TEASER), Verdict.CHANGED, None, False),
        (page(TEASER, free=True), Verdict.CHANGED, None, False),
        (page(LONGER, free=False), Verdict.CHANGED, None, True),
        (page(LONGER), Verdict.CHANGED, None, False),
        (page(WHOLE, free=False), Verdict.UNCHANGED, None, True),
        (page(WHOLE), Verdict.UNCHANGED, None, False),
        (page(TEASER, free=False, truncated=True), Verdict.UNCHANGED, "truncated", None),
        (NoArticle("paywall"), Verdict.UNCHANGED, "paywalled", True),
        (NoArticle("login"), Verdict.REJECTED, "login", None),
    ],
)
def test_a_teaser_before_a_paywall_is_no_edit(read, verdict, reason, paywalled):
    """Only a page that says so, and shows less than is stored, is a teaser; whatever else differs is a version."""
    outcome = decide(read, KNOWN, status=200)
    assert (outcome.verdict, outcome.reason, outcome.paywalled) == (verdict, reason, paywalled)


def test_a_story_that_was_never_free_has_no_paywall_that_went_up():
    """Its teaser is what is stored, and edits of it are versions."""
    known = Known(article_id=7, text_sha256="x", extractor="t", text=TEASER, word_count=30, is_accessible_for_free=False)
    outcome = decide(page(TEASER + "\nAnd more.", free=False), known, status=200)
    assert (outcome.verdict, outcome.paywalled) == (Verdict.CHANGED, None)


def test_a_bare_paywall_on_a_page_that_is_not_known_is_no_article():
    """As before: there is nothing that could be unchanged."""
    assert decide(NoArticle("paywall"), Known(), status=200).verdict is Verdict.REJECTED


STORY = "https://a.test/news/2026/03/bridge"


@pytest.mark.parametrize(
    ("asked", "final", "result", "home"),
    [
        (STORY, "https://a.test/", NoArticle("home"), True),
        (STORY, "https://www.a.test/index.html", None, True),
        (STORY, "https://a.test/", page(WHOLE), True),
        (STORY, "https://a.test/news/", NoArticle("section"), True),
        (STORY, "https://a.test/news", NoArticle("section"), True),
        (STORY, "https://a.test/new", NoArticle("section"), False),
        (STORY, "https://a.test/sport/", NoArticle("section"), False),
        (STORY + "/amp", STORY, page(WHOLE), False),
        (STORY, STORY, NoArticle("section"), False),
        (STORY, "https://a.test/news/2026/03/other", page(WHOLE), False),
        ("https://a.test/?p=12", "https://a.test/", NoArticle("home"), True),
        ("http://a.test/", "https://a.test/", NoArticle("home"), False),
    ],
)
def test_a_redirect_to_the_front_page_or_a_section_above_leads_home(asked, final, result, home):
    """Told by the addresses and by what the page turned out to be, so that a rebuild tells the same."""
    assert leads_home(asked, final, result) is home


@pytest.mark.parametrize(
    ("known", "verdict"), [(KNOWN, Verdict.GONE), (Known(), Verdict.REJECTED), (Known(7, own_url=False), Verdict.REJECTED)]
)
def test_what_leads_home_is_gone(known, verdict):
    """Of a stored article; any other URL is no article."""
    outcome = decide(page(WHOLE), known, status=200, home=True)
    assert (outcome.verdict, outcome.reason) == (verdict, "redirected-home")
