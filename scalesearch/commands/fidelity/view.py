"""The page, table and figure of short against long training."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata

from scalesearch.files import write_text
from scalesearch.page.answer import coefficients_of
from scalesearch.page.columns import Cell, Column, Columns, pick
from scalesearch.page.html.page import write_pages
from scalesearch.page.markdown import (
    Markdown,
    bounded,
    code,
    p_text,
    percent,
    plain_lines,
    plural,
    points_text,
)
from scalesearch.page.parts import (
    FOLDER,
    Made,
    Steps,
    made_of,
    of_baseline,
    steps,
    top1_seeds,
    training,
)
from scalesearch.page.shares import shade_scale
from scalesearch.page.style import COLOURS, GREY, INK, house_style, new_figure, write_figures
from scalesearch.page.tables import NETWORK, NetworkRow, csv_text
from scalesearch.page.templates import page, part
from scalesearch.records import CandidateRecord, FidelityRecord, ReliabilityRecord, RunRecord
from scalesearch.statistics.answer import (
    DIMENSIONS,
    Answer,
    DesignError,
    Estimate,
    Growth,
    Trained,
    fit,
    growth,
    read,
    same_slopes,
)
from scalesearch.statistics.summaries import SIGNIFICANCE
from scalesearch.text import quoted, without_options

# ----------------------------------------------------------------------------------------------------
# How far short training runs can be trusted to rank networks as longer ones would.

FEWEST_NETWORKS = 3
"""Two networks can only agree or disagree: no interval says anything about that."""
RESAMPLES = 4000
SEED = 1905
LOW, HIGH = 2.5, 97.5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankAgreement:
    """How one list of accuracies ranks networks against another; see :func:`rank_agreement`."""

    tau: float
    tau_low: float
    tau_high: float
    regret: float
    networks: int


def rank_agreement(short: Sequence[float], long: Sequence[float]) -> RankAgreement:
    """Kendall's tau-b of two lists of accuracies, and what choosing by the first one costs in the second.

    The 95% interval is the percentile bootstrap over networks, with a fixed seed. It is too narrow for few
    networks, and for a tau of 1 it has no width at all. Where one list is constant it ranks nothing and tau
    is undefined: 0, anywhere from -1 to 1, stands in its place.

    The regret is ``max(long)`` less what ``long`` gives to the network that is best in ``short``; where
    several are best there, the mean over them, which is what choosing one of them blindly costs.

    Args:
        short: accuracy of each network by the run to be judged, as fractions.
        long: accuracy of the same networks, in the same order, by the reference.

    Raises:
        ValueError: if the two differ in length, hold fewer than three networks or a value not finite.
    """
    x, y = _checked(short, long)
    chosen = y[x == x.max()]
    regret = float((y.max() - chosen).mean())
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return RankAgreement(tau=0.0, tau_low=-1.0, tau_high=1.0, regret=regret, networks=len(x))
    low, high = np.percentile(_resampled_tau(x, y), (LOW, HIGH))
    return RankAgreement(
        tau=float(kendalltau(x, y).statistic),
        tau_low=float(low),
        tau_high=float(high),
        regret=regret,
        networks=len(x),
    )


def reliability(record: FidelityRecord, source: str) -> tuple[ReliabilityRecord, ...]:
    """One record per length shorter than the reference, shortest first; ``source`` says where from.

    A network's accuracy is its mean over seeds. Only networks that completed all lengths count. ``seeds`` is
    the fewest that any of them had at the length or at the reference.

    Raises:
        ValueError: if fewer than three networks completed all lengths, or there is no shorter length.
    """
    if len(record.lengths) < 2:
        raise ValueError(f"`lengths` must hold a length and its reference, got {len(record.lengths)}")
    keys = common_keys(record.lengths)
    tables = [_by_key(run, keys) for run in record.lengths]
    reference = tables[-1]
    long = [c.top1 or 0.0 for c in reference]
    results = []
    for networks in tables[:-1]:
        agreement = rank_agreement([c.top1 or 0.0 for c in networks], long)
        results.append(
            ReliabilityRecord(
                images=_images(networks),
                reference_images=_images(reference),
                tau=agreement.tau,
                tau_low=agreement.tau_low,
                tau_high=agreement.tau_high,
                regret=agreement.regret,
                networks=agreement.networks,
                seeds=min(len(c.runs) for c in (*networks, *reference)),
                source=source,
            )
        )
    return tuple(results)


def common_keys(runs: Sequence[RunRecord]) -> tuple[str, ...]:
    """The networks that completed their training in all of ``runs``, in the order of the first."""
    done = [{c.key for c in run.candidates if c.status == "completed" and c.runs} for run in runs]
    return tuple(c.key for c in runs[0].candidates if all(c.key in keys for keys in done)) if runs else ()


def _checked(short: Sequence[float], long: Sequence[float]) -> tuple[Floats, Floats]:
    x, y = np.asarray(short, dtype=np.float64), np.asarray(long, dtype=np.float64)
    if len(x) != len(y):
        raise ValueError(f"`short` and `long` must be of one length, got {len(x)} and {len(y)}")
    if len(x) < FEWEST_NETWORKS:
        raise ValueError(f"at least {FEWEST_NETWORKS} networks must be ranked, got {len(x)}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("`short` and `long` must be finite numbers; leave out networks without an accuracy")
    return x, y


def _resampled_tau(x: Floats, y: Floats) -> Floats:
    """tau-b of bootstrap samples of the networks; samples of one single network or value are left out.

    A sample is how often each network was drawn. tau-b is a ratio of sums over pairs of signs, so samples
    only weight the pairs: all of them are two products of matrices.
    """
    n = len(x)
    drawn = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float64)
    signs_x, signs_y = np.sign(x[:, None] - x), np.sign(y[:, None] - y)

    def total(pairs: Floats) -> Floats:
        return np.asarray(((drawn @ pairs) * drawn).sum(axis=1))

    untied = total(signs_x**2) * total(signs_y**2)
    kept = untied > 0
    return total(signs_x * signs_y)[kept] / np.sqrt(untied[kept])


def _by_key(run: RunRecord, keys: Sequence[str]) -> list[CandidateRecord]:
    by_key = {c.key: c for c in run.candidates}
    return [by_key[key] for key in keys]


def _images(candidates: Sequence[CandidateRecord]) -> int:
    return max((c.images_seen or 0 for c in candidates), default=0)


# ----------------------------------------------------------------------------------------------------
# What a fidelity study says of each length of run, worked out once for its tables, figures and page.


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthEvidence:
    """One length of run, over the networks that completed all lengths.

    Attributes:
        multiple: of the search's own length.
        images: training images of a run.
        seeds: the fewest of any network.
        networks: as they were trained for this length.
        ranks: the networks' places by mean top-1; 1 is best, ties share the mean place.
        agreement: with the ranking of the longest runs; None for these.
        ranked: whether networks differ at all at this length and at the longest: else tau is undefined.
        compute_share: training compute of one run of each network over that of the longest runs.
        answer: what the surface over this length's runs says; None where they are too few for one.
        moves: what becomes of the rates from here to the longest runs; None for these, and without surfaces.
        same: the probability that surfaces here and at the longest length would differ so if they were equal.
        loss: how far the best split of these runs is behind the best of the longest ones, in points.
    """

    multiple: float
    images: int
    seeds: int
    networks: tuple[CandidateRecord, ...]
    ranks: tuple[float, ...]
    agreement: ReliabilityRecord | None
    ranked: bool
    compute_share: float
    answer: Answer | None
    moves: Growth | None
    same: float | None
    loss: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityEvidence:
    """All lengths, shortest first, over the networks that completed them all.

    ``left_out`` counts those that completed the run itself or a length, but not all. ``missing`` says why
    there are no surfaces; empty where there are.
    """

    lengths: tuple[LengthEvidence, ...]
    left_out: int
    missing: str

    @property
    def reference(self) -> LengthEvidence:
        """The longest length."""
        return self.lengths[-1]

    @property
    def judged(self) -> LengthEvidence | None:
        """The length that is judged: the search's own, else the shortest; None without a longer one."""
        shorter = self.lengths[:-1]
        return next((length for length in shorter if length.multiple == 1), next(iter(shorter), None))


