"""The page and tables of an audit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from scalesearch.commands.audit.evidence import (
    EQUAL,
    OrderPair,
    Spending,
    Swap,
    SweepSurface,
    agreeing_rules,
    order_pairs,
    spendings,
    swaps,
    sweep_surface,
    unreproduced,
)
from scalesearch.commands.audit.figures import accuracy_figure, cost_figure, trained_figure
from scalesearch.commands.sweep.evidence import residual
from scalesearch.files import write_text
from scalesearch.networks.rounding_rules import OFFICIAL, RuleCost, rule_meanings
from scalesearch.page.answer import best_text, interval_text, rate_text
from scalesearch.page.columns import Cell, Column, Columns, field, page_only
from scalesearch.page.evidence import nothing_learnt
from scalesearch.page.html.page import Report, write_pages
from scalesearch.page.markdown import Markdown, p_text, plain_lines, points_text, signed_percent
from scalesearch.page.parts import (
    FOLDER,
    Made,
    PageTable,
    Steps,
    made_of,
    quoted_agreement,
    steps,
    training,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import csv_text
from scalesearch.page.templates import page, part
from scalesearch.records import AuditMatch, AuditRecord, AuditRow, RunRecord
from scalesearch.text import without_options

# ----------------------------------------------------------------------------------------------------
# Tables: a row per published row, per rounding, per network at equal cost, per pair that was trained.


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """A published row, rebuilt, with the compound row against it where that is of another scaling."""

    row: AuditRow
    against: Spending | None


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _rebuilt(name: str, value: Callable[[AuditRow], Any] | None = None, **looks: Any) -> Column[PublishedRow]:
    def of(entry: PublishedRow) -> Any:
        return getattr(entry.row, name) if value is None else value(entry.row)

    return Column(name=name, value=of, shared=True, **looks)


def _against(name: str, value: Callable[[Spending], float], page: Cell) -> Column[PublishedRow]:
    def of(entry: PublishedRow) -> float | None:
        return None if entry.against is None else value(entry.against)

    return Column(name=name, value=of, page=page, shared=True)


def _billions(digits: int, head: str, short: str = "") -> Cell:
    return Cell(f"{{:.{digits}f}}", scale=1e-9, head=head, short=short)


def _giga(head: str) -> Cell:
    return Cell("{:.3f} G", scale=1e-9, head=head)


def _points(head: str) -> Cell:
    return Cell("{:+.1f}", scale=100, head=head)


RATIO = "{:.2f}"
OFF = Cell("{:+.1%}", head="off")

AUDIT: Columns[PublishedRow] = Columns(
    columns=(
        _rebuilt("baseline", terminal=Cell(), page=Cell()),
        _rebuilt("scaling", terminal=Cell(), page=Cell()),
        _rebuilt("depth", lambda row: row.published.depth),
        _rebuilt("width", lambda row: row.published.width),
        _rebuilt("resolution_multiplier", lambda row: row.published.resolution),
        *map(_rebuilt, ("resolution", "blocks", "params")),
        _rebuilt(
            "flops_published",
            lambda row: row.published.flops,
            terminal=_billions(1, "published G", "paper G"),
            page=Cell("{:g} G", scale=1e-9, head="printed cost"),
        ),
        _rebuilt(
            "top1_published",
            lambda row: row.published.top1,
            terminal=Cell("{:.1%}", head="top-1"),
            page=Cell("{:.1%}", head="published top-1"),
        ),
        _rebuilt("macs", terminal=_billions(3, "exact G"), page=_giga("counted here")),
        _rebuilt("fvcore_total"),
        _rebuilt("macs_over_published", lambda row: row.over(row.published.flops), terminal=OFF, page=OFF),
        _rebuilt("agrees", lambda row: _yes(OFFICIAL in {cost.rule for cost in row.agreeing})),
        _rebuilt(
            "nearest_rule",
            lambda row: row.nearest.rule,
            terminal=Cell(head="nearest rounding"),
            page=Cell(head="nearest rounding"),
        ),
        _rebuilt(
            "nearest_macs",
            lambda row: float(row.nearest.macs),
            terminal=_billions(3, "its G"),
            page=_giga("its cost"),
        ),
        _rebuilt(
            "nearest_agrees",
            lambda row: _yes(bool(row.agreeing)),
            terminal=Cell(head="agrees"),
            page=Cell(head="reproduced"),
        ),
        _rebuilt("published_ratio", terminal=Cell(RATIO, head="x published", short="x paper")),
        _rebuilt("nominal_ratio", terminal=Cell(RATIO, head="x nominal")),
        _rebuilt("macs_ratio", terminal=Cell(RATIO, head="x exact")),
        _against("compound_over_this_published", lambda pair: pair.published, Cell(RATIO, head="printed")),
        _against("compound_over_this_nominal", lambda pair: pair.nominal, Cell(RATIO, head="by the rule")),
        _against("compound_over_this_macs", lambda pair: pair.official, Cell(RATIO, head="counted")),
        _against("compound_over_this_nearest", lambda pair: pair.fitting, Cell(RATIO, head="nearest")),
        _against("compound_lead", lambda pair: pair.lead, _points("lead")),
        _against("compound_lead_left", lambda pair: pair.left(pair.official), _points("left")),
        _against(
            "compound_lead_left_nearest", lambda pair: pair.left(pair.fitting), _points("left, nearest")
        ),
        _rebuilt("gain_per_doubling", page=Cell(RATIO, scale=100, head="gain per doubling")),
        _rebuilt("source", lambda row: row.published.source),
    ),
    terminal=(
        *("baseline", "scaling", "flops_published", "macs", "macs_over_published", "nearest_rule"),
        *("nearest_macs", "nearest_agrees", "published_ratio", "nominal_ratio", "macs_ratio"),
        "top1_published",
    ),
    page=(
        *("baseline", "scaling", "flops_published", "macs", "macs_over_published", "nearest_rule"),
        *("nearest_macs", "nearest_agrees", "top1_published"),
    ),
    left=2,
)
"""Of ``audit.csv``: every published row; costs in multiply-adds, accuracies as fractions."""

SPENT = (
    *("baseline", "scaling", "compound_over_this_published", "compound_over_this_nominal"),
    *("compound_over_this_macs", "compound_over_this_nearest", "compound_lead", "compound_lead_left"),
    *("compound_lead_left_nearest", "gain_per_doubling"),
)
"""The columns of that which say what the compound row has over its rivals."""

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

ROUNDINGS: Columns[tuple[str, str, tuple[int, int]]] = Columns(
    columns=(
        page_only("rounding", lambda row: row[0]),
        page_only("gives the printed cost of", lambda row: "{} of {} rows".format(*row[2])),
        page_only("what it does", lambda row: row[1]),
    ),
    left=3,
)
"""Each single rounding: what it does, of how many scaled rows it gives the cost, and how many have it."""

MATCHED: Columns[AuditMatch] = Columns(
    columns=(
        field("baseline", page=Cell()),
        field("scaling", page=Cell()),
        field("spends_as", page=Cell(head="at the cost of")),
        field("depth", page=Cell("{:.3f}")),
        field("width", page=Cell("{:.3f}")),
        Column(
            name="resolution_multiplier",
            value=lambda match: match.multiplier,
            page=Cell("{:.3f}", head="resolution"),
        ),
        field("resolution", page=Cell("{} px", head="input")),
        field("blocks", page=Cell()),
        field("macs", page=_giga("MACs")),
        field("target", page=_giga("wanted")),
        field("residual", page=OFF),
    ),
    left=3,
)
"""Of ``matched.csv``: the rows brought to one another's cost."""


