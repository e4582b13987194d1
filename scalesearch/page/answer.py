"""The answer of a search, as its page and the terminal tell it: read off a surface over its training runs."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from scipy.stats import f as f_distribution
from scipy.stats import norm
from scipy.stats import t as t_distribution

from scalesearch.networks.baselines import PAPER_COEFFICIENTS
from scalesearch.page.evidence import nothing_learnt, once_per_run
from scalesearch.page.markdown import NO_BOUND, bounded, plain_lines, points_text
from scalesearch.page.parts import FOLDER, WHOLE, Keeps, Steps, made_again, network_step, of_baseline, steps
from scalesearch.page.templates import part
from scalesearch.records import CandidateRecord, CheckRun, RunRecord
from scalesearch.scaling import FAST_WIDTH_SHARE, Shares, one_dial, shares_of
from scalesearch.statistics.answer import (
    POWER,
    Answer,
    DesignError,
    Estimate,
    Growth,
    Rate,
    Split,
    Surface,
    Tried,
    fit,
    growth,
    read,
)
from scalesearch.statistics.runs import predictions, trained_runs, whole_runs
from scalesearch.statistics.summaries import CONFIDENCE, SIGNIFICANCE, holm
from scalesearch.text import bare, without_options
from scalesearch.training.recipe import RECIPES, ProxyRecipe

AS_SEARCHED = "as searched"
"""What a recipe check calls the search's own recipe."""
ASKED_ANEW = ("--seeds", "--time-budget", "--regret", "--confirm", "--out")
"""Options of a run's command that the one which goes on from it says in another way."""
PARTS = (0.25, 0.5, 1.0)
"""Of the whole length: where a search is looked at to see whether its answer still moves."""
TOLERANCE = 1.25
"""A look may be so many times earlier or later than the part that it stands for."""
FAST = "fast compound scaling's"
PAPER = "the paper's"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLength:
    """What runs of so many training images say: exchange rates, best split, whether splits differ at all."""

    images: int
    rates: tuple[Rate, ...]
    best: Split
    different: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The best network against another, with seeds that the answer never saw; in points of top-1.

    Attributes:
        best: the network that confirms the answer.
        against: the network it is set against.
        other: what that stands for: ``the paper's`` or ``the runner-up's``.
        predicted: the gain that the surface predicted.
        measured: the gain that came, with its 95% interval (Student's t, noise of all confirming runs
        pooled).
        seeds: of each.
        images: held-out images that judged them.
        fresh: whether these judged nothing else.
        visible: the least gain that so many seeds would have shown with a probability of 80%.
    """

    best: CandidateRecord
    against: CandidateRecord
    other: str
    predicted: Estimate
    measured: Estimate
    seeds: int
    images: int
    fresh: bool
    visible: float

    @property
    def verdict(self) -> str:
        """``confirmed``, ``not confirmed`` or ``too small to see``."""
        if self.measured.low > 0:
            return "confirmed"
        if self.measured.high < self.predicted.value or self.measured.high < 0:
            return "not confirmed"
        return "too small to see"


@dataclass(frozen=True, slots=True, kw_only=True)
class BetterRecipe:
    """A recipe that is shown to suit a network better than the search's own.

    It is tested by Student's t, corrected by Holm for all recipes and networks that were tried.

    Attributes:
        role: what the network stands for.
        variant: the recipe.
        gain: in points, with the 95% interval of this one comparison (noise of all runs pooled).
    """

    role: str
    variant: str
    gain: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeCheck:
    """Corners and centre by other recipes.

    Attributes:
        top1: by what a network stands for and by recipe, the mean top-1 in points.
        best: by what a network stands for, the recipe that did best.
        p: the probability that recipes would seem to suit networks so differently by run noise alone.
        at_own: what the best of the networks is ahead of each, all at their best recipes.
        at_shared: the same by the search's own recipe.
        seeds: of each.
        better: the recipes that are shown to be better than the search's own, greatest gain first.
        tried: by what a network stands for, what its best of these is worth to it, shown for it by itself or
            not; empty where none is shown to be better for any.
        judged_by: of the same networks the recipe that this is.
    """

    top1: dict[str, dict[str, float]]
    best: dict[str, str]
    p: float | None
    at_own: dict[str, float]
    at_shared: dict[str, float]
    seeds: int
    better: tuple[BetterRecipe, ...]
    tried: dict[str, Tried]
    judged_by: dict[str, str]

    @property
    def orders(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What networks stand for, best first: by the search's own recipe, and each by its best."""
        shared, own = (
            tuple(sorted(behind, key=lambda role: behind[role])) for behind in (self.at_shared, self.at_own)
        )
        return shared, own


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchAnswer:
    """What a search says, all of it.

    Attributes:
        answer: read off the surface at the whole length, with each split at its best recipe where another
            than the search's own is shown to be better for some.
        as_searched: then the answer by the search's own recipe; else None.
        best: the network of the grid with the highest prediction.
        predictions: by key, of every network whose split is known and lies among the trained ones: top-1 in
            points and half of its 95% interval, by the search's own recipe.
        lengths: what runs say at each length, rising; the last is the whole one.
        growth: how the rates move with length; None where there is one length.
        loss_agrees: whether the surface of held-out loss has its best split within the region too; None where
            a loss is not known.
        confirmed: the confirming runs.
        recipe: what other recipes do; None where that was not tried.
    """

    answer: Answer
    as_searched: Answer | None
    best: CandidateRecord
    predictions: dict[str, tuple[float, float]]
    lengths: tuple[AtLength, ...]
    growth: Growth | None
    loss_agrees: bool | None
    confirmed: tuple[Confirmed, ...]
    recipe: RecipeCheck | None

    @property
    def surface(self) -> Surface:
        """At the whole length."""
        return self.answer.surface

    @property
    def by_own_recipe(self) -> Answer:
        """The answer by the search's own recipe."""
        return self.as_searched or self.answer

    @property
    def images(self) -> int:
        """Training images of the whole length."""
        return self.lengths[-1].images


