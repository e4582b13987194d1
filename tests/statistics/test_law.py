from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, Cost, Rounding
from scalesearch.records import CostLaw, HeldOut, MeasurementRecord, ProcessSamples, Setup
from scalesearch.scaling import Multipliers
from scalesearch.statistics.law import errors, fit_law, predict, seconds_for, term_seconds

TRUE = {"constant": 2e-3, "macs": 2e-11, "activations": 1e-9, "params": 5e-10, "layers": 1e-4}
MULTIPLIERS = [
    Multipliers(depth=d, width=w, resolution=r)
    for d, w, r in (
        *((1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2), (3, 1, 0.5), (1, 3, 0.5)),
        *((2, 2, 0.7), (2, 0.5, 2), (0.5, 1, 1.5), (1.5, 1.5, 1.5), (2.5, 0.7, 1), (1.2, 1.1, 1.15)),
    )
]
ARCHS = [scale(EFFICIENTNET_B0, one, Rounding()) for one in MULTIPLIERS]


def true_seconds(cost: Cost, images: int) -> float:
    return (
        TRUE["constant"]
        + images * (TRUE["macs"] * cost.macs + TRUE["activations"] * cost.activations)
        + TRUE["params"] * cost.params
        + TRUE["layers"] * cost.layers
    )


def measured(arch: ArchSpec, seconds: float, setup: Setup | None = None) -> MeasurementRecord:
    cost = count(arch)
    return MeasurementRecord(
        name=f"net-{arch.key[:4]}",
        key=arch.key,
        resolution=arch.resolution,
        params=cost.params,
        macs=cost.macs,
        activations=cost.activations,
        layers=cost.layers,
        setup=setup or Setup(),
        machine="m-1",
        processes=(ProcessSamples(samples_s=(seconds,) * 5, conditions={}),),
    )


def all_measured(
    seconds: Callable[[Cost, int], float] = true_seconds, batch_size: int = 1
) -> list[MeasurementRecord]:
    setup = Setup(batch_size=batch_size)
    return [measured(arch, seconds(count(arch), batch_size), setup) for arch in ARCHS]


@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_true_law_is_found_and_predicts_networks_it_never_saw(batch_size: int) -> None:
    law = fit_law(all_measured(batch_size=batch_size))
    assert law.seconds == pytest.approx(TRUE, rel=1e-6)
    assert errors(law).worst < 1e-6
    unseen = count(scale(EFFICIENTNET_B0, Multipliers(depth=1.7, width=1.3, resolution=1.4), Rounding()))
    assert predict(law, unseen) == pytest.approx(true_seconds(unseen, batch_size))
    assert sum(term_seconds(law, unseen).values()) == pytest.approx(predict(law, unseen))


def test_work_never_saves_time() -> None:
    """What would be a negative coefficient is none at all."""

    def faster_by_layers(cost: Cost, images: int) -> float:
        return 0.1 + 1e-10 * cost.macs * images - 2e-4 * cost.layers

    law = fit_law(all_measured(faster_by_layers))
    assert law.seconds["layers"] == 0
    assert min(law.seconds.values()) >= 0


def test_one_odd_network_does_not_bend_the_law() -> None:
    rows = all_measured()
    rows[3] = measured(ARCHS[3], 3 * true_seconds(count(ARCHS[3]), 1))
    law = fit_law(rows)
    others = [row for row in law.held_out if row.key != ARCHS[3].key]
    assert max(abs(row.error) for row in others) < 0.05
    assert errors(law).worst_name == rows[3].name
    assert errors(law).worst == pytest.approx(2 / 3, abs=0.01)


@given(factor=st.floats(0.2, 5), which=st.integers(0, len(ARCHS) - 1))
def test_what_a_network_took_has_no_part_in_its_own_prediction(factor: float, which: int) -> None:
    rows = all_measured(lambda cost, images: true_seconds(cost, images) * (1 + 0.1 * np.sin(cost.params)))
    before = fit_law(rows).held_out[which].predicted_s
    seconds = rows[which].samples_s[0][0] * factor
    rows[which] = measured(ARCHS[which], seconds)
    assert fit_law(rows).held_out[which].predicted_s == pytest.approx(before, rel=1e-9)


