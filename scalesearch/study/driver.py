"""The driver: jobs out, results in, checkpoints and events kept."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from queue import Empty, SimpleQueue
from statistics import fmean
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from scalesearch.errors import StudyLostError
from scalesearch.files import inside, write_text
from scalesearch.networks.spec import Arch
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import Coefficients, Multipliers
from scalesearch.study.plan import Planned, describer
from scalesearch.study.reading import START, seed_run
from scalesearch.study.settings import LengthSettings, TrainingSettings, start_file, weights_file
from scalesearch.workers.executor import Executor, TrialFailedError
from scalesearch.workers.jobs import LatencySpec, latency_record
from scalesearch.workers.worker import TrialSpec

if TYPE_CHECKING:
    from scalesearch.study.study import SearchStudy, TrialHandle
    from scalesearch.training.dataset import DataSpec

# ----------------------------------------------------------------------------------------------------
# Moments in which a run is not stopped.

STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Has Ctrl-C and SIGTERM wait until the block is through.

    An exception raised in the middle of a transaction can be swallowed by a finaliser, or come out as another
    error of the database's; and a result that is shown as done should be counted as done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python hands signals to the main thread alone
        return
    caught: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        caught.append(number)

    before = {number: signal.signal(number, remember) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            signal.raise_signal(caught[0])


# ----------------------------------------------------------------------------------------------------
# What a training run told while it ran: a file of JSON lines for each, a line for each look.
#
# The first line says what is trained (``"event": "run"``), every other is a look at the held-out images
# (``"event": "look"``) with the time when it was told, images and steps so far, losses, top-1, and the
# seconds trained until then (null where nobody was there to hear them). Workers report all looks of a run
# whenever they take it up and after each look, so that a file has exactly those of its run, whatever was
# killed or lost in between.

EVENTS = "events"
# What a look is: with these it is the one that a line tells of.
TOLD = ("images", "train_loss", "loss", "top1")
# What makes another training run of one: the file of such a run has none of its looks.
IDENTITY = ("network", "recipe", "seed", "data")


class Listener(Protocol):
    """Hears of training runs as their files are written; none of it may wait for anything."""

    def look(self, task: str, run: Mapping[str, Any], look: Mapping[str, Any]) -> None:
        """A training run had a look; ``run`` and ``look`` are the lines of its file."""

    def ended(self, task: str, *, whole: bool) -> None:
        """Nothing more comes of it in this session; ``whole``: it was trained as far as was asked."""


def events_folder(run: Path, kind: str, study: str) -> Path:
    """The folder of a run's events; ``kind`` is the run's command, ``study`` the study's name."""
    # The lengths of a fidelity run train the same networks with the same seeds, each in its own study.
    return inside(run, EVENTS, study) if kind == "fidelity" else inside(run, EVENTS)


class Events:
    """The files of a search's training runs, and whoever else is to hear of their looks.

    A file that cannot be written ends no training: that is said once.
    """

    def __init__(
        self,
        folder: Path,
        tell: Callable[[str], None],
        listener: Listener | None = None,
        require_owned: Callable[[], None] = lambda: None,
    ) -> None:
        """``require_owned`` raises :class:`StudyLostError` once the run's folder or study is not its own."""
        self._require_owned = require_owned
        self._folder = folder
        self._tell = tell
        self._listener = listener
        self._lock = threading.Lock()
        self._failed = False
        self._files: dict[str, _File] = {}

    def heard(
        self, task: str, run: Mapping[str, Any], curve: Sequence[Mapping[str, Any]], seconds: float
    ) -> None:
        """Makes a training run's file hold its looks so far. Called from threads of the executor.

        Args:
            task: the training run's name, and its file's.
            run: what is trained, plain data; of it ``batch_size`` of the recipe counts the steps.
            curve: all looks so far.
            seconds: trained until the last of them.
        """
        try:
            self._require_owned()
        except StudyLostError:
            return  # which ends the run, and brings nothing back
        with self._lock:
            file = self._files.get(task)
            if file is None or file.run is not run:
                path = inside(self._folder.parent, self._folder.name, f"{task}.jsonl")
                file = self._files[task] = _File(path, run)
            fresh: Sequence[Mapping[str, Any]] = [file.line(point, seconds) for point in curve[-1:]]
            try:
                fresh = file.bring_up_to_date(curve, seconds)
            except OSError as error:
                if not self._failed:
                    self._tell(
                        f"Note: {self._folder} can't be written ({error.strerror or error}); training goes on"
                    )
                self._failed = True
        if self._listener is not None:
            # A run that goes on from an earlier checkpoint has some looks again.
            for look in fresh:
                if look["images"] > file.listened:
                    self._listener.look(task, file.first, look)
                    file.listened = look["images"]

    def ended(self, task: str, *, whole: bool) -> None:
        """Nothing more comes of a training run in this session."""
        self._files.pop(task, None)
        if self._listener is not None:
            self._listener.ended(task, whole=whole)


