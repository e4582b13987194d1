"""Searches by a sampler, with training made up so that hundreds of trials take no time."""

from __future__ import annotations

import contextlib
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from scalesearch.commands.search.batches import train_suggested
from scalesearch.commands.search.run import (
    SAMPLERS,
    SEED_POINTS,
    SearchSettings,
    plan_search,
    point_of,
    shares_at,
    with_reward_target,
)
from scalesearch.networks.cost import count
from scalesearch.networks.spec import ArchSpec
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import Coefficients, Shares
from scalesearch.study.driver import run_search
from scalesearch.study.rows import StudyStorage
from scalesearch.study.storage import sqlite_url
from scalesearch.study.study import HalvingPruner, SearchStudy, open_study
from scalesearch.training.dataset import DataSize
from scalesearch.workers.executor import TrialFailedError
from tests.conftest import slow_but

SIZE = DataSize(classes=5, train_images=640)
QUICK = ("tpe", "nsga2")
"""Samplers of the quick suite: one that learns from each trial, and one that does from whole generations."""
UNIT = st.floats(0, 1)


def settings(**given: Any) -> SearchSettings:
    small = {"images": 320, "baseline_width": 0.125, "baseline_resolution": 16, "baseline_channel_divisor": 1}
    return SearchSettings(**{**small, "batch_size": 8, "latency": False, "trials": 9, **given})


class Silent:
    def phase(self, name: str, total: int, done: int) -> None: ...
    def started(self, task: str, candidate: CandidateRecord) -> None: ...
    def step(self, task: str, done: int, steps: int) -> None: ...
    def finished(self, task: str, candidate: CandidateRecord) -> None: ...


class MadeUp:
    """An executor whose training runs are a formula; ``jobs`` lists what it was asked to do.

    ``stop_at`` makes the job of that number, from 0, end the driver as Ctrl-C does.
    """

    def __init__(self, stop_at: int | None = None, fails: Callable[[Mapping[str, Any]], bool] | None = None):
        self.jobs: list[str] = []
        self.stop_at = stop_at
        self.fails = fails

    def submit(
        self, job: Mapping[str, Any], on_step: Callable[[int, int], None], _on_look: object = None
    ) -> Future[dict[str, Any]]:
        if len(self.jobs) == self.stop_at:
            raise KeyboardInterrupt
        self.jobs.append(str(job["key"]))
        future: Future[dict[str, Any]] = Future()
        if self.fails is not None and self.fails(job):
            future.set_exception(TrialFailedError("out of memory: made up"))
        elif job["kind"] == "latency":
            future.set_result(latency(job))
        else:
            future.set_result(training_run(job))
        return future

    def shutdown(self, *, kill: bool = False) -> None: ...


