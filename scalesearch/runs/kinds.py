"""The kinds of run that a folder can hold: each a value that says how one is read, gone on with, reported."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from scalesearch.errors import FolderError, ScalesearchError
from scalesearch.files import inside
from scalesearch.records import RunRecord
from scalesearch.runs.folder import read_run_file
from scalesearch.study.settings import Computing
from scalesearch.text import bare, quoted, without_options

if TYPE_CHECKING:
    import pandas as pd

    from scalesearch.page.html.page import Interactive, Report
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
        last: what it says after all else: an answer with what to do next.
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
    last: tuple[str, ...] = ()
    more: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    parts: tuple[Outcome, ...] = ()
    notes: tuple[str, ...] = ()
    failure: ScalesearchError | None = None

    @classmethod
    def of(cls, kind: str, folder: Path, record: Any, written: Report) -> Outcome:
        """What the report of a record shows."""
        return cls(
            kind=kind,
            folder=folder,
            record=record,
            table=written.table,
            page=written.page,
            lines=written.answer,
            more=written.more,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What trains a study of a kind of run, and what is made of its record; named as in :class:`Kind`.

    Attributes:
        settings: the class of its settings.
        write: (record, folder) writes tables, figures and page into a folder; what it returns has the table.
        program: trains it.
        shares: whether its networks are splits of one growth in cost: a surface over them is its answer.
        rivals: whether its networks rival one another, so that longer training may change their order.
        tells: whether a terminal is told its answer, too.
        left: (study, settings) says in words what it has to train after its networks; empty without.
        interactive: (record) gives what a reader can point at on its HTML page; empty without such a part.
    """

    settings: str
    write: str
    program: str = "scalesearch.study.driver:train_enqueued"
    shares: bool = False
    rivals: bool = False
    tells: bool = False
    left: str = ""
    interactive: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of run. What it is made of is named as ``module:name``, and loaded when it is asked for.

    Attributes:
        name: the command's, under which run.toml keeps the settings.
        module: has these: ``read(folder, storage)`` gives its record, and writes nothing;
            ``report(folder, storage)`` writes tables, figures and page from what the folder keeps;
            ``resume(folder, how)`` does what is left as :class:`GoingOn` says, and reports. The last two give
            an :class:`Outcome`.
        table: (record) gives the table of its networks, lengths, rounds or pairs.
        columns: of that table, with how a terminal shows each (``page.columns.Columns``).
        answer: (record) gives what came out, in words; empty where that is a surface over splits.
        figure: (record) gives the figure that shows its answer, or None; empty without one.
        studies: whether its folder holds them.
        trains: whether it does. What has times for its results, or none, can't go on with other threads.
        raw_file: in its folder, without which nothing can be gone on with; empty for none.
        tables: what a page can be made of where the raw files are gone; empty where nothing else would do.
        csv: the file of its table, which can be read where all else is gone; empty for none.
        page: the file name of its page.
        command: what makes such a folder, where that isn't the name alone.
        study: of a run that is one study, or several of this kind; None without.
    """

    name: str
    module: str = "scalesearch.runs.lifecycle"
    table: str
    columns: str = ""
    answer: str = ""
    figure: str = ""
    studies: bool = False
    trains: bool = True
    raw_file: str = ""
    tables: tuple[str, ...] = ()
    csv: str = ""
    page: str = "report.md"
    command: str = ""
    study: Study | None = None

    @property
    def shares(self) -> bool:
        """Whether it is one study whose answer is a surface over splits."""
        return self.study is not None and self.study.shares

    def function(self, name: str) -> Any:
        """``read``, ``report`` or ``resume`` of its module."""
        return loaded(f"{self.module}:{name}")


RAW_FILE, SAMPLES = "networks.json", "samples"
"""Of measurements: what is measured, and the folder of what each process gave."""
MEASURED = ("measurements.csv", "samples.csv")
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(
                name="grid",
                studies=True,
                table="scalesearch.page.tables:candidates_table",
                columns="scalesearch.page.tables:CANDIDATES",
                csv="candidates.csv",
                figure="scalesearch.commands.grid.figures:answer_figure",
                study=Study(
                    settings="scalesearch.study.grid_plan:GridSettings",
                    program="scalesearch.commands.grid.run:train_designs",
                    write="scalesearch.runs.searches:write_grid",
                    interactive="scalesearch.commands.grid.view:interactive",
                    left="scalesearch.runs.searches:checks_left",
                    shares=True,
                    rivals=True,
                    tells=True,
                ),
            ),
            Kind(
                name="search",
                studies=True,
                table="scalesearch.runs.searches:search_table",
                columns="scalesearch.commands.search.view:TRIALS",
                csv="trials.csv",
                figure="scalesearch.runs.searches:search_figure",
                study=Study(
                    settings="scalesearch.commands.search.run:SearchSettings",
                    program="scalesearch.commands.search.batches:train_suggested",
                    write="scalesearch.commands.search.view:write_search_report",
                    interactive="scalesearch.commands.search.view:interactive",
                    shares=True,
                    rivals=True,
                ),
            ),
            Kind(
                name="sweep",
                studies=True,
                table="scalesearch.commands.sweep.view:sweep_table",
                columns="scalesearch.commands.sweep.view:SWEEP",
                csv="sweep.csv",
                figure="scalesearch.commands.sweep.figures:sweep_figure",
                answer="scalesearch.commands.sweep.view:answer_lines",
                study=Study(
                    settings="scalesearch.commands.sweep.run:SweepSettings",
                    write="scalesearch.commands.sweep.view:write_sweep_report",
                    rivals=True,
                ),
            ),
            Kind(
                name="scale",
                studies=True,
                table="scalesearch.commands.scale.trained_view:trained_table",
                columns="scalesearch.commands.scale.trained_view:TRAINED_NETWORKS",
                csv="trained.csv",
                figure="scalesearch.commands.scale.trained_view:trained_figure",
                answer="scalesearch.commands.scale.trained_view:answer_lines",
                page="derivation.md",
                command="scale --train",
                study=Study(
                    settings="scalesearch.commands.scale.run:FamilyTrainingSettings",
                    write="scalesearch.commands.scale.trained_view:write_trained_family",
                    interactive="scalesearch.commands.scale.trained_view:interactive",
                ),
            ),
            Kind(
                name="alternate",
                module="scalesearch.runs.alternate",
                table="scalesearch.runs.alternate:table_of",
                columns="scalesearch.commands.alternate.view:ROUNDS",
                csv="rounds.csv",
                answer="scalesearch.commands.alternate.view:answer_lines",
                studies=True,
            ),
            Kind(
                name="fidelity",
                module="scalesearch.runs.fidelity",
                table="scalesearch.runs.fidelity:table_of",
                columns="scalesearch.commands.fidelity.view:LENGTHS",
                csv="fidelity.csv",
                answer="scalesearch.runs.fidelity:answer_of",
                studies=True,
                # One of its lengths, which reports as the grid that it is part of does.
                study=Study(
                    settings="scalesearch.study.settings:LengthSettings",
                    write="scalesearch.runs.searches:write_grid",
                ),
            ),
            Kind(
                name="audit",
                module="scalesearch.runs.audit",
                table="scalesearch.commands.audit.view:audit_table",
                columns="scalesearch.commands.audit.view:AUDIT",
                answer="scalesearch.commands.audit.view:answer_lines",
                page="audit.md",
            ),
            Kind(
                name="transfer",
                module="scalesearch.runs.transfer",
                table="scalesearch.runs.transfer:table_of",
                columns="scalesearch.commands.transfer.view:PAIRS",
                answer="scalesearch.runs.transfer:answer_of",
                trains=False,
                page="transfer.md",
            ),
            Kind(
                name="measure",
                module="scalesearch.runs.measuring",
                table="scalesearch.commands.measure.view:measurements_table",
                columns="scalesearch.commands.measure.view:MEASUREMENTS",
                answer="scalesearch.commands.measure.view:answer_lines",
                csv="measurements.csv",
                trains=False,
                raw_file=RAW_FILE,
                tables=MEASURED,
            ),
            Kind(
                name="compare",
                module="scalesearch.runs.comparing",
                table="scalesearch.runs.comparing:table_of",
                columns="scalesearch.commands.compare.view:COMPARISONS",
                answer="scalesearch.runs.comparing:answer_of",
                trains=False,
                raw_file=RAW_FILE,
            ),
            Kind(
                name="compare-stored",
                command="compare",
                module="scalesearch.runs.comparing_stored",
                table="scalesearch.runs.comparing:table_of",
                columns="scalesearch.commands.compare.view:COMPARISONS",
                answer="scalesearch.runs.comparing:answer_of",
                trains=False,
            ),
            Kind(
                name="law",
                module="scalesearch.runs.law",
                table="scalesearch.runs.law:table_of",
                columns="scalesearch.commands.law.view:LAWS",
                answer="scalesearch.commands.law.view:answer_lines",
                csv="laws.csv",
                trains=False,
                raw_file=RAW_FILE,
                tables=MEASURED,
            ),
        )
    }
)


def kind_named(name: object) -> Kind:
    """The kind of run of that name.

    Raises:
        FolderError: if this version knows none.
    """
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise FolderError(f"`dir` must hold a run of {', '.join(KINDS)}, got one of {name!r}")
    return kind


def kind_in(folder: Path) -> Kind:
    """The kind of the run in a folder; a grid where nothing says so, as of version 0.1.0.

    Raises:
        FolderError: if its run.toml can't be read, or names no kind.
    """
    return kind_named(read_run_file(folder).get("run", {}).get("kind", "grid"))


def pages() -> tuple[str, ...]:
    """What the Markdown of a page is called, by the kind of run; of explain, which keeps none, too."""
    return (*dict.fromkeys(kind.page for kind in KINDS.values()), "explain.md")


def commands() -> tuple[str, ...]:
    """What makes the folder of a run, of whatever kind, in the order in which messages name them."""
    return tuple(dict.fromkeys(kind.command or kind.name for kind in KINDS.values()))


def loaded(place: str) -> Any:
    """What a kind of run names."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def kinds(wanted: Callable[[Kind], bool] = lambda _kind: True) -> tuple[Kind, ...]:
    """The kinds of run that are wanted, in the order in which messages name them."""
    return tuple(kind for kind in KINDS.values() if wanted(kind))