def _tested(of: str, form: str, name: str = "") -> Column[OrderPair]:
    return Column(
        name=name or of, value=lambda pair: pair.test and getattr(pair.test, of), terminal=Cell(form)
    )


def _lead_text(pair: OrderPair) -> str:
    points = 100 * pair.difference
    if pair.test is None:
        return f"{points:+.1f}"
    return points_text(points, 100 * pair.test.low, 100 * pair.test.high, sign="+")


def _verdict_text(pair: OrderPair) -> str:
    return pair.verdict if pair.test is None else Markdown(f"{pair.verdict} ({p_text(pair.test.p)})")


ORDER: Columns[OrderPair] = Columns(
    columns=(
        field("baseline", terminal=Cell(), page=Cell()),
        field("phi", page=Cell("{:g}")),
        field("ahead", terminal=Cell(), page=Cell(head="published ahead")),
        field("behind", terminal=Cell(), page=Cell(head="published behind")),
        Column(
            name="published_difference",
            value=lambda pair: pair.published,
            terminal=Cell("{:+.1%}"),
            page=_points("published lead"),
        ),
        field("difference", terminal=Cell("{:+.1%}"), head="lead here (95%)", page=_lead_text),
        _tested("low", "{:+.1%}", "difference_low"),
        _tested("high", "{:+.1%}", "difference_high"),
        _tested("p", "{:.2g}"),
        field("verdict", terminal=Cell(), head="published order", page=_verdict_text),
    ),
    page=("baseline", "ahead", "behind", "phi"),
    left=3,
)
"""Of ``order.csv``: every pair of ways that were trained; the published leader first."""


