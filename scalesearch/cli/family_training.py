"""``scalesearch scale --train``: planned, told how long it takes, trained, reported."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from scalesearch.cli.planning import plan_frame, run_length
from scalesearch.cli.running import carry_on
from scalesearch.cli.terminal import echo, print_table
from scalesearch.commands.scale.run import (
    TRAINED_PHIS,
    FamilyTrainingSettings,
    family_archs,
    plan_family,
    with_affordable_phi,
)
from scalesearch.networks.cost import block_count, count
from scalesearch.networks.matching import refusal
from scalesearch.networks.scaled import compound
from scalesearch.networks.spec import Arch
from scalesearch.page.parts import counted_parts
from scalesearch.runs.deriving import derive
from scalesearch.runs.folder import recorded_settings
from scalesearch.runs.lifecycle import begin, data_size, require_device
from scalesearch.runs.planning import planned_speed, tried
from scalesearch.runs.progress import duration
from scalesearch.study.estimate import Speed, estimate, run_seconds
from scalesearch.study.plan import Plan
from scalesearch.training.dataset import DataSize

PLAN_COLUMNS = {
    "phi": "{:g}",
    "resolution": "{:d} px",
    "blocks": "{:d}",
    "params": "{:,d}",
    "macs": "{:,d}",
    "expected_s": "{:,.0f} s",
    "trained": "{}",
}


def family_training_settings(resolved: dict[str, Any], *, phi_given: bool) -> FamilyTrainingSettings:
    """The settings of resolved options, the phis chosen that were not given.

    A budget's greatest phi is added to them. Where neither ``phi`` nor ``train_phi`` was given, those of the
    derivation that take minutes are trained.

    Raises:
        ValueError: if a setting is wrong, or the coefficients cannot bring a network to the budget.
    """
    asked = resolved.pop("train_phi")
    settings = FamilyTrainingSettings(**resolved, train_phi=asked or TRAINED_PHIS[:1])
    settings = replace(settings, phi=with_affordable_phi(settings.derived).phis)
    few = () if phi_given or settings.budget else tuple(p for p in settings.phi if p in TRAINED_PHIS)
    return replace(settings, train_phi=asked or few or settings.phi)


def train_family(
    settings: FamilyTrainingSettings, out: Path | None, command: str, output_format: str, *, dry_run: bool
) -> None:
    """Derives the family, trains its networks and writes the report; with ``dry_run`` only the plan is told.

    Raises:
        Fail: if the folder holds another run.
        ValueError: if the data or the device cannot be used.
    """
    started = time.perf_counter()
    name = f"scale-{settings.baseline}"
    folder = out or Path("reports") / f"{name}-trained"
    size = cache(partial(data_size, settings.data))
    if dry_run:
        require_device(settings.device)
        _show_plan(settings, plan_family(settings, size()), size(), output_format)
        return

    def planned(found: DataSize) -> Plan:
        plan = plan_family(settings, found)
        if recorded_settings(folder, "scale") is None:
            _announce(settings, plan, found, planned_speed(plan, settings), err=True)
        # What is trained may be taken where the full size is not.
        whole = settings.derived
        able = tuple(phi for phi, arch in family_archs(whole).items() if not refusal(arch))
        whole = replace(whole, phis=able or (0.0,))
        derivation = derive(whole, folder, name=name, command=command, started=started)
        return replace(plan, derivation=asdict(derivation))

    with begin(folder, name, "scale", settings, command, planned, size) as run:
        carry_on(run, output_format)


def _show_plan(settings: FamilyTrainingSettings, plan: Plan, size: DataSize, output_format: str) -> None:
    plan = tried(plan)
    speed = planned_speed(plan, settings)
    _announce(settings, plan, size, speed, err=output_format != "table")
    for note in plan.notes:
        echo(f"Note: {note}", err=True)
    trained = {planned.record.phi for planned in plan.chosen}
    rows = [
        {
            "phi": phi,
            "resolution": arch.resolution,
            "resolution_width": arch.resolution_width,
            "blocks": block_count(arch),
            "params": count(arch).params,
            "macs": count(arch).macs,
            "expected_s": _expected(arch, settings, plan, speed),
            "trained": "yes" if phi in trained else "no",
        }
        for phi, arch in _archs(settings, size).items()
    ]
    heads = {"blocks": counted_parts(settings.to_dict())}
    print_table(plan_frame(rows), output_format, columns=PLAN_COLUMNS, heads=heads)


def _announce(
    settings: FamilyTrainingSettings, plan: Plan, size: DataSize, speed: Speed, *, err: bool
) -> None:
    """Prints what is trained, what each network takes, and what those take that are not trained."""
    archs = [planned.arch for planned in plan.chosen]
    expected = estimate(archs, plan.rungs, settings, speed)
    left_out = [phi for phi in settings.phi if phi not in settings.train_phi]
    lines = [
        f"to be trained        phi {_listed(settings.train_phi)}, {settings.seeds} "
        f"seed{'s' * (settings.seeds > 1)} each",
        f"each run sees        {run_length(plan, settings)}",
    ]
    for phi, arch in _archs(settings, size).items():
        note = "" if phi in settings.train_phi else ", not trained"
        across = "" if arch.resolution_width is None else f"x{arch.resolution_width}"
        lines.append(
            f"{f'  phi {phi:g}':<21}{count(arch).macs / 1e6:,.2f} M MACs at {arch.resolution}{across} px: "
            f"about {duration(_expected(arch, settings, plan, speed))} of training{note}"
        )
    lines += [
        f"expected time        {duration(expected.seconds)} with {settings.jobs} at a time, "
        f"{settings.threads} thread{'s' * (settings.threads > 1)} each, on this machine as busy as it is now",
        f"expected peak memory {expected.peak_bytes / 2**30:.1f} GiB over all workers",
    ]
    if left_out:
        lines.append(f"--train-phi {_listed(settings.phi).replace(' ', '')} trains those left out too")
    for line in lines:
        echo(line, err=err)


def _archs(settings: FamilyTrainingSettings, size: DataSize) -> dict[float, Arch]:
    """The networks of the derivation's phis and of the trained ones, at the size of the trained ones.

    Those are left out that a user's own code refuses to be.
    """
    base = settings.proxy_baseline(size.classes)
    phis = sorted({*settings.phi, *settings.train_phi})
    archs = {phi: compound(base, settings.coefficients, phi, settings.proxy_rounding) for phi in phis}
    return {phi: arch for phi, arch in archs.items() if not refusal(arch)}


def _expected(arch: Arch, settings: FamilyTrainingSettings, plan: Plan, speed: Speed) -> float:
    """Seconds of training of one network with all its seeds, one after the other."""
    return settings.seeds * run_seconds(arch, speed, settings, plan.rungs[-1].images)


def _listed(phis: Sequence[float]) -> str:
    return ", ".join(f"{phi:g}" for phi in phis)
