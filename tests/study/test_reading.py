"""Runs of version 0.1.0 stay readable, and go on."""

from __future__ import annotations

import csv
import math
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from click.testing import Result
from optuna.trial import FrozenTrial, TrialState, create_trial

from scalesearch.errors import StudyError
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, CodeSpec
from scalesearch.page.tables import candidates_table
from scalesearch.runs.kept import kept_run
from scalesearch.scaling import Multipliers
from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.study.reading import (
    SAME_AS,
    attributes_of,
    chosen_of,
    counting_trials,
    read_record,
    runs_of,
    seed_run,
    with_shapes,
)
from scalesearch.study.settings import TrainingSettings
from scalesearch.study.storage import sqlite_url
from scalesearch.study.study import SearchStudy, find_study, open_study
from scalesearch.training.dataset import DataSize
from tests.study.conftest import Lab

OLD = Path(__file__).parents[1] / "fixtures" / "run-0.1.0"
NAME = "grid-efficientnet-b0-phi1"
Run = Callable[..., Result]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "old"))


@pytest.fixture(autouse=True)
def light_report(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.study.test_crash_matrix import _light_report

    monkeypatch.setattr("scalesearch.runs.lifecycle.write_report", _light_report)


def _same_as_then(folder: Path, *, but: tuple[str, ...] = ()) -> None:
    then, now = pd.read_csv(OLD / "candidates.csv"), pd.read_csv(folder / "candidates.csv")
    # There are more fronts than there were.
    but = (*but, "pareto")
    pd.testing.assert_frame_equal(now[list(then)].drop(columns=list(but)), then.drop(columns=list(but)))
    fronts = [{"macs", "latency"} & set(names.split("+")) for names in now["pareto"].fillna("")]
    assert fronts == [set(names.split("+")) - {""} for names in then["pareto"].fillna("")]
    # Nor had version 0.1.0 a word on memory, or on the machine.
    assert now["machine"].isna().all()


def _again(old: Path) -> tuple[str, ...]:
    return ("grid", f"--config={old / 'run.toml'}", f"--out={old}")


def test_its_report_says_what_it_said(old: Path, run: Run) -> None:
    (old / "candidates.csv").unlink()
    before = (old / "study.db").read_bytes()
    assert run("report", old).exit_code == 0
    _same_as_then(old)
    assert (old / "study.db").read_bytes() == before


@pytest.mark.parametrize("command", ["resume", "grid"])
def test_a_finished_one_goes_on_to_its_end_at_once(old: Path, run: Run, lab: Lab, command: str) -> None:
    result = run("resume", old) if command == "resume" else run(*_again(old))
    assert result.exit_code == 0, result.output
    _same_as_then(old)
    assert (lab.ledger, lab.measured) == ([], [])
    study = open_study(sqlite_url(old), NAME, create=False)
    assert [planned.record.key for planned in study.completed()] == [
        planned.arch.key for planned in study.completed()
    ]
    assert len(study.completed()) == 3


@pytest.mark.parametrize("command", ["resume", "grid"])
@pytest.mark.parametrize("state", [TrialState.WAITING, TrialState.RUNNING, TrialState.FAIL])
def test_one_that_was_stopped_half_way_is_finished(
    old: Path, run: Run, lab: Lab, state: TrialState, command: str
) -> None:
    key = _take_back(old, state)
    if state == TrialState.FAIL:
        assert run("resume", old).exit_code == 0
        assert lab.ledger == []
        result = run("resume", old, "--retry-failed")
    else:
        result = run("resume", old) if command == "resume" else run(*_again(old))
    assert result.exit_code == 0, result.output
    assert [(t.key, t.seed, t.start, t.stop) for t in lab.ledger] == [(key, 0, 0, 32)]
    table = pd.read_csv(old / "candidates.csv").set_index("key")
    assert set(table["status"]) == {"completed", "skipped"}
    then = pd.read_csv(OLD / "candidates.csv").set_index("key")
    outcome = ["top1", "loss", "top1_low", "top1_high", "train_seconds", "fvcore_total", "pareto"]
    pd.testing.assert_frame_equal(table[list(then)].drop(columns=outcome), then.drop(columns=outcome))
    others = [other for other in then.index if other != key]
    pd.testing.assert_frame_equal(table.loc[others, outcome[:-1]], then.loc[others, outcome[:-1]])


def _take_back(folder: Path, state: TrialState) -> str:
    """Makes the last trial of a finished run one that was not trained, as version 0.1.0 left such."""
    url = sqlite_url(folder)
    study = optuna.load_study(study_name=NAME, storage=url)
    attributes, trials = study.user_attrs, study.trials
    optuna.delete_study(study_name=NAME, storage=url)
    again = optuna.create_study(study_name=NAME, storage=url, direction="maximize")
    for name, value in attributes.items():
        again.set_user_attr(name, value)
    for trial in trials[:-1]:
        again.add_trial(trial)
    taken = trials[-1].user_attrs
    kept = {name: value for name, value in taken.items() if name != "result"}
    again.enqueue_trial(trials[-1].params, user_attrs=kept)
    if state != TrialState.WAITING:
        ranges = {name: trials[-1].distributions[name] for name in trials[-1].params}
        asked = again.ask(fixed_distributions=ranges)
        if state == TrialState.FAIL:
            asked.set_user_attr("reason", "broken")
            again.tell(asked, state=TrialState.FAIL)
    return str(taken["key"])


def test_fidelity_wants_it_adopted_first(old: Path, run: Run) -> None:
    result = run("fidelity", old)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: DIR must hold a run of this version, got {old} of version 0.1.0: scalesearch resume {old} "
        "makes it one\n"
    )
    assert not (old / "fidelity").exists()


