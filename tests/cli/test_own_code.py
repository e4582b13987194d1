"""Commands on a network that the user's own code builds: all of them, the folder as they leave it, bad input."""

from __future__ import annotations

import csv
import io
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from scalesearch.networks import user_network

Run = Callable[..., Result]

NET = """
import math
from torch import nn

def build(depth, width, num_classes):
    print("building")
    c = max(1, round(16 * width))
    layers = [nn.Conv2d(3, c, 3, stride=2, padding=1), nn.BatchNorm2d(c), nn.ReLU()]
    for _ in range(max(1, math.ceil(2 * depth))):
        layers += [nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(c, num_classes))

def seven(depth, width, num_classes):
    return build(depth, width, 7)
"""
SHORT = (
    *(
        "--max-networks=2",
        "--images=16",
        "--batch-size=8",
        "--held-out=18",
        "--seeds=1",
        "--baseline-width=0.5",
    ),
    *("--baseline-resolution=16", "--no-latency", "--device=cpu", "--threads=1", "--jobs=1"),
)


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a network in the current folder: ``own_net:build``."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "own_net.py"
    path.write_text(NET, encoding="utf-8")
    yield path
    _forget()


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def _forget() -> None:
    """As in a new process: what is imported, and what is known of what was built."""
    sys.modules.pop("own_net", None)
    for value in vars(user_network).values():
        if hasattr(value, "cache_clear"):
            value.cache_clear()


def _gone(path: Path) -> None:
    path.unlink()
    _forget()


@pytest.mark.usefixtures("net")
def test_describe_says_the_whole_cost(run: Run) -> None:
    result = run(
        "describe", "own_net:build", "--depth=2", "--resolution=32x16", "--classes=10", "--format=csv"
    )
    assert result.exit_code == 0, result.output
    (row,) = _rows(result.stdout)
    convolutions = (27 * 16 + 4 * 9 * 16 * 16) * 16 * 8
    assert (row["name"], int(row["macs"])) == ("own_net-build", convolutions + 160)
    assert (row["layers"], row["input_height"], row["input_width"]) == ("7", "32", "16")
    for command, called in (("describe", "NETWORK"), ("explain", "WHAT")):
        wrong = run(command, "own_net:seven")
        assert (wrong.exit_code, wrong.stderr.splitlines()[-1]) == (
            2,
            f"Error: {called} must build a network that gives logits of shape (batch, classes), got "
            "own_net:seven, which gives (1, 7) for 1 image and 1000 classes",
        )
    refused = run("describe", "own_net:build", "--format=toml")
    assert refused.exit_code == 2
    assert (
        "Error: --format must be table, csv or json for a network of your own code, got 'toml'\n"
        in refused.stderr
    )


@pytest.mark.slow
def test_a_whole_grid_with_real_workers(run: Run, net: Path, tmp_path: Path) -> None:
    """Trained, kept, reported without the code, gone on with only with it as it was."""
    folder = tmp_path / "run"
    begun = run("grid", "--baseline=own_net:build", f"--out={folder}", *SHORT)
    assert begun.exit_code == 0, begun.output
    assert "building" not in begun.stdout
    kept = tomllib.loads((folder / "run.toml").read_text("utf-8"))
    assert (kept["run"]["name"], kept["grid"]["baseline"]) == ("grid-own_net-build-phi1", "own_net-build")
    assert kept["grid"]["baseline_arch"]["target"] == "own_net:build"
    page = (folder / "report.md").read_text("utf-8")
    assert "| seeds | layers | input |" in page
    assert "blocks" not in page
    rows = _rows((folder / "candidates.csv").read_text("utf-8"))
    # The code's rounding merges: fewer networks than points, and no two alike.
    assert sum(int(row["merged"]) for row in rows) == 109 > len(rows)
    costs = [(row["params"], row["macs"], row["resolution"]) for row in rows]
    assert len(set(costs)) == len(costs)
    # fvcore counted the trained ones too: their multiply-adds, and what it adds for norms and pools.
    assert all(int(row["fvcore_total"]) > int(row["macs"]) for row in rows if row["status"] == "completed")
    assert run("resume", folder).stdout == begun.stdout

    exported = run("export", folder, "--to=safetensors,program", f"--out={tmp_path / 'out'}", "--format=csv")
    assert exported.exit_code == 0, exported.output
    assert [row["check"] for row in _rows(exported.stdout)] == ["passed", "passed"]
    refused = run("export", folder, "--to=python", f"--out={tmp_path / 'none'}")
    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[-1] == (
        "Error: --to must be some of onnx, program and safetensors for a network of your own code, got 'python'"
    )
    assert not (tmp_path / "none").exists()

    assert (folder / "source/own_net.py").read_text("utf-8") == NET
    net.write_text("# a comment\n" + NET, encoding="utf-8")
    _forget()
    assert run("resume", folder).stdout == begun.stdout
    for text, what in (
        (
            NET.replace("Dropout(0.1)", "Dropout(0.2)"),
            "11 is Dropout(p=0.2, inplace=False), and was Dropout(p=0.1,",
        ),
        (NET.replace("2 * depth", "depth * 2"), ""),
    ):
        net.write_text(text, encoding="utf-8")
        _forget()
        changed = run("resume", folder)
        assert changed.exit_code == (2 if what else 0)
        assert (what in changed.stderr) if what else (changed.stdout == begun.stdout)
    assert (folder / "source/own_net.py").read_text("utf-8") == NET
    _gone(net)
    assert run("report", folder).stdout == begun.stdout
    missing = run("resume", folder)
    assert missing.exit_code == 2
    assert missing.stderr.splitlines()[-1] == (
        "Error: --baseline must name a module that Python finds, the current folder searched first, got "
        "own_net:build: there is no own_net"
    )


