"""Which networks a run trains, for how long, from which start."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from scalesearch.networks.cost import block_count, count, inference_bytes, training_bytes
from scalesearch.networks.growth import why_not
from scalesearch.networks.matching import (
    Shape,
    cost_if_taken,
    deepened,
    none_left,
    refusal,
    require_base,
    shape_of,
    skipping,
    way_out,
)
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Arch, RefusedError
from scalesearch.plain import typed
from scalesearch.records import BudgetRecord, CandidateRecord, RungRecord
from scalesearch.scaling import Coefficients, Multipliers
from scalesearch.study.settings import TrainingSettings
from scalesearch.training.dataset import DataSize
from scalesearch.training.recipe import RECIPES, ProxyRecipe

# ----------------------------------------------------------------------------------------------------
# Successive halving (arXiv 1502.07943): many networks for a short while, the best of them for longer.
#
# A rung is a share of the recipe's length. All networks of a rung train to it, then those that are ahead
# train on from where they stopped. The first rungs are climbed with the first seed alone; at the last one
# the other seeds follow.


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """At most ``networks`` networks train on to ``share`` of the recipe's length."""

    networks: int
    share: float


def parse_rungs(texts: Sequence[str]) -> tuple[Rung, ...]:
    """Rungs written as ``NETWORKS:SHARE``, such as ``65:0.125``, ``16:0.5``, ``5:1``.

    Raises:
        ValueError: unless networks fall, shares rise, and the last share is 1.
    """
    shown = ",".join(texts)
    rule = "must be NETWORKS:SHARE steps with fewer networks and a greater share each, the last share 1, such"
    wrong = ValueError(f"`rungs` {rule} as 65:0.125,16:0.5,5:1, or none, got {shown!r}")
    rungs = []
    for text in texts:
        networks, _, share = text.partition(":")
        try:
            rungs.append(Rung(networks=int(networks), share=float(share)))
        except ValueError:
            raise wrong from None
    shares, counts = [rung.share for rung in rungs], [rung.networks for rung in rungs]
    falling = all(a > b for a, b in itertools.pairwise(counts)) and all(n >= 1 for n in counts)
    rising = all(0 < a < b for a, b in itertools.pairwise(shares))
    if rungs and not (falling and rising and shares[-1] == 1):
        raise wrong
    return tuple(rungs)


def planned_rungs(
    rungs: Sequence[Rung], *, networks: int, images: int, batch_size: int, seeds: int
) -> tuple[RungRecord, ...]:
    """The rungs of a run of that many networks; without any, all of them train the whole length.

    A rung's length is a whole number of batches, at least one.
    """
    steps = images // batch_size
    records: list[RungRecord] = []
    for rung in rungs or (Rung(networks=networks, share=1.0),):
        last = rung.share == 1
        length = steps if last else max(1, min(steps - 1, round(steps * rung.share)))
        if records and length * batch_size <= records[-1].images:
            if not last:
                continue  # so short a run has no room for this rung
            # A run of one batch has no room for any: all networks train its whole length.
            records = [replace(records[-1], seeds=seeds)]
            break
        records.append(
            RungRecord(
                images=length * batch_size,
                networks=min(networks, rung.networks),
                seeds=seeds if last else 1,
            )
        )
    return tuple(records)


def whole_runs(ladder: Sequence[tuple[int, float]], seeds: int) -> float:
    """The cost of a ladder of (networks, share of the length) in whole training runs."""
    total, before = 0.0, 0.0
    for networks, share in ladder:
        total += networks * (share - before)
        before = share
    return total + ladder[-1][0] * (seeds - 1)


