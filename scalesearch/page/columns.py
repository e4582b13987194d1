"""Columns of tables, each said once: what it holds, and how a CSV file, a terminal and a page show it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from scalesearch.page.markdown import MOST_ROWS, Markdown, one_line

if TYPE_CHECKING:
    import pandas as pd

    from scalesearch.page.parts import PageTable

Row = TypeVar("Row")
Kind = Literal["text", "whole", "number", "exact"]


@dataclass(frozen=True, slots=True)
class Cell:
    """How a terminal, or a page, shows the values of a column; what stands after ``head`` is the terminal's.

    Attributes:
        form: as ``str.format`` takes it, with the unit: ``{:.2f} ms``; or, on a terminal, what makes a text
            of the row, whose values go by the names of columns, None where unknown; None shows nothing.
        scale: what numbers are multiplied by before: they are kept in SI units.
        head: what the column is called there, where not by its name.
        short: the same where there is little room.
        unstable: the column that says ``yes`` where a figure is marked as unstable.
        left: whether it is flush left.
        telling: whether it is left out where all rows have the same.
    """

    form: str | Callable[[Mapping[str, Any]], str | None] = "{}"
    scale: float = 1.0
    head: str = ""
    short: str = ""
    unstable: str = ""
    left: bool = False
    telling: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[Row]):
    """A column of a table whose rows are made of values ``Row``.

    Attributes:
        name: in CSV files and JSON.
        value: what it holds in a row, in SI units; None where that is unknown.
        kind: of its values, where the table may know none of them; None goes by the values. ``exact`` numbers
            keep all their digits, so that whoever derives figures from them gets the same.
        only: whether a table of these rows has the column at all; always, where that isn't said.
        terminal: how a terminal shows it; None where it does not.
        head: what a page's table calls it.
        page: how a page writes its cell, of the value or of the whole row; None where it does not show it.
        shared: whether several tables have it, so that each says whether it shows it; its own a table shows.
    """

    name: str
    value: Callable[[Row], Any]
    kind: Kind | None = None
    only: Callable[[Sequence[Any]], bool] | None = None
    terminal: Cell | None = None
    head: str = ""
    page: Callable[[Row], str | Markdown] | Cell | None = None
    shared: bool = False

    def page_head(self) -> str:
        """What a page's table calls it."""
        return self.head or (self.page.head if isinstance(self.page, Cell) else "") or self.name

    def page_cell(self, row: Row) -> str | Markdown:
        """What a page writes of a row; nothing where the value is unknown."""
        if not isinstance(self.page, Cell):
            return "" if self.page is None else self.page(row)
        value = self.value(row)
        if value is None:
            return ""
        return str(self.page.form).format(value if self.page.scale == 1 else self.page.scale * value)


def field(name: str, **looks: Any) -> Column[Any]:
    """The column of what rows have under its own name; ``looks`` are further attributes of it."""
    return Column(name=name, value=lambda row: getattr(row, name), **looks)


def page_only(
    head: str, cell: Callable[[Row], str | Markdown], *, name: str = "", shared: bool = False
) -> Column[Row]:
    """A column that a page alone has: what it is called there, and what it writes of a row.

    ``name`` is what the table knows it by, where two have one head; ``shared`` as of any column.
    """
    return Column(name=name or head, value=cell, only=never, head=head, page=cell, shared=shared)


