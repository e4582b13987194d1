"""A run on the command line: carried on, reported, its table and its answer printed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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
from scalesearch.records import RunRecord
from scalesearch.runs.kinds import KINDS, Outcome
from scalesearch.runs.lifecycle import Run, reported, require_trained, trained
from scalesearch.text import quoted

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
    err = output_format != "table"
    PRINTED.get(outcome.kind, _print)(outcome, output_format)
    tell_page(outcome.page, err=err)
    if outcome.failure is not None:
        raise outcome.failure


def _print(outcome: Outcome, output_format: str) -> None:
    """Its table, and what it says in words."""
    table = outcome.table
    columns = COLUMNS.get(outcome.kind) or dict.fromkeys(table.columns, "{}")
    print_table(table, output_format, columns=columns)
    for line in outcome.lines:
        echo(line, err=output_format != "table")


def _print_transfer(outcome: Outcome, output_format: str) -> None:
    """As others, but for the terminal in fewer columns."""
    view = transfer_view(outcome.table) if output_format == "table" else outcome.table
    _print(replace(outcome, table=view), output_format)


def _print_audit(outcome: Outcome, output_format: str) -> None:
    """What came of each baseline; the table alone where it is to go on with."""
    from scalesearch.commands.audit.view import audit_view

    if output_format != "table":
        print_table(outcome.table, output_format)
        return
    view = audit_view(outcome.table)
    print_table(view, output_format, columns=AUDIT_COLUMNS, short=AUDIT_SHORT, apart="baseline")
    for sentence in outcome.lines:
        echo(f"\n{sentence}")
    for title, order in outcome.more.items():
        echo("")
        print_table(order, output_format, columns=ORDER_COLUMNS, title=title)
    echo("")


PRINTED = {"audit": _print_audit, "transfer": _print_transfer}
"""How what a run came to is printed, by its kind, where it is more than its table."""


def carry_on(run: Run, output_format: str) -> None:
    """Runs what is left, writes the report, prints the table. Ctrl-C and SIGTERM keep what is done."""
    record = trained(run)
    show_report(record, run.folder, output_format)
    statuses = {c.status for c in record.candidates}
    if statuses >= {"completed", "failed"}:
        echo(
            f"Note: scalesearch resume {quoted(run.folder)} --retry-failed tries those that failed again",
            err=True,
        )
    require_trained(record, run.folder)


def show_report(record: RunRecord, folder: Path, output_format: str, *, tables: bool = True) -> None:
    """Writes the report of a run, prints its table and where the page is.

    With ``tables`` off the tables of single runs stay as they are, being what the record was made of.
    """
    table = reported(record, folder, tables=tables)
    print_table(
        table, output_format, columns=COLUMNS[record.kind], best_first=record.kind in ("grid", "search")
    )
    tell_page(folder / KINDS[record.kind].page, err=output_format != "table")
    _tell_answer(record, folder, err=output_format != "table")


def _tell_answer(record: RunRecord, folder: Path, *, err: bool) -> None:
    """Says a grid's answer: what it is, what it rests on, what to do next; or why there is none."""
    from scalesearch.page.answer import answer_lines

    for line in answer_lines(record, quoted(folder)) if record.kind == "grid" else ():
        echo(line, err=err)
