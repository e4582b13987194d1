"""Whole designs, one seed after another: when they end, how they go on, and what checks the answer."""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from scalesearch.commands.grid.run import _why_stop, checks_left, train_designs
from scalesearch.errors import RunFailedError
from scalesearch.records import RunRecord
from scalesearch.records.runs import run_tables, runs_of_tables
from scalesearch.runs.lifecycle import failed_notes
from scalesearch.study.driver import run_search
from scalesearch.study.grid_plan import GridSettings, every_network, plan_grid
from scalesearch.study.storage import sqlite_url
from scalesearch.study.study import SearchStudy, open_study
from scalesearch.training.dataset import DataSize
from tests.study.conftest import Job, Lab, share
from tests.study.test_training import FULL, SIZE, OneIsLost, Silent, _begin

DESIGNS = replace(
    FULL,
    step=0.05,
    tolerance=0.1,
    match="macs",
    max_networks=12,
    seeds=3,
    baseline_width=0.25,
    baseline_resolution=48,
    baseline_channel_divisor=2,
)


@pytest.fixture
def planned() -> dict[str, tuple[float, float, float]]:
    """The split of every network of the grid, by its key."""
    networks = every_network(DESIGNS, SIZE.classes)
    return {key: one.record.split for key, one in networks.items() if one.record.split is not None}


@pytest.fixture
def sloped(
    monkeypatch: pytest.MonkeyPatch, planned: dict[str, tuple[float, float, float]]
) -> dict[str, float]:
    """Networks whose accuracy falls with depth's share, by noise that a test sets."""
    told = {"noise": 0.001, "depth": -0.2}

    def top1(key: str, seed: int, images: int) -> float:
        key = next((known for known in planned if known in key), key)
        depth, width, _ = planned[key]
        noise = told["noise"] * (share(key, seed, images) - 0.5)
        return 0.6 + told["depth"] * depth + 0.05 * told["depth"] * width + noise

    monkeypatch.setattr("tests.study.conftest.top1_of", top1)
    return told


def search(
    study: SearchStudy, settings: GridSettings, lab: Lab, folder: Path, observer: Silent | None = None
) -> RunRecord:
    return run_search(
        study, settings, folder / "checkpoints", lab.executor, observer or Silent(), train_designs, folder
    )


def test_every_network_is_trained_with_one_seed_before_any_with_the_next(lab: Lab, tmp_path: Path) -> None:
    study = _begin(tmp_path, DESIGNS)
    record = search(study, DESIGNS, lab, tmp_path)
    assert [one.seed for one in lab.ledger] == [0] * 12 + [1] * 12 + [2] * 12
    assert [c.status for c in record.candidates if c.runs] == ["completed"] * 12
    assert record.stopped == "all 3 designs were trained (--seeds)"


@pytest.mark.usefixtures("sloped")
def test_a_search_ends_once_its_answer_is_sure_enough(lab: Lab, tmp_path: Path) -> None:
    settings = replace(DESIGNS, seeds=5, regret=1.5)
    record = search(_begin(tmp_path, settings), settings, lab, tmp_path)
    assert {one.seed for one in lab.ledger} == {0, 1}
    assert "within the 1.5 of --regret" in record.stopped
    # The one whose split is known to be as good gives no reason to go on either.
    assert all(c.status == "completed" for c in record.candidates if c.runs)


def test_a_search_whose_answer_is_not_sure_goes_on(
    lab: Lab, tmp_path: Path, sloped: dict[str, float]
) -> None:
    sloped["noise"] = 0.5
    settings = replace(DESIGNS, seeds=3, regret=1.5)
    search(_begin(tmp_path, settings), settings, lab, tmp_path)
    assert {one.seed for one in lab.ledger} == {0, 1, 2}


