"""Compound-scaling search and benchmarking for ConvNets.

``import scalesearch as ss`` is instant: what a name needs is loaded when the name is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scalesearch.api import (
        Answer,
        Measurements,
        Network,
        Run,
        alternate,
        audit,
        baselines,
        compare,
        count,
        family,
        fidelity,
        grid,
        hand_over,
        law,
        measure,
        open,
        scale,
        search,
        sweep,
        train_family,
        transfer,
    )
    from scalesearch.errors import (
        EmptyGridError,
        FolderError,
        RunFailedError,
        ScalesearchError,
        StoppedError,
        StudyError,
    )

__version__ = "0.3.0"
__all__ = [
    "Answer",
    "EmptyGridError",
    "FolderError",
    "Measurements",
    "Network",
    "Run",
    "RunFailedError",
    "ScalesearchError",
    "StoppedError",
    "StudyError",
    "alternate",
    "audit",
    "baselines",
    "compare",
    "count",
    "family",
    "fidelity",
    "grid",
    "hand_over",
    "law",
    "measure",
    "open",
    "scale",
    "search",
    "sweep",
    "train_family",
    "transfer",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"{__name__}.{'errors' if name.endswith('Error') else 'api'}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
