from __future__ import annotations

import csv
import json
import re
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
from scalesearch.study.budget import affordable_phi, full_size_budget

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
    assert "60 ms of latency at full size" in (out / "report.md").read_text()


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


@pytest.mark.parametrize(
    ("command", "budget", "amount", "unit"),
    [
        (("grid", "--dry-run"), "latency=1ms", "latency 1 ms", " ms"),
        (("grid",), "latency=900us", "latency 900 us", " us"),
        (("scale",), "latency=1ms", "latency 1 ms", " ms"),
        (("scale", "--train"), "latency=0.9ms", "latency 0.9 ms", " ms"),
        (("scale",), "macs=1", "macs 1", ""),
        (("scale",), "params=0.5K", "params 0.5 K", " K"),
        (("scale",), "memory=1KiB", "memory 1 KiB", " KiB"),
    ],
)
def test_a_budget_out_of_reach_is_exit_3_and_says_what_the_nearest_spends(
    run: Run, tmp_path: Path, law_file: Path, command: tuple[str, ...], budget: str, amount: str, unit: str
) -> None:
    law = (f"--law={law_file}",) if budget.startswith("latency") else ()
    result = run(*command, f"--budget={budget}", *law, f"--out={tmp_path / 'out'}")
    assert result.exit_code == 3
    told = (
        rf"Error: --budget must be one that .* can spend, got {re.escape(amount)}: .* spends? ([\d.,]+){unit}"
    )
    found = re.fullmatch(told, result.stderr.splitlines()[-1])
    assert found, result.stderr
    nearest = float(found[1].replace(",", ""))
    assert nearest > float(amount.split()[1])
    assert not (tmp_path / "out").exists()
    if command == ("scale",) and not law:  # what is said to be the nearest can be had
        enough = f"{budget.partition('=')[0]}={1.01 * nearest}{unit.strip()}"
        asked = full_size_budget(enough, (), tolerance=0.0)
        assert affordable_phi(EFFICIENTNET_B0, PAPER, Rounding(), asked)[1] <= asked.target


def test_a_nearest_cost_is_told_apart_from_the_budget() -> None:
    budget = full_size_budget("macs=12M", (), tolerance=0.0)
    assert (budget.amount, budget.missed(15.8123e6), budget.missed(12.00012e6)) == (
        "12 M",
        "15.8 M",
        "12.0001 M",
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
