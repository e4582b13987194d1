"""Trials read and written many rows at a time are those that Optuna reads and writes one by one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from scalesearch.errors import StudyError
from scalesearch.study.rows import TRIALS, USER, StudyStorage
from scalesearch.study.storage import open_storage, sqlite_url

SPAN = FloatDistribution(1.0, 2.0)
KINDS = CategoricalDistribution(("a", None, 3))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of each kind."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return str(request.getfixturevalue("postgresql"))


def _optunas(storage: StudyStorage) -> RDBStorage:
    """Optuna's own storage on the same connections."""
    plain = RDBStorage.__new__(RDBStorage)
    plain.__dict__.update(storage.__dict__)
    return plain


def _whole(trial: FrozenTrial, *, times: bool = True) -> dict[str, Any]:
    names = ("number", "state", "params", "distributions", "user_attrs", "system_attrs", "values")
    whole = {name: getattr(trial, name) for name in names}
    if times:
        whole |= {"start": trial.datetime_start, "end": trial.datetime_complete, "id": trial._trial_id}
    return whole | {"looks": {step: repr(value) for step, value in trial.intermediate_values.items()}}


def _study(storage: StudyStorage) -> optuna.Study:
    """One with trials of every state, and every kind of number."""
    study = optuna.create_study(storage=_optunas(storage), directions=["maximize", "minimize"])
    complete = study.ask({"x": SPAN, "kind": KINDS})
    complete.set_user_attr("run/0", {"curve": [1, 2.5, None], "text": "ü\u0000 \\ '"})
    complete.set_user_attr("key", "k")
    study.tell(complete, [math.inf, -math.inf])
    failed = study.ask()
    study.tell(failed, state=TrialState.FAIL)
    study.add_trial(
        create_trial(
            state=TrialState.PRUNED,
            params={"x": 1.25},
            distributions={"x": SPAN},
            intermediate_values={8: 0.5, 16: math.nan, 32: math.inf},
            values=[0.5, 0.25],
        )
    )
    study.ask({"x": SPAN})
    study.enqueue_trial({"x": 1.5}, user_attrs={"key": "w", "arch": {"stages": []}})
    return study


def test_what_is_read_is_what_optuna_reads(url: str) -> None:
    storage = open_storage(url, create=True)
    study_id = _study(storage)._study_id
    _study(storage)  # another one in the same database
    plain = _optunas(storage)
    for states in (None, (TrialState.WAITING, TrialState.PRUNED)):
        ours = storage.get_all_trials(study_id, states=states)
        assert list(map(_whole, ours)) == list(map(_whole, plain.get_all_trials(study_id, states=states)))
    ids = [trial._trial_id for trial in storage.get_all_trials(study_id)]
    for included, after in ((set(), ids[0]), ({ids[0]}, ids[1]), ({*ids}, ids[-1])):
        ours = storage._get_trials(study_id, None, included, after)
        assert list(map(_whole, ours)) == list(
            map(_whole, plain._get_trials(study_id, None, included, after))
        )
    for trial in plain.get_all_trials(study_id):
        assert _whole(storage.get_trial(trial._trial_id)) == _whole(trial)
    with pytest.raises(KeyError):
        storage.get_trial(10**6)


