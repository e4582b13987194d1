"""The section that says how the winner shares out its cost, beside the paper's way and the one dial's."""

from __future__ import annotations

from scalesearch.architecture.published import PAPER_COEFFICIENTS
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.evidence import judged
from scalesearch.report.markdown import table
from scalesearch.report.seeds.evidence import seed_evidence
from scalesearch.scaling import FAST_WIDTH_SHARE, Coefficients, Shares, one_dial, shares_of

__all__ = ["shares", "shares_section"]

ABOUT_SAME = 0.05
"""Shares that differ by less are about the same: less than one step of 0.05 in beta or gamma moves them."""


def shares(candidate: CandidateRecord) -> Shares | None:
    """How the candidate's coefficients share out the cost; None where all of them are 1."""
    try:
        return shares_of(Coefficients(alpha=candidate.alpha, beta=candidate.beta, gamma=candidate.gamma))
    except ValueError:
        return None


def shares_section(run: RunRecord) -> str:
    """The shares of winner, winning set, paper and fast compound scaling; empty where nobody won."""
    ranking = judged(run)
    own = shares(ranking[0]) if ranking else None
    if own is None:
        return ""
    paper, fast = shares_of(PAPER_COEFFICIENTS), one_dial(FAST_WIDTH_SHARE)
    rows = [("the winner", *_cells(own))]
    evidence = seed_evidence(run)
    members = [found for c in evidence.members if (found := shares(c)) is not None] if evidence else []
    if len(members) > 1:
        rows.append(("its winning set", *_ranges(members)))
    rows += [
        ("the paper's 1.2, 1.1, 1.15", *_cells(paper)),
        (f"fast compound scaling (arXiv 2103.06877), width share {FAST_WIDTH_SHARE:g}", *_cells(fast)),
    ]
    return "\n\n".join(
        (
            "How the nominal cost (alpha x beta^2 x gamma^2) is shared out between the dimensions:",
            table(("coefficients", "depth", "width", "resolution"), rows),
            f"Against the paper's coefficients the winner {_against(own, paper, run.phi)}; against fast "
            f"compound scaling it {_against(own, fast, run.phi)}. The latter is one point of the one-dial "
            "family, in which depth and resolution share equally what width leaves.",
        )
    )


def _cells(one: Shares) -> tuple[str, str, str]:
    return f"{one.depth:.0%}", f"{one.width:.0%}", f"{one.resolution:.0%}"


def _ranges(several: list[Shares]) -> tuple[str, str, str]:
    def span(values: list[float]) -> str:
        low, high = f"{min(values):.0%}", f"{max(values):.0%}"
        return low if low == high else f"{low} to {high}"

    return (
        span([s.depth for s in several]),
        span([s.width for s in several]),
        span([s.resolution for s in several]),
    )


def _against(own: Shares, other: Shares, phi: float) -> str:
    """``gives more to width and less to depth``, or that it is about the same; below phi 0 it takes."""
    gaps = {
        "depth": own.depth - other.depth,
        "width": own.width - other.width,
        "resolution": own.resolution - other.resolution,
    }
    more = [name for name, gap in gaps.items() if gap >= ABOUT_SAME]
    less = [name for name, gap in gaps.items() if gap <= -ABOUT_SAME]
    verb, to = ("gives", "to") if phi >= 0 else ("takes", "from")
    said = [f"{word} {to} {' and '.join(names)}" for word, names in (("more", more), ("less", less)) if names]
    return f"{verb} {' and '.join(said)}" if said else f"{verb} about as much {to} each"
