"""Successive halving as Optuna pruners whose verdict depends on reported values alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from optuna.pruners import BasePruner

from scalesearch.records import RungRecord
from scalesearch.search.reading import SAME_AS

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

__all__ = ["HalvingPruner", "RungPruner"]


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
