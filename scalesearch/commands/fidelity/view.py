"""The page and tables of short against long training: does the answer of a search hold in longer runs?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from scalesearch.commands.fidelity.evidence import FidelityEvidence, LengthEvidence, fidelity_evidence
from scalesearch.commands.fidelity.figures import ranks_figure, rates_figure
from scalesearch.files import write_text
from scalesearch.page.answer import coefficients_of, interval_text, rate_text, split_text
from scalesearch.page.columns import Cell, Column, Columns, field, page_only, pick
from scalesearch.page.html.page import Report, write_pages
from scalesearch.page.markdown import Markdown, bounded, code, p_text, plain_lines, points_text
from scalesearch.page.parts import (
    FOLDER,
    Made,
    PageTable,
    Steps,
    made_of,
    of_baseline,
    steps,
    top1_seeds,
    training,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import NETWORK, NetworkRow, csv_text
from scalesearch.page.templates import page, part
from scalesearch.records import FidelityRecord
from scalesearch.statistics.answer import DIMENSIONS, Estimate, Rate
from scalesearch.text import quoted, without_options

# ----------------------------------------------------------------------------------------------------
# Tables: a row for each length, and for each network at each length.

RATES = ("depth_to_width", "depth_to_resolution", "width_to_resolution")


def _tau(name: str, **looks: Any) -> Column[LengthEvidence]:
    def of(length: LengthEvidence) -> float | None:
        return getattr(length.agreement, name) if length.ranked else None

    return Column(name=name, value=of, terminal=Cell("{:+.2f}"), **looks)


def _tau_text(length: LengthEvidence) -> str:
    agreement = length.agreement
    if agreement is None:
        return "longest"
    if not length.ranked:
        return "undefined"
    return f"{agreement.tau:.2f} ({agreement.tau_low:.2f} to {agreement.tau_high:.2f})"


def _best_share(place: int, name: str) -> Column[LengthEvidence]:
    return Column(name=f"{name}_share", value=lambda length: length.answer and length.answer.best[place])


def _loss(name: str, value: Callable[[Estimate], float]) -> Column[LengthEvidence]:
    return Column(name=name, value=lambda length: length.loss and value(length.loss))


def _rates(what: str, rates: Callable[[LengthEvidence], Sequence[Rate]]) -> Iterator[Column[LengthEvidence]]:
    """Of each rate, or of how it moves: the estimate, which a page shows with its interval, and the ends."""
    for place, end in product(range(len(RATES)), ("value", "low", "high")):

        def value(length: LengthEvidence, place: int = place, end: str = end) -> float | None:
            of_length = rates(length)
            return getattr(of_length[place].points, end) if of_length else None

        def cell(length: LengthEvidence, place: int = place) -> str:
            return interval_text(rates(length)[place].points, digits=2, sign="+")

        name = f"{what}_{RATES[place]}"
        if end == "value":
            head = RATES[place].replace("_", " ")
            yield Column(name=name, value=value, head=head, page=cell, shared=True)
        else:
            yield Column(name=f"{name}_{end}", value=value)


LENGTHS: Columns[LengthEvidence] = Columns(
    columns=(
        field("images", terminal=Cell("{:,d}"), page=Cell("{:,d}")),
        field("multiple", terminal=Cell("{:g}"), page=Cell("{:g} x")),
        field("reference_images"),
        _tau("tau", head="Kendall's tau (95%)", page=_tau_text),
        _tau("tau_low"),
        _tau("tau_high"),
        Column(
            name="regret",
            value=lambda length: length.agreement and length.agreement.regret,
            terminal=Cell("{:.1%}"),
            page=Cell("{:.1f} points", scale=100, head="lost by its best network"),
        ),
        Column(
            name="networks",
            value=lambda length: len(length.networks),
            terminal=Cell("{:d}"),
            page=Cell(),
        ),
        field("seeds", terminal=Cell("{:d}"), page=Cell()),
        field("compute_share", page=Cell("{:.0%}", head="compute of a run")),
        *(_best_share(place, name) for place, name in enumerate(DIMENSIONS)),
        _loss("loss", lambda loss: loss.value),
        _loss("loss_low", lambda loss: max(0.0, loss.low)),
        _loss("loss_high", lambda loss: loss.high),
        Column(
            name="same_p",
            value=lambda length: length.same,
            head="as the longest",
            page=lambda length: "" if length.same is None else p_text(length.same),
            shared=True,
        ),
        *_rates("rate", lambda length: length.answer.rates if length.answer else ()),
        *_rates("move", lambda length: length.moves.moves if length.moves else ()),
    ),
    terminal=("multiple", "images", "tau", "tau_low", "tau_high", "regret", "networks", "seeds"),
    left=0,
)
"""Of ``fidelity.csv``: a row per length. The shares are the best split's.

