"""The Optuna study of a run: begun, found again, written and pruned."""

from __future__ import annotations

import gc
import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol, cast

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.pruners import BasePruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import Table

from scalesearch.errors import NoStudyError, StudyError, StudyLostError
from scalesearch.plain import typed
from scalesearch.records import CandidateRecord, ReliabilityRecord, RungRecord, RunRecord
from scalesearch.records.runs import require_in_range
from scalesearch.study.plan import Planned
from scalesearch.study.reading import (
    CHECK,
    RUN,
    SAME_AS,
    attributes_of,
    candidate_record,
    chosen_of,
    counting_trials,
    outcome,
    planned_of,
    read_record,
    runs_of,
    seed_run,
)
from scalesearch.study.rows import LOOKS, STUDY, SYSTEM, TRIALS, USER, StudyStorage
from scalesearch.study.storage import Ownership, clear_errors, is_server, masked, open_storage
from scalesearch.text import bare

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

# The driver that owns a study keeps in mind what it has told of the trials it took, so that it asks the
# database for nothing that it wrote itself; whatever else is read of trials leaves out what nobody looks at.

# A text column of MySQL holds 64 KiB: long lists are stored in pieces that fit.
PIECE = 40
PIECE_OF_CHOSEN = 15
PIECES_AT_ONCE = 50
CHOSEN = "chosen/"
# What of a trial's attributes says whose it is and how it came about, without its network or its runs.
BRIEF = ("key", SAME_AS, "retry")
# What a record is made of: without the network's table, and the numbers for Optuna's own tools.
OF_RECORDS = (*BRIEF, "candidate", "reason", "result", RUN)


class TrialHandle(Protocol):
    """A trial that its driver holds: Optuna's own, or one that was taken from those that wait."""

    @property
    def _trial_id(self) -> int: ...

    @property
    def number(self) -> int:
        """Of the trial in its study."""

    @property
    def user_attrs(self) -> dict[str, Any]:
        """Its attributes."""


@dataclass(frozen=True)
class TakenTrial:
    """A trial that waited, with its attributes as they were when it was taken."""

    number: int
    _trial_id: int
    user_attrs: dict[str, Any] = field(repr=False)

    @cached_property
    def planned(self) -> Planned:
        """What it is to train."""
        return planned_of(self.user_attrs)


