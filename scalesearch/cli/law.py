"""``scalesearch law``: what time costs on this machine, as a law to plan with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalesearch.cli.bench_options import device_option, resolve_setups, sampling_options, setup_options
from scalesearch.cli.help import Command, Topic, option
from scalesearch.cli.main import Fail
from scalesearch.cli.options import baseline_options, command_line, config_option, format_option, out_option
from scalesearch.cli.terminal import Whole, echo, tell_page
from scalesearch.files import read_json

if TYPE_CHECKING:
    from scalesearch.commands.law.run import Accuracies, LawSettings
    from scalesearch.records import LawRecord

KIND = "law"
ACCURACIES = "accuracies.json"


@click.command(cls=Command)
@config_option
@setup_options(several=True, inference_only=True)
@device_option
@option(
    "--random",
    group=Topic.MEASURING,
    common=True,
    type=Whole(min=0),
    default=30,
    help="Networks drawn at random, beside the family: depth 1 to 3, width 0.5 to 2, resolution 0.5 to 2.5.",
)
@option(
    "--seed",
    group=Topic.MEASURING,
    type=Whole(min=0),
    default=0,
    help="Seed of the networks that are drawn at random.",
)
@sampling_options
@option(
    "--run",
    group=Topic.MEASURING,
    common=True,
    default="",
    metavar="DIR",
    help="A finished grid or sweep, whose accuracies say where the best split of each budget lies.",
)
@baseline_options(1.0, "the baseline's own")
@out_option("reports/law-MACHINE")
@format_option
def law(out: Path | None, output_format: str, **options: Any) -> None:
    """What time costs on this machine: a law of multiply-adds, activations, parameters and layers.

    Measures B0 to B7, networks drawn at random and the baseline doubled in depth, width and resolution alone,
    each in fresh processes, and fits one law for each setup. Every network is predicted by a law that was
    fitted without it. The report shows what each dimension costs in time, which layers take it, and how the
    best split of a budget moves when the budget is time. Nothing else should run meanwhile; a run that was
    stopped goes on when the same command is given again.

    Writes law.json (for --budget latency=12ms), laws.csv, measurements.csv, samples.csv, report.md, figures/.

    \b
    Examples:
      scalesearch law --threads 1,2 --batch-size 1,8
      scalesearch law --device cuda --dtype fp16 --batch-size 64
      scalesearch law --run reports/sweep-efficientnet-b0
    """
    from scalesearch.commands.law.run import LawSettings
    from scalesearch.hardware.machine import describe
    from scalesearch.runs.laws import default_folder
    from scalesearch.runs.lifecycle import require_device

    options["baseline_resolution"] = options["baseline_resolution"] or 0
    settings = LawSettings(**resolve_setups(options, several=True))
    settings = _in_users_layout(settings)
    require_device(settings.device, to_train=False)
    key = describe(settings.device).key
    law_folder(
        out or default_folder(key),
        settings,
        name=f"{KIND}-{key}",
        command=command_line(),
        output_format=output_format,
    )


def _in_users_layout(settings: LawSettings) -> LawSettings:
    """The settings, contiguous where a network of the user's own code can't be run channels last.

    All networks of a law are timed in one layout.
    """
    if not (settings.channels_last and settings.base.arch.code):
        return settings
    from scalesearch.commands.law.run import law_subjects
    from scalesearch.networks.build import runs_channels_last  # loads torch

    if all(runs_channels_last(subject.arch) for subject in law_subjects(settings)):
        return settings
    echo(
        f"Note: {settings.base.arch.code} can't be run channels last: all networks of the law are timed "
        "contiguous (--no-channels-last)",
        err=True,
    )
    return replace(settings, channels_last=False)


def law_folder(
    folder: Path,
    settings: LawSettings,
    *,
    name: str,
    command: str,
    output_format: str,
    retry_failed: bool = False,
) -> None:
    """Measures what is missing in ``folder``, fits the laws, writes the report and prints their table.

    Raises:
        Fail: if the folder cannot be used; with exit code 1 if too little could be measured for a law.
        ValueError: if a device, a runtime or the run with accuracies cannot be used.
    """
    from scalesearch.commands.law.run import (
        forget_failed_kinds,
        kinds_tasks,
        law_subjects,
        read_accuracies,
        run_kinds,
    )
    from scalesearch.commands.measure.run import forget_failures, plan, run_measure
    from scalesearch.files import write_text
    from scalesearch.runs.measuring import at_work, begun, require_runtimes

    subjects = law_subjects(settings)
    tasks = plan(settings.measuring, subjects)
    require_runtimes([task.setup for task in tasks])
    kept_before = folder / ACCURACIES
    accuracies = read_accuracies(Path(settings.run)) if settings.run and not kept_before.exists() else None
    opened = begun(
        folder,
        KIND,
        settings.to_dict(),
        tasks,
        subjects,
        name=name,
        command=command,
        mix_machines=False,
    )
    with opened as (store, machine):
        if accuracies is not None:
            # The run may be moved or go on: what this report says stays what it was.
            write_text(kept_before, json.dumps(accuracies.to_dict(), indent=1) + "\n")
        if retry_failed:
            forget_failures(store, settings.measuring, tasks, machine)
            forget_failed_kinds(store, settings, machine)
        with at_work(folder) as (executor, progress, session):
            run_measure(store, settings.measuring, tasks, machine, executor, progress, session=session)
            run_kinds(
                store,
                kinds_tasks(settings),
                machine,
                executor,
                session=session,
                started=progress.started,
            )
        record = show_law(folder, output_format)
    if not record.laws:
        raise Fail(f"no law could be fitted: {' '.join(record.notes)}", 1)


def show_law(folder: Path, output_format: str) -> LawRecord:
    """Writes the report of a folder from its raw files alone, prints the laws and where the page is."""
    record = stored_law(folder)
    from scalesearch.cli.terminal import print_table
    from scalesearch.commands.law.view import unstable_line, write_law_report

    report = write_law_report(record, folder)
    print_table(report.table, output_format, columns=LAW_COLUMNS)
    if shaky := unstable_line(record):
        echo(shaky, err=output_format != "table")
    tell_page(report.page, err=output_format != "table")
    return record


def stored_law(folder: Path) -> LawRecord:
    """What the run of ``law`` in a folder has measured so far.

    Raises:
        Fail: if the folder holds no such run.
        ValueError: if it cannot be read.
    """
    from scalesearch.commands.law.run import LawSettings, law_record
    from scalesearch.commands.measure.run import SampleStore, plan
    from scalesearch.runs.folder import read_settings
    from scalesearch.runs.measuring import recorded_facts

    settings = read_settings(folder, KIND, LawSettings.from_dict)
    store = SampleStore(folder)
    return law_record(
        store,
        settings,
        plan(settings.measuring, store.subjects()),
        accuracies=_stored_accuracies(folder),
        **recorded_facts(folder),
    )


def _stored_accuracies(folder: Path) -> Accuracies | None:
    from scalesearch.commands.law.run import Accuracies

    path = folder / ACCURACIES
    if not path.exists():
        return None
    try:
        return Accuracies.from_dict(read_json(path))
    except (OSError, ValueError) as error:
        raise Fail(f"{path} cannot be read: {error}; remove it to read the run again") from error


LAW_COLUMNS = {
    "runtime": "{}",
    "dtype": "{}",
    "device": "{}",
    "threads": "{:d}",
    "batch_size": "{:d}",
    "networks": "{:d}",
    "median_error": "{:.1%}",
    "worst_error": "{:.1%}",
    "worst": "{}",
}
