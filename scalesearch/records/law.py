"""The cost law of a machine: what time costs there, and how far the law can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scalesearch.architecture.cost_values import Cost
from scalesearch.plain import typed
from scalesearch.records.timing import MeasureRecord, Setup

__all__ = [
    "LAW_TERMS",
    "BestSplits",
    "CostLaw",
    "HeldOut",
    "KindTime",
    "LawRecord",
    "Price",
    "Split",
    "Triple",
]

LAW_TERMS = ("constant", "macs", "activations", "params", "layers")
"""What latency is made of: seconds for nothing at all, and for each unit of the network's cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """A network's measured and predicted seconds, predicted by a law that was fitted without it."""

    name: str
    key: str
    measured_s: float
    predicted_s: float

    @property
    def error(self) -> float:
        """Relative error of the prediction."""
        return self.predicted_s / self.measured_s - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLaw:
    """Latency in one setup on one machine as a non-negative combination of a network's costs.

    Attributes:
        machine: key of the machine it holds on.
        setup: the setup it holds in; ``macs`` and ``activations`` are those of the setup's whole batch.
        seconds: by term of ``LAW_TERMS``: seconds for one multiply-add, one activation, one parameter, one
            layer; ``constant`` in seconds.
        held_out: every network of the fit, predicted by a law fitted without its fold.
        spread: the least and the greatest latency among those networks, in seconds.

    Raises:
        ValueError: if a coefficient is unknown, missing, negative or not finite.
    """

    machine: str
    setup: Setup
    seconds: Mapping[str, float]
    held_out: tuple[HeldOut, ...]

    def __post_init__(self) -> None:
        if set(self.seconds) != set(LAW_TERMS):
            raise ValueError(f"`seconds` must name {', '.join(LAW_TERMS)}, got {', '.join(self.seconds)}")
        for name, value in self.seconds.items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"`seconds` must be finite numbers >= 0, got {value} for {name}")
        for row in self.held_out:
            if not (math.isfinite(row.measured_s) and row.measured_s > 0 and math.isfinite(row.predicted_s)):
                raise ValueError(f"`held_out` must have finite times > 0, got {row.measured_s} of {row.name}")

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest latency that the law was fitted on, in seconds."""
        times = [row.measured_s for row in self.held_out]
        return (min(times), max(times)) if times else (math.nan, math.nan)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return {
            "machine": self.machine,
            "setup": self.setup.to_dict(),
            "seconds": dict(self.seconds),
            "held_out": [
                {"name": r.name, "key": r.key, "measured_s": r.measured_s, "predicted_s": r.predicted_s}
                for r in self.held_out
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CostLaw:
        """The law that :meth:`to_dict` gave.

        Raises:
            ValueError: if it is none.
        """
        try:
            return typed(cls, data)
        except ValueError as error:
            reason = str(error).replace("`", "")
            raise ValueError(f"`law` must be a cost law as scalesearch law writes it: {reason}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class KindTime:
    """Seconds that one kind of layer takes in one forward pass of a network.

    ``kind``: depthwise, pointwise, spatial (other convolutions), squeeze-excite, norm, activation, add,
    linear, or other (what no kind explains).
    """

    name: str
    kind: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a dimension costs in one setup: the baseline scaled in it alone.

    The exponents are over a doubling of the cost: ``2 = multiplier ** exponent``, on a smooth cost without
    rounding. What is ``built`` is the real network nearest to twice the multiply-adds.

    Attributes:
        setup: of the law.
        dimension: depth, width or resolution.
        nominal_exponent: of the multiply-adds by the rule: 1, 2, 2.
        macs_exponent: of the multiply-adds in fact.
        latency_exponent: of the law's seconds; near 0 where hardly any multiplier doubles them.
        latency_ratio: seconds by the law, over the baseline's, where the multiply-adds have doubled exactly.
        built: name of the network.
        built_key: its content hash.
        built_macs_ratio: its multiply-adds over the baseline's.
        built_activations_ratio: its activations over the baseline's.
        built_layers_ratio: its layers over the baseline's.
        built_latency_ratio: its seconds by the law over the baseline's.
        measured: its measured seconds over the baseline's, with the 95% interval; None where one of the two
            was not measured.
    """

    setup: Setup
    dimension: str
    nominal_exponent: float
    macs_exponent: float
    latency_exponent: float
    latency_ratio: float
    built: str
    built_key: str
    built_macs_ratio: float
    built_activations_ratio: float
    built_layers_ratio: float
    built_latency_ratio: float
    measured: tuple[float, float, float] | None = None


Triple = tuple[float, float, float]
"""Shares of depth, width and resolution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The multipliers by which a rule spends twice a budget: multiply-adds or the law's seconds.

    ``macs_ratio`` and ``latency_ratio`` are over the baseline's, on a smooth cost without rounding.
    """

    setup: Setup
    rule: str
    budget: str
    depth: float
    width: float
    resolution: float
    macs_ratio: float
    latency_ratio: float

    @property
    def shares(self) -> Triple:
        """How the nominal growth ``d * w**2 * r**2`` is shared out."""
        parts = (math.log(self.depth), 2 * math.log(self.width), 2 * math.log(self.resolution))
        total = sum(parts)
        return (parts[0] / total, parts[1] / total, parts[2] / total)


@dataclass(frozen=True, slots=True, kw_only=True)
class BestSplits:
    """Where a finished run's accuracies put the best split, under each budget.

    Attributes:
        setup: of the law that says what the time is.
        source: the run.
        networks: how many the accuracy surface rests on.
        error: root mean square error of the surface on networks left out, as a fraction.
        mean_error: the same of the plain mean: what no surface at all achieves.
        tells_cost: whether the run says what more cost brings; without it the latency budget has no answer.
        macs: best shares under twice the multiply-adds.
        latency: best shares under twice the seconds; None where the run can't say.
        macs_cloud: the same, from resampled networks and seeds.
        latency_cloud: the same; pairs with ``macs_cloud``.
        moves: for depth, width and resolution, the move from ``macs`` to ``latency`` in share, with its 95%
            interval: (move, low, high).
    """

    setup: Setup
    source: str
    networks: int
    error: float
    mean_error: float
    tells_cost: bool
    macs: Triple
    latency: Triple | None
    macs_cloud: tuple[Triple, ...]
    latency_cloud: tuple[Triple, ...] = ()
    moves: tuple[tuple[float, float, float], ...] = ()

    @property
    def explains(self) -> bool:
        """Whether the surface foretells a network better than the mean of the others does."""
        return self.error < self.mean_error

    @property
    def shown(self) -> bool:
        """Whether a move of some share is told from none, by a surface that explains anything."""
        return self.explains and any(low > 0 or high < 0 for _, low, high in self.moves)


@dataclass(frozen=True, slots=True, kw_only=True)
class LawRecord:
    """A whole ``law`` command: what was measured, the laws fitted to it, one for each setup.

    Attributes:
        measured: the networks that the laws rest on.
        laws: one for each setup with enough networks.
        kinds: where the time goes in the baseline, and in it scaled by one dimension at twice its MACs.
        kinds_setup: the setup that ``kinds`` were measured in; None without any.
        baseline: name of the network that is scaled.
        base_cost: its cost for one image.
        prices: what each dimension costs, setup by setup.
        splits: how rules spend a budget of multiply-adds and one of time.
        best: where the accuracies of a finished run put the best split; empty where none was given.
        notes: what was left out and why.
    """

    measured: MeasureRecord
    laws: tuple[CostLaw, ...]
    kinds: tuple[KindTime, ...]
    kinds_setup: Setup | None
    baseline: str
    base_cost: Cost
    prices: tuple[Price, ...] = ()
    splits: tuple[Split, ...] = ()
    best: tuple[BestSplits, ...] = ()
    notes: tuple[str, ...] = ()