def test_its_record_has_one_seed_and_no_rungs() -> None:
    study = open_study(sqlite_url(OLD), NAME, create=False)
    record = study.record()
    assert (record.kind, record.rungs, record.objectives, record.reliability) == ("grid", (), ("top1",), ())
    trained = [c for c in record.candidates if c.runs]
    assert [tuple(run.seed for run in c.runs) for c in trained] == [(0,)] * 3
    assert len(candidates_table(record)) == 59


def _trial(**attributes: Any) -> FrozenTrial:
    return create_trial(state=TrialState.RUNNING, user_attrs=attributes)


def test_runs_come_by_seed_and_an_old_result_is_the_first_seeds() -> None:
    assert runs_of({"run/11": {"a": 1}, "run/2": {"b": 2}}, 0) == {2: {"b": 2}, 11: {"a": 1}}
    assert runs_of({"result": {"c": 3}}, 7) == {7: {"c": 3}}
    assert runs_of({}, 7) == {}


def test_the_latest_trial_of_a_network_counts_and_copies_do_not() -> None:
    trials = [
        _trial(key="a"),
        _trial(key="b"),
        _trial(key="a", retry=True),
        _trial(),
        _trial(key="b", **{SAME_AS: 1}),
    ]
    assert counting_trials(trials) == {"a": trials[2], "b": trials[1]}


def test_the_chosen_come_in_their_order() -> None:
    pieces = {"chosen/0001": [{"key": "c"}], "chosen/0000": [{"key": "b"}, {"key": "a"}], "chosen/0002": []}
    assert list(chosen_of(pieces | {"skipped/0000": [{"key": "z"}]})) == ["b", "a", "c"]


