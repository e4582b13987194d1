"""The page and tables of a transfer: do several searches want the same split, would one's serve another?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from scalesearch.commands.transfer.evidence import (
    Borrowed,
    Difference,
    Pair,
    Side,
    Transfer,
    pairs_of,
    side_of,
    transfer_evidence,
)
from scalesearch.commands.transfer.figures import rates_figure, splits_figure
from scalesearch.files import write_text
from scalesearch.page.answer import best_text, coefficients_of, interval_text
from scalesearch.page.columns import Cell, Column, Columns, page_only
from scalesearch.page.html.page import Report, write_pages
from scalesearch.page.markdown import Markdown, bounded, one_line, p_text, percent, plain_lines, points_text
from scalesearch.page.parts import Made, PageTable, Steps, keeps_of, made_again, of_baseline, steps
from scalesearch.page.style import write_figures
from scalesearch.page.tables import csv_text
from scalesearch.page.templates import page, part
from scalesearch.records import RunRecord, TransferRecord
from scalesearch.statistics.answer import Estimate, Rate
from scalesearch.text import quoted, without_options

# ----------------------------------------------------------------------------------------------------
# Tables: a row for each search, rate, or best split of one search used in another.


SEARCHES: Columns[Side] = Columns(
    columns=(
        page_only("search", lambda side: side.name),
        page_only("networks", lambda side: str(side.surface.networks)),
        page_only("runs", lambda side: str(side.surface.runs)),
        page_only(
            "noise of a run",
            lambda side: "one seed" if side.surface.run_sd is None else f"{side.surface.run_sd:.1f} points",
        ),
        page_only("do splits differ?", lambda side: p_text(side.surface.omnibus)),
        page_only(
            "lack of fit",
            lambda side: "" if side.surface.lack_of_fit is None else p_text(side.surface.lack_of_fit),
        ),
        page_only(
            "left-out R2",
            lambda side: (
                "" if side.surface.left_out_r2 is None else f"{max(0.0, side.surface.left_out_r2):.2f}"
            ),
        ),
        page_only("may be best", lambda side: percent(side.answer.open_share, 0)),
    )
)
"""How sure each search is."""


def _rate(place: int, head: str) -> Column[Side]:
    return page_only(head, lambda side: interval_text(side.answer.rates[place].points, digits=2, sign="+"))


SIDE_BY_SIDE: Columns[Side] = Columns(
    columns=(
        page_only("points of top-1 for a tenth of the compute moved", lambda side: side.name),
        *(_rate(*of) for of in enumerate(("depth to width", "depth to resolution", "width to resolution"))),
    )
)
"""The rates of a search in a row."""

RATES: Columns[tuple[Side, Rate]] = Columns(
    columns=(
        Column(name="run", value=lambda row: row[0].name),
        Column(name="giver", value=lambda row: row[1].giver),
        Column(name="taker", value=lambda row: row[1].taker),
        Column(name="points", value=lambda row: row[1].points.value),
        Column(name="points_low", value=lambda row: row[1].points.low),
        Column(name="points_high", value=lambda row: row[1].points.high),
        Column(name="visible", value=lambda row: row[1].visible),
    )
)
"""Of ``rates.csv``: a row per search and rate, in points for each tenth of the compute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowedRow:
    """The best split of one search used in another."""

    pair: Pair
    borrowed: Borrowed


def _share(name: str, place: int, **looks: Any) -> Column[BorrowedRow]:
    return Column(name=f"{name}_share", value=lambda row: row.borrowed.split[place], **looks)


def _loss(name: str, value: Callable[[Estimate], float], **looks: Any) -> Column[BorrowedRow]:
    return Column(
        name=name,
        value=lambda row: None if row.borrowed.loss is None else value(row.borrowed.loss),
        **looks,
    )


def _loss_text(value: float, low: float, high: float) -> str:
    # No split is better than the best: a loss is at least 0.
    return points_text(value, max(0.0, low), high)


def _loss_cell(row: BorrowedRow) -> str:
    loss = row.borrowed.loss
    return "nothing trained near it" if loss is None else _loss_text(loss.value, loss.low, loss.high)


