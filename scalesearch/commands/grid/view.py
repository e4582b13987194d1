"""The page and tables of a grid."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scalesearch.commands.grid.figures import answer_figure, curves_figure
from scalesearch.commands.transfer.evidence import run_differences
from scalesearch.commands.transfer.view import TransferText, agreement_of
from scalesearch.files import write_text
from scalesearch.page import tables
from scalesearch.page.answer import (
    AS_SEARCHED,
    PAPER,
    RecipeCheck,
    SearchAnswer,
    answer_lines,
    interval_text,
    next_steps,
    region_text,
    split_text,
    told_answer,
)
from scalesearch.page.columns import Column, Columns, page_only
from scalesearch.page.evidence import (
    asked_cost,
    coefficients,
    judged,
    nothing_learnt,
)
from scalesearch.page.fronts import pareto_figure
from scalesearch.page.html.interactive import search_parts
from scalesearch.page.html.page import Interactive, Report, write_pages
from scalesearch.page.markdown import Markdown, bounded, percent
from scalesearch.page.parts import (
    WHOLE,
    BudgetText,
    Keeps,
    PageTable,
    RunMade,
    Sampled,
    Steps,
    StoppedEarly,
    budgets_of,
    counted_parts,
    grown_from,
    is_own_code,
    keeps_of,
    run_made,
    sampled,
    steps,
    stopped_early,
    top1_seeds,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import csv_text
from scalesearch.page.templates import page
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.statistics.answer import Answer, Estimate, Rate
from scalesearch.statistics.summaries import SIGNIFICANCE
from scalesearch.training.dataset import FEWEST_APART, WINDOWS

# ----------------------------------------------------------------------------------------------------
# The section of a page about what was not trained, and why.

FEW_REASONS = 4
"""Up to so many reasons each get a table of their own under them, or a count; more stay a column, or one."""
NUMBERS = re.compile(r"[-+]?\d[\d.,e+-]*%?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """How triples became networks, and which networks have no result.

    Attributes:
        points: of the grid.
        feasible: those that meet the constraint.
        own_code: whether networks are built by the user's own code.
        networks: distinct ones.
        skipped: not trained.
        thinned: whether all of these were thinned out.
        thinning: how; empty where none were.
        failed: networks that did.
        waiting: networks that are not trained yet.
        why: how many networks were skipped for which reason.
        tables: the failed and the waiting ones, under what they have in common and why.
    """

    points: int
    feasible: int
    own_code: bool
    networks: int
    skipped: int
    thinned: bool
    thinning: str
    failed: int
    waiting: int
    why: Sequence[str]
    tables: Sequence[tuple[str, str, PageTable]]


def _skipped(run: RunRecord) -> Skipped:
    skipped, failed, waiting = (
        [c for c in run.candidates if c.status == status] for status in ("skipped", "failed", "waiting")
    )
    thinned = all(not c.reason or c.thinned_out for c in skipped)
    return Skipped(
        points=run.grid_points,
        feasible=run.feasible,
        own_code=is_own_code(run.settings),
        networks=len(run.candidates),
        skipped=len(skipped),
        thinned=thinned,
        # How those were chosen is the method's, which the manual explains.
        thinning=run.thinning.partition(": ")[0].rstrip("."),
        failed=len(failed),
        waiting=len(waiting),
        why=[] if thinned and run.thinning else _counted(skipped),
        tables=[*_untrained(failed), *_untrained(waiting)],
    )


def _counted(skipped: Sequence[CandidateRecord]) -> list[str]:
    """How many networks were skipped for which reason; all of them are in the CSV file."""
    # Reasons that differ in their figures alone, such as how far each is from its budget, are one.
    kinds: dict[str, list[str]] = {}
    for c in skipped:
        kinds.setdefault(NUMBERS.sub("", c.reason), []).append(c.reason)
    often = sorted(kinds.values(), key=len, reverse=True)
    told = [
        f"{len(reasons):,}: {reasons[0] or 'no reason was kept'}"
        + ("" if len(set(reasons)) == 1 else ", and the like")
        for reasons in often[:FEW_REASONS]
    ]
    rest = sum(map(len, often[FEW_REASONS:]))
    return [*told, *([f"{rest:,}: other reasons"] if rest else [])]


def _untrained(candidates: Sequence[CandidateRecord]) -> list[tuple[str, str, PageTable]]:
    """Tables of networks of one status; a reason that several share is said once, above their table."""
    reasons = list(dict.fromkeys(c.reason for c in candidates))
    if len(reasons) > FEW_REASONS:
        return [("", "", _reasons_table(candidates, reasons=True))]
    by_reason = {reason: [c for c in candidates if c.reason == reason] for reason in reasons}
    return [
        (those[0].status.capitalize(), reason, _reasons_table(those, reasons=False))
        for reason, those in by_reason.items()
    ]


def _reasons_table(candidates: Sequence[CandidateRecord], *, reasons: bool) -> PageTable:
    rows = [tables.NetworkRow(candidate=c) for c in candidates]
    return tables.UNTRAINED.table(rows, but=() if reasons else ("reason",))


# ----------------------------------------------------------------------------------------------------
# What the networks of a search were grown from, what that cost, and whether it changed the ranking.

# How the two runs are meant to differ.
START = ("start", "pretrained", "scratch_run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What the networks of a run were grown from, and what that changed.

    Attributes:
        grown_from: that.
        pretrained: whether it is a file's weights.
        images: that the baseline saw.
        images_each: that it saw in one training run.
        networks_images: that the networks saw.
        share: of the two.
        top1: of the baseline, by seed.
        classifier: ``fresh``, ``replaced`` or ``kept``; empty where nothing is to be said of it.
        file_classes: of the weights.
        classes: of the data.
        not_grown: networks that could not be.
        not_grown_reason: why the first could not.
        matched: whether they were matched to a budget.
        agreement: with the run from scratch; None where that is not known.
        unknown: why; empty where no such run was named.
        differences: settings in which the two differ besides.
    """

    grown_from: Markdown
    pretrained: bool
    images: int
    images_each: int
    networks_images: int
    share: float
    top1: Sequence[str]
    classifier: str
    file_classes: int
    classes: int
    not_grown: int
    not_grown_reason: str
    matched: bool
    agreement: TransferText | None
    unknown: str
    differences: Sequence[str]


