"""The files that a user's own network is made of: what is kept of them beside a run, for the record."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from scalesearch.architecture.code_import import is_users_own, load

__all__ = ["sources"]

MOST_FILES, MOST_BYTES = 200, 2**20
"""How many files are kept at most, and how large each may be."""


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
        path = Path(file).resolve() if isinstance(file, str) and is_users_own(file) else None
        if path is None or path.suffix != ".py" or not path.is_relative_to(root) or len(kept) >= MOST_FILES:
            continue
        try:
            if path.stat().st_size <= MOST_BYTES:
                kept[path.relative_to(root).as_posix()] = path.read_bytes()
        except OSError:  # gone since it was imported
            continue
    return kept
