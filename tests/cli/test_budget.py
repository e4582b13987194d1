from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from scalesearch.hardware.machine import describe, usable_cores
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import compound
from scalesearch.networks.spec import Rounding
from scalesearch.records import CostLaw, Setup
from scalesearch.scaling import Coefficients
from scalesearch.statistics.law import predict

Run = Callable[..., Result]
PAPER = Coefficients(alpha=1.2, beta=1.1, gamma=1.15)
SCALE = ("scale", "--alpha=1.2", "--beta=1.1", "--gamma=1.15")


def _law(machine: str) -> CostLaw:
    return CostLaw(
        machine=machine,
        setup=Setup(threads=usable_cores()),
        seconds={"constant": 6e-3, "macs": 2e-11, "activations": 1e-9, "params": 1e-9, "layers": 1e-4},
        held_out=(),
    )


@pytest.fixture
def law_file(tmp_path: Path) -> Path:
    """A law of this machine, of one image on all its cores."""
    path = tmp_path / "law.json"
    path.write_text(json.dumps({"laws": [_law(describe("cpu").key).to_dict()]}))
    return path


@pytest.mark.slow
def test_scale_finds_the_greatest_phi_within_a_latency(run: Run, tmp_path: Path, law_file: Path) -> None:
    out = tmp_path / "out"
    result = run(*SCALE, "--budget=latency=60ms", f"--law={law_file}", f"--out={out}")
    assert result.exit_code == 0, result.output
    with (out / "family.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["phi"] == "0.0"
    phi = float(rows[1]["phi"])
    law = _law("any")
    seconds = [
        predict(law, count(compound(EFFICIENTNET_B0, PAPER, p, Rounding()))) for p in (phi, phi + 1e-3)
    ]
    assert seconds[0] <= 0.06 < seconds[1]
    assert float(rows[1]["budget_value"]) == pytest.approx(seconds[0])
    assert f"phi {phi:g} is the greatest within 60 ms of latency: it spends" in result.output
    assert f"phi {phi:g} is the greatest within 60 ms of latency" in (out / "derivation.md").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("lab")
def test_a_search_begun_with_a_law_does_without_its_file(run: Run, tmp_path: Path, law_file: Path) -> None:
    out = tmp_path / "out"
    asked = ("grid", "--budget=latency=60ms", "--max-networks=3", "--seeds=1", f"--out={out}")
    result = run(*asked, f"--law={law_file}")
    assert result.exit_code == 0, result.output
    law_file.unlink()
    again = run("grid", f"--config={out / 'run.toml'}", f"--out={out}")
    assert again.exit_code == 0, again.output
    assert (
        "a budget of 60 ms of latency at full size, as a cost law predicts it"
        in (out / "report.md").read_text()
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--budget=latency=12",),
            "Error: --budget must be one such as latency=12ms, macs=800M, params=5M, activations=20M or memory=2GiB, got 'latency=12'; units of latency: us, ms, s",
        ),
        (
            ("--budget=macs=1G", "--match=macs"),
            "Error: --budget must be given without match and constraint, got 'macs=1G' with match macs and constraint product: it says itself what networks spend",
        ),
        (
            ("--phi=0.5,1", "--budget=macs=1G"),
            "Error: --phi must be left out beside --budget, which says itself how much compute, got 0.5,1 beside macs=1G",
        ),
        (("--law=x.json",), "Error: --law must be given with a budget of latency, got x.json without budget"),
        (
            ("--budget=latency=1s", "--law=x.json"),
            "Error: --law must be a law.json or a folder with one, got x.json",
        ),
    ],
)
def test_bad_budgets(run: Run, tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    result = run("grid", *options, f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == message
    assert not (tmp_path / "out").exists()


def test_an_unreachable_budget_is_exit_3(run: Run, tmp_path: Path, law_file: Path) -> None:
    result = run("grid", "--budget=latency=1ms", f"--law={law_file}", f"--out={tmp_path / 'out'}")
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1].startswith(
        "Error: --budget must be one that some network can spend, got latency 0.001:"
    )


def test_another_machines_law_is_said_to_be_one(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "law.json"
    path.write_text(json.dumps({"laws": [_law("0badcafe").to_dict()]}))
    result = run("grid", "--budget=latency=1ms", f"--law={path}", f"--out={tmp_path / 'out'}")
    own = describe("cpu").key
    label = _law("any").setup.label
    assert result.stderr.startswith(
        f"Latency by the law of the machine 0badcafe (this one is {own}): {label}\n"
    )
