"""Measurements as jobs: what a worker is handed and what it gives back, both plain JSON data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol, Self

from scalesearch.hardware.device import first_device
from scalesearch.networks.spec import Arch, arch_from_dict
from scalesearch.plain import shown, typed
from scalesearch.records import LatencyRecord
from scalesearch.records.timings import Setup


class Timing(Protocol):
    """The settings that say how a network is timed."""

    @property
    def latency_batch_size(self) -> int:
        """Images per forward pass."""

    @property
    def device(self) -> str:
        """Where."""

    @property
    def threads(self) -> int:
        """CPU threads."""


class _Job:
    """A job as plain data and back: its fields by name, its ``kind``, and the ``threads`` it runs with."""

    __slots__ = ()
    KIND: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        plain = {
            name: value.to_dict() if hasattr(value, "to_dict") else value
            for name, value in self._fields().items()
        }
        return {"kind": self.KIND, "threads": self._threads()} | plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The spec that :meth:`to_dict` gave."""
        readers = {"arch": arch_from_dict, "setup": Setup.from_dict}
        values = {
            name: readers[stem](data[name]) if (stem := name.partition("_")[0]) in readers else data[name]
            for name in cls._names()
        }
        return cls(**values)

    @classmethod
    def _names(cls) -> tuple[str, ...]:
        return tuple(field.name for field in fields(cls))  # type: ignore[arg-type]  # its subclasses are dataclasses

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names()}

    def _threads(self) -> int:
        """The first setup's, and one where there is none."""
        setups = (value for value in self._fields().values() if isinstance(value, Setup))
        return next((setup.threads for setup in setups), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySpec(_Job):
    """A latency measurement of one network, while nothing else runs."""

    KIND: ClassVar[str] = "latency"
    key: str
    arch: Arch
    batch_size: int
    device: str
    threads: int

    @classmethod
    def of(cls, settings: Timing, key: str, arch: Arch) -> LatencySpec:
        """The measurement of ``arch`` that the settings ask for."""
        return cls(
            key=key,
            arch=arch,
            batch_size=settings.latency_batch_size,
            device=first_device(settings.device),
            threads=settings.threads,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CountSpec(_Job):
    """A count of one network by fvcore."""

    KIND: ClassVar[str] = "count"
    key: str
    arch: Arch


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSpec(_Job):
    """One process's measurement of one network in one setup.

    The job gives back ``samples_s``, ``peak_bytes`` (None where it was not asked for or can't be known) and
    ``conditions``, which are those ``before`` and ``after`` the samples.

    Attributes:
        key: names the job's log; letters, digits, dots, dashes and underscores.
        arch: the network.
        setup: how it is timed.
        min_run_time_s: time to spend on samples, in seconds.
        memory: whether the peak of allocated bytes is measured too.
        onnx_path: the network as an ONNX file, for ONNX Runtime; written there where it does not exist yet,
            empty for a file that is made for this job alone.
    """

    KIND: ClassVar[str] = "measure"
    key: str
    arch: Arch
    setup: Setup
    min_run_time_s: float = 0.5
    memory: bool = True
    onnx_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSpec(_Job):
    """Two networks, or one in two setups, timed in turn in one process: A B B A.

    The job gives back ``pairs`` of seconds and ``conditions``.
    """

    KIND: ClassVar[str] = "pair"
    key: str
    arch_a: Arch
    setup_a: Setup
    arch_b: Arch
    setup_b: Setup
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LargestBatchSpec(_Job):
    """The search for the largest batch that fits; the setup's own batch size does not matter.

    The job gives back ``batch_size``, 0 where not even the smallest fits.
    """

    KIND: ClassVar[str] = "largest_batch"
    key: str
    arch: Arch
    setup: Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class KindsSpec(_Job):
    """The time of one forward pass, by kind of layer. The job gives back ``seconds`` by kind."""

    KIND: ClassVar[str] = "kinds"
    key: str
    arch: Arch
    setup: Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSpec(_Job):
    """A job that tries a worker and trains nothing.

    The job gives back its ``key`` and a ``payload`` text of ``payload_bytes``.

    Attributes:
        key: names the job's log; letters, digits, dots, dashes and underscores.
        seconds: sleeps so long first, without a word.
        fails: fails with this message, where it is not empty.
        exits: ends its process at once.
        payload_bytes: size of what is given back.
    """

    KIND: ClassVar[str] = "probe"
    key: str
    seconds: float = 0.0
    fails: str = ""
    exits: bool = False
    payload_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsSpec(_Job):
    """What a worker runs on, and whether it has the data.

    The job gives back ``machine`` (its key), ``hardware`` (the name of the GPU, or of the processor),
    ``data`` (the digest of the data there) and ``problem`` (why the data can't be used; else empty).

    Attributes:
        key: names the job's log.
        device: kind of device.
        data: a dataset as plain data; empty for none.
    """

    KIND: ClassVar[str] = "facts"
    key: str
    device: str
    data: Mapping[str, Any] = field(default_factory=dict)


def latency_record(data: Mapping[str, Any]) -> LatencyRecord:
    """A latency record from the plain data that a worker gave back.

    Raises:
        ValueError: if it is none.
    """
    latency = typed(LatencyRecord, data)
    if not latency.samples_s or not all(math.isfinite(s) and s > 0 for s in latency.samples_s):
        raise ValueError(f"`samples_s` must be finite times above 0, got {shown(latency.samples_s)}")
    return latency
