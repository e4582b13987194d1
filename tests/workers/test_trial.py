from __future__ import annotations

import errno
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.scaling import Multipliers
from scalesearch.training.dataset import DataSpec
from scalesearch.training.recipe import RECIPES
from scalesearch.workers.executor import ProcessExecutor, TrialFailedError
from scalesearch.workers.worker import TrialResult, TrialSpec, reason_of_failure, run_trial
from tests.processes import ended

BASE = scale(EFFICIENTNET_B0, Multipliers(width=0.125), Rounding(channel_divisor=1), resolution=16)
RECIPE = replace(
    RECIPES["quick"], images=40, batch_size=4, looks=2, schedule="trapezoid", ema_decay=0.9, dropout=0.2
)


def _spec(**changes: Any) -> TrialSpec:
    spec = TrialSpec(
        key="abc",
        arch=replace(BASE, stages=BASE.stages[:3], classes=18),
        recipe=RECIPE.to_dict(),
        data=DataSpec(held_out=18).to_dict(),
        device="cpu",
        threads=1,
    )
    return replace(spec, **changes)


def _ignore(_done: int, _steps: int) -> None:
    pass


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[ProcessExecutor]:
    with ended(ProcessExecutor(jobs=1, log_dir=tmp_path / "logs")) as executor:
        yield executor


def test_a_spec_survives_json_and_needs_no_more_than_before() -> None:
    spec = _spec(until=20, checkpoint="runs/abc.safetensors", count=False)
    data = json.loads(json.dumps(spec.to_dict()))
    assert TrialSpec.from_dict(data) == spec
    for name in ("until", "checkpoint", "count"):
        del data[name]
    assert TrialSpec.from_dict(data) == _spec()


@pytest.mark.slow
def test_trials_in_fresh_processes_go_on_from_one_another(executor: ProcessExecutor, tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "abc.safetensors"
    steps: list[tuple[int, int]] = []

    def run(**changes: Any) -> TrialResult:
        job = _spec(**changes).to_dict()
        return TrialResult.from_dict(executor.submit(job, lambda *step: steps.append(step)).result())

    whole = run()
    steps.clear()
    first = run(checkpoint=str(path), until=12)
    second = run(checkpoint=str(path), count=False)
    assert (first.images_seen, first.complete) == (12, False)
    assert (second.images_seen, second.complete) == (40, True)
    assert [point.images for point in second.curve] == [12, 20, 40]
    assert second.curve[:1] == first.curve
    assert second.curve[1:] == whole.curve
    assert (second.top1, second.loss) == (whole.top1, whole.loss)
    assert steps == [(3, 3), (5, 10), (10, 10)]
    assert first.fvcore_total == whole.fvcore_total
    assert (second.fvcore_total, second.uncounted) == (None, {})


def test_an_unusable_checkpoint_is_told_in_the_log(executor: ProcessExecutor, tmp_path: Path) -> None:
    path = tmp_path / "abc.safetensors"
    path.write_bytes(b"torn")
    job = _spec(checkpoint=str(path), until=4, count=False).to_dict()
    result = TrialResult.from_dict(executor.submit(job, _ignore).result())
    assert result.images_seen == 4
    log = (tmp_path / "logs" / "abc.train.log").read_text()
    assert f"starting anew: `checkpoint` must be a whole safetensors file, got {path}: " in log


def test_a_checkpoint_that_cannot_be_written_is_a_failure_with_its_reason(
    executor: ProcessExecutor, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    job = _spec(checkpoint=str(tmp_path / "file" / "abc.safetensors"), until=4, count=False).to_dict()
    with pytest.raises(TrialFailedError) as caught:
        executor.submit(job, _ignore).result()
    assert str(caught.value) == f"[Errno 17] File exists: '{tmp_path / 'file'}'"


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    path = tmp_path / "abc.safetensors"
    with pytest.raises(OSError) as caught:
        run_trial(_spec(checkpoint=str(path), until=4, count=False), _ignore)
    assert reason_of_failure(caught.value) == f"no space left on device: {path}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="is about the memory of glibc"
)
def test_a_training_process_keeps_the_memory_that_a_step_frees() -> None:
    program = (
        "import resource, torch\n"
        "from scalesearch.workers.worker import settle_torch\n"
        "settle_torch('cpu', 1)\n"
        "for turn in range(6):\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    torch.ones(2**24)\n"  # 64 MiB
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100
