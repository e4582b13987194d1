"""Trackers in their own process: TensorBoard for real, the others by modules with the same signatures."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scalesearch.workers import tracking
from scalesearch.workers.tracking import Tracker, missing_package

FACTS = {"event": "run", "network": "abc", "seed": 1, "recipe": {"name": "steady", "dropout": None}}
LOOKS = [
    {"images": 8, "train_loss": 3.0, "loss": 2.5, "top1": 0.25, "seconds": None},
    {"images": 16, "train_loss": 2.0, "loss": 1.5, "top1": 0.5, "seconds": 2.0},
]
Make = Callable[..., Tracker]

# Each writes what it is called with into a file; the arguments are those of the real packages.
RECORD = """
import json, os
def record(*call):
    with open(os.environ["CALLS"], "a") as file:
        file.write(json.dumps(call) + "\\n")
"""
MLFLOW = """
class _Info:
    def __init__(self, run_id): self.run_id = run_id
class _Run:
    def __init__(self, run_id): self.info = _Info(run_id)
class MlflowClient:
    def __init__(self, tracking_uri=None, registry_uri=None):
        record("client", tracking_uri, os.environ["MLFLOW_DISABLE_TELEMETRY"])
    def get_experiment_by_name(self, name): return None
    def create_experiment(self, name, artifact_location=None, tags=None):
        record("experiment", name, artifact_location); return "7"
    def search_runs(self, experiment_ids, filter_string="", run_view_type=1, max_results=1000, order_by=None,
                    page_token=None):
        record("search", experiment_ids, filter_string)
        return [_Run("old")] if os.environ.get("KNOWN") else []
    def create_run(self, experiment_id, start_time=None, tags=None, run_name=None):
        record("run", experiment_id, tags, run_name); return _Run("new")
    def update_run(self, run_id, status=None, name=None): record("update", run_id, status)
    def log_param(self, run_id, key, value, synchronous=None): record("param", run_id, key, value)
    def log_metric(self, run_id, key, value, timestamp=None, step=None, synchronous=None):
        record("metric", run_id, key, value, step)
    def set_terminated(self, run_id, status=None, end_time=None): record("end", run_id, status)
"""
WANDB = """
class Settings:
    def __init__(self, *, silent=False, console="auto"): self.given = [silent, console]
class Run:
    def log(self, data, step=None, commit=None): record("log", data, step)
    def finish(self, exit_code=None, quiet=None): record("finish", exit_code)
def init(entity=None, project=None, dir=None, id=None, name=None, notes=None, tags=None, config=None,
         config_exclude_keys=None, config_include_keys=None, allow_val_change=None, group=None, job_type=None,
         mode=None, force=None, reinit=None, resume=None, resume_from=None, fork_from=None, save_code=None,
         tensorboard=None, sync_tensorboard=None, monitor_gym=None, settings=None):
    assert os.path.isdir(dir) and len(id) == 16
    record("init", project, group, name, config["recipe"], mode, resume, reinit, settings.given)
    return Run()
"""
TRACKIO = """
class Run:
    def log(self, metrics, step=None): record("log", metrics, step)
    def finish(self): record("finish")
def init(project, name=None, group=None, space_id=None, space_storage=None, dataset_id=None, config=None,
         resume="never", settings=None, private=None, embed=True, auto_log_gpu=None, gpu_log_interval=10.0):
    print("* Trackio project initialized")
    record("init", project, name, config["seed"], resume, embed, auto_log_gpu, os.environ["TRACKIO_DIR"],
           os.environ.get("HF_HUB_OFFLINE"))
    return Run()
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[list[Any]]]:
    """Stand-in packages for a tracker's process, and what they are called with."""
    for name, code in (("mlflow", MLFLOW), ("wandb", WANDB), ("trackio", TRACKIO)):
        (tmp_path / "packages" / name).mkdir(parents=True)
        (tmp_path / "packages" / name / "__init__.py").write_text(RECORD + code)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "WANDB_", "TRACKIO_", "HF_HUB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return lambda: [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def make(tmp_path: Path, told: list[str]) -> Iterator[Make]:
    made: list[Tracker] = []

    def call(name: str) -> Tracker:
        log = tmp_path / "logs" / f"{name}.log"
        made.append(Tracker(name, tmp_path / "tracking" / name, "my-run", log, told.append))
        return made[-1]

    yield call
    for tracker in made:
        tracker.close()


def _track(tracker: Tracker, *, whole: bool = True) -> None:
    for look in LOOKS:
        tracker.look("abc-seed1", FACTS, look)
    if whole:
        tracker.ended("abc-seed1", whole=True)
    tracker.close()


def test_tensorboard_has_the_looks_for_real(tmp_path: Path, make: Make, told: list[str]) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _track(make("tensorboard"))
    assert told == []
    events = EventAccumulator(str(tmp_path / "tracking" / "tensorboard" / "abc-seed1")).Reload()
    top1 = [(event.step, event.value) for event in events.Scalars("top1")]
    assert top1 == [(8, 0.25), (16, 0.5)]
    assert [event.step for event in events.Scalars("seconds")] == [16]
    (text,) = events.Tensors("run/text_summary")
    assert b"recipe.name = steady" in text.tensor_proto.string_val[0]


