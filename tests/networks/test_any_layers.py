"""Whatever the fields of a spec say: what is counted is what is built, and what is written is read again."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.ops import StochasticDepth

from scalesearch.hardware.flops import fvcore_count
from scalesearch.networks.baselines import BASELINES, EFFICIENTNET_B0, VARIANTS, network_toml, read_network
from scalesearch.networks.build import build
from scalesearch.networks.cost import count, count_blocks, rows
from scalesearch.networks.layers import Conv, SqueezeExcite, lower, runs
from scalesearch.networks.scaled import reduce, scale
from scalesearch.networks.spec import ArchSpec, Rounding, StageSpec
from scalesearch.scaling import Multipliers

common = {
    "repeats": st.integers(1, 3),
    "kernel_size": st.sampled_from([1, 3, 5]),
    "stride": st.sampled_from([1, 2]),
    "expand_ratio": st.integers(1, 6),
    "channels": st.integers(1, 24),
    "squeeze_ratio": st.sampled_from([0.0, 1 / 24, 0.25, 1.0]),
    "squeezed": st.sampled_from([0, 0, 5]),
    "squeeze_of": st.sampled_from(["input", "expanded"]),
    "residual": st.booleans(),
    "scaled_repeats": st.booleans(),
    "scaled_channels": st.booleans(),
}
mbconvs = st.builds(
    StageSpec,
    **common,
    block=st.just("mbconv"),
    expand_kernel_size=st.sampled_from([1, 3, 5]),
    expand_always=st.booleans(),
)
fused = st.builds(StageSpec, **common, block=st.just("fused_mbconv"))
archs = st.builds(
    ArchSpec,
    name=st.just("any"),
    stem_channels=st.integers(1, 16),
    stages=st.lists(mbconvs | fused, min_size=1, max_size=3).map(tuple),
    head_channels=st.sampled_from([0, 7, 32]),
    resolution=st.integers(16, 33),
    classes=st.integers(1, 9),
    drop_path=st.sampled_from([0.0, 0.3]),
    activation=st.sampled_from(["silu", "relu", "relu6"]),
    stem_width=st.sampled_from(["scaled", "grown", "fixed", "floor", "ceil"]),
    head_width=st.sampled_from(["scaled", "grown", "fixed", "floor", "ceil"]),
    conv_bias=st.sampled_from(["none", "activated", "all"]),
    drop_path_rule=st.sampled_from(["linear", "constant"]),
    squeeze_activation=st.sampled_from([None, "silu", "relu"]),
    squeeze_form=st.sampled_from(["conv", "dense"]),
    squeeze_bias=st.booleans(),
    gate=st.sampled_from(["sigmoid", "softmax"]),
)


@given(archs)
@settings(max_examples=12)
def test_what_is_counted_is_what_is_built(arch: ArchSpec) -> None:
    cost = count(arch)
    with torch.device("meta"):
        network = build(arch).eval()
    with FlopCounterMode(display=False) as counter:
        out = network(torch.zeros(2, 3, *arch.input_size, device="meta"))
    assert out.shape == (2, arch.classes)
    assert cost.params == sum(p.numel() for p in network.parameters())
    assert cost.macs == counter.get_total_flops() / 4  # 2 for a multiply-add, 2 images


@given(archs)
@settings(max_examples=5)
def test_fvcore_counts_the_same(arch: ArchSpec) -> None:
    cost, witness = count(arch), fvcore_count(arch)
    assert (witness.conv_linear, witness.total) == (cost.macs, cost.fvcore_total)


@pytest.mark.parametrize(
    ("in_channels", "out_channels", "groups", "depthwise"),
    [
        (8, 8, 8, True),
        (1, 1, 1, True),
        (8, 8, 4, False),
        (8, 8, 1, False),
        (8, 16, 8, False),
        (1, 8, 1, False),
    ],
)
def test_a_convolution_is_depthwise_where_no_channels_are_mixed_or_added(
    in_channels: int, out_channels: int, groups: int, depthwise: bool
) -> None:
    sizes = {"in_channels": in_channels, "out_channels": out_channels, "groups": groups}
    conv = Conv(**sizes, kernel_size=3, stride=1, activation=None, in_size=(4, 4))
    assert conv.depthwise == depthwise


@given(archs)
def test_blocks_add_up_to_runs(arch: ArchSpec) -> None:
    """The counter goes by runs, the builder by blocks."""
    blocks = list(lower(arch))
    assert count(arch) == count_blocks(blocks)
    assert sum(run.times for run in runs(arch)) == len(blocks) == arch.blocks + 2
    assert [row.name for row in rows(arch)] == list(dict.fromkeys(run.name for run in runs(arch)))


@given(archs)
def test_a_spec_survives_json_and_toml(tmp_path_factory: pytest.TempPathFactory, arch: ArchSpec) -> None:
    assert ArchSpec.from_dict(json.loads(json.dumps(arch.to_dict()))) == arch
    if 2 * min(arch.input_size) >= arch.total_stride:
        path = tmp_path_factory.mktemp("toml") / "any.toml"
        path.write_text(network_toml(arch))
        again = read_network(path)
        assert (again, again.key) == (arch, arch.key)


@given(archs)
def test_a_field_says_something_or_leaves_the_key_alone(arch: ArchSpec) -> None:
    """What says nothing is not written, so that a network of before has the key that it had."""
    written = arch.to_dict()
    for name in ("conv_bias", "drop_path_rule", "squeeze_activation", "squeeze_form", "squeeze_bias", "gate"):
        default = getattr(EFFICIENTNET_B0, name)
        assert (name in written) == (getattr(arch, name) != default)
        if getattr(arch, name) != default:
            assert replace(arch, **{name: default}).key != arch.key


@given(archs, st.floats(0.2, 2), st.floats(0.2, 2))
def test_what_is_fixed_stays_and_the_rest_is_rounded(arch: ArchSpec, width: float, depth: float) -> None:
    rounding = Rounding(channel_divisor=2)
    scaled = scale(arch, Multipliers(width=width, depth=depth), rounding)
    for before, after in zip(arch.stages, scaled.stages, strict=True):
        channels = rounding.channels(before.channels, width) if before.scaled_channels else before.channels
        repeats = rounding.repeats(before.repeats, depth) if before.scaled_repeats else before.repeats
        assert (after.channels, after.repeats, after.squeezed) == (channels, repeats, before.squeezed)
    narrow = reduce(arch, width, rounding)
    for before, after in zip(arch.stages, narrow.stages, strict=True):
        assert after == replace(before, channels=rounding.channels(before.channels, width))
    assert (narrow.stem_width, narrow.head_width) == (arch.stem_width, arch.head_width)


@pytest.mark.parametrize(("of", "inside"), [("input", 4), ("expanded", 24)])
def test_the_squeeze_is_a_share_of_what_it_says(of: str, inside: int) -> None:
    stage = replace(EFFICIENTNET_B0.stages[1], squeeze_of=of)
    arch = replace(EFFICIENTNET_B0, stages=(EFFICIENTNET_B0.stages[0], stage))
    gates = [layer for block in lower(arch) for layer in block.layers if isinstance(layer, SqueezeExcite)]
    assert [(gate.channels, gate.squeezed) for gate in gates[:2]] == [(32, 8), (96, inside)]


@pytest.mark.parametrize(("bias", "biased"), [("none", set()), ("activated", {True}), ("all", {True, False})])
def test_which_convolutions_have_a_bias(bias: str, biased: set[bool]) -> None:
    arch = replace(BASELINES["resnet-18"], conv_bias=bias)
    convs = [layer for block in lower(arch) for layer in block.every if isinstance(layer, Conv)]
    assert {conv.activation is not None for conv in convs if conv.bias} == biased
    with torch.device("meta"):
        network = build(arch)
    assert sum(m.bias is not None for m in network.modules() if isinstance(m, nn.Conv2d)) == sum(
        conv.bias for conv in convs
    )


def test_small_depthwise_maps_have_their_bias_in_training_too() -> None:
    """Their own gradient has no bias: it is added beside."""
    torch.manual_seed(0)
    stage = replace(EFFICIENTNET_B0.stages[2], stride=1)
    arch = replace(EFFICIENTNET_B0, stages=(stage,), resolution=8, conv_bias="all", drop_path=0.0)
    network = build(arch)
    convolution = network.get_submodule("stage1_block1.1.0")
    assert type(convolution).__name__ == "_SmallDepthwise"
    nn.init.normal_(convolution.bias)
    images = torch.randn(2, convolution.in_channels, 4, 4)
    with torch.no_grad():
        plain = convolution(images)
    torch.testing.assert_close(convolution(images), plain)
    convolution(images).sum().backward()
    torch.testing.assert_close(convolution.bias.grad, torch.full((convolution.out_channels,), 32.0))


@pytest.mark.parametrize(
    ("rule", "probabilities"), [("constant", [0.3] * 3), ("linear", [0.3 / 4, 0.3 / 2, 0.9 / 4])]
)
def test_stochastic_depth_grows_or_stays(rule: str, probabilities: list[float]) -> None:
    stage = replace(EFFICIENTNET_B0.stages[1], repeats=4)
    arch = replace(EFFICIENTNET_B0, stages=(stage,), drop_path=0.3, drop_path_rule=rule)
    found = [m.p for m in build(arch).modules() if isinstance(m, StochasticDepth)]
    assert all(math.isclose(*both) for both in zip(found, probabilities, strict=True))


@pytest.mark.parametrize(
    ("name", "operators"),
    [
        ("notebook-pytorch", ["Conv, k3x3", "MBConv1, k3x3, SE", "MBConv6, k3x3, k3x3 expansion, SE"]),
        (
            "notebook-keras",
            [
                "Conv, k3x3, bias",
                "MBConv1, k3x3, k1x1 expansion, SE softmax, bias",
                "MBConv6, k3x3, SE softmax, bias",
            ],
        ),
        (
            "blog",
            [
                "Conv, k3x3, bias",
                "MBConv1, k3x3, SE 4 (fully connected), no sum, bias",
                "MBConv6, k3x3, k3x3 expansion, SE 24 (fully connected), no sum, bias",
            ],
        ),
    ],
)
def test_a_table_says_what_is_unusual(name: str, operators: list[str]) -> None:
    assert [row.operator for row in rows(VARIANTS[name].arch)][:3] == operators


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_survives_toml_under_its_own_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "any.toml"
    path.write_text(network_toml(VARIANTS[name].arch))
    assert read_network(path) == VARIANTS[name].arch
    path.write_text(network_toml(replace(VARIANTS[name].arch, classes=7)))
    with pytest.raises(ValueError) as error:
        read_network(path)
    assert str(error.value) == (
        f"`baseline` must describe a network, got {path}: name must not be that of a built-in network with "
        f"another table, got '{name}': change name in the file, or leave it out: the network is then called "
        "like the file"
    )


def test_a_file_of_a_usual_network_says_nothing_of_the_rest() -> None:
    text = network_toml(EFFICIENTNET_B0)
    assert not any(name in text for name in ("bias", "gate", "form", "rule", "squeezed", "residual"))
