"""The Optuna study as the record of a search: one trial per distinct network, schema unmodified.

Parameters are alpha, beta and gamma, the value is held-out top-1. A trial's user attributes hold the
candidate and its result as plain data; the study's hold the run's settings and everything else that the
report needs, so that tables and figures can be made again from the study alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from scalesearch.records import CandidateRecord, CurvePoint, RunRecord
from scalesearch.search.measurement import latency_record
from scalesearch.search.settings import GridSettings

__all__ = ["SearchStudy", "StudyError", "masked", "masked_argument", "open_study", "sqlite_url"]

# A text column of MySQL holds 64 KiB: long lists are stored in pieces that fit.
PIECE = 40


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
def _clear_errors(url: str) -> Iterator[None]:
    """Turns what a broken database makes Optuna and SQLAlchemy raise into one line."""
    try:
        yield
    except StudyError:
        raise
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError, OSError) as error:
        first = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
        raise StudyError(
            f"{masked(url)} must be a readable Optuna study: {first}; "
            "move it away to start anew, or name another place"
        ) from error


def _storage(url: str) -> RDBStorage:
    try:
        sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError:
        raise StudyError("`storage` must be a database URL such as sqlite:///study.db") from None
    with _clear_errors(url):
        try:
            return RDBStorage(url)
        except ModuleNotFoundError as error:
            raise StudyError(
                f"`storage` {masked(url)} needs a driver that is not installed: pip install {error.name}"
            ) from None


def open_study(url: str, name: str, *, create: bool) -> SearchStudy:
    """The study of that name in the database at ``url``.

    Raises:
        StudyError: if the database cannot be read, or holds no such study and ``create`` is off.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if not create and url.startswith("sqlite:"):
        database = sqlalchemy.make_url(url).database
        if not database or not Path(database).is_file():
            raise StudyError(f"`dir` must hold a study, found none at {masked(url)}")
    storage = _storage(url)
    with _clear_errors(url):
        names = optuna.get_all_study_names(storage)
        if name not in names and not create:
            if len(names) != 1:
                raise StudyError(
                    f"`dir` must hold the study {name!r}, found {', '.join(names) or 'none'} in "
                    f"{masked(url)}; name another folder, or start the run anew"
                )
            name = names[0]
        study = optuna.create_study(
            storage=storage, study_name=name, direction="maximize", load_if_exists=True,
            # Every trial is enqueued: the sampler is never asked, and a cheap one starts fast.
            sampler=optuna.samplers.RandomSampler(seed=0),
        )  # fmt: skip
        return SearchStudy(study, storage, url)


