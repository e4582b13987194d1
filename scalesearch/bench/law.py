"""``scalesearch law``: which networks it measures, and the record that is derived from what they took."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from scalesearch.architecture.cost import count
from scalesearch.architecture.match import UnreachableError
from scalesearch.architecture.published import PAPER_COEFFICIENTS
from scalesearch.architecture.spec import Arch
from scalesearch.belief.law import FEWEST_NETWORKS, fit_law
from scalesearch.belief.ratio import ratio_of_samples
from scalesearch.bench.accuracies import Accuracies, best_splits
from scalesearch.bench.law_settings import LawSettings, doubled_archs
from scalesearch.bench.measuring import measure_record, run_job
from scalesearch.bench.samples import SampleStore, Stored, job_name
from scalesearch.bench.settings import Task
from scalesearch.bench.split import prices, splits
from scalesearch.bench.subjects import Subject
from scalesearch.records import (
    BestSplits,
    CostLaw,
    KindTime,
    LawRecord,
    MeasurementRecord,
    MeasureRecord,
    Price,
    Setup,
    Split,
)
from scalesearch.scaling import Coefficients, Shares, shares_of
from scalesearch.workers.executor import Executor
from scalesearch.workers.jobs import KindsSpec

__all__ = ["PAPER_RULE", "forget_failed_kinds", "kinds_tasks", "law_record", "run_kinds"]

KINDS = "kinds"
"""What the job that tells kinds of layers apart is kept under."""
PAPER_RULE = "the paper's rule"
RUN_BEST = "the run's best network"


def kinds_tasks(settings: LawSettings) -> tuple[Task, ...]:
    """The networks whose time is told apart by kind of layer, in the first eager setup; none without one."""
    eager = [setup for setup in settings.measuring.setups if setup.runtime == "eager"]
    if not eager:
        return ()
    base = settings.base
    archs = {base.label: base.arch} | {arch.name: arch for arch in doubled_archs(base).values()}
    return tuple(Task(subject=Subject(name=name, arch=arch), setup=eager[0]) for name, arch in archs.items())


def run_kinds(
    store: SampleStore,
    tasks: Sequence[Task],
    machine: str,
    executor: Executor,
    *,
    session: str,
    started: Callable[[str], None] = lambda _label: None,
) -> None:
    """Tells the kinds of layers apart in each task that has not been looked at; results are kept at once.

    ``started`` hears of each job in words.

    Raises:
        OSError: if a result cannot be written.
    """
    for task in tasks:
        if store.read(machine, task.subject, task.setup, KINDS) is None:
            started(f"{task.subject.name} by kind of layer, {task.setup.label}")
            key = f"{job_name(task.subject, task.setup)}.{KINDS}"
            spec = KindsSpec(key=key, arch=task.subject.arch, setup=task.setup)
            stored = run_job(executor, spec.to_dict(), session)
            store.keep(machine, task.subject, task.setup, KINDS, stored)


def forget_failed_kinds(store: SampleStore, settings: LawSettings, machine: str) -> None:
    """Has the tasks whose kinds of layers could not be told apart be tried once more."""
    for task in kinds_tasks(settings):
        stored = store.read(machine, task.subject, task.setup, KINDS)
        if stored is not None and stored.reason:
            store.forget(machine, task.subject, task.setup, KINDS)


def law_record(
    store: SampleStore,
    settings: LawSettings,
    tasks: Sequence[Task],
    *,
    name: str,
    command: str,
    versions: Mapping[str, str],
    accuracies: Accuracies | None = None,
) -> LawRecord:
    """All that a law's folder knows, from its raw files alone.

    Raises:
        ValueError: if no setup has enough measured networks for a law.
    """
    measured = measure_record(store, settings.measuring, tasks, name=name, command=command, versions=versions)
    measured = replace(measured, settings=settings.to_dict())
    laws, notes = _laws(measured)
    base = replace(settings.base.arch, name=settings.base.label)
    found_prices: list[Price] = []
    found_splits: list[Split] = []
    best: list[BestSplits] = []
    rules = _rules(accuracies)
    for law in laws:
        try:
            found_prices += _measured_prices(prices(base, law, settings.base.rounding), law, measured, base)
            found_splits += splits(base, law, rules)
            if accuracies:
                best.append(best_splits(accuracies, base, law))
        except UnreachableError as error:
            notes.append(f"No split is worked out: {error}".replace("`", ""))
    kinds = _kinds(store, settings, measured, notes)
    return LawRecord(
        measured=measured,
        laws=tuple(laws),
        kinds=tuple(kinds),
        kinds_setup=kinds_tasks(settings)[0].setup if kinds else None,
        baseline=base.name,
        base_cost=count(base),
        prices=tuple(found_prices),
        splits=tuple(found_splits),
        best=tuple(best),
        notes=tuple(dict.fromkeys(notes)),
    )


def _rules(accuracies: Accuracies | None) -> dict[str, Shares]:
    rules = {PAPER_RULE: shares_of(PAPER_COEFFICIENTS)}
    # A matched network may be narrower than the baseline: then its growth has no shares.
    if accuracies and min(accuracies.best) >= 1 and max(accuracies.best) > 1:
        depth, width, resolution = accuracies.best
        rules[RUN_BEST] = shares_of(Coefficients(alpha=depth, beta=width, gamma=resolution))
    return rules


def _laws(measured: MeasureRecord) -> tuple[list[CostLaw], list[str]]:
    rows: dict[Setup, list[MeasurementRecord]] = {}
    for row in measured.measurements:
        rows.setdefault(row.setup, []).append(row)
    laws, notes = [], []
    for setup, own in rows.items():
        good = [row for row in own if row.outcome == "measured"]
        if len(good) >= FEWEST_NETWORKS:
            laws.append(fit_law(good))
        else:
            notes.append(
                f"No law for {setup.label}: {len(good)} networks were measured, it takes {FEWEST_NETWORKS}."
            )
        for outcome in ("out of memory", "failed"):
            lost = [row for row in own if row.outcome == outcome]
            if lost:
                names = ", ".join(row.name for row in lost)
                notes.append(f"Without a figure in {setup.label} ({outcome}: {lost[0].reason}): {names}.")
    return laws, notes


def _measured_prices(
    found: Sequence[Price], law: CostLaw, measured: MeasureRecord, base: Arch
) -> list[Price]:
    rows = {
        row.key: row for row in measured.measurements if row.setup == law.setup and row.outcome == "measured"
    }
    own = rows.get(base.key)
    if own is None:
        return list(found)
    ratios = {
        price.built_key: ratio_of_samples(own.samples_s, rows[price.built_key].samples_s)
        for price in found
        if price.built_key in rows
    }
    return [
        replace(price, measured=(ratio.ratio, ratio.low, ratio.high))
        if (ratio := ratios.get(price.built_key))
        else price
        for price in found
    ]


def _kinds(
    store: SampleStore, settings: LawSettings, measured: MeasureRecord, notes: list[str]
) -> list[KindTime]:
    """Rows of every task that was looked at; a note for one that failed."""
    found = []
    for task in kinds_tasks(settings):
        stored: Stored | None = store.read(measured.machines[0].key, task.subject, task.setup, KINDS)
        if stored is None or stored.reason:
            reason = stored.reason if stored else "not measured yet"
            notes.append(f"The time of {task.subject.name} is not told apart by kind of layer: {reason}.")
            continue
        found += [
            KindTime(name=task.subject.name, kind=kind, seconds=seconds)
            for kind, seconds in stored.result["seconds"].items()
            if math.isfinite(seconds)
        ]
    return found
