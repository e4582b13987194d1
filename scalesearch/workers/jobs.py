"""Measurements as jobs: what a worker is handed and what it gives back, both plain JSON data.

torch is imported only where a measurement really runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from scalesearch.architecture.spec import ArchSpec
from scalesearch.records import FlopRecord, LatencyRecord

__all__ = ["CountSpec", "LatencySpec", "latency_record", "run_count", "run_latency"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySpec:
    """A latency measurement of one network, while nothing else runs."""

    key: str
    arch: ArchSpec
    batch_size: int
    device: str
    threads: int

    @classmethod
    def of(cls, settings: Timing, key: str, arch: ArchSpec) -> LatencySpec:
        """The measurement of ``arch`` that the settings ask for."""
        return cls(
            key=key,
            arch=arch,
            batch_size=settings.latency_batch_size,
            device=settings.device,
            threads=settings.threads,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return {"kind": "latency", **asdict(self), "arch": self.arch.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LatencySpec:
        """The spec that :meth:`to_dict` gave."""
        fields = {name: value for name, value in data.items() if name != "kind"}
        return cls(**(fields | {"arch": ArchSpec.from_dict(fields["arch"])}))


@dataclass(frozen=True, slots=True, kw_only=True)
class CountSpec:
    """A count of one network by fvcore."""

    key: str
    arch: ArchSpec

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return {"kind": "count", "key": self.key, "arch": self.arch.to_dict(), "threads": 1}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CountSpec:
        """The spec that :meth:`to_dict` gave."""
        return cls(key=data["key"], arch=ArchSpec.from_dict(data["arch"]))


def run_latency(spec: LatencySpec) -> LatencyRecord:
    """Measures the network of ``spec`` in this process.

    Raises:
        ValueError: if the device is not there.
    """
    from scalesearch.measure.latency import measure_latency

    return measure_latency(spec.arch, batch_size=spec.batch_size, threads=spec.threads, device=spec.device)


def run_count(spec: CountSpec) -> FlopRecord:
    """Counts the network of ``spec`` with fvcore in this process."""
    from scalesearch.measure.flops import fvcore_count

    flops = fvcore_count(spec.arch)
    return FlopRecord(total=flops.total, uncounted=flops.uncounted)


def latency_record(data: Mapping[str, Any]) -> LatencyRecord:
    """A latency record from the plain data that a worker gave back."""
    return LatencyRecord(**(dict(data) | {"samples_s": tuple(data["samples_s"])}))
