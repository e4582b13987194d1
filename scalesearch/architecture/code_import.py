"""The function that a target names in a user's own code: imported, and told from other versions of it."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

__all__ = ["at_home", "can_be_found", "load", "reason_of", "require_same_source", "source_hash", "takes"]

ARGUMENTS = ("depth", "width", "num_classes")


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
                raise ValueError(
                    "`baseline` must name a module that Python finds, the current folder searched first, got "
                    f"{target}: there is no {missing}"
                ) from None
            raise ValueError(
                f"`baseline` must name a module that can be imported, got {target}, which raised "
                f"{reason_of(error)}"
            ) from error


def source_hash(target: str) -> str:
    """A hash of the source that a target's network is made of.

    That is the file of its module and of all that this imports, directly or not, of the same top-level
    package. What it takes from other packages, installed or beside it, is not looked at.

    Raises:
        ValueError: if the module cannot be imported, or has no file of source.
    """
    name = target.partition(":")[0]
    _module(name, target)
    digest = hashlib.sha256()
    for file in sorted(_files(name)):
        try:
            digest.update(file.read_bytes())
        except OSError as error:
            raise ValueError(
                f"`baseline` must be code whose source can be read, got {target}: {file}: {error.strerror}"
            ) from error
    return digest.hexdigest()[:16]


def require_same_source(target: str, source: str) -> None:
    """Refuses code that is not what a spec was made of.

    Raises:
        ValueError: if it was changed since, or cannot be imported.
    """
    if source_hash(target) != source:
        file = getattr(sys.modules[target.partition(":")[0]], "__file__", target)
        raise ValueError(
            f"`baseline` must be the code that its run was begun with, got {target}, which has changed "
            f"since: put {file} back as it was, or begin another run"
        )


def _files(name: str) -> set[Path]:
    """The source of an imported module and of what it imports of its own top-level package."""
    parts = name.split(".")
    # Importing a module runs the packages that it lies in.
    waiting = [".".join(parts[: index + 1]) for index in range(len(parts))]
    seen: set[str] = set()
    files: set[Path] = set()
    while waiting:
        module = sys.modules.get(waiting.pop())
        file = getattr(module, "__file__", None)
        if module is None or file is None or module.__name__ in seen:
            continue
        seen.add(module.__name__)
        files.add(Path(file))
        waiting += [other for other in _imports(module, Path(file)) if other.split(".")[0] == parts[0]]
    return files


def _imports(module: ModuleType, file: Path) -> Iterator[str]:
    """The full names of all that a module's import statements may name as modules."""
    package = module.__package__ or ""
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
