"""Searches as the CSV files that stand beside their pages, and back: all that a report needs of a study.

``study.csv`` has a row for each search (one, or the rounds of ``alternate``, or the lengths of
``fidelity``), ``plan.csv`` one for each network, ``runs.csv`` one for each training run, ``looks.csv`` one
for each look at the held-out images, ``latency.csv`` one for each timed pass. Columns are the fields of the
records; what is no number and no text is JSON, floats have the digits that read back exactly, and what is
None is blank.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from scalesearch.plain import Bounds, field_types, is_needed, shown, value_of
from scalesearch.records.measured import CurvePoint, LatencyRecord, SeedRun
from scalesearch.records.ranges import require_in_plan, require_in_range
from scalesearch.records.search import CandidateRecord, RunRecord
from scalesearch.records.start import StartRecord

__all__ = ["LATENCY", "LOOKS", "PLAN", "RUNS", "STUDY", "TABLES", "run_tables", "runs_of_tables"]

STUDY, PLAN, RUNS, LOOKS, LATENCY = "study.csv", "plan.csv", "runs.csv", "looks.csv", "latency.csv"
TABLES = (STUDY, PLAN, RUNS, LOOKS, LATENCY)
"""All files; the last is there only where something was timed."""
START = "start"
"""In place of a network's key: the baseline that all networks of a search were grown from."""
LABELS = ("role", "phi", "alpha", "beta", "gamma", "status")
"""What ``runs.csv`` repeats of a run's network, so that it can be read alone."""
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")
LONGEST_CELL = 2**27
Cells = Mapping[str, Any]
Line = Sequence[str | int | float]
"""The cells of a row as they are written, in the order of the columns."""
Kinds = Mapping[str, Any]


def run_tables(records: Sequence[RunRecord]) -> dict[str, str]:
    """The text of each file, by its name; no ``latency.csv`` where nothing was timed.

    Args:
        records: of one folder, each with a name of its own.
    """
    tables: dict[str, Iterable[Line]] = {
        STUDY: (_line(STUDY, _cells(record, _study_kinds())) for record in records),
        PLAN: (_line(PLAN, _cells(c, _plan_kinds(), study=r.name)) for r in records for c in r.candidates),
        RUNS: (_line(RUNS, row) for record in records for row in _run_rows(record)),
        LOOKS: (line for record in records for line in _look_lines(record)),
        LATENCY: (line for record in records for line in _latency_lines(record)),
    }
    timed = any(c.latency is not None and c.latency.samples_s for r in records for c in r.candidates)
    return {name: _csv(_kinds_of(name), lines) for name, lines in tables.items() if timed or name != LATENCY}


def runs_of_tables(texts: Mapping[str, str]) -> tuple[RunRecord, ...]:
    """The searches that :func:`run_tables` wrote, in their order.

    Args:
        texts: of the files, by their names.

    Raises:
        ValueError: naming file, row (the header is row 1) and column where a table isn't as it was written.
    """
    rows = {name: _rows(name, texts[name]) for name in TABLES[:-1]}
    rows[LATENCY] = _rows(LATENCY, texts[LATENCY]) if LATENCY in texts else []
    studies = {row["name"]: row for row in _once(rows[STUDY], ("name",))}
    plan = {(row["study"], row["key"]): row for row in _once(rows[PLAN], ("study", "key"))}
    for row in plan.values():
        if row["study"] not in studies:
            raise row.error("study", f"must be a name of {STUDY}, got {row['study']!r}")
        if not KEY.fullmatch(row["key"]) or row["key"] == START:
            raise row.error(
                "key", f"must be letters, digits, points, dashes and underscores, got {row['key']!r}"
            )
    looks = _looks(rows[LOOKS])
    runs = _seed_runs(rows[RUNS], studies, plan, looks)
    if left := next(iter(looks.values()), None):
        raise left[0].error("seed", f"must be a run of {RUNS}, got none of seed {left[0]['seed']}")
    latencies = _latencies(rows[LATENCY], plan)
    candidates: dict[str, list[CandidateRecord]] = {name: [] for name in studies}
    for (study, key), row in plan.items():
        try:
            candidates[study].append(
                CandidateRecord(
                    **row.values(but=("study",)),
                    runs=tuple(runs.get((study, key), ())),
                    latency=latencies.get((study, key)),
                )
            )
        except ValueError as error:
            raise row.error("macs", str(error).replace("`macs` ", "")) from None
    return tuple(
        RunRecord(
            **dict(row.cells)
            | {"start": _started(row.cells.get("start"), runs.get((name, START), ()))}
            | {"candidates": tuple(candidates[name])}
        )
        for name, row in studies.items()
    )


