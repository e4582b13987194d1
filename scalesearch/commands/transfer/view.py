"""The page, tables and figures of a transfer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalesearch.files import write_text
from scalesearch.networks.baselines import PAPER_COEFFICIENTS
from scalesearch.networks.spec import arch_from_dict
from scalesearch.page.html.page import write_pages
from scalesearch.page.markdown import (
    NO_BOUND,
    bounded,
    bullets,
    code,
    escape,
    fenced,
    listed,
    p_text,
    percent,
    plural,
    points_text,
    table,
)
from scalesearch.page.parts import FigureText, figure_part, said, section, words_and_numbers
from scalesearch.page.shares import share_point, small_triangle
from scalesearch.page.style import (
    COLOURS,
    FAINT,
    GREY,
    house_style,
    legend_below,
    legend_mark,
    new_figure,
    plain,
    write_figures,
)
from scalesearch.page.tables import csv_text, frame
from scalesearch.records import RunRecord
from scalesearch.scaling import shares_of
from scalesearch.statistics.answer import (
    DIMENSIONS,
    Answer,
    DesignError,
    Estimate,
    Rate,
    Split,
    Surface,
    fit,
    read,
    same_slopes,
)
from scalesearch.statistics.runs import trained_runs
from scalesearch.statistics.summaries import SIGNIFICANCE, holm
from scalesearch.training.recipe import recipes_apart

# ----------------------------------------------------------------------------------------------------
# All that several searches say of one another's splits, and in what the searches differ.

_PAPER = shares_of(PAPER_COEFFICIENTS)
PAPER_SPLIT: Split = (_PAPER.depth, _PAPER.width, _PAPER.resolution)
"""How alpha 1.2, beta 1.1 and gamma 1.15 share out the growth before rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One search and what the surface over its runs says; ``name`` is what it goes by."""

    name: str
    run: RunRecord
    answer: Answer

    @property
    def surface(self) -> Surface:
        """Over the splits of its networks."""
        return self.answer.surface


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrowed:
    """The best split of search ``source``, used in search ``target``.

    ``loss`` is how far it is behind the target's own best, in points, with an interval that allows for the
    best being chosen; None where the target trained nothing around that split.
    """

    source: str
    target: str
    split: Split
    loss: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """Two searches: ``p`` is of the F test that moving compute brings both the same.

    ``p_holm`` is corrected for all pairs.
    """

    first: Side
    second: Side
    p: float
    p_holm: float
    borrowed: tuple[Borrowed, Borrowed]

    @property
    def differ(self) -> bool:
        """Whether the two are shown to want different splits."""
        return self.p_holm < SIGNIFICANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A setting that is not the same in all searches, with its value in each."""

    setting: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transfer:
    """Several searches held against one another; ``differences`` are of the settings that matter."""

    name: str
    command: str
    sides: tuple[Side, ...]
    pairs: tuple[Pair, ...]
    differences: tuple[Difference, ...]


def transfer_evidence(
    runs: Sequence[tuple[str, RunRecord]], *, name: str, command: str, ignored: Collection[str] = ()
) -> Transfer:
    """Everything about ``runs``, each with the name it goes by; ``ignored`` settings change no result.

    Raises:
        ValueError: if there are fewer than two, their phi differ, or one is too small for a surface.
    """
    if len(runs) < 2:
        raise ValueError(f"`runs` must hold at least two, got {len(runs)}")
    sides = tuple(side_of(own, run) for own, run in runs)
    return Transfer(
        name=name,
        command=command,
        sides=sides,
        pairs=pairs_of(sides),
        differences=run_differences([run.settings for _, run in runs], ignored),
    )


def side_of(name: str, run: RunRecord) -> Side:
    """What a search says of splits, at the mean cost of its networks.

    Raises:
        DesignError: naming the search, if its networks are too few or too much alike.
    """
    try:
        answer = read(fit(trained_runs(run)), {"the paper's": PAPER_SPLIT})
    except DesignError as error:
        raise DesignError(f"{error} in {name}") from error
    return Side(name=name, run=run, answer=answer)


def pairs_of(sides: Sequence[Side]) -> tuple[Pair, ...]:
    """Every two of the searches.

    Raises:
        ValueError: if their phi differ: a tenth of the growth is not as much compute then.
    """
    if len({side.run.phi for side in sides}) > 1:
        each = ", ".join(f"{side.name} with {side.run.phi:g}" for side in sides)
        raise ValueError(f"`sides` must be of one phi, got {each}")
    couples = list(itertools.combinations(sides, 2))
    p_values = [same_slopes(first.surface, second.surface) for first, second in couples]
    return tuple(
        Pair(
            first=first,
            second=second,
            p=p,
            p_holm=p_holm,
            borrowed=(_borrowed(first, second), _borrowed(second, first)),
        )
        for (first, second), p, p_holm in zip(couples, p_values, holm(p_values), strict=True)
    )


