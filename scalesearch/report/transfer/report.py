"""Several searches held against one another, as tables, figures and a page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.files import write_text
from scalesearch.records import RunRecord
from scalesearch.report.frame import frame
from scalesearch.report.html.page import write_pages
from scalesearch.report.style import write_figures
from scalesearch.report.tables import csv_text
from scalesearch.report.transfer.evidence import Borrowed, Pair, Transfer, transfer_evidence
from scalesearch.report.transfer.figures import rates_figure, splits_figure
from scalesearch.report.transfer.page import answer_lines, transfer_page

__all__ = ["TransferReport", "pairs_table", "rates_table", "write_transfer_report"]

PAIR_COLUMNS = (
    *("best_of", "used_in", "depth_share", "width_share", "resolution_share", "loss", "loss_low"),
    *("loss_high", "p", "p_holm", "same_split"),
)
RATE_COLUMNS = ("run", "giver", "taker", "points", "points_low", "points_high", "visible")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransferReport:
    """What was written, and what a caller prints.

    Attributes:
        page: ``transfer.md``.
        pairs_csv: ``pairs.csv``, one row per pair of searches and direction.
        rates_csv: ``rates.csv``, one row per search and rate.
        figures: SVG and PNG.
        table: the table of ``pairs_csv``.
        answer: the page's first lines.
    """

    page: Path
    pairs_csv: Path
    rates_csv: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame
    answer: tuple[str, ...]


def write_transfer_report(
    runs: Sequence[tuple[str, RunRecord]],
    out: Path,
    *,
    name: str,
    command: str,
    ignored: Collection[str] = (),
) -> TransferReport:
    """Write ``transfer.md``, ``pairs.csv``, ``rates.csv`` and ``figures/`` of ``runs`` into ``out``.

    The same records give the same bytes.

    Args:
        runs: each with the name it goes by.
        out: the folder.
        name: of the comparison.
        command: the command line.
        ignored: settings that change no result, so that a difference in them says nothing.

    Raises:
        OSError: if ``out`` cannot be made or written.
        ValueError: as ``transfer_evidence``.
    """
    transfer = transfer_evidence(runs, name=name, command=command, ignored=ignored)
    figures = write_figures(
        {"rates": rates_figure(transfer), "splits": splits_figure(transfer)}, out / "figures"
    )
    pairs = pairs_table(transfer)
    return TransferReport(
        pairs_csv=write_text(out / "pairs.csv", csv_text(pairs)),
        rates_csv=write_text(out / "rates.csv", csv_text(rates_table(transfer))),
        page=write_pages(out / "transfer.md", transfer_page(transfer, {path.stem for path in figures})),
        figures=figures,
        table=pairs,
        answer=tuple(line.replace("*", "") for line in answer_lines(transfer)),
    )


def pairs_table(transfer: Transfer) -> pd.DataFrame:
    """One row per pair and direction, columns :data:`PAIR_COLUMNS`; a loss, in points, may be missing."""
    return frame([_pair_row(pair, one) for pair in transfer.pairs for one in pair.borrowed], PAIR_COLUMNS)


def _pair_row(pair: Pair, one: Borrowed) -> dict[str, object]:
    depth, width, resolution = one.split
    row: dict[str, object] = {
        "best_of": one.source,
        "used_in": one.target,
        "depth_share": depth,
        "width_share": width,
        "resolution_share": resolution,
        "p": pair.p,
        "p_holm": pair.p_holm,
        "same_split": "no" if pair.differ else "not shown to differ",
    }
    if one.loss is not None:
        row |= {"loss": one.loss.value, "loss_low": max(0.0, one.loss.low), "loss_high": one.loss.high}
    return row


def rates_table(transfer: Transfer) -> pd.DataFrame:
    """One row per search and rate, columns :data:`RATE_COLUMNS`, in points for each tenth of the compute."""
    return frame(
        [
            {
                "run": side.name,
                "giver": rate.giver,
                "taker": rate.taker,
                "points": rate.points.value,
                "points_low": rate.points.low,
                "points_high": rate.points.high,
                "visible": rate.visible,
            }
            for side in transfer.sides
            for rate in side.surface.rates()
        ],
        RATE_COLUMNS,
    )
