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

    from scalesearch.study.study import SearchStudy


def shares_answer(record: RunRecord, folder: Path) -> tuple[str, ...]:
    """What a grid or a search says of sharing compute, what that rests on, what to do next."""
    from scalesearch.page.answer import answer_lines
    from scalesearch.page.parts import keeps_of

    return answer_lines(record, quoted(folder), keeps_of(folder, record.settings))


def write_grid(record: RunRecord, folder: Path) -> pd.DataFrame:
    """Writes tables, figures and page of a grid, or of a length of it; returns its table."""
    from scalesearch.commands.grid.view import write_grid_report

    return write_grid_report(record, folder, _scratch(record), NOT_IDENTITY).candidates


def grid_table(record: RunRecord, _folder: Path) -> pd.DataFrame:
    """Every network of a grid, as in candidates.csv."""
    from scalesearch.page.tables import candidates_table

    return candidates_table(record)


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


def write_search(record: RunRecord, folder: Path) -> pd.DataFrame:
    """Writes tables, figures and page of a search; returns its table."""
    from scalesearch.commands.search.view import write_search_report

    return write_search_report(record, folder).trials


def search_table(record: RunRecord, _folder: Path) -> pd.DataFrame:
    """Every suggestion of a search, as in trials.csv."""
    from scalesearch.commands.search.evidence import search_evidence
    from scalesearch.commands.search.view import trials_table

    return trials_table(record, search_evidence(record))


def search_figure(record: RunRecord) -> Figure | None:
    """What a search suggested, and what came of it."""
    from scalesearch.commands.search.evidence import search_evidence
    from scalesearch.commands.search.figures import shares_figure

    return shares_figure(record, search_evidence(record))


def write_sweep(record: RunRecord, folder: Path) -> pd.DataFrame:
    """Writes tables, figures and page of a sweep; returns its table."""
    from scalesearch.commands.sweep.view import write_sweep_report

    return write_sweep_report(record, folder).table


def sweep_table(record: RunRecord, _folder: Path) -> pd.DataFrame:
    """Every network of a sweep, as in sweep.csv."""
    from scalesearch.commands.sweep.view import sweep_table as table

    return table(record)


def sweep_answer(record: RunRecord, _folder: Path) -> tuple[str, ...]:
    """How to share out any budget, or why that isn't known; whether all dimensions together are best."""
    from scalesearch.commands.sweep.view import answer_lines

    return answer_lines(record)


def write_family(record: RunRecord, folder: Path) -> pd.DataFrame:
    """Writes tables, figures and page of a trained family; returns its table."""
    from scalesearch.commands.scale.trained_view import write_trained_family

    return write_trained_family(record, folder).table


def family_table(record: RunRecord, _folder: Path) -> pd.DataFrame:
    """Every network of a trained family, as in trained.csv."""
    from scalesearch.commands.scale.trained_view import trained_table

    return trained_table(record)


def family_answer(record: RunRecord, _folder: Path) -> tuple[str, ...]:
    """Whether accuracy rises with phi."""
    from scalesearch.commands.scale.trained_view import answer_lines

    return answer_lines(record)
