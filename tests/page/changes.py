"""Runs changed for a test: other accuracies, other candidates."""

from __future__ import annotations

from dataclasses import replace

from scalesearch.records import CandidateRecord, RunRecord


def with_candidates(run: RunRecord, change):
    return replace(run, candidates=tuple(change(i, c) for i, c in enumerate(run.candidates)))


def judged_as(candidate: CandidateRecord, *values: float) -> CandidateRecord:
    """The candidate with these accuracies, one per seed."""
    first = candidate.runs[0]
    return replace(
        candidate, runs=tuple(replace(first, seed=seed, top1=value) for seed, value in enumerate(values))
    )


def with_top1(run: RunRecord, *values: float | tuple[float, ...]) -> RunRecord:
    """The run with these accuracies for its trained networks, in order, and no others trained.

    A tuple holds one value per seed.
    """
    left = list(values)

    def change(_: int, c: CandidateRecord) -> CandidateRecord:
        if c.status != "completed":
            return c
        if not left:
            return replace(c, status="skipped", runs=())
        value = left.pop(0)
        return judged_as(c, *(value if isinstance(value, tuple) else (value,)))

    return with_candidates(run, change)