class _File:
    """The file of a training run, as it was left: nobody reads again what is known to be there."""

    def __init__(self, path: Path, run: Mapping[str, Any]) -> None:
        self.run = run
        self.first: Mapping[str, Any] = {"event": "run", **run}
        self._path = path
        self.listened = -1  # after how many images the last look was that the listener heard of
        self._left: tuple[int, ...] = ()
        self._told: list[Mapping[str, Any]] = []

    def bring_up_to_date(self, curve: Sequence[Mapping[str, Any]], seconds: float) -> list[dict[str, Any]]:
        """Has it hold the looks of a curve, each once; returns those that it did not.

        Raises:
            OSError: if it can't be written.
        """
        told, lines = self._told, list[bytes]()
        if self._left and self._left == _state(self._path) and told == list(curve[: len(told)]):
            kept, whole = 1 + len(told), True
        else:
            lines = self._path.read_bytes().splitlines(keepends=True) if self._path.exists() else []
            kept = _kept(lines, self.first, curve)
            whole = 0 < kept == len(lines)
        self._left = ()  # what is torn is read again
        fresh = [
            self.line(point, seconds if point is curve[-1] else None) for point in curve[max(0, kept - 1) :]
        ]
        if not whole and not os.path.lexists(self._path):
            # Nothing of it is missed where the system ends before it is on the disk: it is begun anew.
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _append(self._path, "".join(map(_line, (self.first, *fresh))).encode(), os.O_CREAT | os.O_EXCL)
        elif not whole:
            head = b"".join(lines[:kept]).decode() if kept else _line(self.first)
            write_text(self._path, head + "".join(map(_line, fresh)))
        elif fresh:
            _append(self._path, "".join(map(_line, fresh)).encode())
        self._left, self._told = _state(self._path), list(curve)
        return fresh

    def line(self, point: Mapping[str, Any], seconds: float | None) -> dict[str, Any]:
        """What it says of a look."""
        return {
            "event": "look",
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "images": point["images"],
            "steps": point["images"] // self.run["recipe"]["batch_size"],
            **{name: point[name] for name in TOLD[1:]},
            "seconds": seconds,
        }


def _state(path: Path) -> tuple[int, ...]:
    """What changes where somebody else writes to a file; nothing of one that is not there."""
    with suppress(OSError):
        status = path.stat(follow_symlinks=False)
        return status.st_ino, status.st_size, status.st_mtime_ns
    return ()


def _kept(lines: Sequence[bytes], first: Mapping[str, Any], curve: Sequence[Mapping[str, Any]]) -> int:
    """How many of a file's lines, from its first on, tell of this run and this curve."""
    values = [_value(line) for line in lines]
    if not values or any(values[0].get(name) != _plain(first[name]) for name in IDENTITY):
        return 0
    kept = 1
    for value, point in zip(values[1:], curve, strict=False):
        if any(value.get(name) != point[name] for name in TOLD):
            break
        kept += 1
    return kept


def _value(line: bytes) -> dict[str, Any]:
    """What a line says; nothing where it is torn or somebody else's."""
    with suppress(ValueError, RecursionError):
        value = json.loads(line) if line.endswith(b"\n") else None
        if isinstance(value, dict):
            return value
    return {}


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value) + "\n"