def fidelity_evidence(record: FidelityRecord) -> FidelityEvidence:
    """Agreement, surfaces and compute of every length of ``record``.

    With fewer than three networks at all lengths, or a single length, agreements stay unknown; with fewer
    than a surface takes, so do rates.
    """
    keys = common_keys(record.lengths)
    begun = {
        c.key for run in (record.run, *record.lengths) for c in run.candidates if c.status == "completed"
    }
    enough = len(keys) >= FEWEST_NETWORKS and len(record.lengths) > 1
    agreements = reliability(record, record.run.name) if enough else ()
    tables = []
    for run in record.lengths:
        by_key = {c.key: c for c in run.candidates}
        tables.append(tuple(by_key[key] for key in keys))
    answers, missing = _answers(tables)
    results = []
    for index, (multiple, networks) in enumerate(zip(record.multiples, tables, strict=True)):
        last = index == len(tables) - 1
        short, long = (answers[index], answers[-1]) if answers else (None, None)
        compared = None if last or short is None or long is None else (short, long)
        results.append(
            LengthEvidence(
                multiple=multiple,
                images=_images(networks),
                seeds=min((len(c.runs) for c in networks), default=0),
                networks=networks,
                ranks=tuple(float(r) for r in rankdata([-(c.top1 or 0.0) for c in networks]))
                if networks
                else (),
                agreement=agreements[index] if index < len(agreements) else None,
                ranked=_ranks(networks) and _ranks(tables[-1]),
                compute_share=_compute(networks) / _compute(tables[-1]) if networks else 0.0,
                answer=short,
                moves=_moves(networks, tables[-1]) if compared else None,
                same=same_slopes(compared[0].surface, compared[1].surface) if compared else None,
                loss=compared[1].ahead(compared[1].best, compared[0].best) if compared else None,
            )
        )
    return FidelityEvidence(lengths=tuple(results), left_out=len(begun) - len(keys), missing=missing)


