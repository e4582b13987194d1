"""A run of measurements in its folder: checked and locked before anything is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from scalesearch.commands.measure.kept import record_of_tables
from scalesearch.commands.measure.run import (
    MeasureSettings,
    SampleStore,
    Task,
    forget_failures,
    measure_record,
    plan,
    run_measure,
    safe_name,
)
from scalesearch.commands.measure.subjects import Subject, in_its_layout, parse_subjects, told_apart
from scalesearch.errors import FolderError, RunFailedError, ScalesearchError
from scalesearch.export.formats import PIP_ONNX, missing_onnx
from scalesearch.files import write_text
from scalesearch.networks.spec import Arch
from scalesearch.records import CostLaw, MeasureRecord
from scalesearch.records.timings import Setup
from scalesearch.runs.folder import (
    read_run_file,
    read_settings,
    require_same,
    stopping,
    writable,
    write_run_file,
)
from scalesearch.runs.kinds import GoingOn, Outcome, kind_named, of_tables
from scalesearch.runs.laws import read_laws
from scalesearch.runs.lifecycle import require_device
from scalesearch.runs.planning import workers
from scalesearch.runs.telling import MeasuringListener, teller
from scalesearch.workers.executor import TO_MEASURE, Executor

Bench = tuple[SampleStore, str]
"""The raw files of a run, and the key of the machine that this is."""


@contextmanager
def begun(
    folder: Path,
    kind: str,
    settings: Mapping[str, Any],
    tasks: Sequence[Task],
    subjects: Sequence[Subject],
    *,
    name: str,
    command: str,
    mix_machines: bool = False,
) -> Iterator[Bench]:
    """Opens or begins the run of these settings in ``folder``; this process alone works on it.

    Args:
        folder: of the run.
        kind: the command's name, under which run.toml keeps the settings.
        settings: all of them, as plain data.
        tasks: what is measured.
        subjects: the networks.
        name: of the run, where it begins.
        command: the command line, where it begins.
        mix_machines: whether this machine may add its own figures to another's.

    Raises:
        FolderError: if the folder cannot be written, is worked on, or holds a run with other settings, other
            networks, or another machine's figures.
    """
    from scalesearch.hardware.machine import describe, versions

    require_same(folder, kind, settings, {})
    machine = describe(_device([task.setup for task in tasks]))
    with writable(folder):
        store = SampleStore(folder)
        known = bool(read_run_file(folder))
        if known and store.subjects() != tuple(subjects):
            raise FolderError(
                f"`out` must be a folder without a run of other networks, got {folder}: what the same words "
                "name has changed since; choose another folder"
            )
        others = [there.key for there in store.machines() if there.key != machine.key]
        if known and others and not mix_machines:
            raise FolderError(
                f"`out` must be a folder of this machine ({machine.key}), got {folder}, which holds figures "
                f"of {', '.join(others)}; choose another folder, or have both in one with --mix-machines"
            )
        if not known:
            store.keep_subjects(subjects)
        store.keep_machine(machine)
        if not known:
            # Last, as it says that the rest is there.
            facts = {
                "name": name,
                "command": command,
                "machine": {"key": machine.key, **machine.facts},
                "versions": versions(),
            }
            write_run_file(folder, kind, settings, facts)
        yield store, machine.key


def _device(setups: Sequence[Setup]) -> str:
    """The device that a machine is described with: a GPU where one is used at all."""
    devices = [setup.device for setup in setups]
    return next((device for device in devices if device != "cpu"), "cpu")


@contextmanager
def at_work(
    folder: Path, process_limit: float | None = None
) -> Iterator[tuple[Executor, MeasuringListener, str]]:
    """A worker at a time, progress that is shown, and a name for this start of the command.

    A process that takes longer than ``process_limit`` seconds is ended, and its row says so.

    Ctrl-C and SIGTERM end in a line that says what is kept.

    Raises:
        RunFailedError: if a worker gives no result.
    """

    def kept() -> str:
        return f"{progress.done} of {progress.total} processes are done and kept"

    with (
        stopping(folder, kept),
        workers(
            1,
            folder / "logs",
            TO_MEASURE,
            "a measurement ended without a result",
            stall_timeout=process_limit,
        ) as executor,
        teller().measuring() as progress,
    ):
        yield executor, progress, uuid4().hex[:8]


def recorded_facts(folder: Path) -> dict[str, Any]:
    """What run.toml says of a run beside its settings, as its record wants it."""
    recorded = read_run_file(folder)
    run = recorded.get("run", {})
    return {
        "name": run.get("name", folder.name),
        "command": run.get("command", ""),
        "versions": recorded.get("versions", {}),
    }


def require_runtimes(setups: Sequence[Setup]) -> None:
    """Refuses a device that is not there and a runtime that is not installed, before anything runs.

    Raises:
        ValueError: if a device is not there, or the runtime cannot use it.
        ScalesearchError: if packages are missing; the message has the line that installs them.
    """
    for device in {setup.device: None for setup in setups}:
        require_device(device, to_train=False)
    for setup in setups:
        if setup.runtime != "onnxruntime":
            continue
        if missing_onnx():
            raise ScalesearchError(f"`runtime` must be one that is installed, got 'onnxruntime': {PIP_ONNX}")
        if setup.device != "cpu":
            from scalesearch.hardware.timing import require_onnx_runtime

            require_onnx_runtime(setup.device)


# ----------------------------------------------------------------------------------------------------
# The whole of ``scalesearch measure``: measured, read from its folder, reported.

KIND = "measure"
LAWS = "laws.json"
"""In a run's folder: the cost laws whose predictions its page shows."""


