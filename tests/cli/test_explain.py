from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from scalesearch.networks.baselines import VARIANTS, published_networks
from scalesearch.networks.cost import count

Run = Callable[..., Result]
PAPER = ("--alpha=1.2", "--beta=1.1", "--gamma=1.15")
MINE = """
name = "mine"
stem_channels = 8
head_channels = 0
resolution = 32
activation = "relu"
stages = [{ block = "basic", channels = 8, kernel_size = 3, stride = 2, repeats = 3 }]
"""
CODE = """
from torch import nn


def build(depth, width, num_classes):
    channels = round(8 * width)
    convolutions = [nn.Conv2d(channels, channels, 3, padding=1) for _ in range(round(2 * depth))]
    return nn.Sequential(
        nn.Conv2d(3, channels, 3), *convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)
    )
"""


def tables(result: Result) -> dict[str, list[dict[str, object]]]:
    assert result.exit_code == 0, result.output
    found: dict[str, list[dict[str, object]]] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("name", ["B4", "efficientnet-b4", "EfficientNet-B4"])
def test_a_name_may_be_written_as_people_do(run: Run, name: str) -> None:
    assert run("explain", name).stdout == run("explain", "b4").stdout


def test_all_numbers_as_json(run: Run) -> None:
    found = tables(run("explain", "lite3", "--format=json"))
    assert list(found) == ["network", "rows", "ratio", "ledger"]
    (network,) = found["network"]
    cost = count(published_networks()["lite3"].arch())
    assert (network["name"], network["baseline"]) == ("efficientnet-lite3", "efficientnet-lite0")
    assert (network["params"], network["macs"]) == (cost.params, cost.macs)
    assert (network["params_published"], network["flops_published"]) == (8.2e6, 1.44e9)
    assert [row["stepped_up"] for row in found["rows"]] == ["no", "yes", *["no"] * 7]
    assert found["ledger"][0]["value"] == cost.macs


def test_the_rows_as_csv(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("explain", "b1", "--format=csv").stdout)))
    assert [row["name"] for row in rows] == ["stem", *(f"stage{n}" for n in range(1, 8)), "head"]
    assert sum(int(row["macs"]) for row in rows) == count(published_networks()["b1"].arch()).macs
    assert (rows[2]["repeats_base"], rows[2]["repeats_exact"], rows[2]["repeats"]) == ("2", "2.2", "3")


def test_given_coefficients_judge_a_published_network(run: Run) -> None:
    (network,) = tables(run("explain", "b4", "--alpha=1.8", "--beta=1.4", "--gamma=1", "--format=json"))[
        "network"
    ]
    assert (network["implied_phi_depth"], network["implied_phi_width"]) == (1, 1)
    assert network["implied_phi_resolution"] is None
    assert network["macs"] == 4_393_771_024


def test_other_rounding_rules_are_explained(run: Run) -> None:
    def change(*options: str) -> float:
        ratio = tables(run("explain", "b0", "--depth=1.2", "--format=json", *options))["ratio"]
        return next(float(str(part["factor"])) for part in ratio if part["name"] == "repeats")

    assert change("--repeats-rule=floor") < 1 < change()


def test_a_variant_is_scaled_by_its_own_rounding(run: Run) -> None:
    rows = tables(run("explain", "blog", "--depth=1.4", "--width=1.2", "--format=json"))["rows"]
    assert [row["repeats"] for row in rows] == [1, 1, 2, 2, 4, 4, 5, 1, 1]
    assert [row["channels"] for row in rows] == [38, 16, 28, 48, 96, 132, 228, 384, 1536]


def test_an_unscaled_network_says_so(run: Run) -> None:
    text = " ".join(run("explain", "resnet-18").stdout.split())
    assert "resnet-18 is not scaled: 11,689,512 parameters, 1.81 G multiply-adds." in text


def test_a_file_is_explained(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE, encoding="utf-8")
    result = run("explain", path, "--depth=1.5")
    assert result.exit_code == 0, result.output
    assert "mine:1.5,1,1 is mine made 1.5 times as deep:" in result.stdout
    assert any(line.split()[:4] == ["stage1", "4.5", "->", "5"] for line in result.stdout.splitlines())


