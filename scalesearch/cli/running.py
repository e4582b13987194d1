"""A run on the command line: carried on, reported, its table and its answer printed."""

from __future__ import annotations

from dataclasses import replace

from scalesearch.cli.terminal import echo, print_table, tell_page
from scalesearch.runs.kinds import Outcome, kind_named, loaded


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
    """Its table, what it says in words, where its page is."""
    table, err, kind = outcome.table, output_format != "table", kind_named(outcome.kind)
    columns = loaded(kind.columns).cells if kind.columns else None
    shares = kind.study is not None and kind.study.shares
    print_table(table, output_format, columns=columns, best_first=shares)
    for line in outcome.lines:
        echo(line, err=err)
    tell_page(outcome.page, err=err)
    for line in outcome.last:
        echo(line, err=err)


def _print_audit(outcome: Outcome, output_format: str) -> None:
    """Its tables and its answer; the table alone where it is to go on with."""
    from scalesearch.commands.audit.view import AUDIT, ORDER

    if output_format != "table":
        _print(replace(outcome, lines=()), output_format)
        return
    print_table(outcome.table, output_format, columns=AUDIT.cells, apart="baseline")
    echo("")
    for line in outcome.lines:
        echo(line)
    for title, order in outcome.more.items():
        echo("")
        print_table(order, output_format, columns=ORDER.cells, title=title)
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
    """As others, or as timm lists its own results where that is asked for."""
    if output_format != "timm":
        _print(outcome, output_format)
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
}
"""How what a run came to is printed, by its kind, where it is more than its table."""