PAIRS: Columns[BorrowedRow] = Columns(
    columns=(
        Column(
            name="best_of",
            value=lambda row: row.borrowed.source,
            terminal=Cell(),
            page=Cell(head="best split of"),
        ),
        Column(
            name="used_in",
            value=lambda row: row.borrowed.target,
            terminal=Cell(),
            page=Cell(head="used in"),
        ),
        _share(
            "depth",
            0,
            terminal=Cell(
                lambda row: ", ".join(
                    f"{row[f'{name}_share']:z.0%}" for name in ("depth", "width", "resolution")
                ),
                head="depth, width, resolution",
            ),
            head="depth/width/resolution, %",
            page=lambda row: "/".join(f"{100 * share:z.0f}" for share in row.borrowed.split),
        ),
        _share("width", 1),
        _share("resolution", 2),
        _loss(
            "loss",
            lambda loss: loss.value,
            terminal=Cell(
                lambda row: (
                    None
                    if row["loss"] is None
                    else _loss_text(row["loss"], row["loss_low"], row["loss_high"])
                ),
                head="points lost",
            ),
            head="points lost (95%)",
            page=_loss_cell,
        ),
        _loss("loss_low", lambda loss: max(0.0, loss.low)),
        _loss("loss_high", lambda loss: loss.high),
        Column(name="p", value=lambda row: row.pair.p),
        Column(name="p_holm", value=lambda row: row.pair.p_holm),
        Column(
            name="same_split",
            value=lambda row: "no" if row.pair.differ else "not shown to differ",
            terminal=Cell(lambda row: f"{row['same_split']} (p = {row['p_holm']:.2g})", head="same split"),
            head="differ?",
            page=lambda row: Markdown(
                f"{'yes' if row.pair.differ else 'not shown'} ({p_text(row.pair.p_holm)})"
            ),
        ),
    ),
    terminal=("best_of", "depth_share", "used_in", "loss", "same_split"),
    page=("best_of", "depth_share", "used_in"),
    left=3,
)
"""Of ``pairs.csv``: a row per pair of searches and direction; a loss, in points, may be missing."""


def pairs_table(transfer: Transfer) -> pd.DataFrame:
    """One row per pair and direction, by :data:`PAIRS`."""
    return PAIRS.frame(_borrowed_rows(transfer))


def rates_table(transfer: Transfer) -> pd.DataFrame:
    """One row per search and rate, by :data:`RATES`."""
    return RATES.frame((side, rate) for side in transfer.sides for rate in side.answer.rates)


def _borrowed_rows(transfer: Transfer) -> list[BorrowedRow]:
    return [BorrowedRow(pair=pair, borrowed=use) for pair in transfer.pairs for use in pair.borrowed]


# ----------------------------------------------------------------------------------------------------
# The answer: whether searches want the same split, for ``transfer`` and for runs that start grown.

NOTHING = 0.05
"""Points below which a loss is none in the digits that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferText:
    """What searches say of one another's splits.

    Attributes:
        apart: the pairs that are shown to want different splits.
        pairs: how many pairs there are.
        least: the least p value of any pair, corrected for all.
        best: the name of each search, and its best split with what else may be the best.
        lost: another's best split, used in a search, and what that is shown to lose.
        judged: whether any such loss can be told.
        same: whether the best splits are one and the same.
        most: the largest loss that is not ruled out, in points; empty where the runs don't bound it.
        most_of: whose split that is, and in which search; None where no loss can be told.
        outside: the splits that nothing was trained around in the other search.
        rates: what moving compute brings, a row each search.
    """

    apart: Sequence[Pair]
    pairs: int
    least: float
    best: Sequence[tuple[str, str]]
    lost: Sequence[tuple[Borrowed, str]]
    judged: bool
    same: bool
    most: str
    most_of: Borrowed | None
    outside: Sequence[Borrowed]
    rates: PageTable


def transfer_text(sides: Sequence[Side], pairs: Sequence[Pair]) -> TransferText:
    """The answer's values."""
    borrowed = [use for pair in pairs for use in pair.borrowed]
    judged = [(use, use.loss) for use in borrowed if use.loss is not None]
    worst, loss = max(judged, key=lambda entry: entry[1].high, default=(None, None))
    return TransferText(
        apart=[pair for pair in pairs if pair.differ],
        pairs=len(pairs),
        least=min(pair.p_holm for pair in pairs),
        best=[(side.name, best_text(side.answer)) for side in sides],
        lost=[(use, interval_text(loss, unit=" points")) for use, loss in judged if loss.low > 0],
        judged=bool(judged),
        same=loss is not None and loss.high < NOTHING,
        most=f"{loss.high:.1f}" if loss is not None and bounded(loss.high) else "",
        most_of=worst,
        outside=[use for use in borrowed if use.loss is None],
        rates=SIDE_BY_SIDE.table(sides),
    )


def answer_lines(transfer: Transfer) -> tuple[str, ...]:
    """The first lines of the page as text: do they want the same split, which, and what borrowing costs."""
    text = transfer_text(transfer.sides, transfer.pairs)
    return plain_lines(part("commands/transfer/answer.md.j2", "answer", text))


