from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
PAPER = ("scale", "--alpha=1.2", "--beta=1.1", "--gamma=1.15")
FAMILY = "phi depth width resolution_multiplier resolution blocks params macs fvcore_total activations nominal_ratio macs_ratio"
PUBLISHED = (
    "name depth width resolution params macs fvcore_total params_published flops_published params_error flops_error "
    "implied_phi_depth implied_phi_width implied_phi_resolution top1_published top5_published"
)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The family at phi 0 and 1 and the published one, made once."""
    from click.testing import CliRunner

    from scalesearch.cli import cli

    folder = tmp_path_factory.mktemp("scale") / "out"
    result = CliRunner().invoke(cli, [*PAPER, "--phi=0..1", f"--out={folder}"])
    assert result.exit_code == 0, result.output
    return folder


@pytest.mark.slow
def test_the_family_has_its_columns_and_known_costs(folder: Path) -> None:
    rows = _rows(folder / "family.csv")
    assert list(rows[0]) == FAMILY.split()
    assert [float(row["phi"]) for row in rows] == [0, 1]
    assert int(rows[0]["params"]) == 5288548
    assert int(rows[0]["macs"]) == 385814752
    assert int(rows[0]["fvcore_total"]) == 401659392
    assert float(rows[1]["nominal_ratio"]) == pytest.approx(1.92027)
    assert float(rows[1]["macs_ratio"]) == pytest.approx(2.57, abs=0.005)


@pytest.mark.slow
def test_the_published_family_is_rebuilt_with_its_implied_phis(folder: Path) -> None:
    rows = {row["name"]: row for row in _rows(folder / "published.csv")}
    assert list(rows["b0"])[:16] == PUBLISHED.split()
    assert list(rows) == [f"b{i}" for i in range(8)]
    assert int(rows["b7"]["params"]) == 66347960
    assert int(rows["b7"]["fvcore_total"]) == 38449437600
    implied = [float(rows["b1"][f"implied_phi_{name}"]) for name in ("depth", "width", "resolution")]
    assert implied == pytest.approx([0.52, 0.0, 0.49], abs=0.005)
    implied = [float(rows["b7"][f"implied_phi_{name}"]) for name in ("depth", "width", "resolution")]
    assert implied == pytest.approx([6.21, 7.27, 7.05], abs=0.005)
    assert abs(float(rows["b4"]["flops_error"])) < 0.05


def test_a_reduced_baseline_is_scaled_without_a_published_family(tmp_path: Path, run: Run) -> None:
    result = run(*PAPER, "--phi=-1,0,0.5", "--baseline-resolution=64", f"--out={tmp_path}", "--format=json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [row["phi"] for row in rows] == [-1, 0, 0.5]
    assert [row["resolution"] for row in rows] == [56, 64, 69]
    assert rows[0]["macs"] < rows[1]["macs"] < rows[2]["macs"]
    assert not (tmp_path / "published.csv").exists()
    assert "latency_median_s" not in rows[0]


def test_latency_is_measured_when_asked_for(tmp_path: Path, run: Run) -> None:
    result = run(
        *PAPER, "--phi=0", "--baseline-resolution=32", "--baseline-width=0.25", f"--out={tmp_path}",
        "--latency", "--latency-batch-size=2", "--threads=1",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (row,) = _rows(tmp_path / "family.csv")
    assert list(row) == [
        *FAMILY.split(),
        "latency_median_s",
        "latency_iqr_s",
        "batch_size",
        "device",
        "threads",
        "latency_unstable",
        "machine",
    ]
    assert float(row["latency_median_s"]) > 0
    assert (row["batch_size"], row["device"], row["threads"]) == ("2", "cpu", "1")


def test_rounding_rules_reach_the_networks(tmp_path: Path, run: Run) -> None:
    def blocks(rule: str) -> int:
        result = run(
            *PAPER, "--phi=1", "--baseline-resolution=32", f"--repeats-rule={rule}", f"--out={tmp_path / rule}",
            "--resolution-multiple=8", "--channel-divisor=16", "--format=json",
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        (row,) = json.loads(result.stdout)
        assert row["resolution"] == 40
        return int(row["blocks"])

    assert blocks("ceil") == 23
    assert blocks("floor") == 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--alpha=0.9", "--beta=1.1", "--gamma=1.1"], "--alpha must be >= 1, got 0.9"),
        (["--alpha=nan", "--beta=1.1", "--gamma=1.1"], "--alpha must be a finite number, got nan"),
        (["--alpha=1.2", "--beta=inf", "--gamma=1.1"], "--beta must be a finite number, got inf"),
        (["--alpha=1.2", "--beta=1.1", "--gamma=x"], "--gamma must be a number, got 'x'"),
        (
            ["--alpha=1.2", "--beta=1.1", "--gamma=1.15", "--phi=1000"],
            "--phi must be at most 100, got 1000",
        ),
        (
            ["--alpha=1.2", "--beta=1.1", "--gamma=1.15", "--phi=90"],
            "--phi must make a network that can be built, got 90: depth must leave at most 1,000 blocks in a row, ",
        ),
        (["--alpha=1.2", "--beta=1.1", "--gamma=1.15", "--phi=3..1"], "got '3..1'"),
        (
            ["--alpha=1.2", "--beta=1.1", "--gamma=1.15", "--baseline-width=0"],
            "--baseline-width must be a finite number > 0, got 0.0",
        ),
        (
            ["--alpha=1.2", "--beta=1.1", "--gamma=1.15", "--device=cuda:7"],
            "--device must be cpu or an available",
        ),
    ],
)
def test_bad_input_is_one_line_and_touches_nothing(
    tmp_path: Path, run: Run, options: list[str], message: str
) -> None:
    result = run("scale", *options, f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_lites_published_family_stands_beside_the_rule(tmp_path: Path, run: Run) -> None:
    result = run(*PAPER, "--phi=0", "--baseline=efficientnet-lite0", f"--out={tmp_path / 'lite'}")
    assert result.exit_code == 0, result.output
    rows = _rows(tmp_path / "lite" / "published.csv")
    assert [row["name"] for row in rows] == [f"lite{k}" for k in range(5)]
    assert [row["params"] for row in rows] == ["4652008", "5416680", "6092072", "8197096", "13006568"]
    assert "lite4" in result.stdout
