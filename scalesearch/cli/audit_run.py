"""An audit in its folder: its tables, and the sweeps that train its rows."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scalesearch.cli.main import Fail
from scalesearch.cli.terminal import echo, tell_page
from scalesearch.commands.audit.run import AuditSettings
from scalesearch.commands.sweep.run import plan_sweep
from scalesearch.files import inside
from scalesearch.records.runs import STUDY
from scalesearch.runs.folder import (
    RUN_FILE,
    read_run_file,
    read_settings,
    require_same,
    without_study,
    writable,
    write_run_file,
)
from scalesearch.runs.kinds import write_report, write_tables

if TYPE_CHECKING:
    import pandas as pd

    from scalesearch.records import RunRecord
    from scalesearch.training.dataset import DataSize

NAME = "audit"
TRAINED = "train"
"""The folder, in an audit's, that has a sweep's folder for each baseline that is trained."""


def run_audit(
    folder: Path,
    settings: AuditSettings,
    command: str,
    output_format: str,
    *,
    train: bool = True,
    storage: str = "",
) -> None:
    """The audit in its folder; baselines that are trained are read from their studies.

    With ``train`` off nothing is trained: the report is made of what is there; ``storage`` is then where the
    studies lie, given where the settings do not say so.

    Raises:
        Fail: if the folder holds a run of other settings or another command, or cannot be written; or if its
            sweeps are without their studies, as in a report that was committed.
        ValueError: if the data or the device cannot be used, or a network cannot be built.
    """
    from scalesearch.hardware.machine import machine, versions
    from scalesearch.study.storage import recorded as without_secrets

    train = train and settings.train
    settings = _as_begun(folder, settings)
    # All that can be wrong is found before anything is written.
    size = _checked(folder, settings) if train else None
    if size is None:
        _require_studies(folder, settings)
    with writable(folder, passing=not settings.train):
        recorded = read_run_file(folder).get(NAME, {})
        if not recorded or recorded.get("train") != settings.train:
            shown = settings.to_dict()
            if settings.train and settings.storage:
                shown["storage"] = without_secrets(settings.storage)
            facts = {
                "name": NAME,
                "command": command,
                "machine": machine(settings.device),
                "versions": versions(),
            }
            write_run_file(folder, NAME, shown, facts)
        if size is not None:
            trained = _train(folder, settings, command, size)
        else:
            trained = _stored(folder, settings, storage) if settings.train else {}
        _show(folder, settings, trained, output_format)


def _as_begun(folder: Path, settings: AuditSettings) -> AuditSettings:
    """The settings to go by: an audit without training may be trained later, and keeps what it trained.

    Raises:
        Fail: if the folder holds a run of other settings, or of another command.
    """
    there = read_run_file(folder)
    known = there.get(NAME)
    if known is None or there.get("run", {}).get("kind") != NAME or known.get("train") == settings.train:
        before = AuditSettings.from_dict({"train": settings.train}).to_dict()
        require_same(folder, NAME, settings.to_dict(), before)
        return settings
    whole = settings if settings.train else read_settings(folder, NAME, AuditSettings.from_dict)
    counted = AuditSettings(baselines=settings.baselines).to_dict() | {"train": known.get("train")}
    require_same(folder, NAME, known | counted, {})
    return whole


def _checked(folder: Path, settings: AuditSettings) -> DataSize:
    """The size of the data, once it is known that all that was not begun can be trained.

    Raises:
        ValueError: if the data or the device cannot be used, or a network cannot be built.
    """
    from scalesearch.runs.lifecycle import data_size, require_device

    require_device(settings.device)
    size = data_size(settings.data)
    for name in settings.baselines:
        if not (inside(folder, TRAINED, name) / RUN_FILE).exists():
            plan_sweep(settings.sweep_of(name), size)
    return size


def _require_studies(folder: Path, settings: AuditSettings) -> None:
    """Refuses a folder whose sweeps are without studies and tables: their report could not be made again.

    Raises:
        Fail: if that is so.
    """
    if not settings.train or settings.storage:
        return
    for place in (inside(folder, TRAINED, name) for name in settings.baselines):
        if (place / RUN_FILE).exists() and not ((place / "study.db").exists() or (place / STUDY).exists()):
            raise without_study("the studies of its sweeps", folder, str(place))


def _train(folder: Path, settings: AuditSettings, command: str, size: DataSize) -> dict[str, RunRecord]:
    """The sweep of each baseline, trained to its end; what is trained is read from its study."""
    from scalesearch.runs.folder import stopping
    from scalesearch.runs.lifecycle import begin, train_study
    from scalesearch.runs.telling import teller

    found: dict[str, RunRecord] = {}
    with stopping(folder), teller().training() as progress:
        for name in settings.baselines:
            asked, place = settings.sweep_of(name), inside(folder, TRAINED, name)
            plan = partial(plan_sweep, asked)
            with begin(place, f"{NAME}-{name}", "sweep", asked, command, plan, lambda: size) as run:
                progress.headline(f"{name}: its rows at equal cost")
                found[name] = train_study(run, progress)
                write_tables([found[name]], place)
                write_report(found[name], place)
    return found


def _stored(folder: Path, settings: AuditSettings, storage: str) -> dict[str, RunRecord]:
    """The sweep of each baseline as its study or its tables have it; those not begun left out."""
    from scalesearch.runs.kept import as_written, kept_searches

    found: dict[str, RunRecord] = {}
    for name in settings.baselines:
        place = inside(folder, TRAINED, name)
        kept = kept_searches(place, storage, settings.storage)
        record = kept.named(f"{NAME}-{name}")
        if record is None:
            continue
        found[name] = record
        if kept.in_study:
            write_tables([record], place)
        with as_written(place, in_study=kept.in_study):
            write_report(record, place)
    return found


def _show(folder: Path, settings: AuditSettings, trained: dict[str, RunRecord], output_format: str) -> None:
    """Writes the report, prints its table, what came of each baseline, and where the page is."""
    from scalesearch.cli.terminal import AUDIT_COLUMNS, AUDIT_SHORT, ORDER_COLUMNS, print_table
    from scalesearch.commands.audit.run import audit_rows, fair_matches
    from scalesearch.commands.audit.view import audit_view, write_audit_report
    from scalesearch.records import AuditRecord

    recorded = read_run_file(folder)
    rows = audit_rows(settings.baselines)
    record = AuditRecord(
        name=NAME,
        command=recorded["run"]["command"],
        settings=recorded[NAME],
        machine=recorded["machine"],
        versions=recorded["versions"],
        rows=rows,
        matches=fair_matches(rows),
        trained=trained,
    )
    report = write_audit_report(record, folder)
    table: pd.DataFrame = audit_view(report.table) if output_format == "table" else report.table
    print_table(table, output_format, columns=AUDIT_COLUMNS, short=AUDIT_SHORT, apart="baseline")
    if output_format == "table":
        for sentence in report.sentences:
            echo(f"\n{sentence}")
        if report.order is not None:
            echo("")
            print_table(report.order, output_format, columns=ORDER_COLUMNS, title="The order at equal cost")
        echo("")
    tell_page(report.page, err=output_format != "table")
    failed = [name for name, run in trained.items() if all(c.status == "failed" for c in run.candidates)]
    if failed and len(failed) == len(trained):
        raise Fail(f"no network could be trained; the reasons are in {folder / TRAINED / failed[0]}", 1)
