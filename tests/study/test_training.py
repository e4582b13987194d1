"""Trials by rungs and by seeds: what is trained, how far, and what is told."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from scalesearch.errors import RunFailedError
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.study.driver import Segment, mean_curve, run_search, train_enqueued
from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.study.storage import sqlite_url
from scalesearch.study.study import SearchStudy, open_study
from scalesearch.training.dataset import DataSize
from tests.study.conftest import FakeExecutor, Job, Lab, top1_of

SIZE = DataSize(classes=18, train_images=1000)
FULL = GridSettings(
    match="none",
    step=0.25,
    tolerance=0.3,
    max_networks=6,
    images=40,
    batch_size=4,
    baseline_width=0.125,
    baseline_channel_divisor=1,
    baseline_resolution=16,
    latency=False,
)
RUNGS = replace(FULL, rungs=("6:0.25", "3:0.5", "2:1"), seeds=2)


class Silent:
    """An observer that remembers how tasks ended."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, int, int]] = []
        self.outcomes: list[tuple[str, str]] = []

    def phase(self, name: str, total: int, done: int) -> None:
        self.phases.append((name, total, done))

    def started(self, task: str, candidate: CandidateRecord) -> None:
        pass

    def step(self, task: str, done: int, steps: int) -> None:
        pass

    def finished(self, task: str, candidate: CandidateRecord) -> None:
        self.outcomes.append((task, candidate.status))


def _begin(folder: Path, settings: GridSettings) -> SearchStudy:
    plan = plan_grid(settings, SIZE)
    study = open_study(sqlite_url(folder), "run", create=True)
    study.begin(plan.facts(name="run", command="", machine={}, versions={}), plan.chosen, plan.skipped)
    return study


def _search(
    study: SearchStudy, settings: GridSettings, lab: Lab, folder: Path, observer: Silent | None = None
) -> RunRecord:
    return run_search(
        study, settings, folder / "checkpoints", lab.executor, observer or Silent(), train_enqueued, folder
    )


def _outcomes(record: RunRecord) -> dict[str, tuple[str, str, tuple[tuple[int, float, int], ...]]]:
    return {
        c.key: (c.status, c.reason, tuple((run.seed, run.top1, run.images_seen) for run in c.runs))
        for c in record.candidates
        if c.status != "skipped"
    }


@pytest.mark.parametrize("jobs", [1, 3])
def test_halving_is_the_brute_force_one_whatever_comes_first(tmp_path: Path, lab: Lab, jobs: int) -> None:
    lab.reverse = jobs > 1
    settings = replace(RUNGS, jobs=jobs)
    study = _begin(tmp_path, settings)
    keys = [planned.record.key for planned in plan_grid(settings, SIZE).chosen]
    outcomes = _outcomes(_search(study, settings, lab, tmp_path))

    second = sorted(keys, key=lambda key: -top1_of(key, 0, 8))[:3]
    last = sorted(second, key=lambda key: -top1_of(key, 0, 20))[:2]
    for key in keys:
        if key in last:
            runs = tuple((seed, top1_of(key, seed, 40), 40) for seed in (0, 1))
            assert outcomes[key] == ("completed", "", runs)
        else:
            images = 20 if key in second else 8
            told = ("pruned", f"behind at {images} images", ((0, top1_of(key, 0, images), images),))
            assert outcomes[key] == told
    assert not (tmp_path / "checkpoints").exists()


def test_survivors_have_the_runs_that_training_in_full_gives(tmp_path: Path, lab: Lab) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "rungs").mkdir()
    full = replace(FULL, seeds=2)
    whole = _search(_begin(tmp_path / "full", full), full, lab, tmp_path / "full")
    halved = _search(_begin(tmp_path / "rungs", RUNGS), RUNGS, lab, tmp_path / "rungs")
    by_key = {c.key: c for c in whole.candidates}
    survivors = [c for c in halved.candidates if c.status == "completed"]
    assert len(survivors) == 2
    for survivor in survivors:
        for run, same in zip(survivor.runs, by_key[survivor.key].runs, strict=True):
            looks = {point.images for point in same.curve}
            assert replace(run, curve=tuple(p for p in run.curve if p.images in looks)) == same


