"""The cases of tests/pages: a page, and what is to come of it. tests/pages/README.md says what expected.json may hold."""

import json
from functools import cache
from pathlib import Path

import pytest

from pipelines.extract import extract
from storage.records import Announced, Candidate, Page

FETCHED = "2026-05-01T12:00:00.000Z"
FOLDERS = {path.parent.name: path.parent for path in sorted((Path(__file__).parent / "pages").glob("*/expected.json"))}
SPECS = {name: json.loads((folder / "expected.json").read_text("utf-8")) for name, folder in FOLDERS.items()}


def those_with(*keys):
    """The cases that say one of these; what a case is known to fail must fail, or lose its mark."""
    return [pytest.param(name, marks=_known(spec, keys[0])) for name, spec in SPECS.items() if spec.keys() & set(keys)]


def _known(spec, key):
    why = spec.get("fails", {}).get(key)
    return [pytest.mark.xfail(reason=why, strict=True, raises=AssertionError)] if why else []


@cache
def extracted(name):
    """What a case's page gives."""
    spec = SPECS[name]
    said = spec.get("announced")
    announced = Announced(**{**said, "authors": tuple(said.get("authors", ()))}) if said else None
    body = (FOLDERS[name] / "page.html").read_bytes()
    kind = spec.get("content_type", "text/html")
    return extract(Page(spec["url"], spec["url"], FETCHED, 200, kind, body), announced)


def lines_of(name, optional):
    """The paragraphs of a case's page, without the first of each that may as well be missing."""
    got = extracted(name)
    assert isinstance(got, Candidate), got
    lines = got.text.split("\n")
    for line in optional:
        if line in lines:
            lines.remove(line)
    return lines


def first_missing(wanted, text):
    """The first of some strings that does not follow the one before it in a text."""
    at = 0
    for string in wanted:
        if (found := text.find(string, at)) < 0:
            return string
        at = found + len(string)
    return None


@pytest.mark.parametrize("name", those_with("expected"))
def test_a_page_gives_its_expected_fields(name):
    """A new case is a new folder: page.html and expected.json."""
    got = extracted(name)
    assert isinstance(got, Candidate), got
    expected = SPECS[name]["expected"]
    found = {field: getattr(got, field) for field in expected}
    assert {field: list(value) if isinstance(value, tuple) else value for field, value in found.items()} == expected


@pytest.mark.parametrize("name", those_with("text", "paragraphs", "with", "without"))
def test_a_page_gives_its_paragraphs_and_nothing_else(name):
    """Every paragraph of the story is there, in order, and nothing that stands around it or between."""
    spec = SPECS[name]
    lines = lines_of(name, spec.get("optional", ()))
    text = "\n".join(lines)
    assert lines == spec.get("paragraphs", lines)
    assert first_missing(spec.get("with", ()), text) is None
    assert [string for string in spec.get("without", ()) if string in text] == []


@pytest.mark.parametrize("name", those_with("page_type"))
def test_a_page_is_of_its_type(name):
    """Live blogs, galleries, videos and opinion are told apart from plain articles."""
    assert getattr(extracted(name), "page_type", None) == SPECS[name]["page_type"]


def test_a_case_that_is_known_to_fail_says_what_fails_and_why():
    """A mark names a test of this file that its case takes part in."""
    for spec in SPECS.values():
        fails = spec.get("fails", {})
        assert fails.keys() <= {"expected", "text", "page_type"}
        assert all(fails.values())