@pytest.mark.slow
@pytest.mark.usefixtures("net", "lab")
def test_a_grid_of_fake_workers_at_equal_cost(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    result = run("grid", "--baseline=own_net:build", "--match=macs", "--step=0.1", f"--out={folder}", *SHORT)
    assert result.exit_code == 0, result.output
    rows = _rows((folder / "candidates.csv").read_text("utf-8"))
    trained = [row for row in rows if row["status"] == "completed"]
    assert len(trained) == 2
    assert all(abs(float(row["macs_ratio"]) / 2 - 1) < 0.05 for row in trained)


@pytest.mark.usefixtures("net")
def test_a_family_and_its_page(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "family"
    result = run(
        *("scale", "--baseline=own_net:build", "--alpha=1.2", "--beta=1.1", "--gamma=1.15", "--phi=0,1,2"),
        *("--baseline-resolution=32", f"--out={folder}", "--format=csv"),
    )
    assert result.exit_code == 0, result.output
    rows = _rows(result.stdout)
    assert [row["blocks"] for row in rows] == ["5", "6", "6"]
    assert [float(row["macs_ratio"]) for row in rows] == sorted(float(row["macs_ratio"]) for row in rows)
    page = (folder / "derivation.md").read_text("utf-8")
    assert "| input | layers | params |" in page


@pytest.mark.usefixtures("net")
@pytest.mark.slow
def test_tables_count_its_layers(run: Run, tmp_path: Path) -> None:
    family = ("--phi=0,1", "--resolution-multiple=8", f"--out={tmp_path / 'family'}")
    for asked in (("scale", *family), ("grid", "--dry-run", *SHORT)):
        result = run(*asked, "--baseline=own_net:build")
        assert result.exit_code == 0, result.output
        heads = next(line.split() for line in result.stdout.splitlines() if " resolution " in line)
        assert "layers" in heads
        assert "blocks" not in heads


@pytest.mark.usefixtures("net")
@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (("scale", "--channel-divisor=4"), "--channel-divisor must be left to the code"),
        (("describe", "--repeats-rule=floor"), "--repeats-rule must be left to the code"),
        (("explain", "--channels-rule=ceil"), "--channels-rule must be left to the code"),
        (
            ("grid", *SHORT, "--baseline-channel-divisor=2"),
            "--baseline-channel-divisor must be left to the code",
        ),
        (("grid", *SHORT, "--config={config}"), "--min-kept-fraction must be left to the code"),
    ],
)
def test_a_rule_of_rounding_is_refused(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], rule: str
) -> None:
    config = tmp_path / "rules.toml"
    # As a run.toml has it: what is at its default was not asked for.
    config.write_text("[grid]\nchannel_divisor = 8\nmin_kept_fraction = 0.5\n", encoding="utf-8")
    command, *others = (argument.format(config=config) for argument in arguments)
    named = "own_net:build" if command in ("describe", "explain") else "--baseline=own_net:build"
    result = run(command, named, *others)
    assert result.exit_code == 2
    assert f"Error: {rule} where that builds the network, got" in result.stderr


@pytest.mark.usefixtures("net")
def test_a_network_is_measured_with_multipliers(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "measured"
    result = run(
        *(
            "measure",
            "own_net:build",
            "own_net:build:1,2,0.5",
            "--threads=1",
            "--processes=1",
            "--min-time=0.01s",
        ),
        *("--device=cpu", f"--out={folder}", "--format=csv"),
    )
    assert result.exit_code == 0, result.output
    rows = _rows(result.stdout)
    assert [(row["name"], row["resolution"]) for row in rows] == [
        ("own_net-build", "224"),
        ("own_net-build-d1-w2-r112", "112"),
    ]
    assert all(row["latency_median_s"] for row in rows)


def test_the_code_must_do(run: Run, net: Path, tmp_path: Path) -> None:
    """A line, exit code 2, nothing written; what else may be wrong is shown in tests/networks."""
    folder = tmp_path / "run"
    net.write_text(NET.replace("2 * depth", "2"), encoding="utf-8")
    result = run("grid", "--baseline=own_net:build", f"--out={folder}", *SHORT)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "Error: --baseline must build a deeper network at depth 2 than at depth 1, got "
        "own_net:build, whose cost doesn't move with depth: 22,184 parameters at 1, 22,184 at 2"
    )
    assert not folder.exists()


@pytest.mark.usefixtures("net")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--stem-stride=1",), "--stem-stride must be left to the code where that builds the network, got 1"),
        (
            ("--baseline=own_net:bild",),
            "--baseline must name a function of own_net, got own_net:bild: it has build, seven",
        ),
    ],
)
def test_bad_input(run: Run, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    folder = tmp_path / "run"
    result = run("grid", "--baseline=own_net:build", *SHORT, *arguments, f"--out={folder}")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"Error: {message}"
    assert not folder.exists()