def test_equal_splits_end_a_search_too(lab: Lab, tmp_path: Path, sloped: dict[str, float]) -> None:
    sloped["depth"] = 0.0
    settings = replace(DESIGNS, seeds=5, regret=0.0)
    record = search(_begin(tmp_path, settings), settings, lab, tmp_path)
    assert {one.seed for one in lab.ledger} == {0, 1}
    assert "any will do" in record.stopped


def test_no_design_is_begun_that_would_not_end_in_time() -> None:
    settings = replace(DESIGNS, time_budget=60.0)

    def nothing() -> RunRecord:
        raise AssertionError("time alone decides")

    assert "within the 60 s of --time-budget" in _why_stop(nothing, settings, 1, spent=40.0, last=25.0)
    assert _why_stop(nothing, settings, 1, spent=30.0, last=25.0) == ""
    assert _why_stop(nothing, settings, 3, spent=59.0, last=25.0) == ""  # all are trained


@pytest.mark.usefixtures("sloped")
def test_the_answer_is_confirmed_by_seeds_that_it_has_not_seen(lab: Lab, tmp_path: Path) -> None:
    settings = replace(DESIGNS, seeds=2, confirm=3)
    study = _begin(tmp_path, settings)
    record = search(study, settings, lab, tmp_path)
    checks = record.checks
    assert {check.purpose for check in checks} == {"confirm"}
    assert {check.role for check in checks} == {"best", "runner-up", "paper"}
    assert sorted(check.run.seed for check in checks if check.role == "best") == [
        1_000_000 + k for k in range(3)
    ]
    assert len(checks) == 9
    networks = {check.role: check.network for check in checks}
    assert len(set(networks.values())) == 3
    splits = {c.key: c.split for c in record.candidates}
    best, paper = splits[networks["best"]], splits[networks["paper"]]
    assert best is not None
    assert paper is not None
    assert best[0] < paper[0]
    # None of these runs is among those that the answer rests on, and all are written down.
    assert all(run.seed < 2 for c in record.candidates for run in c.runs)
    (again,) = runs_of_tables(run_tables([record]))
    assert again.checks == record.checks
    assert again.stopped == record.stopped
    trained = len(lab.ledger)
    search(study, settings, lab, tmp_path)
    assert len(lab.ledger) == trained


@pytest.mark.usefixtures("sloped")
def test_corners_and_centre_are_trained_by_other_recipes(lab: Lab, tmp_path: Path) -> None:
    settings = replace(DESIGNS, seeds=2, check_recipe=True)
    recipes: list[dict[str, float]] = []
    lab.on_result = lambda job: recipes.append(dict(job["recipe"])) if "check-" in job["key"] else None
    record = search(_begin(tmp_path, settings), settings, lab, tmp_path)
    assert {check.role for check in record.checks} == {
        "depth alone",
        "width alone",
        "resolution alone",
        "centre",
    }
    assert {check.variant for check in record.checks} == {"rate x 0.5", "rate x 2", "batch 8"}
    assert len(record.checks) == len(recipes) == 4 * 3 * 2
    rate = settings.proxy_recipe.learning_rate
    assert {recipe["learning_rate"] for recipe in recipes} == {rate / 2, rate, rate * 2}
    assert {recipe["batch_size"] for recipe in recipes} == {4, 8}


@pytest.mark.usefixtures("sloped")
def test_a_check_that_fails_leaves_the_others(lab: Lab, tmp_path: Path) -> None:
    settings = replace(DESIGNS, seeds=2, confirm=2)
    lab.fails = lambda job: "out of memory" if "confirm-best" in job["key"] else None
    record = search(_begin(tmp_path, settings), settings, lab, tmp_path)
    assert {check.role for check in record.checks} == {"runner-up", "paper"}


