"""The Optuna study of a run: begun, found again, written and pruned."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, cast

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.pruners import BasePruner
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from scalesearch.errors import NoStudyError, StudyError, StudyLostError
from scalesearch.plain import typed
from scalesearch.records import CandidateRecord, ReliabilityRecord, RungRecord, RunRecord
from scalesearch.records.runs import require_in_range
from scalesearch.study.plan import Planned
from scalesearch.study.reading import (
    RUN,
    SAME_AS,
    attributes_of,
    chosen_of,
    counting_trials,
    outcome,
    planned_of,
    read_record,
    runs_of,
)
from scalesearch.study.storage import Ownership, clear_errors, is_server, masked, open_storage

if TYPE_CHECKING:
    from optuna import Study

    from scalesearch.study.settings import TrainingSettings
    from scalesearch.training.dataset import DataSpec

# ----------------------------------------------------------------------------------------------------
# Successive halving as Optuna pruners whose verdict depends on reported values alone.


class RungPruner(BasePruner):
    """Prunes all but the best of a rung, once every network of it has reported.

    Optuna's ``SuccessiveHalvingPruner`` judges each trial by those that came before it, which depends on who
    happened to finish first; a resumed run would not be the uninterrupted one. Here the verdict depends on
    the reported values alone: the next rung's number of networks go on.
    """

    def __init__(self, rungs: Sequence[RungRecord]) -> None:
        self._goes_on = {rung.images: following.networks for rung, following in pairwise(rungs)}

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether ``trial`` is behind at the rung it reported last."""
        return trial.number in self.behind(study.get_trials(deepcopy=False))

    def behind(self, trials: Sequence[FrozenTrial]) -> frozenset[int]:
        """The numbers of all that are behind at the rung they reported last, of all trials of a study."""
        go_on = {step: set(ranked_at(trials, step)[:number]) for step, number in self._goes_on.items()}
        return frozenset(
            t.number for t in trials if (step := t.last_step) in go_on and t.number not in go_on[step]
        )


