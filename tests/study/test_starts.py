"""Runs whose networks are grown: what is trained first, what jobs are told, what is kept when it is stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from scalesearch.commands.fidelity.run import length_settings
from scalesearch.commands.sweep.run import SweepSettings, plan_sweep
from scalesearch.errors import RunFailedError
from scalesearch.export.state import State, read_state, write_state
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.build import build
from scalesearch.networks.spec import ArchSpec
from scalesearch.records import StartRecord
from scalesearch.study.driver import run_search, start_facts, train_enqueued, train_starts
from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.study.plan import grown_plan
from scalesearch.study.reading import START
from scalesearch.study.settings import TrainingSettings, differences, start_file
from scalesearch.study.storage import sqlite_url
from scalesearch.study.study import SearchStudy, open_study
from scalesearch.training.checkpoint import run_identity
from scalesearch.training.images import load
from scalesearch.training.loop import grow, train
from scalesearch.workers.executor import TrialFailedError
from scalesearch.workers.worker import TrialSpec, run_trial
from tests.study.conftest import Lab
from tests.study.test_training import FULL, SIZE, OneIsLost, Silent

GROWN = replace(FULL, start="grown", seeds=2, max_networks=3)
BASE = GROWN.proxy_baseline(SIZE.classes)


def _begin(folder: Path, settings: GridSettings) -> SearchStudy:
    plan = grown_plan(plan_grid(settings, SIZE), BASE)
    study = open_study(sqlite_url(folder), "run", create=True)
    facts = plan.facts(name="run", command="", machine={}, versions={}) | {"start": start_facts(BASE)}
    study.begin(facts, plan.chosen, plan.skipped)
    return study


def _search(study: SearchStudy, lab: Lab, folder: Path, observer: Silent | None = None) -> Any:
    return run_search(
        study,
        GROWN,
        folder / "checkpoints",
        lab.executor,
        observer or Silent(),
        train_enqueued,
        starts=folder,
    )


def _leaves_weights(job: Mapping[str, Any]) -> None:
    """What a worker does and the lab doesn't."""
    if job["key"].startswith("start-"):
        Path(job["weights"]).parent.mkdir(exist_ok=True)
        facts = {"recipe": job["recipe"], "dataset": job["data"]["name"]}
        write_state(Path(job["weights"]), ArchSpec.from_dict(job["arch"]), {}, facts)


def test_the_baseline_is_trained_first_once_per_seed(tmp_path: Path, lab: Lab) -> None:
    jobs: list[Mapping[str, Any]] = []

    def remember(job: Mapping[str, Any]) -> None:
        jobs.append(job)
        _leaves_weights(job)

    lab.on_result = remember
    observer = Silent()
    record = _search(_begin(tmp_path, GROWN), lab, tmp_path, observer)
    assert [job["key"] for job in jobs[:2]] == [f"start-{BASE.key}-seed0", f"start-{BASE.key}-seed1"]
    assert [job["start"] for job in jobs[:2]] == ["", ""]
    assert len(jobs) == 2 + 3 * 2
    for job in jobs[2:]:
        assert job["start"] == str(tmp_path / "starts" / f"seed{job['recipe']['seed']}.safetensors")
    for job in jobs:  # the same length and recipe for all
        assert job["recipe"] == jobs[0]["recipe"] | {"seed": job["recipe"]["seed"]}
    assert observer.phases == [("Training the baseline", 2, 0), ("Training", 6, 0)]
    assert [run.images_seen for run in record.start.runs] == [40, 40]
    assert (record.start.kind, record.start.network, record.start.classes) == ("grown", BASE.name, 18)
    assert not (tmp_path / "checkpoints").exists()


def test_a_baseline_that_ends_together_with_one_that_was_lost_is_kept(tmp_path: Path, lab: Lab) -> None:
    study, workers = _begin(tmp_path, GROWN), OneIsLost(lab, "start-", 2)
    lab.on_result = _leaves_weights
    with pytest.raises(RunFailedError, match="the cluster was lost"):
        train_starts(study, GROWN, workers, Silent(), tmp_path, tmp_path / "checkpoints")
    assert [name for name in study.attributes if name.startswith(START)] == [f"{START}1"]


