"""What runs of other lengths say of a search's: whether networks keep their order, and splits their gain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy.stats import rankdata

from scalesearch.records import CandidateRecord, FidelityRecord, ReliabilityRecord, RunRecord
from scalesearch.statistics.answer import (
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
from scalesearch.statistics.ranks import FEWEST_NETWORKS, rank_agreement

Networks = tuple[CandidateRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthEvidence:
    """One length of run, over the networks that completed all lengths.

    Attributes:
        multiple: of the search's own length.
        images: training images of a run.
        reference_images: those of the longest runs.
        seeds: the fewest of any network.
        networks: as they were trained for this length.
        ranks: the networks' places by mean top-1; 1 is best, ties share the mean place.
        agreement: with the ranking of the longest runs; None for these.
        ranked: whether tau is known: where all networks are alike, here or in the longest runs, it isn't.
        compute_share: training compute of one run of each network over that of the longest runs.
        answer: what the surface over this length's runs says; None where they are too few for one.
        moves: what becomes of the rates from here to the longest runs; None for these, and where that is not
            known.
        same: the probability that surfaces here and at the longest length would differ so if they were equal.
        loss: how far the best split of these runs is behind the best of the longest ones, in points.
    """

    multiple: float
    images: int
    reference_images: int
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

    @property
    def differ(self) -> bool:
        """Whether networks differ at this length at all."""
        return _differ(self.networks)


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
    tables = _tables(record.lengths)
    begun = {
        c.key for run in (record.run, *record.lengths) for c in run.candidates if c.status == "completed"
    }
    compared = len(tables[-1]) if tables else 0
    rankable = compared >= FEWEST_NETWORKS and len(tables) > 1
    agreements = reliability(record, record.run.name) if rankable else ()
    answers, missing = _answers(tables)
    lengths = []
    for index, (multiple, networks) in enumerate(zip(record.multiples, tables, strict=True)):
        short, long = (answers[index], answers[-1]) if answers else (None, None)
        pair = (short, long) if short and long and index < len(tables) - 1 else None
        lengths.append(
            LengthEvidence(
                multiple=float(multiple),
                images=_images(networks),
                reference_images=_images(tables[-1]),
                seeds=min((len(c.runs) for c in networks), default=0),
                networks=networks,
                ranks=tuple(rankdata([-(c.top1 or 0.0) for c in networks]).tolist()) if networks else (),
                agreement=agreements[index] if index < len(agreements) else None,
                ranked=index < len(agreements) and _differ(networks) and _differ(tables[-1]),
                compute_share=_compute(networks) / _compute(tables[-1]) if networks else 0.0,
                answer=short,
                moves=_moves(networks, tables[-1]) if pair else None,
                same=same_slopes(pair[0].surface, pair[1].surface) if pair else None,
                loss=pair[1].ahead(pair[1].best, pair[0].best) if pair else None,
            )
        )
    return FidelityEvidence(lengths=tuple(lengths), left_out=len(begun) - compared, missing=missing)


def reliability(record: FidelityRecord, source: str) -> tuple[ReliabilityRecord, ...]:
    """One record per length shorter than the reference, shortest first; ``source`` says where from.

    A network's accuracy is its mean over seeds. Only networks that completed all lengths count. ``seeds`` is
    the fewest that any of them had at the length or at the reference.

    Raises:
        ValueError: if fewer than three networks completed all lengths, or there is no shorter length.
    """
    if len(record.lengths) < 2:
        raise ValueError(f"`lengths` must hold a length and its reference, got {len(record.lengths)}")
    *shorter, reference = _tables(record.lengths)
    long = [c.top1 or 0.0 for c in reference]
    results = []
    for networks in shorter:
        agreement = rank_agreement([c.top1 or 0.0 for c in networks], long)
        results.append(
            ReliabilityRecord(
                images=_images(networks),
                reference_images=_images(reference),
                tau=agreement.tau,
                tau_low=agreement.tau_low,
                tau_high=agreement.tau_high,
                regret=agreement.regret,
                networks=agreement.networks,
                seeds=min(len(c.runs) for c in (*networks, *reference)),
                source=source,
            )
        )
    return tuple(results)


def _tables(runs: Sequence[RunRecord]) -> list[Networks]:
    """The networks that completed their training in all of ``runs``, in the order of the first, from each."""
    tables = [{c.key: c for c in run.candidates if c.status == "completed" and c.runs} for run in runs]
    keys = [key for key in tables[0] if all(key in table for table in tables)] if tables else []
    return [tuple(table[key] for key in keys) for table in tables]


def _answers(tables: Sequence[Networks]) -> tuple[list[Answer], str]:
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


def _moves(short: Networks, long: Networks) -> Growth | None:
    """The change of rates, run by run of one network and seed; None where the lengths are not apart."""
    seeds = [
        frozenset(run.seed for run in brief.runs) & frozenset(run.seed for run in whole.runs)
        for brief, whole in zip(short, long, strict=True)
    ]
    try:
        return growth({_images(short): _trained(short, seeds), _images(long): _trained(long, seeds)})
    except DesignError:
        return None


def _images(networks: Networks) -> int:
    return max((c.images_seen or 0 for c in networks), default=0)


def _compute(networks: Networks) -> float:
    return float(sum(c.macs * fmean(run.images_seen for run in c.runs) for c in networks))


def _differ(networks: Networks) -> bool:
    return len({c.top1 for c in networks}) > 1
