"""Every baseline against an implementation of others, unscaled; then scaled, against the rules it states."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import starmap
from typing import Any, Literal, get_args

import pytest
import timm
import torch
import torchvision.models as theirs
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.ops import StochasticDepth

from scalesearch.hardware.flops import fvcore_count
from scalesearch.networks.baselines import (
    BASELINES,
    EFFICIENTNET_B0,
    EFFICIENTNET_LITE0,
    MOBILENET_V2,
    MOBILENET_V3_LARGE,
    MOBILENET_V4_CONV_SMALL,
    REGNETY_016,
    RESNET_18,
    RESNET_50,
    chosen_baseline,
)
from scalesearch.networks.build import _LayerScale, build, zero_init_residual
from scalesearch.networks.cost import count
from scalesearch.networks.layers import Conv, LayerNorm, LayerScale, Linear, MaxPool, Pool, lower
from scalesearch.networks.scaled import reduce, scale
from scalesearch.networks.spec import Activation, ArchSpec, Rounding, StageSpec
from scalesearch.scaling import Multipliers
from tests.conftest import slow_but

RESNEXT_50 = replace(
    RESNET_50, stages=tuple(replace(stage, expand_ratio=2, groups=32) for stage in RESNET_50.stages)
)
WIDE_RESNET_50 = replace(
    RESNET_50, stages=tuple(replace(stage, expand_ratio=2) for stage in RESNET_50.stages)
)


def _universal(*row: int) -> StageSpec:
    start, kernel, stride, expand, channels = row
    return StageSpec(
        repeats=1,
        kernel_size=kernel,
        start_kernel_size=start,
        stride=stride,
        expand_ratio=expand,
        channels=channels,
        squeeze_ratio=0.0,
        joined=stride == 1,
    )


# Of blocks that the small one has not: a fused one, and some without a depthwise convolution.
MOBILENET_V4_CONV_MEDIUM = replace(
    MOBILENET_V4_CONV_SMALL,
    stages=(
        replace(MOBILENET_V4_CONV_SMALL.stages[0], block="fused_mbconv", expand_ratio=4, channels=48),
        *starmap(_universal, [(3, 5, 2, 4, 80), (3, 3, 1, 2, 80), (3, 5, 2, 6, 160)]),
        *starmap(_universal, [(3, 3, 1, 4, 160), (3, 3, 1, 4, 160), (3, 5, 1, 4, 160), (3, 3, 1, 4, 160)]),
        *starmap(_universal, [(3, 0, 1, 4, 160), (0, 0, 1, 2, 160), (3, 0, 1, 4, 160), (5, 5, 2, 6, 256)]),
        *starmap(_universal, [(5, 5, 1, 4, 256), (3, 5, 1, 4, 256), (3, 5, 1, 4, 256), (0, 0, 1, 4, 256)]),
        *starmap(_universal, [(3, 0, 1, 4, 256), (3, 5, 1, 2, 256), (5, 5, 1, 4, 256), (0, 0, 1, 4, 256)]),
        *starmap(_universal, [(0, 0, 1, 4, 256), (5, 0, 1, 2, 256)]),
    ),
    resolution=256,
)

REFERENCES: dict[str, tuple[ArchSpec, Callable[[], nn.Module]]] = {
    "efficientnet-b0": (
        EFFICIENTNET_B0,
        partial(theirs.efficientnet_b0, norm_layer=partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)),
    ),
    # Symmetric padding, as here; timm's own choice of the constants of batch norm is not the official code's.
    "efficientnet-lite0": (
        EFFICIENTNET_LITE0,
        partial(timm.create_model, "efficientnet_lite0", bn_eps=1e-3, bn_momentum=0.01),
    ),
    "efficientnetv2-s": (
        BASELINES["efficientnetv2-s"],
        # torchvision's constants for this one are the paper's epsilon and torch's momentum.
        theirs.efficientnet_v2_s,
    ),
    "mobilenet-v1": (BASELINES["mobilenet-v1"], partial(timm.create_model, "mobilenetv1_100")),
    "mobilenet-v2": (MOBILENET_V2, theirs.mobilenet_v2),
    # The constants of batch norm are the official code's, as torchvision has them.
    "mobilenet-v3-large": (
        MOBILENET_V3_LARGE,
        partial(timm.create_model, "mobilenetv3_large_100", bn_eps=1e-3, bn_momentum=0.01),
    ),
    "mobilenet-v4-conv-small": (
        MOBILENET_V4_CONV_SMALL,
        partial(timm.create_model, "mobilenetv4_conv_small"),
    ),
    "regnety-016": (REGNETY_016, partial(timm.create_model, "regnety_016")),
    "mobilenet-v4-conv-medium": (
        MOBILENET_V4_CONV_MEDIUM,
        partial(timm.create_model, "mobilenetv4_conv_medium"),
    ),
    "convnext-tiny": (BASELINES["convnext-tiny"], partial(timm.create_model, "convnext_tiny", conv_mlp=True)),
    "resnet-18": (RESNET_18, theirs.resnet18),
    "resnet-34": (BASELINES["resnet-34"], theirs.resnet34),
    "resnet-50": (RESNET_50, theirs.resnet50),
    "resnext-50": (RESNEXT_50, theirs.resnext50_32x4d),
    "wide-resnet-50": (WIDE_RESNET_50, theirs.wide_resnet50_2),
}


def _repeating(spec: ArchSpec, *repeats: int) -> ArchSpec:
    stages = zip(spec.stages, repeats, strict=True)
    return replace(spec, stages=tuple(replace(stage, repeats=n) for stage, n in stages))


_bottlenecks = partial(theirs.ResNet, theirs.resnet.Bottleneck, [2, 2, 1, 1])
_fused, _plain = theirs.efficientnet.FusedMBConvConfig, theirs.efficientnet.MBConvConfig
# The largest with fewer blocks, every kind of block still among them: what they compute is compared on these.
SHORT: dict[str, tuple[ArchSpec, Callable[[], nn.Module]]] = {
    "efficientnetv2-s": (
        _repeating(BASELINES["efficientnetv2-s"], 2, 2, 1, 2, 1, 1),
        partial(
            theirs.EfficientNet,
            [
                *(_fused(1, 3, 1, 24, 24, 2), _fused(4, 3, 2, 24, 48, 2), _fused(4, 3, 2, 48, 64, 1)),
                *(_plain(4, 3, 2, 64, 128, 2), _plain(6, 3, 1, 128, 160, 1), _plain(6, 3, 2, 160, 256, 1)),
            ],
            dropout=0.2,
            last_channel=1280,
            norm_layer=partial(nn.BatchNorm2d, eps=1e-3),
        ),
    ),
    "resnet-50": (_repeating(RESNET_50, 2, 2, 1, 1), _bottlenecks),
    "resnext-50": (_repeating(RESNEXT_50, 2, 2, 1, 1), partial(_bottlenecks, groups=32, width_per_group=4)),
}
# The key of each table: a study of today must know its networks again tomorrow.
KEYS = {
    "convnext-tiny": "2176b772475a",
    "efficientnet-b0": "c4eb84b2a36b",
    "efficientnet-lite0": "3eae67493529",
    "efficientnetv2-s": "c1be6087748f",
    "mobilenet-v1": "7f7d34c5c7b6",
    "mobilenet-v2": "115eaa6ccf75",
    "mobilenet-v3-large": "9de3d6eabfbf",
    "mobilenet-v4-conv-small": "3474093ff358",
    "regnety-016": "530c410972a4",
    "resnet-18": "1b952f58cf5d",
    "resnet-34": "306fe17aab62",
    "resnet-50": "78b855549f3f",
}


def in_our_order(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Timm's ConvNeXt has the factors of a block's channels before its layers; here they are the last one."""
    blocks: dict[str, list[str]] = {}
    for name in tensors:
        block = re.match(r"stages\.\d+\.blocks\.\d+\.", name)
        blocks.setdefault(block[0] if block else name, []).append(name)
    ordered = [
        name for names in blocks.values() for name in sorted(names, key=lambda name: name.endswith(".gamma"))
    ]
    return {name: tensors[name] for name in ordered}


