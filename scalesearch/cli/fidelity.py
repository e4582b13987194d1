"""``scalesearch fidelity``: how far a run's short trainings can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalesearch.cli.help import Command, option
from scalesearch.cli.main import Fail
from scalesearch.cli.options import JOBS_ON, THREADS_ON, command_line, format_option
from scalesearch.cli.terminal import Place, Whole, tell_page
from scalesearch.plain import LIMITS
from scalesearch.text import quoted

if TYPE_CHECKING:
    from scalesearch.records import RunRecord
    from scalesearch.runs.kept import KeptRun
    from scalesearch.study.settings import TrainingSettings

FOLDER = "fidelity"
# As scalesearch.statistics.answer has it, which takes a second to import: --help is instant.
FEWEST_NETWORKS = 7
APART = 2
# Runs whose candidates rival one another.
JUDGED = ("grid", "search", "sweep")


class _Lengths(click.ParamType[tuple[float, ...]]):
    """Multiples of a run's length, such as ``0.5,2,4``."""

    name = "lengths"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        try:
            lengths = tuple(sorted(float(part) for part in str(value).split(",")))
        except ValueError:
            lengths = ()
        usable = all(0 < x <= LIMITS["lengths"].most for x in lengths) and len(set(lengths)) == len(lengths)
        if not (lengths and usable and lengths[-1] > 1) or 1 in lengths:
            self.fail(
                "must be multiples of the run's length, each once and none of them 1, the greatest above 1, "
                f"such as 0.5,2,4, got {str(value)!r}",
                param,
                ctx,
            )
        every = sorted((*lengths, 1.0))
        if any(longer < APART * shorter for shorter, longer in pairwise(every)):
            self.fail(
                f"must be at least a factor of {APART} apart from one another and from 1, the run's own, "
                f"to tell whether anything moves, such as 0.5,2,4, got {str(value)!r}",
                param,
                ctx,
            )
        return lengths


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelitySettings:
    """What a fidelity run is asked for; the rest is the settings of the run it is about."""

    lengths: tuple[float, ...]
    networks: int
    seeds: int


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=Place())
@option(
    "--lengths",
    type=_Lengths(),
    default="0.5,2,4",
    help="Train for so many times the run's length; the greatest is what the others are judged by.",
)
@option(
    "--networks",
    type=Whole(min=FEWEST_NETWORKS),
    default=12,
    help="How many of the run's networks, spread as far apart as can be. A surface takes seven.",
)
@option(
    "--seeds",
    type=Whole(min=1),
    default=1,
    help="Seeds at the other lengths, from the run's first one on; at most the run's.",
)
@JOBS_ON
@THREADS_ON
@format_option
def fidelity(
    folder: Path,
    lengths: tuple[float, ...],
    networks: int,
    seeds: int,
    jobs: int | None,
    threads: int | None,
    output_format: str,
) -> None:
    """Train networks of the run in DIR longer, and see whether the short runs' answer holds.

    Reports what moving compute between depth, width and resolution brings at each length, and whether that
    moves with training; what the short runs' best split loses in the longest; and Kendall's tau between the
    rankings. DIR's own report gets the line that says so.

    Writes DIR/fidelity with fidelity.csv, runs.csv, report.md, figures/ and study.db.

    \b
    Example:
      scalesearch fidelity reports/grid-efficientnet-b0-phi1 --lengths 0.5,2,4
    """
    settings = FidelitySettings(lengths=lengths, networks=networks, seeds=seeds)
    from scalesearch.runs.folder import begun_elsewhere

    with begun_elsewhere(folder):
        run_fidelity(folder, settings, command_line(), output_format, jobs=jobs, threads=threads)


def run_fidelity(
    folder: Path,
    asked: FidelitySettings,
    command: str,
    output_format: str,
    *,
    jobs: int | None = None,
    threads: int | None = None,
    device: str | None = None,
) -> None:
    """Trains what is missing, reports, and tells the run what came out.

    Raises:
        Fail: if the run has too few networks to compare, or fewer seeds than are asked for.
    """
    from dataclasses import asdict, replace
    from functools import partial

    from scalesearch.commands.fidelity.run import length_settings, plan_length, spread
    from scalesearch.files import inside
    from scalesearch.hardware.machine import machine, versions
    from scalesearch.runs.folder import read_run_file, require_same, stopping, writable, write_run_file
    from scalesearch.runs.kept import KeptRun, open_run_study
    from scalesearch.runs.kinds import settings_of
    from scalesearch.runs.lifecycle import (
        Run,
        begin_study,
        data_size,
        require_device,
        require_same_data,
        train_study,
    )
    from scalesearch.runs.planning import require_same_code
    from scalesearch.runs.telling import teller

    _require_judged(folder)
    study = open_run_study(folder, "")
    require_same_code(folder)
    if "kind" not in study.begun():
        raise Fail(
            f"DIR must hold a run of this version, got {folder} of version 0.1.0: "
            f"scalesearch resume {quoted(folder)} makes it one"
        )
    # Nothing is fetched because a folder says so.
    of = replace(settings_of(study.begun()), download=False)
    of = replace(of, device=device or of.device)
    _require_enough(folder, study.completed(), of, asked)
    require_device(of.device)
    chosen = spread(study.completed(), asked.networks)
    for planned in chosen:
        inside(folder, planned.record.key)
    out = folder / FOLDER
    table = asdict(asked) | {"lengths": list(asked.lengths)}
    require_same(out, FOLDER, table, {})
    size = data_size(of.data)
    require_same_data(folder, study, of.data, size)
    records = []
    with writable(out), stopping(out), teller().training() as progress:
        if not read_run_file(out):
            facts = {
                "name": f"{study.name}-fidelity",
                "command": command,
                "machine": machine(of.device),
                "versions": versions(),
            }
            write_run_file(out, FOLDER, table, facts)
        for multiple in asked.lengths:
            settings = length_settings(
                of, multiple, seeds=asked.seeds, jobs=jobs or of.jobs, threads=threads or of.threads
            )
            with begin_study(
                out,
                _study_name(multiple),
                settings,
                command,
                partial(plan_length, settings, chosen, size.classes, size.train_images),
                starts=folder,
                size=size,
            ) as longer:
                progress.headline(f"{multiple:g} times the length: {_length(settings)}")
                records.append(
                    train_study(
                        Run(folder=out, study=longer, settings=settings, starts=folder, size=size), progress
                    )
                )
    kept = KeptRun(record=study.record(), study=study)
    _show(folder, kept, asked, records, output_format, tables=True)


