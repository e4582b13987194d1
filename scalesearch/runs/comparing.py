"""``scalesearch compare`` in its folder: two networks timed in turn, or finished runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesearch.commands.compare.run import (
    CompareSettings,
    StoredSettings,
    compare_record,
    forget_pairs,
    matching_rows,
    run_compare,
)
from scalesearch.commands.measure.run import SampleStore, Task, safe_name
from scalesearch.commands.measure.subjects import Subject, in_its_layout, parse_subject, told_apart
from scalesearch.errors import RunFailedError, ScalesearchError
from scalesearch.networks.spec import Arch
from scalesearch.records import CompareRecord, MeasurementRecord, MeasureRecord
from scalesearch.records.timings import parse_changes
from scalesearch.runs import measuring
from scalesearch.runs.folder import (
    read_run_file,
    read_settings,
    require_same,
    writable,
    write_run_file,
)
from scalesearch.runs.kinds import GoingOn, Outcome, kind_named, require_raw_files
from scalesearch.runs.measuring import at_work, begun, recorded_facts, require_runtimes

if TYPE_CHECKING:
    import pandas as pd

KIND = "compare"
STORED_KIND = "compare-stored"


def default_folder(a: str, b: str) -> Path:
    """Where a comparison is kept if nobody says."""
    first, second = (safe_name(side.removeprefix("efficientnet-").replace("reports/", "")) for side in (a, b))
    return Path("reports") / f"{KIND}-{first}-vs-{second}"


# ----------------------------------------------------------------------------------------------------
# Two networks timed in turn.


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
    name: str,
    command: str,
    retry_failed: bool = False,
) -> Outcome:
    """Times what is missing in ``folder``, and writes the report.

    Args:
        folder: of the comparison.
        settings: all of them.
        subjects: the two networks.
        name: of the comparison, where it begins.
        command: the command line, where it begins.
        retry_failed: whether processes that failed are tried once more.

    Raises:
        FolderError: if the folder cannot be used.
        ValueError: if a device or a runtime cannot be used.
        StoppedError: if it is stopped; what is done is kept.
    """
    a, b = _tasks(settings, subjects)
    require_runtimes([a.setup, b.setup])
    opened = begun(
        folder,
        KIND,
        settings.to_dict(),
        (a, b),
        subjects,
        name=name,
        command=command,
        mix_machines=False,
    )
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
    return compare_networks(
        folder,
        read_settings(folder, KIND, CompareSettings.from_dict),
        SampleStore(folder).subjects(),
        name=folder.name,
        command=read_run_file(folder)["run"]["command"],
        retry_failed=how.retry_failed,
    )


def report(folder: Path, _storage: str = "") -> Outcome:
    """Writes the report of a folder from its raw files alone, where a pair of passes was timed.

    Raises:
        FolderError: if the folder holds no comparison.
        ValueError: if it cannot be read.
    """
    record = read(folder)
    if not record.pairs:
        page = folder / "report.md"  # which isn't written
        return Outcome(kind=KIND, folder=folder, record=record, table=table_of(record, folder), page=page)
    return _written(KIND, record, folder)


def read(folder: Path, _storage: str = "") -> CompareRecord:
    """What the comparison in ``folder`` has timed so far; errors are those of :func:`report`."""
    settings = read_settings(folder, KIND, CompareSettings.from_dict)
    store = SampleStore(folder)
    a, b = _tasks(settings, store.subjects())
    return compare_record(store, settings, a, b, **recorded_facts(folder))


def table_of(record: CompareRecord | Sequence[CompareRecord], _folder: Path) -> pd.DataFrame:
    """A row for each comparison: the time of B over that of A, with its 95% interval."""
    from scalesearch.commands.compare.view import comparisons_table

    return comparisons_table([record] if isinstance(record, CompareRecord) else record)


def answer_of(record: CompareRecord | Sequence[CompareRecord], _folder: Path) -> tuple[str, ...]:
    """What came out of each comparison, in words, and what may be wrong with it."""
    from scalesearch.commands.compare.view import compare_lines

    records = [record] if isinstance(record, CompareRecord) else record
    return tuple(line for each in records for line in compare_lines(each))


def _tasks(settings: CompareSettings, subjects: tuple[Subject, ...]) -> tuple[Task, Task]:
    first, second = (Task(subject=subject, setup=subject.setup(settings.setup)) for subject in subjects)
    return first, second


def _written(kind: str, record: CompareRecord, folder: Path) -> Outcome:
    """Writes the report of one comparison."""
    from scalesearch.commands.compare.view import write_compare_report

    page = write_compare_report(record, folder).page
    lines = answer_of(record, folder)
    return Outcome(
        kind=kind, folder=folder, record=record, table=table_of(record, folder), page=page, lines=lines
    )


# ----------------------------------------------------------------------------------------------------
# Finished runs of ``scalesearch measure`` set against each other, as they were stored.


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Some rows of a finished run: all, or those of one network, in the setups that ``changes`` leave."""

    folder: Path
    network: str
    changes: dict[str, Any]


def are_stored(a: str, b: str) -> bool:
    """Whether both sides name finished runs of ``scalesearch measure``, or rows of such.

    Raises:
        ScalesearchError: if one alone does.
    """
    sides = [_split(text, argument) for argument, text in (("a", a), ("b", b))]
    if any(sides) and not all(sides):
        raise ScalesearchError(
            f"`a` and `b` must both be networks or both be finished runs of measure, got {a!r} and {b!r}"
        )
    return all(sides)


