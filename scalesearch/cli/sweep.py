"""``scalesearch sweep``: one dimension alone against all together."""

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
    resolve_training,
    training_options,
)
from scalesearch.commands.sweep.run import SweepSettings, plan_sweep
from scalesearch.study.settings import TrainingSettings


@click.command(cls=Command)
@config_option
@options_of(SweepSettings, above=TrainingSettings)
@dry_run_option("Print what would be trained, its time and memory, and train nothing.")
@training_options(SweepSettings)
@out_option("reports/sweep-BASELINE")
@format_option
def sweep(out: Path | None, output_format: str, dry_run: bool, **options: Any) -> None:
    """How to grow at every budget: depth, width and resolution alone and together, at equal cost.

    At each budget five networks that really cost the same are trained with several seeds: each dimension
    alone, the compound rule, and the width-heavy rule of arXiv 2103.06877. Ways that round to one network
    share it. A power law through all of them, where it holds, says how to share out any budget; where it
    does not, the page says why. Beside it the claim behind compound scaling is tested: does it beat each
    other way?

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
