"""The compound-scaling arithmetic of EfficientNet (arXiv 1905.11946, section 3.3, equation 3).

With coefficients alpha, beta, gamma >= 1 and a compound exponent phi, a network is made
``alpha**phi`` times as deep, ``beta**phi`` times as wide and given ``gamma**phi`` times the resolution.
Convolution cost grows with depth, with the square of width and with the square of resolution, so
choosing ``alpha * beta**2 * gamma**2 == 2`` makes the nominal cost ``2**phi``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from scalesearch.plain import require_limits

NOMINAL_BASE = 2.0
"""What ``alpha * beta**2 * gamma**2`` should be: cost doubles with each step of phi."""

FAST_WIDTH_SHARE = 0.8
"""The width share of fast compound scaling (arXiv 2103.06877; its code, ``models/scaler.py`` of pycls, says
``d1_w8_g8_r1``: 8 parts of 10)."""

SHARES_TOLERANCE = 1e-9


def exact(value: float) -> Fraction:
    """The decimal that a number was written as: 1.9 is 19/10, though no binary number is.

    What is typed in decimals is compared in decimals: |1.9 - 2| is 0.1, where binary numbers make it more.

    Raises:
        ValueError: if it is infinite or not a number.
    """
    return Fraction(repr(float(value)))


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
        ValueError: if a multiplier is not finite, not above 0 or beyond all that can be built.
    """

    depth: float = 1.0
    width: float = 1.0
    resolution: float = 1.0

    def __post_init__(self) -> None:
        for name in ("depth", "width", "resolution"):
            _require_positive(name, getattr(self, name))
        require_limits(self, "depth", "width", "resolution")

    @property
    def nominal_ratio(self) -> float:
        """Cost relative to the baseline by the rule, before any rounding: ``d * w**2 * r**2``."""
        return self.depth * self.width**2 * self.resolution**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """The paper's alpha (depth), beta (width) and gamma (resolution), each >= 1.

    Raises:
        ValueError: if a coefficient is not finite, below 1 or too large to raise to a power.
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
        require_limits(self, "alpha", "beta", "gamma")

    @property
    def product(self) -> float:
        """``alpha * beta**2 * gamma**2``: the nominal cost of one step of phi (equation 3)."""
        return self.alpha * self.beta**2 * self.gamma**2

    def at(self, phi: float) -> Multipliers:
        """The multipliers at compound exponent ``phi`` (0 is the baseline).

        Raises:
            ValueError: if ``phi`` is not finite, or so large that no network could be so scaled.
        """
        _require_finite("phi", phi)
        try:
            return Multipliers(depth=self.alpha**phi, width=self.beta**phi, resolution=self.gamma**phi)
        except (OverflowError, ValueError):
            raise ValueError(f"`phi` must be small enough to compute, got {phi}") from None

    @property
    def distance(self) -> Fraction:
        """``|product - 2|``, exactly."""
        product = exact(self.alpha) * exact(self.beta) ** 2 * exact(self.gamma) ** 2
        return abs(product - exact(NOMINAL_BASE))

    def satisfies(self, tolerance: float) -> bool:
        """Whether ``|product - 2| <= tolerance``, in the decimals that all of them were written as."""
        return self.distance <= exact(tolerance)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How a doubling of the cost is shared out: the exponents of depth, width and resolution.

    For a cost ``s`` times as large, ``d = s**depth``, ``w = s**(width / 2)``, ``r = s**(resolution / 2)``, so
    that ``d * w**2 * r**2 == s`` (the exponents of arXiv 2103.06877). Every point of this simplex meets
    equation 3 exactly, where a grid of coefficients meets it within a tolerance.

    Raises:
        ValueError: if a share is not finite or below 0, or they don't add up to 1.
    """

    depth: float
    width: float
    resolution: float

    def __post_init__(self) -> None:
        for name in ("depth", "width", "resolution"):
            value = getattr(self, name)
            _require_finite(name, value)
            if value < 0:
                raise ValueError(f"`{name}` must be >= 0, got {value}")
        total = self.depth + self.width + self.resolution
        if abs(total - 1) > SHARES_TOLERANCE:
            raise ValueError(
                f"`shares` must add up to 1, got {self.depth} + {self.width} + {self.resolution} = {total}"
            )

    @property
    def coefficients(self) -> Coefficients:
        """The coefficients whose product is 2 and that share it so."""
        return Coefficients(
            alpha=NOMINAL_BASE**self.depth,
            beta=NOMINAL_BASE ** (self.width / 2),
            gamma=NOMINAL_BASE ** (self.resolution / 2),
        )


def shares_of(coefficients: Coefficients) -> Shares:
    """How ``coefficients`` share the growth of their own product, be it 2 or not.

    Raises:
        ValueError: if all three are 1: nothing grows that could be shared.
    """
    depth = math.log(coefficients.alpha)
    width = 2 * math.log(coefficients.beta)
    resolution = 2 * math.log(coefficients.gamma)
    total = depth + width + resolution
    if total == 0:
        raise ValueError("`coefficients` must hold one above 1 to have shares, got 1, 1, 1")
    return Shares(depth=depth / total, width=width / total, resolution=resolution / total)


def one_dial(width_share: float) -> Shares:
    """The one-parameter family of arXiv 2103.06877: depth and resolution share what width leaves, equally.

    A width share (the paper's alpha) of 1/3 is uniform compound scaling, 1 scales width alone, and
    ``FAST_WIDTH_SHARE`` is the paper's fast compound scaling, whose activations grow only about as the square
    root of the cost.

    Raises:
        ValueError: if the share is not from 0 to 1.
    """
    if not 0 <= width_share <= 1:
        raise ValueError(f"`width_share` must be from 0 to 1, got {width_share}")
    rest = (1 - width_share) / 2
    return Shares(depth=rest, width=width_share, resolution=rest)
