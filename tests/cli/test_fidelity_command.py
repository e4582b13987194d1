from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import optuna
import pandas as pd
import pytest
from click.testing import Result

from scalesearch.commands.fidelity.run import FEWEST_NETWORKS, length_settings, require_apart
from scalesearch.errors import ScalesearchError
from scalesearch.statistics import answer
from scalesearch.study.grid_plan import GridSettings
from tests.study.conftest import Lab

Run = Callable[..., Result]
SMALL = (
    *("--step=0.2", "--tolerance=0.3", "--max-networks=8", "--images=40", "--batch-size=4"),
    *("--baseline-width=0.125", "--baseline-resolution=16", "--baseline-channel-divisor=1"),
    *("--device=cpu", "--threads=1", "--jobs=1", "--no-latency", "--seeds=1"),
)


@pytest.fixture
def grid(tmp_path: Path, run: Run, lab: Lab) -> Path:
    """A finished run of eight networks."""
    folder = tmp_path / "grid"
    assert run("grid", f"--out={folder}", *SMALL).exit_code == 0
    lab.ledger.clear()
    return folder


@pytest.mark.slow
def test_every_length_is_trained_once_and_the_run_is_told(grid: Path, run: Run, lab: Lab) -> None:
    result = run("fidelity", grid, "--lengths=0.5,2", "--networks=7")
    assert result.exit_code == 0, result.output
    assert sorted((t.start, t.stop) for t in lab.ledger) == [(0, 20)] * 7 + [(0, 80)] * 7
    out = grid / "fidelity"
    assert {"fidelity.csv", "report.md", "run.toml", "study.db"} <= {path.name for path in out.iterdir()}
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{grid / 'study.db'}")
    assert [item["images"] for item in study.user_attrs["reliability"]] == [20, 40]
    table = (out / "fidelity.csv").read_bytes()
    trained = len(lab.ledger)
    for command in (("fidelity", grid, "--lengths=0.5,2", "--networks=7"), ("resume", out), ("report", out)):
        assert run(*command).exit_code == 0
        assert (out / "fidelity.csv").read_bytes() == table
    assert len(lab.ledger) == trained


def test_a_dry_run_says_what_would_be_trained_and_writes_nothing(grid: Path, run: Run, lab: Lab) -> None:
    before = {path: path.read_bytes() for path in grid.rglob("*") if path.is_file()}
    result = run("fidelity", grid, "--lengths=0.5,2", "--networks=7", "--dry-run", "--format=csv")
    assert result.exit_code == 0, result.output
    assert all(t.key.startswith("speed-") for t in lab.ledger)
    assert {path: path.read_bytes() for path in grid.rglob("*") if path.is_file()} == before
    lines = [line for line in result.stderr.splitlines() if not line.startswith("Timing")]
    assert lines[0].startswith("networks             7 of the run's, 1 seed, 0.2")
    assert lines[1].startswith("0.5 times as long    20 images, 5 steps of 4: 7 runs, ")
    assert lines[2].startswith("2 times as long      80 images, 20 steps of 4: 7 runs, ")
    assert lines[3] == "training runs        14 in all"
    assert lines[4].startswith("expected time        ")
    planned = pd.read_csv(io.StringIO(result.stdout))
    assert set(planned["macs"]) <= set(pd.read_csv(grid / "candidates.csv")["macs"])
    assert len(planned) == 7
    # What the run would refuse, this refuses in the same words.
    for wrong in ("--seeds=2", "--executor=nobody"):
        refused = run("fidelity", grid, wrong)
        assert (refused.exit_code, refused.stderr) == (2, run("fidelity", grid, wrong, "--dry-run").stderr)


def test_a_dry_run_has_each_network_once_and_leaves_out_what_is_done(
    grid: Path, run: Run, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dry() -> tuple[list[str], pd.DataFrame]:
        result = run("fidelity", grid, "--lengths=0.5,2", "--seeds=2", "--dry-run", "--format=csv")
        assert result.exit_code == 0, result.output
        lines = [line for line in result.stderr.splitlines() if not line.startswith("Timing")]
        return lines, pd.read_csv(io.StringIO(result.stdout))

    # More seeds take every network up once more: in another trial.
    assert run("grid", f"--out={grid}", *SMALL, "--seeds=3").exit_code == 0
    lines, planned = dry()
    assert lines[0].startswith("networks             8 of the run's, 2 seeds, ")
    assert lines[3] == "training runs        32 in all"
    assert sorted(planned["macs"]) == sorted(pd.read_csv(grid / "candidates.csv")["macs"])
    trained, done = 5, []

    def stop(job: object) -> None:
        done.append(job)
        if len(done) > trained:
            raise KeyboardInterrupt

    command = ("fidelity", grid, "--lengths=0.5,2", "--seeds=2")
    with monkeypatch.context() as patch:
        patch.setattr(lab, "on_result", stop)
        assert run(*command).exit_code == 130
    lines, _ = dry()
    assert f" steps of 4: {16 - trained} of 16 runs left, " in lines[1]
    assert " steps of 4: 16 runs, " in lines[2]
    assert lines[3] == f"training runs        32 in all, {32 - trained} of them left"
    lab.ledger.clear()
    assert run(*command).exit_code == 0
    # The run that was stopped had all its images, and only its end is left to tell.
    assert len(lab.ledger) == 32 - trained - 1
    lab.ledger.clear()
    lines, planned = dry()
    assert [line.partition(" steps of 4: ")[2] for line in lines[1:3]] == ["0 of 16 runs left"] * 2
    assert lines[3:] == ["training runs        32 in all, 0 of them left"]
    assert len(planned) == 8
    assert lab.ledger == []


@pytest.mark.slow
def test_resume_finds_the_run_from_within(grid: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("fidelity", grid, "--lengths=2", "--networks=7").exit_code == 0
    monkeypatch.chdir(grid / "fidelity")
    result = run("resume", ".")
    assert result.exit_code == 0, result.output


@pytest.mark.slow
def test_a_report_trains_nothing_that_is_missing(
    grid: Path, run: Run, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_job: object) -> None:
        raise KeyboardInterrupt

    out = grid / "fidelity"
    with monkeypatch.context() as patch:
        patch.setattr(lab, "on_result", stop)
        assert run("fidelity", grid, "--lengths=0.5,2", "--networks=7").exit_code == 130
    before = len(lab.ledger)
    result = run("report", out)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: DIR must hold networks of every length, got {out} with none of 2 times the run's: "
        f"scalesearch resume {out} trains them\n"
    )
    assert len(lab.ledger) == before
    assert run("resume", out).exit_code == 0


@pytest.mark.parametrize("lengths", ["1", "0.5", "2,2", "x", "0,2", "inf", "1,2"])
def test_lengths_that_are_none_are_refused(tmp_path: Path, run: Run, lengths: str) -> None:
    result = run("fidelity", tmp_path, f"--lengths={lengths}")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: --lengths must be multiples of the run's length, each once and none of "
        f"them 1, the greatest above 1, such as 0.5,2,4, got '{lengths}'\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lengths", ["1.5", "0.9,4", "2,3", "0.4,0.5,4"])
