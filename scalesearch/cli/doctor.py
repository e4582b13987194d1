"""``scalesearch doctor``: what this machine is, what works on it, what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from scalesearch.cli.help import Command, option
from scalesearch.cli.main import Fail
from scalesearch.cli.options import options_of
from scalesearch.cli.terminal import Choice, echo, terminal
from scalesearch.commands.doctor.settings import DoctorSettings

if TYPE_CHECKING:
    from rich.console import Console

    from scalesearch.commands.doctor.run import Finding, Step

STYLES: Mapping[str, Mapping[str, Any]] = {
    "ok": {"fg": "green"},
    "warning": {"fg": "yellow"},
    "failed": {"fg": "red", "bold": True},
    "missing": {"fg": "yellow"},
}


@click.command(cls=Command)
@options_of(DoctorSettings)
@option(
    "--format",
    "output_format",
    type=Choice(("table", "json")),
    default="table",
    help="How results are printed on standard output.",
)
def doctor(output_format: str, **options: Any) -> None:
    """What this machine is, what works on it, and what is missing.

    Prints the machine with the key that its measurements carry, then tries what scalesearch needs: a write, a
    training step and a measurement in fresh processes, and a self-test of measuring that knows the answers.
    Each result is printed as it comes. It takes less than a minute and leaves nothing behind.

    Exit codes: 0 all that is needed works (optional parts may be missing; what a busy machine kept from being
    known is a warning), 1 something needed does not.

    With --executor each node of that engine is tried: whether it has the code of this machine, what it is,
    whether it has the data, and a training step.

    \b
    Examples:
      scalesearch doctor
      scalesearch doctor --device cuda --format json
      scalesearch doctor --executor ray://head:10001 --dataset folder:/shared/images
    """
    from tempfile import TemporaryDirectory

    from scalesearch.commands.doctor.run import node_steps, require_working, steps, works
    from scalesearch.hardware.device import auto_device
    from scalesearch.hardware.machine import conditions, describe, versions
    from scalesearch.records.timings import Setup
    from scalesearch.runs.lifecycle import require_device
    from scalesearch.runs.planning import workers
    from scalesearch.workers.engines import is_here, resources_of
    from scalesearch.workers.executor import TO_TRAIN

    settings = DoctorSettings(**options)
    executor, device = settings.executor, settings.device
    if not is_here(executor):
        assert executor is not None
        with TemporaryDirectory(prefix="scalesearch-doctor-") as logs:
            kind = resources_of(executor).device if device == "auto" else device
            tried = node_steps(
                executor, device=kind, dataset=settings.dataset, log_dir=Path(logs), note=lambda _text: None
            )
            findings = _examine(tried, err=output_format != "table")
        if output_format != "table":
            found = {"executor": executor, "device": kind, "works": works(findings)}
            echo(json.dumps(found | {"findings": [asdict(finding) for finding in findings]}, indent=2))
        require_working(findings)
        return
    if click.get_current_context().get_parameter_source("dataset") is ParameterSource.COMMANDLINE:
        raise Fail("--dataset must come with --executor: no node is asked for it without")
    device = auto_device() if device == "auto" else device
    Setup(device=device, channels_last=False)  # one device is tried
    require_device(device, to_train=False)
    machine = describe(device)
    now = conditions(device)
    table = output_format == "table"
    if table:
        _print_machine({"key": machine.key, **machine.facts}, now, versions())
    with (
        TemporaryDirectory(prefix="scalesearch-doctor-") as logs,
        workers(1, Path(logs), TO_TRAIN, "a process could not be started") as processes,
    ):
        to_try = steps(processes, folder=settings.out, device=device, log_dir=Path(logs))
        # Where standard output is JSON, what a person wants to see meanwhile goes to standard error.
        findings = _examine(to_try, err=not table)
    if not table:
        report = {
            "machine": {"key": machine.key, **machine.facts},
            "conditions": now,
            "versions": versions(),
            "device": device,
            "works": works(findings),
            "findings": [asdict(finding) for finding in findings],
        }
        echo(json.dumps(report, indent=2))
    require_working(findings)


def _examine(to_try: Sequence[Step], *, err: bool) -> list[Finding]:
    """Tries each, with a line for it: the name as it begins, what was found as it ends."""
    echo("What works", err=err)
    names = [f"{step.name}{'' if step.needed else ' (optional)'}" for step in to_try]
    width = max(map(len, names), default=0)
    findings = []
    for number, (name, step) in enumerate(zip(names, to_try, strict=True), 1):
        echo(f"[{number:>{len(str(len(to_try)))}}/{len(to_try)}] {name:{width}}  ", nl=False, err=err)
        finding = step.examine()
        echo(f"{finding.outcome:7}", nl=False, err=err, style=STYLES[finding.outcome])
        echo(f"  {finding.detail}", err=err)
        if finding.advice:
            echo(f"    -> {finding.advice}", err=err)
        findings.append(finding)
    return findings


def _print_machine(machine: Mapping[str, Any], now: Mapping[str, Any], versions: Mapping[str, str]) -> None:
    from scalesearch.page.parts import readable_machine, said

    console = terminal()
    facts = readable_machine(machine)
    rows = [(label.removesuffix("_bytes"), said(label, value)) for label, value in facts.items()]
    state = {"load": now.get("load_1m"), **now.get("gpu", {})}
    told = [f"{name} {said(name, value)}" for name, value in state.items() if value not in (None, [])]
    rows.append(("now", ", ".join(told) or "unknown"))
    rows.append(("versions", ", ".join(f"{name} {text}" for name, text in versions.items())))
    _table(console, "This machine", rows)
    console.print()
    console.file.flush()


def _table(console: Console, title: str, rows: Sequence[tuple[str, str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False)
    table.pad_edge = False
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        # As text, since a path may hold what rich takes for markup.
        table.add_row(*map(Text, row))
    console.print(table)
