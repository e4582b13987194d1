"""``scalesearch audit`` in its folder: its tables, and the sweeps that train its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from scalesearch.commands.audit.run import AuditSettings, audit_rows, fair_matches
from scalesearch.commands.sweep.run import plan_sweep
from scalesearch.errors import RunFailedError
from scalesearch.files import inside
from scalesearch.hardware.machine import machine, versions
from scalesearch.records import AuditRecord, RunRecord
from scalesearch.records.runs import STUDY
from scalesearch.runs.folder import (
    RUN_FILE,
    read_run_file,
    read_settings,
    require_same,
    stopping,
    storage_of,
    without_study,
    writable,
    write_run_file,
)
from scalesearch.runs.kept import KeptSearches, as_written, kept_searches, write_tables
from scalesearch.runs.kinds import GoingOn, Outcome, write_report
from scalesearch.runs.lifecycle import begin, data_size, require_workers, train_study
from scalesearch.runs.planning import planned_speed, run_length
from scalesearch.runs.progress import duration
from scalesearch.runs.telling import teller
from scalesearch.study.estimate import estimate
from scalesearch.study.storage import recorded
from scalesearch.training.dataset import DataSize

KIND = "audit"
TRAINED = "train"
"""The folder, in an audit's, that has a sweep's folder for each baseline that is trained."""


def default_folder() -> Path:
    """Where an audit is kept if nobody says."""
    return Path("reports") / KIND


def run_audit(folder: Path, settings: AuditSettings, command: str) -> Outcome:
    """Counts the rows, trains what is left of them where the settings say so, and writes the report.

    Args:
        folder: of the audit; baselines that are trained are read from their studies.
        settings: all of them.
        command: the command line, where it begins.

    Raises:
        FolderError: if the folder holds a run of other settings or another command, or cannot be written; or
            if its sweeps are without their studies, as in a report that was committed.
        ValueError: if the data or the device cannot be used, or a network cannot be built.
        StoppedError: if it is stopped; what is done is kept.
    """
    return _run(folder, settings, command, train=settings.train)


def plan_rows(settings: AuditSettings) -> tuple[list[dict[str, Any]], list[str]]:
    """What would be trained of each baseline, how long that takes and how much memory it needs; in words too.

    Raises:
        ValueError: if the data or the device cannot be used, or a network cannot be built.
    """
    require_workers(settings)
    size = data_size(settings.data)
    rows: list[dict[str, Any]] = []
    lines = []
    for baseline in settings.baselines:
        asked = settings.sweep_of(baseline)
        plan = plan_sweep(asked, size)
        archs = [planned.arch for planned in plan.chosen]
        expected = estimate(archs, plan.rungs, asked, planned_speed(plan, asked))
        macs = [planned.record.macs for planned in plan.chosen]
        rows.append(
            {
                "baseline": baseline,
                "networks": len(plan.chosen),
                "rows": ", ".join(
                    dict.fromkeys(role for planned in plan.chosen for role in planned.record.roles)
                ),
                "seeds": asked.seeds,
                "macs_min": min(macs),
                "macs_max": max(macs),
                "images": expected.images,
                "seconds": expected.seconds,
                "peak_bytes": expected.peak_bytes,
            }
        )
        lines = [f"Each run sees {run_length(plan, asked)}"]
    seconds = sum(float(row["seconds"]) for row in rows)
    together = f"In all {duration(seconds)} with {settings.jobs} at a time"
    return rows, [*lines, f"{together}, on this machine as busy as it is now"]


def resume(folder: Path, how: GoingOn) -> Outcome:
    """Goes on with the audit in ``folder``; errors are those of :func:`run_audit`."""
    settings = _settings(folder)
    # Nothing is fetched because a folder says so.
    settings = replace(settings, storage=storage_of(folder, how.storage, settings.storage), download=False)
    command = read_run_file(folder)["run"]["command"]
    return _run(folder, how.computing.of(settings), command, train=settings.train, storage=how.storage)


def report(folder: Path, storage: str = "") -> Outcome:
    """Writes the report of what is there; nothing is trained.

    Args:
        folder: of the audit.
        storage: where the studies lie, where the settings don't say so.

    Raises:
        FolderError: as :func:`run_audit`.
    """
    command = read_run_file(folder)["run"]["command"]
    return _run(folder, _settings(folder), command, train=False, storage=storage)


def read(folder: Path, storage: str = "") -> AuditRecord:
    """What is there; arguments and errors are those of :func:`report`."""
    settings = _settings(folder)
    _require_studies(folder, settings)
    kept = _stored(folder, settings, storage) if settings.train else {}
    return _record(folder, settings, {name: record for name, (record, _) in kept.items()})


def _settings(folder: Path) -> AuditSettings:
    return read_settings(folder, KIND, AuditSettings.from_dict)


def _run(folder: Path, settings: AuditSettings, command: str, *, train: bool, storage: str = "") -> Outcome:
    """The audit in its folder; with ``train`` off the report is made of what is there."""
    settings = _as_begun(folder, settings)
    # All that can be wrong is found before anything is written.
    size = _checked(folder, settings) if train else None
    if size is None:
        _require_studies(folder, settings)
    with writable(folder, passing=not settings.train):
        there = read_run_file(folder).get(KIND, {})
        if not there or there.get("train") != settings.train:
            shown = settings.to_dict()
            if settings.train and settings.storage:
                shown["storage"] = recorded(settings.storage)
            facts = {
                "name": KIND,
                "command": command,
                "machine": machine(settings.device),
                "versions": versions(),
            }
            write_run_file(folder, KIND, shown, facts)
        if size is not None:
            trained = _train(folder, settings, command, size)
        else:
            trained = _reported(folder, settings, storage) if settings.train else {}
        return _written(folder, _record(folder, settings, trained))


def _as_begun(folder: Path, settings: AuditSettings) -> AuditSettings:
    """The settings to go by: an audit may be trained later, and keeps what it trained."""
    there = read_run_file(folder)
    begun = there.get(KIND)
    if begun is None or there.get("run", {}).get("kind") != KIND or begun.get("train") == settings.train:
        before = AuditSettings.from_dict({"train": settings.train}).to_dict()
        require_same(folder, KIND, settings.to_dict(), before)
        return settings
    whole = settings if settings.train else _settings(folder)
    counted = AuditSettings(baselines=settings.baselines).to_dict() | {"train": begun.get("train")}
    require_same(folder, KIND, begun | counted, {})
    return whole


def _checked(folder: Path, settings: AuditSettings) -> DataSize:
    """The size of the data, once it is known that all that was not begun can be trained."""
    require_workers(settings)
    size = data_size(settings.data)
    for name in settings.baselines:
        if not (inside(folder, TRAINED, name) / RUN_FILE).exists():
            plan_sweep(settings.sweep_of(name), size)
    return size


def _require_studies(folder: Path, settings: AuditSettings) -> None:
    """Refuses a folder whose sweeps have neither studies nor tables: there is nothing to report."""
    if not settings.train or settings.storage:
        return
    for place in (inside(folder, TRAINED, name) for name in settings.baselines):
        if (place / RUN_FILE).exists() and not ((place / "study.db").exists() or (place / STUDY).exists()):
            raise without_study("the studies of its sweeps", folder, str(place))


def _train(folder: Path, settings: AuditSettings, command: str, size: DataSize) -> dict[str, RunRecord]:
    """The sweep of each baseline, trained to its end; what is trained is read from its study."""
    trained: dict[str, RunRecord] = {}
    with stopping(folder), teller().training() as progress:
        for name in settings.baselines:
            asked, place = settings.sweep_of(name), inside(folder, TRAINED, name)
            plan = partial(plan_sweep, asked)
            with begin(place, f"{KIND}-{name}", "sweep", asked, command, plan, lambda: size) as run:
                progress.headline(f"{name}: its rows at equal cost")
                trained[name] = train_study(run, progress)
                write_tables([trained[name]], place)
                write_report(trained[name], place)
    return trained


def _stored(folder: Path, settings: AuditSettings, storage: str) -> dict[str, tuple[RunRecord, KeptSearches]]:
    """The sweep of each baseline as its study or its tables have it; those not begun left out."""
    kept = {
        name: kept_searches(inside(folder, TRAINED, name), storage, settings.storage)
        for name in settings.baselines
    }
    records = {name: searches.named(f"{KIND}-{name}") for name, searches in kept.items()}
    return {name: (record, kept[name]) for name, record in records.items() if record is not None}


def _reported(folder: Path, settings: AuditSettings, storage: str) -> dict[str, RunRecord]:
    """The same sweeps, each with its own report written anew."""
    stored = _stored(folder, settings, storage)
    for name, (record, kept) in stored.items():
        place = inside(folder, TRAINED, name)
        if kept.in_study:
            write_tables([record], place)
        with as_written(place, in_study=kept.in_study):
            write_report(record, place)
    return {name: record for name, (record, _) in stored.items()}


def _record(folder: Path, settings: AuditSettings, trained: Mapping[str, RunRecord]) -> AuditRecord:
    kept, rows = read_run_file(folder), audit_rows(settings.baselines)
    return AuditRecord(
        name=KIND,
        command=kept["run"]["command"],
        settings=kept[KIND],
        machine=kept["machine"],
        versions=kept["versions"],
        rows=rows,
        matches=fair_matches(rows),
        trained=trained,
    )


def _written(folder: Path, record: AuditRecord) -> Outcome:
    """Writes the report of the rows, and of what was trained of them."""
    from scalesearch.commands.audit.view import write_audit_report

    written = write_audit_report(record, folder)
    trained = record.trained
    failed = [name for name, run in trained.items() if all(c.status == "failed" for c in run.candidates)]
    reasons = folder / TRAINED / failed[0] if failed and len(failed) == len(trained) else None
    failure = RunFailedError(f"no network could be trained; the reasons are in {reasons}")
    outcome = Outcome.of(KIND, folder, record, written)
    return replace(outcome, failure=failure if reasons else None)