def _append(path: Path, data: bytes, more: int = 0) -> None:
    """In one write, so that nobody reads half a line, nor do two writers mix theirs; ``more`` are flags."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | more, 0o666)
    try:
        written = os.write(handle, data)
    finally:
        os.close(handle)
    if written < len(data):  # a disk that is full; what is torn is mended with the next look
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


# ----------------------------------------------------------------------------------------------------
# Trials handed to workers: each network with its seeds, to a rung's length or to the end.

# How long a wait may last before Ctrl-C is noticed, on systems where it does not end the wait itself.
WAIT_S = 0.5


class Observer(Protocol):
    """Hears how a search goes, to show it. A task is one training run or one measurement."""

    def phase(self, name: str, total: int, done: int) -> None:
        """A phase begins: ``done`` of its ``total`` tasks are known from before."""

    def started(self, task: str, candidate: CandidateRecord) -> None:
        """A task was handed to a worker."""

    def step(self, task: str, done: int, steps: int) -> None:
        """A task has come this far. Called from another thread."""

    def finished(self, task: str, candidate: CandidateRecord) -> None:
        """A task is done: the record says how, with the run it gave alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """How far trials are to be trained: to ``until`` images (None: to the recipe's end), with these seeds."""

    until: int | None
    seeds: tuple[int, ...]

    def reached(self, run: Mapping[str, Any] | None) -> bool:
        """Whether a stored run has come this far already."""
        if run is None:
            return False
        whole: bool = run.get("complete", True)  # version 0.1.0 stored whole runs only
        return whole or (self.until is not None and run["images_seen"] >= self.until)


