"""A run that dies, or runs out of space, at any of its commit points ends as if nothing had happened."""

from __future__ import annotations

import errno
import importlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest
import sqlalchemy
from click.testing import CliRunner, Result

from scalesearch.cli import cli
from scalesearch.files import write_text
from scalesearch.page.tables import candidates_table, csv_text
from scalesearch.records import RunRecord
from scalesearch.study.storage import open_storage, sqlite_url
from scalesearch.study.study import SearchStudy, find_study
from scalesearch.training import checkpoint as checkpoints
from tests.study.conftest import Lab, assert_events_are_the_curves

CLOCKS = ["train_seconds", "latency_median_s", "latency_iqr_s"]
NAME = "grid-efficientnet-b0-phi1"
OPTIONS = (
    *("--step=0.25", "--tolerance=0.3", "--max-networks=6", "--images=40", "--batch-size=4"),
    *("--baseline-width=0.125", "--baseline-channel-divisor=1", "--baseline-resolution=16"),
    *("--device=cpu", "--threads=1", "--jobs=2", "--seeds=1", "--match=none"),
)
PLANS = {
    "all in full": OPTIONS,
    "by rungs": (*OPTIONS, "--rungs=6:0.25,3:0.5,2:1", "--seeds=2"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A moment of the driver at which something has just been made durable, or is about to be.

    ``call`` is which call of ``function`` it is; ``rungs`` whether only a run by rungs comes there.
    """

    function: str
    when: Literal["before", "after"]
    call: int = 1
    rungs: bool = False


# The driver's commit points, in the order of a run.
STUDY = "scalesearch.study.study.SearchStudy"
STORAGE = "scalesearch.study.rows.StudyStorage"
POINTS = {
    "the study is made": Point(function="optuna.create_study", when="after"),
    "the skipped are written": Point(function=f"{STUDY}._set_pieces", when="after"),
    "the chosen are written": Point(function=f"{STUDY}._set_pieces", when="after", call=2),
    "the run is begun": Point(function=f"{STUDY}.enqueue_missing", when="before"),
    "half of them are enqueued": Point(function="scalesearch.study.rows._utc", when="before", call=7),
    "they are enqueued": Point(function=f"{STORAGE}.create_trials", when="after"),
    "run.toml is next": Point(function="scalesearch.runs.lifecycle.write_run_file", when="before"),
    "run.toml is written": Point(function="scalesearch.runs.lifecycle.write_run_file", when="after"),
    "a trial is taken": Point(function=f"{STORAGE}._flush", when="after"),
    "a run is next": Point(function=f"{STUDY}.store_run", when="before", call=2),
    "a run is stored": Point(function=f"{STUDY}.store_run", when="after", call=2),
    "a later run is stored": Point(function=f"{STUDY}.store_run", when="after", call=10, rungs=True),
    "the last run but one is stored": Point(function=f"{STUDY}.store_run", when="after", call=12, rungs=True),
    "a value is next": Point(function=f"{STUDY}.report", when="before", call=3, rungs=True),
    "a value is reported": Point(function=f"{STUDY}.report", when="after", call=3, rungs=True),
    "a second rung's value is reported": Point(function=f"{STUDY}.report", when="after", call=8, rungs=True),
    "one of a rung is next to go": Point(function=f"{STUDY}.prune", when="before", call=2, rungs=True),
    "some of a rung are pruned": Point(function=f"{STUDY}.prune", when="after", call=2, rungs=True),
    "a trial is next to be told": Point(function=f"{STUDY}.complete", when="before"),
    "a trial is told": Point(function=f"{STUDY}.complete", when="after"),
    "a latency is next": Point(function=f"{STUDY}.set_latency", when="before"),
    "a latency is stored": Point(function=f"{STUDY}.set_latency", when="after"),
    "the report is next": Point(function="scalesearch.runs.lifecycle.write_report", when="before"),
    "the report is written": Point(function="scalesearch.runs.lifecycle.write_report", when="after"),
}
# A second or two each: the quick suite has a few, `make check` all of them.
QUICK = (
    "the chosen are written",
    "half of them are enqueued",
    "a run is stored",
    "some of a rung are pruned",
)
CASES = [
    pytest.param(
        plan,
        point,
        id=f"{name} ({plan})",
        marks=[] if name in QUICK and plan == "by rungs" else pytest.mark.slow,
    )
    for name, point in POINTS.items()
    for plan in PLANS
    if plan == "by rungs" or not point.rungs
]


class Died(BaseException):
    """The process is gone: nothing after this may write."""


@contextmanager
def _at(point: Point, happen: Callable[[], None]) -> Iterator[list[bool]]:
    """Has ``happen`` called at the point, once."""
    place, _, name = point.function.rpartition(".")
    try:
        owner: Any = importlib.import_module(place)
    except ModuleNotFoundError:
        module, _, class_name = place.rpartition(".")
        owner = getattr(importlib.import_module(module), class_name)
    original, calls, reached = getattr(owner, name), [0], [False]

    def call(*arguments: Any, **named: Any) -> Any:
        calls[0] += 1
        here = calls[0] == point.call
        if here and point.when == "before":
            reached[0] = True
            happen()
        result = original(*arguments, **named)
        if here and point.when == "after":
            reached[0] = True
            happen()
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, call)
        yield reached


def _die() -> None:
    raise Died


def _light_report(record: RunRecord, folder: Path) -> pd.DataFrame:
    """The table alone: figures take seconds."""
    table = candidates_table(record)
    write_text(folder / "candidates.csv", csv_text(table))
    return table


@pytest.fixture(autouse=True)
def light_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalesearch.runs.lifecycle.write_report", _light_report)


def _grid(folder: Path, plan: str) -> Result:
    return CliRunner().invoke(cli, ["grid", f"--out={folder}", *PLANS[plan], "--format=csv"])


def _table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "candidates.csv").drop(columns=CLOCKS)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """The table of each plan when nothing happens."""
    tables = {}
    for number, plan in enumerate(PLANS):
        folder = tmp_path_factory.mktemp("whole") / str(number)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("scalesearch.workers.executor.ProcessExecutor", Lab().executor)
            patch.setattr("scalesearch.runs.lifecycle.write_report", _light_report)
            result = _grid(folder, plan)
        assert result.exit_code == 0, result.output
        tables[plan] = _table(folder)
    return tables


def _stored(folder: Path) -> dict[tuple[str, int], int]:
    """How far the training runs are that the study holds, by network and seed."""
    study = find_study(sqlite_url(folder), NAME)
    if study is None or study.run is None:
        return {}
    return {(c.key, run.seed): run.images_seen for c in study.record().candidates for run in c.runs}


def _go_on_and_compare(folder: Path, plan: str, lab: Lab, whole: dict[str, pd.DataFrame]) -> None:
    """The same command again gives the uninterrupted table and trains nothing that was stored."""
    stored = _stored(folder)
    trained = len(lab.ledger)
    result = _grid(folder, plan)
    assert result.exit_code == 0, result.output
    pd.testing.assert_frame_equal(_table(folder), whole[plan])
    again = [t for t in lab.ledger[trained:] if t.start < stored.get((t.key, t.seed), 0)]
    assert again == []
    assert not (folder / "checkpoints").exists()
    assert not list(folder.rglob("*.tmp"))
    assert (folder / "run.toml").is_file()
    assert_events_are_the_curves(folder)
    after = _stored(folder)
    assert all(after[run] >= images for run, images in stored.items())


def test_a_run_by_rungs_trains_what_its_rungs_say(tmp_path: Path, lab: Lab) -> None:
    assert _grid(tmp_path / "run", "by rungs").exit_code == 0
    first, second = 8, 20
    heights = [(t.start, t.stop) for t in lab.ledger]
    assert heights[:6] == [(0, first)] * 6
    assert heights[6:9] == [(first, second)] * 3
    assert sorted(heights[9:]) == [(0, 40)] * 2 + [(second, 40)] * 2
    assert len(lab.measured) == 2


@pytest.mark.parametrize(("plan", "point"), CASES)
def test_a_death_changes_nothing(
    tmp_path: Path, lab: Lab, uninterrupted: dict[str, pd.DataFrame], plan: str, point: Point
) -> None:
    folder = tmp_path / "run"
    with _at(point, _die) as reached, pytest.MonkeyPatch.context() as patch:
        _only_before_death(patch, reached)
        with pytest.raises(Died):
            _grid(folder, plan)
    assert reached == [True]
    _go_on_and_compare(folder, plan, lab, uninterrupted)


def _only_before_death(patch: pytest.MonkeyPatch, reached: list[bool]) -> None:
    """What an exception's handlers would still write, a dead process does not."""
    for name in ("adopt", "set_session"):
        original = getattr(SearchStudy, name)

        def call(*arguments: Any, original: Any = original) -> Any:
            if reached[0]:
                raise Died
            return original(*arguments)

        patch.setattr(SearchStudy, name, call)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a driver to kill it")
@pytest.mark.parametrize(
    "name", ["half of them are enqueued", "a run is stored", "some of a rung are pruned", "a trial is told"]
)
def test_kill_9_changes_nothing(
    tmp_path: Path, lab: Lab, uninterrupted: dict[str, pd.DataFrame], name: str
) -> None:
    folder = tmp_path / "run"
    child = os.fork()
    if child == 0:
        with _at(POINTS[name], lambda: os.kill(os.getpid(), signal.SIGKILL)):
            _grid(folder, "by rungs")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
    _go_on_and_compare(folder, "by rungs", lab, uninterrupted)


PAGE = 512


@contextmanager
def _limited_database(pages: int | None) -> Iterator[None]:
    """Databases made of small pages, and of no more than so many."""

    def limit(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        if pages is not None:
            connection.execute(f"PRAGMA max_page_count = {pages}")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", limit)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "connect", limit)


@pytest.mark.parametrize(
    # Of about sixty: the study is made, begun by 45, the runs stored by 60, latency measured.
    "pages",
    [50, *(pytest.param(pages, marks=pytest.mark.slow) for pages in (0, 20, 44, 57, 59))],
)
def test_a_full_disk_under_the_database_is_one_line_and_loses_nothing(
    tmp_path: Path, lab: Lab, uninterrupted: dict[str, pd.DataFrame], pages: int
) -> None:
    """SQLite itself refuses pages beyond a limit, as it does on a full disk."""
    folder = tmp_path / "run"
    with _limited_database(None):
        open_storage(sqlite_url(tmp_path), create=True)  # tables alone
    tables = (tmp_path / "study.db").stat().st_size // PAGE
    with _limited_database(tables + pages):
        result = _grid(folder, "by rungs")
    assert result.exit_code == 2, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert errors == [
        f"Error: {sqlite_url(folder)} cannot be written, no space left on device: free some and go on, "
        "nothing that was stored is lost"
    ]
    assert "Traceback" not in result.output
    _go_on_and_compare(folder, "by rungs", lab, uninterrupted)


FILES = {
    "run.toml": "scalesearch.runs.folder.write_text",
    "the report": "tests.study.test_crash_matrix.write_text",
}


@pytest.mark.parametrize("file", FILES)
def test_a_full_disk_under_a_file_is_one_line_and_loses_nothing(
    tmp_path: Path, lab: Lab, uninterrupted: dict[str, pd.DataFrame], file: str
) -> None:
    folder = tmp_path / "run"

    def full(path: Path, _text: str) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with pytest.MonkeyPatch.context() as patch:
        if file == "the report":
            patch.setattr(
                "scalesearch.runs.lifecycle.write_report",
                lambda _r, folder: full(folder / "candidates.csv", ""),
            )
        else:
            patch.setattr(FILES[file], full)
        result = _grid(folder, "by rungs")
    assert result.exit_code in (1, 2)
    last = result.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    assert "No space left on device" in last
    assert "Traceback" not in result.output
    _go_on_and_compare(folder, "by rungs", lab, uninterrupted)


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("left", ["run.toml", "candidates.csv"])
def test_what_a_killed_writer_left_is_not_taken_for_the_file(
    tmp_path: Path, uninterrupted: dict[str, pd.DataFrame], left: str
) -> None:
    """Files get their names whole; half of one has another name, is not looked at and makes way."""
    folder = tmp_path / "run"
    folder.mkdir()
    torn = folder / f"{left}.tmp"
    torn.write_text("[run]\nname = 'gri")
    result = _grid(folder, "by rungs")
    assert result.exit_code == 0, result.output
    pd.testing.assert_frame_equal(_table(folder), uninterrupted["by rungs"])
    assert not torn.exists()


@pytest.mark.usefixtures("lab")
def test_torn_checkpoints_cost_time_alone(tmp_path: Path, uninterrupted: dict[str, pd.DataFrame]) -> None:
    folder = tmp_path / "run"
    with _at(POINTS["a later run is stored"], _die), pytest.raises(Died):
        _grid(folder, "by rungs")
    files = list((folder / "checkpoints").iterdir())
    assert files
    for path in files:
        path.write_bytes(path.read_bytes()[:7])
    assert _grid(folder, "by rungs").exit_code == 0
    pd.testing.assert_frame_equal(_table(folder), uninterrupted["by rungs"])
    assert not (folder / "checkpoints").exists()


@pytest.mark.slow
def test_a_worker_out_of_space_fails_its_network_by_name_and_a_retry_heals_it(
    tmp_path: Path, lab: Lab, uninterrupted: dict[str, pd.DataFrame], run: Callable[..., Result]
) -> None:
    folder = tmp_path / "run"
    lab.fails = lambda job: (
        "no space left on device" if job["recipe"]["seed"] == 1 else None
    )  # latency has none
    lab.fails = lambda job: (
        "no space left on device" if job["kind"] == "train" and job["recipe"]["seed"] == 1 else None
    )
    result = _grid(folder, "by rungs")
    assert result.exit_code == 1
    table = pd.read_csv(folder / "candidates.csv")
    failed = table[table["status"] == "failed"]
    assert list(failed["reason"]) == ["seed 1: no space left on device"] * 2
    lab.fails = lambda _job: None
    before = len(lab.ledger)
    result = run("resume", folder, "--retry-failed")
    assert result.exit_code == 0, result.output
    pd.testing.assert_frame_equal(_table(folder), uninterrupted["by rungs"])
    assert {t.seed for t in lab.ledger[before:]} == {1}
    assert not (folder / "checkpoints").exists()


def test_a_worker_that_dies_before_its_checkpoint_is_whole_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    path = tmp_path / "abc.safetensors"
    state = checkpoints.Checkpoint(
        identity="a", step=1, curve=(), train_seconds=0.0, computed=(), tensors={"model/w": torch.ones(3)}
    )
    checkpoints.write_checkpoint(path, state)
    before = path.read_bytes()

    def die(*_arguments: object) -> None:
        raise Died

    monkeypatch.setattr(os, "fsync", die)
    with pytest.raises(Died):
        checkpoints.write_checkpoint(path, state)
    assert path.read_bytes() == before
