from __future__ import annotations

from collections.abc import Sequence

import pytest

from scalesearch.commands.scale.trained_view import family_evidence, trained_section, trained_table
from scalesearch.records import CandidateRecord, CurvePoint, RunRecord, SeedRun
from tests.page.shown import shown


def family(top1: Sequence[Sequence[float]], macs: Sequence[int] = (100, 200, 400, 800)) -> RunRecord:
    """A family at phi 0, 1, 2, ... with these accuracies by network and seed."""
    candidates = tuple(
        CandidateRecord(
            key=f"k{phi}", alpha=1.2, beta=1.1, gamma=1.15, product=1.92, merged=((1.2, 1.1, 1.15),), depth=1.0,
            width=1.0, resolution_multiplier=1.0, resolution=48, blocks=16, params=10, macs=macs[phi],
            activations=5, nominal_ratio=1.0, macs_ratio=macs[phi] / 100, full_macs=1000, full_macs_ratio=1.0,
            status="completed", phi=float(phi), role="family",
            runs=tuple(
                SeedRun(
                    seed=seed, top1=value, loss=1.0, held_out_images=900, images_seen=64, train_seconds=2.0,
                    curve=(CurvePoint(images=64, train_loss=1.0, loss=1.0, top1=value),),
                )
                for seed, value in enumerate(values)
            ),
        )
        for phi, values in enumerate(top1)
    )  # fmt: skip
    return RunRecord(
        kind="scale", name="scale-x", command="scalesearch scale --train", phi=3.0, settings={}, machine={},
        versions={}, grid_points=4, feasible=4, thinning="", wall_s=1.0, sessions=1,
        baseline={"params": 1, "macs": 100, "resolution": 48, "blocks": 16, "full_macs": 1000}, classes=10,
        candidates=candidates,
    )  # fmt: skip


RISING = [[0.30, 0.31, 0.32], [0.40, 0.41, 0.421], [0.50, 0.51, 0.52], [0.60, 0.612, 0.62]]
# Each step has p = 0.08 by itself, both together 0.01.
GRADUAL = [[0.406, 0.404, 0.420], [0.418, 0.434, 0.432], [0.430, 0.446, 0.462]]
SATURATED = [[0.30, 0.31, 0.32], [0.40, 0.41, 0.421], [0.403, 0.41, 0.418], [0.401, 0.412, 0.42]]


@pytest.mark.parametrize(
    ("top1", "rises_to", "answer", "slope"),
    [
        (RISING, 3, "Yes, up to phi 3, the largest that was trained", ""),
        (SATURATED, 1, "Yes, up to phi 1", "+3.0"),
        (GRADUAL, 2, "Yes, up to phi 2, the largest that was trained", ""),
        # From a dip back to where it was is no rise.
        ([[0.40, 0.41, 0.42], [0.30, 0.31, 0.321], [0.401, 0.41, 0.42]], 0, "Not shown", ""),
        (RISING[::-1], 0, "No, it falls", "-10.0"),
        ([[0.4, 0.5, 0.3], [0.5, 0.3, 0.4], [0.3, 0.4, 0.52], [0.41, 0.4, 0.4]], 0, "Not shown", ""),
    ],
)
def test_the_answer_says_whether_it_rises_and_where_it_stops(
    top1: list[list[float]], rises_to: float, answer: str, slope: str
) -> None:
    run = family(top1)
    assert family_evidence(run).rises_to == rises_to
    text = shown(trained_section, run, {"trained"}).answer
    assert (text.verdict, text.untested) == (answer, "")
    assert text.stops == ("1" if top1 is SATURATED else "")
    if slope:
        assert text.slope == slope


def test_a_rise_that_only_two_steps_show_is_not_ended_by_the_first() -> None:
    found = family_evidence(family(GRADUAL))
    assert [step.verdict for step in found.steps] == ["no difference shown"] * 2
    assert found.networks[2].top1 > found.networks[1].top1 > found.networks[0].top1  # type: ignore[operator]


def test_one_seed_is_not_tested_and_one_network_answers_nothing() -> None:
    single, alone = (
        shown(trained_section, family(top1), set()).answer for top1 in ([[0.3], [0.4]], [[0.3, 0.4]])
    )
    assert single.untested == "that takes at least two seeds"
    assert "30.0%" in single.span
    assert "40.0%" in single.span
    assert (alone.span, alone.untested, alone.verdict) == ("", "", "")


def test_networks_of_one_cost_have_no_gain_for_each_doubling() -> None:
    run = family([[0.3, 0.31], [0.3, 0.32]], macs=(100, 100))
    (step,) = family_evidence(run).steps
    assert (step.per_doubling, step.interval) == (None, None)
    assert shown(trained_section, run, set()).answer.untested == "its networks all cost the same"


def test_the_table_has_the_gain_for_each_doubling_with_its_interval() -> None:
    table = trained_table(family(RISING, macs=(100, 400, 800, 1600)))
    assert table["gain_per_doubling"].isna().tolist() == [True, False, False, False]
    assert table["gain_per_doubling"][1] == pytest.approx(table["gain"][1] / 2)
    assert (
        (table["gain_low"] < table["gain_per_doubling"]) & (table["gain_per_doubling"] < table["gain_high"])
    )[1:].all()
    assert table["verdict"].tolist() == ["", "rises", "rises", "rises"]
