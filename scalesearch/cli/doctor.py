"""``scalesearch doctor``: what this machine is, what works on it, what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalesearch.cli.choice import Choice
from scalesearch.cli.terminal import echo, terminal

if TYPE_CHECKING:
    from rich.console import Console

    from scalesearch.bench.finding import Finding

__all__ = ["doctor"]

STYLES = {"ok": "green", "failed": "bold red", "missing": "yellow"}


@click.command
@click.option("--device", default="auto", show_default=True, help="What to try: auto, cpu, cuda or cuda:N.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    metavar="DIR",
    help="Folder to try a write in; nothing is left there.",
)
@click.option(
    "--format",
    "output_format",
    type=Choice(("table", "json")),
    default="table",
    show_default=True,
    help="How results are printed on standard output.",
)
def doctor(device: str, out: Path, output_format: str) -> None:
    """What this machine is, what works on it, and what is missing.

    Prints the machine with the key that its measurements carry, then tries what scalesearch needs: a write, a
    training step and a measurement in fresh processes, and a self-test of measuring that knows the answers.
    It takes about a minute and leaves nothing behind.

    Exit codes: 0 all that is needed works (optional parts may be missing), 1 something needed does not.

    \b
    Examples:
      scalesearch doctor
      scalesearch doctor --device cuda --format json
    """
    from tempfile import TemporaryDirectory

    from scalesearch.bench.doctor import examine
    from scalesearch.bench.finding import works
    from scalesearch.cli.main import Fail
    from scalesearch.cli.progress import spinner
    from scalesearch.cli.run import require_device
    from scalesearch.cli.workers import workers
    from scalesearch.measure.conditions import conditions
    from scalesearch.measure.device import auto_device
    from scalesearch.measure.machine import describe, versions
    from scalesearch.workers.executor import TO_TRAIN

    device = auto_device() if device == "auto" else device
    require_device(device)
    machine = describe(device)
    now = conditions(device)
    found: list[Finding] = []
    with (
        TemporaryDirectory(prefix="scalesearch-doctor-") as logs,
        workers(1, Path(logs), TO_TRAIN, "a process could not be started") as executor,
        spinner("Trying what scalesearch needs") as tried,
    ):
        for finding in examine(executor, folder=out, device=device, log_dir=Path(logs)):
            found.append(finding)
            tried()
    if output_format == "json":
        report = {
            "machine": {"key": machine.key, **machine.facts},
            "conditions": now,
            "versions": versions(),
            "device": device,
            "works": works(found),
            "findings": [asdict(finding) for finding in found],
        }
        echo(json.dumps(report, indent=2))
    else:
        _print({"key": machine.key, **machine.facts}, now, versions(), found)
    broken = [finding.name for finding in found if finding.needed and finding.outcome != "ok"]
    if broken:
        raise Fail(f"not everything that is needed works: {', '.join(broken)}", 1)


def _print(
    machine: Mapping[str, Any],
    now: Mapping[str, Any],
    versions: Mapping[str, str],
    found: Sequence[Finding],
) -> None:
    from scalesearch.report.machine_facts import readable_machine
    from scalesearch.report.provenance import said

    console = terminal(120)
    facts = readable_machine(machine)
    rows = [(label.removesuffix("_bytes"), said(label, value)) for label, value in facts.items()]
    state = {"load": now.get("load_1m"), **now.get("gpu", {})}
    told = [f"{name} {said(name, value)}" for name, value in state.items() if value not in (None, [])]
    rows.append(("now", ", ".join(told) or "unknown"))
    rows.append(("versions", ", ".join(f"{name} {text}" for name, text in versions.items())))
    _table(console, "This machine", [(label, value, "") for label, value in rows])
    console.print()
    lines = []
    for finding in found:
        advice = f"\n-> {finding.advice}" if finding.advice else ""
        optional = "" if finding.needed else " (optional)"
        lines.append((f"{finding.name}{optional}", f"{finding.detail}{advice}", finding.outcome))
    _table(console, "What works", lines)


def _table(console: Console, title: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Rows of a label, a text and an outcome, which is left out where all are empty."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False)
    table.pad_edge = False
    with_outcome = any(outcome for *_, outcome in rows)
    table.add_column(no_wrap=True)
    if with_outcome:
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, text, outcome in rows:
        outcomes = (Text(outcome, style=STYLES[outcome]),) if with_outcome else ()
        # As text, since a path may hold what rich takes for markup.
        table.add_row(Text(label), *outcomes, Text(text))
    console.print(table)
