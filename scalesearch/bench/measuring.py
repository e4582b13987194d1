"""``scalesearch measure`` at work: the fresh processes that carry out its plan, and the record they leave."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from scalesearch.architecture.code_spec import RefusedError
from scalesearch.architecture.cost import count
from scalesearch.architecture.memory import inference_bytes, training_bytes
from scalesearch.architecture.spec import Arch
from scalesearch.bench.samples import SampleStore, Stored, job_name
from scalesearch.bench.settings import MeasureSettings, Task, plan
from scalesearch.records.timing import MeasurementRecord, MeasureRecord, ProcessSamples, Setup
from scalesearch.workers.executor import Executor, TrialFailedError
from scalesearch.workers.jobs import LargestBatchSpec, MeasureSpec

__all__ = [
    "MeasureObserver",
    "MeasureSettings",
    "Task",
    "forget_failures",
    "measure_record",
    "measurement_of",
    "no_room",
    "plan",
    "run_job",
    "run_measure",
]

LARGEST = "largest"
"""What the job that looks for the largest batch is kept under."""


class MeasureObserver(Protocol):
    """Hears how far a run is. Jobs are counted: one for each process of each task."""

    def begin(self, total: int, done: int) -> None:
        """There are ``total`` jobs, ``done`` of them from before."""

    def started(self, label: str) -> None:
        """A job begins."""

    def finished(self, label: str, stored: Stored, skipped: int) -> None:
        """It has ended; ``skipped`` more need not run, as they would fail like it."""


def run_measure(
    store: SampleStore,
    settings: MeasureSettings,
    tasks: Sequence[Task],
    machine: str,
    executor: Executor,
    observer: MeasureObserver,
    *,
    session: str,
    room: Callable[[Arch, Setup], str] | None = None,
) -> None:
    """Runs the jobs that have left nothing yet, one at a time; each result is on disk before the next begins.

    The first process of every task comes before the second of any: what changes on the machine in the
    meantime is shared by all, and a stopped run has something of each. A task that ran out of memory, or
    failed, is not tried in further processes.

    Args:
        store: of the run's folder.
        settings: of the run.
        tasks: what :func:`plan` gave.
        machine: key of the machine that this is.
        executor: runs one job at a time, each in a fresh process.
        observer: hears of progress.
        session: names this start of the command.
        room: why a network in a setup is not even tried, empty where it is; by default the CPU's memory is
            asked, as its exhaustion could end any process of the machine.

    Raises:
        OSError: if a result cannot be written.
    """
    room = room or no_room
    rounds = [(process, task) for process in range(1, settings.processes + 1) for task in tasks]
    known = {
        (process, task.identity): stored
        for process, task in rounds
        if (stored := store.read(machine, task.subject, task.setup, str(process))) is not None
    }
    given_up = {identity for (_, identity), stored in known.items() if stored.reason}
    rounds = [(p, t) for p, t in rounds if (p, t.identity) not in known and t.identity not in given_up]
    largest = list(_largest_tasks(tasks).values()) if settings.largest_batch else []
    wanted = [t for t in largest if store.read(machine, t.subject, t.setup, LARGEST) is None]
    total = settings.processes * len(tasks) + len(largest)
    observer.begin(total, total - len(rounds) - len(wanted))
    for process, task in rounds:
        if task.identity in given_up:
            continue
        label = f"{task.label}, process {process} of {settings.processes}"
        observer.started(label)
        if reason := room(task.subject.arch, task.setup):
            stored = Stored(result={}, reason=reason, session=session)
        else:
            stored = run_job(executor, _job(store, settings, task, process), session)
        store.keep(machine, task.subject, task.setup, str(process), stored)
        if stored.reason:
            given_up.add(task.identity)
        observer.finished(label, stored, settings.processes - process if stored.reason else 0)
    for task in wanted:
        label = f"{task.subject.name}, the largest batch that fits"
        observer.started(label)
        key = f"{job_name(task.subject, task.setup)}.{LARGEST}"
        spec = LargestBatchSpec(key=key, arch=task.subject.arch, setup=task.setup)
        stored = run_job(executor, spec.to_dict(), session)
        store.keep(machine, task.subject, task.setup, LARGEST, stored)
        observer.finished(label, stored, 0)


def run_job(executor: Executor, job: Mapping[str, Any], session: str) -> Stored:
    """What one job leaves: its result, or the reason for its failure, and how long it took."""
    begun = time.monotonic()
    try:
        result, reason = executor.submit(job, lambda _done, _steps: None).result(), ""
    except TrialFailedError as failure:
        result, reason = {}, str(failure) or "failed without a reason"
    return Stored(result=result, reason=reason, session=session, wall_s=time.monotonic() - begun)


def _job(store: SampleStore, settings: MeasureSettings, task: Task, process: int) -> dict[str, Any]:
    onnx = ""
    if task.setup.runtime == "onnxruntime":
        # One file for all processes and batches: what is timed is the same model, and made once.
        onnx = str(store.folder / "onnx" / f"{task.subject.arch.key}-{task.setup.dtype}.onnx")
    return MeasureSpec(
        key=f"{job_name(task.subject, task.setup)}.{process}",
        arch=task.subject.arch,
        setup=task.setup,
        min_run_time_s=settings.min_time,
        # The peak is the same in every process.
        memory=settings.memory and process == 1,
        onnx_path=onnx,
    ).to_dict()


def no_room(arch: Arch, setup: Setup) -> str:
    """Why a network in a setup should not even be tried on this machine; empty where it may be."""
    if setup.device != "cpu":  # a GPU that runs out of memory says so itself
        return ""
    from scalesearch.measure.largest_batch import available_bytes, fits

    reason: str = fits(arch, setup, available_bytes(setup.device))
    return reason


def _largest_tasks(tasks: Sequence[Task]) -> dict[tuple[str, Setup], Task]:
    """One search for each network and setup that differ in more than their batch."""
    found: dict[tuple[str, Setup], Task] = {}
    for task in tasks:
        setup = _any_batch(task.setup)
        one = Task(subject=task.subject, setup=setup)
        found.setdefault(one.identity, one)
    return found


def _any_batch(setup: Setup) -> Setup:
    return replace(setup, batch_size=2 if setup.mode == "training" else 1)


def measure_record(
    store: SampleStore,
    settings: MeasureSettings,
    tasks: Sequence[Task],
    *,
    name: str,
    command: str,
    versions: Mapping[str, str],
) -> MeasureRecord:
    """All that a run's folder knows, from its raw files alone: the rows of each machine there."""
    machines = store.machines()
    largest = _largest_tasks(tasks)
    rows, sessions, wall_s = [], set(), 0.0
    for machine in machines:
        searched = {key: store.read(machine.key, t.subject, t.setup, LARGEST) for key, t in largest.items()}
        for task in tasks:
            left = [
                store.read(machine.key, task.subject, task.setup, str(process))
                for process in range(1, settings.processes + 1)
            ]
            done = [stored for stored in left if stored is not None]
            search = searched[task.subject.arch.key, _any_batch(task.setup)]
            row = measurement_of(task, machine.key, done, settings.processes)
            if search is not None and not search.reason:
                row = replace(row, largest_batch=search.result["batch_size"])
            rows.append(row)
            sessions |= {stored.session for stored in done}
            wall_s += sum(stored.wall_s for stored in done)
        wall_s += sum(stored.wall_s for stored in searched.values() if stored is not None)
    return MeasureRecord(
        name=name,
        command=command,
        settings=settings.to_dict(),
        machines=machines,
        versions=versions,
        wall_s=wall_s,
        sessions=len(sessions),
        measurements=tuple(rows),
    )


