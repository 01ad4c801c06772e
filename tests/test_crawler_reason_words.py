"""Every reason that the code can give has a sentence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.explain.reason_words import WORDS, explained

ROOT = Path(__file__).resolve().parent.parent
# Where reasons are made, and what else these files name with short words.
MAKERS = {
    "crawler/discovery/scope.py": (),
    "crawler/discovery/shapes.py": tuple("search variant paging root menu short-slug no-text date-archive".split()),
    "crawler/wire/reasons.py": (),
    "crawler/wire/netguard.py": (),
    "crawler/middlewares/politeness.py": ("newswarc",),
    "crawler/discovery/discover.py": ("sitemap", "feed", "page"),
    "crawler/discovery/feeds.py": (),
    "crawler/discovery/sitemaps.py": (),
    "crawler/discovery/links.py": (),
    "crawler/middlewares/harvesting.py": (),
    "crawler/ingest/pages.py": (),
    "pipelines/classify.py": (),
    "pipelines/decide.py": (),
    "pipelines/extract.py": (),
    "pipelines/store.py": (),
    "pipelines/archived.py": (),
    "pipelines/workers.py": (),
}
MADE_BY = {
    "NoArticle", "Refused", "WorkerError", "Outcome", "ForbiddenURLError", "UntrustedServerError", "Discovered", "Rules",
}  # fmt: skip
NAMED = {"reason", "refused", "problem", "error", "overflow", "nothing", "wrong"}
WORD = re.compile(r"[a-z]+(?:-[a-z0-9]+)*(?:-)?(?::.*)?")


def texts(node: ast.AST | None) -> Iterator[str]:
    """The texts that an expression may come to, of f-strings the beginning."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from (*texts(body), *texts(other))
        case ast.BoolOp(values=values):
            for value in values:
                yield from texts(value)
        case ast.Tuple(elts=parts):
            for part in parts:
                yield from texts(part)
        case ast.Lambda(body=body):
            yield from texts(body)


def reasons_in(tree: ast.AST) -> Iterator[str]:
    """What is returned by functions that may answer None, handed to what carries a reason, or put under such a name."""
    for node in ast.walk(tree):
        for value in _values(node):
            yield from texts(value)


def _values(node: ast.AST) -> Iterator[ast.AST | None]:
    match node:
        case ast.FunctionDef(returns=ast.BinOp(left=ast.Name(id="str"))) as function:
            yield from (inner.value for inner in ast.walk(function) if isinstance(inner, ast.Return))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            yield from args if name in MADE_BY else ()
            yield from (keyword.value for keyword in keywords if keyword.arg in NAMED)
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in NAMED:
            yield value
        case ast.AnnAssign(target=ast.Name(id="_REASONS"), value=ast.Tuple(elts=pairs)):
            yield from pairs


@pytest.mark.parametrize("file", MAKERS)
def test_every_reason_has_a_sentence(file: str) -> None:
    """Whatever word the code gives as a reason, `why` can say it in a sentence."""
    tree = ast.parse((ROOT / file).read_text())
    found = {text.partition(":")[0] for text in reasons_in(tree) if WORD.fullmatch(text)}
    unknown = {word for word in found if word.removesuffix("-") not in WORDS and explained(word) == word}
    unknown -= set(MAKERS[file])
    assert unknown == set()


def test_the_search_for_reasons_finds_them() -> None:
    """It would notice a new one: of the known words it finds most in the code."""
    found = {
        text.partition(":")[0].removesuffix("-")
        for file in MAKERS
        for text in reasons_in(ast.parse((ROOT / file).read_text()))
    }
    assert len(WORDS.keys() & found) > 0.7 * len(WORDS), WORDS.keys() - found


def test_a_reason_is_told_with_what_differs() -> None:
    """Status, wall, shape and cause stand in the sentence."""
    assert explained("http-503") == "the server answered with status 503"
    assert explained("http-403: bot-challenge") == (
        "the server answered with status 403 (it asks whether we are human: a bot wall)"
    )
    assert explained("not-article-like: menu").endswith("(linked from menus alone)")
    assert explained("not-article-like: tag").endswith('("tag" in its path)')
    assert "the server did not answer in time" in explained("robots-unreachable: timeout")
    assert "status 503" in explained("robots-unreachable: http-503")
    assert explained("tls: handshake failed") == "no secure connection came about (handshake failed)"


def test_a_reason_that_is_not_known_stands_as_it_is() -> None:
    """A spider of somebody's own may have words of its own."""
    assert explained("moon-phase: full") == "moon-phase: full"
    assert explained(None) == "no reason was noted"
