"""The page and tables of a sweep."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.commands.sweep.evidence import (
    ROLES,
    SweepComparison,
    baseline_of,
    budgets,
    comparisons,
    law_of,
    residual,
)
from scalesearch.commands.sweep.figures import dimensions_figure, published_here, sweep_figure
from scalesearch.files import write_text
from scalesearch.page.evidence import (
    UNLEARNT,
    completed,
    input_text,
    judged,
    nothing_learnt,
    tied_with,
    with_input_width,
)
from scalesearch.page.html.page import write_pages
from scalesearch.page.markdown import (
    MOST_ROWS,
    and_more,
    bullets,
    code,
    escape,
    evenly,
    listed,
    p_text,
    percent,
    plural,
    si,
    signed_percent,
    table,
)
from scalesearch.page.parts import (
    counted_parts,
    figure_part,
    made,
    section,
    top1_seeds,
    unfinished,
    words_and_numbers,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import csv_text, fields_of, frame
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import NOMINAL_BASE
from scalesearch.statistics.answer import DIMENSIONS, Estimate
from scalesearch.statistics.power_law import PowerLaw

# ----------------------------------------------------------------------------------------------------
# The page of a sweep: what a power law of it answers for every budget, and which way to spend one wins.

FIGURES = {
    "sweep": (
        "Held-out top-1 against realised multiply-adds, one line per way to spend them",
        "How to read it: at one budget, higher is better; networks of one budget are drawn a little apart. "
        "Where there is a second panel, it holds what was published after full training on ImageNet: compare "
        "the order of the lines.",
    ),
    "dimensions": (
        "Held-out top-1 against the multiplier of a single dimension",
        "How to read it: a line that flattens to the right is a dimension that alone gives less and less. "
        "Dashed is the power law, where an answer is read off it.",
    ),
}
FAR = 0.05
"""Costs further than this from their budget make a comparison at equal cost doubtful."""
MOST_BUDGETS = MOST_ROWS // len(ROLES)
"""With a table of their own, or named in a sentence."""


def sweep_page(run: RunRecord, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    found = comparisons(run)
    warning = UNLEARNT if nothing_learnt(run) else ""
    parts = [
        f"# {escape(run.name)}: how to grow at every budget",
        unfinished(run.candidates),
        bullets(answer_lines(run)),
        f"{warning}{_tied(run)}".strip(),
        section("What to do next", _next(run)),
        section("The best split at each budget", _by_law(run)),
        *(figure_part(name, FIGURES, figures) for name in FIGURES),
        section("Compound scaling against each other way", _by_budget(run, found)),
        section("How far to trust this", _trust(run, found)),
        section("What was published", _published(run)),
        made(run),
        words_and_numbers("sweep.csv", runs=True),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def answer_lines(run: RunRecord) -> tuple[str, str, str]:
    """The answer: what a power law says of every budget, what speaks against it, which way wins."""
    law = law_of(run)
    if isinstance(law, str):
        first = f"**No answer for every budget:** {law}."
        second = "The power law of depth, width and resolution was not fitted."
    elif law.objections:
        first = f"**No answer for every budget:** the power law does not hold, as {listed(law.objections)}."
        second = f"{_checks(law)} The curves below say what each way of growing brought."
    else:
        phi = max(budgets(run))
        asked = f"{NOMINAL_BASE**phi:.3g} times the cost"
        shares = zip(DIMENSIONS, law.best(phi), strict=True)
        told = [f"{name} {_share(share)}" for name, share in shares]
        coefficients = ", ".join(f"{one.value:.3g}" for one in law.coefficients_at(phi))
        first = (
            f"**At {asked} the growth belongs to {listed(told)}**: alpha, beta, gamma {coefficients}. The "
            "table has other budgets."
        )
        second = (
            f"A power law of depth, width and resolution holds, as far as these runs show: {_checks(law)}"
        )
    return first, second, _compound(comparisons(run))


def _checks(law: PowerLaw) -> str:
    fits = (
        ""
        if law.lack_of_fit is None
        else f", networks stray by no more than runs do ({p_text(law.lack_of_fit)})"
    )
    return (
        f"each dimension acts by itself ({p_text(law.additive)}){fits}, and of the differences of networks "
        f"left out it foretells {percent(max(0.0, law.left_out_r2), 0)}."
    )


def _share(estimate: Estimate) -> str:
    low, value, high = (percent(x, 0) for x in (estimate.low, estimate.value, estimate.high))
    return f"{value} ({low} to {high})"


def _coefficient(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _by_law(run: RunRecord) -> str:
    """What the law says of each budget of the run, of the next larger one and in the long run."""
    law = law_of(run)
    if isinstance(law, str) or law.objections:
        return ""
    phis = evenly(budgets(run), MOST_BUDGETS)
    if max(phis) > 0:
        phis = [*phis, max(phis) + 1]
    rows = []
    for phi in phis:
        best = law.best(phi)
        top1 = law.top1([phi * share.value for share in best])
        rows.append(
            (
                f"{phi:g}{'' if phi in budgets(run) else ', not tried'}",
                *map(_share, best),
                ", ".join(f"{one.value:.3g}" for one in law.coefficients_at(phi)),
                f"{top1.value:.1f} ({top1.low:.1f} to {top1.high:.1f})",
            )
        )
    exponents = zip("abc", law.exponents, strict=True)
    said = listed([f"{name} = {_coefficient(one)}" for name, one in exponents])
    return (
        f"{table(('phi', *DIMENSIONS, 'alpha, beta, gamma', 'top-1, %'), rows)}\n\n"
        f"Read off error = e + A d^-a + B w^-b + C r^-c with {said}; 95% intervals from runs drawn anew. Far "
        f"beyond, alpha, beta and gamma go to {listed(list(map(_coefficient, law.coefficients)))}."
    )


def _compound(found: Sequence[SweepComparison]) -> str:
    """Compound scaling against each other way, in one sentence."""
    if not found:
        return (
            "**Does compound scaling win? No answer yet:** at no budget have both the compound network and "
            "another one completed their training."
        )
    verdicts = {one.verdict for one in found}
    if verdicts == {"not tested"}:
        return "**Does compound scaling win? Not tested:** that takes two seeds or more."
    told = []
    for verdict in ("better", "worse"):
        here = [
            f"{_named(one.role)} at phi {one.phi:g} ({100 * one.difference:+.1f} points)"
            for one in found
            if one.verdict == verdict
        ]
        if here:
            told.append(f"{verdict} than {and_more(here, MOST_ROWS, ', ')}")
    if not told:
        widest = max(max(abs(one.test.low), abs(one.test.high)) for one in found if one.test)
        return (
            "**Does compound scaling win at equal cost? Not shown**, against no other way at no budget; "
            f"differences of up to {100 * widest:.0f} points are not ruled out."
        )
    rest = " Against the others no difference is shown." if "no difference shown" in verdicts else ""
    return f"**Compound scaling is shown to be {'; '.join(told)}** at equal cost.{rest}"


def _named(role: str) -> str:
    return f"{role} alone" if role in DIMENSIONS else "the mostly-wide rule (fast)"


def _tied(run: RunRecord) -> str:
    """Who shares the highest top-1, where more than one does."""
    ranking = judged(run)
    ties = tied_with(run, ranking[0]) if ranking else []
    if not ties:
        return ""
    names = [c.role if c.role == "baseline" else f"{c.role} at phi {c.phi:g}" for c in (ranking[0], *ties)]
    text = listed(names) if len(names) <= MOST_BUDGETS else and_more(names, MOST_BUDGETS, ", ")
    return f" The highest top-1 is shared exactly by {text}."


def _trust(run: RunRecord, found: Sequence[SweepComparison]) -> str:
    if not found:
        return ""
    tested = [one for one in found if one.test is not None]
    items = []
    if tested:
        counts = sorted({one.seeds for one in tested})
        many = plural(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
        items.append(
            f"**The test:** t tests paired by seed ({many}), noise pooled over all networks ({_df(tested)} "
            f"degrees of freedom); intervals and p values hold for {plural(len(tested), 'comparison')} at "
            "once. *No difference shown* does not mean that there is none."
        )
    if len(tested) < len(found):
        items.append(
            f"**Not tested:** {plural(len(found) - len(tested), 'comparison')} without at least two common "
            "seeds: the sign of a difference may be luck. `--seeds 3` or more would tell."
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
    chance = 1 / run.classes
    low = [c for c in compared.values() if (c.top1 or 0.0) <= 2 * chance]
    if low:
        items.append(
            f"**Chance** is {percent(chance)}: {plural(len(low), 'network')} did not get beyond twice that, "
            "so their order says little."
        )
    return bullets(items)


def _df(tested: Sequence[SweepComparison]) -> int:
    return next(one.test.df for one in tested if one.test)


def _next(run: RunRecord) -> str:
    law, phis = law_of(run), budgets(run)
    if isinstance(law, str):
        return bullets(
            (
                f"Train a whole star: all roles at three budgets, such as {code('--phi 0.5,1,2')}, with "
                f"{code('--seeds 3')}.",
            )
        )
    if law.objections:
        phi = max(phis, key=abs)
        return bullets(
            (
                "At one budget a surface over splits needs no such law: "
                f"{code(f'scalesearch grid --phi {phi:g}')}.",
                f"More seeds, or longer runs ({code('--images')}), show whether the law's failure is real.",
            )
        )
    phi = max(phis)
    alpha, beta, gamma = (one.value for one in law.coefficients_at(phi))
    command = f"scalesearch scale --alpha {alpha:.3g} --beta {beta:.3g} --gamma {gamma:.3g}"
    return bullets(
        (
            f"The family by the split of the largest budget: {code(command)}.",
            f"Try the law where it was not fitted: {code(f'scalesearch grid --phi {phi + 1:g}')}.",
        )
    )


def _by_budget(run: RunRecord, found: Sequence[SweepComparison]) -> str:
    base = baseline_of(run)
    header = ("phi", "role", *DIMENSIONS, "input", counted_parts(run.settings), "off budget", "top-1")
    every = budgets(run)
    shown = evenly(every, MOST_BUDGETS)
    rows, missing = [], []
    for phi in shown:
        by_key = {one.other.key: one for one in found if one.phi == phi}
        for c in (c for role in ROLES for c in run.candidates if c.phi == phi and c.role == role):
            rows.append([f"{phi:g}", *_cells(c, by_key.get(c.key))])
            if not completed(c):
                why = f", {escape(c.reason)}" if c.reason else ""
                missing.append(f"{c.role}: {c.status}{why}.")
    parts = [f"The baseline itself: top-1 {top1_seeds(base)} at {si(base.macs)} MACs."] if base else []
    if rows:
        parts.append(table((*header, "compound less this", "verdict"), rows, left=2))
    if missing:
        parts.append(bullets(missing))
    if more := len(every) - len(shown):
        noun = plural(more, "budget").split(" ", 1)[1]
        parts.append(f"And {more:,} more {noun} in `sweep.csv`: those shown are spread evenly over all.")
    return "\n\n".join(parts)


def _cells(c: CandidateRecord, one: SweepComparison | None) -> list[str]:
    asked = (c.depth, c.width, c.resolution_multiplier)
    cells = [c.role, *(map(_part, c.split) if c.split else (f"x {value:.3f}" for value in asked))]
    cells += [input_text(c), *([str(c.blocks), signed_percent(residual(c))] if c.counted else ["", ""])]
    cells.append(top1_seeds(c) if completed(c) else c.status)
    if one is None:
        return [*cells, "", ""]
    difference = f"{100 * one.difference:+.1f}"
    if (test := one.test) is None:
        return [*cells, difference, one.verdict]
    return [
        *cells,
        f"{difference} ({100 * test.low:+.1f} to {100 * test.high:+.1f})",
        f"{one.verdict} ({p_text(test.p)})",
    ]


def _part(share: float) -> str:
    return f"{round(100 * share)}%"  # no "-0%" of a hair of width


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


# ----------------------------------------------------------------------------------------------------
# A finished (or stopped) sweep as a table, figures and a page.

COLUMNS = (
    *("phi", "role", "key", "alpha", "beta", "gamma", "depth", "width", "resolution_multiplier"),
    *("resolution", "blocks", "params", "macs", "macs_ratio", "budget_kind", "budget_target"),
    *("budget_value", "residual", "matched_by", "top1", "top1_sd", "seeds", "loss", "images_seen"),
    *("train_seconds", "status", "reason", "compound_minus_this", "difference_low", "difference_high"),
    *("p", "verdict", "depth_doublings", "width_doublings", "resolution_doublings"),
    *("trained_device", "trained_threads"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SweepReport:
    """What was written, and what a caller prints.

    Attributes:
        page: ``report.md``.
        sweep_csv: ``sweep.csv``, one row per network, by budget.
        figures: the figures that could be drawn, SVG and PNG.
        table: the table of ``sweep_csv``.
        comparisons: compound scaling against each other role at each budget.
        answer: the page's first lines.
    """

    page: Path
    sweep_csv: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame
    comparisons: tuple[SweepComparison, ...]
    answer: tuple[str, ...]


def write_sweep_report(run: RunRecord, out: Path) -> SweepReport:
    """Write ``sweep.csv``, ``report.md`` and ``figures/`` of ``run`` into ``out``.

    The same record gives the same bytes. A figure without data is left out, and the page says so.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    figures = write_figures(
        {"sweep": sweep_figure(run), "dimensions": dimensions_figure(run)}, out / "figures"
    )
    rows = sweep_table(run)
    return SweepReport(
        sweep_csv=write_text(out / "sweep.csv", csv_text(rows)),
        page=write_pages(out / "report.md", sweep_page(run, {path.stem for path in figures})),
        figures=figures,
        table=rows,
        comparisons=comparisons(run),
        answer=tuple(line.replace("*", "") for line in answer_lines(run)),
    )


