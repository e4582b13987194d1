"""Each variant against a plain network written here from what its source does, unscaled and scaled."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
import torchvision.models as theirs
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.ops import StochasticDepth

from scalesearch.networks.baselines import (
    EFFICIENTNET_B0,
    VARIANTS,
    Member,
    baseline,
    built_in,
    chosen_baseline,
    member_arch,
    published_family,
    rounding_of,
)
from scalesearch.networks.build import build
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import reduce, scale
from scalesearch.networks.spec import ArchSpec, Rounding, SqueezeForm
from scalesearch.scaling import Multipliers

# expand, channels, repeats, kernel, stride: the paper's Table 1, as all of them copied it.
TABLE = (
    *((1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2)),
    *((6, 112, 3, 5, 1), (6, 192, 4, 5, 2), (6, 320, 1, 3, 1)),
)


def unit(
    read: int,
    give: int,
    side: int,
    stride: int = 1,
    *,
    groups: int = 1,
    bias: bool = False,
    act: type[nn.Module] = nn.SiLU,
    norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(read, give, side, stride, side // 2, groups=groups, bias=bias), norm(give), act()
    )


class TorchNotebookBlock(nn.Module):
    def __init__(self, read: int, give: int, side: int, stride: int, ratio: int) -> None:
        super().__init__()
        wide = read * ratio
        self.widen = unit(read, wide, 3) if ratio != 1 else nn.Identity()
        self.look = unit(wide, wide, side, stride, groups=wide)
        self.squeeze = nn.Conv2d(wide, int(read / 4), 1)
        self.excite = nn.Conv2d(int(read / 4), wide, 1)
        self.narrow = unit(wide, give, 1, act=nn.Identity)
        self.adds = stride == 1 and read == give

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.look(self.widen(x))
        mean = y.mean((2, 3), keepdim=True)
        y = self.narrow(y * self.excite(nn.functional.silu(self.squeeze(mean))).sigmoid())
        return x + y if self.adds else y


def torch_notebook(phi: float) -> nn.Module:
    width, depth = 1.1**phi, 1.2**phi
    read, last = int(32 * width), math.ceil(1280 * width)
    layers: list[nn.Module] = [unit(3, read, 3, 2)]
    for ratio, channels, repeats, side, stride in TABLE:
        give = 4 * math.ceil(int(channels * width) / 4)
        for number in range(math.ceil(repeats * depth)):
            layers.append(TorchNotebookBlock(read, give, side, 1 if number else stride, ratio))
            read = give
    layers += [unit(read, last, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, 1000)]
    return nn.Sequential(*layers)


class KerasNotebookBlock(nn.Module):
    """Always an expansion, biases everywhere, a softmax over the channels for a gate."""

    def __init__(self, read: int, give: int, side: int, stride: int, ratio: int, dense: bool) -> None:
        super().__init__()
        wide, made = read * ratio, partial(unit, bias=True, act=nn.ReLU6, norm=keras_norm)
        self.widen = made(read, wide, 1)
        self.look = made(wide, wide, side, stride, groups=wide)
        inside = wide // (4 if wide % 24 else 24)
        layer = nn.Linear if dense else partial(nn.Conv2d, kernel_size=1)
        self.squeeze, self.excite = layer(wide, inside), layer(inside, wide)
        self.narrow = made(wide, give, 1, act=nn.Identity)
        self.dense, self.adds = dense, stride == 1 and read == give

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.look(self.widen(x))
        mean = y.mean((2, 3)) if self.dense else y.mean((2, 3), keepdim=True)
        gate = self.excite(nn.functional.relu6(self.squeeze(mean))).softmax(1)
        y = self.narrow(y * gate.reshape(*gate.shape[:2], 1, 1))
        return x + y if self.adds else y


def keras_norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=1 - 0.99)


def keras_channels(channels: float, width: float) -> int:
    channels *= width
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def keras_notebook(depth: float, width: float, dense: bool) -> nn.Module:
    """The names of the arguments are the notebook's function's; what it is handed is for the caller to say."""
    layers: list[nn.Module] = [
        unit(3, 32, 3, 2, bias=True, act=nn.ReLU6, norm=keras_norm),
        KerasNotebookBlock(32, 16, 3, 1, 1, dense),
    ]
    read = 16
    for ratio, channels, repeats, side, stride in TABLE[1:]:
        give = keras_channels(channels, width)
        for number in range(math.ceil(depth * repeats)):
            layers.append(KerasNotebookBlock(read, give, side, 1 if number else stride, ratio, dense))
            read = give
    head = unit(read, 1280, 1, bias=True, act=nn.ReLU6, norm=keras_norm)
    return nn.Sequential(*layers, head, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000))


class BlogBlock(nn.Module):
    def __init__(self, read: int, give: int, side: int, stride: int, ratio: int) -> None:
        super().__init__()
        wide = read * ratio
        self.widen = unit(read, wide, 3, bias=True) if ratio != 1 else nn.Identity()
        self.look = unit(wide, wide, side, stride, groups=wide, bias=True)
        inside = wide // (read // 4)
        self.squeeze = nn.Linear(wide, inside, bias=False)
        self.excite = nn.Linear(inside, wide)
        self.narrow = unit(wide, give, 1, act=nn.Identity)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.look(self.widen(x))
        gate = self.excite(nn.functional.silu(self.squeeze(y.mean((2, 3))))).sigmoid()
        out: torch.Tensor = self.narrow(y * gate[..., None, None])
        return out


def blog(phi: float) -> nn.Module:
    width, depth = 1.1**phi, 1.2**phi
    read, last = int(32 * width), int(1280 * width)
    layers: list[nn.Module] = [unit(3, read, 3, 2, bias=True)]
    for ratio, channels, repeats, side, stride in TABLE:
        give = 4 * int(channels * width / 4)
        for number in range(int(repeats * depth)):
            layers.append(BlogBlock(read, give, side, 1 if number else stride, ratio))
            read = give
    head = unit(read, last, 1, bias=True)
    return nn.Sequential(*layers, head, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, 1000))


def official(make: Callable[..., nn.Module]) -> nn.Module:
    return make(norm_layer=partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01))


REFERENCES: dict[tuple[str, str], Callable[[], nn.Module]] = {
    ("notebook-pytorch", "b0"): partial(torch_notebook, 0),
    ("notebook-pytorch", "b2"): partial(torch_notebook, 1),
    ("notes", "b0"): partial(official, theirs.efficientnet_b0),
    ("notes", "b2"): partial(official, theirs.efficientnet_b2),
    ("notebook-keras", "b0"): partial(keras_notebook, 1.0, 1.0, False),
    # What its row (1.1, 1.2, 260) of (width, depth) is unpacked into.
    ("notebook-keras", "b2"): partial(keras_notebook, 1.1, 1.2, False),
    ("notebook-keras-dense", "b0"): partial(keras_notebook, 1.0, 1.0, True),
    ("notebook-keras-dense", "b1"): partial(keras_notebook, 1.0, 1.1, True),
    ("blog", "b0"): partial(blog, 0),
    ("blog", "b1"): partial(blog, 1),
}
LARGE = {  # counted alone: their formulas, not their arithmetic, are in question
    ("notebook-pytorch", "b1"): partial(torch_notebook, 0.5),
    ("notebook-pytorch", "b7"): partial(torch_notebook, 6),
    ("notebook-keras", "b7"): partial(keras_notebook, 2.0, 3.1, False),
    ("notebook-keras-dense", "b5"): partial(keras_notebook, 1.6, 2.2, True),
    ("blog", "b5"): partial(blog, 5),
    ("blog", "b7"): partial(blog, 7),
}


def member(name: str, which: str) -> Member:
    return next(member for member in VARIANTS[name].members if member.name == which)


def macs_of(network: nn.Module, arch: ArchSpec) -> float:
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, *arch.input_size, device="meta"))
    return counter.get_total_flops() / 2


@pytest.mark.parametrize(
    ("name", "which"),
    [
        pytest.param(*key, marks=[] if key[1] in ("b0", "b1") else pytest.mark.slow)
        for key in (*REFERENCES, *LARGE)
    ],
)
def test_params_and_macs_are_those_of_the_source(name: str, which: str) -> None:
    arch = member_arch(VARIANTS[name], member(name, which))
    with torch.device("meta"):
        reference, ours = (REFERENCES | LARGE)[name, which](), build(arch)
    shapes, expected = ([value.shape for value in n.state_dict().values()] for n in (ours, reference))
    assert shapes == expected
    cost = count(arch)
    assert cost.params == sum(p.numel() for p in reference.parameters())
    assert cost.macs == macs_of(reference.eval(), arch)


@pytest.mark.parametrize(
    ("name", "which"),
    # The notes' networks are the published ones, whose outputs are compared elsewhere; the larger members
    # repeat the first one's blocks; the dense form of squeeze and excite has a test of its own.
    [
        pytest.param(
            *key, marks=[] if key in (("notebook-keras", "b0"), ("blog", "b0")) else [pytest.mark.slow]
        )
        for key in REFERENCES
    ],
)
def test_same_weights_give_the_same_output_and_remember_the_same(name: str, which: str) -> None:
    """In eval mode; then what batch norm keeps of a batch, and one step's gradients."""
    torch.manual_seed(0)
    reference = REFERENCES[name, which]().double()
    for module in reference.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
        if isinstance(module, nn.Dropout | StochasticDepth):
            module.p = 0.0
    arch = replace(member_arch(VARIANTS[name], member(name, which)), resolution=24)
    with torch.device("meta"):
        ours = build(replace(arch, dropout=0.0, drop_path=0.0))
    state, given = ours.state_dict(), reference.state_dict()
    assert [value.shape for value in state.values()] == [value.shape for value in given.values()]
    copies = (value.clone() for value in given.values())
    ours.load_state_dict(dict(zip(state, copies, strict=True)), assign=True)
    images, labels = torch.randn(3, 3, 24, 24, dtype=torch.float64), torch.arange(3)
    with torch.inference_mode():
        expected, got = reference.eval()(images), ours.eval()(images)
    assert expected.std() > 1e-4
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item())
    for network in (reference, ours):
        nn.functional.cross_entropy(network.train()(images), labels).backward()
    for mine, other in zip(ours.buffers(), reference.buffers(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-9)
    largest = max(p.grad.abs().max().item() for p in reference.parameters() if p.grad is not None)
    for mine, other in zip(ours.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-6, atol=1e-9 * largest)


def test_the_blogs_network_is_not_the_papers() -> None:
    cost, paper = count(VARIANTS["blog"].arch), count(EFFICIENTNET_B0)
    assert (cost.params, cost.macs) == (15_135_976, 1_715_079_648)
    assert (paper.params, paper.macs) == (5_288_548, 385_814_752)


def test_the_keras_notebooks_stem_has_as_many_weights_as_its_summary_says() -> None:
    # Its printed summary: 896 in the first convolution; batch norm's 128 hold two statistics each beside.
    network = build(VARIANTS["notebook-keras"].arch)
    stem = network.get_submodule("stem")
    convolution, norm = stem.get_submodule("0.0"), stem.get_submodule("0.1")
    assert sum(p.numel() for p in convolution.parameters()) == 896
    assert sum(t.numel() for t in norm.state_dict().values() if t.is_floating_point()) == 128


# --- the data


def test_each_begins_at_multiplier_1_and_goes_by_its_name() -> None:
    for name, variant in VARIANTS.items():
        first = variant.members[0]
        assert name == variant.name == variant.arch.name
        assert (first.depth, first.width) == (1, 1)
        made = member_arch(variant, first)
        assert made.name == f"{name}-b0"
        assert made.key == variant.arch.key
        assert baseline(name) == chosen_baseline(name) == built_in()[name] == variant.arch


def test_the_notes_members_are_the_published_networks() -> None:
    notes = VARIANTS["notes"]
    assert [m.name for m in notes.members] == ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "l2"]
    for one in notes.members:
        assert member_arch(notes, one).key == published_family()[one.name].arch().key


