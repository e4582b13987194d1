"""``scalesearch alternate``: coefficients, then phi under a budget, until the answer stops changing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scalesearch.cli.grid_options import budget_options, grid_points_options, networks_options
from scalesearch.cli.help import Command, Topic, option
from scalesearch.cli.options import (
    MEMORY,
    START,
    command_line,
    config_option,
    format_option,
    out_option,
    resolve_training,
    training_options,
)
from scalesearch.cli.terminal import NUMBER, Choice, Whole
from scalesearch.commands.alternate.run import BUDGETS, AlternateSettings

DEFAULT = AlternateSettings()


@click.command(cls=Command)
@config_option
@option(
    "--phi",
    group=Topic.SPACE,
    common=True,
    type=NUMBER,
    default=DEFAULT.phi,
    help="How much compute in the first round: 2^phi times the baseline.",
)
@option(
    "--budget",
    group=Topic.BUDGET,
    common=True,
    type=Choice(BUDGETS),
    default=DEFAULT.budget,
    help="What the wanted network may spend.",
    more=MEMORY,
)
@option(
    "--budget-ratio",
    group=Topic.BUDGET,
    common=True,
    type=NUMBER,
    default=DEFAULT.budget_ratio,
    help="How much of that it may spend, as a multiple of the baseline's, above 1.",
)
@option(
    "--max-rounds",
    group=Topic.SPACE,
    type=Whole(min=1),
    default=DEFAULT.max_rounds,
    help="Stop after so many rounds.",
)
@grid_points_options
@budget_options(DEFAULT.match)
@networks_options
@training_options()
@START
@out_option("reports/alternate-BASELINE")
@format_option
def alternate(out: Path | None, output_format: str, **options: Any) -> None:
    """Search coefficients, scale to a budget, search again at that size, until the answer stops changing.

    Each round searches alpha, beta and gamma at its phi, as `scalesearch grid` does, then finds the greatest
    phi whose network stays within the budget. The next round searches at that phi.

    Writes rounds.csv, runs.csv, report.md, figures/, run.toml and study.db, with a study for each round.

    \b
    Example:
      scalesearch alternate --budget macs --budget-ratio 4
    """
    settings = AlternateSettings(**resolve_training(options))
    from scalesearch.cli.running import show
    from scalesearch.runs.alternate import default_folder, run_rounds

    show(run_rounds(out or default_folder(settings), settings, command_line()), output_format)