def audit_table(record: AuditRecord) -> pd.DataFrame:
    """Every published row, by :data:`AUDIT`."""
    return AUDIT.frame(_published_rows(record))


def rules_table(record: AuditRecord) -> pd.DataFrame:
    """Every row under every documented rounding, by :data:`RULES`."""
    return RULES.frame((row, cost) for row in record.rows for cost in row.costs)


def _published_rows(record: AuditRecord) -> list[PublishedRow]:
    against = {(pair.rival.baseline, pair.rival.scaling): pair for pair in _spendings(record)}
    return [PublishedRow(row=row, against=against.get((row.baseline, row.scaling))) for row in record.rows]


def _spendings(record: AuditRecord) -> list[Spending]:
    return [pair for name in record.baselines for pair in spendings(record, name)]


# ----------------------------------------------------------------------------------------------------
# The answer: did compound scaling win at equal cost, and does the published order hold here?


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAnswer:
    """What an audit came to. Costs are those of compound rows less their rivals', relative.

    Attributes:
        led: whether every compound row is ahead of each of its rivals in published top-1.
        equal: whether it costs the same within 5%.
        printed: the printed costs, from the least to the greatest.
        official: the same as counted here with the official rounding.
        nearest: the same with the rounding nearest to each printed cost.
        dearer: baselines whose compound row costs over 5% more than every rival.
        left: the smallest lead that is left once rivals get as much, in points.
        left_nearest: the same with the nearest roundings.
        rows: printed costs.
        reproduced: those that some rounding gives.
        trained: whether rows were trained.
        pairs: those of the trained ones whose published top-1 differs.
    """

    led: bool
    equal: bool
    printed: str
    official: str
    nearest: str
    dearer: Sequence[str]
    left: float
    left_nearest: float
    rows: int
    reproduced: int
    trained: bool
    pairs: Sequence[OrderPair]


def audit_answer(record: AuditRecord) -> AuditAnswer:
    """Did compound scaling win at equal cost? And do the printed costs hold?"""
    pairs = _spendings(record)
    ratios = {name: [pair.official for pair in spendings(record, name)] for name in record.baselines}
    return AuditAnswer(
        led=all(pair.lead > 0 for pair in pairs),
        equal=all(abs(pair.official - 1) <= EQUAL for pair in pairs),
        printed=_span(pair.published for pair in pairs),
        official=_span(pair.official for pair in pairs),
        nearest=_span(pair.fitting for pair in pairs),
        dearer=[name for name, several in ratios.items() if several and min(several) > 1 + EQUAL],
        left=100 * min(pair.left(pair.official) for pair in pairs),
        left_nearest=100 * min(pair.left(pair.fitting) for pair in pairs),
        rows=len(record.rows),
        reproduced=len(record.rows) - len(unreproduced(record)),
        trained=bool(record.trained),
        pairs=order_pairs(record),
    )


def answer_lines(record: AuditRecord) -> tuple[str, ...]:
    """The first lines of the page as text."""
    return plain_lines(part("commands/audit/answer.md.j2", "answer", audit_answer(record)))


