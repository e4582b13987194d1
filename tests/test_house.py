"""The house: no circle of modules, imports inside functions included, and who may know what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import scalesearch

ROOT = Path(scalesearch.__file__).parent


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> Iterator[str]:
    """What a file imports, wherever in it an import stands; imports for types alone aside."""
    tree = ast.parse(path.read_text("utf-8"))
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.fixture(scope="module")
def house() -> dict[str, set[str]]:
    """Each module of the package, with the modules of the package that it imports."""
    paths = {_name(path): path for path in ROOT.rglob("*.py")}
    return {
        name: {other for other in _imports(path) if other in paths} - {name} for name, path in paths.items()
    }


def test_no_circle_of_modules(house: dict[str, set[str]]) -> None:
    # A package's own file holds its face alone: importing a module of it is no import of that.
    faces = {_name(path) for path in ROOT.rglob("__init__.py")}
    left = {name: others - faces for name, others in house.items() if name not in faces}
    while free := {name for name, others in left.items() if not others & left.keys()}:
        left = {name: others for name, others in left.items() if name not in free}
    assert not left, f"in a circle, or above one: {sorted(left)}"


def test_no_module_is_left_that_nobody_imports(house: dict[str, set[str]]) -> None:
    # Loaded by name: the commands, the file that is copied into an export, and a process's first.
    by_name = {"scalesearch.__main__", "scalesearch.export.template", "scalesearch"}
    imported = set().union(*house.values())
    text = (ROOT / "cli" / "main.py").read_text("utf-8")
    lost = {name for name in house if name not in imported | by_name and f'"{name}"' not in text}
    assert not {name for name in lost if not (ROOT.parent / Path(*name.split("."))).is_dir()}


def test_only_the_command_line_knows_click() -> None:
    paths = [path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] != "cli"]
    assert paths
    assert not [path for path in paths if any(name.partition(".")[0] == "click" for name in _imports(path))]
