"""Where the channels and blocks of a grown network come from, and what can't be grown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.networks.baselines import BASELINES, EFFICIENTNET_B0, MOBILENET_V2, RESNET_18, RESNET_50
from scalesearch.networks.growth import Copies, growth, why_not
from scalesearch.networks.layers import Conv, MaxPool, Pool, lower
from scalesearch.networks.scaled import reduce, scale
from scalesearch.networks.spec import Arch, ArchSpec, CodeSpec, Rounding, StageSpec
from scalesearch.scaling import Multipliers

FINE = Rounding(channel_divisor=1)
SMALL = reduce(EFFICIENTNET_B0, 0.25, Rounding(channel_divisor=2), resolution=48)


def grown(old: ArchSpec, **multipliers: float) -> ArchSpec:
    return scale(old, Multipliers(**multipliers), FINE)


@given(
    st.sampled_from(sorted(set(BASELINES) - {"efficientnetv2-s"})),
    st.floats(1, 1.8),
    st.floats(1, 3),
    st.integers(0, 5),
)
def test_every_layer_with_parameters_has_its_channels(
    name: str, depth: float, width: float, seed: int
) -> None:
    old = reduce(BASELINES[name], 0.125, FINE, resolution=32)
    new = scale(old, Multipliers(depth=depth, width=width), FINE)
    if reason := why_not(old, new):
        if old.norm == "layer":
            assert width > 1
            assert reason.endswith("such a network can be grown in depth and resolution alone")
            return
        # A stage that came to have as many channels as a stem that stays.
        assert reason.endswith("as their channels are rounded")
        assert old.stem_width in ("grown", "fixed")
        return
    before = {block.name: block for block in lower(old)}
    parts = growth(old, new, seed=seed)
    layers = [layer for block in lower(new) for layer in block.every if not isinstance(layer, MaxPool | Pool)]
    assert [part.layer for part in parts] == layers
    for part in parts:
        assert (part.origin == "copied") == (part.block.name in before)
        if part.origin != "copied" or not isinstance(part.layer, Conv):
            continue
        source = before[part.block.name]
        there = source.shortcut if part.index is None else source.layers[part.index]
        assert isinstance(there, Conv)
        assert (len(part.reads.of), part.reads.old) == (part.layer.in_channels, there.in_channels)
        assert (len(part.gives.of), part.gives.old) == (part.layer.out_channels, there.out_channels)
        for copies in (part.reads, part.gives):
            assert set(copies.of) == set(range(copies.old))
            # No channel is there three times while another is there once.
            assert max(copies.counts) - min(copies.counts) <= 1
            assert len(copies.repeated) == len(copies.of) - copies.old
            if part.layer.groups == 1 or part.layer.depthwise:
                assert copies.of[: copies.old] == tuple(range(copies.old))
    assert growth(old, new, seed=seed) == parts


def test_what_is_added_up_has_one_order_of_channels() -> None:
    new = grown(RESNET_18, width=1.5, depth=1.5)
    parts = growth(RESNET_18, new)
    for stage in range(1, 5):
        gives = {
            part.gives.of
            for part in parts
            if part.block.name.startswith(f"stage{stage}_") and part.origin == "copied" and part.index != 0
        }
        assert len(gives) == 1
    assert len({part.gives.of for part in parts if part.origin == "copied"}) > 4


def test_groups_keep_their_channels_to_themselves() -> None:
    grouped = replace(RESNET_50, stages=tuple(replace(s, expand_ratio=2, groups=4) for s in RESNET_50.stages))
    old = reduce(grouped, 0.125, FINE, resolution=32)
    new = grown(old, width=2)
    middles = [part for part in growth(old, new) if isinstance(part.layer, Conv) and part.layer.groups == 4]
    assert len(middles) == 16
    for part in middles:
        for copies in (part.reads, part.gives):
            before, after = copies.old // 4, len(copies.of) // 4
            assert all(channel // before == place // after for place, channel in enumerate(copies.of))


def test_another_seed_repeats_other_channels() -> None:
    new = grown(SMALL, width=1.5)
    assert growth(SMALL, new, seed=0) != growth(SMALL, new, seed=1)


def test_new_blocks_are_zeroed_or_pass_on() -> None:
    origins = [
        part.origin for part in growth(SMALL, grown(SMALL, depth=1.01)) if part.block.name == "stage1_block2"
    ]
    assert origins == ["fresh", "fresh", "zeroed"]
    v1 = reduce(BASELINES["mobilenet-v1"], 0.125, FINE, resolution=32)
    new = grown(v1, depth=1.5)
    assert {p.origin for p in growth(v1, new) if p.block.name == "stage1_block2"} == {"identity"}


def test_a_change_of_classes_or_resolution_alone_copies_all_but_the_classifier() -> None:
    other = replace(SMALL, classes=3, resolution=96, resolution_width=40, dropout=0.5, drop_path=0.0)
    parts = growth(SMALL, other)
    assert [part.block.name for part in parts if part.origin != "copied"] == ["head"]
    assert parts[-1].origin == "fresh"
    assert all(part.gives.plain for part in parts)


CODE = CodeSpec(name="mine", target="mine:build", resolution=32)
SILU_SUM = replace(reduce(RESNET_18, 0.125, FINE, resolution=32), activation="silu")
RELU_FUSED = ArchSpec(
    name="fused",
    stem_channels=4,
    stages=(
        StageSpec(
            block="fused_mbconv",
            repeats=2,
            kernel_size=3,
            stride=1,
            expand_ratio=1,
            channels=4,
            squeeze_ratio=0,
        ),
    ),
    head_channels=0,
    resolution=32,
    activation="relu",
)
NO_SUM = replace(SMALL, stages=tuple(replace(stage, residual=False) for stage in SMALL.stages))
ALIKE = replace(
    SMALL, stages=(*SMALL.stages[:6], replace(SMALL.stages[6], channels=SMALL.stages[5].channels))
)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (EFFICIENTNET_B0, SMALL, "stem, layer 1 has 8 channels, fewer than the 32 there"),
        (grown(SMALL, depth=1.5), SMALL, "stage1 has 1 block, fewer than the 2 there"),
        (SMALL, replace(SMALL, stages=SMALL.stages[:6]), "it has 6 stages, and 7 there"),
        (SMALL, replace(SMALL, in_channels=1), "its input has 1 channels, and 3 there"),
        (SMALL, replace(SMALL, activation="relu"), "a layer of stem has activation relu, and silu there"),
        (SMALL, replace(SMALL, stem_stride=1), "a layer of stem has stride 1, and 2 there"),
        (SMALL, replace(SMALL, head_channels=0), "head is made of other layers there"),
        (
            SMALL,
            replace(SMALL, stages=tuple(replace(s, squeeze_ratio=0) for s in SMALL.stages)),
            "stage1_block1 is made of other layers there",
        ),
        (
            SMALL,
            ALIKE,
            "stage7_block1 adds its input to its output, and adds nothing to its output there, as their "
            "channels are rounded",
        ),
        (
            SILU_SUM,
            grown(SILU_SUM, depth=1.5),
            "stage1_block3 would be new and can't be the identity: silu follows its sum",
        ),
        (
            RELU_FUSED,
            grown(RELU_FUSED, depth=1.5),
            "stage1_block3 would be new and could not learn from zero: relu ends its branch",
        ),
        (
            NO_SUM,
            grown(NO_SUM, depth=1.5),
            "stage1_block2 would be new and can't be the identity: it adds nothing to its output",
        ),
        (
            replace(SMALL, gate="softmax"),
            grown(replace(SMALL, gate="softmax"), width=1.5),
            "the softmax gate of stage1_block1 shares 1 out among its channels, so that repeated ones would "
            "each get less",
        ),
        (
            CODE,
            SMALL,
            "growth isn't defined for code of your own, whose layers only it knows, but to the same network",
        ),
        (
            CODE,
            replace(CODE, resolution=48),
            "growth isn't defined for code of your own, whose layers only it knows, but to the same network",
        ),
        (
            SMALL,
            CODE,
            "growth isn't defined for code of your own, whose layers only it knows, but to the same network",
        ),
    ],
)
def test_what_is_not_well_defined(old: Arch, new: Arch, reason: str) -> None:
    assert why_not(old, new) == reason
    with pytest.raises(ValueError, match="`start` must be a network") as caught:
        growth(old, new)
    assert str(caught.value) == (
        f"`start` must be a network that {new.name} can be grown from, got {old.name}: {reason}"
    )


def test_without_sums_or_with_a_softmax_gate_some_growth_is_left() -> None:
    assert why_not(NO_SUM, grown(NO_SUM, width=1.5)) == ""
    softmax = replace(SMALL, gate="softmax")
    assert why_not(softmax, grown(softmax, depth=1.5)) == ""
    assert why_not(MOBILENET_V2, grown(MOBILENET_V2, depth=1.5, width=1.3)) == ""


def test_copies_count_what_they_repeat() -> None:
    copies = Copies(of=(0, 1, 2, 1, 0), old=3)
    assert copies.counts == (2, 2, 1)
    assert copies.repeated == (3, 4)
    assert not copies.plain
