"""What a sweep shows: the power law of its runs, and compound scaling against each other way to spend."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from scalesearch.page.evidence import completed, once_per_run, shown
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import NOMINAL_BASE
from scalesearch.statistics.answer import DesignError
from scalesearch.statistics.power_law import PowerLaw, fit_power_law
from scalesearch.statistics.runs import grown_runs, shape_of
from scalesearch.statistics.summaries import Comparison, means_reach, planned_comparisons

DIMENSIONS = ("depth", "width", "resolution")
ROLES = (*DIMENSIONS, "fast", "compound")
"""Ways to spend a budget. ``fast`` is the mostly-wide rule of arXiv 2103.06877."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepComparison:
    """Compound scaling against ``role``, or several that are one network, at budget exponent ``phi``.

    ``difference`` is compound's mean top-1 less the other's. ``test`` is the t test paired by seed, with the
    noise of all networks pooled; its interval and its p hold for all comparisons of the sweep at once. It
    uses the ``seeds`` that all networks with several seeds have; None where one of the two has a single seed.
    """

    phi: float
    role: str
    compound: CandidateRecord
    other: CandidateRecord
    difference: float
    seeds: int
    test: Comparison | None

    @property
    def verdict(self) -> str:
        """``better``, ``worse``, ``no difference shown`` or, without a test, ``not tested``."""
        return shown(self.test, "better", "worse")


def baseline_of(run: RunRecord) -> CandidateRecord | None:
    """The baseline itself, if it was trained."""
    return next((c for c in run.candidates if c.role == "baseline" and completed(c)), None)


def budgets(run: RunRecord) -> tuple[float, ...]:
    """The budget exponents of the sweep, without the baseline's, rising."""
    return tuple(sorted({c.phi for c in run.candidates if c.role != "baseline"}))


def coinciding(run: RunRecord) -> tuple[CandidateRecord, ...]:
    """The networks that several ways to spend a budget round to, by budget."""
    return tuple(sorted((c for c in run.candidates if len(c.roles) > 1), key=lambda c: c.phi))


def residual(candidate: CandidateRecord) -> float:
    """How far the network's cost is from its budget, relative to it; by MACs where no budget is recorded."""
    if candidate.budget is not None:
        return candidate.budget.residual
    return float(candidate.macs_ratio / NOMINAL_BASE**candidate.phi - 1)


def dimension_value(candidate: CandidateRecord, dimension: str) -> float:
    """How many times as deep, wide or sharp as the baseline the network is, as built where that is known."""
    built = getattr(candidate, f"{dimension}_doublings")
    if built is not None:
        return float(2 ** (built if dimension == "depth" else built / 2))
    name = "resolution_multiplier" if dimension == "resolution" else dimension
    return float(getattr(candidate, name))


@once_per_run
def law_of(run: RunRecord) -> PowerLaw | str:
    """The power law through all runs of the sweep; why there is none where its networks are too few."""
    try:
        return fit_power_law(grown_runs(run))
    except DesignError as error:
        return str(error).replace("`runs` must be of", "it takes").replace("`", "")


@once_per_run
def interval_reach(run: RunRecord) -> float | None:
    """Half the width of the 95% intervals of all means at once, as a fraction; None without two seeds."""
    networks = list(_distinct(run).values())
    by_seed = [{one.seed: one.top1 for one in c.runs} for c in networks]
    seeds = sorted(set.intersection(*map(set, by_seed))) if by_seed else []
    if len(networks) < 2 or len(seeds) < 2:
        return None
    return means_reach([[runs[seed] for seed in seeds] for runs in by_seed])


def _distinct(run: RunRecord) -> dict[tuple[int, ...], CandidateRecord]:
    """The completed networks, each once: two that several ways round to may have been trained apart.

    Their runs are the same ones again, and no further ones: noise is not pooled over them twice. Compound
    scaling's stand for all.
    """
    networks: dict[tuple[int, ...], CandidateRecord] = {}
    for candidate in sorted(filter(completed, run.candidates), key=lambda c: "compound" not in c.roles):
        networks.setdefault(shape_of(candidate), candidate)
    return {shape_of(c): c for c in run.candidates if networks.get(shape_of(c)) is c}


def same_as_compound(run: RunRecord) -> frozenset[str]:
    """The keys of the networks that are compound scaling's own at their budget, though trained apart."""
    compound = {(c.phi, shape_of(c)) for c in run.candidates if completed(c) and "compound" in c.roles}
    return frozenset(
        c.key
        for c in run.candidates
        if completed(c) and "compound" not in c.roles and (c.phi, shape_of(c)) in compound
    )


def comparisons(run: RunRecord) -> tuple[SweepComparison, ...]:
    """Compound scaling against every other completed role at every budget, by budget and role.

    What is the same network is not compared with itself; two roles that are one network share a test.
    """
    distinct, same = _distinct(run), same_as_compound(run)
    pairs, trained = [], defaultdict[float, list[CandidateRecord]](list)
    for candidate in run.candidates:
        if completed(candidate):
            trained[candidate.phi].append(candidate)
    for phi in budgets(run):
        here = trained[phi]
        for compound in (c for c in here if "compound" in c.roles):
            others = [c for c in here if c is not compound and c.roles[0] in ROLES and c.key not in same]
            pairs += [(compound, c) for c in sorted(others, key=lambda c: ROLES.index(c.roles[0]))]
    rivals = {(id(c), shape_of(other)): (c, distinct[shape_of(other)]) for c, other in pairs}
    tested = paired_tests(
        list(distinct.values()), [(distinct[shape_of(c)], other) for c, other in rivals.values()]
    )
    tests = dict(zip(rivals, tested, strict=True))
    return tuple(
        SweepComparison(
            phi=compound.phi,
            role=other.role,
            compound=compound,
            other=other,
            difference=test.difference if test else (compound.top1 or 0.0) - (other.top1 or 0.0),
            seeds=seeds if test else min(len(compound.runs), len(other.runs)),
            test=test,
        )
        for compound, other in pairs
        for test, seeds in [tests[id(compound), shape_of(other)]]
    )


def paired_tests(
    networks: Sequence[CandidateRecord],
    pairs: Sequence[tuple[CandidateRecord, CandidateRecord]],
    lists: int = 1,
) -> list[tuple[Comparison | None, int]]:
    """The test of each pair and its number of seeds; None where one of the two has a single seed.

    All hold at once, with those of ``lists`` - 1 more such lists.
    """
    several = [c for c in networks if len(c.runs) > 1]
    top1 = [{run.seed: run.top1 for run in c.runs} for c in several]
    shared = sorted(set.intersection(*(set(runs) for runs in top1))) if top1 else []
    if len(several) < 2 or len(shared) < 2:
        return [(None, 0)] * len(pairs)
    # Roles can share a network, so the record itself tells which row is whose.
    row = {id(c): index for index, c in enumerate(several)}
    testable = [pair for pair in pairs if all(id(c) in row for c in pair)]
    table = [[runs[seed] for seed in shared] for runs in top1]
    found = iter(planned_comparisons(table, [(row[id(a)], row[id(b)]) for a, b in testable], lists))
    return [(next(found), len(shared)) if all(id(c) in row for c in pair) else (None, 0) for pair in pairs]
