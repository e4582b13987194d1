from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from scalesearch.networks.baselines import (
    BASELINES,
    PAPER_COEFFICIENTS,
    RESNET_18,
    VARIANTS,
    built_in,
    published_networks,
    read_network,
)
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import compound
from scalesearch.networks.spec import Rounding, with_exponents
from scalesearch.page.markdown import si

Run = Callable[..., Result]

MINE = """
name = "mine"
stem_channels = 8
head_channels = 0
resolution = 32
activation = "relu"
stages = [
    { block = "basic", channels = 8, kernel_size = 3, stride = 2, repeats = 1 },
    { block = "separable", channels = 16, kernel_size = 3, stride = 2, repeats = 1 },
]
"""
SHORT = (
    *(
        "--max-networks=2",
        "--images=16",
        "--batch-size=8",
        "--held-out=18",
        "--seeds=1",
        "--baseline-width=1",
    ),
    *("--baseline-resolution=24x16", "--stem-stride=1", "--baseline-channel-divisor=1", "--no-latency"),
    *("--device=cpu", "--threads=1", "--jobs=1"),
)

SMALL = (
    "must be at least 16 px a side, half of the 32 that the strides multiply to: below that the last map covers "
    "more padding than image"
)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "whatever.toml"
    path.write_text(MINE, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", BASELINES)
def test_a_table_to_read_ends_with_the_whole_cost(run: Run, name: str) -> None:
    result = run("describe", name)
    assert result.exit_code == 0
    first, header, *lines = result.stdout.splitlines()
    cost = count(BASELINES[name])
    assert first.strip() == name
    assert header.split() == [
        *("row", "operator", "input", "stride", "channels", "repeats", "params", "macs", "activations"),
    ]
    assert lines[-1].split() == ["all", f"{cost.params:,d}", f"{cost.macs:,d}", f"{cost.activations:,d}"]
    assert len(lines) == len(BASELINES[name].stages) + 3


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("name", ["resnet-50", "notebook-keras-dense"])
def test_a_narrow_terminal_cuts_no_number(
    run: Run, wide: Callable[[int], None], name: str, width: int
) -> None:
    wide(width)
    result = run("describe", name)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in result.stdout
    arch, cost = built_in()[name], count(built_in()[name])
    whole = f"all {si(cost.params)} {si(cost.macs)} {si(cost.activations)}"
    assert " ".join(lines[-1].split()) == whole
    begun = [line.split()[0] for line in lines if not line.startswith(" ")]
    stages = [f"stage{n}" for n in range(1, len(arch.stages) + 1)]
    assert begun == [name, "row", "stem", *stages, "head", "all"]


def test_what_is_piped_is_whole(run: Run) -> None:
    result = run("describe", "notebook-keras-dense")
    assert "MBConv1, k3x3, k1x1 expansion, SE softmax (fully connected), bias" in result.stdout
    assert result.stdout.splitlines()[-1].endswith(
        f"{count(built_in()['notebook-keras-dense']).activations:,d}"
    )


def test_rows_as_csv_and_json(run: Run) -> None:
    result = run("describe", "resnet-18", "--resolution=64x32", "--format=csv")
    table = list(csv.DictReader(io.StringIO(result.stdout)))
    assert (table[0]["input_height"], table[0]["input_width"], table[1]["operator"]) == (
        "64",
        "32",
        "Basic, k3x3",
    )
    again = json.loads(run("describe", "resnet-18", "--resolution=64x32", "--format=json").stdout)
    assert [row["macs"] for row in again] == [int(row["macs"]) for row in table]


def test_a_printed_file_is_the_network_with_its_changes(run: Run, tmp_path: Path) -> None:
    changes = (
        "--stem-stride=1",
        "--resolution=32",
        "--classes=10",
        "--in-channels=1",
        "--width=0.5",
        "--depth=2",
    )
    path = tmp_path / "small.toml"
    path.write_text(run("describe", "resnet-18", *changes, "--format=toml").stdout, encoding="utf-8")
    arch = read_network(path)
    assert (arch.name, arch.input_size, arch.classes, arch.in_channels) == ("my-resnet-18", (32, 32), 10, 1)
    assert [(stage.channels, stage.repeats) for stage in arch.stages] == [
        (32, 4),
        (64, 4),
        (128, 4),
        (256, 4),
    ]
    path.write_text(run("describe", "resnet-18", "--format=toml").stdout, encoding="utf-8")
    assert read_network(path) == RESNET_18
    assert run("describe", path).stdout.splitlines()[0].strip() == "resnet-18"


@pytest.mark.slow
def test_a_run_keeps_the_network_of_its_file(run: Run, mine: Path, tmp_path: Path) -> None:
    """Also where the input is oblong and the stem of stride 1: all of it is trained, kept, and gone on with."""
    folder = tmp_path / "run"
    begun = run("grid", f"--baseline={mine}", f"--out={folder}", *SHORT)
    assert begun.exit_code == 0, begun.output
    kept = tomllib.loads((folder / "run.toml").read_text("utf-8"))
    assert kept["run"]["name"] == "grid-mine-phi1"
    assert kept["grid"]["baseline"] == "mine"
    assert (kept["grid"]["baseline_resolution"], kept["grid"]["baseline_resolution_width"]) == (24, 16)
    network = read_network(mine)
    assert kept["grid"]["baseline_arch"] == network.to_dict()
    # The file is gone: the run goes on from what it kept, and its run.toml means the same run.
    text = mine.read_text("utf-8")
    mine.unlink()
    resumed = run("resume", folder)
    assert (resumed.exit_code, resumed.stdout.replace("\n", "")) == (0, begun.stdout.replace("\n", ""))
    same = run("grid", f"--config={folder / 'run.toml'}", f"--out={folder}")
    assert same.exit_code == 0, same.output
    # The file is back, with a change: another network, another run.
    mine.write_text(text.replace("channels = 16", "channels = 24"), encoding="utf-8")
    other = read_network(mine)
    changed = run("grid", f"--baseline={mine}", f"--out={folder}", *SHORT)
    assert (changed.exit_code, changed.stderr) == (
        2,
        f"Error: --out must be a folder without a run of other settings, got {folder / 'run.toml'} "
        f"(baseline_arch: network {network.key} there, network {other.key} asked); choose another folder\n",
    )


def test_a_family_of_a_network_from_a_file(run: Run, mine: Path, tmp_path: Path) -> None:
    mine.write_text(
        MINE.replace("resolution = 32", "resolution = 32\nresolution_width = 64"), encoding="utf-8"
    )
    result = run(
        *("scale", "--alpha=2", "--beta=1", "--gamma=1", "--phi=0,1", f"--baseline={mine}", "--format=json"),
        f"--out={tmp_path / 'family'}",
    )
    assert result.exit_code == 0, result.output
    family = json.loads(result.stdout)
    assert family[0]["macs"] == count(read_network(mine)).macs
    assert [row["blocks"] for row in family] == [2, 4]
    assert not (tmp_path / "family" / "published.csv").exists()


@pytest.mark.parametrize("name", ["b4", "Lite2", "efficientnet-l2"])
def test_a_published_network_is_described(run: Run, name: str) -> None:
    network = published_networks()[name.lower().removeprefix("efficientnet-")].arch()
    result = run("describe", name)
    assert result.exit_code == 0
    first, *_, last = result.stdout.splitlines()
    cost = count(network)
    assert first.strip() == network.name
    assert last.split() == ["all", f"{cost.params:,d}", f"{cost.macs:,d}", f"{cost.activations:,d}"]


def test_every_network_that_goes_by_a_name_is_listed(run: Run) -> None:
    listed = pd.read_csv(io.StringIO(run("describe", "--format", "csv").stdout))
    assert list(listed["name"]) == [*BASELINES, *published_networks(), *VARIANTS]
    for row in listed.itertuples():
        described = run("describe", str(row.name), "--format", "json")
        assert sum(part["macs"] for part in json.loads(described.stdout)) == row.macs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["describe", "vgg"],
            "NETWORK must be a network that scalesearch describe lists, a .toml file or "
            "package.module:function, got 'vgg'",
        ),
        (
            ["describe", "efficientnetb0"],
            "NETWORK must be a network that scalesearch describe lists, a .toml file or "
            "package.module:function, got 'efficientnetb0'; did you mean efficientnet-b0 or efficientnet-lite0 "
            "or efficientnetv2-s?",
        ),
        (["describe", "--width=2"], "NETWORK must be given with --width, such as b0"),
        (
            ["describe", "b0", "--width=1e9"],
            "--width must leave at most 1,000,000 channels in a layer, got 1e+09, which makes 1.28e+12",
        ),
        (
            ["describe", "b0", "--depth=1e9"],
            "--depth must leave at most 1,000 blocks in a row, got 1e+09, which makes 4e+09",
        ),
        (
            ["grid", "--baseline=gone.toml"],
            "--baseline must be a file that can be read, got gone.toml: No such file or directory",
        ),
        (
            ["grid", "--baseline-resolution=0x8", "--dry-run"],
            "--baseline-resolution must be pixels such as 224, or height x width such as 320x192, got '0x8'",
        ),
        (
            ["describe", "resnet-18", "--resolution=40x15"],
            f"--resolution {SMALL}, got 40x15",
        ),
        *(
            ([*command, "--baseline-resolution=15"], f"--baseline-resolution {SMALL}, got 15")
            for command in (["grid", "--dry-run"], ["scale"], ["measure", "efficientnet-b0:1,1,1"])
        ),
        (["describe", "resnet-18", "--width=0"], "--width must be a finite number > 0, got 0.0"),
    ],
)
def test_bad_input_is_one_line(run: Run, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (2, f"Error: {message}\n")


@pytest.mark.slow
def test_a_file_with_one_channel_in_is_trained_on_grey_images(run: Run, mine: Path, tmp_path: Path) -> None:
    mine.write_text("in_channels = 1\n" + MINE, encoding="utf-8")
    result = run("grid", f"--baseline={mine}", *SHORT, f"--out={tmp_path / 'grey'}")
    assert result.exit_code == 0, result.stderr
    settings = tomllib.loads((tmp_path / "grey" / "run.toml").read_text("utf-8"))["grid"]
    assert settings["baseline_arch"]["in_channels"] == 1


def test_stages_say_how_strongly_depth_works_on_each(run: Run, tmp_path: Path) -> None:
    powers = ("--stages", "depth=0,1,1,1,1.5,1.5,2", "--stages", "width=1,1,1,1,1,0,1")
    printed = run("describe", "efficientnet-b0", *powers, "--depth=1.4").stdout.splitlines()
    assert printed[1].split()[-2:] == ["scaled", "by"]
    assert [line.rstrip().split("  ")[-1] for line in printed[3:10]] == [
        *("width", "depth x width", "depth x width", "depth x width"),
        *("depth^1.5 x width", "depth^1.5", "depth^2 x width"),
    ]
    assert "scaled by" not in run("describe", "efficientnet-b0").stdout
    file = tmp_path / "powers.toml"
    file.write_text(run("describe", "efficientnet-b0", *powers, "--format=toml").stdout)
    tables = [
        run("describe", *network, "--depth=1.4", "--width=1.2", "--format=json").stdout
        for network in ((str(file),), ("efficientnet-b0", *powers))
    ]
    assert tables[0] == tables[1]
    refused = run("describe", "efficientnet-b0", "--stages", "depth=1,2")
    assert (refused.exit_code, refused.stderr) == (
        2,
        "Error: --stages must have 7 exponents for depth, one for each stage of efficientnet-b0, got 2: 1,2\n",
    )


@pytest.mark.parametrize("command", ["describe", "explain"])
@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (
            "depth=1,1,1,99,1,1,1",
            "must hold a number from 0 to 10 for each stage, got '99' for depth of stage 4",
        ),
        (
            "depth=1,-1,1,1,1,1,1",
            "must hold a number from 0 to 10 for each stage, got '-1' for depth of stage 2",
        ),
        (
            "width=1,1,1,1,1,1,nan",
            "must hold a number from 0 to 10 for each stage, got 'nan' for width of stage 7",
        ),
        ("width=,1,1,1,1,1,1", "must hold a number from 0 to 10 for each stage, got '' for width of stage 1"),
        (
            "depth=0,0,0,0,0,0,0",
            "must leave depth a stage to work on, got 'depth=0,0,0,0,0,0,0': one of its numbers at least has to be "
            "above 0",
        ),
    ],
)
def test_what_stages_can_not_be_names_the_stage(command: str, stages: str, message: str, run: Run) -> None:
    result = run(command, "efficientnet-b0", "--stages", stages)
    assert (result.exit_code, result.stderr) == (2, f"Error: --stages {message}\n")


