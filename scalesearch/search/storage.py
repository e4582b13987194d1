"""Where studies are kept: database URLs, opened and shown without their passwords."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import sqlalchemy
from optuna.storages import RDBStorage

__all__ = ["StudyError", "clear_errors", "exists", "masked", "masked_argument", "open_storage", "sqlite_url"]


class StudyError(ValueError):
    """The study cannot be used; the message says what would do."""


def sqlite_url(folder: Path) -> str:
    """The URL of a folder's own database."""
    return sqlalchemy.URL.create("sqlite", database=str(folder.absolute() / "study.db")).render_as_string()


def masked(url: str) -> str:
    """The URL without its password."""
    return sqlalchemy.make_url(url).render_as_string(hide_password=True)


def masked_argument(argument: str) -> str:
    """A word of a command line, without the password where it is, or ends in, a URL that has one."""
    head, equals, tail = argument.rpartition("=") if argument.startswith("--") else ("", "", argument)
    try:
        return head + equals + masked(tail) if "://" in tail else argument
    except sqlalchemy.exc.ArgumentError:
        return argument


@contextmanager
def clear_errors(url: str) -> Iterator[None]:
    """Turns what a broken database makes Optuna and SQLAlchemy raise into one line."""
    try:
        yield
    except StudyError:
        raise
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError, OSError) as error:
        first = " ".join(str(_root(error)).split())[:200]
        if "disk is full" in first:
            raise StudyError(
                f"{masked(url)} cannot be written, no space left on device: free some and go on, "
                "nothing that was stored is lost"
            ) from error
        raise StudyError(
            f"{masked(url)} must be a readable Optuna study: {first}; "
            "move it away to start anew, or name another place"
        ) from error


def exists(url: str) -> bool:
    """Whether a database may be there: False for an SQLite file that is not.

    Raises:
        StudyError: if ``url`` is no URL of a database.
    """
    try:
        parsed = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError:
        raise StudyError("`storage` must be a database URL such as sqlite:///study.db") from None
    if parsed.get_backend_name() != "sqlite":
        return True
    return bool(parsed.database) and Path(parsed.database or "").is_file()


def _root(error: BaseException) -> BaseException:
    """The database's own error, which Optuna and SQLAlchemy wrap."""
    found: BaseException | None = error
    while found is not None:
        original = getattr(found, "orig", None)
        if isinstance(original, BaseException):
            return original
        found = found.__cause__
    return error


def open_storage(url: str, *, create: bool) -> RDBStorage:
    """The database at ``url``.

    Raises:
        StudyError: if it cannot be opened, or is not there and ``create`` is off.
    """
    # What it warns of (a trial that failed, a package it can do without) is said by the run itself.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if not exists(url) and not create:
        raise StudyError(f"`dir` must hold a study, found none at {masked(url)}")
    with clear_errors(url):
        try:
            return RDBStorage(url)
        except ModuleNotFoundError as error:
            raise StudyError(
                f"`storage` {masked(url)} needs a driver that is not installed: pip install {error.name}"
            ) from None
