"""Finished runs of ``scalesearch measure`` set against each other, as they were stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scalesearch.bench.comparing import matching_rows
from scalesearch.bench.samples import safe_name
from scalesearch.cli.folder import read_run_file, require_raw_files, require_same, writable, write_run_file
from scalesearch.cli.main import Fail
from scalesearch.records import CompareRecord, MeasurementRecord, MeasureRecord
from scalesearch.records.setup_text import parse_changes

__all__ = ["StoredSettings", "compare_stored", "is_stored"]

KIND = "compare-stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSettings:
    """The two sides of a comparison of finished runs, as they were typed."""

    a: str
    b: str
    mix_machines: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Some rows of a finished run: all, or those of one network, in the setups that ``changes`` leave."""

    folder: Path
    network: str
    changes: dict[str, Any]


def _split(text: str) -> Side | None:
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
    return Side(folder=path, network=network, changes=parse_changes(after, "A or B") if at else {})


def is_stored(text: str) -> bool:
    """Whether an argument names a finished run of ``scalesearch measure``, or rows of one."""
    return _split(text) is not None


def compare_stored(a: str, b: str, out: Path, *, command: str, mix_machines: bool) -> None:
    """Compares the stored rows of two finished runs that have the same network and setup.

    A network named on both sides may differ; so may what is said of the setup after ``@``. Each comparison
    is a folder of its own in ``out`` where there are several.

    Raises:
        Fail: if the two have no row in common, or are of two machines and ``mix_machines`` is not set.
    """
    one, other = _split(a), _split(b)
    if one is None or other is None:
        raise Fail(f"A and B must be finished runs of scalesearch measure, got {a!r} and {b!r}")
    records = (_record(one), _record(other))
    rows = [_rows(side, record) for side, record in zip((one, other), records, strict=True)]
    keys = [sorted({row.machine for row in side if row.processes}) for side in rows]
    if set(keys[0]) != set(keys[1]) and not mix_machines:
        raise Fail(
            f"A and B must be of one machine, got {one.folder} of {', '.join(keys[0]) or 'none'} and "
            f"{other.folder} of {', '.join(keys[1]) or 'none'}; --mix-machines compares them all the same"
        )
    matches = matching_rows(
        *rows,
        same_name=not (one.network and other.network),
        changed=[*one.changes, *other.changes],
        same_machine=not mix_machines,
    )
    if not matches:
        raise Fail(
            f"A and B must have measured the same network in the same setup, got {a!r} and {b!r}, which "
            "share no row; name the networks (DIR:NAME) or what differs (DIR@threads=2)"
        )
    from scalesearch.cli.compare import print_comparison

    settings = asdict(StoredSettings(a=a, b=b, mix_machines=mix_machines))
    require_same(out, KIND, settings, {})
    machines = {m.key: m for record in records for m in record.machines}
    with writable(out):
        facts = {"name": out.name, "command": command, "machine": {}, "versions": {}}
        write_run_file(out, KIND, settings, facts)
        for left, right in matches:
            record = CompareRecord(
                name=out.name,
                command=command,
                settings=settings,
                machines=tuple(machines[key] for key in dict.fromkeys((left.machine, right.machine))),
                versions=records[0].versions,
                wall_s=0.0,
                a=_named(left, one, left, right),
                b=_named(right, other, left, right),
            )
            several = safe_name(f"{left.name}-{left.setup.label}") if len(matches) > 1 else ""
            print_comparison(record, out / several)


def _named(
    row: MeasurementRecord, side: Side, left: MeasurementRecord, right: MeasurementRecord
) -> MeasurementRecord:
    """The row, with its run in its name where nothing else tells the two apart."""
    if (left.name, left.setup) != (right.name, right.setup):
        return row
    return replace(row, name=f"{row.name} of {side.folder.name}")


def _record(side: Side) -> MeasureRecord:
    from scalesearch.cli.measure import stored_measurements

    require_raw_files(side.folder)
    return stored_measurements(side.folder)


def _rows(side: Side, record: MeasureRecord) -> list[MeasurementRecord]:
    """The rows that a side names.

    Raises:
        Fail: if there is none.
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
        raise Fail(
            f"A and B must name rows of a run, got none of {side.folder} for {side.network or 'any network'} "
            f"with {side.changes or 'any setup'}; it holds {names}"
        )
    return rows