def _answers(tables: Sequence[Sequence[CandidateRecord]]) -> tuple[list[Answer], str]:
    """What the surface of each length says of the splits, or why there is none."""
    try:
        return [read(fit(_trained(table))) for table in tables], ""
    except DesignError as error:
        return [], str(error).replace("`runs` must be of", "a surface takes").replace("`", "")


def _trained(table: Sequence[CandidateRecord], seeds: Sequence[frozenset[int]] | None = None) -> Trained:
    """The runs of a length; of each network those of ``seeds`` alone, where given, in their order."""
    rows = [
        (c, split, 100 * run.top1)
        for index, c in enumerate(table)
        if (split := c.split) is not None
        for run in sorted(c.runs, key=lambda run: run.seed)
        if seeds is None or run.seed in seeds[index]
    ]
    return Trained(
        splits=tuple(split for _, split, _ in rows),
        doublings=tuple(math.log2(c.macs_ratio) for c, *_ in rows),
        networks=tuple(c.key for c, *_ in rows),
        top1=tuple(top1 for *_, top1 in rows),
    )


def _moves(short: Sequence[CandidateRecord], long: Sequence[CandidateRecord]) -> Growth | None:
    """The change of rates, run by run of one network and seed; None where the lengths are not apart."""
    seeds = [
        frozenset(run.seed for run in one.runs) & frozenset(run.seed for run in other.runs)
        for one, other in zip(short, long, strict=True)
    ]
    try:
        return growth({_images(short): _trained(short, seeds), _images(long): _trained(long, seeds)})
    except DesignError:
        return None


def _compute(networks: Sequence[CandidateRecord]) -> float:
    return float(sum(c.macs * fmean(run.images_seen for run in c.runs) for c in networks))


def _ranks(networks: Sequence[CandidateRecord]) -> bool:
    return len({c.top1 for c in networks}) > 1


# ----------------------------------------------------------------------------------------------------
# The page of a fidelity study: does the answer of short runs hold in longer ones?

