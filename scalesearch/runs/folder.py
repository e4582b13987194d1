"""A run's folder: one driver at a time, and the file that says what was asked for."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import tomli_w
from filelock import FileLock, Timeout

from scalesearch.errors import FolderError, RunFailedError, StoppedError
from scalesearch.files import identity, inside, read_toml, write_text
from scalesearch.plain import is_utf8, shown
from scalesearch.records.runs import RUNS, STUDY
from scalesearch.study.settings import STORAGE_VARIABLE, differences
from scalesearch.text import bare, quoted
from scalesearch.training.dataset import FOLDERS, TENSORS

if TYPE_CHECKING:
    from scalesearch.records import RunRecord

Parsed = TypeVar("Parsed")

RUN_FILE = "run.toml"
LOCK_FILE = "driver.lock"
LOGS = "logs"
LONGEST_PATH = 1000
BEGUN_IN = ".begun-in"
"""The file that says in which folder of this machine the run was begun: no part of its report."""
TEXT_FACTS = ("kind", "name", "command")
WORDS = {str: "a text", int: "a whole number", dict: "a table"}
RUN_FACTS = ("kind", "name", "command", "classes", "grid_points", "feasible", "start")


def require_folder(folder: Path) -> None:
    """Refuses what is no folder.

    Raises:
        FolderError: if it is a file, or isn't there.
    """
    if not folder.is_dir():
        what = "a file" if folder.exists() else "no such folder"
        raise FolderError(f"`dir` must be a run's folder, got {folder}: {what}")


def require_writable(folder: Path) -> None:
    """Refuses a run's folder that a command is to write into, and can't.

    Raises:
        FolderError: if it may only be read.
    """
    if folder.is_dir() and not os.access(folder, os.W_OK):
        raise FolderError(
            f"`dir` must be a folder that can be written to, got {folder}, which can only be read"
        )


def unwritable(folder: Path, error: OSError) -> FolderError:
    """The error where a folder can't be written."""
    return FolderError(f"`out` must be a writable folder, got {folder}: {error.strerror or error}")


@contextmanager
def beginning(folder: Path) -> Iterator[None]:
    """Where work is stopped before its folder has a run, says that nothing is kept.

    Raises:
        StoppedError: if it is.
    """
    try:
        yield
    except StoppedError:
        raise
    except KeyboardInterrupt:
        if (folder / RUN_FILE).exists():
            raise
        raise StoppedError("Stopped: nothing is kept yet. Give the command again to begin anew.") from None


@contextmanager
def writable(folder: Path, *, passing: bool = False) -> Iterator[None]:
    """Makes the folder; this process alone works on it, until it ends in whatever way.

    Stopped before there is a run, it leaves no folder that it made itself.

    Args:
        folder: the folder.
        passing: for a command that begins no run, after which the folder keeps no lock file.

    Raises:
        FolderError: if it cannot be written, or another process works on it.
    """
    if not is_utf8(str(folder)):
        raise FolderError(f"`out` must be a folder whose name is UTF-8, got {str(folder)!r}")
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(inside(folder, LOCK_FILE))
        lock.acquire(timeout=0)
    except Timeout:
        raise FolderError(
            f"the folder must be one that no other run works on, got {folder}: one does now; wait for its "
            "end, or name another folder"
        ) from None
    except OSError as error:
        raise unwritable(folder, error) from error
    stopped, begun = False, identity(folder)
    try:
        with beginning(folder):
            yield
        if identity(folder) != begun:
            raise RunFailedError(
                f"{folder} was removed or replaced while the command ran: what it wrote is lost"
            )
    except StoppedError:
        stopped = True
        raise
    finally:
        left = {path.name for path in folder.iterdir()} - {LOCK_FILE} if folder.is_dir() else {""}
        # What workers said before they were stopped explains nothing.
        if made and stopped and left == {LOGS}:
            shutil.rmtree(folder / LOGS, ignore_errors=True)
            left.clear()
        with suppress(OSError):
            # While the lock is held: who opened the file before that finds that it has no name any more, and
            # does not take it for the folder's.
            if passing or (made and not left):
                (folder / LOCK_FILE).unlink()
            # Nothing came of it, such as a grid without a point: no empty folder is left.
            if made and not left:
                folder.rmdir()
        lock.release()


def storage_of(folder: Path, given: str, kept: str) -> str:
    """The URL of the database that the run of a folder lies in; empty for its own study.db.

    A folder may be a stranger's: for what it keeps of a URL no server is connected to, and no study gone on
    with that does not know the folder. Passwords are never kept. Where the environment variable holds the
    whole URL of the same place, it need not be given.

    Raises:
        FolderError: if the URL has to be given.
    """
    if given or not kept:
        return given
    from scalesearch.study.storage import database_file, is_known_to, masked, recorded

    whole = os.environ.get(STORAGE_VARIABLE, "")
    if whole and recorded(whole) == kept:
        return whole
    if "***" in kept:
        raise FolderError(f"`storage` must be given with its password: {folder} keeps only {masked(kept)}")
    path = database_file(kept)
    within = path is not None and path.resolve().is_relative_to(folder.resolve())
    if path is None or not (within or (path.is_file() and is_known_to(kept, folder))):
        raise FolderError(
            f"`storage` must be given for {folder}: it keeps that its study lies at {masked(kept)}, outside "
            "of it"
        )
    return kept