def _span(ratios: Iterable[float]) -> str:
    """``-5.3% to +18.2%``: ratios less 1, from the least to the greatest."""
    values = sorted(ratio - 1 for ratio in ratios)
    low, high = signed_percent(values[0]), signed_percent(values[-1])
    return low if low == high else f"{low} to {high}"


# ----------------------------------------------------------------------------------------------------
# The page.


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedSweep:
    """The ways of one baseline that were trained; what they came to one by one is on its own page.

    Attributes:
        name: of the baseline.
        title: of its sweep inside a sentence.
        waiting: networks that are not trained yet.
        networks: all of them.
        surface: over the splits of all of them; None where nothing was trained.
        best: the best split by that; empty without a surface, as the next two.
        rates: what moving compute brings.
        behind: how far compound scaling's split is behind the best.
    """

    name: str
    title: str
    waiting: int
    networks: int
    surface: SweepSurface | None
    best: str
    rates: Sequence[str]
    behind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What was trained of an audit's rows, and how far it can be trusted.

    Attributes:
        sweeps: one of each baseline.
        pairs: of ways that were trained, a row each.
        not_begun: baselines without one.
        untested: pairs without a test.
        worst: how far a network is from its budget at most.
        guessing: baselines of which even the best network may be guessing.
        agreement: how well short runs rank networks; empty where nothing is known of it.
        cost: of the training; empty where nothing was trained.
    """

    sweeps: Sequence[TrainedSweep]
    pairs: PageTable
    not_begun: Sequence[str]
    untested: int
    worst: float
    guessing: Sequence[str]
    agreement: Markdown
    cost: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """What the page shows.

    Attributes:
        answer: of all baselines.
        steps: what to do next.
        trained: what was trained; None where nothing was.
        rules: how many times its baseline a compound row costs by the rule.
        spent: compound against each rival, a row each.
        fair: the rows brought to one another's cost.
        rows: the published rows.
        most_agreeing: the rows that the best rounding agrees with.
        official_agrees: the rows that the official one agrees with.
        scaled: the rows that are scaled.
        compound: the compound rows.
        roundings: what they do, and how many rows they agree with.
        unreproduced: the rows whose printed cost no rounding gives.
        explained: those of them that fvcore's count gives.
        swapped: those whose costs look exchanged.
        sources: of the published figures.
        made: how it was made.
        figures: those that were drawn.
    """

    answer: AuditAnswer
    steps: Steps
    trained: Training | None
    rules: Sequence[str]
    spent: PageTable
    fair: PageTable
    rows: PageTable
    most_agreeing: int
    official_agrees: int
    scaled: int
    compound: Sequence[AuditRow]
    roundings: PageTable
    unreproduced: Sequence[AuditRow]
    explained: int
    swapped: Sequence[Swap]
    sources: Sequence[str]
    made: Made
    figures: Collection[str]


def audit_page(record: AuditRecord, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    agreeing, missed, rows = agreeing_rules(record.rows), unreproduced(record), _published_rows(record)
    compound = [row for row in record.rows if row.scaling == "compound"]
    answer = audit_answer(record)
    return page(
        "commands/audit/page.md.j2",
        AuditPage(
            answer=answer,
            steps=_steps(record, answer.pairs),
            trained=_training(record, answer.pairs) if record.trained else None,
            rules=sorted({f"{row.nominal_ratio:.2f}" for row in compound}),
            spent=AUDIT.table([row for row in rows if row.against], order=SPENT),
            fair=MATCHED.table(record.matches),
            rows=AUDIT.table(rows),
            most_agreeing=max((rows for rows, _ in agreeing.values()), default=0),
            official_agrees=agreeing.get(OFFICIAL, (0, 0))[0],
            scaled=sum(row.scaling != "none" for row in record.rows),
            compound=compound,
            roundings=ROUNDINGS.table(
                [(name, means, agreeing[name]) for name, means in rule_meanings().items() if name in agreeing]
            ),
            unreproduced=missed,
            explained=sum(row.published.prints(row.fvcore_total) for row in missed),
            swapped=swaps(record),
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


def _training(record: AuditRecord, pairs: Sequence[OrderPair]) -> Training:
    runs = record.trained.values()
    networks = [c for run in runs for c in run.candidates if c.role != "baseline" and c.runs]
    reliability = next((run.reliability for run in runs if run.reliability), ())
    return Training(
        sweeps=[_trained_sweep(name, run) for name, run in record.trained.items()],
        pairs=ORDER.table(pairs),
        not_begun=[name for name in record.baselines if name not in record.trained],
        untested=sum(pair.test is None for pair in pairs),
        worst=max((abs(residual(c)) for c in networks), default=0.0),
        guessing=[name for name, run in record.trained.items() if run.candidates and nothing_learnt(run)],
        agreement=quoted_agreement(reliability[-1]) if reliability else Markdown(),
        cost=training([c for run in runs for c in run.candidates]) if networks else "",
    )


def _trained_sweep(name: str, run: RunRecord) -> TrainedSweep:
    surface = sweep_surface(run)
    answer = None if surface is None else surface.answer
    return TrainedSweep(
        name=name,
        title=f"The sweep of {name}",
        waiting=sum(c.status == "waiting" for c in run.candidates),
        networks=len(run.candidates),
        surface=surface,
        best="" if answer is None else best_text(answer),
        rates=[] if answer is None else list(map(rate_text, answer.rates)),
        behind="" if answer is None or not answer.behind else interval_text(answer.behind[0].points),
    )


def _steps(record: AuditRecord, pairs: Sequence[OrderPair]) -> Steps:
    again = without_options(record.command, ("--seeds", "--out"))
    scaled = [row for row in record.rows if row.scaling != "none"]
    doubtful = next((row for row in unreproduced(record) if row in scaled), scaled[-1] if scaled else None)
    explain: tuple[str, str] | None = None
    if doubtful is not None:
        values = {name: getattr(doubtful.published, name) for name in ("depth", "width", "resolution")}
        options = " ".join(f"--{name} {value:g}" for name, value in values.items() if value != 1)
        explain = (
            f"Why the {doubtful.scaling} row of {doubtful.baseline} costs what it does",
            f"scalesearch explain {doubtful.baseline} {options}",
        )
    if not record.trained:
        train = ("Train the rows at equal cost", f"{again} --train --seeds 3 --out {FOLDER}-trained")
        return steps(train, explain)
    seeds = max((len(c.runs) for run in record.trained.values() for c in run.candidates), default=1)
    missing = any(surface and surface.missing for surface in map(sweep_surface, record.trained.values()))
    return steps(
        None
        if all(pair.verdict in ("holds", "reversed") for pair in pairs)
        else (
            "More seeds, for the pairs of which nothing is shown",
            f"{again} --seeds {max(3, 2 * seeds)} --out {FOLDER}-seeds",
        ),
        (
            "The splits between the rows too, for a surface over all of them",
            f"{again} --surface --seeds {max(3, seeds)} --out {FOLDER}-surface",
        )
        if missing and "--surface" not in again
        else None,
        explain,
    )


# ----------------------------------------------------------------------------------------------------
# All that is written.


def write_audit_report(record: AuditRecord, out: Path) -> Report:
    """Write ``audit.csv``, ``rules.csv``, ``matched.csv``, ``audit.md`` and ``figures/`` into ``out``.

    ``order.csv`` too where rows were trained. The same record gives the same bytes.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    drawn = {"cost": cost_figure, "accuracy": accuracy_figure, "trained": trained_figure}
    figures = write_figures({name: draw(record) for name, draw in drawn.items()}, out / "figures")
    tables = {
        "audit": audit_table(record),
        "rules": rules_table(record),
        "matched": MATCHED.frame(record.matches),
    }
    if record.trained:
        tables["order"] = ORDER.frame(order_pairs(record))
    for name, table in tables.items():
        write_text(out / f"{name}.csv", csv_text(table))
    return Report(
        page=write_pages(out / "audit.md", audit_page(record, {path.stem for path in figures})),
        table=tables["audit"],
        figures=figures,
        answer=answer_lines(record),
        more={"The order at equal cost": tables["order"]} if record.trained else {},
    )
