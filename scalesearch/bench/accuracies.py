"""Accuracies of a finished run: where each network's growth went, what it got, and the best split by that."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scalesearch.architecture.spec import Arch
from scalesearch.belief.answer import FEWEST_NETWORKS, DesignError, Surface, Trained, fit
from scalesearch.bench.split import latency_ratio, macs_ratio, reach, simplex, smooth_cost
from scalesearch.files import read_toml
from scalesearch.plain import typed
from scalesearch.records import BestSplits, CostLaw
from scalesearch.records.law import Triple
from scalesearch.records.search import LEAST_DOUBLINGS

__all__ = ["Accuracies", "best_splits", "read_accuracies", "surface_of"]

TABLES = ("candidates.csv", "sweep.csv")
RESOLUTION = "baseline_resolution"
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
    # Where one left out leaves too few for a surface, nothing says that it foretells anything.
    foretold = 0.0 if surface.left_out_r2 is None else surface.left_out_r2
    return BestSplits(
        setup=law.setup,
        source=known.source,
        networks=surface.networks,
        error=mean_error * math.sqrt(max(0.0, 1 - foretold)),
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
        if isinstance(table, dict) and RESOLUTION in table:
            return int(table[RESOLUTION])
    raise KeyError(RESOLUTION)


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
