from __future__ import annotations

import time
from dataclasses import replace

import pytest
import torch
from torch import nn

from scalesearch.architecture.network import build
from scalesearch.architecture.spec import ArchSpec, StageSpec
from scalesearch.measure.breakdown import KINDS, kind_seconds, module_kind_seconds
from scalesearch.records.timing import Setup

TINY = ArchSpec(
    name="tiny",
    stem_channels=4,
    stages=(StageSpec(expand_ratio=2, kernel_size=3, stride=1, channels=4, repeats=2),),
    head_channels=8,
    resolution=9,
    classes=3,
    drop_path=0.0,
)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
IMAGES = torch.zeros(1, 4, 8, 8)


class Sleeping(nn.BatchNorm2d):
    """A batch norm of a known time."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(0.01)
        return x


class SleepingSilu(nn.SiLU):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(0.005)
        return x


class _Residual(nn.Module):
    """As the builder's: its sum takes a known time, its body another."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.body(x)
        time.sleep(0.004)
        return y


def test_time_is_laid_to_the_layers_that_took_it() -> None:
    """Two sleepers of 10 ms, one of 5 ms, a sum of 4 ms: no layer's time is counted in another's."""
    network = nn.Sequential(Sleeping(4), _Residual(nn.Sequential(Sleeping(4), SleepingSilu())))

    def told_apart() -> bool:
        found = module_kind_seconds(network, IMAGES, Setup(), passes=5)
        assert set(found) == set(KINDS)
        slept = found["norm"] + found["activation"] + found["add"]
        return (
            found["norm"] / found["activation"] == pytest.approx(4, rel=0.15)
            and found["add"] / found["activation"] == pytest.approx(0.8, rel=0.3)
            and slept > 0.95 * sum(found.values())
        )

    # Other work on the machine may lengthen any one nap; time that is laid to the wrong layer always is.
    assert any(told_apart() for _ in range(5))


def test_all_kinds_of_a_network_are_found_and_none_twice() -> None:
    found = kind_seconds(TINY, Setup(), passes=3)
    assert set(found) == set(KINDS)
    assert all(seconds > 0 for seconds in found.values())
    plain = replace(TINY, stages=(replace(TINY.stages[0], squeeze_ratio=0.0),))
    assert kind_seconds(plain, Setup(), passes=1)["squeeze-excite"] == 0
    unrepeated = replace(TINY, stages=(replace(TINY.stages[0], repeats=1, channels=6),))
    assert kind_seconds(unrepeated, Setup(), passes=1)["add"] == 0


def test_the_parts_add_up_to_a_pass_without_the_instrument() -> None:
    """A pass is as long as it was before: hooks that slow it down tenfold do not lengthen the parts."""

    class Slow(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            # The hooks make themselves known to the module they look at.
            time.sleep(0.05 if self._forward_hooks else 0.005)
            return x

    found = module_kind_seconds(nn.Sequential(Slow()), IMAGES, Setup(), passes=3)
    assert sum(found.values()) == pytest.approx(0.005, rel=0.3)


def test_nothing_is_left_behind() -> None:
    network = build(TINY)
    state = torch.random.get_rng_state()
    module_kind_seconds(network, torch.zeros(1, 3, 9, 9), Setup(), passes=1)
    kind_seconds(TINY, Setup(), passes=1)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("setup", "message"),
    [
        (
            Setup(mode="training", batch_size=2),
            "`setup` must be inference, eager, to tell layers apart, got training, eager: "
            "other runtimes merge them",
        ),
        (
            Setup(runtime="compile"),
            "`setup` must be inference, eager, to tell layers apart, got inference, compile: "
            "other runtimes merge them",
        ),
    ],
)
def test_layers_can_be_told_apart_in_eager_inference_alone(setup: Setup, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        kind_seconds(TINY, setup)
    assert str(caught.value) == message


@pytest.mark.gpu
@needs_cuda
def test_kinds_on_a_gpu_add_up_to_the_pass() -> None:
    found = kind_seconds(TINY, Setup(device="cuda"), passes=3)
    assert set(found) == set(KINDS)
    assert min(found.values()) >= 0
    assert sum(found.values()) > 0