def test_a_database_is_not_made_by_looking_for_a_study(tmp_path: Path) -> None:
    for url in (
        sqlite_url(tmp_path),
        f"{sqlite_url(tmp_path)}?timeout=5",
        f"sqlite+pysqlite:///{tmp_path}/study.db",
    ):
        assert find_study(url, "run") is None
    assert list(tmp_path.iterdir()) == []
    made = open_study(sqlite_url(tmp_path), "run", create=True)
    for url in (sqlite_url(tmp_path), f"{sqlite_url(tmp_path)}?timeout=5"):
        found = find_study(url, "run")
        assert found is not None
        assert found.name == made.name
    with pytest.raises(StudyError, match=r"^`storage` must be a database URL"):
        find_study("nonsense", "run")


def test_a_study_that_kept_its_networks_but_not_their_memory_gets_it_from_the_networks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = DataSize(classes=18, train_images=3600)
    plan = plan_grid(GridSettings(step=0.25, tolerance=0.3, max_networks=2), size)
    run = plan.facts(name=NAME, command="", machine={}, versions={})
    trials = []
    for planned in plan.chosen:
        attributes = attributes_of(planned)
        for name in ("inference_bytes", "training_bytes"):
            assert attributes["candidate"].pop(name) > 0
        trials.append(create_trial(value=0.5, user_attrs=attributes))
    read = read_record(run, {}, trials).candidates
    kept = [(c.key, c.inference_bytes, c.training_bytes) for c in (p.record for p in plan.chosen)]
    assert sorted((c.key, c.inference_bytes, c.training_bytes) for c in read) == sorted(kept)
    # A user's own code would have to be run for it.
    monkeypatch.setattr("scalesearch.networks.user_code.importlib.import_module", pytest.fail)
    own = CodeSpec(name="own", target="colorsys:rgb_to_hsv", resolution=32).to_dict()
    known = [trial.user_attrs["arch"] for trial in trials]
    for trial in trials:
        trial.user_attrs["arch"] = own
    assert {c.inference_bytes for c in read_record(run, {}, trials).candidates} == {None}
    for trial, arch in zip(trials, known, strict=True):
        trial.user_attrs["arch"] = arch
    # Without the network nothing is known.
    for trial in trials:
        trial.user_attrs.pop("arch")
    assert {c.inference_bytes for c in read_record(run, {}, trials).candidates} == {None}


@pytest.mark.parametrize("state", [TrialState.WAITING, TrialState.PRUNED])
def test_a_trial_that_another_process_makes_while_a_record_is_read_is_no_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: TrialState
) -> None:
    plan = plan_grid(
        GridSettings(step=0.25, tolerance=0.3, max_networks=2), DataSize(classes=18, train_images=3600)
    )
    study = open_study(sqlite_url(tmp_path), NAME, create=True)
    of_an_old_version = attributes_of(plan.chosen[0])
    memory = of_an_old_version["candidate"].pop("inference_bytes")
    study.begin(plan.facts(name=NAME, command="", machine={}, versions={}), (), ())

    def add(attributes: dict[str, Any], state: TrialState) -> None:
        with study.opened() as opened:
            opened.add_trial(create_trial(state=state, user_attrs=attributes))

    add(of_an_old_version, TrialState.WAITING)
    read = SearchStudy._read

    def read_while_another_adds(asked: SearchStudy, *states: Any, **what: Any) -> list[FrozenTrial]:
        trials = read(asked, *states, **what)
        add(attributes_of(plan.chosen[1]), state)
        return trials

    monkeypatch.setattr(SearchStudy, "_read", read_while_another_adds)
    (candidate,) = study.record().candidates
    assert (candidate.key, candidate.inference_bytes) == (plan.chosen[0].record.key, memory)


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("top1", 7, "`top1` must be between 0 and 1, got 7"),
        ("loss", float("nan"), "`loss` must be a finite number, got nan"),
        ("images_seen", -1, "`images_seen` must be >= 0, got -1"),
        ("train_seconds", "long", "`train_seconds` must be a number, got 'long'"),
        (
            "curve",
            [{"images": 8, "train_loss": 1.0, "loss": 1.0, "top1": 2.0}],
            "`curve`: `top1` must be between 0",
        ),
    ],
)
def test_a_number_that_no_training_run_has_is_refused(name: str, value: object, what: str) -> None:
    result = {
        "top1": 0.5,
        "loss": 1.0,
        "held_out_images": 10,
        "images_seen": 8,
        "train_seconds": 1.0,
        "curve": (),
    }
    assert seed_run(0, result).top1 == 0.5
    with pytest.raises(ValueError, match=what):
        seed_run(0, result | {name: value})


