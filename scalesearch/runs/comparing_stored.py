"""``scalesearch compare`` of finished runs of ``scalesearch measure``, as they were stored, in its folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scalesearch.commands.compare.run import StoredSettings, matching_rows
from scalesearch.commands.measure.run import safe_name
from scalesearch.errors import ScalesearchError
from scalesearch.records import CompareRecord, MeasurementRecord, MeasureRecord
from scalesearch.records.timings import parse_changes
from scalesearch.runs import measuring
from scalesearch.runs.comparing import answer_of, table_of, written
from scalesearch.runs.folder import read_run_file, read_settings, require_same, writable, write_run_file
from scalesearch.runs.kinds import GoingOn, Outcome, kind_named, require_raw_files

KIND = "compare-stored"


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
    require_same(out, KIND, settings.to_dict(), {})
    with writable(out):
        facts = {"name": out.name, "command": command, "machine": {}, "versions": {}}
        write_run_file(out, KIND, settings.to_dict(), facts)
        parts = [written(KIND, record, out / place) for place, record in comparisons]
    records = tuple(record for _, record in comparisons)
    return Outcome(
        kind=KIND,
        folder=out,
        record=records,
        table=table_of(records),
        page=parts[0].page,
        lines=answer_of(records),
        parts=tuple(parts),
    )


def resume(folder: Path, _how: GoingOn) -> Outcome:
    """Compares the runs anew, as they are now; errors are those of :func:`compare_stored`."""
    return report(folder)


def report(folder: Path, _storage: str = "") -> Outcome:
    """Compares the runs anew, as they are now; errors are those of :func:`compare_stored`."""
    settings = read_settings(folder, KIND, StoredSettings.from_dict)
    return compare_stored(folder, settings, read_run_file(folder)["run"]["command"])


def read(folder: Path, _storage: str = "") -> tuple[CompareRecord, ...]:
    """The comparisons of the runs as they are now; errors are those of :func:`compare_stored`."""
    settings = read_settings(folder, KIND, StoredSettings.from_dict)
    command = read_run_file(folder)["run"]["command"]
    return tuple(record for _, record in _comparisons(settings, folder.name, command))


def _comparisons(settings: StoredSettings, name: str, command: str) -> list[tuple[str, CompareRecord]]:
    """Each pair of rows that is compared, with its folder; that is empty for a single pair."""
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
    """The rows that a side names, one at least."""
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
