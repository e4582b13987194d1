"""The input of a network as tables and pages show it: a side, or height by width where they differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

__all__ = ["INPUT_WIDTH", "baseline_input", "input_text", "with_input_width"]

INPUT_WIDTH = "resolution_width"
"""The column of tables whose inputs are not all square; ``resolution`` is then the height."""


class _Input(Protocol):
    @property
    def resolution(self) -> int: ...
    @property
    def resolution_width(self) -> int | None: ...


def input_text(row: _Input) -> str:
    """``64 px``, or height by width: ``96x64 px``."""
    return f"{row.resolution}{'' if row.resolution_width is None else f'x{row.resolution_width}'} px"


def baseline_input(base: Mapping[str, int]) -> str:
    """The same of a run's ``baseline``, which is a mapping."""
    across = base.get(INPUT_WIDTH)
    return f"{base['resolution']}{'' if across is None else f'x{across}'} px"


def with_input_width(columns: Sequence[str], rows: Iterable[_Input]) -> tuple[str, ...]:
    """The columns of a table, the input's width after its height where any row's differ."""
    if all(row.resolution_width is None for row in rows):
        return tuple(columns)
    place = list(columns).index("resolution") + 1
    return (*columns[:place], INPUT_WIDTH, *columns[place:])
