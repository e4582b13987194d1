from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import Result

from scalesearch.export.state import read_state, write_state
from scalesearch.study.grid_plan import GridSettings
from scalesearch.study.settings import TrainingSettings, weights_file, weights_folder
from scalesearch.training.dataset import DataSpec
from scalesearch.training.images import load
from scalesearch.training.rendering import judging_batches
from scalesearch.training.step import Normalise
from scalesearch.workers.worker import TrialSpec, run_trial


def _spec(tmp_path: Path, **changes: Any) -> TrialSpec:
    settings = TrainingSettings(
        baseline_width=0.125,
        baseline_channel_divisor=1,
        baseline_resolution=16,
        images=32,
        batch_size=8,
        held_out=36,
    )
    known = {
        "key": "tiny-seed0",
        "arch": settings.proxy_baseline(18),
        "recipe": settings.proxy_recipe.to_dict() | {"ema_decay": 0.5, "ema_share": 0.0},
        "data": settings.data.to_dict(),
        "device": "cpu",
        "threads": 1,
        "checkpoint": str(tmp_path / "checkpoints" / "tiny.safetensors"),
        "weights": str(tmp_path / "weights" / "tiny.safetensors"),
        "count": False,
    }
    return TrialSpec(**known | changes)


@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
def test_the_weights_are_those_that_were_judged(tmp_path: Path, ema_decay: float) -> None:
    spec = _spec(tmp_path)
    spec = TrialSpec.from_dict(
        spec.to_dict() | {"recipe": dict(spec.recipe) | {"ema_decay": ema_decay, "ema_share": 0.0}}
    )
    result = run_trial(spec, lambda _done, _steps: None)
    state = read_state(Path(spec.weights))
    assert state.arch == spec.arch
    network = state.network()
    data = DataSpec(**spec.data)
    loss, judged = 0.0, 0
    normalise = Normalise(3, torch.device("cpu"), torch.channels_last)
    for images, labels in judging_batches(load(data), size=(16, 16)):
        with torch.inference_mode():
            logits = network(normalise(images))
        loss += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))
        judged += len(labels)
    assert loss / judged == pytest.approx(result.loss, rel=1e-5)
    facts = state.facts
    assert {name: facts[name] for name in ("top1", "held_out_images", "images_seen", "dataset")} == {
        "top1": result.top1,
        "held_out_images": 36,
        "images_seen": 32,
        "dataset": "photographs",
    }
    assert facts["recipe"] == dict(spec.recipe)
    assert len(facts["classes"]) == 18
    assert facts["input"]["resolution"] == 16
    assert facts["input"]["mean"] == [0.485, 0.456, 0.406]


@pytest.mark.slow
def test_a_run_that_is_not_whole_leaves_none(tmp_path: Path) -> None:
    run_trial(_spec(tmp_path, until=16), lambda _done, _steps: None)
    assert not (tmp_path / "weights").exists()
    run_trial(_spec(tmp_path), lambda _done, _steps: None)
    assert (tmp_path / "weights" / "tiny.safetensors").exists()
    run_trial(_spec(tmp_path / "other", weights=""), lambda _done, _steps: None)
    assert not (tmp_path / "other" / "weights").exists()


def test_a_worker_killed_before_its_weights_were_written_leaves_them_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_trial(_spec(tmp_path / "whole"), lambda _done, _steps: None)

    class KilledError(Exception):
        pass

    def killed(*_arguments: object) -> None:
        raise KilledError

    monkeypatch.setattr("scalesearch.export.state.write_state", killed)
    with pytest.raises(KilledError):
        run_trial(_spec(tmp_path), lambda _done, _steps: None)
    monkeypatch.setattr("scalesearch.export.state.write_state", write_state)
    steps: list[int] = []
    run_trial(_spec(tmp_path), lambda done, _steps: steps.append(done))
    assert steps == [], "nothing is trained again"
    expected = read_state(tmp_path / "whole" / "weights" / "tiny.safetensors").tensors
    got = read_state(tmp_path / "weights" / "tiny.safetensors").tensors
    assert all(torch.equal(got[name], value) for name, value in expected.items())


def test_a_full_disk_fails_the_run_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_rest: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("scalesearch.export.state.write_state", full)
    spec = _spec(tmp_path)
    with pytest.raises(OSError, match="No space left on device") as caught:
        run_trial(spec, lambda _done, _steps: None)
    assert caught.value.filename == spec.weights


@pytest.mark.slow
def test_jobs_name_the_file_of_each_seed(
    lab: Any, tmp_path: Path, tiny: tuple[str, ...], run: Callable[..., Result]
) -> None:
    named: list[str] = []
    lab.on_result = lambda job: named.append(job["weights"])
    assert run("grid", f"--out={tmp_path}", *tiny, "--seeds=2").exit_code == 0
    assert len(set(named)) == 6
    assert {Path(name).parent for name in named} == {tmp_path / "weights"}
    assert {Path(name).name[12:] for name in named} == {"-seed0.safetensors", "-seed1.safetensors"}
    named.clear()
    other = tmp_path / "other"
    assert run("grid", f"--out={other}", *tiny, "--no-keep-weights").exit_code == 0
    assert set(named) == {""}
    # It changes no result: the same command without it goes on there.
    assert run("grid", f"--out={other}", *tiny).exit_code == 0


def test_each_length_of_a_fidelity_run_has_its_own_folder() -> None:
    folder = Path("run")
    assert weights_folder(folder, "grid", "name") == folder / "weights"
    assert weights_folder(folder, "fidelity", "x4") == folder / "weights" / "x4"
    assert weights_file(folder, "abc", 3) == folder / "abc-seed3.safetensors"


def test_runs_from_before_keep_none() -> None:
    assert TrainingSettings().keep_weights
    assert not TrainingSettings.from_dict({}).keep_weights
    assert not GridSettings.from_dict({"phi": 2.0}).keep_weights
    assert GridSettings.from_dict(GridSettings().to_dict()).keep_weights


@pytest.mark.slow
@pytest.mark.usefixtures("lab")
def test_a_run_from_before_goes_on_without_weights(
    tmp_path: Path, tiny: tuple[str, ...], run: Callable[..., Result]
) -> None:
    assert run("grid", f"--out={tmp_path}", *tiny).exit_code == 0
    text = (tmp_path / "run.toml").read_text()
    assert "keep_weights = true\n" in text
    (tmp_path / "run.toml").write_text(text.replace("keep_weights = true\n", ""))
    again = run("grid", f"--out={tmp_path}", *tiny)
    assert again.exit_code == 0, again.output