LARGE = ("wide-resnet-50", "resnet-34", "resnet-50", "efficientnet-lite0", "mobilenet-v4-conv-medium")


def pair(name: str) -> tuple[nn.Module, nn.Module]:
    """Theirs and ours in double precision with the same weights, and statistics that do something."""
    spec, make = (REFERENCES | SHORT)[name]
    torch.manual_seed(0)
    reference = make().double()
    for module in reference.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
        if isinstance(module, nn.Dropout | StochasticDepth):
            module.p = 0.0
    with torch.device("meta"):
        ours = build(replace(spec, dropout=0.0, drop_path=0.0))
    state, given = ours.state_dict(), in_our_order(reference.state_dict())
    assert [value.shape for value in state.values()] == [value.shape for value in given.values()]
    copies = (value.clone() for value in given.values())
    ours.load_state_dict(dict(zip(state, copies, strict=True)), assign=True)
    return reference, ours


@pytest.fixture(
    scope="module",
    params=[
        # Of a kind that others are of too: resnet-18, resnext-50, efficientnet-b0 and mobilenet-v2 have their blocks.
        pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else [])
        for name in REFERENCES
    ],
)
def both(request: pytest.FixtureRequest) -> tuple[ArchSpec, nn.Module, nn.Module]:
    return (REFERENCES | SHORT)[request.param][0], *pair(request.param)


