"""What is printed: lines, tables and choices, in a terminal or a pipe."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from scalesearch.page.columns import Cell
from scalesearch.plain import Limit
from scalesearch.text import near, quoted, visible

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Column, Table

# ----------------------------------------------------------------------------------------------------
# All that a command says: lines and tables, in the room that there is, on streams that may be gone.
#
# Texts come from file names, from folders of runs and from what a user's own code raises. None of them
# reaches a terminal with anything in it that a terminal obeys.

ANY_WIDTH = 1_000_000
"""Letters of a line where nothing is cut or folded: what a pipe or a file gets."""


def echo(text: str, *, err: bool = False, nl: bool = True, style: Mapping[str, Any] | None = None) -> None:
    """Prints lines on standard output, or with ``err`` on standard error, in a style of click's."""
    file = getattr(sys.stderr if err else sys.stdout, "trusted", None)
    click.secho(visible(text), file=file, err=err, nl=nl, **(style or {}))


def tell_page(page: Path, *, err: bool = False) -> None:
    """Says where a run's page is, and how to look at it."""
    echo(f"Report: {page}; scalesearch open {quoted(page.parent)} shows it", err=err)


def terminal(*, err: bool = False) -> Console:
    """Standard output (or error), as wide as its terminal, or as COLUMNS says.

    Where standard output is none, nothing folds: a row of a table is one line, for the next program to read.

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
    wide = None if err or is_terminal(stream) else ANY_WIDTH
    file = getattr(stream, "trusted", None)
    if (proxied := getattr(file, "rich_proxied_file", None)) is not None:  # while bars are shown
        file = getattr(proxied, "trusted", proxied)
    return Visible(file=file, stderr=err, width=wide, markup=False, emoji=False, highlight=False)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody reads what is written there on a terminal."""
    return stream is not None and stream.isatty()


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


def hide_passwords() -> None:
    """Has the list of processes (``ps``) show no URL of the command line that may hold a password.

    The system keeps a process's words in its memory; Linux says where. Elsewhere they stay.
    """
    if not any("://" in word for word in sys.argv):
        return
    with suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
        begin, end = int(fields[45]), int(fields[46])
        words = Path("/proc/self/cmdline").read_bytes()
        if not begin or end - begin != len(words):
            return
        shown = b"\0".join(map(_without_password, words.split(b"\0")))
        if shown != words:
            import ctypes

            ctypes.memmove(begin, shown, len(words))


def _without_password(word: bytes) -> bytes:
    """A word of the same length, hidden behind its scheme where it is a URL that may hold a password."""
    head, slashes, tail = word.partition(b"://")
    return head + slashes + (b"*" * len(tail) if set(tail) & set(b"@?#") else tail)


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
    columns: Mapping[str, Cell],
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
    rows = _rows(frame)
    cells = {name: [_text(row, name, cell) for row in rows] for name, cell in columns.items()}
    for name, cell in columns.items():
        head = heads.get(name) or (narrow and cell.short) or cell.head or name
        # A number and its unit stay together.
        worded = any(" " in text and text[0].isalpha() for text in cells[name])
        table.add_column(
            head.replace(" ", "\n").replace("_", "_\n") if narrow else head,
            justify="left" if cell.left else "right",
            no_wrap=not (narrow and worded),
        )
    for row in zip(*cells.values(), strict=True):
        table.add_row(*row)
    return table


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table, None for what is missing."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")  # type: ignore[return-value]


def _text(row: Mapping[str, Any], name: str, cell: Cell) -> str:
    """What a row shows in a column."""
    if not isinstance(cell.form, str):
        text = cell.form(row)
    elif (value := row[name]) is None:
        text = None
    elif cell.form.startswith("{:d}") or ",d" in cell.form:
        text = cell.form.format(int(value))
    else:
        text = cell.form.format(value if cell.scale == 1 else value * cell.scale)
    if text is None:
        return "-"
    return visible(text, one_line=True) + " (unstable)" * (row.get(cell.unstable) == "yes")


# ----------------------------------------------------------------------------------------------------
# Values of options, refused in one form: ``--seeds must be a whole number >= 1, got 'x'``.


class Choice(click.Choice[str]):
    """One of some names; an error names them all, and the nearest of them."""

    def __init__(self, choices: Iterable[str]) -> None:
        super().__init__(tuple(choices))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name.

        Raises:
            click.BadParameter: if it is none of them.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            names = tuple(self.choices)
            self.fail(
                f"must be one of {', '.join(names)}, got {str(value)!r}{near(str(value), names)}", param, ctx
            )