def answer_of(run: RunRecord) -> SearchAnswer | str:
    """The answer of a search, or why it has none."""
    return _answer_of(run)


@once_per_run
def _answer_of(run: RunRecord) -> SearchAnswer | str:
    done = [c for c in run.candidates if c.status == "completed" and c.split is not None]
    if not done:
        return "no network whose split is known has completed its training"
    try:
        whole = trained_runs(run)
        surface = fit(whole)
        named = _named()
        near = surface.inside(list(named.values()))
        named = {name: named[name] for name, here in zip(named, near, strict=True) if here}
        answer = read(surface, named)
    except DesignError as error:
        return bare(error)
    check = _recipe_check(run)
    raised = None if check is None else _at_best(surface, check)
    fitted = predictions(surface, run.candidates)
    judged = fitted if raised is None else predictions(raised, run.candidates)
    able = [c for c in run.candidates if c.key in fitted and (c.status == "completed" or c.thinned_out)]
    best = max(able or done, key=lambda c: judged.get(c.key, (-math.inf, 0.0))[0])
    images = lengths(run)
    at = []
    for length in images:
        there = surface if length == images[-1] else fit(trained_runs(run, length))
        at.append(
            AtLength(
                images=length,
                rates=answer.rates if there is surface else there.rates(),
                best=answer.best if there is surface else read(there).best,
                different=there.different,
            )
        )
    return SearchAnswer(
        answer=answer if raised is None else read(raised, named),
        as_searched=None if raised is None else answer,
        best=best,
        predictions=fitted,
        lengths=tuple(at),
        growth=growth({length: trained_runs(run, length) for length in images}) if len(images) > 1 else None,
        loss_agrees=_loss_agrees(run, answer),
        confirmed=_confirmed(run, answer),
        recipe=check,
    )


def _at_best(surface: Surface, check: RecipeCheck) -> Surface | None:
    """The surface with each split at its best recipe; None where none is shown to be better, or to few."""
    # One that failed with a later seed is no part of the surface any more.
    tried = [network for network in check.tried.values() if network.network in surface.trained.networks]
    try:
        return surface.at_best(tried)
    except DesignError:
        return None


def _named() -> dict[str, Split]:
    paper, fast = shares_of(PAPER_COEFFICIENTS), one_dial(FAST_WIDTH_SHARE)
    return {
        PAPER: (paper.depth, paper.width, paper.resolution),
        FAST: (fast.depth, fast.width, fast.resolution),
        "depth alone": (1.0, 0.0, 0.0),
        "width alone": (0.0, 1.0, 0.0),
        "resolution alone": (0.0, 0.0, 1.0),
    }


