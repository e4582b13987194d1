"""The page, tables and figures of a transfer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
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
from scalesearch.page.columns import Cell, Column, Columns
from scalesearch.page.html.page import write_pages
from scalesearch.page.markdown import (
    NO_BOUND,
    Markdown,
    bounded,
    code,
    escape,
    one_line,
    p_text,
    percent,
    plain_lines,
    points_text,
)
from scalesearch.page.parts import Made, Steps, of_baseline, said, steps
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
from scalesearch.page.tables import csv_text
from scalesearch.page.templates import page, part
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
from scalesearch.text import quoted, without_options
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SameSplit:
    """Whether searches want the same split.

    Attributes:
        names: of all of them.
        apart: the pairs that differ, with their p values, corrected for all pairs.
        least: the least p value of any pair.
        largest: the largest of those that differ.
        mixed: whether they form no groups of which no two differ and each differs from all others.
        alike: the groups of more than one.
        alone: those that differ from every other.
    """

    names: Sequence[Markdown]
    apart: Sequence[tuple[Markdown, Markdown, float]]
    least: float
    largest: float
    mixed: bool
    alike: Sequence[Sequence[Markdown]]
    alone: Sequence[Markdown]


@dataclass(frozen=True, slots=True, kw_only=True)
class SideText:
    """What a search says of splits.

    Attributes:
        name: what it goes by.
        different: whether any two splits are shown to differ.
        omnibus: the p value of that.
        ranges: of each dimension the best share, and what else may be the best.
        flat_within: how far two splits can be apart, in points; empty where the runs don't bound it.
        shown: the rates that are shown, from the giver to the taker that gains.
        visible: the rate that would have been shown with a probability of 80%, in points.
    """

    name: Markdown
    different: bool
    omnibus: float
    ranges: Sequence[str]
    flat_within: str
    shown: Sequence[str]
    visible: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What using another search's best split costs.

    Attributes:
        judged: whether that is known of any.
        lost: the losses that are shown.
        same: whether the best splits are one and the same.
        most: the largest loss that is not ruled out, in points; empty where the runs don't bound it.
        where: whose split that is, and in which search.
        outside: the splits that nothing was trained around.
    """

    judged: bool
    lost: Sequence[Markdown]
    same: bool
    most: str
    where: Markdown
    outside: Sequence[Markdown]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferText:
    """What searches say of one another's splits: the answer's lines, and the rates of each, a row each."""

    same: SameSplit
    sides: Sequence[SideText]
    borrowed: Losses
    rates: Sequence[Sequence[str]]


def transfer_text(sides: Sequence[Side], pairs: Sequence[Pair]) -> TransferText:
    """The answer's values."""
    return TransferText(
        same=same_split(sides, pairs),
        sides=[_side_text(side) for side in sides],
        borrowed=_losses(pairs),
        rates=[(side.name, *(_estimate(rate.points) for rate in side.surface.rates())) for side in sides],
    )


def answer_lines(transfer: Transfer) -> tuple[str, ...]:
    """The answer in plain lines: whether they want the same split, which, and what borrowing costs."""
    text = transfer_text(transfer.sides, transfer.pairs)
    return plain_lines(part("commands/transfer/answer.md.j2", "answer", text))


def agreement_of(scratch: RunRecord, grown: RunRecord) -> TransferText:
    """Whether two runs of one phi want the same split.

    Args:
        scratch: a run from scratch.
        grown: the one that started from weights.

    Raises:
        ValueError: if their phi differ, or one is too small for a surface.
    """
    sides = (side_of("from scratch", scratch), side_of("grown", grown))
    return transfer_text(sides, pairs_of(sides))


def _name(name: str) -> Markdown:
    """The name of a run inside a sentence."""
    return Markdown(f"*{escape(name)}*")


def _estimate(estimate: Estimate) -> str:
    """``+0.67 (+0.32 to +1.01)``."""
    return points_text(estimate.value, estimate.low, estimate.high, digits=2, sign="+", ends="+")


def same_split(sides: Sequence[Side], pairs: Sequence[Pair]) -> SameSplit:
    """Whether the searches want the same split, and which of them do."""
    apart = [pair for pair in pairs if pair.differ]
    groups = _groups(sides, apart) if apart else []
    named = [[_name(side.name) for side in group] for group in groups or ()]
    return SameSplit(
        names=[_name(side.name) for side in sides],
        apart=[(_name(pair.first.name), _name(pair.second.name), pair.p_holm) for pair in apart],
        least=min(pair.p_holm for pair in pairs),
        largest=max((pair.p_holm for pair in apart), default=1.0),
        mixed=groups is None,
        alike=[group for group in named if len(group) > 1],
        alone=[group[0] for group in named if len(group) == 1],
    )


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