FEW = 10
"""Below this many networks a bootstrap interval is markedly too narrow."""
NO_LOSS = 0.05
"""Points below which a loss is none in the digits that are shown."""
ENOUGH_FOR_A_SURFACE = 12
"""Networks that a search trains by itself, which are enough for a surface with something to spare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderText:
    """Whether the order of networks holds in the longest runs.

    Attributes:
        networks: that are ordered.
        equal_in: the runs in which all are equal; empty where they differ.
        verdict: in a few words.
        tau: Kendall's.
        low: the lower end of its 95% interval.
        high: the upper one.
        regret: what choosing the best of the short runs costs in the long ones, in points.
        compute: of a short run over that of a long one.
    """

    networks: int
    equal_in: str
    verdict: str
    tau: float
    low: float
    high: float
    regret: float
    compute: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityText:
    """What the answer's lines say.

    Attributes:
        networks: that completed all lengths.
        lengths: how many.
        short: the length that is judged, in images; empty without an answer.
        long: the longest one.
        missing: why there are no surfaces; empty where there are.
        unmeasured: whether the lengths are too near one another for rates to be seen to move.
        same: the p value that surfaces at both lengths are the same.
        differ: whether they are shown to differ.
        moving: the rates that are shown to move, each with how far.
        settled: whether none can move far.
        widest: how far one could move at most, in points; empty where the runs don't bound it.
        split: the best of the short runs; empty where it is not known.
        same_split: whether it is the best of the long runs.
        loss: how far it is behind that, in points.
        loss_shown: whether a loss is shown.
        order: of the networks; None without an answer.
    """

    networks: int
    lengths: int
    short: str = ""
    long: str = ""
    missing: str = ""
    unmeasured: bool = False
    same: float = 1.0
    differ: bool = False
    moving: Sequence[str] = ()
    settled: bool = False
    widest: str = ""
    split: Sequence[str] = ()
    same_split: bool = False
    loss: str = ""
    loss_shown: bool = False
    order: OrderText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityPage:
    """What the page shows.

    Attributes:
        name: of the search that is judged.
        command: that made it.
        answer: its lines.
        left_out: networks that lack a length.
        steps: what to do next.
        rates: by length, a row each; empty without surfaces.
        lengths: a row each.
        heads: what the columns of these are called.
        bootstrapped: whether a tau has an interval.
        few: whether that is too narrow.
        compared: networks.
        undefined: whether a tau is.
        header: of the networks' table.
        networks: a row each.
        trained: the training in it.
        made: how it was made.
        figures: those that were drawn.
    """

    name: str
    command: str
    answer: FidelityText
    left_out: int
    steps: Steps
    rates: Sequence[Sequence[str]]
    lengths: Sequence[Sequence[str]]
    heads: Sequence[str]
    bootstrapped: bool
    few: bool
    compared: int
    undefined: bool
    header: Sequence[str]
    networks: Sequence[Sequence[str]]
    trained: str
    made: Made
    figures: Collection[str]


def fidelity_page(record: FidelityRecord, evidence: FidelityEvidence, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    last = record.lengths[-1] if record.lengths else record.run
    lengths = evidence.lengths
    compared = len(evidence.reference.networks) if lengths else 0
    table = LENGTHS.table([LengthRow(length=length, reference=evidence.reference) for length in lengths])
    return page(
        "commands/fidelity/page.md.j2",
        FidelityPage(
            name=record.run.name,
            command=record.run.command,
            answer=fidelity_text(evidence),
            left_out=evidence.left_out,
            steps=_steps(record, evidence),
            rates=_rates(evidence),
            lengths=table.rows,
            heads=table.header,
            bootstrapped=any(length.agreement and length.ranked for length in lengths),
            few=compared < FEW,
            compared=compared,
            undefined=any(length.agreement and not length.ranked for length in lengths),
            header=[
                *("network", "depth, width, resolution"),
                *(f"{length.images:,} images (place)" for length in lengths),
            ],
            networks=_networks(evidence),
            trained=training(c for length in lengths for c in length.networks),
            made=made_of(
                command=last.command,
                settings=last.settings,
                machine=last.machine,
                versions=last.versions,
            ),
            figures=figures,
        ),
    )


def answer_lines(evidence: FidelityEvidence) -> tuple[str, ...]:
    """The answer in plain lines: whether rates move, what the short runs' best loses, whether order holds."""
    return plain_lines(part("commands/fidelity/answer.md.j2", "answer", fidelity_text(evidence)))


