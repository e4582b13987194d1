"""``scalesearch measure``: latency, throughput and memory, with their spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalesearch.cli.help import Command, option
from scalesearch.cli.main import Fail
from scalesearch.cli.options import (
    BASELINE_FIELDS,
    baseline_options,
    command_line,
    config_option,
    given_rules,
    options_of,
    out_option,
    resolve_setups,
    rounding_options,
)
from scalesearch.cli.terminal import Choice, Place, echo
from scalesearch.commands.measure.run import MeasureSettings
from scalesearch.fields import Topic
from scalesearch.networks.spec import Rounding

if TYPE_CHECKING:
    from scalesearch.records import CostLaw

KIND = "measure"
FORMAT = ("table", "csv", "json", "timm")


@click.command(cls=Command)
@click.argument("networks", nargs=-1, metavar="NETWORK...")
@config_option
@options_of(MeasureSettings, but=BASELINE_FIELDS)
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
@baseline_options(MeasureSettings)
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
    from scalesearch.cli.running import show
    from scalesearch.commands.measure.subjects import in_its_layout, parse_subjects
    from scalesearch.runs.measuring import default_folder, measured

    if not networks:
        raise Fail("NETWORK must name at least one network, got none: scalesearch measure b0 b1")
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
    default = default_folder(subjects)
    outcome = measured(
        out or default,
        settings,
        subjects,
        name=default.name,
        command=command_line(),
        laws=laws,
        mix_machines=mix_machines,
    )
    show(outcome, output_format)
