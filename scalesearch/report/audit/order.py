"""Does the published order of the ways to scale hold among networks that were trained at equal cost?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from scalesearch.belief.planned import Comparison
from scalesearch.records import AuditRecord, CandidateRecord, RunRecord
from scalesearch.report.evidence import completed, shown
from scalesearch.report.sweep.evidence import budgets, paired_tests

__all__ = ["OrderPair", "order_pairs", "published_top1", "trained_roles"]

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
    return {c.role: c for c in run.candidates if c.phi == phi and c.role in SCALINGS and completed(c)}


def order_pairs(record: AuditRecord) -> tuple[OrderPair, ...]:
    """Every pair of ways whose published accuracies differ and whose networks were trained here."""
    lists = [
        (name, run, phi, pairs)
        for name, run in record.trained.items()
        for phi in budgets(run)
        if (pairs := _pairs(record, name, run, phi))
    ]
    found = [pair for each in lists for pair in _tested(*each, len(lists))]
    return tuple(
        OrderPair(
            baseline=name,
            phi=phi,
            ahead=ahead.role,
            behind=behind.role,
            published=published,
            difference=test.difference if test else (ahead.top1 or 0.0) - (behind.top1 or 0.0),
            test=test,
        )
        for name, phi, ahead, behind, published, test in found
    )


def published_top1(record: AuditRecord, name: str) -> dict[str, float]:
    """The published accuracy of each way of scaling a baseline, as a fraction."""
    return {scaling: row.published.top1 for scaling in SCALINGS if (row := record.row(name, scaling))}


_Pair = tuple[str, float, CandidateRecord, CandidateRecord, float, Comparison | None]


_Untested = tuple[CandidateRecord, CandidateRecord, float]


def _pairs(record: AuditRecord, name: str, run: RunRecord, phi: float) -> list[_Untested]:
    """The one published ahead, the one behind, and by how much; the published best against others first."""
    roles = trained_roles(run, phi)
    published = published_top1(record, name)
    pairs = []
    for one, other in combinations([role for role in SCALINGS if role in roles and role in published], 2):
        ahead, behind = sorted((one, other), key=lambda role: -published[role])
        if published[ahead] != published[behind]:
            pairs.append((roles[ahead], roles[behind], published[ahead] - published[behind]))
    return sorted(pairs, key=lambda pair: (-published[pair[0].role], -published[pair[1].role]))


def _tested(name: str, run: RunRecord, phi: float, pairs: Sequence[_Untested], lists: int) -> list[_Pair]:
    networks = [c for c in run.candidates if completed(c)]
    tests = paired_tests(networks, [(ahead, behind) for ahead, behind, _ in pairs], lists)
    return [(name, phi, a, b, gap, test) for (a, b, gap), (test, _) in zip(pairs, tests, strict=True)]
