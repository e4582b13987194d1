"""The page and tables of a grid."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.commands.grid.figures import answer_figure, curves_figure
from scalesearch.commands.transfer.view import agreement_section, run_differences
from scalesearch.files import write_text
from scalesearch.page.answer import (
    Confirmed,
    RecipeCheck,
    SearchAnswer,
    answer_lines,
    answer_of,
    fitted_text,
    interval_text,
    next_steps,
    no_answer,
    split_text,
)
from scalesearch.page.evidence import (
    UNLEARNT,
    asked_cost,
    coefficients,
    input_text,
    judged,
    nothing_learnt,
    paper_candidate,
)
from scalesearch.page.fronts import fronts_section, pareto_figure, pareto_part
from scalesearch.page.html.interactive import search_parts
from scalesearch.page.html.page import Interactive, write_pages
from scalesearch.page.markdown import (
    MOST_ROWS,
    bounded,
    bullets,
    code,
    cut,
    escape,
    p_text,
    percent,
    plural,
    table,
)
from scalesearch.page.parts import (
    FigureText,
    budget_items,
    counted_parts,
    figure_part,
    grown_from,
    is_own_code,
    made,
    section,
    stopped_early_section,
    top1_seeds,
    unfinished,
    words_and_numbers,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import candidates_table, csv_text, pareto_table
from scalesearch.page.templates import part
from scalesearch.records import CandidateRecord, RunRecord, StartRecord, Status
from scalesearch.statistics.answer import Rate
from scalesearch.training.dataset import FEWEST_APART, WINDOWS

# ----------------------------------------------------------------------------------------------------
# The section of a page about what was not trained, and why.

FEW_REASONS = 4
"""Up to so many reasons each get a table of their own under them, or a count; more stay a column, or one."""
NUMBERS = re.compile(r"[-+]?\d[\d.,e+-]*%?")


def skipped_section(run: RunRecord) -> str:
    """How triples became networks, then the networks without a result, each with its reason."""
    distinct = len(run.candidates)
    same = "build the same" if is_own_code(run.settings) else "round to the same blocks, channels and pixels"
    items = [
        f"Of the grid's {run.grid_points:,} points {run.feasible:,} meet the constraint; **merged**, as they "
        f"{same}, they are {plural(distinct, 'distinct network')}.",
    ]
    skipped, failed, waiting = (_of(run, status) for status in ("skipped", "failed", "waiting"))
    thinned = all(not c.reason or c.thinned_out for c in skipped)
    if run.thinning or skipped:
        # How those were chosen is the method's, which the manual explains.
        said = (
            f"{escape(run.thinning.partition(': ')[0]).rstrip('.')}."
            if run.thinning
            else "the reasons are below."
        )
        if not thinned and run.thinning:
            said = f"for the reasons below. Of those that could be, {said}"
        what = "Thinned out" if thinned else "Skipped"
        items.append(f"**{what}:** {plural(len(skipped), 'network')} not trained: {said}")
    if failed:
        items.append(f"**Failed:** {plural(len(failed), 'network')}, for the reasons below.")
    if waiting:
        items.append(f"**Waiting:** {plural(len(waiting), 'network')}; `scalesearch resume DIR` trains them.")
    counted = [] if thinned and run.thinning else _counted(skipped)
    return "\n\n".join([bullets([*items, *counted]), *_untrained(failed), *_untrained(waiting)])


def _counted(skipped: Sequence[CandidateRecord]) -> list[str]:
    """How many networks were skipped for which reason; all of them are in the CSV file."""
    if not skipped:
        return []
    # Reasons that differ in their figures alone, such as how far each is from its budget, are one.
    kinds: dict[str, list[str]] = {}
    for c in skipped:
        kinds.setdefault(NUMBERS.sub("", c.reason), []).append(c.reason)
    often = sorted(kinds.values(), key=len, reverse=True)
    told = [
        f"{len(reasons):,}: {escape(reasons[0]) or 'no reason was kept'}"
        + ("" if len(set(reasons)) == 1 else ", and the like")
        for reasons in often[:FEW_REASONS]
    ]
    rest = sum(map(len, often[FEW_REASONS:]))
    told += [f"{rest:,}: other reasons"] if rest else []
    return [f"**Why**, network by network in `candidates.csv`: {'; '.join(told)}."]


def _of(run: RunRecord, status: Status) -> list[CandidateRecord]:
    return [c for c in run.candidates if c.status == status]


def _untrained(candidates: Sequence[CandidateRecord]) -> list[str]:
    """Tables of networks of one status; a reason that several share is said once, above their table."""
    reasons = list(dict.fromkeys(c.reason for c in candidates))
    if len(reasons) > FEW_REASONS:
        return [_table(candidates, reasons=True)]
    blocks = []
    for reason in reasons:
        those = [c for c in candidates if c.reason == reason]
        title = those[0].status.capitalize()
        blocks += [f"{title}: {escape(reason)}." if reason else f"{title}:", _table(those, reasons=False)]
    return blocks


def _table(candidates: Sequence[CandidateRecord], *, reasons: bool) -> str:
    header = [*(["reason"] if reasons else []), "alpha", "beta", "gamma", "cost ratio", "network"]
    rows = [
        [
            *([escape(c.reason)] if reasons else []),
            f"{c.alpha:.6g}",
            f"{c.beta:.6g}",
            f"{c.gamma:.6g}",
            f"{c.macs_ratio:.2f}" if c.counted else "",
            code(c.key),
        ]
        for c in candidates[:MOST_ROWS]
    ]
    return table(header, rows, left=int(reasons)) + cut(candidates, "candidates.csv")


# ----------------------------------------------------------------------------------------------------
# What the networks of a search were grown from, what that cost, and whether it changed the ranking.

# How the two runs are meant to differ.
START = ("start", "pretrained", "scratch_run")
QUESTION = "### Did that change the ranking?"


def start_section(run: RunRecord, scratch: RunRecord | str | None, ignored: Collection[str] = ()) -> str:
    """The section's body; empty for a run from scratch.

    Args:
        run: the run.
        scratch: the run of the same candidates from scratch; why it can't be read; None where none is known.
        ignored: settings that change no result, so that a difference in them says nothing.
    """
    start = run.start
    if start is None:
        return ""
    return "\n\n".join(
        (
            f"Every network was grown from {grown_from(start)}, so that it began as the same function "
            "(Net2Net, arXiv 1511.05641), and was then trained as long as one from scratch.",
            bullets(_items(run, start)),
            QUESTION,
            _ranking(run, scratch, ignored),
        )
    )


def _items(run: RunRecord, start: StartRecord) -> list[str]:
    items = [*_cost(run, start)]
    if start.fresh_classifier:
        items.append("**The classifier is fresh:** the file has none that fits; every network draws its own.")
    elif start.classes != run.classes:
        items.append(
            f"**The classifier was replaced:** the file's has {start.classes:,} classes, the data "
            f"{run.classes}."
        )
    elif start.kind == "pretrained":
        items.append(
            f"**The classifier was kept:** the file's has {start.classes:,} classes, as many as the data. "
            "Whether they are the same ones was not looked at."
        )
    skipped = [c for c in run.candidates if c.reason.startswith("can't be grown")]
    if skipped:
        matched = run.settings.get("match", "none") != "none"
        hint = " `--match-by resolution` matches without narrowing any." if matched else ""
        items.append(
            f"**{plural(len(skipped), 'network')} could not be grown** and "
            f"{'is' if len(skipped) == 1 else 'are'} not among those compared, such as: "
            f"{escape(skipped[0].reason)}.{hint}"
        )
    return items


def _cost(run: RunRecord, start: StartRecord) -> list[str]:
    own = sum(r.images_seen for c in run.candidates for r in c.runs)
    if start.kind == "pretrained":
        return [
            "**What it cost** here is nothing; what the file cost its makers is in no figure of this page."
        ]
    if not start.runs:
        return []
    first = sum(r.images_seen for r in start.runs)
    share = f", {percent(first / own)} of the {own:,} that the networks themselves saw" if own else ""
    tops = ", ".join(f"{percent(r.top1)} (seed {r.seed})" for r in start.runs)
    return [
        f"**What it cost:** the baseline saw {first:,} training images, once for all networks{share}. So "
        f"each network stands on {start.runs[0].images_seen:,} images more than one from scratch.",
        f"**Where it stood:** top-1 of the baseline {tops}.",
    ]


def _ranking(run: RunRecord, scratch: RunRecord | str | None, ignored: Collection[str]) -> str:
    if scratch is None:
        return (
            "**Not known:** no run of the same networks from scratch was named. `--scratch-run DIR`, with "
            "the folder of such a run for DIR, has this page say it."
        )
    if isinstance(scratch, str):
        return f"**Not known:** {escape(scratch)}."
    try:
        found = agreement_section(scratch, run)
    except ValueError as error:
        return f"**Not known:** the two runs can't be compared: {escape(error)}."
    unlike = _differences(run, scratch, ignored)
    return f"{found}\n\n{unlike}" if unlike else found


def _differences(run: RunRecord, scratch: RunRecord, ignored: Collection[str]) -> str:
    """What else differs between the two runs; empty where nothing does that could matter."""
    found = run_differences([run.settings, scratch.settings], {*ignored, *START})
    if not found:
        return ""
    said = "; ".join(f"{one.setting}: {one.values[0]} here, {one.values[1]} there" for one in found)
    return f"**More than the start differs** between the two runs: {escape(said)}."


# ----------------------------------------------------------------------------------------------------
# The page of a grid search: the answer, what to do next, and what it rests on.

FIGURES: dict[str, FigureText] = {
    "answer": (
        "Fitted top-1 over all splits between depth, width and resolution, and the exchange rates by length",
        "How to read it: each corner spends all growth on one dimension; dots are trained networks; pale "
        "splits are excluded as the best. Where no split stands out, no surface is drawn. A rate whose bar "
        "misses 0 is shown.",
    ),
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
        section("Confirmed?", _confirmation(run, whole.confirmed) if whole else ""),
        section("Other recipes", _recipes(whole.recipe) if whole and whole.recipe else ""),
        section("What the networks started from", start_section(run, scratch, ignored)),
        section("Trained networks", _networks(run, whole)),
        section("Pareto fronts", fronts_section(run)),
        pareto_part(run, figures) if judged(run) else "",
        figure_part("learning_curves", FIGURES, figures) if judged(run) else "",
        section("Stopped early", stopped_early_section(run)),
        section("What was skipped, and why", skipped_section(run)),
        made(run),
        words_and_numbers("candidates.csv", "pareto.csv", runs=True),
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
    first, *more = answer_lines(run)
    if not more:
        return f"**{escape(first)}**"
    second = more[0]
    shrinking = (
        f" Phi is {run.phi:g}, so the baseline is shrunk to {asked_cost(run.phi)}: shares say what was cut."
        if run.phi < 0
        else ""
    )
    following = part("page/parts.md.j2", "next_steps", next_steps(run, found))
    return f"**{escape(first)}**{shrinking}\n\n{escape(second)}\n\n{following}"


def _compared(found: SearchAnswer) -> str:
    answer = found.answer
    role = "best split" if found.surface.different else "highest fitted"
    rows = [(f"**{role}**", *_cells(answer.best), f"{answer.top1.value:.1f}%", "")]
    for behind in sorted(answer.behind, key=lambda one: one.points.value):
        top1 = found.surface.top1(behind.split)[0]
        rows.append((behind.name, *_cells(behind.split), f"{top1:.1f}%", interval_text(behind.points)))
    header = ("split", "depth", "width", "resolution", "fitted top-1", "points behind (95%)")
    return table(header, rows)


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
    smallest = (
        f"A rate of {visible:.2f} points for each 10% moved would have been shown with a probability of 80%"
        if bounded(visible)
        else "No rate that is possible would have been shown by so few runs"
    )
    cost = (
        f"The split of the highest fitted top-1 may be up to {answer.regret:.1f} points behind another"
        if bounded(answer.regret)
        else "The runs don't bound how far the split of the highest fitted top-1 may be behind another"
    )
    apart = (
        f"any two splits differ by {answer.flat_within:.1f} at most"
        if bounded(answer.flat_within)
        else "nor how far any two splits differ"
        if not bounded(answer.regret)
        else "the runs don't bound how far any two splits differ"
    )
    items = [
        f"**Do splits differ at all?** {p_text(surface.omnibus)} (F test){r2}. {smallest}.",
        f"**Does the surface fit?** {lack}.",
        f"**What could it cost?** {cost}; {apart}.",
    ]
    if answer.halving is not None:
        items.append(
            f"**More runs:** {answer.halving} in all instead of {surface.runs} would halve the region, if "
            "the surface is as fitted."
        )
    if pictures := _few_pictures(run):
        items.append(
            f"**Held-out images** are windows of {pictures}: what is shown holds for these pictures, and "
            "more windows of them would not make a run quieter."
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
    return interval_text(rate.points, digits=2, sign="+")


def _confirmation(run: RunRecord, confirmed: Sequence[Confirmed]) -> str:
    if not confirmed:
        return ""
    items = [f"**The network of the highest fitted top-1** is {_network(confirmed[0].best)}."]
    for one in confirmed:
        seen = (
            f"; a gain of {one.visible:.1f} would have been seen with a probability of 80%"
            if one.verdict == "too small to see"
            else ""
        )
        items.append(
            f"**Against {one.other}, {_network(one.against)}: {one.verdict}.** Predicted "
            f"{interval_text(one.predicted, sign='+', unit=' points')}, measured "
            f"{interval_text(one.measured, sign='+')} with {one.seeds} fresh seeds{seen}."
        )
    return bullets([*items, _judged_on(run, confirmed[0])])


def _judged_on(run: RunRecord, confirmed: Confirmed) -> str:
    """Which held-out images the confirming runs were judged on."""
    if confirmed.fresh:
        pictures = _few_pictures(run)
        which = (
            f"windows of the {pictures} cut from parts of them that judge nothing else, as far as they are "
            "large enough"
            if pictures
            else "set apart from the first"
        )
        return (
            f"**Judged on** {confirmed.images:,} held-out images that judged no run of the answer: {which}."
        )
    if run.settings.get("confirm_on") == "fresh":
        enough = (
            "too few pictures are large enough to set a part of them apart"
            if _few_pictures(run)
            else f"there are too few to set {FEWEST_APART} apart and leave as many"
        )
        return f"The held-out images are those of the answer, as {enough}."
    return "The held-out images are those of the answer."


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
    better = [(gain.variant, gain.role, interval_text(gain.gain, sign="+")) for gain in check.better]
    tested = (
        "Shown (Student's t, Holm's correction):"
        if check.better
        else "No recipe is shown to be better than the search's own (Student's t, Holm's correction)."
    )
    parts = [
        f"Mean top-1 over {check.seeds} seeds, best in bold; {told}. {order}",
        table(header, rows),
        tested,
    ]
    if better:
        parts.append(table(("better recipe", "for", "points gained"), better, left=2))
    return "\n\n".join(parts)


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
            "" if fitted is None else fitted_text(*fitted),
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
    best = max(percent(c.top1) for c in ranking)
    return f"{shown}\n\nHighest mean: {best}."


# ----------------------------------------------------------------------------------------------------
# A finished (or stopped) grid search as tables, figures and a page.


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridReport:
    """What was written, and the two things a caller goes on with.

    Attributes:
        page: ``report.md``.
        candidates_csv: ``candidates.csv``.
        pareto_csv: ``pareto.csv``.
        figures: the figures that could be drawn, SVG and PNG.
        candidates: the table of all candidates, as in ``candidates_csv``.
        highest_mean: the key of the network of the highest mean top-1 (of equal ones the cheapest); None
        without any.
    """

    page: Path
    candidates_csv: Path
    pareto_csv: Path
    figures: tuple[Path, ...]
    candidates: pd.DataFrame
    highest_mean: str | None


def interactive(run: RunRecord) -> Interactive:
    """What a reader can point at on the HTML page, in the place of its figures."""
    answer = ("triangle", "rates", "clicked", "family")
    return search_parts(run, {"answer": answer, "pareto": ("pareto",), "learning_curves": ("curves",)})


def write_grid_report(
    run: RunRecord, out: Path, scratch: RunRecord | str | None = None, ignored: Collection[str] = ()
) -> GridReport:
    """Write ``candidates.csv``, ``pareto.csv``, ``report.md`` and ``figures/`` of ``run`` into ``out``.

    The same record gives the same bytes. A figure without data is left out, and the page says so. For a run
    whose networks were grown ``scratch`` is the one of the same networks from scratch, or why there is none;
    ``ignored`` are settings that change no result, in which the two may differ.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    candidates, ranking = candidates_table(run), judged(run)
    figures = write_figures(
        {
            "answer": answer_figure(run),
            "pareto": pareto_figure(run),
            "learning_curves": curves_figure(run),
            # What earlier versions drew.
            "seeds": None,
            "surface": None,
        },
        out / "figures",
    )
    return GridReport(
        candidates_csv=write_text(out / "candidates.csv", csv_text(candidates)),
        pareto_csv=write_text(out / "pareto.csv", csv_text(pareto_table(run))),
        page=write_pages(
            out / "report.md",
            grid_page(run, {path.stem for path in figures}, scratch, ignored),
            interactive(run),
        ),
        figures=figures,
        candidates=candidates,
        highest_mean=ranking[0].key if ranking else None,
    )