def _loss_agrees(run: RunRecord, answer: Answer) -> bool | None:
    """Whether the split of the least held-out loss can't be excluded as the best by top-1."""
    rows = [
        seed_run.loss
        for candidate in run.candidates
        if candidate.status in ("completed", "waiting") and candidate.split is not None
        for seed_run in whole_runs(candidate)
    ]
    losses = [loss for loss in rows if loss is not None]
    if len(losses) < len(rows) or len(losses) != len(answer.surface.trained.top1):
        return None
    surface = fit(answer.surface.trained.at([-loss for loss in losses]))
    least = int(np.argmax(surface.top1(answer.splits)[0]))
    return bool(answer.region[least])


def lengths(run: RunRecord) -> tuple[int, ...]:
    """The looks, in training images and rising, at which the answer is read: the last is the whole length.

    About a quarter and a half of it come first where looks before the end mean something: where the weights
    that are judged are an average, and the rate is still the full one (the trapezoid's).
    """
    every = [run_ for c in run.candidates if c.split is not None for run_ in whole_runs(c)]
    if not every:
        return ()
    end = max(run_.images_seen for run_ in every)
    shared = set.intersection(*({point.images for point in run_.curve} for run_ in every))
    looks = sorted(images for images in shared if images < end)
    if not looks or not _looks_mean_something(run):
        return (end,)
    nearest = (min(looks, key=lambda images: abs(math.log(images / (part * end)))) for part in PARTS[:-1])
    apart = {
        images
        for images, part in zip(nearest, PARTS, strict=False)
        if 1 / TOLERANCE <= images / (part * end) <= TOLERANCE
    }
    return (*sorted(apart), end)


def _looks_mean_something(run: RunRecord) -> bool:
    values = run.settings.get("recipe_values")
    try:
        recipe = RECIPES[run.settings["recipe"]] if values is None else ProxyRecipe(**values)
    except (KeyError, TypeError, ValueError):
        return False
    return recipe.averages and recipe.schedule == "trapezoid"


def _confirmed(run: RunRecord, answer: Answer) -> tuple[Confirmed, ...]:
    checks = [check for check in run.checks if check.purpose == "confirm"]
    # A gain is one on the same images: where some are fresh, those alone are set against one another.
    fresh = any(check.fresh for check in checks)
    checks = [check for check in checks if check.fresh == fresh]
    by_role: dict[str, list[CheckRun]] = {}
    for check in checks:
        by_role.setdefault(check.role, []).append(check)
    if "best" not in by_role:
        return ()
    candidates = {c.key: c for c in run.candidates}
    tops = {role: [100 * check.run.top1 for check in those] for role, those in by_role.items()}
    df = sum(len(values) - 1 for values in tops.values())
    if df < 1:
        return ()
    spread = sum((value - fmean(values)) ** 2 for values in tops.values() for value in values) / df
    found = []
    for role, other in (("paper", PAPER), ("runner-up", "the runner-up's")):
        if role not in tops:
            continue
        first, second = (candidates.get(by_role[name][0].network) for name in ("best", role))
        if first is None or second is None or first.split is None or second.split is None:
            continue
        gain = fmean(tops["best"]) - fmean(tops[role])
        error = math.sqrt(spread * (1 / len(tops["best"]) + 1 / len(tops[role])))
        reach = float(t_distribution.ppf((1 + CONFIDENCE) / 2, df))
        found.append(
            Confirmed(
                best=first,
                against=second,
                other=other,
                predicted=answer.ahead(first.split, second.split),
                measured=Estimate(value=gain, low=gain - reach * error, high=gain + reach * error),
                seeds=min(len(tops["best"]), len(tops[role])),
                images=checks[0].run.held_out_images,
                fresh=fresh,
                visible=(reach + float(norm.ppf(POWER))) * error,
            )
        )
    return tuple(found)


