"""The page, table and figure of alternating rounds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
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
from scalesearch.page.html.page import write_pages
from scalesearch.page.markdown import code, plural, si, signed_percent
from scalesearch.page.parts import (
    FOLDER,
    Made,
    Steps,
    made_of,
    of_baseline,
    steps,
    top1_seeds,
    training,
)
from scalesearch.page.style import COLOURS, INK, MARKERS, house_style, legend_below, new_figure, write_figures
from scalesearch.page.tables import PERCENT, THREE, csv_text
from scalesearch.page.templates import page
from scalesearch.records import CandidateRecord, RoundRecord
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
class AlternatePage:
    """What the page shows; figures of the last round where nothing else is said.

    Attributes:
        name: of the alternation.
        rounds: the rows of its table, a round each.
        heads: what their columns are called.
        reason: why it ended, without a full stop.
        settled: whether its answer had stopped changing.
        coefficients: the answer.
        phi: at which they meet the budget.
        searched_at: the phi of the last round's search.
        cost: of the network there.
        budget: what it may spend.
        off: how far its cost is from that, relative to it.
        ties: other networks with the top-1 of the chosen one.
        unlearnt: the rounds in which no network has learnt anything that shows.
        one_seed: whether every network has a single run.
        seconds: of all rounds.
        trained: the training in it.
        steps: what to do next.
        made: how it was made.
        figures: those that were drawn.
    """

    name: str
    rounds: Sequence[Sequence[str]]
    heads: Sequence[str]
    reason: str
    settled: bool
    coefficients: str = ""
    phi: float = 0.0
    searched_at: float = 0.0
    cost: str = ""
    budget: str = ""
    off: float = 0.0
    ties: int = 0
    unlearnt: Sequence[str] = ()
    one_seed: bool = False
    seconds: float
    trained: str
    steps: Steps
    made: Made
    figures: Collection[str]


def alternate_page(
    *,
    name: str,
    command: str,
    settings: Mapping[str, Any],
    machine: Mapping[str, Any],
    versions: Mapping[str, str],
    rounds: Sequence[RoundRecord],
    converged: bool,
    reason: str,
    figures: Collection[str],
) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    networks = [c for record in rounds for c in record.run.candidates]
    table = ROUNDS.table(rounds)
    runs_each = {len(c.runs) for c in networks if c.runs}
    last = rounds[-1] if rounds else None
    values: dict[str, Any] = {}
    if last is not None:
        chosen = find_triple(last.run.candidates, (last.alpha, last.beta, last.gamma))
        tied = tied_with(last.run, chosen) if chosen is not None and chosen.status == "completed" else []
        values = {
            "coefficients": f"alpha {last.alpha:.4g}, beta {last.beta:.4g}, gamma {last.gamma:.4g}",
            "phi": last.next_phi,
            "searched_at": last.phi,
            "cost": budget_text(last.budget_kind, last.next_cost),
            "budget": budget_text(last.budget_kind, last.budget),
            "off": last.next_cost / last.budget - 1,
            "ties": len(tied),
            "unlearnt": [str(record.number) for record in rounds if nothing_learnt(record.run)],
            "one_seed": runs_each == {1},
        }
    return page(
        "commands/alternate/page.md.j2",
        AlternatePage(
            name=name,
            rounds=table.rows,
            heads=table.header,
            reason=reason.rstrip("."),
            settled=converged,
            seconds=sum(record.run.wall_s for record in rounds),
            trained=training(networks),
            steps=_steps(last, command, settings, converged=converged),
            made=made_of(command=command, settings=settings, machine=machine, versions=versions),
            figures=figures,
            **values,
        ),
    )


def _steps(last: RoundRecord | None, command: str, settings: Mapping[str, Any], *, converged: bool) -> Steps:
    if last is None:
        return steps()
    of, phi = of_baseline(settings), f"{last.next_phi:.3g}"
    triple = f"--alpha {last.alpha:.4g} --beta {last.beta:.4g} --gamma {last.gamma:.4g}"
    anew = f"{without_options(command, ('--phi', '--out'))} --phi {phi} --out {FOLDER}-from-phi-{phi}"
    return steps(
        ("A family by these coefficients, up to that size", f"scalesearch scale{of} {triple} --phi 0,{phi}"),
        None if converged else ("Further rounds from that phi, in a folder of their own", anew),
        (
            "Is the choice more than noise? A surface over splits at that phi",
            f"scalesearch grid{of} --phi {phi}",
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


def _coefficient(name: str) -> Column[RoundRecord]:
    return field(name, terminal=Cell("{:g}"), head=name, page=lambda row: f"{getattr(row, name):.4g}")


def _trained(record: RoundRecord) -> int:
    return sum(c.status == "completed" for c in record.run.candidates)


ROUNDS: Columns[RoundRecord] = Columns(
    columns=(
        Column(
            name="round",
            value=lambda row: row.number,
            terminal=Cell("{:d}"),
            head="round",
            page=lambda row: str(row.number),
        ),
        Column(
            name="phi",
            value=lambda row: float(row.phi),
            terminal=THREE,
            head="phi",
            page=lambda row: f"{row.phi:.4g}",
        ),
        *map(_coefficient, ("alpha", "beta", "gamma")),
        Column(name="product", value=lambda row: row.alpha * row.beta**2 * row.gamma**2),
        Column(
            name="next_phi",
            value=lambda row: float(row.next_phi),
            terminal=THREE,
            head="next phi",
            page=lambda row: f"{row.next_phi:.4g}",
        ),
        Column(
            name="next_cost",
            value=lambda row: float(row.next_cost),
            head="cost there",
            page=lambda row: budget_text(row.budget_kind, row.next_cost),
        ),
        field("budget_kind"),
        Column(name="budget", value=lambda row: float(row.budget)),
        Column(
            name="residual",
            value=lambda row: row.next_cost / row.budget - 1,
            head="off budget",
            page=lambda row: signed_percent(row.next_cost / row.budget - 1),
        ),
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
            head="trained",
            page=lambda row: f"{_trained(row)} of {plural(len(row.run.candidates), 'network')}",
        ),
        Column(name="wall_s", value=lambda row: float(row.run.wall_s)),
        Column(name="run", value=lambda row: row.run.name, head="run", page=lambda row: code(row.run.name)),
    ),
    terminal=("round", "phi", "alpha", "beta", "gamma", "top1", "next_phi"),
    page=("round", "phi", "alpha", "beta", "gamma", "top1", "trained", "next_phi", "next_cost", "residual"),
    left=0,
)
"""Of ``rounds.csv``: a row per round, with the network that its search chose."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AlternateReport:
    """What was written, and the table a caller prints.

    Attributes:
        page: ``report.md``.
        rounds_csv: ``rounds.csv``.
        figures: the figure, SVG and PNG; empty without a round.
        table: the table of ``rounds_csv``.
    """

    page: Path
    rounds_csv: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame


def write_alternate_report(
    rounds: Sequence[RoundRecord],
    out: Path,
    *,
    name: str,
    command: str,
    settings: Mapping[str, Any],
    machine: Mapping[str, Any],
    versions: Mapping[str, str],
    converged: bool,
    reason: str,
) -> AlternateReport:
    """Write ``rounds.csv``, ``report.md`` and ``figures/`` of ``rounds`` into ``out``.

    ``reason`` says in a few words why the alternation ended. The same rounds give the same bytes.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    figures = write_figures({"rounds": rounds_figure(rounds)}, out / "figures")
    rows = rounds_table(rounds)
    page = alternate_page(
        name=name,
        command=command,
        settings=settings,
        machine=machine,
        versions=versions,
        rounds=rounds,
        converged=converged,
        reason=reason,
        figures={path.stem for path in figures},
    )
    return AlternateReport(
        rounds_csv=write_text(out / "rounds.csv", csv_text(rows)),
        page=write_pages(out / "report.md", page),
        figures=figures,
        table=rows,
    )


def rounds_table(rounds: Sequence[RoundRecord]) -> pd.DataFrame:
    """One row per round, by :data:`ROUNDS`; what is unknown is missing."""
    return ROUNDS.frame(rounds)