def test_rungs_are_read_without_the_networks(
    tmp_path: Path, run: Run, lab: Lab, tiny: tuple[str, ...]
) -> None:
    """To go on, they are needed; of thousands of networks, a record takes seconds."""
    del lab
    options = [option for option in tiny if not option.startswith("--max-networks")]
    result = run("grid", f"--out={tmp_path / 'run'}", "--jobs=1", "--rungs=3:0.5,2:1", *options)
    assert result.exit_code == 0, result.output
    study = open_study(sqlite_url(tmp_path / "run"), NAME, create=False)
    rungs = study.rungs()
    assert [(rung.images, rung.networks) for rung in rungs] == [(16, 3), (32, 2)]
    assert rungs == study.record().rungs
    study.set_attribute("skipped/0000", 5)
    with pytest.raises(StudyError):
        study.record()
    assert study.rungs() == rungs
    study.set_attribute("run", {**study.begun(), "rungs": [{"images": "many"}]})
    with pytest.raises(StudyError, match="`dir` must hold a study that this version can read"):
        study.rungs()


@pytest.mark.parametrize("report", ["step1-efficientnet-b0", "step1-mobilenet-v2", "step1-resnet-18"])
def test_runs_made_before_shapes_were_kept_get_them_worked_out(report: str) -> None:
    root = Path(__file__).parents[2]
    with (root / "tests" / "statistics" / "step1_runs.csv").open(encoding="utf-8") as file:
        rows = {row["network"]: row for row in csv.DictReader(file) if row["report"] == report}
    run = kept_run(root / "reports" / report).record
    names = {field.name for field in fields(TrainingSettings)}
    settings = TrainingSettings.from_dict({k: v for k, v in run.settings.items() if k in names})
    base = settings.proxy_baseline(run.classes)
    assert isinstance(base, ArchSpec)
    networks = {c.key: c for c in run.candidates if c.runs}
    assert networks.keys() == rows.keys()
    for key, c in networks.items():
        shape = (c.depth_doublings, c.width_doublings, c.resolution_doublings)
        assert shape == pytest.approx([float(rows[key][name]) for name in "DWR"], abs=2e-5)
        assert sum(filter(None, shape)) == pytest.approx(math.log2(c.macs_ratio))
        # Of the network that was trained, not of what its multipliers ask for.
        built = scale(
            base,
            Multipliers(depth=c.depth, width=c.width, resolution=c.resolution_multiplier),
            settings.proxy_rounding,
        )
        assert built.key == key
        repeats = zip(base.stages, built.stages, strict=True)
        deeper = replace(base, stages=tuple(replace(b, repeats=s.repeats) for b, s in repeats))
        assert shape[0] == pytest.approx(math.log2(count(deeper).macs / count(base).macs))
        assert shape[2] == pytest.approx(2 * math.log2(c.resolution / base.resolution))
    assert with_shapes(run) is run


def test_shapes_are_not_guessed_where_the_settings_or_the_code_do_not_tell() -> None:
    root = Path(__file__).parents[2]
    run = kept_run(root / "reports" / "step1-resnet-18").record
    bare = [replace(c, depth_doublings=None, width_doublings=None) for c in run.candidates]
    code = CodeSpec(name="mine", target="nets:mine", resolution=48).to_dict()
    for changed in ({"baseline": "gone"}, {"baseline": "mine", "baseline_arch": code}):
        there = replace(run, candidates=tuple(bare), settings={**run.settings, **changed})
        assert with_shapes(there) is there
