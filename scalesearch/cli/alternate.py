"""``scalesearch alternate``: coefficients, then phi under a budget, until the answer stops changing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scalesearch.cli.help import Command
from scalesearch.cli.options import (
    command_line,
    config_option,
    dry_run_option,
    format_option,
    options_of,
    out_option,
    require_phi,
    resolve_training,
    training_options,
)
from scalesearch.commands.alternate.run import AlternateSettings
from scalesearch.study.settings import TrainingSettings

# Of a grid's settings: what a loop of grids leaves as it is.
NOT_ASKED = ("law", "rungs", "time_budget", "regret", "check_recipe", "confirm", "confirm_on", "scratch_run")


@click.command(cls=Command)
@config_option
@options_of(AlternateSettings, above=TrainingSettings, but=NOT_ASKED)
@dry_run_option("Print what the first round would train and what later ones may take, and train nothing.")
@training_options(AlternateSettings, but=NOT_ASKED)
@out_option("reports/alternate-BASELINE")
@format_option
def alternate(out: Path | None, output_format: str, *, dry_run: bool, **options: Any) -> None:
    """Search coefficients, scale to a budget, search again at that size, until the answer stops changing.

    Each round searches alpha, beta and gamma at its phi, as `scalesearch grid` does, then finds the greatest
    phi whose network stays within the budget. The next round searches at that phi.

    Writes rounds.csv, runs.csv, report.md, figures/, run.toml and study.db, with a study for each round.

    \b
    Examples:
      scalesearch alternate --budget macs --budget-ratio 4 --dry-run
      scalesearch alternate --budget macs --budget-ratio 4
    """
    require_phi((options["phi"],))
    settings = AlternateSettings(**resolve_training(options))
    from scalesearch.runs.alternate import default_folder, plan_rounds, run_rounds

    folder = out or default_folder(settings)
    if dry_run:
        from scalesearch.cli.planning import show_rounds

        show_rounds(*plan_rounds(folder, settings), settings.max_rounds, output_format)
        return
    from scalesearch.cli.running import show

    show(run_rounds(folder, settings, command_line()), output_format)
