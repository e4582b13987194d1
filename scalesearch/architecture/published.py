"""Published networks, read from data files that name their sources.

Networks that were published scaled in one dimension alone are in ``published_scaled``.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from scalesearch.architecture.baselines import BASELINES, EFFICIENTNET_B0, EFFICIENTNET_LITE0
from scalesearch.architecture.scaled import scale
from scalesearch.architecture.spec import Arch, ArchSpec, Rounding
from scalesearch.scaling import Coefficients, Multipliers

__all__ = [
    "PAPER_COEFFICIENTS",
    "PublishedNetwork",
    "published_family",
    "published_family_of",
    "published_network",
    "published_networks",
    "published_rows",
]

PAPER_COEFFICIENTS = Coefficients(alpha=1.2, beta=1.1, gamma=1.15)
"""The grid search's answer for EfficientNet-B0 (arXiv 1905.11946, section 4, STEP 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedNetwork:
    """One published row. ``top1`` and ``top5`` are fractions; None where nothing was published.

    ``width``, ``depth`` and ``resolution`` (in pixels) are what was made of ``baseline``.
    """

    name: str
    baseline: str
    width: float
    depth: float
    resolution: int
    dropout: float
    top1: float | None
    top5: float | None
    params: float | None
    flops: float | None
    source: str

    @property
    def multipliers(self) -> Multipliers:
        """Its published multipliers; that of the resolution is what its pixels are of the baseline's."""
        sharper = self.resolution / BASELINES[self.baseline].resolution
        return Multipliers(depth=self.depth, width=self.width, resolution=sharper)

    def arch(self) -> ArchSpec:
        """The network rebuilt from its published coefficients with the official rounding."""
        spec = scale(BASELINES[self.baseline], self.multipliers, Rounding(), resolution=self.resolution)
        return replace(spec, name=f"efficientnet-{self.name}", dropout=self.dropout)


@cache
def published_family() -> Mapping[str, PublishedNetwork]:
    """EfficientNet's published rows by name: b0 to b7, then b8 and l2 (coefficients only)."""
    return _networks("published_family.csv", EFFICIENTNET_B0)


@cache
def published_networks() -> Mapping[str, PublishedNetwork]:
    """All published rows by name: those of :func:`published_family`, then lite0 to lite4."""
    lite = _networks("published_lite.csv", EFFICIENTNET_LITE0)
    return MappingProxyType({**published_family(), **lite})


def published_network(name: str) -> PublishedNetwork | None:
    """The network of that name, such as ``b4``, ``B4`` or ``efficientnet-b4``; None where there is none."""
    return published_networks().get(name.lower().removeprefix("efficientnet-"))


def published_family_of(baseline: Arch) -> tuple[PublishedNetwork, ...]:
    """The networks that were published, with what they reached, as ``baseline`` scaled; there may be none."""
    return tuple(
        network
        for network in published_networks().values()
        if network.top1 is not None
        and replace(baseline, name=network.baseline) == BASELINES[network.baseline]
    )


def _networks(file: str, baseline: ArchSpec) -> Mapping[str, PublishedNetwork]:
    def number(cell: str, unit: float = 1.0) -> float | None:
        return float(cell) * unit if cell else None

    return MappingProxyType(
        {
            row["name"]: PublishedNetwork(
                name=row["name"],
                baseline=baseline.name,
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
            for row in published_rows(file)
        }
    )


def published_rows(name: str) -> list[dict[str, str]]:
    """The rows of a data file of this folder, each value as it stands there."""
    text = files("scalesearch.architecture").joinpath(name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))
