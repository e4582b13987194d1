"""Whether a run shows any learning at all, and who shares its first place."""

from __future__ import annotations

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.evidence import intervals, judged, tied, wilson

__all__ = ["UNLEARNT", "at_chance", "nothing_learnt", "tied_with"]

UNLEARNT = "**No network has learnt anything that shows: even the best cannot be told from guessing.**"


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
