"""Inputs that are wider than high, or higher than wide, in every table that shows them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from scalesearch.commands.measure.subjects import Base, named_networks
from scalesearch.networks.baselines import baseline
from scalesearch.networks.cost import count
from scalesearch.networks.matching import match
from scalesearch.networks.scaled import reduce
from scalesearch.networks.spec import Rounding
from scalesearch.scaling import Coefficients
from tests.study.conftest import Lab

Run = Callable[..., Result]
SMALL = ("--images=40", "--batch-size=4", "--baseline-width=0.125", "--device=cpu", "--threads=1", "--jobs=1")
OBLONG = (*SMALL, "--baseline-resolution=48x32", "--no-latency")


@pytest.fixture(scope="module")
def matched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grid at equal cost over oblong inputs, made once by fake workers."""
    from click.testing import CliRunner

    from scalesearch.cli import cli

    folder = tmp_path_factory.mktemp("oblong") / "run"
    made = Lab()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scalesearch.runs.planning.ProcessExecutor", made.executor)
        patch.setattr("scalesearch.workers.executor.ProcessExecutor", made.executor)
        options = ("--match=macs", "--max-networks=4", "--seeds=1", f"--out={folder}", *OBLONG)
        result = CliRunner().invoke(cli, ["grid", *options])
    assert result.exit_code == 0, result.output
    assert "48x32 px" in (folder / "report.md").read_text()
    first = pd.read_csv(folder / "candidates.csv").query("status == 'completed'").iloc[0]
    assert f"{first['resolution']}x{first['resolution_width']} px" in result.stdout
    return folder


@pytest.mark.slow
def test_matched_candidates_have_both_sides_and_keep_the_aspect_ratio(matched: Path) -> None:
    table = pd.read_csv(matched / "candidates.csv")
    trained = table[table["status"] == "completed"]
    assert list(table.columns)[list(table.columns).index("resolution") + 1] == "resolution_width"
    assert (trained["resolution_width"] - trained["resolution"] * 32 / 48).abs().max() <= 1
    assert trained["resolution"].nunique() > 1
    assert trained["budget_residual"].abs().max() <= 0.05
    front = pd.read_csv(matched / "pareto.csv")
    assert set(zip(front["resolution"], front["resolution_width"], strict=True)) <= set(
        zip(trained["resolution"], trained["resolution_width"], strict=True)
    )


def test_they_are_rebuilt_and_checked_from_their_table(matched: Path, tmp_path: Path) -> None:
    table = pd.read_csv(matched / "candidates.csv")
    trained = table[table["status"] == "completed"]
    rebuilt = [arch for _, arch in named_networks(matched, "", Base())]
    assert [arch.key for arch in rebuilt] == list(trained["key"])
    assert [arch.input_size for arch in rebuilt] == list(
        zip(trained["resolution"], trained["resolution_width"], strict=True)
    )
    # Another width of the input has other multiply-adds, and is found out.
    (tmp_path / "run.toml").write_bytes((matched / "run.toml").read_bytes())
    trained.assign(resolution_width=trained["resolution_width"] + 9).to_csv(tmp_path / "candidates.csv")
    with pytest.raises(ValueError, match=r"at \d+x\d+ px has [\d,]+ macs there and [\d,]+ rebuilt"):
        named_networks(tmp_path, "", Base())


def test_resolution_is_matched_on_both_sides() -> None:
    base = reduce(
        baseline("resnet-18"), 0.25, Rounding(channel_divisor=2), resolution=60, resolution_width=90
    )
    found = match(
        base,
        Coefficients(alpha=1.1, beta=1.1, gamma=1.2),
        1.0,
        Rounding(channel_divisor=2),
        by="resolution",
        target=2.0 * count(base).macs,
        cost=lambda arch: count(arch).macs,
    )
    height, width = found.arch.input_size
    assert abs(width - 1.5 * height) <= 1
    assert abs(found.residual) < 0.1


@pytest.mark.slow
@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    ("command", "table"),
    [
        (("sweep", "--phi=1", "--seeds=1"), "sweep.csv"),
        (("search", "--trials=3"), "trials.csv"),
        (("grid", "--max-networks=2", "--seeds=1"), "candidates.csv"),
    ],
)
def test_every_search_shows_height_and_width(
    tmp_path: Path, run: Run, command: tuple[str, ...], table: str
) -> None:
    result = run(*command, f"--out={tmp_path / 'run'}", *OBLONG)
    assert result.exit_code == 0, result.output
    rows = pd.read_csv(tmp_path / "run" / table)
    assert rows["resolution_width"].notna().all()
    assert (rows["resolution"] > rows["resolution_width"]).all()
    row = rows[rows["status"] == "completed"].iloc[0]
    sides = f"{row['resolution']}x{row['resolution_width']} px"
    page = (tmp_path / "run" / "report.md").read_text()
    assert sides in page
    assert "blocks, 48x32 px." in page
    assert sides in result.stdout


@pytest.mark.usefixtures("lab")
@pytest.mark.slow
def test_square_tables_have_no_such_column(tmp_path: Path, run: Run) -> None:
    options = (*SMALL, "--no-latency", "--max-networks=2", "--seeds=1")
    result = run("grid", f"--out={tmp_path / 'run'}", *options)
    assert result.exit_code == 0, result.output
    assert "resolution_width" not in pd.read_csv(tmp_path / "run" / "candidates.csv")
    assert "x48" not in result.stdout
    plan = run("grid", f"--out={tmp_path / 'plan'}", *options, "--dry-run", "--format=json")
    assert "resolution_width" not in json.loads(plan.stdout)[0]


def test_the_family_of_an_oblong_baseline_shows_both(tmp_path: Path, run: Run) -> None:
    options = ("--baseline-width=0.125", "--baseline-resolution=32x48", "--phi=0,1", "--format=table")
    result = run("scale", *options, f"--out={tmp_path}")
    assert result.exit_code == 0, result.output
    rows = pd.read_csv(tmp_path / "family.csv")
    assert list(zip(rows["resolution"], rows["resolution_width"], strict=True)) == [(32, 48), (37, 55)]
    assert "32x48 px" in result.stdout
    assert "| 37x55 px |" in (tmp_path / "derivation.md").read_text()


def test_measured_oblong_networks_show_both(tmp_path: Path, run: Run) -> None:
    described = run("describe", "mobilenet-v1", "--width=0.125", "--resolution=48x32", "--format=toml")
    network = tmp_path / "net.toml"
    network.write_text(described.stdout)
    options = ("--processes=1", "--min-time=0.05s", "--threads=1", "--device=cpu", "--no-memory")
    result = run("measure", network, f"--out={tmp_path / 'run'}", *options)
    assert result.exit_code == 0, result.output
    assert "48x32" in result.stdout
    assert (
        "Note: a single process shows no process-to-process spread: intervals say nothing of it"
        in result.stderr
    )
    rows = pd.read_csv(tmp_path / "run" / "measurements.csv")
    assert (rows["resolution"][0], rows["resolution_width"][0]) == (48, 32)
    assert "48x32 px" in (tmp_path / "run" / "report.md").read_text()
