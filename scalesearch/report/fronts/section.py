"""The figure and the section about the fronts of top-1 against each cost, and why one is missing."""

from __future__ import annotations

from collections.abc import Collection

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.bounds import MOST_ROWS, cut
from scalesearch.report.budgets import same_cost
from scalesearch.report.evidence import judged
from scalesearch.report.fronts.fronts import FRONT_COSTS, fronts
from scalesearch.report.fronts.panels import panels, panels_left_out
from scalesearch.report.latency import machines_note, unstable_note
from scalesearch.report.markdown import code, escape, percent, table
from scalesearch.report.page_parts import figure_part

__all__ = ["PARETO_FIGURE", "fronts_section", "memory_item", "pareto_part"]

PARETO_FIGURE = (
    "Held-out top-1 against each cost, with the Pareto fronts",
    "How to read it: up is better, left is cheaper. A network below the stepped line is beaten by one that "
    "is at least as cheap and as accurate; who is on the line changes with the cost. Where vertical bars "
    "overlap widely, the order may be luck.",
)
"""Alternative text of the figure, and a line on how to read it."""
NOT_KNOWN = {
    "memory": "Memory was not recorded in this run.",
    "latency": "Latency was not measured in this run.",
}


def pareto_part(run: RunRecord, drawn: Collection[str]) -> str:
    """The figure ``pareto`` where it was drawn, with the panels that it lacks and why."""
    part, missing = figure_part("pareto", {"pareto": PARETO_FIGURE}, drawn), panels_left_out(run)
    if not missing:
        return part
    if "pareto" in drawn:
        return f"{part} There is {missing}."
    return f"*{PARETO_FIGURE[0]}: left out. There is {missing}.*"


def fronts_section(run: RunRecord) -> str:
    """One table of the networks on any front, best first; empty where nothing was judged."""
    on, ranking = fronts(run), judged(run)
    members = [c for c in ranking if any(c.key in keys for keys in on.values())]
    if not members:
        return ""
    shown = [cost for cost in FRONT_COSTS if any(cost.of(c) is not None for c in ranking)]

    def cells(c: CandidateRecord) -> list[str]:
        costs = ((cost.text(c), c.key in on[cost.name]) for cost in shown)
        bold = (f"**{text}**" if member else text for text, member in costs)
        triple = (f"{value:.4g}" for value in (c.alpha, c.beta, c.gamma))
        return [percent(c.top1), *triple, *bold, code(c.key)]

    same = [one.said for one in shown if same_cost([v for c in ranking if (v := one.of(c)) is not None])]
    mark = (
        "hollow in the figure"
        if "latency" in {panel.name for panel in panels(run)}
        else "marked in the table"
    )
    header = ("top-1", "alpha", "beta", "gamma", *(cost.said for cost in shown), "network")
    parts = [
        "The networks that no other beats in top-1 and in one of the costs at once; **bold** is the cost on "
        "whose front a network is.",
        table(header, map(cells, members[:MOST_ROWS]), left=0) + cut(members, "pareto.csv"),
        machines_note(ranking),
        unstable_note([c.latency for c in ranking], mark),
        *(
            f"All trained networks have the same {name} within 5%: that front says next to nothing."
            for name in same
        ),
        *(said for name, said in NOT_KNOWN.items() if name not in {cost.name for cost in shown}),
        "A front takes every top-1 and every cost at its word: it knows nothing of intervals.",
    ]
    return "\n\n".join(part for part in parts if part)


def memory_item(run: RunRecord) -> str:
    """The line of a page's glossary on memory."""
    size = escape(run.settings.get("latency_batch_size", 1))
    return (
        "inference memory: the bytes of the weights and of the most activations alive at once in a forward "
        f"pass with a batch of {size}, by closed form. `training_bytes` in the CSV files is the peak of a "
        "training step."
    )