WHOLE = Segment(until=None, seeds=())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    trial: TrialHandle
    planned: Planned
    seed: int
    count: bool

    @property
    def task(self) -> str:
        return f"{self.planned.record.key}-seed{self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A training run that is no trial's: of a network, by a recipe of its own, with a seed.

    ``name`` is the study's attribute that keeps its result, together with ``facts`` about it. ``fresh``: it
    is judged by the images that were set apart for it.
    """

    name: str
    planned: Planned
    recipe: Mapping[str, Any]
    seed: int
    facts: Mapping[str, Any]
    fresh: bool = False

    @property
    def task(self) -> str:
        """What the observer and the files of the run know it by."""
        return self.name.replace("/", "-").replace(" ", "")


class Trainer:
    """Trains trials of a study through an executor, as many at a time as the settings say."""

    def __init__(
        self,
        study: SearchStudy,
        settings: TrainingSettings,
        executor: Executor,
        observer: Observer,
        checkpoints: Path,
        weights: Path | None,
        starts: Path,
        events: Events | None = None,
    ) -> None:
        self._study = study
        self._settings = settings
        self._executor = executor
        self._observer = observer
        self._checkpoints = checkpoints
        self._weights = weights if settings.keep_weights else None
        self._starts = starts
        self._events = events
        self._recipe = settings.proxy_recipe.to_dict()
        self._failed: set[int] = set()

    @cached_property
    def _data(self) -> Mapping[str, Any]:
        """What all of them train on, as plain data."""
        return self._study.data_of(self._settings).to_dict()

    @property
    def executor(self) -> Executor:
        """Where the trials run; idle whenever :meth:`train` is not under way."""
        return self._executor

    def start_network(self) -> Arch | None:
        """What the networks are grown from, as the weights are there that they get; None from scratch."""
        path = start_file(self._starts, self._settings, self._settings.seed)
        if path is None:
            return None
        from scalesearch.export.state import read_state  # loads torch

        return read_state(path).arch

    def train(
        self, trials: Iterable[TrialHandle], segment: Segment, settle: Callable[[TrialHandle, float], None]
    ) -> None:
        """Trains every trial to the segment's end.

        Args:
            trials: taken one by one as workers become free.
            segment: how far, with which seeds.
            settle: told of each trial and its mean top-1 once all its seeds are there; a trial of which
                one fails is told to the study as failed, and nobody else.
        """
        jobs = self._jobs(trials, segment, settle)
        running: dict[Future[dict[str, Any]], _Job] = {}
        ended: SimpleQueue[Future[dict[str, Any]]] = SimpleQueue()
        job = _next(jobs)
        while job is not None or running:
            while job is not None and len(running) < self._settings.jobs:
                # It was drawn while another seed of its network ran, which may have failed since.
                if job.trial.number not in self._failed:
                    future = self._submit(job, segment)
                    running[future] = job
                    future.add_done_callback(ended.put)
                job = _next(jobs)
            if not running:
                continue
            done = _taken_from(ended)
            self._study.require_owned()
            if not done:
                self._study.say_taken()
                continue
            with uninterrupted():
                with self._study.together():
                    told = [
                        self._take(running.pop(future), future, segment, settle)
                        for future in done
                        if not _is_lost(future)
                    ]
                # Nobody is told of a result, and no checkpoint goes, before it is kept for good.
                for tell in told:
                    tell()
            for future in filter(_is_lost, done):
                future.result()

    def train_beside(self, runs: Sequence[Beside], phase: str) -> None:
        """Trains networks beside the study's trials, what is done left as it is; a run that fails says why.

        Args:
            runs: what to train; results are kept under their names.
            phase: what the observer is told that this is.
        """
        known = self._study.attributes
        missing = [run for run in runs if run.name not in known]
        self._observer.phase(phase, len(runs), len(runs) - len(missing))
        running: dict[Future[dict[str, Any]], Beside] = {}
        while missing or running:
            while missing and len(running) < self._settings.jobs:
                run = missing.pop(0)
                self._observer.started(run.task, run.planned.record)
                # A baseline is grown from once per seed of the search: other seeds start from its first.
                seeds = self._settings.seed_list
                spec = replace(
                    self._spec(run.planned, run.task, run.seed, None, count=False),
                    recipe=dict(run.recipe) | {"seed": run.seed},
                    weights="",
                    fresh=run.fresh,
                    start=self._start(run.seed if run.seed in seeds else seeds[0]),
                )
                running[submit(spec, run.planned.record, self._executor, self._observer, self._events)] = run
            done, _ = wait(running, timeout=WAIT_S, return_when=FIRST_COMPLETED)
            self._study.require_owned()
            for future in sorted(done, key=_is_lost):  # what can be kept is, before it ends
                with uninterrupted():
                    self._keep_beside(running.pop(future), future)

    def _keep_beside(self, run: Beside, future: Future[dict[str, Any]]) -> None:
        record = run.planned.record
        try:
            result = future.result()
        except TrialFailedError as failure:
            self._study.set_attribute(run.name, {"check": dict(run.facts), "reason": str(failure)})
            self._observer.finished(run.task, replace(record, status="failed", reason=str(failure)))
            self._ended(run.task, whole=False)
            return
        self._study.set_attribute(run.name, {**result, "check": dict(run.facts)})
        self._checkpoint_of(run.task).unlink(missing_ok=True)
        self._observer.finished(run.task, replace(record, runs=(seed_run(run.seed, result),)))
        self._ended(run.task, whole=True)

    def forget(self, key: str, seeds: Sequence[int]) -> None:
        """Removes the checkpoints of a network that is not going to train on."""
        for seed in seeds:
            path = self._checkpoint(key, seed)
            path.unlink(missing_ok=True)
            # What a writer that was killed left behind.
            path.with_name(f"{path.name}.tmp").unlink(missing_ok=True)

    def tidy(self) -> None:
        """Removes the folder of checkpoints where none is left; no trial may run."""
        with suppress(OSError):  # it holds those of failed networks, to be retried, or was never made
            self._checkpoints.rmdir()

    def _jobs(
        self, trials: Iterable[TrialHandle], segment: Segment, settle: Callable[[TrialHandle, float], None]
    ) -> Iterator[_Job]:
        for trial in trials:
            runs = self._study.runs(trial)
            missing = [seed for seed in segment.seeds if not segment.reached(runs.get(seed))]
            # A driver killed before it came to removing them leaves checkpoints of whole runs.
            whole = [seed for seed in runs if WHOLE.reached(runs[seed])]
            if whole:
                self.forget(self._study.planned(trial).record.key, whole)
            if not missing:
                self._settle(trial, segment, settle)
                continue
            planned = self._study.planned(trial)
            counted = any(run.get("fvcore_total") is not None for run in runs.values())
            for index, seed in enumerate(missing):
                if trial.number not in self._failed:
                    yield _Job(trial=trial, planned=planned, seed=seed, count=not counted and index == 0)

    def _submit(self, job: _Job, segment: Segment) -> Future[dict[str, Any]]:
        spec = self._spec(job.planned, job.task, job.seed, segment.until, count=job.count)
        self._observer.started(job.task, job.planned.record)
        return submit(spec, job.planned.record, self._executor, self._observer, self._events)

    def _spec(self, planned: Planned, task: str, seed: int, until: int | None, *, count: bool) -> TrialSpec:
        return TrialSpec(
            key=task,
            arch=planned.arch,
            recipe=self._recipe | {"seed": seed},
            data=self._data,
            device=self._settings.device,
            threads=self._settings.threads,
            until=until,
            checkpoint=str(self._checkpoint_of(task)),
            weights=""
            if self._weights is None
            else str(weights_file(self._weights, planned.record.key, seed)),
            start=self._start(seed),
            count=count,
        )

    def _start(self, seed: int) -> str:
        """The file of weights that a network is grown from; empty from scratch."""
        found = start_file(self._starts, self._settings, seed)
        return "" if found is None else str(found)

    def _take(
        self,
        job: _Job,
        future: Future[dict[str, Any]],
        segment: Segment,
        settle: Callable[[TrialHandle, float], None],
    ) -> Callable[[], None]:
        """Keeps what a worker gave back, and settles a trial that it completes; returns what to do then."""
        record = job.planned.record
        try:
            result = future.result()
        except TrialFailedError as failure:
            reason = str(failure) if self._settings.seeds == 1 else f"seed {job.seed}: {failure}"
            if job.trial.number not in self._failed:
                self._failed.add(job.trial.number)
                self._study.fail(job.trial, reason)
            return partial(self._tell, job, replace(record, status="failed", reason=reason), ends=False)
        whole = bool(result["complete"])
        kept = job.trial.number not in self._failed
        if kept:
            earlier = self._study.runs(job.trial).get(job.seed, {})
            if result["fvcore_total"] is None:  # counted when the run was shorter
                result = result | {name: earlier.get(name) for name in ("fvcore_total", "uncounted")}
            self._study.store_run(job.trial, job.seed, result)
            self._settle(job.trial, segment, settle)
        done = replace(record, runs=(seed_run(job.seed, result),))
        return partial(self._tell, job, done, ends=whole if whole else None, forget=kept and whole)

    def _tell(self, job: _Job, record: CandidateRecord, *, ends: bool | None, forget: bool = False) -> None:
        """Tells what became of a job; ``ends`` says whether its run is whole, None where more comes of it."""
        if forget:
            self.forget(record.key, (job.seed,))
        self._observer.finished(job.task, record)
        if ends is not None:
            self._ended(job.task, whole=ends)

    def _ended(self, task: str, *, whole: bool) -> None:
        if self._events is not None:
            self._events.ended(task, whole=whole)

    def _settle(
        self, trial: TrialHandle, segment: Segment, settle: Callable[[TrialHandle, float], None]
    ) -> None:
        """Tells of a trial whose seeds have all come to the segment's end."""
        runs = self._study.runs(trial)
        if all(segment.reached(runs.get(seed)) for seed in segment.seeds):
            settle(trial, fmean(_top1_at(runs[seed], segment) for seed in segment.seeds))

    def _checkpoint(self, key: str, seed: int) -> Path:
        return self._checkpoint_of(f"{key}-seed{seed}")

    def _checkpoint_of(self, task: str) -> Path:
        return inside(self._checkpoints.parent, self._checkpoints.name, f"{task}.safetensors")


