"""What becomes of a fetched page, as a table."""

import pytest

from pipelines.decide import decide
from storage.records import Candidate, Known, NoArticle, Verdict

HERE = "newswarc-1/trafilatura-2.3.1"


def story(sha="a", extractor=HERE, *, truncated=False):
    """A candidate with a wording."""
    return Candidate("https://a.test/1", None, "T", "x", text_sha256=sha, extractor=extractor, truncated=truncated)


NEW = Known()
OWN = Known(article_id=7, version=1, text_sha256="a", extractor=HERE)
ALIAS = Known(article_id=7, own_url=False, version=1, text_sha256="a", extractor=HERE)


@pytest.mark.parametrize(
    ("result", "known", "status", "error", "verdict", "reason", "article"),
    [
        (None, OWN, 404, None, Verdict.GONE, "http-404", 7),
        (NoArticle("http-410"), OWN, 410, None, Verdict.GONE, "http-410", 7),
        (None, NEW, 404, None, Verdict.REJECTED, "http-404", None),
        (NoArticle("http-503"), OWN, 503, None, Verdict.FAILED, "http-503", 7),
        (None, NEW, 403, None, Verdict.FAILED, "http-403", None),
        (None, NEW, 200, "extraction-time", Verdict.FAILED, "extraction-time", None),
        (None, OWN, 0, None, Verdict.FAILED, "no-response", 7),
        (NoArticle("section"), NEW, 200, None, Verdict.REJECTED, "section", None),
        (NoArticle("consent-wall"), OWN, 200, None, Verdict.REJECTED, "consent-wall", 7),
        (story(), NEW, 200, None, Verdict.ADDED, None, None),
        (story(truncated=True), NEW, 200, None, Verdict.ADDED, None, None),
        (story(), Known(twin_article_id=9), 200, None, Verdict.DUPLICATE, "same-wording", 9),
        (story("b"), ALIAS, 200, None, Verdict.DUPLICATE, "alias", 7),
        (story("a"), OWN, 200, None, Verdict.UNCHANGED, None, 7),
        (story("b"), OWN, 200, None, Verdict.CHANGED, None, 7),
        (story("b", truncated=True), OWN, 200, None, Verdict.UNCHANGED, "truncated", 7),
        (story("b", "newswarc-2/x"), OWN, 200, None, Verdict.UNCHANGED, "other-extractor", 7),
    ],
)
def test_every_case_has_one_outcome(result, known, status, error, verdict, reason, article):
    """One row, one decision; the candidate travels along exactly when a page was read as an article."""
    outcome = decide(result, known, status=status, error=error)
    assert (outcome.verdict, outcome.reason, outcome.article_id) == (verdict, reason, article)
    assert (outcome.candidate is not None) == isinstance(result, Candidate)
