"""Settings, plan and raw samples of a measurement."""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from scalesearch.commands.measure.subjects import Base, Subject
from scalesearch.export.formats import PIP_ONNX
from scalesearch.fields import Topic, require_settings, setting, setting_as
from scalesearch.files import inside, read_json, write_bytes
from scalesearch.networks.baselines import VARIANTS, rounding_of
from scalesearch.networks.cost import count, inference_bytes, training_bytes
from scalesearch.networks.spec import Arch, ChannelsRule, RefusedError, RepeatsRule, Rounding, with_network
from scalesearch.plain import YEAR_S, Limit, require_utf8, typed
from scalesearch.records.timings import (
    MODES,
    RUNTIMES,
    Dtype,
    MachineRecord,
    MeasurementRecord,
    MeasureRecord,
    Mode,
    ProcessSamples,
    Runtime,
    Setup,
)
from scalesearch.study.settings import BaselineSettings, TrainingSettings
from scalesearch.text import bare
from scalesearch.workers.executor import Executor, TrialFailedError
from scalesearch.workers.jobs import LargestBatchSpec, MeasureSpec

# ----------------------------------------------------------------------------------------------------
# What ``scalesearch measure`` is asked for: its settings, and the list of measurements they make.


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """The settings of ``scalesearch measure``, resolved. Lists are combined, each with each.

    ``networks`` are as typed. ``min_time`` is in seconds, for the samples of one process. ``memory`` has the
    peak measured too, ``largest_batch`` has the largest batch looked for, ``process_limit`` is the seconds
    after which a process is ended. A rule of rounding that is None is each network's own: so it stays only
    where one of them is a variant.

    Raises:
        ValueError: if a value is out of range or unknown, or two of the lists do not go together.
    """

    networks: tuple[str, ...]
    batch_size: tuple[int, ...] = setting(
        (1,),
        form="wholes",
        metavar="LIST",
        topic=Topic.MEASURING,
        common=True,
        help="Images in one pass, or a list such as 1,8.",
    )
    threads: tuple[int, ...] = setting(
        (1,),
        form="wholes",
        metavar="LIST",
        topic=Topic.MEASURING,
        common=True,
        help="CPU threads, or a list such as 1,2.",
        unset="all usable cores",
    )
    dtype: tuple[Dtype, ...] = setting(
        ("float32",),
        form="dtypes",
        metavar="LIST",
        topic=Topic.MEASURING,
        common=True,
        help="fp32, bf16 or fp16: of weights and images; when training, of autocast.",
    )
    mode: tuple[Mode, ...] = setting(
        ("inference",),
        form="list",
        choices=MODES,
        metavar="LIST",
        topic=Topic.MEASURING,
        common=True,
        help="inference: a forward pass. training: a whole step with AdamW.",
    )
    runtime: tuple[Runtime, ...] = setting(
        ("eager",),
        form="list",
        choices=RUNTIMES,
        metavar="LIST",
        topic=Topic.MEASURING,
        common=True,
        help="eager, graph (the same kernels as a CUDA graph: launched at once, on CUDA alone), compile "
        f"(torch.compile) or onnxruntime ({PIP_ONNX}).",
    )
    channels_last: bool = setting(
        True,
        topic=Topic.MEASURING,
        help="Memory layout of weights and images; ONNX Runtime chooses its own, and on mps it is off.",
    )
    device: str = setting(
        "cpu",
        given="auto",
        metavar="DEVICE",
        topic=Topic.MEASURING,
        common=True,
        help="Where to measure: auto, cpu, cuda or xpu (the first), cuda:N, xpu:N or mps.",
    )
    processes: int = setting(
        3,
        limit=Limit(1, 10_000),
        topic=Topic.MEASURING,
        help="Fresh processes that measure each network in each setup.",
    )
    min_time: float = setting(
        0.5,
        form="duration",
        limit=Limit(0, 24 * 3600.0, above=True),
        topic=Topic.MEASURING,
        help="Time for the samples of one process; at least five are taken, three of a pass over 1 s.",
    )
    memory: bool = setting(True, topic=Topic.MEASURING, help="Measure peak memory too.")
    process_limit: float | None = setting(
        None,
        form="duration",
        limit=Limit(0, YEAR_S, above=True),
        topic=Topic.MEASURING,
        help="Time after which a process is ended without a figure, such as one that compiles for too long.",
        unset="none",
    )
    largest_batch: bool = setting(False, topic=Topic.MEASURING, help="Find the largest batch that fits, too.")
    baseline: str = setting_as(BaselineSettings, "baseline")
    baseline_arch: Arch | None = None
    stem_stride: int | None = setting_as(BaselineSettings, "stem_stride")
    baseline_resolution_width: int | None = None
    baseline_width: float = setting_as(
        TrainingSettings,
        "baseline_width",
        default=1.0,
        help="Width multiplier of the network at phi 0: below 1 it makes the networks small and quick "
        "to train, stem and head included.",
    )
    baseline_resolution: int = setting_as(
        TrainingSettings, "baseline_resolution", default=0, unset="the baseline's own"
    )
    channel_divisor: int | None = None
    min_kept_fraction: float | None = None
    repeats_rule: RepeatsRule | None = None
    resolution_multiple: int | None = None
    channels_rule: ChannelsRule | None = None

    def __post_init__(self) -> None:
        if not self._of_variants:
            for rule, value in asdict(rounding_of(self.baseline, self._rules)).items():
                object.__setattr__(self, rule, value)
        require_utf8(self, "networks", "device", "baseline")
        for name in ("batch_size", "threads", "dtype", "mode", "runtime"):
            values = getattr(self, name)
            if not values or len(set(values)) != len(values):
                listed = ", ".join(map(str, values)) or "none"
                raise ValueError(f"`{name}` must name at least one value, each once, got {listed}")
        # Setups and the baseline check themselves, now, before anything runs.
        _ = (self.setups, self.base)
        require_settings(self)

    @property
    def setups(self) -> tuple[Setup, ...]:
        """Every combination of the lists."""
        lists = (self.mode, self.runtime, self.dtype, self.threads, self.batch_size)
        return tuple(
            Setup(
                mode=mode,
                runtime=runtime,
                dtype=dtype,
                channels_last=self.channels_last,
                batch_size=batch_size,
                threads=threads,
                device=self.device,
            )
            for mode, runtime, dtype, threads, batch_size in product(*lists)
        )

    @property
    def base(self) -> Base:
        """What tables without a run beside them are scaled from, and how."""
        return Base(
            baseline=self.baseline,
            given=self.baseline_arch,
            stem_stride=self.stem_stride,
            resolution_width=self.baseline_resolution_width,
            width=self.baseline_width,
            resolution=self.baseline_resolution,
            rules=self._rules,
        )

    @property
    def _rules(self) -> dict[str, Any]:
        """The rules of rounding that are not left to each network."""
        values = {rule.name: getattr(self, rule.name) for rule in fields(Rounding)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def _of_variants(self) -> bool:
        """Whether a network has rules of its own."""
        names = [re.split("[:@]", text)[0] for text in self.networks]
        return any(name in VARIANTS for name in (self.baseline, *names))

    def to_dict(self) -> dict[str, Any]:
        """Plain data; :meth:`from_dict` turns it back."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        # Earlier runs knew no other rule, and only a variant has another by itself.
        if self.channels_rule == "nearest" and not self._of_variants:
            del values["channels_rule"]
        plain = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            # The baseline's own resolution is none that an option could be given.
            if value is not None and (name, value) != ("baseline_resolution", 0)
        }
        if self.baseline_arch is not None:
            plain["baseline_arch"] = self.baseline_arch.to_dict()
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MeasureSettings:
        """The settings that :meth:`to_dict` gave.

        Raises:
            ValueError: if a setting is unknown, missing or wrong.
        """
        return typed(cls, with_network(data))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One network in one setup."""

    subject: Subject
    setup: Setup

    @property
    def identity(self) -> tuple[str, Setup]:
        """What no two tasks of a run share."""
        return self.subject.arch.key, self.setup

    @property
    def label(self) -> str:
        """In words, for progress."""
        return f"{self.subject.name}, {self.setup.label}"


def plan(settings: MeasureSettings, subjects: Sequence[Subject]) -> tuple[Task, ...]:
    """Every network in every setup, each pair once, in the order asked for.

    Raises:
        ValueError: if a network's own changes do not go with the command's setup.
    """
    tasks: dict[tuple[str, Setup], Task] = {}
    for subject in subjects:
        for common in settings.setups:
            setup = _without_layout(subject.setup(common))
            task = Task(subject=subject, setup=setup)
            tasks.setdefault(task.identity, task)
    return tuple(tasks.values())


def _without_layout(setup: Setup) -> Setup:
    """ONNX Runtime chooses its own memory layout: what is asked for makes no second row."""
    return replace(setup, channels_last=True) if setup.runtime == "onnxruntime" else setup


# ----------------------------------------------------------------------------------------------------
# Raw samples in a run's folder: one small JSON file for each job, whole or not there.
#
# A folder holds ``networks.json`` (what is measured), ``machines/KEY.json`` (each machine that measured
# here) and ``samples/KEY/NAME-HASH.N.json``: what the N-th fresh process gave on the machine KEY.
# Everything a report says is derived from these files.

NETWORKS = "networks.json"
LONGEST = 60
# What a job must leave, by what it is kept under, the number of its process aside.
NEEDED = MappingProxyType(
    {"": ("samples_s", "conditions"), "pair": ("pairs", "conditions"), "largest": ("batch_size",)}
)
STORED = ("result", "reason", "session", "wall_s")
Described = TypeVar("Described")


def safe_name(text: str) -> str:
    """The text as part of a file's name: letters, digits, points, dashes and underscores."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:LONGEST].strip("-.") or "unnamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What one job left: its result, or why it has none.

    Attributes:
        result: the worker's; empty where it failed.
        reason: why it failed; empty where it did not.
        session: which start of the command it belongs to.
        wall_s: seconds that the job took, its process's start included.
    """

    result: Mapping[str, Any]
    reason: str = ""
    session: str = ""
    wall_s: float = 0.0

    @property
    def out_of_memory(self) -> bool:
        """Whether that is why it failed."""
        return self.reason.startswith("out of memory")


@dataclass(frozen=True, slots=True)
class SampleStore:
    """The raw files of the run in ``folder``."""

    folder: Path

    def subjects(self) -> tuple[Subject, ...]:
        """What the run measures; empty in a folder without a run.

        Raises:
            ValueError: if the file cannot be read.
        """
        path = self.folder / NETWORKS
        if not path.exists():
            return ()
        data = _read(path)
        try:
            return tuple(Subject.from_dict(entry) for entry in data["networks"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{path} must be as scalesearch wrote it: {bare(error)}") from error

    def keep_subjects(self, subjects: Sequence[Subject]) -> None:
        """Writes down what the run measures."""
        _write(self.folder / NETWORKS, {"networks": [subject.to_dict() for subject in subjects]})

    def machines(self) -> tuple[MachineRecord, ...]:
        """The machines that measured here, by key."""
        return tuple(
            _typed(MachineRecord, _read(path), path)
            for path in sorted((self.folder / "machines").glob("*.json"))
        )

    def keep_machine(self, machine: MachineRecord) -> None:
        """Writes down a machine, as it was when it began."""
        path = inside(self.folder, "machines", f"{safe_name(machine.key)}.json")
        if not path.exists():
            _write(path, {"key": machine.key, "facts": dict(machine.facts)})

    def read(self, machine: str, subject: Subject, setup: Setup, what: str) -> Stored | None:
        """What the job ``what`` (a process's number, from 1, or a word) left; None where it has not run.

        Raises:
            ValueError: if its file cannot be read.
        """
        path = self._path(machine, subject, setup, what)
        if not path.exists():
            return None
        data = _read(path)
        stored = _typed(Stored, {name: data[name] for name in STORED if name in data}, path)
        if not stored.reason:
            _require_result(stored.result, what, path)
        return stored

    def keep(self, machine: str, subject: Subject, setup: Setup, what: str, stored: Stored) -> None:
        """Writes down what a job left, with what it was about.

        Raises:
            OSError: if it cannot be written.
        """
        _write(
            self._path(machine, subject, setup, what),
            {
                "network": subject.name,
                "key": subject.arch.key,
                "machine": machine,
                "setup": setup.to_dict(),
                "what": what,
                "session": stored.session,
                "wall_s": stored.wall_s,
                "reason": stored.reason,
                "result": dict(stored.result),
            },
        )

    def forget(self, machine: str, subject: Subject, setup: Setup, what: str) -> None:
        """Removes what a job left, so that it runs again."""
        self._path(machine, subject, setup, what).unlink(missing_ok=True)

    def _path(self, machine: str, subject: Subject, setup: Setup, what: str) -> Path:
        name = f"{job_name(subject, setup)}.{what}.json"
        return inside(self.folder, "samples", safe_name(machine), name)


def job_name(subject: Subject, setup: Setup) -> str:
    """A file's name for a network in a setup: readable, and the same for the same two alone."""
    content = json.dumps([subject.name, subject.arch.key, setup.to_dict()], sort_keys=True)
    return f"{safe_name(subject.name)}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _write(path: Path, data: Mapping[str, Any]) -> None:
    write_bytes(path, (json.dumps(data, indent=1) + "\n").encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What jobs leave, each some of it."""

    samples_s: tuple[float, ...] = ()
    pairs: tuple[tuple[float, float], ...] = ()
    batch_size: int = 1
    seconds: Mapping[str, float] = field(default_factory=dict)
    peak_bytes: int | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)


def _require_result(result: Mapping[str, Any], what: str, path: Path) -> None:
    """Raises ValueError unless a job's result is what a job of its kind leaves."""
    names = {of.name for of in fields(_Result)}
    whole = _typed(_Result, {name: value for name, value in result.items() if name in names}, path)
    times = [*whole.samples_s, *(seconds for pair in whole.pairs for seconds in pair)]
    missing = [name for name in NEEDED.get(what.rstrip("0123456789"), ()) if not result.get(name)]
    if missing or not all(math.isfinite(seconds) and seconds > 0 for seconds in times):
        wrong = f"{missing[0]} is missing" if missing else "its times must be finite and above 0"
        raise ValueError(f"{path} cannot be read: {wrong}; remove it to measure again")


def _typed(cls: type[Described], data: Mapping[str, Any], path: Path) -> Described:
    try:
        return typed(cls, data)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {bare(error)}; remove it to measure again") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        data = read_json(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}; remove it to measure again") from error
    if not isinstance(data, dict):
        raise ValueError(f"{path} cannot be read: it holds no object; remove it to measure again")
    return data


# ----------------------------------------------------------------------------------------------------
# ``scalesearch measure`` at work: the fresh processes that carry out its plan, and the record they leave.

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
    from scalesearch.hardware.largest_batch import available_bytes, fits

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
