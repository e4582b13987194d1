"""Grown networks against the ones they come from: the same outputs, whatever the table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from scalesearch.export.state import State
from scalesearch.networks.baselines import (
    BASELINES,
    EFFICIENTNET_B0,
    MOBILENET_V2,
    REGNETY_016,
    RESNET_18,
    RESNET_50,
)
from scalesearch.networks.build import build
from scalesearch.networks.growth import growth
from scalesearch.networks.layers import Conv
from scalesearch.networks.scaled import reduce, scale
from scalesearch.networks.spec import ArchSpec, Rounding, StageSpec
from scalesearch.scaling import Multipliers
from scalesearch.training.loop import grow
from tests.conftest import slow_but

FINE = Rounding(channel_divisor=1)


def trained(arch: ArchSpec, seed: int = 0) -> State:
    """A network in double precision whose every parameter and statistic does something."""
    torch.manual_seed(seed)
    network = build(arch).double()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, -1.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
        elif isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.normal_(module.bias, 0, 0.3)
    return State(arch=arch, tensors=network.state_dict(), facts={})


def begun(state: State, arch: ArchSpec, *, seed: int = 0, **options: float) -> dict[str, torch.Tensor]:
    """What ``arch`` begins with when it is grown: where nothing is copied, an untrained network's own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = build(arch).state_dict()
    return grow(state, arch, fresh=fresh, seed=seed, **options)


def outputs(arch: ArchSpec, tensors: Any, images: torch.Tensor, *, training: bool = False) -> torch.Tensor:
    network = build(replace(arch, dropout=0.0, drop_path=0.0)).double()
    network.load_state_dict(dict(tensors))
    network.train(training)
    with torch.no_grad():
        result: torch.Tensor = network(images)
    return result


def assert_preserved(state: State, arch: ArchSpec, *, training: bool, seed: int = 0) -> None:
    assert isinstance(state.arch, ArchSpec)
    across = 36 if arch.patched else 20  # patches have to be whole
    images = torch.randn(3, arch.in_channels, 33, across, dtype=torch.float64)
    grown = begun(state, arch, seed=seed, noise=0.0)
    expected = outputs(state.arch, state.tensors, images, training=training)
    got = outputs(arch, grown, images, training=training)
    assert expected.std() > 1e-3
    torch.testing.assert_close(got, expected, rtol=1e-7, atol=1e-9 * expected.abs().max().item())


def tiny(base: ArchSpec) -> ArchSpec:
    return replace(reduce(base, 0.125, FINE, resolution=32), classes=5)


def stages(block: str) -> st.SearchStrategy[StageSpec]:
    def stage(repeats: int, stride: int, inner: int, **more: Any) -> StageSpec:
        own: dict[str, Any] = {"expand_ratio": 1, "squeeze_ratio": 0.0, "channels": inner}
        if block == "bottleneck":
            own |= {"expand_ratio": 2, "groups": more["groups"], "channels": 2 * more["groups"] * inner}
        elif block in ("mbconv", "fused_mbconv"):
            own |= {"expand_ratio": more["expand"], "squeeze_ratio": more["squeeze"]}
        return StageSpec(block=block, repeats=repeats, kernel_size=3, stride=stride, **own)  # type: ignore[arg-type]  # drawn by name

    return st.builds(
        stage,
        st.integers(1, 2),
        st.integers(1, 2),
        st.integers(2, 5),
        groups=st.integers(1, 3),
        expand=st.integers(1, 3),
        squeeze=st.sampled_from([0.0, 0.25, 0.6]),
    )


def tables(block: str) -> st.SearchStrategy[ArchSpec]:
    """Small networks of one kind of block; after a sum, and where there is none, a ReLU."""
    activation = "silu" if "mbconv" in block else "relu"
    return st.builds(
        lambda rows, stem, head, pool: ArchSpec(
            name="small",
            stem_channels=stem,
            stages=tuple(rows),
            head_channels=head,
            resolution=32,
            classes=4,
            stem_pool=pool,
            activation=activation,  # type: ignore[arg-type]  # one of them
        ),
        st.lists(stages(block), min_size=1, max_size=2),
        st.integers(2, 5),
        st.sampled_from([0, 6]),
        st.booleans(),
    )


