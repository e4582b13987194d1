"""What one network should cost, and does."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IN_SHARES", "BudgetRecord"]

IN_SHARES = "shares"
"""What a network was matched by whose depth, width and resolution were solved for together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRecord:
    """What one network should cost and does. ``kind``: macs, params, activations, memory or latency.

    ``target`` and ``value`` are multiply-adds, parameters, elements, bytes (the peak of a training step) or
    seconds. ``matched_by`` names the dimension that was solved for, empty where the network was only chosen,
    and is ``shares`` where all three were, to have the shares that were asked for; ``missed`` is then what is
    farther from them than 5 points, and from the target than 2%, in words.
    ``full_size``: the budget is of the same multipliers' full-size network, not of the one that is trained;
    its latency is predicted by a cost law.
    """

    kind: str
    target: float
    value: float
    matched_by: str = ""
    full_size: bool = False
    missed: str = ""

    @property
    def residual(self) -> float:
        """How far the cost is from its target, relative to it."""
        return self.value / self.target - 1
