"""Optuna's samplers and pruners, made so that a stopped and resumed search is the uninterrupted one.

What is suggested for a trial depends on the search's seed, the trial's number and what the study holds of the
trials before it, never on how many suggestions this process has made. What the study holds is the same to the
bit where networks train on the same kind of CPU with the same number of threads.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.samplers.nsgaii import SBXCrossover

from scalesearch.search.pruner import HalvingPruner

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

__all__ = ["SPACE", "SeededSampler", "SobolSampler", "make_pruner", "make_sampler"]

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