def submit(
    spec: TrialSpec, record: CandidateRecord, executor: Executor, observer: Observer, events: Events | None
) -> Future[dict[str, Any]]:
    """Hands a training run to a worker; the observer hears its steps, and ``events`` its looks."""
    run = {
        "network": record.key,
        **{name: getattr(record, name) for name in ("alpha", "beta", "gamma", "phi", "role")},
        "seed": spec.recipe["seed"],
        "recipe": {name: value for name, value in spec.recipe.items() if name != "seed"},
        "dataset": spec.data["name"],
        "data": spec.data["digest"],
        "device": spec.device,
        "threads": spec.threads,
    }

    def on_step(done: int, steps: int) -> None:
        observer.step(spec.key, done, steps)

    def on_look(curve: Sequence[Mapping[str, Any]], seconds: float) -> None:
        if events is not None:
            events.heard(spec.key, run, curve, seconds)

    return executor.submit(spec.to_dict(), on_step, on_look)


def _taken_from(ended: SimpleQueue[Future[dict[str, Any]]]) -> list[Future[dict[str, Any]]]:
    """What has ended since, in that order; waits for the first of it, but not for long.

    To look at thousands of runs under way each time that one of them ends takes longer than all else.
    """
    done: list[Future[dict[str, Any]]] = []
    with suppress(Empty):
        done.append(ended.get(timeout=WAIT_S))
        while True:
            done.append(ended.get_nowait())
    return done


