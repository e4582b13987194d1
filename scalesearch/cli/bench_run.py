"""A run of measurements in its folder: checked and locked before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from scalesearch.cli.folder import read_run_file, require_same, writable, write_run_file
from scalesearch.cli.main import Fail
from scalesearch.cli.planning import workers
from scalesearch.cli.progress import BenchProgress, stopping
from scalesearch.commands.measure.run import SampleStore, Task
from scalesearch.commands.measure.subjects import Subject
from scalesearch.records.timings import Setup
from scalesearch.workers.executor import TO_MEASURE, ProcessExecutor

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
    mix_machines: bool,
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
        Fail: if the folder cannot be written, is being worked on, or holds a run with other settings, other
            networks, or another machine's figures.
    """
    from scalesearch.hardware.machine import describe, versions

    require_same(folder, kind, settings, {})
    machine = describe(_device([task.setup for task in tasks]))
    with writable(folder):
        store = SampleStore(folder)
        known = bool(read_run_file(folder))
        if known and store.subjects() != tuple(subjects):
            raise Fail(
                f"--out must be a folder without a run of other networks, got {folder}: what the same words "
                "name has changed since; choose another folder"
            )
        others = [there.key for there in store.machines() if there.key != machine.key]
        if known and others and not mix_machines:
            raise Fail(
                f"--out must be a folder of this machine ({machine.key}), got {folder}, which holds figures "
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
) -> Iterator[tuple[ProcessExecutor, BenchProgress, str]]:
    """A worker at a time, progress that is shown, and a name for this start of the command.

    A process that takes longer than ``process_limit`` seconds is ended, and its row says so.

    Ctrl-C and SIGTERM end in a line that says what is kept.

    Raises:
        Fail: with exit code 1 if a worker gives no result.
    """
    progress = BenchProgress()

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
        progress,
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
