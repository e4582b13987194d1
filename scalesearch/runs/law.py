"""``scalesearch law`` in its folder: networks measured, and what time costs fitted to them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scalesearch.commands.law.run import (
    Accuracies,
    forget_failed_kinds,
    kinds_of_store,
    kinds_of_table,
    kinds_tasks,
    law_record,
    law_subjects,
    read_accuracies,
    run_kinds,
)
from scalesearch.commands.law.settings import LawSettings
from scalesearch.commands.measure.run import SampleStore, forget_failures, plan, run_measure
from scalesearch.errors import FolderError, RunFailedError
from scalesearch.files import inside, read_json, write_text
from scalesearch.records import KindTime, LawRecord
from scalesearch.runs.folder import read_settings
from scalesearch.runs.kinds import GoingOn, Outcome, kind_named, of_tables
from scalesearch.runs.measuring import at_work, begun, measured_in, require_runtimes
from scalesearch.runs.telling import say

if TYPE_CHECKING:
    import pandas as pd

KIND = "law"
ACCURACIES = "accuracies.json"
"""In a run's folder: the accuracies of the run that its page shows best splits of."""


def in_users_layout(settings: LawSettings) -> LawSettings:
    """The settings, contiguous where a network of the user's own code can't be run channels last.

    All networks of a law are timed in one layout.
    """
    if not (settings.channels_last and settings.base.arch.code):
        return settings
    from scalesearch.networks.build import runs_channels_last  # loads torch

    if all(runs_channels_last(subject.arch) for subject in law_subjects(settings)):
        return settings
    say(
        f"Note: {settings.base.arch.code} can't be run channels last: all networks of the law are timed "
        "contiguous (--no-channels-last)"
    )
    return replace(settings, channels_last=False)


def fit_laws(
    folder: Path,
    settings: LawSettings,
    *,
    name: str = "",
    command: str = "",
    retry_failed: bool = False,
) -> Outcome:
    """Measures what is missing in ``folder``, fits the laws, and writes the report.

    Arguments and errors are those of :func:`scalesearch.runs.measuring.measured`; a ValueError also where the
    run with accuracies can't be used.
    """
    subjects = law_subjects(settings)
    tasks = plan(settings.measuring, subjects)
    require_runtimes([task.setup for task in tasks])
    kept_before = folder / ACCURACIES
    accuracies = read_accuracies(Path(settings.run)) if settings.run and not kept_before.exists() else None
    opened = begun(folder, KIND, settings.to_dict(), tasks, subjects, name=name, command=command)
    with opened as (store, machine):
        if accuracies is not None:
            # The run may be moved or go on: what this report says stays what it was.
            write_text(kept_before, json.dumps(accuracies.to_dict(), indent=1) + "\n")
        if retry_failed:
            forget_failures(store, settings.measuring, tasks, machine)
            forget_failed_kinds(store, settings, machine)
        with at_work(folder) as (executor, progress, session):
            run_measure(store, settings.measuring, tasks, machine, executor, progress, session=session)
            kinds = kinds_tasks(settings)
            run_kinds(store, kinds, machine, executor, session=session, started=progress.started)
        outcome = report(folder)
    record: LawRecord = outcome.record
    failed = None if record.laws else RunFailedError(f"no law could be fitted: {' '.join(record.notes)}")
    return replace(outcome, failure=failed)


def resume(folder: Path, how: GoingOn) -> Outcome:
    """Measures what is left in ``folder``; errors are those of :func:`fit_laws`."""
    settings = read_settings(folder, KIND, LawSettings.from_dict)
    return fit_laws(folder, settings, retry_failed=how.retry_failed)


def report(folder: Path, _storage: str = "") -> Outcome:
    """Writes the report of a folder from its raw files, or from its tables where these are gone.

    Raises:
        FolderError: if the folder holds no such run.
        ValueError: if it cannot be read.
    """
    record = read(folder)
    from scalesearch.commands.law.view import unstable_line, write_law_report

    written = write_law_report(record, folder)
    outcome = Outcome.of(KIND, folder, record, written)
    return replace(outcome, lines=tuple(filter(None, (unstable_line(record),))))


def read(folder: Path, _storage: str = "") -> LawRecord:
    """What the run of ``law`` in a folder has measured so far; errors are those of :func:`report`."""
    settings = read_settings(folder, KIND, LawSettings.from_dict)
    measured = measured_in(folder, settings.measuring)
    kinds: tuple[KindTime, ...]
    if of_tables(folder, kind_named(KIND)):
        kinds, notes = _kinds_of_table(folder, settings)
    else:
        kinds, notes = kinds_of_store(SampleStore(folder), settings, measured)
    accuracies = _stored_accuracies(folder)
    if settings.run and accuracies is None:
        notes = (*notes, f"No best split by the accuracies of {settings.run}: {ACCURACIES} isn't here.")
    return law_record(measured, settings, kinds, notes, accuracies)


def _kinds_of_table(folder: Path, settings: LawSettings) -> tuple[tuple[KindTime, ...], tuple[str, ...]]:
    """The time by kind of layer as kinds.csv has it, and a note on what it lacks."""
    from scalesearch.commands.law.view import KINDS_CSV

    try:
        kinds = kinds_of_table(inside(folder, KINDS_CSV))
    except FileNotFoundError:
        kinds = ()
    except (OSError, ValueError) as error:
        raise FolderError(f"`dir` must hold tables as they were written, got {folder}: {error}") from error
    if kinds or not kinds_tasks(settings):
        return kinds, ()
    again = "earlier versions did not keep it; scalesearch law measures it again"
    return (), (f"Where the time goes by kind of layer: {KINDS_CSV} isn't here ({again}).",)


def table_of(record: LawRecord) -> pd.DataFrame:
    """A row for each setup's law, as in laws.csv."""
    from scalesearch.commands.law.view import law_table

    return law_table(record.laws)


def _stored_accuracies(folder: Path) -> Accuracies | None:
    path = folder / ACCURACIES
    if not path.exists():
        return None
    try:
        return Accuracies.from_dict(read_json(path))
    except (OSError, ValueError) as error:
        raise FolderError(f"{path} cannot be read: {error}; remove it to read the run again") from error