def macs_of(network: nn.Module, spec: ArchSpec) -> float:
    with FlopCounterMode(display=False) as counter:
        network.to("meta").eval()(torch.zeros(1, 3, *spec.input_size, dtype=torch.float64, device="meta"))
    return counter.get_total_flops() / 2


def test_same_weights_give_the_same_output(both: tuple[ArchSpec, nn.Module, nn.Module]) -> None:
    _, reference, ours = both
    reference.eval()
    ours.eval()
    for side in (33, 46):  # what doesn't fill a patch is left out
        images = torch.randn(2, 3, side, side, dtype=torch.float64)
        with torch.inference_mode():
            expected, got = reference(images), ours(images)
        assert expected.std() > 1e-3
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item())


def test_same_weights_learn_the_same(both: tuple[ArchSpec, nn.Module, nn.Module]) -> None:
    """Gradients, and what batch norm remembers, after one step in training mode."""
    _, reference, ours = both
    images, labels = torch.randn(3, 3, 34, 34, dtype=torch.float64), torch.tensor([1, 2, 3])
    for network in both[1:]:
        network.train().zero_grad()
        nn.functional.cross_entropy(network(images), labels).backward()
    largest = max(parameter.grad.abs().max().item() for parameter in reference.parameters())
    theirs_in_order = in_our_order(dict(reference.named_parameters())).values()
    for got, expected in zip(ours.parameters(), theirs_in_order, strict=True):
        # Where it is 0 but for rounding, it is that of sums of far larger ones.
        atol = 1e-9 * expected.grad.abs().max().item() + 1e-13 * largest
        torch.testing.assert_close(got.grad, expected.grad, rtol=1e-6, atol=atol)
    for got, expected in zip(ours.buffers(), reference.buffers(), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", REFERENCES)
def test_params_and_macs_are_theirs(name: str) -> None:
    spec, make = REFERENCES[name]
    cost = count(spec)
    with torch.device("meta"):
        reference, ours = make().double(), build(spec)
    shapes, expected = (
        [value.shape for value in in_our_order(n.state_dict()).values()] for n in (ours, reference)
    )
    assert shapes == expected
    assert cost.params == sum(p.numel() for p in reference.parameters())
    assert cost.params == sum(p.numel() for p in ours.parameters())
    assert cost.macs == macs_of(reference, spec)


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [  # as the papers have them
        ("mobilenet-v1", 4.2e6, 569e6),  # 1704.04861, Table 8
        ("mobilenet-v2", 3.4e6, 300e6),  # 1801.04381, Table 4
        ("efficientnetv2-s", 22e6, 8.8e9),  # 2104.00298, Table 7
        ("resnet-50", None, 3.8e9),  # 1512.03385, Table 1, its stride on the first 1x1
    ],
)
def test_the_papers_own_figures(name: str, params: float | None, macs: float) -> None:
    cost = count(BASELINES[name])
    assert cost.macs == pytest.approx(macs, rel=0.08)
    if params:
        assert cost.params == pytest.approx(params, rel=0.04)


