"""Networks as files and as printed tables."""

from __future__ import annotations

import tomllib
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from scalesearch.networks.baselines import (
    BASELINES,
    EFFICIENTNET_B0,
    RESNET_18,
    RESNET_50,
    VARIANTS,
    chosen_baseline,
    network_toml,
    read_network,
)
from scalesearch.networks.cost import count, rows
from scalesearch.networks.spec import ArchSpec, BlockKind, StageSpec

MINE = """
stem_channels = 8
head_channels = 0
resolution = 32
activation = "relu"
stages = [
    { block = "basic", channels = 8, kernel_size = 3, stride = 2, repeats = 1 },
    { block = "bottleneck", channels = 16, expand_ratio = 2, groups = 4, kernel_size = 3, stride = 2, repeats = 2 },
]
"""


def written(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_survives_its_file(tmp_path: Path, name: str) -> None:
    text = network_toml(BASELINES[name])
    assert read_network(written(tmp_path, text)) == BASELINES[name]
    # A line for each row of the table.
    assert sum(line.startswith("    {") for line in text.splitlines()) == len(BASELINES[name].stages)


def test_a_row_of_a_variant_is_refused_by_its_number(tmp_path: Path) -> None:
    text = network_toml(VARIANTS["blog"].arch).replace("squeezed = 4", "squeezed = -4")
    path = written(tmp_path, text)
    with pytest.raises(ValueError) as error:
        read_network(path)
    assert str(error.value) == (
        f"`baseline` must describe a network, got {path}: stage 1: squeezed must be a whole number from 0 to "
        "1,000,000, got -4"
    )


def test_an_oblong_input_and_a_scaling_rule_survive_too(tmp_path: Path) -> None:
    stage = replace(EFFICIENTNET_B0.stages[0], scaled_repeats=False)
    arch = replace(
        EFFICIENTNET_B0, name="mine", stages=(stage,), resolution_width=96, head_width="fixed", stem_stride=1
    )
    assert read_network(written(tmp_path, network_toml(arch))) == arch


def test_a_row_need_not_say_what_its_block_could_not_have(tmp_path: Path) -> None:
    assert read_network(written(tmp_path, MINE, "My_Net.toml")) == ArchSpec(
        name="my_net",
        stem_channels=8,
        head_channels=0,
        resolution=32,
        activation="relu",
        stages=(
            StageSpec(
                **{"block": "basic", "channels": 8, "kernel_size": 3, "stride": 2, "repeats": 1},
                **{"expand_ratio": 1, "squeeze_ratio": 0.0},
            ),
            StageSpec(
                **{"block": "bottleneck", "channels": 16, "kernel_size": 3, "stride": 2, "repeats": 2},
                **{"expand_ratio": 2, "groups": 4, "squeeze_ratio": 0.0},
            ),
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "head_channels",
            "colour",
            f"unknown key 'colour'; there may be {', '.join(f.name for f in fields(ArchSpec))}",
        ),
        ("head_channels = 0", "", "head_channels is missing"),
        (
            "groups = 4",
            "group = 4",
            f"stage 2: unknown key 'group'; there may be {', '.join(f.name for f in fields(StageSpec))}",
        ),
        ("channels = 8, ", "", "stage 1: channels is missing"),
        (
            "groups = 4",
            "groups = 3",
            "stage 2: channels must be a multiple of expand_ratio x groups in a bottleneck, here 2 x 3, got 16",
        ),
        (
            'block = "basic"',
            'block = "dense"',
            f"stage 1: block must be one of {', '.join(get_args(BlockKind))}, got 'dense'",
        ),
        (
            "resolution = 32",
            "resolution = 3",
            "resolution must be at least 4 px a side, half of the 8 that the strides multiply to: below that "
            "the last map covers more padding than image, got 3",
        ),
        (
            "resolution = 32",
            "resolution = 32\nresolution_width = 2",
            "resolution must be at least 4 px a side, half of the 8 that the strides multiply to: below that "
            "the last map covers more padding than image, got 32x2",
        ),
        (
            "resolution = 32",
            'resolution = 32\nname = "resnet-18"',
            "name must not be that of a built-in network with another table, got 'resnet-18': change name in "
            "the file, or leave it out: the network is then called like the file",
        ),
        (
            "resolution = 32",
            'resolution = 32\nname = "../mine"',
            "name must be of small letters, digits, dots, dashes and underscores, got '../mine'",
        ),
        (
            "resolution = 32",
            "resolution = 32.5",
            "resolution must be a whole number from 1 to 1,000,000, got 32.5",
        ),
    ],
)
def test_a_file_that_describes_no_network(tmp_path: Path, old: str, new: str, reason: str) -> None:
    path = written(tmp_path, MINE.replace(old, new, 1))
    with pytest.raises(ValueError) as error:
        read_network(path)
    assert str(error.value) == f"`baseline` must describe a network, got {path}: {reason}"


