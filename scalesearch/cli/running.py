"""A run on the command line: carried on, reported, its table and its answer printed."""

from __future__ import annotations

from pathlib import Path

from scalesearch.cli.terminal import (
    FIDELITY_COLUMNS,
    GRID_COLUMNS,
    ROUND_COLUMNS,
    SEARCH_COLUMNS,
    SWEEP_COLUMNS,
    TRAINED_COLUMNS,
    echo,
    print_table,
    tell_page,
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
    table, err = outcome.table, output_format != "table"
    print_table(table, output_format, columns=COLUMNS.get(outcome.kind) or dict.fromkeys(table.columns, "{}"))
    for line in outcome.lines:
        echo(line, err=err)
    tell_page(outcome.page, err=err)
    if outcome.failure is not None:
        raise outcome.failure


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
