from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scalesearch.networks.cost import count, training_bytes
from scalesearch.networks.spec import ArchSpec
from scalesearch.study.estimate import (
    LATENCY_S,
    OVERHEAD_S,
    PROCESS_BYTES,
    Speed,
    estimate,
    measure_speed,
    run_seconds,
)
from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.training.dataset import DataSize
from tests.study.conftest import Lab

SIZE = DataSize(classes=18, train_images=1000)
SETTINGS = GridSettings(
    match="none", baseline_resolution=48, step=0.25, tolerance=0.3, max_networks=0, images=3200
)
TRUE = Speed(per_block=1e-5, per_activation=1e-8)


def _track(items: Any, _total: int, _name: str) -> Any:
    return items


def _timed_by(lab: Lab, speed: Speed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that take as long as ``speed`` says."""
    run = lab.run

    def timed(job: Any) -> dict[str, Any]:
        result = run(job)
        arch = ArchSpec.from_dict(job["arch"])
        return result | {"train_seconds": result["images_seen"] * speed.seconds_per_image(arch)}

    monkeypatch.setattr(lab, "run", timed)


def test_speed_is_found_again_from_a_few_batches(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    _timed_by(lab, TRUE, monkeypatch)
    archs = [planned.arch for planned in plan_grid(SETTINGS, SIZE).chosen]
    found = measure_speed(archs, SETTINGS, lab.executor(), _track)
    assert found.per_block == pytest.approx(TRUE.per_block)
    assert found.per_activation == pytest.approx(TRUE.per_activation)
    assert {(t.start, t.stop) for t in lab.ledger} == {(0, 8 * 32)}
    assert len(lab.ledger) <= 3


def test_a_plan_takes_its_images_by_rungs() -> None:
    plan = plan_grid(replace(SETTINGS, rungs=("6:0.25", "3:0.5", "2:1"), seeds=2, latency=True), SIZE)
    archs = [planned.arch for planned in plan.chosen]
    expected = estimate(archs, plan.rungs, replace(SETTINGS, jobs=2), TRUE)
    # 6 to a quarter, 3 more quarters, 2 halves, and 2 whole runs of the second seed.
    assert expected.images == (6 * 0.25 + 3 * 0.25 + 2 * 0.5 + 2) * 3200
    each = sum(run_seconds(arch, TRUE, SETTINGS, 3200) for arch in archs) / len(archs)
    assert expected.seconds == pytest.approx(5.25 * each / 2 + OVERHEAD_S + 2 * LATENCY_S)
    largest = sorted(training_bytes(arch, 32) for arch in archs)[-2:]
    assert expected.peak_bytes == sum(largest) + 2 * PROCESS_BYTES


def test_a_longer_run_takes_longer() -> None:
    arch = SETTINGS.proxy_baseline(18)
    assert TRUE.seconds_per_image(arch) == pytest.approx(arch.blocks * 1e-5 + count(arch).activations * 1e-8)
    times = [run_seconds(arch, TRUE, SETTINGS, images) for images in (320, 3200, 32000)]
    assert times == sorted(times)
    assert times[2] - times[1] == pytest.approx(28800 * TRUE.seconds_per_image(arch))