def default_folder(subjects: Sequence[Subject]) -> Path:
    """Where measurements of networks are kept if nobody says."""
    names = list(dict.fromkeys(subject.name.removeprefix("efficientnet-") for subject in subjects))
    ends = f"{names[0]}-{names[-1]}"
    short = ends if all(len(name) <= 3 for name in names) else f"{len(names)}-networks"
    return Path("reports") / f"{KIND}-{safe_name('-'.join(names) if len(names) <= 2 else short)}"


def measured(
    folder: Path,
    settings: MeasureSettings,
    subjects: Sequence[Subject],
    *,
    name: str = "",
    command: str = "",
    laws: Sequence[CostLaw] | None = None,
    mix_machines: bool = False,
    retry_failed: bool = False,
) -> Outcome:
    """Measures what is missing in ``folder``, and writes the report.

    Args:
        folder: of the run.
        settings: all of them.
        subjects: the networks that they name.
        name: of the run, where it begins.
        command: the command line, where it begins.
        laws: whose predictions are shown; None for those that the folder has from before.
        mix_machines: whether another machine's figures may be in the folder.
        retry_failed: whether what failed is tried once more.

    Raises:
        FolderError: if the folder cannot be used.
        ValueError: if a device or a runtime cannot be used.
        StoppedError: if it is stopped; what is done is kept.
    """
    tasks = plan(settings, subjects)
    require_runtimes([task.setup for task in tasks])
    data, names = settings.to_dict(), {"name": name, "command": command}
    with begun(folder, KIND, data, tasks, subjects, **names, mix_machines=mix_machines) as (store, machine):
        if laws is not None:
            text = json.dumps({"laws": [law.to_dict() for law in laws]}, indent=1)
            write_text(folder / LAWS, text + "\n")
        if retry_failed:
            forget_failures(store, settings, tasks, machine)
        with at_work(folder, settings.process_limit) as (executor, progress, session):
            run_measure(store, settings, tasks, machine, executor, progress, session=session)
        outcome = report(folder)
    return replace(outcome, failure=_failure(outcome.record))


def _failure(record: MeasureRecord) -> RunFailedError | None:
    """Says so where nothing was measured."""
    if any(row.processes for row in record.measurements):
        return None
    reasons = "; ".join(dict.fromkeys(row.reason for row in record.measurements if row.reason))
    return RunFailedError(f"nothing could be measured: {reasons}")


def resume(folder: Path, how: GoingOn) -> Outcome:
    """Measures what is left in ``folder``; errors are those of :func:`measured`."""
    settings = read_settings(folder, KIND, MeasureSettings.from_dict)
    subjects = SampleStore(folder).subjects()
    return measured(folder, settings, subjects, retry_failed=how.retry_failed)


def report(folder: Path, _storage: str = "") -> Outcome:
    """Writes the report of a folder from its raw files, or from its tables where these are gone.

    Raises:
        FolderError: if the folder holds no such run.
        ValueError: if it cannot be read.
    """
    from scalesearch.commands.measure.view import write_measure_report  # takes a second to load

    record = read(folder)
    # Who put two machines into one folder has asked for them.
    written = write_measure_report(record, folder, mix_machines=True)
    return Outcome.of(KIND, folder, record, written)


def read(folder: Path, _storage: str = "") -> MeasureRecord:
    """What the run of ``measure`` in a folder has measured so far.

    Raises:
        FolderError: if the folder holds no such run.
        ValueError: if it cannot be read.
    """
    record = measured_in(folder, read_settings(folder, KIND, MeasureSettings.from_dict))
    return replace(record, laws=read_laws(folder / LAWS) if (folder / LAWS).exists() else ())


def measured_in(folder: Path, settings: MeasureSettings) -> MeasureRecord:
    """What a run has measured so far: from its raw files, or from its tables where these are gone.

    Raises:
        FolderError: if the tables are not as they were written.
        ValueError: if a raw file cannot be read.
    """
    facts = recorded_facts(folder)
    if not of_tables(folder, kind_named(KIND)):
        store = SampleStore(folder)
        return measure_record(store, settings, plan(settings, store.subjects()), **facts)
    machine = read_run_file(folder).get("machine", {})
    try:
        return record_of_tables(folder, settings.to_dict(), machine, **facts)
    except (OSError, ValueError) as error:
        raise FolderError(f"`dir` must hold tables as they were written, got {folder}: {error}") from error


def named_subjects(networks: Sequence[str | Arch], settings: MeasureSettings) -> tuple[Subject, ...]:
    """The networks to measure, given by names as the command line takes them or as specs; each once."""
    subjects: list[Subject] = []
    for network in networks:
        found = (
            parse_subjects([network], settings.base, argument="networks")
            if isinstance(network, str)
            else (Subject(name=network.name, arch=network),)
        )
        there = [(s.arch.key, s.changes) for s in subjects]
        subjects += [s for s in found if (s.arch.key, s.changes) not in there]
    return tuple(in_its_layout(subject) for subject in told_apart(subjects))
