"""The page and tables of a law."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from scalesearch.commands.law.evidence import DIMENSIONS, SMALL, KindRow, kind_rows, law_titles
from scalesearch.commands.law.figures import (
    best_figure,
    held_out_figure,
    kinds_figure,
    prices_figure,
    split_figure,
)
from scalesearch.commands.measure.kept import (
    CONDITIONS_JSON,
    MEASUREMENTS_CSV,
    SAMPLES_CSV,
    conditions_text,
)
from scalesearch.commands.measure.rows import check_machines, common_label, measure_rows
from scalesearch.commands.measure.view import measurements_table, samples_table
from scalesearch.files import write_text
from scalesearch.networks.spec import Cost
from scalesearch.page.columns import Cell, Column, Columns, field, page_only, twelve_digits
from scalesearch.page.html.page import Report, write_pages
from scalesearch.page.markdown import percent, plain_lines
from scalesearch.page.parts import (
    FOLDER,
    Made,
    PageTable,
    Steps,
    elapsed,
    machine_facts,
    made_of,
    of_baseline,
    steps,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import csv_text
from scalesearch.page.templates import page, part
from scalesearch.records import LAW_TERMS, BestSplits, CostLaw, KindTime, LawRecord, Price, Split
from scalesearch.statistics.law import errors, term_seconds
from scalesearch.text import without_options

# ----------------------------------------------------------------------------------------------------
# The sections of a law's page on where a budget should go when it is counted in time.

UNMULTIPLIED = ("norm", "activation", "add", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """A price with what its setup is called."""

    price: Price
    setup: str


def _of_price(name: str, head: str, digits: str = ".2f") -> Column[PriceRow]:
    return page_only(head, lambda row: f"{getattr(row.price, name):{digits}}", name=name)


PRICES: Columns[PriceRow] = Columns(
    columns=(
        page_only("setup", lambda row: row.setup),
        page_only("scaled in", lambda row: row.price.dimension, name="dimension"),
        _of_price("built_macs_ratio", "MACs"),
        _of_price("built_activations_ratio", "activations"),
        _of_price("built_layers_ratio", "layers"),
        _of_price("built_latency_ratio", "time by the law"),
        page_only("time measured", lambda row: _measured(row.price), name="measured"),
        _of_price("nominal_exponent", "rule's exponent", "g"),
        _of_price("macs_exponent", "MACs' exponent"),
        _of_price("latency_exponent", "time's exponent"),
    ),
    left=2,
)
"""Of what each dimension costs, on a page: the network as built over the baseline."""


def _prices(record: LawRecord) -> PageTable | None:
    """What each dimension costs, a row each; None where that is not known."""
    titles = law_titles(price.setup for price in record.prices)
    rows = [PriceRow(price=price, setup=titles[price.setup]) for price in record.prices]
    return PRICES.table(rows) if rows else None


def _measured(price: Price) -> str:
    if price.measured is None:
        return ""
    ratio, low, high = price.measured
    return f"{ratio:.2f} ({low:.2f} to {high:.2f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """Where in the network the time goes, by one process.

    Attributes:
        network: the baseline.
        unmultiplied: the share of its time that no count of multiply-adds holds.
        added: what each doubling adds, and to which kinds of layer most.
        names: of the kinds.
        rows: a network each.
        setup: of the process.
        small: kinds under this share of every network's time are among the others.
        here: the doublings from quickest to slowest by this process; empty where that is the table's order.
        elsewhere: the same by the table of prices.
    """

    network: str
    unmultiplied: float
    added: Sequence[str]
    names: Sequence[str]
    rows: Sequence[Sequence[str]]
    setup: str
    small: str
    here: Sequence[str]
    elsewhere: Sequence[str]


def _kinds(record: LawRecord) -> Kinds | None:
    rows = kind_rows(record)
    if not rows or record.kinds_setup is None:
        return None
    names = list(rows[0].seconds)
    base, *doubled = rows
    # As recorded: among the others of ``rows`` are small kinds that do multiply.
    unmultiplied = sum(
        kind.seconds for kind in record.kinds if kind.name == base.name and kind.kind in UNMULTIPLIED
    )
    elsewhere, here = _orders(record, rows)
    return Kinds(
        network=base.label,
        unmultiplied=unmultiplied / base.total,
        added=[_added(base, row) for row in doubled if row.total > base.total],
        names=names,
        rows=[
            (
                row.label,
                f"{1e3 * row.total:.3g}",
                *(f"{1e3 * row.seconds.get(name, 0.0):.3g}" for name in names),
            )
            for row in rows
        ],
        setup=record.kinds_setup.label,
        small=f"{SMALL:.0%}",
        here=here if here != elsewhere else (),
        elsewhere=elsewhere,
    )


def _added(base: KindRow, row: KindRow) -> str:
    gained = {kind: seconds - base.seconds.get(kind, 0.0) for kind, seconds in row.seconds.items()}
    first, second = sorted(gained, key=lambda kind: -gained[kind])[:2]
    return (
        f"{row.label}: {1e3 * (row.total - base.total):+.3g} ms, of which {first} {1e3 * gained[first]:+.3g} "
        f"and {second} {1e3 * gained[second]:+.3g}"
    )


def _orders(record: LawRecord, rows: Sequence[KindRow]) -> tuple[list[str], list[str]]:
    """The doublings from quickest to slowest: by the table of prices, and by the one process of the kinds."""
    ratios = {price.dimension: _ratio(price) for price in record.prices if price.setup == record.kinds_setup}
    built = {price.built: price.dimension for price in record.prices}
    seconds = {built[row.name]: row.total for row in rows if built.get(row.name) in ratios}
    by_table, here = (sorted(seconds, key=values.__getitem__) for values in (ratios, seconds))
    return list(by_table), list(here)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRow:
    """A split with what its setup is called."""

    split: Split
    setup: str


BUDGETS = {"macs": "2 x MACs", "latency": "2 x time"}


def _of_split(name: str, head: str, digits: str) -> Column[SplitRow]:
    return page_only(head, lambda row: f"{getattr(row.split, name):{digits}}", name=name)


def _share_of_split(index: int, head: str) -> Column[SplitRow]:
    return page_only(head, lambda row: percent(row.split.shares[index], 0), name=f"share_{index}")


SPLITS: Columns[SplitRow] = Columns(
    columns=(
        page_only("rule", lambda row: row.split.rule),
        page_only("setup", lambda row: row.setup),
        page_only("budget", lambda row: BUDGETS[row.split.budget]),
        *(_of_split(dimension, dimension, ".3f") for dimension in DIMENSIONS),
        *(
            _share_of_split(index, head)
            for index, head in enumerate(("share of depth", "of width", "of resolution"))
        ),
        _of_split("macs_ratio", "MACs", ".2f"),
        _of_split("latency_ratio", "time", ".2f"),
    ),
    left=3,
)
"""Of what a rule becomes under two budgets, on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """What a rule becomes when time is its budget, a row each; whether it is the paper's, or a run's best."""

    table: PageTable
    paper: bool
    run: bool


