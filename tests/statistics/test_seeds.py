"""What seeds show, against independent implementations and against truths that were made up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from scalesearch.statistics.summaries import holm, seed_summaries


def test_summaries_pool_the_spread_within_networks_of_any_number_of_seeds():
    rows = [[0.4, 0.5], [0.6, 0.62, 0.64, 0.66], [0.3]]
    first, second, third = seed_summaries(rows)
    pooled = math.sqrt((np.var(rows[0]) * 2 + np.var(rows[1]) * 4) / 4)
    half = t.ppf(0.975, 4) * pooled / math.sqrt(2)
    assert (first.low, first.high) == pytest.approx((0.45 - half, 0.45 + half))
    assert first.sd == pytest.approx(np.std(rows[0], ddof=1))
    assert second.seeds == 4
    assert second.high - second.mean == pytest.approx(half / math.sqrt(2))
    assert third.sd is None
    assert third.high - third.low == pytest.approx(2 * half * math.sqrt(2))
    (alone,) = seed_summaries([[0.3]])
    assert (alone.mean, alone.sd, alone.low, alone.high) == (0.3, None, None, None)


def test_holms_correction_as_in_his_example():
    # Smallest times 4, next times 3 ..., never falling, never above 1.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1, 1)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_lies_between_no_correction_and_bonferronis(p_values):
    corrected = holm(p_values)
    for p, by_holm in zip(p_values, corrected, strict=True):
        assert p <= by_holm <= min(1, p * len(p_values)) + 1e-12


def test_bad_values_are_refused_by_name():
    with pytest.raises(
        ValueError, match="`top1` must hold at least one finite value per network, got \\[\\]"
    ):
        seed_summaries([[]])
    with pytest.raises(ValueError, match="`p_values` must be within 0 to 1, got \\[1.5\\]"):
        holm([1.5])
