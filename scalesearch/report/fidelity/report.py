"""A finished fidelity study as tables, figures and a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.belief.answer import Rate
from scalesearch.files import write_text
from scalesearch.records import FidelityRecord
from scalesearch.report.fidelity.evidence import FidelityEvidence, fidelity_evidence
from scalesearch.report.fidelity.figure import ranks_figure, rates_figure
from scalesearch.report.fidelity.page import fidelity_page
from scalesearch.report.frame import frame
from scalesearch.report.html.page import write_pages
from scalesearch.report.inputs import INPUT_WIDTH, with_input_width
from scalesearch.report.style import write_figures
from scalesearch.report.tables import csv_text

__all__ = ["FidelityReport", "lengths_table", "networks_table", "write_fidelity_report"]

RATES = ("depth_to_width", "depth_to_resolution", "width_to_resolution")
ENDS = ("", "_low", "_high")
COLUMNS = (
    *("images", "multiple", "reference_images", "tau", "tau_low", "tau_high", "regret", "networks", "seeds"),
    *("compute_share", "depth_share", "width_share", "resolution_share", "loss", "loss_low", "loss_high"),
    *("same_p", *(f"{what}_{rate}{end}" for what in ("rate", "move") for rate in RATES for end in ENDS)),
)
NETWORK_COLUMNS = (
    *("key", "alpha", "beta", "gamma", "depth", "width", "resolution_multiplier", "resolution", "macs"),
    *("depth_doublings", "width_doublings", "resolution_doublings"),
    *("images", "multiple", "top1", "top1_sd", "seeds", "rank"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FidelityReport:
    """What was written, and the table a caller prints.

    Attributes:
        page: ``report.md``.
        fidelity_csv: ``fidelity.csv``, one row per length.
        networks_csv: ``networks.csv``, one row per length and network.
        figures: the figures that could be drawn, SVG and PNG.
        table: the table of ``fidelity_csv``.
    """

    page: Path
    fidelity_csv: Path
    networks_csv: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame


def write_fidelity_report(record: FidelityRecord, out: Path) -> FidelityReport:
    """Write ``fidelity.csv``, ``networks.csv``, ``report.md`` and ``figures/`` of ``record`` into ``out``.

    The same record gives the same bytes. A figure without data is left out, and the page says so.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    evidence = fidelity_evidence(record)
    figures = write_figures(
        # What an earlier version drew goes.
        {"rates": rates_figure(evidence), "ranks": ranks_figure(evidence), "agreement": None},
        out / "figures",
    )
    by_length, networks = lengths_table(evidence), networks_table(evidence)
    page = fidelity_page(record, evidence, {path.stem for path in figures})
    return FidelityReport(
        fidelity_csv=write_text(out / "fidelity.csv", csv_text(by_length)),
        networks_csv=write_text(out / "networks.csv", csv_text(networks)),
        page=write_pages(out / "report.md", page),
        figures=figures,
        table=by_length,
    )


def lengths_table(evidence: FidelityEvidence) -> pd.DataFrame:
    """One row per length, columns :data:`COLUMNS`; what is unknown is missing.

    The shares are the best split's. Losses, rates and how they move with each doubling are in points.
    """
    rows = []
    for length in evidence.lengths:
        row: dict[str, object] = {
            "images": length.images,
            "multiple": float(length.multiple),
            "reference_images": evidence.reference.images,
            "networks": len(length.networks),
            "seeds": length.seeds,
            "compute_share": length.compute_share,
        }
        if length.agreement is not None:
            known = ("tau", "tau_low", "tau_high", "regret") if length.ranked else ("regret",)
            row |= {name: getattr(length.agreement, name) for name in known}
        if length.answer is not None:
            shares = ("depth_share", "width_share", "resolution_share")
            row |= dict(zip(shares, length.answer.best, strict=True)) | _rates("rate", length.answer.rates)
        if length.moves is not None:
            row |= _rates("move", length.moves.moves)
        if length.loss is not None:
            row |= {"loss": length.loss.value, "loss_low": max(0.0, length.loss.low)}
            row |= {"loss_high": length.loss.high, "same_p": length.same}
        rows.append(row)
    return frame(rows, COLUMNS)


def _rates(what: str, rates: Sequence[Rate]) -> dict[str, object]:
    row: dict[str, object] = {}
    for rate in rates:
        name, points = f"{what}_{rate.giver}_to_{rate.taker}", rate.points
        row |= {name: points.value, f"{name}_low": points.low, f"{name}_high": points.high}
    return row


def networks_table(evidence: FidelityEvidence) -> pd.DataFrame:
    """One row per length and network, columns :data:`NETWORK_COLUMNS`."""
    return frame(
        [
            {name: getattr(c, name, None) for name in (*NETWORK_COLUMNS, INPUT_WIDTH)}
            | {
                "images": length.images,
                "multiple": float(length.multiple),
                "seeds": len(c.runs),
                "rank": rank,
            }
            for length in evidence.lengths
            for c, rank in zip(length.networks, length.ranks, strict=True)
        ],
        with_input_width(NETWORK_COLUMNS, [c for length in evidence.lengths for c in length.networks]),
    )
