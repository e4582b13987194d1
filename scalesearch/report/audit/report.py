"""An audit as tables, figures and a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.files import write_text
from scalesearch.records import AuditRecord
from scalesearch.report.audit.answer import verdict_sentence
from scalesearch.report.audit.figures import accuracy_figure, cost_figure, trained_figure
from scalesearch.report.audit.page import audit_page
from scalesearch.report.audit.tables import audit_table, audit_view, matched_table, order_table, rules_table
from scalesearch.report.html.page import write_pages
from scalesearch.report.style import write_figures
from scalesearch.report.tables import csv_text

__all__ = ["AuditReport", "audit_view", "write_audit_report"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AuditReport:
    """What was written, and what a caller prints.

    Attributes:
        page: ``audit.md``.
        figures: the figures, SVG and PNG.
        table: the table of ``audit.csv``, one row per published row.
        sentences: what came of each baseline's comparison, as text.
        order: the table of ``order.csv``, one row per pair that was trained; None where nothing was.
    """

    page: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame
    sentences: tuple[str, ...]
    order: pd.DataFrame | None


def write_audit_report(record: AuditRecord, out: Path) -> AuditReport:
    """Write ``audit.csv``, ``rules.csv``, ``matched.csv``, ``audit.md`` and ``figures/`` into ``out``.

    ``order.csv`` too where rows were trained. The same record gives the same bytes.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    figures = write_figures(
        {
            "cost": cost_figure(record),
            "accuracy": accuracy_figure(record),
            "trained": trained_figure(record),
        },
        out / "figures",
    )
    table = audit_table(record)
    write_text(out / "audit.csv", csv_text(table))
    write_text(out / "rules.csv", csv_text(rules_table(record)))
    write_text(out / "matched.csv", csv_text(matched_table(record)))
    order = order_table(record) if record.trained else None
    if order is not None:
        write_text(out / "order.csv", csv_text(order))
    return AuditReport(
        page=write_pages(out / "audit.md", audit_page(record, {path.stem for path in figures})),
        figures=figures,
        table=table,
        sentences=tuple(verdict_sentence(record, name).replace("**", "") for name in record.baselines),
        order=order,
    )
