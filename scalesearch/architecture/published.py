"""Published networks, read from data files that name their sources.

``published_family.csv`` holds the family, ``published_b0_scaled.csv`` EfficientNet-B0 scaled in one dimension
or in all.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from scalesearch.architecture.baselines import EFFICIENTNET_B0
from scalesearch.architecture.spec import ArchSpec, Rounding, scale
from scalesearch.scaling import Coefficients, Multipliers

__all__ = [
    "PAPER_COEFFICIENTS",
    "PublishedNetwork",
    "PublishedScaling",
    "published_b0_scaled",
    "published_family",
]

PAPER_COEFFICIENTS = Coefficients(alpha=1.2, beta=1.1, gamma=1.15)
"""The grid search's answer for EfficientNet-B0 (arXiv 1905.11946, section 4, STEP 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedNetwork:
    """One published row. ``top1`` and ``top5`` are fractions; None where nothing was published."""

    name: str
    width: float
    depth: float
    resolution: int
    dropout: float
    top1: float | None
    top5: float | None
    params: float | None
    flops: float | None
    source: str

    def arch(self) -> ArchSpec:
        """The network rebuilt from its published coefficients with the official rounding."""
        spec = scale(
            EFFICIENTNET_B0,
            Multipliers(depth=self.depth, width=self.width),
            Rounding(),
            resolution=self.resolution,
        )
        return ArchSpec.from_dict(
            spec.to_dict() | {"name": f"efficientnet-{self.name}", "dropout": self.dropout}
        )


@cache
def published_family() -> Mapping[str, PublishedNetwork]:
    """All published rows by name: b0 to b7, then b8 and l2 (coefficients only)."""

    def number(cell: str, unit: float = 1.0) -> float | None:
        return float(cell) * unit if cell else None

    return MappingProxyType(
        {
            row["name"]: PublishedNetwork(
                name=row["name"],
                width=float(row["width"]),
                depth=float(row["depth"]),
                resolution=int(row["resolution"]),
                dropout=float(row["dropout"]),
                top1=number(row["top1"]),
                top5=number(row["top5"]),
                params=number(row["params_millions"], 1e6),
                flops=number(row["flops_billions"], 1e9),
                source=row["source"],
            )
            for row in _rows("published_family.csv")
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScaling:
    """EfficientNet-B0 as published with ``scaling``: none, depth, width, resolution or compound.

    ``flops`` are multiply-adds for one image, ``top1`` the ImageNet accuracy as a fraction.
    """

    scaling: str
    depth: float
    width: float
    resolution: float
    flops: float
    top1: float
    source: str


@cache
def published_b0_scaled() -> Mapping[str, PublishedScaling]:
    """The published rows by scaling: none, depth, width, resolution, compound."""
    return MappingProxyType(
        {
            row["scaling"]: PublishedScaling(
                scaling=row["scaling"],
                depth=float(row["depth"]),
                width=float(row["width"]),
                resolution=float(row["resolution"]),
                flops=float(row["flops_billions"]) * 1e9,
                top1=float(row["top1"]),
                source=row["source"],
            )
            for row in _rows("published_b0_scaled.csv")
        }
    )


def _rows(name: str) -> list[dict[str, str]]:
    text = files("scalesearch.architecture").joinpath(name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))
