"""``scalesearch measure``: latency, throughput and memory, with their spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalesearch.cli.bench_options import device_option, resolve_setups, sampling_options, setup_options
from scalesearch.cli.help import Command, Topic, option
from scalesearch.cli.main import Fail
from scalesearch.cli.options import (
    DURATION,
    baseline_options,
    command_line,
    config_option,
    given_rules,
    out_option,
    rounding_options,
)
from scalesearch.cli.terminal import Choice, Place, echo, tell_page
from scalesearch.networks.spec import Rounding

if TYPE_CHECKING:
    from scalesearch.commands.measure.run import MeasureSettings
    from scalesearch.commands.measure.subjects import Subject
    from scalesearch.records import CostLaw, MeasureRecord

KIND = "measure"
FORMAT = ("table", "csv", "json", "timm")


@click.command(cls=Command)
@click.argument("networks", nargs=-1, metavar="NETWORK...")
@config_option
@setup_options(several=True)
@device_option
@sampling_options
@option("--memory/--no-memory", group=Topic.MEASURING, default=True, help="Measure peak memory too.")
@option(
    "--process-limit",
    group=Topic.MEASURING,
    type=DURATION,
    help="Time after which a process is ended without a figure, such as one that compiles for too long.  "
    "[default: none]",
)
@option("--largest-batch", group=Topic.MEASURING, is_flag=True, help="Find the largest batch that fits, too.")
@option(
    "--law",
    group=Topic.MEASURING,
    type=Place(),
    metavar="PATH",
    help="A law.json, or a folder of scalesearch law: its predictions are shown beside what was measured.",
)
@option(
    "--mix-machines",
    group=Topic.MEASURING,
    is_flag=True,
    help="Add this machine's figures to a folder that has another's, apart from them.",
)
@baseline_options(1.0, "the baseline's own")
@rounding_options
@out_option("reports/measure-NETWORKS")
@option(
    "--format",
    "output_format",
    group=Topic.OUTPUT,
    type=Choice(FORMAT),
    default="table",
    help="How results are printed on standard output; timm: the columns of timm's own results, as CSV.",
)
def measure(
    networks: tuple[str, ...],
    law: Path | None,
    mix_machines: bool,
    out: Path | None,
    output_format: str,
    **options: Any,
) -> None:
    """Latency, throughput and peak memory of each NETWORK, with their spread over fresh processes.

    A NETWORK is a published name (b3), a range (b0..b7), a baseline, a .toml file or a function of your own
    code (package.module:function) with multipliers of depth, width and resolution
    (efficientnet-b0:1.2,1.1,1.15), a family or candidates file, a run's folder,
    or one network of it (DIR:highest, DIR:KEY, DIR:phi=2); after @ comes a setup of its own
    (b0@dtype=bf16,batch=8).

    Options with lists are combined, each with each. Nothing else should run meanwhile. A run that was stopped
    goes on when the same command is given again. The baseline and rounding options are for tables without a
    run.toml beside them.

    Writes measurements.csv, samples.csv, timm.csv, report.md and figures/; the raw samples stay in samples/.

    \b
    Examples:
      scalesearch measure b0..b3 --threads 1,2 --batch-size 1,8
      scalesearch measure b0 --runtime eager,compile,onnxruntime
      scalesearch measure reports/grid-efficientnet-b0-phi1:highest b1 --mode training --batch-size 8
    """
    from scalesearch.commands.measure.run import MeasureSettings
    from scalesearch.commands.measure.subjects import in_its_layout, parse_subjects

    if not networks:
        raise Fail("NETWORK must name at least one network, got none; scalesearch measure --help shows how")
    options["baseline_resolution"] = options["baseline_resolution"] or 0
    # Each network has rules of its own where none was given.
    options |= dict.fromkeys(rule.name for rule in fields(Rounding)) | given_rules(options)
    settings = MeasureSettings(networks=networks, **resolve_setups(options, several=True))
    subjects = tuple(in_its_layout(subject) for subject in parse_subjects(networks, settings.base))
    laws: Sequence[CostLaw] | None = None
    if law is not None:
        from scalesearch.runs.laws import read_laws

        laws = read_laws(law)
    if settings.processes == 1:
        echo(
            "Note: a single process shows no process-to-process spread: intervals say nothing of it",
            err=True,
        )
    name = f"{KIND}-{_short(subjects)}"
    measure_folder(
        out or Path("reports") / name,
        settings,
        subjects,
        name=name,
        command=command_line(),
        output_format=output_format,
        laws=laws,
        mix_machines=mix_machines,
    )


def _short(subjects: Sequence[Subject]) -> str:
    """The networks as part of a folder's name."""
    from scalesearch.commands.measure.run import safe_name

    names = list(dict.fromkeys(subject.name.removeprefix("efficientnet-") for subject in subjects))
    if len(names) <= 2:
        return safe_name("-".join(names))
    ends = f"{names[0]}-{names[-1]}"
    return safe_name(ends if all(len(name) <= 3 for name in names) else f"{len(names)}-networks")


def measure_folder(
    folder: Path,
    settings: MeasureSettings,
    subjects: Sequence[Subject],
    *,
    name: str,
    command: str,
    output_format: str,
    laws: Sequence[CostLaw] | None = None,
    mix_machines: bool = False,
    retry_failed: bool = False,
) -> None:
    """Measures what is missing in ``folder``, writes the report and prints its table.

    Args:
        folder: of the run.
        settings: all of them.
        subjects: the networks that they name.
        name: of the run, where it begins.
        command: the command line, where it begins.
        output_format: ``table``, ``csv``, ``json`` or ``timm``.
        laws: whose predictions are shown; None for those that the folder has from before.
        mix_machines: whether another machine's figures may be in the folder.
        retry_failed: whether what failed is tried once more.

    Raises:
        FolderError: if the folder cannot be used.
        RunFailedError: if nothing could be measured.
        ValueError: if a device or a runtime cannot be used.
    """
    from scalesearch.runs.measuring import measured, require_measured

    record = measured(
        folder,
        settings,
        subjects,
        name=name,
        command=command,
        laws=laws,
        mix_machines=mix_machines,
        retry_failed=retry_failed,
    )
    _print(record, folder, output_format)
    require_measured(record)


def show_measurements(folder: Path, output_format: str) -> None:
    """Writes the report of a folder from its raw files alone, prints its table and where the page is."""
    from scalesearch.runs.measuring import reported_measurements

    _print(reported_measurements(folder), folder, output_format)


def _print(record: MeasureRecord, folder: Path, output_format: str) -> None:
    from scalesearch.cli.terminal import MEASURE_COLUMNS, measure_view, print_table
    from scalesearch.commands.measure.view import measurements_table, timm_table
    from scalesearch.runs.measuring import laws_beside

    if output_format == "timm":
        rows = timm_table(record)
        print_table(rows, "csv")
        if rows.empty:
            echo("Note: timm's columns are of inference, of which nothing was measured", err=True)
    else:
        whole = measurements_table(record, laws_beside(folder))
        table = measure_view(whole) if output_format == "table" else whole
        print_table(table, output_format, columns=MEASURE_COLUMNS)
    tell_page(folder / "report.md", err=output_format != "table")
