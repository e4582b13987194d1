"""A run of a user's own code, carried on: only with the code that it was begun with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scalesearch.cli.folder import read_run_file

__all__ = ["require_same_code"]


def require_same_code(folder: Path) -> None:
    """Refuses to go on with the run in a folder where the code of its networks is gone or was changed since.

    Raises:
        ValueError: if that is so.
    """
    from scalesearch.architecture.code_source import require_same_source
    from scalesearch.bench.samples import NETWORKS, SampleStore

    specs = {(spec["target"], spec["source"]) for spec in _recorded(read_run_file(folder))}
    if (folder / NETWORKS).exists():
        archs = (subject.arch.to_dict() for subject in SampleStore(folder).subjects())
        specs |= {(str(arch["target"]), str(arch["source"])) for arch in archs if "target" in arch}
    for target, source in sorted(specs):
        require_same_source(target, source)


def _recorded(tables: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Every user's network that a run.toml keeps."""
    for name, value in tables.items():
        if isinstance(value, dict):
            if name == "baseline_arch" and "target" in value:
                yield value
            yield from _recorded(value)
