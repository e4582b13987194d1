"""Finished records: what a search or a scaling left behind, as frozen plain values.

``search`` makes them from an Optuna study, ``report`` turns them into tables, figures and pages. They hold
no torch and no optuna object, so a report can be made on a machine without torch. Times are in seconds,
accuracies are fractions, one multiply-add counts as 1 MAC.
"""

from scalesearch.records.audit import AuditMatch, AuditRecord, AuditRow
from scalesearch.records.budget import BudgetRecord
from scalesearch.records.family import FamilyRow, PublishedRow, ScaleRecord
from scalesearch.records.law import LAW_TERMS, BestSplits, CostLaw, HeldOut, KindTime, LawRecord, Price, Split
from scalesearch.records.measured import CurvePoint, FlopRecord, LatencyRecord, SeedMeans, SeedRun
from scalesearch.records.search import (
    CandidateRecord,
    CheckRun,
    FidelityRecord,
    ReliabilityRecord,
    RoundRecord,
    RungRecord,
    RunKind,
    RunRecord,
    Status,
)
from scalesearch.records.start import StartRecord
from scalesearch.records.timing import (
    DTYPES,
    MODES,
    RUNTIMES,
    CompareRecord,
    MachineRecord,
    MeasurementRecord,
    MeasureRecord,
    ProcessSamples,
    Setup,
)

__all__ = [
    "DTYPES",
    "LAW_TERMS",
    "MODES",
    "RUNTIMES",
    "AuditMatch",
    "AuditRecord",
    "AuditRow",
    "BestSplits",
    "BudgetRecord",
    "CandidateRecord",
    "CheckRun",
    "CompareRecord",
    "CostLaw",
    "CurvePoint",
    "FamilyRow",
    "FidelityRecord",
    "FlopRecord",
    "HeldOut",
    "KindTime",
    "LatencyRecord",
    "LawRecord",
    "MachineRecord",
    "MeasureRecord",
    "MeasurementRecord",
    "Price",
    "ProcessSamples",
    "PublishedRow",
    "ReliabilityRecord",
    "RoundRecord",
    "RunKind",
    "RunRecord",
    "RungRecord",
    "ScaleRecord",
    "SeedMeans",
    "SeedRun",
    "Setup",
    "Split",
    "StartRecord",
    "Status",
]
