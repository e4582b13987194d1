from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import optuna
import pandas as pd
import pytest
from click.testing import Result

from tests.study.conftest import Lab

Run = Callable[..., Result]
SMALL = (
    *(
        "--step=0.25",
        "--tolerance=0.3",
        "--max-networks=3",
        "--images=40",
        "--batch-size=4",
        "--max-rounds=3",
    ),
    *("--baseline-width=0.125", "--baseline-resolution=16", "--baseline-channel-divisor=1"),
    *("--device=cpu", "--threads=1", "--jobs=1", "--no-latency"),
)


def _studies(folder: Path) -> list[str]:
    return sorted(optuna.get_all_study_names(f"sqlite:///{folder / 'study.db'}"))


def _rounds(folder: Path) -> pd.DataFrame:
    """The table, the clock's column aside."""
    return pd.read_csv(folder / "rounds.csv").drop(columns="wall_s")


def test_rounds_are_kept_and_not_trained_twice(tmp_path: Path, run: Run, lab: Lab) -> None:
    folder = tmp_path / "run"
    result = run("alternate", f"--out={folder}", *SMALL)
    assert result.exit_code == 0, result.output
    rounds = _rounds(folder)
    studies = _studies(folder)
    assert studies[0] == "alternate-efficientnet-b0-round1"
    trained = len(lab.ledger)
    for command in (("alternate", f"--out={folder}", *SMALL), ("resume", folder), ("report", folder)):
        assert run(*command).exit_code == 0
        pd.testing.assert_frame_equal(_rounds(folder), rounds)
    assert len(lab.ledger) == trained
    assert _studies(folder) == studies
    # Its run.toml is a file for --config.
    result = run("alternate", f"--config={folder / 'run.toml'}", f"--out={folder}")
    assert result.exit_code == 0, result.output


def test_a_dry_run_plans_the_first_round_and_trains_nothing(tmp_path: Path, run: Run, lab: Lab) -> None:
    folder = tmp_path / "run"
    result = run("alternate", f"--out={folder}", *SMALL, "--dry-run", "--format=csv")
    assert result.exit_code == 0, result.output
    assert all(t.key.startswith("speed-") for t in lab.ledger)
    assert list(tmp_path.iterdir()) == []
    lines = result.stderr.splitlines()
    assert "rounds               at most 3, the first at phi 1:" in lines
    assert any(line.startswith("to be trained        3, 1 seed, ") for line in lines)
    assert re.fullmatch(
        r"each later round     \S+ \w+ for 3 networks, at the phi that the budget then allows: 1\.\d by the "
        "paper's rule",
        lines[-1],
    )
    planned = pd.read_csv(io.StringIO(result.stdout))
    assert run("alternate", f"--out={folder}", *SMALL, "--max-rounds=1").exit_code == 0
    begun = pd.read_csv(folder / "plan.csv")
    assert sorted(planned["macs"]) == sorted(begun["macs"][begun["status"] != "skipped"])
    # What the run would refuse, this refuses in the same words.
    again = ("alternate", f"--out={folder}", *SMALL, "--images=80")
    refused = run(*again)
    assert (refused.exit_code, refused.stderr) == (2, run(*again, "--dry-run").stderr)


@pytest.mark.slow
def test_a_report_on_a_stopped_one_changes_nothing_of_what_comes(
    tmp_path: Path, run: Run, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert run("alternate", f"--out={whole}", *SMALL).exit_code == 0

    class Stop:
        left = 2

    def stop_in_time(_job: object) -> None:
        Stop.left -= 1
        if Stop.left < 0:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lab, "on_result", stop_in_time)
        result = run("alternate", f"--out={folder}", *SMALL)
    assert result.exit_code == 130
    assert f"Stopped: what was trained is kept. Go on with: scalesearch resume {folder}" in result.stderr
    result = run("report", folder)
    assert result.exit_code == 1
    assert result.stderr.endswith(f"Error: round 1 is not trained to its end yet; see {folder / 'logs'}\n")
    assert _studies(folder) == ["alternate-efficientnet-b0-round1"]
    assert run("resume", folder).exit_code == 0
    pd.testing.assert_frame_equal(_rounds(folder), _rounds(whole))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--budget-ratio=1"], "--budget-ratio must be a finite number > 1, got 1.0"),
        (
            ["--budget=latency"],
            "--budget must be one of macs, params, activations, memory, got 'latency'",
        ),
        (["--max-rounds=0"], "--max-rounds must be a whole number >= 1, got 0"),
    ],
)
def test_bad_input_is_one_line_and_touches_nothing(
    tmp_path: Path, run: Run, options: list[str], message: str
) -> None:
    result = run("alternate", f"--out={tmp_path / 'run'}", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {message}\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("lab")
def test_a_password_is_in_no_file(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, database = tmp_path / "run", tmp_path / "other.db"

    def begin(*_arguments: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("scalesearch.runs.alternate.begin_study", begin)
    storage = f"postgresql://me:hush@host/{database.name}"
    assert run("alternate", f"--out={folder}", *SMALL, f"--storage={storage}").exit_code == 130
    assert "hush" not in (folder / "run.toml").read_text()
    result = run("resume", folder)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: --storage must be given with its password: {folder} keeps only "
        "postgresql://me:***@host/other.db\n"
    )