Losses, rates and how these move with each doubling are in points.
"""

ORDER = ("multiple", "tau", "regret", "networks", "seeds", "compute_share")
"""The columns of that which say how lengths rank networks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedRow(NetworkRow):
    """A network at one length, and its place there."""

    length: LengthEvidence
    rank: float


NETWORKS: Columns[RankedRow] = Columns(
    columns=(
        *pick(
            NETWORK,
            *("key", "alpha", "beta", "gamma", "depth", "width", "resolution_multiplier", "resolution"),
            *("resolution_width", "macs", "depth_doublings", "width_doublings", "resolution_doublings"),
        ),
        Column(name="images", value=lambda row: row.length.images),
        Column(name="multiple", value=lambda row: float(row.length.multiple)),
        *pick(NETWORK, "top1", "top1_sd", "seeds"),
        Column(name="rank", value=lambda row: row.rank),
    )
)
"""Of ``networks.csv``: a row per length and network."""


def lengths_table(evidence: FidelityEvidence) -> pd.DataFrame:
    """One row per length, by :data:`LENGTHS`; what is unknown is missing."""
    return LENGTHS.frame(evidence.lengths)


def networks_table(evidence: FidelityEvidence) -> pd.DataFrame:
    """One row per length and network, by :data:`NETWORKS`."""
    return NETWORKS.frame(row for length in evidence.lengths for row in _ranked(length))


def _ranked(length: LengthEvidence) -> list[RankedRow]:
    return [
        RankedRow(candidate=candidate, length=length, rank=rank)
        for candidate, rank in zip(length.networks, length.ranks, strict=True)
    ]


def _networks(evidence: FidelityEvidence) -> PageTable:
    """Every network with its top-1 and place at every length, the best of the longest runs first."""
    rows = list(zip(*map(_ranked, evidence.lengths), strict=True))
    split = NETWORK["depth_share"]

    def at(place: int, length: LengthEvidence) -> Column[Sequence[RankedRow]]:
        return page_only(
            f"{length.images:,} images",
            lambda row: Markdown(f"{top1_seeds(row[place].candidate)} ({row[place].rank:g})"),
        )

    columns: Columns[Sequence[RankedRow]] = Columns(
        columns=(
            page_only("network", lambda row: code(row[0].candidate.key)),
            page_only(split.page_head(), lambda row: split.page_cell(row[0])),
            *(at(place, length) for place, length in enumerate(evidence.lengths)),
        ),
        left=2,
    )
    return columns.table(sorted(rows, key=lambda row: row[-1].rank))


# ----------------------------------------------------------------------------------------------------
# The answer: whether rates move with training, what the short runs' best loses, whether the order holds.

NO_LOSS = 0.05
"""Points below which a loss is none in the digits that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityAnswer:
    """What a study of lengths says.

    Attributes:
        networks: that completed all lengths.
        lengths: how many.
        short: the length that is judged; None without an answer.
        long: the longest one.
        missing: why there are no surfaces; empty where there are.
        moving: the rates that are shown to move, each with how far, in points for a tenth.
        widest: how far one could move at most; empty where the runs don't bound it.
        split: the best of the short runs; empty where it is not known.
        same_split: whether it is the best of the long runs.
        loss: how far it is behind that.
    """

    networks: int
    lengths: int
    short: LengthEvidence | None
    long: LengthEvidence | None
    missing: str
    moving: Sequence[str] = ()
    widest: str = ""
    split: str = ""
    same_split: bool = False
    loss: str = ""


def fidelity_answer(evidence: FidelityEvidence) -> FidelityAnswer:
    """The length that is judged against the longest one."""
    lengths, short = evidence.lengths, evidence.judged
    values: dict[str, Any] = {
        "networks": len(evidence.reference.networks) if lengths else 0,
        "lengths": len(lengths),
        "short": short if short is not None and short.agreement is not None else None,
        "long": evidence.reference if lengths else None,
        "missing": evidence.missing,
    }
    if short is not None and short.moves is not None:
        moves, widest = short.moves.moves, short.moves.widest
        values["moving"] = [rate_text(rate) for rate in moves if rate.points.shown]
        values["widest"] = f"{widest:.2f}" if bounded(widest) else ""
    if short is not None and short.answer is not None and short.loss is not None:
        loss = short.loss
        values["split"] = split_text(short.answer.best)
        values["same_split"] = max(loss.value, loss.high) < NO_LOSS
        values["loss"] = points_text(loss.value, max(0.0, loss.low), loss.high, unit=" points")
    return FidelityAnswer(**values)


def answer_lines(evidence: FidelityEvidence) -> tuple[str, ...]:
    """The first lines of the page as text."""
    return plain_lines(part("commands/fidelity/answer.md.j2", "answer", fidelity_answer(evidence)))


# ----------------------------------------------------------------------------------------------------
# The page.

FEW = 10
"""Below this many networks a bootstrap interval is markedly too narrow."""
ENOUGH_FOR_A_SURFACE = 12
"""Networks that a search trains by itself, which are enough for a surface with something to spare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityPage:
    """What the page shows.

    Attributes:
        name: of the search that is judged.
        command: that made it.
        answer: its lines.
        left_out: networks that lack a length.
        steps: what to do next.
        rates: by length, a row each; empty without surfaces.
        moves: what becomes of these with each doubling of the training, a row for each shorter length.
        lengths: how each ranks networks, a row each.
        few: whether the interval of a tau is too narrow.
        networks: a row each.
        trained: the training in it.
        made: how it was made.
        figures: those that were drawn.
    """

    name: str
    command: str
    answer: FidelityAnswer
    left_out: int
    steps: Steps
    rates: PageTable
    moves: PageTable
    lengths: PageTable
    few: bool
    networks: PageTable
    trained: str
    made: Made
    figures: Collection[str]