class SearchStudy:
    """A search's study: what is to be trained, what was, and everything the report needs."""

    def __init__(self, study: optuna.Study, storage: StudyStorage, url: str) -> None:
        self._study = study
        self._storage = storage
        self._url = url
        # What the storage holds, once it was read: it gives no single attribute, and thousands of skipped
        # networks and latencies are among them.
        self._attributes: dict[str, Any] | None = None
        self._ownership: Ownership | None = None
        self._told: dict[int, dict[int, Mapping[str, Any]]] = {}

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
        self._told.clear()
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
        if self._storage.joined:
            # A beat of the heart on another connection would wait for this very transaction, which looks at
            # the claim itself before it is committed.
            with clear_errors(self._url):
                yield
            return
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
        """The study's own attributes, read once: whoever drives the study alone writes them.

        The networks that were chosen are not among them: each trial has its own.
        """
        if self._attributes is None:
            with self._access():
                chosen = STUDY.c.key.startswith(CHOSEN, autoescape=True)
                self._attributes = self._storage.read_study(self._study._study_id, ~chosen)
        return self._attributes

    def _chosen(self) -> dict[str, Any]:
        """What was chosen to be trained, by key."""
        chosen = STUDY.c.key.startswith(CHOSEN, autoescape=True)
        return chosen_of(self._storage.read_study(self._study._study_id, chosen))

    def set_attribute(self, name: str, value: Any) -> None:
        """Keeps a value of plain JSON data under a name."""
        self._set_attributes({name: value})

    def _set_attributes(self, values: Mapping[str, Any]) -> None:
        with self._access():
            self._storage.write_study(self._study._study_id, values)
        known = cast(dict[str, Any], self.attributes)
        known.update(json.loads(json.dumps({k: v for k, v in values.items() if not k.startswith(CHOSEN)})))

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
            trials = self._read(names=BRIEF)
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
            known = {trial.user_attrs.get("key"): trial for trial in self._read(names=("key",))}
            missing = []
            for key, item in self._chosen().items():
                if key not in known:
                    triple = {axis: item["candidate"][axis] for axis in ("alpha", "beta", "gamma")}
                    missing.append(_waiting(triple, item))
                elif not known[key].state.is_finished() and not self._has_network(known[key]):
                    # Version 0.1.0 kept the coefficients alone.
                    self._storage.set_trial_user_attr(known[key]._trial_id, "arch", item["arch"])
            self._storage.create_trials(self._study._study_id, missing)

    def _has_network(self, trial: FrozenTrial) -> bool:
        (found,) = self._storage.read_trials(
            TRIALS.c.trial_id == trial._trial_id, parts=(USER,), names=("arch",)
        )
        return bool(found.user_attrs)

    def _set_pieces(self, name: str, items: Sequence[Mapping[str, Any]], size: int) -> None:
        pieces = {
            f"{name}/{index:04d}": [dict(item) for item in items[start : start + size]]
            for index, start in enumerate(range(0, len(items), size))
        }
        # A run killed before it was begun may have been begun again with fewer.
        with self._access():
            begun = STUDY.c.key.startswith(f"{name}/", autoescape=True)
            stale = set(self._storage.read_study(self._study._study_id, begun))
        names = sorted(stale | set(pieces))
        for start in range(0, len(names), PIECES_AT_ONCE):
            self._set_attributes({n: pieces.get(n, []) for n in names[start : start + PIECES_AT_ONCE]})

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
        self._told.clear()
        with self._readable():
            self._storage.forget_queued()
            stale = self._read(TrialState.RUNNING, parts=())
            with self._storage.together():
                for trial in stale:
                    self._storage.write_trial(trial._trial_id, state=TrialState.WAITING)
            return len(stale)

    def retry_failed(self) -> int:
        """Enqueues every failed network once more, unless a later trial has it already; returns how many.

        Training runs beside the trials that failed are forgotten, so that they are trained again.
        """
        known = cast(dict[str, Any], self.attributes)
        with self._readable():
            failed = [t for t in counting_trials(self._trials()).values() if t.state == TrialState.FAIL]
            chosen, again = self._chosen() if failed else {}, []
            for trial in failed:
                attributes = chosen.get(trial.user_attrs["key"], {}) | trial.user_attrs | {"retry": True}
                attributes.pop("reason", None)
                again.append(_waiting(trial.params, attributes))
            self._storage.create_trials(self._study._study_id, again)
            failed_beside = [n for n, kept in known.items() if n.startswith(CHECK) and "reason" in kept]
            self._storage.remove_from_study(self._study._study_id, failed_beside)
            for name in failed_beside:
                del known[name]
            return len(failed)

    @property
    def failed_beside(self) -> list[str]:
        """Why training runs beside the trials failed, a reason for each that did."""
        kept = self.attributes.items()
        return [str(r["reason"]) for name, r in kept if name.startswith(CHECK) and "reason" in r]

    def extend(self) -> int:
        """Enqueues every network that is done once more, to be trained with more seeds; returns how many.

        Its runs so far go with it.
        """
        with self._readable():
            done = [t for t in counting_trials(self._trials()).values() if t.state == TrialState.COMPLETE]
            again = [_waiting(trial.params, {**trial.user_attrs, "retry": True}) for trial in done]
            self._storage.create_trials(self._study._study_id, again)
            return len(done)

    def waiting(self) -> int:
        """How many networks are still to be trained."""
        with self._readable():
            return len(self._read(TrialState.WAITING, parts=()))

    def finished(self) -> int:
        """How many networks are done, in whatever way."""
        with self._readable():
            return sum(t.state.is_finished() for t in counting_trials(self._read(names=BRIEF)).values())

    def runs_ahead(self) -> int:
        """How many whole training runs there are already of networks that are not done."""
        first = int(self.begun()["settings"]["seed"])
        with self._readable():
            states = (TrialState.WAITING, TrialState.RUNNING)
            unfinished = counting_trials(self._read(*states, names=(*BRIEF, "result", RUN)))
            return sum(
                # Version 0.1.0 stored whole runs only.
                sum(bool(run.get("complete", True)) for run in runs_of(trial.user_attrs, first).values())
                for trial in unfinished.values()
            )

    def ask(self, distributions: Mapping[str, BaseDistribution]) -> optuna.Trial:
        """The next waiting trial. Call only while :meth:`waiting` is above 0."""
        with self._access():
            return self._study.ask(fixed_distributions=dict(distributions))

    def take_waiting(self) -> Iterator[TakenTrial]:
        """The trials that wait, one after another, each taken when it is asked for.

        ``Study.ask`` reads all that is unfinished for every single one: with thousands waiting, that takes
        longer than training them.
        """
        with self._access():
            waiting = self._read(TrialState.WAITING, parts=(USER, SYSTEM))
            ranges = self.coefficient_ranges() if waiting else {}
        for frozen in waiting:
            with self._access():
                fixed = frozen.system_attrs.get("fixed_params", {})
                params = {name: (fixed[name], span) for name, span in ranges.items() if name in fixed}
                # A driver that dies before it is written has taken nothing.
                self._storage.write_trial(
                    frozen._trial_id,
                    before=TrialState.WAITING,
                    state=TrialState.RUNNING,
                    params=params,
                    later=True,
                )
            yield TakenTrial(frozen.number, frozen._trial_id, frozen.user_attrs)

    def coefficient_ranges(self) -> dict[str, FloatDistribution]:
        """The ranges that the enqueued coefficients span."""
        with self._readable():
            candidates = [trial.user_attrs["candidate"] for trial in self._read(names=("candidate",))]
        return {
            name: FloatDistribution(min(c[name] for c in candidates), max(c[name] for c in candidates))
            for name in ("alpha", "beta", "gamma")
        }

    def completed(self, *, timed: bool = True) -> list[Planned]:
        """The networks that were trained to their end, each once, in the order in which they came up.

        With ``timed`` off without those whose latency is known.
        """
        with self._readable():
            complete = [t for t in self._complete("candidate", "arch") if timed or not self._is_timed(t)]
            # What version 0.1.0 finished has its network among the chosen alone.
            chosen = self._chosen() if any("arch" not in t.user_attrs for t in complete) else {}
            return [planned_of({**chosen.get(t.user_attrs["key"], {}), **t.user_attrs}) for t in complete]

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

    @contextmanager
    def together(self) -> Iterator[None]:
        """Keeps runs of trials, and what is told of trials that are done by them, at once or not at all."""
        with self._access(), self._storage.together():
            yield

    def say_taken(self) -> None:
        """Has the study know which trials are under way; else it learns so with the next result."""
        with self._access():
            self._storage.write_queued()

    def planned(self, trial: TrialHandle) -> Planned:
        """What a trial is to train."""
        with self._readable():
            return trial.planned if isinstance(trial, TakenTrial) else planned_of(trial.user_attrs)

    def runs(self, trial: TrialHandle) -> dict[int, Mapping[str, Any]]:
        """The trial's training runs so far, by seed."""
        with self._readable():
            return dict(sorted(self._told_of(trial).items()))

    def store_run(self, trial: TrialHandle, seed: int, result: Mapping[str, Any]) -> None:
        """Keeps a training run, as far as it got."""
        with self._access():
            told = self._told_of(trial)
            self._storage.write_trial(trial._trial_id, user_attrs={f"{RUN}{seed}": dict(result)})
            told[seed] = json.loads(json.dumps(result))

    def report(self, trial: TrialHandle, images: int, top1: float) -> None:
        """Tells Optuna where a trial stands after so many images; what it was told before stays."""
        with self._access():
            told = self._storage.read_trials(TRIALS.c.trial_id == trial._trial_id, parts=(LOOKS,))
            if images not in told[0].intermediate_values:
                self._storage.write_trial(trial._trial_id, looks={images: top1})

    def behind(self) -> frozenset[int]:
        """The numbers of all trials that are behind at the rung they reported last."""
        assert isinstance(self._study.pruner, RungPruner)  # set_rungs
        with self._access():
            return self._study.pruner.behind(self._read(names=BRIEF, parts=(USER, LOOKS)))

    def should_prune(self, trial: TrialHandle) -> bool:
        """Whether the trial is behind at the rung it reported last."""
        with self._access():
            return self._study.pruner.prune(self._study, self._storage.get_trial(trial._trial_id))

    def prune(self, trial: TrialHandle) -> None:
        """Records that a trial was stopped early."""
        with self._access(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._told.pop(trial._trial_id, None)
            self._storage.write_queued()
            self._study.tell(trial.number, state=TrialState.PRUNED)

    def complete(
        self, trial: TrialHandle, values: Sequence[float], looks: Mapping[int, float] | None = None
    ) -> None:
        """Records a finished trial, and what of it Optuna's own tools can sort and plot: single numbers.

        Args:
            trial: that is finished.
            values: of the objectives.
            looks: values on the way there by images seen, to be reported with it.
        """
        with self._access():
            numbers: dict[str, float] = {}
            if "candidate" in trial.user_attrs:
                runs = [seed_run(seed, run) for seed, run in sorted(self._told_of(trial).items())]
                record = (
                    trial.planned.record
                    if isinstance(trial, TakenTrial)
                    else candidate_record(trial.user_attrs["candidate"])
                )
                record = replace(record, runs=tuple(runs))
                numbers = _numbers(record, self.attributes.get(f"latency/{record.key}", {}))
            if any(math.isnan(value) for value in values):
                raise StudyError(f"the values of trial {trial.number} must be numbers, got {list(values)}")
            self._finish(trial, TrialState.COMPLETE, values=values, user_attrs=numbers, looks=looks)

    def fail(self, trial: TrialHandle, reason: str) -> None:
        """Records a trial that gave no result, and why."""
        with self._access():
            self._finish(trial, TrialState.FAIL, user_attrs={"reason": reason})

    def _finish(self, trial: TrialHandle, state: TrialState, **told: Any) -> None:
        self._storage.write_trial(trial._trial_id, state=state, **told)
        self._told.pop(trial._trial_id, None)

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
        with self._readable(), _nothing_collected():
            trials = self._read(names=OF_RECORDS, parts=(USER,))
            self._add_what_few_need(trials)
            return read_record(run, self.attributes, trials)

    def _add_what_few_need(self, trials: Sequence[FrozenTrial]) -> None:
        """Adds how far pruned trials came, and the networks of trials whose memory no version has kept."""
        pruned = self._read(TrialState.PRUNED, parts=(LOOKS,))
        by_number = {trial.number: trial for trial in trials}
        # Another process may have made or pruned some since the first were read.
        for trial in pruned:
            if trial.number in by_number:
                by_number[trial.number].intermediate_values = trial.intermediate_values
        if any(
            "inference_bytes" not in t.user_attrs.get("candidate", {"inference_bytes": 0}) for t in trials
        ):
            for trial in self._read(names=("arch",)):
                if trial.number in by_number:
                    by_number[trial.number].user_attrs |= trial.user_attrs

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
            missing = f"it has no {error}" if isinstance(error, KeyError) else bare(error)
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

    def _read(
        self, *states: TrialState, names: Sequence[str] = (), parts: Sequence[Table] = (USER,)
    ) -> list[FrozenTrial]:
        """The trials in these states (all if none), with these attributes (all if none) and parts alone."""
        condition = TRIALS.c.study_id == self._study._study_id
        if states:
            condition &= TRIALS.c.state.in_(states)
        return self._storage.read_trials(condition, parts=parts, names=names)

    def _complete(self, *names: str) -> list[FrozenTrial]:
        # A network that was taken up again, for more seeds, has a trial for each time.
        return list(counting_trials(self._read(TrialState.COMPLETE, names=(*BRIEF, *names))).values())

    def _is_timed(self, trial: FrozenTrial) -> bool:
        # What could not be measured has a reason in the place of samples.
        return "samples_s" in self.attributes.get(f"latency/{trial.user_attrs['key']}", ())

    def _told_of(self, trial: TrialHandle) -> dict[int, Mapping[str, Any]]:
        """The runs of a trial by seed, which its driver keeps in mind until it is finished."""
        if self._ownership is None:
            return self._read_runs(trial)
        if trial._trial_id not in self._told:
            self._told[trial._trial_id] = (
                runs_of(trial.user_attrs, int(self.begun()["settings"]["seed"]))
                if isinstance(trial, TakenTrial)
                else self._read_runs(trial)
            )
        return self._told[trial._trial_id]

    def _read_runs(self, trial: TrialHandle) -> dict[int, Mapping[str, Any]]:
        there = TRIALS.c.trial_id == trial._trial_id
        (found,) = self._storage.read_trials(there, parts=(USER,), names=("result", RUN))
        return runs_of(found.user_attrs, int(self.begun()["settings"]["seed"]))


# ----------------------------------------------------------------------------------------------------
# Studies found, opened and made in their databases.


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Leaves out the search for garbage while millions of values are read that are all kept."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _waiting(params: dict[str, Any], attributes: dict[str, Any]) -> FrozenTrial:
    """What ``Study.enqueue_trial`` adds."""
    fixed = {"fixed_params": params}
    return create_trial(state=TrialState.WAITING, system_attrs=fixed, user_attrs=attributes)


MINIMISED = frozenset({"macs", "params", "latency"})


def _numbers(record: CandidateRecord, latency: Mapping[str, Any]) -> dict[str, float]:
    """A network's costs, shares and spread over seeds, and its latency where it is known by now.

    They are for Optuna's own tools, whose dashboard sorts and plots single numbers alone: nothing here reads
    them.
    """
    split = dict(zip(("depth_share", "width_share", "resolution_share"), record.split or (), strict=False))
    samples = latency.get("samples_s", ())
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
        names = storage.study_names()
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
        there = name in storage.study_names()
        return _loaded(storage, url, name) if there else None


def _loaded(storage: StudyStorage, url: str, name: str) -> SearchStudy:
    # Optuna's default sampler takes long to load, and most trials are enqueued.
    sampler = optuna.samplers.RandomSampler(seed=0)
    try:
        study = optuna.load_study(storage=storage, study_name=name, sampler=sampler)
    except KeyError as error:  # of a database some of whose rows are gone
        raise RuntimeError(f"its study {name!r} lacks rows: {error.args[0]}") from error
    return SearchStudy(study, storage, url)
