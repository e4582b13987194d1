"""The page, table and figure of alternating rounds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from scalesearch.files import write_text
from scalesearch.page.columns import Cell, Column, Columns, field
from scalesearch.page.evidence import HighlightKind, find_triple, nothing_learnt, tied_with
from scalesearch.page.html.page import Report, write_pages
from scalesearch.page.markdown import code, plain_lines, plural, si
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
from scalesearch.page.style import COLOURS, INK, MARKERS, house_style, legend_below, new_figure, write_figures
from scalesearch.page.tables import PERCENT, THREE, csv_text
from scalesearch.page.templates import page, part
from scalesearch.records import AlternateRecord, CandidateRecord, RoundRecord
from scalesearch.text import without_options

# ----------------------------------------------------------------------------------------------------
# The figure of an alternation: phi and the coefficients, round by round.

COEFFICIENTS: tuple[tuple[str, HighlightKind], ...] = (
    ("alpha", "depth"),
    ("beta", "width"),
    ("gamma", "resolution"),
)


def rounds_figure(rounds: Sequence[RoundRecord]) -> Figure | None:
    """Phi searched at and phi the budget allows, and the chosen coefficients; None without a round."""
    if not rounds:
        return None
    numbers = [record.number for record in rounds]
    with house_style():
        figure = new_figure("Round by round", 4.1)
        left, right = figure.subplots(1, 2)
        searched: dict[str, Any] = {"color": INK, "marker": "o", "markersize": 7}
        allowed: dict[str, Any] = {
            "color": COLOURS["paper"],
            "marker": "D",
            "markersize": 7,
            "linestyle": (0, (5, 2)),
        }
        left.plot(numbers, [record.phi for record in rounds], **searched)
        left.plot(numbers, [record.next_phi for record in rounds], markerfacecolor="white", **allowed)
        left.set_title("compound exponent", pad=8)
        left.set_ylabel(r"$\phi$")
        handles = [
            Line2D([], [], label=r"$\phi$ searched at", **searched),
            Line2D([], [], label=r"$\phi$ that the budget then allows", markerfacecolor="white", **allowed),
        ]
        for name, kind in COEFFICIENTS:
            style: dict[str, Any] = {"color": COLOURS[kind], "marker": MARKERS[kind], "markersize": 7}
            right.plot(numbers, [getattr(record, name) for record in rounds], **style)
            handles.append(Line2D([], [], label=rf"$\{name}$ ({kind})", **style))
        right.set_title("chosen coefficients", pad=8)
        right.set_ylabel("coefficient")
        for axes in (left, right):
            axes.set_xlabel("round")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axes.margins(x=0.12, y=0.15)
            if len(numbers) == 1:
                axes.set_xlim(numbers[0] - 0.5, numbers[0] + 0.5)
        legend_below(figure, handles, 3)
    return figure


# ----------------------------------------------------------------------------------------------------
# The page of an alternation: the coefficients, and the phi at which they meet the budget.

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternateAnswer:
    """What an alternation came to; figures are of its last round.

    Attributes:
        rounds: how many came to their end.
        settled: whether the answer had stopped changing.
        reason: why it ended, without a full stop.
        last: the last round; None without any.
        cost: of the network at the phi that the budget allows.
        budget: what it may spend.
        top1: of the chosen network in that round's search.
        trained: networks of that search.
        seeds: of the chosen network.
        ties: other networks with exactly its top-1.
        unlearnt: the rounds in which no network has learnt anything that shows.
    """

    rounds: int
    settled: bool
    reason: str
    last: RoundRecord | None
    cost: str = ""
    budget: str = ""
    top1: str = ""
    trained: int = 0
    seeds: int = 0
    ties: int = 0
    unlearnt: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternatePage:
    """What the page shows: the answer, what to do next, a row per round, how it was made."""

    name: str
    answer: AlternateAnswer
    steps: Steps
    rounds: PageTable
    seconds: float
    trained: str
    made: Made
    figures: Collection[str]


def alternate_page(record: AlternateRecord, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    return page(
        "commands/alternate/page.md.j2",
        AlternatePage(
            name=record.name,
            answer=alternate_answer(record),
            steps=_steps(record),
            rounds=ROUNDS.table(record.rounds),
            seconds=sum(finished.run.wall_s for finished in record.rounds),
            trained=training(c for finished in record.rounds for c in finished.run.candidates),
            made=made_of(
                command=record.command,
                settings=record.settings,
                machine=record.machine,
                versions=record.versions,
            ),
            figures=figures,
        ),
    )


def answer_lines(record: AlternateRecord) -> tuple[str, ...]:
    """The first lines of the page as text."""
    return plain_lines(part("commands/alternate/answer.md.j2", "answer", alternate_answer(record)))


def alternate_answer(record: AlternateRecord) -> AlternateAnswer:
    """The coefficients of the last round, the phi that the budget allows them, and what that rests on."""
    last = record.rounds[-1] if record.rounds else None
    reason = record.reason.rstrip(".")
    if last is None:
        return AlternateAnswer(rounds=0, settled=False, reason=reason, last=None)
    chosen = _chosen(last)
    return AlternateAnswer(
        rounds=len(record.rounds),
        settled=record.converged,
        reason=reason,
        last=last,
        cost=budget_text(last.budget_kind, last.next_cost),
        budget=budget_text(last.budget_kind, last.budget),
        top1="" if chosen is None else top1_seeds(chosen),
        trained=_trained(last),
        seeds=0 if chosen is None else len(chosen.runs),
        ties=len(tied_with(last.run, chosen)) if chosen is not None and chosen.status == "completed" else 0,
        unlearnt=[str(finished.number) for finished in record.rounds if nothing_learnt(finished.run)],
    )


def _steps(record: AlternateRecord) -> Steps:
    if not record.rounds:
        return steps()
    last = record.rounds[-1]
    baseline, phi = of_baseline(record.settings), f"{last.next_phi:.3g}"
    triple = f"--alpha {last.alpha:.4g} --beta {last.beta:.4g} --gamma {last.gamma:.4g}"
    anew = f"{without_options(record.command, ('--phi', '--out'))} --phi {phi}"
    one_search = without_options(anew, ("--budget", "--budget-ratio", "--max-rounds", "--max-networks"))
    return steps(
        (
            "A family by these coefficients, up to that size",
            f"scalesearch scale{baseline} {triple} --phi 0,{phi}",
        ),
        None
        if record.converged
        else (
            "Further rounds from that phi, in a folder of their own",
            f"{anew} --out {FOLDER}-from-phi-{phi}",
        ),
        (
            "Is the choice more than noise? A surface over splits at that phi",
            one_search.replace("scalesearch alternate", "scalesearch grid", 1),
        ),
    )


def budget_text(kind: str, value: float) -> str:
    """A budget in the unit of its kind: ``780 M MACs``, ``512.0 MiB``, ``12.3 ms``."""
    if kind == "memory":
        return f"{value / MIB:.1f} MiB"
    if kind == "latency":
        return f"{1e3 * value:.3g} ms"
    return f"{si(value)} {'MACs' if kind == 'macs' else kind}"


# ----------------------------------------------------------------------------------------------------
# A finished (or stopped) alternation between coefficients and phi as a table, a figure and a page.


def _chosen(record: RoundRecord) -> CandidateRecord | None:
    return find_triple(record.run.candidates, (record.alpha, record.beta, record.gamma))


def _of_chosen(name: str, value: Callable[[CandidateRecord], Any], **looks: Any) -> Column[RoundRecord]:
    return Column(
        name=name, value=lambda row: None if (chosen := _chosen(row)) is None else value(chosen), **looks
    )


def _trained(record: RoundRecord) -> int:
    return sum(c.status == "completed" for c in record.run.candidates)


FOUR = "{:.4g}"

ROUNDS: Columns[RoundRecord] = Columns(
    columns=(
        Column(name="round", value=lambda row: row.number, terminal=Cell("{:d}"), page=Cell()),
        Column(name="phi", value=lambda row: float(row.phi), terminal=THREE, page=Cell(FOUR)),
        *(field(name, terminal=Cell("{:g}"), page=Cell(FOUR)) for name, _ in COEFFICIENTS),
        Column(name="product", value=lambda row: row.alpha * row.beta**2 * row.gamma**2),
        Column(
            name="next_phi",
            value=lambda row: float(row.next_phi),
            terminal=THREE,
            page=Cell(FOUR, head="next phi"),
        ),
        Column(
            name="next_cost",
            value=lambda row: float(row.next_cost),
            head="cost there",
            page=lambda row: budget_text(row.budget_kind, row.next_cost),
        ),
        field("budget_kind"),
        Column(name="budget", value=lambda row: float(row.budget)),
        field("residual", page=Cell("{:+.1%}", head="off budget")),
        _of_chosen("key", lambda c: c.key),
        _of_chosen(
            "top1",
            lambda c: c.top1,
            terminal=PERCENT,
            head="its top-1",
            page=lambda row: "" if (chosen := _chosen(row)) is None else top1_seeds(chosen),
        ),
        _of_chosen("top1_sd", lambda c: c.top1_sd),
        _of_chosen("seeds", lambda c: len(c.runs)),
        Column(name="networks", value=lambda row: len(row.run.candidates)),
        Column(
            name="trained",
            value=_trained,
            page=lambda row: f"{_trained(row)} of {plural(len(row.run.candidates), 'network')}",
        ),
        Column(name="wall_s", value=lambda row: float(row.run.wall_s)),
        Column(name="run", value=lambda row: row.run.name, page=lambda row: code(row.run.name)),
    ),
    terminal=("round", "phi", "alpha", "beta", "gamma", "top1", "next_phi"),
    page=("round", "phi", "alpha", "beta", "gamma", "top1", "trained", "next_phi", "next_cost", "residual"),
    left=0,
)
"""Of ``rounds.csv``: a row per round, with the network that its search chose."""


def write_alternate_report(record: AlternateRecord, out: Path) -> Report:
    """Write ``rounds.csv``, ``report.md`` and ``figures/`` of ``record`` into ``out``.

    The same record gives the same bytes.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    figures = write_figures({"rounds": rounds_figure(record.rounds)}, out / "figures")
    table = rounds_table(record.rounds)
    write_text(out / "rounds.csv", csv_text(table))
    return Report(
        page=write_pages(out / "report.md", alternate_page(record, {path.stem for path in figures})),
        table=table,
        figures=figures,
        answer=answer_lines(record),
    )


def rounds_table(rounds: Sequence[RoundRecord]) -> pd.DataFrame:
    """One row per round, by :data:`ROUNDS`; what is unknown is missing."""
    return ROUNDS.frame(rounds)
