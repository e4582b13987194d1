"""``scalesearch alternate`` in its folder: a study for each round, and the report of them all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesearch.commands.alternate.run import AlternateSettings, alternate, budget_of
from scalesearch.commands.alternate.run import Outcome as LoopOutcome
from scalesearch.errors import RunFailedError, ScalesearchError
from scalesearch.networks.baselines import PAPER_COEFFICIENTS
from scalesearch.records import AlternateRecord, RunRecord
from scalesearch.runs.folder import (
    beginning,
    read_run_file,
    read_settings,
    require_same,
    require_study_of_tables,
    storage_of,
    writable,
)
from scalesearch.runs.kept import as_written, kept_searches, write_tables
from scalesearch.runs.kinds import GoingOn, Outcome
from scalesearch.runs.lifecycle import (
    Run,
    begin_several,
    begin_study,
    data_size,
    require_workers,
    train_study,
)
from scalesearch.runs.planning import grid_plan, with_start
from scalesearch.study.budget import affordable_phi
from scalesearch.study.storage import recorded

if TYPE_CHECKING:
    import pandas as pd

    from scalesearch.study.plan import Plan
    from scalesearch.training.dataset import DataSize

KIND = "alternate"


def default_folder(settings: AlternateSettings) -> Path:
    """Where the rounds are kept if nobody says."""
    return Path("reports") / _name(settings)


def run_rounds(folder: Path, settings: AlternateSettings, command: str) -> Outcome:
    """Runs the rounds that are left, and writes the report; rounds that are done are read from their studies.

    Args:
        folder: of the run.
        settings: all of them.
        command: the command line, where it begins.

    Raises:
        FolderError: if the folder can't be used, or holds another run.
        RunFailedError: if no round came to its end.
        StoppedError: if it is stopped; what is done is kept.
    """
    size = _checked(folder, settings)
    name = _name(settings)
    records: list[RunRecord] = []
    # No password, and nothing that the command has no option for: it is a file for --config too.
    hidden = {"rungs", *settings.may_change} - {"seeds"}
    table = {key: value for key, value in _shown(settings).items() if key not in hidden}
    with begin_several(folder, KIND, table, name=name, command=command, device=settings.device) as progress:

        def search_at(number: int, phi: float) -> RunRecord:
            round_settings, title = settings.grid_at(phi), _title(name, number)
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

        ended = alternate(settings, size.classes, search_at)
    write_tables(records, folder)
    return _written(folder, _record(folder, settings, ended))


def _checked(folder: Path, settings: AlternateSettings) -> DataSize:
    """The size of the data, where the rounds can go on here; errors are those of :func:`run_rounds`."""
    require_same(folder, KIND, settings.to_dict(), AlternateSettings().to_dict())
    if not settings.storage:
        require_study_of_tables(folder)
    require_workers(settings)
    return data_size(settings.data)


def plan_rounds(folder: Path, settings: AlternateSettings) -> tuple[Plan, Plan | None]:
    """What the first round would train, and a later one at the phi that the budget may come to.

    That is the phi of the paper's coefficients, as no others are known yet; None where it can't be planned.
    Nothing is written. Errors are those of :func:`run_rounds`.
    """
    size = _checked(folder, settings)
    with beginning(folder):
        first, later = settings.grid_at(settings.phi), None
        plan = with_start(grid_plan(first, size, folder), None)[0]
        with suppress(ScalesearchError):
            base, budget = budget_of(settings, size.classes)
            phi, _ = affordable_phi(base, PAPER_COEFFICIENTS, settings.proxy_rounding, budget)
            later = grid_plan(settings.grid_at(phi), size, folder)
    return plan, later


def resume(folder: Path, how: GoingOn) -> Outcome:
    """Goes on with the rounds in ``folder``; errors are those of :func:`run_rounds`."""
    settings = _settings(folder)
    storage = storage_of(folder, how.storage, settings.storage)
    # Nothing is fetched because a folder says so.
    settings = replace(settings, storage=storage, download=False)
    return run_rounds(folder, how.computing.of(settings), read_run_file(folder)["run"]["command"])


def report(folder: Path, storage: str = "") -> Outcome:
    """Writes the report of the rounds that are there, from their studies or their tables.

    Args:
        folder: of the run.
        storage: where the studies lie, where the settings don't say so.

    Raises:
        RunFailedError: if the first round is not trained to its end.
    """
    settings = _settings(folder)
    kept = kept_searches(folder, storage, settings.storage)
    _first(folder, kept.named, settings)
    with writable(folder), as_written(folder, in_study=kept.in_study):
        record, searched = _stored(folder, settings, kept.named)
        if kept.in_study:
            write_tables(searched, folder)
        return _written(folder, record)


def read(folder: Path, storage: str = "") -> AlternateRecord:
    """The rounds that are there; arguments and errors are those of :func:`report`."""
    settings = _settings(folder)
    kept = kept_searches(folder, storage, settings.storage)
    with as_written(folder, in_study=kept.in_study):
        return _required(folder, _stored(folder, settings, kept.named)[0])


def table_of(record: AlternateRecord) -> pd.DataFrame:
    """A row for each round, as in rounds.csv."""
    from scalesearch.commands.alternate.view import rounds_table

    return rounds_table(record.rounds)


def _settings(folder: Path) -> AlternateSettings:
    return read_settings(folder, KIND, AlternateSettings.from_dict)


def _name(settings: AlternateSettings) -> str:
    return f"{KIND}-{settings.baseline}"


def _title(name: str, number: int) -> str:
    """Of the study of a round."""
    return f"{name}-round{number}"


def _first(folder: Path, named: Callable[[str], RunRecord | None], settings: AlternateSettings) -> RunRecord:
    """The first round; a RunFailedError if it was not begun."""
    first = named(_title(_name(settings), 1))
    if first is None:
        raise RunFailedError(f"`dir` must hold a round that was begun, got {folder} with none")
    return first


def _stored(
    folder: Path, settings: AlternateSettings, named: Callable[[str], RunRecord | None]
) -> tuple[AlternateRecord, list[RunRecord]]:
    """The rounds that came to their end, and all that were begun."""
    records: list[RunRecord] = []

    def search_at(number: int, _phi: float) -> RunRecord | None:
        # What is not there stays so: a round's phi is known only once the one before is trained.
        record = named(_title(_name(settings), number))
        if record is None:
            return None
        records.append(record)
        return None if any(c.status == "waiting" for c in record.candidates) else record

    classes = _first(folder, named, settings).classes
    return _record(folder, settings, alternate(settings, classes, search_at)), records


def _shown(settings: AlternateSettings) -> dict[str, Any]:
    """The settings as a folder keeps them: without the password of a database."""
    return settings.to_dict() | {"storage": recorded(settings.storage)}


def _record(folder: Path, settings: AlternateSettings, ended: LoopOutcome) -> AlternateRecord:
    kept = read_run_file(folder)
    return AlternateRecord(
        name=_name(settings),
        command=kept["run"]["command"],
        settings=_shown(settings),
        machine=kept["machine"],
        versions=kept["versions"],
        rounds=ended.rounds,
        converged=ended.converged,
        reason=ended.reason,
    )


def _required(folder: Path, record: AlternateRecord) -> AlternateRecord:
    """The record; a RunFailedError if no round came to its end."""
    if not record.rounds:
        raise RunFailedError(f"{record.reason}; see {folder / 'logs'}")
    return record


def _written(folder: Path, record: AlternateRecord) -> Outcome:
    """Writes the report of the rounds, where one came to its end."""
    from scalesearch.commands.alternate.view import write_alternate_report

    written = write_alternate_report(_required(folder, record), folder)
    return Outcome.of(KIND, folder, record, written)
