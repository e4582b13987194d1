from __future__ import annotations

import csv
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scalesearch.hardware.flops import fvcore_count
from scalesearch.networks.baselines import EFFICIENTNET_B0, published_family
from scalesearch.networks.build import build
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, Rounding, StageSpec
from scalesearch.scaling import Multipliers

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fvcore uses torch.jit, which is deprecated
    from fvcore.nn import ActivationCountAnalysis

REFERENCE = Path(__file__).parents[1] / "reference"


def rows(name: str) -> list[dict[str, str]]:
    with (REFERENCE / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


stages = st.builds(
    StageSpec,
    repeats=st.integers(1, 3),
    kernel_size=st.sampled_from([3, 5, 7]),
    stride=st.sampled_from([1, 2]),
    expand_ratio=st.integers(1, 6),
    channels=st.integers(1, 12),
    squeeze_ratio=st.sampled_from([0.0, 0.25, 1.0]),
)
archs = st.builds(
    ArchSpec,
    name=st.just("random"),
    stem_channels=st.integers(1, 12),
    stages=st.lists(stages, min_size=1, max_size=3).map(tuple),
    head_channels=st.integers(1, 16),
    resolution=st.integers(1, 33),
    classes=st.integers(1, 10),
    in_channels=st.sampled_from([1, 3]),
    stem_kernel_size=st.sampled_from([1, 3, 5]),
)


@pytest.mark.parametrize("row", rows("exact_counts.csv"), ids=lambda row: row["name"])
def test_published_coefficients_give_the_exact_counts(row: dict[str, str]) -> None:
    arch = scale(
        EFFICIENTNET_B0,
        Multipliers(depth=float(row["depth"]), width=float(row["width"])),
        Rounding(),
        resolution=int(row["resolution"]),
    )
    cost = count(arch)
    assert (cost.params, cost.macs) == (int(row["params"]), int(row["macs"]))


@pytest.mark.parametrize("row", rows("fvcore_totals.csv"), ids=lambda row: row["name"])
def test_fvcore_total_in_closed_form(row: dict[str, str]) -> None:
    assert count(published_family()[row["name"]].arch()).fvcore_total == int(row["fvcore_total"])


@given(archs)
@settings(max_examples=15, deadline=None)
def test_closed_form_equals_fvcore_and_the_built_network(arch: ArchSpec) -> None:
    cost, witness = count(arch), fvcore_count(arch)
    network = build(arch).eval()
    images = torch.zeros(1, arch.in_channels, arch.resolution, arch.resolution)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outputs = ActivationCountAnalysis(network, images)
        outputs.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        activations = outputs.total()
    assert cost.macs == witness.conv_linear
    assert cost.fvcore_total == witness.total
    assert 2 * cost.norm_elements == witness.by_operator["batch_norm"]
    assert cost.pool_elements == witness.by_operator["adaptive_avg_pool2d"]
    assert cost.params == sum(parameter.numel() for parameter in network.parameters())
    assert cost.activations == activations


def test_a_network_too_large_to_build_is_counted() -> None:
    huge = replace(EFFICIENTNET_B0, resolution=10**6)
    small = replace(EFFICIENTNET_B0, resolution=10**3 * 32)
    assert count(huge).params == count(small).params
    assert count(huge).macs == pytest.approx(count(small).macs * (10**6 / 32_000) ** 2, rel=1e-3)
