"""What a search is going to train, worked out before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from scalesearch.architecture.cost import block_count, count
from scalesearch.architecture.memory import inference_bytes, training_bytes
from scalesearch.architecture.spec import Arch, scale
from scalesearch.proxy.dataset import DataSize
from scalesearch.proxy.recipe import RECIPES
from scalesearch.records import BudgetRecord, CandidateRecord, RungRecord, RunKind
from scalesearch.scaling import Coefficients, Multipliers
from scalesearch.search.rungs import planned_rungs
from scalesearch.search.settings import TrainingSettings

__all__ = ["Describe", "Plan", "Planned", "describer", "memory", "plan_whole_runs", "skipped"]


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
                "full_macs": count(self.settings.full_baseline).macs,
            },
            "order": list(self.order),
            "rungs": [asdict(rung) for rung in self.rungs],
            "objectives": list(self.objectives),
            **({} if self.derivation is None else {"derivation": dict(self.derivation)}),
            **({"notes": list(self.notes)} if self.notes else {}),
        }


def plan_whole_runs(
    kind: RunKind, phi: float, settings: TrainingSettings, size: DataSize, chosen: Sequence[Planned]
) -> Plan:
    """The plan that trains all of these networks, with every seed, for the recipe's whole length."""
    recipe = settings.proxy_recipe
    return Plan(
        kind=kind,
        phi=phi,
        settings=settings,
        classes=size.classes,
        base=settings.proxy_baseline(size.classes),
        grid_points=len(chosen),
        feasible=len(chosen),
        order=tuple(planned.record.key for planned in chosen),
        chosen=tuple(chosen),
        rungs=planned_rungs(
            (),
            networks=len(chosen),
            images=recipe.steps(size.train_images) * recipe.batch_size,
            batch_size=recipe.batch_size,
            seeds=settings.seeds,
        ),
    )


Describe = Callable[..., Planned]


def describer(settings: TrainingSettings, base: Arch) -> Describe:
    """A function that describes one network of a search by all it costs, trained and at full size."""
    base_macs = count(base).macs
    full_base = settings.full_baseline
    full_base_macs = count(full_base).macs

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
        full = count(scale(full_base, multipliers, settings.rounding))
        cost = count(arch)
        inference, training = memory(arch, settings.to_dict())
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
                blocks=block_count(arch),
                params=cost.params,
                macs=cost.macs,
                activations=cost.activations,
                nominal_ratio=coefficients.at(phi).nominal_ratio,
                macs_ratio=cost.macs / base_macs,
                full_macs=full.macs,
                full_macs_ratio=full.macs / full_base_macs,
                status="waiting",
                phi=phi,
                role=role,
                budget=budget,
                inference_bytes=inference,
                training_bytes=training,
                resolution_width=arch.resolution_width,
            ),
        )

    return describe


def memory(arch: Arch, settings: Mapping[str, Any]) -> tuple[int, int | None]:
    """The peaks of a forward pass and of a training step in bytes; no latter where the recipe is unknown."""
    recipe = RECIPES.get(settings["recipe"])
    return inference_bytes(arch, settings["latency_batch_size"]), (
        training_bytes(arch, settings["batch_size"], optimizer=recipe.optimizer) if recipe else None
    )


def skipped(planned: Planned, reason: str) -> CandidateRecord:
    """The record of a network that is not going to be trained, and why."""
    return replace(planned.record, status="skipped", reason=reason)
