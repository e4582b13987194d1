from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from scalesearch.commands.alternate.run import AlternateSettings, affordable_phi, alternate
from scalesearch.networks.matching import closed_form
from scalesearch.networks.scaled import compound
from scalesearch.records import RunRecord, SeedRun
from scalesearch.scaling import Coefficients
from scalesearch.study.budget import EqualCost
from scalesearch.study.grid_plan import plan_grid
from scalesearch.training.dataset import DataSize

SETTINGS = AlternateSettings(step=0.25, tolerance=0.3, max_networks=0, match="none", budget_ratio=4.0)
SIZE = DataSize(classes=18, train_images=1000)
PAPER = Coefficients(alpha=1.25, beta=1.0, gamma=1.25)
DEEP = Coefficients(alpha=2.0, beta=1.0, gamma=1.0)


def _run_of(best: Coefficients | None, phi: float) -> RunRecord:
    """A finished search of the grid that ``best`` wins."""
    plan = plan_grid(SETTINGS.grid_at(phi), SIZE)
    run = SeedRun(seed=0, curve=(), top1=0.5, loss=1.0, held_out_images=9, images_seen=8, train_seconds=1.0)
    candidates = []
    for planned in plan.chosen:
        record = planned.record
        if best is not None and (record.alpha, record.beta, record.gamma) == (
            best.alpha,
            best.beta,
            best.gamma,
        ):
            candidates.append(replace(record, status="completed", runs=(run,)))
        else:
            candidates.append(record)
    facts = plan.facts(name="round", command="", machine={}, versions={})
    del facts["order"]
    return RunRecord(**facts | {"candidates": tuple(candidates), "rungs": ()}, wall_s=1.0, sessions=1)


def _search(choices: list[Coefficients | None]) -> tuple[Callable[[int, float], RunRecord], list[float]]:
    phis: list[float] = []

    def search_at(number: int, phi: float) -> RunRecord:
        assert number == len(phis) + 1
        phis.append(phi)
        return _run_of(choices[number - 1], phi)

    return search_at, phis


def test_it_ends_when_two_rounds_choose_the_same() -> None:
    search_at, phis = _search([PAPER, PAPER])
    outcome = alternate(SETTINGS, 18, search_at)
    assert (outcome.converged, outcome.reason) == (True, "two rounds in a row chose the same coefficients")
    assert [r.number for r in outcome.rounds] == [1, 2]
    assert phis == [1.0, outcome.rounds[0].next_phi] == [r.phi for r in outcome.rounds]
    assert {(r.alpha, r.beta, r.gamma) for r in outcome.rounds} == {(1.25, 1.0, 1.25)}
    base = closed_form(SETTINGS.proxy_baseline(18), "macs")
    assert all(r.budget == 4 * base and r.next_cost <= r.budget for r in outcome.rounds)


def test_it_ends_when_the_budget_allows_the_phi_it_searched_at() -> None:
    first = alternate(SETTINGS, 18, _search([DEEP, DEEP])[0]).rounds[0]
    start = replace(SETTINGS, phi=first.next_phi)
    outcome = alternate(start, 18, lambda _number, phi: _run_of(DEEP, phi))
    assert (outcome.converged, len(outcome.rounds)) == (True, 1)
    assert outcome.reason == "the budget allows the phi that was searched at"


def test_a_circle_is_named_and_is_no_answer() -> None:
    outcome = alternate(SETTINGS, 18, _search([PAPER, DEEP, PAPER])[0])
    assert not outcome.converged
    assert outcome.reason == "round 3 came back to the choice of round 1: the rounds go in a circle"


def test_it_gives_up_after_the_most_rounds() -> None:
    outcome = alternate(replace(SETTINGS, max_rounds=2), 18, _search([PAPER, DEEP])[0])
    assert (outcome.converged, len(outcome.rounds)) == (False, 2)
    assert outcome.reason == "the answer still changed after 2 rounds (--max-rounds)"


def test_a_round_without_a_highest_mean_or_without_a_run_ends_it() -> None:
    outcome = alternate(SETTINGS, 18, _search([PAPER, None])[0])
    assert (len(outcome.rounds), outcome.reason) == (1, "round 2 could train no network")
    outcome = alternate(SETTINGS, 18, lambda _number, _phi: None)
    assert (outcome.rounds, outcome.reason) == ((), "round 1 is not trained to its end yet")


@pytest.mark.parametrize("kind", ["macs", "params", "activations", "memory"])
@pytest.mark.parametrize(
    "coefficients",
    [
        PAPER,
        DEEP,
        Coefficients(alpha=1.0, beta=1.4, gamma=1.0),
        Coefficients(alpha=1.2, beta=1.1, gamma=1.15),
    ],
)
def test_the_affordable_phi_is_the_greatest(kind: str, coefficients: Coefficients) -> None:
    base, rounding = SETTINGS.proxy_baseline(18), SETTINGS.proxy_rounding
    whole = EqualCost.of(kind, base, 1.3, tolerance=0.0, batch_size=32)
    phi, cost = affordable_phi(base, coefficients, rounding, whole)

    def cost_at(step: int) -> float:
        return whole.cost(compound(base, coefficients, step / 1000, rounding))

    near = round(phi * 1000)
    assert phi == near / 1000
    assert cost == cost_at(near) <= whole.target
    # Not a thousandth more, nor anything beyond it.
    assert all(
        cost_at(step) > whole.target for step in (near + 1, near + 2, *range(near + 10, near + 2000, 97))
    )


def test_a_budget_that_the_coefficients_cannot_move_is_refused() -> None:
    base, rounding = SETTINGS.proxy_baseline(18), SETTINGS.proxy_rounding
    params = EqualCost.of("params", base, 2.0, tolerance=0.0, batch_size=32)
    with pytest.raises(
        ValueError,
        match=r"^`budget` must be one that some network of \(1, 1, 1\.1\) can spend, got params 1,199,900: "
        r"at any phi they spend 300,000$",
    ):
        affordable_phi(base, Coefficients(alpha=1, beta=1, gamma=1.1), rounding, params)
    with pytest.raises(
        ValueError, match="^`alpha`, `beta` and `gamma` must hold one above 1, got 1, 1 and 1$"
    ):
        affordable_phi(base, Coefficients(alpha=1, beta=1, gamma=1), rounding, params)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budget": "latency"}, "`budget` must be one of macs, params, activations, memory, got 'latency'"),
        ({"budget_ratio": 1.0}, "`budget_ratio` must be a finite number > 1, got 1.0"),
        ({"max_rounds": 0}, "`max_rounds` must be >= 1, got 0"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        AlternateSettings(**change)
    assert str(caught.value) == message


def test_a_rounds_grid_has_the_settings_of_the_whole_but_its_own() -> None:
    grid = SETTINGS.grid_at(2.5)
    assert (grid.phi, grid.step, grid.max_networks) == (2.5, 0.25, 0)
    assert set(SETTINGS.to_dict()) - set(grid.to_dict()) == {"budget_ratio", "max_rounds"}
    assert grid.budget == ""
