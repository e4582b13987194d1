"""Networks that were published scaled in one dimension alone, or in all three by one rule.

``published_scaled.csv`` holds the rows of arXiv 1905.11946, Tables 3 and 7, each with its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import MappingProxyType

from scalesearch.architecture.published import published_rows
from scalesearch.scaling import Multipliers

__all__ = ["PublishedScaling", "published_b0_scaled", "published_scaled"]

BILLION = Decimal(10**9)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScaling:
    """A baseline as published with ``scaling``: none, depth, width, resolution or compound.

    ``flops`` are multiply-adds for one image, ``flops_step`` what one more in the last printed digit of them
    would be, ``top1`` the ImageNet accuracy as a fraction.
    """

    baseline: str
    scaling: str
    depth: float
    width: float
    resolution: float
    flops: float
    flops_step: float
    top1: float
    source: str

    @property
    def multipliers(self) -> Multipliers:
        """Times as deep, wide and sharp as the baseline."""
        return Multipliers(depth=self.depth, width=self.width, resolution=self.resolution)

    def prints(self, macs: float) -> bool:
        """Whether so many multiply-adds, rounded to the printed digits, are the printed figure."""
        return abs(macs - self.flops) <= self.flops_step / 2


@cache
def published_scaled() -> tuple[PublishedScaling, ...]:
    """All rows, in the order of the tables."""
    return tuple(
        PublishedScaling(
            baseline=row["baseline"],
            scaling=row["scaling"],
            depth=float(row["depth"]),
            width=float(row["width"]),
            resolution=float(row["resolution"]),
            flops=float(Decimal(row["flops_billions"]) * BILLION),
            flops_step=float(Decimal((0, (1,), _last_place(row["flops_billions"]))) * BILLION),
            top1=float(row["top1"]),
            source=row["source"],
        )
        for row in published_rows("published_scaled.csv")
    )


@cache
def published_b0_scaled() -> Mapping[str, PublishedScaling]:
    """The rows of EfficientNet-B0 by scaling: none, depth, width, resolution, compound."""
    return MappingProxyType(
        {row.scaling: row for row in published_scaled() if row.baseline == "efficientnet-b0"}
    )


def _last_place(figure: str) -> int:
    """The power of ten of the last printed digit."""
    exponent = Decimal(figure).as_tuple().exponent
    assert isinstance(exponent, int)  # no figure of the file is infinite
    return exponent