def without_study(
    what: str, folder: Path, place: str = "it", *, run: RunRecord | None = None, beside: bool = True
) -> FolderError:
    """The error where a folder has no study.db: DIR must hold ``what``.

    With ``beside`` off its command takes neither another folder nor the settings of its run.toml. ``run`` is
    what the folder's tables say, where it has any.

    It says what is left: the tables of single runs, or its page alone; and the command that made it.
    """
    left = (
        "scalesearch report reads the tables of its single runs"
        if (folder / STUDY).exists()
        else f"nor has it the tables of single runs ({STUDY} and those beside it): its page is what is left"
    )
    recorded = read_run_file(folder)
    begun = recorded.get("run", {})
    again = begun.get("command", "")
    if beside:
        from scalesearch.page.parts import made_again  # loads Jinja

        kind, there = begun.get("kind", "grid"), quoted(folder)
        networks = () if run is None else run.candidates
        again = f"{made_again(kind, recorded.get(kind, {}), there, networks)} --out {there}-again"
    return FolderError(
        f"`dir` must hold {what}, got {folder}: {place} has no study.db, as a report that was committed "
        f"without it; {left}; to train anew: {again}"
    )


@contextmanager
def begun_elsewhere(folder: Path) -> Iterator[None]:
    """Where a run goes on: an error of paths that lead nowhere from here says from where they do.

    Raises:
        FolderError: the error with the folder that the run was begun in, where its own relative paths
            lead somewhere from there and not from the current one.
    """
    try:
        yield
    except ValueError as error:
        if getattr(error, "exit_code", 2) != 2:
            raise
        begun_in, lost = _lost_paths(folder)
        if not lost:
            raise
        text = (
            f"{error}; the run was begun in {begun_in}, where {', '.join(lost)} is found: first "
            f"cd {quoted(begun_in)}, then give the command with {quoted(folder.resolve())}"
        )
        raise FolderError(text) from error


def _lost_paths(folder: Path) -> tuple[Path, list[str]]:
    """Where the run in a folder was begun, and its relative paths that lead somewhere from there alone."""
    try:
        begun_in = Path((folder / BEGUN_IN).read_text("utf-8").rstrip("\n"))
        texts = dict.fromkeys(_texts(read_run_file(folder)))
        if not begun_in.is_absolute() or begun_in == Path.cwd():
            return begun_in, []
        lost = [text for text in texts if not _leads(Path(), text) and _leads(begun_in, text)]
    except (OSError, ValueError):
        return folder, []
    return begun_in, lost


def _texts(value: object) -> Iterator[str]:
    """All that may be a relative path in a run's settings: of code the module that holds it."""
    if isinstance(value, dict):
        value = [inner for name, inner in value.items() if name not in ("run", "machine", "versions")]
    if isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        path = next((value.removeprefix(p) for p in (*FOLDERS, TENSORS) if value.startswith(p)), value)
        module, colon, _ = value.partition(":")
        if path and not Path(path).is_absolute() and len(path) < LONGEST_PATH:
            yield path
        if colon and all(part.isidentifier() for part in module.split(".")):
            yield f"{module.split('.')[0]}.py"
            yield module.split(".")[0]


def _leads(start: Path, text: str) -> bool:
    try:
        return (start / text).exists()
    except OSError:
        return False


def read_settings(folder: Path, kind: str, parse: Callable[[dict[str, Any]], Parsed]) -> Parsed:
    """What ``parse`` makes of the settings of the run that the folder holds.

    Raises:
        FolderError: if it holds none of that kind, or ``parse`` refuses them with a ValueError: naming
            run.toml.
    """
    table = read_run_file(folder).get(kind)
    if table is None:
        raise FolderError(f"`dir` must hold a run of scalesearch {kind}, got {folder}")
    try:
        return parse(table)
    except ValueError as error:
        raise FolderError(
            f"{folder / RUN_FILE} holds settings that this version cannot read: {bare(error)}"
        ) from error


def require_same(
    folder: Path,
    kind: str,
    settings: Mapping[str, Any],
    before: Mapping[str, Any],
    but: frozenset[str] = frozenset(),
) -> None:
    """Refuses a folder that holds the results of other settings, or of another command.

    ``before`` has the settings that a run of an earlier version went by without knowing them; ``but`` are
    those that may differ.
    """
    recorded = read_run_file(folder)
    if not recorded:
        return
    there = recorded.get("run", {}).get("kind", "grid")
    if there != kind:
        raise FolderError(
            f"`out` must be a folder without a run of another command, got {folder}, which holds a run of "
            f"scalesearch {there}; choose another folder"
        )
    require_equal({**before, **recorded.get(kind, {})}, settings, str(folder / RUN_FILE), but)