def fidelity_text(evidence: FidelityEvidence) -> FidelityText:
    """The answer's values."""
    short, lengths = evidence.judged, evidence.lengths
    done = len(lengths[-1].networks) if lengths else 0
    if short is None or short.agreement is None:
        return FidelityText(networks=done, lengths=len(lengths))
    values: dict[str, Any] = {"missing": evidence.missing} if short.answer is None else _movement(short)
    if short.answer is not None and short.loss is not None and evidence.reference.answer is not None:
        loss = short.loss
        values |= {
            "split": [
                f"{name} {percent(x, 0)}" for name, x in zip(DIMENSIONS, short.answer.best, strict=True)
            ],
            "same_split": loss.value < NO_LOSS and loss.high < NO_LOSS,
            "loss": points_text(loss.value, max(0.0, loss.low), loss.high, unit=" points"),
            "loss_shown": loss.low > 0,
        }
    return FidelityText(
        networks=done,
        lengths=len(lengths),
        short=f"{short.images:,} images ({'as searched' if short.multiple == 1 else 'the shortest'})",
        long=f"{evidence.reference.images:,}",
        order=_order(short, short.agreement, evidence.reference),
        **values,
    )


def _movement(short: LengthEvidence) -> dict[str, Any]:
    """What becomes of the rates from a length to the longest one."""
    same = 1.0 if short.same is None else short.same
    values: dict[str, Any] = {"same": same, "differ": same < SIGNIFICANCE}
    if short.moves is None:
        return values | {"unmeasured": True}
    widest = max(max(abs(rate.points.low), abs(rate.points.high)) for rate in short.moves.moves)
    shown = [rate for rate in short.moves.moves if rate.points.shown] if short.moves.moving else []
    return values | {
        "moving": [f"{rate.giver} to {rate.taker} by {_estimate(rate.points)}" for rate in shown],
        "settled": short.moves.settled,
        "widest": f"{widest:.2f}" if bounded(widest) else "",
    }


def _order(short: LengthEvidence, agreement: ReliabilityRecord, reference: LengthEvidence) -> OrderText:
    equal_in = "" if short.ranked else "longer" if len(set(reference.ranks)) == 1 else "shorter"
    if agreement.tau_low <= 0 <= agreement.tau_high:
        verdict = "is not shown to hold"
    else:
        verdict = "holds" if agreement.tau > 0 else "tends to reverse"
    return OrderText(
        networks=agreement.networks,
        equal_in=equal_in,
        verdict=verdict,
        tau=agreement.tau,
        low=agreement.tau_low,
        high=agreement.tau_high,
        regret=100 * agreement.regret,
        compute=short.compute_share,
    )


def _estimate(points: Estimate) -> str:
    return points_text(points.value, points.low, points.high, digits=2, sign="+", ends="+")


def _rates(evidence: FidelityEvidence) -> list[tuple[str, ...]]:
    known = [(length, length.answer) for length in evidence.lengths if length.answer is not None]
    rows = [
        (
            f"{length.images:,}",
            *(_estimate(rate.points) for rate in answer.rates),
            "" if length.same is None else p_text(length.same),
        )
        for length, answer in known
    ]
    rows += [
        (f"each doubling from {length.images:,}", *(_estimate(r.points) for r in length.moves.moves), "")
        for length, _ in known
        if length.moves is not None
    ]
    return rows


def _networks(evidence: FidelityEvidence) -> list[tuple[str, ...]]:
    """Every network at every length, best in the longest runs first."""
    if not evidence.lengths or not evidence.reference.networks:
        return []
    order = sorted(range(len(evidence.reference.networks)), key=lambda i: evidence.reference.ranks[i])
    rows = []
    for index in order:
        network = evidence.reference.networks[index]
        split = network.split
        rows.append(
            (
                code(network.key),
                ", ".join(percent(x, 0) for x in split) if split else "",
                *(
                    Markdown(f"{top1_seeds(length.networks[index])} ({length.ranks[index]:g})")
                    for length in evidence.lengths
                ),
            )
        )
    return rows


