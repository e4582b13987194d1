"""What ``scalesearch law`` is asked for, and the networks that it measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from scalesearch.architecture.baselines import EFFICIENTNET_B0
from scalesearch.architecture.code_spec import RefusedError
from scalesearch.architecture.match import UnreachableError
from scalesearch.architecture.published import published_family
from scalesearch.architecture.refused import refusal
from scalesearch.architecture.scaled import scale
from scalesearch.architecture.spec import Arch, with_network
from scalesearch.bench.settings import MeasureSettings
from scalesearch.bench.split import doubled
from scalesearch.bench.subjects import Base, Subject
from scalesearch.plain import require_limits, require_utf8, typed
from scalesearch.records.timing import Dtype, Runtime
from scalesearch.scaling import Multipliers

__all__ = ["LawSettings", "doubled_archs", "law_subjects"]

NUMBERED = tuple(f"b{index}" for index in range(8))

DEPTH, WIDTH, RESOLUTION = (1.0, 3.0), (0.5, 2.0), (0.5, 2.5)
"""Between what multipliers the random networks are drawn, each evenly on a logarithmic scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LawSettings:
    """The settings of ``scalesearch law``, resolved; ``run`` is a finished run's folder, or empty.

    Raises:
        ValueError: if a value is out of range or unknown.
    """

    random: int = 30
    seed: int = 0
    batch_size: tuple[int, ...] = (1,)
    threads: tuple[int, ...] = (1,)
    dtype: tuple[Dtype, ...] = ("float32",)
    runtime: tuple[Runtime, ...] = ("eager",)
    channels_last: bool = True
    processes: int = 3
    min_time: float = 0.5
    device: str = "cpu"
    baseline: str = "efficientnet-b0"
    baseline_arch: Arch | None = None
    stem_stride: int | None = None
    baseline_resolution_width: int | None = None
    baseline_width: float = 1.0
    baseline_resolution: int = 0
    run: str = ""

    def __post_init__(self) -> None:
        require_limits(self, "random", "seed")
        require_utf8(self, "run", "device", "baseline")
        _ = self.measuring

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


def law_subjects(settings: LawSettings) -> tuple[Subject, ...]:
    """The networks of the law, each once: the family, the random ones, the ones of twice the multiply-adds.

    The family is B0 to B7; of another baseline (or a reduced one) it is what their multipliers make of it.
    Networks that a user's own code refuses to be are left out.
    """
    base = settings.base
    networks = [(one.name, one) for one in _family(base)]
    rng = np.random.default_rng(settings.seed)
    for _ in range(settings.random):
        drawn = (float(np.exp(rng.uniform(*np.log(between)))) for between in (DEPTH, WIDTH, RESOLUTION))
        networks.append(base.scaled(*(round(value, 2) for value in drawn)))
    networks += [(one.name, one) for one in doubled_archs(base).values()]
    once = {arch.key: Subject(name=name, arch=arch) for name, arch in reversed(networks)}
    return tuple(subject for subject in reversed(once.values()) if not refusal(subject.arch))


def _family(base: Base) -> list[Arch]:
    published = [network for name, network in published_family().items() if name in NUMBERED]
    if replace(base.arch, name=EFFICIENTNET_B0.name) == EFFICIENTNET_B0:
        return [network.arch() for network in published]
    found = []
    for network in published:
        sharper = network.resolution / EFFICIENTNET_B0.resolution
        multipliers = Multipliers(depth=network.depth, width=network.width, resolution=sharper)
        arch = scale(base.arch, multipliers, base.rounding)
        found.append(replace(arch, name=f"{base.label}-like-{network.name}"))
    return found


def doubled_archs(base: Base) -> dict[str, Arch]:
    """The baseline scaled in one dimension alone to twice its multiply-adds; none where one cannot be."""
    try:
        named = replace(base.arch, name=base.label)
        return {dimension: one.arch for dimension, one in doubled(named, base.rounding).items()}
    except (RefusedError, UnreachableError):
        return {}
