"""Every setting of a grid search, as one frozen value that a TOML table can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from scalesearch.architecture.baselines import baseline
from scalesearch.architecture.spec import ArchSpec, RepeatsRule, Rounding, scale
from scalesearch.proxy.dataset import DataSpec
from scalesearch.proxy.recipe import RECIPES, ProxyRecipe
from scalesearch.scaling import Coefficients, Multipliers
from scalesearch.search.grid import GridSpec

__all__ = ["GridSettings", "RoundingSettings", "differences"]

# What may change between a run and its continuation without changing any result.
NOT_IDENTITY = frozenset({"jobs", "download", "storage"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundingSettings:
    """The rounding rules as settings; what they mean is said by ``Rounding``."""

    channel_divisor: int = 8
    min_kept_fraction: float = 0.9
    repeats_rule: RepeatsRule = "ceil"
    resolution_multiple: int = 1

    @property
    def rounding(self) -> Rounding:
        """How full-size networks are rounded."""
        return Rounding(
            channel_divisor=self.channel_divisor,
            min_kept_fraction=self.min_kept_fraction,
            repeats_rule=self.repeats_rule,
            resolution_multiple=self.resolution_multiple,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSettings(RoundingSettings):
    """The settings of ``scalesearch grid``, resolved: no field is left to be decided later.

    ``baseline_width``, ``baseline_resolution`` and ``baseline_channel_divisor`` make the proxy baseline of
    the baseline; the coefficients apply to both. ``anchor`` is a triple that is always among the trained
    ones where the grid holds it, or "none". Without ``images`` and ``epochs`` the recipe says how long.
    """

    baseline: str = "efficientnet-b0"
    baseline_width: float = 0.25
    baseline_resolution: int = 48
    baseline_channel_divisor: int = 2
    phi: float = 1.0
    alpha_min: float = 1.0
    alpha_max: float = 2.0
    beta_min: float = 1.0
    beta_max: float = 1.5
    gamma_min: float = 1.0
    gamma_max: float = 1.5
    step: float = 0.05
    tolerance: float = 0.1
    anchor: str = "1.2,1.1,1.15"
    max_networks: int = 12
    dataset: str = "photographs"
    data_dir: str = "data"
    download: bool = False
    held_out: int = 900
    recipe: str = "quick"
    images: int | None = None
    epochs: float | None = None
    batch_size: int = 32
    seed: int = 0
    device: str = "cpu"
    jobs: int = 1
    threads: int = 1
    latency: bool = True
    latency_batch_size: int = 1
    storage: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.phi):
            raise ValueError(f"`phi` must be a finite number, got {self.phi}")
        least = {
            "max_networks": 0,
            "jobs": 1,
            "threads": 1,
            "latency_batch_size": 1,
            "baseline_resolution": 1,
        }
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise ValueError(f"`{name}` must be >= {bound}, got {getattr(self, name)}")
        if not (math.isfinite(self.baseline_width) and self.baseline_width > 0):
            raise ValueError(f"`baseline_width` must be a finite number > 0, got {self.baseline_width}")
        if self.recipe not in RECIPES:
            raise ValueError(f"`recipe` must be one of {', '.join(RECIPES)}, got {self.recipe!r}")
        # What the parts check is checked now, before anything is written.
        _ = (self.grid, self.rounding, self.proxy_rounding, self.proxy_recipe, self.anchor_coefficients)
        _ = (baseline(self.baseline), self.data)

    @property
    def grid(self) -> GridSpec:
        """The grid of coefficients."""
        return GridSpec(
            alpha=(self.alpha_min, self.alpha_max),
            beta=(self.beta_min, self.beta_max),
            gamma=(self.gamma_min, self.gamma_max),
            step=self.step,
            tolerance=self.tolerance,
        )

    @property
    def proxy_rounding(self) -> Rounding:
        """How the trained networks are rounded: a narrow baseline needs a finer channel divisor."""
        try:
            return replace(self.rounding, channel_divisor=self.baseline_channel_divisor)
        except ValueError as error:
            raise ValueError(str(error).replace("`channel", "`baseline_channel")) from error

    def proxy_baseline(self, classes: int) -> ArchSpec:
        """The reduced baseline that the coefficients scale for training."""
        full = baseline(self.baseline)
        reduced = scale(
            full,
            Multipliers(width=self.baseline_width),
            self.proxy_rounding,
            resolution=self.baseline_resolution,
        )
        return replace(reduced, classes=classes)

    @property
    def proxy_recipe(self) -> ProxyRecipe:
        """The recipe of every trial."""
        own = RECIPES[self.recipe]
        if self.images is None and self.epochs is None:
            return replace(own, batch_size=self.batch_size, seed=self.seed)
        return replace(
            own, batch_size=self.batch_size, seed=self.seed, images=self.images, epochs=self.epochs
        )

    @property
    def data(self) -> DataSpec:
        """The data of every trial."""
        return DataSpec(
            name=self.dataset, data_dir=self.data_dir, download=self.download, held_out=self.held_out
        )

    @property
    def anchor_coefficients(self) -> Coefficients | None:
        """The triple that is always trained where the grid holds it."""
        if self.anchor == "none":
            return None
        try:
            alpha, beta, gamma = (float(part) for part in self.anchor.split(","))
            return Coefficients(alpha=alpha, beta=beta, gamma=gamma)
        except ValueError as error:
            raise ValueError(
                f"`anchor` must be three numbers >= 1 such as 1.2,1.1,1.15, or none, got {self.anchor!r}"
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """Plain data without what is not set; :meth:`from_dict` turns it back."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GridSettings:
        """The settings that :meth:`to_dict` gave.

        Raises:
            ValueError: if a setting is unknown or wrong.
        """
        unknown = sorted(set(data) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"settings must be known ones, got {', '.join(unknown)}")
        return cls(**data)


def differences(there: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What two settings differ in, as ``name: there -> asked``, the ones that change no result aside."""
    names = [name for name in {**there, **asked} if name not in NOT_IDENTITY]
    return [
        f"{name}: {there.get(name)!r} there, {asked.get(name)!r} asked"
        for name in names
        if there.get(name) != asked.get(name)
    ]
