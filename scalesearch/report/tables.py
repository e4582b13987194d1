"""Records as tables: one row per candidate, front member, family member or published network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from scalesearch.records import CandidateRecord, FamilyRow, LatencyRecord, RunRecord, ScaleRecord
from scalesearch.report.evidence import judged
from scalesearch.report.markdown import one_line
from scalesearch.report.pareto import pareto_front
from scalesearch.report.seed_evidence import intervals, seed_evidence

__all__ = [
    "CANDIDATE_COLUMNS",
    "FAMILY_COLUMNS",
    "PARETO_COLUMNS",
    "PUBLISHED_COLUMNS",
    "candidates_table",
    "csv_text",
    "family_table",
    "fronts",
    "latency_quartiles",
    "pareto_table",
    "published_table",
]

BUDGET_COLUMNS = ("budget", "budget_target", "budget_value", "budget_residual", "matched_by")
CANDIDATE_COLUMNS = (
    *(
        "key",
        "alpha",
        "beta",
        "gamma",
        "product",
        "depth",
        "width",
        "resolution",
        "params",
        "macs",
        "macs_ratio",
    ),
    *("fvcore_total", "latency_median_s", "latency_iqr_s", "top1", "loss", "train_seconds", "images_seen"),
    *("merged", "status", "reason", "pareto"),
    *("nominal_ratio", "blocks", "activations", "full_macs", "full_macs_ratio", "top1_low", "top1_high"),
    *("seeds", "top1_sd", "role", "phi", *BUDGET_COLUMNS, "p_best", "winning_set", "top1_stopped"),
)
PARETO_COLUMNS = (
    *("front", "key", "alpha", "beta", "gamma", "depth", "width", "resolution", "blocks", "params"),
    *("macs", "macs_ratio", "nominal_ratio", "latency_median_s", "latency_iqr_s"),
    *("top1", "top1_low", "top1_high", "loss"),
    *("seeds", "top1_sd", "role", "phi", *BUDGET_COLUMNS),
)
FAMILY_COLUMNS = (
    *("phi", "depth", "width", "resolution_multiplier", "resolution", "blocks", "params", "macs"),
    *("fvcore_total", "activations", "nominal_ratio", "macs_ratio"),
)
LATENCY_COLUMNS = ("latency_median_s", "latency_iqr_s", "batch_size", "device", "threads")
PUBLISHED_COLUMNS = (
    *("name", "depth", "width", "resolution", "params", "macs", "fvcore_total"),
    *("params_published", "flops_published", "params_error", "flops_error"),
    *("implied_phi_depth", "implied_phi_width", "implied_phi_resolution"),
    *("top1_published", "top5_published", "source"),
)
INTEGER_COLUMNS = frozenset(
    (
        *("resolution", "params", "macs", "fvcore_total", "images_seen", "merged"),
        *("blocks", "activations", "full_macs", "batch_size", "threads", "seeds"),
    )
)
TEXT_COLUMNS = frozenset(
    (
        *("key", "status", "reason", "pareto", "front", "device", "name", "source"),
        *("role", "budget", "matched_by", "winning_set"),
    )
)


def candidates_table(run: RunRecord) -> pd.DataFrame:
    """Every candidate in the run's order, columns :data:`CANDIDATE_COLUMNS`; what is unknown is missing.

    ``top1`` and ``loss`` are means over seeds, of networks that were trained to the end; what a network had
    when it was stopped early is in ``top1_stopped``. ``top1_low`` and ``top1_high`` are a t interval over
    seeds where there are several, else Wilson's. ``p_best`` and ``winning_set`` (``yes`` or ``no``) are
    those of the seeds' test against the best.
    """
    on, evidence = fronts(run), seed_evidence(run)
    names = {key: "+".join(name for name in on if key in on[name]) for keys in on.values() for key in keys}
    members = {c.key for c in evidence.members} if evidence else set()
    verdicts = {
        key: {"p_best": p, "winning_set": "yes" if key in members else "no"}
        for key, p in (evidence.p if evidence else {}).items()
    }
    return _frame(
        (
            row | {"pareto": names.get(row["key"], "")} | verdicts.get(row["key"], {})
            for row in _candidate_rows(run, run.candidates)
        ),
        CANDIDATE_COLUMNS,
    )


def pareto_table(run: RunRecord) -> pd.DataFrame:
    """The fronts of top-1 against MACs and (where measured) latency, each from cheap to dear."""
    by_key = {row["key"]: row for row in _candidate_rows(run, judged(run))}
    return _frame(
        (by_key[key] | {"front": name} for name, keys in fronts(run).items() for key in keys),
        PARETO_COLUMNS,
    )


def fronts(run: RunRecord) -> dict[str, list[str]]:
    """The keys on the ``macs`` and ``latency`` fronts, from cheap to dear; empty where nothing is known."""
    done = judged(run)
    timed = [c for c in done if c.latency is not None and c.latency.samples_s]
    return {
        "macs": _front(done, [float(c.macs) for c in done]),
        "latency": _front(timed, [latency_quartiles(c.latency)[1] for c in timed if c.latency]),
    }


def latency_quartiles(latency: LatencyRecord) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile of the samples, in seconds per batch."""
    low, middle, high = np.percentile(latency.samples_s, (25, 50, 75))
    return float(low), float(middle), float(high)