def test_stopped_after_one_baseline_it_goes_on_with_the_other(tmp_path: Path, lab: Lab) -> None:
    study = _begin(tmp_path, GROWN)

    def die(job: Mapping[str, Any]) -> None:
        _leaves_weights(job)
        if job["key"].endswith("seed1"):
            raise KeyboardInterrupt

    lab.on_result = die
    with pytest.raises(KeyboardInterrupt):
        _search(study, lab, tmp_path)
    # The second one's weights were written, its result never told: its checkpoint gives it at once.
    assert [(t.seed, t.start, t.stop) for t in lab.ledger] == [(0, 0, 40), (1, 0, 40)]
    lab.on_result = _leaves_weights
    observer = Silent()
    record = _search(study, lab, tmp_path, observer)
    assert [(t.seed, t.start, t.stop) for t in lab.ledger[:3]] == [(0, 0, 40), (1, 0, 40), (0, 0, 40)]
    assert lab.ledger[2].key != BASE.key
    assert [run.seed for run in record.start.runs] == [0, 1]
    trained = len(lab.ledger)
    again = Silent()
    assert _search(study, lab, tmp_path, again).candidates == record.candidates
    assert len(lab.ledger) == trained
    assert again.phases[0] == ("Training the baseline", 2, 2)


def test_another_study_of_the_folder_finds_them(tmp_path: Path, lab: Lab) -> None:
    """As the rounds of `alternate` do."""
    lab.on_result = _leaves_weights
    _search(_begin(tmp_path, GROWN), lab, tmp_path)
    (tmp_path / "second").mkdir()
    second = _begin(tmp_path / "second", GROWN)
    trained = [t for t in lab.ledger if t.key.startswith("start-")]
    record = _search(second, lab, tmp_path)
    assert [t for t in lab.ledger if t.key.startswith("start-")] == trained
    assert record.start.runs == ()


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True),
        ({"images": 80}, False),
        ({"recipe": "quick"}, False),
        ({"baseline_width": 0.25}, False),
        ({"dataset": "folder:there"}, False),
    ],
)
def test_weights_that_a_deleted_study_left_are_taken_only_for_the_same_training(
    tmp_path: Path, lab: Lab, changes: dict[str, Any], kept: bool
) -> None:
    settings = replace(GROWN, **changes)
    lab.on_result = _leaves_weights
    _search(_begin(tmp_path, GROWN), lab, tmp_path)
    (tmp_path / "study.db").unlink()
    study = open_study(sqlite_url(tmp_path), "run", create=True)
    plan = plan_grid(settings, SIZE)
    study.begin(plan.facts(name="run", command="", machine={}, versions={}), (), ())
    observer = Silent()
    train_starts(study, settings, lab.executor(), observer, tmp_path, tmp_path / "checkpoints")
    assert observer.phases == [("Training the baseline", 2, 2 if kept else 0)]
    # A study that knows of them, or another length of theirs, has them all the same.
    for known in (settings, length_settings(settings, 2, seeds=2, jobs=1, threads=1)):
        train_starts(study, known, lab.executor(), observer, tmp_path, tmp_path / "checkpoints")
        assert observer.phases[-1] == ("Training the baseline", 2, 2)


def test_without_a_baseline_nothing_is_trained(tmp_path: Path, lab: Lab) -> None:
    lab.fails = lambda job: "diverged" if job["key"].startswith("start-") else None
    with pytest.raises(TrialFailedError, match="diverged"):
        _search(_begin(tmp_path, GROWN), lab, tmp_path)
    assert lab.ledger == []


def test_from_scratch_nothing_of_it_is_said(tmp_path: Path, lab: Lab) -> None:
    starts: list[str] = []
    lab.on_result = lambda job: starts.append(job["start"])
    plan = plan_grid(FULL, SIZE)
    study = open_study(sqlite_url(tmp_path), "run", create=True)
    study.begin(plan.facts(name="run", command="", machine={}, versions={}), plan.chosen, plan.skipped)
    record = run_search(
        study, FULL, tmp_path / "checkpoints", lab.executor, Silent(), train_enqueued, starts=tmp_path
    )
    assert set(starts) == {""}
    assert record.start is None
    assert start_file(tmp_path, FULL, 0) is None
    assert not {"start", "pretrained", "scratch_run"} & set(FULL.to_dict())


# --- settings


