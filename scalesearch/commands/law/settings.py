"""What ``scalesearch law`` is asked for, known without SciPy, which takes a second to load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from scalesearch.commands.measure.run import MeasureSettings
from scalesearch.commands.measure.subjects import Base
from scalesearch.fields import Topic, require_settings, setting, setting_as
from scalesearch.networks.spec import Arch, with_network
from scalesearch.plain import Limit, require_utf8, typed
from scalesearch.records.timings import Dtype, Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class LawSettings:
    """The settings of ``scalesearch law``, resolved; ``run`` is a finished run's folder, or empty.

    Raises:
        ValueError: if a value is out of range or unknown.
    """

    batch_size: tuple[int, ...] = setting_as(MeasureSettings, "batch_size")
    threads: tuple[int, ...] = setting_as(MeasureSettings, "threads")
    dtype: tuple[Dtype, ...] = setting_as(MeasureSettings, "dtype")
    runtime: tuple[Runtime, ...] = setting_as(MeasureSettings, "runtime")
    channels_last: bool = setting_as(MeasureSettings, "channels_last")
    device: str = setting_as(MeasureSettings, "device")
    random: int = setting(
        30,
        limit=Limit(0, 10_000),
        topic=Topic.MEASURING,
        common=True,
        help="Networks drawn at random, beside the family: depth 1 to 3, width 0.5 to 2, resolution "
        "0.5 to 2.5.",
    )
    seed: int = setting(
        0,
        limit=Limit(0, 2**32 - 1),
        topic=Topic.MEASURING,
        help="Seed of the networks that are drawn at random.",
    )
    processes: int = setting_as(MeasureSettings, "processes")
    min_time: float = setting_as(MeasureSettings, "min_time")
    run: str = setting(
        "",
        metavar="DIR",
        topic=Topic.MEASURING,
        common=True,
        help="A finished grid or sweep, whose accuracies say where the best split of each budget lies.",
    )
    baseline: str = setting_as(MeasureSettings, "baseline")
    baseline_arch: Arch | None = None
    stem_stride: int | None = setting_as(MeasureSettings, "stem_stride")
    baseline_resolution_width: int | None = None
    baseline_width: float = setting_as(MeasureSettings, "baseline_width")
    baseline_resolution: int = setting_as(MeasureSettings, "baseline_resolution")

    def __post_init__(self) -> None:
        require_utf8(self, "run", "device", "baseline")
        _ = self.measuring
        require_settings(self)

    @property
    def measuring(self) -> MeasureSettings:
        """The measurements that the law rests on, as settings of ``measure``."""
        names = {field.name for field in fields(MeasureSettings)}
        shared = {field.name: getattr(self, field.name) for field in fields(self) if field.name in names}
        drawn = f"{self.random} random networks (seed {self.seed})"
        return MeasureSettings(networks=("b0..b7", drawn), memory=False, **shared)

    @property
    def base(self) -> Base:
        """What is scaled, and how."""
        return self.measuring.base

    def to_dict(self) -> dict[str, Any]:
        """Plain data; :meth:`from_dict` turns it back."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {n: list(v) if isinstance(v, tuple) else v for n, v in values.items() if v is not None}
        if self.baseline_arch is not None:
            plain["baseline_arch"] = self.baseline_arch.to_dict()
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LawSettings:
        """The settings that :meth:`to_dict` gave."""
        return typed(cls, with_network(data))
