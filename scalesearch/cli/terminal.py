"""All that a command says: lines and tables, in the room that there is, on streams that may be gone.

Texts come from file names, from folders of runs and from what a user's own code raises. None of them reaches
a terminal with anything in it that a terminal obeys.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from scalesearch.text import visible

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Column, Table

__all__ = [
    "Guarded",
    "OutputError",
    "echo",
    "fits",
    "harmless",
    "made_table",
    "open_streams",
    "print_narrow",
    "shut_stdout",
    "terminal",
]

ANY_WIDTH = 10_000
# What is shown in another unit than it is kept in.
SCALES = {"latency_median_s": 1e3}


def echo(text: str, *, err: bool = False, nl: bool = True, style: Mapping[str, Any] | None = None) -> None:
    """Prints lines on standard output, or with ``err`` on standard error, in a style of click's."""
    file = getattr(sys.stderr if err else sys.stdout, "trusted", None)
    click.secho(visible(text), file=file, err=err, nl=nl, **(style or {}))


def terminal(width: int | None = None, *, err: bool = False) -> Console:
    """Standard output (or error), as wide as its terminal; ``width`` letters wide where it is none.

    What it prints is shown as it is: no letters are taken for colours or little pictures.
    """
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class Visible(Console):
        """Shows what a terminal would obey; what rich itself moves a cursor with has segments of its own."""

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                text, style, control = segment
                yield segment if control else Segment(visible(text), style)

    stream = sys.stderr if err else sys.stdout
    wide = width if stream is None or not stream.isatty() else None
    file = getattr(stream, "trusted", None)
    if (proxied := getattr(file, "rich_proxied_file", None)) is not None:  # while bars are shown
        file = getattr(proxied, "trusted", proxied)
    return Visible(file=file, stderr=err, width=wide, markup=False, emoji=False, highlight=False)


def open_streams() -> None:
    """Has a command write to streams that it can: for the process that is the command, before all else.

    A stream that the shell closed (``>&-``) is one that takes everything, as otherwise the next file that is
    opened would be it. What standard error cannot take is lost, and ends nothing: who reads the progress may
    leave. Letters that a stream has no code for are shown as escapes. So is, whoever writes it (a user's own
    code, a warning), what a terminal would obey; :func:`echo` and :func:`terminal` alone colour and move.
    """
    for handle in range(3):
        try:
            os.fstat(handle)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != handle:
                os.dup2(null, handle)
                os.close(null)
            # Workers have it too: a file of theirs would be it otherwise.
            os.set_inheritable(handle, True)
    sys.stdin = sys.stdin or io.TextIOWrapper(io.FileIO(0, closefd=False))
    sys.stdout = _stream(_Output(1, "w", closefd=False), sys.stdout)
    sys.stderr = _stream(_Forgiving(2, "w", closefd=False), sys.stderr)


def _stream(raw: io.FileIO, before: TextIO | None) -> io.TextIOWrapper:
    """A stream of text in the place of one that Python opened, if it did."""
    return _Shown(
        io.BufferedWriter(raw),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=raw.fileno() == 2 or raw.isatty(),
    )


class _Shown(io.TextIOWrapper):
    """A stream of text on which what a terminal would obey is shown; a carriage return begins a line."""

    def write(self, text: str, /) -> int:
        super().write(harmless(text))
        return len(text)

    @property
    def trusted(self) -> TextIO:
        """The same stream for texts that were made safe, and coloured, already."""
        return cast(TextIO, _Trusted(self))


class _Trusted:
    """What is written goes to the stream as it is; all else is the stream's."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return io.TextIOWrapper.write(self._stream, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def harmless(text: str) -> str:
    """A text as a stream that a user's own code writes to shows it."""
    return visible(text.replace("\r\n", "\n").replace("\r", "\n"))


class Guarded:
    """A stream that another has put in the place of a safe one: what is written to it is made safe before.

    Attributes:
        trusted: that stream, for texts that were made safe already.
    """

    def __init__(self, stream: TextIO) -> None:
        self.trusted = stream

    def write(self, text: str) -> int:
        """As a stream's."""
        self.trusted.write(harmless(text))
        return len(text)

    def writelines(self, texts: Iterable[str]) -> None:
        """As a stream's."""
        for text in texts:
            self.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.trusted, name)


class OutputError(OSError):
    """Standard output cannot be written, as on a full disk."""


class _Output(io.FileIO):
    """Standard output, whose errors are told from those of other files."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(error.errno, error.strerror) from None


class _Forgiving(io.FileIO):
    """A stream that loses what it cannot write."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)


def shut_stdout() -> None:
    """Sends what is still to be said on standard output nowhere, where that cannot be written any more."""
    null = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(null, sys.stdout.fileno())
    os.close(null)


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
    return visible(form.format(value * scale if isinstance(value, float) else value), one_line=True)
