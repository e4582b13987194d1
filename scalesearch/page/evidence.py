"""A record read for its page: means, intervals, highlights, and sentences about them."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Literal, Protocol, TypeVar

from scipy.stats import binomtest

from scalesearch.networks.baselines import PAPER_COEFFICIENTS
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import NOMINAL_BASE, Coefficients, shares_of
from scalesearch.statistics.summaries import CONFIDENCE, SIGNIFICANCE, Comparison, seed_summaries

# ----------------------------------------------------------------------------------------------------
# What the accuracies of a run show of single networks: their order, intervals, and who is worth naming.

SAME_COEFFICIENT = 1e-6
"""Grid points are far wider apart than this, and decimal steps far closer to their binary values."""
SAME_TOP1 = 12
"""Decimals of a mean top-1: further ones are the rounding of sums."""
ENOUGH = 6
"""Networks from which on the most one-sided ones are named: of two, each is the most something."""

PAPER = (PAPER_COEFFICIENTS.alpha, PAPER_COEFFICIENTS.beta, PAPER_COEFFICIENTS.gamma)
"""The paper's triple."""

HighlightKind = Literal["highest", "paper", "depth", "width", "resolution", "front"]


_Evidence = TypeVar("_Evidence")
RUNS_KEPT = 4


def once_per_run(work_out: Callable[[RunRecord], _Evidence]) -> Callable[[RunRecord], _Evidence]:
    """A function of a run that works its evidence out once: a report asks for the same again and again.

    What it gives is shared by all who ask, and not to be changed. Of the latest runs alone it is kept.
    """
    kept: list[tuple[RunRecord, _Evidence]] = []

    @wraps(work_out)
    def evidence(run: RunRecord) -> _Evidence:
        # By identity: comparing two runs of thousands of networks takes longer than working most things out.
        for earlier, value in kept:
            if earlier is run:
                return value
        value = work_out(run)
        kept[RUNS_KEPT - 1 :] = []
        kept.insert(0, (run, value))
        return value

    return evidence


def completed(candidate: CandidateRecord) -> bool:
    """Whether the candidate was trained to its end."""
    return candidate.status == "completed" and bool(candidate.runs)


def judged(run: RunRecord) -> list[CandidateRecord]:
    """The candidates trained to the end, best first; of equal ones the cheapest in MACs comes first.

    Accuracies are means over seeds. Those of fewer seeds than others have come last, whatever their mean: it
    is the noisier one, and takes no part in the test.
    """
    return list(_judged(run))


@once_per_run
def _judged(run: RunRecord) -> tuple[CandidateRecord, ...]:
    done = [c for c in run.candidates if c.status == "completed" and _top1(c) is not None]
    return tuple(sorted(done, key=lambda c: (_order(c), c.macs)))


def rank(candidate: CandidateRecord, ranking: list[CandidateRecord]) -> tuple[int, int]:
    """The place of ``candidate`` (1 is best) in a ranking, best first, and how many share it."""
    own = _order(candidate)
    before = bisect_left(ranking, own, key=_order)
    return before + 1, bisect_right(ranking, own, key=_order) - before


def tied(first: CandidateRecord, second: CandidateRecord) -> bool:
    """Whether two judged networks share a rank."""
    return _order(first) == _order(second)


def shown(test: Comparison | None, more: str, less: str, neither: str = "no difference shown") -> str:
    """``more`` or ``less``, where the first is shown to be that; else that nothing is, or was tested."""
    if test is None:
        return "not tested"
    if test.p >= SIGNIFICANCE:
        return neither
    return more if test.difference > 0 else less


def wilson(candidate: CandidateRecord) -> tuple[float, float] | None:
    """The 95% Wilson interval of one run's top-1; None where accuracy or image count is unknown."""
    counts = _counts(candidate)
    if counts is None:
        return None
    return _wilson(counts[0], sum(counts))


@lru_cache(maxsize=4096)
def _wilson(right: int, images: int) -> tuple[float, float]:
    interval = binomtest(right, images).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


