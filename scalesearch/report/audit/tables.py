"""An audit as tables: a row per published row, per rounding, and per pair of ways that were trained."""

from __future__ import annotations

import pandas as pd

from scalesearch.architecture.rounding_rules import OFFICIAL
from scalesearch.records import AuditRecord, AuditRow
from scalesearch.report.audit.evidence import Spending, spendings
from scalesearch.report.audit.order import order_pairs
from scalesearch.report.frame import frame

__all__ = ["audit_table", "audit_view", "matched_table", "order_table", "rules_table"]

COLUMNS = (
    *("baseline", "scaling", "depth", "width", "resolution_multiplier", "resolution", "blocks", "params"),
    *("flops_published", "top1_published", "macs", "fvcore_total", "macs_over_published", "agrees"),
    *("nearest_rule", "nearest_macs", "nearest_agrees", "published_ratio", "nominal_ratio", "macs_ratio"),
    *("compound_over_this_published", "compound_over_this_nominal", "compound_over_this_macs"),
    *("compound_over_this_nearest", "compound_lead", "compound_lead_left", "compound_lead_left_nearest"),
    *("gain_per_doubling", "source"),
)
RULE_COLUMNS = ("baseline", "scaling", "rule", "macs", "flops_published", "over_published", "agrees")
MATCHED_COLUMNS = (
    *("baseline", "scaling", "spends_as", "depth", "width", "resolution_multiplier", "resolution", "blocks"),
    *("macs", "target", "residual"),
)
ORDER_COLUMNS = (
    *("baseline", "phi", "ahead", "behind", "published_difference", "difference", "difference_low"),
    *("difference_high", "p", "verdict"),
)
BILLION = 1e9


def audit_table(record: AuditRecord) -> pd.DataFrame:
    """Every published row, columns :data:`COLUMNS`; costs in multiply-adds, accuracies as fractions."""
    against = {
        (one.rival.baseline, one.rival.scaling): one
        for name in record.baselines
        for one in spendings(record, name)
    }
    return frame([_row(row, against.get((row.baseline, row.scaling))) for row in record.rows], COLUMNS)


def rules_table(record: AuditRecord) -> pd.DataFrame:
    """Every row under every documented rounding, columns :data:`RULE_COLUMNS`."""
    return frame(
        [
            {
                "baseline": row.baseline,
                "scaling": row.scaling,
                "rule": cost.rule,
                "macs": float(cost.macs),
                "flops_published": row.published.flops,
                "over_published": cost.macs / row.published.flops - 1,
                "agrees": _yes(row.published.prints(cost.macs)),
            }
            for row in record.rows
            for cost in row.costs
        ],
        RULE_COLUMNS,
    )


def matched_table(record: AuditRecord) -> pd.DataFrame:
    """The rows brought to one another's cost, columns :data:`MATCHED_COLUMNS`."""
    names = [name for name in MATCHED_COLUMNS if name != "resolution_multiplier"]
    return frame(
        [
            {name: getattr(one, name) for name in names} | {"resolution_multiplier": one.multiplier}
            for one in record.matches
        ],
        MATCHED_COLUMNS,
    )


def order_table(record: AuditRecord) -> pd.DataFrame:
    """Every pair of ways that were trained, columns :data:`ORDER_COLUMNS`; the published leader first."""
    return frame(
        [
            {
                "baseline": pair.baseline,
                "phi": pair.phi,
                "ahead": pair.ahead,
                "behind": pair.behind,
                "published_difference": pair.published,
                "difference": pair.difference,
                "difference_low": pair.test.low if pair.test else None,
                "difference_high": pair.test.high if pair.test else None,
                "p": pair.test.p if pair.test else None,
                "verdict": pair.verdict,
            }
            for pair in order_pairs(record)
        ],
        ORDER_COLUMNS,
    )


def audit_view(table: pd.DataFrame) -> pd.DataFrame:
    """The table of :func:`audit_table` as a terminal has room for it, with units."""

    def billions(name: str, form: str) -> pd.Series[str]:
        return (table[name] / BILLION).map(form.format).astype(str)

    return table.assign(
        **{
            "published G": billions("flops_published", "{:.1f}"),
            "exact G": billions("macs", "{:.3f}"),
            "off": table["macs_over_published"].map("{:+.1%}".format),
            "nearest rounding": table["nearest_rule"],
            "its G": billions("nearest_macs", "{:.3f}"),
            "agrees": table["nearest_agrees"],
            "x published": table["published_ratio"].map("{:.2f}".format),
            "x nominal": table["nominal_ratio"].map("{:.2f}".format),
            "x exact": table["macs_ratio"].map("{:.2f}".format),
            "top-1": table["top1_published"].map("{:.1%}".format),
        }
    )


def _row(row: AuditRow, against: Spending | None) -> dict[str, object]:
    published, nearest = row.published, row.nearest
    cells: dict[str, object] = {
        "baseline": row.baseline,
        "scaling": row.scaling,
        "depth": published.depth,
        "width": published.width,
        "resolution_multiplier": published.resolution,
        "resolution": row.resolution,
        "blocks": row.blocks,
        "params": row.params,
        "flops_published": published.flops,
        "top1_published": published.top1,
        "macs": row.macs,
        "fvcore_total": row.fvcore_total,
        "macs_over_published": row.macs / published.flops - 1,
        "agrees": _yes(OFFICIAL in {cost.rule for cost in row.agreeing}),
        "nearest_rule": nearest.rule,
        "nearest_macs": float(nearest.macs),
        "nearest_agrees": _yes(published.prints(nearest.macs)),
        "published_ratio": row.published_ratio,
        "nominal_ratio": row.nominal_ratio,
        "macs_ratio": row.macs_ratio,
        "gain_per_doubling": row.gain_per_doubling,
        "source": published.source,
    }
    if against is not None:
        cells |= {
            "compound_over_this_published": against.published,
            "compound_over_this_nominal": against.nominal,
            "compound_over_this_macs": against.official,
            "compound_over_this_nearest": against.fitting,
            "compound_lead": against.lead,
            "compound_lead_left": against.left(against.official),
            "compound_lead_left_nearest": against.left(against.fitting),
        }
    return cells


def _yes(known: bool) -> str:
    return "yes" if known else "no"
