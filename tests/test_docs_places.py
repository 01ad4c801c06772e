"""The documents name files and folders of the rooms: they are where the text says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("crawler", "pipelines", "storage")
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")) if path.name != "CHANGELOG.md"
)
PLACE = re.compile(r"(?<![\w/.])(?:crawler|pipelines|storage|scripts|tests)/[a-z0-9_/]+(?:\.\w+|/(?![\w*<]))")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_names_is_there(document: str) -> None:
    """Every path that a document names with its room is a file or folder of the checkout."""
    named = set(PLACE.findall((ROOT / document).read_text(encoding="utf-8")))
    assert not [place for place in sorted(named) if not (ROOT / place).exists()]


@pytest.mark.parametrize("room", ROOMS)
def test_the_page_on_the_architecture_knows_every_folder(room: str) -> None:
    """docs/architecture.md names every folder of a room that holds code."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = sorted(path.parent.name for path in (ROOT / room).glob("*/*.py"))
    assert not [folder for folder in folders if f"`{room}/{folder}/" not in text]


@pytest.mark.parametrize("room", ROOMS)
def test_the_door_of_a_folder_gives_out_no_names(room: str) -> None:
    """No `__init__.py` imports from a room: there is one way to import a thing."""
    ours = re.compile(r"^from (?:crawler|pipelines|storage)\b", re.MULTILINE)
    assert not [path for path in (ROOT / room).rglob("__init__.py") if ours.search(path.read_text(encoding="utf-8"))]
