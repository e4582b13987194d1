"""Networks timed for a law, the law, and the splits that are best under it."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalesearch.commands.law.settings import LawSettings
from scalesearch.commands.measure.run import (
    SampleStore,
    Stored,
    Task,
    job_name,
    run_job,
)
from scalesearch.commands.measure.subjects import Base, Subject
from scalesearch.files import read_toml
from scalesearch.networks.baselines import EFFICIENTNET_B0, PAPER_COEFFICIENTS, published_family
from scalesearch.networks.cost import count
from scalesearch.networks.matching import Dimension, Matched, UnreachableError, match, refusal
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Arch, RefusedError, Rounding
from scalesearch.plain import typed
from scalesearch.records import (
    BestSplits,
    CostLaw,
    KindTime,
    LawRecord,
    MeasurementRecord,
    MeasureRecord,
    Price,
    Setup,
    Split,
)
from scalesearch.records.runs import LEAST_DOUBLINGS
from scalesearch.records.timings import Triple
from scalesearch.scaling import Coefficients, Multipliers, Shares, shares_of
from scalesearch.statistics.answer import FEWEST_NETWORKS, DesignError, Surface, Trained, fit
from scalesearch.statistics.law import FEWEST_FITTED_NETWORKS, fit_law, predict, seconds_for
from scalesearch.statistics.timing import ratio_of_samples
from scalesearch.workers.executor import Executor
from scalesearch.workers.jobs import KindsSpec

# ----------------------------------------------------------------------------------------------------
# Where a budget should go when it is counted in time: what each dimension costs, and what follows from it.
#
# Whole blocks, channels and pixels make costs jump, by more than the differences that matter here. So
# splits are worked out on a smooth cost: a polynomial that is exact wherever a network needs no rounding.

BUDGET_RATIO = 2.0
"""A step of phi: the budget is twice the baseline's cost."""

DIMENSIONS: tuple[Dimension, ...] = ("depth", "width", "resolution")
NOMINAL = np.array([1.0, 2.0, 2.0])
"""Exponents of depth, width and resolution in multiply-adds by the rule."""

COUNTS = ("macs", "activations", "params", "layers")
# Multipliers that need no rounding: enough of them for a cost that is linear in depth, quadratic in width and
# linear in the area of the image.
DEPTHS, WIDTHS, SIDES = (1, 2), (1, 2, 3), (1, 2)
MOST_DOUBLINGS = 16.0
HALVINGS = 60

Floats = NDArray[np.float64]
Ratio = Callable[[Floats], Floats]
"""(..., 3) multipliers of depth, width and resolution to (...) cost over the baseline's."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SmoothCost:
    """Costs of a baseline at any multipliers, as if layers, channels and pixels could be divided."""

    weights: Mapping[str, Floats]

    def counts(self, multipliers: Floats) -> dict[str, Floats]:
        """Each of ``macs``, ``activations``, ``params`` and ``layers`` for (..., 3) multipliers: (...)."""
        powers = _powers(multipliers)
        return {name: powers @ weights for name, weights in self.weights.items()}


def smooth_cost(base: Arch) -> SmoothCost:
    """The polynomial through the networks that whole multipliers make of ``base``.

    A side that the network's strides do not divide is rounded up inside it; the polynomial is fitted to
    sides that are divided, so there it lies a little below the base's own cost.
    """
    strides = base.total_stride
    side, across = (strides * -(-pixels // strides) for pixels in base.input_size)
    exact = Rounding(channel_divisor=1, min_kept_fraction=0.0)
    points, rows = [], []
    for depth, width, times in product(DEPTHS, WIDTHS, SIDES):
        multipliers = Multipliers(depth=depth, width=width)
        scaled = scale(base, multipliers, exact, resolution=times * side)
        cost = count(replace(scaled, resolution_width=times * across))
        points.append((depth, width, _larger(base, times * side, times * across)))
        rows.append([getattr(cost, name) for name in COUNTS])
    weights = np.linalg.solve(_powers(np.array(points, float)), np.array(rows, float))
    return SmoothCost(weights=dict(zip(COUNTS, weights.T, strict=True)))


def _larger(base: Arch, height: int, width: int) -> float:
    """Times as large a side: of oblong inputs, the side of a square of the same area."""
    own_height, own_width = base.input_size
    if own_height == own_width:
        return height / own_height
    return math.sqrt(height * width / (own_height * own_width))


def macs_ratio(cost: SmoothCost) -> Ratio:
    """Multiply-adds over the baseline's."""
    base = cost.counts(np.ones(3))["macs"]
    return lambda multipliers: np.asarray(cost.counts(multipliers)["macs"] / base)