def started(run: RunRecord, scratch: RunRecord | str | None, ignored: Collection[str] = ()) -> Started | None:
    """What the networks started from; None for a run from scratch.

    Args:
        run: the run.
        scratch: the run of the same candidates from scratch; why it can't be read; None where none is known.
        ignored: settings that change no result, so that a difference in them says nothing.
    """
    start = run.start
    if start is None:
        return None
    images = sum(trained.images_seen for trained in start.runs)
    seen = sum(trained.images_seen for c in run.candidates for trained in c.runs)
    not_grown = [c for c in run.candidates if c.reason.startswith("can't be grown")]
    agreement, unknown = None, scratch if isinstance(scratch, str) else ""
    if isinstance(scratch, RunRecord):
        try:
            agreement = agreement_of(scratch, run)
        except ValueError as error:
            unknown = f"the two runs can't be compared: {error}"
    return Started(
        grown_from=grown_from(start),
        pretrained=start.kind == "pretrained",
        images=images,
        images_each=start.runs[0].images_seen if start.runs else 0,
        networks_images=seen,
        share=images / seen if seen else 0.0,
        top1=[f"{percent(trained.top1)} (seed {trained.seed})" for trained in start.runs],
        classifier="fresh"
        if start.fresh_classifier
        else "replaced"
        if start.classes != run.classes
        else "kept"
        if start.kind == "pretrained"
        else "",
        file_classes=start.classes,
        classes=run.classes,
        not_grown=len(not_grown),
        not_grown_reason=not_grown[0].reason if not_grown else "",
        matched=run.settings.get("match", "none") != "none",
        agreement=agreement,
        unknown=unknown,
        differences=[
            f"{d.setting}: {d.values[0]} here, {d.values[1]} there"
            for d in run_differences([run.settings, scratch.settings], {*ignored, *START})
        ]
        if isinstance(scratch, RunRecord)
        else (),
    )


