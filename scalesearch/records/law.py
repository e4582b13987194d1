"""The cost law of a machine: what time costs there, and how far the law can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scalesearch.records.timing import MeasureRecord, Setup

__all__ = ["LAW_TERMS", "CostLaw", "HeldOut", "KindTime", "LawRecord"]

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
            return cls(
                machine=str(data["machine"]),
                setup=Setup.from_dict(data["setup"]),
                seconds={str(name): float(value) for name, value in data["seconds"].items()},
                held_out=tuple(HeldOut(**row) for row in data["held_out"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"`law` must be a cost law as scalesearch law writes it: {error!r}") from error


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
class LawRecord:
    """A whole ``law`` command: what was measured, the laws fitted to it, one for each setup.

    Attributes:
        measured: the networks that the laws rest on.
        laws: one for each setup with enough networks.
        kinds: where the time goes in the baseline, and in it scaled by one dimension at twice its MACs.
        baseline: name of the network that is scaled.
        base_costs: its cost by name: macs, activations, params, layers, resolution.
        splits: how the best split of a budget moves: one row per coefficients and budget.
        accuracy_source: the run whose accuracies say what is best; empty where none was given.
    """

    measured: MeasureRecord
    laws: tuple[CostLaw, ...]
    kinds: tuple[KindTime, ...]
    baseline: str
    base_costs: Mapping[str, float]
    splits: tuple[Mapping[str, Any], ...] = ()
    accuracy_source: str = ""