class HalvingPruner(BasePruner):
    """Asynchronous successive halving (arXiv 1810.05934) with a factor of 2, in the order of trials.

    At a rung the better half of all that have come there so far goes on, rounded up. Optuna's
    ``SuccessiveHalvingPruner`` notes down that a trial passed a rung before it knows whether it does: killed
    in between, a resumed search would let it pass. This one looks at the reported values alone.
    """

    def __init__(self, rungs: Sequence[int]) -> None:
        self._rungs = frozenset(rungs)

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether ``trial`` is in the worse half at the rung it reported last."""
        step = trial.last_step
        if step is None or step not in self._rungs:
            return False
        ranking = ranked_at(study.get_trials(deepcopy=False), step)
        return trial.number not in ranking[: math.ceil(len(ranking) / 2)]


def ranked_at(trials: Sequence[FrozenTrial], step: int) -> list[int]:
    """The numbers of the trials that reported at ``step``, best first; of equal ones the earlier trials.

    A network that failed and is tried again stands for itself once, by its latest trial; one without a key is
    a network of its own. A trial that only repeats another's network is told of it and does not count.
    """
    reported = [t for t in trials if step in t.intermediate_values and SAME_AS not in t.user_attrs]
    latest = {t.user_attrs.get("key", t.number): t for t in reported}
    best_first = sorted(latest.values(), key=lambda t: (-t.intermediate_values[step], t.number))
    return [t.number for t in best_first]


# ----------------------------------------------------------------------------------------------------
# The Optuna study as the record of a search: one trial per distinct network, schema unmodified.
#
# Parameters are alpha, beta and gamma (or the shares that a sampler suggests), values are the objectives,
# held-out top-1 first. A trial's user attributes hold the candidate and its training runs, one per seed, as
# plain data; the study's hold the run's settings and everything else that the report needs, so that tables
# and figures can be made again from the study alone.

# A text column of MySQL holds 64 KiB: long lists are stored in pieces that fit.
PIECE = 40
PIECE_OF_CHOSEN = 15


class SearchStudy:
    """A search's study: what is to be trained, what was, and everything the report needs."""

    def __init__(self, study: optuna.Study, storage: RDBStorage, url: str) -> None:
        self._study = study
        self._storage = storage
        self._url = url
        # What the storage holds, once it was read: it gives no single attribute, and thousands of skipped
        # networks and latencies are among them.
        self._attributes: dict[str, Any] | None = None
        self._ownership: Ownership | None = None

    @contextmanager
    def owned(self, folder: Path, tell: Callable[[str], None]) -> Iterator[None]:
        """This process alone works on the study, for the run in ``folder``, until the block ends.

        Args:
            folder: of the run.
            tell: hears how long there is to wait, where it is not known whether another driver still runs.

        Raises:
            StudyError: if another driver works on it.
        """
        with clear_errors(self._url):
            ownership = Ownership(self._storage.engine, self._url, self._study._study_id, folder)
            ownership.acquire(tell)
        self._attributes = None  # another driver may have written to it before
        self._ownership = ownership
        try:
            yield
        finally:
            self._ownership = None
            ownership.release()

    def require_owned(self) -> None:
        """Makes sure that a study that was claimed by :meth:`owned` still is this process's.

        Raises:
            StudyLostError: if another driver has it, or its database or the run's folder are gone.
        """
        if self._ownership is not None:
            with clear_errors(self._url):
                self._ownership.require()

    @contextmanager
    def _access(self) -> Iterator[None]:
        self.require_owned()
        try:
            with clear_errors(self._url):
                yield
        except StudyLostError:
            raise
        except StudyError:
            # A server that ended what stood still in the middle of a write says nothing of who came since.
            if self._ownership is not None:
                self._ownership.require_held()
            raise

    @property
    def name(self) -> str:
        """Of the study in its database."""
        return str(self._study.study_name)

    @property
    def server(self) -> str:
        """What may be shown of the URL of the database, where it is a server's; empty where it is a file."""
        return masked(self._url) if is_server(self._url) else ""

    @property
    def run(self) -> Mapping[str, Any] | None:
        """The run's own facts, None where the study was made but never begun."""
        with self._readable():
            run: Mapping[str, Any] | None = self.attributes.get("run")
            if run is not None and not isinstance(run, dict):
                raise TypeError("its run is no table")
            return run

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The study's own attributes, read once: whoever drives the study alone writes them."""
        if self._attributes is None:
            with self._access():
                self._attributes = self._storage.get_study_user_attrs(self._study._study_id)
        return self._attributes

    def set_attribute(self, name: str, value: Any) -> None:
        """Keeps a value of plain JSON data under a name."""
        with self._access():
            self._study.set_user_attr(name, value)
        cast(dict[str, Any], self.attributes)[name] = json.loads(json.dumps(value))

    def begun(self) -> Mapping[str, Any]:
        """The run's own facts, of a study that must have been begun.

        Raises:
            StudyError: if it was not.
        """
        run = self.run
        if run is None:
            raise StudyError(
                f"`dir` must hold a study that was begun, got an empty one at {masked(self._url)}: give the "
                "command again that was to begin it"
            )
        return run

    @property
    def data_digest(self) -> str:
        """Of the data that the run was begun with; empty where no version before has kept it."""
        return str(self.attributes.get("data", ""))

    @property
    def set_apart(self) -> int:
        """How many held-out images of that data judge nothing but what confirms an answer."""
        return int(self.attributes.get("apart", 0))

    def set_data(self, digest: str, apart: int) -> None:
        """Keeps the digest of the data that the run is on, and how many images of it are set apart."""
        if apart:
            self.set_attribute("apart", apart)
        self.set_attribute("data", digest)

    def data_of(self, settings: TrainingSettings) -> DataSpec:
        """The data of the settings, which has to be what the run was begun with."""
        return replace(settings.data, digest=self.data_digest, apart=self.set_apart > 0)

    @property
    def unfinished(self) -> bool:
        """Whether something is still to be trained."""
        run = self.begun()
        with self._readable():
            trials = self._trials()
            wanted = run["settings"]["trials"] if run.get("kind") == "search" else 0
            made = sum("retry" not in trial.user_attrs for trial in trials)
            return made < wanted or not all(trial.state.is_finished() for trial in trials)

    def begin(
        self, run: Mapping[str, Any], chosen: Sequence[Planned], skipped: Sequence[CandidateRecord]
    ) -> None:
        """Writes the run's facts and enqueues the chosen candidates; what is there already stays.

        A run killed in the middle of this is completed by :meth:`enqueue_missing`.
        """
        self._set_pieces("skipped", [asdict(candidate) for candidate in skipped], PIECE)
        self._set_pieces("chosen", [attributes_of(planned) for planned in chosen], PIECE_OF_CHOSEN)
        # Its settings are what marks a study as begun: they come after all it takes to go on with it.
        self.set_attribute("run", dict(run))
        self.enqueue_missing()

    def enqueue_missing(self) -> None:
        """Enqueues the chosen candidates that are not among the trials yet."""
        with self._readable():
            known = {trial.user_attrs.get("key"): trial for trial in self._trials()}
            for key, item in chosen_of(self.attributes).items():
                if key not in known:
                    triple = {axis: item["candidate"][axis] for axis in ("alpha", "beta", "gamma")}
                    self._study.enqueue_trial(triple, user_attrs=item)
                elif not ("arch" in known[key].user_attrs or known[key].state.is_finished()):
                    # Version 0.1.0 kept the coefficients alone.
                    self._storage.set_trial_user_attr(known[key]._trial_id, "arch", item["arch"])

    def _set_pieces(self, name: str, items: Sequence[Mapping[str, Any]], size: int) -> None:
        pieces = {
            f"{name}/{index:04d}": [dict(item) for item in items[start : start + size]]
            for index, start in enumerate(range(0, len(items), size))
        }
        # A run killed before it was begun may have been begun again with fewer.
        stale = {there for there in self.attributes if there.startswith(f"{name}/")}
        for piece in sorted(stale | set(pieces)):
            self.set_attribute(piece, pieces.get(piece, []))

    @contextmanager
    def opened(self) -> Iterator[optuna.Study]:
        """The Optuna study itself, for what a sampler's program does with it."""
        with self._access():
            yield self._study

    def rungs(self) -> tuple[RungRecord, ...]:
        """How long networks train and how many of them go on, read without the networks themselves."""
        with self._readable():
            rungs = self.begun().get("rungs", ())
            return tuple(typed(RungRecord, rung, require_in_range) for rung in rungs)

    def set_rungs(self, rungs: Sequence[RungRecord]) -> None:
        """Has :meth:`behind` and :meth:`should_prune` follow these rungs."""
        self._study.pruner = RungPruner(rungs)

    def adopt(self) -> int:
        """Puts trials back in the queue that a dead driver left running; returns how many.

        Their finished training runs stay with them. What that driver wrote is read anew.
        """
        self._attributes = None
        with self._readable():
            stale = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            for trial in stale:
                self._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
            return len(stale)

    def retry_failed(self) -> int:
        """Enqueues every failed network once more, unless a later trial has it already; returns how many."""
        with self._readable():
            failed = [t for t in counting_trials(self._trials()).values() if t.state == TrialState.FAIL]
            chosen = chosen_of(self.attributes)
            for trial in failed:
                attributes = chosen.get(trial.user_attrs["key"], {}) | trial.user_attrs | {"retry": True}
                attributes.pop("reason", None)
                self._study.enqueue_trial(trial.params, user_attrs=attributes)
            return len(failed)

    def extend(self) -> int:
        """Enqueues every network that is done once more, to be trained with more seeds; returns how many.

        Its runs so far go with it.
        """
        with self._readable():
            done = [t for t in counting_trials(self._trials()).values() if t.state == TrialState.COMPLETE]
            for trial in done:
                self._study.enqueue_trial(trial.params, user_attrs={**trial.user_attrs, "retry": True})
            return len(done)

    def waiting(self) -> int:
        """How many networks are still to be trained."""
        with self._readable():
            return len(self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    def finished(self) -> int:
        """How many networks are done, in whatever way."""
        with self._readable():
            return sum(t.state.is_finished() for t in counting_trials(self._trials()).values())

    def runs_ahead(self) -> int:
        """How many whole training runs there are already of networks that are not done."""
        first = int(self.begun()["settings"]["seed"])
        with self._readable():
            return sum(
                # Version 0.1.0 stored whole runs only.
                sum(bool(run.get("complete", True)) for run in runs_of(trial, first).values())
                for trial in counting_trials(self._trials()).values()
                if not trial.state.is_finished()
            )

    def ask(self, distributions: Mapping[str, BaseDistribution]) -> optuna.Trial:
        """The next waiting trial. Call only while :meth:`waiting` is above 0."""
        with self._access():
            return self._study.ask(fixed_distributions=dict(distributions))

    def take_waiting(self) -> Iterator[optuna.Trial]:
        """The trials that wait, one after another, each taken when it is asked for.

        ``Study.ask`` reads all that is unfinished for every single one: with thousands waiting, that takes
        longer than training them.
        """
        with self._access():
            waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
            ranges = self.coefficient_ranges() if waiting else {}
        for frozen in waiting:
            with self._access():
                if not self._storage.set_trial_state_values(frozen._trial_id, TrialState.RUNNING):
                    continue
                trial = optuna.Trial(self._study, frozen._trial_id)
                for name, span in ranges.items():
                    trial._suggest(name, span)  # as Study.ask does: no word about ranges that were others
            yield trial

    def coefficient_ranges(self) -> dict[str, FloatDistribution]:
        """The ranges that the enqueued coefficients span."""
        with self._readable():
            candidates = [trial.user_attrs["candidate"] for trial in self._trials()]
        return {
            name: FloatDistribution(min(c[name] for c in candidates), max(c[name] for c in candidates))
            for name in ("alpha", "beta", "gamma")
        }

    def completed(self, *, timed: bool = True) -> list[Planned]:
        """The networks that were trained to their end, in the order of their trials.

        With ``timed`` off without those whose latency is known.
        """
        with self._readable():
            chosen = chosen_of(self.attributes)
            # What version 0.1.0 finished has its network among the chosen alone.
            return [
                planned_of({**chosen.get(t.user_attrs["key"], {}), **t.user_attrs})
                for t in self._complete()
                if timed or not self._is_timed(t)
            ]

    def timed(self) -> int:
        """How many of the networks that were trained to their end have a latency."""
        with self._readable():
            return sum(map(self._is_timed, self._complete()))

    @property
    def timed_on(self) -> str:
        """The key of the machine that measured its latencies so far; empty where there are none."""
        known = self.attributes
        measured = (known[name] for name in sorted(known) if name.startswith("latency/"))
        return next((str(latency["machine"]) for latency in measured if latency.get("machine")), "")

    def planned(self, trial: optuna.Trial) -> Planned:
        """What a trial is to train."""
        with self._readable():
            return planned_of(trial.user_attrs)

    def runs(self, trial: optuna.Trial) -> dict[int, Mapping[str, Any]]:
        """The trial's training runs so far, by seed."""
        with self._readable():
            return runs_of(self._frozen(trial), int(self.begun()["settings"]["seed"]))

    def store_run(self, trial: optuna.Trial, seed: int, result: Mapping[str, Any]) -> None:
        """Keeps a training run, as far as it got."""
        with self._access():
            trial.set_user_attr(f"{RUN}{seed}", dict(result))

    def report(self, trial: optuna.Trial, images: int, top1: float) -> None:
        """Tells Optuna where a trial stands after so many images; what it was told before stays."""
        with self._access():
            if images not in self._frozen(trial).intermediate_values:
                trial.report(top1, images)

    def behind(self) -> frozenset[int]:
        """The numbers of all trials that are behind at the rung they reported last."""
        assert isinstance(self._study.pruner, RungPruner)  # set_rungs
        with self._access():
            return self._study.pruner.behind(self._trials())

    def should_prune(self, trial: optuna.Trial) -> bool:
        """Whether the trial is behind at the rung it reported last."""
        with self._access():
            return trial.should_prune()

    def prune(self, trial: optuna.Trial) -> None:
        """Records that a trial was stopped early."""
        with self._access(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._study.tell(trial, state=TrialState.PRUNED)

    def complete(self, trial: optuna.Trial, values: Sequence[float]) -> None:
        """Records a finished trial, and what of it Optuna's own tools can sort and plot: single numbers."""
        with self._access():
            frozen = self._frozen(trial)
            if "candidate" in frozen.user_attrs:
                for name, number in _numbers(outcome(frozen, self.attributes, self.begun())).items():
                    trial.set_user_attr(name, number)
            self._study.tell(trial, list(values))

    def fail(self, trial: optuna.Trial, reason: str) -> None:
        """Records a trial that gave no result, and why."""
        with self._access(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial.set_user_attr("reason", reason)
            self._study.tell(trial, state=TrialState.FAIL)

    def set_latency(self, key: str, latency: Mapping[str, Any]) -> None:
        """Records a network's raw latency samples, or the reason there are none under ``reason``."""
        self.set_attribute(f"latency/{key}", dict(latency))

    def set_reliability(self, reliability: Sequence[ReliabilityRecord]) -> None:
        """Records how far runs like these were found to be trusted."""
        self.set_attribute("reliability", [asdict(item) for item in reliability])

    @property
    def seconds(self) -> float:
        """How long all sessions have lasted so far."""
        return sum(float(self.attributes[name]) for name in self.attributes if name.startswith("session/"))

    def set_session(self, index: int, seconds: float) -> None:
        """Records how long session ``index`` has lasted so far."""
        self.set_attribute(f"session/{index:04d}", round(seconds, 3))

    @property
    def sessions(self) -> int:
        """How many times a driver has worked on this study."""
        return sum(1 for name in self.attributes if name.startswith("session/"))

    def record(self) -> RunRecord:
        """Everything the study holds, as a finished record.

        Raises:
            StudyError: if the study cannot be read.
        """
        run = self.begun()
        with self._readable():
            return read_record(run, self.attributes, self._trials())

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Where what a study keeps is taken apart: what is missing or spoilt there is an error of the study.

        Raises:
            StudyError: if something is.
        """
        try:
            with self._access():
                yield
        except StudyError:
            raise
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
            missing = f"it has no {error}" if isinstance(error, KeyError) else str(error).replace("`", "")
            raise StudyError(
                f"`dir` must hold a study that this version can read, got {masked(self._url)}: {missing}"
            ) from error

    def candidate(self, key: str) -> CandidateRecord:
        """A network that was asked for, with whatever is known of its outcome."""
        with self._readable():
            trial = counting_trials(self._trials())[key]
            return outcome(trial, self.attributes, self.begun())

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _complete(self) -> list[FrozenTrial]:
        trials = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return [trial for trial in trials if SAME_AS not in trial.user_attrs]

    def _is_timed(self, trial: FrozenTrial) -> bool:
        # What could not be measured has a reason in the place of samples.
        return "samples_s" in self.attributes.get(f"latency/{trial.user_attrs['key']}", ())

    def _frozen(self, trial: optuna.Trial) -> FrozenTrial:
        return self._storage.get_trial(trial._trial_id)


# ----------------------------------------------------------------------------------------------------
# Studies found, opened and made in their databases.

MINIMISED = frozenset({"macs", "params", "latency"})


def _numbers(record: CandidateRecord) -> dict[str, float]:
    """A network's costs, shares and spread over seeds, and its latency where it is known by now.

    They are for Optuna's own tools, whose dashboard sorts and plots single numbers alone: nothing here reads
    them.
    """
    split = dict(zip(("depth_share", "width_share", "resolution_share"), record.split or (), strict=False))
    samples = record.latency.samples_s if record.latency else ()
    numbers = {
        **{name: getattr(record, name) for name in ("params", "macs", "macs_ratio", "resolution")},
        **split,
        "top1_sd": record.top1_sd,
        "latency_s": median(samples) if samples else None,
    }
    return {name: number for name, number in numbers.items() if number is not None}


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
                study = optuna.create_study(storage=storage, study_name=name, directions=directions)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                    study.set_metric_names(list(objectives))  # "top1" on its dashboard, not "Objective 0"
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
