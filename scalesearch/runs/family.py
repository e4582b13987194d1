"""``scalesearch scale --train`` in its folder: the family derived, told how long it takes, trained."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

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
from scalesearch.runs.deriving import derive
from scalesearch.runs.folder import read_run_file
from scalesearch.runs.lifecycle import Run, begin
from scalesearch.runs.planning import planned_speed, run_length
from scalesearch.runs.progress import duration
from scalesearch.runs.telling import say
from scalesearch.study.estimate import Speed, estimate, run_seconds
from scalesearch.study.plan import Plan
from scalesearch.training.dataset import DataSize

KIND = "scale"


def family_settings(resolved: Mapping[str, Any], *, phi_given: bool) -> FamilyTrainingSettings:
    """The settings of resolved options, the phis chosen that were not given.

    A budget's greatest phi is added to them. Where neither ``phi`` nor ``train_phi`` was given, those of the
    derivation that take minutes are trained.

    Raises:
        ValueError: if a setting is wrong, or the coefficients cannot bring a network to the budget.
    """
    asked = resolved["train_phi"]
    settings = FamilyTrainingSettings(**dict(resolved) | {"train_phi": asked or TRAINED_PHIS[:1]})
    settings = replace(settings, phi=with_affordable_phi(settings.derived).phis)
    few = () if phi_given or settings.budget else tuple(p for p in settings.phi if p in TRAINED_PHIS)
    return replace(settings, train_phi=asked or few or settings.phi)


def default_folder(settings: FamilyTrainingSettings) -> Path:
    """Where the trained family is kept if nobody says."""
    return Path("reports") / f"{_name(settings)}-trained"


def _name(settings: FamilyTrainingSettings) -> str:
    return f"{KIND}-{settings.baseline}"


def begin_family(folder: Path, settings: FamilyTrainingSettings, command: str) -> AbstractContextManager[Run]:
    """Opens or begins the training of a family in ``folder``, which is derived and told of first.

    Arguments and errors are those of :func:`scalesearch.runs.lifecycle.begin`.
    """
    started, name = time.perf_counter(), _name(settings)

    def planned(found: DataSize) -> Plan:
        plan = plan_family(settings, found)
        if read_run_file(folder).get(KIND) is None:
            for line in plan_lines(settings, plan, found, planned_speed(plan, settings)):
                say(line)
        # What is trained may be taken where the full size is not.
        whole = settings.derived
        able = tuple(phi for phi, arch in family_archs(whole).items() if not refusal(arch))
        whole = replace(whole, phis=able or (0.0,))
        derivation = derive(whole, folder, name=name, command=command, started=started)
        return replace(plan, derivation=asdict(derivation))

    return begin(folder, name, KIND, settings, command, planned)


def plan_rows(
    settings: FamilyTrainingSettings, plan: Plan, size: DataSize, speed: Speed
) -> list[dict[str, Any]]:
    """A row for each network of the derivation and of the training, at the size that is trained."""
    trained = {planned.record.phi for planned in plan.chosen}
    return [
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


def plan_lines(settings: FamilyTrainingSettings, plan: Plan, size: DataSize, speed: Speed) -> list[str]:
    """What is trained, what each network takes, and what those take that are not trained."""
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
    return lines


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
