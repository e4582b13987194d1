"""What a command leaves of its folder when it ends, and when it is stopped before it has anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from filelock import FileLock, Timeout

from scalesearch.errors import StoppedError
from scalesearch.runs import deriving, planning
from scalesearch.runs.folder import writable

Run = Callable[..., Result]
NOTHING_KEPT = "Stopped: nothing is kept yet. Give the command again to begin anew."


def stop(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def fail(folder: Path) -> None:
    (folder / "logs").mkdir()
    raise ZeroDivisionError


def leave_logs_and_stop(_settings: Any, folder: Path) -> None:
    (folder / "logs").mkdir(parents=True)
    (folder / "logs/network.count.log").write_text("warning", encoding="utf-8")
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "options", [(), ("--train", "--baseline-width=0.125", "--baseline-resolution=16", "--seeds=1")]
)
@pytest.mark.slow
def test_a_family_that_is_stopped_while_it_is_counted_leaves_nothing(
    options: tuple[str, ...], tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deriving, "_counting", leave_logs_and_stop)
    folder = tmp_path / "family"
    result = run("scale", "--phi=0,1", f"--out={folder}", *options)
    assert result.exit_code == 130, result.output
    assert result.stderr.endswith(NOTHING_KEPT + "\n")
    assert not folder.exists()
    # A folder that was there is the user's.
    folder.mkdir()
    assert run("scale", "--phi=0,1", f"--out={folder}", *options).exit_code == 130
    assert folder.exists()


def test_a_grid_that_is_stopped_while_it_is_planned_leaves_nothing(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "plan_grid", stop)
    folder = tmp_path / "grid"
    result = run("grid", f"--out={folder}")
    assert (result.exit_code, result.stderr) == (130, NOTHING_KEPT + "\n")
    assert not folder.exists()


def test_logs_stay_where_they_may_say_why_it_failed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), writable(tmp_path / "run"):
        fail(tmp_path / "run")
    assert (tmp_path / "run/logs").exists()


def test_a_lock_file_goes_with_a_command_that_begins_no_run(tmp_path: Path, run: Run) -> None:
    lock = FileLock(tmp_path / "passing/driver.lock")
    with writable(tmp_path / "passing", passing=True):
        (tmp_path / "passing/report.md").touch()
        with pytest.raises(Timeout):
            lock.acquire(timeout=0)
    assert {path.name for path in (tmp_path / "passing").iterdir()} == {"report.md"}
    assert run("audit", "--baseline=mobilenet-v1", f"--out={tmp_path / 'audit'}").exit_code == 0
    assert not (tmp_path / "audit/driver.lock").exists()
    with writable(tmp_path / "run"):
        (tmp_path / "run/study.db").touch()
    assert (tmp_path / "run/driver.lock").exists()


def test_a_run_that_was_begun_is_not_said_to_be_lost(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/run.toml").touch()
    with pytest.raises(KeyboardInterrupt), writable(tmp_path / "run"):
        stop()
    with pytest.raises(StoppedError), writable(tmp_path / "new"):
        stop()
    assert (tmp_path / "run/run.toml").exists()
    assert not (tmp_path / "new").exists()
