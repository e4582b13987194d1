"""The page of a cost law: how well it foretells time, what each dimension costs, where a budget should go."""

from __future__ import annotations

from collections.abc import Collection

from scalesearch.belief.law import errors, term_seconds
from scalesearch.belief.timing import UNSTABLE
from scalesearch.records import LAW_TERMS, CostLaw, LawRecord, Price
from scalesearch.report.law.evidence import law_titles
from scalesearch.report.law.split_page import best_part, price_part, split_part
from scalesearch.report.machine_facts import machine_facts
from scalesearch.report.markdown import bullets, code, escape, fenced, percent, plural, table
from scalesearch.report.measure.rows import common_label, measure_rows
from scalesearch.report.page_parts import elapsed, figure_part, section
from scalesearch.report.provenance import PLAIN_COUNTS, how_it_was_made

__all__ = ["law_page"]

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
        *_conventions(record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


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
    rows = [row for row in measure_rows(record.measured) if row.summary is not None]
    shaky = sum(row.summary.unstable for row in rows if row.summary is not None)
    if shaky:
        are = "is" if shaky == 1 else "are"
        lines.append(
            f"**{shaky} of {plural(len(rows), 'figure')} that the laws rest on {are} unstable** (an "
            f"interquartile range over {UNSTABLE:.0%} of the median): part of the errors is the machine's."
        )
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
    shares = [[escape(titles[law.setup]), *_shares(law, record)] for law in record.laws]
    units = ", ".join(f"{UNITS[term][0]}: for {UNITS[term][1]}" for term in LAW_TERMS)
    return [
        "## The law",
        f"All of it is {escape(common_label(titles) or record.laws[0].setup.label)}.",
        "The time of one pass of a whole batch is a sum of five terms, none below zero: a constant, the "
        "batch's multiply-adds and activations, the parameters (weights are read once a pass) and the "
        "layers (each has to be called). Coefficients are fitted to relative errors and refitted so that "
        "single odd networks weigh little. Errors are those of networks in a fold that was left out: ten "
        "folds.",
        table(header, rows),
        f"Time of each term ({units}).",
        figure_part("law", FIGURES, figures),
        f"What {escape(record.baseline)}'s time is made of, by the law. Terms that grow together in all "
        "networks share their time as the fit sees fit: read the sum before the parts.",
        table(["setup", *(UNITS[term][0] for term in LAW_TERMS), "predicted"], shares),
    ]


def _shares(law: CostLaw, record: LawRecord) -> list[str]:
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


def _conventions(record: LawRecord) -> list[str]:
    measured = record.measured
    timed = [row for row in measured.measurements if row.processes]
    samples = sum(len(one) for row in timed for one in row.samples_s)
    return [
        "## Conventions",
        f"{PLAIN_COUNTS} Activations are the output elements of all convolutions and linear layers; layers "
        "are convolutions, squeeze-and-excites, pools and linear layers. A network's time is the median of "
        "its processes' medians. `measurements.csv` has every network with its prediction, `samples.csv` "
        "every sample, `laws.csv` the laws.",
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
    ]
