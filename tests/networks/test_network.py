from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn
from torchvision.models import efficientnet_b0, efficientnet_b2
from torchvision.ops import StochasticDepth

from scalesearch.networks.baselines import BASELINES, EFFICIENTNET_B0, published_family
from scalesearch.networks.build import _DepthwiseByTaps, _SmallDepthwise, build
from scalesearch.networks.layers import lower
from scalesearch.networks.scaled import reduce
from scalesearch.networks.spec import ArchSpec, Rounding, StageSpec

TINY = ArchSpec(
    name="tiny",
    stem_channels=8,
    stages=(
        StageSpec(expand_ratio=2, kernel_size=3, stride=1, channels=8, repeats=4),
        StageSpec(expand_ratio=4, kernel_size=5, stride=2, channels=16, repeats=2),
    ),
    head_channels=32,
    resolution=16,
    classes=5,
    dropout=0.0,
    drop_path=0.0,
)


def with_random_statistics(network: nn.Module) -> nn.Module:
    """Batch norm that does something even in eval mode."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
    return network


@pytest.mark.parametrize(("name", "theirs"), [("b0", efficientnet_b0), ("b2", efficientnet_b2)])
def test_same_weights_give_torchvisions_output(name: str, theirs: partial[nn.Module]) -> None:
    torch.manual_seed(0)
    reference = with_random_statistics(theirs(norm_layer=partial(nn.BatchNorm2d, eps=1e-3))).double().eval()
    ours = build(published_family()[name].arch()).double().eval()
    state, given = ours.state_dict(), reference.state_dict()
    assert [value.shape for value in state.values()] == [value.shape for value in given.values()]
    ours.load_state_dict(dict(zip(state, given.values(), strict=True)))
    for side in (64, 75):
        images = torch.randn(2, 3, side, side, dtype=torch.float64)
        with torch.inference_mode():
            expected, got = reference(images), ours(images)
        assert expected.std() > 1e-3
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item())


@pytest.fixture(scope="module")
def b0() -> nn.Module:
    torch.manual_seed(1)
    return build(EFFICIENTNET_B0)


def test_convolutions_start_normal_by_fan_out(b0: nn.Module) -> None:
    kinds = set()
    for conv in (module for module in b0.modules() if isinstance(module, nn.Conv2d)):
        depthwise = conv.groups > 1
        area = conv.kernel_size[0] ** 2
        std = math.sqrt(2 / area) if depthwise else math.sqrt(2 / (area * conv.out_channels))
        draws = conv.weight.numel()
        # The sample's mean and deviation lie within 5 of their standard errors.
        assert abs(conv.weight.mean().item()) < 5 * std / math.sqrt(draws)
        assert abs(conv.weight.std().item() / std - 1) < 5 / math.sqrt(2 * draws)
        kinds.add((depthwise, area))
    assert kinds == {(True, 9), (True, 25), (False, 9), (False, 1)}


def test_classifier_starts_uniform_and_biases_at_zero(b0: nn.Module) -> None:
    (classifier,) = (module for module in b0.modules() if isinstance(module, nn.Linear))
    bound = 1 / math.sqrt(classifier.out_features)
    assert classifier.weight.abs().max().item() == pytest.approx(bound, rel=1e-3)
    assert classifier.weight.abs().max().item() <= bound
    assert classifier.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)
    biases = [m.bias for m in b0.modules() if isinstance(m, nn.Conv2d | nn.Linear) and m.bias is not None]
    assert len(biases) == 2 * 16 + 1  # two to a squeeze-and-excite, and the classifier's
    assert all(not bias.any() for bias in biases)


def test_batch_norm_starts_as_the_identity_with_the_papers_constants(b0: nn.Module) -> None:
    norms = [module for module in b0.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}
    assert all((norm.weight == 1).all() and (norm.bias == 0).all() for norm in norms)


def test_survival_falls_linearly_over_the_blocks() -> None:
    blocks = [block for block in lower(EFFICIENTNET_B0) if block.name.startswith("stage")]
    survival = [1 - block.drop_path for block in blocks if block.residual]
    residual = [index for index, block in enumerate(blocks) if block.residual]
    assert survival == pytest.approx([1 - 0.2 * index / 16 for index in residual])
    assert {block.drop_path for block in blocks if not block.residual} == {0}
    network = build(EFFICIENTNET_B0)
    built = [module.p for module in network.modules() if isinstance(module, StochasticDepth)]
    assert built == [block.drop_path for block in blocks if block.residual]


def test_only_blocks_that_keep_size_and_channels_are_residual() -> None:
    residual = [block.residual for block in lower(EFFICIENTNET_B0) if block.name.startswith("stage")]
    repeats = [stage.repeats for stage in EFFICIENTNET_B0.stages]
    assert residual == [again > 0 for number in repeats for again in range(number)]


def test_stochastic_depth_drops_rows_in_training_only() -> None:
    torch.manual_seed(2)
    network = build(replace(TINY, drop_path=0.9))
    block = network.get_submodule("stage1_block4")
    p = 0.9 * 3 / 6
    images = torch.randn(4000, 8, 2, 2)
    with torch.no_grad():
        branch = block.get_submodule("body")(images)  # batch statistics: the same in both passes
        added = block(images) - images
        dropped = (added == 0).flatten(1).all(1)
        torch.testing.assert_close(added[~dropped], branch[~dropped] / (1 - p), rtol=1e-3, atol=1e-4)
        assert dropped.float().mean().item() == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / 4000))
        block.eval()
        torch.testing.assert_close(block(images), images + block.get_submodule("body")(images))


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_dropout_acts_before_the_classifier_in_training_only(dropout: float) -> None:
    torch.manual_seed(3)
    network = build(replace(TINY, dropout=dropout))
    images = torch.randn(8, 3, 16, 16)
    (drop,) = (module for module in network.modules() if isinstance(module, nn.Dropout))
    kept: list[torch.Tensor] = []
    drop.register_forward_hook(lambda _, inputs, output: kept.append(output[inputs[0] != 0] != 0))
    with torch.no_grad():
        first, second = network(images), network(images)
        assert torch.equal(first, second) == (dropout == 0)
        share = torch.cat(kept).float().mean().item()
        assert share == pytest.approx(1 - dropout, abs=5 * math.sqrt(dropout * (1 - dropout) / 512))
        network.eval()
        assert torch.equal(network(images), network(images))


@pytest.mark.parametrize("side", [1, 7, 16, 33])
def test_any_side_works(side: int) -> None:
    network = build(TINY).eval()
    assert network(torch.zeros(2, 3, side, side)).shape == (2, 5)


@pytest.mark.parametrize("side", [1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize(("kernel_size", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2), (7, 3)])
def test_a_depthwise_gradient_summed_by_taps_is_autograds_own(
    side: int, kernel_size: int, stride: int
) -> None:
    torch.manual_seed(5)
    padding = kernel_size // 2
    images = torch.randn(3, 4, side, side, dtype=torch.float64, requires_grad=True)
    kernels = torch.randn(4, 1, kernel_size, kernel_size, dtype=torch.float64, requires_grad=True)
    plain = nn.functional.conv2d(images, kernels, None, stride, padding, groups=4)
    ours = _DepthwiseByTaps.apply(images, kernels, stride)
    upstream = torch.randn_like(plain)
    expected = torch.autograd.grad(plain, (images, kernels), upstream)
    torch.testing.assert_close(ours, plain)
    torch.testing.assert_close(torch.autograd.grad(ours, (images, kernels), upstream), expected)


def test_only_small_depthwise_maps_are_trained_by_taps() -> None:
    def by_taps(side: int) -> int:
        network = build(replace(EFFICIENTNET_B0, resolution=side))
        return sum(isinstance(module, _SmallDepthwise) for module in network.modules())

    # At 64 px: stage 5 (5x5, on 4 pixels), stage 6 (5x5, 4 to 2 pixels), stage 7 (3x3, on 2 pixels).
    assert by_taps(64) == 3 + 4 + 1
    assert by_taps(224) == 0


def test_a_seed_decides_the_start() -> None:
    starts = []
    for seed in (4, 4, 5):
        torch.manual_seed(seed)
        starts.append(build(TINY).state_dict()["stem.0.0.weight"])
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])


def test_every_weight_learns() -> None:
    torch.manual_seed(6)
    network = build(TINY)
    nn.functional.cross_entropy(network(torch.randn(8, 3, 16, 16)), torch.arange(8) % 5).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_small_depthwise_maps_train_under_autocast() -> None:
    torch.manual_seed(7)
    network = build(replace(EFFICIENTNET_B0, resolution=32))
    images, labels = torch.randn(4, 3, 32, 32), torch.arange(4)

    def gradients(enabled: bool) -> list[torch.Tensor]:
        network.eval()  # the same masks and statistics in both
        for module in network.modules():
            module.training = isinstance(module, _SmallDepthwise)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss = nn.functional.cross_entropy(network(images), labels)
        return list(torch.autograd.grad(loss, list(network.parameters())))

    narrow, wide = gradients(True), gradients(False)
    assert all(a.dtype == b.dtype for a, b in zip(narrow, wide, strict=True))
    flat = [torch.cat([g.flatten() for g in found]) for found in (narrow, wide)]
    assert nn.functional.cosine_similarity(flat[0], flat[1], dim=0) > 0.98


@pytest.mark.parametrize("channels", [1, 2, 4, 8])
def test_a_narrow_shortcut_with_a_stride_learns_right_with_channels_last(channels: int) -> None:
    """oneDNN's own kernel writes past its workspace here (its issue 6035)."""
    arch = replace(
        reduce(BASELINES["resnet-18"], channels / 64, Rounding(channel_divisor=1), resolution=48), classes=2
    )
    network = build(arch).to(memory_format=torch.channels_last)
    shortcut = network.get_submodule("stage2_block1.shortcut.0")
    assert (shortcut.in_channels, shortcut.kernel_size, shortcut.stride) == (channels, (1, 1), (2, 2))
    x = torch.randn(32, channels, 24, 24).contiguous(memory_format=torch.channels_last)
    for _ in range(5):
        shortcut.weight.grad = None
        out = shortcut(x)
        grad = torch.randn_like(out)
        out.backward(grad)
    expected = torch.nn.grad.conv2d_weight(x.double(), shortcut.weight.shape, grad.double(), 2)
    torch.testing.assert_close(shortcut.weight.grad.double(), expected, rtol=1e-3, atol=1e-3)
    with torch.no_grad():
        torch.testing.assert_close(shortcut(x), out.detach(), rtol=1e-4, atol=1e-5)


def test_building_a_table_does_not_load_what_counts_a_users_own_code() -> None:
    code = (
        "import sys; from scalesearch.networks.build import build; "
        "from scalesearch.networks.baselines import EFFICIENTNET_B0; build(EFFICIENTNET_B0); "
        "print([name for name in sys.modules if 'flop_counter' in name or '.user_network' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
