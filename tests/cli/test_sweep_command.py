from __future__ import annotations

import io
import tomllib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from tests.study.conftest import Lab

Run = Callable[..., Result]
SMALL = ("--images=40", "--batch-size=4", "--baseline-width=0.125", "--device=cpu", "--threads=1", "--jobs=1")


@pytest.mark.slow
def test_a_sweep_trains_each_role_with_each_seed(tmp_path: Path, run: Run, lab: Lab) -> None:
    folder = tmp_path / "run"
    result = run("sweep", f"--out={folder}", "--phi=1", "--seeds=2", *SMALL)
    assert result.exit_code == 0, result.output
    assert len(lab.ledger) == 6 * 2
    assert {"sweep.csv", "report.md", "run.toml", "study.db"} <= {path.name for path in folder.iterdir()}
    assert not (folder / "checkpoints").exists()
    table = pd.read_csv(folder / "sweep.csv")
    assert set(table["role"]) == {"baseline", "depth", "width", "resolution", "compound", "fast"}

    # Its own run.toml asks for the same again; the same command trains nothing twice.
    trained = len(lab.ledger)
    assert run("sweep", f"--config={folder / 'run.toml'}", f"--out={folder}").exit_code == 0
    assert run("resume", folder).exit_code == 0
    assert len(lab.ledger) == trained
    other = tmp_path / "other"
    assert run("sweep", f"--config={folder / 'run.toml'}", f"--out={other}").exit_code == 0
    tables = [tomllib.loads((path / "run.toml").read_text())["sweep"] for path in (folder, other)]
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--phi=0"], "--phi must hold budgets other than 0, the baseline's, got 0"),
        (
            ["--match=latency"],
            "--match must be one of macs, params, activations, memory, got 'latency'",
        ),
        (
            ["--alpha=1", "--beta=1", "--gamma=1"],
            "--alpha, --beta and --gamma must hold one above 1, got 1, 1 and 1",
        ),
        (["--alpha=0.5"], "--alpha must be >= 1, got 0.5"),
        (["--seeds=0"], "--seeds must be a whole number >= 1, got 0"),
    ],
)
def test_bad_input_is_one_line_and_touches_nothing(
    tmp_path: Path, run: Run, options: list[str], message: str
) -> None:
    result = run("sweep", f"--out={tmp_path / 'run'}", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {message}\n"
    assert not (tmp_path / "run").exists()


def test_a_dry_run_says_what_a_sweep_would_take_and_trains_nothing(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "run"
    result = run("sweep", "--dry-run", f"--out={folder}", "--phi=1", "--format=csv", *SMALL)
    assert result.exit_code == 0, result.output
    assert not folder.exists()
    rows = pd.read_csv(io.StringIO(result.stdout))
    assert list(rows["phi"]) == [0, 1, 1, 1, 1, 1]
    assert "6 networks, the baseline among them, 3 seeds" in result.stderr
    assert "training images      720 in all" in result.stderr


@pytest.mark.parametrize("command", ["grid", "search", "sweep"])
def test_a_dry_run_refuses_the_folder_that_the_run_itself_would_refuse(
    tmp_path: Path, run: Run, command: str
) -> None:
    (tmp_path / "runs.csv").write_text("candidate,seed\n")
    told = [run(command, *dry, f"--out={tmp_path}", *SMALL) for dry in ((), ("--dry-run",))]
    assert [result.exit_code for result in told] == [2, 2]
    assert told[0].stderr == told[1].stderr != ""