def _borrowed(source: Side, target: Side) -> Borrowed:
    split = source.answer.best
    there = bool(target.surface.inside(split))
    loss = target.answer.ahead(target.answer.best, split) if there else None
    return Borrowed(source=source.name, target=target.name, split=split, loss=loss)


def run_differences(
    settings: Sequence[Mapping[str, Any]], ignored: Collection[str]
) -> tuple[Difference, ...]:
    """The settings that are not the same in all of ``settings``, in the order in which they come up."""
    settings = recipes_apart(settings)
    names = dict.fromkeys(name for one in settings for name in one)
    return tuple(
        Difference(setting=name, values=tuple(_shown(name, one.get(name)) for one in settings))
        for name in names
        if name not in ignored and len({_shown(name, one.get(name)) for one in settings}) > 1
    )


def _shown(name: str, value: object) -> str:
    if value is None or value in ("", [], ()):  # absent, or there and empty: it says nothing
        return "not set"
    # A whole network is too much for a cell: its key tells it from others.
    return f"network {arch_from_dict(value).key}" if isinstance(value, Mapping) else said(name, value)


# ----------------------------------------------------------------------------------------------------
# Whether searches want the same split, in words and tables: for ``transfer`` and runs that start grown.

NOTHING = 0.05
"""Points below which a loss is none in the digits that are shown."""


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
    return "\n\n".join((bullets(items), rates_section(sides)))


def named(side: Side | str) -> str:
    """The name of a run inside a sentence."""
    return f"*{escape(side if isinstance(side, str) else side.name)}*"


def split_text(split: Split) -> str:
    """``depth 10%, width 45%, resolution 45%``."""
    return ", ".join(f"{name} {percent(part, 0)}" for name, part in zip(DIMENSIONS, split, strict=True))


def estimate_text(estimate: Estimate, *, sign: bool = True) -> str:
    """``+0.67 (+0.32 to +1.01)``."""
    plus = "+" if sign else ""
    return points_text(estimate.value, estimate.low, estimate.high, digits=2, sign=plus, ends=plus)


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
        return f"{named(side)}: no difference between splits is shown ({p_text(surface.omnibus)}), and " + (
            f"none can be more than {answer.flat_within:.1f} points"
            if bounded(answer.flat_within)
            else "the runs don't bound how large one could be"
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
            f"that of {named(one.source)} in {named(one.target)}, "
            f"{points_text(loss.value, loss.low, loss.high, unit=' points')}"
            for one, loss in lost
        ]
        return f"**A loss is shown by using another's best split:** {listed(told)}.{gap}"
    one, loss = max(judged, key=lambda pair: pair[1].high)
    if loss.high < NOTHING:
        return f"**Nothing is lost by using another's best split**: it is the same one.{gap}"
    if not bounded(loss.high):
        return f"**No loss is shown by using another's best split**, but the runs don't bound it.{gap}"
    return (
        "**No loss is shown by using another's best split**; what is not ruled out is at most "
        f"{loss.high:.1f} points (that of {named(one.source)} in {named(one.target)}).{gap}"
    )


def rates_section(sides: Sequence[Side]) -> str:
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
            _loss_interval(one.loss),
            "" if one.loss is None else "yes" if one.loss.low > 0 else "no",
        )
        for pair in pairs
        for one in pair.borrowed
    ]
    return table(header, rows, left=4)


def _loss_interval(loss: Estimate | None) -> str:
    if loss is None:
        return ""
    return f"{max(0.0, loss.low):.1f} to {loss.high:.1f}" if bounded(loss.low, loss.high) else NO_BOUND


def _coefficients(one: Borrowed) -> tuple[float, float, float]:
    depth, width, resolution = one.split
    return 2**depth, math.sqrt(2**width), math.sqrt(2**resolution)


# ----------------------------------------------------------------------------------------------------
# The figures of several searches: exchange rates side by side, and the splits that may be best.

HUES = ("highest", "paper", "depth", "width", "resolution")
SHAPES = ("o", "s", "^", "D", "v")
ROOM = 0.7
"""Of the height between two rates, what the marks of the searches take up."""
COLUMNS = 3
MOST = 12
"""Searches that a figure draws."""
REGION = "#c9dff0"