def _recipe_check(run: RunRecord) -> RecipeCheck | None:
    checks = [check for check in run.checks if check.purpose == "recipe"]
    if not checks:
        return None
    candidates = {c.key: c for c in run.candidates}
    seeds = sorted({check.run.seed for check in checks})
    values: dict[str, dict[str, list[float]]] = {}
    for check in checks:
        values.setdefault(check.role, {}).setdefault(check.variant, []).append(100 * check.run.top1)
        there = values[check.role]
        if AS_SEARCHED not in there and check.network in candidates:
            trained = candidates[check.network].runs
            there[AS_SEARCHED] = [100 * one.top1 for one in trained if one.seed in seeds]
    roles = {
        role: variants for role, variants in values.items() if all(map(len, variants.values())) and variants
    }
    top1 = {
        role: {variant: fmean(tops) for variant, tops in variants.items()} for role, variants in roles.items()
    }
    if len(top1) < 2:
        return None
    best = {role: max(variants, key=lambda variant: variants[variant]) for role, variants in top1.items()}
    own = {role: top1[role][best[role]] for role in top1}
    shared = {role: top1[role].get(AS_SEARCHED, math.nan) for role in top1}
    better = _better_recipes(roles)
    judged_by, tried = _tried(roles, {check.role: check.network for check in checks}, better)
    return RecipeCheck(
        top1=top1,
        best=best,
        p=_interaction(roles),
        at_own={role: max(own.values()) - value for role, value in own.items()},
        at_shared={role: max(shared.values()) - value for role, value in shared.items()},
        seeds=len(seeds),
        better=better,
        tried=tried,
        judged_by=judged_by,
    )


def _tried(
    values: dict[str, dict[str, list[float]]], networks: dict[str, str], better: Sequence[BetterRecipe]
) -> tuple[dict[str, str], dict[str, Tried]]:
    """By which recipe each network is judged at its best, and what that is worth to it.

    It is one that is shown to be better for some network, or the search's own. A gain that is not shown by
    itself counts too, with its interval: were it left out, the networks for which it is shown would alone be
    judged at their best.
    """
    if not better or any(AS_SEARCHED not in of for of in values.values()):
        return {}, {}
    judged_by, tried = {}, {}
    for role, of in values.items():
        recipes = {AS_SEARCHED, *(recipe.variant for recipe in better)} & set(of)
        best = max(sorted(recipes), key=lambda recipe: fmean(of[recipe]))
        judged_by[role] = best
        tried[role] = (
            Tried(network=networks[role])
            if best == AS_SEARCHED
            else Tried(
                network=networks[role],
                gain=fmean(of[best]) - fmean(of[AS_SEARCHED]),
                better=len(of[best]),
                own=len(of[AS_SEARCHED]),
            )
        )
    return judged_by, tried


def _better_recipes(values: dict[str, dict[str, list[float]]]) -> tuple[BetterRecipe, ...]:
    """The recipes shown to be better for a network than the search's own, ``as searched``."""
    cells = [tops for of in values.values() for tops in of.values()]
    df = sum(len(tops) - 1 for tops in cells)
    if df < 1:
        return ()
    variance = sum((top - fmean(tops)) ** 2 for tops in cells for top in tops) / df
    reach = float(t_distribution.ppf((1 + CONFIDENCE) / 2, df))
    gains, p_values = [], []
    for role, of in values.items():
        for variant, tops in of.items():
            if variant == AS_SEARCHED or AS_SEARCHED not in of:
                continue
            gain = fmean(tops) - fmean(of[AS_SEARCHED])
            error = math.sqrt(variance * (1 / len(tops) + 1 / len(of[AS_SEARCHED])))
            if error > 0:
                half = reach * error
                gain_ = Estimate(value=gain, low=gain - half, high=gain + half)
                gains.append(BetterRecipe(role=role, variant=variant, gain=gain_))
                p_values.append(2 * float(t_distribution.sf(abs(gain) / error, df)))
    shown = [
        better
        for better, p in zip(gains, holm(p_values), strict=True)
        if p < SIGNIFICANCE and better.gain.value > 0
    ]
    return tuple(sorted(shown, key=lambda better: -better.gain.value))