def never(_rows: Sequence[Any]) -> bool:
    """Of a column that a page alone has."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Columns(Generic[Row]):
    """The columns of a table, in the order of its CSV file.

    Attributes:
        columns: all of them.
        terminal: which a terminal shows, in its order; the table's own that have a cell come after these.
        page: the same of a page.
        left: how many columns a page has flush left.
        typed: whether kinds hold where no value is known, and numbers lose nothing but the noise of binary
            arithmetic; if not, numbers have 12 digits.
    """

    columns: tuple[Column[Row], ...]
    terminal: tuple[str, ...] = ()
    page: tuple[str, ...] = ()
    left: int = 1
    typed: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called, in their order."""
        return tuple(column.name for column in self.columns)

    def frame(self, rows: Iterable[Row], among: Sequence[Any] | None = None) -> pd.DataFrame:
        """The table as data, one row per value, in order; what is unknown is missing.

        ``among`` are the values that say which columns there are, where they aren't the rows themselves.
        """
        import pandas as pd

        listed = list(rows)
        return pd.DataFrame(
            {
                column.name: _series([column.value(row) for row in listed], column.kind, typed=self.typed)
                for column in self.columns
                if column.only is None or column.only(listed if among is None else among)
            }
        )

    @property
    def cells(self) -> dict[str, Cell]:
        """How a terminal shows the columns that it has room for, in its order."""
        columns = self._shown(self.terminal, [c for c in self.columns if c.terminal is not None])
        return {column.name: column.terminal for column in columns if column.terminal is not None}

    def table(
        self,
        rows: Sequence[Row],
        *,
        heads: Mapping[str, str] | None = None,
        order: Sequence[str] = (),
        only: Sequence[str] = (),
        but: Collection[str] = (),
        most: int = MOST_ROWS,
    ) -> PageTable:
        """The table as a page shows it, of the first rows where there are very many.

        Args:
            rows: those that are shown.
            heads: what columns are called that depend on the run.
            order: which columns are shown first, where that depends on the run.
            only: which columns are shown, in their order, where that is not all.
            but: columns that are left out.
            most: rows that are shown.
        """
        from scalesearch.page.parts import PageTable  # loads Jinja

        able = [c for c in self.columns if c.page is not None]
        columns = [by_name(able)[name] for name in only] or self._shown(order or self.page, able)
        chosen = [column for column in columns if column.name not in but]
        header = [(heads or {}).get(column.name, column.page_head()) for column in chosen]
        cells = [[column.page_cell(row) for column in chosen] for row in rows]
        return PageTable.of(header, cells, left=self.left, most=most)

    def _shown(self, first: Sequence[str], able: Sequence[Column[Any]]) -> list[Column[Any]]:
        named = by_name(able)
        return [*(named[name] for name in first), *(c for c in able if c.name not in first and not c.shared)]


def pick(columns: Mapping[str, Column[Row]], *names: str, **cells: Cell) -> tuple[Column[Row], ...]:
    """Columns that several tables have, by name; ``cells`` are how a terminal shows some here."""
    chosen = (columns[name] for name in names)
    return tuple(replace(c, shared=True, terminal=cells.get(c.name, c.terminal)) for c in chosen)


def on_page(
    columns: Sequence[Column[Row]], **cells: tuple[str, Callable[[Row], str | Markdown]]
) -> tuple[Column[Row], ...]:
    """Columns with what a page calls some of them here, and how it writes their cells."""
    shown = {column.name: cells.get(column.name, (column.head, column.page)) for column in columns}
    return tuple(replace(c, head=shown[c.name][0], page=shown[c.name][1]) for c in columns)


def by_name(columns: Iterable[Column[Row]]) -> dict[str, Column[Row]]:
    """Columns by their names."""
    return {column.name: column for column in columns}


def _series(values: list[Any], kind: Kind | None, *, typed: bool) -> pd.Series[Any]:
    import pandas as pd

    if kind == "exact":
        return pd.Series(values, dtype="float64")
    present = [value for value in values if value is not None]
    if not typed or kind is None:
        texts = any(isinstance(value, str) for value in present)
        whole = bool(present) and all(isinstance(value, int) for value in present)
        kind = "text" if texts else "whole" if whole else "number"
    if kind == "text":
        return pd.Series(["" if v is None else one_line(str(v)) for v in values], dtype="object")
    if kind == "whole":
        return pd.Series([None if v is None else int(v) for v in values], dtype="Int64")
    digits = _tidy if typed else twelve_digits
    return pd.Series([math.nan if v is None else digits(float(v)) for v in values], dtype="float64")


def twelve_digits(value: float) -> float:
    """The number as tables have it: what comes after is another processor's order of adding up."""
    return float(f"{value:.12g}")


def _tidy(value: float) -> float:
    """``value`` without the noise of binary arithmetic: 1.9202700000000001 is 1.92027, 1/3 stays as it is."""
    if not math.isfinite(value):
        return value
    short = twelve_digits(value)
    return short if abs(short - value) <= 4 * math.ulp(value) else value