def _is_lost(future: Future[dict[str, Any]]) -> bool:
    """Whether a run that has ended gave neither a result nor a failure of its own: its executor is gone."""
    return future.cancelled() or not isinstance(future.exception(), TrialFailedError | None)


def _has_no_result(future: Future[dict[str, Any]]) -> bool:
    return future.cancelled() or future.exception() is not None


def _next(jobs: Iterator[_Job]) -> _Job | None:
    with uninterrupted():
        return next(jobs, None)


def _top1_at(run: Mapping[str, Any], segment: Segment) -> float:
    """A run's accuracy at the segment's end; a run that has come farther had it on the way."""
    points = run["curve"]
    if segment.until is not None:
        points = [point for point in points if point["images"] <= segment.until] or points[:1]
    return float(points[-1]["top1"])


# ----------------------------------------------------------------------------------------------------
# What the networks of a run start from: scratch, the weights of a file, or the baseline trained first.


def start_facts(start: Arch, *, file: str = "", **of_the_file: Any) -> dict[str, Any]:
    """What the study keeps of a start: plain data by the names of ``StartRecord``, but for what is not so."""
    kind = "pretrained" if file else "grown"
    named = {"file": file} | {name: value for name, value in of_the_file.items() if value} if file else {}
    return {"kind": kind, "network": start.name, "classes": start.classes, **named}


def _baseline(settings: TrainingSettings, classes: int) -> Planned:
    """The proxy baseline as a network of its run."""
    base = settings.proxy_baseline(classes)
    return describer(settings, base)(
        arch=base,
        coefficients=Coefficients(alpha=1, beta=1, gamma=1),
        phi=0.0,
        multipliers=Multipliers(),
        merged=((1.0, 1.0, 1.0),),
        role="baseline",
    )


def _spec(
    planned: Planned, settings: TrainingSettings, data: DataSpec, seed: int, folder: Path, checkpoints: Path
) -> TrialSpec:
    """The baseline's training run with a seed."""
    key = f"start-{planned.record.key}-seed{seed}"
    return TrialSpec(
        key=key,
        arch=planned.arch,
        recipe=settings.proxy_recipe.to_dict() | {"seed": seed},
        data=data.to_dict(),
        device=settings.device,
        threads=settings.threads,
        checkpoint=str(inside(checkpoints.parent, checkpoints.name, f"{key}.safetensors")),
        weights=str(start_file(folder, settings, seed)),
        count=False,
    )


def _are_of(spec: TrialSpec) -> bool:
    """Whether the weights that lie where a training run leaves its own are such a run's."""
    from scalesearch.export.state import read_state  # loads torch

    try:
        state = read_state(Path(spec.weights))
    except (OSError, ValueError):
        return False
    asked = (spec.arch.key, spec.recipe, spec.data["name"], spec.data["digest"])
    facts = state.facts
    return (state.arch.key, facts.get("recipe"), facts.get("dataset"), facts.get("data", "")) == asked