# ----------------------------------------------------------------------------------------------------
# The page of a grid search: the answer, what to do next, and what it rests on.


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """Of a negative phi: the phi, and what it asks for."""

    phi: str
    cost: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Highest:
    """The network of the highest mean top-1, where there is no surface to read an answer off."""

    coefficients: str
    top1: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sure:
    """How sure the answer is; points of top-1 as texts, empty where the runs don't bound them.

    Attributes:
        omnibus: the p value that splits differ.
        left_out_r2: how much of networks left out the surface predicts; empty where nothing, or not known.
        worse_than_mean: whether it is nothing.
        visible: the rate that would have been shown with a probability of 80%.
        lack_of_fit: its p value; None where it is not known.
        fits: whether the surface does.
        regret: what could be lost by the highest fitted split.
        flat_within: how far any two splits can be apart.
        pictures: that held-out images are windows of; empty of other data.
        stopped: why the search ended.
        loss_agrees: whether held-out loss has its best split within the region; None where it is not known.
    """

    omnibus: float
    left_out_r2: str
    worse_than_mean: bool
    visible: str
    lack_of_fit: float | None
    fits: bool
    regret: str
    flat_within: str
    pictures: str
    stopped: str
    loss_agrees: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Longer:
    """The rates by length of training, a row each, and whether they are settled."""

    settled: bool
    moving: bool
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """The best network against another, with fresh seeds; ``visible`` is empty where that settles it."""

    other: str
    network: str
    verdict: str
    predicted: str
    measured: str
    seeds: int
    visible: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What fresh seeds make of the answer, and on which held-out images they were judged.

    Attributes:
        best: the network that confirms it.
        at_best: whether the answer is of each split at its best recipe, which these runs are not by.
        against: what it is set against.
        fresh: whether the images judged nothing else.
        images: how many.
        asked_fresh: whether such images were asked for.
        pictures: that they are windows of; empty of other data.
        fewest: images that are set apart.
    """

    best: str
    at_best: bool
    against: Sequence[Against]
    fresh: bool
    images: int
    asked_fresh: bool
    pictures: str
    fewest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipes:
    """Corners and centre by other recipes.

    Attributes:
        seeds: of each.
        p: the p value that recipes suit networks differently; None where it is not known.
        differ: whether that is shown.
        order: of the networks, best first, each at its best recipe.
        shared_order: the same by the search's own recipe.
        same: whether the two are.
        header: of the table.
        rows: a network each.
        better: the recipes that are shown to be better, a row each.
        at_best: the answer by the search's own recipe and with each split at its best, a row each; empty
            where that is not known.
    """

    seeds: int
    p: float | None
    differ: bool
    order: Sequence[str]
    shared_order: Sequence[str]
    same: bool
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    better: Sequence[Sequence[str]]
    at_best: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPage:
    """What the page shows.

    Attributes:
        name: of the run.
        waiting: networks that are not trained yet.
        networks: all of them.
        part: how many of them figures draw; None where that is all.
        nothing_learnt: whether even the best may be guessing.
        answer: its first line, or why there is none.
        shrunk: of a negative phi; None else.
        highest: the best network where there is no surface; None else.
        not_confirmed: whether a confirmation was asked for, of an answer that isn't there.
        rests_on: the answer's second line; empty without an answer.
        steps: what to do next.
        compared: splits beside the best, a row each; None without a surface.
        sure: how sure the answer is.
        budgets: how networks met theirs.
        longer: the rates by length; None of runs of one length.
        confirmed: by fresh seeds; None where there were none.
        recipes: other ones; None where they were not tried.
        start: what networks were grown from; None for a run from scratch.
        trained: networks; None without any.
        beyond: whether any of them has a share below 0.
        highest_mean: of these.
        fronts: of top-1 against each cost.
        stopped_early: by successive halving; None without it.
        rungs: of it.
        stopped: the networks that were stopped.
        skipped: what was not trained, and why.
        keeps: what the run's folder has.
        made: how the run was made.
        figures: those that were drawn.
    """

    name: str
    waiting: int
    networks: int
    part: Sampled | None
    nothing_learnt: bool
    answer: str
    shrunk: Shrunk | None
    highest: Highest | None
    not_confirmed: bool
    rests_on: str
    steps: Steps
    compared: PageTable | None
    sure: Sure | None
    budgets: Sequence[BudgetText]
    longer: Longer | None
    confirmed: Confirmation | None
    recipes: Recipes | None
    start: Started | None
    trained: PageTable | None
    beyond: bool
    highest_mean: str
    fronts: tables.Fronts
    stopped_early: StoppedEarly | None
    rungs: PageTable
    stopped: PageTable
    skipped: Skipped
    keeps: Keeps
    made: RunMade
    figures: Collection[str]


def grid_page(
    run: RunRecord,
    figures: Collection[str],
    scratch: RunRecord | str | None = None,
    ignored: Collection[str] = (),
    keeps: Keeps = WHOLE,
) -> str:
    """The report as Markdown.

    Args:
        run: the search.
        figures: names of those that were drawn; the page says which were left out.
        scratch: the run of the same networks from scratch, for one whose networks were grown, or why it can't
            be read.
        ignored: settings that change no result, in which the two may differ.
        keeps: what its folder has.
    """
    result, ranking, flat = told_answer(run), judged(run), nothing_learnt(run)
    whole = None if isinstance(result, str) else result
    first, *more = (result,) if isinstance(result, str) else answer_lines(run)
    early = stopped_early(run)
    top = ranking[0] if ranking and whole is None and not flat else None
    done = [c for c in run.candidates if c.status == "completed"]
    return page(
        "commands/grid/page.md.j2",
        GridPage(
            name=run.name,
            waiting=sum(c.status == "waiting" for c in run.candidates),
            networks=len(run.candidates),
            part=sampled(run),
            nothing_learnt=flat,
            answer=first,
            shrunk=Shrunk(phi=f"{run.phi:g}", cost=asked_cost(run.phi)) if more and run.phi < 0 else None,
            highest=None if top is None else Highest(coefficients=coefficients(top), top1=top1_seeds(top)),
            not_confirmed=whole is None and bool(run.settings.get("confirm")),
            rests_on=more[0] if more else "",
            steps=next_steps(run, whole, keeps=keeps) if whole and more else steps(),
            compared=_compared(whole) if whole else None,
            sure=_sure(run, whole) if whole else None,
            budgets=budgets_of(done),
            longer=_longer(whole) if whole else None,
            confirmed=_confirmation(run, whole) if whole and whole.confirmed else None,
            recipes=_recipes(whole, whole.recipe) if whole and whole.recipe else None,
            start=started(run, scratch, ignored),
            trained=_networks(run, ranking, whole) if ranking else None,
            beyond=any(round(100 * share) < 0 for c in ranking for share in c.split or ()),
            highest_mean=max((percent(c.top1) for c in ranking), default=""),
            fronts=tables.fronts_of(run),
            stopped_early=early,
            rungs=tables.RUNGS.table(early.plan if early else ()),
            stopped=tables.STOPPED.table(
                [tables.StoppedRow(candidate=c, rung=rung) for c, rung in (early.stopped if early else ())]
            ),
            skipped=_skipped(run),
            keeps=keeps,
            made=run_made(run),
            figures=figures,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRow:
    """A split with its fitted top-1 in percent, and how far it is behind the best; None of that itself."""

    name: str | Markdown
    split: Sequence[float]
    top1: float
    behind: Estimate | None = None


def _share_column(index: int, dimension: str) -> Column[SplitRow]:
    return page_only(dimension, lambda row: f"{100 * row.split[index]:z.0f}%")


SPLITS: Columns[SplitRow] = Columns(
    columns=(
        page_only("split", lambda row: row.name, name="name"),
        *(_share_column(index, name) for index, name in enumerate(("depth", "width", "resolution"))),
        page_only("fitted top-1", lambda row: f"{row.top1:.1f}%", name="top1"),
        page_only(
            "points behind (95%)",
            lambda row: "" if row.behind is None else interval_text(row.behind),
            name="behind",
        ),
    )
)
"""Of splits compared, on a page."""


def _compared(result: SearchAnswer) -> PageTable:
    answer = result.answer
    best = SplitRow(
        name=Markdown("**best split**" if result.surface.different else "**highest fitted**"),
        split=answer.best,
        top1=answer.top1.value,
    )
    others = [
        SplitRow(
            name=behind.name,
            split=behind.split,
            top1=float(result.surface.top1(behind.split)[0]),
            behind=behind.points,
        )
        for behind in sorted(answer.behind, key=lambda other: other.points.value)
    ]
    heads = {} if result.as_searched is None else {"top1": "fitted top-1, at its best recipe"}
    return SPLITS.table([best, *others], heads=heads)


def _sure(run: RunRecord, result: SearchAnswer) -> Sure:
    answer, surface = result.answer, result.surface
    r2 = surface.left_out_r2
    visible = max(rate.visible for rate in answer.rates)
    return Sure(
        omnibus=surface.omnibus,
        left_out_r2=f"{r2:.2f}" if r2 is not None and r2 > 0 else "",
        worse_than_mean=r2 is not None and r2 <= 0,
        visible=f"{visible:.2f}" if bounded(visible) else "",
        lack_of_fit=surface.lack_of_fit,
        fits=surface.fits,
        regret=f"{answer.regret:.1f}" if bounded(answer.regret) else "",
        flat_within=f"{answer.flat_within:.1f}" if bounded(answer.flat_within) else "",
        pictures=_few_pictures(run),
        stopped=run.stopped,
        loss_agrees=result.loss_agrees,
    )


def _few_pictures(run: RunRecord) -> str:
    """The pictures that held-out images are windows of; empty of other data."""
    dataset = str(run.settings.get("dataset"))
    if dataset == "photographs":
        return f"{run.classes:,} photographs"
    return f"{run.classes:,} pictures" if dataset.startswith(WINDOWS) else ""


def _longer(result: SearchAnswer) -> Longer | None:
    growth = result.growth
    if growth is None:
        return None
    by = "" if result.as_searched is None else ", by the search's own recipe"
    header = [f"points for each 10% moved{by}", *(f"{at.images:,} images" for at in result.lengths)]
    return Longer(
        settled=growth.settled,
        moving=bool(growth.moving),
        header=[*header, "change a doubling", f"{growth.later_images:,.0f} images (extrapolated)"],
        rows=[
            (
                f"{rate.giver} to {rate.taker}",
                *(_interval(at.rates[index]) for at in result.lengths),
                _interval(growth.moves[index]),
                _interval(growth.later[index]),
            )
            for index, rate in enumerate(result.by_own_recipe.rates)
        ],
    )


def _interval(rate: Rate) -> str:
    return interval_text(rate.points, digits=2, sign="+")


def _confirmation(run: RunRecord, result: SearchAnswer) -> Confirmation:
    confirmed = result.confirmed
    return Confirmation(
        best=_network(confirmed[0].best),
        at_best=result.as_searched is not None,
        against=[
            Against(
                other=check.other,
                network=_network(check.against),
                verdict=check.verdict,
                predicted=interval_text(check.predicted, sign="+", unit=" points"),
                measured=interval_text(check.measured, sign="+"),
                seeds=check.seeds,
                visible=f"{check.visible:.1f}" if check.verdict == "too small to see" else "",
            )
            for check in confirmed
        ],
        fresh=confirmed[0].fresh,
        images=confirmed[0].images,
        asked_fresh=run.settings.get("confirm_on") == "fresh",
        pictures=_few_pictures(run),
        fewest=FEWEST_APART,
    )


def _network(candidate: CandidateRecord) -> str:
    """A network by its triple and its shares as built."""
    shares = f" ({split_text(candidate.split)})" if candidate.split else ""
    return f"{coefficients(candidate)}{shares}"


def _recipes(result: SearchAnswer, check: RecipeCheck) -> Recipes:
    variants = list(dict.fromkeys(variant for of in check.top1.values() for variant in of))

    def cell(role: str, variant: str) -> str:
        if variant not in check.top1[role]:
            return ""
        top1 = f"{check.top1[role][variant]:.1f}%"
        return Markdown(f"**{top1}**") if check.best[role] == variant else top1

    shared, best = check.orders
    return Recipes(
        seeds=check.seeds,
        p=check.p,
        differ=check.p is not None and check.p < SIGNIFICANCE,
        order=best,
        shared_order=shared,
        same=shared == best,
        header=["network", *variants, "behind, as searched", "behind, each at its best"],
        rows=[
            (
                role,
                *(cell(role, variant) for variant in variants),
                f"{check.at_shared[role]:.1f}",
                f"{check.at_own[role]:.1f}",
            )
            for role in check.top1
        ],
        better=[(gain.variant, gain.role, interval_text(gain.gain, sign="+")) for gain in check.better],
        at_best=() if result.as_searched is None else _at_best(result.as_searched, result.answer, check),
    )


def _at_best(searched: Answer, answer: Answer, check: RecipeCheck) -> list[tuple[str, str, str]]:
    """The answer by the search's own recipe beside that of each split at its best."""
    judged_by = [
        f"{role} {recipe}" + (f" ({check.tried[role].gain:+.1f})" if check.tried[role].better else "")
        for role, recipe in check.judged_by.items()
    ]
    there = {behind.name: behind.points for behind in answer.behind}
    return [
        ("judged by", AS_SEARCHED, ", ".join(judged_by)),
        ("highest fitted split", split_text(searched.best), split_text(answer.best)),
        ("can't be excluded", region_text(searched), region_text(answer)),
        *(
            (f"{own.giver} to {own.taker}, for each 10%", _interval(own), _interval(best))
            for own, best in zip(searched.rates, answer.rates, strict=True)
        ),
        *(
            (f"{behind.name} behind by", interval_text(behind.points), interval_text(there[behind.name]))
            for behind in searched.behind
            if behind.name == PAPER
        ),
    ]


