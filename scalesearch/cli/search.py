"""``scalesearch search``: a sampler instead of a grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scalesearch.cli.grid_options import match_options
from scalesearch.cli.help import Command, Topic, option
from scalesearch.cli.options import (
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
from scalesearch.cli.terminal import NUMBER, Choice, Whole
from scalesearch.commands.search.run import (
    OBJECTIVES,
    PRUNERS,
    SAMPLERS,
    SEARCH_MATCHES,
    SearchSettings,
    plan_search,
    with_examples,
    with_reward_target,
)

DEFAULT = SearchSettings()


class _ObjectiveList(click.ParamType[tuple[str, ...]]):
    """Objectives by name, as the settings keep them."""

    name = "objectives"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        parts = value if isinstance(value, list | tuple) else str(value).split(",")
        return tuple(str(part).strip() for part in parts)


@click.command(cls=Command)
@config_option
@option(
    "--phi",
    group=Topic.SPACE,
    common=True,
    type=NUMBER,
    default=DEFAULT.phi,
    help="How much compute: the networks cost about 2^phi times the baseline, by the rule and its rounding, "
    "and just that with --match macs. 1 doubles it, -1 halves it; any number will do.",
)
@option(
    "--sampler",
    group=Topic.SPACE,
    common=True,
    type=Choice(SAMPLERS),
    default=DEFAULT.sampler,
    help="tpe: tree-structured Parzen estimator. gp: Gaussian process. nsga2: the genetic algorithm NSGA-II. "
    "random: uniform. qmc: a Sobol' sequence, spread evenly.",
)
@option(
    "--trials",
    group=Topic.SPACE,
    common=True,
    type=Whole(min=1),
    default=DEFAULT.trials,
    help="How many splits are suggested. One that rounds to a network already trained costs nothing.",
)
@option(
    "--objectives",
    group=Topic.SPACE,
    common=True,
    type=_ObjectiveList(),
    default=",".join(DEFAULT.objectives),
    metavar="LIST",
    help=f"What is optimised, with commas between them: {', '.join(OBJECTIVES)}; top1 or reward comes first. "
    "top1,macs asks for the trade-off between accuracy and multiply-adds.",
)
@option(
    "--batch",
    group=Topic.SPACE,
    type=Whole(min=1),
    default=DEFAULT.batch,
    help="How many splits are suggested at a time. A batch sees the results of those before it, whatever "
    "--jobs is.",
)
@option(
    "--seed-points/--no-seed-points",
    group=Topic.SPACE,
    default=DEFAULT.seed_points,
    help="Try the splits of the paper's (1.2, 1.1, 1.15) and of the width-heavy rule (80% to width) first.",
)
@match_options(SEARCH_MATCHES, DEFAULT.match)
@spending_options
@option(
    "--reward-target",
    group=Topic.SPACE,
    type=NUMBER,
    default=DEFAULT.reward_target,
    help="MACs at which the reward top1 * (MACs / TARGET)^WEIGHT is top1 itself.  [default: 2^phi times the "
    "baseline's]",
)
@option(
    "--reward-weight",
    group=Topic.SPACE,
    type=NUMBER,
    default=DEFAULT.reward_weight,
    help="Exponent of the reward, at most 0. The paper's: twice the MACs for 5% more accuracy.",
)
@option(
    "--pruner",
    group=Topic.SPACE,
    type=Choice(PRUNERS),
    default=DEFAULT.pruner,
    help="Stop networks early that are behind at a quarter or at half of their training: behind the median "
    "of the finished ones, or in the worse half of all.",
)
@option(
    "--dry-run",
    group=Topic.OUTPUT,
    common=True,
    is_flag=True,
    help="Print what would be trained, its time and memory, and train nothing.",
)
@training_options()
@START
@out_option("reports/search-BASELINE-phiPHI")
@format_option
def search(phi: float, out: Path | None, output_format: str, dry_run: bool, **options: Any) -> None:
    """STEP 1 without a grid: a sampler suggests how to share the compute.

    A suggestion is three shares that add up to 1: a of the growth in cost for depth, b for width, c for
    resolution. Then alpha = 2^a, beta = 2^(b/2), gamma = 2^(c/2), and alpha * beta^2 * gamma^2 is 2
    exactly: no suggestion is wasted. All samplers but random and qmc learn from the results before.

    Writes trials.csv, front.csv, runs.csv, report.md, figures/, run.toml and study.db (an Optuna study).
    Calling it again with the same settings, or `scalesearch resume DIR`, goes on where it was stopped, and
    ends with the same suggestions as if it had not been (a measured latency as an objective aside).

    \b
    Examples:
      scalesearch search --phi 1 --trials 20
      scalesearch search --phi 1 --trials 20 --dry-run
      scalesearch search --phi 1 --sampler nsga2 --objectives top1,macs
      scalesearch search --phi 1 --sampler gp --match macs --pruner halving
      scalesearch search --phi -1 --objectives reward
      scalesearch search --budget latency=12ms --trials 20
    """
    require_phi((phi,), options["budget"])
    settings = SearchSettings(**resolve_spending(resolve_training(options)) | {"phi": phi})
    from scalesearch.cli.planning import show_plan  # after the checks: it takes a second to load
    from scalesearch.cli.running import show
    from scalesearch.runs.lifecycle import begin_search, carry_on, data_size, default_folder, require_place
    from scalesearch.runs.planning import start_network

    folder = out or default_folder("search", settings)
    if dry_run:
        size = data_size(settings.data)
        settings = with_reward_target(settings, size)
        require_place(folder, default_folder("search", settings).name, "search", settings)
        plan = plan_search(settings, size, start_network(settings, size.classes, folder))
        show_plan(with_examples(plan, settings), settings, output_format)
        return
    with begin_search(folder, settings, command_line()) as run:
        show(carry_on(run), output_format)