def train_starts(
    study: SearchStudy,
    settings: TrainingSettings,
    executor: Executor,
    observer: Observer,
    folder: Path,
    checkpoints: Path,
    events: Events | None = None,
) -> None:
    """Trains the baseline once per seed, where the run's networks are grown from it; what is done stays.

    Raises:
        TrialFailedError: if it can't be trained with a seed.
    """
    if not settings.trains_start:
        return
    planned = _baseline(settings, int(study.begun()["classes"]))
    known = {name for name in study.attributes if name.startswith(START)}
    specs = {
        seed: _spec(planned, settings, study.data_of(settings), seed, folder, checkpoints)
        for seed in settings.seed_list
    }

    def is_done(seed: int) -> bool:
        spec = specs[seed]
        if not Path(spec.weights).exists():
            return False
        if f"{START}{seed}" in known:
            return True
        # A driver killed between a baseline's weights and its result has left a checkpoint of the whole run,
        # from which the worker gives both at once. Other lengths of a run start where it did.
        return not Path(spec.checkpoint).exists() and (isinstance(settings, LengthSettings) or _are_of(spec))

    done = [seed for seed in specs if is_done(seed)]
    observer.phase("Training the baseline", settings.seeds, len(done))
    running: dict[Future[dict[str, Any]], int] = {}
    for seed, spec in specs.items():
        if seed in done:
            continue
        observer.started(spec.key, planned.record)
        running[submit(spec, planned.record, executor, observer, events)] = seed
    while running:
        finished, _ = wait(running, timeout=WAIT_S, return_when=FIRST_COMPLETED)
        study.require_owned()
        for future in sorted(finished, key=_has_no_result):  # what can be kept is, before it ends
            seed = running.pop(future)
            result = future.result()
            with uninterrupted():
                study.set_attribute(f"{START}{seed}", dict(result))
                Path(specs[seed].checkpoint).unlink(missing_ok=True)
            run = seed_run(seed, result)
            observer.finished(specs[seed].key, replace(planned.record, runs=(run,)))
            if events is not None:
                events.ended(specs[seed].key, whole=True)


# ----------------------------------------------------------------------------------------------------
# STEP 1 as it runs: one driver owns the study, hands what is waiting to workers, tells what comes back.

Program = Callable[["SearchStudy", TrainingSettings, Trainer, Observer], None]
"""Trains all there is to train: what comes next is its own affair."""


def run_search(
    study: SearchStudy,
    settings: TrainingSettings,
    checkpoints: Path,
    make_executor: Callable[[int], Executor],
    observer: Observer,
    program: Program,
    starts: Path,
    weights: Path | None = None,
    events: Events | None = None,
) -> RunRecord:
    """Trains by ``program``, then measures latency, and returns the record of it all.

    Whatever ends it, an exception or a kill, the study holds every finished training run; called again, it
    goes on.

    Args:
        study: a study that was begun, and that no other driver works on.
        settings: the study's own.
        checkpoints: folder for networks that are half trained.
        make_executor: an executor that runs that many jobs at a time.
        observer: hears how it goes.
        program: what to train, in what order.
        starts: folder of the run; where its networks are grown, it has, or gets, the weights they start from.
        weights: folder for the weights of trained networks, where the settings keep them.
        events: hears of every look of a training run.

    Raises:
        TrialFailedError: if the baseline they start from can't be trained.
    """
    clock = _Clock(study)
    study.adopt()
    try:
        with _ending(make_executor(settings.jobs)) as executor:
            trainer = Trainer(study, settings, executor, observer, checkpoints, weights, starts, events)
            train_starts(study, settings, executor, observer, starts, checkpoints, events)
            program(study, settings, trainer, observer)
            trainer.tidy()
        clock.tick()
        if settings.latency:
            with _ending(make_executor(1)) as executor:
                _measure(study, settings, executor, observer)
    except BaseException:
        study.adopt()
        raise
    finally:
        clock.tick()
    return study.record()


@contextmanager
def _ending(executor: Executor) -> Iterator[Executor]:
    """Waits for the executor's workers at the end; kills them where something went wrong."""
    try:
        yield executor
    except BaseException:
        executor.shutdown(kill=True)
        raise
    executor.shutdown()


