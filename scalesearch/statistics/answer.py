"""How much of the compute should go to depth, width and resolution: a surface over training runs, read off.

A network's *split* is how its growth in cost was shared out as it was built: (depth, width, resolution),
which add up to 1. Held-out top-1 is fitted as a full quadratic in the split and, where the networks' costs
differ, in the cost. Neighbouring networks then tell of one another, which a comparison of every pair of
networks knows nothing of, and networks that were never trained get a prediction.

Every answer comes with what the data leave open. Two kinds of intervals are used: of a single figure
Student's t; of whatever is chosen after looking (the best split, the region of splits that may be the best)
the largest of many t statistics, whose distribution is simulated: the region holds every split of which the
test "no other split is better" is not rejected (G. E. P. Box and J. S. Hunter, Biometrika 41, 1954, on
regions for an optimum; J. C. Hsu, "Multiple Comparisons: Theory and Methods", 1996, chapters 4 and 5, on the
best).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import Delaunay
from scipy.stats import f as f_distribution
from scipy.stats import norm
from scipy.stats import t as t_distribution

from scalesearch.records.runs import TWICE
from scalesearch.statistics.summaries import CONFIDENCE, SIGNIFICANCE

POWER = 0.8
DIMENSIONS = ("depth", "width", "resolution")
FEWEST_NETWORKS = 7
"""The surface has six coefficients; with no more networks than that, nothing says whether it fits."""
FEWEST_TRIED = 3
"""Networks to be tried by other recipes, so that any split lies between some of them."""
LEAST_APART = 0.1
"""How far the networks tried must be from lying on a line, or on a plane with its bend (a singular value)."""
LEAST_COST_SPREAD = 0.1
"""Standard deviation of log2 cost below which all networks count as equally dear."""
SETTLED = 0.25
"""Points for each 10% of the compute by which a rate may move with a doubling of the training, and be
settled."""

STEPS = 20
"""The best split is looked for in twentieths of the compute."""
DRAWS = 4000
# So many draws at a time fit into a processor's cache for all splits.
BLOCK = 200
SEED = 1905
SLACK = 1.05
"""How far beyond the trained splits, from their middle, a split may lie and still be judged."""
TENTH = 0.1
# Which dimension gives, and which takes, in the order in which rates are told.
EXCHANGES = ((0, 1), (0, 2), (1, 2))
# Multiples of the runs at which the size of the region is tried.
MULTIPLES = (1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64)

Floats = NDArray[np.float64]
Split = tuple[float, float, float]


class DesignError(ValueError):
    """The training runs are too few, or too much alike, for a surface; the message says what would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """Training runs, all of one length.

    Attributes:
        splits: (runs, 3) shares of depth, width and resolution as built.
        doublings: (runs,) log2 of each network's cost over the baseline's.
        networks: (runs,) which network each run is of.
        top1: (runs,) held-out top-1 in points, 0 to 100.
    """

    splits: tuple[Split, ...]
    doublings: tuple[float, ...]
    networks: tuple[str, ...]
    top1: tuple[float, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.splits), len(self.doublings), len(self.networks), len(self.top1)}
        if len(lengths) != 1:
            raise ValueError(f"`top1` must have one value for each split, cost and network, got {lengths}")
        if not np.isfinite([*self.top1, *self.doublings, *np.ravel(self.splits)]).all():
            raise ValueError("`top1`, splits and costs must be finite")

    def at(self, top1: Sequence[float]) -> Trained:
        """The same runs with another figure in the place of top-1."""
        return replace(self, top1=tuple(top1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its 95% interval."""

    value: float
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Points of top-1 for each tenth of the compute that is moved from one dimension to another.

    ``points`` holds for the mean of the trained networks; its interval holds for all rates at once.
    ``visible`` is the least rate that such runs would have shown with a probability of 80%.
    """

    giver: str
    taker: str
    points: Estimate
    visible: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """How far a split is behind the best one, in points; the interval allows for the best being chosen."""

    name: str
    split: Split
    points: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A network that was trained by other recipes too, and what the best of them is worth to it.

    Attributes:
        network: the network, as the training runs of a surface call it.
        gain: points that its best recipe brings it over the one of these runs; 0 where that is its best.
        better: training runs by the better recipe; 0 where there is none.
        own: training runs of the surface that these were set against.
    """

    network: str
    gain: float = 0.0
    better: int = 0
    own: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """Top-1 over splits, fitted to training runs of one length.

    Attributes:
        trained: the runs.
        weights: of the terms of :func:`_terms`.
        covariance: of ``weights``, in units of ``variance``.
        variance: of one run about the surface, in points squared: run noise and lack of fit pooled; the lack
            of fit alone where that is shown to be more than noise.
        df: its degrees of freedom.
        run_sd: standard deviation of a network's own runs; None where no network has two.
        lack_of_fit: the probability that networks would stray so far from the surface by run noise alone;
            None where nothing tells.
        omnibus: the probability that runs would differ so much over splits if all splits were equal.
        left_out_r2: the share of the networks' differences that the surface predicts of networks that it
            has not seen; below 0 where their mean does better, None where leaving one out leaves too few.
        cost_terms: how many terms in the cost there are.
        at: log2 of the cost over the baseline's for which it answers.
    """

    trained: Trained
    weights: Floats
    covariance: Floats
    variance: float
    df: int
    run_sd: float | None
    lack_of_fit: float | None
    omnibus: float
    left_out_r2: float | None
    cost_terms: int
    at: float

    @property
    def networks(self) -> int:
        """How many networks it rests on."""
        return len(set(self.trained.networks))

    @property
    def runs(self) -> int:
        """How many training runs it rests on."""
        return len(self.trained.top1)

    @property
    def fits(self) -> bool:
        """Whether no lack of fit is shown."""
        return self.lack_of_fit is None or self.lack_of_fit >= SIGNIFICANCE

    @property
    def different(self) -> bool:
        """Whether splits are shown to differ at all."""
        return self.omnibus < SIGNIFICANCE

    @property
    def tells(self) -> bool:
        """Whether it says anything worth drawing: splits differ, and it predicts networks left out of it."""
        return self.different and (self.left_out_r2 is None or self.left_out_r2 > 0)

    def terms(self, splits: ArrayLike, doublings: ArrayLike | None = None) -> Floats:
        """(..., terms) of the surface at (..., 3) splits, at its own cost if ``doublings`` is None."""
        of = np.asarray(splits, float)
        cost = np.broadcast_to(self.at if doublings is None else np.asarray(doublings, float), of.shape[:-1])
        return _terms(of, cost, self.cost_terms)

    def top1(self, splits: ArrayLike, doublings: ArrayLike | None = None) -> tuple[Floats, Floats]:
        """Fitted top-1 in points at (..., 3) splits, and half the width of its 95% interval (Student's t)."""
        terms = self.terms(splits, doublings)
        return terms @ self.weights, self._quantile * self._errors(terms)

    def inside(self, splits: ArrayLike) -> NDArray[np.bool_]:
        """Which of (..., 3) splits lie among the trained ones, or hardly beyond them."""
        corners = np.unique(np.asarray(self.trained.splits, float)[:, :2], axis=0)
        middle = corners.mean(axis=0)
        hull = Delaunay(middle + SLACK * (corners - middle))
        found: NDArray[np.bool_] = hull.find_simplex(np.asarray(splits, float)[..., :2], tol=1e-9) >= 0
        return found

    def at_best(self, tried: Sequence[Tried]) -> Surface:
        """The surface with every split judged at its best recipe, as far as others were tried.

        A network that another recipe suits better is raised by what that brings. Between the networks that
        were tried the gain is that of a plane through them, or of four networks of a plane and its bend
        towards the middle, so that it is what was measured at each. What was measured goes in with its
        variance, and with what it shares with the surface: the runs that it was set against are its own.

        Args:
            tried: networks of this surface, each once.

        Raises:
            DesignError: if they are fewer than three, or lie on a line.
        """
        rows = {name: row for row, name in reversed(list(enumerate(self.trained.networks)))}
        places = [rows[network.network] for network in tried]
        splits = np.array([self.trained.splits[row] for row in places]).reshape(-1, 3)
        bent = _terms(splits, np.zeros(len(splits)), 0) @ BENT.T
        for terms in (len(BENT), FEWEST_TRIED):
            shape, form = BENT[:terms], bent[:, :terms]
            if np.linalg.matrix_rank(form, tol=LEAST_APART) == terms:
                break
        else:
            raise DesignError(
                f"`runs` must be of at least {FEWEST_TRIED} networks by other recipes, whose splits lie on "
                f"no line, for splits between them to be judged at their best, got {len(tried)}"
            )
        # What a gain of each network adds to each weight.
        raised = np.zeros((len(self.weights), len(tried)))
        raised[: shape.shape[1]] = shape.T @ np.linalg.pinv(form)
        better = np.array([network.better > 0 for network in tried])
        spread = np.diag([1 / n.better + 1 / n.own if n.better else 0.0 for n in tried])
        own = self.terms(splits, [self.trained.doublings[row] for row in places]) * better[:, None]
        shared = raised @ own @ self.covariance
        gains = np.array([network.gain for network in tried]) * better
        surface = replace(
            self,
            weights=self.weights + raised @ gains,
            covariance=self.covariance - shared - shared.T + raised @ spread @ raised.T,
        )
        return replace(surface, omnibus=surface._equal())

    def _equal(self) -> float:
        """The probability that trained splits would be found so different if all of them were equal."""
        terms = self.terms(np.unique(np.asarray(self.trained.splits, float), axis=0))
        apart = terms - terms.mean(axis=0)
        spread = apart @ self.covariance @ apart.T * self.variance
        values, vectors = np.linalg.eigh(spread)
        free = values > 1e-9 * values.max()
        along = (vectors[:, free].T @ (apart @ self.weights)) ** 2 / values[free]
        return float(f_distribution.sf(along.mean(), int(free.sum()), self.df))

    @property
    def _quantile(self) -> float:
        return float(t_distribution.ppf((1 + CONFIDENCE) / 2, self.df))

    def _errors(self, terms: Floats) -> Floats:
        """Standard errors of linear combinations of the weights."""
        squares = np.einsum("...i,ij,...j->...", terms, self.covariance, terms)
        errors: Floats = np.sqrt(np.maximum(squares, 0) * self.variance)
        return errors

    def middle(self) -> Floats:
        """The mean split of the trained networks, (3,)."""
        first = {network: row for row, network in reversed(list(enumerate(self.trained.networks)))}
        mean: Floats = np.asarray(self.trained.splits, float)[list(first.values())].mean(axis=0)
        return mean

    def slopes(self) -> Floats:
        """(3, terms) contrasts: what each exchange of a tenth brings at the mean of the trained networks."""
        middle, small = self.middle(), 1e-4
        rows = []
        for giver, taker in EXCHANGES:
            step = np.zeros(3)
            step[giver], step[taker] = -small, small
            rows.append((self.terms(middle + step) - self.terms(middle - step)) * TENTH / (2 * small))
        return np.array(rows)

    def rates(self) -> tuple[Rate, ...]:
        """Exchange rates between the dimensions."""
        contrasts = self.slopes()
        values, errors = contrasts @ self.weights, self._errors(contrasts)
        reach = _largest_of(self.covariance, contrasts, self.df)
        power = float(norm.ppf(POWER))
        return tuple(
            Rate(
                giver=DIMENSIONS[giver],
                taker=DIMENSIONS[taker],
                points=Estimate(value=value, low=value - reach * error, high=value + reach * error),
                visible=(reach + power) * error,
            )
            for (giver, taker), value, error in zip(EXCHANGES, values.tolist(), errors.tolist(), strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """What a surface says, and what it leaves open.

    Attributes:
        surface: what it is read off.
        best: the split of the highest fitted top-1, in twentieths of the compute.
        top1: fitted there, in points.
        splits: (splits, 3) all that were looked at.
        region: (splits,) which of them can't be excluded as the best; it holds the best one with 95%
            confidence.
        rates: exchange rates.
        behind: the named splits against the best one.
        regret: the most, in points, that the best split of all could be ahead of ``best``.
        flat_within: the most, in points, that any two splits could differ.
        halving: training runs that would be needed in all to halve the region, if the surface is as fitted;
            None where even 64 times as many would not.
    """

    surface: Surface
    best: Split
    top1: Estimate
    splits: Floats
    region: NDArray[np.bool_]
    rates: tuple[Rate, ...]
    behind: tuple[Behind, ...]
    regret: float
    flat_within: float
    halving: int | None

    @property
    def ranges(self) -> tuple[tuple[float, float], ...]:
        """The least and the greatest share of depth, of width and of resolution within the region."""
        inside = self.splits[self.region]
        return tuple((float(inside[:, i].min()), float(inside[:, i].max())) for i in range(3))

    @property
    def open_share(self) -> float:
        """The share of all splits that the region holds."""
        return float(self.region.mean())

    def ahead(self, first: Split, second: Split) -> Estimate:
        """How far one split is ahead of another, in points, chosen after looking or not."""
        contrast = self.surface.terms(first) - self.surface.terms(second)
        value, error = float(contrast @ self.surface.weights), float(self.surface._errors(contrast))
        reach = _band(self.surface, _key(self.splits)).pairs * error
        return Estimate(value=value, low=value - reach, high=value + reach)


def fit(trained: Trained, at: float | None = None) -> Surface:
    """The least-squares surface through training runs.

    Args:
        trained: the runs.
        at: log2 of the cost over the baseline's for which it is to answer; the mean of the networks' if None.

    Raises:
        DesignError: if there are fewer than seven networks, they all lie on a line of splits, or no run is
            left to tell noise by.
    """
    names = {name: row for row, name in enumerate(sorted(set(trained.networks)))}
    splits, doublings = np.asarray(trained.splits, float), np.asarray(trained.doublings, float)
    y, network = np.asarray(trained.top1, float), np.array([names[n] for n in trained.networks])
    if len(names) < FEWEST_NETWORKS:
        raise DesignError(
            f"`runs` must be of at least {FEWEST_NETWORKS} networks for a surface over splits, got "
            f"{len(names)}"
        )
    cost_terms = _cost_terms(splits, doublings, len(names))
    x = _terms(splits, doublings, cost_terms)
    if np.linalg.matrix_rank(x, tol=1e-6 * len(x)) < x.shape[1]:
        raise DesignError(
            "`runs` must be of networks whose splits between depth, width and resolution span a surface "
            f"(corners, edges and middle), got {len(names)} whose splits lie too much alike"
        )
    df = len(y) - x.shape[1]
    if df < 1:
        raise DesignError(
            f"`runs` must be more than the {x.shape[1]} coefficients of the surface, got {len(y)}; "
            "more networks or seeds would do"
        )
    weights = np.linalg.lstsq(x, y, rcond=None)[0]
    residuals = float(((y - x @ weights) ** 2).sum())
    within = float(((y - _means(y, network)[network]) ** 2).sum())
    df_within, df_lack = len(y) - len(names), len(names) - x.shape[1]
    floor = 1e-18 * max(1.0, float((y**2).sum()))  # what is less is the rounding of binary numbers
    lack = None
    variance = residuals / df
    if df_within > 0 and df_lack > 0:
        strays = max(0.0, residuals - within) / df_lack
        lack = float(f_distribution.sf(strays / max(within / df_within, floor), df_lack, df_within))
        if lack < SIGNIFICANCE:
            variance, df = strays, df_lack
    variance = max(variance, floor)
    flat = _terms(splits, doublings, cost_terms, splits_too=False)
    flat_weights = np.linalg.lstsq(flat, y, rcond=None)[0]
    more = x.shape[1] - flat.shape[1]
    explained = max(0.0, float(((y - flat @ flat_weights) ** 2).sum()) - residuals)
    each = np.unique(network, return_index=True)[1]
    return Surface(
        trained=trained,
        weights=weights,
        covariance=np.asarray(np.linalg.inv(x.T @ x), float),
        variance=variance,
        df=df,
        run_sd=math.sqrt(within / df_within) if df_within > 0 else None,
        lack_of_fit=lack,
        omnibus=float(f_distribution.sf(explained / more / variance, more, df)),
        left_out_r2=_left_out_r2(x, y, network),
        cost_terms=cost_terms,
        at=float(doublings[each].mean()) if at is None else at,
    )


def read(surface: Surface, named: Mapping[str, Split] | None = None, splits: Floats | None = None) -> Answer:
    """Everything that a surface says of splits.

    Args:
        surface: of training runs of one length.
        named: splits to set against the best one, by their names.
        splits: (splits, 3) those among which the best is looked for; by default the :func:`lattice`, as far
            as it lies among the trained splits.

    Raises:
        DesignError: if no split of the lattice lies among the trained ones.
    """
    if splits is None:
        every = lattice()
        splits = every[surface.inside(every)]
    if not len(splits):
        raise DesignError(
            "`runs` must be of networks whose shares of depth, width and resolution lie between 0 and 1, "
            "got none around any such split"
        )
    terms = surface.terms(splits)
    fitted = terms @ surface.weights
    band = _band(surface, _key(splits))
    scores = np.empty(len(splits))
    flat_within = 0.0
    for row in range(len(splits)):
        contrasts = terms - terms[row]
        ahead, errors = fitted - fitted[row], surface._errors(contrasts)
        there = errors > 0
        scores[row] = np.max(ahead[there] / errors[there], initial=0.0)
        flat_within = max(flat_within, float(np.max(ahead + band.pairs * errors)))
    highest = int(np.argmax(fitted))
    behind_best = fitted - fitted[highest] + band.pairs * surface._errors(terms - terms[highest])
    region = scores <= band.alone
    best = _split(splits[highest])
    answer = Answer(
        surface=surface,
        best=best,
        top1=_estimate(surface, best),
        splits=splits,
        region=region,
        rates=surface.rates(),
        behind=(),
        regret=max(0.0, float(behind_best.max())),
        flat_within=flat_within,
        halving=_halving(scores, band.alone, surface.runs),
    )
    behind = tuple(
        Behind(name=name, split=split, points=answer.ahead(best, split))
        for name, split in (named or {}).items()
    )
    return replace(answer, behind=behind)


def lattice(steps: int = STEPS) -> Floats:
    """Every split in whole steps: ((steps + 1) * (steps + 2) / 2, 3), depth first."""
    points = [
        (depth / steps, width / steps, (steps - depth - width) / steps)
        for depth in range(steps + 1)
        for width in range(steps + 1 - depth)
    ]
    return np.array(points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How the exchange rates move with longer training.

    Attributes:
        images: the two lengths that are compared, the shorter first.
        moves: for each rate its change with each doubling of the training, in points for each tenth; the
            intervals hold for all rates at once.
        later: the rates at ``later_images`` if they go on moving so: an extrapolation.
        later_images: training images that it is for.
    """

    images: tuple[int, int]
    moves: tuple[Rate, ...]
    later: tuple[Rate, ...]
    later_images: float

    @property
    def moving(self) -> bool:
        """Whether a rate is shown to move."""
        return any(rate.points.shown for rate in self.moves)

    @property
    def settled(self) -> bool:
        """Whether no rate is shown to move, and none can move by more than ``SETTLED`` with a doubling."""
        return not self.moving and self.widest <= SETTLED

    @property
    def widest(self) -> float:
        """The most that a rate could move with a doubling, in points for each tenth."""
        return max(max(abs(rate.points.low), abs(rate.points.high)) for rate in self.moves)


def growth(runs: Mapping[int, Trained], later_images: float | None = None) -> Growth:
    """What becomes of the exchange rates from the shortest to the longest length.

    The same runs are looked at after both lengths, so that what is fitted is each run's own change.

    Args:
        runs: at each length, in training images, the same runs in the same order.
        later_images: the length to extrapolate to; eight times the longest by default.

    Raises:
        DesignError: if the lengths are not apart, or are of other runs.
    """
    first, last = min(runs), max(runs)
    if len(runs) < 2 or last < TWICE * first:
        raise DesignError(
            "`lengths` must be at least a factor of 2 apart to tell whether rates still move, got "
            + ", ".join(f"{images:,}" for images in sorted(runs))
        )
    short, long = runs[first], runs[last]
    if short.networks != long.networks or short.splits != long.splits:
        raise DesignError(
            f"`lengths` must be of the same runs, got {len(short.top1)} runs of {first:,} images and "
            f"{len(long.top1)} of {last:,}"
        )
    later = 8.0 * last if later_images is None else later_images
    doubling = math.log2(last / first)
    change = (np.asarray(long.top1) - np.asarray(short.top1)) / doubling
    extrapolated = np.asarray(long.top1) + change * math.log2(later / last)
    return Growth(
        images=(first, last),
        moves=fit(long.at(change.tolist())).rates(),
        later=fit(long.at(extrapolated.tolist())).rates(),
        later_images=later,
    )


def same_slopes(first: Surface, second: Surface) -> float:
    """The probability that two sets of runs would differ so in what splits bring if that were the same.

    An F test of equal coefficients of all terms in the split; levels and costs may differ.

    Args:
        first: surface of one baseline, or of one length.
        second: surface of the other.
    """
    used = 1 + _SPLIT_TERMS
    difference = (first.weights - second.weights)[1:used]
    spread = (first.covariance * first.variance + second.covariance * second.variance)[1:used, 1:used]
    statistic = float(difference @ np.linalg.solve(spread, difference)) / _SPLIT_TERMS
    # Satterthwaite's degrees of freedom of the sum of two variances.
    parts = [float(np.trace(s.covariance[1:used, 1:used]) * s.variance) for s in (first, second)]
    df = sum(parts) ** 2 / sum(part**2 / s.df for part, s in zip(parts, (first, second), strict=True))
    return float(f_distribution.sf(statistic, _SPLIT_TERMS, df))


BENT = np.array(
    [
        [1, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [1, 0, 0, -3, -3, -3],
    ],
    dtype=float,
)
"""(4, terms) in a surface's terms: a plane, and the bend that is 0 at the corners and 1 in the middle."""
_SPLIT_TERMS = 5
_COST_TERMS = 4


def _terms(splits: Floats, doublings: Floats, cost_terms: int, *, splits_too: bool = True) -> Floats:
    """(..., terms): constant, quadratic in the shares of depth and width from a third, and in the cost.

    The cost's terms are itself, its products with both shares, and its square.
    """
    depth, width = splits[..., 0] - 1 / 3, splits[..., 1] - 1 / 3
    of_splits = [depth, width, depth * depth, depth * width, width * width] if splits_too else []
    cost = [doublings, doublings * doublings]
    crossed = [doublings * depth, doublings * width] if splits_too else []
    of_cost = [*cost[:1], *crossed, *cost[1:]] if cost_terms == _COST_TERMS else cost[:cost_terms]
    return np.stack([np.ones_like(depth), *of_splits, *of_cost], axis=-1)


def _cost_terms(splits: Floats, doublings: Floats, networks: int) -> int:
    """How many terms in the cost the runs can carry: none where all cost the same."""
    if float(np.std(doublings)) < LEAST_COST_SPREAD:
        return 0
    for number in (_COST_TERMS, 1):
        x = _terms(splits, doublings, number)
        enough = networks > x.shape[1] + 1
        if enough and np.linalg.matrix_rank(x, tol=1e-3 * len(x)) == x.shape[1]:
            return number
    return 0


def _means(y: Floats, network: NDArray[np.int_]) -> Floats:
    """(networks,) the mean of each network's runs."""
    return np.asarray(np.bincount(network, y) / np.bincount(network), float)


def _left_out_r2(x: Floats, y: Floats, network: NDArray[np.int_]) -> float | None:
    """How much of the differences between networks is predicted, each from the others alone.

    No surface is fitted anew: leaving a network out takes its own pull, the leverage, out of its residual.
    """
    counts, means = np.bincount(network), _means(y, network)
    rows = x[np.unique(network, return_index=True)[1]]
    _, singular, axes = np.linalg.svd(x, full_matrices=False)
    leverage = counts * ((rows @ axes.T / singular) ** 2).sum(axis=1)
    # Without it the others' smallest singular value is at least so large; the rank tells of those in doubt.
    least = singular[-1] * np.sqrt(np.maximum(1 - leverage, 0))
    for index in np.flatnonzero(least < 1e-6 * len(x)):
        if np.linalg.matrix_rank(x[network != index], tol=1e-6 * len(x)) < x.shape[1]:
            return None
    residuals = means - rows @ np.linalg.lstsq(x, y, rcond=None)[0]
    missed = float((counts * (residuals / (1 - leverage)) ** 2).sum())
    others = (y.sum() - counts * means) / (len(y) - counts)
    spread = float((counts * (means - others) ** 2).sum())
    return 1 - missed / spread if spread > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Band:
    """Critical values of the largest of many t statistics between splits.

    Attributes:
        alone: (splits,) of how far any other is ahead of this one, one-sided.
        pairs: of how far any is ahead of any other.
    """

    alone: Floats
    pairs: float


def _key(splits: Floats) -> tuple[bytes, int]:
    return np.ascontiguousarray(splits).tobytes(), len(splits)


def _band(surface: Surface, key: tuple[bytes, int]) -> _Band:
    splits = np.frombuffer(key[0]).reshape(key[1], 3)
    terms = surface.terms(splits)
    size = surface.covariance.shape[0]
    return _simulated(surface.covariance.tobytes(), terms.tobytes(), size, surface.df)


# A report asks for the bands of one design again and again, and designs at several lengths are the same.
@lru_cache(maxsize=16)
def _simulated(covariance: bytes, points: bytes, size: int, df: int) -> _Band:
    spread, terms = np.frombuffer(covariance).reshape(size, size), np.frombuffer(points).reshape(-1, size)
    drawn = terms @ _draws(spread, df)
    # A block of draws for all splits stays in the processor's cache.
    blocks = [np.ascontiguousarray(drawn[:, k : k + BLOCK]) for k in range(0, drawn.shape[1], BLOCK)]
    alone, largest = np.empty(len(terms)), np.zeros(drawn.shape[1])
    for row in range(len(terms)):
        contrasts = terms - terms[row]
        errors = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", contrasts, spread, contrasts), 0))
        there = errors > 0
        if not there.any():
            alone[row] = 0.0
            continue
        # Nothing is ahead of what is the same.
        divisors = np.where(there, errors, 1.0)[:, None]
        ahead = np.concatenate([_farthest(block, row, divisors, there) for block in blocks])
        alone[row] = np.quantile(ahead, CONFIDENCE)
        np.maximum(largest, ahead, out=largest)
    return _Band(alone=alone, pairs=float(np.quantile(largest, CONFIDENCE)))


def _farthest(drawn: Floats, row: int, divisors: Floats, there: NDArray[np.bool_]) -> Floats:
    """(draws,) of how far any of the splits that are ``there`` is ahead of that of ``row``, in its errors."""
    ahead = drawn - drawn[row]
    ahead /= divisors
    ahead[~there] = -np.inf
    return np.asarray(ahead.max(axis=0))


def _draws(covariance: Floats, df: int) -> Floats:
    """(terms, draws) of the weights' error over its standard deviation: a multivariate t."""
    rng = np.random.default_rng(SEED)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    normal = rng.standard_normal((len(covariance), DRAWS))
    return np.asarray(root @ normal / np.sqrt(rng.chisquare(df, DRAWS) / df))


def _largest_of(covariance: Floats, contrasts: Floats, df: int) -> float:
    """The two-sided critical value of a few contrasts at once."""
    errors = np.sqrt(np.einsum("ij,jk,ik->i", contrasts, covariance, contrasts))
    drawn = np.abs(contrasts @ _draws(covariance, df)) / errors[:, None]
    return float(np.quantile(drawn.max(axis=0), CONFIDENCE))


def _halving(scores: Floats, critical: Floats, runs: int) -> int | None:
    """Runs in all at which half as many splits could still be the best, if the surface is as fitted."""
    now = int((scores <= critical).sum())
    for multiple in MULTIPLES:
        if 2 * int((scores * math.sqrt(multiple) <= critical).sum()) <= now:
            return math.ceil(multiple * runs)
    return None


def _estimate(surface: Surface, split: Split) -> Estimate:
    value, half = surface.top1(split)
    return Estimate(value=float(value), low=float(value - half), high=float(value + half))


def _split(row: Floats) -> Split:
    depth, width, resolution = (float(share) for share in row)
    return depth, width, resolution