def test_explain_says_what_scales_each_stage(run: Run) -> None:
    powers = ("--stages", "depth=0,1,1,1,1.5,1.5,2", "--stages", "width=1,1,1,1,1,0,1")
    scaled = ("efficientnet-b0", *powers, "--depth=1.4", "--width=1.2")
    lines = run("explain", *scaled).stdout.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("row "))
    assert [line[8:17].strip() for line in lines[begin : begin + 10]] == [
        *("scaled by", "", "w", "d, w", "d, w", "d, w", "d^1.5, w", "d^1.5", "d^2, w", ""),
    ]
    rows = {
        row["name"]: row
        for row in csv.DictReader(run("explain", *scaled, "--format=csv").stdout.splitlines())
    }
    assert [float(rows[name]["depth_power"]) for name in ("stage1", "stage5")] == [0.0, 1.5]
    # What the rule asks of a row goes by its own power, of blocks and of channels.
    assert float(rows["stage7"]["repeats_exact"]) == pytest.approx(1.4**2)
    assert [float(rows[name]["channels_exact"]) for name in ("stage6", "stage7")] == pytest.approx(
        [192, 1.2 * 320]
    )
    assert "scaled by" not in run("explain", "efficientnet-b0", "--depth=1.4").stdout


def test_explain_keeps_powers_of_width_apart(run: Run) -> None:
    scaled = ("efficientnet-b0", "--stages", "width=1,1,1,1,1,1,2", "--width=1.2")
    rows = {
        row["name"]: row
        for row in csv.DictReader(run("explain", *scaled, "--format=csv").stdout.splitlines())
    }
    assert float(rows["stage7"]["channels_exact"]) == pytest.approx(1.2**2 * 320)


def test_a_family_is_scaled_by_stages(run: Run, tmp_path: Path) -> None:
    powers = ("--stages", "depth=0,1,1,1,1.5,1.5,2")
    run("scale", "--phi=1", *powers, "--out", str(tmp_path / "family"))
    (row,) = csv.DictReader(io.StringIO((tmp_path / "family" / "family.csv").read_text()))
    arch = with_exponents(BASELINES["efficientnet-b0"], powers[1:])
    assert int(row["macs"]) == count(compound(arch, PAPER_COEFFICIENTS, 1, Rounding())).macs
    page = (tmp_path / "family" / "derivation.md").read_text()
    assert (
        "The stages of this baseline are scaled by d to the powers 0, 1, 1, 1, 1.5, 1.5, 2 and by w to the powers "
        "1, 1, 1, 1, 1, 1, 1, one for each."
    ) in page
    refused = run("scale", "--phi=1", "--baseline=blog", *powers, "--out", str(tmp_path / "blog"))
    assert refused.exit_code == 2
    assert refused.stderr.startswith(
        "Error: --stages must be left out for blog, whose rounding goes with its name"
    )
