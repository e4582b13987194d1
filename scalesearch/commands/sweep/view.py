"""The page and tables of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from scalesearch.commands.sweep.evidence import (
    ROLES,
    SweepComparison,
    baseline_of,
    budgets,
    coinciding,
    comparisons,
    law_of,
    residual,
    same_as_compound,
)
from scalesearch.commands.sweep.figures import dimensions_figure, published_here, sweep_figure
from scalesearch.files import write_text
from scalesearch.networks.baselines import PublishedScaling
from scalesearch.page.columns import Cell, Column, Columns, on_page, page_only, pick
from scalesearch.page.evidence import (
    completed,
    judged,
    nothing_learnt,
    tied_with,
)
from scalesearch.page.html.page import Report, write_pages
from scalesearch.page.markdown import (
    MOST_ROWS,
    Markdown,
    and_more,
    evenly,
    listed,
    p_text,
    percent,
    plain_lines,
    plural,
    points_text,
    si,
    signed_percent,
)
from scalesearch.page.parts import (
    FOLDER,
    WHOLE,
    Keeps,
    PageTable,
    RunMade,
    Steps,
    counted_parts,
    keeps_of,
    made_again,
    of_baseline,
    run_made,
    steps,
    top1_seeds,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import BUDGET, NETWORK, NetworkRow, csv_text
from scalesearch.page.templates import page, part
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import NOMINAL_BASE
from scalesearch.statistics.answer import DIMENSIONS, Estimate
from scalesearch.statistics.power_law import PowerLaw
from scalesearch.study.settings import TrainingSettings
from scalesearch.text import quoted, without_options

# ----------------------------------------------------------------------------------------------------
# The page of a sweep: what a power law of it answers for every budget, and which way to spend one wins.

FAR = 0.05
"""Costs further than this from their budget make a comparison at equal cost doubtful."""
MOST_BUDGETS = MOST_ROWS // len(ROLES)
"""With a table of their own, or named in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepText:
    """What the answer's three lines say.

    Attributes:
        missing: why no power law was fitted; empty where one was.
        objections: why none is read off it; empty where it holds.
        cost: of the largest budget, in times the baseline's.
        shares: what each dimension gets of the growth there.
        coefficients: the alpha, beta and gamma of that.
        additive: the p value that each dimension acts by itself.
        lack_of_fit: the p value that networks stray no more than runs do; None where it is not known.
        predicted: of the differences of networks left out, as a fraction.
        verdicts: on compound scaling that occur.
        better: the ways that compound scaling is better than, each with the difference.
        worse: the ways that it is worse than.
        widest: the largest difference that is not ruled out, in points.
    """

    missing: str = ""
    objections: Sequence[str] = ()
    cost: str = ""
    shares: Sequence[str] = ()
    coefficients: Sequence[str] = ()
    additive: float = 0.0
    lack_of_fit: float | None = None
    predicted: float = 0.0
    verdicts: Sequence[str] = ()
    better: Sequence[str] = ()
    worse: Sequence[str] = ()
    widest: float = 0.0


def answer_text(run: RunRecord) -> SweepText:
    """What a power law says of every budget, what speaks against it, which way wins."""
    law, pairs = law_of(run), comparisons(run)
    values: dict[str, Any] = {
        "verdicts": sorted({pair.verdict for pair in pairs}),
        "better": _ways(pairs, "better"),
        "worse": _ways(pairs, "worse"),
        "widest": 100
        * max((max(abs(pair.test.low), abs(pair.test.high)) for pair in pairs if pair.test), default=0.0),
    }
    if isinstance(law, str):
        return SweepText(missing=law, **values)
    phi = max(budgets(run))
    return SweepText(
        objections=law.objections,
        cost=f"{NOMINAL_BASE**phi:.3g}",
        shares=[f"{name} {_share(share)}" for name, share in zip(DIMENSIONS, law.best(phi), strict=True)],
        coefficients=[f"{coefficient.value:.3g}" for coefficient in law.coefficients_at(phi)],
        additive=law.additive,
        lack_of_fit=law.lack_of_fit,
        predicted=max(0.0, law.left_out_r2),
        **values,
    )


