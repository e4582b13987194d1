"""A run of whatever kind in its folder, as its kind says: what it came to, gone on with, reported again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesearch.errors import ScalesearchError
from scalesearch.files import inside
from scalesearch.records.runs import STUDY
from scalesearch.runs.folder import begun_elsewhere, read_run_file, require_writable
from scalesearch.runs.kinds import GoingOn, Kind, Outcome, kind_in, loaded, of_tables, require_raw_files
from scalesearch.runs.planning import require_same_code
from scalesearch.study.settings import Computing

if TYPE_CHECKING:
    import pandas as pd


def resume(folder: Path, how: GoingOn) -> Outcome:
    """Does what is left of the run in ``folder``, and writes its report.

    Raises:
        FolderError: if the folder holds no run, or one that can't be gone on with.
        ScalesearchError: if a run that trains nothing is to go on with other threads or another device.
        StoppedError: if it is stopped; what is done is kept.
    """
    with begun_elsewhere(folder):
        require_same_code(folder)
        kind = kind_in(folder)
        if not kind.trains:
            _require_own(kind, how.computing)
        require_raw_files(folder, kind, going_on=True)
        require_writable(folder)
        outcome: Outcome = kind.function("resume")(folder, how)
        return outcome


def report(folder: Path, storage: str = "") -> Outcome:
    """Writes the report of the run in ``folder`` from what that keeps; nothing is trained or measured.

    Args:
        folder: of the run.
        storage: the URL of its study, where that isn't in the folder.

    Raises:
        FolderError: if the folder holds no run, or nothing that a report can be made of.
    """
    with begun_elsewhere(folder):
        kind = kind_in(folder)
        require_raw_files(folder, kind)
        require_writable(folder)
        outcome: Outcome = kind.function("report")(folder, storage)
        return outcome


def read(folder: Path, storage: str = "") -> Any:
    """What the run in ``folder`` came to so far, as frozen values.

    Arguments and errors are those of :func:`report`.
    """
    with begun_elsewhere(folder):
        kind = kind_in(folder)
        require_raw_files(folder, kind)
        return kind.function("read")(folder, storage)


def table(folder: Path, storage: str = "") -> pd.DataFrame:
    """The table of the run in ``folder``; where all that it was made of is gone, as it was written.

    Arguments and errors are those of :func:`report`.
    """
    kind = kind_in(folder)
    if _only_table(folder, kind, storage):
        import pandas as pd

        return pd.read_csv(inside(folder, kind.csv))
    made: pd.DataFrame = loaded(kind.table)(read(folder, storage))
    return made


def require_readable(folder: Path, storage: str = "") -> None:
    """Refuses a folder of which neither a record nor a table can be read; arguments as of :func:`report`.

    Raises:
        FolderError: if that is so.
    """
    if not _only_table(folder, kind_in(folder), storage):
        read(folder, storage)


def _only_table(folder: Path, kind: Kind, storage: str) -> bool:
    """Whether the table is all that is left of a run, as in a report committed with little beside it."""
    if not (kind.csv and inside(folder, kind.csv).is_file()):
        return False
    if kind.raw_file:
        return not (inside(folder, kind.raw_file).exists() or of_tables(folder, kind))
    elsewhere = storage or read_run_file(folder).get(kind.name, {}).get("storage", "")
    sources = ("study.db", STUDY)
    return kind.studies and not elsewhere and not any(inside(folder, name).exists() for name in sources)


def _require_own(kind: Kind, computing: Computing) -> None:
    """Refuses to go on in another way with what has times for its results, or none."""
    for name, value in computing.given.items():
        raise ScalesearchError(
            f"`{name}` must be left to the run, got {value}: this one is of scalesearch {kind.name}, which "
            "trains nothing; what it measures with is what it measures"
        )
