"""Tables on standard output, in the room that there is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Column, Table

__all__ = ["fits", "made_table", "print_narrow", "terminal"]

ANY_WIDTH = 10_000
# What is shown in another unit than it is kept in.
SCALES = {"latency_median_s": 1e3}


def terminal(width: int) -> Console:
    """Standard output, as wide as its terminal; ``width`` letters wide where it is none."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else width)


def fits(console: Console, table: Table) -> bool:
    """Whether all of a table is shown: of a wider one rich cuts the cells."""
    from rich.measure import Measurement

    whole = Measurement.get(console, console.options.update(width=ANY_WIDTH), table)
    return whole.maximum <= console.width


def print_narrow(console: Console, table: Table) -> None:
    """Prints a table of texts; where its columns that don't wrap have no room, they go on in the next line.

    Such columns would be cut otherwise: a number is wrong then.
    """
    gap = 1 if table.collapse_padding else 2
    if sum(map(_least, table.columns)) + gap * (len(table.columns) - 1) > console.width:
        for column in table.columns:
            column.no_wrap, column.overflow = False, "fold"
    console.print(table)


def _least(column: Column) -> int:
    """Letters that a column of texts takes at least."""
    texts = [str(text) for text in (column.header, *column.cells, column.footer)]
    parts = (text.splitlines() if column.no_wrap else text.split() for text in texts)
    return max((len(part) for found in parts for part in found), default=0)


def made_table(
    frame: pd.DataFrame,
    columns: Mapping[str, str],
    title: str,
    heads: Mapping[str, str],
    *,
    narrow: bool = False,
) -> Table:
    """A table; a narrow one has little room between columns, and texts of several words go on below."""
    from rich.table import Table

    table = Table(
        title=title or None, title_justify="left", box=None, pad_edge=False, collapse_padding=narrow
    )
    cells = {}
    for name, form in columns.items():
        textual = frame[name].dtype.kind not in "if" and name in ("name", "status", "pareto", "note")
        head = heads.get(name, name.removesuffix("_median_s"))
        cells[name] = [_cell(value, form, SCALES.get(name, 1)) for value in frame[name].tolist()]
        # A number and its unit stay together.
        worded = any(" " in cell and cell[0].isalpha() for cell in cells[name])
        table.add_column(
            head.replace(" ", "\n").replace("_", "_\n") if narrow else head,
            justify="left" if textual else "right",
            no_wrap=not (narrow and worded),
        )
    for row in zip(*cells.values(), strict=True):
        table.add_row(*row)
    return table


def _cell(value: object, form: str, scale: float) -> str:
    import pandas as pd

    if pd.isna(value):  # type: ignore[call-overload]  # a scalar of any kind
        return "-"
    if form.startswith("{:d}") or ",d" in form:
        return form.format(int(value))  # type: ignore[call-overload]  # a number, by the column's name
    return form.format(value * scale if isinstance(value, float) else value)
