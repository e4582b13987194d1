"""The source that a user's own network is made of, found without running it, and told from other versions."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import pkgutil
import sys
import sysconfig
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalesearch.architecture.code_import import at_home, nowhere

__all__ = ["require_same_source", "source_hash"]

# Folders of what is installed, wherever they lie.
INSTALLED = frozenset({"site-packages", "dist-packages"})
SETTLED_NS = 2 * 10**9
"""Age from which a file's time of change tells all later changes: some file systems count in steps of 2 s."""


def source_hash(target: str) -> str:
    """A hash of the source that a target's network is made of; none of it is run.

    That is the file of its module and of all that its import statements name, directly or not, of the same
    top-level package, or of the folder that this lies in. What is installed elsewhere is not looked at.

    What was read is kept for as long as none of these files and their folders changes.

    Raises:
        ValueError: if there is no such module, or its source cannot be read.
    """
    asked = (target, os.getcwd(), *sys.path)  # noqa: PTH109  # a text, as all of them
    known = _READ.get(asked)
    if known is not None and known.stamps == _stamps(known.stamps):
        return known.hash
    begun = time.time_ns()
    files = _files(target)
    digest = hashlib.sha256()
    for file in sorted(files):
        try:
            digest.update(file.read_bytes())
        except OSError as error:
            raise ValueError(
                f"`baseline` must be code whose source can be read, got {target}: {file}: {error.strerror}"
            ) from error
    read = _Read(digest.hexdigest()[:16], _stamps(_watched(target, files)))
    # What was changed just now may be changed again within the same step of the clock.
    if all(stamp is not None and stamp[0] < begun - SETTLED_NS for stamp in read.stamps.values()):
        _READ[asked] = read
    else:
        _READ.pop(asked, None)
    return read.hash


_Stamp = tuple[int, int] | None
"""(time of change in ns, bytes) of a file or folder; None where there is none."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What reading a target's source gave, and the state of all files and folders that it follows from."""

    hash: str
    stamps: Mapping[Path, _Stamp]


# A search for a cost builds a network at each step: the source can't be parsed again for each. By the target
# and where modules are looked for.
_READ: dict[tuple[str, ...], _Read] = {}


def _stamps(paths: Iterable[Path]) -> dict[Path, _Stamp]:
    return {path: _stamp(path) for path in paths}


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _watched(target: str, files: set[Path]) -> set[Path]:
    """The files, and the folders in which another one would be found in their stead or beside them."""
    with at_home():
        root = _root(target.partition(":")[0].partition(".")[0])
    folders = {folder for file in files for folder in (file.parent.resolve() / file.name).parents}
    inside = {folder for folder in folders if root is not None and folder.is_relative_to(root)}
    return {*files, *inside, Path.cwd()}


def require_same_source(target: str, source: str) -> None:
    """Refuses code that is not what a spec was made of, before it is run.

    Raises:
        ValueError: if it was changed since, or cannot be found.
    """
    if source_hash(target) != source:
        with at_home():
            place = _place(target.partition(":")[0])
        file = target if place is None else place.file or target
        raise ValueError(
            f"`baseline` must be the code that its run was begun with, got {target}, which has changed "
            f"since: put {file} back as it was, or begin another run"
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a module lies: its file, none for a namespace; and the folders of a package's modules."""

    file: Path | None
    folders: tuple[str, ...]


def _place(name: str) -> _Place | None:
    """Where Python would find a module, though none is imported; None where it finds none."""
    top, *rest = name.split(".")
    place = _found(top, sys.meta_path)
    for index in range(len(rest)):
        if place is None:
            break
        finders = [finder for folder in place.folders if (finder := pkgutil.get_importer(folder))]
        place = _found(".".join([top, *rest[: index + 1]]), finders)
    return place


def _found(name: str, finders: Iterable[Any]) -> _Place | None:
    namespace: list[str] = []
    for finder in finders:
        spec = finder.find_spec(name, None) if hasattr(finder, "find_spec") else None
        if spec is None:
            continue
        folders = tuple(spec.submodule_search_locations or ())
        if spec.loader is not None and spec.origin is not None:
            return _Place(Path(spec.origin) if spec.has_location else None, folders)
        namespace += folders
    return _Place(None, tuple(namespace)) if namespace else None


def _files(target: str) -> set[Path]:
    """The source of a target's module and of what it imports of its own package or of the folder of that."""
    name = target.partition(":")[0]
    top = name.partition(".")[0]
    with at_home():
        for whole in _with_packages(name):
            if _place(whole) is None:
                raise nowhere(target, whole)
        root = _root(top)
        waiting, seen = _with_packages(name), set()
        files: set[Path] = set()
        while waiting:
            module = waiting.pop()
            if module in seen:
                continue
            seen.add(module)
            place = _place(module)
            if place is None or place.file is None or place.file in files:
                continue
            if module.partition(".")[0] != top and not (root and _lies_in(root, place.file)):
                continue
            files.add(place.file)
            package = module if place.folders else module.rpartition(".")[0]
            for other in _imports(place.file, package):
                waiting += _with_packages(other)
    return files


def _with_packages(name: str) -> list[str]:
    """A module's name after those of the packages that it lies in: importing it runs them."""
    parts = name.split(".")
    return [".".join(parts[: index + 1]) for index in range(len(parts))]


def _root(top: str) -> Path | None:
    """The folder that a top-level module or package lies in; None where it lies in none."""
    place = _place(top)
    if place is None or not (place.folders or place.file):
        return None
    return Path(place.folders[0] if place.folders else place.file or "").parent.resolve()


def _lies_in(root: Path, file: Path) -> bool:
    """Whether a file is of the code in a folder, rather than of what is installed, perhaps within it."""
    file = file.parent.resolve() / file.name
    library = Path(sysconfig.get_path("stdlib")).resolve()
    return file.is_relative_to(root) and not file.is_relative_to(library) and not INSTALLED & set(file.parts)


def _imports(file: Path, package: str) -> Iterator[str]:
    """The full names of all that the import statements of a package's module may name as modules."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # compiled, or broken since
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            try:
                whole: str = importlib.util.resolve_name(source, package) if node.level else source
            except ImportError:
                continue
            yield whole
            yield from (f"{whole}.{alias.name}" for alias in node.names)