# ----------------------------------------------------------------------------------------------------
# What a search is going to train, worked out before anything runs.


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A network to be trained: its record as far as it is known, and the network itself."""

    record: CandidateRecord
    arch: Arch

    def named(self, key: str) -> Planned:
        """The same under another key, where one network stands for several things."""
        return replace(self, record=replace(self.record, key=key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The networks of a run: ``chosen`` to be trained, in that order, and ``skipped`` with the reason.

    ``order`` has every key as the networks were enumerated, ``base`` is the proxy baseline, ``feasible`` of
    ``grid_points`` points met the constraint. ``derivation`` is that of a family, as plain data.
    ``notes`` say how a user's own code is trained, where that isn't as usual. ``apart`` is how many held-out
    images judge nothing but what confirms an answer.
    """

    kind: str
    phi: float
    settings: TrainingSettings
    classes: int
    base: Arch
    grid_points: int
    feasible: int
    order: tuple[str, ...]
    chosen: tuple[Planned, ...]
    skipped: tuple[CandidateRecord, ...] = ()
    thinning: str = ""
    rungs: tuple[RungRecord, ...] = ()
    objectives: tuple[str, ...] = ("top1",)
    derivation: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    apart: int = 0

    def facts(
        self, *, name: str, command: str, machine: Mapping[str, Any], versions: Mapping[str, str]
    ) -> dict[str, Any]:
        """What the study keeps of the run beside its candidates, as plain data."""
        cost = count(self.base)
        return {
            "kind": self.kind,
            "name": name,
            "command": command,
            "phi": self.phi,
            "settings": self.settings.to_dict(),
            "machine": dict(machine),
            "versions": dict(versions),
            "grid_points": self.grid_points,
            "feasible": self.feasible,
            "thinning": self.thinning,
            "classes": self.classes,
            "baseline": {
                "params": cost.params,
                "macs": cost.macs,
                "resolution": self.base.resolution,
                **({} if (across := self.base.resolution_width) is None else {"resolution_width": across}),
                "blocks": block_count(self.base),
                "full_macs": 0 if (full := cost_if_taken(self.settings.full_baseline)) is None else full.macs,
            },
            "order": list(self.order),
            "rungs": [asdict(rung) for rung in self.rungs],
            "objectives": list(self.objectives),
            **({} if self.derivation is None else {"derivation": dict(self.derivation)}),
            **({"notes": list(self.notes)} if self.notes else {}),
        }


def plan_whole_runs(
    kind: str,
    phi: float,
    settings: TrainingSettings,
    size: DataSize,
    chosen: Sequence[Planned],
    alone: str = "",
) -> Plan:
    """The plan that trains all of these networks, with every seed, for the recipe's whole length.

    Those that have a reason not to be, or that a user's own code refuses to be, are skipped; ``alone`` says
    which options leave the resolution as it is.

    Raises:
        RefusedError: if the code refuses to be any but the baseline.
    """
    recipe = settings.proxy_recipe
    base = settings.proxy_baseline(size.classes)
    reasons = {p.record.key: p.record.reason or refusal(p.arch) for p in chosen}
    taken = [planned for planned in chosen if not reasons[planned.record.key]]
    refused = [planned for planned in chosen if reasons[planned.record.key]]
    way = way_out(base, (planned.arch for planned in refused), alone)
    if refused and all(planned.arch == base for planned in taken):
        raise none_left(reasons[refused[0].record.key], way)
    return Plan(
        kind=kind,
        phi=phi,
        settings=settings,
        classes=size.classes,
        base=base,
        grid_points=len(chosen),
        feasible=len(chosen),
        order=tuple(planned.record.key for planned in chosen),
        chosen=tuple(taken),
        skipped=tuple(skipped(planned, reasons[planned.record.key]) for planned in refused),
        notes=(skipping(len(refused), base.code, way),) if refused and base.code else (),
        rungs=planned_rungs(
            (),
            networks=len(taken),
            images=recipe.steps(size.train_images) * recipe.batch_size,
            batch_size=recipe.batch_size,
            seeds=settings.seeds,
        ),
    )


Describe = Callable[..., Planned]


def describer(settings: TrainingSettings, base: Arch) -> Describe:
    """A function that describes one network of a search by all it costs, trained and at full size.

    Raises:
        RefusedError: if a user's own code refuses to be the baseline that is trained.
    """
    full_base = settings.full_baseline
    require_base(base, full_base)
    base_macs = count(base).macs
    full_base_cost = cost_if_taken(full_base)

    def full_size(arch: Arch, multipliers: Multipliers) -> Arch:
        twin = scale(full_base, multipliers, settings.rounding)
        # A match may have chosen which stages get more blocks.
        return twin if twin.code else deepened(twin, arch)

    def describe(
        *,
        arch: Arch,
        coefficients: Coefficients,
        phi: float,
        multipliers: Multipliers,
        merged: Sequence[tuple[float, float, float]],
        budget: BudgetRecord | None = None,
        role: str = "",
    ) -> Planned:
        full = cost_if_taken(full_size(arch, multipliers)) if full_base_cost else None
        cost = cost_if_taken(arch)
        inference, training = memory(arch, settings.to_dict()) if cost else (None, None)
        shape = _shape_if_taken(arch, base) if cost else None
        return Planned(
            arch=arch,
            record=CandidateRecord(
                key=arch.key,
                alpha=coefficients.alpha,
                beta=coefficients.beta,
                gamma=coefficients.gamma,
                product=coefficients.product,
                merged=tuple(merged),
                depth=multipliers.depth,
                width=multipliers.width,
                resolution_multiplier=multipliers.resolution,
                resolution=arch.resolution,
                blocks=block_count(arch) if cost else 0,
                params=cost.params if cost else 0,
                macs=cost.macs if cost else 0,
                activations=cost.activations if cost else 0,
                nominal_ratio=coefficients.at(phi).nominal_ratio,
                macs_ratio=cost.macs / base_macs if cost else 0.0,
                full_macs=full.macs if full else 0,
                full_macs_ratio=full.macs / full_base_cost.macs if full and full_base_cost else 0.0,
                status="waiting",
                phi=phi,
                role=role,
                budget=budget,
                inference_bytes=inference,
                training_bytes=training,
                resolution_width=arch.resolution_width,
                depth_doublings=shape.depth if shape else None,
                width_doublings=shape.width if shape else None,
                resolution_doublings=shape.resolution if shape else None,
                repeats=None if arch.code else tuple(s.repeats for s in arch.stages),
            ),
        )

    return describe


