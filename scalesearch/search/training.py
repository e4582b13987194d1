"""Trials handed to workers: each network with its seeds, to a rung's length or to the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Protocol

from scalesearch.architecture.spec import Arch
from scalesearch.files import inside
from scalesearch.records import CandidateRecord
from scalesearch.search.events import Events
from scalesearch.search.plan import Planned
from scalesearch.search.reading import seed_run
from scalesearch.search.settings import TrainingSettings
from scalesearch.search.uninterrupted import uninterrupted
from scalesearch.search.weights import start_file, weights_file
from scalesearch.workers.executor import Executor, TrialFailedError
from scalesearch.workers.trial import TrialSpec

if TYPE_CHECKING:
    import optuna

    from scalesearch.search.study import SearchStudy

__all__ = ["WAIT_S", "Beside", "Observer", "Segment", "Trainer", "submit"]

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
    trial: optuna.Trial
    planned: Planned
    seed: int
    count: bool

    @property
    def task(self) -> str:
        return f"{self.planned.record.key}-seed{self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A training run that is no trial's: of a network, by a recipe of its own, with a seed.

    ``name`` is the study's attribute that keeps its result, together with ``facts`` about it.
    """

    name: str
    planned: Planned
    recipe: Mapping[str, Any]
    seed: int
    facts: Mapping[str, Any]

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
        self, trials: Iterable[optuna.Trial], segment: Segment, settle: Callable[[optuna.Trial, float], None]
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
        job = _next(jobs)
        while job is not None or running:
            while job is not None and len(running) < self._settings.jobs:
                # It was drawn while another seed of its network ran, which may have failed since.
                if job.trial.number not in self._failed:
                    running[self._submit(job, segment)] = job
                job = _next(jobs)
            if not running:
                continue
            done, _ = wait(running, timeout=WAIT_S, return_when=FIRST_COMPLETED)
            self._study.require_owned()
            for future in done:
                with uninterrupted():
                    finished = running.pop(future)
                    self._take(finished, future)
                    if finished.trial.number not in self._failed:
                        self._settle(finished.trial, segment, settle)

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
                    start=self._start(run.seed if run.seed in seeds else seeds[0]),
                )
                running[submit(spec, run.planned.record, self._executor, self._observer, self._events)] = run
            done, _ = wait(running, timeout=WAIT_S, return_when=FIRST_COMPLETED)
            self._study.require_owned()
            for future in done:
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
        self, trials: Iterable[optuna.Trial], segment: Segment, settle: Callable[[optuna.Trial, float], None]
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
            data=replace(self._settings.data, digest=self._study.data_digest).to_dict(),
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

    def _take(self, job: _Job, future: Future[dict[str, Any]]) -> None:
        """Keeps what a worker gave back."""
        record = job.planned.record
        try:
            result = future.result()
        except TrialFailedError as failure:
            reason = str(failure) if self._settings.seeds == 1 else f"seed {job.seed}: {failure}"
            if job.trial.number not in self._failed:
                self._failed.add(job.trial.number)
                self._study.fail(job.trial, reason)
            self._observer.finished(job.task, replace(record, status="failed", reason=reason))
            self._ended(job.task, whole=False)
            return
        if job.trial.number not in self._failed:
            earlier = self._study.runs(job.trial).get(job.seed, {})
            if result["fvcore_total"] is None:  # counted when the run was shorter
                result = result | {name: earlier.get(name) for name in ("fvcore_total", "uncounted")}
            self._study.store_run(job.trial, job.seed, result)
            if result["complete"]:
                self.forget(record.key, (job.seed,))
        run = seed_run(job.seed, result)
        self._observer.finished(job.task, replace(record, runs=(run,)))
        if result["complete"]:
            self._ended(job.task, whole=True)

    def _ended(self, task: str, *, whole: bool) -> None:
        if self._events is not None:
            self._events.ended(task, whole=whole)

    def _settle(
        self, trial: optuna.Trial, segment: Segment, settle: Callable[[optuna.Trial, float], None]
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


def _next(jobs: Iterator[_Job]) -> _Job | None:
    with uninterrupted():
        return next(jobs, None)


def _top1_at(run: Mapping[str, Any], segment: Segment) -> float:
    """A run's accuracy at the segment's end; a run that has come farther had it on the way."""
    points = run["curve"]
    if segment.until is not None:
        points = [point for point in points if point["images"] <= segment.until] or points[:1]
    return float(points[-1]["top1"])
