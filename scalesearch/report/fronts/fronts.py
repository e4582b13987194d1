"""The fronts of top-1 against each cost: which costs, what they are of a network, and who is on a front."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.evidence import judged, once_per_run
from scalesearch.report.fronts.pareto import pareto_front
from scalesearch.report.latency import latency_median, latency_text, machines
from scalesearch.report.markdown import binary, si

__all__ = ["FRONT_COSTS", "FrontCost", "fronts", "priced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontCost:
    """A cost that top-1 is held against.

    Attributes:
        name: the front's name in tables.
        said: the cost's name in sentences and headings.
        of: a network's cost (multiply-adds, parameters, bytes or seconds); None where it is not known.
        text: a network's cost as a page says it; blank where it is not known.
    """

    name: str
    said: str
    of: Callable[[CandidateRecord], float | None]
    text: Callable[[CandidateRecord], str]


FRONT_COSTS = (
    FrontCost(name="macs", said="MACs", of=lambda c: c.macs, text=lambda c: si(c.macs)),
    FrontCost(name="params", said="params", of=lambda c: c.params, text=lambda c: si(c.params)),
    FrontCost(
        name="memory",
        said="inference memory",
        of=lambda c: c.inference_bytes,
        text=lambda c: "" if c.inference_bytes is None else binary(c.inference_bytes),
    ),
    FrontCost(
        name="latency",
        said="latency",
        of=lambda c: latency_median(c.latency),
        text=lambda c: latency_text(c.latency),
    ),
)
"""Every cost that has a front, in the order of tables, figures and pages."""


def priced(run: RunRecord, cost: FrontCost) -> list[CandidateRecord]:
    """The judged candidates whose cost is known; no latencies where they are of several machines."""
    done = judged(run)
    if cost.name == "latency" and len(machines(done)) > 1:
        return []
    return [c for c in done if cost.of(c) is not None]


@once_per_run
def fronts(run: RunRecord) -> dict[str, list[str]]:
    """The keys on each front, by the name of its cost, from cheap to dear; empty where nothing is known."""
    return {cost.name: _front(run, cost) for cost in FRONT_COSTS}


def _front(run: RunRecord, cost: FrontCost) -> list[str]:
    candidates = priced(run, cost)
    costs = [float(cost.of(c) or 0.0) for c in candidates]
    flags = pareto_front(costs, [c.top1 or 0.0 for c in candidates])
    kept = [(value, c.key) for value, c, flag in zip(costs, candidates, flags, strict=True) if flag]
    return [key for _, key in sorted(kept, key=lambda pair: pair[0])]
