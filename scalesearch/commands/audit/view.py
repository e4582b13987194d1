"""The page and tables of an audit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from scalesearch.commands.audit.evidence import (
    EQUAL,
    SCALINGS,
    OrderPair,
    Spending,
    Swap,
    SweepSurface,
    agreeing_rules,
    order_pairs,
    published_top1,
    spendings,
    swaps,
    sweep_surface,
    trained_roles,
    unreproduced,
)
from scalesearch.commands.audit.figures import accuracy_figure, cost_figure, trained_figure
from scalesearch.commands.sweep.evidence import baseline_of, budgets, residual
from scalesearch.files import write_text
from scalesearch.networks.rounding_rules import OFFICIAL, RuleCost, rule_meanings
from scalesearch.page.answer import interval_text, rate_text, region_text, split_text
from scalesearch.page.columns import Cell, Column, Columns, field
from scalesearch.page.evidence import nothing_learnt
from scalesearch.page.html.page import write_pages
from scalesearch.page.markdown import Markdown, bounded, escape, p_text, percent, plain_lines, signed_percent
from scalesearch.page.parts import (
    FOLDER,
    Made,
    Steps,
    made_of,
    quoted_agreement,
    steps,
    top1_seeds,
    training,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import csv_text
from scalesearch.page.templates import page, part
from scalesearch.records import AuditMatch, AuditRecord, AuditRow, CandidateRecord, RunRecord
from scalesearch.text import without_options

# ----------------------------------------------------------------------------------------------------
# The part of an audit's page about the rows that were trained at equal cost.


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderText:
    """Whether the published order holds here.

    Attributes:
        verdict: in a word or two.
        pairs: of ways that were trained.
        holds: those of which the published order is shown.
        reversed: those of which the reverse is.
        undecided: the others.
        same_sign: those whose means are in the published order.
        by_chance: how many of these chance would give.
        compound: the pairs that compound scaling leads as published.
        compound_holds: those of which its lead is shown.
        compound_reversed: those of which the reverse is.
    """

    verdict: str
    pairs: int
    holds: int
    reversed: int
    undecided: int
    same_sign: int
    by_chance: str
    compound: int
    compound_holds: int
    compound_reversed: int


def order_text(pairs: Sequence[OrderPair]) -> OrderText:
    """What the pairs of an audit come to."""
    verdicts = [pair.verdict for pair in pairs]
    led = [pair.verdict for pair in pairs if pair.ahead == "compound"]
    holds, reverse = verdicts.count("holds"), verdicts.count("reversed")
    if verdicts.count("not tested") == len(pairs):
        verdict = "Not tested"
    elif reverse:
        verdict = "In part" if holds else "No"
    elif holds:
        verdict = "Yes" if holds == len(pairs) else "In part"
    else:
        verdict = "Not shown"
    return OrderText(
        verdict=verdict,
        pairs=len(pairs),
        holds=holds,
        reversed=reverse,
        undecided=len(pairs) - holds - reverse,
        same_sign=sum(pair.difference > 0 for pair in pairs),
        by_chance=f"{len(pairs) / 2:g}",
        compound=len(led),
        compound_holds=led.count("holds"),
        compound_reversed=led.count("reversed"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedBudget:
    """The ways of one baseline at one budget.

    Attributes:
        times: the baseline's multiply-adds.
        published: the ways with their published top-1, from the best.
        here: the same with the top-1 here.
        rows: a way each.
        pairs: their comparisons, a pair each.
    """

    times: str
    published: Sequence[str]
    here: Sequence[str]
    rows: Sequence[Sequence[str]]
    pairs: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceText:
    """What a surface over the trained networks of one baseline says.

    Attributes:
        answer: the best split, or that none stands out; empty where there is no surface.
        rates: what moving compute brings.
        behind: how far compound scaling's split is behind the best; empty where that is not known.
        networks: that it rests on.
        runs: of these.
        missing: splits near which nothing was trained.
        more: training runs that would do.
        why: what else is in the way.
    """

    answer: str
    rates: Sequence[str]
    behind: str
    networks: int
    runs: int
    missing: Sequence[str]
    more: int
    why: str


def _surface_text(found: SweepSurface) -> SurfaceText:
    answer = found.answer
    if answer is None:
        return SurfaceText(
            answer="",
            rates=(),
            behind="",
            networks=0,
            runs=0,
            missing=found.missing,
            more=found.more,
            why=found.why,
        )
    apart = f", any two within {answer.flat_within:.1f} points (95%)" if bounded(answer.flat_within) else ""
    return SurfaceText(
        answer=(
            f"the best split is {split_text(answer.best)}; can't be excluded: {region_text(answer)}"
            if answer.surface.different
            else f"no split stands out{apart}; the highest fitted is {split_text(answer.best)}"
        ),
        rates=list(map(rate_text, answer.rates)),
        behind=next((interval_text(behind.points, unit=" points") for behind in answer.behind), ""),
        networks=answer.surface.networks,
        runs=answer.surface.runs,
        missing=(),
        more=0,
        why="",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedSweep:
    """The ways of one baseline that were trained.

    Attributes:
        name: of the baseline.
        title: of its sweep inside a sentence.
        waiting: networks that are not trained yet.
        networks: all of them.
        baseline: its top-1; empty where it was not trained.
        budgets: what was trained at each.
        surface: over the splits of all of them; None where nothing was trained.
    """

    name: str
    title: str
    waiting: int
    networks: int
    baseline: str
    budgets: Sequence[TrainedBudget]
    surface: SurfaceText | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What was trained of an audit's rows, and how far it can be trusted.

    Attributes:
        sweeps: one of each baseline.
        not_begun: baselines without one.
        tested: pairs with a test.
        untested: those without.
        worst: how far a network is from its budget at most.
        guessing: baselines of which even the best network may be guessing.
        agreement: how well short runs rank networks; empty where nothing is known of it.
        cost: of the training; empty where nothing was trained.
    """

    sweeps: Sequence[TrainedSweep]
    not_begun: Sequence[str]
    tested: int
    untested: int
    worst: float
    guessing: Sequence[str]
    agreement: Markdown
    cost: str


