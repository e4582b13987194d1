"""scalesearch search, from the command line to the files it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import optuna
import pandas as pd
import pytest
from click.testing import Result


@pytest.fixture
def tiny_search(tiny: tuple[str, ...]) -> tuple[str, ...]:
    """Options of a search that trains two tiny networks."""
    return (*(option for option in tiny if "max-networks" not in option), "--trials=2", "--jobs=2")


@pytest.mark.slow
def test_a_search_writes_its_study_and_its_tables_and_goes_on(
    tmp_path: Path, tiny_search: tuple[str, ...], run: Callable[..., Result]
) -> None:
    folder = tmp_path / "run"
    options = ("--objectives=reward,macs", "--sampler=qmc", *tiny_search)
    result = run("search", f"--out={folder}", "--format=json", *options)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [row["status"] for row in rows] == ["completed", "completed"]
    assert {(round(row["alpha"], 3), round(row["beta"], 3)) for row in rows} == {
        (1.214, 1.107),
        (1.072, 1.32),
    }
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{folder / 'study.db'}")
    assert study.study_name == "search-efficientnet-b0-phi1"
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    first = study.get_trials()
    assert len(pd.read_csv(folder / "trials.csv")) == 2
    assert "reward_target" in (folder / "run.toml").read_text()

    # The run's own file asks for the same run: everything is known from before.
    again = run("search", f"--config={folder / 'run.toml'}", f"--out={folder}")
    assert again.exit_code == 0, again.output
    assert "Training: 2 networks, 2 of them known from before" in again.stderr
    assert run("resume", folder).exit_code == 0
    assert (
        optuna.load_study(study_name=None, storage=f"sqlite:///{folder / 'study.db'}").get_trials() == first
    )

    other = run("search", f"--out={folder}", "--seed=1", *options)
    assert other.exit_code == 2
    assert "seed: 0 there, 1 asked" in other.stderr


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("--objectives=macs", "--objectives must begin with top1 or reward, got 'macs'"),
        ("--objectives=top1,size", "--objectives must be of top1, reward, macs, params, latency, got 'size'"),
        (
            "--objectives=top1,latency",
            "--latency must be on where it is an objective, got no-latency with 'top1,latency'",
        ),
        (
            "--pruner=halving",
            "--pruner must be none with several objectives, got 'halving' for top1,macs: Optuna prunes by one "
            "objective only; give --pruner none or one objective",
        ),
        ("--reward-weight=inf", "--reward-weight must be a finite number, got inf"),
        ("--phi=nan", "--phi must be a finite number, got nan"),
        ("--sampler=cma", "--sampler must be one of"),
        ("--trials=0", "--trials must be a whole number >= 1, got 0"),
    ],
)
def test_bad_input_is_one_line_and_touches_nothing(
    tmp_path: Path, tiny_search: tuple[str, ...], run: Callable[..., Result], wrong: str, message: str
) -> None:
    folder = tmp_path / "run"
    objectives = () if "objectives" in wrong else ("--objectives=top1,macs",)
    result = run("search", f"--out={folder}", *tiny_search, *objectives, wrong)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not folder.exists()


def test_a_dry_run_says_what_a_search_would_take_and_trains_nothing(
    tmp_path: Path, tiny_search: tuple[str, ...], run: Callable[..., Result]
) -> None:
    folder = tmp_path / "run"
    result = run("search", "--dry-run", f"--out={folder}", "--format=json", "--match=macs", *tiny_search)
    assert result.exit_code == 0, result.output
    assert not folder.exists()
    rows = json.loads(result.stdout)
    assert len(rows) >= 3
    assert all(abs(row["residual"]) <= 0.05 for row in rows)
    assert "suggestions          2 by tpe, 2 at a time" in result.stderr
    assert "expected time" in result.stderr
    assert "expected peak memory" in result.stderr
    assert "grid points" not in result.stderr