def answer_lines(run: RunRecord) -> tuple[str, ...]:
    """The answer in three plain lines."""
    return plain_lines(part("commands/sweep/answer.md.j2", "answer", answer_text(run)))


def _ways(pairs: Sequence[SweepComparison], verdict: str) -> list[str]:
    return [
        f"{listed([_named(role) for role in pair.other.roles])} at phi {pair.phi:g} "
        f"({100 * pair.difference:+.1f} points)"
        for pair in pairs
        if pair.verdict == verdict
    ]


def _named(role: str) -> str:
    return f"{role} alone" if role in DIMENSIONS else "the mostly-wide rule (fast)"


def _share(estimate: Estimate) -> str:
    low, value, high = (percent(x, 0) for x in (estimate.low, estimate.value, estimate.high))
    return f"{value} ({low} to {high})"


def _coefficient(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How far the comparisons of a sweep can be trusted.

    Attributes:
        tested: comparisons with a test.
        untested: those without.
        seeds: of the tests.
        df: their degrees of freedom.
        kind: of the budgets.
        worst: how far the network that is furthest from its budget is off.
        furthest: that network.
        off: the same, signed.
        far: networks that are more than 5% off.
        chance: the top-1 of guessing.
        near_chance: networks that did not get beyond twice that.
    """

    tested: int
    untested: int
    seeds: str
    df: int
    kind: str
    worst: float
    furthest: str
    off: float
    far: int
    chance: float
    near_chance: int


def _trust(run: RunRecord, pairs: Sequence[SweepComparison]) -> Trust | None:
    if not pairs:
        return None
    # Two ways that are one network share a test.
    tests = list({id(pair.test): pair.test for pair in pairs if pair.test is not None}.values())
    counts = sorted({pair.seeds for pair in pairs if pair.test is not None})
    compared = {c.key: c for pair in pairs for c in (pair.compound, pair.other)}.values()
    worst = max(compared, key=lambda c: abs(residual(c)))
    kind = worst.budget.kind if worst.budget else "macs"
    return Trust(
        tested=len(tests),
        untested=sum(pair.test is None for pair in pairs),
        seeds=plural(counts[0], "seed")
        if len(counts) == 1
        else f"{min(counts, default=0)} to {max(counts, default=0)} seeds",
        df=tests[0].df if tests else 0,
        kind="MACs" if kind == "macs" else kind,
        worst=abs(residual(worst)),
        furthest=f"{worst.role} at phi {worst.phi:g}",
        off=residual(worst),
        far=sum(abs(residual(c)) > FAR for c in compared),
        chance=1 / run.classes,
        near_chance=sum((c.top1 or 0.0) <= 2 / run.classes for c in compared),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPage:
    """What the page shows.

    Attributes:
        name: of the run.
        waiting: networks that are not trained yet.
        networks: all of them.
        answer: its three lines.
        nothing_learnt: whether even the best network may be guessing.
        tied: who shares the highest top-1; empty where nobody does.
        steps: what to do next.
        by_budget: the best split at each budget, a row each; None where no law holds.
        exponents: of the law.
        limits: what alpha, beta and gamma go to for large budgets.
        baseline: its top-1; empty where it was not trained.
        baseline_macs: what it costs.
        ways: every network, a row each.
        missing: networks without a result, and why.
        more_budgets: that the table leaves out.
        coinciding: which ways round to one network, a sentence for each budget.
        trust: how far the comparisons can be trusted; None where there are none.
        published: what was published; None where nothing was.
        source: where.
        made: how the run was made.
        figures: those that were drawn.
    """

    name: str
    waiting: int
    networks: int
    answer: SweepText
    nothing_learnt: bool
    tied: str
    steps: Steps
    by_budget: PageTable | None
    exponents: Sequence[str]
    limits: Sequence[str]
    baseline: str
    baseline_macs: int
    ways: PageTable
    missing: Sequence[str]
    more_budgets: int
    coinciding: Sequence[str]
    trust: Trust | None
    published: PageTable | None
    source: str
    made: RunMade
    figures: Collection[str]


def sweep_page(run: RunRecord, figures: Collection[str], keeps: Keeps = WHOLE) -> str:
    """The report as Markdown. ``figures`` names those that were drawn, ``keeps`` says what its folder has."""
    law, pairs, base = law_of(run), comparisons(run), baseline_of(run)
    holds = None if isinstance(law, str) or law.objections else law
    every = budgets(run)
    shown = evenly(every, MOST_BUDGETS)
    tabled = [
        c for phi in shown for role in ROLES for c in run.candidates if (c.phi, *c.roles[:1]) == (phi, role)
    ]
    ways = SWEEP.table(
        _rows(run, tabled),
        heads={"blocks": counted_parts(run.settings)},
    )
    published = published_here(run)
    return page(
        "commands/sweep/page.md.j2",
        SweepPage(
            name=run.name,
            waiting=sum(c.status == "waiting" for c in run.candidates),
            networks=len(run.candidates),
            answer=answer_text(run),
            nothing_learnt=nothing_learnt(run),
            tied=_tied(run),
            steps=_steps(run, law, keeps),
            by_budget=_by_budget(run, holds) if holds else None,
            exponents=[f"{name} = {_coefficient(x)}" for name, x in zip("abc", holds.exponents, strict=True)]
            if holds
            else (),
            limits=list(map(_coefficient, holds.coefficients)) if holds else (),
            baseline=top1_seeds(base) if base else "",
            baseline_macs=base.macs if base else 0,
            ways=ways,
            missing=[
                f"{c.role}: {c.status}{f', {c.reason}' if c.reason else ''}"
                for c in tabled
                if not completed(c)
            ],
            more_budgets=len(every) - len(shown),
            coinciding=[
                f"At phi {c.phi:g} {listed(c.roles)} round to one network, trained once"
                for c in coinciding(run)
                if c.phi in shown
            ],
            trust=_trust(run, pairs),
            published=PUBLISHED_WAYS.table(list(published.items())) if published else None,
            source=next((row.source for row in published.values()), ""),
            made=run_made(run),
            figures=figures,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """What the law says of a budget: the best split, its coefficients and its top-1 in percent."""

    phi: float
    tried: bool
    best: Sequence[Estimate]
    coefficients: Sequence[Estimate]
    top1: Estimate


def _best_share(index: int, dimension: str) -> Column[BudgetRow]:
    return page_only(dimension, lambda row: _share(row.best[index]))


def _triple(row: BudgetRow) -> str:
    return ", ".join(f"{coefficient.value:.3g}" for coefficient in row.coefficients)


def _interval_text(of: Estimate) -> str:
    return f"{of.value:.1f} ({of.low:.1f} to {of.high:.1f})"


BUDGETS: Columns[BudgetRow] = Columns(
    columns=(
        page_only("phi", lambda row: f"{row.phi:g}{'' if row.tried else ', not tried'}"),
        *(_best_share(index, name) for index, name in enumerate(("depth", "width", "resolution"))),
        page_only("alpha, beta, gamma", _triple, name="coefficients"),
        page_only("top-1, %", lambda row: _interval_text(row.top1), name="top1"),
    )
)
"""Of the best split at each budget, on a page."""

PUBLISHED_WAYS: Columns[tuple[str, PublishedScaling]] = Columns(
    columns=(
        page_only("scaling", lambda row: row[0]),
        page_only("depth", lambda row: f"{row[1].depth:g}"),
        page_only("width", lambda row: f"{row[1].width:g}"),
        page_only("resolution", lambda row: f"{row[1].resolution:g}"),
        page_only("FLOPs", lambda row: si(row[1].flops), name="flops"),
        page_only("ImageNet top-1", lambda row: percent(row[1].top1), name="top1"),
    )
)
"""Of what was published of scaling in one dimension and in all, on a page."""


def _by_budget(run: RunRecord, law: PowerLaw) -> PageTable:
    """What the law says of each budget of the run and of the next larger one."""
    phis = evenly(budgets(run), MOST_BUDGETS)
    if max(phis) > 0:
        phis = [*phis, max(phis) + 1]
    rows = [
        BudgetRow(
            phi=phi,
            tried=phi in budgets(run),
            best=law.best(phi),
            coefficients=law.coefficients_at(phi),
            top1=law.top1([phi * share.value for share in law.best(phi)]),
        )
        for phi in phis
    ]
    return BUDGETS.table(rows)


def _tied(run: RunRecord) -> str:
    """Who shares the highest top-1; empty where one has it alone."""
    ranking = judged(run)
    ties = tied_with(run, ranking[0]) if ranking else []
    if not ties:
        return ""
    names = [c.role if c.role == "baseline" else f"{c.role} at phi {c.phi:g}" for c in (ranking[0], *ties)]
    return listed(names) if len(names) <= MOST_BUDGETS else and_more(names, MOST_BUDGETS, ", ")


TRAINED_ON = (
    *("baseline_width", "baseline_resolution", "baseline_channel_divisor"),
    *("dataset", "held_out", "images", "batch_size"),
)
"""Settings without which another command's run would be of other networks, or of other training."""


def _grid(run: RunRecord, phi: float) -> str:
    """The command that searches at a budget, its networks trained as those of the sweep were."""
    asked = {name: run.settings.get(name) for name in TRAINED_ON}
    if run.settings.get("recipe_values") is None:
        asked["recipe"] = run.settings.get("recipe")
    defaults = {field.name: field.default for field in fields(TrainingSettings)}
    options = "".join(
        f" --{name.replace('_', '-')} {quoted(str(value))}"
        for name, value in asked.items()
        if value is not None and value != defaults[name]
    )
    return f"scalesearch grid{of_baseline(run.settings)} --phi {phi:g}{options}"


def _steps(run: RunRecord, law: PowerLaw | str, keeps: Keeps) -> Steps:
    phi, of = max(budgets(run), default=1.0), of_baseline(run.settings)
    again = without_options(run.command, ("--seeds", "--out"))
    if not (keeps.study and again.startswith("scalesearch sweep")):  # it may be a part of an audit
        again = made_again("sweep", run.settings, FOLDER)
    if isinstance(law, str):
        wider = without_options(again, ("--phi", "--roles"))
        # What run.toml says is not left out, but said otherwise.
        every = f" --roles {','.join(ROLES)}" if "--config" in again and run.settings.get("roles") else ""
        return steps(
            (
                "All ways at three budgets, which is enough for a power law",
                f"{wider}{every} --phi 0.5,1,2 --seeds 3 --out {FOLDER}-three-budgets",
            )
        )
    if law.objections:
        seeds = 2 * max((len(c.runs) for c in run.candidates), default=1)
        largest = max(budgets(run), key=abs)
        return steps(
            (
                "At one budget: a surface over all splits, which needs no such law",
                _grid(run, largest),
            ),
            (
                "More seeds: does the law really fail?",
                f"{again} --seeds {seeds} --out {FOLDER}-seeds",
            ),
        )
    alpha, beta, gamma = (coefficient.value for coefficient in law.coefficients_at(phi))
    return steps(
        (
            "The family by the split of the largest budget",
            f"scalesearch scale{of} --alpha {alpha:.3g} --beta {beta:.3g} --gamma {gamma:.3g} --phi 0..7",
        ),
        (
            "Does the law hold at a larger budget?",
            _grid(run, phi + 1),
        ),
    )


# ----------------------------------------------------------------------------------------------------
# A finished (or stopped) sweep as a table, figures and a page.


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow(NetworkRow):
    """A network of a sweep, with compound scaling against it; None where it is compound, or untested.

    ``same`` is whether it is compound scaling's own network, trained apart.
    """

    against: SweepComparison | None
    same: bool


def _rows(run: RunRecord, candidates: Sequence[CandidateRecord]) -> list[SweepRow]:
    against, same = {(pair.phi, pair.other.key): pair for pair in comparisons(run)}, same_as_compound(run)
    return [
        SweepRow(candidate=c, against=against.get((c.phi, c.key)), same=c.key in same) for c in candidates
    ]


def _against(name: str, value: Callable[[SweepComparison], Any], **looks: Any) -> Column[SweepRow]:
    return Column(name=name, value=lambda row: None if row.against is None else value(row.against), **looks)


def _part(share: float) -> str:
    return f"{round(100 * share)}%"  # no "-0%" of a hair of width


def _grown(place: int, asked: str) -> Callable[[SweepRow], str]:
    """The part of the growth that went to a dimension; where that is unknown, what was asked of it."""

    def page_cell(row: SweepRow) -> str:
        split = row.candidate.split
        return _part(split[place]) if split else f"x {getattr(row.candidate, asked):.3f}"

    return page_cell


def _less(row: SweepRow) -> str:
    if (pair := row.against) is None:
        return ""
    points = 100 * pair.difference
    if pair.test is None:
        return f"{points:+.1f}"
    return points_text(points, 100 * pair.test.low, 100 * pair.test.high, sign="+", ends="+")


def _verdict(row: SweepRow) -> str | Markdown:
    if (pair := row.against) is None:
        return "the same network as compound" if row.same else ""
    return pair.verdict if pair.test is None else Markdown(f"{pair.verdict} ({p_text(pair.test.p)})")


SWEEP: Columns[SweepRow] = Columns(
    columns=(
        *on_page(
            pick(
                NETWORK,
                *("phi", "role", "key", "alpha", "beta", "gamma", "depth", "width"),
                *("resolution_multiplier", "resolution", "resolution_width", "blocks", "params", "macs"),
                "macs_ratio",
                phi=Cell("{:g}"),
                role=Cell(),
            ),
            phi=("phi", lambda row: f"{row.candidate.phi:g}"),
            role=("role", lambda row: row.candidate.role),
            depth=("depth", _grown(0, "depth")),
            width=("width", _grown(1, "width")),
            resolution_multiplier=("resolution", _grown(2, "resolution_multiplier")),
            blocks=("", lambda row: str(row.candidate.blocks) if row.candidate.counted else ""),
        ),
        replace(BUDGET["budget"], name="budget_kind"),
        *pick(BUDGET, "budget_target", "budget_value"),
        Column(
            name="residual",
            value=lambda row: residual(row.candidate) if row.candidate.counted else None,
            head="off budget",
            page=lambda row: signed_percent(residual(row.candidate)) if row.candidate.counted else "",
        ),
        *pick(BUDGET, "matched_by"),
        *on_page(
            pick(NETWORK, "top1", "top1_sd", "seeds", "loss", "images_seen", "train_seconds"),
            top1=(
                "top-1",
                lambda row: top1_seeds(row.candidate) if row.finished else row.candidate.status,
            ),
        ),
        *pick(NETWORK, "status", "reason"),
        _against("compound_minus_this", lambda pair: pair.difference, head="compound less this", page=_less),
        _against("difference_low", lambda pair: pair.test and pair.test.low),
        _against("difference_high", lambda pair: pair.test and pair.test.high),
        _against("p", lambda pair: pair.test and pair.test.p),
        _against("verdict", lambda pair: pair.verdict, head="verdict", page=_verdict),
        *pick(NETWORK, "depth_doublings", "width_doublings", "resolution_doublings"),
        *pick(NETWORK, "trained_device", "trained_threads"),
    ),
    terminal=("role", "phi", "depth", "width", "resolution", "macs_ratio", "top1", "top1_sd", "status"),
    page=(
        *("phi", "role", "depth", "width", "resolution_multiplier", "resolution", "blocks", "residual"),
        *("top1", "compound_minus_this", "verdict"),
    ),
    left=2,
)
"""Of ``sweep.csv``: every network, by budget and role."""


def write_sweep_report(run: RunRecord, out: Path) -> Report:
    """Write ``sweep.csv``, ``report.md`` and ``figures/`` of ``run`` into ``out``.

    The same record gives the same bytes. A figure without data is left out, and the page says so.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    figures = write_figures(
        {"sweep": sweep_figure(run), "dimensions": dimensions_figure(run)}, out / "figures"
    )
    rows, drawn = sweep_table(run), {path.stem for path in figures}
    write_text(out / "sweep.csv", csv_text(rows))
    return Report(
        page=write_pages(out / "report.md", sweep_page(run, drawn, keeps_of(out, run.settings))),
        figures=figures,
        table=rows,
        answer=answer_lines(run),
    )


def sweep_table(run: RunRecord) -> pd.DataFrame:
    """Every network by budget and role, by :data:`SWEEP`; what is unknown is missing."""
    place = {role: index for index, role in enumerate(("baseline", *ROLES))}
    ordered = sorted(run.candidates, key=lambda c: (c.phi, place.get(c.roles[0], len(place))))
    return SWEEP.frame(_rows(run, ordered))