def _training(record: AuditRecord) -> Training | None:
    if not record.trained:
        return None
    runs, pairs = record.trained.values(), order_pairs(record)
    networks = [c for run in runs for c in run.candidates if c.role != "baseline" and c.runs]
    reliability = next((run.reliability for run in runs if run.reliability), ())
    tested = sum(pair.test is not None for pair in pairs)
    return Training(
        sweeps=[_trained_sweep(record, name, run, pairs) for name, run in record.trained.items()],
        not_begun=[name for name in record.baselines if name not in record.trained],
        tested=tested,
        untested=len(pairs) - tested,
        worst=max((abs(residual(c)) for c in networks), default=0.0),
        guessing=[name for name, run in record.trained.items() if run.candidates and nothing_learnt(run)],
        agreement=quoted_agreement(reliability[-1]) if reliability else Markdown(),
        cost=training([c for run in runs for c in run.candidates]) if networks else "",
    )


def _trained_sweep(
    record: AuditRecord, name: str, run: RunRecord, pairs: Sequence[OrderPair]
) -> TrainedSweep:
    base = baseline_of(run)
    at_each = []
    for phi in budgets(run):
        roles = trained_roles(run, phi)
        if rows := [_trained_row(record, name, role, roles[role]) for role in SCALINGS if role in roles]:
            here = [pair for pair in pairs if pair.baseline == name and pair.phi == phi]
            at_each.append(
                TrainedBudget(
                    times=f"{2**phi:g}",
                    published=_order(published_top1(record, name)),
                    here=_order({role: c.top1 or 0.0 for role, c in roles.items()}),
                    rows=rows,
                    pairs=list(map(_pair_row, here)),
                )
            )
    return TrainedSweep(
        name=name,
        title=f"The sweep of {name}",
        waiting=sum(c.status == "waiting" for c in run.candidates),
        networks=len(run.candidates),
        baseline=top1_seeds(base) if base else "",
        budgets=at_each,
        surface=None if (surface := sweep_surface(run)) is None else _surface_text(surface),
    )


def _order(top1: dict[str, float]) -> list[str]:
    """``compound 81.1%``, ``resolution 79.1%``: from the best."""
    return [f"{role} {percent(top1[role])}" for role in sorted(top1, key=lambda role: -top1[role])]


def _trained_row(record: AuditRecord, name: str, role: str, c: CandidateRecord) -> tuple[str, ...]:
    row = record.row(name, role)
    return (
        role,
        percent(row.published.top1) if row else "not published",
        ", ".join(f"{value:.3g}" for value in (c.depth, c.width, c.resolution_multiplier)),
        f"{c.resolution} px",
        signed_percent(residual(c)),
        top1_seeds(c),
        str(len(c.runs)),
    )