def test_settings_say_a_start_in_one_way() -> None:
    assert TrainingSettings(start="scratch") == TrainingSettings()
    from_file = TrainingSettings(pretrained="w.safetensors")
    assert from_file == TrainingSettings(pretrained="w.safetensors", start="grown")
    assert TrainingSettings.from_dict(json.loads(json.dumps(from_file.to_dict()))) == from_file
    assert from_file.to_dict()["start"] == "grown"
    assert start_file(Path("run"), from_file, 3) == Path("run/start.safetensors")
    assert start_file(Path("run"), GROWN, 3) == Path("run/starts/seed3.safetensors")
    assert length_settings(GROWN, 2, seeds=1, jobs=1, threads=1).start == "grown"
    assert differences(FULL.to_dict(), replace(FULL, start="grown").to_dict()) == [
        "start: None there, 'grown' asked"
    ]
    told = replace(GROWN, scratch_run="there")
    assert differences(GROWN.to_dict(), told.to_dict()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": "warm"}, "`start` must be one of scratch, grown, got 'warm'"),
        (
            {"start": "scratch", "pretrained": "w.pth"},
            "`start` must be grown with the weights of w.pth, got 'scratch'",
        ),
        (
            {"scratch_run": "there"},
            "`scratch_run` must be given for a run that does not start from scratch itself, got 'there'",
        ),
    ],
)
def test_settings_that_contradict(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="must be") as caught:
        TrainingSettings(**changes)
    assert str(caught.value) == message


# --- plans


def test_a_network_that_cannot_be_grown_is_skipped_with_the_reason() -> None:
    plan = plan_grid(replace(GROWN, max_networks=0), SIZE)
    # A start that is deeper than those networks that are only wider.
    start = replace(BASE, stages=(replace(BASE.stages[0], repeats=2), *BASE.stages[1:]))
    grown = grown_plan(replace(plan, base=start), start)
    assert 0 < len(grown.chosen) < len(plan.chosen)
    assert {p.arch.stages[0].repeats for p in grown.chosen if isinstance(p.arch, ArchSpec)} >= {2}
    reasons = {c.reason for c in grown.skipped}
    assert reasons == {
        f"can't be grown from {BASE.name}: stage1 has 1 block, fewer than the 2 there",
    }
    assert {c.key for c in grown.skipped} | {p.record.key for p in grown.chosen} == set(plan.order)


def test_a_grid_is_thinned_among_the_networks_that_can_be_grown() -> None:
    # What width takes up of the cost leaves some networks narrower than the baseline here and there.
    settings = replace(GROWN, max_networks=0, match="macs", match_by="width")
    every, scratch = plan_grid(settings, SIZE, start=BASE), plan_grid(settings, SIZE)
    ungrown = {c.key for c in every.skipped}
    assert 3 < len(every.chosen) < len(scratch.chosen)
    assert ungrown | {p.record.key for p in every.chosen} == {p.record.key for p in scratch.chosen}
    few = plan_grid(replace(settings, max_networks=3), SIZE, start=BASE)
    assert grown_plan(few, BASE) is few
    assert (len(few.chosen), [rung.networks for rung in few.rungs]) == (3, [3])
    assert few.thinning.startswith(f"3 of {len(every.chosen)} distinct networks are trained")
    reasons = {c.key: c.reason for c in few.skipped}
    assert {key for key, why in reasons.items() if why.startswith("can't be grown from")} == ungrown
    thinned = f"thinned out: 3 of {len(every.chosen)} distinct networks are trained"
    assert {why for key, why in reasons.items() if key not in ungrown} == {thinned}
    assert few.order == scratch.order
    # Without a start the plan is as it always was, and where all can be grown it says nothing else.
    same = replace(GROWN, max_networks=4)
    assert plan_grid(same, SIZE, start=BASE) == plan_grid(same, SIZE)


def test_a_plan_without_the_networks_that_cannot_be_grown_counts_those_that_are_left() -> None:
    shared = {field.name: getattr(GROWN, field.name) for field in fields(TrainingSettings)}
    plan = plan_sweep(SweepSettings(**shared, phis=(-1.0, 2.0)), SIZE)
    grown = grown_plan(plan, plan.base)
    assert 0 < len(grown.chosen) < len(plan.chosen)
    assert [rung.networks for rung in grown.rungs] == [len(grown.chosen)]


def test_a_baseline_narrower_than_the_file_is_refused() -> None:
    settings = replace(FULL, pretrained="b0.safetensors")
    with pytest.raises(ValueError, match="`pretrained`") as caught:
        grown_plan(plan_grid(settings, SIZE), EFFICIENTNET_B0)
    assert str(caught.value) == (
        "`pretrained` must hold a network that the baseline as trained can be grown from, got efficientnet-b0: "
        "stem, layer 1 has 4 channels, fewer than the 32 there; --baseline-width 1 keeps all of the file's "
        "channels"
    )


