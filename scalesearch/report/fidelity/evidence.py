"""What a fidelity study says of each length of run, worked out once for its tables, figures and page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy.stats import rankdata

from scalesearch.belief.fidelity import (
    FEWEST_NETWORKS,
    RankShift,
    common_keys,
    noise_ceiling,
    rank_shift,
    reliability,
)
from scalesearch.belief.seeds import holm
from scalesearch.records import CandidateRecord, FidelityRecord, ReliabilityRecord

__all__ = ["DIMENSIONS", "FidelityEvidence", "LengthEvidence", "Shift", "fidelity_evidence"]

DIMENSIONS = ("depth", "width", "resolution_multiplier")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How places gained from a length to the reference go with one dimension; ``p`` is Holm's over three."""

    dimension: str
    rho: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthEvidence:
    """One length of run, over the networks that completed all lengths.

    ``agreement`` is None for the reference, ``ceiling`` without two common seeds that rank anything.
    ``ranks`` are the networks' places by mean top-1 (1 is best, ties share the mean place);
    ``compute_share`` is the training compute of one run of each network (images times multiply-adds, the
    mean over seeds) relative to the reference's. Without ``ranked``, all networks are equal at this length
    or at the reference: tau is undefined there, whatever ``agreement`` holds in its place.
    """

    multiple: float
    images: int
    seeds: int
    networks: tuple[CandidateRecord, ...]
    ranks: tuple[float, ...]
    agreement: ReliabilityRecord | None
    ranked: bool
    ceiling: float | None
    compute_share: float
    shifts: tuple[Shift, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityEvidence:
    """All lengths, shortest first, over the networks that completed them all.

    ``left_out`` counts those that completed the run itself or a length, but not all.
    """

    lengths: tuple[LengthEvidence, ...]
    left_out: int

    @property
    def reference(self) -> LengthEvidence:
        """The longest length."""
        return self.lengths[-1]


def fidelity_evidence(record: FidelityRecord) -> FidelityEvidence:
    """Agreement, ceiling, compute and shifts of every length of ``record``.

    With fewer than three networks at all lengths, or a single length, agreements and shifts stay unknown.
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
    found = []
    for index, (multiple, table) in enumerate(zip(record.multiples, tables, strict=True)):
        ranked = _ranks(table) and _ranks(tables[-1])
        found.append(
            LengthEvidence(
                multiple=multiple,
                images=max((c.images_seen or 0 for c in table), default=0),
                seeds=min((len(c.runs) for c in table), default=0),
                networks=table,
                ranks=tuple(float(r) for r in rankdata([-(c.top1 or 0.0) for c in table])) if table else (),
                agreement=agreements[index] if index < len(agreements) else None,
                ranked=ranked,
                ceiling=noise_ceiling(table),
                compute_share=_compute(table) / _compute(tables[-1]) if table else 0.0,
                shifts=_shifts(table, tables[-1]) if ranked and index < len(agreements) else (),
            )
        )
    return FidelityEvidence(lengths=tuple(found), left_out=len(begun) - len(keys))


def _compute(networks: Sequence[CandidateRecord]) -> float:
    return float(sum(c.macs * fmean(run.images_seen for run in c.runs) for c in networks))


def _ranks(networks: Sequence[CandidateRecord]) -> bool:
    return len({c.top1 for c in networks}) > 1


def _shifts(short: Sequence[CandidateRecord], long: Sequence[CandidateRecord]) -> tuple[Shift, ...]:
    known: list[tuple[str, RankShift]] = []
    for dimension in DIMENSIONS:
        values = [getattr(c, dimension) for c in short]
        shift = rank_shift([c.top1 or 0.0 for c in short], [c.top1 or 0.0 for c in long], values)
        if shift is not None:
            known.append((dimension, shift))
    corrected = holm([shift.p for _, shift in known])
    return tuple(
        Shift(dimension=dimension, rho=shift.rho, p=p)
        for (dimension, shift), p in zip(known, corrected, strict=True)
    )
