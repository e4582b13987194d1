"""A plan in words, as ``--dry-run`` and the beginning of a run show it: networks, time and memory."""

from __future__ import annotations

from dataclasses import replace

from scalesearch.cli.terminal import echo
from scalesearch.commands.search.run import SearchSettings
from scalesearch.commands.sweep.run import SweepSettings
from scalesearch.networks.spec import Arch
from scalesearch.runs.planning import planned_speed, run_length, tried
from scalesearch.runs.progress import duration
from scalesearch.study.estimate import Estimate, Speed, estimate, run_seconds
from scalesearch.study.grid_plan import GridSettings
from scalesearch.study.plan import Plan
from scalesearch.study.settings import TrainingSettings


def announce_plan(plan: Plan, settings: TrainingSettings, speed: Speed, *, err: bool = True) -> None:
    """Prints a plan in words: what it trains, and what that takes."""
    for line in _plan_lines(plan, settings, _expected(plan, settings, speed)):
        echo(line, err=err)


def show_plan(plan: Plan, settings: TrainingSettings, output_format: str) -> None:
    """Prints what a run would train, how long that takes and how much memory it needs; trains nothing."""
    from scalesearch.cli.terminal import print_table
    from scalesearch.page.parts import counted_parts
    from scalesearch.page.tables import PLAN, NetworkRow

    plan = tried(plan)
    announce_plan(plan, settings, planned_speed(plan, settings), err=output_format != "table")
    for note in plan.notes:
        echo(f"Note: {note}", err=True)
    frame = PLAN.frame(NetworkRow(candidate=planned.record) for planned in plan.chosen)
    heads = {"blocks": counted_parts(settings.to_dict())}
    print_table(frame, output_format, columns=PLAN.cells, heads=heads)


def _expected(plan: Plan, settings: TrainingSettings, speed: Speed) -> Estimate:
    """What a plan takes, the baseline's own training included where the networks are grown from it."""
    networks = estimate(_archs(plan), plan.rungs, settings, speed)
    if not settings.trains_start:
        return networks
    return replace(
        networks,
        seconds=networks.seconds + _baseline_seconds(plan, settings, speed),
        images=networks.images + settings.seeds * plan.rungs[-1].images,
    )


def _baseline_seconds(plan: Plan, settings: TrainingSettings, speed: Speed) -> float:
    """Seconds until all networks have their baseline to grow from."""
    rounds = -(-settings.seeds // settings.jobs)
    return rounds * run_seconds(plan.base, speed, settings, plan.rungs[-1].images)


def _archs(plan: Plan) -> list[Arch]:
    return [planned.arch for planned in plan.chosen]


def _plan_lines(plan: Plan, settings: TrainingSettings, expected: Estimate) -> list[str]:
    """A plan in words: networks, rungs, images, time and memory."""
    networks, macs = len(plan.order), [planned.record.macs for planned in plan.chosen]
    many = f"{settings.seeds} seed{'s' * (settings.seeds > 1)}"
    spread = f"{min(macs) / 1e6:,.2f} to {max(macs) / 1e6:,.2f} M MACs"
    if isinstance(settings, SearchSettings):
        head = [
            f"suggestions          {settings.trials:,} by {settings.sampler}, {settings.batch} at a time, as "
            "it learns from those before",
            f"to be trained        at most {settings.trials:,}, {many}, such as those below: {spread}",
            *(["stopped early        those behind, so that it takes less"] * (settings.pruner != "none")),
        ]
    elif isinstance(settings, SweepSettings):
        head = [f"to be trained        {len(macs):,} networks, the baseline among them, {many}, {spread}"]
    else:
        head = [
            f"grid points          {plan.grid_points:,}, {plan.feasible:,} of them meet the constraint",
            f"distinct networks    {networks:,} ({plan.feasible - networks:,} points round to one of these)",
            f"to be trained        {len(macs):,}, {many}, {spread}",
        ]
    return [
        *head,
        *_start_lines(settings),
        *(
            f"rung {i} of {len(plan.rungs)}          {rung.networks:,} networks to {rung.images:,} images"
            + (f", {rung.seeds} seeds" if rung.seeds > 1 else "")
            for i, rung in enumerate(plan.rungs, start=1)
            if len(plan.rungs) > 1
        ),
        *_design_lines(plan, settings),
        f"each run sees        {run_length(plan, settings)}",
        f"training images      {expected.images:,} in all",
        f"expected time        {_time(settings, expected.seconds)} with {settings.jobs} at a time, "
        f"{settings.threads} thread{'s' * (settings.threads > 1)} each, on this machine as busy as it is now",
        f"expected peak memory {expected.peak_bytes / 2**30:.1f} GiB over all workers",
    ]


def _time(settings: TrainingSettings, seconds: float) -> str:
    """How long it takes; with a time budget no longer than that, or than one design."""
    if not (isinstance(settings, GridSettings) and settings.time_budget):
        return duration(seconds)
    design = seconds / settings.seeds
    return f"{duration(min(seconds, max(design, settings.time_budget)))}, a design {duration(design)},"


def _design_lines(plan: Plan, settings: TrainingSettings) -> list[str]:
    """What a grid trains besides its design, and what may end it sooner."""
    if not isinstance(settings, GridSettings):
        return []
    lines = []
    if settings.time_budget:
        lines.append(
            f"time budget          {duration(settings.time_budget)}: as many whole designs of "
            f"{len(plan.chosen)} runs as end within it, one at least"
        )
    if settings.check_recipe:
        lines.append("recipe check         up to 24 runs more: corners and centre by three other recipes")
    if settings.confirm:
        judged = f"{plan.apart:,} images set apart for them" if plan.apart else "the same held-out images"
        runs = f"up to {3 * settings.confirm} runs more"
        lines.append(f"confirmation         {runs}, with fresh seeds, judged on {judged}")
    return lines


def _start_lines(settings: TrainingSettings) -> list[str]:
    if settings.start is None:
        return []
    seeds = f" with each of {settings.seeds} seeds" if settings.seeds > 1 else ""
    baseline = f"the baseline, trained first for as long as they are{seeds}"
    return [f"grown from           {settings.pretrained or baseline}"]
