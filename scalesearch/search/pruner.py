"""Successive halving as an Optuna pruner that waits for the whole rung."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from optuna.pruners import BasePruner

from scalesearch.records import RungRecord

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

__all__ = ["RungPruner"]


class RungPruner(BasePruner):
    """Prunes all but the best of a rung, once every network of it has reported.

    Optuna's ``SuccessiveHalvingPruner`` judges each trial by those that came before it, which depends on who
    happened to finish first; a resumed run would not be the uninterrupted one. Here the verdict depends on
    the reported values alone: the next rung's number of networks go on, of equal ones the earlier trials.
    A network that failed and is tried again stands for itself once.
    """

    def __init__(self, rungs: Sequence[RungRecord]) -> None:
        self._goes_on = {rung.images: following.networks for rung, following in pairwise(rungs)}

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether ``trial`` is behind at the rung it reported last."""
        step = trial.last_step
        if step is None or step not in self._goes_on:
            return False
        reported = [t for t in study.get_trials(deepcopy=False) if step in t.intermediate_values]
        # The latest trial of each network; one without a network's key is a network of its own.
        latest = {t.user_attrs.get("key", t.number): t for t in reported}
        values = {t.number: t.intermediate_values[step] for t in latest.values()}
        ranking = sorted(values, key=lambda number: (-values[number], number))
        return trial.number not in ranking[: self._goes_on[step]]
