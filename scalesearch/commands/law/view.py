"""The page and tables of a law."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.commands.law.evidence import SMALL, KindRow, kind_rows, law_titles
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
from scalesearch.page.columns import Cell, Column, Columns, field
from scalesearch.page.html.page import write_pages
from scalesearch.page.markdown import percent, plain_lines
from scalesearch.page.parts import (
    FOLDER,
    Made,
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
from scalesearch.records import LAW_TERMS, CostLaw, KindTime, LawRecord, Price
from scalesearch.statistics.law import errors, term_seconds
from scalesearch.text import without_options

# ----------------------------------------------------------------------------------------------------
# The sections of a law's page on where a budget should go when it is counted in time.

UNMULTIPLIED = ("norm", "activation", "add", "other")


def _prices(record: LawRecord) -> list[tuple[str, ...]]:
    """What each dimension costs, a row each."""
    titles = law_titles(price.setup for price in record.prices)
    return [
        (
            titles[price.setup],
            price.dimension,
            f"{price.built_macs_ratio:.2f}",
            f"{price.built_activations_ratio:.2f}",
            f"{price.built_layers_ratio:.2f}",
            f"{price.built_latency_ratio:.2f}",
            _measured(price),
            f"{price.nominal_exponent:g}",
            f"{price.macs_exponent:.2f}",
            f"{price.latency_exponent:.2f}",
        )
        for price in record.prices
    ]


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
class Splits:
    """What a rule becomes when time is its budget, a row each; whether it is the paper's, or a run's best."""

    rows: Sequence[Sequence[str]]
    paper: bool
    run: bool


def _splits(record: LawRecord) -> Splits | None:
    if not record.splits:
        return None
    titles = law_titles(split.setup for split in record.splits)
    return Splits(
        rows=[
            (
                split.rule,
                titles[split.setup],
                "2 x MACs" if split.budget == "macs" else "2 x time",
                *(f"{value:.3f}" for value in (split.depth, split.width, split.resolution)),
                *(percent(share, 0) for share in split.shares),
                f"{split.macs_ratio:.2f}",
                f"{split.latency_ratio:.2f}",
            )
            for split in record.splits
        ],
        paper=any("paper" in split.rule for split in record.splits),
        run=any("run" in split.rule for split in record.splits),
    )


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
        rows: a setup each.
    """

    networks: int
    source: str
    error: float
    mean_error: float
    explains: bool
    tells_cost: bool
    highest: str
    shown: Sequence[str]
    rows: Sequence[Sequence[str]]


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
        rows=[
            (titles[best.setup], _shares(best.macs), _shares(best.latency), *map(_move, best.moves))
            for best in record.best
        ],
    )


def _shares(shares: tuple[float, float, float] | None) -> str:
    return "" if shares is None else " / ".join(percent(share, 0) for share in shares)


def _move(move: tuple[float, float, float]) -> str:
    return f"{100 * move[0]:+.0f} ({100 * move[1]:+.0f} to {100 * move[2]:+.0f})"


# ----------------------------------------------------------------------------------------------------
# The page of a cost law: how well it predicts time, what each dimension costs, where a budget should go.

GOAL = 0.10
UNITS = {
    "constant": ("constant", "a pass", 1e3, "ms"),
    "macs": ("multiply-adds", "10^9", 1e12, "ms"),
    "activations": ("activations", "10^6", 1e9, "ms"),
    "params": ("params", "10^6", 1e9, "ms"),
    "layers": ("layers", "one", 1e6, "us"),
}


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
        terms: their names.
        rows: errors and the time of each term, a setup each.
        units: what each term's time is for.
        shares: what the baseline's time is made of, a setup each.
    """

    setup: str
    low: str
    high: str
    terms: Sequence[str]
    rows: Sequence[Sequence[str]]
    units: Sequence[str]
    shares: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LawPage:
    """What the page shows.

    Attributes:
        processor: that time is of.
        answer: its lines.
        steps: what to do next.
        law: None where there is none.
        baseline: that is scaled.
        prices: of each dimension, a row each.
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
    prices: Sequence[Sequence[str]]
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
    rows = [
        (
            titles[law.setup],
            str(errors(law).networks),
            percent(errors(law).median),
            percent(errors(law).worst),
            *(f"{law.seconds[term] * UNITS[term][2]:.3g} {UNITS[term][3]}" for term in LAW_TERMS),
        )
        for law in record.laws
    ]
    return LawText(
        setup=common_label(titles) or record.laws[0].setup.label,
        low=f"{1e3 * low:,.3g}",
        high=f"{1e3 * high:,.0f}",
        terms=[UNITS[term][0] for term in LAW_TERMS],
        rows=rows,
        units=[f"{UNITS[term][0]}: for {UNITS[term][1]}" for term in LAW_TERMS],
        shares=[(titles[law.setup], *_term_shares(law, record)) for law in record.laws],
    )


def _term_shares(law: CostLaw, record: LawRecord) -> list[str]:
    seconds = term_seconds(law, record.base_cost)
    total = sum(seconds.values())
    return [f"{1e3 * total:.3g} ms", *(percent(seconds[term] / total, 0) for term in LAW_TERMS)]


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LawReport:
    """What was written, and the table a caller prints.

    Attributes:
        page: ``report.md``.
        law_json: ``law.json``, which other commands plan with.
        laws_csv: ``laws.csv``, one row per setup.
        measurements_csv: ``measurements.csv``, one row per network and setup.
        figures: the figures that could be drawn, SVG and PNG.
        table: the table of ``laws_csv``.
    """

    page: Path
    law_json: Path
    laws_csv: Path
    measurements_csv: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame


def law_table(laws: Sequence[CostLaw]) -> pd.DataFrame:
    """One row per law, by :data:`LAWS`."""
    return LAWS.frame(laws)


def write_law_report(record: LawRecord, out: Path) -> LawReport:
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
    measured = measurements_table(record.measured, record.laws)
    write_text(out / SAMPLES_CSV, csv_text(samples_table(record.measured)))
    if record.kinds:
        write_text(out / KINDS_CSV, csv_text(KINDS.frame(record.kinds)))
    if conditions := conditions_text(record.measured):
        write_text(out / CONDITIONS_JSON, conditions)
    laws = {
        "machine": {one.key: dict(one.facts) for one in record.measured.machines},
        "versions": dict(record.measured.versions),
        "laws": [law.to_dict() for law in record.laws],
    }
    return LawReport(
        law_json=write_text(out / "law.json", json.dumps(laws, indent=1) + "\n"),
        laws_csv=write_text(out / "laws.csv", csv_text(table)),
        measurements_csv=write_text(out / MEASUREMENTS_CSV, csv_text(measured)),
        page=write_pages(out / "report.md", law_page(record, {path.stem for path in figures})),
        figures=figures,
        table=table,
    )