@pytest.mark.slow
def test_real_survivors_have_the_runs_of_training_in_full_bit_for_bit(tmp_path: Path) -> None:
    from scalesearch.workers.executor import ProcessExecutor

    def workers(jobs: int) -> ProcessExecutor:
        return ProcessExecutor(jobs=jobs, log_dir=tmp_path / "logs")

    records = {}
    for name, settings in (("full", FULL), ("rungs", replace(RUNGS, seeds=1))):
        small = replace(settings, held_out=18, max_networks=3, rungs=settings.rungs and ("3:0.5", "1:1"))
        (tmp_path / name).mkdir()
        study = _begin(tmp_path / name, small)
        checkpoints = tmp_path / name / "checkpoints"
        records[name] = run_search(
            study, small, checkpoints, workers, Silent(), train_enqueued, tmp_path / name
        )
        assert not checkpoints.exists()
    (survivor,) = [c for c in records["rungs"].candidates if c.status == "completed"]
    (same,) = [c for c in records["full"].candidates if c.key == survivor.key]
    looks = {point.images for point in same.runs[0].curve}
    curve = tuple(point for point in survivor.runs[0].curve if point.images in looks)
    clock = same.runs[0].train_seconds
    assert replace(survivor.runs[0], curve=curve, train_seconds=clock) == same.runs[0]


def test_the_outcome_of_seeds_is_their_mean(tmp_path: Path, lab: Lab) -> None:
    settings = replace(FULL, max_networks=2, seeds=3, seed=5)
    study = _begin(tmp_path, settings)
    record = _search(study, settings, lab, tmp_path)
    trained = [c for c in record.candidates if c.status == "completed"]
    assert len(trained) == 2
    for candidate in trained:
        tops = [top1_of(candidate.key, seed, 40) for seed in (5, 6, 7)]
        assert [run.top1 for run in candidate.runs] == tops
        assert candidate.top1 == fmean(tops)
        assert candidate.fvcore_total == 12345
    with study.opened() as opened:
        for trial in opened.get_trials():
            key = trial.user_attrs["key"]
            assert trial.value == fmean(top1_of(key, seed, 40) for seed in (5, 6, 7))
            assert trial.intermediate_values == {
                images: fmean(top1_of(key, seed, images) for seed in (5, 6, 7)) for images in (12, 20, 32, 40)
            }


def test_fvcore_counts_each_network_once_and_the_count_outlives_the_rungs(tmp_path: Path, lab: Lab) -> None:
    counted: list[str] = []
    lab.on_result = lambda job: counted.append(job["key"]) if job.get("count") else None
    record = _search(_begin(tmp_path, RUNGS), RUNGS, lab, tmp_path)
    assert len(counted) == len(set(counted)) == 6
    assert [c.fvcore_total for c in record.candidates if c.runs] == [12345] * 6


def test_a_seed_that_fails_fails_its_network_by_name_and_no_more_of_it_is_trained(
    tmp_path: Path, lab: Lab
) -> None:
    settings = replace(FULL, max_networks=2, seeds=3)
    study = _begin(tmp_path, settings)
    bad = plan_grid(settings, SIZE).chosen[0].record.key
    lab.fails = lambda job: "diverged" if job["key"] == f"{bad}-seed1" else None
    observer = Silent()
    outcomes = _outcomes(_search(study, settings, lab, tmp_path, observer))
    assert outcomes.pop(bad) == ("failed", "seed 1: diverged", ((0, top1_of(bad, 0, 40), 40),))
    assert [status for status, _, _ in outcomes.values()] == ["completed"]
    assert {t.seed for t in lab.ledger if t.key == bad} == {0}
    assert observer.outcomes[1] == (f"{bad}-seed1", "failed")

    lab.fails = lambda _job: None
    assert study.retry_failed() == 1
    outcomes = _outcomes(_search(study, settings, lab, tmp_path))
    assert outcomes[bad][0] == "completed"
    assert sorted(t.seed for t in lab.ledger if t.key == bad) == [0, 1, 2]


class OneIsLost(FakeExecutor):
    """Workers of which those whose task is named so end all at once, the first lost on the way."""

    def __init__(self, lab: Lab, named: str, jobs: int) -> None:
        super().__init__(lab, jobs)
        self._named = named
        self._under_way: list[tuple[Future[dict[str, Any]], Job]] = []

    def submit(self, job: Job, *told: Any) -> Future[dict[str, Any]]:
        if self._named not in job["key"]:
            return super().submit(job, *told)
        future: Future[dict[str, Any]] = Future()
        self._under_way.append((future, json.loads(json.dumps(dict(job)))))
        if len(self._under_way) == self._jobs:
            (lost, _), *others = self._under_way
            lost.set_exception(RunFailedError("the cluster was lost"))
            for other, its in others:
                other.set_result(self._lab.run(its))
        return future


def test_what_ends_together_with_a_run_that_was_lost_is_kept(tmp_path: Path, lab: Lab) -> None:
    settings = replace(FULL, max_networks=3, jobs=3)
    study, observer = _begin(tmp_path, settings), Silent()
    first, *others = [planned.record.key for planned in plan_grid(settings, SIZE).chosen]
    lab.executor = partial(OneIsLost, lab, "")
    with pytest.raises(RunFailedError, match="the cluster was lost"):
        _search(study, settings, lab, tmp_path, observer)
    outcomes = _outcomes(study.record())
    assert outcomes.pop(first)[2] == ()
    assert outcomes == {key: ("completed", "", ((0, top1_of(key, 0, 40), 40),)) for key in others}
    assert [task for task, _ in observer.outcomes] == [f"{key}-seed0" for key in others]


