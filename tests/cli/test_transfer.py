from __future__ import annotations

import csv
import io
import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scalesearch.cli.main import cli
from tests.study.conftest import Lab

Run = Callable[..., Result]
SMALL = (
    *("--step=0.2", "--tolerance=0.3", "--max-networks=8", "--images=40", "--batch-size=4"),
    *("--baseline-width=0.125", "--baseline-resolution=16", "--baseline-channel-divisor=1"),
    *("--device=cpu", "--threads=1", "--jobs=1", "--no-latency", "--seeds=2"),
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two finished grids, made once by fake workers. Not to be changed: copy them first."""
    root, lab = tmp_path_factory.mktemp("runs"), Lab()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scalesearch.workers.executor.ProcessExecutor", lab.executor)
        patch.setattr("scalesearch.runs.planning.ProcessExecutor", lab.executor)
        patch.setattr("scalesearch.commands.grid.view.write_figures", lambda _figures, _folder: ())
        found = []
        for baseline in ("efficientnet-b0", "mobilenet-v2"):
            found.append(root / baseline)
            arguments = ["grid", f"--out={found[-1]}", f"--baseline={baseline}", *SMALL]
            result = CliRunner().invoke(cli, arguments)
            assert result.exit_code == 0, result.output
    return found[0], found[1]


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_two_runs_are_compared_and_the_report_is_made_again(
    tmp_path: Path, run: Run, runs: tuple[Path, Path]
) -> None:
    out = tmp_path / "out"
    result = run("transfer", *runs, f"--out={out}")
    assert result.exit_code == 0, result.output
    assert {"transfer.md", "pairs.csv", "rates.csv", "run.toml"} <= {path.name for path in out.iterdir()}
    assert "may suit all of these searches: no two are shown to differ" in result.stdout
    assert result.stdout.splitlines()[-1].startswith(f"Report: {out / 'transfer.md'}")
    recorded = tomllib.loads((out / "run.toml").read_text("utf-8"))
    assert recorded["run"]["kind"] == "transfer"
    assert recorded["transfer"] == {"folders": [str(folder) for folder in runs]}
    page = (out / "transfer.md").read_text("utf-8")
    assert "`baseline` (efficientnet-b0, mobilenet-v2)" in page
    before = _files(out)
    (out / "transfer.md").unlink()
    for command in ("report", "resume"):
        result = run(command, out)
        assert result.exit_code == 0, result.output
        assert _files(out) == before


def test_tables_come_as_csv_and_json(tmp_path: Path, run: Run, runs: tuple[Path, Path]) -> None:
    out = f"--out={tmp_path / 'out'}"
    told = run("transfer", *runs, out, "--format=csv")
    assert told.stdout == (tmp_path / "out" / "pairs.csv").read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(told.stdout)))
    assert [(row["best_of"], row["used_in"]) for row in rows] == [
        ("efficientnet-b0", "mobilenet-v2"),
        ("mobilenet-v2", "efficientnet-b0"),
    ]
    assert [item["best_of"] for item in json.loads(run("transfer", *runs, out, "--format=json").stdout)] == [
        row["best_of"] for row in rows
    ]


def test_folders_that_cannot_be_compared_are_refused(
    tmp_path: Path, run: Run, lab: Lab, runs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    del lab
    monkeypatch.setattr("scalesearch.commands.grid.view.write_figures", lambda _figures, _folder: ())
    one, other = runs
    out = tmp_path / "out"

    def refused(*folders: Path) -> str:
        result = run("transfer", *folders, f"--out={out}")
        assert result.exit_code == 2
        assert not out.exists()
        return result.stderr

    assert (
        refused(one)
        == "Error: DIR must be given for two runs or more, got 1: scalesearch transfer reports/A reports/B\n"
    )
    assert refused(one, other, one) == f"Error: DIR must name different runs, got {one} twice\n"
    missing = tmp_path / "none"
    assert refused(one, missing) == f"Error: DIR must be a run's folder, got {missing}: no such folder\n"
    bigger = tmp_path / "bigger"
    assert run("grid", f"--out={bigger}", *SMALL, "--phi=2").exit_code == 0
    assert refused(one, bigger) == f"Error: DIR must hold runs of one phi, got {one} of 1, {bigger} of 2\n"
    sweep = tmp_path / "sweep"
    options = [option for option in SMALL if not option.startswith(("--step", "--tol", "--max"))]
    monkeypatch.setattr("scalesearch.commands.sweep.view.write_figures", lambda _figures, _folder: ())
    assert run("sweep", f"--out={sweep}", "--phi=1", *options).exit_code == 0
    assert refused(one, sweep) == (
        f"Error: DIR must hold a run of grid or search, got {sweep}, which holds one of sweep\n"
    )
    bare = tmp_path / "bare"
    shutil.copytree(other, bare)
    (bare / "study.db").unlink()
    (bare / "study.csv").unlink()
    assert refused(one, bare).startswith(
        f"Error: DIR must hold the study of its run, got {bare}: it has no study.db, as a report that was "
        "committed without it; nor has it the tables of single runs"
    )


def test_a_run_too_small_for_a_surface_is_refused(
    tmp_path: Path, run: Run, lab: Lab, runs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    del lab
    monkeypatch.setattr("scalesearch.commands.grid.view.write_figures", lambda _figures, _folder: ())
    small = tmp_path / "small"
    assert run("grid", f"--out={small}", *SMALL, "--max-networks=4").exit_code == 0
    result = run("transfer", runs[0], small, f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: DIR must hold a run that a surface can be fitted to: runs must be of at least 7 networks for a "
        f"surface over splits, got 4 in {small}; a grid with --max-networks 12 --seeds 2 trains enough\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_another_comparison_does_not_take_the_folder(
    tmp_path: Path, run: Run, runs: tuple[Path, Path]
) -> None:
    out = tmp_path / "out"
    assert run("transfer", *runs, f"--out={out}").exit_code == 0
    result = run("transfer", *reversed(runs), f"--out={out}")
    assert result.exit_code == 2
    assert "--out must be a folder without a run of other settings" in result.stderr
    result = run("transfer", *runs, f"--out={runs[0]}")
    assert result.exit_code == 2
    assert "which holds a run of scalesearch grid; choose another folder" in result.stderr


def test_the_default_folder_is_named_after_the_runs(
    tmp_path: Path, run: Run, runs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("transfer", *runs).exit_code == 0
    assert (tmp_path / "reports" / "transfer-efficientnet-b0-vs-mobilenet-v2" / "transfer.md").exists()