def family_table(record: ScaleRecord) -> pd.DataFrame:
    """One row per phi, columns :data:`FAMILY_COLUMNS`, then latency columns if any was measured."""
    timed = any(row.latency is not None for row in record.family)
    return _frame(map(_family_row, record.family), FAMILY_COLUMNS + (LATENCY_COLUMNS if timed else ()))


def published_table(record: ScaleRecord) -> pd.DataFrame:
    """One row per published network as rebuilt here, columns :data:`PUBLISHED_COLUMNS`."""
    return _frame(
        ({name: getattr(row, name) for name in PUBLISHED_COLUMNS} for row in record.published),
        PUBLISHED_COLUMNS,
    )


def csv_text(table: pd.DataFrame) -> str:
    """The table as CSV: blank where unknown, floats in the fewest digits that read back, line feeds."""
    return table.to_csv(index=False, lineterminator="\n")


def _front(candidates: list[CandidateRecord], costs: Sequence[float]) -> list[str]:
    flags = pareto_front(costs, [c.top1 or 0.0 for c in candidates])
    kept = [(cost, c.key) for cost, c, flag in zip(costs, candidates, flags, strict=True) if flag]
    return [key for _, key in sorted(kept, key=lambda pair: pair[0])]


def _candidate_rows(run: RunRecord, candidates: Iterable[CandidateRecord]) -> Iterator[dict[str, Any]]:
    bounds = intervals(run)
    for candidate in candidates:
        low, high = bounds.get(candidate.key, (None, None))
        yield _candidate_row(candidate) | {"top1_low": low, "top1_high": high}


def _candidate_row(candidate: CandidateRecord) -> dict[str, Any]:
    row = {name: getattr(candidate, name, None) for name in CANDIDATE_COLUMNS}
    row |= {"merged": len(candidate.merged), "seeds": len(candidate.runs)}
    if candidate.status != "completed":
        stopped = candidate.top1 if candidate.status == "pruned" else None
        row |= {"top1": None, "loss": None, "top1_sd": None, "top1_stopped": stopped}
    budget = candidate.budget
    row["budget"] = budget.kind if budget else None
    if budget:
        row |= {
            "budget_target": budget.target,
            "budget_value": budget.value,
            "budget_residual": budget.residual,
            "matched_by": budget.matched_by,
        }
    return row | _latency_cells(candidate.latency)


def _family_row(row: FamilyRow) -> dict[str, Any]:
    cells = {name: getattr(row, name) for name in FAMILY_COLUMNS} | _latency_cells(row.latency)
    if row.latency is not None:
        cells |= {name: getattr(row.latency, name) for name in ("batch_size", "device", "threads")}
    return cells


def _latency_cells(latency: LatencyRecord | None) -> dict[str, float | None]:
    if latency is None or not latency.samples_s:
        return {"latency_median_s": None, "latency_iqr_s": None}
    low, middle, high = latency_quartiles(latency)
    return {"latency_median_s": middle, "latency_iqr_s": high - low}


def _frame(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    listed = list(rows)
    return pd.DataFrame({name: _column(name, [row.get(name) for row in listed]) for name in columns})


def _column(name: str, values: list[Any]) -> pd.Series[Any]:
    if name in TEXT_COLUMNS:
        return pd.Series(["" if v is None else one_line(str(v)) for v in values], dtype="object")
    if name in INTEGER_COLUMNS:
        return pd.Series(values, dtype="Int64")
    return pd.Series([math.nan if v is None else _tidy(float(v)) for v in values], dtype="float64")


def _tidy(value: float) -> float:
    """``value`` without the noise of binary arithmetic: 1.9202700000000001 is 1.92027, 1/3 stays as it is."""
    if not math.isfinite(value):
        return value
    short = float(f"{value:.12g}")
    return short if abs(short - value) <= 4 * math.ulp(value) else value
