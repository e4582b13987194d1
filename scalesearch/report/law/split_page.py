"""The sections of a law's page on where a budget should go when it is counted in time."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from scalesearch.records import BestSplits, LawRecord, Price, Split
from scalesearch.report.law.evidence import DIMENSIONS, SMALL, KindRow, kind_rows, law_titles
from scalesearch.report.markdown import escape, percent, plural, table
from scalesearch.report.page_parts import figure_part

__all__ = ["best_part", "price_part", "split_part"]

UNMULTIPLIED = ("norm", "activation", "add", "other")
FIGURES = {
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
        f"{escape(record.baseline)} is scaled in one dimension alone until its multiply-adds have doubled. "
        "Columns give the network as built over the baseline. The exponents are those over a doubling: twice "
        "the cost takes a multiplier of 2^(1/exponent), without any rounding; the rule counts on 1, 2 and 2. "
        "A smaller exponent is a cheaper dimension than the rule thinks.",
        table(header, rows, left=2),
        figure_part("prices", FIGURES, figures),
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
        figure_part("kinds", FIGURES, figures),
        f"One process, {escape(record.kinds_setup.label)}. Every layer is timed by hooks, in passes that "
        "take turns with passes without them; the parts add up to the median pass without hooks. `other` is "
        f"pooling, what lies between layers, and kinds that take less than {SMALL:.0%} of every network's "
        "time. One process tells nothing of the spread between processes: small differences mean nothing.",
    ]


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
        "A rule gives each dimension a share of the budget's growth. If those shares were right for "
        "multiply-adds (**an assumption**: that what each dimension brings falls off by itself, whatever "
        "the others do), they are right for time, too, and each dimension grows as far as its share of the "
        "*time* carries it. Costs are without rounding. Shares are of the nominal growth d w^2 r^2. "
        "" + _assumed(record.splits),
        table(header, rows, left=3),
        figure_part("split", FIGURES, figures),
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
        figure_part("best", FIGURES, figures),
        "Moves are in points of share with 95% intervals from surfaces that the data would allow as well, "
        "both budgets by the same one. The run's networks are small ones; that their accuracies say which "
        "full-size network is best is **assumed**.",
    ]


def _trust(best: BestSplits) -> str:
    held = (
        f"Networks that were left out are foretold with an error of {100 * best.error:.1f} points of "
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
