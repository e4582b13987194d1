"""Suggestions asked for and trained in batches, by Optuna samplers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.samplers.nsgaii import SBXCrossover
from optuna.trial import FrozenTrial, TrialState

from scalesearch.commands.search.run import (
    SEED_POINTS,
    SearchSettings,
    Suggester,
    objective_values,
    point_of,
    shares_at,
)
from scalesearch.records import RungRecord
from scalesearch.study.budget import unmet_reason
from scalesearch.study.driver import Observer, Segment, Trainer, mean_curve, measure_one
from scalesearch.study.plan import Planned, ungrown_reason
from scalesearch.study.reading import SAME_AS, attributes_of, counting_trials, runs_of
from scalesearch.study.settings import TrainingSettings
from scalesearch.study.study import HalvingPruner, SearchStudy, TrialHandle

if TYPE_CHECKING:
    from optuna import Study

# ----------------------------------------------------------------------------------------------------
# Optuna's samplers and pruners, made so that a stopped and resumed search is the uninterrupted one.
#
# What is suggested for a trial depends on the search's seed, the trial's number and what the study holds of
# the trials before it, never on how many suggestions this process has made. What the study holds is the
# same to the bit where networks train on the same kind of CPU with the same number of threads.

SPACE: dict[str, BaseDistribution] = {"u": FloatDistribution(0.0, 1.0), "v": FloatDistribution(0.0, 1.0)}
"""What a sampler sees: the unit square, of which ``suggesting.shares_at`` makes the simplex of shares."""
# A model of two parameters needs few trials: with Optuna's 10, half of a usual search would be random.
STARTUP = 4
# NSGA-II's generations: Optuna's 50 would be longer than most searches.
LEAST_POPULATION = 4
# The stream of random numbers for both parameters together, then for each alone.
JOINT = 0


def make_sampler(
    name: str, *, seed: int, batch: int, first: Sequence[Mapping[str, float]] = ()
) -> SeededSampler:
    """The sampler called ``name``.

    Args:
        name: ``tpe``, ``gp``, ``nsga2``, ``random`` or ``qmc``.
        seed: of the search.
        batch: how many are suggested at a time: NSGA-II's generations are whole batches.
        first: points to suggest before all others.
    """
    population = batch * math.ceil(LEAST_POPULATION / batch)
    makers: dict[str, Callable[[int], BaseSampler]] = {
        # With the constant liar, what is suggested in one batch keeps its distance.
        "tpe": lambda own: TPESampler(
            seed=own, n_startup_trials=STARTUP, multivariate=True, constant_liar=True
        ),
        "gp": lambda own: GPSampler(seed=own, n_startup_trials=STARTUP),
        # Uniform crossover, Optuna's default, makes no new value of a parameter.
        "nsga2": lambda own: NSGAIISampler(seed=own, population_size=population, crossover=SBXCrossover()),
        "random": lambda own: RandomSampler(seed=own),
        "qmc": lambda _own: SobolSampler(seed=seed, skip=len(first)),
    }
    return SeededSampler(makers[name], seed, first)


class SeededSampler(BaseSampler):
    """Hands each suggestion to a new sampler, seeded with the search's seed and the trial's number."""

    def __init__(
        self, make: Callable[[int], BaseSampler], seed: int, first: Sequence[Mapping[str, float]]
    ) -> None:
        self._make = make
        self._seed = seed
        self._first = first

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The whole space, from the first trial on."""
        return dict(SPACE)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """See ``optuna.samplers.BaseSampler``."""
        if trial.params.keys() >= search_space.keys():
            return dict(trial.params)  # suggested before the search was stopped
        # Asked for the first points too: NSGA-II notes down each trial's generation.
        suggested = self._sampler(trial, JOINT).sample_relative(study, trial, search_space)
        if trial.number < len(self._first):
            return dict(self._first[trial.number])
        return suggested

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """See ``optuna.samplers.BaseSampler``."""
        stream = JOINT + 1 + sorted(SPACE).index(param_name)
        return self._sampler(trial, stream).sample_independent(study, trial, param_name, param_distribution)

    def _sampler(self, trial: FrozenTrial, stream: int) -> BaseSampler:
        own = np.random.SeedSequence((self._seed, trial.number, stream)).generate_state(1)[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return self._make(int(own))


class SobolSampler(BaseSampler):
    """A scrambled Sobol' sequence: trial ``skip + n`` gets its point ``n``.

    Optuna's ``QMCSampler`` draws its first trial at random, and counts in the study what it has suggested: a
    search that was killed while it asked would skip a point.
    """

    def __init__(self, *, seed: int, skip: int = 0) -> None:
        self._seed = seed
        self._skip = skip

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The whole space."""
        return dict(SPACE)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """See ``optuna.samplers.BaseSampler``."""
        from scipy.stats.qmc import Sobol  # takes a while to load

        names = sorted(search_space)
        engine = Sobol(len(names), scramble=True, seed=self._seed)
        index = trial.number - self._skip
        if index > 0:
            engine.fast_forward(index)
        return dict(zip(names, engine.random(1)[0].tolist(), strict=True))

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """See ``optuna.samplers.BaseSampler``."""
        return self.sample_relative(study, trial, dict(SPACE))[param_name]


def make_pruner(name: str, rungs: Sequence[int]) -> BasePruner:
    """The pruner called ``name``: ``none``, ``median`` or ``halving``, for rungs of so many images."""
    if name == "halving":
        return HalvingPruner(rungs)
    return MedianPruner(n_startup_trials=STARTUP) if name == "median" else NopPruner()


# ----------------------------------------------------------------------------------------------------
# A search by a sampler, batch by batch: what is suggested, trained and told.
#
# A batch is asked for as a whole before any of it is trained, and told as a whole, so that a suggestion
# depends on the batches before it and not on who finished first. The trials of a batch that was cut short
# keep their parameters and their training runs: the search goes on as if it had never stopped.

REFUSED = "refused"
"""The attribute of a trial that says why a user's own code refuses its network; empty where it doesn't."""


class Batches:
    """The batches of one search, to be asked for, described, trained and told in this order."""

    def __init__(
        self, study: SearchStudy, settings: SearchSettings, trainer: Trainer, observer: Observer
    ) -> None:
        self._study = study
        self._settings = settings
        self._trainer = trainer
        self._observer = observer
        self._start = trainer.start_network()
        self._suggester = Suggester(settings, int(study.begun()["classes"]))
        self._rungs = study.rungs()
        self._roles = tuple(SEED_POINTS) if settings.seed_points else ()
        first = [dict(zip("uv", point_of(SEED_POINTS[role]), strict=True)) for role in self._roles]
        with study.opened() as opened:
            opened.sampler = make_sampler(
                settings.sampler, seed=settings.seed, batch=settings.batch, first=first
            )
            opened.pruner = make_pruner(settings.pruner, [rung.images for rung in self._rungs[:-1]])

    def announce(self) -> None:
        """Tells the observer how much there is to do."""
        if len(self._rungs) > 1:
            return  # nobody knows how many will be stopped: each batch says its own
        trials = self._trials()
        tasks = self._settings.seeds + ("latency" in self._settings.objectives)
        done = sum(
            # A batch that was cut short has runs that nobody has been told of yet.
            tasks if trial.state.is_finished() else len(runs_of(trial.user_attrs, self._settings.seed))
            for trial in trials
        )
        retries = sum("retry" in trial.user_attrs for trial in trials)
        self._observer.phase("Training", tasks * (self._settings.trials + retries), done)

    def ask(self) -> list[optuna.Trial]:
        """The trials of the next batch, or what was cut short of one; none at the end."""
        batch, trials = self._settings.batch, self._trials()
        waiting = self._study.waiting()
        made = sum("retry" not in trial.user_attrs for trial in trials)
        lacking = -made % batch
        fresh = lacking if waiting or lacking else batch
        return [self._study.ask(SPACE) for _ in range(waiting + min(fresh, self._settings.trials - made))]

    def describe(self, trials: Sequence[optuna.Trial]) -> None:
        """Writes down which network each trial stands for, and of which other trial it is, if any."""
        for trial in trials:
            if "key" in trial.user_attrs:
                continue
            shares = shares_at(trial.params["u"], trial.params["v"])
            role = self._roles[trial.number] if trial.number < len(self._roles) else ""
            planned = self._suggester.planned(shares, role)
            attributes = attributes_of(planned) | {REFUSED: planned.record.reason}
            # The key says that the trial is described: it comes when all the rest is there.
            key = attributes.pop("key")
            attributes |= {name: attributes["candidate"][name] for name in ("alpha", "beta", "gamma")}
            attributes["shares"] = [shares.depth, shares.width, shares.resolution]
            first = counting_trials(self._trials()).get(key)
            if first is not None:
                attributes[SAME_AS] = first.number
            with self._study.opened():
                for name, value in (attributes | {"key": key}).items():
                    trial.set_user_attr(name, value)

    def train(self, trials: Sequence[optuna.Trial]) -> None:
        """Trains a batch's networks to their ends, or to where the pruner stops them."""
        alive: list[TrialHandle] = []
        for trial in trials:
            if SAME_AS in trial.user_attrs:
                continue
            if reason := trial.user_attrs.get(REFUSED) or self._unfit(self._study.planned(trial)):
                self._study.fail(trial, reason)
            else:
                alive.append(trial)
        for rung in self._rungs[:-1]:
            alive = self._climb(alive, rung)
        self._say("to the end", len(alive) * self._settings.seeds)
        whole = Segment(until=None, seeds=self._settings.seed_list)
        self._trainer.train(alive, whole, lambda _trial, _top1: None)
        if "latency" in self._settings.objectives:
            for trained in alive:
                self._measure(trained)

    def _unfit(self, planned: Planned) -> str:
        """Why a network is not trained; empty where it is."""
        unmet = unmet_reason(planned.record.budget, self._settings.budget_tolerance)
        return unmet or ("" if self._start is None else ungrown_reason(self._start, planned.arch))

    def _climb(self, trials: Sequence[TrialHandle], rung: RungRecord) -> list[TrialHandle]:
        """Trains to a rung; returns the trials that go on."""
        study, seeds = self._study, self._settings.seed_list
        level: dict[int, tuple[TrialHandle, float]] = {}
        self._say(f"to {rung.images:,} images", len(trials))
        self._trainer.train(
            trials,
            Segment(until=rung.images, seeds=seeds[:1]),
            lambda trial, top1: level.update({trial.number: (trial, top1)}),
        )
        reached = [level[number] for number in sorted(level)]
        for trial, top1 in reached:
            study.report(trial, rung.images, self._values(trial, top1)[0])
        alive = []
        for trial, _ in reached:
            # Where the run is past the rung, that was decided before the search was stopped.
            if study.runs(trial)[seeds[0]]["images_seen"] > rung.images or not study.should_prune(trial):
                alive.append(trial)
            else:
                # Once it is pruned nobody looks for its checkpoints again.
                self._trainer.forget(study.planned(trial).record.key, seeds)
                study.prune(trial)
        return alive

    def _measure(self, trial: TrialHandle) -> None:
        planned = self._study.planned(trial)
        if not self._frozen(trial.number).state.is_finished() and not self._latency(planned.record.key):
            measure_one(self._study, self._settings, self._trainer.executor, self._observer, planned)

    def tell(self, trials: Sequence[optuna.Trial]) -> None:
        """Tells the study what came of a batch, in the order of trials, those that share a network last."""
        for trial in sorted(trials, key=lambda trial: (SAME_AS in trial.user_attrs, trial.number)):
            if SAME_AS in trial.user_attrs:
                self._tell_as(trial, self._frozen(trial.user_attrs[SAME_AS]))
            elif not self._frozen(trial.number).state.is_finished():
                self._tell(trial)

    def _tell(self, trial: optuna.Trial) -> None:
        study = self._study
        latency = self._latency(study.planned(trial).record.key)
        if "reason" in latency:
            study.fail(trial, f"latency: {latency['reason']}")
            return
        curve = mean_curve(study.runs(trial).values())
        if len(self._settings.objectives) == 1:  # Optuna takes no reports of several
            for images, top1 in curve:
                study.report(trial, images, self._values(trial, top1)[0])
        study.complete(trial, self._values(trial, curve[-1][1]))

    def _tell_as(self, trial: optuna.Trial, first: FrozenTrial) -> None:
        """Tells of a trial what was told of the first one of its network."""
        study = self._study
        for images, value in first.intermediate_values.items():
            study.report(trial, images, value)
        if first.state == TrialState.COMPLETE:
            study.complete(trial, first.values)
        elif first.state == TrialState.PRUNED:
            study.prune(trial)
        else:
            study.fail(trial, str(first.user_attrs.get("reason", "unknown")))
        if len(self._rungs) == 1:
            self._say_again(trial.user_attrs["key"])

    def _say_again(self, key: str) -> None:
        """Tells the observer of a network's runs and measurement, as of tasks that took no time."""
        record = self._study.candidate(key)
        for run in record.runs:
            again = replace(record, runs=(run,), latency=None)
            self._observer.finished(f"{key}-seed{run.seed}-again", again)
        if record.latency is not None:
            self._observer.finished(f"{key}-latency-again", record)

    def _values(self, trial: TrialHandle, top1: float) -> tuple[float, ...]:
        record = self._study.planned(trial).record
        return objective_values(self._settings, record, top1, self._latency(record.key))

    def _latency(self, key: str) -> Mapping[str, Any]:
        """A network's measurement, or why there is none; empty where it was not tried."""
        if "latency" not in self._settings.objectives:
            return {}
        latency: Mapping[str, Any] = self._study.attributes.get(f"latency/{key}", {})
        return latency

    def _trials(self) -> list[FrozenTrial]:
        with self._study.opened() as opened:
            return opened.get_trials(deepcopy=False)

    def _frozen(self, number: int) -> FrozenTrial:
        return self._trials()[number]

    def _say(self, how_far: str, tasks: int) -> None:
        """Announces a part of a batch where there are rungs; otherwise all was announced at once."""
        if len(self._rungs) > 1 and tasks:
            self._observer.phase(f"Next batch, {how_far}", tasks, 0)


def train_suggested(
    study: SearchStudy, settings: TrainingSettings, trainer: Trainer, observer: Observer
) -> None:
    """Trains what the sampler suggests, batch by batch."""
    assert isinstance(settings, SearchSettings)  # the kind of the run says so
    batches = Batches(study, settings, trainer, observer)
    batches.announce()
    while trials := batches.ask():
        batches.describe(trials)
        batches.train(trials)
        batches.tell(trials)