def measurement_of(task: Task, machine: str, left: Sequence[Stored], processes: int) -> MeasurementRecord:
    """The row of a task, from what so far its processes left.

    What some of them measured stands, though another failed: ``reason`` then tells of that. A row that is
    ``waiting`` for more processes has the samples of the others.
    """
    cost = count(task.subject.arch)
    good = [stored for stored in left if not stored.reason]
    bad = [stored for stored in left if stored.reason]
    peaks = [peak for stored in good if (peak := stored.result.get("peak_bytes")) is not None]
    if not bad:
        outcome = "measured" if len(good) >= processes else "waiting"
    elif good:
        outcome = "measured"
    else:
        outcome = "out of memory" if any(stored.out_of_memory for stored in bad) else "failed"
    reason = bad[0].reason if bad else ""
    return MeasurementRecord(
        name=task.subject.name,
        key=task.subject.arch.key,
        resolution=task.subject.arch.resolution,
        resolution_width=task.subject.arch.resolution_width,
        params=cost.params,
        macs=cost.macs,
        activations=cost.activations,
        layers=cost.layers,
        setup=task.setup,
        machine=machine,
        processes=tuple(
            ProcessSamples(
                samples_s=tuple(stored.result["samples_s"]), conditions=stored.result["conditions"]
            )
            for stored in good
        ),
        peak_bytes=max(peaks, default=None),
        tensor_bytes=_tensor_bytes(task.subject.arch, task.setup) if peaks else None,
        outcome=outcome,  # type: ignore[arg-type]  # one of the four
        reason=f"a further process gave nothing: {reason}" if good and bad else reason,
    )


def _tensor_bytes(arch: Arch, setup: Setup) -> int | None:
    """What a network's tensors take in a setup; None where there is no closed form of it."""
    # A graph is of the very kernels that would run without it, and of the tensors between them.
    if setup.runtime not in ("eager", "graph") or setup.dtype != "float32":
        return None
    with suppress(RefusedError):
        of_mode = training_bytes if setup.mode == "training" else inference_bytes
        return of_mode(arch, setup.batch_size)
    return None


def forget_failures(
    store: SampleStore, settings: MeasureSettings, tasks: Sequence[Task], machine: str
) -> int:
    """Has what failed, or ran out of memory, on this machine be tried once more; returns how much that is."""
    jobs = [(task, str(process)) for task in tasks for process in range(1, settings.processes + 1)]
    jobs += [(task, LARGEST) for task in _largest_tasks(tasks).values()]
    failed = [
        (task, what)
        for task, what in jobs
        if (stored := store.read(machine, task.subject, task.setup, what)) is not None and stored.reason
    ]
    for task, what in failed:
        store.forget(machine, task.subject, task.setup, what)
    return len(failed)
