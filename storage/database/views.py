"""The views: the contract for data teams, from one definition each. docs/schema.md is generated from this file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, TableClause, column, inspect, table, text

from storage.database import view_columns
from storage.database.dialects import Dialect, of
from storage.database.view_columns import ViewColumn
from storage.records import SEED_KINDS, Kind, State, Verdict


@dataclass(frozen=True, slots=True)
class View:
    """One view. `source` is its FROM clause; `{authors}` and the like, there and in columns, depend on the dialect."""

    name: str
    description: str
    source: str
    columns: tuple[ViewColumn, ...]
    fast: str  # which questions an index answers
    example: str
    where: str = ""  # which rows are shown

    def select(self, dialect: Dialect) -> str:
        """The SELECT behind the view."""
        parts = _fragments(dialect)
        expressions = ",\n  ".join(f"{column.sql} AS {column.name}" for column in self.columns)
        where = f"\nWHERE {self.where}" if self.where else ""
        return f"SELECT\n  {expressions}\nFROM {self.source}{where}".format_map(parts)


def _fragments(dialect: Dialect) -> dict[str, str]:
    """What `{...}` in a definition stands for."""
    lists = {name: dialect.unnest(f"e.{name}") for name in ("authors", "tags")}
    lists["provenance"] = dialect.unnest_object("e.provenance")
    counts = {f"articles_{verdict}": _count(dialect, str(verdict)) for verdict in _ARTICLE_VERDICTS}
    seeds = {f"seeds_{verdict}": _count_seeds(dialect, str(verdict)) for verdict in (Verdict.POLLED, Verdict.FAILED)}
    seeds["requisites_kept"] = _count_others(dialect, [str(Kind.REQUISITE)], str(Verdict.KEPT))
    pending = f"COALESCE({dialect.count_in('r.ledger', 'pending')}, {_LEASED})"
    considered = {
        f"considered_{word}": dialect.count_in("r.ledger", "considered", word) for word in ("new", "due", "carried")
    }
    return lists | counts | seeds | considered | {"pending": pending, "position": dialect.position}


# ---- articles and versions

_SHOWN = "a.withdrawn_at IS NULL"
_VERSION_TABLES = """versions AS v ON v.article_id = a.id{latest}
JOIN extractions AS e ON e.id = v.extraction_id
JOIN captures AS c ON c.id = v.capture_id
JOIN warc_files AS f ON f.id = c.warc_file_id"""

V_ARTICLES = View(
    name="v_articles",
    description="One row an article: its latest version, with the place of the WARC record that proves it.",
    source=f"articles AS a JOIN sources AS s ON s.id = a.source_id\nJOIN {_VERSION_TABLES}".replace(
        "{latest}", " AND v.number = a.version"
    ),
    columns=(*view_columns.ARTICLE, *view_columns.MORE, *view_columns.LATER),
    fast="uid =, url =, source =, changed_seq > (in its order)",
    example=(
        "SELECT published_at, source, title FROM v_articles\n"
        "WHERE published_at >= '2026-03-01' ORDER BY published_at DESC LIMIT 20"
    ),
    where=_SHOWN,
)

V_VERSIONS = View(
    name="v_versions",
    description="One row a version: every wording of an article that was seen, the newest included.",
    source=f"articles AS a JOIN sources AS s ON s.id = a.source_id\nJOIN {_VERSION_TABLES}".replace("{latest}", ""),
    columns=view_columns.of_version(),
    fast="uid =, url =, source =",
    example="SELECT uid, version, observed_at, title FROM v_versions WHERE version > 1 ORDER BY observed_at",
    where=_SHOWN,
)


def _list_view(name: str, member: str, lists: str, example: str) -> View:
    return View(
        name=name,
        description=f"One row an article and {member}, of the latest version; sorted by position, as on the page.",
        source=(
            "articles AS a JOIN versions AS v ON v.article_id = a.id AND v.number = a.version\n"
            f"JOIN extractions AS e ON e.id = v.extraction_id\nCROSS JOIN {{{lists}}}"
        ),
        columns=(
            ViewColumn("uid", "a.uid", "The article, as in v_articles."),
            ViewColumn("position", "{position}", f"Place of the {member} in the list, counted from 1.", "integer"),
            ViewColumn(member, "x.value", f"One {member}."),
        ),
        fast="uid =",
        example=example,
        where=_SHOWN,
    )


V_ARTICLE_AUTHORS = _list_view(
    "v_article_authors",
    "author",
    "authors",
    "SELECT author, count(*) AS articles FROM v_article_authors\nGROUP BY author ORDER BY articles DESC, author",
)
V_ARTICLE_TAGS = _list_view(
    "v_article_tags",
    "tag",
    "tags",
    "SELECT a.title, t.tag FROM v_articles AS a JOIN v_article_tags AS t ON t.uid = a.uid\nORDER BY a.uid, t.position",
)

_FIELD = "CASE WHEN x.key IN ('published', 'modified') THEN x.key || '_at' ELSE x.key END"
V_PROVENANCE = View(
    name="v_provenance",
    description="One row a version and field: where the field's value was found. A field that is unknown has none.",
    source=(
        "articles AS a JOIN versions AS v ON v.article_id = a.id\n"
        "JOIN extractions AS e ON e.id = v.extraction_id\nCROSS JOIN {provenance}"
    ),
    columns=(
        ViewColumn("uid", "a.uid", "The article, as in v_articles."),
        ViewColumn("version", "v.number", "Number of the version, as in v_versions.", "integer"),
        ViewColumn("field", _FIELD, "Name of the column in v_versions whose value it is."),
        ViewColumn(
            "source",
            "x.value",
            "Where the value was found: `json-ld`, `og:title`, `meta:author`, `h1`, `byline`, `time`, `url`, `announced` (by a "
            "feed or sitemap), ...",
        ),
    ),
    fast="uid = (and version =)",
    example="SELECT source, count(*) AS articles FROM v_provenance WHERE field = 'published_at' GROUP BY source",
    where=_SHOWN,
)

# ---- captures, URLs, runs

_KINDS = ", ".join(f"`{kind}`" for kind in Kind)
_STATES = ", ".join(f"`{state}`" for state in State)

_REFERS = "c.revisit_of IS NOT NULL AND (c.http_status = 304 OR c.kind = 'robots')"
_OF_ORIGINAL = "(SELECT o.signals FROM captures AS o WHERE o.warc_record_id = c.revisit_of)"
_RESERVATIONS = f"CASE WHEN {_REFERS} THEN COALESCE({_OF_ORIGINAL}, c.signals) ELSE c.signals END"

V_CAPTURES = View(
    name="v_captures",
    description="One row an archived exchange: robots.txt, feeds, redirects, errors and retries included.",
    source="captures AS c JOIN warc_files AS f ON f.id = c.warc_file_id",
    columns=(
        ViewColumn("url", "c.url", "The URL asked for: WARC-Target-URI."),
        ViewColumn("fetched_at", "c.fetched_at", "WARC-Date, UTC."),
        ViewColumn("http_status", "c.http_status", "HTTP status; NULL when no answer came.", "integer"),
        ViewColumn("kind", "c.kind", f"What it was fetched as: {_KINDS}."),
        ViewColumn("mime", "c.mime", "Media type of the answer, without parameters."),
        ViewColumn(
            "record_type",
            "c.record_type",
            "WARC-Type of the record: `response`, `revisit`, or `request` when no byte came back.",
        ),
        ViewColumn(
            "warc_file", "f.name", "WARC file with the record (in `warc/`; `NAME.open` while it is being written)."
        ),
        ViewColumn(
            "warc_offset", "c.warc_offset", "Where in that file the record's gzip member starts, in bytes.", "integer"
        ),
        ViewColumn("warc_length", "c.warc_length", "Length of that gzip member, in bytes.", "integer"),
        ViewColumn("warc_record_id", "c.warc_record_id", "WARC-Record-ID, without angle brackets."),
        ViewColumn(
            "payload_digest",
            "c.payload_digest",
            "WARC-Payload-Digest: of the bytes after the header block, as they came.",
        ),
        ViewColumn("block_digest", "c.block_digest", "WARC-Block-Digest: of the whole block."),
        ViewColumn(
            "body_sha256", "c.body_sha256", "SHA-256 (hex) of the decoded body; NULL when it could not be decoded."
        ),
        ViewColumn(
            "truncated", "c.truncated", "WARC-Truncated: `length`, `time` or `disconnect`; NULL for a whole exchange."
        ),
        ViewColumn(
            "revisit_of", "c.revisit_of", "WARC-Refers-To: record that holds the payload; NULL when this one does."
        ),
        ViewColumn("run_id", "c.run_id", "The run that made it."),
        ViewColumn(
            "reservations",
            _RESERVATIONS,
            "What rights the publisher reserves, as far as the answer says so: a JSON object, place (`header`, `meta`, `link`, "
            "`json-ld`, `robots.txt`) to list of statements (`noai`, `tdm-reservation: 1`); NULL where nothing is said. Of a 304, "
            "and of a robots.txt that is archived already, what the record that it refers to says.",
        ),
    ),
    fast="url =, warc_record_id =, warc_file =",
    example="SELECT http_status, count(*) AS exchanges FROM v_captures GROUP BY http_status ORDER BY exchanges DESC",
    where="c.withdrawn_at IS NULL",
)

V_URLS = View(
    name="v_urls",
    description="One row a URL ever discovered, in exactly one state: their counts add up to the URLs known.",
    source="urls AS u JOIN sources AS s ON s.id = u.source_id",
    columns=(
        ViewColumn("url", "u.url", "The URL in canonical form."),
        ViewColumn("source", "s.name", "Name of the source whose crawl discovered it."),
        ViewColumn("state", "u.state", f"Its one state: {_STATES}."),
        ViewColumn(
            "reason", "u.reason", "Why it is in this state, as a short stable word; NULL where nothing is to be said."
        ),
        ViewColumn("discovered_at", "u.discovered_at", "When it was first met, UTC."),
        ViewColumn(
            "discovered_from",
            "u.discovered_from",
            "URL of the page, feed or sitemap where it was first met; NULL when a person named it.",
        ),
        ViewColumn("next_fetch_at", "u.next_fetch_at", "When it is to be fetched next, UTC; NULL: not at all."),
        ViewColumn("attempts", "u.attempts", "Fetches since the last success.", "integer"),
    ),
    fast="source = (and state =)",
    example="SELECT source, state, count(*) AS urls FROM v_urls GROUP BY source, state ORDER BY source, state",
)

_ARTICLE_VERDICTS = tuple(verdict for verdict in Verdict if verdict not in (Verdict.POLLED, Verdict.KEPT))
_LEASED = "(SELECT count(*) FROM urls AS u WHERE u.lease_run = r.id AND u.kind = 'article')"


def _count(dialect: Dialect, verdict: str) -> str:
    """Of article URLs: the ledger's count once a run has ended; before, and for killed runs, what its outcomes say."""
    return _from_ledger([dialect.count_in("r.ledger", "articles", verdict)], ["article"], verdict)


