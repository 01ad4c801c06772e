"""What becomes of a fetched page: one pure decision, the same in a crawl and when reprocessing."""

from __future__ import annotations

from pipelines import paywalls
from storage.archive.dedupe import NOT_CHANGED
from storage.articles.rows import PAYWALLED, REDIRECTED
from storage.records import Candidate, Known, NoArticle, Outcome, Verdict

GONE_STATUSES = frozenset({404, 410})


def decide(
    result: Candidate | NoArticle | None, known: Known, *, status: int, error: str | None = None, home: bool = False
) -> Outcome:
    """The outcome of one considered URL.

    `result` is None when extraction was not tried or did not end (`error` says why); `status` is that of the final
    response, 0 when none came. `home`: a redirect led to the front page (see `landing`).
    """
    if status >= 400:
        return _refused(known, status, error)
    if home and error is None:
        return _gone(known, REDIRECTED)
    if status == NOT_CHANGED and error is None:
        return _not_modified(known)
    if error is not None or result is None:
        return Outcome(Verdict.FAILED, error or "no-response", article_id=known.article_id)
    return _rejected(result, known) if isinstance(result, NoArticle) else _extracted(result, known)


def _rejected(result: NoArticle, known: Known) -> Outcome:
    if result.reason == paywalls.BARE and known.text and known.own_url:
        return Outcome(Verdict.UNCHANGED, PAYWALLED, article_id=known.article_id, paywalled=True)
    return Outcome(Verdict.REJECTED, result.reason, article_id=known.article_id)


def _not_modified(known: Known) -> Outcome:
    """The page is still the one that the archive has."""
    if known.article_id is None:
        return Outcome(Verdict.REJECTED, "not-modified")
    verdict = Verdict.UNCHANGED if known.own_url else Verdict.DUPLICATE
    return Outcome(verdict, "not-modified", article_id=known.article_id)


def _refused(known: Known, status: int, error: str | None) -> Outcome:
    if status not in GONE_STATUSES:
        named = error is not None and error.startswith(f"http-{status}: ")  # the wall behind the status
        return Outcome(Verdict.FAILED, error if named else f"http-{status}", article_id=known.article_id)
    return _gone(known, f"http-{status}")


def _gone(known: Known, reason: str) -> Outcome:
    if not known.own_url:  # another URL of the article went away; the article itself did not
        return Outcome(Verdict.REJECTED, reason)
    verdict = Verdict.REJECTED if known.article_id is None else Verdict.GONE
    return Outcome(verdict, reason, article_id=known.article_id)


def _extracted(candidate: Candidate, known: Known) -> Outcome:
    if known.article_id is None:
        if known.twin_article_id is None:
            return Outcome(Verdict.ADDED, candidate=candidate)
        return Outcome(Verdict.DUPLICATE, "same-wording", candidate, known.twin_article_id)
    if not known.own_url:
        return Outcome(Verdict.DUPLICATE, "alias", candidate, known.article_id)
    if known.text and paywalls.is_teaser(candidate, known):
        return Outcome(Verdict.UNCHANGED, PAYWALLED, candidate, known.article_id, paywalled=True)
    return Outcome(*_compared(candidate, known), candidate, known.article_id, paywalls.news_of(candidate, known))


def _compared(candidate: Candidate, known: Known) -> tuple[Verdict, str | None]:
    """A version is a publisher's edit: another wording, seen whole, by the same extractor."""
    if candidate.text_sha256 == known.text_sha256:
        return Verdict.UNCHANGED, None
    if candidate.extractor != known.extractor:
        return Verdict.UNCHANGED, "other-extractor"
    if candidate.truncated:
        return Verdict.UNCHANGED, "truncated"
    return Verdict.CHANGED, None
