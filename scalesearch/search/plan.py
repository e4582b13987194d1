"""What a grid search is going to train, worked out from its settings alone before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scalesearch.architecture.baselines import baseline
from scalesearch.architecture.cost import count
from scalesearch.architecture.spec import ArchSpec, compound
from scalesearch.records import CandidateRecord
from scalesearch.search.grid import Candidate, distinct, feasible, thin
from scalesearch.search.settings import GridSettings

__all__ = ["GridPlan", "plan_grid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPlan:
    """The networks of a run: ``chosen`` to be trained, in that order, and ``skipped`` with the reason.

    ``order`` has every key as the grid was enumerated, ``base`` is the proxy baseline.
    """

    settings: GridSettings
    classes: int
    base: ArchSpec
    feasible: int
    order: tuple[str, ...]
    chosen: tuple[CandidateRecord, ...]
    skipped: tuple[CandidateRecord, ...]
    thinning: str

    def facts(
        self, *, name: str, command: str, machine: Mapping[str, Any], versions: Mapping[str, str]
    ) -> dict[str, Any]:
        """What the study keeps of the run beside its candidates, as plain data."""
        cost = count(self.base)
        return {
            "name": name,
            "command": command,
            "phi": self.settings.phi,
            "settings": self.settings.to_dict(),
            "machine": dict(machine),
            "versions": dict(versions),
            "grid_points": self.settings.grid.points,
            "feasible": self.feasible,
            "thinning": self.thinning,
            "classes": self.classes,
            "baseline": {
                "params": cost.params,
                "macs": cost.macs,
                "resolution": self.base.resolution,
                "blocks": self.base.blocks,
                "full_macs": count(baseline(self.settings.baseline)).macs,
            },
            "order": list(self.order),
        }


def plan_grid(settings: GridSettings, classes: int) -> GridPlan:
    """Enumerates, drops duplicates, thins.

    Args:
        settings: the run's settings.
        classes: of the dataset, for the classifier.

    Raises:
        EmptyGridError: if no grid point meets the constraint.
        ValueError: if a network would have less than one pixel.
    """
    anchor = settings.anchor_coefficients
    base = settings.proxy_baseline(classes)
    points = feasible(settings.grid)
    candidates = distinct(points, base, settings.proxy_rounding, settings.phi, prefer=anchor)
    chosen = thin(candidates, settings.max_networks, anchor)
    kept = {candidate.arch.key for candidate in chosen}
    reason = f"thinned out: {len(chosen)} of {len(candidates)} distinct networks are trained"
    return GridPlan(
        settings=settings,
        classes=classes,
        base=base,
        feasible=len(points),
        order=tuple(candidate.arch.key for candidate in candidates),
        chosen=tuple(_record(candidate, base, settings) for candidate in chosen),
        skipped=tuple(
            replace(_record(candidate, base, settings), status="skipped", reason=reason)
            for candidate in candidates
            if candidate.arch.key not in kept
        ),
        thinning=_thinning(len(chosen), len(candidates), settings),
    )


def _record(candidate: Candidate, base: ArchSpec, settings: GridSettings) -> CandidateRecord:
    coefficients = candidate.coefficients
    multipliers = coefficients.at(settings.phi)
    full_base = baseline(settings.baseline)
    full = count(compound(full_base, coefficients, settings.phi, settings.rounding))
    cost = count(candidate.arch)
    return CandidateRecord(
        key=candidate.arch.key,
        alpha=coefficients.alpha,
        beta=coefficients.beta,
        gamma=coefficients.gamma,
        product=coefficients.product,
        merged=candidate.merged,
        depth=multipliers.depth,
        width=multipliers.width,
        resolution_multiplier=multipliers.resolution,
        resolution=candidate.arch.resolution,
        blocks=candidate.arch.blocks,
        params=cost.params,
        macs=cost.macs,
        activations=cost.activations,
        nominal_ratio=multipliers.nominal_ratio,
        macs_ratio=cost.macs / count(base).macs,
        full_macs=full.macs,
        full_macs_ratio=full.macs / count(full_base).macs,
        status="waiting",
    )


def _thinning(chosen: int, candidates: int, settings: GridSettings) -> str:
    """One sentence on how the trained networks were chosen; empty where all are trained."""
    if chosen == candidates:
        return ""
    first = (
        "" if settings.anchor == "none" else f", starting from ({settings.anchor}) where the grid holds it"
    )
    return (
        f"{chosen} of {candidates} distinct networks are trained (--max-networks {settings.max_networks}): "
        "each next one is the farthest from those already chosen, by the shares of cost that go to depth, "
        f"width and resolution{first}."
    )
