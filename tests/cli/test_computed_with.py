"""A run may go on with other threads, jobs or another device than it was begun with, and says which did what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result

from scalesearch.hardware import device as devices
from scalesearch.runs.progress import SearchProgress

Run = Callable[..., Result]


class _MadeUp:
    """In place of worker processes: two threads on a busy machine take minutes for the tiniest network."""

    def __init__(self, **_: object) -> None:
        pass

    def submit(
        self, job: Mapping[str, Any], _on_step: object, _on_look: object = None
    ) -> Future[dict[str, Any]]:
        future: Future[dict[str, Any]] = Future()
        point = {"images": 32, "train_loss": 2.0, "loss": 2.0, "top1": 0.5}
        future.set_result(
            {name: point[name] for name in ("top1", "loss")}
            | {"held_out_images": 18, "train_seconds": 1.0, "images_seen": 32, "complete": True}
            | {"curve": [point], "fvcore_total": None, "uncounted": {}}
            | {"computed": [[job["device"], job["threads"]]]}
        )
        return future

    def shutdown(self, *, kill: bool = False) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalesearch.workers.executor.ProcessExecutor", _MadeUp)


@pytest.fixture
def stopped(tmp_path: Path, run: Run, tiny: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a grid of three networks that was stopped when the first was trained, by one thread."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(SearchProgress, "finished", stop)
        result = run("grid", f"--out={tmp_path / 'run'}", "--jobs=1", *tiny)
    assert result.exit_code == 130, result.output
    return tmp_path / "run"


def _trained(folder: Path) -> list[tuple[str, str]]:
    table = pd.read_csv(folder / "candidates.csv", dtype=str)
    done = table[table["status"] == "completed"]
    return sorted(zip(done["trained_device"], done["trained_threads"], strict=True))


def test_a_run_resumed_with_other_threads_says_so_and_keeps_which_network_had_which(
    stopped: Path, run: Run
) -> None:
    result = run("resume", stopped, "--threads=2", "--jobs=1", "--device=cpu")
    assert result.exit_code == 0, result.output
    assert "Note: this run goes on with 2 threads on cpu and was begun with 1 thread on cpu" in result.stderr
    assert _trained(stopped) == [("cpu", "1"), ("cpu", "2"), ("cpu", "2")]
    assert "2 training runs on cpu with 2 threads, 1 training run on cpu with 1 thread" in (
        stopped / "report.md"
    ).read_text("utf-8")


def test_the_same_command_with_other_threads_goes_on_in_its_folder(
    stopped: Path, run: Run, tiny: tuple[str, ...]
) -> None:
    options = [option for option in tiny if not option.startswith("--threads")]
    result = run("grid", f"--out={stopped}", "--jobs=2", "--threads=2", *options)
    assert result.exit_code == 0, result.output
    assert _trained(stopped) == [("cpu", "1"), ("cpu", "2"), ("cpu", "2")]
    # What it was begun with stays on record, and what is computed may not change.
    assert "threads = 1" in (stopped / "run.toml").read_text("utf-8")
    refused = run("grid", f"--out={stopped}", "--threads=2", *options, "--images=40")
    assert refused.exit_code == 2
    assert "images: 32 there, 40 asked" in refused.stderr
    assert "threads" not in refused.stderr


def test_nothing_is_said_or_changed_where_it_goes_on_as_it_was_begun(stopped: Path, run: Run) -> None:
    result = run("resume", stopped, "--jobs=2")
    assert result.exit_code == 0, result.output
    assert "Note: this run goes on" not in result.stderr
    assert set(_trained(stopped)) == {("cpu", "1")}
    assert "Computed with" not in (stopped / "report.md").read_text("utf-8")


def test_a_device_that_is_not_there_is_refused_before_anything_is_touched(stopped: Path, run: Run) -> None:
    before = (stopped / "study.db").read_bytes()
    for device in ("cuda:99", "tpu"):
        result = run("resume", stopped, f"--device={device}")
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: --device must be cpu or an available device")
    assert (stopped / "study.db").read_bytes() == before


def test_a_run_begun_where_there_was_a_gpu_goes_on_where_there_is_none(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("scalesearch.runs.lifecycle.require_device", lambda _name: None)
        patched.setattr("scalesearch.runs.lifecycle.machine", lambda _name: {"key": "0", "cpu": "elsewhere"})
        patched.setattr("scalesearch.runs.lifecycle.train_study", stop)
        options = [option for option in tiny if not option.startswith("--device")]
        assert run("grid", f"--out={folder}", "--device=cuda", "--jobs=1", *options).exit_code == 130
    monkeypatch.setattr(devices, "auto_device", lambda: "cpu")
    result = run("resume", folder, "--device=auto")
    assert result.exit_code == 0, result.output
    assert "goes on with 1 thread on cpu and was begun with 1 thread on cuda" in result.stderr
    assert set(_trained(folder)) == {("cpu", "1")}
