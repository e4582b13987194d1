"""Several searches held against one another, as tables, figures and a page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.belief.agreement import Tau
from scalesearch.files import write_page, write_text
from scalesearch.records import RunRecord
from scalesearch.report.evidence import rank
from scalesearch.report.frame import frame
from scalesearch.report.style import write_figures
from scalesearch.report.tables import csv_text
from scalesearch.report.transfer.agreement import answer
from scalesearch.report.transfer.agreement_evidence import Agreement, Borrowed, Side, triples_of
from scalesearch.report.transfer.evidence import Transfer, transfer_evidence
from scalesearch.report.transfer.figures import accuracies_figure, shares_map_figure
from scalesearch.report.transfer.page import transfer_page
from scalesearch.report.transfer.tau_interval import interval_of

__all__ = ["TransferReport", "pairs_table", "triples_table", "write_transfer_report"]

PAIR_COLUMNS = (
    *("best_of", "used_in", "alpha", "beta", "gamma", "overall_best", "key", "top1", "place", "networks"),
    *("loss", "loss_low", "loss_high", "winning_set", "tau", "tau_low", "tau_high", "triples", "classes"),
    *("half_seeds_tau", "half_seeds_tau_low", "half_seeds_tau_high", "shared_triples", "verdict"),
)
TRIPLE_COLUMNS = (
    *("alpha", "beta", "gamma", "class", "run", "key", "top1", "top1_sd", "seeds", "place", "behind"),
    *("p_best", "winning_set"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransferReport:
    """What was written, and what a caller prints.

    Attributes:
        page: ``transfer.md``.
        pairs_csv: ``pairs.csv``, one row per pair of searches and direction.
        triples_csv: ``triples.csv``, one row per triple and search.
        figures: the figures that could be drawn, SVG and PNG.
        table: the table of ``pairs_csv``.
        answer: the page's first sentences.
    """

    page: Path
    pairs_csv: Path
    triples_csv: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame
    answer: str


def write_transfer_report(
    runs: Sequence[tuple[str, RunRecord]],
    out: Path,
    *,
    name: str,
    command: str,
    ignored: Collection[str] = (),
) -> TransferReport:
    """Write ``transfer.md``, ``pairs.csv``, ``triples.csv`` and ``figures/`` of ``runs`` into ``out``.

    The same records give the same bytes. A figure without data is left out, and the page says so.

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
        {"accuracies": accuracies_figure(transfer), "shares": shares_map_figure(transfer)}, out / "figures"
    )
    pairs = pairs_table(transfer)
    return TransferReport(
        pairs_csv=write_text(out / "pairs.csv", csv_text(pairs)),
        triples_csv=write_text(out / "triples.csv", csv_text(triples_table(transfer))),
        page=write_page(out / "transfer.md", transfer_page(transfer, {path.stem for path in figures})),
        figures=figures,
        table=pairs,
        answer=answer(transfer.joint).replace("*", ""),
    )


def pairs_table(transfer: Transfer) -> pd.DataFrame:
    """One row per pair and direction, columns :data:`PAIR_COLUMNS`; what is unknown is missing."""
    return frame(
        [_pair_row(pair, one) for pair in transfer.agreements for one in pair.borrowed], PAIR_COLUMNS
    )


def _pair_row(pair: Agreement, one: Borrowed) -> dict[str, object]:
    alpha, beta, gamma = one.triple
    row: dict[str, object] = {
        "best_of": one.source,
        "used_in": one.target,
        "alpha": alpha,
        "beta": beta,
        "gamma": gamma,
        "overall_best": "yes" if one.winner else "no",
        "key": one.network.key,
        "top1": one.network.top1,
        "place": one.place,
        "networks": one.of,
        "loss": one.gap,
        "winning_set": None if one.in_set is None else "yes" if one.in_set else "no",
        "triples": len(pair.joint.triples),
        "classes": len(pair.joint.classes),
        "shared_triples": len(pair.joint.shared),
        "verdict": pair.joint.verdict,
    }
    if one.loss is not None:
        row |= {"loss_low": one.loss.low, "loss_high": one.loss.high}
    if pair.tau is not None:
        row |= _tau_cells("tau", pair.tau, *pair.joint.sides)
    at = pair.names.index(one.target)
    half = pair.halves[at]
    if half is not None:
        row |= _tau_cells("half_seeds_tau", half, pair.joint.sides[at])
    return row


def _tau_cells(name: str, tau: Tau, *sides: Side) -> dict[str, object]:
    bounds = interval_of(tau, *sides)
    cells: dict[str, object] = {name: tau.tau}
    if bounds is not None:
        cells |= {f"{name}_low": bounds[0], f"{name}_high": bounds[1]}
    return cells


def triples_table(transfer: Transfer) -> pd.DataFrame:
    """One row per trained triple and search, columns :data:`TRIPLE_COLUMNS`.

    ``class`` numbers the classes of triples that all searches trained; it is missing for the others.
    """
    classes = {triple: i for i, one in enumerate(transfer.joint.classes, 1) for triple in one.triples}
    rows = []
    for side in transfer.sides:
        for c in side.networks:
            place, _ = rank(c, list(side.networks))
            for triple in triples_of(c):
                alpha, beta, gamma = triple
                rows.append(
                    {
                        "alpha": alpha,
                        "beta": beta,
                        "gamma": gamma,
                        "class": classes.get(triple),
                        "run": side.name,
                        "key": c.key,
                        "top1": c.top1,
                        "top1_sd": c.top1_sd,
                        "seeds": side.seeds,
                        "place": place,
                        "behind": (side.winner.top1 or 0.0) - (c.top1 or 0.0),
                        "p_best": side.p.get(c.key),
                        "winning_set": ("yes" if c in side.members else "no") if side.p else None,
                    }
                )
    order = {side.name: place for place, side in enumerate(transfer.sides)}
    rows.sort(key=lambda row: (row["alpha"], row["beta"], row["gamma"], order[str(row["run"])]))
    return frame(rows, TRIPLE_COLUMNS)
