from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from scalesearch.export.handover import run_program, write_program
from scalesearch.networks.spec import ArchSpec


@pytest.mark.parametrize(
    "batch_size", [None, *(pytest.param(size, marks=pytest.mark.slow) for size in (1, 3))]
)
def test_the_program_gives_the_networks_output(
    network: nn.Module, arch: ArchSpec, tmp_path: Path, batch_size: int | None
) -> None:
    path = tmp_path / "network.pt2"
    write_program(network, arch, path, batch_size=batch_size)
    assert network.training, "the network is left as it was"
    assert list(tmp_path.iterdir()) == [path]
    network.eval()
    for size in (1, 2, 5) if batch_size is None else (batch_size,):
        images = torch.randn(size, 3, 17, 17)
        torch.testing.assert_close(run_program(path, images), network(images).detach(), rtol=1e-6, atol=1e-8)


def test_a_batch_of_none_is_refused(network: nn.Module, arch: ArchSpec, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as caught:
        write_program(network, arch, tmp_path / "x.pt2", batch_size=0)
    assert str(caught.value) == "`batch_size` must be >= 1, got 0"