class SearchStudy:
    """A search's study: what is to be trained, what was, and everything the report needs."""

    def __init__(self, study: optuna.Study, storage: RDBStorage, url: str) -> None:
        self._study = study
        self._storage = storage
        self._url = url

    @property
    def run(self) -> Mapping[str, Any] | None:
        """The run's own facts, None where the study was made but never begun."""
        with _clear_errors(self._url):
            run: Mapping[str, Any] | None = self._study.user_attrs.get("run")
            return run

    @property
    def settings(self) -> GridSettings:
        """The settings the study was begun with.

        Raises:
            StudyError: if it was never begun, or by a version that knows other settings.
        """
        run = self._begun()
        try:
            return GridSettings.from_dict(run["settings"])
        except (KeyError, TypeError, ValueError) as error:
            raise StudyError(f"`dir` holds settings this version cannot read: {error}") from error

    def begin(
        self,
        run: Mapping[str, Any],
        chosen: Sequence[CandidateRecord],
        skipped: Sequence[CandidateRecord],
    ) -> None:
        """Writes the run's facts and enqueues the chosen candidates; what is there already stays.

        A run killed in the middle of this is completed by the next one.
        """
        with _clear_errors(self._url):
            pieces = [skipped[i : i + PIECE] for i in range(0, len(skipped), PIECE)]
            for index, piece in enumerate(pieces):
                self._study.set_user_attr(f"skipped/{index:04d}", [asdict(c) for c in piece])
            # Its settings are what marks a study as begun: they come after all it takes to read it.
            self._study.set_user_attr("run", dict(run))
            known = {trial.user_attrs.get("key") for trial in self._trials()}
            for candidate in chosen:
                if candidate.key not in known:
                    self._study.enqueue_trial(
                        {"alpha": candidate.alpha, "beta": candidate.beta, "gamma": candidate.gamma},
                        user_attrs={"key": candidate.key, "candidate": asdict(candidate)},
                    )

    def adopt(self) -> int:
        """Puts trials back in the queue that a dead driver left running; returns how many."""
        with _clear_errors(self._url):
            stale = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            for trial in stale:
                self._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
            return len(stale)

    def retry_failed(self) -> int:
        """Enqueues every failed network once more, unless a later trial has it already; returns how many."""
        with _clear_errors(self._url):
            latest = {trial.user_attrs["key"]: trial for trial in self._trials()}
            failed = [trial for trial in latest.values() if trial.state == TrialState.FAIL]
            for trial in failed:
                attributes = {name: trial.user_attrs[name] for name in ("key", "candidate")}
                self._study.enqueue_trial(trial.params, user_attrs=attributes)
            return len(failed)

    def waiting(self) -> int:
        """How many networks are still to be trained."""
        with _clear_errors(self._url):
            return len(self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    def ask(self, bounds: Mapping[str, tuple[float, float]]) -> tuple[optuna.Trial, CandidateRecord]:
        """The next waiting trial. Call only while :meth:`waiting` is above 0."""
        distributions: dict[str, BaseDistribution] = {
            name: FloatDistribution(low, high) for name, (low, high) in bounds.items()
        }
        with _clear_errors(self._url):
            trial = self._study.ask(fixed_distributions=distributions)
            return trial, _candidate(trial.user_attrs["candidate"])

    def complete(self, trial: optuna.Trial, result: Mapping[str, Any]) -> None:
        """Records a finished training run, its curve as Optuna's intermediate values too."""
        with _clear_errors(self._url):
            trial.set_user_attr("result", dict(result))
            for point in result["curve"]:
                trial.report(point["top1"], point["images"])
            self._study.tell(trial, result["top1"])

    def fail(self, trial: optuna.Trial, reason: str) -> None:
        """Records a run that gave no result, and why."""
        with _clear_errors(self._url), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial.set_user_attr("reason", reason)
            self._study.tell(trial, state=TrialState.FAIL)

    def set_latency(self, key: str, latency: Mapping[str, Any]) -> None:
        """Records a network's raw latency samples, or the reason there are none under ``reason``."""
        with _clear_errors(self._url):
            self._study.set_user_attr(f"latency/{key}", dict(latency))

    def set_session(self, index: int, seconds: float) -> None:
        """Records how long session ``index`` has lasted so far."""
        with _clear_errors(self._url):
            self._study.set_user_attr(f"session/{index:04d}", round(seconds, 3))

    @property
    def sessions(self) -> int:
        """How many times a driver has worked on this study."""
        with _clear_errors(self._url):
            return sum(1 for name in self._study.user_attrs if name.startswith("session/"))

    def record(self) -> RunRecord:
        """Everything the study holds, as a finished record.

        Raises:
            StudyError: if the study cannot be read.
        """
        run = self._begun()
        with _clear_errors(self._url):
            attributes = self._study.user_attrs
            latest = {trial.user_attrs["key"]: trial for trial in self._trials()}
        try:
            candidates = [_finished(trial, attributes) for trial in latest.values()]
            for name in sorted(attributes):
                if name.startswith("skipped/"):
                    candidates += [_candidate(item) for item in attributes[name]]
            seconds = [value for name, value in attributes.items() if name.startswith("session/")]
            order = {key: index for index, key in enumerate(run["order"])}
            facts = {name: value for name, value in run.items() if name != "order"}
            return RunRecord(
                **facts,
                wall_s=sum(seconds),
                sessions=len(seconds),
                candidates=tuple(sorted(candidates, key=lambda c: order[c.key])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StudyError(f"`dir` holds a study this version cannot read: {error!r}") from error

    def _begun(self) -> Mapping[str, Any]:
        """The run's own facts, of a study that must have been begun."""
        run = self.run
        if run is None:
            raise StudyError(
                f"`dir` must hold a study that was begun, got an empty one at {masked(self._url)}"
            )
        return run

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)


def _candidate(data: Mapping[str, Any]) -> CandidateRecord:
    return CandidateRecord(**(dict(data) | {"merged": tuple(tuple(t) for t in data["merged"])}))


def _finished(trial: FrozenTrial, study_attributes: Mapping[str, Any]) -> CandidateRecord:
    """A trial's candidate with whatever is known of its outcome."""
    data = dict(trial.user_attrs["candidate"])
    if trial.state == TrialState.COMPLETE:
        result = dict(trial.user_attrs["result"])
        result["curve"] = tuple(CurvePoint(**point) for point in result["curve"])
        data |= result | {"status": "completed"}
    elif trial.state == TrialState.FAIL:
        data |= {"status": "failed", "reason": trial.user_attrs.get("reason", "unknown")}
    latency = study_attributes.get(f"latency/{data['key']}")
    if latency is not None and "samples_s" in latency:
        data["latency"] = latency_record(latency)
    elif latency is not None:
        data["reason"] = f"latency: {latency['reason']}"
    return _candidate(data)