def _interaction(values: dict[str, dict[str, list[float]]]) -> float | None:
    """The p value of the interaction of network and recipe in a balanced two-way layout; None without one."""
    variants = sorted(set.intersection(*(set(of) for of in values.values())))
    sizes = {len(values[role][variant]) for role in values for variant in variants}
    if len(variants) < 2 or len(sizes) != 1 or sizes == {1}:
        return None
    cells = np.array([[values[role][variant] for variant in variants] for role in values])
    means = cells.mean(axis=2)
    crossed = means - means.mean(axis=1, keepdims=True) - means.mean(axis=0, keepdims=True) + means.mean()
    rows, columns, repeats = cells.shape
    df, df_noise = (rows - 1) * (columns - 1), rows * columns * (repeats - 1)
    noise = float(((cells - means[..., None]) ** 2).sum()) / df_noise
    if noise <= 0:
        return None
    return float(f_distribution.sf(repeats * float((crossed**2).sum()) / df / noise, df, df_noise))


def coefficients_of(split: Split) -> tuple[float, float, float]:
    """alpha, beta and gamma, to a hundredth, whose product is 2 and that share growth so."""
    shares = np.maximum(split, 0.0)
    depth, width, _ = (shares / shares.sum()).tolist()
    # Of 0.8 and 0.2 the rest is less than nothing in binary numbers.
    found = Shares(depth=depth, width=width, resolution=max(0.0, 1 - depth - width)).coefficients
    return round(found.alpha, 2), round(found.beta, 2), round(found.gamma, 2)


def split_text(split: Sequence[float]) -> str:
    """``10% depth, 30% width, 60% resolution``."""
    depth, width, resolution = (f"{100 * share:z.0f}" for share in split)
    return f"{depth}% depth, {width}% width, {resolution}% resolution"


def rate_text(rate: Rate) -> str:
    """``depth to width +0.74 (0.28 to 1.19)``."""
    return f"{rate.giver} to {rate.taker} {interval_text(rate.points, digits=2, sign='+')}"


def interval_text(points: Estimate, *, digits: int = 1, sign: str = "", unit: str = "") -> str:
    """An estimate in points of top-1, as :func:`~scalesearch.page.markdown.points_text` writes it."""
    return points_text(points.value, points.low, points.high, digits=digits, sign=sign, unit=unit)


def fitted_text(top1: float, half: float, *, pm: str = "&plusmn;") -> str:
    """A network's fitted top-1 with half its interval; ``pm`` is how plus or minus is written."""
    return f"{top1:.1f}%" + (f" {pm} {half:.1f}" if bounded(half) else f", {NO_BOUND}")


def answer_lines(run: RunRecord, folder: str = FOLDER, keeps: Keeps = WHOLE) -> tuple[str, ...]:
    """The answer with its region, what it rests on, what to do next, a line each; or why there is none.

    Where there is none and even the best network may be guessing, that is the first line, why the last.

    ``folder`` is the run's, as a word of a command line, and ``keeps`` what it has.
    """
    found = told_answer(run)
    if isinstance(found, str):
        # Where there is a surface, why it is none of an answer is this already.
        flat = nothing_learnt(run) and isinstance(answer_of(run), str)
        return (*plain_lines(part("page/parts.md.j2", "unlearnt")), found) if flat else (found,)
    text = _text(run, found)
    return (
        _said("first", text),
        _said("second", text),
        "Next: " + "; ".join(command for _, command in next_steps(run, found, folder, keeps).commands),
    )


def told_answer(run: RunRecord) -> SearchAnswer | str:
    """The answer that readers are told, or the sentence that says why there is none.

    A surface over networks that have learnt nothing is one over chance: neither it nor its confirmation says
    anything.
    """
    found = answer_of(run)
    if isinstance(found, str):
        return no_answer(found)
    return _said("not_learnt") if nothing_learnt(run) else found


def no_answer(reason: str) -> str:
    """That a search has no answer, why, and what would give one."""
    return _said("missing", reason)


