"""The kinds of run that a folder can hold: how each reads its settings, trains, and reports."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from scalesearch.errors import FolderError, ScalesearchError
from scalesearch.files import inside, write_text
from scalesearch.records import RunRecord
from scalesearch.study.settings import Computing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from scalesearch.page.html.page import Interactive
    from scalesearch.study.driver import Program
    from scalesearch.study.settings import TrainingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class GoingOn:
    """How a run is carried on.

    Attributes:
        storage: the URL of its study, where its folder keeps that without its password.
        computing: what is trained with, where that isn't what it was begun with.
        retry_failed: whether what failed is tried once more.
    """

    storage: str = ""
    computing: Computing = field(default_factory=Computing)
    retry_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What a run came to so far: its record, and the report that was written of it.

    Attributes:
        kind: the run's.
        folder: of the run.
        record: all that is known of it, as frozen values.
        table: the table that a caller prints; a row for each network, length, round or pair.
        page: its page in Markdown.
        lines: what came out, in words, and what may be wrong with it; empty where the table says it.
        more: further tables, by their titles.
        parts: where it has several pages, what each shows.
        notes: what else there is to do.
        failure: why the run, though reported, has not what it was begun for; None where it has.
    """

    kind: str
    folder: Path
    record: Any
    table: pd.DataFrame
    page: Path
    lines: tuple[str, ...] = ()
    more: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    parts: tuple[Outcome, ...] = ()
    notes: tuple[str, ...] = ()
    failure: ScalesearchError | None = None


