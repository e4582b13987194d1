from __future__ import annotations

import math

import pytest

from scalesearch.commands.search.run import reward


def test_reward_is_the_papers_formula():
    assert reward(0.75, 400e6, 400e6, -0.07) == 0.75
    # MnasNet's reason for -0.07: twice the latency for 5% more accuracy is worth about the same.
    assert reward(0.5 * 1.05, 2.0, 1.0, -0.07) == pytest.approx(0.5, rel=2e-3)
    assert reward(0.6, 3e9, 1e9, 0.0) == 0.6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cost": 0.0}, "`cost` must be > 0, got 0.0"),
        ({"target": -1.0}, "`target` must be > 0, got -1.0"),
        ({"weight": 0.1}, "`weight` must be <= 0, got 0.1: a dearer network would be worth more"),
        ({"top1": math.nan}, "`top1` must be a finite number, got nan"),
    ],
)
def test_bad_rewards_are_refused(change, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        reward(**{"top1": 0.5, "cost": 1.0, "target": 1.0, "weight": -0.07} | change)