def test_mlflow_has_a_database_in_the_runs_folder(
    tmp_path: Path, make: Make, calls: Callable[[], list[list[Any]]], told: list[str]
) -> None:
    _track(make("mlflow"))
    folder = tmp_path / "tracking" / "mlflow"
    assert told == []
    assert calls()[:4] == [
        ["client", f"sqlite:///{folder / 'mlflow.db'}", "true"],
        ["experiment", "my-run", (folder / "artifacts").as_uri()],
        ["search", ["7"], "tags.scalesearch_run = 'abc-seed1'"],
        ["run", "7", {"scalesearch_run": "abc-seed1"}, "abc-seed1"],
    ]
    assert ["param", "new", "recipe.name", "steady"] in calls()
    metrics = [call[2:] for call in calls() if call[0] == "metric"]
    assert metrics == [
        *(["train_loss", 3.0, 8], ["loss", 2.5, 8], ["top1", 0.25, 8]),
        *(["train_loss", 2.0, 16], ["loss", 1.5, 16], ["top1", 0.5, 16], ["seconds", 2.0, 16]),
    ]
    assert calls()[-1] == ["end", "new", "FINISHED"]


def test_mlflow_goes_on_with_a_run_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, make: Make, calls: Callable[[], list[list[Any]]]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("KNOWN", "1")
    _track(make("mlflow"), whole=False)
    assert calls()[0] == ["client", "http://127.0.0.1:9", "true"]
    assert calls()[1] == ["experiment", "my-run", None]
    assert ["update", "old", "RUNNING"] in calls()
    assert calls()[-1] == ["end", "old", "KILLED"]


@pytest.mark.parametrize(("mode", "resume"), [("", None), ("online", "allow")])
def test_wandb_is_offline_unless_the_environment_says_otherwise(
    mode: str,
    resume: str | None,
    monkeypatch: pytest.MonkeyPatch,
    make: Make,
    calls: Callable[[], list[list[Any]]],
) -> None:
    if mode:
        monkeypatch.setenv("WANDB_MODE", mode)
    _track(make("wandb"))
    assert calls() == [
        [
            *("init", "scalesearch", "my-run", "abc-seed1", FACTS["recipe"], mode or "offline", resume),
            *("create_new", [True, "off"]),
        ],
        ["log", {"train_loss": 3.0, "loss": 2.5, "top1": 0.25}, 8],
        ["log", {"train_loss": 2.0, "loss": 1.5, "top1": 0.5, "seconds": 2.0}, 16],
        ["finish", 0],
    ]


def test_trackio_keeps_to_the_runs_folder_and_off_the_terminal(
    tmp_path: Path, make: Make, calls: Callable[[], list[list[Any]]], capfd: pytest.CaptureFixture[str]
) -> None:
    _track(make("trackio"))
    folder = str(tmp_path / "tracking" / "trackio")
    assert calls()[0] == ["init", "my-run", "abc-seed1", 1, "allow", False, False, folder, "1"]
    assert [call[0] for call in calls()] == ["init", "log", "log", "finish"]
    assert capfd.readouterr().out == ""
    assert "Trackio project initialized" in (tmp_path / "logs" / "trackio.log").read_text()


def test_trackio_may_use_the_network_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, make: Make, calls: Callable[[], list[list[Any]]]
) -> None:
    monkeypatch.setenv("TRACKIO_SPACE_ID", "me/mine")
    _track(make("trackio"))
    assert calls()[0][-1] is None


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise RuntimeError('no server at \\x1b[31mhome')", "no server at"),
        ("import os; os.abort()", "its process ended"),
        ("raise SystemExit", "SystemExit"),
        ("def init(**_): raise OSError(28, 'No space left on device')\nclass Settings: pass", "Settings"),
    ],
)
def test_a_tracker_that_fails_is_told_once(
    code: str, reason: str, tmp_path: Path, make: Make, told: list[str]
) -> None:
    (tmp_path / "packages" / "wandb" / "__init__.py").write_text(code)
    tracker = make("wandb")
    for _ in range(3):
        tracker.look("abc-seed1", FACTS, LOOKS[0])
    _track(tracker)
    (line,) = told
    assert line.startswith("Note: wandb does not track this run: ")
    assert reason in line
    assert line.endswith(f"training goes on without it (see {tmp_path / 'logs' / 'wandb.log'})")


@pytest.mark.usefixtures("calls")
def test_a_tracker_that_hangs_is_killed_and_told_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Make,
    told: list[str],
) -> None:
    monkeypatch.setattr(tracking, "GRACE_S", 0.5)
    (tmp_path / "packages" / "wandb" / "__init__.py").write_text("import time; time.sleep(1000)")
    tracker = make("wandb")
    for _ in range(5000):  # far more than a pipe holds
        tracker.look("abc-seed1", FACTS, LOOKS[0])
    _track(tracker)
    (line,) = told
    assert "it has not ended after 0.5 s, and was killed" in line
    assert not tracker._process.is_alive()


def test_a_folder_that_cannot_be_made_is_told_once(tmp_path: Path, make: Make, told: list[str]) -> None:
    (tmp_path / "tracking").write_text("a file")
    _track(make("wandb"))
    assert len(told) == 1


@pytest.mark.usefixtures("calls")
def test_a_package_that_is_not_there_has_its_pip_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [missing_package(name) for name in ("mlflow", "wandb", "trackio")] == [""] * 3
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    # A folder that only looks like it, such as the one that wandb leaves behind.
    (tmp_path / "wandb").mkdir()
    for name in ("mlflow", "wandb", "trackio"):
        assert missing_package(name) == f"which needs its package: pip install 'scalesearch[{name}]'"
