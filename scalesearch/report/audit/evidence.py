"""What an audit shows: what each compound row spent against its rivals, and which printed costs cannot be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from scalesearch.records import AuditRecord, AuditRow

__all__ = ["EQUAL", "Spending", "Swap", "agreeing_rules", "spendings", "swaps", "unreproduced"]

EQUAL = 0.05
"""Costs this near to one another, relative to them, count as equal."""
SWAPPED = 0.01
"""Two rows whose costs come this near once their printed figures change places look exchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """A compound row against a row of a single dimension of the same baseline."""

    compound: AuditRow
    rival: AuditRow

    @property
    def published(self) -> float:
        """Compound over rival by the printed costs."""
        return self.compound.published.flops / self.rival.published.flops

    @property
    def nominal(self) -> float:
        """Compound over rival by the rule."""
        return self.compound.nominal_ratio / self.rival.nominal_ratio

    @property
    def official(self) -> float:
        """Compound over rival as built with the official rounding."""
        return self.compound.macs / self.rival.macs

    @property
    def fitting(self) -> float:
        """Compound over rival, each with the rounding that comes nearest to its printed cost."""
        return self.compound.nearest.macs / self.rival.nearest.macs

    @property
    def lead(self) -> float:
        """Published top-1 of compound less the rival's, as a fraction."""
        return self.compound.published.top1 - self.rival.published.top1

    def left(self, ratio: float) -> float:
        """The lead that is left where the rival gets ``ratio`` times its cost, as a fraction.

        The rival is taken to go on gaining with each doubling of its cost what it gained with each so far: an
        extrapolation by ``log2(ratio)`` of a doubling, nothing that was measured.
        """
        return self.lead - (self.rival.gain_per_doubling or 0.0) * math.log2(ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """Two rows of a baseline, neither of which costs what it is printed to, though each what the other is."""

    first: AuditRow
    second: AuditRow


def spendings(record: AuditRecord, baseline: str) -> tuple[Spending, ...]:
    """The compound row of ``baseline`` against each single dimension that was published."""
    compound = record.row(baseline, "compound")
    rivals = [record.row(baseline, scaling) for scaling in ("depth", "width", "resolution")]
    return tuple(Spending(compound=compound, rival=rival) for rival in rivals if compound and rival)


def unreproduced(record: AuditRecord) -> tuple[AuditRow, ...]:
    """Rows whose printed cost no documented rounding gives."""
    return tuple(row for row in record.rows if not row.agreeing)


def swaps(record: AuditRecord) -> tuple[Swap, ...]:
    """Pairs of rows of one baseline whose printed costs look exchanged."""
    rows = unreproduced(record)
    return tuple(
        Swap(first=a, second=b)
        for a, b in combinations(rows, 2)
        if a.baseline == b.baseline
        and all(
            abs(one.macs / other.published.flops - 1) <= SWAPPED < abs(one.macs / one.published.flops - 1)
            for one, other in ((a, b), (b, a))
        )
    )


def agreeing_rules(rows: Sequence[AuditRow]) -> dict[str, tuple[int, int]]:
    """Of how many of the scaled rows each rule gives the printed cost, and how many have that rule.

    To round nothing is among them, though no network can be built so.
    """
    scaled = [row for row in rows if row.scaling != "none"]
    rules = dict.fromkeys(cost.rule for row in scaled for cost in row.costs)
    return {
        rule: (
            sum(
                cost.rule == rule and row.published.prints(cost.macs) for row in scaled for cost in row.costs
            ),
            sum(rule in {cost.rule for cost in row.costs} for row in scaled),
        )
        for rule in rules
    }
