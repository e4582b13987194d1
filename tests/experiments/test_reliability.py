"""The reliability of one run: recovered from made-up runs, and worked out by hand."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from scalesearch.networks.cost import count

PROGRAM = Path(__file__).parents[2] / "experiments" / "reliability.py"


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reliability", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reliability_is_the_share_of_variance_between_networks(program: ModuleType) -> None:
    # Seeds differ by 10 throughout, which is no noise: mean squares 2 * var(6, 8, 10) = 8 and, of the rest, 1/2.
    table = pd.DataFrame({0: [0.5, 3.5, 5.0], 1: [11.5, 12.5, 15.0]})
    of = program.reliability(table)
    assert of["reliability"] == pytest.approx((8 - 0.5) / (8 + 0.5))
    assert of["between_networks"] == pytest.approx(3.75**0.5)
    assert of["of_one_run"] == pytest.approx(0.5**0.5)
    assert of["low"] < of["reliability"] < of["high"] < 1


@pytest.mark.parametrize("truth", [0.0, 0.3, 0.7])
def test_intervals_hold_the_truth_as_often_as_they_say(program: ModuleType, truth: float) -> None:
    random = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        networks = random.normal(0, truth**0.5, (10, 1))
        runs = networks + random.normal(0, 1, (1, 2)) + random.normal(0, (1 - truth) ** 0.5, (10, 2))
        of = program.reliability(pd.DataFrame(runs))
        held += of["low"] <= truth <= of["high"]
    assert 0.92 <= held / 400 <= 0.98


def test_parts_of_the_variants_do_not_overlap(program: ModuleType) -> None:
    for most, classes in ((2, 34), (4, 58)):
        parts = program.striped(most)
        assert len(parts) == classes
        for _, judged, trained in parts:
            assert judged.data_ptr() != trained[0].data_ptr()
            assert min(*judged.shape[1:], *trained[0].shape[1:]) >= 112
    for seed in (0, 1):
        for name, judged, trained in program.rotated(seed):
            whole = program.photograph(name).shape
            pixels = sum(part.shape[1] * part.shape[2] for part in (judged, *trained))
            assert pixels == whole[1] * whole[2]


def test_networks_are_of_equal_cost_and_those_that_were_trained(program: ModuleType) -> None:
    archs = program.networks()
    keys = "4fde52c56788 e78c07e7ec7e 360d307cc531 1390e4163b59 4fc468da804b 7490119d806f 211d6133f4d0"
    assert [arch.key for arch in archs.values()][:7] == keys.split()
    macs = [count(arch).macs for arch in archs.values()]
    assert max(macs) < 1.05 * min(macs)
    assert count(program.baseline()).macs == pytest.approx(sum(macs) / len(macs) / 2, rel=0.03)