def _said(macro: str, *values: object) -> str:
    """What a macro of ``page/answer.md.j2`` says, in one plain line."""
    return " ".join(plain_lines(part("page/answer.md.j2", macro, *values)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingRate:
    """What gains most by longer training, and over what: points of top-1 for each 10%, with each doubling."""

    taker: str
    giver: str
    points: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerText:
    """What the two lines of an answer say; texts are empty where the runs don't bound or know something.

    Attributes:
        different: whether splits are shown to differ.
        best: the best split, or the highest fitted.
        triple: its coefficients.
        shrunk: whether shares say what was cut, as phi is below 0.
        top1: its fitted top-1, in percent.
        region: the splits that can't be excluded as the best.
        flat_within: how far any two splits are apart at most.
        better: the recipe that is shown to be better than the search's own; None without one.
        better_by: its gain.
        own: the best split by the search's own recipe, where each is judged at its best one.
        own_different: whether splits differ by that recipe.
        unconfirmed: whether fresh seeds don't confirm the answer.
        moving: what longer training is shown to change; None where nothing is.
        unsettled: whether it may change something.
        widest: how far it moves any rate at most, where that is known to be little.
        runs: that the answer rests on.
        networks: of these runs.
        images: that each saw.
        noise: of a run, in points.
        rates: of exchange.
        paper_behind: how far the paper's split is behind.
        regret: what could be lost by the answer.
        fresh: fresh seeds of it against another; None without.
        fresh_measured: the gain that came.
    """

    different: bool
    best: str
    triple: str
    shrunk: bool
    top1: str
    region: str
    flat_within: str
    better: BetterRecipe | None
    better_by: str
    own: str
    own_different: bool
    unconfirmed: bool
    moving: MovingRate | None
    unsettled: bool
    widest: str
    runs: int
    networks: int
    images: int
    noise: str
    rates: Sequence[str]
    paper_behind: str
    regret: str
    fresh: Confirmed | None
    fresh_measured: str


def _text(run: RunRecord, found: SearchAnswer) -> AnswerText:
    answer, surface, searched, growing = found.answer, found.surface, found.as_searched, found.growth
    better = next(iter(_better(found)), None)
    paper = next((behind for behind in answer.behind if behind.name == PAPER), None)
    fresh = next(iter(found.confirmed), None)
    unconfirmed = any(compared.verdict == "not confirmed" for compared in found.confirmed)
    settled = growing is not None and not growing.moving and growing.settled
    return AnswerText(
        different=surface.different,
        best=split_text(answer.best),
        triple="alpha {:g}, beta {:g}, gamma {:g}".format(*coefficients_of(answer.best)),
        shrunk=run.phi < 0,
        top1=f"{answer.top1.value:.1f}",
        region=region_text(answer),
        flat_within=f"{answer.flat_within:.1f}" if bounded(answer.flat_within) else "",
        better=better,
        better_by="" if better is None else interval_text(better.gain, unit=" points"),
        own="" if searched is None or better is None else split_text(searched.best),
        own_different=searched is not None and searched.surface.different,
        unconfirmed=unconfirmed and (searched is not None or surface.different),
        moving=_moving(growing) if growing is not None and growing.moving else None,
        unsettled=growing is not None and not growing.moving and not growing.settled,
        widest=f"{growing.widest:.2f}" if growing is not None and settled else "",
        runs=surface.runs,
        networks=surface.networks,
        images=found.images,
        noise="" if surface.run_sd is None else f"{surface.run_sd:.1f}",
        rates=list(map(rate_text, answer.rates)),
        paper_behind="" if paper is None else interval_text(paper.points, unit=" points"),
        regret=f"{answer.regret:.1f}" if bounded(answer.regret) else "",
        fresh=fresh,
        fresh_measured="" if fresh is None else interval_text(fresh.measured, sign="+", unit=" points"),
    )


def region_text(answer: Answer) -> str:
    """``depth 0 to 30%, width 15 to 100%``: the splits that can't be excluded as the best."""
    if answer.region.all():
        return "any split"
    named = zip(("depth", "width", "resolution"), answer.ranges, strict=True)
    return ", ".join(f"{name} {100 * low:z.0f} to {100 * high:z.0f}%" for name, (low, high) in named)


def best_text(answer: Answer) -> str:
    """The best split with what else may be the best, or that no split stands out, inside a sentence."""
    best = split_text(answer.best)
    if answer.surface.different:
        return f"{best} (can't be excluded: {region_text(answer)})"
    apart = (
        f", any two are within {answer.flat_within:.1f} points (95%)" if bounded(answer.flat_within) else ""
    )
    return f"none stands out{apart}; the highest fitted is {best}"


def _moving(moving: Growth) -> MovingRate:
    most = max(moving.moves, key=lambda rate: abs(rate.points.value) if rate.points.shown else -1.0)
    giver, taker = most.giver, most.taker
    if most.points.value < 0:
        giver, taker = taker, giver
    return MovingRate(taker=taker, giver=giver, points=f"{abs(most.points.value):.2f}")


def next_steps(run: RunRecord, found: SearchAnswer, folder: str = FOLDER, keeps: Keeps = WHOLE) -> Steps:
    """What goes on from the answer: a family by it, its network handed over, a sharper answer.

    Args:
        run: the search.
        found: its answer.
        folder: the run's, as a word of a command line: it may have been moved since it was begun.
        keeps: what the folder has: a command that needs more says what it does instead.
    """
    best, of = found.best, of_baseline(run.settings)
    alpha, beta, gamma = coefficients_of(found.answer.best)
    return steps(
        *(
            (
                "The same search by the recipe that is shown to be better",
                _other_recipe(run, recipe, folder, keeps),
            )
            for recipe in [better.variant for better in _better(found)[:1]]
        ),
        (
            "A family by this split",
            f"scalesearch scale{of} --alpha {alpha:g} --beta {beta:g} --gamma {gamma:g} --phi 0..7",
        ),
        network_step(best, folder, keeps) if best.status == "completed" else None,
        _sharper(run, found, folder, keeps),
    )


def _better(found: SearchAnswer) -> tuple[BetterRecipe, ...]:
    return () if found.recipe is None else found.recipe.better


def _other_recipe(run: RunRecord, variant: str, folder: str, keeps: Keeps) -> str:
    """The command that searches anew by a recipe that is shown to be better, into a folder beside this one.

    ``variant`` is a recipe check's: ``batch 64`` or ``rate x 0.5``.
    """
    kind, _, value = variant.rpartition(" ")
    left_out = ("--out", "--confirm", *(["--phi"] if run.settings.get("budget") else []))
    command = without_options(run.command, left_out) if keeps.study else _anew(run, folder)
    if kind == "batch":
        command = without_options(command, ("--batch-size",))
        return f"{command} --batch-size {value} --out {folder}-batch-{value}"
    recipe, values = str(run.settings["recipe"]), run.settings.get("recipe_values")
    rate = (RECIPES[recipe].learning_rate if values is None else float(values["learning_rate"])) * float(
        value
    )
    name = f"{recipe}-rate-{value}"
    command = f"{without_options(command, ('--recipe',))} --recipe {name}.toml --out {folder}-rate-{value}"
    if values is not None:
        return f"{command}  # {name}.toml: the recipe's file with learning_rate = {rate:g} and that name"
    changes = f's/^name = .*/name = "{name}"/; s/^learning_rate = .*/learning_rate = {rate:g}/'
    made = f"scalesearch describe --recipe {recipe} --format toml | sed {shlex.quote(changes)} > {name}.toml"
    return f"{made} && {command}"


def _anew(run: RunRecord, folder: str) -> str:
    return made_again(run.kind, run.settings, folder, run.candidates)


def _sharper(run: RunRecord, found: SearchAnswer, folder: str, keeps: Keeps) -> tuple[str, str]:
    """The command that adds the runs which would halve the region, or that confirms the answer."""
    seeds = max((len(c.runs) for c in run.candidates), default=1)
    needed = found.answer.halving
    more = 2 * seeds if needed is None else max(seeds + 1, -(-needed * seeds // found.surface.runs))
    command = without_options(run.command, ASKED_ANEW) if keeps.study else _anew(run, folder)
    if (one_phi := without_options(command, ("--phi",))) != command:
        # Of several, each made a run of its own; beside a budget earlier versions took one for nothing.
        command = one_phi if run.settings.get("budget") else f"{one_phi} --phi {run.phi:g}"
    what = (
        "More seeds, and fresh ones that confirm"
        if needed is None
        else f"{needed} runs instead of {found.surface.runs}, to halve the splits that may be best"
    )
    place = folder
    if not keeps.study:
        what += "; all anew, as this folder has no study.db"
        place = f"{folder}-{more}-seeds"
        # A run from scratch that it is compared with was judged on the same images as this one.
        same = run.settings.get("confirm_on", "same") == "same" and not run.settings.get("scratch_run")
        if run.kind == "grid" and same:
            command += " --confirm-on fresh"
    return what, f"{command} --seeds {more} --confirm {max(4, seeds)} --out {place}"