def grown_table(old: ArchSpec, width: float, more: list[int], resolution: int) -> ArchSpec:
    """Wider in proportion, so that equal channels stay equal, and deeper."""
    wide = scale(old, Multipliers(width=width), Rounding(channel_divisor=1, min_kept_fraction=0))
    return replace(
        wide,
        name="grown",
        resolution=resolution,
        stages=tuple(replace(s, repeats=s.repeats + more[i % 2]) for i, s in enumerate(wide.stages)),
    )


@pytest.mark.parametrize("block", ["mbconv", "fused_mbconv", "separable", "bottleneck", "basic"])
def test_a_grown_network_gives_what_the_old_one_gave(block: str) -> None:
    @given(
        tables(block),
        st.floats(1, 2.7),
        st.lists(st.integers(0, 2), min_size=2, max_size=2),
        st.integers(16, 48),
        st.integers(0, 3),
    )
    @settings(max_examples=12)
    def check(old: ArchSpec, width: float, more: list[int], resolution: int, seed: int) -> None:
        new = grown_table(old, width, more, resolution)
        try:
            growth(old, new, seed=seed)
        except ValueError as error:
            # Channels of groups round otherwise than those beside them: a sum more, or one less.
            assume("as their channels are rounded" not in str(error))
            raise
        state = trained(old, seed)
        assert_preserved(state, new, training=False, seed=seed)
        if block != "separable" or not any(more):
            assert_preserved(state, new, training=True, seed=seed)

    check()


def test_layer_norm_grows_in_depth_alone() -> None:
    """Repeated channels would shift the mean of all."""
    old = tiny(BASELINES["convnext-tiny"])
    deeper = scale(old, Multipliers(depth=1.4, resolution=1.3), FINE)
    assert deeper.blocks > old.blocks
    assert_preserved(trained(old), deeper, training=False)
    with pytest.raises(ValueError) as error:
        growth(old, scale(old, Multipliers(width=1.5), FINE))
    assert str(error.value) == (
        "`start` must be a network that convnext-tiny can be grown from, got convnext-tiny: stem, layer 1 ends "
        "in layer norm, whose mean over the channels repeated ones would shift: such a network can be grown in "
        "depth and resolution alone"
    )


@pytest.mark.parametrize(
    "name",
    slow_but(
        ("efficientnet-b0", "mobilenet-v1", "regnety-016", "resnet-50"),
        sorted(set(BASELINES) - {"convnext-tiny"}),
    ),
)
def test_every_baseline_of_batch_norm_grows(name: str) -> None:
    old = tiny(BASELINES[name])
    new = scale(old, Multipliers(depth=1.4, width=1.5, resolution=1.3), FINE)
    assert new.blocks > old.blocks
    assert new.stages[-1].channels > old.stages[-1].channels
    assert_preserved(trained(old), new, training=False)


def test_it_does_more_than_copy() -> None:
    """The same test finds a network that does not divide what it repeats."""
    old = tiny(EFFICIENTNET_B0)
    new = scale(old, Multipliers(width=2), FINE)
    state = trained(old)
    wrong = begun(state, new, noise=0.0)
    wrong["head.2.1.weight"] *= 2
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    assert not torch.allclose(outputs(new, wrong, images), outputs(old, state.tensors, images), rtol=1e-3)


def test_growing_twice_is_growing_once_more() -> None:
    old = tiny(MOBILENET_V2)
    state = trained(old)
    middle = scale(old, Multipliers(width=1.3), FINE)
    first = State(arch=middle, tensors=begun(state, middle, noise=0.0), facts={})
    last = scale(middle, Multipliers(width=1.3, depth=1.5), FINE)
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    grown = begun(first, last, noise=0.0)
    torch.testing.assert_close(
        outputs(last, grown, images), outputs(old, state.tensors, images), rtol=1e-8, atol=1e-8
    )


def test_the_same_network_is_copied_and_other_classes_get_a_fresh_classifier() -> None:
    old = tiny(EFFICIENTNET_B0)
    state = trained(old)
    same = begun(state, old)
    assert all(torch.equal(same[name], value) for name, value in state.tensors.items())
    assert list(same) == list(state.tensors)
    other = begun(state, replace(old, classes=7))
    assert other["head.2.1.weight"].shape == (7, old.head_channels)
    assert other["head.2.1.weight"].std() > 0
    changed = [name for name, value in state.tensors.items() if not torch.equal(other[name], value)]
    assert changed == ["head.2.1.weight", "head.2.1.bias"]


