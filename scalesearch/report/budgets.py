"""The sentences about budgets: which, how they were met, and how closely."""

from __future__ import annotations

from collections.abc import Sequence

from scalesearch.records import BudgetRecord, CandidateRecord, FamilyRow
from scalesearch.records.budget import IN_SHARES
from scalesearch.report.markdown import escape, plural, si, signed_percent

__all__ = ["amount", "budget_items", "same_cost", "within_budget"]

NOUNS = {
    "macs": "multiply-adds",
    "params": "parameters",
    "activations": "activations",
    "memory": "of memory at the peak of a training step",
    "latency": "of latency",
}
SAME = 0.05
"""Costs within this of one another, relative to the least, are the same to any reader of a figure."""


def amount(kind: str, value: float) -> str:
    """A cost of a budget's ``kind`` as a person says it: ``60.0 M multiply-adds``, ``12.3 ms of latency``."""
    if kind == "latency":
        number = f"{1e3 * value:.3g} ms"
    elif kind == "memory":
        number = f"{value / 2**20:.3g} MiB" if value < 2**30 else f"{value / 2**30:.3g} GiB"
    else:
        number = si(value)
    return f"{number} {NOUNS.get(kind, escape(kind))}"


def budget_items(candidates: Sequence[CandidateRecord]) -> list[str]:
    """One item for each budget of ``candidates``; none where the constraint was the rule."""
    groups: dict[tuple[str, float], list[BudgetRecord]] = {}
    for candidate in candidates:
        if candidate.budget is not None:
            budget = candidate.budget
            groups.setdefault((budget.kind, budget.target), []).append(budget)
    return [_item(kind, target, budgets) for (kind, target), budgets in sorted(groups.items())]


def same_cost(costs: Sequence[float]) -> bool:
    """Whether two or more networks all cost the same within 5%, so that a cost axis would show nothing."""
    return len(costs) > 1 and max(costs) <= (1 + SAME) * min(costs)


def _item(kind: str, target: float, budgets: Sequence[BudgetRecord]) -> str:
    solved = sorted({b.matched_by for b in budgets if b.matched_by})
    chosen = sum(not b.matched_by for b in budgets)
    how = f"{' or '.join(map(escape, solved))} was solved for" if solved else ""
    if solved == [IN_SHARES]:
        missed = sum(bool(b.missed) for b in budgets)
        how = (
            "which stages get more blocks, the width and the pixels were solved for together, to share the "
            f"growth out as asked. {len(budgets) - missed} of {len(budgets)} have their shares within 5 "
            "points and their cost within 2%"
            + (", the rest say in `candidates.csv` what they missed" if missed else "")
        )
    if chosen:
        picked = "the networks were only chosen for being near it, none was resized"
        if solved:
            picked = f"{plural(chosen, 'network')} of them only chosen for being near it"
        how = f"{how}, {picked}" if how else picked
    low, high = min(b.residual for b in budgets), max(b.residual for b in budgets)
    spread = (
        signed_percent(low)
        if signed_percent(low) == signed_percent(high)
        else (f"{signed_percent(low)} to {signed_percent(high)}")
    )
    count = "1 network has" if len(budgets) == 1 else f"{len(budgets)} networks have"
    whose, built = "", "As built they"
    if all(b.full_size for b in budgets):
        whose = " at full size" + (", as a cost law predicts it" if kind == "latency" else "")
        built = "At full size they"
        how = "the coefficients were followed to the phi that spends it, and the width took up the rest"
    return (
        f"**Budget:** {count} a budget of {amount(kind, target)}{whose}: {how}. {built} are off by {spread}."
    )


def within_budget(family: Sequence[FamilyRow]) -> str:
    """The greatest phi of a family that stays within its budget, in a sentence; empty without a budget."""
    inside = [row for row in family if row.budget is not None and row.budget.residual <= 0]
    best = max(inside, key=lambda row: row.phi, default=None)
    if best is None or best.budget is None:
        return ""
    budget = best.budget
    how = "as the cost law predicts" if budget.kind == "latency" else "as built"
    return (
        f"phi {best.phi:g} is the greatest within {amount(budget.kind, budget.target)}: it spends "
        f"{amount(budget.kind, budget.value)}, {how}."
    )
