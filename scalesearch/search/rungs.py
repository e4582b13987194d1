"""Successive halving (arXiv 1502.07943): many networks for a short while, the best of them for longer.

A rung is a share of the recipe's length. All networks of a rung train to it, then those that are ahead train
on from where they stopped. The first rungs are climbed with the first seed alone; at the last one the other
seeds follow.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scalesearch.records import RungRecord

__all__ = ["Rung", "parse_rungs", "planned_rungs", "whole_runs"]


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


def whole_runs(ladder: Sequence[tuple[int, float]], seeds: int) -> float:
    """The cost of a ladder of (networks, share of the length) in whole training runs."""
    total, before = 0.0, 0.0
    for networks, share in ladder:
        total += networks * (share - before)
        before = share
    return total + ladder[-1][0] * (seeds - 1)
