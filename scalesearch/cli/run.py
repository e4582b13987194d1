"""A grid search in its folder: checked and locked before anything is touched, shown while it runs."""

from __future__ import annotations

import signal
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import click
import tomli_w
from filelock import FileLock, Timeout

from scalesearch.cli.main import EXIT_EMPTY, EXIT_INTERRUPTED, Fail
from scalesearch.cli.progress import SearchProgress, track
from scalesearch.cli.show import print_table
from scalesearch.measure.machine import machine, versions
from scalesearch.proxy.dataset import PHOTOGRAPHS, DataSpec
from scalesearch.report.files import write_text
from scalesearch.search.grid import EmptyGridError
from scalesearch.search.plan import plan_grid
from scalesearch.search.settings import GridSettings, differences
from scalesearch.search.study import SearchStudy, masked, open_study, sqlite_url

__all__ = ["Run", "begin", "carry_on", "open_run_study", "reopen", "require_device", "writable"]

RUN_FILE = "run.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A search that was begun in ``folder`` and that this process alone works on."""

    folder: Path
    study: SearchStudy
    classes: int


@contextmanager
def begin(folder: Path, name: str, settings: GridSettings, command: str) -> Iterator[Run]:
    """Opens or begins the run of these settings in ``folder``; nothing is touched if it cannot be.

    Raises:
        Fail: if the folder cannot be written, is being worked on, or holds a run with other settings; with
            exit code 3 if no grid point meets the constraint.
        ValueError: if the data, the device or a setting cannot be used.
    """
    _require_same(folder, settings)
    require_device(settings.device)
    classes = _classes(settings.data)
    try:
        plan = plan_grid(settings, classes)
    except EmptyGridError as error:
        raise Fail(str(error).replace("`tolerance`", "--tolerance"), EXIT_EMPTY) from error
    with writable(folder):
        study = open_study(settings.storage or sqlite_url(folder), name, create=True)
        if study.run is not None:
            _require_equal(study.settings, settings, f"the study in {folder}")
        shown = replace(settings, storage=masked(settings.storage) if settings.storage else "")
        facts = replace(plan, settings=shown).facts(
            name=name, command=command, machine=machine(settings.device), versions=versions()
        )
        if study.run is None:
            _write_run_file(folder, facts)
        study.begin(study.run or facts, plan.chosen, plan.skipped)
        yield Run(folder=folder, study=study, classes=classes)


@contextmanager
def reopen(folder: Path, storage: str) -> Iterator[Run]:
    """The run in ``folder``, to be carried on.

    Raises:
        Fail: if there is none, or another process works on it.
        StudyError: if its study cannot be read.
    """
    study = open_run_study(folder, storage)
    settings = study.settings
    require_device(settings.device)
    with writable(folder):
        run = study.run or {}
        # A run killed while it was being written down is written down whole before it goes on.
        plan = plan_grid(settings, run["classes"])
        study.begin(run, plan.chosen, plan.skipped)
        yield Run(folder=folder, study=study, classes=run["classes"])


def open_run_study(folder: Path, storage: str) -> SearchStudy:
    """The study of the run in ``folder``: its own database, or the one that run.toml names.

    Raises:
        Fail: if ``folder`` is no run.
        StudyError: if the study cannot be read.
    """
    if not folder.is_dir():
        raise Fail(f"DIR must be a run's folder, got {folder}: no such folder")
    recorded = _read_run_file(folder)
    url = storage or recorded.get("grid", {}).get("storage", "") or sqlite_url(folder)
    if "***" in url:
        raise Fail(f"--storage must be given with its password: {folder} keeps only {url}")
    name = recorded.get("run", {}).get("name", folder.name)
    return open_study(url, name, create=False)


def carry_on(run: Run, output_format: str) -> None:
    """Runs what is left, writes the report, prints the table. Ctrl-C and SIGTERM keep what is done."""
    from scalesearch.search.driver import run_search
    from scalesearch.search.executor import ProcessExecutor

    def workers(jobs: int) -> ProcessExecutor:
        return ProcessExecutor(jobs=jobs, log_dir=run.folder / "logs")

    try:
        with _terminate_as_interrupt(), SearchProgress() as progress:
            record = run_search(run.study, run.classes, workers, progress)
    except KeyboardInterrupt:
        done = [c.status for c in run.study.record().candidates if c.status != "skipped"]
        left = done.count("waiting")
        click.echo(
            f"Stopped: {len(done) - left} of {len(done)} networks are done and kept. "
            f"Go on with: scalesearch resume {run.folder}",
            err=True,
        )
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    from scalesearch.report.grid import write_grid_report  # pandas and matplotlib take seconds to load

    report = write_grid_report(record, run.folder)
    print_table(report.candidates, output_format)
    click.echo(f"Report: {run.folder / 'report.md'}", err=output_format != "table")
    if not any(c.status == "completed" for c in record.candidates):
        raise Fail(f"no network could be trained; the reasons are in {run.folder / 'candidates.csv'}", 1)


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Makes the folder; this process alone works on it, until it ends in whatever way.

    Raises:
        Fail: if it cannot be written, or another process works on it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "driver.lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise Fail(f"the folder must be one that no other run works on, got {folder}: one does now") from None
    except OSError as error:
        raise Fail(f"--out must be a writable folder, got {folder}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def _require_same(folder: Path, settings: GridSettings) -> None:
    """Refuses a folder that holds the results of other settings."""
    recorded = _read_run_file(folder).get("grid")
    if recorded is not None:
        _require_equal(recorded, settings, f"{folder / RUN_FILE}")


def _require_equal(there: GridSettings | dict[str, Any], asked: GridSettings, place: str) -> None:
    known = there if isinstance(there, dict) else there.to_dict()
    found = differences(known, asked.to_dict())
    if found:
        raise Fail(
            f"--out must be a folder without a run of other settings, got {place} ({'; '.join(found)}); "
            "choose another folder"
        )


def require_device(name: str) -> None:
    """Refuses a device that is not there; the CPU always is, and asking about it would load torch."""
    if name != "cpu":
        from scalesearch.measure.device import resolve_device

        resolve_device(name)


def _classes(data: DataSpec) -> int:
    """How many classes the data has; every image of a folder is decoded once on the way."""
    if data.name == "photographs":
        return len(PHOTOGRAPHS)
    from scalesearch.proxy.data import load

    return len(load(data, check=True, progress=track).classes)


def _read_run_file(folder: Path) -> dict[str, Any]:
    path = folder / RUN_FILE
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Fail(f"{path} cannot be read: {error}; move it away to go on from the study alone") from error


def _write_run_file(folder: Path, facts: dict[str, Any]) -> None:
    tables = {
        "run": {name: facts[name] for name in ("name", "command", "classes", "grid_points", "feasible")},
        "grid": facts["settings"],
        "machine": facts["machine"],
        "versions": facts["versions"],
    }
    try:
        write_text(folder / RUN_FILE, tomli_w.dumps(tables))
    except OSError as error:
        raise Fail(f"--out must be a writable folder, got {folder}: {error.strerror or error}") from error
