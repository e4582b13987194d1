"""``scalesearch alternate``: coefficients at a phi, then the phi that a budget allows, until nothing changes.

The paper searches its coefficients at phi 1 and keeps them for every size. Whether they would be the same at
the size that is really wanted is not asked; this loop asks it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from scalesearch.fields import Topic, setting
from scalesearch.networks.spec import Arch
from scalesearch.plain import Limit
from scalesearch.records import RoundRecord, RunRecord
from scalesearch.scaling import Coefficients, exact
from scalesearch.study.budget import SAME_PHI, EqualCost, affordable_phi, times
from scalesearch.study.grid_plan import MEMORY, GridSettings

BUDGETS = ("macs", "params", "activations", "memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternateSettings(GridSettings):
    """A grid's settings, with the budget as a multiple of the baseline's ``budget``; ``phi`` is the start."""

    phi: float = setting(1.0, form="", help="How much compute in the first round: 2^phi times the baseline.")
    match: str = setting("none", given="none")
    budget: str = setting(
        "macs", choices=BUDGETS, metavar="", help="What the wanted network may spend.", more=MEMORY
    )
    budget_ratio: float = setting(
        4.0,
        limit=Limit(1, 1e6, above=True),
        topic=Topic.BUDGET,
        common=True,
        help="How much of that it may spend, as a multiple of the baseline's, above 1.",
    )
    max_rounds: int = setting(5, limit=Limit(1, 1000), topic=Topic.SPACE, help="Stop after so many rounds.")
    seeds: int = setting(1, unset="")
    confirm_on: str = setting("same")

    def _check_budget(self) -> None:
        """A grid's is an amount; here it is a kind, and the amount a multiple of the baseline's."""

    def to_dict(self) -> dict[str, Any]:
        """See the base; without a law, which no budget of this command needs, and what confirms."""
        left_out = ("law", "confirm_on")
        return {name: value for name, value in GridSettings.to_dict(self).items() if name not in left_out}

    def grid_at(self, phi: float) -> GridSettings:
        """The grid of one round."""
        of_rounds = {"budget", "budget_ratio", "max_rounds"}
        return GridSettings.from_dict(
            {name: value for name, value in replace(self, phi=phi).to_dict().items() if name not in of_rounds}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the loop ended: whether the answer stopped changing, and in words why it stopped."""

    rounds: tuple[RoundRecord, ...]
    converged: bool
    reason: str


def budget_of(settings: AlternateSettings, classes: int) -> tuple[Arch, EqualCost]:
    """The baseline that is trained, and what the wanted network may spend."""
    base = settings.proxy_baseline(classes)
    whole = EqualCost.of(settings.budget, base, 0.0, tolerance=0.0, batch_size=settings.pass_size)
    return base, replace(whole, target=times(whole.target, settings.budget_ratio))


def alternate(
    settings: AlternateSettings, classes: int, search_at: Callable[[int, float], RunRecord | None]
) -> Outcome:
    """Runs the loop. ``search_at`` searches the coefficients of round n at a phi; None stops the loop there.

    It ends when a round chooses the coefficients and the phi of the one before, when it comes back to an
    earlier round's choice (a cycle), or after ``max_rounds``.
    """
    base, budget = budget_of(settings, classes)
    rounds: list[RoundRecord] = []
    phi = settings.phi
    for number in range(1, settings.max_rounds + 1):
        run = search_at(number, phi)
        if run is None:
            return Outcome(
                rounds=tuple(rounds), converged=False, reason=f"round {number} is not trained to its end yet"
            )
        best = run.highest_mean
        if best is None:
            return Outcome(
                rounds=tuple(rounds), converged=False, reason=f"round {number} could train no network"
            )
        coefficients = Coefficients(alpha=best.alpha, beta=best.beta, gamma=best.gamma)
        next_phi, cost = affordable_phi(base, coefficients, settings.proxy_rounding, budget)
        rounds.append(
            RoundRecord(
                number=number,
                phi=phi,
                alpha=best.alpha,
                beta=best.beta,
                gamma=best.gamma,
                next_phi=next_phi,
                next_cost=cost,
                budget_kind=settings.budget,
                budget=budget.target,
                run=run,
            )
        )
        same = [r for r in rounds[:-1] if _choice(r) == _choice(rounds[-1])]
        if same and same[-1] is rounds[-2]:
            return Outcome(
                rounds=tuple(rounds), converged=True, reason="two rounds in a row chose the same coefficients"
            )
        if abs(exact(next_phi) - exact(phi)) <= exact(SAME_PHI):
            return Outcome(
                rounds=tuple(rounds), converged=True, reason="the budget allows the phi that was searched at"
            )
        if same:
            return Outcome(
                rounds=tuple(rounds),
                converged=False,
                reason=f"round {number} came back to the choice of round {same[0].number}: "
                "the rounds go in a circle",
            )
        phi = next_phi
    return Outcome(
        rounds=tuple(rounds),
        converged=False,
        reason=f"the answer still changed after {settings.max_rounds} rounds (--max-rounds)",
    )


def _choice(record: RoundRecord) -> tuple[float, float, float]:
    return record.alpha, record.beta, record.gamma