@pytest.mark.usefixtures("sloped")
def test_a_check_that_failed_is_tried_again_where_that_is_asked_for(lab: Lab, tmp_path: Path) -> None:
    settings = replace(DESIGNS, seeds=2, confirm=2, check_recipe=True)
    study = _begin(tmp_path, settings)
    lab.fails = lambda job: "out of memory" if "best" in job["key"] or "batch" in job["key"] else None
    before = search(study, settings, lab, tmp_path).checks
    trained = len(lab.ledger)
    again = "scalesearch resume reports/x --retry-failed tries those that failed again"
    assert failed_notes(study.record(), study.failed_beside, Path("reports/x")) == (
        f"10 runs that check or confirm the answer failed (out of memory): {again}",
    )
    lab.fails = lambda _job: None
    assert search(study, settings, lab, tmp_path).checks == before  # a reason stands until it is asked again
    assert len(lab.ledger) == trained
    assert study.retry_failed() == 0  # no network of the search has failed
    assert checks_left(study, settings) == (4 * 2, 2)
    reopened = _begin(tmp_path, settings)
    after = search(reopened, settings, lab, tmp_path).checks
    assert {check.role for check in after if check.purpose == "confirm"} == {"best", "runner-up", "paper"}
    assert {check.variant for check in after if check.purpose == "recipe"} == {
        *("rate x 0.5", "rate x 2", "batch 8")
    }
    assert len(after) - len(before) == len(lab.ledger) - trained == 4 * 2 + 2
    assert failed_notes(reopened.record(), reopened.failed_beside, Path("reports/x")) == ()
    assert [check for check in after if check in before] == list(before)


@pytest.mark.usefixtures("sloped")
def test_checks_that_end_together_with_one_that_was_lost_are_kept(lab: Lab, tmp_path: Path) -> None:
    settings = replace(DESIGNS, seeds=2, confirm=1, jobs=3)
    study, whole = _begin(tmp_path, settings), lab.executor
    lab.executor = partial(OneIsLost, lab, "confirm")
    with pytest.raises(RunFailedError, match="the cluster was lost"):
        search(study, settings, lab, tmp_path)
    assert {check.role for check in study.record().checks} == {"runner-up", "paper"}
    lab.executor, trained = whole, len(lab.ledger)
    record = search(study, settings, lab, tmp_path)
    assert {check.role for check in record.checks} == {"best", "runner-up", "paper"}
    assert len(lab.ledger) == trained + 1


def test_every_network_of_a_grid_can_be_made_again() -> None:
    plan = plan_grid(DESIGNS, DataSize(classes=18, train_images=3600))
    networks = every_network(DESIGNS, 18)
    assert tuple(networks) == plan.order
    assert all(networks[planned.record.key].arch == planned.arch for planned in plan.chosen)


@pytest.mark.usefixtures("lab")
def test_more_seeds_go_on_in_the_same_folder(tmp_path: Path, lab: Lab, run: Callable[..., Result]) -> None:
    common = (
        *("grid", f"--out={tmp_path / 'run'}", "--images=40", "--batch-size=4", "--baseline-width=0.125"),
        *("--baseline-resolution=16", "--no-latency", "--jobs=1", "--device=cpu", "--max-networks=3"),
    )
    first = run(*common, "--seeds=2")
    assert first.exit_code == 0, first.output
    assert len(lab.ledger) == 6
    again = run(*common, "--seeds=3")
    assert again.exit_code == 0, again.output
    assert [one.seed for one in lab.ledger[6:]] == [2, 2, 2]
    rows = json.loads(run("report", tmp_path / "run", "--format=json").stdout)
    assert [row["seeds"] for row in rows if row["status"] == "completed"] == [3, 3, 3]
    assert run("resume", tmp_path / "run").exit_code == 0
    assert len(lab.ledger) == 9
    other = run(*common, "--seeds=3", "--seed=5")
    assert other.exit_code == 2
    assert "seed: 0 there, 5 asked" in other.stderr


WHOLE = (
    "--images=40",
    "--batch-size=4",
    "--baseline-resolution=48",
    "--baseline-channel-divisor=2",
    "--no-latency",
)
"""Options of a grid with a surface, whose networks are those of ``DESIGNS``."""


