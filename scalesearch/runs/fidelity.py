"""A run judged by longer training: networks of it trained for other lengths, in a folder within its."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scalesearch.commands.fidelity.run import (
    FEWEST_NETWORKS,
    FidelitySettings,
    length_settings,
    plan_length,
    require_apart,
    spread,
)
from scalesearch.errors import FolderError, ScalesearchError
from scalesearch.files import inside
from scalesearch.records import FidelityRecord, RunRecord
from scalesearch.records.runs import STUDY
from scalesearch.runs.folder import (
    begun_elsewhere,
    read_run_file,
    read_settings,
    require_same,
    require_writable,
    without_study,
    writable,
)
from scalesearch.runs.kept import KeptRun, as_written, kept_run, kept_searches, open_run_study, write_tables
from scalesearch.runs.kinds import GoingOn, Outcome, kind_in, settings_of, studied, write_report
from scalesearch.runs.lifecycle import (
    Run,
    begin_several,
    begin_study,
    data_size,
    require_same_data,
    require_workers,
    train_study,
)
from scalesearch.runs.planning import require_same_code, with_start
from scalesearch.study.settings import PRETRAINED, Computing, LengthSettings, TrainingSettings
from scalesearch.study.storage import sqlite_url
from scalesearch.study.study import find_study
from scalesearch.text import one_of, quoted

if TYPE_CHECKING:
    import pandas as pd

    from scalesearch.study.plan import Plan, Planned
    from scalesearch.study.study import SearchStudy
    from scalesearch.training.dataset import DataSize

KIND = "fidelity"
FOLDER = "fidelity"
"""The folder, in a run's, of its lengths."""


def judge(
    folder: Path, settings: FidelitySettings, command: str, computing: Computing | None = None
) -> Outcome:
    """Trains networks of the run in ``folder`` for other lengths, reports, and tells the run what came out.

    Args:
        folder: of the run that is judged; what is trained already isn't trained again.
        settings: the lengths.
        command: the command line, where it begins.
        computing: what is trained with, where that isn't the run's.

    Raises:
        FolderError: if the run can't be judged: of another kind, or with too few networks.
        ScalesearchError: if more seeds are asked for than it has.
        StoppedError: if it is stopped; what is done is kept.
    """
    with begun_elsewhere(folder):
        return _judged(folder, settings, command, computing or Computing())


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthPlan:
    """What is to be trained for one length.

    Attributes:
        whole: the plan of all its networks.
        left: of those that are not done; None where all are.
        runs_left: training runs that are not done.
    """

    whole: Plan
    left: Plan | None
    runs_left: int


def plans_of_lengths(
    folder: Path, settings: FidelitySettings, computing: Computing | None = None
) -> tuple[LengthPlan, ...]:
    """What :func:`judge` would train, a plan for each length; nothing is written.

    Arguments and errors are those of :func:`judge`.
    """
    with begun_elsewhere(folder):
        lengths = _lengths(folder, settings, computing or Computing(), dry=True)
        starts = folder if (folder / PRETRAINED).exists() else None
        return tuple(_length_plan(folder / FOLDER, lengths, length, starts) for length in lengths.settings)


