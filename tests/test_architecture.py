"""Imports run one way, between any two files: also those that only a type checker or one function needs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("crawler", "pipelines", "storage", "scripts")


def graph_of(root: Path, packages: tuple[str, ...]) -> dict[str, set[str]]:
    """Each module below the packages, and the modules among them that it names in an import statement, wherever that stands."""
    files = {name_of(path.relative_to(root)): path for package in packages for path in (root / package).rglob("*.py")}
    return {
        module: {name for name in imported(module, path) if name in files and name != module} for module, path in files.items()
    }


def name_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(module: str, path: Path) -> Iterator[str]:
    """Names that may be modules: of `from a import b` both `a` and `a.b`, for either may be meant."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            yield from (origin, *(f"{origin}.{alias.name}" for alias in node.names))


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """A circle of modules, the first one named again at its end; empty when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_circle_of_imports() -> None:
    """No module of the project leads back to itself."""
    graph = graph_of(ROOT, PACKAGES)
    assert {"crawler.run.run", "crawler.run.context", "storage.frontier.urls", "scripts.simulation.edits"} <= graph.keys()
    assert "crawler.run.run" in graph["crawler.middlewares.politeness"], "an import for types alone is seen"
    assert circle_in(graph) == []


def test_a_run_is_known_to_those_alone_who_answer_to_scrapy() -> None:
    """Its parts get what they need; spider, middlewares and pipeline find it as `spider.run`."""
    graph = graph_of(ROOT, ("crawler",))
    knowing = {module for module, names in graph.items() if "crawler.run.run" in names}
    scrapys = {f"crawler.middlewares.{name}" for name in ("conditional", "harvesting", "politeness")}
    assert knowing == {"crawler.spiders.base", *scrapys}


@pytest.mark.parametrize(
    "back",
    [
        "from house import upper",
        "import house.upper",
        "from .upper import Upper",
        "if TYPE_CHECKING:\n    from house.upper import Upper",
        "def f():\n    from . import upper",
    ],
)
def test_a_circle_is_found_however_it_is_written(tmp_path: Path, back: str) -> None:
    """In a function, for types, relative, as a name of its package; without it there is none."""
    house = tmp_path / "house"
    house.mkdir()
    (house / "__init__.py").touch()
    (house / "upper.py").write_text("from house.lower import x\n")
    (house / "lower.py").write_text("x = 1\n")
    assert circle_in(graph_of(tmp_path, ("house",))) == []
    (house / "lower.py").write_text(f"x = 1\n{back}\n")
    assert sorted(set(circle_in(graph_of(tmp_path, ("house",))))) == ["house.lower", "house.upper"]