@pytest.mark.usefixtures("sloped")
def test_a_run_stopped_in_its_checks_says_how_many_are_left(
    tmp_path: Path, lab: Lab, run: Callable[..., Result]
) -> None:
    asked = (
        "grid",
        f"--out={tmp_path / 'run'}",
        "--jobs=1",
        "--seeds=2",
        "--check-recipe",
        "--confirm=2",
        *WHOLE,
    )

    def stop_after(purpose: str, number: int) -> None:
        seen: list[str] = []

        def stop(job: Job) -> None:
            if f"check-{purpose}" in job["key"]:
                seen.append(job["key"])
            if len(seen) == number:
                raise KeyboardInterrupt

        lab.on_result = stop

    for purpose, number, left in (
        (
            "recipe",
            5,
            "; still to be trained are runs: 20 that check the recipe and 6 that confirm the answer.",
        ),
        ("confirm", 3, "; still to be trained are runs: 4 that confirm the answer."),
    ):
        stop_after(purpose, number)
        result = run(*asked)
        assert result.exit_code == 130
        assert (
            f"Stopped: 12 of 12 networks are done and kept{left} Go on with: scalesearch resume"
            in result.stderr
        )
    lab.on_result = lambda _job: None
    result = run(*asked)
    assert result.exit_code == 0, result.output
    assert len(lab.ledger) == 24 + 24 + 6  # each once


@pytest.mark.slow
@pytest.mark.usefixtures("sloped")
def test_a_confirmation_asked_for_later_trains_no_network_again(
    tmp_path: Path, lab: Lab, run: Callable[..., Result]
) -> None:
    asked = ("grid", f"--out={tmp_path / 'run'}", "--jobs=1", "--seeds=2", *WHOLE)
    assert run(*asked).exit_code == 0
    assert len(lab.ledger) == 24
    before = json.loads(run("report", tmp_path / "run", "--format=json").stdout)
    result = run(*asked, "--confirm=2")
    assert result.exit_code == 0, result.output
    later = lab.ledger[24:]
    assert {one.seed for one in later} == {1_000_000, 1_000_001}
    assert len(later) == 6
    after = json.loads(run("report", tmp_path / "run", "--format=json").stdout)
    assert after == before  # confirming runs have no part in the table
    assert run("resume", tmp_path / "run").exit_code == 0
    assert len(lab.ledger) == 30