Writer = Callable[[RunRecord, Path], "pd.DataFrame"]
Table = Callable[[RunRecord], "pd.DataFrame"]
Drawing = Callable[[RunRecord], "Figure | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of run that trains; what takes long to load is named as ``module:name``, loaded when asked for.

    Attributes:
        settings: the class of its settings.
        write: writes its tables, figures and page into a folder; returns its table.
        table: its table alone.
        figure: the figure that shows its answer; None where there is nothing to draw.
        program: trains it.
        page: the file name of its page.
        interactive: gives what a reader can point at on its HTML page; empty where there is no such part.
    """

    settings: str
    write: Writer
    table: Table
    figure: Drawing
    program: str = "scalesearch.study.driver:train_enqueued"
    page: str = "report.md"
    interactive: str = ""


def _write_grid(record: RunRecord, folder: Path) -> pd.DataFrame:
    from scalesearch.commands.grid.view import write_grid_report
    from scalesearch.study.settings import NOT_IDENTITY

    return write_grid_report(record, folder, _scratch(record), NOT_IDENTITY).candidates


def _grid_table(record: RunRecord) -> pd.DataFrame:
    from scalesearch.page.tables import candidates_table

    return candidates_table(record)


def _grid_figure(record: RunRecord) -> Figure | None:
    from scalesearch.commands.grid.figures import answer_figure

    return answer_figure(record)


def _write_search(record: RunRecord, folder: Path) -> pd.DataFrame:
    from scalesearch.commands.search.view import write_search_report

    return write_search_report(record, folder).trials


def _search_table(record: RunRecord) -> pd.DataFrame:
    from scalesearch.commands.search.evidence import search_evidence
    from scalesearch.commands.search.view import trials_table

    return trials_table(record, search_evidence(record))


def _search_figure(record: RunRecord) -> Figure | None:
    from scalesearch.commands.search.evidence import search_evidence
    from scalesearch.commands.search.figures import shares_figure

    return shares_figure(record, search_evidence(record))


def _write_sweep(record: RunRecord, folder: Path) -> pd.DataFrame:
    from scalesearch.commands.sweep.view import write_sweep_report

    return write_sweep_report(record, folder).table


def _sweep_table(record: RunRecord) -> pd.DataFrame:
    from scalesearch.commands.sweep.view import sweep_table

    return sweep_table(record)


def _sweep_figure(record: RunRecord) -> Figure | None:
    from scalesearch.commands.sweep.figures import sweep_figure

    return sweep_figure(record)


def _write_family(record: RunRecord, folder: Path) -> pd.DataFrame:
    from scalesearch.commands.scale.trained_view import write_trained_family

    return write_trained_family(record, folder).table


def _family_table(record: RunRecord) -> pd.DataFrame:
    from scalesearch.commands.scale.trained_view import trained_table

    return trained_table(record)


def _family_figure(record: RunRecord) -> Figure | None:
    from scalesearch.commands.scale.trained_view import trained_figure

    return trained_figure(record)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "grid": Kind(
            settings="scalesearch.study.grid_plan:GridSettings",
            program="scalesearch.commands.grid.run:train_designs",
            write=_write_grid,
            table=_grid_table,
            figure=_grid_figure,
            interactive="scalesearch.commands.grid.view:interactive",
        ),
        "search": Kind(
            settings="scalesearch.commands.search.run:SearchSettings",
            program="scalesearch.commands.search.batches:train_suggested",
            write=_write_search,
            table=_search_table,
            figure=_search_figure,
            interactive="scalesearch.commands.search.view:interactive",
        ),
        "sweep": Kind(
            settings="scalesearch.commands.sweep.run:SweepSettings",
            write=_write_sweep,
            table=_sweep_table,
            figure=_sweep_figure,
        ),
        "scale": Kind(
            settings="scalesearch.commands.scale.run:FamilyTrainingSettings",
            write=_write_family,
            table=_family_table,
            figure=_family_figure,
            page="derivation.md",
            interactive="scalesearch.commands.scale.trained_view:interactive",
        ),
        # A length of a fidelity run: a study of its own, which reports as the grid that it is part of does.
        "fidelity": Kind(
            settings="scalesearch.study.settings:LengthSettings",
            write=_write_grid,
            table=_grid_table,
            figure=_grid_figure,
        ),
    }
)


def _loaded(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def settings_of(run: Mapping[str, Any]) -> TrainingSettings:
    """The settings that a study was begun with.

    Raises:
        FolderError: if they are not as this version knows them.
    """
    kind = run.get("kind", "grid")
    if not isinstance(kind, str) or kind not in KINDS:
        raise FolderError(f"`dir` must hold a run of {', '.join(KINDS)}, got one of {kind!r}")
    settings: type[TrainingSettings] = _loaded(KINDS[kind].settings)
    try:
        return settings.from_dict(run.get("settings"))
    except ValueError as error:
        reason = str(error).replace("`", "")
        raise FolderError(f"`dir` must hold settings that this version can read: {reason}") from error


def program_of(kind: str) -> Program:
    """What trains a run of that kind."""
    program: Program = _loaded(KINDS[kind].program)
    return program


def write_report(record: RunRecord, folder: Path) -> pd.DataFrame:
    """Writes a run's tables, figures and page; returns its table."""
    return KINDS[record.kind].write(record, folder)


def table_of(record: RunRecord) -> pd.DataFrame:
    """The table of a run."""
    return KINDS[record.kind].table(record)


def figure_of(record: RunRecord) -> Figure | None:
    """The figure that shows a run's answer; None where there is nothing to draw yet."""
    return KINDS[record.kind].figure(record)


def interactive_of(record: RunRecord) -> Interactive:
    """What a reader can point at on the HTML page of a run; nothing for kinds that have no such part."""
    from scalesearch.page.html.page import Interactive

    place = KINDS[record.kind].interactive if record.kind in KINDS else ""
    parts: Interactive = _loaded(place)(record) if place else Interactive()
    return parts


def write_tables(records: Sequence[RunRecord], folder: Path) -> None:
    """Writes the tables that a report of the folder's searches can be made of without their studies."""
    from scalesearch.records.runs import TABLES, run_tables

    texts = run_tables(records)
    for name in TABLES:
        if name in texts:
            write_text(inside(folder, name), texts[name])
        else:
            inside(folder, name).unlink(missing_ok=True)


def _scratch(record: RunRecord) -> RunRecord | str | None:
    """The run from scratch that a grown one is compared with, or why it can't be read."""
    named = record.settings.get("scratch_run")
    if record.start is None or named is None:
        return None
    from scalesearch.runs.planning import scratch_record

    try:
        return scratch_record(Path(named), record.phi)
    except FolderError as error:
        return str(error).replace("`scratch_run`", "--scratch-run")
