"""A user's own code: the function that a target names, imported, the files it lies in, and what it raises."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

from scalesearch.text import bare, one_line

ARGUMENTS = ("depth", "width", "num_classes")
# Folders of what is installed, wherever they lie.
INSTALLED = frozenset({"site-packages", "dist-packages"})
LIBRARY = Path(sysconfig.get_path("stdlib"))
PACKAGE = Path(__file__).parents[1]
MOST_FILES, MOST_BYTES = 200, 2**20
"""How many of a user's files are kept beside a run at most, and how large each may be."""


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
    """What a user's own code raised, in one line: type, text, and where in that code."""
    kind, text, place = type(error).__name__, bare(one_line(error)), place_of(error)
    return kind + (f": {text}" if text != kind else "") + (f" ({place})" if place else "")


def place_of(error: BaseException) -> str:
    """The line of a user's own code that an error comes from: ``net.py, line 7``; empty for others' code."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno or 1))
    places = [(Path(name), line) for name, line in frames if _is_users_own(name)]
    if not places:
        return ""
    file, line = places[-1]
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return f"{shown}, line {line}"


def _is_users_own(file: str) -> bool:
    """Whether a file is code of the user's, rather than Python's, what is installed, or scalesearch's."""
    path = Path(file)
    if not path.is_absolute() or INSTALLED & set(path.parts):
        return False
    return not any(path.is_relative_to(folder) for folder in (LIBRARY, PACKAGE))


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
                f"{target}{signature}: {one_line(error)}"
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
                raise nowhere(target, missing) from None
            raise ValueError(
                f"`baseline` must name a module that can be imported, got {target}, which raised "
                f"{reason_of(error)}"
            ) from error


def nowhere(target: str, missing: str) -> ValueError:
    """The error of a target in whose name Python doesn't find the module ``missing``."""
    return ValueError(
        "`baseline` must name a module that Python finds, the current folder searched first, got "
        f"{target}: there is no {missing}"
    )


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


def sources(target: str) -> Mapping[str, bytes]:
    """The content of the user's own Python files that a target's code is made of, by their relative paths.

    These are all that have been imported so far from the folder that the target's top-level module lies in.
    Files beyond ``MOST_FILES``, and larger ones than ``MOST_BYTES``, are left out.

    Raises:
        ValueError: if the target can't be imported.
    """
    load(target)
    top = sys.modules[target.partition(":")[0].partition(".")[0]]
    places = [top.__file__] if top.__file__ else [f"{folder}/__init__.py" for folder in top.__path__]
    is_package = hasattr(top, "__path__")
    root = Path(places[0]).resolve().parents[1 if is_package else 0]
    kept: dict[str, bytes] = {}
    for name in sorted(sys.modules):
        file = getattr(sys.modules[name], "__file__", None)
        path = Path(file).resolve() if isinstance(file, str) and _is_users_own(file) else None
        if path is None or path.suffix != ".py" or not path.is_relative_to(root) or len(kept) >= MOST_FILES:
            continue
        try:
            if path.stat().st_size <= MOST_BYTES:
                kept[path.relative_to(root).as_posix()] = path.read_bytes()
        except OSError:  # gone since it was imported
            continue
    return kept