def test_many_that_are_asked_for_by_their_numbers_are_those(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalesearch.study.rows.FEW", 1)
    storage = open_storage(url, create=True)
    study_id = _study(storage)._study_id
    ids = [trial._trial_id for trial in storage.get_all_trials(study_id)]
    read = storage._get_trials(study_id, None, {ids[1], ids[2]}, ids[3])
    assert [trial._trial_id for trial in read] == [ids[1], ids[2], *ids[4:]]


def test_of_attributes_those_that_are_named_are_read(url: str) -> None:
    storage = open_storage(url, create=True)
    study_id = _study(storage)._study_id
    of_study = TRIALS.c.study_id == study_id
    read = storage.read_trials(of_study, parts=(USER,), names=("key", "run/"))
    assert [sorted(trial.user_attrs) for trial in read] == [["key", "run/0"], [], [], [], ["key"]]
    assert all(not trial.params and not trial.intermediate_values for trial in read)


def test_what_is_written_is_what_optuna_would_have_written(url: str) -> None:
    storage = open_storage(url, create=True)
    templates = [
        create_trial(
            state=TrialState.WAITING,
            system_attrs={"fixed_params": {"x": 1.5}},
            user_attrs={"key": str(number), "candidate": {"macs": number}},
        )
        for number in range(3)
    ]
    theirs = optuna.create_study(storage=_optunas(storage), study_name="theirs")
    for template in templates:
        theirs.add_trial(template)
        trial = theirs.ask({"x": SPAN})
        trial.set_user_attr("run/0", [1])
        trial.set_user_attr("run/0", [2])
        trial.report(0.25, 8)
        theirs.tell(trial, 0.5)
    ours = optuna.create_study(storage=_optunas(storage), study_name="ours")
    storage.create_trials(ours._study_id, templates[:1])
    storage.create_trials(ours._study_id, iter(templates[1:]))
    for waiting in storage.get_all_trials(ours._study_id):
        trial_id = waiting._trial_id
        taken = {"before": TrialState.WAITING, "state": TrialState.RUNNING, "params": {"x": (1.5, SPAN)}}
        storage.write_trial(trial_id, **taken, later=True)
        assert storage.get_trial(trial_id).state == TrialState.WAITING
        with storage.together():
            storage.write_trial(trial_id, user_attrs={"run/0": [1]})
            assert storage.read_trials(TRIALS.c.trial_id == trial_id)[0].user_attrs["run/0"] == [1]
            storage.write_trial(trial_id, user_attrs={"run/0": [2]}, looks={8: 0.125})
            done = {"state": TrialState.COMPLETE, "values": [0.5], "looks": {8: 0.25}}
            storage.write_trial(trial_id, **done)
        with pytest.raises(StudyError, match=r"^trial \d must be running, got one that is complete$"):
            storage.write_trial(trial_id, state=TrialState.FAIL, user_attrs={"reason": "late"})
    plain = _optunas(storage)
    one, other = (
        [_whole(trial, times=False) for trial in plain.get_all_trials(study._study_id)]
        for study in (theirs, ours)
    )
    assert one == other
    assert all(trial.duration is not None for trial in plain.get_all_trials(ours._study_id))


def test_of_what_is_written_together_nothing_stays_where_it_fails(url: str) -> None:
    storage = open_storage(url, create=True)
    study_id = _study(storage)._study_id
    before = list(map(_whole, storage.get_all_trials(study_id)))
    running = next(t for t in storage.get_all_trials(study_id) if t.state == TrialState.RUNNING)

    def write() -> None:
        with storage.together():
            storage.write_trial(running._trial_id, user_attrs={"x": 1})
            storage.write_trial(running._trial_id, state=TrialState.FAIL)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert list(map(_whole, storage.get_all_trials(study_id))) == before


def test_a_run_takes_few_statements(url: str) -> None:
    storage = open_storage(url, create=True)
    study_id = _study(storage)._study_id
    asked: list[str] = []
    sqlalchemy.event.listen(
        storage.engine, "after_cursor_execute", lambda _c, _cursor, statement, *_more: asked.append(statement)
    )
    storage.read_trials(TRIALS.c.study_id == study_id)
    assert len(asked) == 6
    asked.clear()
    running = next(t for t in storage.get_all_trials(study_id) if t.state == TrialState.RUNNING)
    asked.clear()
    storage.write_trial(
        running._trial_id,
        state=TrialState.COMPLETE,
        values=[1.0, 2.0],
        looks={8 * i: 0.5 for i in range(1, 9)},
        user_attrs={str(i): i for i in range(8)},
    )
    assert len(asked) == 4


def test_what_many_trials_are_told_takes_no_more_statements_than_one(url: str) -> None:
    storage = open_storage(url, create=True)
    study = optuna.create_study(storage=_optunas(storage))
    storage.create_trials(study._study_id, [create_trial(state=TrialState.WAITING) for _ in range(20)])
    trials = storage.get_all_trials(study._study_id)
    asked: list[str] = []
    sqlalchemy.event.listen(
        storage.engine, "after_cursor_execute", lambda _c, _cursor, statement, *_more: asked.append(statement)
    )
    taken = {"before": TrialState.WAITING, "state": TrialState.RUNNING, "later": True}
    for trial in trials:
        storage.write_trial(trial._trial_id, params={"x": (1.5, SPAN)}, **taken)
    with storage.together():
        for trial in trials:
            storage.write_trial(trial._trial_id, user_attrs={"run/0": trial.number})
            storage.write_trial(trial._trial_id, state=TrialState.COMPLETE, values=[0.5], looks={8: 0.25})
    assert len(asked) == 6
    asked.clear()
    told = storage.get_all_trials(study._study_id)
    assert [(t.state, t.values, t.user_attrs["run/0"]) for t in told] == [
        (TrialState.COMPLETE, [0.5], number) for number in range(20)
    ]


def test_of_what_is_told_of_many_nothing_is_written_where_one_is_not_as_it_must_be(url: str) -> None:
    storage = open_storage(url, create=True)
    study = optuna.create_study(storage=_optunas(storage))
    storage.create_trials(study._study_id, [create_trial(state=TrialState.RUNNING) for _ in range(3)])
    trials = storage.get_all_trials(study._study_id)
    storage.write_trial(trials[1]._trial_id, state=TrialState.PRUNED)

    def write() -> None:
        with storage.together():
            for trial in trials:
                storage.write_trial(trial._trial_id, state=TrialState.COMPLETE, values=[0.5])

    with pytest.raises(StudyError, match="^trial 1 must be running, got one that is pruned$"):
        write()
    states = [trial.state for trial in storage.get_all_trials(study._study_id)]
    assert states == [TrialState.RUNNING, TrialState.PRUNED, TrialState.RUNNING]
    storage.write_queued()
    assert states == [trial.state for trial in storage.get_all_trials(study._study_id)]
