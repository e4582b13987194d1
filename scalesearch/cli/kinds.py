"""The kinds of run that a folder can hold: how each reads its settings, trains, and reports.

Everything heavy is imported where it is used.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesearch.cli.main import Fail
from scalesearch.files import inside, write_text
from scalesearch.search.settings import NOT_IDENTITY, TrainingSettings

if TYPE_CHECKING:
    import pandas as pd

    from scalesearch.records import RunRecord
    from scalesearch.report.html.page import Interactive
    from scalesearch.search.driver import Program

# Each kind's settings: loaded when asked for, as some need what takes long to load.
SETTINGS = {
    "grid": ("scalesearch.search.grid_plan", "GridSettings"),
    "search": ("scalesearch.search.sampling", "SearchSettings"),
    "sweep": ("scalesearch.search.sweep", "SweepSettings"),
    "fidelity": ("scalesearch.search.fidelity", "LengthSettings"),
    "scale": ("scalesearch.search.family_training", "FamilyTrainingSettings"),
}

__all__ = ["interactive_of", "page_of", "program_of", "settings_of", "write_report", "write_tables"]


def settings_of(run: Mapping[str, Any]) -> TrainingSettings:
    """The settings that a study was begun with.

    Raises:
        Fail: if they are not as this version knows them.
    """
    kind = run.get("kind", "grid")
    if not isinstance(kind, str) or kind not in SETTINGS:
        raise Fail(f"DIR must hold a run of {', '.join(SETTINGS)}, got one of {kind!r}")
    module, name = SETTINGS[kind]
    settings: type[TrainingSettings] = getattr(importlib.import_module(module), name)
    try:
        return settings.from_dict(run.get("settings"))
    except ValueError as error:
        reason = str(error).replace("`", "")
        raise Fail(f"DIR must hold settings that this version can read: {reason}") from error


def page_of(kind: str) -> str:
    """The file name of the page that such a run's report is."""
    return "derivation.md" if kind == "scale" else "report.md"


def program_of(kind: str) -> Program:
    """What trains a run of that kind."""
    if kind == "search":
        from scalesearch.search import batches

        suggested: Program = batches.train_suggested
        return suggested
    if kind == "grid":
        from scalesearch.search.design import train_designs

        return train_designs
    from scalesearch.search.driver import train_enqueued

    return train_enqueued


def write_report(record: RunRecord, folder: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """Writes a run's tables, figures and page; returns its table, and the columns to show of it."""
    from scalesearch.cli.show import GRID_COLUMNS, SEARCH_COLUMNS, SWEEP_COLUMNS, TRAINED_COLUMNS

    if record.kind == "sweep":
        from scalesearch.report.sweep.report import write_sweep_report

        return write_sweep_report(record, folder).table, SWEEP_COLUMNS
    if record.kind == "scale":
        from scalesearch.report.scale.trained_report import write_trained_family

        return write_trained_family(record, folder).table, TRAINED_COLUMNS
    if record.kind == "search":
        from scalesearch.report.search.report import write_search_report

        return write_search_report(record, folder).trials, SEARCH_COLUMNS
    from scalesearch.report.grid.report import write_grid_report

    return write_grid_report(record, folder, _scratch(record), NOT_IDENTITY).candidates, GRID_COLUMNS


def interactive_of(record: RunRecord) -> Interactive:
    """What a reader can point at on the HTML page of a run; nothing for kinds that have no such part."""
    from scalesearch.report.html.interactive import search_parts
    from scalesearch.report.html.page import Interactive

    if record.kind == "grid":
        from scalesearch.report.grid.report import PARTS
    elif record.kind == "search":
        from scalesearch.report.search.report import PARTS
    else:
        return Interactive()
    return search_parts(record, PARTS)


def write_tables(records: Sequence[RunRecord], folder: Path) -> None:
    """Writes the tables that a report of the folder's searches can be made of without their studies."""
    from scalesearch.records.run_tables import TABLES, run_tables

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
    from scalesearch.cli.starting import scratch_record

    try:
        return scratch_record(Path(named), record.phi)
    except Fail as error:
        return str(error)