def _steps(record: FidelityRecord, evidence: FidelityEvidence) -> Steps:
    """A longer search, a family by the answer that holds, or more runs where nothing is shown."""
    run, short = record.run, evidence.judged
    search = without_options(run.command, ("--seeds", "--out"))
    if short is not None and short.answer is not None and short.moves is not None:
        if short.moves.moving:
            images = evidence.reference.images
            longer = without_options(search, ("--images", "--epochs"))
            name = quoted(f"reports/{run.name}-{images}-images")
            return steps(
                (
                    "The search again, its runs as long as the longest here",
                    f"{longer} --images {images} --out {name}",
                )
            )
        if short.moves.settled:
            alpha, beta, gamma = coefficients_of(short.answer.best)
            family = f"scalesearch scale{of_baseline(run.settings)} --alpha {alpha:g} --beta {beta:g}"
            return steps(("A family by the answer, which holds", f"{family} --gamma {gamma:g} --phi 0..7"))
    trained = [c for c in run.candidates if c.status == "completed"]
    seeds = max((len(c.runs) for c in trained), default=1)
    used = evidence.reference if evidence.lengths else None
    if used is not None and (
        used.seeds < seeds or len(used.networks) < min(len(trained), ENOUGH_FOR_A_SURFACE)
    ):
        again = without_options(record.lengths[-1].command, ("--networks", "--seeds"))
        networks = min(len(trained), ENOUGH_FOR_A_SURFACE)
        return steps(
            (
                "More of the search's networks and seeds",
                f"mv {FOLDER} {FOLDER}-before && {again} --networks {networks} --seeds {seeds}",
            )
        )
    more = f"{without_options(search, ('--max-networks',))} --max-networks {ENOUGH_FOR_A_SURFACE}"
    more = f"{more} --seeds {max(3, 2 * seeds)} --out {quoted(f'reports/{run.name}-more-runs')}"
    return steps(("More networks and seeds of the search itself, to be judged anew", more))


# ----------------------------------------------------------------------------------------------------
# The figures of a fidelity study: rates against length, and every network at every length.


def rates_figure(evidence: FidelityEvidence) -> Figure | None:
    """What moving a tenth of the compute brings at each length; None without surfaces at two lengths."""
    known = [(length, length.answer) for length in evidence.lengths if length.answer is not None]
    if len(known) < 2:
        return None
    colour = COLOURS["highest"]
    with house_style():
        figure = new_figure("What moving a tenth of the compute brings, by length of run", 4.2)
        panels: list[Axes] = list(figure.subplots(1, 3, sharey=True))
        for place, axes in enumerate(panels):
            rates = [answer.rates[place] for _, answer in known]
            x = [length.images for length, _ in known]
            axes.axhline(0, color=GREY, linewidth=1)
            axes.plot(x, [rate.points.value for rate in rates], "o-", color=colour, markersize=7, zorder=4)
            for images, rate in zip(x, rates, strict=True):
                ends = [rate.points.low, rate.points.high]
                axes.plot([images] * 2, ends, color=colour, linewidth=1.6, zorder=3)
            axes.set_title(f"{rates[0].giver} to {rates[0].taker}", pad=8)
            axes.set_xscale("log")
            _length_axis(axes, evidence)
            axes.set_xlabel("training images")
        panels[0].set_ylabel("points of top-1, 95% intervals")
    return figure


def _length_axis(axes: Axes, evidence: FidelityEvidence) -> None:
    lengths = evidence.lengths
    axes.set_xticks(
        [length.images for length in lengths],
        [f"{length.images:,}\n{length.multiple:g} x" for length in lengths],
    )
    axes.set_xticks([], minor=True)
    low, high = lengths[0].images, lengths[-1].images
    axes.set_xlim(low / (high / low) ** 0.12, high * (high / low) ** 0.12)


