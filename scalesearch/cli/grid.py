"""``scalesearch grid``: STEP 1."""

from __future__ import annotations

from functools import cache, partial
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
    require_match,
    require_phi,
    resolve_spending,
    resolve_training,
    training_options,
)
from scalesearch.runs.defaults import grid_defaults
from scalesearch.study.grid_plan import GridSettings
from scalesearch.study.settings import TrainingSettings


@click.command(cls=Command)
@config_option
@options_of(GridSettings, above=TrainingSettings)
@dry_run_option("Print the plan, its time and memory, and train nothing.")
@training_options(GridSettings)
@out_option("reports/grid-BASELINE-phiPHI")
@format_option
def grid(phi: tuple[float, ...], out: Path | None, output_format: str, dry_run: bool, **options: Any) -> None:
    """STEP 1: search for alpha, beta and gamma at a fixed phi.

    Every grid point that meets |alpha * beta^2 * gamma^2 - 2| <= TOLERANCE is turned into a network of the
    same real cost, 2^phi times the baseline's, whose growth is shared out as the point asks. At most
    --max-networks of them, spread over all splits between depth, width and resolution, are trained for a
    short while with --seeds seeds and judged on held-out images. A surface through them says which split is
    best, which others can't be excluded, what moving compute from one dimension to another brings, and
    predicts every point of the grid. The default run takes about five minutes on two cores.

    Calling it again with more --seeds, a longer --time-budget, --confirm or --check-recipe goes on from
    what is there.

    --match none keeps the networks as the rule and its rounding make them; what they cost then differs by
    half, and depth gets more than its share.

    Writes candidates.csv, pareto.csv, runs.csv (each training run) and what else its report is made of,
    report.md, figures/, run.toml and study.db (an Optuna study).
    Calling it again with the same settings, or `scalesearch resume DIR`, goes on where it was stopped.

    \b
    Examples:
      scalesearch grid --phi 1
      scalesearch grid --phi 1 --time-budget 30m --confirm 6
      scalesearch grid --phi -1 --match latency --dry-run
      scalesearch grid --budget latency=12ms@threads=2
      scalesearch grid --phi 1 --dataset folder:my/images --max-networks 0 --epochs 10
      scalesearch grid --phi 1 --start grown --scratch-run reports/mine --out reports/mine-grown
      scalesearch grid --phi 1 --baseline-width 1 --pretrained efficientnet_b0.safetensors
      scalesearch grid --config reports/grid-efficientnet-b0-phi1/run.toml --seed 1 --out reports/seed1
    """
    require_phi(phi, options["budget"])
    ctx = click.get_current_context()
    if ctx.get_parameter_source("max_networks") is click.core.ParameterSource.DEFAULT:
        options["max_networks"] = None
    if ctx.get_parameter_source("match") is click.core.ParameterSource.DEFAULT:
        options["match"] = ""  # a budget or a constraint says itself what networks spend
    resolved = grid_defaults(resolve_spending(resolve_training(options)))
    runs = [GridSettings(**resolved | {"phi": exponent}) for exponent in phi]
    require_match(runs[0].match)
    from scalesearch.cli.planning import show_plan  # takes a second to load
    from scalesearch.cli.running import show
    from scalesearch.runs.folder import beginning
    from scalesearch.runs.lifecycle import (
        begin_grid,
        carry_on,
        data_size,
        default_folder,
        judged_as_begun,
        require_place,
        require_scratch_run,
    )
    from scalesearch.runs.planning import grid_plan, with_start

    size = cache(partial(data_size, runs[0].data))
    for asked in runs:
        folder = out or default_folder("grid", asked)
        if out is not None and len(phi) > 1:
            folder = out / f"phi{asked.phi:g}"
        if dry_run:
            planned = judged_as_begun(asked, folder)
            require_scratch_run(planned, folder, size)
            require_place(folder, default_folder("grid", planned).name, "grid", planned)
            with beginning(folder):
                plan = grid_plan(planned, size(), folder)
                show_plan(with_start(plan, None)[0], planned, output_format)
            continue
        with begin_grid(folder, asked, command_line(), size) as run:
            show(carry_on(run), output_format)
