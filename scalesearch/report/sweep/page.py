"""The page of a sweep: does compound scaling beat each single dimension at equal cost?"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.bounds import MOST_ROWS, and_more, evenly
from scalesearch.report.evidence import completed, judged
from scalesearch.report.inputs import input_text
from scalesearch.report.learning import UNLEARNT, nothing_learnt, tied_with
from scalesearch.report.markdown import bullets, code, escape, percent, plural, si, signed_percent, table
from scalesearch.report.own_code import counted_parts
from scalesearch.report.page_parts import (
    SINGLE_RUNS,
    figure_part,
    made,
    p_text,
    quoted_agreement,
    section,
    top1_seeds,
    unfinished,
)
from scalesearch.report.provenance import PLAIN_COUNTS
from scalesearch.report.sentences import listed
from scalesearch.report.sweep.evidence import (
    DIMENSIONS,
    ROLES,
    SweepComparison,
    baseline_of,
    budgets,
    comparisons,
    residual,
    width_move,
)
from scalesearch.report.sweep.figure import published_here
from scalesearch.scaling import NOMINAL_BASE

__all__ = ["FIGURES", "sweep_page"]

FIGURES = {
    "sweep": (
        "Held-out top-1 against realised multiply-adds, one line per way to spend them",
        "How to read it: at one budget, higher is better; networks of one budget are drawn a little apart "
        "so that bars do not hide one another. Where there is a second panel, it holds what was published "
        "after full training on ImageNet: compare the order of the lines, not their heights.",
    ),
    "dimensions": (
        "Held-out top-1 against the multiplier of a single dimension",
        "How to read it: a line that flattens to the right is a dimension that alone gives less and less.",
    ),
}
FAR = 0.05
"""Costs further than this from their budget make a comparison at equal cost doubtful."""
MOST_BUDGETS = MOST_ROWS // len(ROLES)
"""With a table of their own, or named in a sentence."""


def sweep_page(run: RunRecord, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    found = comparisons(run)
    parts = [
        f"# {escape(run.name)}: does compound scaling beat each single dimension?",
        unfinished(run.candidates),
        f"{UNLEARNT if nothing_learnt(run) else ''} {_answer(found)}{_tied(run)}".strip(),
        section("How far to trust this", _trust(run, found)),
        "## Figures",
        *(figure_part(name, FIGURES, figures) for name in FIGURES),
        section("Budget by budget", _by_budget(run, found)),
        section("What was published", _published(run)),
        made(run),
        section("How to read this page", _glossary()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _answer(found: Sequence[SweepComparison]) -> str:
    single = [one for one in found if one.role in DIMENSIONS]
    question = "Does compound scaling beat each single dimension at equal cost?"
    if not single:
        return (
            f"**{question} No answer yet:** at no budget have both the compound network and one of a single "
            "dimension completed their training."
        )
    verdicts = [one.verdict for one in single]
    if "worse" in verdicts:
        word = "No"
    elif set(verdicts) == {"better"}:
        word = "Yes, at every budget tried"
    elif "better" in verdicts:
        word = "In part"
    elif set(verdicts) == {"not tested"}:
        word = "Not tested"
    else:
        word = "Not shown"
    sentences = [_against(role, [one for one in found if one.role == role]) for role in ROLES]
    return f"**{question} {word}.** " + " ".join(sentence for sentence in sentences if sentence)


def _against(role: str, rows: Sequence[SweepComparison]) -> str:
    """One sentence on compound scaling against ``role``, budget by budget."""
    if not rows:
        return ""
    parts = []
    for verdict in ("better", "worse", "no difference shown", "not tested"):
        here = [one for one in rows if one.verdict == verdict]
        if here:
            where = [f"{one.phi:g} ({100 * one.difference:+.1f} points)" for one in here]
            parts.append(f"{verdict} at phi {and_more(where, MOST_BUDGETS, ', ')}")
    return f"Against {_named(role)}: {'; '.join(parts)}."


def _tied(run: RunRecord) -> str:
    """Who shares the highest top-1, where more than one does."""
    ranking = judged(run)
    ties = tied_with(run, ranking[0]) if ranking else []
    if not ties:
        return ""
    names = [c.role if c.role == "baseline" else f"{c.role} at phi {c.phi:g}" for c in (ranking[0], *ties)]
    text = listed(names) if len(names) <= MOST_BUDGETS else and_more(names, MOST_BUDGETS, ", ")
    return f" The highest top-1 is shared exactly by {text}."


def _named(role: str) -> str:
    return f"{role} alone" if role in DIMENSIONS else "the mostly-wide rule (fast)"


def _trust(run: RunRecord, found: Sequence[SweepComparison]) -> str:
    if not found:
        return ""
    tested = [one for one in found if one.test is not None]
    items = []
    if tested:
        counts = sorted({one.seeds for one in tested})
        many = plural(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
        items.append(
            f"**The test:** two-sided t tests at 5%, paired by seed ({many}), with Holm's correction for the "
            f"{plural(len(tested), 'comparison')} of this page. The noise is estimated from all networks "
            f"together ({_df(tested)} degrees of freedom), which supposes that it is much the same for all. "
            "*No difference shown* does not mean that there is none: see how wide the intervals are."
        )
    if len(tested) < len(found):
        items.append(
            f"**Not tested:** {plural(len(found) - len(tested), 'comparison')} without at least two common "
            "seeds. How much top-1 moves from seed to seed is not known there, so the sign of a difference "
            "may be luck. `--seeds 3` or more would tell."
        )
    compared = {c.key: c for one in found for c in (one.compound, one.other)}
    worst = max(compared.values(), key=lambda c: abs(residual(c)))
    far = [c for c in compared.values() if abs(residual(c)) > FAR]
    kind = worst.budget.kind if worst.budget else "macs"
    items.append(
        f"**Equal cost ({'MACs' if kind == 'macs' else escape(kind)}):** the compared networks are within "
        f"{abs(residual(worst)):.1%} of their budgets "
        f"({worst.role} at phi {worst.phi:g} is the furthest, {signed_percent(residual(worst))})."
        + (f" {plural(len(far), 'network')} more than 5% off: read those rows with care." if far else "")
    )
    items += _bent(run)
    chance = 1 / run.classes
    low = [c for c in compared.values() if (c.top1 or 0.0) <= 2 * chance]
    if low:
        items.append(
            f"**Chance** is {percent(chance)}: {plural(len(low), 'network')} did not get beyond twice that, "
            "so their order says little."
        )
    items.append(_reliability(run))
    return bullets(items)


def _bent(run: RunRecord) -> list[str]:
    """How far equal cost took widths off the rules of their roles; empty where no rule can be told."""
    known = [(move, c) for c in run.candidates if (move := width_move(c)) is not None]
    if not known:
        return []
    move, c = max(known, key=lambda pair: abs(pair[0]))
    said = (
        "Here no width was moved by it."
        if abs(move) < 5e-4
        else f"The largest move: {escape(c.role)} at phi {c.phi:g} is {c.width:.3f} times as wide as the "
        f"baseline, where its rule says {c.width / (1 + move):.3f} ({signed_percent(move)})."
    )
    return [
        "**Equal cost bends the shares:** each role goes along its own rule to whatever phi spends the "
        f"budget, then its width is moved to meet it (and its resolution, where channels are coarse). {said}"
    ]


def _df(tested: Sequence[SweepComparison]) -> int:
    return next(one.test.df for one in tested if one.test)


def _reliability(run: RunRecord) -> str:
    if not run.reliability:
        return (
            "**Short runs are a proxy:** they need not rank networks as full training would. `scalesearch "
            "fidelity` measures how far they do; it has not been asked about runs like these."
        )
    return f"**Short runs are a proxy:** {quoted_agreement(run.reliability[-1])}"


def _by_budget(run: RunRecord, found: Sequence[SweepComparison]) -> str:
    base = baseline_of(run)
    header: tuple[str, ...] = (
        "role",
        "depth",
        "width",
        "resolution",
        "input",
        counted_parts(run.settings),
        "MACs",
        "off budget",
        "top-1",
    )
    header += ("seeds", "compound less this", "95% interval", "verdict")
    parts = []
    if base:
        parts.append(f"The baseline itself: top-1 {top1_seeds(base)} at {si(base.macs)} MACs.")
    every = budgets(run)
    shown = evenly(every, MOST_BUDGETS)
    for phi in shown:
        here = [c for role in ROLES for c in run.candidates if c.phi == phi and c.role == role]
        by_key = {one.other.key: one for one in found if one.phi == phi}
        asked = NOMINAL_BASE**phi
        parts += [
            f"### phi {phi:g}: {asked:.3g} times the baseline's cost",
            table(header, [_cells(c, by_key.get(c.key)) for c in here]),
        ]
        failed = [c for c in here if not completed(c)]
        if failed:
            parts.append(
                bullets(f"{c.role}: {c.status}{f', {escape(c.reason)}' if c.reason else ''}." for c in failed)
            )
    if more := len(every) - len(shown):
        noun = plural(more, "budget").split(" ", 1)[1]
        parts.append(f"And {more:,} more {noun} in `sweep.csv`: those shown are spread evenly over all.")
    return "\n\n".join(parts)


def _cells(c: CandidateRecord, one: SweepComparison | None) -> list[str]:
    cells = [c.role, *(f"{value:.3f}" for value in (c.depth, c.width, c.resolution_multiplier))]
    cells.append(input_text(c))
    cells += [str(c.blocks), si(c.macs), signed_percent(residual(c))] if c.counted else ["", "", ""]
    cells += [top1_seeds(c), str(len(c.runs))] if completed(c) else [c.status, ""]
    if one is None:
        return [*cells, "", "", ""]
    test = one.test
    return [
        *cells,
        f"{100 * one.difference:+.1f}",
        f"{100 * test.low:+.1f} to {100 * test.high:+.1f}" if test else "",
        f"{one.verdict} ({p_text(test.p_holm)})" if test else one.verdict,
    ]


def _published(run: RunRecord) -> str:
    rows = published_here(run)
    if not rows:
        return ""
    cells = [
        (role, f"{row.depth:g}", f"{row.width:g}", f"{row.resolution:g}", si(row.flops), percent(row.top1))
        for role, row in rows.items()
    ]
    source = next(iter(rows.values())).source
    return (
        "EfficientNet-B0 scaled in one dimension or in all, after full training on ImageNet at 224 px and "
        f"more ({source}). One run each, no spread was published.\n\n"
        + table(("scaling", "depth", "width", "resolution", "FLOPs", "ImageNet top-1"), cells)
    )


def _glossary() -> str:
    return bullets(
        (
            "role: what the budget was spent on. depth, width, resolution: on that dimension alone, but for "
            "the move of width (and, where needed, resolution) that makes the costs equal; compound: "
            "on all three by the coefficients of the settings; fast: mostly on width (arXiv 2103.06877).",
            "phi: the budget exponent; a network of budget phi should cost 2^phi times the baseline.",
            "off budget: the network's cost relative to its budget, less 1.",
            "top-1: the share of held-out images given the right class, mean &plusmn; standard deviation "
            "over seeds, in points.",
            "compound less this: the mean difference over common seeds, in points of top-1. The interval is "
            "of this comparison alone; the p value is corrected for all of them.",
            PLAIN_COUNTS,
            f"All numbers, unrounded: {code('sweep.csv')} beside this page. {SINGLE_RUNS}",
        )
    )