class _Clock:
    """Keeps the study informed of how long this session has lasted."""

    def __init__(self, study: SearchStudy) -> None:
        self._study = study
        self._session = study.sessions
        self._start = time.perf_counter()

    def tick(self) -> None:
        self._study.set_session(self._session, time.perf_counter() - self._start)


def train_enqueued(
    study: SearchStudy, settings: TrainingSettings, trainer: Trainer, observer: Observer
) -> None:
    """Trains every enqueued network, rung by rung where the run has rungs."""
    rungs = study.rungs()
    study.set_rungs(rungs)
    alive: list[TrialHandle] = []

    trials: Iterable[TrialHandle] = study.take_waiting()
    for index, rung in enumerate(rungs[:-1]):
        done = study.finished()
        total = done + study.waiting() if index == 0 else len(alive)
        observer.phase(
            f"Rung {index + 1} of {len(rungs)}, to {rung.images:,} images", total, done if index == 0 else 0
        )
        segment = Segment(until=rung.images, seeds=settings.seed_list[:1])
        level: list[TrialHandle] = []
        trainer.train(trials, segment, partial(_hold, study, rung.images, level))
        alive, behind = [], study.behind()
        for trial in sorted(level, key=lambda t: t.number):
            if trial.number in behind:
                # Once it is pruned nobody looks for its checkpoints again.
                trainer.forget(study.planned(trial).record.key, settings.seed_list)
                study.prune(trial)
            else:
                alive.append(trial)
        trials = iter(alive)
    done = 0 if alive else study.finished()
    total = len(alive) if alive else done + study.waiting()
    observer.phase("Training", settings.seeds * total, settings.seeds * done + study.runs_ahead())

    trainer.train(trials, Segment(until=None, seeds=settings.seed_list), partial(complete, study))


def complete(study: SearchStudy, trial: TrialHandle, _top1: float) -> None:
    """Records a trial all of whose seeds were trained to the end, with the mean of them at each look."""
    curve = mean_curve(study.runs(trial).values())
    study.complete(trial, (curve[-1][1],), dict(curve))


def _hold(study: SearchStudy, images: int, level: list[TrialHandle], trial: TrialHandle, top1: float) -> None:
    """Reports where a trial stands at a rung, and keeps it there until the others have come."""
    study.report(trial, images, top1)
    level.append(trial)


def mean_curve(runs: Iterable[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """(images, mean top-1) at the looks that all runs have."""
    tops = [{point["images"]: point["top1"] for point in run["curve"]} for run in runs]
    common = [images for images in tops[0] if all(images in run for run in tops)]
    return [(images, fmean(run[images] for run in tops)) for images in common]


def _measure(study: SearchStudy, settings: TrainingSettings, executor: Executor, observer: Observer) -> None:
    """Measures the trained networks one at a time, nothing else running."""
    missing, timed = study.completed(timed=False), study.timed()
    observer.phase("Measuring latency", timed + len(missing), timed)
    for planned in missing:
        measure_one(study, settings, executor, observer, planned)


def measure_one(
    study: SearchStudy, settings: TrainingSettings, executor: Executor, observer: Observer, planned: Planned
) -> None:
    """Measures one network, or records why it cannot be; nothing else may run in the executor."""
    candidate, task = planned.record, f"{planned.record.key}-latency"
    # Unlike training, a time is another one with other threads: it takes as many as the run was begun with.
    threads = int(study.begun()["settings"].get("threads", settings.threads))
    spec = replace(LatencySpec.of(settings, candidate.key, planned.arch), threads=threads)
    observer.started(task, candidate)
    future = executor.submit(spec.to_dict(), lambda _done, _steps: None)
    while not future.done():
        wait([future], timeout=WAIT_S)
        study.require_owned()
    try:
        latency = future.result()
        study.set_latency(candidate.key, latency)
        observer.finished(task, replace(candidate, latency=latency_record(latency)))
    except TrialFailedError as failure:
        study.set_latency(candidate.key, {"reason": str(failure)})
        observer.finished(task, replace(candidate, status="failed", reason=str(failure)))