def _networks(run: RunRecord, ranking: Sequence[CandidateRecord], result: SearchAnswer | None) -> PageTable:
    predictions = result.predictions if result else {}
    ranked = sorted(ranking, key=lambda c: -predictions.get(c.key, (100 * (c.top1 or 0.0), 0.0))[0])
    rows = [
        replace(row, fitted=predictions.get(row.candidate.key)) for row in tables.network_rows(run, ranked)
    ]
    heads = {"blocks": counted_parts(run.settings)}
    return tables.CANDIDATES.table(rows, heads=heads, but=() if result else ("top1_fitted",))


# ----------------------------------------------------------------------------------------------------
# A finished (or stopped) grid search as tables, figures and a page.


def interactive(run: RunRecord) -> Interactive:
    """What a reader can point at on the HTML page, in the place of its figures."""
    answer = ("triangle", "rates", "clicked", "family")
    return search_parts(run, {"answer": answer, "pareto": ("pareto",), "learning_curves": ("curves",)})


def write_grid_report(
    run: RunRecord, out: Path, scratch: RunRecord | str | None = None, ignored: Collection[str] = ()
) -> Report:
    """Write ``candidates.csv``, ``pareto.csv``, ``report.md`` and ``figures/`` of ``run`` into ``out``.

    The same record gives the same bytes. A figure without data is left out, and the page says so. For a run
    whose networks were grown ``scratch`` is the one of the same networks from scratch, or why there is none;
    ``ignored`` are settings that change no result, in which the two may differ.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    candidates = tables.candidates_table(run)
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
    write_text(out / "candidates.csv", csv_text(candidates))
    write_text(out / "pareto.csv", csv_text(tables.pareto_table(run)))
    return Report(
        page=write_pages(
            out / "report.md",
            grid_page(run, {path.stem for path in figures}, scratch, ignored, keeps_of(out, run.settings)),
            interactive(run),
        ),
        figures=figures,
        table=candidates,
    )
