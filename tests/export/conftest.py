"""Small networks with weights that do something."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from scalesearch.export.state import State
from scalesearch.networks.build import build
from scalesearch.networks.spec import ArchSpec, StageSpec

FACTS = {
    "top1": 0.5,
    "classes": ["cat", 'say "dog"', "bird\n"],
    "input": {"resolution": 17, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks gain nothing from threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def arch() -> ArchSpec:
    """Blocks of every kind: residual or not, with and without expansion and squeeze-and-excite."""
    return ArchSpec(
        name="tiny",
        stem_channels=4,
        # 5x5 on a map of 5 px and less is the layer with a backward pass of its own.
        stages=(
            StageSpec(expand_ratio=1, kernel_size=3, stride=2, channels=4, repeats=2),
            StageSpec(expand_ratio=2, kernel_size=5, stride=1, channels=6, repeats=2, squeeze_ratio=0),
        ),
        head_channels=8,
        resolution=17,
        classes=3,
    )


@pytest.fixture
def network(arch: ArchSpec) -> nn.Module:
    """In training mode, with statistics that are not those of the start."""
    torch.manual_seed(0)
    made = build(arch)
    for _ in range(20):
        made(torch.randn(8, 3, 17, 17))
    return made


@pytest.fixture
def state(arch: ArchSpec, network: nn.Module) -> State:
    """The network as it is handed over."""
    return State(arch=arch, tensors=network.state_dict(), facts=FACTS)
