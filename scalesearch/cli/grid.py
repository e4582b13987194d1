"""``scalesearch grid``: STEP 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalesearch.cli.grid_options import budget_options, grid_points_options, networks_options
from scalesearch.cli.main import Fail
from scalesearch.cli.options import PHI, config_option, format_option, out_option, require_phi
from scalesearch.cli.spending_options import resolve_spending, spending_options
from scalesearch.cli.training_options import DURATION, START, command_line, resolve_training, training_options
from scalesearch.proxy.dataset import DataSize
from scalesearch.search.grid_plan import GridSettings

if TYPE_CHECKING:
    from scalesearch.search.estimate import Speed

__all__ = ["grid"]

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
@spending_options
@networks_options
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
@click.option(
    "--scratch-run",
    metavar="DIR",
    help="The folder of the same search from scratch: the report of a grown one says whether its start "
    "changed the ranking.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan, its time and memory, and train nothing.")
@training_options(seeds=2)
@START
@out_option("reports/grid-BASELINE-phiPHI")
@format_option
def grid(phi: tuple[float, ...], out: Path | None, output_format: str, dry_run: bool, **options: Any) -> None:
    """STEP 1: search for alpha, beta and gamma at a fixed phi.

    Every grid point that meets |alpha * beta^2 * gamma^2 - 2| <= TOLERANCE is turned into a network. Points
    that round to the same network are merged, and at most --max-networks of the distinct networks are
    trained for a short while and judged on held-out images. The default run takes under ten minutes on
    two cores.

    Rounding makes networks of one product cost about twice as much as one another: --match macs gives all
    of them the same real cost. With several seeds the winner is the set of all networks that a test cannot
    tell from the best; more --seeds tell more of them apart.

    Writes candidates.csv, pareto.csv, runs.csv (each training run) and what else its report is made of,
    report.md, figures/, run.toml and study.db (an Optuna study).
    Calling it again with the same settings, or `scalesearch resume DIR`, goes on where it was stopped.

    \b
    Examples:
      scalesearch grid --phi 1
      scalesearch grid --phi 1 --match macs --seeds 3 --time-budget 30m
      scalesearch grid --phi -1 --match latency --dry-run
      scalesearch grid --budget latency=12ms@threads=2
      scalesearch grid --phi 1 --dataset folder:my/images --max-networks 0 --epochs 10
      scalesearch grid --phi 1 --start grown --scratch-run reports/mine --out reports/mine-grown
      scalesearch grid --phi 1 --baseline-width 1 --pretrained efficientnet_b0.safetensors
      scalesearch grid --config reports/grid-efficientnet-b0-phi1/run.toml --seed 1 --out reports/seed1
    """
    require_phi(phi, options["budget"])
    fit = _choose_rungs(click.get_current_context(), options)
    resolved = resolve_spending(resolve_training(options))
    runs = [GridSettings(**resolved | {"phi": one}) for one in phi]
    from scalesearch.cli.folder import beginning
    from scalesearch.cli.planning import announce_plan, grid_plan, show_plan  # takes a second to load
    from scalesearch.cli.run import begin, carry_on, data_size, require_device
    from scalesearch.cli.starting import scratch_record, with_start

    size = cache(partial(data_size, runs[0].data))
    for one, asked in zip(phi, runs, strict=True):
        name = f"grid-{asked.baseline}-phi{one:g}"
        folder = out or Path("reports") / name
        if out is not None and len(phi) > 1:
            folder = out / f"phi{one:g}"
        if asked.scratch_run is not None:
            scratch_record(Path(asked.scratch_run), one)  # before the data is looked at, which may take long
        with beginning(folder):
            if asked.scratch_run is not None:
                scratch_record(Path(asked.scratch_run), one, (asked.data, size()))
            settings, speed = _with_rungs(asked, folder, size) if fit else (asked, None)
            plan = cache(partial(grid_plan, settings, folder=folder))
            if dry_run:
                require_device(settings.device)
                show_plan(with_start(plan(size()), None)[0], settings, output_format, speed)
                continue
            if speed is not None:
                announce_plan(with_start(plan(size()), None)[0], settings, speed)
        with begin(folder, name, "grid", settings, command_line(), plan, size) as run:
            carry_on(run, output_format)


def _choose_rungs(ctx: click.Context, options: dict[str, Any]) -> bool:
    """Whether the rungs are still to be chosen for a time budget; rungs say how many networks there are."""
    source = click.core.ParameterSource
    given = ctx.get_parameter_source("rungs")
    if options["time_budget"] and given is source.COMMANDLINE:
        raise Fail("--time-budget chooses the rungs: give it or --rungs, not both")
    if ctx.get_parameter_source("max_networks") is source.DEFAULT and (
        options["time_budget"] or options["rungs"]
    ):
        options["max_networks"] = 0
    options["time_budget"] = options["time_budget"] or 0.0
    # A run.toml has both: the time and what was chosen for it, which is what the same run means.
    return bool(options["time_budget"]) and given is source.DEFAULT


def _with_rungs(
    settings: GridSettings, folder: Path, size: Callable[[], DataSize]
) -> tuple[GridSettings, Speed | None]:
    """The settings with their rungs: those of the run that is there already, where it had the same budget.

    Otherwise they are chosen, and the speed is returned that was measured for it.
    """
    from scalesearch.cli.folder import recorded_settings
    from scalesearch.cli.planning import fit_time_budget

    there = recorded_settings(folder, "grid")
    if there is not None and there.get("time_budget") == settings.time_budget:
        return replace(settings, rungs=tuple(there["rungs"]), max_networks=there["max_networks"]), None
    return fit_time_budget(settings, size(), folder)
