"""Plans on a user's own code that refuses some sizes or widths: those networks are skipped, with the reason."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from scalesearch.commands.scale.run import FamilyTrainingSettings, ScaleSettings, plan_family, without_refused
from scalesearch.commands.search.run import SearchSettings, Suggester, plan_search, shares_at
from scalesearch.commands.sweep.run import SweepSettings, plan_sweep
from scalesearch.networks.user_network import code_baseline
from scalesearch.runs.planning import tried
from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.study.plan import Plan
from scalesearch.training.dataset import DataSize
from tests.conftest import slow_but

NETWORKS = Path(__file__).parents[1] / "fixtures" / "networks"
SIZE = DataSize(classes=3, train_images=64)
FIXED, COARSE = ("flat", "places"), ("sixteens", "fours")


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(NETWORKS)


def _settings(name: str) -> dict[str, Any]:
    arch = code_baseline(f"particular:{name}")
    return {
        **{"baseline": arch.name, "baseline_arch": arch, "baseline_width": 1.0, "batch_size": 8},
        "baseline_resolution": {"places": 224, "spread": 24}.get(name, 32),
    }


def _grid(name: str, **settings: Any) -> Plan:
    # Nothing is matched unless a test says so: matching changes the sizes that code may refuse.
    return plan_grid(GridSettings(**_settings(name) | {"step": 0.1, "match": "none"} | settings), SIZE)


def test_a_network_s_own_size_is_the_first_usual_one_that_it_takes() -> None:
    sides = {name: code_baseline(f"particular:{name}").resolution for name in ("places", "flat", "sixteens")}
    assert sides == {"places": 224, "flat": 32, "sixteens": 224}


@pytest.mark.parametrize("name", slow_but((FIXED[0], COARSE[0]), (*FIXED, *COARSE)))
def test_a_grid_skips_what_is_refused_and_trains_the_rest(name: str) -> None:
    plan = _grid(name)
    refused = [c for c in plan.skipped if c.reason.startswith("refused: ")]
    assert plan.chosen
    assert refused
    assert {c.key for c in refused} | {p.record.key for p in plan.chosen} <= set(plan.order)
    for c in refused:
        assert "particular:" in c.reason
        assert (c.counted, c.macs, c.macs_ratio, c.inference_bytes) == (False, 0, 0.0, None)
    assert all(p.record.counted and p.record.training_bytes for p in plan.chosen)
    way = "--gamma-max 1 scales" if name in FIXED else "--resolution-multiple 16 keeps"
    assert len(plan.notes) == 1
    assert f"{len(refused)} networks are skipped that particular:{name} refuses to be" in plan.notes[0]
    assert way in plan.notes[0]


@pytest.mark.parametrize(
    ("name", "settings"),
    [("flat", {"gamma_max": 1.0}), ("places", {"gamma_max": 1.0}), ("sixteens", {"resolution_multiple": 16})],
)
def test_what_the_note_says_leaves_nothing_refused(name: str, settings: dict[str, Any]) -> None:
    plan = _grid(name, **settings)
    assert plan.chosen
    assert plan.notes == ()


def test_a_plan_of_nothing_but_refused_networks_says_what_would_do() -> None:
    error = r"`baseline` must build some network of the plan, .* got particular:flat .*; --gamma-max 1 scales"
    with pytest.raises(ValueError, match=error):
        _grid("flat", gamma_min=1.2)
    with pytest.raises(ValueError, match=r"; --gamma-max 1 with --match-by width scales depth"):
        _grid("flat", match="macs", match_by="resolution", gamma_min=1.2)


def test_a_match_by_width_keeps_to_the_size_that_is_taken() -> None:
    plan = _grid("flat", match="macs", match_by="width", gamma_max=1.0)
    assert plan.chosen
    assert {planned.arch.resolution for planned in plan.chosen} == {32}


def test_a_baseline_that_is_refused_at_its_size_names_one_that_is_taken() -> None:
    error = r"takes images of 96 x 96 px, got particular:places .*; --baseline-resolution 224 is a size that"
    with pytest.raises(ValueError, match=error):
        _grid("places", baseline_resolution=96)


def test_answers_for_each_pixel_are_a_refusal_too() -> None:
    plan = _grid("spread")
    assert any("which gives (" in c.reason for c in plan.skipped)


def test_what_can_be_run_and_not_trained_is_left_out_when_it_is_tried() -> None:
    plan = replace(_grid("aside", max_networks=0, step=0.2, tolerance=0.3), base=_grid("aside").base)
    able = tried(plan)
    assert {planned.arch.resolution for planned in able.chosen} == {32}
    left_out = {c.key for c in able.skipped} - {c.key for c in plan.skipped}
    assert left_out == {p.record.key for p in plan.chosen if p.arch.resolution != 32}
    assert any("skipped that can't be trained, such as: baseline must build" in note for note in able.notes)
    assert able.rungs[-1].networks == len(able.chosen)


def test_a_sweep_keeps_the_roles_that_can_be_built() -> None:
    plan = plan_sweep(SweepSettings(**_settings("flat"), phis=(1.0,)), SIZE)
    assert {planned.record.role for planned in plan.chosen} >= {"baseline", "depth", "width"}
    assert {c.role for c in plan.skipped} >= {"resolution"}
    assert "--roles depth,width" in plan.notes[0]


def test_a_family_keeps_the_phis_that_can_be_built() -> None:
    settings = FamilyTrainingSettings(**_settings("sixteens"), phi=(0, 1, 2), train_phi=(0, 1, 2), gamma=1.5)
    plan = plan_family(settings, SIZE)
    assert [planned.record.phi for planned in plan.chosen] == [0, 1]
    assert [c.phi for c in plan.skipped] == [2]
    arch = code_baseline("particular:sixteens")
    whole = ScaleSettings(baseline="own", baseline_arch=arch, alpha=1.2, beta=1.1, gamma=1.5, phis=(0, 1, 2))
    taken, left_out = without_refused(whole)
    assert taken.phis == (0, 1)
    assert left_out.startswith("phi 2 left out: particular-sixteens refuses")
    assert "--resolution-multiple 16" in left_out
    with pytest.raises(ValueError, match=r"must build some network of the plan.*--resolution-multiple 16"):
        without_refused(replace(whole, phis=(0, 2)))


def test_a_search_says_why_a_suggestion_is_refused() -> None:
    settings = SearchSettings(**_settings("flat"), phi=0.2)
    suggester = Suggester(settings, SIZE.classes)
    assert suggester.planned(shares_at(0.0, 0.0)).record.reason == ""
    assert "32" not in str(suggester.planned(shares_at(1.0, 1.0)).arch.resolution)
    assert suggester.planned(shares_at(1.0, 1.0)).record.reason.startswith("refused: ")
    assert "count as failed; scalesearch grid with --gamma-max 1" in plan_search(settings, SIZE).notes[0]
    with pytest.raises(ValueError, match="scalesearch grid with --gamma-max 1 scales depth and width alone"):
        plan_search(replace(settings, phi=1.0), SIZE)


@pytest.mark.slow
def test_a_run_is_trained_reported_and_read_back(run: Callable[..., Result], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    options = ("--step=0.25", "--tolerance=0.3", "--max-networks=2", "--images=16", "--batch-size=8")
    small = ("--held-out=18", "--seeds=1", "--baseline-resolution=32", "--no-latency", "--device=cpu")
    result = run(
        "grid",
        "--baseline=particular:flat",
        "--match=none",
        *options,
        *small,
        "--threads=1",
        f"--out={folder}",
    )
    assert result.exit_code == 0, result.output
    with (folder / "candidates.csv").open(encoding="utf-8", newline="") as stream:
        cells = next(row for row in csv.DictReader(stream) if row["reason"].startswith("refused: "))
    assert (cells["macs"], cells["macs_ratio"], cells["params"]) == ("", "", "")
    assert "refused: baseline must build" in (folder / "report.md").read_text("utf-8")
    before = (folder / "report.md").read_bytes()
    (folder / "study.db").unlink()
    again = run("report", folder)
    assert again.exit_code == 0, again.output
    assert (folder / "report.md").read_bytes() == before
    plan = folder / "plan.csv"
    with plan.open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    next(row for row in table if row["status"] == "completed")["macs"] = "0"
    with plan.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, table[0])
        writer.writeheader()
        writer.writerows(table)
    wrong = run("report", folder)
    assert wrong.exit_code == 2
    assert "column macs: must be > 0 of a network that was trained, got 0" in wrong.stderr
