"""STEP 1 as it runs: one driver owns the study, hands what is waiting to workers, tells what comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from scalesearch.records import RunRecord
from scalesearch.search.events import Events
from scalesearch.search.plan import Planned
from scalesearch.search.settings import TrainingSettings
from scalesearch.search.starts import train_starts
from scalesearch.search.training import WAIT_S, Observer, Segment, Trainer
from scalesearch.workers.executor import Executor, TrialFailedError
from scalesearch.workers.jobs import LatencySpec, latency_record

if TYPE_CHECKING:
    import optuna

    from scalesearch.search.study import SearchStudy

__all__ = ["Program", "complete", "mean_curve", "measure_one", "run_search", "train_enqueued"]

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
    alive: list[optuna.Trial] = []

    trials = study.take_waiting()
    for index, rung in enumerate(rungs[:-1]):
        done = study.finished()
        total = done + study.waiting() if index == 0 else len(alive)
        observer.phase(
            f"Rung {index + 1} of {len(rungs)}, to {rung.images:,} images", total, done if index == 0 else 0
        )
        segment = Segment(until=rung.images, seeds=settings.seed_list[:1])
        level: list[optuna.Trial] = []
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
    observer.phase("Training", settings.seeds * total, settings.seeds * done)

    trainer.train(trials, Segment(until=None, seeds=settings.seed_list), partial(complete, study))


def complete(study: SearchStudy, trial: optuna.Trial, _top1: float) -> None:
    """Records a trial all of whose seeds were trained to the end, with the mean of them at each look."""
    curve = mean_curve(study.runs(trial).values())
    for images, mean in curve:
        study.report(trial, images, mean)
    study.complete(trial, (curve[-1][1],))


def _hold(
    study: SearchStudy, images: int, level: list[optuna.Trial], trial: optuna.Trial, top1: float
) -> None:
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