def _splits(record: LawRecord) -> Splits | None:
    if not record.splits:
        return None
    titles = law_titles(split.setup for split in record.splits)
    return Splits(
        table=SPLITS.table([SplitRow(split=split, setup=titles[split.setup]) for split in record.splits]),
        paper=any("paper" in split.rule for split in record.splits),
        run=any("run" in split.rule for split in record.splits),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BestRow:
    """Best splits with what their setup is called."""

    best: BestSplits
    setup: str


def _move_of(index: int, dimension: str) -> Column[BestRow]:
    return page_only(
        f"move in {dimension}", lambda row: _move(row.best.moves[index]), name=f"move_{dimension}"
    )


BEST: Columns[BestRow] = Columns(
    columns=(
        page_only("setup", lambda row: row.setup),
        page_only("2 x MACs: depth / width / resolution", lambda row: _shares(row.best.macs), name="macs"),
        page_only("2 x time", lambda row: _shares(row.best.latency), name="latency"),
        *(_move_of(index, dimension) for index, dimension in enumerate(DIMENSIONS)),
    ),
    left=3,
)
"""Of the best splits by a run's accuracies, on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """Where accuracies that were really measured put the best split.

    Attributes:
        networks: that the surface is fitted to.
        source: the run that trained them.
        error: of networks that were left out, in points.
        mean_error: of the mean of the others, in points.
        explains: whether the surface predicts better than that mean.
        tells_cost: whether the run's networks differ in cost.
        highest: the best split under twice the multiply-adds.
        shown: the setups in which a move of the best split is shown.
        table: a row for each setup; None where the run does not tell cost.
    """

    networks: int
    source: str
    error: float
    mean_error: float
    explains: bool
    tells_cost: bool
    highest: str
    shown: Sequence[str]
    table: PageTable | None


def _best(record: LawRecord) -> Best | None:
    if not record.best:
        return None
    first = record.best[0]
    titles = law_titles(best.setup for best in record.best)
    return Best(
        networks=first.networks,
        source=first.source,
        error=100 * first.error,
        mean_error=100 * first.mean_error,
        explains=first.explains,
        tells_cost=first.tells_cost,
        highest=_shares(first.macs),
        shown=[titles[best.setup] for best in record.best if best.shown],
        table=BEST.table([BestRow(best=best, setup=titles[best.setup]) for best in record.best])
        if first.tells_cost
        else None,
    )


def _shares(shares: tuple[float, float, float] | None) -> str:
    return "" if shares is None else " / ".join(percent(share, 0) for share in shares)


def _move(move: tuple[float, float, float]) -> str:
    return f"{100 * move[0]:+.0f} ({100 * move[1]:+.0f} to {100 * move[2]:+.0f})"


# ----------------------------------------------------------------------------------------------------
# The page of a cost law: how well it predicts time, what each dimension costs, where a budget should go.

GOAL = 0.10
TERMS = {
    "constant": ("constant", "each pass", 1e3, "ms"),
    "macs": ("multiply-adds", "10^9 multiply-adds", 1e12, "ms"),
    "activations": ("activations", "10^6 activations", 1e9, "ms"),
    "params": ("params", "10^6 params", 1e9, "ms"),
    "layers": ("layers", "each layer", 1e6, "us"),
}
"""What a law's terms are called, and what a page says their time of, in which unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LawRow:
    """A law with what its setup is called, and the cost of the network that it is taken apart for."""

    law: CostLaw
    setup: str
    cost: Cost

    @property
    def predicted(self) -> dict[str, float]:
        """Seconds of each term for that network."""
        return term_seconds(self.law, self.cost)


def _term(term: str) -> Column[LawRow]:
    _, head, times, unit = TERMS[term]
    return page_only(head, lambda row: f"{row.law.seconds[term] * times:.3g} {unit}", name=term)


def _term_share(term: str) -> Column[LawRow]:
    def cell(row: LawRow) -> str:
        return percent(row.predicted[term] / sum(row.predicted.values()), 0)

    return page_only(TERMS[term][0], cell, name=f"{term}_share")


LAW_ROWS: Columns[LawRow] = Columns(
    columns=(
        page_only("setup", lambda row: row.setup),
        page_only("networks", lambda row: str(errors(row.law).networks)),
        page_only("median error", lambda row: percent(errors(row.law).median), name="median"),
        page_only("worst error", lambda row: percent(errors(row.law).worst), name="worst"),
        *map(_term, LAW_TERMS),
        page_only("predicted", lambda row: f"{1e3 * sum(row.predicted.values()):.3g} ms"),
        *map(_term_share, LAW_TERMS),
    )
)
"""Of the laws of a page: errors on networks not seen, the time of each term, and its share of a network's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupErrors:
    """How well the law of a setup predicts networks that it had not seen; errors are relative."""

    setup: str
    networks: int
    median: float
    worst: float
    worst_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LawAnswer:
    """What the answer's lines say.

    Attributes:
        laws: a setup each.
        unstable: figures that the laws rest on and that are.
        figures: all of them.
        goal: the median error that is aimed at.
        missed: setups that miss it.
        doubled: what twice the multiply-adds take in each dimension, the cheapest first.
        measured: whether that was measured.
        overlap: whether its intervals leave open which dimension is cheapest.
        best: what a run's accuracies say of the best split when time is the budget: ``unknown``, ``moves`` or
            ``not shown``; empty without a run.
    """

    laws: Sequence[SetupErrors]
    unstable: int
    figures: int
    goal: float
    missed: int
    doubled: Sequence[str]
    measured: bool
    overlap: bool
    best: str


def law_answer(record: LawRecord) -> LawAnswer:
    """The answer's values."""
    titles = law_titles([law.setup for law in record.laws])
    each = [(law.setup, errors(law)) for law in record.laws]
    summaries = [row.summary for row in measure_rows(record.measured) if row.summary is not None]
    prices = [price for price in record.prices if record.laws and price.setup == record.laws[0].setup]
    measured = [price.measured for price in prices if price.measured]
    best = record.best[0] if record.best else None
    return LawAnswer(
        laws=[
            SetupErrors(
                setup=titles[setup],
                networks=off.networks,
                median=off.median,
                worst=off.worst,
                worst_name=off.worst_name,
            )
            for setup, off in each
        ],
        unstable=sum(summary.unstable for summary in summaries),
        figures=len(summaries),
        goal=GOAL,
        missed=sum(off.median >= GOAL for _, off in each),
        doubled=[f"{price.dimension} {_ratio(price):.2f}" for price in sorted(prices, key=_ratio)],
        measured=len(measured) == len(prices),
        overlap=bool(measured) and max(low for _, low, _ in measured) <= min(high for _, _, high in measured),
        best=""
        if best is None
        else "unknown"
        if best.latency is None
        else "moves"
        if best.shown
        else "not shown",
    )


def answer_lines(record: LawRecord) -> tuple[str, ...]:
    """The answer in plain lines: how well each law predicts, what may be wrong with it, what time costs."""
    return plain_lines(part("commands/law/answer.md.j2", "answer", law_answer(record)))


def unstable_line(record: LawRecord) -> str:
    """How many of the figures that the laws rest on are unstable, in one plain line; empty where none is."""
    answer = law_answer(record)
    if not answer.unstable:
        return ""
    return " ".join(plain_lines(part("commands/law/answer.md.j2", "unstable", answer)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LawText:
    """The law itself.

    Attributes:
        setup: what all setups have in common.
        low: the time of the fastest network it rests on, in ms.
        high: that of the slowest.
        table: errors and the time of each term, a setup each.
        shares: what the baseline's time is made of, a setup each.
    """

    setup: str
    low: str
    high: str
    table: PageTable
    shares: PageTable


@dataclass(frozen=True, slots=True, kw_only=True)
class LawPage:
    """What the page shows.

    Attributes:
        processor: that time is of.
        answer: its lines.
        steps: what to do next.
        law: None where there is none.
        baseline: that is scaled.
        prices: of each dimension; None where they are not known.
        kinds: where in the network the time goes; None where that was not looked into.
        splits: what a rule becomes when time is its budget; None without a law.
        best: what a run's accuracies say of it; None without a run.
        notes: on what is missing.
        time: of the run.
        samples: all of them.
        pairs: of network and setup that were measured.
        made: how the run was made.
        files: the tables beside the page.
        figures: those that were drawn.
    """

    processor: str
    answer: LawAnswer
    steps: Steps
    law: LawText | None
    baseline: str
    prices: PageTable | None
    kinds: Kinds | None
    splits: Splits | None
    best: Best | None
    notes: Sequence[str]
    time: str
    samples: int
    pairs: int
    made: Made
    files: Sequence[str]
    figures: Collection[str]


def law_page(record: LawRecord, figures: Collection[str]) -> str:
    """The page as Markdown; ``figures`` names the figures that were drawn."""
    measured = record.measured
    facts = measured.machines[0].facts if measured.machines else {}
    timed = [row for row in measured.measurements if row.processes]
    return page(
        "commands/law/page.md.j2",
        LawPage(
            processor=facts.get("gpu") or facts.get("cpu") or "this machine",
            answer=law_answer(record),
            steps=_steps(record),
            law=_law(record) if record.laws else None,
            baseline=record.baseline,
            prices=_prices(record),
            kinds=_kinds(record) if record.prices else None,
            splits=_splits(record),
            best=_best(record),
            notes=record.notes,
            time=elapsed(measured),
            samples=sum(len(process) for row in timed for process in row.samples_s),
            pairs=len(timed),
            made=made_of(
                command=measured.command,
                settings=measured.settings,
                machine=machine_facts(measured.machines),
                versions=measured.versions,
            ),
            files=[MEASUREMENTS_CSV, SAMPLES_CSV, "laws.csv", *([KINDS_CSV] if record.kinds else [])],
            figures=figures,
        ),
    )


def _ratio(price: Price) -> float:
    return price.measured[0] if price.measured else price.built_latency_ratio


def _law(record: LawRecord) -> LawText:
    titles = law_titles([law.setup for law in record.laws])
    low, high = record.laws[0].spread
    rows = [LawRow(law=law, setup=titles[law.setup], cost=record.base_cost) for law in record.laws]
    return LawText(
        setup=common_label(titles) or record.laws[0].setup.label,
        low=f"{1e3 * low:,.3g}",
        high=f"{1e3 * high:,.0f}",
        table=LAW_ROWS.table(rows, only=("setup", "networks", "median", "worst", *LAW_TERMS)),
        shares=LAW_ROWS.table(rows, only=("setup", "predicted", *(f"{term}_share" for term in LAW_TERMS))),
    )


def _steps(record: LawRecord) -> Steps:
    """A search within a time, which ``law.json`` beside the page plans; and a law of longer measurements."""
    settings = record.measured.settings
    search = longer = None
    if record.laws:
        law = record.laws[0]
        low, high = law.spread
        middle = f"{float(f'{1e3 * (low * high) ** 0.5:.2g}'):g}ms"
        where = f"threads={law.setup.threads}" if law.setup.device == "cpu" else f"device={law.setup.device}"
        budget = f"latency={middle}@{where},batch={law.setup.batch_size}"
        search = (
            "A search within a time on this machine, planned before anything is trained",
            f"scalesearch grid{of_baseline(settings)} --budget {budget} --law {FOLDER}",
        )
    answer = law_answer(record)
    if answer.unstable or answer.missed:
        again = without_options(record.measured.command, ("--processes", "--min-time", "--out"))
        processes = max(3, int(settings.get("processes", 3)))
        min_time = 4 * float(settings.get("min_time", 1.0))
        longer = (
            "Longer, on a machine that does nothing else: are errors smaller then?",
            f"{again} --processes {processes} --min-time {min_time:g}s --out {FOLDER}-longer",
        )
    return steps(search, longer)


# ----------------------------------------------------------------------------------------------------
# A cost law as a file to plan with, tables, figures and a page.


def _of_setup(name: str, cell: Cell) -> Column[CostLaw]:
    return Column(name=name, value=lambda law: getattr(law.setup, name), terminal=cell)


def _seconds(name: str, term: str, times: float) -> Column[CostLaw]:
    return Column(name=name, value=lambda law: times * law.seconds[term])


LAWS: Columns[CostLaw] = Columns(
    columns=(
        field("machine"),
        _of_setup("runtime", Cell()),
        _of_setup("dtype", Cell()),
        _of_setup("device", Cell()),
        _of_setup("threads", Cell("{:d}")),
        _of_setup("batch_size", Cell("{:d}")),
        Column(name="networks", value=lambda law: errors(law).networks, terminal=Cell("{:d}")),
        Column(name="median_error", value=lambda law: errors(law).median, terminal=Cell("{:.1%}")),
        Column(name="worst_error", value=lambda law: errors(law).worst, terminal=Cell("{:.1%}")),
        Column(name="worst", value=lambda law: errors(law).worst_name, terminal=Cell()),
        Column(name="fastest_s", value=lambda law: law.spread[0]),
        Column(name="slowest_s", value=lambda law: law.spread[1]),
        _seconds("constant_s", "constant", 1.0),
        _seconds("s_per_gmac", "macs", 1e9),
        _seconds("s_per_mactivation", "activations", 1e6),
        _seconds("s_per_mparam", "params", 1e6),
        _seconds("s_per_layer", "layers", 1.0),
    )
)
"""Of ``laws.csv``: errors of held-out networks as fractions, and what a law is made of, in seconds.

Coefficients are for a billion multiply-adds, a million activations or parameters, and one layer.
"""


KINDS_CSV = "kinds.csv"
KINDS: Columns[KindTime] = Columns(columns=(field("name"), field("kind"), field("seconds", kind="exact")))
"""Of ``kinds.csv``: the seconds of each kind of layer in one pass of a network."""


def law_table(laws: Sequence[CostLaw]) -> pd.DataFrame:
    """One row per law, by :data:`LAWS`."""
    return LAWS.frame(laws)


def _rounded(value: Any) -> Any:
    """Plain data with numbers as tables have them."""
    if isinstance(value, float):
        return twelve_digits(value)
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return list(map(_rounded, value)) if isinstance(value, list | tuple) else value


def write_law_report(record: LawRecord, out: Path) -> Report:
    """Write ``law.json``, tables, ``report.md`` and ``figures/`` of ``record`` into ``out``.

    The same record gives the same bytes. A figure without data is left out.

    Raises:
        ValueError: if the measurements are of several machines.
        OSError: if ``out`` cannot be made or written.
    """
    check_machines(record.measured.measurements, mix_machines=False)
    figures = write_figures(
        {
            "law": held_out_figure(record),
            "prices": prices_figure(record),
            "kinds": kinds_figure(record),
            "split": split_figure(record),
            "best": best_figure(record),
        },
        out / "figures",
    )
    table = law_table(record.laws)
    measured = measurements_table(replace(record.measured, laws=record.laws))
    write_text(out / SAMPLES_CSV, csv_text(samples_table(record.measured)))
    if record.kinds:
        write_text(out / KINDS_CSV, csv_text(KINDS.frame(record.kinds)))
    else:
        (out / KINDS_CSV).unlink(missing_ok=True)  # of a run here before
    if conditions := conditions_text(record.measured):
        write_text(out / CONDITIONS_JSON, conditions)
    laws = {
        "machine": {one.key: dict(one.facts) for one in record.measured.machines},
        "versions": dict(record.measured.versions),
        "laws": [_rounded(law.to_dict()) for law in record.laws],
    }
    write_text(out / "law.json", json.dumps(laws, indent=1) + "\n")
    write_text(out / "laws.csv", csv_text(table))
    write_text(out / MEASUREMENTS_CSV, csv_text(measured))
    return Report(
        page=write_pages(out / "report.md", law_page(record, {path.stem for path in figures})),
        figures=figures,
        table=table,
    )
