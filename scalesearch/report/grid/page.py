"""The page of a grid search: the answer, what to do next, and what it rests on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from scalesearch.belief.answer import Rate
from scalesearch.proxy.dataset import WINDOWS
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.answer import (
    Confirmed,
    RecipeCheck,
    SearchAnswer,
    answer_lines,
    answer_of,
    next_commands,
    no_answer,
    split_text,
)
from scalesearch.report.bounds import MOST_ROWS, cut
from scalesearch.report.budgets import budget_items
from scalesearch.report.evidence import judged, paper_candidate
from scalesearch.report.fronts.section import PARETO_FIGURE, fronts_section, pareto_part
from scalesearch.report.inputs import input_text
from scalesearch.report.learning import UNLEARNT, nothing_learnt
from scalesearch.report.markdown import bullets, code, escape, percent, si, table
from scalesearch.report.own_code import counted_parts
from scalesearch.report.page_parts import (
    SINGLE_RUNS,
    FigureText,
    figure_part,
    made,
    p_text,
    section,
    top1_seeds,
    unfinished,
)
from scalesearch.report.provenance import PLAIN_COUNTS
from scalesearch.report.sentences import asked_cost, coefficients
from scalesearch.report.skipped import skipped_section
from scalesearch.report.start_section import start_section
from scalesearch.report.stopped_early import stopped_early_section

__all__ = ["FIGURES", "grid_page"]

FIGURES: dict[str, FigureText] = {
    "answer": (
        "Fitted top-1 over all splits between depth, width and resolution, and the exchange rates by length",
        "How to read it: each corner spends all growth on one dimension; dots are trained networks, and what "
        "is pale is excluded as the best split. Where no split stands out no surface is drawn. A rate whose "
        "bar misses 0 is shown.",
    ),
    "pareto": PARETO_FIGURE,
    "learning_curves": (
        "Held-out top-1 against training images seen",
        "How to read it: curves that still cross at the right end might rank differently after longer "
        "training.",
    ),
}
"""Alternative text and a line on how to read it, by figure."""


def grid_page(
    run: RunRecord,
    figures: Collection[str],
    scratch: RunRecord | str | None = None,
    ignored: Collection[str] = (),
) -> str:
    """The report as Markdown. ``figures`` names those that were drawn; the page says which were left out.

    ``scratch`` is the run of the same networks from scratch, for one whose networks were grown, or why it
    can't be read; ``ignored`` are settings that change no result, in which the two may differ.
    """
    found = answer_of(run)
    whole = None if isinstance(found, str) else found
    parts = [
        f"# {escape(run.name)}: how much to depth, width and resolution?",
        unfinished(run.candidates),
        UNLEARNT if nothing_learnt(run) else "",
        _no_answer(run, found) if isinstance(found, str) else _answer(run, found),
        *(figure_part(name, FIGURES, figures) for name in ("answer",) if whole is not None),
        bullets(budget_items([c for c in run.candidates if c.status == "completed"])) if not whole else "",
        section("Splits compared", _compared(whole) if whole else ""),
        section("How sure this is", _sure(run, whole) if whole else ""),
        section("Longer training", _longer(whole) if whole else ""),
        section("Confirmed?", _confirmation(whole.confirmed) if whole else ""),
        section("Other recipes", _recipes(whole.recipe) if whole and whole.recipe else ""),
        section("What the networks started from", start_section(run, scratch, ignored)),
        section("Trained networks", _networks(run, whole)),
        section("Pareto fronts", fronts_section(run)),
        pareto_part(run, figures) if judged(run) else "",
        figure_part("learning_curves", FIGURES, figures) if judged(run) else "",
        section("Stopped early", stopped_early_section(run)),
        section("What was skipped, and why", skipped_section(run)),
        made(run),
        section("How to read this page", _glossary(run)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _no_answer(run: RunRecord, reason: str) -> str:
    ranking = judged(run)
    best = ""
    if ranking and not nothing_learnt(run):
        top = ranking[0]
        best = (
            f" The highest mean is that of {coefficients(top)}, {top1_seeds(top)}, which says nothing of the "
            "splits between those that were trained."
        )
    checks = (
        " Nothing was confirmed, as there is no answer to confirm." if run.settings.get("confirm") else ""
    )
    return f"**{escape(no_answer(reason))}**{best}{checks}"


def _answer(run: RunRecord, found: SearchAnswer) -> str:
    first, second, _ = answer_lines(run)
    shrinking = (
        f" Phi is {run.phi:g}, so the baseline is shrunk to {asked_cost(run.phi)}: shares say what was cut."
        if run.phi < 0
        else ""
    )
    commands = "\n".join(next_commands(run, found))
    following = f"Next, with this page's folder for DIR:\n\n```sh\n{commands}\n```"
    return f"**{escape(first)}**{shrinking}\n\n{escape(second)}\n\n{following}"


def _compared(found: SearchAnswer) -> str:
    answer = found.answer
    role = "best split" if found.surface.different else "highest fitted"
    rows = [(f"**{role}**", *_cells(answer.best), f"{answer.top1.value:.1f}%", "")]
    for behind in sorted(answer.behind, key=lambda one: one.points.value):
        top1 = found.surface.top1(behind.split)[0]
        points = f"{behind.points.value:.1f} ({behind.points.low:.1f} to {behind.points.high:.1f})"
        rows.append((behind.name, *_cells(behind.split), f"{top1:.1f}%", points))
    header = ("split", "depth", "width", "resolution", "fitted top-1", "points behind (95%)")
    return (
        table(header, rows)
        + "\n\nThe fitted top-1 of every network of the grid, trained or not, is in `candidates.csv`."
    )


def _cells(split: Sequence[float]) -> tuple[str, str, str]:
    depth, width, resolution = (f"{100 * share:z.0f}%" for share in split)
    return depth, width, resolution


def _sure(run: RunRecord, found: SearchAnswer) -> str:
    answer, surface = found.answer, found.surface
    visible = max(rate.visible for rate in answer.rates)
    r2 = "" if surface.left_out_r2 is None else f"; left-out R2 {surface.left_out_r2:.2f}"
    lack = (
        "nothing tells whether the surface fits, as no network has two runs or there are too few networks"
        if surface.lack_of_fit is None
        else f"lack of fit: {p_text(surface.lack_of_fit)}"
        + ("" if surface.fits else ", so the surface strays from the networks and all intervals allow for it")
    )
    items = [
        f"**Do splits differ at all?** {p_text(surface.omnibus)} (F test){r2}. A rate of {visible:.2f} "
        "points for each 10% moved would have been shown with a probability of 80%.",
        f"**Does the surface fit?** {lack}.",
        f"**What could it cost?** The split of the highest fitted top-1 may be up to {answer.regret:.1f} "
        f"points behind another; any two splits differ by {answer.flat_within:.1f} at most.",
    ]
    if answer.halving is not None:
        items.append(
            f"**More runs:** {answer.halving} in all instead of {surface.runs} would halve the region, if "
            "the surface is as fitted."
        )
    if pictures := _few_pictures(run):
        items.append(
            f"**Held-out images** are windows of {pictures}: whole pictures flip from seed to seed, so more "
            "windows of them would not make a run quieter, and what is shown holds for them."
        )
    if run.stopped:
        items.append(f"**Why it ended:** {escape(run.stopped)}.")
    if found.loss_agrees is not None:
        items.append(
            "**By held-out loss** the highest fitted split is one that top-1 doesn't exclude either."
            if found.loss_agrees
            else "**By held-out loss** another split is the highest fitted, which top-1 excludes: be careful."
        )
    return bullets([*items, *budget_items([c for c in run.candidates if c.status == "completed"])])


def _few_pictures(run: RunRecord) -> str:
    """The pictures that held-out images are windows of; empty of other data."""
    dataset = str(run.settings.get("dataset"))
    if dataset == "photographs":
        return f"{run.classes:,} photographs"
    return f"{run.classes:,} pictures" if dataset.startswith(WINDOWS) else ""


def _longer(found: SearchAnswer) -> str:
    if found.growth is None:
        return (
            "Runs of one length say nothing of longer training. `scalesearch fidelity DIR`, with this folder "
            "for DIR, trains networks of this run for other lengths."
        )
    header = ("points for each 10% moved", *(f"{at.images:,} images" for at in found.lengths))
    header = (*header, "change a doubling", f"{found.growth.later_images:,.0f} images (extrapolated)")
    rows = []
    for index, rate in enumerate(found.answer.rates):
        cells = [_interval(at.rates[index]) for at in found.lengths]
        moves, later = found.growth.moves[index], found.growth.later[index]
        rows.append((f"{rate.giver} to {rate.taker}", *cells, _interval(moves), _interval(later)))
    verdict = "Settled" if found.growth.settled else "Not settled"
    why = (
        "a rate is shown to move"
        if found.growth.moving
        else "no rate can move by more than 0.25 points a doubling"
        if found.growth.settled
        else "no rate is shown to move, but one could by more than 0.25 points a doubling"
    )
    return f"**{verdict}:** {why}.\n\n{table(header, rows)}"


def _interval(rate: Rate) -> str:
    points = rate.points
    return f"{points.value:+.2f} ({points.low:.2f} to {points.high:.2f})"


def _confirmation(confirmed: Sequence[Confirmed]) -> str:
    if not confirmed:
        return ""
    items = [f"**The network of the highest fitted top-1** is {_network(confirmed[0].best)}."]
    for one in confirmed:
        measured = f"{one.measured.value:+.1f} ({one.measured.low:.1f} to {one.measured.high:.1f})"
        seen = (
            f"; a gain of {one.visible:.1f} would have been seen with a probability of 80%"
            if one.verdict == "too small to see"
            else ""
        )
        items.append(
            f"**Against {one.other}, {_network(one.against)}: {one.verdict}.** Predicted "
            f"{one.predicted.value:+.1f} points ({one.predicted.low:.1f} to {one.predicted.high:.1f}), "
            f"measured {measured} with {one.seeds} seeds that the answer never saw{seen}."
        )
    judged_on = (
        "Confirming runs are judged on the same held-out images as the networks that the answer rests on: "
        "seeds are fresh, images are not."
    )
    return f"{bullets(items)}\n\n{judged_on}"


def _network(candidate: CandidateRecord) -> str:
    """A network by its triple and its shares as built."""
    shares = f" ({split_text(candidate.split)})" if candidate.split else ""
    return f"{coefficients(candidate)}{shares}"


def _recipes(check: RecipeCheck) -> str:
    variants = list(dict.fromkeys(variant for of in check.top1.values() for variant in of))
    rows = [
        (
            role,
            *(
                ("**{:.1f}%**" if check.best[role] == variant else "{:.1f}%").format(of[variant])
                if variant in of
                else ""
                for variant in variants
            ),
            f"{check.at_shared[role]:.1f}",
            f"{check.at_own[role]:.1f}",
        )
        for role, of in check.top1.items()
    ]
    header = ("network", *variants, "behind, as searched", "behind, each at its best")
    told = (
        "too few runs to say whether recipes suit networks differently"
        if check.p is None
        else f"that recipes suit networks differently is shown ({p_text(check.p)})"
        if check.p < 0.05
        else f"that recipes suit networks differently is not shown ({p_text(check.p)})"
    )
    shared, own = check.orders
    order = (
        f"The order, best first, is {', '.join(own)} with each network at its best recipe, "
        + ("as" if shared == own else f"and {', '.join(shared)}")
        + " with the search's own."
    )
    better = bullets(
        f"**{found.variant} is better for {found.role}** by {found.gain.value:.1f} points "
        f"({found.gain.low:.1f} to {found.gain.high:.1f})."
        for found in check.better
    )
    tested = (
        "Tested by Student's t with the noise of all these runs pooled, corrected by Holm for every network "
        "and recipe: "
        + ("shown are:" if check.better else "no recipe is shown to be better than the search's own.")
    )
    parts = [
        f"Mean top-1 over {check.seeds} seeds, best in bold; {told}. {order}",
        table(header, rows),
        tested,
    ]
    return "\n\n".join(filter(None, (*parts, better)))


def _networks(run: RunRecord, found: SearchAnswer | None) -> str:
    ranking = judged(run)
    if not ranking:
        return ""
    predictions = found.predictions if found else {}
    ranked = sorted(ranking, key=lambda c: -predictions.get(c.key, (100 * (c.top1 or 0.0), 0.0))[0])
    paper = paper_candidate(run)

    def cells(c: CandidateRecord) -> list[str]:
        fitted = predictions.get(c.key)
        name = ", ".join(f"{value:.6g}" for value in (c.alpha, c.beta, c.gamma))
        return [
            f"{name} (the paper's)" if c is paper else name,
            "/".join(f"{100 * share:z.0f}" for share in c.split) if c.split else "",
            "" if fitted is None else f"{fitted[0]:.1f}% &plusmn; {fitted[1]:.1f}",
            top1_seeds(c),
            str(len(c.runs)),
            str(c.blocks),
            input_text(c),
            f"{c.macs_ratio:.2f}",
            code(c.key),
        ]

    header = ["alpha, beta, gamma", "depth/width/resolution, %", "fitted top-1", "mean top-1", "seeds"]
    header += [counted_parts(run.settings), "input", "cost ratio", "network"]
    shown = table(header, map(cells, ranked[:MOST_ROWS])) + cut(ranked, "candidates.csv")
    base = f"The baseline as trained costs {si(run.baseline['macs'])} multiply-adds."
    best = max(percent(c.top1) for c in ranking)
    return f"{shown}\n\n{base} Highest mean: {best}."


def _glossary(run: RunRecord) -> str:
    shrunk = any(share <= -0.005 for c in judged(run) for share in c.split or ())
    negative = (
        " A share below 0% is of a dimension that became smaller than the baseline's, so the others have "
        "more than 100% between them."
        if shrunk
        else ""
    )
    return bullets(
        (
            "split: how the growth in cost was shared out between depth, width and resolution, as the "
            "network was built; alpha, beta, gamma are the grid point that asked for it." + negative,
            f"{PLAIN_COUNTS} The cost ratio is the MACs of the network over those of the baseline.",
            "top-1: the share of held-out images given the right class; mean and sd over seeds.",
            "fitted: by a full quadratic surface in the split, with a 95% interval. The region and all "
            "comparisons with the best allow for its being chosen after looking (max-t, simulated).",
            f"All numbers, unrounded: `candidates.csv` and `pareto.csv` beside this page. {SINGLE_RUNS}",
        )
    )