def _started(start: StartRecord | None, runs: Sequence[SeedRun]) -> StartRecord | None:
    return None if start is None else replace(start, runs=tuple(runs))


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a file: its cells as values by column, and where it stands for what is wrong with it."""

    file: str
    number: int
    cells: Cells

    def __getitem__(self, column: str) -> Any:
        return self.cells[column]

    def values(self, but: Sequence[str] = ()) -> dict[str, Any]:
        return {name: value for name, value in self.cells.items() if name not in but}

    def error(self, column: str, what: str) -> ValueError:
        return ValueError(f"{self.file}, row {self.number}, column {column}: {what}")


@cache
def _study_kinds() -> Kinds:
    return {name: kind for name, kind in field_types(RunRecord).items() if name != "candidates"}


@cache
def _plan_kinds() -> Kinds:
    kinds = field_types(CandidateRecord)
    return {"study": str} | {n: kind for n, kind in kinds.items() if n not in ("runs", "latency")}


@cache
def _kinds_of(name: str) -> Kinds:
    """The columns of a file, each with its type."""
    network = {"study": str, "key": str}
    if name == STUDY:
        return _study_kinds()
    if name == PLAN:
        return _plan_kinds()
    if name == RUNS:
        plan = _plan_kinds()
        # A baseline that networks are grown from has no coefficients.
        labels = {label: plan[label] if label == "role" else plan[label] | None for label in LABELS[:-1]}
        run = {n: kind for n, kind in field_types(SeedRun).items() if n != "curve"}
        return network | labels | {"status": str} | run
    if name == LOOKS:
        return {**network, "seed": int, **field_types(CurvePoint)}
    timed = {n: kind for n, kind in field_types(LatencyRecord).items() if n != "samples_s"}
    return network | timed | {"sample": int, "seconds": float}


def _needed(name: str) -> set[str]:
    """The columns that a file can't be without: later versions may have written more, earlier ones fewer."""
    records = {STUDY: (RunRecord,), PLAN: (CandidateRecord,), RUNS: (SeedRun,), LATENCY: (LatencyRecord,)}
    with_defaults = {
        field.name for record in records.get(name, ()) for field in fields(record) if not is_needed(field)
    }
    return set(_kinds_of(name)) - with_defaults - set(LABELS if name == RUNS else ())


def _cells(record: Any, kinds: Kinds, **more: Any) -> Cells:
    return more | {name: getattr(record, name) for name in kinds if name not in more}


def _run_rows(record: RunRecord) -> Iterator[Cells]:
    kinds = {name: kind for name, kind in field_types(SeedRun).items() if name != "curve"}
    if record.start is not None:
        for run in record.start.runs:
            blank = dict.fromkeys(LABELS) | {"role": START, "status": ""}
            yield _cells(run, kinds, study=record.name, key=START, **blank)
    for candidate in record.candidates:
        labels = {name: getattr(candidate, name) for name in LABELS}
        for run in candidate.runs:
            yield _cells(run, kinds, study=record.name, key=candidate.key, **labels)


def _look_lines(record: RunRecord) -> Iterator[Line]:
    points = tuple(field_types(CurvePoint))
    starts = () if record.start is None else ((START, run) for run in record.start.runs)
    for key, run in (*starts, *((c.key, run) for c in record.candidates for run in c.runs)):
        shared = [_cell_text(value) for value in (record.name, key, run.seed)]
        for point in run.curve:
            yield [*shared, *(_cell_text(getattr(point, name)) for name in points)]


def _latency_lines(record: RunRecord) -> Iterator[Line]:
    timed = [name for name in field_types(LatencyRecord) if name != "samples_s"]
    for candidate in record.candidates:
        if candidate.latency is not None:
            values = (getattr(candidate.latency, name) for name in timed)
            shared = [_cell_text(value) for value in (record.name, candidate.key, *values)]
            for index, seconds in enumerate(candidate.latency.samples_s, start=1):
                yield [*shared, index, _cell_text(seconds)]


def _line(name: str, row: Cells) -> Line:
    return [_cell_text(row[column]) for column in _kinds_of(name)]