def test_networks_that_shrink_are_refused_all_together() -> None:
    # Half of the compute, none of it saved by a smaller resolution, which changes no weight.
    settings = replace(GROWN, phi=-1.0, gamma_max=1.0)
    with pytest.raises(ValueError, match="`start` must be scratch for these networks, none of which"):
        grown_plan(plan_grid(settings, SIZE), BASE)


# --- training


def _spec(**changes: Any) -> TrialSpec:
    known: dict[str, Any] = {
        "key": "tiny-seed0",
        "arch": BASE,
        "recipe": GROWN.proxy_recipe.to_dict() | {"looks": 2},
        "data": replace(GROWN, held_out=36).data.to_dict(),
        "device": "cpu",
        "threads": 1,
        "count": False,
    }
    return TrialSpec(**known | changes)


def _ignore(_done: int, _steps: int) -> None:
    pass


def test_a_grown_run_starts_where_its_start_stood_and_goes_on_after_a_pause(tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    run_trial(_spec(weights=str(start)), _ignore)
    state = read_state(start)
    wide = plan_grid(GROWN, SIZE).chosen[0].arch
    own = {"arch": wide, "start": str(start), "weights": str(tmp_path / "grown.safetensors")}
    whole = run_trial(_spec(**own), _ignore)
    assert read_state(tmp_path / "grown.safetensors").facts["start"] == state.digest
    checkpoint = str(tmp_path / "c.safetensors")
    run_trial(_spec(**own, checkpoint=checkpoint, until=20), _ignore)
    restarts: list[str] = []
    paused = run_trial(_spec(**own, checkpoint=checkpoint), _ignore, restarts.append)
    assert restarts == []
    assert paused.curve[-1] == whole.curve[-1]
    # From scratch it is another run, whose checkpoint this is not.
    scratch = run_trial(_spec(arch=wide, checkpoint=checkpoint, until=20), _ignore, restarts.append)
    assert len(restarts) == 1
    assert scratch.curve[0] != whole.curve[0]


@pytest.mark.slow
def test_the_first_step_is_taken_from_the_grown_weights() -> None:
    """A rate next to nothing leaves the weights where growth put them."""
    source = load(replace(GROWN, held_out=36).data)
    recipe = replace(GROWN.proxy_recipe, learning_rate=1e-12, images=4, looks=1, ema_share=0.0)
    first = train(BASE, GROWN.proxy_recipe, source, dataset="photographs", device=torch.device("cpu"))
    state = State(arch=BASE, tensors=first.weights, facts={})
    wide = plan_grid(GROWN, SIZE).chosen[0].arch
    second = train(wide, recipe, source, dataset="photographs", device=torch.device("cpu"), start=state)
    torch.manual_seed(recipe.seed)
    expected = grow(state, wide, fresh=build(wide).state_dict(), seed=recipe.seed)
    for name, value in second.weights.items():
        if name.endswith(("weight", "bias")):
            torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)


def test_identities_of_runs_from_scratch_stay_and_of_grown_ones_follow_their_start() -> None:
    source = load(replace(GROWN, held_out=36).data)
    own = {"dataset": "photographs"}
    plain = run_identity(BASE, GROWN.proxy_recipe, source, **own)
    assert run_identity(BASE, GROWN.proxy_recipe, source, **own, start=None) == plain
    zeros = {"w": torch.zeros(3)}
    one, other = (
        run_identity(
            BASE, GROWN.proxy_recipe, source, **own, start=State(arch=BASE, tensors=tensors, facts={})
        )
        for tensors in (zeros, {"w": torch.ones(3)})
    )
    assert len({plain, one, other}) == 3


def test_a_start_that_does_not_fit_is_the_jobs_reason(tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    wide = plan_grid(GROWN, SIZE).chosen[0].arch
    write_state(start, wide, {}, {})
    with pytest.raises(ValueError, match=r"`start` must be a network that efficientnet-b0 can be grown from"):
        run_trial(_spec(start=str(start)), _ignore)


def test_a_record_without_runs_says_nothing_of_them() -> None:
    record = StartRecord(**start_facts(BASE, file="w.pth", digest="ab"))
    assert (record.kind, record.file, record.digest, record.runs) == ("pretrained", "w.pth", "ab", ())