def _length_plan(out: Path, lengths: _Lengths, settings: LengthSettings, starts: Path | None) -> LengthPlan:
    """What is left of one length in the folder of the lengths, where that was begun."""

    def plan(networks: Sequence[Planned]) -> Plan:
        return with_start(replace(lengths, chosen=networks).plan(settings), starts)[0]

    study = find_study(sqlite_url(out), _study_name(settings.multiple))
    if study is None or study.run is None:
        whole = plan(lengths.chosen)
        return LengthPlan(whole=whole, left=whole, runs_left=len(whole.chosen) * settings.seeds)
    # Once begun it keeps its networks, though the run may have more by now.
    status = {candidate.key: candidate.status for candidate in study.record().candidates}
    chosen = [planned for planned in lengths.study.completed() if planned.record.key in status]
    waiting = [planned for planned in chosen if status[planned.record.key] == "waiting"]
    return LengthPlan(
        whole=plan(chosen),
        left=plan(waiting) if waiting else None,
        runs_left=len(waiting) * settings.seeds - study.runs_ahead(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lengths:
    """The lengths that are asked for: the settings of each, the networks, the size of their data."""

    study: SearchStudy
    device: str
    chosen: Sequence[Planned]
    size: DataSize
    settings: Sequence[LengthSettings]

    def plan(self, settings: LengthSettings) -> Plan:
        """Of one length."""
        return plan_length(settings, self.chosen, self.size.classes, self.size.train_images)


def _lengths(folder: Path, asked: FidelitySettings, computing: Computing, *, dry: bool = False) -> _Lengths:
    """What is to be trained; with ``dry`` nothing is written, and all else is as for :func:`judge`."""
    _require_judged(folder)
    study = open_run_study(folder, "", _judged_kinds())
    require_same_code(folder)
    if "kind" not in study.begun():
        raise FolderError(
            f"`dir` must hold a run of this version, got {folder} of version 0.1.0: "
            f"scalesearch resume {quoted(folder)} makes it one"
        )
    # Nothing is fetched because a folder says so.
    of = replace(settings_of(study.begun()), download=False)
    of = replace(of, device=computing.device or of.device, executor=computing.executor or of.executor)
    _require_enough(folder, study.completed(), of, asked)
    require_workers(of)
    chosen = spread(study.completed(), asked.networks)
    for planned in chosen:
        inside(folder, planned.record.key)
    require_same(folder / FOLDER, KIND, asked.to_dict(), {})
    size = data_size(of.data)
    if study.data_digest or not dry:  # an old study learns what its data is
        require_same_data(folder, study, of.data, size)
    settings = [
        length_settings(
            of,
            multiple,
            seeds=asked.seeds,
            jobs=computing.jobs or of.jobs,
            threads=computing.threads or of.threads,
        )
        for multiple in asked.lengths
    ]
    require_apart(of, settings, size.train_images)
    return _Lengths(study=study, device=of.device, chosen=chosen, size=size, settings=settings)


def _judged(folder: Path, asked: FidelitySettings, command: str, computing: Computing) -> Outcome:
    require_writable(folder)
    lengths = _lengths(folder, asked, computing)
    study, device, out, size = lengths.study, lengths.device, folder / FOLDER, lengths.size
    records = []
    name = f"{study.name}-fidelity"
    with begin_several(out, KIND, asked.to_dict(), name=name, command=command, device=device) as progress:
        for settings in lengths.settings:
            multiple = settings.multiple
            with begin_study(
                out,
                _study_name(multiple),
                settings,
                command,
                partial(lengths.plan, settings),
                starts=folder,
                size=size,
            ) as longer:
                progress.headline(f"{multiple:g} times the length: {_length(settings)}")
                records.append(
                    train_study(
                        Run(folder=out, study=longer, settings=settings, starts=folder, size=size), progress
                    )
                )
    record = _record(folder, study.record(), asked, records)
    return _written(folder, KeptRun(record=record.run, study=study), record, tables=True)


def resume(folder: Path, how: GoingOn) -> Outcome:
    """Trains what is left of the lengths in ``folder``."""
    asked = read_settings(folder, KIND, FidelitySettings.from_dict)
    return judge(_whole(folder), asked, read_run_file(folder)["run"]["command"], how.computing)


def report(folder: Path, _storage: str = "") -> Outcome:
    """Writes the report of the lengths in ``folder``, from their studies or their tables, and the run's own.

    Raises:
        FolderError: if a length was not begun, or neither studies nor tables are there.
    """
    asked, whole = read_settings(folder, KIND, FidelitySettings.from_dict), _whole(folder)
    run, records, in_study = _kept(whole, asked)
    out = whole / FOLDER
    with writable(out), as_written(out, in_study=run.study is not None and in_study):
        return _written(whole, run, _record(whole, run.record, asked, records), tables=in_study)


def read(folder: Path, _storage: str = "") -> FidelityRecord:
    """What the lengths in ``folder`` came to so far; arguments and errors are those of :func:`report`."""
    asked, whole = read_settings(folder, KIND, FidelitySettings.from_dict), _whole(folder)
    run, records, _ = _kept(whole, asked)
    return _record(whole, run.record, asked, records)


def table_of(record: FidelityRecord) -> pd.DataFrame:
    """A row for each length, as in fidelity.csv."""
    from scalesearch.commands.fidelity.evidence import fidelity_evidence
    from scalesearch.commands.fidelity.view import lengths_table

    return lengths_table(fidelity_evidence(record))


def answer_of(record: FidelityRecord) -> tuple[str, ...]:
    """The first lines of the page: does the answer hold in longer training, and the order of networks?"""
    from scalesearch.commands.fidelity.evidence import fidelity_evidence
    from scalesearch.commands.fidelity.view import answer_lines

    return answer_lines(fidelity_evidence(record))


def _whole(folder: Path) -> Path:
    """The folder of the run that the lengths in ``folder`` are of."""
    # Not its parent by name: it may be "." itself.
    return folder.parent if folder.name == FOLDER else folder.resolve().parent


def _kept(folder: Path, asked: FidelitySettings) -> tuple[KeptRun, list[RunRecord], bool]:
    """The run, each of its lengths, and whether these are from their studies."""
    _require_judged(folder)
    out = folder / FOLDER
    if not ((out / "study.db").exists() or (out / STUDY).exists()):
        raise without_study("the studies of its lengths", out, beside=False)
    run, lengths = kept_run(folder), kept_searches(out, "", "")
    records = []
    for multiple in asked.lengths:
        record = lengths.named(_study_name(multiple))
        if record is None:
            raise FolderError(
                f"`dir` must hold networks of every length, got {out} with none of {multiple:g} times the "
                f"run's: scalesearch resume {quoted(out)} trains them"
            )
        records.append(record)
    return run, records, lengths.in_study


def _record(
    folder: Path, run: RunRecord, asked: FidelitySettings, lengths: Sequence[RunRecord]
) -> FidelityRecord:
    """The run with its lengths, if these are of its networks, and with how far it can be trusted."""
    from scalesearch.commands.fidelity.evidence import reliability

    by_multiple = dict(zip(asked.lengths, lengths, strict=True)) | {1.0: run}
    multiples = tuple(sorted(by_multiple))
    record = FidelityRecord(
        run=run, multiples=multiples, lengths=tuple(by_multiple[multiple] for multiple in multiples)
    )
    out = folder / FOLDER
    try:
        measured = reliability(record, str(out))
    except ValueError as error:
        raise FolderError(
            f"`dir` must hold a run whose networks are those that {out} trains for other lengths, got "
            f"{folder}: {error}"
        ) from error
    return replace(record, run=replace(run, reliability=tuple(measured)))


def _written(folder: Path, kept: KeptRun, record: FidelityRecord, *, tables: bool) -> Outcome:
    """Writes the report, and tells the run what came out.

    Args:
        folder: of the run.
        kept: the run as its folder keeps it.
        record: its lengths.
        tables: whether the tables of single runs are written: they aren't the source.
    """
    from scalesearch.commands.fidelity.view import write_fidelity_report

    out = folder / FOLDER
    if kept.study is not None:
        kept.study.set_reliability(record.run.reliability)
        write_tables([record.run], folder)
    if tables:
        trained = zip(record.multiples, record.lengths, strict=True)
        write_tables([length for multiple, length in trained if multiple != 1], out)
    written = write_fidelity_report(record, out)
    write_report(record.run, folder)
    return Outcome.of(KIND, out, record, written)


def _require_judged(folder: Path) -> None:
    """Refuses a run whose candidates do not rival one another."""
    kind = kind_in(folder)
    if kind.study is None or not kind.study.rivals:
        wanted = one_of(_judged_kinds())
        raise FolderError(f"`dir` must hold a run of {wanted}, got {folder}, which holds one of {kind.name}")


def _judged_kinds() -> tuple[str, ...]:
    return studied(lambda study: study.rivals)


def _study_name(multiple: float) -> str:
    """Of the study that trains for so many times a run's length."""
    return f"x{multiple:g}"


def _length(settings: TrainingSettings) -> str:
    return f"{settings.epochs:g} epochs" if settings.images is None else f"{settings.images:,} images"


def _require_enough(
    folder: Path, completed: Sequence[Planned], of: TrainingSettings, asked: FidelitySettings
) -> None:
    if len(completed) < FEWEST_NETWORKS:
        raise FolderError(
            f"`dir` must hold a run with at least {FEWEST_NETWORKS} trained networks, as a surface over "
            f"splits takes, got {folder} with {len(completed)}; a grid with --max-networks 12 trains enough"
        )
    if asked.seeds > of.seeds:
        raise ScalesearchError(
            f"`seeds` must be at most the run's {of.seeds}, got {asked.seeds}: the short runs to compare "
            "with have no others"
        )