def latency_ratio(cost: SmoothCost, law: CostLaw) -> Ratio:
    """Seconds by the law over the baseline's."""
    base = seconds_for(law, **cost.counts(np.ones(3)))
    return lambda multipliers: np.asarray(seconds_for(law, **cost.counts(multipliers)) / base)


def reach(ratio: Ratio, directions: Floats, target: float = BUDGET_RATIO) -> Floats:
    """How far each direction may be gone within a budget.

    Args:
        ratio: the cost that is budgeted; it must not fall as multipliers grow.
        directions: (n, 3) shares of the nominal growth for depth, width and resolution: by the rule, going
            ``t`` along one multiplies the multiply-adds by ``2**t``.
        target: the budget over the baseline's cost.

    Returns:
        (n, 3) multipliers that spend the budget, or 16 nominal doublings where even those do not.
    """
    log2 = directions / NOMINAL
    low, high = np.zeros(len(directions)), np.ones(len(directions))
    while np.any(short := (ratio(2 ** (high[:, None] * log2)) < target) & (high < MOST_DOUBLINGS)):
        high = np.where(short, 2 * high, high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        under = ratio(2 ** (middle[:, None] * log2)) < target
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    found: Floats = 2 ** (high[:, None] * log2)
    return found


def doubled(base: Arch, rounding: Rounding) -> dict[Dimension, Matched]:
    """The baseline scaled in one dimension alone until its multiply-adds have doubled, as networks to build.

    Raises:
        UnreachableError: if a dimension cannot double them.
    """
    alone = Coefficients(alpha=1.0, beta=1.0, gamma=1.0)
    target = BUDGET_RATIO * count(base).macs
    found = {}
    for dimension in DIMENSIONS:
        one = match(
            base, alone, 0.0, rounding, by=dimension, target=target, cost=lambda arch: count(arch).macs
        )
        found[dimension] = replace(one, arch=replace(one.arch, name=f"{base.name}-{dimension}-2x"))
    return found


def prices(base: Arch, law: CostLaw, rounding: Rounding) -> tuple[Price, ...]:
    """What doubling the budget by one dimension alone takes, in multiply-adds and in time by the law."""
    cost, built = smooth_cost(base), doubled(base, rounding)
    by_macs, by_time = macs_ratio(cost), latency_ratio(cost, law)
    alone = np.eye(3)
    with_macs, with_time = reach(by_macs, alone), reach(by_time, alone)
    base_cost = count(base)
    found = []
    for index, dimension in enumerate(DIMENSIONS):
        macs_multiplier, time_multiplier = with_macs[index, index], with_time[index, index]
        one = built[dimension]
        built_cost = count(one.arch)
        found.append(
            Price(
                setup=law.setup,
                dimension=dimension,
                nominal_exponent=float(NOMINAL[index]),
                macs_exponent=_exponent(macs_multiplier),
                latency_exponent=_exponent(time_multiplier),
                latency_ratio=float(by_time(with_macs[index])),
                built=one.arch.name,
                built_key=one.arch.key,
                built_macs_ratio=built_cost.macs / base_cost.macs,
                built_activations_ratio=built_cost.activations / base_cost.activations,
                built_layers_ratio=built_cost.layers / base_cost.layers,
                built_latency_ratio=predict(law, built_cost) / predict(law, base_cost),
            )
        )
    return tuple(found)


def splits(base: Arch, law: CostLaw, rules: Mapping[str, Shares]) -> tuple[Split, ...]:
    """For each rule, how it spends twice the multiply-adds, and how it would spend twice the time.

    A rule gives each dimension a share of the budget's growth. What a share buys is up to the budget: where a
    dimension alone needs a multiplier of m to spend it all, a share s of it buys about ``m**s``. The point is
    then moved along its own ray until it spends the budget exactly.
    """
    cost = smooth_cost(base)
    by_macs, by_time = macs_ratio(cost), latency_ratio(cost, law)
    found = []
    for rule, shares in rules.items():
        given = np.array([shares.depth, shares.width, shares.resolution])
        for budget, ratio in (("macs", by_macs), ("latency", by_time)):
            alone = np.diag(reach(ratio, np.eye(3)))
            growth = NOMINAL * given * np.log2(alone)
            at = reach(ratio, (growth / growth.sum())[None])[0]
            found.append(
                Split(
                    setup=law.setup,
                    rule=rule,
                    budget=budget,
                    depth=float(at[0]),
                    width=float(at[1]),
                    resolution=float(at[2]),
                    macs_ratio=float(by_macs(at)),
                    latency_ratio=float(by_time(at)),
                )
            )
    return tuple(found)


def simplex(steps: int) -> Floats:
    """(points, 3) shares of depth, width and resolution in steps of ``1 / steps``."""
    found = [
        (depth, width, steps - depth - width)
        for depth in range(steps + 1)
        for width in range(steps + 1 - depth)
    ]
    return np.array(found, float) / steps


def _exponent(multiplier: float) -> float:
    """The exponent that makes ``multiplier`` a doubling of the cost."""
    return math.log(BUDGET_RATIO) / math.log(multiplier)


def _powers(multipliers: Floats) -> Floats:
    """(..., 12): every product of a power of depth, of width and of the image's area."""
    depth, width, side = multipliers[..., 0], multipliers[..., 1], multipliers[..., 2]
    terms = [
        depth**i * width**j * side ** (2 * k)
        for i, j, k in product(range(len(DEPTHS)), range(len(WIDTHS)), range(len(SIDES)))
    ]
    return np.stack(terms, axis=-1)


# ----------------------------------------------------------------------------------------------------
# Accuracies of a finished run: where each network's growth went, what it got, and the best split by that.

TABLES = ("candidates.csv", "sweep.csv")
RESOLUTION_FIELD = "baseline_resolution"
STEPS = 25
"""Shares are offered in steps of 4%."""
SEED = 1905
DOUBLINGS = ("depth_doublings", "width_doublings", "resolution_doublings")
SHARES = ("depth_share", "width_share", "resolution_share")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracies:
    """Trained networks of one run, as lists of equal length.

    Attributes:
        source: the run's folder.
        growth: doublings of the cost that each dimension got as built; of runs that did not keep them log2 of
            ``d``, ``w**2`` and ``r**2``.
        doublings: log2 of the multiply-adds over the baseline's.
        top1: means over seeds, as fractions.
        best: multipliers of depth, width and resolution of the network with the highest mean.
        seeds: the fewest seeds of a network.
    """

    source: str
    growth: tuple[Triple, ...]
    doublings: tuple[float, ...]
    top1: tuple[float, ...]
    best: Triple
    seeds: int

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Accuracies:
        """What :meth:`to_dict` gave.

        Raises:
            ValueError: if it is no such table, or its lists are not of one length, or too short.
        """
        # Earlier versions kept the noise of each mean.
        accuracies = typed(cls, {name: value for name, value in data.items() if name != "noise"})
        lengths = {len(accuracies.growth), len(accuracies.doublings), len(accuracies.top1)}
        if len(lengths) > 1 or min(lengths) < FEWEST_NETWORKS:
            raise ValueError(
                f"lists must be of one length, at least {FEWEST_NETWORKS}, got {sorted(lengths)}"
            )
        return accuracies


def read_accuracies(folder: Path) -> Accuracies:
    """The networks that the grid or sweep in ``folder`` trained to the end.

    Raises:
        ValueError: naming ``run``, if there is no such run, or it trained too few networks.
    """
    table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    if table is None:
        raise ValueError(
            f"`run` must be the folder of a grid or a sweep, got {folder}: no {' or '.join(TABLES)}"
        )
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["status"] == "completed" and row["top1"]]
        side = _baseline_resolution(folder)
        placed = [_placed(row, side) for row in rows]
    except (OSError, KeyError, ValueError, UnicodeDecodeError) as error:
        raise ValueError(
            f"`run` must be the folder of a grid or a sweep with its run.toml, got {folder}: {error!r}"
        ) from error
    if len(placed) < FEWEST_NETWORKS:
        raise ValueError(
            f"`run` must have trained at least {FEWEST_NETWORKS} networks to the end, got {folder}, which "
            f"trained {len(placed)}"
        )
    seeds = [int(row.get("seeds") or 1) for row in rows]
    top1 = [float(row["top1"]) for row in rows]
    grown = [index for index, (_, doublings, _) in enumerate(placed) if doublings > LEAST_DOUBLINGS]
    best = max(grown or range(len(top1)), key=lambda index: top1[index])
    accuracies = Accuracies(
        source=str(folder),
        growth=tuple(growth for growth, _, _ in placed),
        doublings=tuple(doublings for _, doublings, _ in placed),
        top1=tuple(top1),
        best=placed[best][2],
        seeds=min(seeds),
    )
    try:
        surface_of(accuracies)
    except DesignError as error:
        why = str(error).replace("`runs` must be of ", "").replace("`", "")
        raise ValueError(
            f"`run` must have trained what a surface over splits can be fitted to: {why} in {folder}"
        ) from error
    return accuracies


