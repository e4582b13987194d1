"""``scalesearch grid``: STEP 1."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import click

from scalesearch.cli.grid_options import budget_options, grid_points_options, networks_options
from scalesearch.cli.help import Command, Topic, option
from scalesearch.cli.options import (
    DURATION,
    PHI,
    START,
    command_line,
    config_option,
    format_option,
    out_option,
    require_phi,
    resolve_spending,
    resolve_training,
    spending_options,
    training_options,
)
from scalesearch.cli.terminal import NumberWithin, Whole
from scalesearch.runs.defaults import (
    MOST_SEEDS,
    REGRET_ON_CPU,
    REGRET_ON_GPU,
    SEEDS_ON_CPU,
    SEEDS_ON_GPU,
    grid_defaults,
)
from scalesearch.study.grid_plan import GridSettings

DEFAULT = GridSettings()


class _RungList(click.ParamType[tuple[str, ...]]):
    """The steps of successive halving, as the settings keep them."""

    name = "rungs"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, list | tuple):
            return tuple(str(step) for step in value)
        return () if value == "none" else tuple(str(value).split(","))


@click.command(cls=Command)
@config_option
@option(
    "--phi",
    group=Topic.SPACE,
    common=True,
    type=PHI,
    default="1",
    help="How much compute: the networks cost 2^phi times the baseline. 1 doubles it, -1 halves it; any "
    "number will do, and several such as 0.5,1 make one run each.",
)
@grid_points_options
@budget_options(DEFAULT.match)
@spending_options
@networks_options
@option(
    "--rungs",
    group=Topic.BUDGET,
    type=_RungList(),
    default=",".join(DEFAULT.rungs) or "none",
    help="Successive halving: NETWORKS:SHARE steps such as 65:0.125,16:0.5,5:1 train 65 networks to an "
    "eighth of the length, the best 16 of them on to half, the best 5 to the end with all seeds.",
)
@option(
    "--time-budget",
    group=Topic.BUDGET,
    common=True,
    type=DURATION,
    help="Time to spend, such as 10m: as many seeds of all networks are trained as end within "
    "it, one at least.",
)
@option(
    "--regret",
    group=Topic.BUDGET,
    type=NumberWithin(min=0),
    help="Train no more seeds once the best split can be at most so many points of top-1 behind any other.  "
    f"[default: {REGRET_ON_CPU} on a CPU, {REGRET_ON_GPU} on a GPU]",
)
@option(
    "--check-recipe",
    group=Topic.TRAINING,
    is_flag=True,
    help="Train some networks at half and twice the learning rate and with twice the batch, too: does "
    "another recipe turn the order?",
)
@option(
    "--confirm",
    group=Topic.TRAINING,
    common=True,
    type=Whole(min=0),
    default=0,
    help="When the answer is there, train the best split, the runner-up and the paper's with so many new "
    "seeds, and compare the gain with what was predicted.",
)
@option(
    "--scratch-run",
    group=Topic.TRAINING,
    metavar="DIR",
    help="With --start grown: the folder of the same search from scratch, so that the report can say whether "
    "the start changed the ranking.",
)
@option(
    "--dry-run",
    group=Topic.OUTPUT,
    common=True,
    is_flag=True,
    help="Print the plan, its time and memory, and train nothing.",
)
@training_options(
    seeds=None,
    seeds_help=f"{SEEDS_ON_CPU} on a CPU, {SEEDS_ON_GPU} on a GPU, up to {MOST_SEEDS} with --time-budget",
)
@START
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
    from scalesearch.cli.planning import show_plan  # takes a second to load
    from scalesearch.cli.running import show
    from scalesearch.runs.folder import beginning
    from scalesearch.runs.lifecycle import (
        begin_grid,
        carry_on,
        data_size,
        default_folder,
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
            require_scratch_run(asked, folder, size)
            require_place(folder, default_folder("grid", asked).name, "grid", asked)
            with beginning(folder):
                plan = grid_plan(asked, size(), folder)
                show_plan(with_start(plan, None)[0], asked, output_format)
            continue
        with begin_grid(folder, asked, command_line(), size) as run:
            show(carry_on(run), output_format)
