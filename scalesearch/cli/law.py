"""``scalesearch law``: what time costs on this machine, as a law to plan with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scalesearch.cli.help import Command
from scalesearch.cli.options import (
    BASELINE_FIELDS,
    baseline_options,
    command_line,
    config_option,
    format_option,
    options_of,
    out_option,
    resolve_setups,
)
from scalesearch.commands.law.settings import LawSettings


@click.command(cls=Command)
@config_option
@options_of(LawSettings, but=BASELINE_FIELDS)
@baseline_options(LawSettings)
@out_option("reports/law-MACHINE")
@format_option
def law(out: Path | None, output_format: str, **options: Any) -> None:
    """What time costs on this machine: a law of multiply-adds, activations, parameters and layers.

    Measures B0 to B7, networks drawn at random and the baseline doubled in depth, width and resolution alone,
    each in fresh processes, and fits one law for each setup. Every network is predicted by a law that was
    fitted without it. The report shows what each dimension costs in time, which layers take it, and how the
    best split of a budget moves when the budget is time. Nothing else should run meanwhile; a run that was
    stopped goes on when the same command is given again.

    Writes law.json (for --budget latency=12ms), laws.csv, measurements.csv, samples.csv, report.md, figures/.

    \b
    Examples:
      scalesearch law --threads 1,2 --batch-size 1,8
      scalesearch law --device cuda --dtype fp16 --batch-size 64
      scalesearch law --run reports/sweep-efficientnet-b0
    """
    from scalesearch.cli.running import show
    from scalesearch.hardware.machine import describe
    from scalesearch.runs.law import fit_laws, in_users_layout
    from scalesearch.runs.laws import default_folder
    from scalesearch.runs.lifecycle import require_device

    options["baseline_resolution"] = options["baseline_resolution"] or 0
    settings = in_users_layout(LawSettings(**resolve_setups(options, several=True)))
    require_device(settings.device, to_train=False)
    default = default_folder(describe(settings.device).key)
    outcome = fit_laws(out or default, settings, name=default.name, command=command_line())
    show(outcome, output_format)