def agreement_of(scratch: RunRecord, grown: RunRecord) -> TransferText:
    """Whether two runs of one phi want the same split.

    Args:
        scratch: a run from scratch.
        grown: the one that started from weights.

    Raises:
        ValueError: if their phi differ, or one is too small for a surface.
    """
    sides = (side_of("from scratch", scratch), side_of("grown", grown))
    return transfer_text(sides, pairs_of(sides))


# ----------------------------------------------------------------------------------------------------
# The page.

AT_COST = ("match", "constraint", "match_by", "budget_tolerance")
"""Settings that say what the networks of a search may cost."""
SETTLED = 0.05
"""Where no more of all splits may be best, more runs are not worth asking for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPage:
    """What the page shows.

    Attributes:
        name: of the comparison.
        answer: its lines and rates.
        waiting: the searches that are not finished, and how many networks each has still to train.
        differences: the settings that differ, with their values.
        unlike_cost: those of them that say what networks may cost.
        steps: what to do next.
        losses: what borrowed splits lose, a row each.
        searches: how sure each search is, a row each.
        misfits: the searches whose surface does not fit.
        sides: the searches.
        made: how the page was made.
        figures: those that were drawn.
    """

    name: str
    answer: TransferText
    waiting: Sequence[tuple[str, int]]
    differences: Sequence[Difference]
    unlike_cost: Sequence[str]
    steps: Steps
    losses: PageTable
    searches: PageTable
    misfits: Sequence[str]
    sides: Sequence[Side]
    made: Made
    figures: Collection[str]


def transfer_page(transfer: Transfer, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    sides, differences = transfer.sides, transfer.differences
    waiting = [(side.name, sum(c.status == "waiting" for c in side.run.candidates)) for side in sides]
    return page(
        "commands/transfer/page.md.j2",
        TransferPage(
            name=transfer.name,
            answer=transfer_text(sides, transfer.pairs),
            waiting=[(name, networks) for name, networks in waiting if networks],
            differences=differences,
            unlike_cost=[each.setting for each in differences if each.setting in AT_COST],
            steps=_steps(sides),
            losses=PAIRS.table(_borrowed_rows(transfer)),
            searches=SEARCHES.table(sides),
            misfits=[side.name for side in sides if not side.surface.fits],
            sides=sides,
            made=Made(command=transfer.command, machine="", versions="", tables={}, kept=False),
            figures=figures,
        ),
    )


def _again(side: Side) -> str:
    """The command of a search, or of its settings where defaults may have changed since it was kept."""
    if not side.folder or keeps_of(Path(side.folder), side.run.settings).study:
        return without_options(side.run.command, ("--seeds", "--out"))
    return made_again(side.run.kind, side.run.settings, quoted(side.folder), side.run.candidates)


def _steps(sides: Sequence[Side]) -> Steps:
    surest = min(sides, key=lambda side: side.answer.open_share)
    alpha, beta, gamma = coefficients_of(surest.answer.best)
    scale = f"scalesearch scale{of_baseline(surest.run.settings)} --alpha {alpha:g} --beta {beta:g}"
    return steps(
        (
            f"A family by the highest fitted split of {one_line(surest.name)}, the least uncertain search",
            f"{scale} --gamma {gamma:g} --phi 0..7",
        ),
        *(
            (
                f"With {runs:,} training runs {one_line(side.name)} would leave half as many splits open",
                f"{again} --seeds {seeds} --out {quoted(f'reports/{side.name}-{seeds}-seeds')}",
            )
            for side in sides
            if (runs := side.answer.halving) and side.answer.open_share > SETTLED
            if (seeds := -(-runs // side.surface.networks))
            if (again := _again(side))
        ),
    )


# ----------------------------------------------------------------------------------------------------
# All that is written.


def write_transfer_report(record: TransferRecord, out: Path) -> Report:
    """Write ``transfer.md``, ``pairs.csv``, ``rates.csv`` and ``figures/`` of ``record`` into ``out``.

    The same record gives the same bytes.

    Raises:
        OSError: if ``out`` cannot be made or written.
        ValueError: as :func:`~scalesearch.commands.transfer.evidence.transfer_evidence`.
    """
    transfer = transfer_evidence(record)
    figures = write_figures(
        {"rates": rates_figure(transfer), "splits": splits_figure(transfer)}, out / "figures"
    )
    table = pairs_table(transfer)
    write_text(out / "pairs.csv", csv_text(table))
    write_text(out / "rates.csv", csv_text(rates_table(transfer)))
    return Report(
        page=write_pages(out / "transfer.md", transfer_page(transfer, {path.stem for path in figures})),
        figures=figures,
        table=table,
        answer=answer_lines(transfer),
    )
