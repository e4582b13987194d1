"""``scalesearch compare`` in its folder: two networks timed in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scalesearch.commands.compare.run import CompareSettings, compare_record, forget_pairs, run_compare
from scalesearch.commands.measure.run import SampleStore, Task, safe_name
from scalesearch.commands.measure.subjects import Subject, in_its_layout, parse_subject, told_apart
from scalesearch.errors import RunFailedError
from scalesearch.networks.spec import Arch
from scalesearch.records import CompareRecord
from scalesearch.runs.folder import read_settings
from scalesearch.runs.kinds import GoingOn, Outcome
from scalesearch.runs.measuring import at_work, begun, recorded_facts, require_runtimes

if TYPE_CHECKING:
    import pandas as pd

KIND = "compare"


def default_folder(a: str, b: str) -> Path:
    """Where a comparison is kept if nobody says."""
    first, second = (safe_name(side.removeprefix("efficientnet-").replace("reports/", "")) for side in (a, b))
    return Path("reports") / f"{KIND}-{first}-vs-{second}"


def named_pair(a: str | Arch, b: str | Arch) -> tuple[Subject, Subject]:
    """The networks to compare, given by names as the command line takes them or as specs.

    Raises:
        ValueError: naming ``a`` or ``b``, if one names no network, or several.
    """
    first, second = (
        parse_subject(network, argument=side)
        if isinstance(network, str)
        else Subject(name=network.name, arch=network)
        for side, network in (("a", a), ("b", b))
    )
    if not (isinstance(a, str) and isinstance(b, str)):
        # Two specs may go by one name.
        first, second = told_apart((first, second))
    return in_its_layout(first), in_its_layout(second)


def compare_networks(
    folder: Path,
    settings: CompareSettings,
    subjects: tuple[Subject, ...],
    *,
    name: str = "",
    command: str = "",
    retry_failed: bool = False,
) -> Outcome:
    """Times what is missing in ``folder``, and writes the report.

    Arguments and errors are those of :func:`scalesearch.runs.measuring.measured`, of two ``subjects``.
    """
    a, b = _tasks(settings, subjects)
    require_runtimes([a.setup, b.setup])
    opened = begun(folder, KIND, settings.to_dict(), (a, b), subjects, name=name, command=command)
    with opened as (store, machine):
        if retry_failed:
            forget_pairs(store, settings, a, machine)
        with at_work(folder) as (executor, progress, session):
            run_compare(store, settings, a, b, machine, executor, progress, session=session)
        outcome = report(folder)
    record: CompareRecord = outcome.record
    failed = None if record.pairs else RunFailedError(f"nothing could be timed: {record.a.reason}")
    return replace(outcome, failure=failed)


def resume(folder: Path, how: GoingOn) -> Outcome:
    """Times what is left in ``folder``; errors are those of :func:`compare_networks`."""
    settings = read_settings(folder, KIND, CompareSettings.from_dict)
    subjects = SampleStore(folder).subjects()
    return compare_networks(folder, settings, subjects, retry_failed=how.retry_failed)


def report(folder: Path, _storage: str = "") -> Outcome:
    """Writes the report of a folder from its raw files alone, where a pair of passes was timed.

    Raises:
        FolderError: if the folder holds no comparison.
        ValueError: if it cannot be read.
    """
    record = read(folder)
    if not record.pairs:
        page = folder / "report.md"  # which isn't written
        return Outcome(kind=KIND, folder=folder, record=record, table=table_of(record), page=page)
    return written(KIND, record, folder)


def read(folder: Path, _storage: str = "") -> CompareRecord:
    """What the comparison in ``folder`` has timed so far; errors are those of :func:`report`."""
    settings = read_settings(folder, KIND, CompareSettings.from_dict)
    store = SampleStore(folder)
    a, b = _tasks(settings, store.subjects())
    return compare_record(store, settings, a, b, **recorded_facts(folder))


def table_of(record: CompareRecord | Sequence[CompareRecord]) -> pd.DataFrame:
    """A row for each comparison: the time of B over that of A, with its 95% interval."""
    from scalesearch.commands.compare.view import comparisons_table

    return comparisons_table([record] if isinstance(record, CompareRecord) else record)


def answer_of(record: CompareRecord | Sequence[CompareRecord]) -> tuple[str, ...]:
    """What came out of each comparison, in words, and what may be wrong with it."""
    from scalesearch.commands.compare.view import compare_lines

    records = [record] if isinstance(record, CompareRecord) else record
    return tuple(line for each in records for line in compare_lines(each))


def _tasks(settings: CompareSettings, subjects: tuple[Subject, ...]) -> tuple[Task, Task]:
    first, second = (Task(subject=subject, setup=subject.setup(settings.setup)) for subject in subjects)
    return first, second


def written(kind: str, record: CompareRecord, folder: Path) -> Outcome:
    """Writes the report of one comparison."""
    from scalesearch.commands.compare.view import write_compare_report

    return Outcome.of(kind, folder, record, write_compare_report(record, folder))
