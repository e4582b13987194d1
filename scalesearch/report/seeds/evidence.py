"""What the seeds of a run show: its winning set, and intervals however many seeds there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scalesearch.belief.seeds import against_best, seed_summaries, seeds_needed
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.bounds import MOST_ROWS
from scalesearch.report.evidence import SIGNIFICANCE, judged, once_per_run, wilson

__all__ = ["SeedEvidence", "intervals", "seed_evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedEvidence:
    """Tukey's range test in blocks over the networks that were trained to the end with the same seeds.

    Attributes:
        seeds: the seeds that all of ``tested`` have.
        tested: best first; ``members``, the winning set, are those with ``p`` not below 0.05, best first.
        left_out: trained to the end, but with fewer seeds.
        p: of every tested network against the best, by key; 1 for the best.
        needed: seeds to show the difference seen, for the members that a page lists but the best; None where
            none are foreseen.
        noise: standard deviation of what neither network nor seed explains; None for a single network, or
            where nothing is left over, which says that it cannot be estimated and not that there is none.
    """

    seeds: tuple[int, ...]
    tested: tuple[CandidateRecord, ...]
    members: tuple[CandidateRecord, ...]
    left_out: tuple[CandidateRecord, ...]
    p: Mapping[str, float]
    needed: Mapping[str, int | None]
    noise: float | None

    @property
    def best(self) -> CandidateRecord:
        """The winner."""
        return self.tested[0]


@once_per_run
def seed_evidence(run: RunRecord) -> SeedEvidence | None:
    """What the seeds of ``run`` show; None where its best network has only one, or there is none."""
    ranking = judged(run)
    seeds = tuple(sorted(one.seed for one in ranking[0].runs)) if ranking else ()
    if len(seeds) < 2:
        return None
    tested = [c for c in ranking if tuple(sorted(one.seed for one in c.runs)) == seeds]
    keys = {c.key for c in tested}
    left_out = tuple(c for c in ranking if c.key not in keys)
    if len(tested) == 1:
        return SeedEvidence(
            seeds=seeds,
            tested=tuple(tested),
            members=tuple(tested),
            left_out=left_out,
            p={tested[0].key: 1.0},
            needed={},
            noise=None,
        )
    top1 = [[one.top1 for one in sorted(c.runs, key=lambda one: one.seed)] for c in tested]
    test, needed = against_best(top1), seeds_needed(top1, most=MOST_ROWS)
    p = {c.key: value for c, value in zip(tested, test.p, strict=True)}
    return SeedEvidence(
        seeds=seeds,
        tested=tuple(tested),
        members=tuple(c for c in tested if p[c.key] >= SIGNIFICANCE),
        left_out=left_out,
        p=p,
        needed={tested[index].key: count for index, count in needed.items()},
        noise=test.residual_ms**0.5 or None,
    )


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
