"""What the panels of accuracy against cost show: one panel for each cost that tells networks apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.budgets import same_cost
from scalesearch.report.evidence import judged
from scalesearch.report.fronts.fronts import FRONT_COSTS, FrontCost, fronts, priced
from scalesearch.report.latency import latency_quartiles, machines, unstable
from scalesearch.report.sentences import listed
from scalesearch.report.stopped_early import stopped
from scalesearch.report.style import plain

__all__ = ["Panel", "panels", "panels_left_out"]

ALIKE = "of which all trained networks have the same within 5%"
Range = tuple[float, float, float]
"""Low end, value, high end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel, as plain values.

    Attributes:
        name: the cost's name, see ``fronts.FRONT_COSTS``.
        label: of the x axis, with the unit.
        unit: what a cost was divided by, so that it is in the unit of the axis.
        candidates: the judged networks whose cost is known.
        costs: their costs in that unit.
        front: the keys on the front, from cheap to dear.
        stopped: cost and top-1 in percent of the networks that were stopped early.
        unstable: the keys of the networks whose cost is an unstable measurement.
    """

    name: str
    label: str
    unit: float
    candidates: Sequence[CandidateRecord]
    costs: Sequence[Range]
    front: Sequence[str]
    stopped: Sequence[tuple[float, float]]
    unstable: frozenset[str]


def panels(run: RunRecord, *, alike: bool = False) -> list[Panel]:
    """The panels in the order of the costs, without those that have no data or would show nothing.

    Args:
        run: the search.
        alike: keep those in which all networks cost the same within 5%.
    """
    on = fronts(run)
    return [
        _panel(run, cost, on[cost.name])
        for cost in FRONT_COSTS
        if _nothing(run, cost) in ("", ALIKE if alike else "")
    ]


def panels_left_out(run: RunRecord) -> str:
    """Which panels there are not, and why, as half a sentence; empty where none is missing or judged."""
    why: dict[str, list[str]] = {}
    for cost in FRONT_COSTS if judged(run) else ():
        if reason := _nothing(run, cost):
            why.setdefault(reason, []).append(cost.said)
    return "; ".join(f"no panel for {listed(said)}, {reason}" for reason, said in why.items())


def _nothing(run: RunRecord, cost: FrontCost) -> str:
    """Why a cost has no panel; empty where it has one."""
    known = priced(run, cost)
    if not known and cost.name == "latency" and len(machines(judged(run))) > 1:
        return "which was measured on several machines"
    if not known:
        return "which was not measured" if cost.name == "latency" else "which is not known"
    same = same_cost([float(cost.of(c) or 0.0) for c in known])
    return ALIKE if same else ""


def _panel(run: RunRecord, cost: FrontCost, front: Sequence[str]) -> Panel:
    known = priced(run, cost)
    label, unit = _axis(run, cost, known)
    values = [(cost.of(c) or 0.0) / unit for c in known]
    costs = [(value, value, value) for value in values]
    if cost.name == "latency":
        quartiles = [latency_quartiles(c.latency) for c in known if c.latency is not None]
        costs = [(low / unit, middle / unit, high / unit) for low, middle, high in quartiles]
    early = [c for c in stopped(run) if c.runs and cost.name != "latency"]
    return Panel(
        name=cost.name,
        label=label,
        unit=unit,
        candidates=known,
        costs=costs,
        front=front,
        stopped=[(price / unit, 100 * (c.top1 or 0.0)) for c in early if (price := cost.of(c)) is not None],
        unstable=frozenset(c.key for c in known if cost.name == "latency" and unstable(c.latency)),
    )


def _axis(run: RunRecord, cost: FrontCost, known: Sequence[CandidateRecord]) -> tuple[str, float]:
    """The label of the x axis and its unit."""
    most = max((cost.of(c) or 0.0) for c in known)
    if cost.name == "macs":
        name, unit = ("billions", 1e9) if most >= 1e9 else ("millions", 1e6)
        return f"multiply-adds of the trained network ({name})", unit
    if cost.name == "params":
        name, unit = ("millions", 1e6) if most >= 1e6 else ("thousands", 1e3)
        return f"parameters ({name})", unit
    if cost.name == "memory":
        name, unit = ("GiB", 2.0**30) if most >= 2**30 else ("MiB", 2.0**20)
        return f"inference memory ({name}),\nbatch of {run.settings.get('latency_batch_size', 1)}", unit
    first = next(c.latency for c in known if c.latency is not None)
    return f"latency (ms), batch of {first.batch_size}\non {plain(first.device)}: median, quartiles", 1e-3