def _side_text(side: Side) -> SideText:
    answer, surface = side.answer, side.surface
    rates = surface.rates()
    return SideText(
        name=_name(side.name),
        different=surface.different,
        omnibus=surface.omnibus,
        ranges=[
            f"{name} {percent(best, 0)} ({percent(low, 0)} to {percent(high, 0)})"
            for name, best, (low, high) in zip(DIMENSIONS, answer.best, answer.ranges, strict=True)
        ],
        flat_within=f"{answer.flat_within:.1f}" if bounded(answer.flat_within) else "",
        shown=[
            f"from {rate.giver} to {rate.taker} {_estimate(rate.points)}"
            if rate.points.value > 0
            else f"from {rate.taker} to {rate.giver} {_estimate(_turned(rate))}"
            for rate in rates
            if rate.points.shown
        ],
        visible=max(rate.visible for rate in rates),
    )


def _turned(rate: Rate) -> Estimate:
    return Estimate(value=-rate.points.value, low=-rate.points.high, high=-rate.points.low)


def _losses(pairs: Sequence[Pair]) -> Losses:
    uses = [(use, use.loss) for pair in pairs for use in pair.borrowed]
    judged = [(use, loss) for use, loss in uses if loss is not None]
    most = max(judged, key=lambda pair: pair[1].high, default=None)
    return Losses(
        judged=bool(judged),
        lost=[
            Markdown(f"that of {_where(use)}, {points_text(loss.value, loss.low, loss.high, unit=' points')}")
            for use, loss in judged
            if loss.low > 0
        ],
        same=most is not None and most[1].high < NOTHING,
        most=f"{most[1].high:.1f}" if most and bounded(most[1].high) else "",
        where=_where(most[0]) if most else Markdown(),
        outside=[_where(use) for use, loss in uses if loss is None],
    )


def _where(use: Borrowed) -> Markdown:
    return Markdown(f"{_name(use.source)} in {_name(use.target)}")


def _loss_row(use: Borrowed) -> tuple[str, ...]:
    """What the best split of one search loses in another."""
    loss = use.loss
    depth, width, resolution = use.split
    coefficients = (2**depth, math.sqrt(2**width), math.sqrt(2**resolution))
    head = (
        use.source,
        ", ".join(percent(share, 0) for share in use.split),
        ", ".join(f"{value:.3g}" for value in coefficients),
        use.target,
    )
    if loss is None:
        return (*head, "outside", "", "")
    interval = f"{max(0.0, loss.low):.1f} to {loss.high:.1f}" if bounded(loss.low, loss.high) else NO_BOUND
    return (*head, f"{loss.value:.1f}", interval, "yes" if loss.low > 0 else "no")


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

AT_COST = ("match", "constraint", "match_by", "budget_tolerance")
"""Settings that say what the networks of a search may cost."""
SETTLED = 0.05
"""Where no more of all splits may be best, more runs are not worth asking for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How one of the searches was made."""

    name: Markdown
    networks: int
    runs: int
    cpu: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPage:
    """What the page shows.

    Attributes:
        name: of the comparison.
        answer: its lines and rates.
        waiting: how many networks of which search are not trained yet.
        differences: the settings that differ, with their values.
        unlike_cost: whether the searches met their budgets in different ways.
        steps: what to do next.
        losses: what borrowed splits lose, a row each.
        surfaces: how sure each search is, a row each.
        misfits: the searches whose surface does not fit.
        pairs: the test of each pair, a row each.
        searches: how each was made.
        made: how the page was made.
        figures: those that were drawn.
    """

    name: str
    answer: TransferText
    waiting: Sequence[Markdown]
    differences: Sequence[Markdown]
    unlike_cost: bool
    steps: Steps
    losses: Sequence[Sequence[str]]
    surfaces: Sequence[Sequence[str]]
    misfits: Sequence[Markdown]
    pairs: Sequence[Sequence[str]]
    searches: Sequence[Search]
    made: Made
    figures: Collection[str]


