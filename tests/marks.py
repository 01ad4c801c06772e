"""`python -m tests.marks`: cases of pages and stories that pass lose their mark of failing. Marks are never made here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import test_pipelines_pages as pages
from tests import test_pipelines_story as stories

CHECKS = {
    "expected": pages.test_a_page_gives_its_expected_fields,
    "text": pages.test_a_page_gives_its_paragraphs_and_nothing_else,
    "page_type": pages.test_a_page_is_of_its_type,
}


def passes(check: Callable[..., None], *arguments: str) -> bool:
    """Whether a test passes; one that cannot be run here does not."""
    try:
        check(*arguments)
    except (AssertionError, pytest.skip.Exception):
        return False
    return True


def unmark_pages() -> None:
    """Rewrite expected.json where something passes."""
    for name, spec in pages.SPECS.items():
        fails = spec.get("fails", {})
        left = {key: why for key, why in fails.items() if not passes(CHECKS[key], name)}
        if left != fails:
            print(name, *sorted(fails.keys() - left.keys()))
            rest = {key: value for key, value in spec.items() if key != "fails"}
            text = json.dumps({**rest, **({"fails": left} if left else {})}, ensure_ascii=False, indent=1)
            (pages.FOLDERS[name] / "expected.json").write_text(text + "\n", "utf-8")


def unmark_stories() -> None:
    """Rewrite fails.json: a line a story or language, the forms in which its tail stays."""
    left = {name: [form for form in forms if not _loses(name, form)] for name, forms in stories.FAILS.items()}
    lines = [f" {json.dumps(name)}: {json.dumps(forms)}" for name, forms in left.items() if forms]
    text = "{\n" + ",\n".join(lines) + "\n}\n" if lines else "{}\n"
    (Path(stories.HERE) / "stories" / "fails.json").write_text(text, "utf-8")


def _loses(name: str, form: str) -> bool:
    if name in stories.STORIES:
        return passes(stories.test_the_story_is_kept_whole_and_loses_its_tail, name, form)
    return passes(stories.test_a_tail_goes_in_any_language_under_any_label, name, form)


if __name__ == "__main__":
    unmark_pages()
    unmark_stories()