def test_of_ones_own_code_what_can_be_said_is(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "explained_net.py").write_text(CODE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        result = run("explain", "explained_net:build", "--depth=1.5")
        found = tables(run("explain", "explained_net:build", "--depth=1.5", "--format=json"))
    finally:
        sys.modules.pop("explained_net", None)
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert "made 1.5 times as deep: by the rule 1.50 times" in text
    assert "How it rounds is its own code's" in text
    assert "The network is its own code's: its blocks can't be told" in text
    assert "roundings" not in text
    assert [entry["name"] for entry in found["ledger"]] == ["MACs", "2 x MACs"]
    assert found["rows"] == found["ratio"] == []


def test_out_has_the_page_and_its_tables(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "why"
    result = run("explain", "lite1", f"--out={folder}")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in folder.iterdir()) == [
        "explain.md", "ledger.csv", "network.csv", "ratio.csv", "report.html", "rows.csv",
    ]  # fmt: skip
    page = (folder / "explain.md").read_text("utf-8")
    assert page.startswith(
        "# efficientnet-lite1\n\nefficientnet-lite1 is efficientnet-lite0 made 1.1 times as deep and "
    )
    assert "| stage2 | 2.2 -&gt; 3 | 24 | 60 |" in page
    # The same, but for the command that made it.
    shown = run("explain", "lite1", "--format=markdown").stdout
    assert shown.rpartition("Made by")[0] == page.rpartition("Made by")[0]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variants_differences_reach_the_variant(run: Run, wide: Callable[[int], None], name: str) -> None:
    wide(100)
    result = run("explain", f"--variant={name}")
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 100
    found = tables(run("explain", f"--variant={name}", "--format=json"))
    b0, own = count(published_networks()["b0"].arch()), count(VARIANTS[name].arch)
    whole = [row for row in found["differences"] if row["what"] == "all of these"]
    if own != b0:
        assert whole[0]["params_ratio"] == pytest.approx(own.params / b0.params)
        assert whole[0]["macs_ratio"] == pytest.approx(own.macs / b0.macs)
    first = found["members"][0]
    assert (first["params"], first["macs"]) == (own.params, own.macs)


def test_the_keras_notebooks_table_as_run_and_as_meant(run: Run) -> None:
    members = tables(run("explain", "--variant=notebook-keras", "--format=json"))["members"]
    run_as = {row["name"]: row for row in members if row["as"] == "run"}
    meant = {row["name"]: row for row in members if row["as"] == "meant"}
    assert list(run_as) == list(meant) == [f"b{n}" for n in range(8)]
    for name, row in run_as.items():
        assert (row["depth"], row["width"]) == (meant[name]["width"], meant[name]["depth"])
    assert (run_as["b4"]["depth"], run_as["b4"]["width"]) == (1.4, 1.8)
    # Width counts twice: where the two differ, what was meant for depth costs more there. B1 is only wider.
    assert all(int(str(run_as[f"b{n}"]["macs"])) > int(str(meant[f"b{n}"]["macs"])) for n in range(2, 8))
    # Its table's numbers are none that a power would make depth or width of.
    assert {row["phi"] for row in members} == {None}
    text = run("explain", "--variant=notebook-keras").stdout
    assert "Its table as run and as meant" in text
    row = next(line.split() for line in text.splitlines() if line.startswith("b4 ") and "3.24" in line)
    assert row[:7] == ["b4", "1.4", "1.8", "3.24", "1.96", "4.54", "3.53"]


def test_the_variants_are_listed(run: Run) -> None:
    lines = run("explain", "--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(VARIANTS)
    assert all(variant.title in line for line, variant in zip(lines, VARIANTS.values(), strict=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "WHAT must be one network, or --variant NAME in its place, got neither: scalesearch explain b4"),
        (["b4", "--variant=blog"], "WHAT must be one network, or --variant NAME in its place, got both"),
        (["b4", "--phi=2"], "--phi must come with --alpha, --beta and --gamma, got 2 without them"),
        (["b4", "--alpha=1.2"], "--beta must be given where --alpha is: the three go together"),
        (["b4", *PAPER, "--phi=1", "--depth=2"], "--phi must be left out where --depth is given, got 1"),
        (["b4", "--alpha=0.9", "--beta=1", "--gamma=1"], "--alpha must be a finite number >= 1, got 0.9"),
        (["b4", "--width=0"], "--width must be a finite number > 0, got 0.0"),
        (["b4", "--resolution=380"], "--resolution must be a multiplier such as 1.15, not pixels, got 380"),
        (
            ["--variant=blog", "--depth=2"],
            "--depth must be left out with --variant, got 2; scalesearch explain blog --depth ... scales it",
        ),
        (
            ["--variant=blog", "--channel-divisor=4"],
            "--channel-divisor must be left out with --variant, got 4; scalesearch explain blog "
            "--channel-divisor ... rounds by it",
        ),
    ],
)
def test_bad_input_is_one_line(run: Run, arguments: list[str], message: str) -> None:
    result = run("explain", *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {message}\n")


def test_an_unknown_name_is_answered_with_the_nearest(run: Run) -> None:
    result = run("explain", "lite9")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("Error: WHAT must be a network that scalesearch describe lists, ")
    assert "got 'lite9'; did you mean lite4 or lite3 or lite2?" in result.stderr


def test_an_unknown_variant_is_answered_with_all_titles(run: Run) -> None:
    result = run("explain", "--variant=bolg")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    for variant in VARIANTS.values():
        assert f"{variant.name} ({variant.title})" in result.stderr


def test_a_folder_that_cannot_be_written_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("explain", "b0", f"--out={tmp_path / 'file' / 'under'}")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: --out must be a writable folder, got ")
