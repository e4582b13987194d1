"""``scalesearch sweep``: one dimension alone against all together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scalesearch.cli.bench_options import ListOf
from scalesearch.cli.help import Command, Topic, option
from scalesearch.cli.options import (
    MEMORY,
    PHI,
    START,
    command_line,
    config_option,
    format_option,
    out_option,
    resolve_training,
    training_options,
)
from scalesearch.cli.terminal import NUMBER, Choice
from scalesearch.commands.sweep.run import BUDGETS, ROLES, SweepSettings, plan_sweep

DEFAULT = SweepSettings()


@click.command(cls=Command)
@config_option
@option(
    "--phi",
    "phis",
    group=Topic.SPACE,
    common=True,
    type=PHI,
    default="0.5,1,2",
    help="How much compute: each of these budgets is 2^phi times the baseline. A power law takes two or "
    "more.",
)
@option(
    "--alpha",
    group=Topic.SPACE,
    common=True,
    type=NUMBER,
    default=DEFAULT.alpha,
    help="Depth coefficient of the compound rule.",
)
@option(
    "--beta",
    group=Topic.SPACE,
    common=True,
    type=NUMBER,
    default=DEFAULT.beta,
    help="Width coefficient of the compound rule.",
)
@option(
    "--gamma",
    group=Topic.SPACE,
    common=True,
    type=NUMBER,
    default=DEFAULT.gamma,
    help="Resolution coefficient of the compound rule.",
)
@option(
    "--match",
    group=Topic.BUDGET,
    type=Choice(BUDGETS),
    default=DEFAULT.match,
    help=f"What all networks of a budget spend alike. {MEMORY}",
)
@option(
    "--roles",
    group=Topic.SPACE,
    common=True,
    type=ListOf(
        {name: name for name in ROLES}.__getitem__, f"one or more of {', '.join(ROLES)}", names=ROLES
    ),
    metavar="LIST",
    help=f"Ways to spend a budget: {', '.join(ROLES)}, with commas between them.  [default: all]",
)
@option(
    "--dry-run",
    group=Topic.OUTPUT,
    common=True,
    is_flag=True,
    help="Print what would be trained, its time and memory, and train nothing.",
)
@training_options(seeds=3)
@START
@out_option("reports/sweep-BASELINE")
@format_option
def sweep(out: Path | None, output_format: str, dry_run: bool, **options: Any) -> None:
    """How to grow at every budget: depth, width and resolution alone and together, at equal cost.

    At each budget five networks that really cost the same are trained with several seeds: each dimension
    alone, the compound rule, and the width-heavy rule of arXiv 2103.06877. A power law through all of them,
    where it holds, says how to share out any budget; where it does not, the page says why. Beside it the
    claim behind compound scaling is tested: does it beat each other way?

    Writes sweep.csv, runs.csv, report.md, figures/, run.toml and study.db.

    \b
    Examples:
      scalesearch sweep --phi 0.5,1,2 --seeds 3
      scalesearch sweep --phi 0.5,1,2 --seeds 3 --dry-run
      scalesearch sweep --alpha 1.1 --beta 1.2 --gamma 1.1 --match memory --dataset folder:my/images
    """
    settings = SweepSettings(**resolve_training(options))
    from scalesearch.cli.running import show
    from scalesearch.runs.lifecycle import begin_sweep, carry_on, data_size, default_folder, require_place
    from scalesearch.runs.planning import with_start

    folder = out or default_folder("sweep", settings)
    if dry_run:
        from scalesearch.cli.planning import show_plan  # takes a second to load

        require_place(folder, default_folder("sweep", settings).name, "sweep", settings)
        plan = plan_sweep(settings, data_size(settings.data))
        show_plan(with_start(plan, None)[0], settings, output_format)
        return
    with begin_sweep(folder, settings, command_line()) as run:
        show(carry_on(run), output_format)