def surface_of(known: Accuracies) -> Surface:
    """The surface over splits, and over the cost where that differs, through the networks' mean top-1.

    Networks of about the baseline's cost share out nothing, and are left out.

    Raises:
        DesignError: if the networks are too few, or too much alike.
    """
    rows = [
        (growth, doublings, top1)
        for growth, doublings, top1 in zip(known.growth, known.doublings, known.top1, strict=True)
        if abs(sum(growth)) >= LEAST_DOUBLINGS
    ]
    shares = [np.array(growth) / sum(growth) for growth, _, _ in rows]
    return fit(
        Trained(
            splits=tuple(map(_triple, shares)),
            doublings=tuple(doublings for _, doublings, _ in rows),
            networks=tuple(str(number) for number in range(len(rows))),
            top1=tuple(100 * top1 for *_, top1 in rows),
        )
    )


def best_splits(known: Accuracies, base: Arch, law: CostLaw, *, resamples: int = 400) -> BestSplits:
    """Where the run's accuracies put the best split of twice the multiply-adds, and of twice the time.

    The directions come from the run's own networks; how far each can be gone within a budget, from the
    full-size ``base``. Where all networks of the run cost about the same, it doesn't say what going farther
    brings, and there is no answer for the time.

    Raises:
        DesignError: as :func:`surface_of`.
    """
    surface = surface_of(known)
    cost = smooth_cost(base)
    by_macs = macs_ratio(cost)
    tells_cost = surface.cost_terms > 0
    every = simplex(STEPS)
    inside = surface.inside(every)
    directions = every[inside] if inside.any() else every
    offered = []
    for ratio in [by_macs, latency_ratio(cost, law)] if tells_cost else [by_macs]:
        offered.append(surface.terms(directions, np.log2(by_macs(reach(ratio, directions)))))
    drawn = _drawn(surface, resamples)
    best = [directions[int(np.argmax(terms @ surface.weights))] for terms in offered]
    cloud = directions[np.stack([np.argmax(terms @ drawn, axis=0) for terms in offered], axis=1)]
    moves: tuple[tuple[float, float, float], ...] = ()
    if tells_cost:
        low, high = np.quantile(cloud[:, 1] - cloud[:, 0], (0.025, 0.975), axis=0)
        moves = tuple(
            (float(move), float(a), float(b)) for move, a, b in zip(best[1] - best[0], low, high, strict=True)
        )
    top1 = np.array(surface.trained.top1) / 100
    mean_error = float(np.sqrt(np.mean(((top1.sum() - top1) / (len(top1) - 1) - top1) ** 2)))
    # Where one left out leaves too few for a surface, nothing says that it predicts anything.
    predicted = 0.0 if surface.left_out_r2 is None else surface.left_out_r2
    return BestSplits(
        setup=law.setup,
        source=known.source,
        networks=surface.networks,
        error=mean_error * math.sqrt(max(0.0, 1 - predicted)),
        mean_error=mean_error,
        tells_cost=tells_cost,
        macs=_triple(best[0]),
        latency=_triple(best[1]) if tells_cost else None,
        macs_cloud=tuple(_triple(one) for one in cloud[:, 0]),
        latency_cloud=tuple(_triple(one) for one in cloud[:, 1]) if tells_cost else (),
        moves=moves,
    )


