"""What the experiment on saved compute counts, where it can be counted by hand."""

from __future__ import annotations

import math

import pytest
from scipy.stats import studentized_range

from experiments.compute_saved import MOST, errors_of, tukey_runs
from scalesearch.statistics.answer import fit
from tests.statistics.test_answer import runs


@pytest.mark.slow
def test_as_many_runs_as_tukeys_intervals_take() -> None:
    total = tukey_runs(5, 2.0, 3.0)
    assert total is not None
    each = total // 5

    def width(repeats: int) -> float:
        return float(studentized_range.ppf(0.95, 5, 5 * (repeats - 1))) * 2.0 / math.sqrt(repeats)

    assert width(each) <= 3.0 < width(each - 1)
    assert tukey_runs(5, 2.0, 100.0) == 10
    assert tukey_runs(5, 2.0, 2.0 / MOST) is None


def test_errors_are_as_wide_as_runs_are() -> None:
    surface = fit(runs(noise=2.0, seeds=3, seed=1))
    assert surface.run_sd is not None
    errors = errors_of(surface)
    assert len(errors) == 36
    assert math.sqrt(float((errors**2).mean())) == pytest.approx(surface.run_sd)