class Whole(click.IntRange):
    """A whole number within bounds, of which either may be left out."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """As a help page writes it."""
        return "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number.

        Raises:
            click.BadParameter: if it is none, or out of bounds.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            words = f"a whole number{_bounds(self.min, self.max, is_open=self.min_open)}"
            self.fail(f"must be {words}, got {_given(value, int)}", param, ctx)


class _Number(click.types.FloatParamType):
    """Any number."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """As a help page writes it."""
        return "NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number.

        Raises:
            click.BadParameter: if it is none.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"must be a number, got {str(value)!r}", param, ctx)


NUMBER = _Number()


class NumberWithin(click.FloatRange):
    """A number within a limit, of which help says the ends that anybody may come to."""

    def __init__(self, limit: Limit) -> None:
        most = limit.most if limit.firm else None
        super().__init__(limit.least, most, min_open=limit.above, max_open=limit.below and most is not None)
        self.limit = limit

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """As a help page writes it."""
        return "NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number.

        Raises:
            click.BadParameter: if it is none, or out of bounds.
        """
        number = NUMBER.convert(value, param, ctx)
        try:
            self.limit.require("it", number)
        except ValueError as error:
            words = str(error).removeprefix("`it` ")
            if self.limit.firm:
                words = f"must be a number{_bounds(self.min, self.max, is_open=self.min_open)}, got {value}"
            self.fail(words, param, ctx)
        return number


class Place(click.Path):
    """The path of a file or a folder."""

    def __init__(self, *, exists: bool = False, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(path_type=Path, exists=exists, file_okay=file_okay, dir_okay=dir_okay)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path.

        Raises:
            click.BadParameter: if it is not there though it must be, or something else, or says nothing.
        """
        if value == "":  # as of a variable that a script forgot: not the current folder
            self.fail("must be a path, got ''", param, ctx)
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            what = "a folder" if not self.file_okay else "a file" if not self.dir_okay else "a file or folder"
            path = Path(value)
            if not path.exists():
                why = "is not there"
            elif path.is_dir() and not self.dir_okay:
                why = "is a folder"
            elif not path.is_dir() and not self.file_okay:
                why = "is a file"
            else:
                why = "cannot be read"
            self.fail(f"must be {what}, got {str(value)!r}, which {why}", param, ctx)


def _bounds(low: float | None, high: float | None, *, is_open: bool) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" {'>' if is_open else '>='} {low}"
    return "" if high is None else f" <= {high}"


def _given(value: object, number: type[int | float]) -> str:
    """A number as it is, all else as a text."""
    text = str(value)
    try:
        number(text)
    except ValueError:
        return repr(text)
    return text


# ----------------------------------------------------------------------------------------------------
# Results on standard output: a table to read, or CSV or JSON to go on with.

MOST_PRINTED = 200
"""Rows of a table on a terminal: more nobody reads there, and thousands take longer than all else."""


def print_table(
    frame: pd.DataFrame,
    output_format: str,
    *,
    columns: Mapping[str, Cell] | None = None,
    title: str = "",
    best_first: bool = False,
    heads: Mapping[str, str] | None = None,
    apart: str = "",
) -> None:
    """Prints a frame on standard output.

    ``table`` shows a selection of columns without the rows of networks that were skipped, with ``best_first``
    by accuracy, and of very many rows the first; the others show all rows and columns as in the CSV file.

    Args:
        frame: the rows.
        output_format: ``table``, ``csv`` or ``json``.
        columns: those of the table, and how each is shown; all of them, where that isn't said.
        title: of the table.
        best_first: sorted by accuracy.
        heads: what columns are called that depends on the run.
        apart: where the table doesn't fit, a small one for each value of this column takes its place.
    """
    if output_format == "csv":
        echo(frame.to_csv(index=False, lineterminator="\n"), nl=False)
        return
    if output_format == "json":
        echo(frame.to_json(orient="records", indent=2, double_precision=15))
        return
    asked = dict.fromkeys(frame.columns, Cell()) if columns is None else columns
    columns = {name: cell for name, cell in asked.items() if _is_shown(frame, name, cell)}
    if "status" in frame:
        frame = frame[frame["status"] != "skipped"]
    if best_first:
        frame = frame.sort_values("top1", ascending=False, kind="stable")
    more = len(frame) - MOST_PRINTED
    frame = frame.head(MOST_PRINTED)
    console = terminal()
    table = made_table(frame, columns, title, heads or {})
    if fits(console, table):
        console.print(table)
        _tell_of(more)
        return
    own = {name: cell for name, cell in columns.items() if name != apart}
    parts = frame.groupby(apart, sort=False) if apart else [(title, frame)]
    for value, rows in parts:
        print_narrow(console, made_table(rows, own, str(value), heads or {}, narrow=True))
    _tell_of(more)


def _is_shown(frame: pd.DataFrame, name: str, cell: Cell) -> bool:
    """Whether a table has a column at all: not where nothing is known, or nothing told apart by it."""
    if name not in frame or frame[name].isna().all() or (cell.telling and frame[name].nunique() < 2):
        return False
    return isinstance(cell.form, str) or any(cell.form(row) is not None for row in _rows(frame))


def _tell_of(more: int) -> None:
    """Says how many rows a table has left out."""
    if more > 0:
        echo(f"And {more:,} more; `--format csv` and `--format json` print all.")