def _csv(kinds: Kinds, lines: Iterable[Line]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(kinds)
    writer.writerows(lines)
    return stream.getvalue()


def _cell_text(value: Any) -> str | int | float:
    """A cell; a text that a line of CSV can't hold as it is, or that looks like JSON, is a JSON text.

    A number stays one: the writer gives it the digits that JSON would, in a fraction of the time.
    """
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value
    if value is None:
        return ""
    if isinstance(value, str) and value.isprintable() and not value.startswith('"'):
        return value
    if isinstance(value, StartRecord):
        value = replace(value, runs=())
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> dict[str, Any]:
    """A record, or a table that JSON does not know, as a dict."""
    if isinstance(value, Mapping):
        return dict(value)
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _rows(name: str, text: str) -> list[_Row]:
    """The rows of a file, every cell of its column's type.

    Raises:
        ValueError: if a column is missing, or a cell is not what its column holds.
    """
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        lines = csv.reader(io.StringIO(text, newline=""))
        header = next(lines, [])
        kinds = _kinds_of(name)
        bounds = require_in_plan if name == PLAN else require_in_range
        if missing := sorted(_needed(name) - set(header)):
            raise ValueError(
                f"{name}, row 1: must have the column {missing[0]}, got {', '.join(header)[:200] or 'none'}"
            )
        if twice := next((column for column in header if header.count(column) > 1), None):
            raise ValueError(f"{name}, row 1: must have each column once, got {twice} twice")
        columns = [(place, column) for place, column in enumerate(header) if column in kinds]
        rows = []
        for number, line in enumerate(lines, start=2):
            if len(line) != len(header):
                raise ValueError(
                    f"{name}, row {number}: must have {len(header)} cells as its header, got {len(line)}"
                )
            cells = {}
            for place, column in columns:
                try:
                    cells[column] = _cell(kinds[column], column, line[place], bounds)
                except ValueError as error:
                    reason = str(error).replace("`", "")
                    raise ValueError(f"{name}, row {number}, column {column}: {reason}") from None
            rows.append(_Row(name, number, cells))
        return rows
    except csv.Error as error:
        raise ValueError(f"{name} must be a table as scalesearch writes it, got one with {error}") from None
    finally:
        csv.field_size_limit(before)


def _cell(kind: Any, column: str, text: str, bounds: Bounds) -> Any:
    """The value of a cell of that type.

    Raises:
        ValueError: saying what it must be, if it is something else, or out of its column's range.
    """
    choices, of_text = _choices(kind)
    if not text and type(None) in choices:
        return None
    if of_text and not text.startswith('"'):
        return value_of(kind, text, column, bounds)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        what = "a number" if {int, float} & set(choices) else "a text or JSON as it was written"
        raise ValueError(f"must be {what}, got {shown(text)}") from None
    return value_of(kind, data, column, bounds)


@cache
def _choices(kind: Any) -> tuple[tuple[Any, ...], bool]:
    """The types that a cell may have, and whether one of them is a text as it stands."""
    choices = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return choices, any(choice is str or get_origin(choice) is Literal for choice in choices)


def _once(rows: Sequence[_Row], columns: Sequence[str]) -> Sequence[_Row]:
    """The rows, no two of which are about the same.

    Raises:
        ValueError: if two are.
    """
    seen: dict[tuple[Any, ...], int] = {}
    for row in rows:
        about = tuple(row[column] for column in columns)
        if about in seen:
            raise row.error(
                columns[-1], f"must be another than in row {seen[about]}, got {row[columns[-1]]!r} again"
            )
        seen[about] = row.number
    return rows


def _looks(rows: Sequence[_Row]) -> dict[tuple[str, str, int], list[_Row]]:
    """The looks of each training run, in their order."""
    looks: dict[tuple[str, str, int], list[_Row]] = {}
    for row in _once(rows, ("study", "key", "seed", "images")):
        looks.setdefault((row["study"], row["key"], row["seed"]), []).append(row)
    return looks


def _seed_runs(
    rows: Sequence[_Row],
    studies: Mapping[str, _Row],
    plan: Mapping[tuple[str, str], _Row],
    looks: dict[tuple[str, str, int], list[_Row]],
) -> dict[tuple[str, str], list[SeedRun]]:
    """The training runs of each network; takes their looks out of ``looks``."""
    runs: dict[tuple[str, str], list[SeedRun]] = {}
    for row in _once(rows, ("study", "key", "seed")):
        study, key = row["study"], row["key"]
        if study not in studies:
            raise row.error("study", f"must be a name of {STUDY}, got {study!r}")
        if key == START and studies[study].cells.get("start") is not None:
            pass
        elif (study, key) not in plan:
            raise row.error("key", f"must be a network of {PLAN}, got {key!r} of {study!r}")
        else:
            for label in LABELS:
                there = plan[study, key].cells.get(label)
                if label in row.cells and row[label] != there:
                    raise row.error(label, f"must be {there!r} as in {PLAN}, got {row[label]!r}")
        names = {name for name in field_types(SeedRun) if name in row.cells}
        curve = tuple(
            CurvePoint(**look.values(but=("study", "key", "seed")))
            for look in looks.pop((study, key, row["seed"]), ())
        )
        run = SeedRun(**{name: row[name] for name in names}, curve=curve)
        runs.setdefault((study, key), []).append(run)
    return runs


def _latencies(
    rows: Sequence[_Row], plan: Mapping[tuple[str, str], _Row]
) -> dict[tuple[str, str], LatencyRecord]:
    """What was timed of each network."""
    timed: dict[tuple[str, str], list[_Row]] = {}
    for row in _once(rows, ("study", "key", "sample")):
        if (row["study"], row["key"]) not in plan:
            raise row.error("key", f"must be a network of {PLAN}, got {row['key']!r} of {row['study']!r}")
        samples = timed.setdefault((row["study"], row["key"]), [])
        if changed := [n for n in LATENCY_SHARED if samples and row[n] != samples[0][n]]:
            raise row.error(changed[0], f"must be as in row {samples[0].number}, got {row[changed[0]]!r}")
        samples.append(row)
    return {
        network: LatencyRecord(
            samples_s=tuple(row["seconds"] for row in samples),
            **samples[0].values(but=("study", "key", "sample", "seconds")),
        )
        for network, samples in timed.items()
    }


LATENCY_SHARED = ("batch_size", "threads", "dtype", "device")