def ranks_figure(evidence: FidelityEvidence) -> Figure | None:
    """Top-1 and place of every network at every length, coloured by depth; None below two lengths."""
    networks = evidence.reference.networks if evidence.lengths else ()
    if len(evidence.lengths) < 2 or len(networks) < 2:
        return None
    depths, many = [c.depth for c in networks], len(networks) > 20
    shades = shade_scale(depths)
    colours = shades.to_rgba(np.array(depths))
    with house_style():
        figure = new_figure("Each network at each length of run", 5.6)
        left, right = figure.subplots(1, 2)
        for index, shade in enumerate(colours):
            style: dict[str, Any] = {
                "color": shade,
                "linewidth": 1.0 if many else 1.7,
                "marker": "o",
                "markersize": 3.0 if many else 5.0,
                "alpha": 0.85,
            }
            x = [length.images for length in evidence.lengths]
            left.plot(x, [100 * (le.networks[index].top1 or 0.0) for le in evidence.lengths], **style)
            right.plot(x, [le.ranks[index] for le in evidence.lengths], **style)
        left.set_title(f"accuracy of {plural(len(networks), 'network')}", pad=8)
        left.set_ylabel("held-out top-1 (%), mean over seeds")
        right.set_title("place among the networks", pad=8)
        right.set_ylabel("place (1 is best)")
        right.set_ylim(len(networks) + 0.5, 0.5)
        right.set_yticks(_places(len(networks)))
        for axes in (left, right):
            axes.set_xscale("log")
            _length_axis(axes, evidence)
            axes.set_xlabel("training images")
        bar = figure.colorbar(shades, ax=[left, right], orientation="horizontal", aspect=45, pad=0.03)
        bar.set_label("depth multiplier", color=INK)
        bar.outline.set_visible(False)
    return figure


def _places(networks: int) -> list[int]:
    """Ticks for places: the first, the last, and round ones between."""
    step = 1 if networks <= 12 else 5 if networks <= 40 else 10
    between = [place for place in range(step, networks, step) if 1 < place <= networks - step / 2]
    return [1, *between, networks]


# ----------------------------------------------------------------------------------------------------
# A finished fidelity study as tables, figures and a page.

RATES = ("depth_to_width", "depth_to_resolution", "width_to_resolution")
ENDS = ("", "_low", "_high")


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthRow:
    """One length of run beside the longest."""

    length: LengthEvidence
    reference: LengthEvidence


def _tau_text(row: LengthRow) -> str:
    if (agreement := row.length.agreement) is None:
        return "reference"
    return f"{agreement.tau:.2f}" if row.length.ranked else "undefined"


def _tau_interval(row: LengthRow) -> str:
    agreement = row.length.agreement
    return f"{agreement.tau_low:.2f} to {agreement.tau_high:.2f}" if agreement and row.length.ranked else ""


def _regret_text(row: LengthRow) -> str:
    agreement = row.length.agreement
    return f"{100 * agreement.regret:.1f} points" if agreement else ""


def _agreement(name: str, form: str, **looks: Any) -> Column[LengthRow]:
    def value(row: LengthRow) -> float | None:
        agreement = row.length.agreement
        # Where all networks are alike, the correlation of their order is undefined.
        told = agreement is not None and (row.length.ranked or name == "regret")
        return getattr(agreement, name) if told else None

    return Column(name=name, value=value, terminal=Cell(form), **looks)


def _best_share(name: str, place: int) -> Column[LengthRow]:
    return Column(
        name=f"{name}_share",
        value=lambda row: None if row.length.answer is None else row.length.answer.best[place],
    )


def _of_loss(name: str, value: Callable[[Estimate], float]) -> Column[LengthRow]:
    return Column(name=name, value=lambda row: None if row.length.loss is None else value(row.length.loss))


def _rate_columns(what: str) -> Iterator[Column[LengthRow]]:
    for rate, (end, attribute) in product(RATES, zip(ENDS, ("value", "low", "high"), strict=True)):

        def value(row: LengthRow, rate: str = rate, attribute: str = attribute) -> float | None:
            rates = row.length.answer.rates if row.length.answer else ()
            if what == "move":
                rates = row.length.moves.moves if row.length.moves else ()
            points = {f"{each.giver}_to_{each.taker}": each.points for each in rates}
            return getattr(points[rate], attribute) if rate in points else None

        yield Column(name=f"{what}_{rate}{end}", value=value)