@pytest.mark.slow
def test_a_moved_run_goes_on_in_its_new_folder(
    tmp_path: Path, run: Callable[..., Result], lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, moved = tmp_path / "first run", tmp_path / "moved here"
    asked = ["grid", f"--out={first}", "--jobs=1", "--seeds=2", "--phi=1,2", *WHOLE]
    monkeypatch.setattr("sys.argv", ["scalesearch", *asked])
    assert run(*asked).exit_code == 0
    trained = len(lab.ledger)
    (first / "phi1").rename(moved)
    last = run("report", moved).stdout.splitlines()[-1]
    assert str(first) not in last
    command = shlex.split(last.rpartition("; scalesearch ")[2].partition("  #")[0])
    assert command[0] == "grid"
    assert command[-2:] == ["--out", str(moved)]
    asked = [word for word in command if not word.startswith("--confirm")]
    del asked[asked.index("--seeds") : asked.index("--seeds") + 3]
    assert run(*asked, "--seeds=3").exit_code == 0
    assert len(lab.ledger) == trained + 12
    assert "--out DIR" in (moved / "report.md").read_text("utf-8")


@pytest.mark.usefixtures("sloped")
@pytest.mark.parametrize("apart", [0, 896])
def test_confirming_runs_are_judged_by_images_set_apart_where_there_are_any(
    lab: Lab, tmp_path: Path, apart: int
) -> None:
    settings = replace(DESIGNS, seeds=2, confirm=2, check_recipe=True)
    fresh: dict[str, set[bool]] = {}
    judged: set[bool] = set()

    def note(job: Job) -> None:
        purpose = next((name for name in ("confirm", "recipe") if f"check-{name}" in job["key"]), "design")
        fresh.setdefault(purpose, set()).add(job["fresh"])
        judged.add(job["data"]["apart"])

    lab.on_result = note
    study = _begin(tmp_path, settings)
    study.set_data("of some data", apart)
    record = search(study, settings, lab, tmp_path)
    # Images are set apart for all of them, so that they neither train nor judge any other.
    assert judged == {bool(apart)}
    assert fresh == {"confirm": {bool(apart)}, "recipe": {False}, "design": {False}}
    assert {check.fresh for check in record.checks if check.purpose == "confirm"} == {bool(apart)}
    assert not any(check.fresh for check in record.checks if check.purpose == "recipe")
    tables = run_tables([record])
    assert ('"fresh"": true' in tables["study.csv"]) == bool(apart)
    (again,) = runs_of_tables(tables)
    assert again.checks == record.checks


@pytest.mark.usefixtures("sloped")
def test_what_confirms_is_part_of_what_a_run_was_begun_with(
    tmp_path: Path, lab: Lab, run: Callable[..., Result]
) -> None:
    asked = ("grid", f"--out={tmp_path / 'run'}", "--jobs=1", "--seeds=2", *WHOLE)
    assert run(*asked, "--confirm-on=fresh").exit_code == 0
    assert tomllib.loads((tmp_path / "run" / "run.toml").read_text())["grid"]["confirm_on"] == "fresh"
    other = run(*asked, "--confirm-on=same", "--confirm=2")
    assert other.exit_code == 2
    assert "confirm_on: 'fresh' there, 'same' asked" in other.stderr
    told: set[bool] = set()
    lab.on_result = lambda job: told.add(job["fresh"])
    more = run(*asked, "--confirm=2")
    assert more.exit_code == 0, more.output
    assert told == {True}
    page = (tmp_path / "run" / "report.md").read_text()
    assert "held-out images that judged no run of the answer" in page


def test_images_are_set_apart_where_a_confirmation_is_asked_for_from_the_first() -> None:
    def judges(**asked: Any) -> object:
        return GridSettings(**asked).to_dict()["confirm_on"]

    assert judges() == "same"
    assert judges(confirm=2) == "fresh"
    assert judges(confirm_on="fresh") == "fresh"
    assert judges(confirm=2, confirm_on="same") == "same"


@pytest.mark.slow
@pytest.mark.usefixtures("sloped")
def test_a_run_begun_without_images_set_apart_goes_on_without(
    tmp_path: Path, lab: Lab, run: Callable[..., Result]
) -> None:
    folder = tmp_path / "run"
    asked = ("grid", f"--out={folder}", "--jobs=1", "--seeds=2", *WHOLE)
    assert run(*asked).exit_code == 0
    assert 'confirm_on = "same"' in (folder / "run.toml").read_text()
    # As versions wrote it that did not know of any.
    toml = (folder / "run.toml").read_text()
    (folder / "run.toml").write_text(toml.replace('confirm_on = "same"\n', ""))
    study = open_study(sqlite_url(folder), "", create=False)
    begun = study.begun()
    settings = {name: value for name, value in begun["settings"].items() if name != "confirm_on"}
    study.set_attribute("run", {**begun, "settings": settings})
    told: set[tuple[bool, bool]] = set()
    lab.on_result = lambda job: told.add((job["fresh"], job["data"]["apart"]))
    more = run(*asked, "--confirm=2")
    assert more.exit_code == 0, more.output
    assert told == {(False, False)}
    assert "begun without images set apart" in more.stderr
    page = (folder / "report.md").read_text()
    assert "The held-out images are those of the answer." in page
    again = run("grid", f"--config={folder / 'run.toml'}", f"--out={tmp_path / 'again'}")
    assert again.exit_code == 0, again.output
    assert tomllib.loads((tmp_path / "again" / "run.toml").read_text())["grid"]["confirm_on"] == "same"
