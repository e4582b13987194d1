"""Whatever happens to a study, in whatever order, no network is lost, trained twice or told twice."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from optuna.trial import TrialState

from scalesearch.page.fronts import fronts
from scalesearch.records import CandidateRecord
from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.study.plan import Plan
from scalesearch.study.reading import counting_trials
from scalesearch.study.storage import sqlite_url
from scalesearch.study.study import SearchStudy, open_study
from scalesearch.training.dataset import DataSize
from tests.study.conftest import top1_of

SETTINGS = GridSettings(
    step=0.25,
    tolerance=0.3,
    max_networks=4,
    images=40,
    batch_size=4,
    baseline_width=0.125,
    baseline_channel_divisor=1,
    baseline_resolution=16,
    seeds=2,
)
PLAN: Plan = plan_grid(SETTINGS, DataSize(classes=18, train_images=1000))
KEYS = [planned.record.key for planned in PLAN.chosen]


def _result(key: str, seed: int, images: int) -> dict[str, Any]:
    curve = [
        {"images": i, "train_loss": 2.0, "loss": 2.0, "top1": top1_of(key, seed, i)}
        for i in (8, 40)
        if i <= images
    ]
    return {
        **{"top1": curve[-1]["top1"], "loss": 2.0, "held_out_images": 900, "train_seconds": 1.0},
        **{
            "images_seen": images,
            "complete": images == 40,
            "curve": curve,
            "fvcore_total": 1,
            "uncounted": {},
        },
    }


def _beats(one: CandidateRecord, other: CandidateRecord) -> bool:
    """Whether one is at least as cheap and as good, and better in one of the two."""
    assert one.top1 is not None
    assert other.top1 is not None
    no_worse = one.macs <= other.macs and one.top1 >= other.top1
    return no_worse and (one.macs < other.macs or one.top1 > other.top1)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that was begun: made once, as making a database takes a second."""
    folder = tmp_path_factory.mktemp("begun")
    study = open_study(sqlite_url(folder), "run", create=True)
    facts = PLAN.facts(name="run", command="", machine={}, versions={})
    study.begin(facts, PLAN.chosen, PLAN.skipped)
    return folder


class Driver(RuleBasedStateMachine):
    """A driver that does everything a driver may do, and dies at any moment."""

    template: Path

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(self.template / "study.db", self.folder)
        self.open()
        self.asked: Counter[str] = Counter()
        self.crashes = self.retries = 0
        self.stored: dict[tuple[str, int], int] = {}
        self.running: dict[str, optuna.Trial] = {}
        self.told: dict[str, str] = {}

    def open(self) -> None:
        self.study: SearchStudy = open_study(sqlite_url(self.folder), "run", create=False)
        self.study.adopt()
        self.study.enqueue_missing()
        self.ranges = self.study.coefficient_ranges()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.finish_everything()
            shutil.rmtree(self.folder)

    def one_of(self, data: st.DataObject) -> tuple[str, optuna.Trial]:
        key = data.draw(st.sampled_from(sorted(self.running)))
        return key, self.running[key]

    @precondition(lambda self: self.study.waiting())
    @rule()
    def ask(self) -> None:
        trial = self.study.ask(self.ranges)
        key = self.study.planned(trial).record.key
        assert key not in self.running
        assert key not in self.told
        # What was stored before is there for whoever takes it up.
        there = {(key, seed): run["images_seen"] for seed, run in self.study.runs(trial).items()}
        assert there == {run: images for run, images in self.stored.items() if run[0] == key}
        self.asked[key] += 1
        self.running[key] = trial

    @precondition(lambda self: self.running)
    @rule(data=st.data(), seed=st.sampled_from(SETTINGS.seed_list), images=st.sampled_from((8, 40)))
    def store_run(self, data: st.DataObject, seed: int, images: int) -> None:
        key, trial = self.one_of(data)
        images = max(images, self.stored.get((key, seed), 0))
        self.study.store_run(trial, seed, _result(key, seed, images))
        self.stored[key, seed] = images

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def report(self, data: st.DataObject) -> None:
        key, trial = self.one_of(data)
        self.study.report(trial, 8, top1_of(key, 0, 8))
        self.study.report(trial, 8, -1.0)  # told twice: the first one stays
        stored = {t.user_attrs["key"]: t for t in self.trials() if t.state == TrialState.RUNNING}
        assert stored[key].intermediate_values == {8: top1_of(key, 0, 8)}

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        key, trial = self.one_of(data)
        for seed in SETTINGS.seed_list:
            self.study.store_run(trial, seed, _result(key, seed, 40))
            self.stored[key, seed] = 40
        self.study.complete(trial, (0.5,))
        self.told[key] = "completed"
        del self.running[key]

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        key, trial = self.one_of(data)
        self.study.fail(trial, "broken")
        self.told[key] = "failed"
        del self.running[key]

    @rule()
    def retry_failed(self) -> None:
        failed = [key for key, status in self.told.items() if status == "failed"]
        assert self.study.retry_failed() == len(failed)
        self.retries += len(failed)
        for key in failed:
            del self.told[key]

    @rule()
    def crash(self) -> None:
        """The driver is gone; another one opens the same file."""
        self.crashes += 1
        self.running.clear()
        self.open()

    def finish_everything(self) -> None:
        """A driver that is left in peace brings every network to its end."""
        self.crash()
        while self.study.waiting():
            self.ask()
            key, trial = next(iter(self.running.items()))
            for seed in SETTINGS.seed_list:
                self.study.store_run(trial, seed, _result(key, seed, 40))
                self.stored[key, seed] = 40
            self.study.complete(trial, (0.5,))
            self.told[key] = "completed"
            del self.running[key]
        completed = Counter(t.user_attrs["key"] for t in self.trials() if t.state == TrialState.COMPLETE)
        failed = {key for key, status in self.told.items() if status == "failed"}
        assert completed == Counter(set(KEYS) - failed)
        self.the_record_is_what_happened()
        done = [c for c in self.study.record().candidates if c.status == "completed"]
        front = [c.key for c in done if not any(_beats(other, c) for other in done)]
        assert sorted(fronts(self.study.record())["macs"]) == sorted(front)

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        with self.study.opened() as opened:
            return opened.get_trials(deepcopy=False)

    @invariant()
    def the_record_is_what_happened(self) -> None:
        record = self.study.record()
        trained = {c.key: c for c in record.candidates if c.status != "skipped"}
        assert sorted(trained) == sorted(KEYS)
        assert {key: c.status for key, c in trained.items() if c.status != "waiting"} == self.told
        runs = {(key, run.seed): run.images_seen for key, c in trained.items() for run in c.runs}
        assert runs == self.stored
        assert self.study.finished() == len(self.told)
        assert self.study.finished() + self.study.waiting() + len(self.running) == len(KEYS)

    @invariant()
    def no_network_is_completed_twice_or_asked_for_in_vain(self) -> None:
        states = Counter(t.user_attrs["key"] for t in self.trials() if t.state == TrialState.COMPLETE)
        assert all(count == 1 for count in states.values())
        assert len(counting_trials(self.trials())) == len(KEYS)
        assert all(count <= 1 + self.crashes + self.retries for count in self.asked.values())


def _run(machine: type[Driver], begun: Path, examples: int, steps: int) -> None:
    machine.template = begun
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_nothing_is_lost_or_done_twice(begun: Path) -> None:
    _run(Driver, begun, 4, 10)


@pytest.mark.slow
def test_nothing_is_lost_or_done_twice_at_length(begun: Path) -> None:
    _run(Driver, begun, 15, 20)