def test_every_baseline_has_a_reference_and_its_own_name() -> None:
    assert set(BASELINES) < set(REFERENCES)
    assert all(spec.name == name for name, spec in BASELINES.items())


def test_keys_stay_what_they_were() -> None:
    assert {name: spec.key for name, spec in BASELINES.items()} == KEYS
    reduced = scale(EFFICIENTNET_B0, Multipliers(width=0.25), Rounding(channel_divisor=2), resolution=48)
    assert reduced.key == "1e7191b10d10"


def test_a_spec_of_the_first_version_reads_as_it_was_written() -> None:
    """As stored by version 0.2: the fields that came later aren't there, neither before nor after."""
    stage = {
        **{"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 2, "expand_ratio": 6},
        **{"channels": 40, "squeeze_ratio": 0.25},
    }
    stored = {
        **{"name": "old", "stem_channels": 32, "stages": [stage], "head_channels": 1280, "resolution": 48},
        **{"classes": 18, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2},
        **{"norm_eps": 1e-3, "norm_momentum": 0.01},
    }
    assert json.dumps(ArchSpec.from_dict(stored).to_dict()) == json.dumps(stored)


# --- scaled


def least_side(spec: ArchSpec) -> int:
    """Of an input, in pixels: patches have to be whole."""
    return spec.total_stride if spec.patched else 1


multiplier = st.floats(0.1, 1.6)
rounded = st.builds(Rounding, channel_divisor=st.sampled_from([1, 2, 8]))
scaled = st.builds(
    lambda spec, depth, width, rounding, height, across: replace(
        scale(
            spec,
            Multipliers(depth=depth, width=width),
            rounding,
            resolution=max(height, least_side(spec)),
        ),
        resolution_width=max(across, least_side(spec)),
        classes=7,
    ),
    st.sampled_from([spec for spec, _ in REFERENCES.values()]),
    st.floats(0.1, 1.2),
    st.floats(0.05, 0.6),
    rounded,
    st.integers(8, 70),
    st.integers(8, 70),
)


@given(scaled)
@settings(max_examples=10)
def test_what_is_counted_is_what_is_built(arch: ArchSpec) -> None:
    cost = count(arch)
    with torch.device("meta"):
        network = build(replace(arch, drop_path=0.0)).eval()
    with FlopCounterMode(display=False) as counter:
        out = network(torch.zeros(1, 3, *arch.input_size, device="meta"))
    assert out.shape == (1, 7)
    assert cost.params == sum(p.numel() for p in network.parameters())
    assert cost.macs == counter.get_total_flops() / 2
    convs = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.MaxPool2d)]
    gates = sum(type(m).__name__ == "_SqueezeExcite" for m in network.modules())
    assert cost.layers == len(convs) - gates + 1  # two convolutions in a gate; the pool before the classifier
    assert ArchSpec.from_dict(json.loads(json.dumps(arch.to_dict()))) == arch