def fidelity_page(record: FidelityRecord, evidence: FidelityEvidence, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    last = record.lengths[-1] if record.lengths else record.run
    lengths, answer = evidence.lengths, fidelity_answer(evidence)
    rates, moves = ([f"{what}_{rate}" for rate in RATES] for what in ("rate", "move"))
    return page(
        "commands/fidelity/page.md.j2",
        FidelityPage(
            name=record.run.name,
            command=record.run.command,
            answer=answer,
            left_out=evidence.left_out,
            steps=_steps(record, evidence),
            rates=LENGTHS.table(
                [each for each in lengths if each.answer], order=("images", *rates, "same_p"), but=ORDER
            ),
            moves=LENGTHS.table(
                [each for each in lengths if each.moves], order=("images", *moves), but=ORDER
            ),
            lengths=LENGTHS.table(lengths),
            few=answer.networks < FEW and any(each.ranked for each in lengths),
            networks=_networks(evidence),
            trained=training(c for length in lengths for c in length.networks),
            made=made_of(
                command=last.command,
                settings=last.settings,
                machine=last.machine,
                versions=last.versions,
            ),
            figures=figures,
        ),
    )


def _steps(record: FidelityRecord, evidence: FidelityEvidence) -> Steps:
    """A longer search, a family by the answer that holds, or more runs where nothing is shown."""
    run, short = record.run, evidence.judged
    search = without_options(run.command, ("--seeds", "--out"))
    if short is not None and short.answer is not None and short.moves is not None:
        if short.moves.moving:
            images = evidence.reference.images
            longer = f"{without_options(search, ('--images', '--epochs'))} --images {images}"
            folder = quoted(f"reports/{run.name}-{images}-images")
            return steps(
                ("The search again, its runs as long as the longest here", f"{longer} --out {folder}")
            )
        if short.moves.settled:
            alpha, beta, gamma = coefficients_of(short.answer.best)
            family = f"scalesearch scale{of_baseline(run.settings)} --alpha {alpha:g} --beta {beta:g}"
            return steps(("A family by the answer, which holds", f"{family} --gamma {gamma:g} --phi 0..7"))
    trained = [c for c in run.candidates if c.status == "completed"]
    seeds = max((len(c.runs) for c in trained), default=1)
    networks = min(len(trained), ENOUGH_FOR_A_SURFACE)
    longest = evidence.reference if evidence.lengths else None
    if longest is not None and (longest.seeds < seeds or len(longest.networks) < networks):
        again = without_options(record.lengths[-1].command, ("--networks", "--seeds"))
        return steps(
            (
                "More of the search's networks and seeds",
                f"mv {FOLDER} {FOLDER}-before && {again} --networks {networks} --seeds {seeds}",
            )
        )
    more = f"{without_options(search, ('--max-networks',))} --max-networks {ENOUGH_FOR_A_SURFACE}"
    more = f"{more} --seeds {max(3, 2 * seeds)} --out {quoted(f'reports/{run.name}-more-runs')}"
    return steps(("More networks and seeds of the search itself, to be judged anew", more))


# ----------------------------------------------------------------------------------------------------
# All that is written.


def write_fidelity_report(record: FidelityRecord, out: Path) -> Report:
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
    table = lengths_table(evidence)
    write_text(out / "fidelity.csv", csv_text(table))
    write_text(out / "networks.csv", csv_text(networks_table(evidence)))
    markdown = fidelity_page(record, evidence, {path.stem for path in figures})
    return Report(
        page=write_pages(out / "report.md", markdown),
        figures=figures,
        table=table,
        answer=answer_lines(evidence),
    )