def studied(wanted: Callable[[Study], bool] = lambda _study: True) -> tuple[str, ...]:
    """The names of the kinds of run that have studies of their own, as they are wanted."""
    return tuple(kind.name for kind in kinds() if kind.study is not None and wanted(kind.study))


def study_of(kind: object) -> Study:
    """What a study of a kind is.

    Raises:
        FolderError: if this version knows none.
    """
    study = KINDS[kind].study if isinstance(kind, str) and kind in KINDS else None
    if study is None:
        raise FolderError(f"`dir` must hold a run of {', '.join(studied())}, got one of {kind!r}")
    return study


def settings_of(run: Mapping[str, Any]) -> TrainingSettings:
    """The settings that a study was begun with.

    Raises:
        FolderError: if they are not as this version knows them.
    """
    settings: type[TrainingSettings] = loaded(study_of(run.get("kind", "grid")).settings)
    try:
        return settings.from_dict(run.get("settings"))
    except ValueError as error:
        raise FolderError(f"`dir` must hold settings that this version can read: {bare(error)}") from error


def program_of(kind: str) -> Program:
    """What trains a study of that kind."""
    program: Program = loaded(study_of(kind).program)
    return program


def write_report(record: RunRecord, folder: Path) -> pd.DataFrame:
    """Writes a study's tables, figures and page; returns its table."""
    table: pd.DataFrame = loaded(study_of(record.kind).write)(record, folder).table
    return table


