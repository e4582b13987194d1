"""Finished records: what a search or a scaling left behind, as frozen plain values.

``study`` makes them from an Optuna study, ``page`` and ``commands`` make tables, figures and pages of them.
They hold no torch and no optuna object, so a report can be made on a machine without torch. Times are in
seconds, accuracies are fractions, one multiply-add counts as 1 MAC.
"""

from scalesearch.records.audit import AuditMatch, AuditRecord, AuditRow
from scalesearch.records.runs import (
    AlternateRecord,
    BudgetRecord,
    CandidateRecord,
    CheckRun,
    CurvePoint,
    FamilyRow,
    FidelityRecord,
    FlopRecord,
    LatencyRecord,
    PublishedRow,
    ReliabilityRecord,
    RoundRecord,
    RungRecord,
    RunRecord,
    ScaleRecord,
    SeedMeans,
    SeedRun,
    StartRecord,
    Status,
    TransferRecord,
)
from scalesearch.records.timings import (
    DTYPES,
    LAW_TERMS,
    MODES,
    RUNTIMES,
    BestSplits,
    CompareRecord,
    CostLaw,
    HeldOut,
    KindTime,
    LawRecord,
    MachineRecord,
    MeasurementRecord,
    MeasureRecord,
    Price,
    ProcessSamples,
    Setup,
    Split,
)

Record = (
    RunRecord
    | AlternateRecord
    | FidelityRecord
    | AuditRecord
    | TransferRecord
    | MeasureRecord
    | CompareRecord
    | tuple[CompareRecord, ...]
    | LawRecord
)
"""What a folder's run came to, by its kind; of finished runs that are compared, a record for each pair."""

__all__ = [
    "DTYPES",
    "LAW_TERMS",
    "MODES",
    "RUNTIMES",
    "AlternateRecord",
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
    "Record",
    "ReliabilityRecord",
    "RoundRecord",
    "RunRecord",
    "RungRecord",
    "ScaleRecord",
    "SeedMeans",
    "SeedRun",
    "Setup",
    "Split",
    "StartRecord",
    "Status",
    "TransferRecord",
]