def test_the_keras_table_is_handed_over_the_wrong_way_round() -> None:
    for name in ("notebook-keras", "notebook-keras-dense"):
        variant = VARIANTS[name]
        for built, meant in zip(variant.members, variant.meant, strict=True):
            assert (built.depth, built.width) == (meant.width, meant.depth)
            assert (built.name, built.resolution, built.dropout) == (meant.name, meant.resolution, 0)
            row = published_family()[meant.name]
            assert (meant.depth, meant.width) == (row.depth, row.width)
        swapped, meant_cost = (
            count(member_arch(variant, members[7])) for members in (variant.members, variant.meant)
        )
        assert swapped.params > 1.25 * meant_cost.params


def test_members_keep_their_dropout_and_pixels() -> None:
    variant = VARIANTS["notebook-pytorch"]
    b1 = member_arch(variant, variant.members[1])
    assert (b1.dropout, b1.resolution, b1.stem_channels, b1.head_channels) == (0.2, 240, 33, 1343)
    assert [stage.channels for stage in b1.stages] == [16, 28, 44, 84, 120, 204, 336]
    assert {m.resolution for m in VARIANTS["blog"].members} == {224}


def test_a_variant_is_rounded_as_it_was_written_unless_asked_otherwise() -> None:
    own = VARIANTS["blog"].rounding
    assert rounding_of("blog", {}) == own
    assert rounding_of("blog", {"channel_divisor": 2}) == replace(own, channel_divisor=2)
    official = {"channel_divisor": 8, "channels_rule": "nearest", "repeats_rule": "ceil"}
    assert rounding_of("blog", official) == Rounding()
    assert rounding_of("efficientnet-b0", {}) == Rounding()
    assert rounding_of("efficientnet-b0", {"channel_divisor": 2}) == Rounding(channel_divisor=2)


