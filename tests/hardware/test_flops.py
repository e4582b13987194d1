from __future__ import annotations

import csv
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from scalesearch.hardware.flops import fvcore_count
from scalesearch.networks.baselines import BASELINES, published_family
from scalesearch.networks.build import build
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import reduce
from scalesearch.networks.spec import ArchSpec, Rounding
from tests.conftest import slow_but

with (Path(__file__).parents[1] / "reference" / "fvcore_totals.csv").open(encoding="utf-8") as file:
    TOTALS = {row["name"]: int(row["fvcore_total"]) for row in csv.DictReader(file)}


@pytest.mark.parametrize("name", slow_but(("b0",), ("b0", "b1", "b4", "b7")))
def test_fvcore_counts_ours_as_it_counts_torchvisions(name: str) -> None:
    arch = published_family()[name].arch()
    counted = fvcore_count(arch)
    assert counted.total == TOTALS[name]
    assert counted.conv_linear == count(arch).macs
    assert sum(counted.by_operator.values()) == counted.total


@pytest.fixture
def quiet_jit() -> Iterator[None]:
    """Without torch's notices that torch.jit, which others count and trace with, is deprecated."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", r"`torch\.jit\.", category)
        yield


def built(name: str, side: int) -> tuple[ArchSpec, nn.Module, torch.Tensor]:
    arch = reduce(BASELINES[name], 0.125, Rounding(channel_divisor=1), resolution=side)
    return arch, build(arch).eval(), torch.randn(1, 3, side, side)


SIDES = (48, *(pytest.param(side, marks=pytest.mark.slow) for side in (32, 64, 96, 128, 224)))


@pytest.mark.usefixtures("quiet_jit")
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "name", slow_but(("efficientnet-b0", "mobilenet-v1", "resnet-18", "convnext-tiny"), BASELINES)
)
def test_whoever_counts_a_built_network_meets_plain_convolutions(name: str, side: int) -> None:
    """With gradients on, as others call it: what trains small maps quickly or safely is for training alone."""
    from fvcore.nn import FlopCountAnalysis

    arch, network, images = built(name, side)
    analysis = FlopCountAnalysis(network, images)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    assert analysis.total() == count(arch).fvcore_total
    assert not [operator for operator in analysis.unsupported_ops() if "Python" in operator]


SOME = ("mobilenet-v1", "resnet-18")
"""Small maps in the one, narrow shortcuts with a stride in the other."""


@pytest.mark.usefixtures("quiet_jit")
@pytest.mark.parametrize("name", slow_but(SOME, BASELINES))
def test_whoever_traces_or_exports_a_built_network_meets_plain_convolutions(
    name: str, tmp_path: Path
) -> None:
    _, network, images = built(name, 48)
    torch.jit.save(torch.jit.trace(network, images), tmp_path / "traced.pt")
    again = torch.jit.load(tmp_path / "traced.pt")
    torch.testing.assert_close(again(images), network(images))
    graph = torch.export.export(network, (images,)).graph
    targets = [str(node.target) for node in graph.nodes]
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert sum("conv2d" in target for target in targets) == len(convolutions)
    assert not [target for target in targets if "slice" in target]


def test_what_fvcore_cannot_count_is_listed_with_how_often() -> None:
    counted = fvcore_count(published_family()["b0"].arch())
    # 16 blocks: SiLU after every convolution but the last of a block and once in each gate; 9 residual sums.
    silus = 1 + 1 + (16 + 15) + 16
    assert counted.uncounted == {"aten::silu": silus, "aten::sigmoid": 16, "aten::mul": 16, "aten::add": 9}


def test_a_first_count_prints_nothing() -> None:
    """In a fresh process, where fvcore is yet to be imported and torch.jit to complain about it."""
    code = (
        "from scalesearch.networks.baselines import EFFICIENTNET_B0; "
        "from scalesearch.hardware.flops import fvcore_count; print(fvcore_count(EFFICIENTNET_B0).total)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=120, capture_output=True, text=True
    )
    assert (int(done.stdout), done.stderr) == (TOTALS["b0"], "")


def test_counting_leaves_no_trace(caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder) -> None:
    torch.manual_seed(0)
    generator, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with caplog.at_level(logging.DEBUG):
            fvcore_count(published_family()["b0"].arch())
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.is_grad_enabled()
    assert not caplog.records
    assert not recwarn.list