def test_lengths_that_are_not_apart_are_refused(tmp_path: Path, run: Run, lengths: str) -> None:
    result = run("fidelity", tmp_path, f"--lengths={lengths}")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: --lengths must be at least a factor of 2 apart from one another and from 1, the "
        f"run's own, to tell whether anything moves, such as 0.5,2,4, got '{lengths}'\n"
    )


@pytest.mark.parametrize(
    ("images", "lengths", "told"),
    [
        (12, (0.5, 2.0), "0.5,2 of a run so short that they are 8 and 12 images"),
        (12, (0.4, 4.0), ""),
        (40, (0.5, 2.0), ""),
        (3996, (0.5, 2.0), ""),  # 999 batches: half of them are 500
    ],
)
def test_lengths_that_whole_batches_bring_together_are_refused(
    images: int, lengths: tuple[float, ...], told: str
) -> None:
    of = GridSettings(images=images, batch_size=4)
    settings = [length_settings(of, multiple, seeds=1, jobs=1, threads=1) for multiple in lengths]
    if not told:
        return require_apart(of, settings, 1000)
    with pytest.raises(ScalesearchError) as caught:
        require_apart(of, settings, 1000)
    assert str(caught.value) == f"`lengths` must be a factor of 2 apart in whole batches of 4 too, got {told}"
    return None


def test_lengths_of_less_than_a_batch_are_refused() -> None:
    of = GridSettings(images=40, batch_size=4)
    with pytest.raises(ScalesearchError) as caught:
        length_settings(of, 0.01, seeds=1, jobs=1, threads=1)
    assert str(caught.value) == (
        "`lengths` must leave at least one batch of 4 of the run's 40 images, got 0.01"
    )


def test_fewer_networks_than_a_surface_takes_are_refused(tmp_path: Path, run: Run) -> None:
    result = run("fidelity", tmp_path, "--networks=6")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: --networks must be a whole number >= 7, got 6\n",
    )
    # As the surface itself has it.
    assert FEWEST_NETWORKS == answer.FEWEST_NETWORKS


def test_what_holds_no_study_is_refused(tmp_path: Path, run: Run) -> None:
    result = run("fidelity", tmp_path)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: DIR must be the folder of a run of grid, search or sweep, got {tmp_path}: it holds none\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_too_few_networks_and_too_many_seeds_are_refused(
    tmp_path: Path, run: Run, lab: Lab, grid: Path
) -> None:
    few = tmp_path / "few"
    assert run("grid", f"--out={few}", *SMALL, "--max-networks=2").exit_code == 0
    result = run("fidelity", few)
    assert (result.exit_code, result.stderr) == (
        2,
        f"Error: DIR must hold a run with at least 7 trained networks, as a surface over splits takes, got {few} with "
        "2; a grid with --max-networks 12 trains enough\n",
    )
    result = run("fidelity", grid, "--seeds=2")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: --seeds must be at most the run's 1, got 2: the short runs to compare with have no others\n",
    )
    assert not (few / "fidelity").exists()
    assert not (grid / "fidelity").exists()
    assert {t.stop for t in lab.ledger} == {40}


@pytest.mark.usefixtures("lab")
@pytest.mark.slow
def test_a_sweep_can_be_judged_too(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "sweep"
    options = [option for option in SMALL if not option.startswith(("--step", "--tol", "--max"))]
    assert run("sweep", f"--out={folder}", "--phi=1,2", "--seeds=1", *options).exit_code == 0
    result = run("fidelity", folder, "--lengths=2", "--networks=7")
    assert result.exit_code == 0, result.output


@pytest.mark.usefixtures("lab")
def test_a_family_has_no_rivals_to_rank(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "family"
    options = [option for option in SMALL if not option.startswith(("--step", "--tol", "--max"))]
    assert run("scale", "--train", f"--out={folder}", "--phi=0,1,2,3", *options).exit_code == 0
    result = run("fidelity", folder, "--lengths=2", "--networks=7")
    assert (result.exit_code, result.stderr) == (
        2,
        f"Error: DIR must hold a run of grid, search or sweep, got {folder}, which holds one of scale\n",
    )
    assert not (folder / "fidelity").exists()
