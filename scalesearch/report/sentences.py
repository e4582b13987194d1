"""How a page names a network and its accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from scalesearch.records import CandidateRecord
from scalesearch.report.evidence import wilson
from scalesearch.report.markdown import percent
from scalesearch.scaling import NOMINAL_BASE

__all__ = ["asked_cost", "coefficients", "listed", "short_coefficients", "top1_text"]


def coefficients(candidate: CandidateRecord) -> str:
    """``alpha 1.2, beta 1.1, gamma 1.15``."""
    return f"alpha {candidate.alpha:.6g}, beta {candidate.beta:.6g}, gamma {candidate.gamma:.6g}"


def short_coefficients(candidate: CandidateRecord) -> str:
    """``1.2, 1.1, 1.15``: alpha, beta, gamma as a label has room for."""
    return f"{candidate.alpha:.4g}, {candidate.beta:.4g}, {candidate.gamma:.4g}"


def top1_text(candidate: CandidateRecord, bounds: tuple[float, float] | None = None) -> str:
    """``45.6% (95% interval 42.0% to 49.2%)``; without the interval where it is unknown.

    Without ``bounds``, one run's interval is Wilson's; that of several seeds needs the whole run, see
    ``seed_evidence.intervals``.
    """
    if bounds is None and len(candidate.runs) == 1:
        bounds = wilson(candidate)
    between = f" (95% interval {percent(bounds[0])} to {percent(bounds[1])})" if bounds else ""
    if bounds is None and len(candidate.runs) > 1:
        between = " (no interval can be estimated: its seeds have no spread)"
    return percent(candidate.top1) + between


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def asked_cost(phi: float) -> str:
    """What ``phi`` asks for: ``twice the baseline's cost``, ``half the baseline's cost``."""
    ratio = NOMINAL_BASE**phi
    names = {0.25: "a quarter of", 0.5: "half", 1.0: "exactly", 2.0: "twice"}
    return f"{names.get(ratio, f'{ratio:.3g} times')} the baseline's cost"
