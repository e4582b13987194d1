"""What the networks of a grid spend: held to a constraint, repaired to a budget, or made for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalesearch.architecture.spec import Arch
from scalesearch.search.budget import (
    CostOf,
    EqualCost,
    hold,
    nearest_error,
    repaired,
    unmet_reason,
)
from scalesearch.search.grid import Candidate
from scalesearch.search.spending import within_budget

if TYPE_CHECKING:
    from scalesearch.search.grid_plan import GridSettings

__all__ = ["matched", "meeting_the_constraint", "spending"]


def meeting_the_constraint(
    settings: GridSettings, candidates: Sequence[Candidate], base: Arch, measured: CostOf | None
) -> list[Candidate]:
    """All of them under the nominal constraint; under a budget those whose real cost is near enough."""
    if settings.constraint == "product":
        return list(candidates)
    budget = _budget(settings, settings.constraint, base, measured)
    held = list(hold(candidates, budget))
    return _near(held, budget.tolerance)


def matched(
    settings: GridSettings, candidates: list[Candidate], base: Arch, measured: CostOf | None
) -> tuple[list[Candidate], list[Candidate], list[Candidate]]:
    """The candidates repaired to the budget that is matched, those that cannot be, and those refused then."""
    if settings.budget:
        met = _near(candidates, settings.budget_tolerance)
        return met, _not_among(met, candidates), []
    if settings.match == "none":
        return candidates, [], []
    budget = _budget(settings, settings.match, base, measured)
    matching = list(
        repaired(
            candidates,
            budget,
            base=base,
            phi=settings.phi,
            rounding=settings.proxy_rounding,
            match_by=settings.match_by,
            prefer=settings.anchor_coefficients,
        )
    )
    refused = [candidate for candidate in matching if candidate.refused]
    told = _not_among(refused, matching)
    met = _near(told, budget.tolerance) if told else []
    return met, _not_among(met, told), refused


def _not_among(met: Sequence[Candidate], candidates: Sequence[Candidate]) -> list[Candidate]:
    kept = {id(candidate) for candidate in met}
    return [candidate for candidate in candidates if id(candidate) not in kept]


def spending(settings: GridSettings, points: NDArray[np.float64], base: Arch) -> list[Candidate]:
    """The networks of the points whose full-size twins spend the budget."""
    return within_budget(
        ((row[0], row[1], row[2]) for row in points.tolist()),
        full=settings.full_baseline,
        full_rounding=settings.rounding,
        phi=settings.phi,
        base=base,
        rounding=settings.proxy_rounding,
        budget=settings.spending,
        prefer=settings.anchor_coefficients,
    )


def _near(candidates: Sequence[Candidate], tolerance: float) -> list[Candidate]:
    """Those that meet their budget.

    Raises:
        EmptyGridError: if none does.
    """
    near = [c for c in candidates if not unmet_reason(c.budget, tolerance)]
    if not near:
        raise nearest_error([(c.merged[0], c.budget) for c in candidates if c.budget], tolerance)
    return near


def _budget(settings: GridSettings, kind: str, base: Arch, measured: CostOf | None) -> EqualCost:
    return EqualCost.of(
        kind,
        base,
        settings.phi,
        tolerance=settings.budget_tolerance,
        batch_size=settings.pass_size,
        measured=measured,
    )
