"""A run on the command line: carried on, reported, its table and its answer printed."""

from __future__ import annotations

from dataclasses import replace

from scalesearch.cli.terminal import (
    AUDIT_COLUMNS,
    AUDIT_SHORT,
    FIDELITY_COLUMNS,
    GRID_COLUMNS,
    LAW_COLUMNS,
    MEASURE_COLUMNS,
    ORDER_COLUMNS,
    ROUND_COLUMNS,
    SEARCH_COLUMNS,
    SWEEP_COLUMNS,
    TRAINED_COLUMNS,
    echo,
    measure_view,
    print_table,
    tell_page,
    transfer_view,
)
from scalesearch.runs.kinds import Outcome

COLUMNS = {
    "grid": GRID_COLUMNS,
    "search": SEARCH_COLUMNS,
    "sweep": SWEEP_COLUMNS,
    "scale": TRAINED_COLUMNS,
    "alternate": ROUND_COLUMNS,
    "fidelity": FIDELITY_COLUMNS,
    "law": LAW_COLUMNS,
    "measure": MEASURE_COLUMNS,
}
"""What is printed of a run's table, by its kind."""


def show(outcome: Outcome, output_format: str) -> None:
    """Prints what a run came to: its table, what it says in words, where its page is.

    Raises:
        ScalesearchError: if it has not what it was begun for.
    """
    PRINTED.get(outcome.kind, _print)(outcome, output_format)
    for note in outcome.notes:
        echo(f"Note: {note}", err=True)
    if outcome.failure is not None:
        raise outcome.failure


def _print(outcome: Outcome, output_format: str) -> None:
    """Its table, what it says in words, where its page is; a grid says after that what to do next."""
    table, err = outcome.table, output_format != "table"
    columns = COLUMNS.get(outcome.kind) or dict.fromkeys(table.columns, "{}")
    print_table(table, output_format, columns=columns, best_first=outcome.kind in ("grid", "search"))
    before, after = ((), outcome.lines) if outcome.kind == "grid" else (outcome.lines, ())
    for line in before:
        echo(line, err=err)
    tell_page(outcome.page, err=err)
    for line in after:
        echo(line, err=err)


def _print_transfer(outcome: Outcome, output_format: str) -> None:
    """As others, but for the terminal in fewer columns."""
    view = transfer_view(outcome.table) if output_format == "table" else outcome.table
    _print(replace(outcome, table=view), output_format)


def _print_audit(outcome: Outcome, output_format: str) -> None:
    """What came of each baseline; the table alone where it is to go on with."""
    from scalesearch.commands.audit.view import audit_view

    if output_format != "table":
        _print(replace(outcome, lines=()), output_format)
        return
    view = audit_view(outcome.table)
    print_table(view, output_format, columns=AUDIT_COLUMNS, short=AUDIT_SHORT, apart="baseline")
    for sentence in outcome.lines:
        echo(f"\n{sentence}")
    for title, order in outcome.more.items():
        echo("")
        print_table(order, output_format, columns=ORDER_COLUMNS, title=title)
    echo("")
    tell_page(outcome.page)


def _print_comparison(outcome: Outcome, _output_format: str) -> None:
    """What came of each pair, and its page; nothing where nothing was timed."""
    for part in outcome.parts or (outcome,):
        for line in part.lines:
            echo(line)
        if part.lines:
            tell_page(part.page)


def _print_measurements(outcome: Outcome, output_format: str) -> None:
    """As others, but for the terminal with units, and as timm lists its own results where asked for."""
    if output_format != "timm":
        view = measure_view(outcome.table) if output_format == "table" else outcome.table
        _print(replace(outcome, table=view), output_format)
        return
    from scalesearch.commands.measure.view import timm_table

    rows = timm_table(outcome.record)
    none = "Note: timm's columns are of inference, of which nothing was measured"
    _print(replace(outcome, table=rows, lines=(none,) if rows.empty else ()), "csv")


PRINTED = {
    "audit": _print_audit,
    "compare": _print_comparison,
    "compare-stored": _print_comparison,
    "measure": _print_measurements,
    "transfer": _print_transfer,
}
"""How what a run came to is printed, by its kind, where it is more than its table."""
