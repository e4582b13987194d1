"""``scalesearch compare``: two networks timed in turn in fresh processes, or two finished runs row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from scalesearch.commands.measure.run import (
    MeasureObserver,
    MeasureSettings,
    SampleStore,
    Stored,
    Task,
    job_name,
    measurement_of,
    no_room,
    run_job,
)
from scalesearch.fields import Topic, require_settings, setting, setting_as
from scalesearch.networks.spec import Arch
from scalesearch.plain import Limit, require_utf8, typed
from scalesearch.records.timings import CompareRecord, Dtype, MeasurementRecord, Mode, Runtime, Setup
from scalesearch.workers.executor import Executor
from scalesearch.workers.jobs import PairSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareSettings:
    """The settings of ``scalesearch compare``, resolved; ``a`` and ``b`` are as typed.

    Raises:
        ValueError: if a value is out of range or unknown.
    """

    a: str
    b: str
    batch_size: int = setting_as(
        MeasureSettings, "batch_size", default=1, form="whole", metavar="N", help="Images in one pass."
    )
    threads: int = setting_as(
        MeasureSettings, "threads", default=1, form="whole", metavar="N", help="CPU threads."
    )
    dtype: Dtype = setting_as(MeasureSettings, "dtype", default="float32", form="dtype", metavar="NAME")
    mode: Mode = setting_as(MeasureSettings, "mode", default="inference", form="one", metavar="NAME")
    runtime: Runtime = setting_as(MeasureSettings, "runtime", default="eager", form="one", metavar="NAME")
    channels_last: bool = setting_as(MeasureSettings, "channels_last")
    device: str = setting_as(MeasureSettings, "device")
    pairs: int = setting(30, limit=Limit(1, 1_000_000), topic=Topic.MEASURING, help="Pairs of each process.")
    processes: int = setting_as(MeasureSettings, "processes", help="Fresh processes that time both.")

    def __post_init__(self) -> None:
        require_utf8(self, "a", "b", "device")
        _ = self.setup
        require_settings(self)

    @property
    def setup(self) -> Setup:
        """How both are timed, but for what is changed after ``@``."""
        return Setup(
            mode=self.mode,
            runtime=self.runtime,
            dtype=self.dtype,
            channels_last=self.channels_last,
            batch_size=self.batch_size,
            threads=self.threads,
            device=self.device,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data; :meth:`from_dict` turns it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CompareSettings:
        """The settings that :meth:`to_dict` gave.

        Raises:
            ValueError: if a setting is unknown, missing or wrong.
        """
        return typed(cls, data)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSettings:
    """The two sides of a comparison of finished runs, as they were typed."""

    a: str
    b: str
    mix_machines: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain data; :meth:`from_dict` turns it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> StoredSettings:
        """The settings that :meth:`to_dict` gave.

        Raises:
            ValueError: if a setting is unknown, missing or wrong.
        """
        return typed(cls, data)


def run_compare(
    store: SampleStore,
    settings: CompareSettings,
    a: Task,
    b: Task,
    machine: str,
    executor: Executor,
    observer: MeasureObserver,
    *,
    session: str,
    room: Callable[[Arch, Setup], str] | None = None,
) -> None:
    """Runs the processes that have left nothing yet, one after the other; one that fails is the last.

    ``room`` is as for :func:`scalesearch.commands.measure.run.run_measure`.

    Raises:
        OSError: if a result cannot be written.
    """
    room = room or no_room
    done = _left(store, settings, a, machine)
    failed = any(stored.reason for stored in done)
    observer.begin(settings.processes, settings.processes if failed else len(done))
    for process in range(1, settings.processes + 1):
        what = _what(process)
        if failed or store.read(machine, a.subject, a.setup, what) is not None:
            continue
        label = f"{a.subject.name} and {b.subject.name}, process {process} of {settings.processes}"
        observer.started(label)
        spec = PairSpec(
            key=f"{job_name(a.subject, a.setup)}.{what}",
            arch_a=a.subject.arch,
            setup_a=a.setup,
            arch_b=b.subject.arch,
            setup_b=b.setup,
            pairs=settings.pairs,
        )
        if reason := room(a.subject.arch, a.setup) or room(b.subject.arch, b.setup):
            stored = Stored(result={}, reason=reason, session=session)
        else:
            stored = run_job(executor, spec.to_dict(), session)
        store.keep(machine, a.subject, a.setup, what, stored)
        failed = bool(stored.reason)
        observer.finished(label, stored, settings.processes - process if failed else 0)


def forget_pairs(store: SampleStore, settings: CompareSettings, a: Task, machine: str) -> None:
    """Has the processes that failed be tried once more."""
    for process in range(1, settings.processes + 1):
        stored = store.read(machine, a.subject, a.setup, _what(process))
        if stored is not None and stored.reason:
            store.forget(machine, a.subject, a.setup, _what(process))


def _what(process: int) -> str:
    return f"pair{process}"


def _left(store: SampleStore, settings: CompareSettings, a: Task, machine: str) -> list[Stored]:
    left = (store.read(machine, a.subject, a.setup, _what(n)) for n in range(1, settings.processes + 1))
    return [stored for stored in left if stored is not None]


def compare_record(
    store: SampleStore,
    settings: CompareSettings,
    a: Task,
    b: Task,
    *,
    name: str,
    command: str,
    versions: Mapping[str, str],
) -> CompareRecord:
    """What a comparison's folder knows, from its raw files alone, with the samples of each side."""
    machines = store.machines()
    machine = machines[0].key if machines else ""
    left = _left(store, settings, a, machine)
    pairs = tuple(
        tuple((float(one), float(other)) for one, other in stored.result["pairs"])
        for stored in left
        if not stored.reason
    )
    sides = [
        measurement_of(task, machine, [_side(stored, index) for stored in left], settings.processes)
        for index, task in enumerate((a, b))
    ]
    return CompareRecord(
        name=name,
        command=command,
        settings=settings.to_dict(),
        machines=machines,
        versions=versions,
        wall_s=sum(stored.wall_s for stored in left),
        a=sides[0],
        b=sides[1],
        pairs=pairs,
    )


def _side(stored: Stored, index: int) -> Stored:
    """One side of a process's pairs, as if it had been measured alone."""
    if stored.reason:
        return stored
    samples = [pair[index] for pair in stored.result["pairs"]]
    return replace(stored, result={"samples_s": samples, "conditions": stored.result["conditions"]})


def matching_rows(
    a: Sequence[MeasurementRecord],
    b: Sequence[MeasurementRecord],
    *,
    same_name: bool = True,
    changed: Sequence[str] = (),
    same_machine: bool = True,
) -> tuple[tuple[MeasurementRecord, MeasurementRecord], ...]:
    """The measured rows of two finished runs that have the same setup, and the same network where asked.

    Args:
        a: rows of the one.
        b: rows of the other.
        same_name: whether a row's counterpart is the same network, by name and content.
        changed: fields of the setup in which the two may differ, since each side was asked for its own.
        same_machine: whether both must come from one machine.
    """

    def identity(row: MeasurementRecord) -> tuple[Any, ...]:
        setup = tuple(value for name, value in row.setup.to_dict().items() if name not in changed)
        named = (row.name, row.key) if same_name else ()
        return (*setup, *named, row.machine if same_machine else "")

    others: dict[tuple[Any, ...], MeasurementRecord] = {}
    for row in b:
        if row.processes:
            others.setdefault(identity(row), row)
    return tuple(
        (row, other) for row in a if row.processes and (other := others.get(identity(row))) is not None
    )