@once_per_run
def intervals(run: RunRecord) -> dict[str, tuple[float, float]]:
    """95% intervals of top-1 by key: over seeds by t where a network has several, else Wilson's.

    The one says where the mean of endlessly many seeds may lie on these held-out images, the other where
    this one run's top-1 on endlessly many images may lie. Networks of which neither is known are missing,
    and so are all with several seeds where these agree exactly: no spread gives no estimate of it.
    """
    done = judged(run)
    several = [c for c in done if len(c.runs) > 1]
    found = {c.key: bounds for c in done if len(c.runs) == 1 and (bounds := wilson(c)) is not None}
    summaries = seed_summaries([[one.top1 for one in c.runs] for c in several])
    for candidate, summary in zip(several, summaries, strict=True):
        if summary.low is not None and summary.high is not None and summary.low < summary.high:
            found[candidate.key] = (max(0.0, summary.low), min(1.0, summary.high))
    return found


def find_triple(
    candidates: tuple[CandidateRecord, ...], triple: tuple[float, float, float]
) -> CandidateRecord | None:
    """The candidate to which the coefficients ``triple`` round, if they are on the grid."""
    for candidate in candidates:
        own = (candidate.alpha, candidate.beta, candidate.gamma)
        if any(same_triple(triple, other) for other in (own, *candidate.merged)):
            return candidate
    return None


def same_triple(first: tuple[float, float, float], second: tuple[float, float, float]) -> bool:
    """Whether two coefficient triples are the same point of the grid."""
    (alpha, beta, gamma), (other_alpha, other_beta, other_gamma) = first, second
    # Asked of every point of a grid: no loop, which would take three times as long.
    return (
        abs(alpha - other_alpha) <= SAME_COEFFICIENT
        and abs(beta - other_beta) <= SAME_COEFFICIENT
        and abs(gamma - other_gamma) <= SAME_COEFFICIENT
    )


@once_per_run
def paper_candidate(run: RunRecord) -> CandidateRecord | None:
    """The candidate of the paper's coefficients, whatever the baseline; None off the grid."""
    paper = PAPER_COEFFICIENTS
    return find_triple(run.candidates, (paper.alpha, paper.beta, paper.gamma))


@dataclass(frozen=True, slots=True, kw_only=True)
class Highlight:
    """A judged candidate that a figure should name; ``kind`` belongs to the first name and sets the style."""

    candidate: CandidateRecord
    kind: HighlightKind
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """The names, for a label."""
        return " and ".join(self.names)

    @property
    def lines(self) -> str:
        """The names, one a line, for where there is little room."""
        return " and\n".join(self.names)


def highlights(run: RunRecord) -> list[Highlight]:
    """The highest mean, the paper's, and the most one-sided ones: at most five candidates, each once.

    At a negative phi a coefficient says how much of its dimension is cut away.
    """
    return list(_highlights(run))


@once_per_run
def _highlights(run: RunRecord) -> tuple[Highlight, ...]:
    ranking = judged(run)
    if not ranking:
        return ()
    named: list[tuple[CandidateRecord, HighlightKind, str]] = [(ranking[0], "highest", "highest mean")]
    paper = paper_candidate(run)
    if paper is not None and paper in ranking:
        named.append((paper, "paper", "the paper's"))
    if len(ranking) > 1:
        dimensions: tuple[HighlightKind, ...] = ("depth", "width", "resolution")
        for dimension, kind in enumerate(dimensions):
            extreme = max(ranking, key=lambda c: _shares(c)[dimension])  # used at once
            only = math.isclose(_shares(extreme)[dimension], 1, abs_tol=1e-9)
            if not only and len(ranking) < ENOUGH:
                continue
            name = f"{kind} cut" if run.phi < 0 else kind
            named.append((extreme, kind, f"{name} only" if only else f"most {name}"))
    merged: dict[str, Highlight] = {}
    for candidate, kind, name in named:
        known = merged.get(candidate.key)
        merged[candidate.key] = Highlight(
            candidate=candidate,
            kind=known.kind if known else kind,
            names=(*known.names, name) if known else (name,),
        )
    return tuple(merged.values())