def rates_figure(transfer: Transfer) -> Figure:
    """What moving a tenth of the compute brings in each search, side by side, with 95% intervals."""
    sides = transfer.sides[:MOST]
    rates = [side.surface.rates() for side in sides]
    with house_style():
        figure = new_figure("What moving a tenth of the compute brings", 2.3 + 0.28 * 3 * max(2, len(sides)))
        axes = figure.subplots()
        axes.set_title(
            "points of held-out top-1; bars: 95% intervals, for the three of a search at once", pad=8
        )
        axes.axvline(0, color=GREY, linewidth=1)
        handles = []
        for place, side in enumerate(sides):
            colour = COLOURS[HUES[place % len(HUES)]]  # type: ignore[index]
            marker = SHAPES[(place + place // len(HUES)) % len(SHAPES)]
            aside = ROOM * ((place + 0.5) / len(sides) - 0.5)
            for row, rate in enumerate(rates[place]):
                y, points = row + aside, rate.points
                axes.plot([points.low, points.high], [y, y], color=colour, linewidth=1.8, zorder=3)
                axes.plot(
                    *([points.value], [y], marker),
                    color=colour,
                    markersize=8,
                    markeredgecolor="white",
                    zorder=4,
                )
            handles.append(Line2D([], [], color=colour, marker=marker, markersize=7, label=plain(side.name)))
        axes.set_yticks(range(len(rates[0])), [f"{rate.giver}\nto {rate.taker}" for rate in rates[0]])
        axes.set_ylim(len(rates[0]) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("points of top-1 for each tenth of the compute")
        legend_below(figure, handles, COLUMNS)
    return figure


def splits_figure(transfer: Transfer) -> Figure:
    """The splits that may be the best in each search, and what was trained, a triangle for each."""
    sides = transfer.sides[:MOST]
    columns = min(COLUMNS, len(sides))
    rows = -(-len(sides) // columns)
    with house_style():
        figure = new_figure("Which splits of the compute may be the best", 1.3 + (5.6 / columns) * rows)
        grid = np.atleast_1d(figure.subplots(rows, columns)).ravel()
        for axes in grid[len(sides) :]:
            axes.remove()
        for axes, side in zip(grid, sides, strict=False):
            _panel(axes, side, 150 / columns)
        handles = [
            legend_mark("h", "may be the best", REGION, fill=REGION),
            legend_mark("o", "trained, as built", FAINT, fill="white"),
            legend_mark("*", "highest fitted", COLOURS["highest"], fill=COLOURS["highest"]),
            legend_mark("D", "the paper's rule", COLOURS["paper"], width=1.8),
        ]
        legend_below(figure, handles, 4)
    return figure


def _panel(axes: Axes, side: Side, room: float) -> None:
    """A search's triangle; ``room`` says how large marks may be, about a third of its side in points."""
    answer = side.answer
    small_triangle(axes)
    if side.surface.different:
        region = answer.splits[answer.region]
        x, y = share_point(region[:, 0], region[:, 1])  # type: ignore[arg-type]
        axes.plot(x, y, "h", color=REGION, markersize=room / 6, markeredgewidth=0, zorder=1.5)
    trained = np.unique(np.asarray(side.surface.trained.splits, float), axis=0)
    within = trained[(trained >= -0.02).all(axis=1)]
    dots: dict[str, Any] = {"color": "white", "markeredgecolor": GREY, "markeredgewidth": 0.9}
    x, y = share_point(within[:, 0], within[:, 1])  # type: ignore[arg-type]
    axes.plot(x, y, "o", markersize=4.5, zorder=4, **dots)
    paper, best = share_point(*PAPER_SPLIT[:2]), share_point(*answer.best[:2])
    ring: dict[str, Any] = {"color": "none", "markeredgecolor": COLOURS["paper"], "markeredgewidth": 1.8}
    axes.plot(*(*paper, "D"), markersize=9, zorder=5, **ring)
    if side.surface.different:
        axes.plot(*(*best, "*"), color=COLOURS["highest"], markeredgecolor="white", markersize=16, zorder=6)
    # A surface that shows chance alone has no best split to draw.
    may_be = f"{percent(answer.open_share, 0)} of splits may be best"
    notes = [plain(side.name), may_be if side.surface.different else "no split stands out"]
    if outside := len(trained) - len(within):
        notes.append(f"{outside} networks lie outside")
    axes.set_title("\n".join(notes), pad=8, fontsize=9.5)


# ----------------------------------------------------------------------------------------------------
# The page of several searches: do they want the same split, and would one's serve another?

FIGURES: dict[str, FigureText] = {
    "rates": (
        "What moving a tenth of the compute from one dimension to another brings in each search",
        "How to read it: right of 0 it pays to move compute that way. A bar that crosses 0 leaves open "
        "whether it does.",
    ),
    "splits": (
        "The splits between depth, width and resolution that may be the best in each search",
        "How to read it: each corner spends all of the growth on one dimension. No split is shown to be "
        "better than a shaded one.",
    ),
}
AT_COST = ("match", "constraint", "match_by", "budget_tolerance")
"""Settings that say what the networks of a search may cost."""
SETTLED = 0.05
"""Where no more of all splits may be best, more runs are not worth asking for."""


def transfer_page(transfer: Transfer, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    parts = [
        f"# {escape(transfer.name)}: do the coefficients transfer?",
        bullets(answer_lines(transfer)),
        _unfinished(transfer.sides),
        _unlike(transfer),
        section("What to do next", _next(transfer)),
        section("What moving compute brings", rates_section(transfer.sides)),
        figure_part("rates", FIGURES, figures),
        section("Would the best of one search have served another?", borrowed_table(transfer.pairs)),
        figure_part("splits", FIGURES, figures),
        section("How sure this is", _sure(transfer)),
        section("How this was made", _made(transfer)),
        words_and_numbers("rates.csv", "pairs.csv"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def answer_lines(transfer: Transfer) -> tuple[str, str, str]:
    """The answer: whether the searches want the same split, which, and what borrowing costs."""
    return (
        same_split_sentence(transfer.sides, transfer.pairs),
        f"Best splits, with all that may be: {'; '.join(map(wanted_sentence, transfer.sides))}.",
        borrowed_sentence(transfer.pairs),
    )


def _unlike(transfer: Transfer) -> str:
    """What the searches differ in, in one sentence, with a warning where they did not spend alike."""
    names = [one.setting for one in transfer.differences]
    if not names:
        return "The searches have the same settings."
    said = [f"{code(one.setting)} ({', '.join(map(escape, one.values))})" for one in transfer.differences]
    more = "" if len(names) == 1 else " Whatever the results differ in may come from any of these."
    text = f"The searches differ in {listed(said)}.{more}"
    if set(names) & set(AT_COST):
        return f"> **Not at like cost:** these searches met their budgets in different ways.\n\n{text}"
    return text


def _unfinished(sides: Collection[Side]) -> str:
    waiting = {s.name: sum(c.status == "waiting" for c in s.run.candidates) for s in sides}
    said = [f"{count} of {named(name)}" for name, count in waiting.items() if count]
    if not said:
        return ""
    return f"> **Not finished:** networks still wait for training, {listed(said)}; all below is without them."


def _sure(transfer: Transfer) -> str:
    header = ["search", "networks", "runs", "a run's sd", "splits differ", "surface fits", "predicted"]
    header += ["may be best"]
    rows = []
    for side in transfer.sides:
        s = side.surface
        rows.append(
            (
                escape(side.name),
                str(s.networks),
                str(s.runs),
                "one seed" if s.run_sd is None else f"{s.run_sd:.1f} points",
                p_text(s.omnibus),
                "not known" if s.lack_of_fit is None else p_text(s.lack_of_fit),
                "" if s.left_out_r2 is None else percent(max(0.0, s.left_out_r2), 0),
                percent(side.answer.open_share, 0),
            )
        )
    pairs = [
        (f"{escape(p.first.name)} and {escape(p.second.name)}", f"{p.p:.2g}", f"{p.p_holm:.2g}")
        for p in transfer.pairs
    ]
    same = table(("the same split?", "p", "p, corrected"), pairs)
    bad = [named(side) for side in transfer.sides if not side.surface.fits]
    warning = (
        f"**The surface does not fit {listed(bad)}:** networks stray from it by more than the noise of runs. "
        "Intervals allow for that; the shape of the surface may not be right."
        if bad
        else ""
    )
    return "\n\n".join(part for part in (table(header, rows), warning, same) if part)


def _next(transfer: Transfer) -> str:
    items = []
    open_ = [(s, n) for s in transfer.sides if (n := s.answer.halving) and s.answer.open_share > SETTLED]
    if open_:
        seeds = [str(-(-number // side.surface.networks)) for side, number in open_]
        items.append(
            f"About {listed([f'{number:,}' for _, number in open_])} training runs in all would halve what "
            f"may be best in {listed([named(side) for side, _ in open_])}: their commands with "
            f"{code('--seeds')} {listed(seeds)} and another {code('--out')}."
        )
    surest = min(transfer.sides, key=lambda side: side.answer.open_share)
    powers = (1, 2, 2)
    alpha, beta, gamma = (2 ** (part / n) for part, n in zip(surest.answer.best, powers, strict=True))
    command = f"scalesearch scale --alpha {alpha:.3g} --beta {beta:.3g} --gamma {gamma:.3g}"
    items.append(f"A family by the best split of {named(surest)}, the surest of them: {code(command)}.")
    return bullets(items)


def _made(transfer: Transfer) -> str:
    facts = [
        f"{named(side)}: {plural(side.surface.networks, 'network')}, "
        f"{plural(side.surface.runs, 'training run')}, on "
        f"{escape(side.run.machine.get('cpu', 'an unknown machine'))}, made by {code(side.run.command)}."
        for side in transfer.sides
    ]
    return "\n\n".join((fenced(transfer.command, "console"), bullets(facts)))


# ----------------------------------------------------------------------------------------------------
# Several searches held against one another, as tables, figures and a page.

PAIR_COLUMNS = (
    *("best_of", "used_in", "depth_share", "width_share", "resolution_share", "loss", "loss_low"),
    *("loss_high", "p", "p_holm", "same_split"),
)
RATE_COLUMNS = ("run", "giver", "taker", "points", "points_low", "points_high", "visible")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransferReport:
    """What was written, and what a caller prints.

    Attributes:
        page: ``transfer.md``.
        pairs_csv: ``pairs.csv``, one row per pair of searches and direction.
        rates_csv: ``rates.csv``, one row per search and rate.
        figures: SVG and PNG.
        table: the table of ``pairs_csv``.
        answer: the page's first lines.
    """

    page: Path
    pairs_csv: Path
    rates_csv: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame
    answer: tuple[str, ...]


def write_transfer_report(
    runs: Sequence[tuple[str, RunRecord]],
    out: Path,
    *,
    name: str,
    command: str,
    ignored: Collection[str] = (),
) -> TransferReport:
    """Write ``transfer.md``, ``pairs.csv``, ``rates.csv`` and ``figures/`` of ``runs`` into ``out``.

    The same records give the same bytes.

    Args:
        runs: each with the name it goes by.
        out: the folder.
        name: of the comparison.
        command: the command line.
        ignored: settings that change no result, so that a difference in them says nothing.

    Raises:
        OSError: if ``out`` cannot be made or written.
        ValueError: as ``transfer_evidence``.
    """
    transfer = transfer_evidence(runs, name=name, command=command, ignored=ignored)
    figures = write_figures(
        {"rates": rates_figure(transfer), "splits": splits_figure(transfer)}, out / "figures"
    )
    pairs = pairs_table(transfer)
    return TransferReport(
        pairs_csv=write_text(out / "pairs.csv", csv_text(pairs)),
        rates_csv=write_text(out / "rates.csv", csv_text(rates_table(transfer))),
        page=write_pages(out / "transfer.md", transfer_page(transfer, {path.stem for path in figures})),
        figures=figures,
        table=pairs,
        answer=tuple(line.replace("*", "") for line in answer_lines(transfer)),
    )


def pairs_table(transfer: Transfer) -> pd.DataFrame:
    """One row per pair and direction, columns :data:`PAIR_COLUMNS`; a loss, in points, may be missing."""
    return frame([_pair_row(pair, one) for pair in transfer.pairs for one in pair.borrowed], PAIR_COLUMNS)


def _pair_row(pair: Pair, one: Borrowed) -> dict[str, object]:
    depth, width, resolution = one.split
    row: dict[str, object] = {
        "best_of": one.source,
        "used_in": one.target,
        "depth_share": depth,
        "width_share": width,
        "resolution_share": resolution,
        "p": pair.p,
        "p_holm": pair.p_holm,
        "same_split": "no" if pair.differ else "not shown to differ",
    }
    if one.loss is not None:
        row |= {"loss": one.loss.value, "loss_low": max(0.0, one.loss.low), "loss_high": one.loss.high}
    return row


def rates_table(transfer: Transfer) -> pd.DataFrame:
    """One row per search and rate, columns :data:`RATE_COLUMNS`, in points for each tenth of the compute."""
    return frame(
        [
            {
                "run": side.name,
                "giver": rate.giver,
                "taker": rate.taker,
                "points": rate.points.value,
                "points_low": rate.points.low,
                "points_high": rate.points.high,
                "visible": rate.visible,
            }
            for side in transfer.sides
            for rate in side.surface.rates()
        ],
        RATE_COLUMNS,
    )
