"""`scalesearch compare`: two networks timed in turn, or stored runs set against each other."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalesearch.cli.bench_options import device_option, resolve_setups, setup_options
from scalesearch.cli.help import Command, option
from scalesearch.cli.main import Fail
from scalesearch.cli.options import command_line, config_option, out_option
from scalesearch.cli.terminal import Whole, echo, tell_page
from scalesearch.commands.compare.run import matching_rows
from scalesearch.commands.measure.run import safe_name
from scalesearch.records import CompareRecord, MeasurementRecord, MeasureRecord
from scalesearch.records.timings import parse_changes
from scalesearch.runs.folder import read_run_file, require_raw_files, require_same, writable, write_run_file

if TYPE_CHECKING:
    from scalesearch.commands.compare.run import CompareSettings
    from scalesearch.commands.measure.run import Task
    from scalesearch.commands.measure.subjects import Subject

# ----------------------------------------------------------------------------------------------------
# Finished runs of ``scalesearch measure`` set against each other, as they were stored.

STORED_KIND = "compare-stored"


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

    settings = asdict(StoredSettings(a=a, b=b, mix_machines=mix_machines))
    require_same(out, STORED_KIND, settings, {})
    machines = {m.key: m for record in records for m in record.machines}
    with writable(out):
        facts = {"name": out.name, "command": command, "machine": {}, "versions": {}}
        write_run_file(out, STORED_KIND, settings, facts)
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
    from scalesearch.runs.measuring import stored_measurements

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


# ----------------------------------------------------------------------------------------------------
# ``scalesearch compare``: two networks timed in turn, or two finished runs row by row.

KIND = "compare"


@click.command(cls=Command)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@config_option
@setup_options(several=False)
@device_option
@option("--pairs", type=Whole(min=1), default=30, help="Pairs of each process.")
@option(
    "--processes",
    type=Whole(min=1),
    default=3,
    help="Fresh processes that time both.",
)
@option("--mix-machines", is_flag=True, help="Compare finished runs of two machines all the same.")
@out_option("reports/compare-A-vs-B")
def compare(a: str, b: str, mix_machines: bool, out: Path | None, **options: Any) -> None:
    """How many times as long as A does B take, and is a difference shown at all?

    A and B are networks, as scalesearch measure takes them, each with a setup of its own after @ where the
    two should differ in that. They are timed in turn, A B B A, in each of several fresh processes, so that
    what else happens on the machine meets both.

    A and B may be finished runs of scalesearch measure too (DIR, or DIR:NAME for one network of it, either
    with @ and a setup): their rows with the same setup are compared as they were stored.

    Writes report.md and figures/; the raw samples stay in samples/.

    \b
    Examples:
      scalesearch compare b0 b1 --threads 2
      scalesearch compare b0@runtime=eager b0@runtime=onnxruntime --batch-size 8
      scalesearch compare reports/measure-before reports/measure-after
    """
    default = Path("reports") / f"{KIND}-{_short(a)}-vs-{_short(b)}"
    stored = [is_stored(side) for side in (a, b)]
    if all(stored):
        compare_stored(a, b, out or default, command=command_line(), mix_machines=mix_machines)
        return
    if any(stored):
        raise Fail(f"A and B must both be networks or both be finished runs of measure, got {a!r} and {b!r}")
    from scalesearch.commands.compare.run import CompareSettings
    from scalesearch.commands.measure.subjects import in_its_layout, parse_subject

    settings = CompareSettings(a=a, b=b, **resolve_setups(options, several=False))
    try:
        first, second = (parse_subject(text, argument=side) for side, text in (("A", a), ("B", b)))
    except ValueError as error:
        raise Fail(str(error).replace("`", "")) from error
    subjects = (in_its_layout(first), in_its_layout(second))
    compare_folder(out or default, settings, subjects, name=default.name, command=command_line())


def _short(side: str) -> str:
    """A side as part of a folder's name."""
    from scalesearch.commands.measure.run import safe_name

    return safe_name(side.removeprefix("efficientnet-").replace("reports/", ""))


def _tasks(settings: CompareSettings, subjects: tuple[Subject, ...]) -> tuple[Task, Task]:
    from scalesearch.commands.measure.run import Task

    one, other = (Task(subject=subject, setup=subject.setup(settings.setup)) for subject in subjects)
    return one, other


def compare_folder(
    folder: Path,
    settings: CompareSettings,
    subjects: tuple[Subject, ...],
    *,
    name: str,
    command: str,
    retry_failed: bool = False,
) -> None:
    """Times what is missing in ``folder``, writes the report and says what came out.

    Raises:
        Fail: if the folder cannot be used; with exit code 1 if nothing could be timed.
        ValueError: if a device or a runtime cannot be used.
    """
    from scalesearch.commands.compare.run import forget_pairs, run_compare
    from scalesearch.runs.measuring import at_work, begun, require_runtimes

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
        record = show_comparison(folder)
    if not record.pairs:
        raise Fail(f"nothing could be timed: {record.a.reason}", 1)


def show_comparison(folder: Path) -> CompareRecord:
    """Writes the report of a folder from its raw files alone, and says what came out and where the page is.

    Raises:
        Fail: if the folder holds no comparison.
        ValueError: if it cannot be read.
    """
    from scalesearch.commands.compare.run import CompareSettings, compare_record
    from scalesearch.commands.measure.run import SampleStore
    from scalesearch.runs.folder import read_settings
    from scalesearch.runs.measuring import recorded_facts

    settings = read_settings(folder, KIND, CompareSettings.from_dict)
    store = SampleStore(folder)
    a, b = _tasks(settings, store.subjects())
    record = compare_record(store, settings, a, b, **recorded_facts(folder))
    if record.pairs:
        print_comparison(record, folder)
    return record


def print_comparison(record: CompareRecord, folder: Path) -> None:
    """Writes the report of one comparison and says what came out."""
    from scalesearch.commands.compare.view import compare_lines, write_compare_report

    write_compare_report(record, folder)
    for line in compare_lines(record):
        echo(line)
    tell_page(folder / "report.md")
