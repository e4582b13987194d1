"""STEP 2: fixed coefficients, rising phi. A family of networks, and the published one rebuilt beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scalesearch.architecture.baselines import EFFICIENTNET_B0, baseline
from scalesearch.architecture.cost import count
from scalesearch.architecture.published import PublishedNetwork, published_family
from scalesearch.architecture.spec import ArchSpec, RepeatsRule, Rounding, compound, scale
from scalesearch.records import FamilyRow, LatencyRecord, PublishedRow
from scalesearch.scaling import Coefficients, Multipliers, implied_phi

__all__ = ["ScaleSettings", "build_family", "family_archs", "rebuild_published"]

Track = Callable[[Sequence[Any]], Iterable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSettings:
    """The settings of ``scalesearch scale``, resolved. Resolution 0 stands for the baseline's own."""

    baseline: str = "efficientnet-b0"
    baseline_width: float = 1.0
    baseline_resolution: int = 0
    alpha: float
    beta: float
    gamma: float
    phis: tuple[float, ...]
    channel_divisor: int = 8
    min_kept_fraction: float = 0.9
    repeats_rule: RepeatsRule = "ceil"
    resolution_multiple: int = 1
    latency: bool = False
    latency_batch_size: int = 1
    device: str = "cpu"
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("latency_batch_size", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be >= 1, got {getattr(self, name)}")
        if not (math.isfinite(self.baseline_width) and self.baseline_width > 0):
            raise ValueError(f"`baseline_width` must be > 0, got {self.baseline_width}")
        if self.baseline_resolution < 0:
            raise ValueError(f"`baseline_resolution` must be >= 1, got {self.baseline_resolution}")
        # The networks themselves: a phi that leaves less than a pixel is refused before anything is written.
        _ = family_archs(self)

    @property
    def coefficients(self) -> Coefficients:
        """alpha, beta and gamma."""
        return Coefficients(alpha=self.alpha, beta=self.beta, gamma=self.gamma)

    @property
    def rounding(self) -> Rounding:
        """How every network of the family is rounded."""
        return Rounding(
            channel_divisor=self.channel_divisor,
            min_kept_fraction=self.min_kept_fraction,
            repeats_rule=self.repeats_rule,
            resolution_multiple=self.resolution_multiple,
        )

    @property
    def base(self) -> ArchSpec:
        """The network at phi 0."""
        full = baseline(self.baseline)
        return scale(
            full,
            Multipliers(width=self.baseline_width),
            self.rounding,
            resolution=self.baseline_resolution or full.resolution,
        )

    @property
    def has_published_family(self) -> bool:
        """Whether the baseline is the one whose family was published."""
        return replace(self.base, name=EFFICIENTNET_B0.name) == EFFICIENTNET_B0


def family_archs(settings: ScaleSettings) -> dict[float, ArchSpec]:
    """The network at each phi.

    Raises:
        ValueError: if a network would have less than one pixel, or more layers than can be built.
    """
    base = settings.base
    return {phi: compound(base, settings.coefficients, phi, settings.rounding) for phi in settings.phis}


def build_family(
    settings: ScaleSettings,
    latency: Mapping[float, LatencyRecord],
    track: Track = lambda items: items,
) -> tuple[FamilyRow, ...]:
    """Counts the network at each phi, in closed form and by fvcore.

    Args:
        settings: the command's settings.
        latency: what was measured, by phi.
        track: wraps the phis to show how far it is.
    """
    from scalesearch.measure.flops import fvcore_count

    base_macs = count(settings.base).macs
    archs = family_archs(settings)
    rows = []
    for phi in track(settings.phis):
        arch = archs[phi]
        cost = count(arch)
        flops = fvcore_count(arch)
        multipliers = settings.coefficients.at(phi)
        rows.append(
            FamilyRow(
                phi=phi,
                depth=multipliers.depth,
                width=multipliers.width,
                resolution_multiplier=multipliers.resolution,
                resolution=arch.resolution,
                blocks=arch.blocks,
                params=cost.params,
                macs=cost.macs,
                fvcore_total=flops.total,
                uncounted=flops.uncounted,
                activations=cost.activations,
                nominal_ratio=multipliers.nominal_ratio,
                macs_ratio=cost.macs / base_macs,
                latency=latency.get(phi),
            )
        )
    return tuple(rows)


def rebuild_published(
    coefficients: Coefficients, track: Track = lambda items: items
) -> tuple[PublishedRow, ...]:
    """B0 to B7 from their published coefficients, counted here, beside their published figures."""
    from scalesearch.measure.flops import fvcore_count

    def row(network: PublishedNetwork) -> PublishedRow:
        arch = network.arch()
        cost = count(arch)
        # Only rows with all their figures get here.
        assert network.params is not None
        assert network.flops is not None
        assert network.top1 is not None
        assert network.top5 is not None
        return PublishedRow(
            name=network.name,
            depth=network.depth,
            width=network.width,
            resolution=network.resolution,
            params=cost.params,
            macs=cost.macs,
            fvcore_total=fvcore_count(arch).total,
            params_published=network.params,
            flops_published=network.flops,
            implied_phi_depth=implied_phi(network.depth, coefficients.alpha),
            implied_phi_width=implied_phi(network.width, coefficients.beta),
            implied_phi_resolution=implied_phi(
                network.resolution / EFFICIENTNET_B0.resolution, coefficients.gamma
            ),
            top1_published=network.top1,
            top5_published=network.top5,
            source=network.source,
        )

    complete = [network for network in published_family().values() if network.top1 is not None]
    return tuple(row(network) for network in track(complete))