@pytest.mark.parametrize("stages", ['"none"', "[1]", "[]"])
def test_stages_that_are_none(tmp_path: Path, stages: str) -> None:
    path = written(tmp_path, f"stem_channels = 8\nhead_channels = 0\nresolution = 32\nstages = {stages}\n")
    with pytest.raises(ValueError, match="stages must hold at least one|stages must be a list of tables"):
        read_network(path)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as error:
        read_network(tmp_path / "gone.toml")
    assert str(error.value) == (
        f"`baseline` must be a file that can be read, got {tmp_path / 'gone.toml'}: No such file or directory"
    )
    with pytest.raises(ValueError, match="^`baseline` must be a TOML file, got "):
        read_network(written(tmp_path, "stages ="))


@pytest.mark.parametrize("name", BASELINES)
def test_rows_add_up_to_the_network(name: str) -> None:
    arch, cost = BASELINES[name], count(BASELINES[name])
    found = rows(arch)
    assert sum(row.params for row in found) == cost.params
    assert sum(row.macs for row in found) == cost.macs
    assert sum(row.activations for row in found) == cost.activations
    # Each row reads what the one before left.
    for before, after in pairwise(found):
        assert after.input_size == tuple(-(-side // before.stride) for side in before.input_size)


def test_the_papers_table_1() -> None:
    """arXiv 1905.11946, Table 1: operator, resolution, channels and layers; its resolutions are what a row reads."""
    table = [(row.operator, row.input_size[0], row.channels, row.repeats) for row in rows(EFFICIENTNET_B0)]
    assert table == [
        ("Conv, k3x3", 224, 32, 1),
        ("MBConv1, k3x3, SE", 112, 16, 1),
        ("MBConv6, k3x3, SE", 112, 24, 2),
        ("MBConv6, k5x5, SE", 56, 40, 2),
        ("MBConv6, k3x3, SE", 28, 80, 3),
        ("MBConv6, k5x5, SE", 14, 112, 3),
        ("MBConv6, k5x5, SE", 14, 192, 4),
        ("MBConv6, k3x3, SE", 7, 320, 1),
        ("Conv1x1 & Pooling & FC", 7, 1280, 1),
    ]
    operators = [row.operator for row in rows(RESNET_50)]
    assert operators == ["Conv, k7x7 & max pool", *["Bottleneck/4, k3x3"] * 4, "Pooling & FC"]


def test_what_settings_choose() -> None:
    assert chosen_baseline("resnet-18") is RESNET_18
    small = chosen_baseline("resnet-18", stem_stride=1)
    assert (small.stem_stride, small.stem_pool) == (1, False)
    assert chosen_baseline("resnet-18", stem_stride=4).stem_pool
    mine = replace(RESNET_18, name="mine", classes=3)
    assert chosen_baseline("mine", mine) is mine


def test_a_file_is_plain_toml() -> None:
    data = tomllib.loads(network_toml(RESNET_50))
    assert data["stages"][0] == {
        **{"block": "bottleneck", "repeats": 3, "kernel_size": 3, "stride": 1, "expand_ratio": 4},
        **{"channels": 256, "squeeze_ratio": 0.0},
    }
