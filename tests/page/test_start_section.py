"""What a page says of the start of its networks, and of the run from scratch beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scalesearch.commands.grid.view import started
from scalesearch.networks.baselines import baseline
from scalesearch.page.parts import run_made
from scalesearch.page.templates import part
from scalesearch.records import RunRecord, StartRecord
from scalesearch.study.grid_plan import GridSettings
from scalesearch.study.settings import NOT_IDENTITY
from tests.page.test_transfer import deep, search

ALIKE = "**More than the start differs**"
GROWN = StartRecord(kind="grown", network="resnet-18", classes=18)
OWN = replace(baseline("resnet-18"), name="mine")


def section_of(run, scratch, ignored=()):
    """The section on what a run started from."""
    return part("commands/grid/sections.md.j2", "start", started(run, scratch, ignored))


def run_with(settings: GridSettings, start: StartRecord | None = None) -> RunRecord:
    return replace(search(deep), settings=settings.to_dict(), start=start)


@pytest.mark.parametrize(
    ("there", "here", "said"),
    [
        ({"seeds": 2}, {"seeds": 3}, "seeds: 3 here, 2 there"),
        ({}, {"in_channels": 1}, "in\\_channels: 1 here, not set there"),
        ({}, {"stem_stride": 1}, "stem\\_stride: 1 here, not set there"),
        ({}, {"repeats_rule": "round"}, "repeats\\_rule: round here, ceil there"),
        ({}, {"match_by": "width"}, "match\\_by: width here"),
        ({}, {"recipe": "quick", "seed": 4}, "recipe: quick here, steady there; seed: 4 here, 0 there"),
        (
            {"baseline": "mine", "baseline_arch": OWN},
            {"baseline": "mine", "baseline_arch": replace(OWN, stem_channels=16)},
            f"baseline\\_arch: network {replace(OWN, stem_channels=16).key} here, network {OWN.key} there",
        ),
    ],
)
def test_whatever_else_differs_between_the_two_runs_is_said(there, here, said):
    scratch = run_with(GridSettings(**there))
    grown = run_with(GridSettings(**here, start="grown"), GROWN)
    text = section_of(grown, scratch, NOT_IDENTITY)
    assert f"{ALIKE} between the two runs: {said}".replace("\\_", "_") in text.replace("\\_", "_")


def test_the_start_itself_and_what_changes_no_result_are_not():
    scratch = run_with(GridSettings(jobs=1))
    settings = GridSettings(
        jobs=2, start="grown", pretrained="w.pth", scratch_run="there", keep_weights=False
    )
    assert ALIKE not in section_of(run_with(settings, GROWN), scratch, NOT_IDENTITY)


@pytest.mark.parametrize(
    ("kind", "classes", "said"),
    [
        ("pretrained", 1000, "**The classifier was replaced:** the file's has 1,000 classes, the data 18."),
        ("pretrained", 18, "**The classifier was kept:** the file's has 18 classes, as many as the data."),
        ("grown", 18, ""),
    ],
)
def test_what_became_of_the_classifier(kind, classes, said):
    start = StartRecord(kind=kind, network="resnet-18", classes=classes, file="w.pth", digest="abc")
    text = section_of(replace(search(deep), classes=18, start=start), None)
    assert said in text
    assert ("classifier" in text) == bool(said)


def test_a_target_stays_literal_whatever_it_holds():
    target = "net:build` <b>**x**"
    run = search(deep)
    own = replace(run, settings={**run.settings, "baseline_arch": {"target": target}})
    assert f"The networks are what ``{target}`` builds." in part(
        "page/parts.md.j2", "how_the_run_was_made", run_made(own)
    )
