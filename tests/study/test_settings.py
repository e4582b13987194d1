from __future__ import annotations

import math
import tomllib

import pytest
import tomli_w

from scalesearch.commands.alternate.run import AlternateSettings
from scalesearch.networks.baselines import built_in
from scalesearch.study.grid_plan import GridSettings
from scalesearch.study.settings import TrainingSettings, differences


def test_settings_survive_toml() -> None:
    for settings in (
        GridSettings(images=64),
        GridSettings(epochs=2.0, phi=-0.5, anchor="none"),
        GridSettings(rungs=("6:0.5", "2:1"), seeds=2),
    ):
        text = tomli_w.dumps(settings.to_dict())
        assert GridSettings.from_dict(tomllib.loads(text)).to_dict() == settings.to_dict()


def test_differences_leave_out_what_changes_no_result() -> None:
    there = GridSettings(jobs=1, seed=1).to_dict()
    asked = GridSettings(jobs=2, seed=2).to_dict()
    assert differences(there, asked) == ["seed: 1 there, 2 asked"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baseline": "vgg"}, f"`baseline` must be one of {', '.join(built_in())}, got 'vgg'"),
        ({"recipe": "slow"}, "`recipe` must be one of steady, quick, paper, got 'slow'"),
        ({"phi": float("nan")}, "`phi` must be a finite number, got nan"),
        ({"baseline_width": 0.0}, "`baseline_width` must be a finite number > 0, got 0.0"),
        ({"jobs": 0}, "`jobs` must be >= 1, got 0"),
        ({"images": 8}, "`images` must be at least one batch of 32, got 8"),
        (
            {"anchor": "1.2,1.1"},
            "`anchor` must be three numbers >= 1 such as 1.2,1.1,1.15, or none, got '1.2,1.1'",
        ),
        ({"tolerance": -1.0}, "`tolerance` must be a finite number >= 0, got -1.0"),
        ({"seeds": 0}, "`seeds` must be >= 1, got 0"),
        ({"stall_timeout": 0.0}, "`stall_timeout` must be a finite number > 0, got 0.0"),
        ({"max_networks": -1}, "`max_networks` must be >= 0, got -1"),
        ({"time_budget": -1.0}, "`time_budget` must be a finite number >= 0, got -1.0"),
        ({"budget_tolerance": math.inf}, "`budget_tolerance` must be a finite number >= 0, got inf"),
        (
            {"constraint": "flops"},
            "`constraint` must be one of product, macs, params, activations, memory, latency, got 'flops'",
        ),
        (
            {"match": "product"},
            "`match` must be one of none, macs, params, activations, memory, latency, got 'product'",
        ),
        (
            {"match_by": "all"},
            "`match_by` must be one of auto, resolution, width, depth, resolution,width, depth,width, got 'all'",
        ),
        (
            {"match": "params", "match_by": "resolution"},
            "`match_by` must be width or depth for params: they are the same at any "
            "resolution, got resolution",
        ),
        (
            {"baseline_channel_divisor": 0},
            "`baseline_channel_divisor` must be a whole number from 1 to 1,000,000, got 0",
        ),
        ({"repeats_rule": "up"}, "`repeats_rule` must be one of ceil, round, floor, got 'up'"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        GridSettings(**change)
    assert str(caught.value) == message


def test_a_run_from_before_a_setting_has_what_runs_did_then() -> None:
    old = {
        name: value
        for name, value in GridSettings().to_dict().items()
        if name not in ("seeds", "rungs", "match")
    }
    settings = GridSettings.from_dict(old)
    assert (settings.seeds, settings.rungs, settings.match) == (1, (), "none")


def test_a_grid_is_matched_by_macs_where_nothing_else_says_what_networks_spend() -> None:
    assert GridSettings().match == "macs"
    assert GridSettings(constraint="macs").match == GridSettings(budget="macs=800M").match == "none"
    assert GridSettings(constraint="macs", match="params").match == "params"
    assert AlternateSettings().match == "none"
    assert GridSettings.from_dict(GridSettings().to_dict()).match == "macs"


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^settings must be known ones, got colour, speed$"):
        TrainingSettings.from_dict({"speed": 1, "colour": 2})


def test_seeds_follow_one_another() -> None:
    assert GridSettings(seed=7, seeds=3).seed_list == (7, 8, 9)
    assert GridSettings(seed=7, seeds=3).proxy_recipe.seed == 7
