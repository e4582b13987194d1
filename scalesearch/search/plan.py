"""What a search is going to train, worked out before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from scalesearch.architecture.code_spec import CodeSpec, RefusedError
from scalesearch.architecture.cost import block_count, count
from scalesearch.architecture.memory import inference_bytes, training_bytes
from scalesearch.architecture.refused import (
    cost_if_taken,
    none_left,
    refusal,
    require_base,
    skipping,
    way_out,
)
from scalesearch.architecture.scaled import scale
from scalesearch.architecture.shape import Shape, deepened, shape_of
from scalesearch.architecture.spec import Arch
from scalesearch.plain import typed
from scalesearch.proxy.dataset import DataSize
from scalesearch.proxy.recipe import RECIPES, ProxyRecipe
from scalesearch.records import BudgetRecord, CandidateRecord, RungRecord, RunKind
from scalesearch.scaling import Coefficients, Multipliers
from scalesearch.search.rungs import planned_rungs
from scalesearch.search.settings import TrainingSettings

__all__ = [
    "Describe",
    "Plan",
    "Planned",
    "describer",
    "memory",
    "plan_whole_runs",
    "skipped",
    "without",
]


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
    ``notes`` say how a user's own code is trained, where that isn't as usual.
    """

    kind: RunKind
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
    kind: RunKind,
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
        notes=(skipping(len(refused), base.target, way),) if refused and isinstance(base, CodeSpec) else (),
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
        return twin if isinstance(twin, CodeSpec) else deepened(twin, arch)

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
                repeats=None if isinstance(arch, CodeSpec) else tuple(s.repeats for s in arch.stages),
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
