"""What a fidelity study says of each length of run, worked out once for its tables, figures and page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy.stats import rankdata

from scalesearch.belief.answer import (
    Answer,
    DesignError,
    Estimate,
    Growth,
    Trained,
    fit,
    growth,
    read,
    same_slopes,
)
from scalesearch.belief.fidelity import FEWEST_NETWORKS, common_keys, reliability
from scalesearch.records import CandidateRecord, FidelityRecord, ReliabilityRecord

__all__ = ["FidelityEvidence", "LengthEvidence", "fidelity_evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthEvidence:
    """One length of run, over the networks that completed all lengths.

    Attributes:
        multiple: of the search's own length.
        images: training images of a run.
        seeds: the fewest of any network.
        networks: as they were trained for this length.
        ranks: the networks' places by mean top-1; 1 is best, ties share the mean place.
        agreement: with the ranking of the longest runs; None for these.
        ranked: whether networks differ at all at this length and at the longest: else tau is undefined.
        compute_share: training compute of one run of each network over that of the longest runs.
        answer: what the surface over this length's runs says; None where they are too few for one.
        moves: what becomes of the rates from here to the longest runs; None for these, and without surfaces.
        same: the probability that surfaces here and at the longest length would differ so if they were equal.
        loss: how far the best split of these runs is behind the best of the longest ones, in points.
    """

    multiple: float
    images: int
    seeds: int
    networks: tuple[CandidateRecord, ...]
    ranks: tuple[float, ...]
    agreement: ReliabilityRecord | None
    ranked: bool
    compute_share: float
    answer: Answer | None
    moves: Growth | None
    same: float | None
    loss: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityEvidence:
    """All lengths, shortest first, over the networks that completed them all.

    ``left_out`` counts those that completed the run itself or a length, but not all. ``missing`` says why
    there are no surfaces; empty where there are.
    """

    lengths: tuple[LengthEvidence, ...]
    left_out: int
    missing: str

    @property
    def reference(self) -> LengthEvidence:
        """The longest length."""
        return self.lengths[-1]

    @property
    def judged(self) -> LengthEvidence | None:
        """The length that is judged: the search's own, else the shortest; None without a longer one."""
        shorter = self.lengths[:-1]
        return next((length for length in shorter if length.multiple == 1), next(iter(shorter), None))


def fidelity_evidence(record: FidelityRecord) -> FidelityEvidence:
    """Agreement, surfaces and compute of every length of ``record``.

    With fewer than three networks at all lengths, or a single length, agreements stay unknown; with fewer
    than a surface takes, so do rates.
    """
    keys = common_keys(record.lengths)
    begun = {
        c.key for run in (record.run, *record.lengths) for c in run.candidates if c.status == "completed"
    }
    enough = len(keys) >= FEWEST_NETWORKS and len(record.lengths) > 1
    agreements = reliability(record, record.run.name) if enough else ()
    tables = []
    for run in record.lengths:
        by_key = {c.key: c for c in run.candidates}
        tables.append(tuple(by_key[key] for key in keys))
    answers, missing = _answers(tables)
    found = []
    for index, (multiple, table) in enumerate(zip(record.multiples, tables, strict=True)):
        last = index == len(tables) - 1
        own, long = (answers[index], answers[-1]) if answers else (None, None)
        compared = None if last or own is None or long is None else (own, long)
        found.append(
            LengthEvidence(
                multiple=multiple,
                images=_images(table),
                seeds=min((len(c.runs) for c in table), default=0),
                networks=table,
                ranks=tuple(float(r) for r in rankdata([-(c.top1 or 0.0) for c in table])) if table else (),
                agreement=agreements[index] if index < len(agreements) else None,
                ranked=_ranks(table) and _ranks(tables[-1]),
                compute_share=_compute(table) / _compute(tables[-1]) if table else 0.0,
                answer=own,
                moves=_moves(table, tables[-1]) if compared else None,
                same=same_slopes(compared[0].surface, compared[1].surface) if compared else None,
                loss=compared[1].ahead(compared[1].best, compared[0].best) if compared else None,
            )
        )
    return FidelityEvidence(lengths=tuple(found), left_out=len(begun) - len(keys), missing=missing)


def _answers(tables: Sequence[Sequence[CandidateRecord]]) -> tuple[list[Answer], str]:
    """What the surface of each length says of the splits, or why there is none."""
    try:
        return [read(fit(_trained(table))) for table in tables], ""
    except DesignError as error:
        return [], str(error).replace("`runs` must be of", "a surface takes").replace("`", "")


def _trained(table: Sequence[CandidateRecord], seeds: Sequence[frozenset[int]] | None = None) -> Trained:
    """The runs of a length; of each network those of ``seeds`` alone, where given, in their order."""
    rows = [
        (c, split, 100 * run.top1)
        for index, c in enumerate(table)
        if (split := c.split) is not None
        for run in sorted(c.runs, key=lambda run: run.seed)
        if seeds is None or run.seed in seeds[index]
    ]
    return Trained(
        splits=tuple(split for _, split, _ in rows),
        doublings=tuple(math.log2(c.macs_ratio) for c, *_ in rows),
        networks=tuple(c.key for c, *_ in rows),
        top1=tuple(top1 for *_, top1 in rows),
    )


def _moves(short: Sequence[CandidateRecord], long: Sequence[CandidateRecord]) -> Growth | None:
    """The change of rates, run by run of one network and seed; None where the lengths are not apart."""
    seeds = [
        frozenset(run.seed for run in one.runs) & frozenset(run.seed for run in other.runs)
        for one, other in zip(short, long, strict=True)
    ]
    try:
        return growth({_images(short): _trained(short, seeds), _images(long): _trained(long, seeds)})
    except DesignError:
        return None


def _images(networks: Sequence[CandidateRecord]) -> int:
    return max((c.images_seen or 0 for c in networks), default=0)


def _compute(networks: Sequence[CandidateRecord]) -> float:
    return float(sum(c.macs * fmean(run.images_seen for run in c.runs) for c in networks))


def _ranks(networks: Sequence[CandidateRecord]) -> bool:
    return len({c.top1 for c in networks}) > 1
