"""What one network should cost, and does."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BudgetRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRecord:
    """What one network should cost and does. ``kind``: macs, params, activations, memory or latency.

    ``target`` and ``value`` are multiply-adds, parameters, elements, bytes (the peak of a training step) or
    seconds. ``matched_by`` names the dimension that was solved for, empty where the network was only chosen.
    ``full_size``: the budget is of the same multipliers' full-size network, not of the one that is trained;
    its latency is predicted by a cost law.
    """

    kind: str
    target: float
    value: float
    matched_by: str = ""
    full_size: bool = False

    @property
    def residual(self) -> float:
        """How far the cost is from its target, relative to it."""
        return self.value / self.target - 1