def test_one_seed_fails_without_being_named(tmp_path: Path, lab: Lab) -> None:
    lab.fails = lambda _job: "diverged"
    outcomes = _outcomes(_search(_begin(tmp_path, FULL), FULL, lab, tmp_path))
    assert set(outcomes.values()) == {("failed", "diverged", ())}


def test_a_network_that_failed_at_a_later_rung_takes_its_own_place_when_retried(
    tmp_path: Path, lab: Lab
) -> None:
    keys = [planned.record.key for planned in plan_grid(RUNGS, SIZE).chosen]
    third = sorted(keys, key=lambda key: -top1_of(key, 0, 8))[2]
    lab.fails = lambda job: "broken" if job["key"].startswith(third) and job["until"] == 20 else None
    study = _begin(tmp_path, RUNGS)
    first = _outcomes(_search(study, RUNGS, lab, tmp_path))
    assert first[third][:2] == ("failed", "seed 0: broken")
    lab.fails = lambda _job: None
    trained = len(lab.ledger)
    study.retry_failed()
    again = _outcomes(_search(study, RUNGS, lab, tmp_path))
    assert again[third][1] != "behind at 8 images"
    # It goes on from its checkpoint, and nobody else is trained.
    first_stretch = lab.ledger[trained]
    assert (first_stretch.key, first_stretch.start, first_stretch.stop) == (third, 8, 20)
    assert {t.key for t in lab.ledger[trained:]} == {third}
    assert not (tmp_path / "checkpoints").exists()


def test_a_finished_run_trains_nothing(tmp_path: Path, lab: Lab) -> None:
    study = _begin(tmp_path, RUNGS)
    record = _search(study, RUNGS, lab, tmp_path)
    trained = list(lab.ledger)
    again = _search(study, RUNGS, lab, tmp_path)
    assert lab.ledger == trained
    assert again.candidates == record.candidates
    assert again.sessions == 2


def test_a_study_killed_while_it_was_begun_may_be_begun_with_fewer_networks(tmp_path: Path) -> None:
    study = open_study(sqlite_url(tmp_path), "run", create=True)
    many = plan_grid(replace(FULL, max_networks=0, step=0.1), SIZE)
    assert len(many.chosen) > 20
    facts = many.facts(name="run", command="", machine={}, versions={})

    write = SearchStudy.set_attribute

    def die(study: SearchStudy, name: str, value: object) -> None:
        if name == "run":
            raise KeyboardInterrupt
        write(study, name, value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SearchStudy, "set_attribute", die)
        with pytest.raises(KeyboardInterrupt):
            study.begin(facts, many.chosen, many.skipped)
    few = _begin(tmp_path, FULL)
    assert few.waiting() == 6
    assert len(few.record().candidates) == len(plan_grid(FULL, SIZE).order)


@pytest.mark.parametrize(
    ("until", "run", "reached"),
    [
        (8, None, False),
        (8, {"images_seen": 4, "complete": False}, False),
        (8, {"images_seen": 8, "complete": False}, True),
        (8, {"images_seen": 20, "complete": False}, True),
        (None, {"images_seen": 40, "complete": False}, False),
        (None, {"images_seen": 40, "complete": True}, True),
        (None, {"images_seen": 40}, True),  # version 0.1.0 stored whole runs only
    ],
)
def test_how_far_a_run_has_come(until: int | None, run: Mapping[str, Any] | None, reached: bool) -> None:
    assert Segment(until=until, seeds=(0,)).reached(run) is reached


def test_the_mean_curve_has_the_looks_that_all_runs_have() -> None:
    def run(points: dict[int, float]) -> dict[str, Any]:
        return {"curve": [{"images": images, "top1": top1} for images, top1 in points.items()]}

    runs = [run({8: 0.1, 20: 0.2, 40: 0.4}), run({20: 0.4, 40: 0.6})]
    assert mean_curve(runs) == [(20, pytest.approx(0.3)), (40, pytest.approx(0.5))]


def test_the_made_up_curves_cross() -> None:
    """Otherwise halving would have nothing to get wrong."""
    keys = [planned.record.key for planned in plan_grid(replace(FULL, max_networks=0), SIZE).chosen]
    random.Random(0).shuffle(keys)
    early, late = (sorted(keys, key=lambda key: -top1_of(key, 0, images)) for images in (8, 40))
    assert early != late
