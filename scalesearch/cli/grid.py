"""``scalesearch grid``: STEP 1."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from scalesearch.cli.main import Fail
from scalesearch.cli.options import PHI, Decorator, config_option, format_option, group, out_option
from scalesearch.cli.training_options import DURATION, command_line, resolve_training, training_options
from scalesearch.search.grid_plan import CONSTRAINTS, MATCH_BY, MATCHES, GridSettings

__all__ = ["budget_options", "grid", "grid_points_options"]

DEFAULT = GridSettings()


def _bound(name: str, end: str) -> Decorator:
    field = f"{name}_{end}"
    return click.option(
        f"--{name}-{end}",
        type=float,
        default=getattr(DEFAULT, field),
        show_default=True,
        help=f"{'Least' if end == 'min' else 'Greatest'} {name} on the grid.",
    )


grid_points_options = group(
    _bound("alpha", "min"),
    _bound("alpha", "max"),
    _bound("beta", "min"),
    _bound("beta", "max"),
    _bound("gamma", "min"),
    _bound("gamma", "max"),
    click.option(
        "--step", type=float, default=DEFAULT.step, show_default=True, help="Distance of grid points."
    ),
    click.option(
        "--tolerance",
        type=float,
        default=DEFAULT.tolerance,
        show_default=True,
        help="Greatest |alpha * beta^2 * gamma^2 - 2|. Below 0.08 the paper's own (1.2, 1.1, 1.15) is out.",
    ),
)

budget_options = group(
    click.option(
        "--constraint",
        type=click.Choice(CONSTRAINTS),
        default=DEFAULT.constraint,
        show_default=True,
        help="What a grid point must meet: the paper's product of coefficients, or a budget that the network "
        "as built must spend to within --budget-tolerance of 2^phi times the baseline.",
    ),
    click.option(
        "--match",
        type=click.Choice(MATCHES),
        default=DEFAULT.match,
        show_default=True,
        help="Repair each network so that all spend the same of this, 2^phi times the baseline: MACs, "
        "parameters, activations, bytes of a training step at its peak, or measured latency.",
    ),
    click.option(
        "--match-by",
        type=click.Choice(MATCH_BY),
        default=DEFAULT.match_by,
        show_default=True,
        help="The dimension that is solved for; auto is resolution, and width for params.",
    ),
    click.option(
        "--budget-tolerance",
        type=float,
        default=DEFAULT.budget_tolerance,
        show_default=True,
        help="How far from a budget a network may be, relative to it.",
    ),
)


class _RungList(click.ParamType[tuple[str, ...]]):
    """The steps of successive halving, as the settings keep them."""

    name = "rungs"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, list | tuple):
            return tuple(str(step) for step in value)
        return () if value == "none" else tuple(str(value).split(","))


@click.command
@config_option
@click.option(
    "--phi",
    type=PHI,
    default="1",
    show_default=True,
    help="Compound exponent to search at, any number: -1 asks for half the compute. With several, one run "
    "each.",
)
@grid_points_options
@budget_options
@click.option(
    "--max-networks",
    type=click.IntRange(min=0),
    default=DEFAULT.max_networks,
    show_default=True,
    help="Train at most this many distinct networks, spread as far apart as can be; 0 trains all.",
)
@click.option(
    "--anchor",
    default=DEFAULT.anchor,
    show_default=True,
    help="A triple that is trained in any case if the grid holds it, or none.",
)
@click.option(
    "--rungs",
    type=_RungList(),
    default=",".join(DEFAULT.rungs) or "none",
    show_default=True,
    help="Successive halving: NETWORKS:SHARE steps such as 65:0.125,16:0.5,5:1 train 65 networks to an "
    "eighth of the length, the best 16 of them on to half, the best 5 to the end with all seeds.",
)
@click.option(
    "--time-budget",
    type=DURATION,
    help="Wall-clock time such as 10m. The rungs and the number of networks are chosen for it, by timing a "
    "few batches first.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan, its time and memory, and train nothing.")
@training_options(seeds=2)
@out_option("reports/grid-BASELINE-phiPHI")
@format_option
def grid(phi: tuple[float, ...], out: Path | None, output_format: str, dry_run: bool, **options: Any) -> None:
    """STEP 1: search for alpha, beta and gamma at a fixed phi.

    Every grid point that meets |alpha * beta^2 * gamma^2 - 2| <= TOLERANCE is turned into a network. Points
    that round to the same network are merged, and at most --max-networks of the distinct networks are
    trained for a short while and judged on held-out images. The default run takes under ten minutes on
    two cores.

    Rounding makes networks of one product cost up to twice as much as one another: --match macs gives all
    of them the same real cost. With several seeds the winner is the set of all networks that a test cannot
    tell from the best; more --seeds tell more of them apart.

    Writes candidates.csv, pareto.csv, report.md, figures/, run.toml and study.db (an Optuna study).
    Calling it again with the same settings, or `scalesearch resume DIR`, goes on where it was stopped.

    \b
    Examples:
      scalesearch grid --phi 1
      scalesearch grid --phi 1 --match macs --seeds 3 --time-budget 30m
      scalesearch grid --phi -1 --match latency --dry-run
      scalesearch grid --phi 1 --dataset folder:my/images --max-networks 0 --epochs 10
      scalesearch grid --config reports/grid-efficientnet-b0-phi1/run.toml --seed 1 --out reports/seed1
    """
    _choose_rungs(click.get_current_context(), options)
    resolved = resolve_training(options)
    runs = [GridSettings(**resolved | {"phi": one}) for one in phi]
    from scalesearch.cli.planning import grid_plan, show_plan  # after the checks: it takes a second to load
    from scalesearch.cli.run import begin, carry_on, data_size, empty_grid_as_exit_3, require_device

    for one, asked in zip(phi, runs, strict=True):
        name = f"grid-{asked.baseline}-phi{one:g}"
        folder = out or Path("reports") / name
        if out is not None and len(phi) > 1:
            folder = out / f"phi{one:g}"
        with empty_grid_as_exit_3():
            settings = _with_rungs(asked, folder, announce=not dry_run)
            if dry_run:
                require_device(settings.device)
                show_plan(grid_plan(settings, data_size(settings.data)), settings, output_format)
                continue
        plan = partial(grid_plan, settings)
        with begin(folder, name, "grid", settings, command_line(), plan) as run:
            carry_on(run, output_format)


def _choose_rungs(ctx: click.Context, options: dict[str, Any]) -> None:
    """A time budget chooses the rungs itself; rungs say how many networks there are."""
    given = ctx.get_parameter_source("rungs") is click.core.ParameterSource.COMMANDLINE
    if options["time_budget"] and given:
        raise Fail("--time-budget chooses the rungs: give it or --rungs, not both")
    if ctx.get_parameter_source("max_networks") is click.core.ParameterSource.DEFAULT and (
        options["time_budget"] or options["rungs"]
    ):
        options["max_networks"] = 0
    options["time_budget"] = options["time_budget"] or 0.0


def _with_rungs(settings: GridSettings, folder: Path, *, announce: bool) -> GridSettings:
    """The settings with their rungs: those of the run that is there already, where it had the same budget."""
    if not settings.time_budget:
        return settings
    from dataclasses import replace

    from scalesearch.cli.folder import recorded_settings
    from scalesearch.cli.planning import fit_time_budget
    from scalesearch.cli.run import data_size

    there = recorded_settings(folder, "grid")
    if there is not None and there.get("time_budget") == settings.time_budget:
        return replace(settings, rungs=tuple(there["rungs"]), max_networks=there["max_networks"])
    return fit_time_budget(settings, data_size(settings.data), announce=announce)
