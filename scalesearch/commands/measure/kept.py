"""What the tables of a folder of measurements keep, and the record they give where its raw files are gone.

``measurements.csv`` has a row for each network and setup, ``samples.csv`` every sample, and
``conditions.json`` what is in neither: the machines, how long it took, what went on around each
process.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scalesearch.files import inside, read_json
from scalesearch.plain import field_types, typed, value_of
from scalesearch.records import MachineRecord, MeasurementRecord, MeasureRecord, ProcessSamples, Setup
from scalesearch.text import bare

MEASUREMENTS_CSV, SAMPLES_CSV = "measurements.csv", "samples.csv"
CONDITIONS_JSON = "conditions.json"
"""Folders of earlier versions have none: nothing is known of their time, nor of the machine meanwhile."""
YES_NO = {"yes": True, "no": False}
Identity = tuple[str, ...]
"""What tells a row from others, as both tables write it: its network, its setup and its machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """How figures were taken, as ``conditions.json`` holds it.

    Attributes:
        machines: that measured.
        sessions: starts of the command; 0 where that is not known.
        wall_s: seconds that it took.
        processes: for each row of ``measurements.csv``, what each of its processes saw of the machine.
    """

    machines: tuple[MachineRecord, ...]
    sessions: int = 0
    wall_s: float = 0.0
    processes: tuple[tuple[Mapping[str, Any], ...], ...] = ()


def conditions_text(record: MeasureRecord) -> str | None:
    """The text of ``conditions.json``; None where nothing is known."""
    if not record.sessions:
        return None
    kept = Circumstances(
        machines=record.machines,
        sessions=record.sessions,
        wall_s=record.wall_s,
        processes=tuple(tuple(p.conditions for p in row.processes) for row in record.measurements),
    )
    return json.dumps(asdict(kept), indent=1, default=dict) + "\n"


def record_of_tables(
    folder: Path,
    settings: Mapping[str, Any],
    machine: Mapping[str, Any],
    *,
    name: str,
    command: str,
    versions: Mapping[str, str],
) -> MeasureRecord:
    """What the tables of a folder say of its run; what they lack is left out.

    Args:
        folder: of the run.
        settings: of the run, as plain data.
        machine: the facts of its machine with its ``key``, where ``conditions.json`` doesn't tell.
        name: of the run.
        command: its command line.
        versions: of packages.

    Raises:
        ValueError: naming file, row (the header is row 1) and column where a table isn't as it was written.
        OSError: if one cannot be read.
    """
    samples: dict[Identity, list[list[float]]] = {}
    for number, row in _rows(folder, SAMPLES_CSV):
        processes = samples.setdefault(_identity(SAMPLES_CSV, number, row), [])
        process = _cell(SAMPLES_CSV, number, row, "process", int)
        if process not in (len(processes), len(processes) + 1) or process < 1:
            raise ValueError(f"{SAMPLES_CSV}, row {number}, column process: must go up by 1, got {process}")
        if process > len(processes):
            processes.append([])
        seconds = _cell(SAMPLES_CSV, number, row, "seconds", float)
        if not (math.isfinite(seconds) and seconds > 0):
            raise ValueError(f"{SAMPLES_CSV}, row {number}, column seconds: must be > 0, got {seconds}")
        processes[-1].append(seconds)
    rows = list(_rows(folder, MEASUREMENTS_CSV))
    around = _circumstances(folder, machine, len(rows))
    measurements = []
    for index, (number, row) in enumerate(rows):
        measurement = _measurement(number, row)
        taken = samples.pop(_identity(MEASUREMENTS_CSV, number, row), [])
        seen = around.processes[index] if around.processes else ({},) * len(taken)
        if len(seen) != len(taken):
            raise ValueError(
                f"{SAMPLES_CSV} must have {len(seen)} processes of {MEASUREMENTS_CSV}, row {number}, as "
                f"{CONDITIONS_JSON} has, got {len(taken)}"
            )
        left = (
            ProcessSamples(samples_s=tuple(times), conditions=around_it)
            for times, around_it in zip(taken, seen, strict=True)
        )
        measurements.append(replace(measurement, processes=tuple(left)))
    if samples:
        unknown = ", ".join(next(iter(samples)))
        raise ValueError(f"{SAMPLES_CSV} must be of rows of {MEASUREMENTS_CSV}, got {unknown}")
    return MeasureRecord(
        name=name,
        command=command,
        settings=settings,
        machines=around.machines,
        versions=versions,
        wall_s=around.wall_s,
        sessions=around.sessions,
        measurements=tuple(measurements),
    )


def _circumstances(folder: Path, machine: Mapping[str, Any], rows: int) -> Circumstances:
    """Those of ``conditions.json``; without one, the machine alone."""
    path = inside(folder, CONDITIONS_JSON)
    if not path.exists():
        facts = {name: value for name, value in machine.items() if name != "key"}
        of_run = (MachineRecord(key=str(machine["key"]), facts=facts),) if "key" in machine else ()
        return Circumstances(machines=of_run)
    try:
        around = typed(Circumstances, read_json(path))
    except ValueError as error:
        raise ValueError(f"{path} must be as scalesearch wrote it: {bare(error)}") from error
    if len(around.processes) != rows:
        raise ValueError(
            f"{path} must be of the {rows} rows of {MEASUREMENTS_CSV}, got {len(around.processes)}"
        )
    return around


def _measurement(number: int, row: Mapping[str, str]) -> MeasurementRecord:
    """A row without its samples."""
    fields = {
        name: _cell(MEASUREMENTS_CSV, number, row, name, kind)
        for name, kind in field_types(MeasurementRecord).items()
        if name not in ("setup", "processes") and name in row
    }
    try:
        return MeasurementRecord(**fields, setup=_setup(number, row))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{MEASUREMENTS_CSV}, row {number}: must be as it was written: {bare(error)}"
        ) from error


def _setup(number: int, row: Mapping[str, str]) -> Setup:
    return Setup(
        **{
            name: _cell(MEASUREMENTS_CSV, number, row, name, kind)
            for name, kind in field_types(Setup).items()
        }
    )


def _identity(file: str, number: int, row: Mapping[str, str]) -> Identity:
    columns = ("name", "key", *field_types(Setup), "machine")
    if missing := [name for name in columns if name not in row]:
        raise ValueError(f"{file}, row {number}: must have the column {missing[0]}")
    return tuple(row[name] for name in columns)


def _rows(folder: Path, name: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The rows of a table with their numbers, the header being row 1."""
    try:
        with inside(folder, name).open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                if None in row or None in row.values():
                    raise ValueError(f"{name}, row {number}: must have as many cells as its header")
                yield number, row
    except csv.Error as error:
        raise ValueError(f"{name} must be a table as scalesearch writes it, got one with {error}") from None


def _cell(file: str, number: int, row: Mapping[str, str], column: str, kind: Any) -> Any:
    """A cell as a value of its column's type."""
    text = row.get(column, "")
    try:
        if kind is bool:
            return YES_NO[text]
        if not text and kind is not str:
            return value_of(kind, None, column)
        if kind in (int, float) or kind == (int | None):
            return value_of(kind, json.loads(text), column)
        return value_of(kind, text, column)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{file}, row {number}, column {column}: {bare(error)}, got {text!r}") from None