def test_another_epsilon_changes_nothing_in_evaluation() -> None:
    old = replace(tiny(EFFICIENTNET_B0), norm_eps=1e-5)
    new = replace(scale(old, Multipliers(width=1.5), FINE), norm_eps=1e-3)
    assert_preserved(trained(old), new, training=False)


def test_noise_tells_repeated_channels_apart_and_follows_from_the_seed() -> None:
    old = tiny(RESNET_18)
    new = scale(old, Multipliers(width=2), FINE)
    state = trained(old)
    exact, noisy, again, other = (
        begun(state, new, seed=seed, noise=noise)
        for seed, noise in ((0, 0.0), (0, 0.02), (0, 0.02), (1, 0.02))
    )
    name = "stem.0.0.weight"
    assert torch.equal(noisy[name][:8], exact[name][:8])
    assert len({tuple(row.flatten().tolist()) for row in exact[name]}) == 8
    assert len({tuple(row.flatten().tolist()) for row in noisy[name]}) == 16
    relative = (noisy[name][8:] / exact[name][8:] - 1).flatten()
    assert relative.std().item() == pytest.approx(0.02, rel=0.2)
    assert all(torch.equal(noisy[name], again[name]) for name in noisy)
    assert not torch.equal(noisy[name], other[name])
    images = torch.randn(4, 3, 32, 32, dtype=torch.float64)
    expected = outputs(old, state.tensors, images)
    far = (outputs(new, noisy, images) - expected).abs().max() / expected.std()
    assert 1e-4 < far < 0.5


def test_growing_leaves_the_generator_alone() -> None:
    state = trained(tiny(RESNET_50))
    new = scale(tiny(RESNET_50), Multipliers(width=1.5, depth=1.3), FINE)
    fresh = build(new).state_dict()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    grow(state, new, fresh=fresh)
    assert torch.equal(torch.get_rng_state(), before)


def test_new_blocks_learn_from_the_first_step() -> None:
    """Their last batch norm is zero, but its gradient isn't; then all of the block follows."""
    for base in (EFFICIENTNET_B0, RESNET_18, BASELINES["mobilenet-v1"]):
        old = tiny(base)
        new = scale(old, Multipliers(depth=1.5), FINE)
        network = build(replace(new, dropout=0.0, drop_path=0.0))
        network.load_state_dict(begun(State(arch=old, tensors=build(old).state_dict(), facts={}), new))
        images, labels = torch.randn(8, 3, 32, 32), torch.arange(8) % 5
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images), labels).backward()
            optimizer.step()
        still = [n for n, p in network.named_parameters() if not p.grad.abs().sum() > 0]
        assert still == []


def test_deepened_without_sums_the_batchs_own_statistics_come_near() -> None:
    """MobileNetV1 in training mode: not the same, but nothing like a block from scratch either."""
    old = tiny(BASELINES["mobilenet-v1"])
    state = trained(old)
    new = scale(old, Multipliers(depth=1.5), FINE)
    images = torch.randn(16, 3, 48, 48, dtype=torch.float64)
    expected = outputs(old, state.tensors, images, training=True)

    def likeness(got: torch.Tensor) -> float:
        return float(torch.corrcoef(torch.stack([got.flatten(), expected.flatten()]))[0, 1])

    grown = likeness(outputs(new, begun(state, new, noise=0.0), images, training=True))
    fresh = begun(state, new, noise=0.0) | {
        name: value
        for name, value in build(new).double().state_dict().items()
        if name.split(".")[0] not in {key.split(".")[0] for key in state.tensors}
    }
    assert grown > likeness(outputs(new, fresh, images, training=True)) + 0.1


def test_groups_of_a_width_are_repeated_whole() -> None:
    """A wider RegNet has more groups, and each reads a whole old one: the middle convolution shares nothing out."""
    old = tiny(REGNETY_016)
    new = scale(old, Multipliers(width=1.5), FINE)
    middle = [
        part for part in growth(old, new) if isinstance(part.layer, Conv) and part.layer.kernel_size == 3
    ][3]
    assert isinstance(middle.layer, Conv)
    width, groups = middle.layer.group_width, middle.layer.groups
    assert groups > len({*middle.reads.of}) // width
    starts = [middle.reads.of[group * width] for group in range(groups)]
    assert all(start % width == 0 for start in starts)
    assert middle.reads.of == middle.gives.of == tuple(s + i for s in starts for i in range(width))
