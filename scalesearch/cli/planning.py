"""A plan in words, as ``--dry-run`` and the beginning of a run show it: networks, time and memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scalesearch.cli.terminal import echo
from scalesearch.commands.search.run import SearchSettings
from scalesearch.commands.sweep.run import SweepSettings
from scalesearch.networks.spec import Arch
from scalesearch.runs.fidelity import LengthPlan
from scalesearch.runs.planning import planned_speed, run_length, tried
from scalesearch.runs.progress import duration
from scalesearch.study.estimate import Estimate, Speed, estimate, run_seconds
from scalesearch.study.grid_plan import GridSettings
from scalesearch.study.plan import Plan
from scalesearch.study.settings import LengthSettings, TrainingSettings


def announce_plan(plan: Plan, settings: TrainingSettings, speed: Speed, *, err: bool = True) -> None:
    """Prints a plan in words: what it trains, and what that takes."""
    for line in _plan_lines(plan, settings, _expected(plan, settings, speed)):
        echo(line, err=err)


def show_plan(plan: Plan, settings: TrainingSettings, output_format: str) -> None:
    """Prints what a run would train, how long that takes and how much memory it needs; trains nothing."""
    plan = tried(plan)
    announce_plan(plan, settings, planned_speed(plan, settings), err=output_format != "table")
    _show_networks(plan, output_format)


def _show_networks(plan: Plan, output_format: str) -> None:
    """Prints the networks of a plan as a table, and how a user's own are trained."""
    from scalesearch.cli.terminal import print_table
    from scalesearch.page.parts import counted_parts
    from scalesearch.page.tables import PLAN, NetworkRow

    for note in plan.notes:
        echo(f"Note: {note}", err=True)
    frame = PLAN.frame(NetworkRow(candidate=planned.record) for planned in plan.chosen)
    heads = {"blocks": counted_parts(plan.settings.to_dict())}
    print_table(frame, output_format, columns=PLAN.cells, heads=heads)


def show_rounds(plan: Plan, later: Plan | None, rounds: int, output_format: str) -> None:
    """Prints what the first of several rounds would train, and what each later one may take; trains nothing.

    Args:
        plan: of the first round.
        later: of one at the phi that the budget may come to; None where nobody knows.
        rounds: the most there can be.
        output_format: ``table``, ``csv`` or ``json``.
    """
    plan, err = tried(plan), output_format != "table"
    speed = planned_speed(plan, plan.settings)
    echo(f"rounds               at most {rounds:,}, the first at phi {plan.phi:g}:", err=err)
    announce_plan(plan, plan.settings, speed, err=err)
    if rounds > 1:
        known = "at the phi that the budget then allows"
        if later is not None:
            time = duration(_expected(later, later.settings, speed).seconds)
            known = f"{time} for {len(later.chosen):,} networks, {known}: {later.phi:.2g} by the paper's rule"
        echo(f"each later round     {known}", err=err)
    _show_networks(plan, output_format)


def show_lengths(lengths: Sequence[LengthPlan], output_format: str) -> None:
    """Prints what networks of a run would be trained for other lengths, and for how long; trains nothing.

    Args:
        lengths: the plan of each, and what is left of it.
        output_format: ``table``, ``csv`` or ``json``.
    """
    lengths = [_tried(length) for length in lengths]
    err, longest = output_format != "table", lengths[-1].whole
    settings = longest.settings
    left = [length.left for length in lengths if length.left is not None]
    speed = planned_speed(left[-1], settings) if left else None
    expected = [
        None if speed is None or length.left is None else _expected(length.left, settings, speed)
        for length, settings in ((length, length.whole.settings) for length in lengths)
    ]
    macs = [planned.record.macs for planned in longest.chosen]
    every, undone = sum(map(_runs, lengths)), sum(length.runs_left for length in lengths)
    lines = [
        f"networks             {len(macs):,} of the run's, {_seeds(settings)}, {_spread(macs)}",
        *(_length_line(length, each) for length, each in zip(lengths, expected, strict=True)),
        f"training runs        {every:,} in all" + (f", {undone:,} of them left" * (undone < every)),
    ]
    if takes := [each for each in expected if each is not None]:
        time, peak = sum(each.seconds for each in takes), max(each.peak_bytes for each in takes)
        lines += _resources(settings, duration(time), peak)
    for line in lines:
        echo(line, err=err)
    _show_networks(longest, output_format)


def _tried(length: LengthPlan) -> LengthPlan:
    """A length without the networks that can't be trained; what was begun is known to be."""
    if length.left is not length.whole:
        return length
    plan = tried(length.whole)
    return replace(length, whole=plan, left=plan, runs_left=len(plan.chosen) * plan.settings.seeds)


def _runs(length: LengthPlan) -> int:
    return len(length.whole.chosen) * length.whole.settings.seeds


def _length_line(length: LengthPlan, expected: Estimate | None) -> str:
    settings, runs = length.whole.settings, _runs(length)
    assert isinstance(settings, LengthSettings)  # as it is planned for one
    many = f"{runs:,} runs" if length.runs_left == runs else f"{length.runs_left:,} of {runs:,} runs left"
    time = "" if expected is None else f", {duration(expected.seconds)}"
    multiple = f"{settings.multiple:g} times as long"
    return f"{multiple:20} {run_length(length.whole, settings)}: {many}{time}"


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
    many, spread = _seeds(settings), _spread(macs)
    if isinstance(settings, SearchSettings):
        head = [
            f"suggestions          {settings.trials:,} by {settings.sampler}, {settings.batch} at a time, as "
            "it learns from those before",
            f"to be trained        at most {settings.trials:,}, {many}, such as those below: {spread}",
            *(["stopped early        those behind, so that it takes less"] * (settings.pruner != "none")),
        ]
    elif isinstance(settings, SweepSettings):
        head = [
            f"to be trained        {len(macs):,} networks, the baseline among them, {many}, {spread}",
            *(
                f"one network          at phi {record.phi:g}: {record.role}"
                for record in (planned.record for planned in plan.chosen)
                if len(record.roles) > 1
            ),
            *(
                f"not trained again    {record.role} at phi {record.phi:g}: {record.reason}"
                for record in plan.skipped
            ),
        ]
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
        *_resources(settings, _time(settings, expected.seconds), expected.peak_bytes),
    ]


def _resources(settings: TrainingSettings, time: str, peak_bytes: int) -> list[str]:
    """What training takes of the machine, in words."""
    return [
        f"expected time        {time} with {settings.jobs} at a time, {settings.threads} "
        f"thread{'s' * (settings.threads > 1)} each, on this machine as busy as it is now",
        f"expected peak memory {peak_bytes / 2**30:.1f} GiB over all workers",
    ]


def _seeds(settings: TrainingSettings) -> str:
    return f"{settings.seeds} seed{'s' * (settings.seeds > 1)}"


def _spread(macs: Sequence[int]) -> str:
    return f"{min(macs) / 1e6:,.2f} to {max(macs) / 1e6:,.2f} M MACs"


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
