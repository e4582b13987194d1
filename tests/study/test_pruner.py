from __future__ import annotations

import optuna
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial

from scalesearch.records import RungRecord
from scalesearch.study.study import RungPruner

RUNGS = (
    RungRecord(images=8, networks=6, seeds=1),
    RungRecord(images=20, networks=3, seeds=1),
    RungRecord(images=40, networks=2, seeds=2),
)
optuna.logging.set_verbosity(optuna.logging.WARNING)


def _verdicts(values: list[float], step: int, keys: list[str] | None = None) -> list[bool]:
    study = optuna.create_study(direction="maximize")
    for index, value in enumerate(values):
        key = {"key": keys[index]} if keys else {}
        study.add_trial(
            create_trial(state=TrialState.RUNNING, intermediate_values={step: value}, user_attrs=key)
        )
    pruner = RungPruner(RUNGS)
    return [pruner.prune(study, trial) for trial in study.trials]


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=1, max_size=8))
def test_the_best_of_a_rung_go_on_and_of_equal_ones_the_earlier(values: list[float]) -> None:
    ranking = sorted(range(len(values)), key=lambda number: (-values[number], number))
    assert _verdicts(values, 8) == [number not in ranking[:3] for number in range(len(values))]
    assert _verdicts(values, 20) == [number not in ranking[:2] for number in range(len(values))]


@given(st.permutations(range(6)))
def test_who_reports_first_changes_nothing(order: list[int]) -> None:
    values = [0.3, 0.1, 0.3, 0.5, 0.2, 0.3]
    study = optuna.create_study(direction="maximize")
    trials = [study.ask() for _ in values]
    for number in order:
        trials[number].report(values[number], 8)
    study.pruner = RungPruner(RUNGS)
    assert [trials[number].should_prune() for number in range(6)] == [False, True, False, False, True, True]


def test_a_look_that_is_no_rung_and_the_last_rung_prune_nobody() -> None:
    assert _verdicts([0.1] * 5, 12) == [False] * 5
    assert _verdicts([0.1] * 5, 40) == [False] * 5
    study = optuna.create_study()
    study.add_trial(create_trial(state=TrialState.RUNNING))
    assert not RungPruner(RUNGS).prune(study, study.trials[0])


def test_a_retried_network_is_ranked_once() -> None:
    # The first "c" failed later on; its retry stands where it stood, not behind it.
    assert _verdicts([0.5, 0.4, 0.3, 0.2, 0.3], 8, ["a", "b", "c", "d", "c"])[3:] == [True, False]