@pytest.mark.parametrize(
    "name",
    slow_but(("efficientnet-b0", "mobilenet-v4-conv-medium", "convnext-tiny", "resnext-50"), REFERENCES),
)
def test_fvcore_agrees_on_an_oblong_input(name: str) -> None:
    spec = scale(REFERENCES[name][0], Multipliers(width=0.25, depth=0.5), Rounding(), resolution=40)
    arch = replace(spec, resolution_width=72)
    cost, witness = count(arch), fvcore_count(arch)
    assert (witness.conv_linear, witness.total) == (cost.macs, cost.fvcore_total)


@given(st.sampled_from(sorted(BASELINES)), multiplier, multiplier, multiplier)
def test_sizes_run_through_the_layers(name: str, depth: float, width: float, resolution: float) -> None:
    """Each layer reads as many channels and pixels as the one before it gives; so does each shortcut."""
    base = BASELINES[name]
    if base.patched:
        resolution = max(resolution, base.total_stride / base.resolution)
    arch = scale(
        base,
        Multipliers(depth=depth, width=width, resolution=resolution),
        Rounding(channel_divisor=2),
    )
    channels, size = arch.in_channels, arch.input_size
    for block in lower(arch):
        read = channels, size
        for layer in block.layers:
            if isinstance(layer, Conv):
                assert (layer.in_channels, layer.in_size) == (channels, size)
                assert layer.in_channels % layer.groups == layer.out_channels % layer.groups == 0
                channels, size = layer.out_channels, layer.out_size
            elif isinstance(layer, MaxPool):
                assert (layer.channels, layer.in_size) == (channels, size)
                size = layer.out_size
            elif isinstance(layer, LayerNorm | LayerScale):
                assert (layer.channels, layer.size) == (channels, size)
            elif isinstance(layer, Pool):
                assert (layer.channels, layer.size) == (channels, size)
                size = (1, 1)
            elif isinstance(layer, Linear):
                assert (layer.in_features, size) == (channels, (1, 1))
        if block.shortcut is not None:
            assert (block.shortcut.in_channels, block.shortcut.in_size) == read
            assert (block.shortcut.out_channels, block.shortcut.out_size) == (channels, size)
        elif block.residual:
            assert read == (channels, size)


@pytest.mark.parametrize(("width", "head"), [(0.35, 1280), (0.9, 1280), (1.4, 1792)])
def test_mobilenet_v2s_head_only_grows(width: float, head: int) -> None:
    # The official slim code's minimum depths at these widths: 1280, 1280, 1792.
    assert scale(MOBILENET_V2, Multipliers(width=width), Rounding()).head_channels == head


@pytest.mark.parametrize(
    ("depth", "width", "repeats", "name"),
    [
        (1.1, 1.0, [1, 3, 3, 4, 4, 5, 1], "efficientnet_lite1"),
        (1.4, 1.2, [1, 3, 3, 5, 5, 6, 1], "efficientnet_lite3"),
        (1.8, 1.4, [1, 4, 4, 6, 6, 8, 1], "efficientnet_lite4"),
    ],
)
def test_lites_family_is_timms(depth: float, width: float, repeats: list[int], name: str) -> None:
    """Fixed stem and head, one block in the first and in the last stage: the published lite1 to lite4."""
    arch = scale(EFFICIENTNET_LITE0, Multipliers(depth=depth, width=width), Rounding())
    assert [stage.repeats for stage in arch.stages] == repeats
    assert (arch.stem_channels, arch.head_channels) == (32, 1280)
    with torch.device("meta"):
        reference = timm.create_model(name)
    assert count(arch).params == sum(p.numel() for p in reference.parameters())