def _split(text: str, argument: str) -> Side | None:
    """What a text names of a finished run; None where it names none."""
    place, at, after = text.rpartition("@")
    if not at or Path(text).exists():
        place, at = text, ""
    path, network = Path(place), ""
    if not path.is_dir() and ":" in place:
        before, _, network = place.rpartition(":")
        path = Path(before)
    if not path.is_dir() or read_run_file(path).get("run", {}).get("kind") != "measure":
        return None
    return Side(folder=path, network=network, changes=parse_changes(after, argument) if at else {})


def compare_stored(out: Path, settings: StoredSettings, command: str) -> Outcome:
    """Compares the stored rows of two finished runs that have the same network and setup.

    A network named on both sides may differ; so may what is said of the setup after ``@``. Each comparison
    is a folder of its own in ``out`` where there are several.

    Args:
        out: the folder of the comparison.
        settings: the two sides.
        command: the command line, where it begins.

    Raises:
        ScalesearchError: if the two have no row in common, or are of two machines and that isn't allowed.
        FolderError: if ``out`` can't be used, or holds another run.
    """
    comparisons = _comparisons(settings, out.name, command)
    require_same(out, STORED_KIND, settings.to_dict(), {})
    with writable(out):
        facts = {"name": out.name, "command": command, "machine": {}, "versions": {}}
        write_run_file(out, STORED_KIND, settings.to_dict(), facts)
        parts = [_written(STORED_KIND, record, out / place) for place, record in comparisons]
    records = tuple(record for _, record in comparisons)
    return Outcome(
        kind=STORED_KIND,
        folder=out,
        record=records,
        table=table_of(records, out),
        page=parts[0].page,
        lines=answer_of(records, out),
        parts=tuple(parts),
    )


def resume_stored(folder: Path, _how: GoingOn) -> Outcome:
    """Compares the runs anew, as they are now; errors are those of :func:`compare_stored`."""
    return report_stored(folder)


def report_stored(folder: Path, _storage: str = "") -> Outcome:
    """Compares the runs anew, as they are now; errors are those of :func:`compare_stored`."""
    settings = read_settings(folder, STORED_KIND, StoredSettings.from_dict)
    return compare_stored(folder, settings, read_run_file(folder)["run"]["command"])


def read_stored(folder: Path, _storage: str = "") -> tuple[CompareRecord, ...]:
    """The comparisons of the runs as they are now; errors are those of :func:`compare_stored`."""
    settings = read_settings(folder, STORED_KIND, StoredSettings.from_dict)
    command = read_run_file(folder)["run"]["command"]
    return tuple(record for _, record in _comparisons(settings, folder.name, command))


def _comparisons(settings: StoredSettings, name: str, command: str) -> list[tuple[str, CompareRecord]]:
    """Each pair of rows that is compared, with the folder that it gets; that is empty for a single one.

    Raises:
        ScalesearchError: if the two runs have no row in common, or are of two machines and that isn't
            allowed.
    """
    first, second = _split(settings.a, "a"), _split(settings.b, "b")
    if first is None or second is None:
        raise ScalesearchError(
            f"`a` and `b` must be finished runs of scalesearch measure, got {settings.a!r} and {settings.b!r}"
        )
    records = (_measured(first), _measured(second))
    rows = [_rows(side, record) for side, record in zip((first, second), records, strict=True)]
    keys = [sorted({row.machine for row in side if row.processes}) for side in rows]
    if set(keys[0]) != set(keys[1]) and not settings.mix_machines:
        raise ScalesearchError(
            f"`a` and `b` must be of one machine, got {first.folder} of {', '.join(keys[0]) or 'none'} and "
            f"{second.folder} of {', '.join(keys[1]) or 'none'}; --mix-machines compares them all the same"
        )
    matches = matching_rows(
        *rows,
        same_name=not (first.network and second.network),
        changed=[*first.changes, *second.changes],
        same_machine=not settings.mix_machines,
    )
    if not matches:
        raise ScalesearchError(
            f"`a` and `b` must have measured the same network in the same setup, got {settings.a!r} and "
            f"{settings.b!r}, which share no row; name the networks (DIR:NAME) or what differs "
            "(DIR@threads=2)"
        )
    machines = {m.key: m for record in records for m in record.machines}
    return [
        (
            safe_name(f"{left.name}-{left.setup.label}") if len(matches) > 1 else "",
            CompareRecord(
                name=name,
                command=command,
                settings=settings.to_dict(),
                machines=tuple(machines[key] for key in dict.fromkeys((left.machine, right.machine))),
                versions=records[0].versions,
                wall_s=0.0,
                a=_named(left, first, left, right),
                b=_named(right, second, left, right),
            ),
        )
        for left, right in matches
    ]


def _named(
    row: MeasurementRecord, side: Side, left: MeasurementRecord, right: MeasurementRecord
) -> MeasurementRecord:
    """The row, with its run in its name where nothing else tells the two apart."""
    if (left.name, left.setup) != (right.name, right.setup):
        return row
    return replace(row, name=f"{row.name} of {side.folder.name}")


def _measured(side: Side) -> MeasureRecord:
    require_raw_files(side.folder, kind_named(measuring.KIND))
    return measuring.read(side.folder)


def _rows(side: Side, record: MeasureRecord) -> list[MeasurementRecord]:
    """The rows that a side names.

    Raises:
        ScalesearchError: if there is none.
    """
    short = side.network.removeprefix("efficientnet-")
    rows = [
        row
        for row in record.measurements
        if (not side.network or short in (row.name.removeprefix("efficientnet-"), row.key))
        and all(getattr(row.setup, name) == value for name, value in side.changes.items())
    ]
    if not rows:
        names = ", ".join(dict.fromkeys(row.name for row in record.measurements))
        raise ScalesearchError(
            f"`a` and `b` must name rows of a run, got none of {side.folder} for "
            f"{side.network or 'any network'} with {side.changes or 'any setup'}; it holds {names}"
        )
    return rows