def _pair_row(pair: OrderPair) -> tuple[str, ...]:
    test = pair.test
    return (
        f"{pair.ahead} less {pair.behind}",
        f"{100 * pair.published:+.1f}",
        f"{100 * pair.difference:+.1f}",
        f"{100 * test.low:+.1f} to {100 * test.high:+.1f}" if test else "",
        Markdown(f"{pair.verdict} ({p_text(test.p)})") if test else pair.verdict,
    )


# ----------------------------------------------------------------------------------------------------
# An audit as tables: a row per published row, per rounding, and per pair of ways that were trained.


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """A published row, rebuilt, with the compound row against it where that is of another scaling."""

    row: AuditRow
    against: Spending | None


def _rebuilt(name: str, value: Callable[[AuditRow], Any] | None = None, **looks: Any) -> Column[PublishedRow]:
    def of(entry: PublishedRow) -> Any:
        return getattr(entry.row, name) if value is None else value(entry.row)

    return Column(name=name, value=of, **looks)


def _against(name: str, value: Callable[[Spending], Any]) -> Column[PublishedRow]:
    return Column(name=name, value=lambda entry: None if entry.against is None else value(entry.against))


def _billions(digits: int, head: str, short: str = "") -> Cell:
    return Cell(f"{{:.{digits}f}}", scale=1e-9, head=head, short=short)


AUDIT: Columns[PublishedRow] = Columns(
    columns=(
        _rebuilt("baseline", terminal=Cell()),
        _rebuilt("scaling", terminal=Cell()),
        _rebuilt("depth", lambda row: row.published.depth),
        _rebuilt("width", lambda row: row.published.width),
        _rebuilt("resolution_multiplier", lambda row: row.published.resolution),
        *map(_rebuilt, ("resolution", "blocks", "params")),
        _rebuilt(
            "flops_published",
            lambda row: row.published.flops,
            terminal=_billions(1, "published G", "paper G"),
        ),
        _rebuilt("top1_published", lambda row: row.published.top1, terminal=Cell("{:.1%}", head="top-1")),
        _rebuilt("macs", terminal=_billions(3, "exact G")),
        _rebuilt("fvcore_total"),
        _rebuilt(
            "macs_over_published",
            lambda row: row.macs / row.published.flops - 1,
            terminal=Cell("{:+.1%}", head="off"),
        ),
        _rebuilt("agrees", lambda row: _yes(OFFICIAL in {cost.rule for cost in row.agreeing})),
        _rebuilt("nearest_rule", lambda row: row.nearest.rule, terminal=Cell(head="nearest rounding")),
        _rebuilt("nearest_macs", lambda row: float(row.nearest.macs), terminal=_billions(3, "its G")),
        _rebuilt(
            "nearest_agrees",
            lambda row: _yes(row.published.prints(row.nearest.macs)),
            terminal=Cell(head="agrees"),
        ),
        _rebuilt("published_ratio", terminal=Cell("{:.2f}", head="x published", short="x paper")),
        _rebuilt("nominal_ratio", terminal=Cell("{:.2f}", head="x nominal")),
        _rebuilt("macs_ratio", terminal=Cell("{:.2f}", head="x exact")),
        _against("compound_over_this_published", lambda pair: pair.published),
        _against("compound_over_this_nominal", lambda pair: pair.nominal),
        _against("compound_over_this_macs", lambda pair: pair.official),
        _against("compound_over_this_nearest", lambda pair: pair.fitting),
        _against("compound_lead", lambda pair: pair.lead),
        _against("compound_lead_left", lambda pair: pair.left(pair.official)),
        _against("compound_lead_left_nearest", lambda pair: pair.left(pair.fitting)),
        _rebuilt("gain_per_doubling"),
        _rebuilt("source", lambda row: row.published.source),
    ),
    terminal=(
        *("baseline", "scaling", "flops_published", "macs", "macs_over_published", "nearest_rule"),
        *("nearest_macs", "nearest_agrees", "published_ratio", "nominal_ratio", "macs_ratio"),
        "top1_published",
    ),
)
"""Of ``audit.csv``: every published row; costs in multiply-adds, accuracies as fractions."""