def sweep_table(run: RunRecord) -> pd.DataFrame:
    """Every network by budget and role, columns :data:`COLUMNS`; what is unknown is missing."""
    by_key = {(one.phi, one.other.key): one for one in comparisons(run)}
    place = {role: index for index, role in enumerate(("baseline", *ROLES))}
    ordered = sorted(run.candidates, key=lambda c: (c.phi, place.get(c.role, len(place))))
    return frame([_row(c, by_key.get((c.phi, c.key))) for c in ordered], with_input_width(COLUMNS, ordered))


def _row(c: CandidateRecord, one: SweepComparison | None) -> dict[str, object]:
    row: dict[str, object] = fields_of(c, COLUMNS)
    row |= {"phi": float(c.phi), "seeds": len(c.runs), "residual": residual(c) if c.counted else None}
    if c.status != "completed":
        row |= {"top1": None, "top1_sd": None, "loss": None}
    if c.budget is not None:
        row |= {
            "budget_kind": c.budget.kind,
            "budget_target": float(c.budget.target),
            "budget_value": float(c.budget.value),
            "matched_by": c.budget.matched_by,
        }
    if one is not None:
        row |= {"compound_minus_this": one.difference, "verdict": one.verdict}
        if one.test is not None:
            row |= {
                "difference_low": one.test.low,
                "difference_high": one.test.high,
                "p": one.test.p,
            }
    return row
