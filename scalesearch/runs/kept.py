"""What a folder keeps of its runs: their studies, and the tables that stand in where these are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scalesearch.errors import FolderError, RunFailedError, StudyError
from scalesearch.files import inside, write_text
from scalesearch.records import RunRecord
from scalesearch.records.runs import LATENCY, STUDY, TABLES, run_tables, runs_of_tables
from scalesearch.runs.folder import read_run_file, require_folder, storage_of, without_study
from scalesearch.runs.kinds import commands, studied
from scalesearch.runs.telling import say, teller
from scalesearch.study.reading import with_shapes
from scalesearch.study.storage import open_storage, sqlite_url
from scalesearch.study.study import SearchStudy, find_study, open_study
from scalesearch.text import one_of, printable, quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRun:
    """The run of a folder as it was kept; ``study`` is None where its tables alone are left."""

    record: RunRecord
    study: SearchStudy | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSearches:
    """The searches of a folder: ``named`` gives the one of a study's name, None without one.

    ``in_study`` is off where their tables alone are left.
    """

    named: Callable[[str], RunRecord | None]
    in_study: bool


def open_run_study(folder: Path, storage: str, wanted: Sequence[str] = ()) -> SearchStudy:
    """The study of the run in ``folder``: its own database, or the one that run.toml names.

    ``wanted`` names the runs that would do, where not all do.

    Raises:
        FolderError: if ``folder`` is no run.
        StudyError: if the study cannot be read.
    """
    require_folder(folder)
    run_file = read_run_file(folder)
    run = run_file.get("run", {})
    url = storage_of(folder, storage, run_file.get(run.get("kind", "grid"), {}).get("storage", ""))
    if not url and not (folder / "study.db").exists():
        if run_file:
            raise without_study("the study of its run", folder, run=_first(folder))
        raise _without_run(folder, wanted or commands())
    return open_study(url or sqlite_url(folder), run.get("name", folder.name), create=False)


MOST_NAMED = 5
"""Files that an error names."""
# Commands that keep no run, by the page that they leave.
KEEPING_NONE = {
    "derivation.md": "scale",
    "explain.md": "explain",
}


def _without_run(folder: Path, wanted: Sequence[str]) -> FolderError:
    """The error where a folder holds no run: what it holds, and what can be done with it."""
    for page, command in KEEPING_NONE.items():
        if inside(folder, page).is_file():
            tables = sorted(path.name for path in folder.glob("*.csv"))
            kept = f"its tables are {', '.join(tables)}, and " if tables else ""
            shown = f"{kept}scalesearch open {quoted(folder)} shows its page, which ends with its command"
            return FolderError(
                f"`dir` must hold a run, got {folder}: it holds what scalesearch {command} wrote, which "
                f"keeps none to report again or to go on with; {shown}"
            )
    files = sorted(path.name for path in folder.glob("*") if path.suffix in (".md", ".csv"))
    kept = f", only {', '.join(map(printable, files[:MOST_NAMED]))}" if files else ""
    if inside(folder, "report.md").is_file():
        kept += f"; scalesearch open {quoted(folder)} shows its page"
    return FolderError(
        f"`dir` must be the folder of a run of {one_of(wanted)}, got {folder}: it holds none{kept}"
    )


def write_tables(records: Sequence[RunRecord], folder: Path) -> None:
    """Writes the tables that a report of the folder's searches can be made of without their studies."""
    texts = run_tables(records)
    for name in TABLES:
        if name in texts:
            write_text(inside(folder, name), texts[name])
        else:
            inside(folder, name).unlink(missing_ok=True)


def kept_run(folder: Path, storage: str = "", wanted: Sequence[str] = ()) -> KeptRun:
    """The run in ``folder``: from its study where that is there, else from the tables beside its page.

    ``wanted`` is as in :func:`open_run_study`.

    Raises:
        FolderError: if there is neither, or the tables are not as they were written.
        StudyError: if its study is there and cannot be read.
    """
    recorded = read_run_file(folder)
    table = recorded.get(recorded.get("run", {}).get("kind", "grid"), {})
    if _database(folder, storage, str(table.get("storage", ""))) is None:
        return KeptRun(record=_only(folder), study=None)
    study = open_run_study(folder, storage, wanted)
    return KeptRun(record=study.record(), study=study)