# --- what their fields do


def test_what_scaling_holds_fixed_shrinks_with_a_narrow_copy_and_stays_from_there() -> None:
    fine = Rounding(channel_divisor=2)
    narrow = reduce(VARIANTS["notebook-keras"].arch, 0.25, fine)
    assert (narrow.stem_channels, narrow.stages[0].channels, narrow.head_channels) == (8, 4, 320)
    wide = scale(narrow, Multipliers(width=2, depth=3), fine)
    assert (wide.stem_channels, wide.head_channels) == (8, 320)
    assert (wide.stages[0].channels, wide.stages[0].repeats) == (4, 1)
    assert (wide.stages[1].channels, wide.stages[1].repeats) == (12, 6)
    for name in ("notebook-pytorch", "blog"):
        assert reduce(VARIANTS[name].arch, 0.3, fine).stem_channels == 9


def small(name: str) -> ArchSpec:
    tiny = reduce(VARIANTS[name].arch, 0.125, Rounding(channel_divisor=2), resolution=16)
    return replace(tiny, classes=5, dropout=0.0)


def test_without_a_sum_stochastic_depth_leaves_nothing_of_a_dropped_block() -> None:
    torch.manual_seed(1)
    network = build(small("blog")).train()
    block = network.get_submodule("stage2_block2")
    images = torch.randn(2000, 4, 3, 3)
    with torch.no_grad():
        *layers, last = block.children()
        kept = nn.Sequential(*layers)(images)
        out = block(images)
    assert isinstance(last, StochasticDepth)
    gone = (out == 0).flatten(1).all(1)
    assert gone.float().mean().item() == pytest.approx(0.5, abs=0.06)
    torch.testing.assert_close(out[~gone], 2 * kept[~gone], rtol=1e-3, atol=1e-4)
    # A block that changes the map or the channels is never dropped.
    assert not any(isinstance(m, StochasticDepth) for m in network.get_submodule("stage2_block1").modules())