def _count_seeds(dialect: Dialect, verdict: str) -> str:
    return _count_others(dialect, sorted(map(str, SEED_KINDS)), verdict)


def _count_others(dialect: Dialect, kinds: list[str], verdict: str) -> str:
    return _from_ledger([dialect.count_in("r.ledger", "others", f"{kind}/{verdict}") for kind in kinds], kinds, verdict)


def _from_ledger(counts: list[str], kinds: list[str], verdict: str) -> str:
    stored = " + ".join(f"COALESCE({count}, 0)" for count in counts)
    among = ", ".join(f"'{kind}'" for kind in kinds)
    which = f"o.run_id = r.id AND o.kind IN ({among}) AND o.verdict = '{verdict}'"
    counted = f"(SELECT count(*) FROM outcomes AS o WHERE {which})"  # noqa: S608 - words of ours
    return f"CASE WHEN r.ledger IS NULL THEN {counted} ELSE {stored} END"


def _sum(*names: str) -> str:
    return " + ".join(f"{{{name}}}" for name in names)


def _counted(verdict: Verdict, description: str) -> ViewColumn:
    return ViewColumn(str(verdict), f"{{articles_{verdict}}}", description, "integer")


V_RUNS = View(
    name="v_runs",
    description=(
        "One row a run, with its ledger: considered = stored (added + changed) + unchanged + duplicate + rejected "
        "+ filtered + failed + gone + pending. For a run that has not ended, or was killed, the counts are those of "
        "the outcomes stored so far."
    ),
    source="runs AS r",
    columns=(
        ViewColumn("run_id", "r.id", "Name of the run, also in the WARC files it wrote."),
        ViewColumn("started_at", "r.started_at", "Start, UTC."),
        ViewColumn("ended_at", "r.ended_at", "End, UTC; NULL while it runs, and for ever when it was killed."),
        ViewColumn("exit_code", "r.exit_code", "Exit code of the command.", "integer"),
        ViewColumn("version", "r.version", "Version of newswarc."),
        ViewColumn(
            "considered",
            _sum(*(f"articles_{verdict}" for verdict in _ARTICLE_VERDICTS), "pending"),
            "Article URLs that the run had before it: new, due or carried over.",
            "integer",
        ),
        ViewColumn("new", "{considered_new}", "Of them, those that it discovered; NULL for a run without account.", "integer"),
        ViewColumn("due", "{considered_due}", "Of them, those that an earlier run had settled and were due again.", "integer"),
        ViewColumn("carried_over", "{considered_carried}", "Of them, those that earlier runs had left pending.", "integer"),
        ViewColumn(
            "stored",
            _sum("articles_added", "articles_changed"),
            "URLs that brought a version: added + changed.",
            "integer",
        ),
        _counted(Verdict.ADDED, "New articles."),
        _counted(Verdict.CHANGED, "Known articles with a new version."),
        _counted(Verdict.UNCHANGED, "Known articles with the wording already stored."),
        _counted(Verdict.DUPLICATE, "Other URLs of an article of the same site."),
        _counted(Verdict.REJECTED, "Fetched pages that are no article."),
        _counted(Verdict.FILTERED, "URLs that a rule keeps from being fetched."),
        _counted(Verdict.FAILED, "URLs that could not be fetched or read."),
        _counted(Verdict.GONE, "Known articles that answered 404 or 410."),
        ViewColumn("pending", "{pending}", "URLs left for the next run.", "integer"),
        ViewColumn("polled", "{seeds_polled}", "Feeds, sitemaps, home and section pages that were read.", "integer"),
        ViewColumn(
            "polls_failed", "{seeds_failed}", "Feeds, sitemaps, home and section pages that could not be.", "integer"
        ),
        ViewColumn("kept", "{requisites_kept}", "Page requisites that were archived.", "integer"),
    ),
    fast="run_id =, the order of started_at",
    example="SELECT started_at, exit_code, considered, stored, failed FROM v_runs ORDER BY started_at DESC LIMIT 10",
)

