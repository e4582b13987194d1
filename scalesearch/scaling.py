"""The compound-scaling arithmetic of EfficientNet (arXiv 1905.11946, section 3.3, equation 3).

With coefficients alpha, beta, gamma >= 1 and a compound exponent phi, a network is made
``alpha**phi`` times as deep, ``beta**phi`` times as wide and given ``gamma**phi`` times the resolution.
Convolution cost grows with depth, with the square of width and with the square of resolution, so
choosing ``alpha * beta**2 * gamma**2 == 2`` makes the nominal cost ``2**phi``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Coefficients", "Multipliers", "implied_phi"]

NOMINAL_BASE = 2.0
"""What ``alpha * beta**2 * gamma**2`` should be: cost doubles with each step of phi."""


def _require_finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"`{name}` must be a finite number, got {value}")


def _require_positive(name: str, value: float) -> None:
    _require_finite(name, value)
    if value <= 0:
        raise ValueError(f"`{name}` must be > 0, got {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Multipliers:
    """How many times as deep, as wide and as sharp as its baseline a network is.

    Raises:
        ValueError: if a multiplier is not finite or not above 0.
    """

    depth: float = 1.0
    width: float = 1.0
    resolution: float = 1.0

    def __post_init__(self) -> None:
        for name in ("depth", "width", "resolution"):
            _require_positive(name, getattr(self, name))

    @property
    def nominal_ratio(self) -> float:
        """Cost relative to the baseline by the rule, before any rounding: ``d * w**2 * r**2``."""
        return self.depth * self.width**2 * self.resolution**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """The paper's alpha (depth), beta (width) and gamma (resolution), each >= 1.

    Raises:
        ValueError: if a coefficient is not finite or below 1.
    """

    alpha: float
    beta: float
    gamma: float

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "gamma"):
            value = getattr(self, name)
            _require_finite(name, value)
            if value < 1:
                raise ValueError(f"`{name}` must be >= 1, got {value}")

    @property
    def product(self) -> float:
        """``alpha * beta**2 * gamma**2``: the nominal cost of one step of phi (equation 3)."""
        return self.alpha * self.beta**2 * self.gamma**2

    def at(self, phi: float) -> Multipliers:
        """The multipliers at compound exponent ``phi`` (any finite number; 0 is the baseline).

        Raises:
            ValueError: if ``phi`` is not finite, or so large that a multiplier overflows.
        """
        _require_finite("phi", phi)
        try:
            return Multipliers(depth=self.alpha**phi, width=self.beta**phi, resolution=self.gamma**phi)
        except OverflowError:
            raise ValueError(f"`phi` must be small enough to compute, got {phi}") from None

    def satisfies(self, tolerance: float) -> bool:
        """Whether ``|product - 2| <= tolerance``."""
        return abs(self.product - NOMINAL_BASE) <= tolerance


def implied_phi(multiplier: float, coefficient: float) -> float | None:
    """The phi at which ``coefficient**phi == multiplier``; None where no phi makes it so.

    A coefficient of 1 never scales its dimension: it implies phi 0 for a multiplier of 1
    and no phi for any other.

    Raises:
        ValueError: if either is not finite or not above 0.
    """
    _require_positive("multiplier", multiplier)
    _require_positive("coefficient", coefficient)
    if coefficient == 1:
        return 0.0 if multiplier == 1 else None
    return math.log(multiplier) / math.log(coefficient)
