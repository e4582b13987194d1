"""STEP 1 as it runs: one driver owns the study, hands what is waiting to workers, tells what comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from scalesearch.architecture.spec import ArchSpec, compound
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import Coefficients
from scalesearch.search.executor import Executor, TrialFailedError
from scalesearch.search.measurement import LatencySpec, latency_record
from scalesearch.search.settings import GridSettings
from scalesearch.search.trial import TrialSpec

if TYPE_CHECKING:
    import optuna

    from scalesearch.search.study import SearchStudy

__all__ = ["Observer", "run_search"]

# How long a wait may last before Ctrl-C is noticed, on systems where it does not end the wait itself.
WAIT_S = 0.5


class Observer(Protocol):
    """Hears how a search goes, to show it."""

    def phase(self, name: str, total: int, done: int) -> None:
        """A phase begins: ``done`` of its ``total`` networks are known from before."""

    def started(self, candidate: CandidateRecord) -> None:
        """A network was handed to a worker."""

    def step(self, key: str, done: int, steps: int) -> None:
        """A network's training has come this far. Called from another thread."""

    def finished(self, candidate: CandidateRecord) -> None:
        """A network is done: its record says how."""


def run_search(
    study: SearchStudy, classes: int, make_executor: Callable[[int], Executor], observer: Observer
) -> RunRecord:
    """Trains what the study has waiting, then measures latency, and returns the record of it all.

    Whatever ends it, an exception or a kill, the study holds every finished trial; called again, it goes on.

    Args:
        study: a study that was begun, and that no other driver works on.
        classes: of the dataset.
        make_executor: an executor that runs that many jobs at a time.
        observer: hears how it goes.
    """
    settings = study.settings
    clock = _Clock(study)
    study.adopt()
    executor = make_executor(settings.jobs)
    try:
        _train(study, settings, classes, executor, observer, clock)
    except BaseException:
        executor.shutdown(kill=True)
        study.adopt()
        clock.tick()
        raise
    executor.shutdown()
    if settings.latency:
        executor = make_executor(1)
        try:
            _measure(study, settings, classes, executor, observer)
        except BaseException:
            executor.shutdown(kill=True)
            clock.tick()
            raise
        executor.shutdown()
    clock.tick()
    return study.record()


class _Clock:
    """Keeps the study informed of how long this session has lasted."""

    def __init__(self, study: SearchStudy) -> None:
        self._study = study
        self._session = study.sessions
        self._start = time.perf_counter()

    def tick(self) -> None:
        self._study.set_session(self._session, time.perf_counter() - self._start)


def _network(candidate: CandidateRecord, settings: GridSettings, classes: int) -> ArchSpec:
    coefficients = Coefficients(alpha=candidate.alpha, beta=candidate.beta, gamma=candidate.gamma)
    return compound(settings.proxy_baseline(classes), coefficients, settings.phi, settings.proxy_rounding)


def _train(
    study: SearchStudy,
    settings: GridSettings,
    classes: int,
    executor: Executor,
    observer: Observer,
    clock: _Clock,
) -> None:
    """Keeps ``jobs`` trials running until none is waiting."""
    total = sum(c.status != "skipped" for c in study.record().candidates)
    waiting = study.waiting()
    observer.phase("Training", total, total - waiting)
    grid = settings.grid
    bounds = {"alpha": grid.alpha, "beta": grid.beta, "gamma": grid.gamma}
    recipe = settings.proxy_recipe.to_dict()
    data = settings.data.to_dict()
    running: dict[Future[dict[str, Any]], tuple[optuna.Trial, CandidateRecord]] = {}
    while waiting or running:
        while waiting and len(running) < settings.jobs:
            trial, candidate = study.ask(bounds)
            waiting -= 1
            spec = TrialSpec(
                key=candidate.key,
                arch=_network(candidate, settings, classes),
                recipe=recipe,
                data=data,
                device=settings.device,
                threads=settings.threads,
            )
            running[executor.submit(spec.to_dict(), _steps_to(observer, candidate.key))] = (trial, candidate)
            observer.started(candidate)
        done, _ = wait(running, timeout=WAIT_S, return_when=FIRST_COMPLETED)
        for future in done:
            trial, candidate = running.pop(future)
            observer.finished(_tell(study, trial, candidate, future))
            clock.tick()


def _steps_to(observer: Observer, key: str) -> Callable[[int, int], None]:
    return lambda done, steps: observer.step(key, done, steps)


def _tell(
    study: SearchStudy, trial: optuna.Trial, candidate: CandidateRecord, future: Future[dict[str, Any]]
) -> CandidateRecord:
    try:
        result = future.result()
    except TrialFailedError as failure:
        study.fail(trial, str(failure))
        return replace(candidate, status="failed", reason=str(failure))
    study.complete(trial, result)
    shown: Mapping[str, Any] = {name: result[name] for name in ("top1", "loss", "train_seconds")}
    return replace(candidate, status="completed", **shown)


def _measure(
    study: SearchStudy, settings: GridSettings, classes: int, executor: Executor, observer: Observer
) -> None:
    """Measures the trained networks one at a time, nothing else running."""
    trained = [c for c in study.record().candidates if c.status == "completed"]
    missing = [c for c in trained if c.latency is None]
    observer.phase("Measuring latency", len(trained), len(trained) - len(missing))
    for candidate in missing:
        spec = LatencySpec(
            key=candidate.key,
            arch=_network(candidate, settings, classes),
            batch_size=settings.latency_batch_size,
            device=settings.device,
            threads=settings.threads,
        )
        observer.started(candidate)
        future = executor.submit(spec.to_dict(), _steps_to(observer, candidate.key))
        while not future.done():
            wait([future], timeout=WAIT_S)
        try:
            latency = future.result()
            study.set_latency(candidate.key, latency)
            observer.finished(replace(candidate, latency=latency_record(latency)))
        except TrialFailedError as failure:
            study.set_latency(candidate.key, {"reason": str(failure)})
            observer.finished(replace(candidate, reason=str(failure)))
