"""Whether searches want the same split, in words and tables: for ``transfer`` and runs that start grown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scalesearch.belief.answer import DIMENSIONS, Estimate, Rate, Split
from scalesearch.records import RunRecord
from scalesearch.report.markdown import bullets, escape, percent, table
from scalesearch.report.page_parts import p_text
from scalesearch.report.sentences import listed
from scalesearch.report.transfer.evidence import Borrowed, Pair, Side, pairs_of, side_of

__all__ = [
    "READING",
    "agreement_section",
    "borrowed_sentence",
    "borrowed_table",
    "estimate_text",
    "named",
    "rates_sentence",
    "rates_table",
    "same_split_sentence",
    "split_text",
    "wanted_sentence",
]

NOTHING = 0.05
"""Points below which a loss is none in the digits that are shown."""

READING = (
    "How to read it: held-out top-1 is fitted as a surface over how each network's growth was shared out "
    "between depth, width and resolution *as built*. A rate is what moving a tenth of the compute brings at "
    "the mean of the trained networks, in points of top-1; its 95% interval holds for the three rates of a "
    "run at once. Whether two runs want the same split is an F test of equal surfaces, levels aside, with "
    "Holm's correction for all pairs. Points lost are those behind the run's own best split; their interval "
    "allows for the best being chosen after looking."
)


def agreement_section(scratch: RunRecord, grown: RunRecord) -> str:
    """Whether two runs of one phi want the same split, as Markdown without a heading.

    Args:
        scratch: a run from scratch.
        grown: the one that started from weights.

    Raises:
        ValueError: if their phi differ, or one is too small for a surface.
    """
    sides = (side_of("from scratch", scratch), side_of("grown", grown))
    pairs = pairs_of(sides)
    items = [same_split_sentence(sides, pairs), *map(rates_sentence, sides), borrowed_sentence(pairs)]
    return "\n\n".join((bullets(items), rates_table(sides), READING))


def named(side: Side | str) -> str:
    """The name of a run inside a sentence."""
    return f"*{escape(side if isinstance(side, str) else side.name)}*"


def split_text(split: Split) -> str:
    """``depth 10%, width 45%, resolution 45%``."""
    return ", ".join(f"{name} {percent(part, 0)}" for name, part in zip(DIMENSIONS, split, strict=True))


def estimate_text(estimate: Estimate, *, sign: bool = True) -> str:
    """``+0.67 (+0.32 to +1.01)``."""
    form = "{:+.2f}" if sign else "{:.2f}"
    value, low, high = (form.format(x) for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def same_split_sentence(sides: Sequence[Side], pairs: Sequence[Pair]) -> str:
    """Whether the searches want the same split, with what that rests on."""
    apart = [pair for pair in pairs if pair.differ]
    if len(sides) == 2:
        (pair,) = pairs
        both = f"{named(sides[0])} and {named(sides[1])}"
        if apart:
            return f"**{both} do not want the same split** ({p_text(pair.p_holm)})."
        return f"**{both} want the same split as far as these runs show** ({p_text(pair.p_holm)})."
    if not apart:
        least = min(pair.p_holm for pair in pairs)
        return (
            f"**All {len(sides)} want the same split as far as these runs show** (no two differ; the least "
            f"{p_text(least)})."
        )
    groups = _groups(sides, apart)
    largest = p_text(max(pair.p_holm for pair in apart))
    at_most = largest if len(apart) == 1 or "<" in largest else f"{largest} or less"
    if groups is None:
        told = listed([f"{named(p.first)} and {named(p.second)} ({p_text(p.p_holm)})" for p in apart])
        return f"**Not all want the same split:** {told} differ; of the other pairs no difference is shown."
    alike = [listed([named(side) for side in group]) for group in groups if len(group) > 1]
    alone = [named(group[0]) for group in groups if len(group) == 1]
    if not alike:
        return f"**Each of the {len(sides)} wants another split** ({at_most} for each two)."
    same = [f"{alike[0]} want the same split as far as these runs show"]
    same += [f"so do {group}, another one" for group in alike[1:]]
    same += [f"{listed(alone)} {'differs' if len(alone) == 1 else 'differ'} from every other"] * bool(alone)
    return f"**{'; '.join(same)}** ({at_most})."


def _groups(sides: Sequence[Side], apart: Sequence[Pair]) -> list[list[Side]] | None:
    """The searches in groups of which no two differ and each differs from all others; None if there are none.

    That no difference is shown between a first and a second and between that and a third says nothing of the
    first and the third.
    """
    different = {frozenset((pair.first.name, pair.second.name)) for pair in apart}
    groups: list[list[Side]] = []
    for side in sides:
        like = [g for g in groups if any(frozenset((side.name, other.name)) not in different for other in g)]
        if len(like) > 1 or any(frozenset((side.name, o.name)) in different for g in like for o in g):
            return None
        if like:
            like[0].append(side)
        else:
            groups.append([side])
    return groups


def wanted_sentence(side: Side) -> str:
    """The best split of a search with what else may be the best, or that nothing is shown of it."""
    answer, surface = side.answer, side.surface
    ranges = [
        f"{name} {percent(best, 0)} ({percent(low, 0)} to {percent(high, 0)})"
        for name, best, (low, high) in zip(DIMENSIONS, answer.best, answer.ranges, strict=True)
    ]
    if not surface.different:
        return (
            f"{named(side)}: no difference between splits is shown ({p_text(surface.omnibus)}), and none can "
            f"be more than {answer.flat_within:.1f} points"
        )
    return f"{named(side)}: {', '.join(ranges)}"


def rates_sentence(side: Side) -> str:
    """Which way of moving compute is shown to bring something in a search."""
    shown = [rate for rate in side.surface.rates() if rate.points.shown]
    if not shown:
        least = max(rate.visible for rate in side.surface.rates())
        return (
            f"In {named(side)} no rate is shown; one of {least:.2f} points for a tenth of the compute would "
            "probably have been."
        )
    told = [
        f"from {rate.giver} to {rate.taker} {estimate_text(rate.points)}"
        if rate.points.value > 0
        else f"from {rate.taker} to {rate.giver} {estimate_text(_turned(rate))}"
        for rate in shown
    ]
    return f"In {named(side)} moving a tenth of the compute brings, in points: {', '.join(told)}."


def _turned(rate: Rate) -> Estimate:
    return Estimate(value=-rate.points.value, low=-rate.points.high, high=-rate.points.low)


def borrowed_sentence(pairs: Sequence[Pair]) -> str:
    """What using another search's best split costs."""
    every = [(one, one.loss) for pair in pairs for one in pair.borrowed]
    judged = [(one, loss) for one, loss in every if loss is not None]
    outside = [f"{named(one.source)} in {named(one.target)}" for one, loss in every if loss is None]
    gap = f" Not known, as nothing was trained around it: that of {listed(outside)}." if outside else ""
    if not judged:
        return f"**What another's best split costs is not known.**{gap}"
    lost = [(one, loss) for one, loss in judged if loss.low > 0]
    if lost:
        told = [
            f"that of {named(one.source)} in {named(one.target)}, {loss.value:.1f} points ({loss.low:.1f} to "
            f"{loss.high:.1f})"
            for one, loss in lost
        ]
        return f"**A loss is shown by using another's best split:** {listed(told)}.{gap}"
    one, loss = max(judged, key=lambda pair: pair[1].high)
    if loss.high < NOTHING:
        return f"**Nothing is lost by using another's best split**: it is the same one.{gap}"
    return (
        "**No loss is shown by using another's best split**; what is not ruled out is at most "
        f"{loss.high:.1f} points (that of {named(one.source)} in {named(one.target)}).{gap}"
    )


