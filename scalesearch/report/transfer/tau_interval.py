"""What can be said of the interval of a tau, and how pages say it."""

from __future__ import annotations

from scalesearch.belief.agreement import Tau
from scalesearch.report.transfer.agreement_evidence import Agreement, Side

__all__ = ["interval_of", "tau_brief", "tau_cell", "tau_text"]

FEWEST_CLASSES = 5
"""Of fewer a bootstrap draws much the same again and again: its interval would look surer than it is."""


def interval_of(tau: Tau, *sides: Side) -> tuple[float, float] | None:
    """The 95% interval of a tau of these searches; None where few classes or a single seed hide it."""
    if tau.classes < FEWEST_CLASSES or any(side.seeds < 2 for side in sides):
        return None
    return tau.low, tau.high


def tau_text(tau: Tau, *sides: Side) -> str:
    """``0.71 (95% interval 0.38 to 0.93)``, or why there is no interval."""
    bounds = interval_of(tau, *sides)
    if bounds is None:
        few = "one seed" if any(side.seeds < 2 for side in sides) else f"{tau.classes} classes"
        return f"{tau.tau:.2f} (its interval cannot be known with {few})"
    return f"{tau.tau:.2f} (95% interval {bounds[0]:.2f} to {bounds[1]:.2f})"


def tau_brief(tau: Tau, *sides: Side) -> str:
    """``0.71 (0.38 to 0.93)``, or tau alone."""
    bounds = interval_of(tau, *sides)
    return f"{tau.tau:.2f}" + (f" ({bounds[0]:.2f} to {bounds[1]:.2f})" if bounds else "")


def tau_cell(found: Agreement) -> str:
    """The interval of tau for a table; empty where there is no tau."""
    if found.tau is None:
        return ""
    bounds = interval_of(found.tau, *found.joint.sides)
    return f"{bounds[0]:.2f} to {bounds[1]:.2f}" if bounds else "not known"
