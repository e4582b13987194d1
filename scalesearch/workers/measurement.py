"""A measuring job, run in this process. torch is imported only where a measurement really runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scalesearch.records import FlopRecord
from scalesearch.workers.jobs import (
    CountSpec,
    KindsSpec,
    LargestBatchSpec,
    LatencySpec,
    MeasureSpec,
    PairSpec,
)

__all__ = ["run_job"]


def run_job(job: Mapping[str, Any]) -> dict[str, Any]:
    """Runs a measuring job in this process.

    Args:
        job: what ``to_dict`` of a spec of ``workers.jobs`` gave.

    Returns:
        Plain JSON data: a latency or flop record, or what the spec says.

    Raises:
        ValueError: if the device or the runtime is not there, or the job's kind is unknown.
    """
    if job["kind"] not in _RUNNERS:
        raise ValueError(f"`kind` must be one of {', '.join(_RUNNERS)}, got {job['kind']!r}")
    return _RUNNERS[job["kind"]](job)


def _latency(job: Mapping[str, Any]) -> dict[str, Any]:
    from scalesearch.measure.latency import measure_latency
    from scalesearch.measure.machine import describe

    spec = LatencySpec.from_dict(job)
    latency = measure_latency(spec.arch, batch_size=spec.batch_size, threads=spec.threads, device=spec.device)
    return asdict(replace(latency, machine=describe(spec.device).key))


def _count(job: Mapping[str, Any]) -> dict[str, Any]:
    from scalesearch.measure.flops import fvcore_count

    flops = fvcore_count(CountSpec.from_dict(job).arch)
    return asdict(FlopRecord(total=flops.total, uncounted=dict(flops.uncounted)))


def _measure(job: Mapping[str, Any]) -> dict[str, Any]:
    from scalesearch.measure.conditions import conditions
    from scalesearch.measure.latency import time_network
    from scalesearch.measure.memory import measured_bytes

    spec = MeasureSpec.from_dict(job)
    onnx_path = Path(spec.onnx_path) if spec.onnx_path else None
    # What ONNX Runtime takes shows only while the process hasn't held as much before; torch's profiler is
    # kept for the end instead, since samples are taken of a process that nobody has looked into.
    first = spec.memory and spec.setup.runtime == "onnxruntime"
    peak = measured_bytes(spec.arch, spec.setup, onnx_path=onnx_path) if first else None
    before = conditions(spec.setup.device)
    samples = time_network(spec.arch, spec.setup, min_run_time_s=spec.min_run_time_s, onnx_path=onnx_path)
    after = conditions(spec.setup.device)
    if spec.memory and not first:
        peak = measured_bytes(spec.arch, spec.setup)
    return {
        "samples_s": list(samples),
        "peak_bytes": peak,
        "conditions": {"before": before, "after": after},
    }


def _pair(job: Mapping[str, Any]) -> dict[str, Any]:
    from scalesearch.measure.conditions import conditions
    from scalesearch.measure.latency import time_pairs

    spec = PairSpec.from_dict(job)
    before = conditions(spec.setup_a.device)
    pairs = time_pairs((spec.arch_a, spec.setup_a), (spec.arch_b, spec.setup_b), pairs=spec.pairs)
    after = conditions(spec.setup_a.device)
    return {"pairs": [list(pair) for pair in pairs], "conditions": {"before": before, "after": after}}


def _largest_batch(job: Mapping[str, Any]) -> dict[str, Any]:
    from scalesearch.measure.largest_batch import largest_batch

    spec = LargestBatchSpec.from_dict(job)
    return {"batch_size": largest_batch(spec.arch, spec.setup)}


def _kinds(job: Mapping[str, Any]) -> dict[str, Any]:
    from scalesearch.measure.breakdown import kind_seconds

    spec = KindsSpec.from_dict(job)
    return {"seconds": kind_seconds(spec.arch, spec.setup)}


_RUNNERS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = MappingProxyType(
    {
        LatencySpec.KIND: _latency,
        CountSpec.KIND: _count,
        MeasureSpec.KIND: _measure,
        PairSpec.KIND: _pair,
        LargestBatchSpec.KIND: _largest_batch,
        KindsSpec.KIND: _kinds,
    }
)