def rates_table(sides: Sequence[Side]) -> str:
    """One row per search: what moving a tenth of the compute brings."""
    rates = [side.surface.rates() for side in sides]
    header = ["points for a tenth of the compute moved"]
    header += [f"{rate.giver} to {rate.taker}" for rate in rates[0]]
    rows = [
        (escape(side.name), *(estimate_text(rate.points) for rate in own))
        for side, own in zip(sides, rates, strict=True)
    ]
    return table(header, rows)


def borrowed_table(pairs: Sequence[Pair]) -> str:
    """One row per direction: what the best split of one search loses in another."""
    header = ["best of", "depth, width, resolution", "alpha, beta, gamma", "used in", "points lost"]
    header += ["95% interval", "a loss is shown"]
    rows = [
        (
            escape(one.source),
            ", ".join(percent(share, 0) for share in one.split),
            ", ".join(f"{value:.3g}" for value in _coefficients(one)),
            escape(one.target),
            "outside" if one.loss is None else f"{one.loss.value:.1f}",
            "" if one.loss is None else f"{max(0.0, one.loss.low):.1f} to {one.loss.high:.1f}",
            "" if one.loss is None else "yes" if one.loss.low > 0 else "no",
        )
        for pair in pairs
        for one in pair.borrowed
    ]
    return table(header, rows, left=4)


def _coefficients(one: Borrowed) -> tuple[float, float, float]:
    depth, width, resolution = one.split
    return 2**depth, math.sqrt(2**width), math.sqrt(2**resolution)
