from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scalesearch.hardware.largest_batch import LARGEST_TRIED
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.records.timings import Setup
from scalesearch.scaling import Multipliers
from scalesearch.workers.executor import TO_MEASURE, ProcessExecutor, TrialFailedError
from scalesearch.workers.jobs import (
    CountSpec,
    KindsSpec,
    LargestBatchSpec,
    LatencySpec,
    MeasureSpec,
    PairSpec,
)
from scalesearch.workers.worker import run_job
from tests.processes import ended

ARCH = replace(
    scale(EFFICIENTNET_B0, Multipliers(width=0.125), Rounding(channel_divisor=1), resolution=16), classes=18
)
SETUP = Setup(batch_size=2, threads=2)


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessExecutor]:
    log_dir = tmp_path_factory.mktemp("logs")
    with ended(ProcessExecutor(jobs=1, log_dir=log_dir, preload=TO_MEASURE)) as executor:
        yield executor


def result(executor: ProcessExecutor, job: dict[str, Any]) -> dict[str, Any]:
    return executor.submit(job, lambda _done, _steps: None).result()


@pytest.mark.parametrize(
    ("spec", "kind", "threads"),
    [
        (LatencySpec(key="k", arch=ARCH, batch_size=2, device="cpu", threads=2), "latency", 2),
        (CountSpec(key="k", arch=ARCH), "count", 1),
        (MeasureSpec(key="k", arch=ARCH, setup=SETUP, memory=False, onnx_path="k.onnx"), "measure", 2),
        (
            PairSpec(key="k", arch_a=ARCH, setup_a=SETUP, arch_b=EFFICIENTNET_B0, setup_b=Setup(), pairs=3),
            "pair",
            2,
        ),
        (LargestBatchSpec(key="k", arch=ARCH, setup=SETUP), "largest_batch", 2),
        (KindsSpec(key="k", arch=ARCH, setup=SETUP), "kinds", 2),
    ],
)
def test_specs_survive_json(spec: Any, kind: str, threads: int) -> None:
    job = json.loads(json.dumps(spec.to_dict()))
    assert (job["kind"], job["threads"], job["key"]) == (kind, threads, "k")
    assert type(spec).from_dict(job) == spec


def test_a_measurement(executor: ProcessExecutor) -> None:
    spec = MeasureSpec(key="m", arch=ARCH, setup=SETUP, min_run_time_s=0.05)
    found = result(executor, spec.to_dict())
    assert len(found["samples_s"]) >= 3  # the least, however slow the machine is
    assert found["peak_bytes"] > 4 * 2 * 3 * 16 * 16
    assert set(found["conditions"]) == {"before", "after"}
    unasked = result(executor, replace(spec, memory=False).to_dict())
    assert unasked["peak_bytes"] is None


def test_pairs_and_the_largest_batch(executor: ProcessExecutor) -> None:
    pair = PairSpec(key="p", arch_a=ARCH, setup_a=SETUP, arch_b=ARCH, setup_b=Setup(), pairs=2)
    found = result(executor, pair.to_dict())
    assert len(found["pairs"]) == 2
    assert all(len(both) == 2 and min(both) > 0 for both in found["pairs"])
    largest = result(executor, LargestBatchSpec(key="l", arch=ARCH, setup=SETUP).to_dict())
    assert 1 <= largest["batch_size"] <= LARGEST_TRIED


@pytest.mark.slow
def test_onnx_runtime_leaves_its_file_for_the_next_process(executor: ProcessExecutor, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
    path = tmp_path / "onnx" / "k.onnx"
    setup = Setup(runtime="onnxruntime")
    spec = MeasureSpec(key="o", arch=ARCH, setup=setup, min_run_time_s=0.05, onnx_path=str(path))
    result(executor, spec.to_dict())
    made = path.stat().st_mtime_ns
    assert len(result(executor, spec.to_dict())["samples_s"]) >= 5
    assert path.stat().st_mtime_ns == made


@pytest.mark.parametrize("mode", ["inference", "training"])
def test_memory_that_runs_out_is_named(executor: ProcessExecutor, mode: str) -> None:
    vast, setup = replace(ARCH, resolution=100_000), Setup(mode=mode, batch_size=10**6)
    with pytest.raises(TrialFailedError, match=r"^out of memory: .*allocate"):
        result(executor, MeasureSpec(key="g", arch=vast, setup=setup).to_dict())


def test_an_unknown_kind() -> None:
    with pytest.raises(ValueError) as error:
        run_job({"kind": "guess"})
    assert str(error.value) == (
        "`kind` must be one of latency, count, measure, pair, largest_batch, kinds, probe, facts, got 'guess'"
    )