RULES: Columns[tuple[AuditRow, RuleCost]] = Columns(
    columns=(
        Column(name="baseline", value=lambda of: of[0].baseline),
        Column(name="scaling", value=lambda of: of[0].scaling),
        Column(name="rule", value=lambda of: of[1].rule),
        Column(name="macs", value=lambda of: float(of[1].macs)),
        Column(name="flops_published", value=lambda of: of[0].published.flops),
        Column(name="over_published", value=lambda of: of[1].macs / of[0].published.flops - 1),
        Column(name="agrees", value=lambda of: _yes(of[0].published.prints(of[1].macs))),
    )
)
"""Of ``rules.csv``: every row under every documented rounding."""

MATCHED: Columns[AuditMatch] = Columns(
    columns=(
        *map(field, ("baseline", "scaling", "spends_as", "depth", "width")),
        Column(name="resolution_multiplier", value=lambda match: match.multiplier),
        *map(field, ("resolution", "blocks", "macs", "target", "residual")),
    )
)
"""Of ``matched.csv``: the rows brought to one another's cost."""

ORDER: Columns[OrderPair] = Columns(
    columns=(
        field("baseline", terminal=Cell()),
        field("phi"),
        field("ahead", terminal=Cell()),
        field("behind", terminal=Cell()),
        Column(name="published_difference", value=lambda pair: pair.published, terminal=Cell("{:+.1%}")),
        field("difference", terminal=Cell("{:+.1%}")),
        Column(
            name="difference_low",
            value=lambda pair: pair.test and pair.test.low,
            terminal=Cell("{:+.1%}"),
        ),
        Column(
            name="difference_high",
            value=lambda pair: pair.test and pair.test.high,
            terminal=Cell("{:+.1%}"),
        ),
        Column(name="p", value=lambda pair: pair.test and pair.test.p, terminal=Cell("{:.2g}")),
        field("verdict", terminal=Cell()),
    )
)
"""Of ``order.csv``: every pair of ways that were trained; the published leader first."""


def audit_table(record: AuditRecord) -> pd.DataFrame:
    """Every published row, by :data:`AUDIT`."""
    against = {
        (pair.rival.baseline, pair.rival.scaling): pair
        for name in record.baselines
        for pair in spendings(record, name)
    }
    return AUDIT.frame(
        PublishedRow(row=row, against=against.get((row.baseline, row.scaling))) for row in record.rows
    )


def rules_table(record: AuditRecord) -> pd.DataFrame:
    """Every row under every documented rounding, by :data:`RULES`."""
    return RULES.frame((row, cost) for row in record.rows for cost in row.costs)


def matched_table(record: AuditRecord) -> pd.DataFrame:
    """The rows brought to one another's cost, by :data:`MATCHED`."""
    return MATCHED.frame(record.matches)


def order_table(record: AuditRecord) -> pd.DataFrame:
    """Every pair of ways that were trained, by :data:`ORDER`."""
    return ORDER.frame(order_pairs(record))


def _yes(known: bool) -> str:
    return "yes" if known else "no"


# ----------------------------------------------------------------------------------------------------
# What an audit comes to, in sentences: first of all baselines, then of each.

