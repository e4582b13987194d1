"""Rows of plain values as a table that a CSV file gives back."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from scalesearch.report.markdown import one_line

__all__ = ["frame"]


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
            else _column([row.get(name) for row in rows])
            for name in columns
        }
    )


def _column(values: list[Any]) -> pd.Series[Any]:
    known = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in known):
        return pd.Series(["" if v is None else one_line(str(v)) for v in values], dtype="object")
    if known and all(isinstance(value, int) for value in known):
        return pd.Series([None if v is None else int(v) for v in values], dtype="Int64")
    return pd.Series([math.nan if v is None else float(f"{v:.12g}") for v in values], dtype="float64")