LENGTHS: Columns[LengthRow] = Columns(
    columns=(
        Column(
            name="images",
            value=lambda row: row.length.images,
            terminal=Cell("{:,d}"),
            head="images",
            page=lambda row: f"{row.length.images:,}",
        ),
        Column(
            name="multiple",
            value=lambda row: float(row.length.multiple),
            terminal=Cell("{:g}"),
            head="multiple",
            page=lambda row: f"{row.length.multiple:g} x",
        ),
        Column(name="reference_images", value=lambda row: row.reference.images),
        _agreement("tau", "{:+.2f}", head="tau", page=_tau_text),
        _agreement("tau_low", "{:+.2f}", head="95% interval", page=_tau_interval),
        _agreement("tau_high", "{:+.2f}"),
        _agreement("regret", "{:.1%}", head="regret", page=_regret_text),
        Column(
            name="networks",
            value=lambda row: len(row.length.networks),
            terminal=Cell("{:d}"),
            head="networks",
            page=lambda row: str(len(row.length.networks)),
        ),
        Column(
            name="seeds",
            value=lambda row: row.length.seeds,
            terminal=Cell("{:d}"),
            head="seeds",
            page=lambda row: str(row.length.seeds),
        ),
        Column(
            name="compute_share",
            value=lambda row: row.length.compute_share,
            head="compute per run",
            page=lambda row: percent(row.length.compute_share, 0),
        ),
        *(_best_share(name, place) for place, name in enumerate(("depth", "width", "resolution"))),
        _of_loss("loss", lambda loss: loss.value),
        _of_loss("loss_low", lambda loss: max(0.0, loss.low)),
        _of_loss("loss_high", lambda loss: loss.high),
        Column(name="same_p", value=lambda row: None if row.length.loss is None else row.length.same),
        *_rate_columns("rate"),
        *_rate_columns("move"),
    ),
    terminal=("multiple", "images", "tau", "tau_low", "tau_high", "regret", "networks", "seeds"),
    left=0,
)
"""Of ``fidelity.csv``: a row per length. The shares are the best split's.

Losses, rates and how these move with each doubling are in points.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedRow(NetworkRow):
    """A network at one length, and its place there."""

    length: LengthEvidence
    rank: float


NETWORKS: Columns[RankedRow] = Columns(
    columns=(
        *pick(
            NETWORK,
            *("key", "alpha", "beta", "gamma", "depth", "width", "resolution_multiplier", "resolution"),
            *("resolution_width", "macs", "depth_doublings", "width_doublings", "resolution_doublings"),
        ),
        Column(name="images", value=lambda row: row.length.images),
        Column(name="multiple", value=lambda row: float(row.length.multiple)),
        *pick(NETWORK, "top1", "top1_sd", "seeds"),
        Column(name="rank", value=lambda row: row.rank),
    )
)
"""Of ``networks.csv``: a row per length and network."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FidelityReport:
    """What was written, and the table a caller prints.

    Attributes:
        page: ``report.md``.
        fidelity_csv: ``fidelity.csv``, one row per length.
        networks_csv: ``networks.csv``, one row per length and network.
        figures: the figures that could be drawn, SVG and PNG.
        table: the table of ``fidelity_csv``.
    """

    page: Path
    fidelity_csv: Path
    networks_csv: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame


def write_fidelity_report(record: FidelityRecord, out: Path) -> FidelityReport:
    """Write ``fidelity.csv``, ``networks.csv``, ``report.md`` and ``figures/`` of ``record`` into ``out``.

    The same record gives the same bytes. A figure without data is left out, and the page says so.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    evidence = fidelity_evidence(record)
    figures = write_figures(
        # What an earlier version drew goes.
        {"rates": rates_figure(evidence), "ranks": ranks_figure(evidence), "agreement": None},
        out / "figures",
    )
    by_length, networks = lengths_table(evidence), networks_table(evidence)
    page = fidelity_page(record, evidence, {path.stem for path in figures})
    return FidelityReport(
        fidelity_csv=write_text(out / "fidelity.csv", csv_text(by_length)),
        networks_csv=write_text(out / "networks.csv", csv_text(networks)),
        page=write_pages(out / "report.md", page),
        figures=figures,
        table=by_length,
    )


def lengths_table(evidence: FidelityEvidence) -> pd.DataFrame:
    """One row per length, by :data:`LENGTHS`; what is unknown is missing."""
    return LENGTHS.frame(
        LengthRow(length=length, reference=evidence.reference) for length in evidence.lengths
    )


def networks_table(evidence: FidelityEvidence) -> pd.DataFrame:
    """One row per length and network, by :data:`NETWORKS`."""
    return NETWORKS.frame(
        RankedRow(candidate=candidate, length=length, rank=rank)
        for length in evidence.lengths
        for candidate, rank in zip(length.networks, length.ranks, strict=True)
    )