def require_study_of_tables(folder: Path, storage: str = "") -> None:
    """Refuses to begin a run over the tables of another, whose study isn't there any more.

    Args:
        folder: of the run.
        storage: the URL of a database that was looked into and has no such study; the folder's own if empty.

    Raises:
        FolderError: if the folder has such tables.
    """
    tables = [name for name in (RUNS, STUDY) if (folder / name).exists()]
    if tables and (storage or not (folder / "study.db").exists()):
        raise FolderError(
            f"`out` must be a new folder, or one with its study, got {folder}: its {tables[0]} holds a run "
            "whose study isn't there, as in a report that was committed without it, and would be replaced; "
            f"give another --out, or make its page again by: scalesearch report {quoted(folder)}"
        )


def require_equal(
    known: Mapping[str, Any], asked: Mapping[str, Any], place: str, but: frozenset[str] = frozenset()
) -> None:
    """Refuses a place whose settings are not those that are asked for, ``but`` left aside."""
    found = differences(known, asked, but)
    if found:
        raise FolderError(
            f"`out` must be a folder without a run of other settings, got {place} ({'; '.join(found)}); "
            "choose another folder"
        )


def read_run_file(folder: Path) -> dict[str, Any]:
    """What run.toml says, all of it tables; empty where there is none.

    Where there is one, ``run``, ``machine`` and ``versions`` are there, and the table of the kind of run.

    Raises:
        FolderError: if it cannot be read, or is not as a run.toml is.
    """
    path = folder / RUN_FILE
    try:
        tables = read_toml(path)
        return _as_run_file(tables, folder) if tables else {}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise FolderError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise FolderError(
            f"{path} cannot be read: {bare(error)}; move it away to go on from the study alone"
        ) from error


def _as_run_file(tables: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The tables, with what every run has, checked for what everything else takes for granted."""
    whole = {"run": {}, "machine": {}, "versions": {}, **tables}
    for name, table in whole.items():
        if not isinstance(table, dict):
            raise ValueError(f"{name} must be a table, got {shown(table)}")
    # Version 0.1.0 knew one kind.
    run = {"name": folder.resolve().name, "command": "", **whole["run"]}
    for name, fact in run.items():
        kind = dict if name == "start" else str if name in TEXT_FACTS else int
        if name in RUN_FACTS and (not isinstance(fact, kind) or isinstance(fact, bool)):
            raise ValueError(f"run.{name} must be {WORDS[kind]}, got {shown(fact)}")
    kind_of_run = run.get("kind", "grid")
    if kind_of_run not in whole:
        raise ValueError(f"it must have a table [{kind_of_run}], the settings of its run, got none")
    if not isinstance(whole[kind_of_run].get("storage", ""), str):
        raise ValueError(f"storage must be a text, got {shown(whole[kind_of_run]['storage'])}")
    if not all(isinstance(version, str) for version in whole["versions"].values()):
        raise ValueError("versions must be texts")
    return {**whole, "run": run}


def write_run_file(folder: Path, kind: str, settings: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Writes run.toml: every setting in a table of the command's name, and what is known of the run.

    Raises:
        FolderError: if the folder cannot be written.
    """
    tables = {
        "run": {"kind": kind} | {name: facts[name] for name in RUN_FACTS if name in facts and name != "kind"},
        kind: dict(settings),
        "machine": facts["machine"],
        "versions": facts["versions"],
    }
    try:
        write_text(folder / BEGUN_IN, f"{Path.cwd()}\n")
        write_text(folder / RUN_FILE, tomli_w.dumps(tables))
    except OSError as error:
        raise unwritable(folder, error) from error


# ----------------------------------------------------------------------------------------------------
# Ctrl-C and SIGTERM: one line that says what is kept and how to go on.


@contextmanager
def stopping(
    folder: Path, kept: Callable[[], str] = lambda: "what was trained is kept", storage: str = ""
) -> Iterator[None]:
    """Ends a run that is stopped with an error that says what is kept and how to go on.

    Args:
        folder: of the run.
        kept: says what of it is done.
        storage: what the folder keeps of the URL of its study, where that has to be given again.

    Raises:
        StoppedError: if it is.
    """
    try:
        with _terminate_as_interrupt():
            yield
    except KeyboardInterrupt:
        asked = f" --storage URL, that of {storage}" if storage else ""
        raise StoppedError(
            f"Stopped: {kept()}. Go on with: scalesearch resume {quoted(folder)}{asked}"
        ) from None


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield  # where no signal arrives, nor may one be asked for
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
