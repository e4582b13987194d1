"""What an audit came to, and the order of its trained rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from scalesearch.commands.sweep.evidence import budgets, paired_tests
from scalesearch.commands.sweep.run import MIDDLES
from scalesearch.page.evidence import completed, shown
from scalesearch.records import AuditRecord, AuditRow, CandidateRecord, RunRecord
from scalesearch.statistics.answer import FEWEST_NETWORKS, Answer, DesignError, fit, read
from scalesearch.statistics.runs import trained_runs
from scalesearch.statistics.summaries import Comparison
from scalesearch.text import bare

# ----------------------------------------------------------------------------------------------------
# What an audit shows: what each compound row spent against its rivals, and which printed costs cannot be.

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
            abs(row.over(other.published.flops)) <= SWAPPED < abs(row.over(row.published.flops))
            for row, other in ((a, b), (b, a))
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


# ----------------------------------------------------------------------------------------------------
# Does the published order of the ways to scale hold among networks that were trained at equal cost?

SCALINGS = ("depth", "width", "resolution", "compound")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPair:
    """Two ways to scale a baseline, of which the ``ahead`` one has the higher published accuracy.

    ``published`` is by how much, ``difference`` the mean top-1 here of the ``ahead`` one less the other's, as
    fractions. ``test`` is the t test paired by seed, with the noise of all networks of the baseline pooled,
    and holds for all pairs of the audit at once; None where there are no two common seeds.
    """

    baseline: str
    phi: float
    ahead: str
    behind: str
    published: float
    difference: float
    test: Comparison | None

    @property
    def verdict(self) -> str:
        """``holds``, ``reversed``, ``not shown`` or, without a test, ``not tested``."""
        return shown(self.test, "holds", "reversed", "not shown")


def trained_roles(run: RunRecord, phi: float) -> dict[str, CandidateRecord]:
    """The networks of one budget that were trained to the end, by the way they were scaled."""
    done = [c for c in run.candidates if c.phi == phi and completed(c)]
    return {role: c for c in done for role in c.roles if role in SCALINGS}


def order_pairs(record: AuditRecord) -> tuple[OrderPair, ...]:
    """Every pair of ways whose published accuracies differ and whose networks were trained here."""
    lists = [
        (name, run, phi, pairs)
        for name, run in record.trained.items()
        for phi in budgets(run)
        if (pairs := _pairs(record, name, run, phi))
    ]
    return tuple(pair for budget in lists for pair in _tested(*budget, len(lists)))


NEAR = 0.25
"""How far a trained network's split may be from one that a surface takes, and stand for it.

Beyond a corner it may be as far as it likes.
"""
SPANNING = {
    "depth alone": (1.0, 0.0, 0.0),
    "width alone": (0.0, 1.0, 0.0),
    "resolution alone": (0.0, 0.0, 1.0),
    "depth and width alike": (0.5, 0.5, 0.0),
    "depth and resolution alike": (0.5, 0.0, 0.5),
    "width and resolution alike": (0.0, 0.5, 0.5),
    "all three alike": (1 / 3, 1 / 3, 1 / 3),
}
"""The splits that span the triangle of a quadratic surface: corners, middles of the edges, centre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSurface:
    """What a surface over the networks that were trained of one baseline says of all splits.

    Attributes:
        answer: read off it, compound scaling's split set against the best; None where there is none.
        missing: splits that a surface takes, and near which nothing was trained.
        more: training runs that these would be.
        why: what else is in the way; empty where nothing is.
    """

    answer: Answer | None
    missing: tuple[str, ...]
    more: int
    why: str


def sweep_surface(run: RunRecord) -> SweepSurface | None:
    """The surface of one baseline's networks; None where none was trained yet."""
    done = [c for c in run.candidates if completed(c) and c.split is not None]
    if not done:
        return None
    splits = np.array([c.split for c in done])

    def trained_at(split: tuple[float, float, float]) -> bool:
        beyond = max(split) == 1 and bool((splits @ split >= 1 - NEAR).any())
        return beyond or float(np.linalg.norm(splits - split, axis=1).min()) <= NEAR

    missing = tuple(name for name, split in SPANNING.items() if not trained_at(split))
    seeds = max(len(c.runs) for c in done)
    # Each budget has networks of its own; one of them spanned is enough.
    few = max(len(missing), FEWEST_NETWORKS - len(done))
    asked = any(role in MIDDLES for c in run.candidates for role in c.roles)
    why = "as built, networks came out elsewhere: --phi 2, or a larger --baseline-resolution" if asked else ""
    if missing or few > 0:
        return SweepSurface(answer=None, missing=missing, more=few * seeds, why=why)
    compound = [c.split for c in done if "compound" in c.roles and c.split is not None]
    try:
        surface = fit(trained_runs(run))
        here = {
            name: split
            for name, split in zip(("compound",), compound[-1:], strict=False)
            if surface.inside(split)
        }
        return SweepSurface(answer=read(surface, here), missing=(), more=0, why="")
    except DesignError as error:
        return SweepSurface(answer=None, missing=(), more=0, why=bare(error))


def published_top1(record: AuditRecord, name: str) -> dict[str, float]:
    """The published accuracy of each way of scaling a baseline, as a fraction."""
    return {scaling: row.published.top1 for scaling in SCALINGS if (row := record.row(name, scaling))}


_Untested = tuple[str, str, float]


def _pairs(record: AuditRecord, name: str, run: RunRecord, phi: float) -> list[_Untested]:
    """The way published ahead, the one behind, and by how much; the published best against others first."""
    roles, published = trained_roles(run, phi), published_top1(record, name)
    pairs = []
    for first, second in combinations([role for role in SCALINGS if role in roles and role in published], 2):
        ahead, behind = sorted((first, second), key=lambda role: -published[role])
        # Two that round to one network have no order.
        if published[ahead] != published[behind] and roles[ahead] is not roles[behind]:
            pairs.append((ahead, behind, published[ahead] - published[behind]))
    return sorted(pairs, key=lambda pair: (-published[pair[0]], -published[pair[1]]))


def _tested(
    name: str, run: RunRecord, phi: float, pairs: Sequence[_Untested], lists: int
) -> Iterator[OrderPair]:
    networks = [c for c in run.candidates if completed(c)]
    roles = trained_roles(run, phi)
    tests = paired_tests(networks, [(roles[ahead], roles[behind]) for ahead, behind, _ in pairs], lists)
    for (ahead, behind, published), (test, _) in zip(pairs, tests, strict=True):
        yield OrderPair(
            baseline=name,
            phi=phi,
            ahead=ahead,
            behind=behind,
            published=published,
            difference=test.difference if test else (roles[ahead].top1 or 0.0) - (roles[behind].top1 or 0.0),
            test=test,
        )
