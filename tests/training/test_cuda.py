"""Training on a CUDA device: what is captured, rendered there and trained side by side is what a CPU shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.scaling import Multipliers
from scalesearch.training import loop as training
from scalesearch.training.dataset import DataSpec
from scalesearch.training.images import load
from scalesearch.training.loop import Training, graphs_of
from scalesearch.training.recipe import RECIPES, ProxyRecipe
from scalesearch.training.rendering import cut_batches, device_batches, judging_batches
from scalesearch.workers.executor import DeviceExecutor
from scalesearch.workers.worker import TrialSpec
from tests.processes import ended

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
ARCH = replace(
    scale(EFFICIENTNET_B0, Multipliers(width=0.25), Rounding(channel_divisor=2), resolution=32), classes=18
)
RECIPE = replace(RECIPES["steady"], images=3200, batch_size=32, looks=2)


@pytest.fixture
def gpu() -> torch.device:
    return torch.device("cuda:0")


@pytest.fixture(autouse=True)
def float32(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same sums as the CPU's, as nearly as may be."""
    monkeypatch.setattr(training, "GAIN", 0.0)
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


def _run(recipe: ProxyRecipe, device: torch.device, *, captured: bool = True) -> Training:
    return Training(
        ARCH,
        recipe,
        load(DataSpec(held_out=180)),
        dataset="photographs",
        device=device,
        on_eager=pytest.fail,
        new_graph=graphs_of(device) if captured else None,
    )


def _curve(run: Training) -> list[tuple[float, float]]:
    run.to_the_end()
    return [(point.train_loss, point.loss) for point in run.result().curve]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_captured_run_begins_as_the_eager_one(gpu: torch.device, optimizer: str, accumulation: int) -> None:
    """Until rounding has parted them: the losses of the first steps."""
    recipe = replace(RECIPE, optimizer=optimizer, accumulation=accumulation, images=1600, looks=10)
    eager, captured = (_curve(_run(recipe, gpu, captured=on)) for on in (False, True))
    assert captured[0] == pytest.approx(eager[0], rel=0.02)


@pytest.mark.parametrize("way", [device_batches, cut_batches])
def test_batches_rendered_there_are_those_rendered_here(gpu: torch.device, way) -> None:  # type: ignore[no-untyped-def]
    source = load(DataSpec(held_out=180))
    here, there = (
        way(source, RECIPE, size=(48, 48), batches=range(4), device=device)
        for device in (torch.device("cpu"), gpu)
    )
    for number in range(4):
        for batches in (here, there):
            batches.ready(number)
        (expected, labels), (given, same) = here.batch(), there.batch()
        assert (given.cpu() - expected).abs().max() <= 1
        assert torch.equal(labels, same.cpu())


def test_the_view_to_judge_on_is_the_same_there(gpu: torch.device) -> None:
    source = load(DataSpec(held_out=180))
    for (expected, _), (given, _) in zip(
        judging_batches(source, size=(40, 40)),
        judging_batches(source, size=(40, 40), device=gpu),
        strict=True,
    ):
        assert (given.cpu() - expected).abs().max() <= 1


def test_a_captured_run_draws_anew_in_each_step(gpu: torch.device) -> None:
    run = _run(replace(RECIPE, dropout=0.5), gpu)
    assert run.draws
    assert not _run(RECIPE, gpu).draws
    assert _curve(run) != _curve(_run(replace(RECIPE, dropout=0.0), gpu))


def test_runs_side_by_side_learn(gpu: torch.device, tmp_path: Path) -> None:
    notes: list[str] = []
    executor = DeviceExecutor(
        devices=[str(gpu)], jobs=4, log_dir=tmp_path / "logs", on_note=notes.append, window_s=0.2
    )
    specs = [
        TrialSpec(
            key=f"run-seed{seed}",
            arch=ARCH,
            recipe=replace(RECIPE, images=16_000, seed=seed).to_dict(),
            data=DataSpec(held_out=180).to_dict(),
            device=str(gpu),
            threads=1,
            count=seed == 0,
            checkpoint=str(tmp_path / "checkpoints" / f"{seed}.safetensors"),
        )
        for seed in range(6)
    ]
    with ended(executor):
        futures = [executor.submit(spec.to_dict(), lambda _done, _of: None) for spec in specs]
        results = [future.result() for future in futures]
    assert not notes
    assert all(result["top1"] > 0.3 for result in results)
    assert results[0]["fvcore_total"] > 0
    # Captured: a run that is not says so in the log.
    assert "not captured" not in "".join(log.read_text() for log in (tmp_path / "logs").glob("cuda*.log"))
