from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from scalesearch.hardware.timing import KINDS, kind_seconds, module_kind_seconds
from scalesearch.networks.build import build
from scalesearch.networks.spec import ArchSpec, StageSpec
from scalesearch.records.timings import Setup

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


class Clock:
    """A clock that goes on only while a layer naps: other work on the machine takes none of its time."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("scalesearch.hardware.timing.time", clock)
    return clock


def _napping(layer: type[nn.Module], clock: Clock, seconds: float, *arguments: int) -> nn.Module:
    """A layer of a known time."""

    class Napping(layer):  # type: ignore[misc,valid-type]
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            clock.now += seconds
            return x

    return Napping(*arguments)


class _Residual(nn.Module):
    """As the builder's: its sum takes a known time, its body another."""

    def __init__(self, body: nn.Module, clock: Clock) -> None:
        super().__init__()
        self.body = body
        self.clock = clock

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.body(x)
        self.clock.now += 0.004
        return y


def test_time_is_laid_to_the_layers_that_took_it(clock: Clock) -> None:
    """Two layers of 10 ms, one of 5 ms, a sum of 4 ms: no layer's time is counted in another's."""
    norms = [_napping(nn.BatchNorm2d, clock, 0.010, 4) for _ in range(2)]
    body = nn.Sequential(norms[1], _napping(nn.SiLU, clock, 0.005))
    found = module_kind_seconds(nn.Sequential(norms[0], _Residual(body, clock)), IMAGES, Setup(), passes=5)
    expected = dict.fromkeys(KINDS, 0.0) | {"norm": 0.020, "activation": 0.005, "add": 0.004}
    assert found == pytest.approx(expected)


def test_all_kinds_of_a_network_are_found_and_none_twice() -> None:
    found = kind_seconds(TINY, Setup(), passes=3)
    assert set(found) == set(KINDS)
    assert all(seconds > 0 for seconds in found.values())
    plain = replace(TINY, stages=(replace(TINY.stages[0], squeeze_ratio=0.0),))
    assert kind_seconds(plain, Setup(), passes=1)["squeeze-excite"] == 0
    unrepeated = replace(TINY, stages=(replace(TINY.stages[0], repeats=1, channels=6),))
    assert kind_seconds(unrepeated, Setup(), passes=1)["add"] == 0


def test_the_parts_add_up_to_a_pass_without_the_instrument(clock: Clock) -> None:
    """A pass is as long as it was before: hooks that slow it down tenfold do not lengthen the parts."""

    class Slow(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            # The hooks make themselves known to the module they look at.
            clock.now += 0.05 if self._forward_hooks else 0.005
            return x

    found = module_kind_seconds(nn.Sequential(Slow()), IMAGES, Setup(), passes=3)
    assert sum(found.values()) == pytest.approx(0.005)


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