def _shares(candidate: CandidateRecord) -> tuple[float, float, float]:
    """The shares of depth, width and resolution in the logarithm of the nominal cost; 0 where it is 1."""
    own = Coefficients(alpha=candidate.alpha, beta=candidate.beta, gamma=candidate.gamma)
    if own.product == 1:
        return 0.0, 0.0, 0.0
    found = shares_of(own)
    return found.depth, found.width, found.resolution


def _order(candidate: CandidateRecord) -> tuple[int, float]:
    """Sorts more seeds before fewer, then higher means before lower, equal but for rounding alike."""
    return -len(candidate.runs), -round(candidate.top1 or 0.0, SAME_TOP1)


def _top1(candidate: CandidateRecord) -> float | None:
    return candidate.top1 if candidate.top1 is not None and math.isfinite(candidate.top1) else None


def _counts(candidate: CandidateRecord) -> tuple[int, int] | None:
    """Held-out images that were classified right and wrong."""
    top1, images = _top1(candidate), candidate.held_out_images
    if top1 is None or not images:
        return None
    right = min(images, max(0, round(top1 * images)))
    return right, images - right


def names_paper(run: RunRecord) -> bool:
    """Whether the figures of a run name the paper's: all of them, where its network was trained, or none."""
    paper = paper_candidate(run)
    return paper is not None and paper in judged(run)


# ----------------------------------------------------------------------------------------------------
# Whether a run shows any learning at all, and who shares its first place.


def at_chance(run: RunRecord) -> list[CandidateRecord]:
    """The judged networks whose interval reaches chance, best first; of unknown intervals nothing is said.

    Seeds that agree exactly have no interval; that of the held-out sample takes its place.
    """
    bounds = intervals(run)
    known = [(c, bounds.get(c.key) or wilson(c)) for c in judged(run)]
    return [c for c, interval in known if interval is not None and interval[0] <= 1 / run.classes]


def nothing_learnt(run: RunRecord) -> bool:
    """Whether the interval of even the best network reaches chance."""
    return judged(run)[:1] == at_chance(run)[:1] != []


def tied_with(run: RunRecord, candidate: CandidateRecord) -> list[CandidateRecord]:
    """The other judged networks that share the place of ``candidate``, cheapest first."""
    return [c for c in judged(run) if c is not candidate and tied(c, candidate)]


# ----------------------------------------------------------------------------------------------------
# How a page names a network and its accuracy.


def coefficients(candidate: CandidateRecord) -> str:
    """``alpha 1.2, beta 1.1, gamma 1.15``."""
    return f"alpha {candidate.alpha:.6g}, beta {candidate.beta:.6g}, gamma {candidate.gamma:.6g}"


def short_coefficients(candidate: CandidateRecord) -> str:
    """``1.2, 1.1, 1.15``: alpha, beta, gamma as a label has room for."""
    return f"{candidate.alpha:.4g}, {candidate.beta:.4g}, {candidate.gamma:.4g}"


def asked_cost(phi: float) -> str:
    """What ``phi`` asks for: ``twice the baseline's cost``, ``half the baseline's cost``."""
    ratio = NOMINAL_BASE**phi
    names = {0.25: "a quarter of", 0.5: "half", 1.0: "exactly", 2.0: "twice"}
    return f"{names.get(ratio, f'{ratio:.3g} times')} the baseline's cost"


# ----------------------------------------------------------------------------------------------------
# The input of a network as tables and pages show it: a side, or height by width where they differ.

INPUT_WIDTH = "resolution_width"
"""The column of tables whose inputs are not all square; ``resolution`` is then the height."""


class _Input(Protocol):
    @property
    def resolution(self) -> int: ...
    @property
    def resolution_width(self) -> int | None: ...


def input_text(row: _Input) -> str:
    """``64 px``, or height by width: ``96x64 px``."""
    return f"{row.resolution}{'' if row.resolution_width is None else f'x{row.resolution_width}'} px"


def baseline_input(base: Mapping[str, int]) -> str:
    """The same of a run's ``baseline``, which is a mapping."""
    across = base.get(INPUT_WIDTH)
    return f"{base['resolution']}{'' if across is None else f'x{across}'} px"