def kept_searches(folder: Path, storage: str, recorded: str) -> KeptSearches:
    """The searches of ``folder``: from their studies where these are there, else from their tables.

    Args:
        folder: of them all.
        storage: the URL of their database, where it is given; else empty.
        recorded: the one that the folder keeps; empty for a database of its own.

    Raises:
        FolderError: if the tables that stand in for the studies are not as they were written, or the URL
            has to be given and there are none.
    """
    url = _database(folder, storage, recorded)
    if url is None:
        return KeptSearches(named=kept_tables(folder).get, in_study=False)

    def named(name: str) -> RunRecord | None:
        study = find_study(url or sqlite_url(folder), name)
        return None if study is None or study.run is None else study.record()

    return KeptSearches(named=named, in_study=True)


def _database(folder: Path, given: str, recorded: str) -> str | None:
    """The URL of the database that the studies of a folder lie in, empty for its own; None for tables alone.

    Tables stand in for a database that is gone, or that cannot be reached without being told where it is.
    """
    has_tables = (folder / STUDY).exists()
    if given or not has_tables:
        return storage_of(folder, given, recorded)
    try:
        url = storage_of(folder, given, recorded)
        if url:
            open_storage(url, create=False)
    except (FolderError, StudyError) as error:
        say(f"Note: {teller().worded(error)}; read from the tables in {folder} instead")
        return None
    return url if url or (folder / "study.db").exists() else None


def kept_tables(folder: Path) -> Mapping[str, RunRecord]:
    """The searches in the tables of a folder, by the names of their studies; none in a folder without.

    Raises:
        FolderError: if a table is missing, cannot be read, or is not as it was written.
    """
    if not (folder / STUDY).exists():
        return {}
    texts = {}
    for name in TABLES:
        try:
            # As the file has them: line ends within a cell are the cell's.
            texts[name] = inside(folder, name).read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            if name != LATENCY:
                raise FolderError(f"`dir` must hold {name} beside {STUDY}, got {folder} without it") from None
        except (OSError, UnicodeDecodeError) as error:
            raise FolderError(f"{folder / name} cannot be read: {error}") from error
    try:
        records = runs_of_tables(texts)
        for row, record in enumerate(records, 2):
            if record.kind not in studied():
                names = ", ".join(studied())
                raise ValueError(
                    f"{STUDY}, row {row}, column kind: must be one of {names}, got {record.kind!r}"
                )
        return {record.name: with_shapes(record) for record in records}
    except ValueError as error:
        raise FolderError(f"`dir` must hold tables as they were written, got {folder}: {error}") from error


@contextmanager
def as_written(folder: Path, *, in_study: bool) -> Iterator[None]:
    """Says so in a line where the tables of a folder without a study hold what no report can be made of."""
    try:
        yield
    except (FolderError, RunFailedError):
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if in_study:
            raise
        raise FolderError(
            f"`dir` must hold tables as they were written, got {folder}, of which no report can be made: "
            f"{type(error).__name__} {error}"
        ) from error


def _first(folder: Path) -> RunRecord | None:
    """A search in the tables of a folder, if it has any that can be read."""
    try:
        return next(iter(kept_tables(folder).values()), None)
    except FolderError:
        return None


def _only(folder: Path) -> RunRecord:
    """The one search in the tables of a folder, of the kind that its run.toml says."""
    records = tuple(kept_tables(folder).values())
    if len(records) != 1:
        raise FolderError(f"`dir` must hold one run, got {folder}, whose {STUDY} has {len(records)}")
    kind = read_run_file(folder).get("run", {}).get("kind", records[0].kind)
    if records[0].kind != kind:
        raise FolderError(
            f"`dir` must hold tables as they were written, got {folder}: {STUDY}, row 2, column kind: must "
            f"be {kind!r} as in its run.toml, got {records[0].kind!r}"
        )
    return records[0]
