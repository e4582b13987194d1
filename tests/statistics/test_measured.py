from __future__ import annotations

import csv
from pathlib import Path

from scalesearch.statistics.summaries import CONDITIONS, measured_reliability
from scalesearch.study.grid_plan import GridSettings
from scalesearch.training.recipe import RECIPES

ROOT = Path(__file__).parents[2]
# The proxy that it was measured with, which was the default then.
DEFAULT = GridSettings(images=4000, baseline_resolution=48, baseline_channel_divisor=2).to_dict()


def test_the_recipe_has_the_figure_that_the_experiment_found() -> None:
    (known,) = measured_reliability(DEFAULT)
    share = f"{RECIPES['steady'].ema_share:g}"
    with (ROOT / "reports" / "averages" / "ranking.csv").open(newline="") as file:
        (found,) = (row for row in csv.DictReader(file) if (row["average"], row["images"]) == (share, "4000"))
    assert known.tau == float(found["tau"])
    assert (known.tau_low, known.tau_high) == (float(found["tau_low"]), float(found["tau_high"]))
    assert known.regret == float(found["regret"])
    assert (known.networks, known.seeds) == (int(found["networks"]), int(found["seeds"]))
    assert (ROOT / known.source).exists()


def test_a_figure_says_nothing_of_other_settings() -> None:
    for name in CONDITIONS:
        other = "other" if isinstance(DEFAULT[name], str) else DEFAULT[name] * 2
        assert measured_reliability(DEFAULT | {name: other}) == ()
    assert measured_reliability(DEFAULT | {"seed": 7, "phi": -1.0}) != ()