def _drawn(surface: Surface, draws: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(terms, draws) weights that the surface's own might as well have been: a multivariate t around them."""
    rng = np.random.default_rng(SEED)
    values, vectors = np.linalg.eigh(surface.covariance * surface.variance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    normal = rng.standard_normal((len(values), draws))
    spread = np.sqrt(rng.chisquare(surface.df, draws) / surface.df)
    return np.asarray(surface.weights[:, None] + root @ normal / spread)


def _baseline_resolution(folder: Path) -> int:
    tables = read_toml(folder / "run.toml")
    for table in tables.values():
        if isinstance(table, dict) and RESOLUTION_FIELD in table:
            return int(table[RESOLUTION_FIELD])
    raise KeyError(RESOLUTION_FIELD)


def _placed(row: Mapping[str, str], side: int) -> tuple[Triple, float, Triple]:
    """Doublings that went to each dimension, those of the multiply-adds in all, multipliers."""
    depth, width, resolution = float(row["depth"]), float(row["width"]), float(row["resolution"]) / side
    doublings = math.log2(float(row["macs_ratio"]))
    growth = (math.log2(depth), 2 * math.log2(width), 2 * math.log2(resolution))
    if all(row.get(name) for name in DOUBLINGS):
        growth = (float(row[DOUBLINGS[0]]), float(row[DOUBLINGS[1]]), float(row[DOUBLINGS[2]]))
    elif all(row.get(name) for name in SHARES):
        depth_share, width_share, resolution_share = (doublings * float(row[name]) for name in SHARES)
        growth = (depth_share, width_share, resolution_share)
    return growth, doublings, (depth, width, resolution)


def _triple(values: np.ndarray[Any, np.dtype[np.float64]]) -> Triple:
    return float(values[0]), float(values[1]), float(values[2])


# ----------------------------------------------------------------------------------------------------
# What ``scalesearch law`` is asked for, and the networks that it measures.

NUMBERED = tuple(f"b{index}" for index in range(8))

DEPTH, WIDTH, RESOLUTION = (1.0, 3.0), (0.5, 2.0), (0.5, 2.5)
"""Between what multipliers the random networks are drawn, each evenly on a logarithmic scale."""


def law_subjects(settings: LawSettings) -> tuple[Subject, ...]:
    """The networks of the law, each once: the family, the random ones, the ones of twice the multiply-adds.

    The family is B0 to B7; of another baseline (or a reduced one) it is what their multipliers make of it.
    Networks that a user's own code refuses to be are left out.
    """
    base = settings.base
    networks = [(one.name, one) for one in _family(base)]
    rng = np.random.default_rng(settings.seed)
    for _ in range(settings.random):
        drawn = (float(np.exp(rng.uniform(*np.log(between)))) for between in (DEPTH, WIDTH, RESOLUTION))
        networks.append(base.scaled(*(round(value, 2) for value in drawn)))
    networks += [(one.name, one) for one in doubled_archs(base).values()]
    once = {arch.key: Subject(name=name, arch=arch) for name, arch in reversed(networks)}
    return tuple(subject for subject in reversed(once.values()) if not refusal(subject.arch))


def _family(base: Base) -> list[Arch]:
    published = [network for name, network in published_family().items() if name in NUMBERED]
    if replace(base.arch, name=EFFICIENTNET_B0.name) == EFFICIENTNET_B0:
        return [network.arch() for network in published]
    found = []
    for network in published:
        sharper = network.resolution / EFFICIENTNET_B0.resolution
        multipliers = Multipliers(depth=network.depth, width=network.width, resolution=sharper)
        arch = scale(base.arch, multipliers, base.rounding)
        found.append(replace(arch, name=f"{base.label}-like-{network.name}"))
    return found


def doubled_archs(base: Base) -> dict[str, Arch]:
    """The baseline scaled in one dimension alone to twice its multiply-adds; none where one cannot be."""
    try:
        named = replace(base.arch, name=base.label)
        return {dimension: one.arch for dimension, one in doubled(named, base.rounding).items()}
    except (RefusedError, UnreachableError):
        return {}


# ----------------------------------------------------------------------------------------------------
# ``scalesearch law``: which networks it measures, and the record that is derived from what they took.

KINDS = "kinds"
"""What the job that tells kinds of layers apart is kept under."""
PAPER_RULE = "the paper's rule"
RUN_BEST = "the run's best network"


def kinds_tasks(settings: LawSettings) -> tuple[Task, ...]:
    """The networks whose time is told apart by kind of layer, in the first eager setup; none without one."""
    eager = [setup for setup in settings.measuring.setups if setup.runtime == "eager"]
    if not eager:
        return ()
    base = settings.base
    archs = {base.label: base.arch} | {arch.name: arch for arch in doubled_archs(base).values()}
    return tuple(Task(subject=Subject(name=name, arch=arch), setup=eager[0]) for name, arch in archs.items())


def run_kinds(
    store: SampleStore,
    tasks: Sequence[Task],
    machine: str,
    executor: Executor,
    *,
    session: str,
    started: Callable[[str], None] = lambda _label: None,
) -> None:
    """Tells the kinds of layers apart in each task that has not been looked at; results are kept at once.

    ``started`` hears of each job in words.

    Raises:
        OSError: if a result cannot be written.
    """
    for task in tasks:
        if store.read(machine, task.subject, task.setup, KINDS) is None:
            started(f"{task.subject.name} by kind of layer, {task.setup.label}")
            key = f"{job_name(task.subject, task.setup)}.{KINDS}"
            spec = KindsSpec(key=key, arch=task.subject.arch, setup=task.setup)
            stored = run_job(executor, spec.to_dict(), session)
            store.keep(machine, task.subject, task.setup, KINDS, stored)


def forget_failed_kinds(store: SampleStore, settings: LawSettings, machine: str) -> None:
    """Has the tasks whose kinds of layers could not be told apart be tried once more."""
    for task in kinds_tasks(settings):
        stored = store.read(machine, task.subject, task.setup, KINDS)
        if stored is not None and stored.reason:
            store.forget(machine, task.subject, task.setup, KINDS)


def law_record(
    measured: MeasureRecord,
    settings: LawSettings,
    kinds: tuple[KindTime, ...] = (),
    missing: Sequence[str] = (),
    accuracies: Accuracies | None = None,
) -> LawRecord:
    """The laws that fit what was measured, and all that follows from them.

    Args:
        measured: the networks.
        settings: of the run.
        kinds: where the time goes, by kind of layer.
        missing: notes on what of all this the run's folder has not.
        accuracies: of a finished run.
    """
    measured = replace(measured, settings=settings.to_dict())
    laws, notes = _laws(measured)
    base = replace(settings.base.arch, name=settings.base.label)
    found_prices: list[Price] = []
    found_splits: list[Split] = []
    best: list[BestSplits] = []
    rules = _rules(accuracies)
    for law in laws:
        try:
            found_prices += _measured_prices(prices(base, law, settings.base.rounding), law, measured, base)
            found_splits += splits(base, law, rules)
            if accuracies:
                best.append(best_splits(accuracies, base, law))
        except UnreachableError as error:
            notes.append(f"No split is worked out: {error}".replace("`", ""))
    notes += missing
    return LawRecord(
        measured=measured,
        laws=tuple(laws),
        kinds=kinds,
        kinds_setup=kinds_tasks(settings)[0].setup if kinds else None,
        baseline=base.name,
        base_cost=count(base),
        prices=tuple(found_prices),
        splits=tuple(found_splits),
        best=tuple(best),
        notes=tuple(dict.fromkeys(notes)),
    )


def _rules(accuracies: Accuracies | None) -> dict[str, Shares]:
    rules = {PAPER_RULE: shares_of(PAPER_COEFFICIENTS)}
    # A matched network may be narrower than the baseline: then its growth has no shares.
    if accuracies and min(accuracies.best) >= 1 and max(accuracies.best) > 1:
        depth, width, resolution = accuracies.best
        rules[RUN_BEST] = shares_of(Coefficients(alpha=depth, beta=width, gamma=resolution))
    return rules


def _laws(measured: MeasureRecord) -> tuple[list[CostLaw], list[str]]:
    rows: dict[Setup, list[MeasurementRecord]] = {}
    for row in measured.measurements:
        rows.setdefault(row.setup, []).append(row)
    laws, notes = [], []
    for setup, own in rows.items():
        good = [row for row in own if row.outcome == "measured"]
        if len(good) >= FEWEST_FITTED_NETWORKS:
            laws.append(fit_law(good))
        else:
            notes.append(
                f"No law for {setup.label}: {len(good)} networks were measured, "
                f"it takes {FEWEST_FITTED_NETWORKS}."
            )
        for outcome in ("out of memory", "failed"):
            lost = [row for row in own if row.outcome == outcome]
            if lost:
                names = ", ".join(row.name for row in lost)
                notes.append(f"Without a figure in {setup.label} ({outcome}: {lost[0].reason}): {names}.")
    return laws, notes


def _measured_prices(
    found: Sequence[Price], law: CostLaw, measured: MeasureRecord, base: Arch
) -> list[Price]:
    rows = {
        row.key: row for row in measured.measurements if row.setup == law.setup and row.outcome == "measured"
    }
    own = rows.get(base.key)
    if own is None:
        return list(found)
    ratios = {
        price.built_key: ratio_of_samples(own.samples_s, rows[price.built_key].samples_s)
        for price in found
        if price.built_key in rows
    }
    return [
        replace(price, measured=(ratio.ratio, ratio.low, ratio.high))
        if (ratio := ratios.get(price.built_key))
        else price
        for price in found
    ]


def kinds_of_store(
    store: SampleStore, settings: LawSettings, measured: MeasureRecord
) -> tuple[tuple[KindTime, ...], tuple[str, ...]]:
    """The time by kind of layer of every task that was looked at, and a note for each that failed."""
    found, notes = [], []
    for task in kinds_tasks(settings):
        stored: Stored | None = store.read(measured.machines[0].key, task.subject, task.setup, KINDS)
        if stored is None or stored.reason:
            reason = stored.reason if stored else "not measured yet"
            notes.append(f"The time of {task.subject.name} is not told apart by kind of layer: {reason}.")
            continue
        found += [
            KindTime(name=task.subject.name, kind=kind, seconds=seconds)
            for kind, seconds in stored.result["seconds"].items()
            if math.isfinite(seconds)
        ]
    return tuple(found), tuple(notes)


def kinds_of_table(path: Path) -> tuple[KindTime, ...]:
    """The time by kind of layer as a table has it that was written of it.

    Raises:
        ValueError: naming file and row (the header is row 1) where it isn't as it was written.
        OSError: if it cannot be read.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(enumerate(csv.DictReader(file), 2))
    kinds = []
    for number, row in rows:
        try:
            kinds.append(KindTime(name=row["name"], kind=row["kind"], seconds=float(row["seconds"])))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path.name}, row {number}: must be as it was written: {error}") from error
    return tuple(kinds)
