"""What an audit of published rows left behind: each rebuilt and counted, and what was trained beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scalesearch.networks.baselines import PublishedScaling
from scalesearch.networks.rounding_rules import UNROUNDED, RuleCost
from scalesearch.records.runs import RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One published row rebuilt here.

    Attributes:
        published: the row as printed.
        resolution: height and width of the rebuilt network's input in pixels, officially rounded as all here.
        blocks: of the rebuilt network.
        params: of it.
        macs: its exact multiply-adds.
        fvcore_total: what fvcore would count: batch norm and pooling too.
        base_macs: exact multiply-adds of the baseline.
        base_flops: the baseline's as printed.
        base_top1: the baseline's published accuracy.
        costs: multiply-adds under every documented rounding, the official one first.
    """

    published: PublishedScaling
    resolution: int
    blocks: int
    params: int
    macs: int
    fvcore_total: int
    base_macs: int
    base_flops: float
    base_top1: float
    costs: tuple[RuleCost, ...]

    @property
    def baseline(self) -> str:
        """The network that was scaled."""
        return self.published.baseline

    @property
    def scaling(self) -> str:
        """none, depth, width, resolution or compound."""
        return self.published.scaling

    @property
    def nearest(self) -> RuleCost:
        """The first rounding that gives the printed figure; where none does, the nearest to it.

        Only of those that make a network that can be built.
        """
        near = self.agreeing[:1] or self._built
        return min(near, key=lambda cost: abs(cost.macs - self.published.flops))

    @property
    def agreeing(self) -> tuple[RuleCost, ...]:
        """The roundings whose cost, printed in as many digits, is the printed figure.

        Only those that make a network that can be built.
        """
        return tuple(cost for cost in self._built if self.published.prints(cost.macs))

    @property
    def _built(self) -> tuple[RuleCost, ...]:
        return tuple(cost for cost in self.costs if cost.rule != UNROUNDED)

    @property
    def published_ratio(self) -> float:
        """Printed cost over the baseline's printed cost."""
        return self.published.flops / self.base_flops

    @property
    def nominal_ratio(self) -> float:
        """``d * w**2 * r**2``."""
        return self.published.multipliers.nominal_ratio

    @property
    def macs_ratio(self) -> float:
        """Exact cost over the baseline's."""
        return self.macs / self.base_macs

    def over(self, flops: float) -> float:
        """How far the exact cost is from that many multiply-adds, relative to them."""
        return self.macs / flops - 1

    @property
    def gain(self) -> float:
        """Published top-1 less the baseline's, as a fraction."""
        return self.published.top1 - self.base_top1

    @property
    def gain_per_doubling(self) -> float | None:
        """Published gain per doubling of the exact cost, as a fraction; None for the baseline itself."""
        return None if self.macs == self.base_macs else self.gain / math.log2(self.macs_ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditMatch:
    """``scaling`` of a baseline brought to what the row ``spends_as`` really spends.

    ``depth``, ``width`` and ``multiplier`` (of the resolution) are the multipliers that do so, ``resolution``
    the input in pixels, ``macs`` the cost, ``target`` the cost to meet.
    """

    baseline: str
    scaling: str
    spends_as: str
    depth: float
    width: float
    multiplier: float
    resolution: int
    blocks: int
    macs: int
    target: int

    @property
    def residual(self) -> float:
        """How far the cost is from its target, relative to it."""
        return self.macs / self.target - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """A whole audit. ``trained`` has the sweep of each baseline that was trained, in the rows' order."""

    name: str
    command: str
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    rows: tuple[AuditRow, ...]
    matches: tuple[AuditMatch, ...]
    trained: Mapping[str, RunRecord] = field(default_factory=dict)

    @property
    def baselines(self) -> tuple[str, ...]:
        """The audited baselines, in the order of the tables."""
        return tuple(dict.fromkeys(row.baseline for row in self.rows))

    def row(self, baseline: str, scaling: str) -> AuditRow | None:
        """The row of that baseline and scaling; None where none was published."""
        return next((r for r in self.rows if (r.baseline, r.scaling) == (baseline, scaling)), None)