@given(multiplier, rounded)
def test_a_bottlenecks_output_is_its_inside_times_the_ratio(width: float, rounding: Rounding) -> None:
    for base, ratio, groups in ((RESNET_50, 4, 1), (RESNEXT_50, 2, 32)):
        for before, stage in zip(
            base.stages, scale(base, Multipliers(width=width), rounding).stages, strict=True
        ):
            assert stage.channels == ratio * stage.inner_channels
            assert stage.inner_channels % groups == 0
            if groups == 1:
                assert stage.inner_channels == rounding.channels(before.inner_channels, width)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"block": "basic"}, "`squeeze_ratio` must be 0 in a basic block, got 0.25"),
        (
            {"block": "separable", "squeeze_ratio": 0.0},
            "`expand_ratio` must be 1 in a separable block, got 4",
        ),
        ({"groups": 2}, "`groups` must be 1 in a mbconv block, got 2"),
        (
            {"block": "bottleneck", "squeeze_ratio": 0.0, "groups": 3},
            "`channels` must be a multiple of expand_ratio x groups in a bottleneck, here 4 x 3, got 64",
        ),
        ({"scaled_repeats": 1}, "`scaled_repeats` must be true or false, got 1"),
        ({"scaled_channels": "no"}, "`scaled_channels` must be true or false, got 'no'"),
        ({"expand_kernel_size": 2}, "`expand_kernel_size` must be odd, got 2"),
        ({"squeezed": -1}, "`squeezed` must be a whole number from 0 to 1,000,000, got -1"),
        ({"squeeze_of": "output"}, "`squeeze_of` must be one of input, expanded, got 'output'"),
        (
            {"block": "fused_mbconv", "expand_always": True},
            "`expand_always` must be false in a fused_mbconv block, got true",
        ),
        (
            {"block": "basic", "squeeze_ratio": 0.0, "expand_ratio": 1, "residual": False},
            "`residual` must be true in a basic block, got false",
        ),
        (
            {"block": "separable", "squeeze_ratio": 0.0, "expand_ratio": 1, "squeezed": 4},
            "`squeezed` must be 0 in a separable block, got 4",
        ),
        (
            {"block": "bottleneck", "expand_ratio": 1, "groups": 2, "group_width": 8},
            "`groups` must be 1 where group_width says how many, got 2",
        ),
        (
            {"block": "bottleneck", "expand_ratio": 2, "group_width": 24},
            "`channels` must be a multiple of expand_ratio x group_width in a bottleneck, here 2 x 24, got 64",
        ),
        (
            {"block": "bottleneck", "expand_ratio": 2.5},
            "`expand_ratio` must be a whole number from 1 to 1,000,000, got 2.5",
        ),
        (
            {"block": "conv", "expand_ratio": 1, "squeeze_ratio": 0.0, "kernel_size": 0},
            "`kernel_size` must be a whole number from 1 to 1,000,000, got 0",
        ),
        (
            {"kernel_size": 0, "stride": 2},
            "`stride` must be 1 in a block that has no depthwise convolution, got 2",
        ),
        ({"start_kernel_size": 4}, "`start_kernel_size` must be odd, got 4"),
        ({"expand_ratio": 0.5}, "`expand_ratio` must be from 1 to 1,000,000, got 0.5"),
        ({"joined": True, "stride": 2}, "`stride` must be 1 in a row that is joined to the one above, got 2"),
        (
            {"activation": "tanh"},
            f"`activation` must be one of {', '.join(get_args(Activation))}, got 'tanh'",
        ),
    ],
)
def test_bad_stage(fields: dict[str, Any], message: str) -> None:
    row: dict[str, Any] = {"repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 4, "channels": 64}
    with pytest.raises(ValueError) as error:
        StageSpec(**row | fields)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"activation": "tanh"},
            f"`activation` must be one of {', '.join(get_args(Activation))}, got 'tanh'",
        ),
        ({"head_channels": -1}, "`head_channels` must be a whole number from 0 to 1,000,000, got -1"),
        ({"stem_stride": 0}, "`stem_stride` must be a whole number from 1 to 1,000,000, got 0"),
        ({"stem_width": "wide"}, "`stem_width` must be one of scaled, grown, fixed, floor, ceil, got 'wide'"),
        ({"stem_pool": "yes"}, "`stem_pool` must be true or false, got 'yes'"),
        ({"conv_bias": True}, "`conv_bias` must be one of none, activated, all, got True"),
        ({"drop_path_rule": "cubic"}, "`drop_path_rule` must be one of linear, constant, got 'cubic'"),
        ({"gate": "relu"}, "`gate` must be one of sigmoid, softmax, hard_sigmoid, got 'relu'"),
        ({"squeeze_form": "linear"}, "`squeeze_form` must be one of conv, dense, got 'linear'"),
        (
            {"squeeze_activation": "tanh"},
            f"`squeeze_activation` must be one of {', '.join(get_args(Activation))}, got 'tanh'",
        ),
        ({"squeeze_bias": 0}, "`squeeze_bias` must be true or false, got 0"),
        ({"resolution_width": 0}, "`resolution_width` must be a whole number from 1 to 1,000,000, got 0"),
    ],
)
def test_bad_arch(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        replace(RESNET_18, **fields)
    assert str(error.value) == message


# --- what a stem, an input, a sum can be


def test_an_oblong_input_is_scaled_on_both_sides_and_a_square_one_has_one_key() -> None:
    oblong = replace(RESNET_18, resolution=320, resolution_width=192)
    half = scale(oblong, Multipliers(resolution=0.5), Rounding(resolution_multiple=32))
    assert half.input_size == (160, 96)
    assert replace(oblong, resolution_width=320) == replace(RESNET_18, resolution=320)
    assert replace(oblong, resolution_width=320).key == replace(RESNET_18, resolution=320).key
    turned = replace(RESNET_18, resolution=192, resolution_width=320)
    assert count(turned) == count(oblong)
    assert turned.key != oblong.key


def test_a_stem_of_stride_1_keeps_every_pixel_of_a_small_image() -> None:
    small = replace(RESNET_18, resolution=32, stem_kernel_size=3, stem_stride=1, stem_pool=False, classes=10)
    maps = [block.layers[0].in_size for block in lower(small) if block.name.endswith("block2")]
    assert maps == [(32, 32), (16, 16), (8, 8), (4, 4)]
    assert (small.total_stride, RESNET_18.total_stride) == (8, 32)
    # arXiv 1512.03385 has no such network, but everybody's CIFAR code: 11,173,962 parameters.
    assert count(small).params == 11_173_962


@pytest.mark.parametrize("channels", [1, 4])
def test_any_number_of_channels_in(channels: int) -> None:
    arch = replace(
        scale(MOBILENET_V2, Multipliers(width=0.125), Rounding(), resolution=32), in_channels=channels
    )
    assert build(arch).eval()(torch.zeros(2, channels, 32, 20)).shape == (2, 1000)


@pytest.mark.parametrize("name", BASELINES)
def test_sums_can_start_as_the_identity_and_every_weight_learns(name: str) -> None:
    arch = scale(BASELINES[name], Multipliers(width=0.125, depth=0.5), Rounding(), resolution=32)
    torch.manual_seed(0)
    network = build(replace(arch, dropout=0.0, drop_path=0.0, classes=5))
    nn.functional.cross_entropy(network(torch.randn(8, 3, 32, 32)), torch.arange(8) % 5).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    zero_init_residual(network)
    kinds = (nn.BatchNorm2d, _LayerScale)
    zeros = [m for m in network.modules() if isinstance(m, kinds) and not m.weight.any()]
    assert len(zeros) == sum(block.residual for block in lower(arch))
    images = torch.rand(2, arch.stages[0].channels, 8, 8)
    same = [b.name for b in lower(arch) if b.residual and b.shortcut is None and b.name.startswith("stage1_")]
    for block in same:
        assert torch.equal(network.get_submodule(block)(images), images)


@pytest.mark.parametrize("width", [0.75, 1.5])
def test_a_wider_mobilenet_v4_is_timms(width: float) -> None:
    with torch.device("meta"):
        reference = timm.models.mobilenetv3._gen_mobilenet_v4("mobilenetv4_conv_small", width)
    arch = scale(MOBILENET_V4_CONV_SMALL, Multipliers(width=width), Rounding())
    assert count(arch).params == sum(p.numel() for p in reference.parameters())


@pytest.mark.parametrize("width", [0.75, 1.5])
def test_a_wider_mobilenet_v3_is_timms_but_for_its_features(width: float) -> None:
    """All channels, those that expand by a fraction and those inside squeeze-and-excite included."""
    features = max(1280, int(1280 * width))
    make = partial(timm.models.mobilenetv3._gen_mobilenet_v3, "mobilenetv3_large_100", width)
    with torch.device("meta"):
        reference = make()
    arch = scale(MOBILENET_V3_LARGE, Multipliers(width=width), Rounding())
    ours = count(arch)
    assert arch.features == features
    theirs_params = sum(p.numel() for p in reference.parameters())
    head = arch.head_channels
    assert ours.params - (features * (head + 1) + 1000 * (features + 1)) == theirs_params - (
        1280 * (head + 1) + 1000 * 1281
    )


@pytest.mark.parametrize("rule", ["ceil", "round"])
@pytest.mark.parametrize("depth", [0.4, 0.8, 1.1, 1.2, 2.0, 2.6, 3.1])  # no halves, which timm takes to even
def test_depth_shares_a_stages_blocks_out_as_timm_does(depth: float, rule: Literal["ceil", "round"]) -> None:
    arch = scale(MOBILENET_V3_LARGE, Multipliers(depth=depth), Rounding(repeats_rule=rule))
    before, after = MOBILENET_V3_LARGE.rows_of_stages, arch.rows_of_stages
    for rows, scaled_rows in zip(before, after, strict=True):
        names = [[number] for number in range(len(rows))]
        repeats = [row.repeats for row in rows]
        blocks = timm.models._efficientnet_builder._scale_stage_depth(names, repeats, depth, rule)
        assert [blocks.count([n]) for n in range(len(rows))] == [row.repeats for row in scaled_rows]


@given(multiplier, rounded)
def test_width_makes_more_groups_of_a_regnet_not_wider_ones(width: float, rounding: Rounding) -> None:
    for stage in scale(REGNETY_016, Multipliers(width=width), rounding).stages:
        assert stage.group_width == 24
        assert stage.channels == 24 * stage.inner_groups
    # A proxy is narrower in every part, its groups too: else none of its stages could be narrower than one.
    proxy = reduce(REGNETY_016, 0.25, Rounding(channel_divisor=2))
    assert [(stage.channels, stage.group_width) for stage in proxy.stages] == [
        (12, 6),
        (30, 6),
        (84, 6),
        (222, 6),
    ]


def test_patches_are_not_padded() -> None:
    """What does not fill one is lost, so that an input has to have one at least; a stem's are its stride."""
    arch = replace(BASELINES["convnext-tiny"], resolution=63)
    assert [block.layers[0].in_size for block in lower(arch) if block.row == "stage1"][:1] == [(15, 15)]
    small = chosen_baseline("convnext-tiny", stem_stride=2)
    assert (small.stem_stride, small.stem_kernel_size, small.total_stride) == (2, 2, 16)
    assert replace(small, resolution=16).resolution == 16
    message = (
        "`resolution` must be at least 32 px a side, the 32 that the strides multiply to, as patches aren't "
        "padded, got 31"
    )
    with pytest.raises(ValueError) as error:
        scale(BASELINES["convnext-tiny"], Multipliers(resolution=31 / 224), Rounding())
    assert str(error.value) == message
