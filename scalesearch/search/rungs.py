"""Successive halving (arXiv 1502.07943): many networks for a short while, the best of them for longer.

A rung is a share of the recipe's length. All networks of a rung train to it, then those that are ahead train
on from where they stopped. The first rungs are climbed with the first seed alone; at the last one the other
seeds follow.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scalesearch.records import RungRecord

__all__ = ["FINALISTS", "Rung", "choose_rungs", "parse_rungs", "planned_rungs", "rungs_text", "whole_runs"]

# What a time budget is spent on, gentlest first: the share of the length at each rung. Nothing is decided
# before half of it: runs as short as the recipes' own rank networks hardly better than chance at a quarter
# (experiments/recipes.md). A third of the networks goes on (the usual factor), but never fewer than are left
# at the end.
LADDERS = ((1.0,), (1 / 2, 1.0))
KEEP = 1 / 3
FINALISTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """At most ``networks`` networks train on to ``share`` of the recipe's length."""

    networks: int
    share: float


def parse_rungs(texts: Sequence[str]) -> tuple[Rung, ...]:
    """Rungs written as ``NETWORKS:SHARE``, such as ``65:0.125``, ``16:0.5``, ``5:1``.

    Raises:
        ValueError: unless networks fall, shares rise, and the last share is 1.
    """
    shown = ",".join(texts)
    rule = "must be NETWORKS:SHARE steps with fewer networks and a greater share each, the last share 1, such"
    wrong = ValueError(f"`rungs` {rule} as 65:0.125,16:0.5,5:1, or none, got {shown!r}")
    rungs = []
    for text in texts:
        networks, _, share = text.partition(":")
        try:
            rungs.append(Rung(networks=int(networks), share=float(share)))
        except ValueError:
            raise wrong from None
    shares, counts = [rung.share for rung in rungs], [rung.networks for rung in rungs]
    falling = all(a > b for a, b in itertools.pairwise(counts)) and all(n >= 1 for n in counts)
    rising = all(0 < a < b for a, b in itertools.pairwise(shares))
    if rungs and not (falling and rising and shares[-1] == 1):
        raise wrong
    return tuple(rungs)


def rungs_text(rungs: Sequence[Rung]) -> tuple[str, ...]:
    """The rungs as :func:`parse_rungs` reads them."""
    return tuple(f"{rung.networks}:{rung.share:.6g}" for rung in rungs)


def planned_rungs(
    rungs: Sequence[Rung], *, networks: int, images: int, batch_size: int, seeds: int
) -> tuple[RungRecord, ...]:
    """The rungs of a run of that many networks; without any, all of them train the whole length.

    A rung's length is a whole number of batches, at least one.
    """
    steps = images // batch_size
    records: list[RungRecord] = []
    for rung in rungs or (Rung(networks=networks, share=1.0),):
        last = rung.share == 1
        length = steps if last else max(1, min(steps - 1, round(steps * rung.share)))
        if records and length * batch_size <= records[-1].images:
            if not last:
                continue  # so short a run has no room for this rung
            # A run of one batch has no room for any: all networks train its whole length.
            records = [replace(records[-1], seeds=seeds)]
            break
        records.append(
            RungRecord(
                images=length * batch_size,
                networks=min(networks, rung.networks),
                seeds=seeds if last else 1,
            )
        )
    return tuple(records)


def choose_rungs(
    *,
    networks: int,
    seconds_each: float,
    budget_s: float,
    seeds: int,
    seconds_finalist: float = 0.0,
) -> tuple[Rung, ...] | None:
    """The gentlest ladder that meets a time budget; None where even the steepest does not.

    All networks that can be are tried; where no ladder has time for all, as many as the steepest has.

    Args:
        networks: that could be trained.
        seconds_each: wall-clock seconds that one whole training run takes of the run's time.
        budget_s: seconds in all.
        seeds: of the finalists.
        seconds_finalist: that each network of the last rung takes besides, such as to measure its latency.
    """
    for count in range(networks, 0, -1):
        for shares in LADDERS:
            rungs = _ladder(count, shares)
            if (
                whole_runs([(rung.networks, rung.share) for rung in rungs], seeds) * seconds_each
                + rungs[-1].networks * seconds_finalist
                <= budget_s
            ):
                return rungs
    return None


def _ladder(networks: int, shares: Sequence[float]) -> tuple[Rung, ...]:
    rungs = [Rung(networks=networks, share=shares[0])]
    for share in shares[1:]:
        left = max(min(FINALISTS, networks), math.ceil(rungs[-1].networks * KEEP))
        if left == rungs[-1].networks:
            rungs.pop()
        rungs.append(Rung(networks=left, share=share))
    return tuple(rungs)


def whole_runs(ladder: Sequence[tuple[int, float]], seeds: int) -> float:
    """The cost of a ladder of (networks, share of the length) in whole training runs."""
    total, before = 0.0, 0.0
    for networks, share in ladder:
        total += networks * (share - before)
        before = share
    return total + ladder[-1][0] * (seeds - 1)
