"""The numbers that a record's fields can hold, by their names: nobody trained a network to a top-1 of 7."""

from __future__ import annotations

import math

__all__ = ["require_in_plan", "require_in_range"]

POSITIVE = frozenset(
    (
        *("alpha", "beta", "gamma", "product", "depth", "width", "resolution_multiplier", "resolution"),
        *("resolution_width", "macs", "full_macs", "macs_ratio", "full_macs_ratio", "nominal_ratio"),
        *("target", "value", "classes", "held_out_images", "networks", "batch_size"),
    )
)
SHARES = frozenset(("top1",))
# A phi may be below 0, and so may a correlation and what a wrong choice costs; nothing else that is stored.
SIGNED = frozenset(
    (
        *("phi", "implied_phi_depth", "implied_phi_width", "implied_phi_resolution"),
        *("tau", "tau_low", "tau_high", "regret"),
        *("depth_doublings", "width_doublings", "resolution_doublings"),
    )
)


def require_in_range(name: str, number: float) -> None:
    """Raises ValueError, saying what it must be, for a number that no field of that name can hold."""
    if not math.isfinite(number):
        raise ValueError(f"must be a finite number, got {number}")
    if name in SHARES and not 0 <= number <= 1:
        raise ValueError(f"must be between 0 and 1, got {number}")
    if name in POSITIVE and number <= 0:
        raise ValueError(f"must be > 0, got {number}")
    if name not in SIGNED and number < 0:
        raise ValueError(f"must be >= 0, got {number}")


UNKNOWN = frozenset(("macs", "macs_ratio", "full_macs", "full_macs_ratio"))
"""Costs that are 0 where nobody can tell them; see ``CandidateRecord``."""


def require_in_plan(name: str, number: float) -> None:
    """As :func:`require_in_range`, for the networks of a search, some of which can't be counted."""
    if not (name in UNKNOWN and number == 0):
        require_in_range(name, number)
