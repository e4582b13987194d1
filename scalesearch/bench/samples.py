"""Raw samples in a run's folder: one small JSON file for each job, whole or not there.

A folder holds ``networks.json`` (what is measured), ``machines/KEY.json`` (each machine that measured here)
and ``samples/KEY/NAME-HASH.N.json``: what the N-th fresh process gave on the machine KEY. Everything a report
says is derived from these files.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from scalesearch.bench.subjects import Subject
from scalesearch.files import inside, read_json, write_bytes
from scalesearch.plain import typed
from scalesearch.records.timing import MachineRecord, Setup

__all__ = ["NETWORKS", "SampleStore", "Stored", "job_name", "safe_name"]

NETWORKS = "networks.json"
LONGEST = 60
# What a job must leave, by what it is kept under, the number of its process aside.
NEEDED = MappingProxyType(
    {"": ("samples_s", "conditions"), "pair": ("pairs", "conditions"), "largest": ("batch_size",)}
)
STORED = ("result", "reason", "session", "wall_s")
Described = TypeVar("Described")


def safe_name(text: str) -> str:
    """The text as part of a file's name: letters, digits, points, dashes and underscores."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:LONGEST].strip("-.") or "unnamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What one job left: its result, or why it has none.

    Attributes:
        result: the worker's; empty where it failed.
        reason: why it failed; empty where it did not.
        session: which start of the command it belongs to.
        wall_s: seconds that the job took, its process's start included.
    """

    result: Mapping[str, Any]
    reason: str = ""
    session: str = ""
    wall_s: float = 0.0

    @property
    def out_of_memory(self) -> bool:
        """Whether that is why it failed."""
        return self.reason.startswith("out of memory")


@dataclass(frozen=True, slots=True)
class SampleStore:
    """The raw files of the run in ``folder``."""

    folder: Path

    def subjects(self) -> tuple[Subject, ...]:
        """What the run measures; empty in a folder without a run.

        Raises:
            ValueError: if the file cannot be read.
        """
        path = self.folder / NETWORKS
        if not path.exists():
            return ()
        data = _read(path)
        try:
            return tuple(Subject.from_dict(entry) for entry in data["networks"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            reason = str(error).replace("`", "")
            raise ValueError(f"{path} must be as scalesearch wrote it: {reason}") from error

    def keep_subjects(self, subjects: Sequence[Subject]) -> None:
        """Writes down what the run measures."""
        _write(self.folder / NETWORKS, {"networks": [subject.to_dict() for subject in subjects]})

    def machines(self) -> tuple[MachineRecord, ...]:
        """The machines that measured here, by key."""
        return tuple(
            _typed(MachineRecord, _read(path), path)
            for path in sorted((self.folder / "machines").glob("*.json"))
        )

    def keep_machine(self, machine: MachineRecord) -> None:
        """Writes down a machine, as it was when it began."""
        path = inside(self.folder, "machines", f"{safe_name(machine.key)}.json")
        if not path.exists():
            _write(path, {"key": machine.key, "facts": dict(machine.facts)})

    def read(self, machine: str, subject: Subject, setup: Setup, what: str) -> Stored | None:
        """What the job ``what`` (a process's number, from 1, or a word) left; None where it has not run.

        Raises:
            ValueError: if its file cannot be read.
        """
        path = self._path(machine, subject, setup, what)
        if not path.exists():
            return None
        data = _read(path)
        stored = _typed(Stored, {name: data[name] for name in STORED if name in data}, path)
        if not stored.reason:
            _require_result(stored.result, what, path)
        return stored

    def keep(self, machine: str, subject: Subject, setup: Setup, what: str, stored: Stored) -> None:
        """Writes down what a job left, with what it was about.

        Raises:
            OSError: if it cannot be written.
        """
        _write(
            self._path(machine, subject, setup, what),
            {
                "network": subject.name,
                "key": subject.arch.key,
                "machine": machine,
                "setup": setup.to_dict(),
                "what": what,
                "session": stored.session,
                "wall_s": stored.wall_s,
                "reason": stored.reason,
                "result": dict(stored.result),
            },
        )

    def forget(self, machine: str, subject: Subject, setup: Setup, what: str) -> None:
        """Removes what a job left, so that it runs again."""
        self._path(machine, subject, setup, what).unlink(missing_ok=True)

    def _path(self, machine: str, subject: Subject, setup: Setup, what: str) -> Path:
        name = f"{job_name(subject, setup)}.{what}.json"
        return inside(self.folder, "samples", safe_name(machine), name)


def job_name(subject: Subject, setup: Setup) -> str:
    """A file's name for a network in a setup: readable, and the same for the same two alone."""
    content = json.dumps([subject.name, subject.arch.key, setup.to_dict()], sort_keys=True)
    return f"{safe_name(subject.name)}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _write(path: Path, data: Mapping[str, Any]) -> None:
    write_bytes(path, (json.dumps(data, indent=1) + "\n").encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What jobs leave, each some of it."""

    samples_s: tuple[float, ...] = ()
    pairs: tuple[tuple[float, float], ...] = ()
    batch_size: int = 1
    seconds: Mapping[str, float] = field(default_factory=dict)
    peak_bytes: int | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)


def _require_result(result: Mapping[str, Any], what: str, path: Path) -> None:
    """Raises ValueError unless a job's result is what a job of its kind leaves."""
    names = {of.name for of in fields(_Result)}
    whole = _typed(_Result, {name: value for name, value in result.items() if name in names}, path)
    times = [*whole.samples_s, *(seconds for pair in whole.pairs for seconds in pair)]
    missing = [name for name in NEEDED.get(what.rstrip("0123456789"), ()) if not result.get(name)]
    if missing or not all(math.isfinite(seconds) and seconds > 0 for seconds in times):
        wrong = f"{missing[0]} is missing" if missing else "its times must be finite and above 0"
        raise ValueError(f"{path} cannot be read: {wrong}; remove it to measure again")


def _typed(cls: type[Described], data: Mapping[str, Any], path: Path) -> Described:
    try:
        return typed(cls, data)
    except ValueError as error:
        reason = str(error).replace("`", "")
        raise ValueError(f"{path} cannot be read: {reason}; remove it to measure again") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        data = read_json(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}; remove it to measure again") from error
    if not isinstance(data, dict):
        raise ValueError(f"{path} cannot be read: it holds no object; remove it to measure again")
    return data
