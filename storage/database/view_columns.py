"""The columns of v_articles and v_versions, in their order; of which tables they are is said in `views.py`."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """One column: its SQL expression, its type as documented, and what it says."""

    name: str
    sql: str
    description: str
    type: str = "text"


ARTICLE = (
    ViewColumn("uid", "a.uid", "Lasting name of the article: derived from the URL first stored, never changes."),
    ViewColumn("source", "s.name", "Name of the source in newswarc.toml whose crawl found the article."),
    ViewColumn("url", "a.url", "URL under which the article was first stored, in canonical form."),
    ViewColumn("canonical_url", "a.canonical_url", "URL that the page itself calls canonical (same site only)."),
    ViewColumn("site_name", "e.site_name", "Name of the publication, as the page gives it."),
    ViewColumn("title", "e.title", "Headline."),
    ViewColumn(
        "authors", "e.authors", "Authors in the order of the byline: a JSON list of strings, `[]` where none is known."
    ),
    ViewColumn(
        "published_at",
        "e.published_at",
        "When it was published, ISO 8601 in UTC with `Z`; only `YYYY-MM-DD` where no time is known.",
    ),
    ViewColumn(
        "modified_at", "e.modified_at", "When the publisher says it was last modified; same form as published_at."
    ),
    ViewColumn(
        "published_local", "e.published_local", "The publication date as declared, with the publisher's UTC offset."
    ),
    ViewColumn(
        "published_precision", "e.published_precision", "How exact published_at is: `second`, `minute` or `day`."
    ),
    ViewColumn("language", "e.language", "Language of the text, ISO 639-1 (`en`, `de`)."),
    ViewColumn("section", "e.section", "Section or category of the publication."),
    ViewColumn("tags", "e.tags", "Keywords: a JSON list of strings, `[]` where none is known."),
    ViewColumn("description", "e.description", "Summary or standfirst, as declared by the page."),
    ViewColumn("image_url", "e.image_url", "Address of the lead image."),
    ViewColumn("text", "e.text", "The article's text; paragraphs are separated by line breaks."),
    ViewColumn("word_count", "e.word_count", "Number of words in text.", "integer"),
    ViewColumn("version", "v.number", "Number of this version, counted from 1: the publisher's edits.", "integer"),
    ViewColumn("first_seen_at", "a.first_seen_at", "Capture time of the first 200 answer, UTC."),
    ViewColumn("last_seen_at", "a.last_seen_at", "Capture time of the newest 200 or 304 answer, UTC."),
    ViewColumn(
        "gone_at", "a.gone_at", "Capture time of the 404 or 410 that told of its removal; NULL while it is there."
    ),
    ViewColumn("http_status", "a.http_status", "HTTP status of the article's newest capture.", "integer"),
    ViewColumn("warc_file", "f.name", "WARC file with the response that first showed this version (in `warc/`)."),
    ViewColumn(
        "warc_offset", "c.warc_offset", "Where in that file the record's gzip member starts, in bytes.", "integer"
    ),
    ViewColumn("warc_length", "c.warc_length", "Length of that gzip member, in bytes.", "integer"),
    ViewColumn("warc_record_id", "c.warc_record_id", "WARC-Record-ID of the record, without angle brackets."),
    ViewColumn("payload_digest", "c.payload_digest", "WARC-Payload-Digest of the record: `sha1:` and base32."),
    ViewColumn("extractor", "e.extractor", "Name and version of what extracted these fields."),
    ViewColumn(
        "changed_seq",
        "a.changed_seq",
        "Grows with every change of the article, counted over all articles: the rows above the greatest number you have seen are "
        "all that changed since. Being seen again as it was (last_seen_at; http_status from 200 to 304 or back) is no change.",
        "integer",
    ),
    ViewColumn(
        "truncated",
        "CASE WHEN e.truncated THEN 1 ELSE 0 END",
        "Whether some of the page or of its text is missing (1, else 0): the server broke off, or a limit was reached.",
        "integer",
    ),
)

# What came to be said later: new columns come last, also in v_versions.
MORE = (
    ViewColumn(
        "organizations",
        "e.organizations",
        "Those of the authors that are organisations, not persons (a news agency, the newspaper itself): a JSON list.",
    ),
    ViewColumn(
        "modified_local", "e.modified_local", "The date of modification as declared, with the publisher's UTC offset."
    ),
    ViewColumn("modified_precision", "e.modified_precision", "How exact modified_at is: `second`, `minute` or `day`."),
    ViewColumn(
        "is_accessible_for_free",
        "CASE WHEN e.is_accessible_for_free THEN 1 WHEN NOT e.is_accessible_for_free THEN 0 END",
        "Whether everybody may read all of it (1), or a paywall stands before some of it (0); NULL where nothing tells.",
        "integer",
    ),
    ViewColumn(
        "page_type",
        "e.page_type",
        "What the page is: `article`, `live-blog`, `gallery`, `video`, `audio` or `opinion`; NULL where nothing tells.",
    ),
    ViewColumn(
        "reservations",
        "c.signals",
        "What rights the publisher reserved, as far as the capture that first showed this version says so: a JSON object as in "
        "v_captures.reservations; NULL where nothing is said.",
    ),
)
_SIZES = (
    ViewColumn(
        "words_added",
        "v.words_added",
        "Words of title and text that the version before does not have there, in scripts without spaces characters; "
        "NULL for the first version.",
        "integer",
    ),
    ViewColumn(
        "words_removed",
        "v.words_removed",
        "Words of the version before that are not there any more; NULL for the first version.",
        "integer",
    ),
)

LATER = (
    ViewColumn(
        "redirected_at",
        "a.redirected_at",
        "Capture time at which its URL was first seen to lead to the home page instead; NULL while it leads to the article.",
    ),
    ViewColumn(
        "paywalled_at",
        "a.paywalled_at",
        "Capture time at which the article, stored before, was first seen behind a paywall; NULL while it is free, or where "
        "it was never seen without one.",
    ),
)

_OF_VERSION = {
    "canonical_url": ("e.canonical_url", "URL that the page itself called canonical in this version (same site only)."),
    "http_status": ("c.http_status", "HTTP status of the capture that first showed this version."),
    "changed_seq": (
        "v.changed_seq",
        "Number of the change that made this version, in the same count as v_articles.changed_seq.",
    ),
}


def of_version() -> tuple[ViewColumn, ...]:
    """The columns of v_articles, with each version's own value, and what only versions have."""
    own = (
        replace(c, sql=_OF_VERSION[c.name][0], description=_OF_VERSION[c.name][1]) if c.name in _OF_VERSION else c
        for c in ARTICLE
    )
    observed = ViewColumn("observed_at", "v.observed_at", "Capture time at which this version was first seen, UTC.")
    return (*own, observed, *MORE, *_SIZES, *LATER)
