"""The function that a target names in a user's own code: imported, and told from other versions of it."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["at_home", "can_be_found", "load", "reason_of", "require_same_source", "source_hash", "takes"]

ARGUMENTS = ("depth", "width", "num_classes")
# Folders of what is installed, wherever they lie.
INSTALLED = frozenset({"site-packages", "dist-packages"})


@contextlib.contextmanager
def at_home() -> Iterator[None]:
    """Where a user's own code runs: modules are looked for in the current folder first, as by ``python -m``.

    What it prints goes to standard error: standard output is for results.
    """
    before = list(sys.path)
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  # a text, as all of them
    importlib.invalidate_caches()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:] = before


def reason_of(error: BaseException) -> str:
    """What a user's own code raised, in one line: type and text."""
    text = " ".join(str(error).replace("`", "").split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def can_be_found(target: str) -> bool:
    """Whether Python finds the top-level package of ``package.module:function``; imports nothing."""
    with at_home():
        try:
            return importlib.util.find_spec(target.partition(":")[0].partition(".")[0]) is not None
        except (ImportError, ValueError):
            return False


def load(target: str) -> Callable[..., object]:
    """The function that ``package.module:function`` names; its module is imported, which runs it.

    Raises:
        ValueError: if there is no such module or function, the module cannot be imported, or the function
            does not take depth, width and num_classes by name.
    """
    name, _, attribute = target.partition(":")
    module = _module(name, target)
    if not hasattr(module, attribute):
        known = [n for n, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == name]
        raise ValueError(
            f"`baseline` must name a function of {name}, got {target}: it has {', '.join(known) or 'none'}"
        )
    function = getattr(module, attribute)
    if not callable(function):
        raise ValueError(
            f"`baseline` must name a function, got {target}, which is of type {type(function).__name__}"
        )
    signature = _signature(function)
    if signature is not None:
        try:
            signature.bind(**dict.fromkeys(ARGUMENTS))
        except TypeError as error:
            raise ValueError(
                f"`baseline` must name a function that takes {', '.join(ARGUMENTS)} by name, got "
                f"{target}{signature}: {' '.join(str(error).split())}"
            ) from None
    found: Callable[..., object] = function
    return found


def _module(name: str, target: str) -> ModuleType:
    with at_home():
        try:
            return importlib.import_module(name)
        except (Exception, SystemExit) as error:
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            if missing is not None and f"{name}.".startswith(f"{missing}."):
                raise _nowhere(target, missing) from None
            raise ValueError(
                f"`baseline` must name a module that can be imported, got {target}, which raised "
                f"{reason_of(error)}"
            ) from error


def _nowhere(target: str, missing: str) -> ValueError:
    return ValueError(
        "`baseline` must name a module that Python finds, the current folder searched first, got "
        f"{target}: there is no {missing}"
    )


def source_hash(target: str) -> str:
    """A hash of the source that a target's network is made of; none of it is run.

    That is the file of its module and of all that its import statements name, directly or not, of the same
    top-level package, or of the folder that this lies in. What is installed elsewhere is not looked at.

    Raises:
        ValueError: if there is no such module, or its source cannot be read.
    """
    digest = hashlib.sha256()
    for file in sorted(_files(target)):
        try:
            digest.update(file.read_bytes())
        except OSError as error:
            raise ValueError(
                f"`baseline` must be code whose source can be read, got {target}: {file}: {error.strerror}"
            ) from error
    return digest.hexdigest()[:16]


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
                raise _nowhere(target, whole)
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


def takes(function: Callable[..., object], argument: str) -> bool:
    """Whether a function can be given an argument by that name, as far as can be told."""
    signature = _signature(function)
    if signature is None:
        return True
    parameters = signature.parameters
    return argument in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _signature(function: Callable[..., object]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # some callables have none to look at
        return None