# Whether every compound row led each of its rivals, and whether it cost the same.
VERDICTS = {
    (True, True): "Yes",
    (True, False): "Its rows led, but did not cost the same as their rivals",
    (False, True): "No: its rows cost the same as their rivals, but did not lead all of them",
    (False, False): "Not shown: its rows neither led all of their rivals nor cost the same",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditText:
    """What an audit came to, of all baselines. Costs are those of compound rows less their rivals', relative.

    Attributes:
        verdict: whether compound scaling won at equal cost.
        printed: the printed costs, from the least to the greatest.
        official: the same as built with the official rounding.
        nearest: the same with the rounding nearest to each printed cost.
        dearer: baselines whose compound row costs over 5% more than every rival.
        left: the smallest lead that is left once rivals get as much, in points.
        left_nearest: the same with the nearest roundings.
        rows: printed costs.
        reproduced: those that some rounding gives.
        order: whether the published order holds here; None where nothing was trained.
    """

    verdict: str
    printed: str
    official: str
    nearest: str
    dearer: Sequence[str]
    left: float
    left_nearest: float
    rows: int
    reproduced: int
    order: OrderText | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineText:
    """What an audit came to, of one baseline; costs as in :class:`AuditText`.

    Attributes:
        name: of the baseline.
        rival: the best single dimension; empty without one or without a compound row.
        top1: of compound, published.
        gap: between the two, in points.
        leads: whether compound is ahead.
        printed: what compound spends against its rivals by the printed costs.
        official: the same as built with the official rounding.
        agrees: whether its printed cost is that of the official rounding.
        least: the rival that would have come nearest with as much.
        left: what would be left of the lead over it, in points.
        lead: over it, in points.
        missed: the rows whose printed cost no rounding gives.
    """

    name: str
    rival: str = ""
    top1: float = 0.0
    gap: float = 0.0
    leads: bool = False
    printed: str = ""
    official: str = ""
    agrees: bool = False
    least: str = ""
    left: float = 0.0
    lead: float = 0.0
    missed: Sequence[str] = ()


def audit_text(record: AuditRecord) -> AuditText:
    """Did compound scaling win at equal cost? And do the printed costs hold?"""
    by_baseline = {name: spendings(record, name) for name in record.baselines}
    every = [spending for several in by_baseline.values() for spending in several]
    led = all(spending.lead > 0 for spending in every)
    equal = all(abs(spending.official - 1) <= EQUAL for spending in every)
    return AuditText(
        verdict=VERDICTS[led, equal],
        printed=_span(spending.published for spending in every),
        official=_span(spending.official for spending in every),
        nearest=_span(spending.fitting for spending in every),
        dearer=[
            name
            for name, several in by_baseline.items()
            if all(spending.official > 1 + EQUAL for spending in several)
        ],
        left=100 * min(spending.left(spending.official) for spending in every),
        left_nearest=100 * min(spending.left(spending.fitting) for spending in every),
        rows=len(record.rows),
        reproduced=len(record.rows) - len(unreproduced(record)),
        order=order_text(order_pairs(record)) if record.trained else None,
    )


def baseline_text(record: AuditRecord, baseline: str) -> BaselineText:
    """Did compound scaling of ``baseline`` win at equal cost, or with more?"""
    several = spendings(record, baseline)
    if not several:
        return BaselineText(name=baseline)
    compound = several[0].compound
    best = min(several, key=lambda spending: spending.lead)
    least = min(several, key=lambda spending: spending.left(spending.official))
    return BaselineText(
        name=baseline,
        rival=best.rival.scaling,
        top1=compound.published.top1,
        gap=100 * abs(best.lead),
        leads=best.lead >= 0,
        printed=_span(spending.published for spending in several),
        official=_span(spending.official for spending in several),
        agrees=compound.nearest.rule == OFFICIAL and bool(compound.agreeing),
        least=least.rival.scaling,
        left=100 * least.left(least.official),
        lead=100 * least.lead,
        missed=[
            row.scaling for row in unreproduced(record) if row.baseline == baseline and row.scaling != "none"
        ],
    )


def audit_lines(record: AuditRecord) -> tuple[str, ...]:
    """What came of each baseline's comparison, in plain lines."""
    texts = [baseline_text(record, name) for name in record.baselines]
    return plain_lines(part("commands/audit/answer.md.j2", "baselines", texts))


def _span(ratios: Iterable[float]) -> str:
    """``-5.3% to +18.2%``: ratios less 1, from the least to the greatest."""
    values = sorted(ratio - 1 for ratio in ratios)
    low, high = signed_percent(values[0]), signed_percent(values[-1])
    return low if low == high else f"{low} to {high}"


# ----------------------------------------------------------------------------------------------------
# The page of an audit: what the compound rows really spent, which printed costs hold, what training says.

GIGA = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Swapped:
    """Two rows whose printed costs look exchanged: what each costs, and how far off the printed costs."""

    baseline: str
    first: str
    second: str
    first_cost: str
    second_cost: str
    first_printed: str
    second_printed: str
    first_off: float
    second_off: float
    first_own: float
    second_own: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """What the page shows; tables are a row each.

    Attributes:
        answer: of all baselines.
        steps: what to do next.
        baselines: of each.
        trained: what was trained; None where nothing was.
        rules: the compound rules, with what they cost nominally.
        spent: compound against each rival.
        fair: the rows brought to one another's cost.
        rows: the published rows.
        most_agreeing: the rows that the best rounding agrees with.
        official_agrees: the rows that the official one agrees with.
        scaled: the rows that are scaled.
        compound_rules: the roundings that give each compound row's printed cost.
        roundings: what they do, and how many rows they agree with.
        unreproduced: the rows whose printed cost no rounding gives.
        explained: those that fvcore's count gives.
        swapped: those whose costs look exchanged.
        sources: of the published figures.
        made: how it was made.
        figures: those that were drawn.
    """

    answer: AuditText
    steps: Steps
    baselines: Sequence[BaselineText]
    trained: Training | None
    rules: Sequence[str]
    spent: Sequence[Sequence[str]]
    fair: Sequence[Sequence[str]]
    rows: Sequence[Sequence[str]]
    most_agreeing: int
    official_agrees: int
    scaled: int
    compound_rules: Sequence[Markdown]
    roundings: Sequence[Sequence[str]]
    unreproduced: Sequence[Sequence[str]]
    explained: int
    swapped: Sequence[Swapped]
    sources: Sequence[str]
    made: Made
    figures: Collection[str]


def audit_page(record: AuditRecord, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    agreeing, means = agreeing_rules(record.rows), dict(rule_meanings())
    compound = [row for row in record.rows if row.scaling == "compound"]
    rules = {row.published.multipliers: row for row in compound}
    missed = unreproduced(record)
    return page(
        "commands/audit/page.md.j2",
        AuditPage(
            answer=audit_text(record),
            steps=_steps(record),
            baselines=[baseline_text(record, name) for name in record.baselines],
            trained=_training(record),
            rules=[
                f"({m.depth:g}, {m.width:g}, {m.resolution:g}) with {row.nominal_ratio:.2f}"
                for m, row in rules.items()
            ],
            spent=[
                _spent_row(name, spending)
                for name in record.baselines
                for spending in spendings(record, name)
            ],
            fair=list(map(_fair_row, record.matches)),
            rows=list(map(_published_row, record.rows)),
            most_agreeing=max((count for count, _ in agreeing.values()), default=0),
            official_agrees=agreeing.get(OFFICIAL, (0, 0))[0],
            scaled=sum(row.scaling != "none" for row in record.rows),
            compound_rules=[Markdown(f"{escape(row.baseline)} {_rule_names(row)}") for row in compound],
            roundings=[
                (rule, means.get(rule, ""), f"{count} of {have}") for rule, (count, have) in agreeing.items()
            ],
            unreproduced=list(map(_missed_row, missed)),
            explained=sum(row.published.prints(row.fvcore_total) for row in missed),
            swapped=list(map(_swapped, swaps(record))),
            sources=sorted({row.published.source for row in record.rows}),
            made=made_of(
                command=record.command,
                settings=record.settings,
                machine=record.machine,
                versions=record.versions,
            ),
            figures=figures,
        ),
    )


def _steps(record: AuditRecord) -> Steps:
    again = without_options(record.command, ("--seeds", "--out"))
    scaled = [row for row in record.rows if row.scaling != "none"]
    odd = next((row for row in unreproduced(record) if row in scaled), scaled[-1] if scaled else None)
    explain: tuple[str, str] | None = None
    if odd is not None:
        names = ("depth", "width", "resolution")
        given = [(name, getattr(odd.published, name)) for name in names]
        options = " ".join(f"--{name} {value:g}" for name, value in given if value != 1)
        explain = (
            f"Why the {odd.scaling} row of {odd.baseline} costs what it does",
            f"scalesearch explain {odd.baseline} {options}",
        )
    if not record.trained:
        train = ("Train the rows at equal cost", f"{again} --train --seeds 3 --out {FOLDER}-trained")
        return steps(train, explain)
    seeds = max((len(c.runs) for run in record.trained.values() for c in run.candidates), default=1)
    surfaces = [surface for run in record.trained.values() if (surface := sweep_surface(run)) is not None]
    spanned = (
        (
            "The splits between the rows too, for a surface over all of them",
            f"{again} --surface --seeds {max(3, seeds)} --out {FOLDER}-surface",
        )
        if any(surface.missing for surface in surfaces) and "--surface" not in again
        else None
    )
    if all(pair.verdict in ("holds", "reversed") for pair in order_pairs(record)):
        return steps(spanned, explain)
    more = ("More seeds, for the pairs of which nothing is shown", f"{again} --seeds {max(3, 2 * seeds)}")
    return steps((more[0], f"{more[1]} --out {FOLDER}-seeds"), spanned, explain)


def _spent_row(name: str, spending: Spending) -> tuple[str, ...]:
    leads = (spending.lead, spending.left(spending.official), spending.left(spending.fitting))
    ratios = (spending.published, spending.nominal, spending.official, spending.fitting)
    return (
        name,
        spending.rival.scaling,
        *(f"{ratio:.2f}" for ratio in ratios),
        *(f"{100 * lead:+.1f}" for lead in leads),
        *(f"{100 * (row.gain_per_doubling or 0):.2f}" for row in (spending.compound, spending.rival)),
    )


def _fair_row(match: AuditMatch) -> tuple[str, ...]:
    return (
        match.baseline,
        match.scaling,
        f"{match.spends_as}, {match.target / GIGA:.3f} G",
        *(f"{value:.3f}" for value in (match.depth, match.width, match.multiplier)),
        f"{match.resolution} px",
        str(match.blocks),
        f"{match.macs / GIGA:.3f} G",
        signed_percent(match.residual),
    )


def _published_row(row: AuditRow) -> tuple[str, ...]:
    published, nearest = row.published, row.nearest
    return (
        row.baseline,
        row.scaling,
        f"{published.depth:g}, {published.width:g}, {published.resolution:g}",
        f"{published.flops / GIGA:g} G",
        f"{row.macs / GIGA:.3f} G",
        signed_percent(row.macs / published.flops - 1),
        nearest.rule,
        f"{nearest.macs / GIGA:.3f} G",
        "yes" if published.prints(nearest.macs) else "no",
        *(f"{ratio:.2f}" for ratio in (row.published_ratio, row.nominal_ratio, row.macs_ratio)),
        percent(published.top1),
    )


def _rule_names(row: AuditRow) -> str:
    names = [cost.rule for cost in row.agreeing]
    return " or ".join(f"*{escape(name)}*" for name in names) if names else "none"


def _missed_row(row: AuditRow) -> tuple[str, ...]:
    costs = [cost.macs / GIGA for cost in row.costs]
    return (
        row.baseline,
        row.scaling,
        f"{row.published.flops / GIGA:g} G",
        f"{min(costs):.3f} G",
        f"{max(costs):.3f} G",
        f"{row.nearest.macs / GIGA:.3f} G",
        row.nearest.rule,
        signed_percent(row.nearest.macs / row.published.flops - 1),
        f"{row.fvcore_total / GIGA:.3f} G",
    )


def _swapped(swap: Swap) -> Swapped:
    a, b = swap.first, swap.second
    return Swapped(
        baseline=a.baseline,
        first=a.scaling,
        second=b.scaling,
        first_cost=f"{a.macs / GIGA:.3f} G",
        second_cost=f"{b.macs / GIGA:.3f} G",
        first_printed=f"{a.published.flops / GIGA:g} G",
        second_printed=f"{b.published.flops / GIGA:g} G",
        first_off=a.macs / b.published.flops - 1,
        second_off=b.macs / a.published.flops - 1,
        first_own=a.macs / a.published.flops - 1,
        second_own=b.macs / b.published.flops - 1,
    )


# ----------------------------------------------------------------------------------------------------
# An audit as tables, figures and a page.


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AuditReport:
    """What was written, and what a caller prints.

    Attributes:
        page: ``audit.md``.
        figures: the figures, SVG and PNG.
        table: the table of ``audit.csv``, one row per published row.
        sentences: what came of each baseline's comparison, as text.
        order: the table of ``order.csv``, one row per pair that was trained; None where nothing was.
    """

    page: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame
    sentences: tuple[str, ...]
    order: pd.DataFrame | None


def write_audit_report(record: AuditRecord, out: Path) -> AuditReport:
    """Write ``audit.csv``, ``rules.csv``, ``matched.csv``, ``audit.md`` and ``figures/`` into ``out``.

    ``order.csv`` too where rows were trained. The same record gives the same bytes.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    figures = write_figures(
        {
            "cost": cost_figure(record),
            "accuracy": accuracy_figure(record),
            "trained": trained_figure(record),
        },
        out / "figures",
    )
    table = audit_table(record)
    write_text(out / "audit.csv", csv_text(table))
    write_text(out / "rules.csv", csv_text(rules_table(record)))
    write_text(out / "matched.csv", csv_text(matched_table(record)))
    order = order_table(record) if record.trained else None
    if order is not None:
        write_text(out / "order.csv", csv_text(order))
    return AuditReport(
        page=write_pages(out / "audit.md", audit_page(record, {path.stem for path in figures})),
        figures=figures,
        table=table,
        sentences=audit_lines(record),
        order=order,
    )