def test_constant_stochastic_depth_is_the_same_in_every_block_with_a_sum() -> None:
    for name, p in (("notebook-pytorch", 0.2), ("blog", 0.5)):
        found = [m.p for m in build(small(name)).modules() if isinstance(m, StochasticDepth)]
        assert found == [p] * 9  # 16 blocks, of which the first of each stage isn't alike at both ends
    linear = [m.p for m in build(small("notes")).modules() if isinstance(m, StochasticDepth)]
    assert sorted(set(linear)) == linear
    assert linear[-1] < 0.2


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_trains(name: str) -> None:
    """Steps down its gradient, on a few images of a tiny copy: each lowers the loss by what the gradient promises.

    So small a step in double precision comes out alike on every processor. Some of these networks' gradients are
    in the thousands: where a longer training leads them is a matter of the last bits of its first steps.
    """
    torch.manual_seed(2)
    network = build(replace(small(name), drop_path=0.0)).double().train()
    images, labels = torch.randn(10, 3, 16, 16, dtype=torch.float64), torch.arange(10) % 5
    share = 1e-5  # of the loss, that a step is to take away
    for _ in range(3):
        network.zero_grad()
        loss = nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        gradients = [parameter.grad for parameter in network.parameters()]
        assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
        with torch.no_grad():
            step = share * loss / sum(gradient.square().sum() for gradient in gradients)
            for parameter, gradient in zip(network.parameters(), gradients, strict=True):
                parameter.sub_(step * gradient)
            lower = nn.functional.cross_entropy(network(images), labels)
        assert (loss - lower).item() == pytest.approx(share * loss.item(), rel=0.05)


def test_both_forms_of_squeeze_and_excite_compute_the_same() -> None:
    torch.manual_seed(3)
    conv, dense = (build(small(name)).double().eval() for name in ("notebook-keras", "notebook-keras-dense"))
    weights = zip(dense.state_dict().items(), conv.state_dict().values(), strict=True)
    dense.load_state_dict({name: there.reshape(here.shape) for (name, here), there in weights})
    images = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(dense(images), conv(images), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("form", ["conv", "dense"])
def test_both_forms_start_with_a_variance_of_2_over_what_they_give(form: SqueezeForm) -> None:
    torch.manual_seed(4)
    gates = [
        m for m in build(replace(VARIANTS["notes"].arch, squeeze_form=form)).modules() if hasattr(m, "gate")
    ]
    drawn = torch.cat(
        [gate.expand.weight.flatten() * math.sqrt(gate.expand.weight.shape[0] / 2) for gate in gates]
    )
    assert (len(gates), drawn.std().item()) == (16, pytest.approx(1, abs=0.01))
    assert not any(gate.expand.bias.any() for gate in gates)


def test_a_softmax_gate_shares_one_out_among_the_channels() -> None:
    torch.manual_seed(5)
    gate = build(small("notebook-keras")).get_submodule("stage2_block1.2")
    ones = torch.ones(3, 12, 2, 2)
    torch.testing.assert_close(gate(ones).sum(1), torch.ones(3, 2, 2))
