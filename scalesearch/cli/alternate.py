"""``scalesearch alternate``: coefficients, then phi under a budget, until the answer stops changing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalesearch.cli.grid_options import budget_options, grid_points_options, networks_options
from scalesearch.cli.help import Command, Topic, option
from scalesearch.cli.options import (
    MEMORY,
    START,
    command_line,
    config_option,
    format_option,
    out_option,
    resolve_training,
    training_options,
)
from scalesearch.cli.terminal import NUMBER, Choice, Whole, tell_page
from scalesearch.commands.alternate.run import BUDGETS, AlternateSettings

if TYPE_CHECKING:
    from scalesearch.commands.alternate.run import Outcome
    from scalesearch.records import RunRecord

DEFAULT = AlternateSettings()


@click.command(cls=Command)
@config_option
@option(
    "--phi",
    group=Topic.SPACE,
    common=True,
    type=NUMBER,
    default=DEFAULT.phi,
    help="How much compute in the first round: 2^phi times the baseline.",
)
@option(
    "--budget",
    group=Topic.BUDGET,
    common=True,
    type=Choice(BUDGETS),
    default=DEFAULT.budget,
    help="What the wanted network may spend.",
    more=MEMORY,
)
@option(
    "--budget-ratio",
    group=Topic.BUDGET,
    common=True,
    type=NUMBER,
    default=DEFAULT.budget_ratio,
    help="How much of that it may spend, as a multiple of the baseline's, above 1.",
)
@option(
    "--max-rounds",
    group=Topic.SPACE,
    type=Whole(min=1),
    default=DEFAULT.max_rounds,
    help="Stop after so many rounds.",
)
@grid_points_options
@budget_options(DEFAULT.match)
@networks_options
@training_options()
@START
@out_option("reports/alternate-BASELINE")
@format_option
def alternate(out: Path | None, output_format: str, **options: Any) -> None:
    """Search coefficients, scale to a budget, search again at that size, until the answer stops changing.

    Each round searches alpha, beta and gamma at its phi, as `scalesearch grid` does, then finds the greatest
    phi whose network stays within the budget. The next round searches at that phi.

    Writes rounds.csv, runs.csv, report.md, figures/, run.toml and study.db, with a study for each round.

    \b
    Example:
      scalesearch alternate --budget macs --budget-ratio 4
    """
    settings = AlternateSettings(**resolve_training(options))
    folder = out or Path("reports") / f"alternate-{settings.baseline}"
    run_alternate(folder, settings, command_line(), output_format)


def run_alternate(folder: Path, settings: AlternateSettings, command: str, output_format: str) -> None:
    """The loop in its folder: rounds that are done are read from their studies."""
    from scalesearch.commands.alternate.run import alternate as loop
    from scalesearch.hardware.machine import machine, versions
    from scalesearch.runs.folder import (
        read_run_file,
        require_same,
        require_study_of_tables,
        stopping,
        writable,
        write_run_file,
    )
    from scalesearch.runs.kinds import write_tables
    from scalesearch.runs.lifecycle import Run, begin_study, data_size, require_device, train_study
    from scalesearch.runs.planning import grid_plan
    from scalesearch.runs.telling import teller

    require_same(folder, "alternate", settings.to_dict(), AlternateSettings().to_dict())
    if not settings.storage:
        require_study_of_tables(folder)
    require_device(settings.device)
    size = data_size(settings.data)
    name = f"alternate-{settings.baseline}"
    records: list[RunRecord] = []
    with writable(folder), stopping(folder), teller().training() as progress:
        facts = {
            "name": name,
            "command": command,
            "machine": machine(settings.device),
            "versions": versions(),
        }
        if not read_run_file(folder):
            # No password, and nothing that the command has no option for: it is a file for --config too.
            hidden = {"rungs", *settings.may_change} - {"seeds"}
            table = {name: value for name, value in _shown(settings).items() if name not in hidden}
            write_run_file(folder, "alternate", table, facts)

        def search_at(number: int, phi: float) -> RunRecord:
            round_settings, title = settings.grid_at(phi), f"{name}-round{number}"
            with begin_study(
                folder,
                title,
                round_settings,
                command,
                lambda: grid_plan(round_settings, size, folder),
                size=size,
            ) as study:
                progress.headline(f"Round {number}: coefficients at phi {phi:.4g}")
                run = Run(folder=folder, study=study, settings=round_settings, size=size)
                records.append(train_study(run, progress))
            return records[-1]

        outcome = loop(settings, size.classes, search_at)
    write_tables(records, folder)
    _show(folder, settings, outcome, name, output_format)


def report_alternate(folder: Path, settings: AlternateSettings, output_format: str, storage: str) -> None:
    """The report of the rounds that are there, from their studies or their tables; nothing is trained.

    ``storage`` is where the studies lie, given where the settings do not say so.

    Raises:
        Fail: if the first round is not trained to its end.
    """
    from scalesearch.cli.main import Fail
    from scalesearch.commands.alternate.run import alternate as loop
    from scalesearch.runs.folder import writable
    from scalesearch.runs.kept import as_written, kept_searches
    from scalesearch.runs.kinds import write_tables

    name = f"alternate-{settings.baseline}"
    kept = kept_searches(folder, storage, settings.storage)
    records: list[RunRecord] = []

    def search_at(number: int, _phi: float) -> RunRecord | None:
        # What is not there stays so: a round's phi is known only once the one before is trained.
        record = kept.named(f"{name}-round{number}")
        if record is None:
            return None
        records.append(record)
        return None if any(c.status == "waiting" for c in record.candidates) else record

    first = kept.named(f"{name}-round1")
    if first is None:
        raise Fail(f"DIR must hold a round that was begun, got {folder} with none", 1)
    with writable(folder), as_written(folder, in_study=kept.in_study):
        outcome = loop(settings, first.classes, search_at)
        if kept.in_study:
            write_tables(records, folder)
        _show(folder, settings, outcome, name, output_format)


def _shown(settings: AlternateSettings) -> dict[str, Any]:
    """The settings as a folder keeps them: without the password of a database."""
    from scalesearch.study.storage import recorded

    return settings.to_dict() | {"storage": recorded(settings.storage)}


def _show(folder: Path, settings: AlternateSettings, outcome: Outcome, name: str, output_format: str) -> None:
    """Writes the report of the rounds, prints its table and where the page is.

    Raises:
        Fail: if no round came to its end.
    """
    from scalesearch.cli.main import Fail
    from scalesearch.cli.terminal import ROUND_COLUMNS, print_table
    from scalesearch.commands.alternate.view import write_alternate_report
    from scalesearch.runs.folder import read_run_file

    if not outcome.rounds:
        raise Fail(f"{outcome.reason}; see {folder / 'logs'}", 1)
    recorded = read_run_file(folder)
    written = write_alternate_report(
        name=name,
        command=recorded["run"]["command"],
        settings=_shown(settings),
        machine=recorded["machine"],
        versions=recorded["versions"],
        rounds=outcome.rounds,
        converged=outcome.converged,
        reason=outcome.reason,
        out=folder,
    )
    print_table(written.table, output_format, columns=ROUND_COLUMNS)
    tell_page(folder / "report.md", err=output_format != "table")
