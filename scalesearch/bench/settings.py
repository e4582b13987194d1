"""What ``scalesearch measure`` is asked for: its settings, and the list of measurements they make."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from typing import Any

from scalesearch.architecture.spec import Arch, ChannelsRule, RepeatsRule, Rounding, with_network
from scalesearch.architecture.variants import VARIANTS, rounding_of
from scalesearch.bench.subjects import Base, Subject
from scalesearch.plain import require_limits, require_utf8, typed
from scalesearch.records.timing import Dtype, Mode, Runtime, Setup

__all__ = ["MeasureSettings", "Task", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """The settings of ``scalesearch measure``, resolved. Lists are combined, each with each.

    ``networks`` are as typed. ``min_time`` is in seconds, for the samples of one process. ``memory`` has the
    peak measured too, ``largest_batch`` has the largest batch looked for, ``process_limit`` is the seconds
    after which a process is ended. A rule of rounding that is None is each network's own: so it stays only
    where one of them is a variant.

    Raises:
        ValueError: if a value is out of range or unknown, or two of the lists do not go together.
    """

    networks: tuple[str, ...]
    batch_size: tuple[int, ...] = (1,)
    threads: tuple[int, ...] = (1,)
    dtype: tuple[Dtype, ...] = ("float32",)
    mode: tuple[Mode, ...] = ("inference",)
    runtime: tuple[Runtime, ...] = ("eager",)
    channels_last: bool = True
    processes: int = 3
    min_time: float = 0.5
    memory: bool = True
    largest_batch: bool = False
    process_limit: float | None = None
    device: str = "cpu"
    baseline: str = "efficientnet-b0"
    baseline_arch: Arch | None = None
    stem_stride: int | None = None
    baseline_resolution_width: int | None = None
    baseline_width: float = 1.0
    baseline_resolution: int = 0
    channel_divisor: int | None = None
    min_kept_fraction: float | None = None
    repeats_rule: RepeatsRule | None = None
    resolution_multiple: int | None = None
    channels_rule: ChannelsRule | None = None

    def __post_init__(self) -> None:
        if not self._of_variants:
            for rule, value in asdict(rounding_of(self.baseline, self._rules)).items():
                object.__setattr__(self, rule, value)
        require_limits(self, "processes", "min_time", "process_limit")
        require_utf8(self, "networks", "device", "baseline")
        for name in ("batch_size", "threads", "dtype", "mode", "runtime"):
            values = getattr(self, name)
            if not values or len(set(values)) != len(values):
                listed = ", ".join(map(str, values)) or "none"
                raise ValueError(f"`{name}` must name at least one value, each once, got {listed}")
        # Setups and the baseline check themselves, now, before anything runs.
        _ = (self.setups, self.base)

    @property
    def setups(self) -> tuple[Setup, ...]:
        """Every combination of the lists."""
        lists = (self.mode, self.runtime, self.dtype, self.threads, self.batch_size)
        return tuple(
            Setup(
                mode=mode,
                runtime=runtime,
                dtype=dtype,
                channels_last=self.channels_last,
                batch_size=batch_size,
                threads=threads,
                device=self.device,
            )
            for mode, runtime, dtype, threads, batch_size in product(*lists)
        )

    @property
    def base(self) -> Base:
        """What tables without a run beside them are scaled from, and how."""
        return Base(
            baseline=self.baseline,
            given=self.baseline_arch,
            stem_stride=self.stem_stride,
            resolution_width=self.baseline_resolution_width,
            width=self.baseline_width,
            resolution=self.baseline_resolution,
            rules=self._rules,
        )

    @property
    def _rules(self) -> dict[str, Any]:
        """The rules of rounding that are not left to each network."""
        values = {rule.name: getattr(self, rule.name) for rule in fields(Rounding)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def _of_variants(self) -> bool:
        """Whether a network has rules of its own."""
        names = [re.split("[:@]", text)[0] for text in self.networks]
        return any(name in VARIANTS for name in (self.baseline, *names))

    def to_dict(self) -> dict[str, Any]:
        """Plain data; :meth:`from_dict` turns it back."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        # Earlier runs knew no other rule, and only a variant has another by itself.
        if self.channels_rule == "nearest" and not self._of_variants:
            del values["channels_rule"]
        plain = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            # The baseline's own resolution is none that an option could be given.
            if value is not None and (name, value) != ("baseline_resolution", 0)
        }
        if self.baseline_arch is not None:
            plain["baseline_arch"] = self.baseline_arch.to_dict()
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MeasureSettings:
        """The settings that :meth:`to_dict` gave.

        Raises:
            ValueError: if a setting is unknown, missing or wrong.
        """
        return typed(cls, with_network(data))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One network in one setup."""

    subject: Subject
    setup: Setup

    @property
    def identity(self) -> tuple[str, Setup]:
        """What no two tasks of a run share."""
        return self.subject.arch.key, self.setup

    @property
    def label(self) -> str:
        """In words, for progress."""
        return f"{self.subject.name}, {self.setup.label}"


def plan(settings: MeasureSettings, subjects: Sequence[Subject]) -> tuple[Task, ...]:
    """Every network in every setup, each pair once, in the order asked for.

    Raises:
        ValueError: if a network's own changes do not go with the command's setup.
    """
    tasks: dict[tuple[str, Setup], Task] = {}
    for subject in subjects:
        for common in settings.setups:
            setup = _without_layout(subject.setup(common))
            task = Task(subject=subject, setup=setup)
            tasks.setdefault(task.identity, task)
    return tuple(tasks.values())


def _without_layout(setup: Setup) -> Setup:
    """ONNX Runtime chooses its own memory layout: what is asked for makes no second row."""
    return replace(setup, channels_last=True) if setup.runtime == "onnxruntime" else setup
