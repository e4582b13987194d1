"""Tables as data frames and CSV."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from scalesearch.page.answer import answer_of
from scalesearch.page.evidence import INPUT_WIDTH, intervals, judged, with_input_width
from scalesearch.page.fronts import fronts
from scalesearch.page.latency import latency_quartiles, unstable
from scalesearch.page.markdown import one_line
from scalesearch.records import (
    BudgetRecord,
    CandidateRecord,
    FamilyRow,
    LatencyRecord,
    RunRecord,
    ScaleRecord,
)

# ----------------------------------------------------------------------------------------------------
# Rows of plain values as a table that a CSV file gives back.


def frame(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, exact: Collection[str] = ()
) -> pd.DataFrame:
    """One row per mapping, in order; what is None or absent is missing, and texts stay on one line.

    A column of whole numbers stays one although values are missing in it. Other numbers have 12 digits, but
    those of the columns ``exact``, where none may be missing, have all of theirs, so that whoever derives
    figures from them gets the same.
    """
    return pd.DataFrame(
        {
            name: pd.Series([row[name] for row in rows], dtype="float64")
            if name in exact
            else _series([row.get(name) for row in rows])
            for name in columns
        }
    )


def _series(values: list[Any]) -> pd.Series[Any]:
    known = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in known):
        return pd.Series(["" if v is None else one_line(str(v)) for v in values], dtype="object")
    if known and all(isinstance(value, int) for value in known):
        return pd.Series([None if v is None else int(v) for v in values], dtype="Int64")
    return pd.Series([math.nan if v is None else float(f"{v:.12g}") for v in values], dtype="float64")


# ----------------------------------------------------------------------------------------------------
# Records as tables: one row per candidate, front member, family member or published network.

BUDGET_COLUMNS = ("budget", "budget_target", "budget_value", "budget_residual", "matched_by")
STEADY_COLUMNS = ("latency_unstable", "machine")
COMPUTED_COLUMNS = ("trained_device", "trained_threads")
SHARE_COLUMNS = ("depth_share", "width_share", "resolution_share")
BUILT_COLUMNS = ("missed", "repeats")
FITTED_COLUMNS = ("top1_fitted", "top1_fitted_low", "top1_fitted_high")
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
    *("seeds", "top1_sd", "role", "phi", *BUDGET_COLUMNS, "top1_stopped"),
    *("inference_bytes", "training_bytes", *STEADY_COLUMNS, *COMPUTED_COLUMNS),
    *SHARE_COLUMNS,
    *FITTED_COLUMNS,
    *BUILT_COLUMNS,
)
PARETO_COLUMNS = (
    *("front", "key", "alpha", "beta", "gamma", "depth", "width", "resolution", "blocks", "params"),
    *("macs", "macs_ratio", "nominal_ratio", "latency_median_s", "latency_iqr_s"),
    *("top1", "top1_low", "top1_high", "loss"),
    *("seeds", "top1_sd", "role", "phi", *BUDGET_COLUMNS),
    *("inference_bytes", "training_bytes", *STEADY_COLUMNS),
    *SHARE_COLUMNS,
    *FITTED_COLUMNS,
    *BUILT_COLUMNS,
)
FAMILY_COLUMNS = (
    *("phi", "depth", "width", "resolution_multiplier", "resolution", "blocks", "params", "macs"),
    *("fvcore_total", "activations", "nominal_ratio", "macs_ratio"),
)
LATENCY_COLUMNS = (
    *("latency_median_s", "latency_iqr_s", "batch_size", "device", "threads", *STEADY_COLUMNS),
)
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
        *("inference_bytes", "training_bytes", INPUT_WIDTH),
    )
)
TEXT_COLUMNS = frozenset(
    (
        *("key", "status", "reason", "pareto", "front", "device", "name", "source"),
        *("role", "budget", "matched_by", *BUILT_COLUMNS, *STEADY_COLUMNS, *COMPUTED_COLUMNS),
    )
)


def candidates_table(run: RunRecord) -> pd.DataFrame:
    """Every candidate in the run's order, columns :data:`CANDIDATE_COLUMNS`; what is unknown is missing.

    ``top1`` and ``loss`` are means over seeds, of networks that were trained to the end; what a network had
    when it was stopped early is in ``top1_stopped``. ``top1_low`` and ``top1_high`` are a t interval over
    seeds where there are several, else Wilson's. The shares are those of
    the split as built. ``top1_fitted`` is what the surface over the trained networks says of the network,
    trained or not, with its 95% interval. What a network costs is missing where a user's own code refuses
    to be that network. ``latency_unstable`` is ``yes`` where the interquartile range
    is over 10% of the median, else ``no``; ``machine`` is the key of the machine that was timed.
    ``trained_device`` and ``trained_threads`` say what its training runs were computed with.
    ``depth_share``, ``width_share`` and ``resolution_share`` are the parts of the three dimensions in the
    growth of the cost over the baseline's, as the network was built; ``missed`` says what of the asked shares
    and cost could not be had, where a match tried. ``repeats`` are the blocks of each stage.
    """
    on = fronts(run)
    names = {key: "+".join(name for name in on if key in on[name]) for keys in on.values() for key in keys}
    return _frame(
        (row | {"pareto": names.get(row["key"], "")} for row in _candidate_rows(run, run.candidates)),
        with_input_width(CANDIDATE_COLUMNS, run.candidates),
    )


def pareto_table(run: RunRecord) -> pd.DataFrame:
    """The fronts of top-1 against each cost that is known, stacked, each from cheap to dear."""
    on = {key for keys in fronts(run).values() for key in keys}
    by_key = {row["key"]: row for row in _candidate_rows(run, (c for c in judged(run) if c.key in on))}
    return _frame(
        (by_key[key] | {"front": name} for name, keys in fronts(run).items() for key in keys),
        with_input_width(PARETO_COLUMNS, run.candidates),
    )


def family_table(record: ScaleRecord) -> pd.DataFrame:
    """One row per phi, columns :data:`FAMILY_COLUMNS`, then those of latency and of a budget where any is."""
    timed = LATENCY_COLUMNS if any(row.latency is not None for row in record.family) else ()
    # Nothing is solved for: phi alone meets a family's budget.
    budgeted = BUDGET_COLUMNS[:-1] if any(row.budget is not None for row in record.family) else ()
    columns = with_input_width(FAMILY_COLUMNS + timed + budgeted, record.family)
    return _frame(map(_family_row, record.family), columns)


def published_table(record: ScaleRecord) -> pd.DataFrame:
    """One row per published network as rebuilt here, columns :data:`PUBLISHED_COLUMNS`."""
    return _frame(
        ({name: getattr(row, name) for name in PUBLISHED_COLUMNS} for row in record.published),
        PUBLISHED_COLUMNS,
    )


def latency_cells(latency: LatencyRecord | None) -> dict[str, float | str | None]:
    """The cells of a row that has a latency: median and spread in seconds, whether unstable, the machine."""
    if latency is None or not latency.samples_s:
        return dict.fromkeys(("latency_median_s", "latency_iqr_s", *STEADY_COLUMNS))
    low, middle, high = latency_quartiles(latency)
    return {
        "latency_median_s": middle,
        "latency_iqr_s": high - low,
        "latency_unstable": "yes" if unstable(latency) else "no",
        "machine": latency.machine,
    }


def fields_of(candidate: CandidateRecord, columns: Iterable[str]) -> dict[str, Any]:
    """The candidate's fields by the columns of a table, and the input's width; None for all else.

    So are costs that nobody can tell, of a network that a user's own code refuses to be.
    """
    unknown = () if candidate.counted else ("macs", "macs_ratio", "blocks", "activations")
    whole = () if candidate.full_macs else ("full_macs", "full_macs_ratio")
    row = {name: getattr(candidate, name, None) for name in (*columns, INPUT_WIDTH)}
    if "repeats" in row:
        row["repeats"] = "-".join(map(str, candidate.repeats or ()))
    blank = {*unknown, *whole, *(() if candidate.params else ("params",))}
    return {name: None if name in blank else value for name, value in row.items()}


def csv_text(table: pd.DataFrame) -> str:
    """The table as CSV: blank where unknown, floats in the fewest digits that read back, line feeds."""
    return table.to_csv(index=False, lineterminator="\n")


def _candidate_rows(run: RunRecord, candidates: Iterable[CandidateRecord]) -> Iterator[dict[str, Any]]:
    bounds, found = intervals(run), answer_of(run)
    predictions = {} if isinstance(found, str) else found.predictions
    for candidate in candidates:
        low, high = bounds.get(candidate.key, (None, None))
        row = _candidate_row(candidate) | {"top1_low": low, "top1_high": high}
        if candidate.key in predictions:
            value, half = (points / 100 for points in predictions[candidate.key])
            row |= dict(zip(FITTED_COLUMNS, (value, value - half, value + half), strict=True))
        yield row


def _candidate_row(candidate: CandidateRecord) -> dict[str, Any]:
    row = fields_of(candidate, CANDIDATE_COLUMNS)
    row |= {"merged": len(candidate.merged), "seeds": len(candidate.runs)}
    row |= dict(zip(SHARE_COLUMNS, candidate.split or (None,) * 3, strict=True))
    if candidate.status != "completed":
        stopped = candidate.top1 if candidate.status == "pruned" else None
        row |= {"top1": None, "loss": None, "top1_sd": None, "top1_stopped": stopped}
    return row | _budget_cells(candidate.budget) | latency_cells(candidate.latency)


def _budget_cells(budget: BudgetRecord | None) -> dict[str, Any]:
    if budget is None:
        return dict.fromkeys((*BUDGET_COLUMNS, "missed"))
    return {
        "budget": budget.kind,
        "budget_target": budget.target,
        "budget_value": budget.value,
        "budget_residual": budget.residual,
        "matched_by": budget.matched_by,
        "missed": budget.missed,
    }


def _family_row(row: FamilyRow) -> dict[str, Any]:
    cells = {name: getattr(row, name) for name in (*FAMILY_COLUMNS, INPUT_WIDTH)} | _budget_cells(row.budget)
    cells |= latency_cells(row.latency)
    if row.latency is not None:
        cells |= {name: getattr(row.latency, name) for name in ("batch_size", "device", "threads")}
    return cells


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
