"""What a search optimises: the value of each objective for a network, its direction, and how it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from scalesearch.belief.reward import reward
from scalesearch.records import CandidateRecord
from scalesearch.report.latency import latency_median
from scalesearch.report.markdown import percent, si

__all__ = ["Objective", "objective"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One objective: its name in sentences, whether more is better, and the axis of a figure.

    ``scale`` turns its value into the unit of ``axis``.
    """

    name: str
    said: str
    maximise: bool
    axis: str
    scale: float

    def value(self, candidate: CandidateRecord, settings: Mapping[str, Any]) -> float | None:
        """The network's value: a fraction, a count or seconds for a batch; None where it is not known.

        Raises:
            KeyError: for the reward, if ``settings`` lacks ``reward_target`` or ``reward_weight``.
        """
        if self.name == "top1":
            return candidate.top1
        if self.name == "macs":
            return float(candidate.macs)
        if self.name == "params":
            return float(candidate.params)
        if self.name == "latency":
            return latency_median(candidate.latency)
        if candidate.top1 is None:
            return None
        target, weight = float(settings["reward_target"]), float(settings["reward_weight"])
        return reward(candidate.top1, candidate.macs, target, weight)

    def text(self, value: float | None) -> str:
        """The value as a page says it; blank where unknown."""
        if value is None:
            return ""
        if self.name == "top1":
            return percent(value)
        if self.name == "latency":
            return f"{1e3 * value:.3g} ms"
        return si(value) if self.name in ("macs", "params") else f"{value:.4f}"


OBJECTIVES: Mapping[str, Objective] = MappingProxyType(
    {
        one.name: one
        for one in (
            Objective(name="top1", said="top-1", maximise=True, axis="held-out top-1 (%)", scale=100),
            Objective(
                name="reward", said="reward", maximise=True, axis="reward (top-1 weighed by cost)", scale=1
            ),
            Objective(name="macs", said="MACs", maximise=False, axis="multiply-adds (millions)", scale=1e-6),
            Objective(name="params", said="params", maximise=False, axis="parameters (millions)", scale=1e-6),
            Objective(
                name="latency", said="latency", maximise=False, axis="latency of a batch (ms)", scale=1e3
            ),
        )
    }
)


def objective(name: str) -> Objective:
    """The objective called ``name``.

    Raises:
        ValueError: for a name that is none of top1, reward, macs, params, latency.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"`objectives` must be of {', '.join(OBJECTIVES)}, got {name!r}")
    return OBJECTIVES[name]
