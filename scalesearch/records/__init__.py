"""Finished records: what a search or a scaling left behind, as frozen plain values.

``search`` makes them from an Optuna study, ``report`` turns them into tables, figures and pages. They hold
no torch and no optuna object, so a report can be made on a machine without torch. Times are in seconds,
accuracies are fractions, one multiply-add counts as 1 MAC.
"""

from scalesearch.records.family import FamilyRow, PublishedRow, ScaleRecord
from scalesearch.records.measured import CurvePoint, FlopRecord, LatencyRecord, SeedRun
from scalesearch.records.search import (
    BudgetRecord,
    CandidateRecord,
    FidelityRecord,
    ReliabilityRecord,
    RoundRecord,
    RungRecord,
    RunKind,
    RunRecord,
    Status,
)

__all__ = [
    "BudgetRecord",
    "CandidateRecord",
    "CurvePoint",
    "FamilyRow",
    "FidelityRecord",
    "FlopRecord",
    "LatencyRecord",
    "PublishedRow",
    "ReliabilityRecord",
    "RoundRecord",
    "RunKind",
    "RunRecord",
    "RungRecord",
    "ScaleRecord",
    "SeedRun",
    "Status",
]
