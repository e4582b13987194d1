"""The page, table and figure of alternating rounds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from scalesearch.files import write_text
from scalesearch.page.evidence import HighlightKind, find_triple, listed, nothing_learnt, tied_with
from scalesearch.page.html.page import write_pages
from scalesearch.page.markdown import bullets, code, duration, escape, plural, si, signed_percent, table
from scalesearch.page.parts import (
    figure_part,
    how_it_was_made,
    section,
    top1_seeds,
    training,
    words_and_numbers,
)
from scalesearch.page.style import COLOURS, INK, MARKERS, house_style, legend_below, new_figure, write_figures
from scalesearch.page.tables import csv_text, frame
from scalesearch.records import RoundRecord

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
    numbers = [one.number for one in rounds]
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
        left.plot(numbers, [one.phi for one in rounds], **searched)
        left.plot(numbers, [one.next_phi for one in rounds], markerfacecolor="white", **allowed)
        left.set_title("compound exponent", pad=8)
        left.set_ylabel(r"$\phi$")
        handles = [
            Line2D([], [], label=r"$\phi$ searched at", **searched),
            Line2D([], [], label=r"$\phi$ that the budget then allows", markerfacecolor="white", **allowed),
        ]
        for name, kind in COEFFICIENTS:
            style: dict[str, Any] = {"color": COLOURS[kind], "marker": MARKERS[kind], "markersize": 7}
            right.plot(numbers, [getattr(one, name) for one in rounds], **style)
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

FIGURES = {
    "rounds": (
        "Phi and the chosen coefficients, round by round",
        "How to read it: the alternation has settled where each round searches at the phi that the one "
        "before it ended with, and finds the same coefficients there.",
    ),
}
MIB = 2**20


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
    trained = [c for one in rounds for c in one.run.candidates]
    parts = [
        f"# {escape(name)}: coefficients and phi for a budget",
        _answer(rounds, converged=converged, reason=reason),
        section("How far to trust this", _trust(rounds, converged=converged)),
        section("Round by round", _rounds(rounds)),
        figure_part("rounds", FIGURES, figures),
        how_it_was_made(
            command=command,
            facts=[
                f"Time: {duration(sum(r.run.wall_s for r in rounds))} over {plural(len(rounds), 'round')}, "
                f"of which {training(trained)}.",
            ],
            settings=settings,
            machine=machine,
            versions=versions,
        ),
        words_and_numbers("rounds.csv", runs=True),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def budget_text(kind: str, value: float) -> str:
    """A budget in the unit of its kind: ``780 M MACs``, ``512.0 MiB``, ``12.3 ms``."""
    if kind == "memory":
        return f"{value / MIB:.1f} MiB"
    if kind == "latency":
        return f"{1e3 * value:.3g} ms"
    return f"{si(value)} {'MACs' if kind == 'macs' else kind}"


def _answer(rounds: Sequence[RoundRecord], *, converged: bool, reason: str) -> str:
    if not rounds:
        why = f" {escape(reason.rstrip('.'))}." if reason else ""
        return f"**No answer yet:** no round is complete.{why}"
    last = rounds[-1]
    settled = (
        f"It settled after {plural(len(rounds), 'round')}"
        if converged
        else f"**It had not settled** after {plural(len(rounds), 'round')}"
    )
    why = f": {escape(reason.rstrip('.'))}." if reason else "."
    off = signed_percent(last.next_cost / last.budget - 1)
    return (
        f"{_unlearnt(rounds)}**{_triple(last)} at phi {last.next_phi:.3g}**: a network of "
        f"{budget_text(last.budget_kind, last.next_cost)} for a budget of "
        f"{budget_text(last.budget_kind, last.budget)} ({off}). {settled}{why}{_tied(last)}"
    )


def _unlearnt(rounds: Sequence[RoundRecord]) -> str:
    flat = [str(one.number) for one in rounds if nothing_learnt(one.run)]
    if not flat:
        return ""
    where = "any round" if len(flat) == len(rounds) else f"round{'s' * (len(flat) > 1)} {listed(flat)}"
    return (
        f"**No network of {where} has learnt anything that shows: even the best cannot be told from "
        "guessing.** "
    )


def _tied(last: RoundRecord) -> str:
    chosen = find_triple(last.run.candidates, (last.alpha, last.beta, last.gamma))
    ties = tied_with(last.run, chosen) if chosen is not None and chosen.status == "completed" else []
    if not ties:
        return ""
    return (
        f" In the last round these coefficients share their top-1 exactly with "
        f"{plural(len(ties), 'other network')}: accuracy did not decide between them."
    )


def _trust(rounds: Sequence[RoundRecord], *, converged: bool) -> str:
    if not rounds:
        return ""
    last = rounds[-1]
    items = [
        "**Settled is not best:** a round that repeats the one before ends the alternation; nothing says "
        "that another start would end at the same place."
        if converged
        else "**Not settled:** the last round's coefficients were searched at another phi than the one that "
        f"they are now used at ({last.phi:.3g} against {last.next_phi:.3g}).",
        "**Each round's choice is the best of many noisy values.** Coefficients that go back and forth "
        "between rounds may be noise: see each round's own report for what its seeds can tell apart.",
    ]
    counts = sorted({len(c.runs) for one in rounds for c in one.run.candidates if c.runs})
    if counts and counts[-1] == 1:
        items.append("**One seed each:** how much top-1 moves from seed to seed is not known here.")
    return bullets(items)


def _rounds(rounds: Sequence[RoundRecord]) -> str:
    if not rounds:
        return ""
    header = ("round", "phi", "alpha", "beta", "gamma", "its top-1", "trained", "next phi", "cost there")
    rows = []
    for one in rounds:
        chosen = find_triple(one.run.candidates, (one.alpha, one.beta, one.gamma))
        done = sum(c.status == "completed" for c in one.run.candidates)
        rows.append(
            (
                str(one.number),
                f"{one.phi:.4g}",
                *(f"{value:.4g}" for value in (one.alpha, one.beta, one.gamma)),
                top1_seeds(chosen) if chosen else "",
                f"{done} of {plural(len(one.run.candidates), 'network')}",
                f"{one.next_phi:.4g}",
                budget_text(one.budget_kind, one.next_cost),
                signed_percent(one.next_cost / one.budget - 1),
                code(one.run.name),
            )
        )
    return table((*header, "off budget", "run"), rows, left=0)


def _triple(one: RoundRecord) -> str:
    return f"alpha {one.alpha:.4g}, beta {one.beta:.4g}, gamma {one.gamma:.4g}"


# ----------------------------------------------------------------------------------------------------
# A finished (or stopped) alternation between coefficients and phi as a table, a figure and a page.

COLUMNS = (
    *("round", "phi", "alpha", "beta", "gamma", "product", "next_phi", "next_cost", "budget_kind", "budget"),
    *("residual", "key", "top1", "top1_sd", "seeds", "networks", "trained", "wall_s", "run"),
)


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
    """One row per round, columns :data:`COLUMNS`; what is unknown is missing."""
    return frame([_row(one) for one in rounds], COLUMNS)


def _row(one: RoundRecord) -> dict[str, object]:
    chosen = find_triple(one.run.candidates, (one.alpha, one.beta, one.gamma))
    row: dict[str, object] = {name: getattr(one, name, None) for name in COLUMNS}
    row |= {
        "round": one.number,
        "phi": float(one.phi),
        "next_phi": float(one.next_phi),
        "next_cost": float(one.next_cost),
        "budget": float(one.budget),
        "product": one.alpha * one.beta**2 * one.gamma**2,
        "residual": one.next_cost / one.budget - 1,
        "networks": len(one.run.candidates),
        "trained": sum(c.status == "completed" for c in one.run.candidates),
        "wall_s": float(one.run.wall_s),
        "run": one.run.name,
    }
    if chosen is not None:
        row |= {"key": chosen.key, "top1": chosen.top1, "top1_sd": chosen.top1_sd, "seeds": len(chosen.runs)}
    return row
