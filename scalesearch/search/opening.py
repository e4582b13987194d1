"""Studies found, opened and made in their databases."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import optuna
from optuna.storages import RDBStorage
from optuna.study import StudyDirection

from scalesearch.search.storage import NoStudyError, StudyError, clear_errors, masked, open_storage
from scalesearch.search.study import SearchStudy

__all__ = ["find_study", "open_study"]

MINIMISED = frozenset({"macs", "params", "latency"})


def open_study(url: str, name: str, *, create: bool, objectives: Sequence[str] = ("top1",)) -> SearchStudy:
    """The study of that name in the database at ``url``.

    Raises:
        StudyError: if the database cannot be read, or holds no such study and ``create`` is off.
    """
    storage = open_storage(url, create=create)
    with clear_errors(url):
        names = optuna.get_all_study_names(storage)
        if name not in names and create:
            directions = [
                StudyDirection.MINIMIZE if goal in MINIMISED else StudyDirection.MAXIMIZE
                for goal in objectives
            ]
            with suppress(optuna.exceptions.DuplicatedStudyError):  # another process was faster
                optuna.create_study(storage=storage, study_name=name, directions=directions)
        elif name not in names:
            if len(names) != 1:
                raise StudyError(
                    f"`dir` must hold the study {name!r}, found {', '.join(names) or 'none'} in "
                    f"{masked(url)}; name another folder, or start the run anew"
                )
            name = names[0]
        return _loaded(storage, url, name)


def find_study(url: str, name: str) -> SearchStudy | None:
    """The study of that name; None where the database holds none, or is not there.

    Raises:
        StudyError: if the database cannot be read.
    """
    try:
        storage = open_storage(url, create=False)
    except NoStudyError:
        return None
    with clear_errors(url):
        there = name in optuna.get_all_study_names(storage)
        return _loaded(storage, url, name) if there else None


def _loaded(storage: RDBStorage, url: str, name: str) -> SearchStudy:
    # Optuna's default sampler takes long to load, and most trials are enqueued.
    sampler = optuna.samplers.RandomSampler(seed=0)
    try:
        study = optuna.load_study(storage=storage, study_name=name, sampler=sampler)
    except KeyError as error:  # of a database some of whose rows are gone
        raise RuntimeError(f"its study {name!r} lacks rows: {error.args[0]}") from error
    return SearchStudy(study, storage, url)