def interactive_of(record: RunRecord) -> Interactive:
    """What a reader can point at on the HTML page of a study; nothing for kinds that have no such part."""
    from scalesearch.page.html.page import Interactive

    study = KINDS[record.kind].study if record.kind in KINDS else None
    place = "" if study is None else study.interactive
    parts: Interactive = loaded(place)(record) if place else Interactive()
    return parts


def of_tables(folder: Path, kind: Kind) -> bool:
    """Whether a run's raw files are gone, as of a report in a clone, and its tables stand in for them."""
    whole = inside(folder, RAW_FILE).exists() and inside(folder, SAMPLES).is_dir()
    return bool(kind.tables) and not whole and all(inside(folder, name).is_file() for name in kind.tables)


def require_raw_files(folder: Path, kind: Kind, *, going_on: bool = False) -> None:
    """Refuses a folder of measurements of which no page can be made, or that can't be gone on with.

    Raises:
        FolderError: if its raw files are gone, and nothing stands in for them.
    """
    if not kind.raw_file:
        return
    instead = of_tables(folder, kind)
    # What goes on would write over tables that stand in for samples that are gone.
    if not going_on if instead else inside(folder, kind.raw_file).exists():
        return
    again = without_options(read_run_file(folder).get("run", {}).get("command", ""), ("--out",))
    left = (
        f": its tables are enough for scalesearch report {quoted(folder)}, not to go on with"
        if instead
        else f", nor {' and '.join(kind.tables)} to report of"
        if kind.tables
        else ": its tables keep what was measured, but a page is made of more (the networks, the state of "
        "the machine around each process, how long the sessions took), so they, its figures and its page are "
        "all that is left"
    )
    raise FolderError(
        f"`dir` must hold the raw files of its run, got {folder}, which has no {kind.raw_file}{left}; to "
        f"measure again, with another --out: {again}"
    )