def training_run(job: Mapping[str, Any]) -> dict[str, Any]:
    arch, seed, whole = ArchSpec.from_dict(job["arch"]), job["recipe"]["seed"], job["recipe"]["images"]
    cost = count(arch)
    end = job["until"] or whole
    best = 0.3 + 0.1 * math.sin(cost.params / 2e4) + 0.1 * math.cos(cost.macs / 3e5) + 0.001 * seed
    curve = [
        {"images": images, "train_loss": 1.0, "loss": 1.0, "top1": best * images / (images + 50)}
        for images in range(whole // 4, end + 1, whole // 4)
    ]
    return {
        "top1": curve[-1]["top1"],
        "loss": 1.0,
        "held_out_images": 100,
        "train_seconds": 1.0,
        "images_seen": end,
        "complete": end == whole,
        "curve": curve,
        "fvcore_total": cost.macs if job["count"] else None,
        "uncounted": {},
    }


def latency(job: Mapping[str, Any]) -> dict[str, Any]:
    seconds = count(ArchSpec.from_dict(job["arch"])).activations * 1e-8
    return {
        "samples_s": [seconds] * 3,
        "batch_size": 1,
        "threads": 1,
        "dtype": "float32",
        "device": "made up",
    }


def begin(store: BaseStorage, asked: SearchSettings) -> SearchStudy:
    """The study of these settings; only its first session has to make it."""
    if not optuna.get_all_study_names(store):
        minimised = ("macs", "params", "latency")
        directions = ["minimize" if goal in minimised else "maximize" for goal in asked.objectives]
        optuna.create_study(storage=store, study_name="search", directions=directions)
    study = SearchStudy(optuna.load_study(storage=store, study_name="search"), store, "sqlite://")
    if study.run is None:
        plan = plan_search(asked, SIZE)
        facts = plan.facts(name="search", command="", machine={}, versions={})
        study.begin(facts, plan.chosen, plan.skipped)
    return study


def search(store: BaseStorage, asked: SearchSettings, executor: MadeUp | None = None) -> RunRecord:
    """Begins or goes on with the search of these settings."""
    executor = executor or MadeUp()
    return run_search(
        begin(store, asked),
        asked,
        Path("no checkpoints"),
        lambda _jobs: executor,
        Silent(),
        train_suggested,
        Path("no starts"),
    )


def trials_of(store: BaseStorage) -> list[dict[str, Any]]:
    """All that a study holds of its trials but for times of day."""
    return _plain(optuna.load_study(study_name="search", storage=store).get_trials())


def _plain(trials: Sequence[FrozenTrial]) -> list[dict[str, Any]]:
    return [
        {
            "params": trial.params,
            "state": trial.state.name,
            "values": trial.values,
            "reports": trial.intermediate_values,
            "attributes": trial.user_attrs,
        }
        for trial in trials
    ]


@pytest.fixture
def stores() -> dict[str, BaseStorage]:
    """A database in memory for each name."""
    return defaultdict(lambda: StudyStorage("sqlite:///:memory:"))


@pytest.fixture
def store(stores: dict[str, BaseStorage]) -> BaseStorage:
    """The one database of a test that needs no more."""
    return stores["only"]


@given(u=UNIT, v=UNIT)
def test_every_suggestion_meets_the_constraint_exactly(u: float, v: float) -> None:
    shares = shares_at(u, v)
    assert min(shares.depth, shares.width, shares.resolution) >= 0
    assert shares.coefficients.product == pytest.approx(2, rel=1e-14)


@given(u=UNIT, v=UNIT)
def test_a_point_comes_back_from_its_shares(u: float, v: float) -> None:
    shares = shares_at(u, v)
    again = shares_at(*point_of(shares))
    assert again.depth == pytest.approx(shares.depth, abs=1e-9)
    assert again.width == pytest.approx(shares.width, abs=1e-9)
    assert again.resolution == pytest.approx(shares.resolution, abs=1e-9)


def test_uniform_points_are_uniform_shares() -> None:
    points = np.random.default_rng(0).uniform(size=(20_000, 2))
    shares = [shares_at(u, v) for u, v in points.tolist()]
    drawn = np.array([(s.depth, s.width, s.resolution) for s in shares])
    # A share of a uniform point of the triangle is Beta(1, 2): above x with probability (1 - x)^2.
    for above in (0.25, 0.5, 0.75):
        assert (drawn > above).mean(axis=0) == pytest.approx([(1 - above) ** 2] * 3, abs=0.012)


def test_the_seed_points_are_the_papers_shares_and_the_fast_ones(
    store: BaseStorage, stores: dict[str, BaseStorage]
) -> None:
    assert shares_at(*point_of(Shares(depth=1, width=0, resolution=0))).depth == 1
    record = search(store, settings(trials=3))
    paper, fast, other = record.candidates
    assert (paper.role, fast.role, other.role) == ("paper", "fast", "")
    stretch = math.log(2) / math.log(Coefficients(alpha=1.2, beta=1.1, gamma=1.15).product)
    triple = (1.2**stretch, 1.1**stretch, 1.15**stretch)
    assert (paper.alpha, paper.beta, paper.gamma) == pytest.approx(triple, rel=1e-9)
    assert (fast.alpha, fast.beta, fast.gamma) == pytest.approx((2**0.1, 2**0.4, 2**0.05), rel=1e-9)
    assert set(SEED_POINTS) == {"paper", "fast"}
    plain = search(stores["plain"], settings(trials=3, seed_points=False))
    assert [c.role for c in plain.candidates] == ["", "", ""]


@pytest.mark.parametrize("sampler", slow_but(QUICK, SAMPLERS))
def test_results_depend_neither_on_jobs_nor_on_stops(stores: dict[str, BaseStorage], sampler: str) -> None:
    asked = settings(sampler=sampler, seeds=2, trials=7, batch=2)
    search(stores["one"], asked)
    whole = trials_of(stores["one"])
    assert [trial["state"] for trial in whole] == ["COMPLETE"] * 7
    search(stores["two"], replace(asked, jobs=3))
    assert trials_of(stores["two"]) == whole

    runs = 0
    for stop_at in (3, 2, 4):  # jobs of a session before it is stopped: amid a batch, amid a network's seeds
        executor = MadeUp(stop_at=stop_at)
        with pytest.raises(KeyboardInterrupt):
            search(stores["stopped"], asked, executor)
        runs += len(executor.jobs)
    assert runs == 9
    search(stores["stopped"], asked)
    assert trials_of(stores["stopped"]) == whole


def test_a_search_in_a_database_file_resumes_too(stores: dict[str, BaseStorage], tmp_path: Path) -> None:
    asked = settings(sampler="nsga2", trials=3)

    def in_file(executor: MadeUp) -> SearchStudy:
        study = open_study(sqlite_url(tmp_path), "search", create=True)
        if study.run is None:
            study.begin(begin(stores["whole"], asked).begun(), (), ())
        run_search(study, asked, tmp_path, lambda _jobs: executor, Silent(), train_suggested, tmp_path)
        return study

    with pytest.raises(KeyboardInterrupt):
        in_file(MadeUp(stop_at=1))
    with in_file(MadeUp()).opened() as study:
        there = _plain(study.get_trials())
    search(stores["whole"], asked)
    assert there == trials_of(stores["whole"])


@pytest.mark.parametrize(
    ("sampler", "method"),
    [
        *(
            pytest.param(sampler, "set_trial_param", marks=() if sampler in QUICK else pytest.mark.slow)
            for sampler in SAMPLERS
        ),
        ("nsga2", "set_trial_user_attr"),
        ("nsga2", "set_trial_state_values"),
        ("nsga2", "write_trial"),
    ],
)
def test_a_search_killed_while_it_writes_is_the_uninterrupted_one(
    stores: dict[str, BaseStorage], monkeypatch: pytest.MonkeyPatch, sampler: str, method: str
) -> None:
    asked = settings(sampler=sampler, trials=6, batch=2)
    search(stores["whole"], asked)

    for allowed in (5, 4):  # both times between the two parameters of a trial
        with monkeypatch.context() as patch:
            _die_after(allowed, method, patch)
            with contextlib.suppress(Killed):
                search(stores["killed"], asked)
    search(stores["killed"], asked)
    assert trials_of(stores["killed"]) == trials_of(stores["whole"])


class Killed(BaseException):
    """The end of a driver that had no time to tidy up."""


def _die_after(writes: int, method: str, patch: pytest.MonkeyPatch) -> None:
    """Has the driver end before the next write of that kind: its trials stay RUNNING."""
    left = [writes]
    write, adopt = getattr(StudyStorage, method), SearchStudy.adopt

    def dying(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return write(*arguments, **named)

    patch.setattr(StudyStorage, method, dying)
    patch.setattr(SearchStudy, "adopt", lambda study: 0 if left[0] < 0 else adopt(study))


@pytest.mark.parametrize("sampler", slow_but((*QUICK, "qmc"), SAMPLERS))
def test_samplers_suggest_different_things(stores: dict[str, BaseStorage], sampler: str) -> None:
    search(stores["a"], settings(sampler=sampler, seed_points=False, trials=6))
    search(stores["b"], settings(sampler=sampler, seed_points=False, trials=6, seed=1))
    first, second = ([tuple(t["params"].values()) for t in trials_of(stores[f])] for f in "ab")
    assert len(set(first)) == 6
    assert not set(first[:4]) & set(second[:4])  # models may both end in a corner


def test_qmc_is_the_sobol_sequence(store: BaseStorage) -> None:
    from scipy.stats.qmc import Sobol

    search(store, settings(sampler="qmc", trials=8, seed=7))
    points = [[trial["params"]["u"], trial["params"]["v"]] for trial in trials_of(store)]
    # The first two trials are the seed points.
    expected = Sobol(2, scramble=True, seed=7).random(8)[:6]
    np.testing.assert_array_equal(points[2:], expected)


def test_nsga2_breeds_from_whole_batches(store: BaseStorage) -> None:
    search(store, settings(sampler="nsga2", trials=12, batch=3, objectives=("top1", "macs")))
    study = optuna.load_study(study_name="search", storage=store)
    generations = [t.system_attrs["NSGAIISampler:generation"] for t in study.get_trials()]
    assert generations == [0] * 6 + [1] * 6


def test_a_network_is_trained_once_however_often_it_is_suggested(store: BaseStorage) -> None:
    executor = MadeUp()
    asked = settings(sampler="random", trials=12, batch=4, baseline_width=0.02, resolution_multiple=8)
    record = search(store, asked, executor)
    trials = trials_of(store)
    keys = [trial["attributes"]["key"] for trial in trials]
    assert len(set(keys)) < 12
    assert Counter(executor.jobs) == Counter(f"{key}-seed0" for key in set(keys))
    # Each suggestion is told what its network gave, and the record has each network where it came up first.
    assert len({(trial["attributes"]["key"], *trial["values"]) for trial in trials}) == len(set(keys))
    assert [c.key for c in record.candidates] == list(dict.fromkeys(keys))
    assert all(c.status == "completed" and len(c.runs) == 1 for c in record.candidates)
    suggested: dict[str, list[tuple[float, ...]]] = {}
    for trial in trials:
        triple = tuple(trial["attributes"][name] for name in ("alpha", "beta", "gamma"))
        suggested.setdefault(trial["attributes"]["key"], []).append(triple)
    assert {c.key: list(c.merged) for c in record.candidates} == suggested


def test_several_objectives_are_stored_with_their_directions(store: BaseStorage) -> None:
    asked = settings(objectives=("top1", "macs", "params", "latency"), latency=True, trials=4)
    record = search(store, asked)
    study = optuna.load_study(study_name="search", storage=store)
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE", "MINIMIZE"]
    assert record.objectives == asked.objectives
    candidates = {c.key: c for c in record.candidates}
    for trial in study.get_trials():
        c = candidates[trial.user_attrs["key"]]
        assert c.latency is not None
        assert trial.values == [c.top1, c.macs, c.params, c.latency.samples_s[0]]


def test_latency_is_measured_once_and_only_while_nothing_trains(store: BaseStorage) -> None:
    executor = MadeUp()
    asked = settings(objectives=("top1", "latency"), latency=True, trials=6, batch=3, jobs=3)
    record = search(store, asked, executor)
    assert len(record.candidates) == 6
    kinds = "".join("T" if "-seed" in job else "L" for job in executor.jobs)
    assert kinds == "TTTLLLTTTLLL"


def test_a_network_whose_latency_cannot_be_measured_has_failed(store: BaseStorage) -> None:
    executor = MadeUp(fails=lambda job: job["kind"] == "latency")
    record = search(store, settings(objectives=("top1", "latency"), latency=True, trials=2), executor)
    assert [c.status for c in record.candidates] == ["failed", "failed"]
    assert record.candidates[0].reason == "latency: out of memory: made up"


def test_the_reward_weighs_accuracy_by_multiply_adds(store: BaseStorage) -> None:
    asked = with_reward_target(settings(objectives=("reward",), phi=2, trials=4, reward_weight=-0.5), SIZE)
    assert asked.reward_target == 4 * count(asked.proxy_baseline(5)).macs
    record = search(store, asked)
    values = {trial["attributes"]["key"]: trial["values"] for trial in trials_of(store)}
    for c in record.candidates:
        assert c.top1 is not None
        assert values[c.key] == pytest.approx([c.top1 * (c.macs / asked.reward_target) ** -0.5], rel=1e-12)
    assert with_reward_target(replace(asked, reward_target=5.0), SIZE).reward_target == 5.0
    assert with_reward_target(settings(), SIZE).reward_target == 0.0


def test_what_has_failed_is_told_tried_again_and_counts_once(store: BaseStorage) -> None:
    asked = settings(trials=4, sampler="random")
    poor = MadeUp(
        fails=lambda job: job["recipe"]["seed"] == 0 and count(ArchSpec.from_dict(job["arch"])).macs > 0
    )
    record = search(store, asked, poor)
    assert [c.status for c in record.candidates] == ["failed"] * 4
    assert record.candidates[0].reason == "out of memory: made up"
    study = begin(store, asked)
    assert study.retry_failed() == 4
    again = search(store, asked)
    assert [c.status for c in again.candidates] == ["completed"] * 4
    assert [c.key for c in again.candidates] == [c.key for c in record.candidates]
    assert all(len(c.merged) == 1 for c in again.candidates)
    assert len(trials_of(store)) == 8
    search(store, asked)
    assert len(trials_of(store)) == 8


@pytest.mark.parametrize("kind", ["macs", "params", "activations"])
def test_repaired_networks_cost_the_same(store: BaseStorage, kind: str) -> None:
    record = search(store, settings(match=kind, baseline_width=0.5, baseline_resolution=64, trials=6))
    for c in record.candidates:
        assert c.budget is not None
        assert c.budget.kind == kind
        if c.status == "completed":
            assert abs(c.budget.residual) <= 0.05
        else:
            assert c.reason == f"{kind} cannot be brought nearer than {c.budget.residual:+.1%} to the budget"
    assert sum(c.status == "completed" for c in record.candidates) >= 4


def test_networks_that_miss_the_budget_are_not_trained(store: BaseStorage) -> None:
    executor = MadeUp()
    asked = settings(match="macs", match_by="depth", budget_tolerance=0.0, trials=3)
    record = search(store, asked, executor)
    assert executor.jobs == []
    assert {c.status for c in record.candidates} == {"failed"}


@pytest.mark.parametrize("pruner", ["halving", pytest.param("median", marks=pytest.mark.slow)])
def test_pruned_searches_resume_too(stores: dict[str, BaseStorage], pruner: str) -> None:
    asked = settings(pruner=pruner, trials=7, batch=3, seeds=2, sampler="random")
    record = search(stores["whole"], asked)
    assert [rung.images for rung in record.rungs] == [80, 160, 320]
    whole = trials_of(stores["whole"])
    states = Counter(trial["state"] for trial in whole)
    assert set(states) == {"COMPLETE", "PRUNED"}
    stopped = [c for c in record.candidates if c.status == "pruned"]
    assert {c.images_seen for c in stopped} <= {80, 160}
    assert {c.reason for c in stopped} <= {"behind at 80 images", "behind at 160 images"}
    search(stores["jobs"], replace(asked, jobs=4))
    assert trials_of(stores["jobs"]) == whole
    for stop_at in (2, 4, 3):
        with pytest.raises(KeyboardInterrupt):
            search(stores["stopped"], asked, MadeUp(stop_at=stop_at))
    search(stores["stopped"], asked)
    assert trials_of(stores["stopped"]) == whole


def test_halving_lets_the_better_half_of_a_rung_go_on() -> None:
    study = optuna.create_study(direction="maximize", pruner=HalvingPruner([10]))
    trials = [study.ask() for _ in range(5)]
    for trial, value in zip(trials, (0.2, 0.5, 0.5, 0.1, 0.5), strict=True):
        trial.report(value, 10)
    assert [trial.should_prune() for trial in trials] == [True, False, False, True, False]
    trials[3].report(0.0, 11)  # no rung
    assert not trials[3].should_prune()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sampler": "cma"}, "`sampler` must be one of tpe, gp, nsga2, random, qmc, got 'cma'"),
        ({"trials": 0}, "`trials` must be >= 1, got 0"),
        ({"batch": 0}, "`batch` must be >= 1, got 0"),
        ({"phi": math.inf}, "`phi` must be a finite number, got inf"),
        ({"objectives": ()}, "`objectives` must be of top1, reward, macs, params, latency, got 'none'"),
        (
            {"objectives": ("top1", "loss")},
            "`objectives` must be of top1, reward, macs, params, latency, got 'loss'",
        ),
        ({"objectives": ("top1", "top1")}, "`objectives` must name each once, got 'top1,top1'"),
        ({"objectives": ("macs", "top1")}, "`objectives` must begin with top1 or reward, got 'macs,top1'"),
        (
            {"objectives": ("top1", "latency")},
            "`latency` must be on where it is an objective, got no-latency with 'top1,latency'",
        ),
        (
            {"objectives": ("top1", "macs"), "pruner": "median"},
            "`pruner` must be none with several objectives, got 'median' for top1,macs: Optuna prunes by one "
            "objective only; give --pruner none or one objective",
        ),
        ({"pruner": "hyperband"}, "`pruner` must be one of none, median, halving, got 'hyperband'"),
        ({"reward_weight": math.nan}, "`reward_weight` must be a finite number, got nan"),
        (
            {"reward_weight": 0.07},
            "`reward_weight` must be <= 0, got 0.07: a dearer network would be worth more",
        ),
        ({"reward_target": -1.0}, "`reward_target` must be a finite number >= 0, got -1.0"),
        (
            {"match": "latency"},
            "`match` must be one of none, macs, params, activations, memory, got 'latency'",
        ),
        (
            {"match": "params", "match_by": "resolution"},
            "`match_by` must be width or depth for params: they are the same at any "
            "resolution, got resolution",
        ),
    ],
)
def test_bad_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        settings(**wrong)
    assert str(error.value) == message


def test_a_phi_that_makes_no_network_is_refused_before_anything_runs() -> None:
    with pytest.raises(ValueError, match="resolution"):
        plan_search(settings(phi=-20), SIZE)


def test_settings_come_back_from_plain_data() -> None:
    asked = settings(objectives=("reward", "params"), sampler="gp", phi=-1.5)
    assert SearchSettings.from_dict({**asked.to_dict(), "objectives": ["reward", "params"]}) == asked
