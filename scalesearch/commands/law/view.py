"""The page and tables of a law."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.commands.law.evidence import DIMENSIONS, SMALL, KindRow, kind_rows, law_titles
from scalesearch.commands.law.figures import (
    best_figure,
    held_out_figure,
    kinds_figure,
    prices_figure,
    split_figure,
)
from scalesearch.commands.measure.rows import check_machines, common_label, measure_rows
from scalesearch.commands.measure.view import measurements_table, samples_table
from scalesearch.files import write_text
from scalesearch.page.columns import Cell, Column, Columns, field
from scalesearch.page.html.page import write_pages
from scalesearch.page.markdown import bullets, code, escape, fenced, percent, plain_lines, plural, table
from scalesearch.page.parts import (
    elapsed,
    figure_part,
    how_it_was_made,
    machine_facts,
    section,
    words_and_numbers,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import csv_text
from scalesearch.records import LAW_TERMS, BestSplits, CostLaw, LawRecord, Price, Split
from scalesearch.statistics.law import errors, term_seconds
from scalesearch.statistics.timing import UNSTABLE

# ----------------------------------------------------------------------------------------------------
# The sections of a law's page on where a budget should go when it is counted in time.

UNMULTIPLIED = ("norm", "activation", "add", "other")
SPLIT_FIGURES = {
    "prices": (
        "How much longer a pass takes when one dimension alone doubles the multiply-adds",
        "How to read it: if time followed multiply-adds, every mark would lie on the line at 2. Lines are "
        "95% intervals of what was measured across processes; rings are the law's.",
    ),
    "kinds": (
        "Time of the baseline and of its doublings by kind of layer",
        "How to read it: the lower bars spend the same multiply-adds, twice those of the top one; what "
        "differs is which layers they went to. Norm and activation do next to no multiply-adds.",
    ),
    "split": (
        "Multipliers of depth, width and resolution by one rule under two budgets",
        "How to read it: from the open circle, which spends twice the multiply-adds, to the filled mark, "
        "which spends twice the time. A line to the right is a dimension's gain, one to the left its loss.",
    ),
    "best": (
        "Best splits of both budgets by surfaces that the data allow, on the triangle of shares",
        "How to read it: corners spend all growth on one dimension. The wider the bubbles are strewn, the "
        "less the run says; only a move of the whole cloud from left to right is a move.",
    ),
}


def price_part(record: LawRecord, figures: Collection[str]) -> list[str]:
    """What each dimension costs, and where in the network."""
    if not record.prices:
        return []
    titles = law_titles(price.setup for price in record.prices)
    rows = [
        [
            escape(titles[price.setup]),
            price.dimension,
            f"{price.built_macs_ratio:.2f}",
            f"{price.built_activations_ratio:.2f}",
            f"{price.built_layers_ratio:.2f}",
            f"{price.built_latency_ratio:.2f}",
            _measured(price),
            f"{price.nominal_exponent:g}",
            f"{price.macs_exponent:.2f}",
            f"{price.latency_exponent:.2f}",
        ]
        for price in record.prices
    ]
    header = (
        *("setup", "scaled in", "MACs", "activations", "layers", "time by the law", "time measured"),
        *("rule's exponent", "MACs' exponent", "time's exponent"),
    )
    return [
        "## What each dimension costs",
        f"{escape(record.baseline)} is scaled in one dimension alone until its multiply-adds have doubled; "
        "columns give the network as built over the baseline. A smaller exponent is a cheaper dimension "
        "than the rule thinks.",
        table(header, rows, left=2),
        figure_part("prices", SPLIT_FIGURES, figures),
        *_why(record, figures),
    ]


def _measured(price: Price) -> str:
    if price.measured is None:
        return ""
    ratio, low, high = price.measured
    return f"{ratio:.2f} ({low:.2f} to {high:.2f})"


def _why(record: LawRecord, figures: Collection[str]) -> list[str]:
    rows = kind_rows(record)
    if not rows or record.kinds_setup is None:
        return []
    kinds = list(rows[0].seconds)
    cells = [
        [
            escape(row.label),
            *(f"{1e3 * row.seconds.get(kind, 0.0):.3g}" for kind in kinds),
            f"{1e3 * row.total:.3g}",
        ]
        for row in rows
    ]
    return [
        "### Why: where the time goes",
        _reasons(record, rows),
        table(["ms in one pass", *kinds, "whole"], cells),
        figure_part("kinds", SPLIT_FIGURES, figures),
        f"One process, {escape(record.kinds_setup.label)}, so small differences mean nothing. `other` is "
        f"pooling, what lies between layers, and kinds under {SMALL:.0%} of every network's time."
        f"{_other_order(record, rows)}",
    ]


def _other_order(record: LawRecord, rows: Sequence[KindRow]) -> str:
    """Says so where this one process has the doublings in another order than the table of prices."""
    ratios = {price.dimension: _ratio(price) for price in record.prices if price.setup == record.kinds_setup}
    built = {price.built: price.dimension for price in record.prices}
    seconds = {built[row.name]: row.total for row in rows if built.get(row.name) in ratios}
    orders = [sorted(seconds, key=values.__getitem__) for values in (ratios, seconds)]
    if orders[0] == orders[1]:
        return ""
    of_table, here = (", ".join(order) for order in orders)
    return (
        f" From quickest to slowest this process has doublings by {here}; the table above, which rests on "
        f"several processes, has {of_table}: go by that table."
    )


def _reasons(record: LawRecord, rows: Sequence[KindRow]) -> str:
    base, *doubled = rows
    said = []
    for row in doubled:
        more = row.total - base.total
        if more <= 0:
            continue
        gained = {kind: seconds - base.seconds.get(kind, 0.0) for kind, seconds in row.seconds.items()}
        first, second = sorted(gained, key=lambda kind: -gained[kind])[:2]
        said.append(
            f"{escape(row.label)}: {1e3 * more:+.3g} ms, of which {first} {1e3 * gained[first]:+.3g} and "
            f"{second} {1e3 * gained[second]:+.3g}"
        )
    # As recorded: among the others of ``rows`` are small kinds that do multiply.
    unmultiplied = sum(
        part.seconds for part in record.kinds if part.name == base.name and part.kind in UNMULTIPLIED
    )
    return (
        f"In {escape(base.label)}, {percent(unmultiplied / base.total, 0)} of the time goes to "
        "normalisation, activations, sums, pooling and what lies between layers, which no count of "
        "multiply-adds holds. " + ("What a doubling adds: " + "; ".join(said) + "." if said else "")
    )


def split_part(record: LawRecord, figures: Collection[str]) -> list[str]:
    """What a rule becomes when time is its budget."""
    if not record.splits:
        return []
    titles = law_titles(split.setup for split in record.splits)
    rows = [
        [
            escape(split.rule),
            escape(titles[split.setup]),
            "2 x MACs" if split.budget == "macs" else "2 x time",
            *(f"{value:.3f}" for value in (split.depth, split.width, split.resolution)),
            *(percent(share, 0) for share in split.shares),
            f"{split.macs_ratio:.2f}",
            f"{split.latency_ratio:.2f}",
        ]
        for split in record.splits
    ]
    header = (
        *("rule", "setup", "budget", "depth", "width", "resolution"),
        *("share of depth", "of width", "of resolution", "MACs", "time"),
    )
    return [
        "## Where the budget goes, by the law",
        "A rule gives each dimension a share of the budget's growth. That shares which are right for "
        "multiply-adds are right for time, too, is **an assumption**: each dimension grows as far as its "
        "share of the *time* carries it. Costs are without rounding. "
        "" + _assumed(record.splits),
        table(header, rows, left=3),
        figure_part("split", SPLIT_FIGURES, figures),
    ]


def _assumed(splits: Sequence[Split]) -> str:
    rules = dict.fromkeys(split.rule for split in splits)
    texts = []
    if any("paper" in rule for rule in rules):
        texts.append(
            "The paper's rule is (1.2, 1.1, 1.15) as published (arXiv 1905.11946), brought to a product of 2."
        )
    if any("run" in rule for rule in rules):
        texts.append("The run's best is its network with the highest top-1, sure or not.")
    return " ".join(texts)


def best_part(record: LawRecord, figures: Collection[str]) -> list[str]:
    """Where accuracies that were really measured put the best split."""
    if not record.best:
        return []
    first = record.best[0]
    titles = law_titles(best.setup for best in record.best)
    parts = [
        "## Where it should go, by accuracies of a run",
        f"A surface, quadratic in the shares of growth, is fitted to the {plural(first.networks, 'network')} "
        f"that {escape(first.source)} trained, and its highest point looked for within each budget. "
        f"{_trust(first)}",
    ]
    if not first.tells_cost:
        parts.append(
            "**The run says nothing about time as the budget:** all of its networks cost about the same, "
            "so what going farther in a cheap dimension brings isn't known. A sweep over several phi, or a "
            "grid without `--match`, knows more. Under twice the multiply-adds the surface is highest at "
            f"{_shares(first.macs)}."
        )
        return parts
    rows = [
        [escape(titles[best.setup]), _shares(best.macs), _shares(best.latency), *map(_move, best.moves)]
        for best in record.best
    ]
    header = (
        "setup",
        "2 x MACs: depth / width / resolution",
        "2 x time",
        *(f"move in {d}" for d in DIMENSIONS),
    )
    return [
        *parts,
        _verdict(record.best),
        table(header, rows, left=3),
        figure_part("best", SPLIT_FIGURES, figures),
        "Moves are in points of share with 95% intervals from surfaces that the data would allow as well, "
        "both budgets by the same one. The run's networks are small ones; that their accuracies say which "
        "full-size network is best is **assumed**.",
    ]


def _trust(best: BestSplits) -> str:
    held = (
        f"Networks that were left out are predicted with an error of {100 * best.error:.1f} points of "
        f"top-1; the mean of the others is off by {100 * best.mean_error:.1f}."
    )
    if best.explains:
        return held
    return held + " **So the surface explains nothing**, and what follows is no evidence."


def _verdict(found: Sequence[BestSplits]) -> str:
    shown = [best for best in found if best.shown]
    if not shown:
        return "**No move of the best split is shown**: intervals hold zero, or the surface explains nothing."
    titles = law_titles(best.setup for best in found)
    where = "; ".join(escape(titles[best.setup]) for best in shown)
    return f"**A move of the best split is shown** ({where})."


def _shares(shares: tuple[float, float, float] | None) -> str:
    return "" if shares is None else " / ".join(percent(share, 0) for share in shares)


def _move(move: tuple[float, float, float]) -> str:
    return f"{100 * move[0]:+.0f} ({100 * move[1]:+.0f} to {100 * move[2]:+.0f})"


# ----------------------------------------------------------------------------------------------------
# The page of a cost law: how well it predicts time, what each dimension costs, where a budget should go.

GOAL = 0.10
FIGURES = {
    "law": (
        "Predicted against measured time of networks that the law was not fitted on",
        "How to read it: each dot is a network, predicted by a law fitted without it and its fold. The band "
        "is 10% either side of what was measured; rings lie outside it, and the farthest are named.",
    ),
}
UNITS = {
    "constant": ("constant", "a pass", 1e3, "ms"),
    "macs": ("multiply-adds", "10^9", 1e12, "ms"),
    "activations": ("activations", "10^6", 1e9, "ms"),
    "params": ("params", "10^6", 1e9, "ms"),
    "layers": ("layers", "one", 1e6, "us"),
}


def law_page(record: LawRecord, figures: Collection[str]) -> str:
    """The page as Markdown; ``figures`` names the figures that were drawn."""
    facts = record.measured.machines[0].facts if record.measured.machines else {}
    parts = [
        f"# What time costs on {escape(facts.get('gpu') or facts.get('cpu') or 'this machine')}",
        _answer(record),
        *_law(record, figures),
        *price_part(record, figures),
        *split_part(record, figures),
        *best_part(record, figures),
        *_use(record),
        section("What is missing", bullets(map(escape, record.notes))),
        *_made(record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def unstable_line(record: LawRecord) -> str:
    """How many of the figures that the laws rest on are unstable, in one plain line; empty where none is."""
    summaries = [row.summary for row in measure_rows(record.measured) if row.summary is not None]
    shaky = sum(summary.unstable for summary in summaries)
    if not shaky:
        return ""
    are = "is" if shaky == 1 else "are"
    return (
        f"{shaky} of {plural(len(summaries), 'figure')} that the laws rest on {are} unstable (an "
        f"interquartile range over {UNSTABLE:.0%} of the median): part of the errors is the machine's."
    )


def answer_lines(record: LawRecord) -> tuple[str, ...]:
    """The answer in plain lines: how well each law predicts, what may be wrong with it, what time costs."""
    return plain_lines(_answer(record))


def _answer(record: LawRecord) -> str:
    if not record.laws:
        return "**There is no law yet:** too few networks have been measured."
    titles = law_titles([law.setup for law in record.laws])
    lines = []
    for law in record.laws:
        off = errors(law)
        lines.append(
            f"**{escape(titles[law.setup])}: half of {plural(off.networks, 'network')} that the law had not "
            f"seen are predicted within {percent(off.median)}**, the worst ({escape(off.worst_name)}) within "
            f"{percent(off.worst)}."
        )
    if shaky := unstable_line(record):
        said, mark, why = shaky.partition(" (")
        lines.append(f"**{said}**{mark}{why}")
    missed = [law for law in record.laws if errors(law).median >= GOAL]
    if missed:
        lines.append(
            f"The goal, a median error under {percent(GOAL, 0)}, is missed in "
            f"{plural(len(missed), 'setup')} of {len(record.laws)}."
        )
    first = [price for price in record.prices if price.setup == record.laws[0].setup]
    if first:
        order = sorted(first, key=_ratio)
        said = ", ".join(f"{price.dimension} {_ratio(price):.2f}" for price in order)
        source = "measured" if all(price.measured for price in first) else "by the law"
        lines.append(
            f"Twice the multiply-adds take this many times as long ({source}; "
            f"{escape(titles[record.laws[0].setup])}): **{said}**. A rule that counts multiply-adds takes "
            "them all for 2."
        )
        measured = [price.measured for price in first if price.measured]
        if measured and max(low for _, low, _ in measured) <= min(high for _, _, high in measured):
            lines.append("The intervals of the three overlap: which dimension is cheapest is not shown.")
    best = record.best[0] if record.best else None
    if best is not None:
        if best.latency is None:
            verdict = "the run does not say where the best split lies when time is the budget"
        elif best.shown:
            verdict = "by the run's accuracies the best split moves when time is the budget"
        else:
            verdict = "no move of the best split is shown by the run's accuracies"
        lines.append(f"Whether accuracy follows is another matter: {verdict} (see below).")
    return bullets(lines)


def _ratio(price: Price) -> float:
    return price.measured[0] if price.measured else price.built_latency_ratio


def _law(record: LawRecord, figures: Collection[str]) -> list[str]:
    if not record.laws:
        return []
    titles = law_titles([law.setup for law in record.laws])
    header = ["setup", "networks", "median error", "worst error", *(UNITS[term][0] for term in LAW_TERMS)]
    rows = [
        [
            escape(titles[law.setup]),
            str(errors(law).networks),
            percent(errors(law).median),
            percent(errors(law).worst),
            *(f"{law.seconds[t] * UNITS[t][2]:.3g} {UNITS[t][3]}" for t in LAW_TERMS),
        ]
        for law in record.laws
    ]
    shares = [[escape(titles[law.setup]), *_term_shares(law, record)] for law in record.laws]
    units = ", ".join(f"{UNITS[term][0]}: for {UNITS[term][1]}" for term in LAW_TERMS)
    return [
        "## The law",
        f"All of it is {escape(common_label(titles) or record.laws[0].setup.label)}.",
        "The time of one pass of a whole batch is a sum of a constant, multiply-adds, activations, "
        "parameters and layers. Errors are those of networks that the fit had not seen (ten folds).",
        table(header, rows),
        f"Time of each term ({units}).",
        figure_part("law", FIGURES, figures),
        f"What {escape(record.baseline)}'s time is made of, by the law. Terms that grow together in all "
        "networks share their time as the fit sees fit: read the sum before the parts.",
        table(["setup", *(UNITS[term][0] for term in LAW_TERMS), "predicted"], shares),
    ]


def _term_shares(law: CostLaw, record: LawRecord) -> list[str]:
    seconds = term_seconds(law, record.base_cost)
    total = sum(seconds.values())
    return [*(percent(seconds[term] / total, 0) for term in LAW_TERMS), f"{1e3 * total:.3g} ms"]


def _use(record: LawRecord) -> list[str]:
    if not record.laws:
        return []
    law = record.laws[0]
    low, high = law.spread
    middle = f"{float(f'{1e3 * (low * high) ** 0.5:.2g}'):g}ms"
    setup = law.setup
    where = f"threads={setup.threads}" if setup.device == "cpu" else f"device={setup.device}"
    return [
        "## Using it",
        "With `law.json` beside this page a search plans with the time of this machine "
        f"({code(law.machine)}), in these setups, before anything is trained or measured:",
        fenced(
            f"scalesearch grid --budget latency={middle}@{where},batch={setup.batch_size} --law DIR",
            "console",
        ),
        f"It rests on networks from {1e3 * low:,.3g} to {1e3 * high:,.0f} ms; beyond that it extrapolates.",
    ]


def _made(record: LawRecord) -> list[str]:
    measured = record.measured
    timed = [row for row in measured.measurements if row.processes]
    samples = sum(len(one) for row in timed for one in row.samples_s)
    return [
        how_it_was_made(
            command=measured.command,
            facts=[
                f"{elapsed(measured)}.",
                f"{samples:,} samples; pairs of network and setup that were measured: {len(timed)}.",
            ],
            settings=measured.settings,
            machine=machine_facts(measured.machines),
            versions=measured.versions,
        ),
        words_and_numbers("measurements.csv", "samples.csv", "laws.csv"),
    ]


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
    write_text(out / "samples.csv", csv_text(samples_table(record.measured)))
    laws = {
        "machine": {one.key: dict(one.facts) for one in record.measured.machines},
        "versions": dict(record.measured.versions),
        "laws": [law.to_dict() for law in record.laws],
    }
    return LawReport(
        law_json=write_text(out / "law.json", json.dumps(laws, indent=1) + "\n"),
        laws_csv=write_text(out / "laws.csv", csv_text(table)),
        measurements_csv=write_text(out / "measurements.csv", csv_text(measured)),
        page=write_pages(out / "report.md", law_page(record, {path.stem for path in figures})),
        figures=figures,
        table=table,
    )