def transfer_page(transfer: Transfer, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    sides = transfer.sides
    waiting = {side.name: sum(c.status == "waiting" for c in side.run.candidates) for side in sides}
    return page(
        "commands/transfer/page.md.j2",
        TransferPage(
            name=transfer.name,
            answer=transfer_text(sides, transfer.pairs),
            waiting=[Markdown(f"{count} of {_name(name)}") for name, count in waiting.items() if count],
            differences=[
                Markdown(f"{code(d.setting)} ({', '.join(map(escape, d.values))})")
                for d in transfer.differences
            ],
            unlike_cost=bool({d.setting for d in transfer.differences} & set(AT_COST)),
            steps=_steps(sides),
            losses=[_loss_row(use) for pair in transfer.pairs for use in pair.borrowed],
            surfaces=list(map(_surface_row, sides)),
            misfits=[_name(side.name) for side in sides if not side.surface.fits],
            pairs=[
                (f"{pair.first.name} and {pair.second.name}", f"{pair.p:.2g}", f"{pair.p_holm:.2g}")
                for pair in transfer.pairs
            ],
            searches=[
                Search(
                    name=_name(side.name),
                    networks=side.surface.networks,
                    runs=side.surface.runs,
                    cpu=side.run.machine.get("cpu", "an unknown machine"),
                    command=side.run.command,
                )
                for side in sides
            ],
            made=Made(command=transfer.command, machine="", versions="", tables={}, kept=False),
            figures=figures,
        ),
    )


def _surface_row(side: Side) -> tuple[str, ...]:
    s = side.surface
    return (
        side.name,
        str(s.networks),
        str(s.runs),
        "one seed" if s.run_sd is None else f"{s.run_sd:.1f} points",
        p_text(s.omnibus),
        "not known" if s.lack_of_fit is None else p_text(s.lack_of_fit),
        "" if s.left_out_r2 is None else percent(max(0.0, s.left_out_r2), 0),
        percent(side.answer.open_share, 0),
    )


def _steps(sides: Sequence[Side]) -> Steps:
    surest = min(sides, key=lambda side: side.answer.open_share)
    powers = (1, 2, 2)
    alpha, beta, gamma = (2 ** (part / n) for part, n in zip(surest.answer.best, powers, strict=True))
    scale = f"scalesearch scale{of_baseline(surest.run.settings)} --alpha {alpha:.3g} --beta {beta:.3g}"
    return steps(
        (
            f"A family by the best split of {one_line(surest.name)}, the surest of them",
            f"{scale} --gamma {gamma:.3g} --phi 0..7",
        ),
        *(
            (
                f"{number:,} training runs, to halve what may be best in {one_line(side.name)}",
                f"{again} --seeds {seeds} --out {quoted(f'reports/{side.name}-{seeds}-seeds')}",
            )
            for side in sides
            if (number := side.answer.halving) and side.answer.open_share > SETTLED
            if (seeds := -(-number // side.surface.networks))
            if (again := without_options(side.run.command, ("--seeds", "--out")))
        ),
    )


# ----------------------------------------------------------------------------------------------------
# Several searches held against one another, as tables, figures and a page.


@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowedRow:
    """The best split of one search used in another."""

    pair: Pair
    borrowed: Borrowed


def _split_text(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{row[f'{name}_share']:z.0%}" for name in ("depth", "width", "resolution"))


def _loss_text(row: Mapping[str, Any]) -> str | None:
    if row["loss"] is None:
        return None
    return points_text(row["loss"], row["loss_low"], row["loss_high"])


def _same_text(row: Mapping[str, Any]) -> str:
    return f"{row['same_split']} (p = {row['p_holm']:.2g})"


def _part(name: str, place: int, cell: Cell | None = None) -> Column[BorrowedRow]:
    return Column(name=f"{name}_share", value=lambda row: row.borrowed.split[place], terminal=cell)


def _loss(name: str, value: Callable[[Estimate], float], cell: Cell | None = None) -> Column[BorrowedRow]:
    return Column(
        name=name,
        value=lambda row: None if row.borrowed.loss is None else value(row.borrowed.loss),
        terminal=cell,
    )


PAIRS: Columns[BorrowedRow] = Columns(
    columns=(
        Column(name="best_of", value=lambda row: row.borrowed.source, terminal=Cell()),
        Column(name="used_in", value=lambda row: row.borrowed.target, terminal=Cell()),
        _part("depth", 0, Cell(_split_text, head="depth, width, resolution")),
        _part("width", 1),
        _part("resolution", 2),
        _loss("loss", lambda loss: loss.value, Cell(_loss_text, head="points lost")),
        _loss("loss_low", lambda loss: max(0.0, loss.low)),
        _loss("loss_high", lambda loss: loss.high),
        Column(name="p", value=lambda row: row.pair.p),
        Column(name="p_holm", value=lambda row: row.pair.p_holm),
        Column(
            name="same_split",
            value=lambda row: "no" if row.pair.differ else "not shown to differ",
            terminal=Cell(_same_text, head="same split"),
        ),
    ),
    terminal=("best_of", "depth_share", "used_in", "loss", "same_split"),
)
"""Of ``pairs.csv``: a row per pair of searches and direction; a loss, in points, may be missing."""

RATES: Columns[tuple[Side, Rate]] = Columns(
    columns=(
        Column(name="run", value=lambda of: of[0].name),
        Column(name="giver", value=lambda of: of[1].giver),
        Column(name="taker", value=lambda of: of[1].taker),
        Column(name="points", value=lambda of: of[1].points.value),
        Column(name="points_low", value=lambda of: of[1].points.low),
        Column(name="points_high", value=lambda of: of[1].points.high),
        Column(name="visible", value=lambda of: of[1].visible),
    )
)
"""Of ``rates.csv``: a row per search and rate, in points for each tenth of the compute."""


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
        answer=answer_lines(transfer),
    )


def pairs_table(transfer: Transfer) -> pd.DataFrame:
    """One row per pair and direction, by :data:`PAIRS`."""
    return PAIRS.frame(
        BorrowedRow(pair=pair, borrowed=borrowed) for pair in transfer.pairs for borrowed in pair.borrowed
    )


def rates_table(transfer: Transfer) -> pd.DataFrame:
    """One row per search and rate, by :data:`RATES`."""
    return RATES.frame((side, rate) for side in transfer.sides for rate in side.surface.rates())