def test_the_fit_is_near_the_least_sum_of_absolute_relative_errors() -> None:
    """That sum's minimum, found by linear programming, is what the reweighting is after."""
    rng = np.random.default_rng(3)
    rows = [
        measured(arch, true_seconds(count(arch), 1) * (1 + 0.15 * rng.standard_normal())) for arch in ARCHS
    ]
    law = fit_law(rows)
    found = sum(
        abs(predict(law, count(arch)) / row.samples_s[0][0] - 1)
        for arch, row in zip(ARCHS, rows, strict=True)
    )
    assert least_sum(rows) <= found <= 1.1 * least_sum(rows)


def least_sum(rows: Sequence[MeasurementRecord]) -> float:
    seconds = np.array([row.samples_s[0][0] for row in rows])
    terms = np.array([[1, row.macs, row.activations, row.params, row.layers] for row in rows], float)
    terms = terms / terms.max(axis=0) / seconds[:, None]
    n, k = terms.shape
    slack = np.eye(n)
    found = linprog(
        np.r_[np.zeros(k), np.ones(n)],
        A_ub=np.block([[terms, -slack], [-terms, -slack]]),
        b_ub=np.r_[np.ones(n), -np.ones(n)],
    )
    return float(found.fun)


@given(
    seconds=st.fixed_dictionaries({name: st.floats(0, 1e-6) for name in TRUE}),
    first=st.sampled_from(ARCHS),
    second=st.sampled_from(ARCHS),
)
def test_more_of_every_cost_never_takes_less_time(
    seconds: dict[str, float], first: ArchSpec, second: ArchSpec
) -> None:
    law = CostLaw(machine="m", setup=Setup(), seconds=seconds, held_out=())
    a, b = count(first), count(second)
    names = ("macs", "activations", "params", "layers")
    both = replace(a, **{name: max(getattr(a, name), getattr(b, name)) for name in names})
    assert predict(law, both) >= max(predict(law, a), predict(law, b))


def test_seconds_of_many_networks_at_once() -> None:
    law = fit_law(all_measured())
    costs = [count(arch) for arch in ARCHS]
    together = seconds_for(
        law,
        macs=np.array([cost.macs for cost in costs], float),
        activations=np.array([cost.activations for cost in costs], float),
        params=np.array([cost.params for cost in costs], float),
        layers=np.array([cost.layers for cost in costs], float),
    )
    assert together == pytest.approx([predict(law, cost) for cost in costs])


def test_a_law_survives_being_written_down() -> None:
    law = fit_law(all_measured())
    assert CostLaw.from_dict(law.to_dict()) == law
    assert law.spread == (
        min(row.measured_s for row in law.held_out),
        max(row.measured_s for row in law.held_out),
    )


def test_networks_without_a_figure_are_passed_over() -> None:
    rows = all_measured()
    lost = replace(rows[0], outcome="out of memory", processes=(), reason="too large")
    assert len(fit_law([lost, *rows[1:]]).held_out) == len(rows) - 1


def test_error_is_relative_to_what_was_measured() -> None:
    rows = [
        HeldOut(name=n, key=n, measured_s=1.0, predicted_s=p)
        for n, p in zip("abc", (0.9, 1.3, 1.05), strict=True)
    ]
    law = CostLaw(machine="m", setup=Setup(), seconds=TRUE, held_out=tuple(rows))
    found = errors(law)
    assert (found.median, found.worst, found.worst_name, found.networks) == (
        pytest.approx(0.1),
        pytest.approx(0.3),
        "b",
        3,
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            all_measured()[:5],
            "`measurements` must hold at least 6 networks that were measured, got 5: a law has five terms",
        ),
        (all_measured() + all_measured()[:1], "`measurements` must hold each network once, got one twice"),
        (
            [*all_measured(), replace(all_measured()[0], machine="m-2")],
            "`measurements` must be of one setup on one machine, got several",
        ),
        (
            [*all_measured(), replace(all_measured()[0], setup=Setup(threads=2))],
            "`measurements` must be of one setup on one machine, got several",
        ),
    ],
)
def test_no_law_without_enough_to_go_by(rows: list[MeasurementRecord], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        fit_law(rows)
    assert str(caught.value) == message


def test_one_fold_leaves_nothing_to_fit_on() -> None:
    with pytest.raises(ValueError, match=r"^`folds` must be >= 2, got 1$"):
        fit_law(all_measured(), folds=1)


def test_a_law_without_held_out_networks_has_no_errors() -> None:
    with pytest.raises(ValueError, match=r"^`law` must hold predictions of held-out networks, got none$"):
        errors(CostLaw(machine="m", setup=Setup(), seconds=TRUE, held_out=()))