def _shape_if_taken(arch: Arch, base: Arch) -> Shape | None:
    """How the network's growth is shared out; None where a user's code refuses to be deeper alone."""
    try:
        return shape_of(arch, base)
    except RefusedError:
        return None


def memory(arch: Arch, settings: Mapping[str, Any]) -> tuple[int, int | None]:
    """The peaks of a forward pass and of a training step in bytes; no latter where the recipe is unknown."""
    values = settings.get("recipe_values")
    try:
        chosen = RECIPES[settings["recipe"]] if values is None else typed(ProxyRecipe, values)
        recipe = replace(chosen, images=None, epochs=None).at_batch(settings["batch_size"])
    except (KeyError, ValueError):
        recipe = None
    inference, training = inference_bytes(arch, settings["latency_batch_size"]), None
    with suppress(RefusedError):  # code that can be run and not trained: trying to train it says why
        if recipe:
            training = training_bytes(arch, recipe.images_of_a_pass, optimizer=recipe.optimizer)
    return inference, training


def skipped(planned: Planned, reason: str) -> CandidateRecord:
    """The record of a network that is not going to be trained, and why."""
    return replace(planned.record, status="skipped", reason=reason)


def without(plan: Plan, reasons: Mapping[str, str]) -> Plan:
    """The plan with the chosen networks skipped that have a reason, by the keys of their archs."""
    left_out = [planned for planned in plan.chosen if planned.arch.key in reasons]
    if not left_out:
        return plan
    chosen = tuple(planned for planned in plan.chosen if planned.arch.key not in reasons)
    return replace(
        plan,
        chosen=chosen,
        skipped=(*plan.skipped, *(skipped(planned, reasons[planned.arch.key]) for planned in left_out)),
        rungs=tuple(replace(rung, networks=min(rung.networks, len(chosen))) for rung in plan.rungs),
    )


# ----------------------------------------------------------------------------------------------------
# Which networks of a run can be grown from what they start from; the others are not trained.


def require_start(start: Arch, base: Arch, *, pretrained: bool) -> None:
    """Refuses a start, a file's where it is ``pretrained``, that the proxy baseline can't be grown from.

    Raises:
        ValueError: if that is so.
    """
    if reason := why_not(start, base):
        at_full_size = "; --baseline-width 1 keeps all of the file's channels" if pretrained else ""
        name = "pretrained" if pretrained else "start"
        raise ValueError(
            f"`{name}` must hold a network that the baseline as trained can be grown from, got {start.name}: "
            f"{reason}{at_full_size}"
        )


def ungrown_reason(start: Arch, arch: Arch) -> str:
    """Why a network is not trained that can't be grown from ``start``; empty where it can."""
    reason = why_not(start, arch)
    return f"can't be grown from {start.name}: {reason}" if reason else ""


def ungrown(start: Arch, archs: Iterable[Arch]) -> Mapping[str, str]:
    """Why networks can't be grown from ``start``, by their keys; those that can are left out.

    Raises:
        ValueError: if there are networks, and none can.
    """
    reasons = {arch.key: why_not(start, arch) for arch in archs}
    if reasons and all(reasons.values()):
        raise ValueError(
            f"`start` must be scratch for these networks, none of which can be grown from {start.name}: "
            f"{next(iter(reasons.values()))}"
        )
    return {key: f"can't be grown from {start.name}: {why}" for key, why in reasons.items() if why}


def grown_plan(plan: Plan, start: Arch) -> Plan:
    """The plan with the networks alone that can be grown from ``start``; the others are skipped.

    Raises:
        ValueError: if the baseline can't be grown from it, or no network of the plan.
    """
    require_start(start, plan.base, pretrained=plan.settings.pretrained is not None)
    reasons = ungrown(start, [planned.arch for planned in plan.chosen])
    return without(plan, reasons)
