"""The page of an alternation: the coefficients, and the phi at which they meet the budget."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from scalesearch.records import RoundRecord
from scalesearch.report.evidence import find_triple
from scalesearch.report.learning import nothing_learnt, tied_with
from scalesearch.report.markdown import bullets, code, duration, escape, plural, si, signed_percent, table
from scalesearch.report.page_parts import SINGLE_RUNS, figure_part, section, top1_seeds, training
from scalesearch.report.provenance import PLAIN_COUNTS, how_it_was_made
from scalesearch.report.sentences import listed

__all__ = ["FIGURES", "alternate_page", "budget_text"]

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
        section("How to read this page", _glossary()),
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


def _glossary() -> str:
    return bullets(
        (
            "phi: the compound exponent that the round searched at; next phi: where the round's coefficients "
            "meet the budget, and where the next round searches.",
            "its top-1: that of the network with the round's coefficients, at the round's phi, mean &plusmn; "
            "standard deviation over seeds, in points.",
            "off budget: the cost at the next phi relative to the budget, less 1.",
            PLAIN_COUNTS,
            f"All numbers, unrounded: `rounds.csv` beside this page. {SINGLE_RUNS}",
        )
    )