def report_fidelity(folder: Path, asked: FidelitySettings, output_format: str) -> None:
    """The report of the lengths that were trained, from their studies or their tables, and the run's own.

    Raises:
        Fail: if a length was not begun, or neither studies nor tables are there.
    """
    from scalesearch.records.runs import STUDY
    from scalesearch.runs.folder import without_study, writable
    from scalesearch.runs.kept import as_written, kept_run, kept_searches

    _require_judged(folder)
    out = folder / FOLDER
    if not ((out / "study.db").exists() or (out / STUDY).exists()):
        raise without_study("the studies of its lengths", out)
    run, lengths = kept_run(folder), kept_searches(out, "", "")
    records = []
    for multiple in asked.lengths:
        record = lengths.named(_study_name(multiple))
        if record is None:
            raise Fail(
                f"DIR must hold networks of every length, got {out} with none of {multiple:g} times the "
                f"run's: scalesearch resume {quoted(out)} trains them"
            )
        records.append(record)
    in_study = run.study is not None and lengths.in_study
    with writable(out), as_written(out, in_study=in_study):
        _show(folder, run, asked, records, output_format, tables=lengths.in_study)


def _show(
    folder: Path,
    kept: KeptRun,
    asked: FidelitySettings,
    records: Sequence[RunRecord],
    output_format: str,
    *,
    tables: bool,
) -> None:
    """Writes the report, tells the run what came out, prints the table and where the page is.

    Args:
        folder: of the run.
        kept: the run as its folder keeps it.
        asked: the lengths.
        records: what was trained for each of them.
        output_format: of the table.
        tables: whether the tables of single runs are written: they aren't the source.
    """
    from scalesearch.cli.terminal import FIDELITY_COLUMNS, print_table
    from scalesearch.commands.fidelity.view import reliability, write_fidelity_report
    from scalesearch.records import FidelityRecord
    from scalesearch.runs.kinds import write_report, write_tables

    out = folder / FOLDER
    by_multiple = dict(zip(asked.lengths, records, strict=True)) | {1.0: kept.record}
    multiples = tuple(sorted(by_multiple))
    record = FidelityRecord(
        run=kept.record, multiples=multiples, lengths=tuple(by_multiple[m] for m in multiples)
    )
    try:
        measured = reliability(record, str(out))
    except ValueError as error:
        raise Fail(
            f"DIR must hold a run whose networks are those that {out} trains for other lengths, got "
            f"{folder}: {error}"
        ) from error
    told = replace(kept.record, reliability=tuple(measured))
    if kept.study is not None:
        kept.study.set_reliability(measured)
        write_tables([told], folder)
    if tables:
        write_tables(records, out)
    written = write_fidelity_report(record, out)
    write_report(told, folder)
    print_table(written.table, output_format, columns=FIDELITY_COLUMNS)
    tell_page(out / "report.md", err=output_format != "table")


def _require_judged(folder: Path) -> None:
    """Refuses a run whose candidates do not rival one another."""
    from scalesearch.runs.folder import read_run_file

    kind = read_run_file(folder).get("run", {}).get("kind", "grid")
    if kind not in JUDGED:
        raise Fail(f"DIR must hold a run of grid, search or sweep, got {folder}, which holds one of {kind}")


def _study_name(multiple: float) -> str:
    """Of the study that trains for so many times a run's length."""
    return f"x{multiple:g}"


def _length(settings: TrainingSettings) -> str:
    return f"{settings.epochs:g} epochs" if settings.images is None else f"{settings.images:,} images"


def _require_enough(
    folder: Path, completed: list[Any], of: TrainingSettings, asked: FidelitySettings
) -> None:
    if len(completed) < FEWEST_NETWORKS:
        raise Fail(
            f"DIR must hold a run with at least {FEWEST_NETWORKS} trained networks, as a surface over splits "
            f"takes, got {folder} with {len(completed)}; a grid with --max-networks 12 trains enough"
        )
    if asked.seeds > of.seeds:
        raise Fail(
            f"--seeds must be at most the run's {of.seeds}, got {asked.seeds}: the short runs to compare "
            "with have no others"
        )
