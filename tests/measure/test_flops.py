from __future__ import annotations

import csv
import logging
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from scalesearch.architecture.cost import count
from scalesearch.architecture.published import published_family
from scalesearch.measure.flops import fvcore_count

with (Path(__file__).parents[1] / "reference" / "fvcore_totals.csv").open(encoding="utf-8") as file:
    TOTALS = {row["name"]: int(row["fvcore_total"]) for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    "name",
    ["b0", "b1", pytest.param("b4", marks=pytest.mark.slow), pytest.param("b7", marks=pytest.mark.slow)],
)
def test_fvcore_counts_ours_as_it_counts_torchvisions(name: str) -> None:
    arch = published_family()[name].arch()
    counted = fvcore_count(arch)
    assert counted.total == TOTALS[name]
    assert counted.conv_linear == count(arch).macs
    assert sum(counted.by_operator.values()) == counted.total


def test_what_fvcore_cannot_count_is_listed_with_how_often() -> None:
    counted = fvcore_count(published_family()["b0"].arch())
    # 16 blocks: SiLU after every convolution but the last of a block and once in each gate; 9 residual sums.
    silus = 1 + 1 + (16 + 15) + 16
    assert counted.uncounted == {"aten::silu": silus, "aten::sigmoid": 16, "aten::mul": 16, "aten::add": 9}


def test_a_first_count_prints_nothing() -> None:
    """In a fresh process, where fvcore is yet to be imported and torch.jit to complain about it."""
    code = (
        "from scalesearch.architecture.baselines import EFFICIENTNET_B0; "
        "from scalesearch.measure.flops import fvcore_count; print(fvcore_count(EFFICIENTNET_B0).total)"
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
