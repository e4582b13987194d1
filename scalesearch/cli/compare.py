"""``scalesearch compare``: two networks timed in turn, or two finished runs row by row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalesearch.cli.bench_options import device_option, resolve_setups, setup_options
from scalesearch.cli.choice import Whole
from scalesearch.cli.main import Fail
from scalesearch.cli.options import config_option, out_option
from scalesearch.cli.terminal import echo
from scalesearch.cli.training_options import command_line

if TYPE_CHECKING:
    from scalesearch.bench.comparing import CompareSettings
    from scalesearch.bench.settings import Task
    from scalesearch.bench.subjects import Subject
    from scalesearch.records import CompareRecord

__all__ = ["compare", "compare_folder", "show_comparison"]

KIND = "compare"


@click.command
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@config_option
@setup_options(several=False)
@device_option
@click.option("--pairs", type=Whole(min=1), default=30, show_default=True, help="Pairs of each process.")
@click.option(
    "--processes",
    type=Whole(min=1),
    default=3,
    show_default=True,
    help="Fresh processes that time both.",
)
@click.option("--mix-machines", is_flag=True, help="Compare finished runs of two machines all the same.")
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
    from scalesearch.cli.stored import compare_stored, is_stored

    default = Path("reports") / f"{KIND}-{_short(a)}-vs-{_short(b)}"
    stored = [is_stored(side) for side in (a, b)]
    if all(stored):
        compare_stored(a, b, out or default, command=command_line(), mix_machines=mix_machines)
        return
    if any(stored):
        raise Fail(f"A and B must both be networks or both be finished runs of measure, got {a!r} and {b!r}")
    from scalesearch.bench.comparing import CompareSettings
    from scalesearch.bench.subjects import in_its_layout, parse_subject

    settings = CompareSettings(a=a, b=b, **resolve_setups(options, several=False))
    try:
        first, second = (parse_subject(text, argument=side) for side, text in (("A", a), ("B", b)))
    except ValueError as error:
        raise Fail(str(error).replace("`", "")) from error
    subjects = (in_its_layout(first), in_its_layout(second))
    compare_folder(out or default, settings, subjects, name=default.name, command=command_line())


def _short(side: str) -> str:
    """A side as part of a folder's name."""
    from scalesearch.bench.samples import safe_name

    return safe_name(side.removeprefix("efficientnet-").replace("reports/", ""))


def _tasks(settings: CompareSettings, subjects: tuple[Subject, ...]) -> tuple[Task, Task]:
    from scalesearch.bench.settings import Task

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
    from scalesearch.bench.comparing import forget_pairs, run_compare
    from scalesearch.cli.bench_options import require_runtimes
    from scalesearch.cli.bench_run import at_work, begun

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
    from scalesearch.bench.comparing import CompareSettings, compare_record
    from scalesearch.bench.samples import SampleStore
    from scalesearch.cli.bench_run import recorded_facts
    from scalesearch.cli.folder import read_settings

    settings = read_settings(folder, KIND, CompareSettings.from_dict)
    store = SampleStore(folder)
    a, b = _tasks(settings, store.subjects())
    record = compare_record(store, settings, a, b, **recorded_facts(folder))
    if record.pairs:
        print_comparison(record, folder)
    return record


def print_comparison(record: CompareRecord, folder: Path) -> None:
    """Writes the report of one comparison and says what came out."""
    from scalesearch.report.compare.report import compare_lines, write_compare_report

    write_compare_report(record, folder)
    for line in compare_lines(record):
        echo(line)
    echo(f"Report: {folder / 'report.md'}")
