"""One number for accuracy and cost together: the reward of the architecture search behind EfficientNet-B0."""

from __future__ import annotations

import math

__all__ = ["reward"]


def reward(top1: float, cost: float, target: float, weight: float) -> float:
    """``top1 * (cost / target)**weight`` (arXiv 1905.11946, section 4; MnasNet, arXiv 1807.11626, eq. 2-3).

    With the paper's ``weight`` of -0.07, twice the cost is worth about 5% more accuracy, relative to it.

    Args:
        top1: accuracy as a fraction.
        cost: what the network costs, in the unit of ``target`` (the paper's: multiply-adds).
        target: the cost at which the reward is the accuracy itself.
        weight: the exponent, at most 0; at 0 cost does not matter.

    Raises:
        ValueError: if ``cost`` or ``target`` is not above 0, or a number is not finite, or ``weight`` is
            above 0.
    """
    for name, value in (("top1", top1), ("cost", cost), ("target", target), ("weight", weight)):
        if not math.isfinite(value):
            raise ValueError(f"`{name}` must be a finite number, got {value}")
    for name, value in (("cost", cost), ("target", target)):
        if value <= 0:
            raise ValueError(f"`{name}` must be > 0, got {value}")
    if weight > 0:
        raise ValueError(f"`weight` must be <= 0, got {weight}: a dearer network would be worth more")
    return float(top1 * (cost / target) ** weight)
