"""A run killed at any moment and resumed ends with the table of an uninterrupted one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from scalesearch.cli import cli
from scalesearch.records import RunRecord
from scalesearch.runs.kept import kept_run
from tests.conftest import TINY
from tests.study.conftest import assert_events_are_the_curves

CLOCK_COLUMNS = ["train_seconds", "latency_median_s", "latency_iqr_s"]


def _table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "candidates.csv").drop(columns=CLOCK_COLUMNS)


@contextmanager
def _started(folder: Path, options: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
    """A grid in a process of its own, which is killed at the end where it still works."""
    with subprocess.Popen(
        [sys.executable, "-m", "scalesearch", "grid", "--phi=1", f"--out={folder}", "--jobs=1", *options],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _kill_with_workers(process: subprocess.Popen[str], least: int = 0) -> None:
    """Kills a driver, and waits for the end of its workers: at least so many."""
    orphans = _descendants(process.pid)
    assert len(orphans) >= least
    process.kill()
    process.communicate()
    for orphan in orphans:
        _wait_for_the_end_of(orphan)


def _follow_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"the run ended without saying {text!r}")


def _images_of_two_colours(folder: Path) -> Path:
    """Reddish and bluish noise in two classes, one image of twelve in the wrong one."""
    generator = np.random.default_rng(0)
    for channel, name in ((0, "red"), (2, "blue")):
        (folder / name).mkdir(parents=True)
        for index in range(140):
            pixels = generator.integers(0, 120, (24, 30, 3), dtype=np.uint8)
            pixels[:, :, channel if index % 12 else 2 - channel] += 120
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return folder


def _descendants(ancestor: int) -> list[int]:
    """Every process that this one started, directly or not, and that still lives."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(status[1])
    found = [ancestor]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found[1:]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted run, made once. Not to be changed: copy it first."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    result = CliRunner().invoke(cli, ["grid", f"--out={folder}", "--jobs=1", *TINY])
    assert result.exit_code == 0, result.output
    return folder


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for orphaned workers in /proc")
@pytest.mark.parametrize("moment", [pytest.param("Training: 3 networks", marks=pytest.mark.slow), "[1/3]"])
def test_kill_9_and_resume_end_with_the_uninterrupted_table(
    tmp_path: Path, whole: Path, tiny: tuple[str, ...], run: Callable[..., Result], moment: str
) -> None:
    killed = tmp_path / "killed"
    with _started(killed, tiny) as process:
        _follow_until(process, moment)
        time.sleep(1.0)  # into the next trial
        _kill_with_workers(process, least=2)
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{killed / 'study.db'}")
    before = {t.user_attrs["key"]: t.datetime_complete for t in study.trials if t.state.is_finished()}
    assert len(before) == (1 if moment == "[1/3]" else 0)

    result = run("resume", killed)
    assert result.exit_code == 0, result.output
    pd.testing.assert_frame_equal(_table(whole), _table(killed))
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{killed / 'study.db'}")
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 3
    after = {t.user_attrs["key"]: t.datetime_complete for t in study.trials}
    assert {key: after[key] for key in before} == before
    for folder in (whole, killed):
        assert_events_are_the_curves(folder)


@pytest.mark.slow
def test_a_second_driver_is_refused_until_the_first_is_dead(
    tmp_path: Path, tiny: tuple[str, ...], run: Callable[..., Result]
) -> None:
    folder = tmp_path / "run"
    with _started(folder, tiny) as process:
        _follow_until(process, "Training: 3 networks")
        for command in (("resume", folder), ("grid", f"--out={folder}", "--jobs=1", *tiny)):
            result = run(*command)
            assert result.exit_code == 2
            assert result.stderr == (
                f"Error: the folder must be one that no other run works on, got {folder}: one does now; wait for its end, or name another folder\n"
            )
    assert run("resume", folder).exit_code == 0


def _wait_for_the_end_of(process: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.1)
    raise AssertionError("a process outlived its killed driver")


@pytest.mark.parametrize("signal_sent", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_a_stopped_run_keeps_what_is_done_and_says_how_to_go_on(
    tmp_path: Path, tiny: tuple[str, ...], signal_sent: signal.Signals
) -> None:
    folder = tmp_path / "run"
    with _started(folder, tiny) as process:
        _follow_until(process, "[1/3]")
        # Soon: on a busy machine the other two may be trained before a long nap is over.
        time.sleep(0.05)
        os.kill(process.pid, signal_sent)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"1 of 3 networks are done and kept. Go on with: scalesearch resume {folder}" in errors
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{folder / 'study.db'}")
    assert [t.state.name for t in study.trials] == ["COMPLETE", "WAITING", "WAITING"]


@pytest.mark.slow
def test_the_same_command_again_goes_on_and_trains_nothing_twice(
    tmp_path: Path, tiny: tuple[str, ...], run: Callable[..., Result]
) -> None:
    folder = tmp_path / "run"
    assert run("grid", f"--out={folder}", *tiny).exit_code == 0
    first = (folder / "candidates.csv").read_bytes()
    again = run("grid", f"--out={folder}", *tiny)
    assert again.exit_code == 0
    assert "3 networks, 3 of them known from before" in again.stderr
    assert (folder / "candidates.csv").read_bytes() == first


def test_report_makes_the_same_bytes_from_the_study_alone(
    tmp_path: Path, whole: Path, run: Callable[..., Result]
) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    kept = {"study.db", "driver.lock", ".begun-in"}
    files = {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in kept}
    made = {p for p in files if p.name != "run.toml" and p.parent.name not in ("logs", "weights", "events")}
    for path in files:
        path.unlink()
    assert run("report", folder).exit_code == 0
    assert {p: p.read_bytes() for p in made} == {p: files[p] for p in made}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_confirmation_killed_and_resumed_is_that_of_an_uninterrupted_run(
    tmp_path: Path, run: Callable[..., Result]
) -> None:
    # Of the default size: smaller networks have no splits that a surface could use.
    options = tuple(o for o in TINY if "max-networks" not in o and "seeds" not in o and "baseline" not in o)
    options = tuple(o for o in options if not o.startswith(("--images", "--held-out")))
    # Nothing is confirmed of networks that learnt nothing.
    images = _images_of_two_colours(tmp_path / "images")
    options += (f"--dataset=folder:{images}", "--images=512", "--held-out=80")
    options += ("--max-networks=9", "--seeds=2", "--regret=0")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run("grid", f"--out={whole}", "--jobs=1", *options).exit_code == 0
    shutil.copytree(whole, killed)
    options += ("--confirm=2",)
    assert run("grid", f"--out={whole}", "--jobs=1", *options).exit_code == 0
    with _started(killed, options) as process:
        _follow_until(process, "Confirming the answer")
        time.sleep(1.0)
        _kill_with_workers(process)
    assert run("resume", killed).exit_code == 0
    pd.testing.assert_frame_equal(_table(whole), _table(killed))
    (first,), (second,) = ([kept_run(folder).record] for folder in (whole, killed))
    assert len(first.checks) == 6

    def results(record: RunRecord) -> list[tuple[str, str, int, float]]:
        return [(c.role, c.network, c.run.seed, c.run.top1) for c in record.checks]

    assert results(first) == results(second)
    assert first.stopped == second.stopped
