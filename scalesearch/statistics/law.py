"""What time costs on a machine: a non-negative law of a network's costs, judged on networks it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from scalesearch.networks.spec import Cost
from scalesearch.records import LAW_TERMS, CostLaw, HeldOut, MeasurementRecord, Setup
from scalesearch.statistics.timing import summarise

FEWEST_FITTED_NETWORKS = len(LAW_TERMS) + 1
"""With as many terms as networks any law fits, and says nothing."""

REWEIGHTINGS = 10
FLOOR = 0.02
"""A relative error below this is noise: no network is believed more for meeting the law better than that."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LawErrors:
    """How far a law is off on networks that it was not fitted on, as absolute relative errors.

    Attributes:
        median: half the networks are predicted at least this well.
        worst: the largest error.
        worst_name: the network with that error.
        networks: how many were predicted.
    """

    median: float
    worst: float
    worst_name: str
    networks: int


def fit_law(measurements: Sequence[MeasurementRecord], *, folds: int = 10, seed: int = 0) -> CostLaw:
    """The law of one setup on one machine, with every network predicted by a law that never saw it.

    Non-negative least squares on relative errors, each term in seconds: no network may get faster by more
    work. Weights are refitted a few times by the inverse of what is left over, which brings the least sum of
    absolute errors: one odd network does not bend the law for all others. The held-out predictions come
    from the same procedure with a fold left out, networks shuffled by ``seed``.

    Args:
        measurements: networks in one setup on one machine; those without a figure are passed over.
        folds: parts that are held out in turn; as many as there are networks where those are fewer.
        seed: of the shuffle.

    Raises:
        ValueError: if fewer than six networks were measured, one comes twice, or setups or machines differ.
    """
    rows = [row for row in measurements if row.outcome == "measured" and row.processes]
    if len({(row.setup, row.machine) for row in rows}) > 1:
        raise ValueError("`measurements` must be of one setup on one machine, got several")
    if len({row.key for row in rows}) < len(rows):
        raise ValueError("`measurements` must hold each network once, got one twice")
    if len(rows) < FEWEST_FITTED_NETWORKS:
        raise ValueError(
            f"`measurements` must hold at least {FEWEST_FITTED_NETWORKS} networks that were measured, got "
            f"{len(rows)}: a law has five terms"
        )
    if folds < 2:
        raise ValueError(f"`folds` must be >= 2, got {folds}")
    setup = rows[0].setup
    terms = np.array([_terms(row, setup) for row in rows])
    seconds = np.array([summarise(row.samples_s).median_s for row in rows])
    predicted = np.empty_like(seconds)
    order = np.random.default_rng(seed).permutation(len(rows))
    for fold in np.array_split(order, min(folds, len(rows))):
        known = np.setdiff1d(order, fold)
        predicted[fold] = terms[fold] @ _fitted(terms[known], seconds[known])
    return CostLaw(
        machine=rows[0].machine,
        setup=setup,
        seconds=dict(zip(LAW_TERMS, map(float, _fitted(terms, seconds)), strict=True)),
        held_out=tuple(
            HeldOut(name=row.name, key=row.key, measured_s=float(is_), predicted_s=float(said))
            for row, is_, said in zip(rows, seconds, predicted, strict=True)
        ),
    )


def term_seconds(law: CostLaw, cost: Cost | MeasurementRecord) -> dict[str, float]:
    """Seconds that each term of the law adds for one pass of the setup's whole batch."""
    amounts = _terms(cost, law.setup)
    return {term: law.seconds[term] * amount for term, amount in zip(LAW_TERMS, amounts, strict=True)}


def predict(law: CostLaw, cost: Cost | MeasurementRecord) -> float:
    """Seconds that the law gives one pass of the setup's whole batch through a network of ``cost``.

    It never falls as a cost grows, so that a budget can be solved for along any dimension. Far outside
    ``law.spread`` it is an extrapolation.
    """
    return sum(term_seconds(law, cost).values())


def seconds_for(law: CostLaw, *, macs: Floats, activations: Floats, params: Floats, layers: Floats) -> Floats:
    """As :func:`predict`, for many networks at once; counts need not be whole.

    Args:
        law: the law.
        macs: (...) multiply-adds for one image.
        activations: (...) output elements for one image.
        params: (...) parameters.
        layers: (...) layers.

    Returns:
        (...) seconds.
    """
    by, images = law.seconds, law.setup.batch_size
    per_image = by["macs"] * macs + by["activations"] * activations
    seconds: Floats = by["constant"] + images * per_image + by["params"] * params + by["layers"] * layers
    return seconds


def errors(law: CostLaw) -> LawErrors:
    """The median and the worst absolute relative error over the held-out networks.

    Raises:
        ValueError: if the law holds none.
    """
    if not law.held_out:
        raise ValueError("`law` must hold predictions of held-out networks, got none")
    worst = max(law.held_out, key=lambda row: abs(row.error))
    return LawErrors(
        median=median(abs(row.error) for row in law.held_out),
        worst=abs(worst.error),
        worst_name=worst.name,
        networks=len(law.held_out),
    )


def _terms(cost: Cost | MeasurementRecord, setup: Setup) -> tuple[float, ...]:
    """The amount of each of ``LAW_TERMS`` in one pass; weights are read, and layers called, once a batch."""
    images = setup.batch_size
    return (
        1.0,
        float(cost.macs * images),
        float(cost.activations * images),
        float(cost.params),
        float(cost.layers),
    )


def _fitted(terms: Floats, seconds: Floats) -> Floats:
    """Non-negative seconds per unit of each term, by reweighted least squares on relative errors.

    Args:
        terms: (networks, terms).
        seconds: (networks,).
    """
    # Multiply-adds come in billions and layers in dozens: as they are, the solver would lose the small ones.
    unit = terms.max(axis=0)
    rows = terms / unit / seconds[:, None]
    weights = np.ones(len(seconds))
    for _ in range(1 + REWEIGHTINGS):
        found, _ = nnls(rows * weights[:, None], weights)
        weights = 1 / np.sqrt(np.maximum(np.abs(rows @ found - 1), FLOOR))
    per_unit: Floats = found / unit
    return per_unit