VIEWS = (V_ARTICLES, V_VERSIONS, V_ARTICLE_AUTHORS, V_ARTICLE_TAGS, V_PROVENANCE, V_CAPTURES, V_URLS, V_RUNS)
RETIRED: tuple[str, ...] = ()  # names that were views of ours once, for dropping


def relation(view: View) -> TableClause:
    """The view as something to select from."""
    return table(view.name, *(column(c.name) for c in view.columns))


def create_statements(dialect: Dialect) -> list[str]:
    """CREATE VIEW for all of them."""
    return [f"CREATE VIEW {view.name} AS\n{view.select(dialect)}" for view in VIEWS]


def fingerprint(dialect: Dialect) -> str:
    """Tells whether a database has these very views."""
    return hashlib.sha256("\n".join(create_statements(dialect)).encode()).hexdigest()


def drop_all(conn: Connection) -> None:
    """Drop every view of ours that is there; tables can only be rebuilt without them."""
    there = set(inspect(conn).get_view_names())
    for name in _dropping_order():
        if name in there:
            conn.execute(text(f"DROP VIEW {name}"))


def _dropping_order() -> Sequence[str]:
    return [*(view.name for view in VIEWS), *RETIRED]


def create_all(conn: Connection) -> None:
    """Create every view, with its descriptions where the database keeps them."""
    dialect = of(conn)
    for view, statement in zip(VIEWS, create_statements(dialect), strict=True):
        conn.exec_driver_sql(statement)
        dialect.comment(conn, view.name, view.description, {c.name: c.description for c in view.columns})
