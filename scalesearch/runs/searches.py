"""What is made of the record of a run that is one study: its tables, figures and page, its answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scalesearch.errors import FolderError
from scalesearch.records import RunRecord
from scalesearch.runs.planning import scratch_record
from scalesearch.study.grid_plan import GridSettings
from scalesearch.study.settings import NOT_IDENTITY, TrainingSettings
from scalesearch.text import quoted

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from scalesearch.page.html.page import Report
    from scalesearch.study.study import SearchStudy


def shares_answer(record: RunRecord, folder: Path) -> tuple[str, ...]:
    """What a grid or a search says of sharing compute, what that rests on, what to do next."""
    from scalesearch.page.answer import answer_lines
    from scalesearch.page.parts import keeps_of

    return answer_lines(record, quoted(folder), keeps_of(folder, record.settings))


def write_grid(record: RunRecord, folder: Path) -> Report:
    """Writes tables, figures and page of a grid, or of a length of it."""
    from scalesearch.commands.grid.view import write_grid_report

    return write_grid_report(record, folder, _scratch(record), NOT_IDENTITY)


def _scratch(record: RunRecord) -> RunRecord | str | None:
    """The run from scratch that a grown one is compared with, or why it can't be read."""
    named = record.settings.get("scratch_run")
    if record.start is None or named is None:
        return None
    try:
        return scratch_record(Path(named), record.phi)
    except FolderError as error:
        return str(error).replace("`scratch_run`", "--scratch-run")


def checks_left(study: SearchStudy, settings: TrainingSettings) -> str:
    """How many runs are left that check a grid's answer; empty where there are none."""
    from scalesearch.commands.grid.run import checks_left as checks

    if not isinstance(settings, GridSettings):
        return ""
    recipe, confirm = checks(study, settings)
    parts = [f"{recipe} that check the recipe"] if recipe else []
    parts += [f"{confirm} that confirm the answer"] if confirm else []
    return f"runs: {' and '.join(parts)}" if parts else ""


def search_table(record: RunRecord) -> pd.DataFrame:
    """Every suggestion of a search, as in trials.csv."""
    from scalesearch.commands.search.evidence import search_evidence
    from scalesearch.commands.search.view import trials_table

    return trials_table(record, search_evidence(record))


def search_figure(record: RunRecord) -> Figure | None:
    """What a search suggested, and what came of it."""
    from scalesearch.commands.search.evidence import search_evidence
    from scalesearch.commands.search.figures import shares_figure

    return shares_figure(record, search_evidence(record))
