"""A run on the command line: carried on, reported, its table and its answer printed."""

from __future__ import annotations

from dataclasses import replace

from scalesearch.cli.terminal import (
    AUDIT_COLUMNS,
    AUDIT_SHORT,
    FIDELITY_COLUMNS,
    GRID_COLUMNS,
    ORDER_COLUMNS,
    ROUND_COLUMNS,
    SEARCH_COLUMNS,
    SWEEP_COLUMNS,
    TRAINED_COLUMNS,
    echo,
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


PRINTED = {"audit": _print_audit, "transfer": _print_transfer}
"""How what a run came to is printed, by its kind, where it is more than its table."""
