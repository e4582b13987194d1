"""What a scaling left behind: the family of the rule, and the published one rebuilt beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scalesearch.records.budget import BudgetRecord
from scalesearch.records.measured import LatencyRecord

__all__ = ["FamilyRow", "PublishedRow", "ScaleRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRow:
    """One member of a scaled family: the rule's network at one phi, and what it spends of a budget.

    ``resolution`` is the height of its input, and the width where ``resolution_width`` says no other.
    """

    phi: float
    depth: float
    width: float
    resolution_multiplier: float
    resolution: int
    blocks: int
    params: int
    macs: int
    fvcore_total: int
    uncounted: Mapping[str, int]
    activations: int
    nominal_ratio: float
    macs_ratio: float
    latency: LatencyRecord | None = None
    budget: BudgetRecord | None = None
    resolution_width: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One published network, rebuilt here from its published coefficients.

    ``implied_phi_*`` is the phi at which the coefficients of the run would give the published multiplier of
    that dimension; None where no phi does. ``top5_published`` is None where it wasn't published.
    """

    name: str
    depth: float
    width: float
    resolution: int
    params: int
    macs: int
    fvcore_total: int
    params_published: float
    flops_published: float
    implied_phi_depth: float | None
    implied_phi_width: float | None
    implied_phi_resolution: float | None
    top1_published: float
    top5_published: float | None
    source: str

    @property
    def params_error(self) -> float:
        """Relative difference of the rebuilt parameters from the published figure."""
        return self.params / self.params_published - 1

    @property
    def flops_error(self) -> float:
        """Relative difference of the rebuilt multiply-adds from the published FLOPs."""
        return self.macs / self.flops_published - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleRecord:
    """A whole ``scale`` command. ``published`` is empty for a baseline that nobody published a family of."""

    name: str
    command: str
    baseline: str
    alpha: float
    beta: float
    gamma: float
    product: float
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    wall_s: float
    family: tuple[FamilyRow, ...]
    published: tuple[PublishedRow, ...]
