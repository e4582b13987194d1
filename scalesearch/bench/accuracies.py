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
from scalesearch.belief.surface import (
    FEWEST_NETWORKS,
    LEAST_COST_SPREAD,
    fit_surface,
    highest,
    resampled_highest,
)
from scalesearch.bench.split import NOMINAL, latency_ratio, macs_ratio, reach, simplex, smooth_cost
from scalesearch.files import read_toml
from scalesearch.plain import typed
from scalesearch.records import BestSplits, CostLaw
from scalesearch.records.law import Triple

__all__ = ["Accuracies", "best_splits", "read_accuracies"]

TABLES = ("candidates.csv", "sweep.csv")
RESOLUTION = "baseline_resolution"
STEPS = 25
"""Shares are offered in steps of 4%."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracies:
    """Trained networks of one run, as lists of equal length.

    Attributes:
        source: the run's folder.
        growth: log2 of ``d``, ``w**2`` and ``r**2``: the nominal doublings that each dimension got.
        doublings: log2 of the multiply-adds over the baseline's.
        top1: means over seeds, as fractions.
        noise: standard error of each mean, by the spread over seeds that all networks have in common; 0
            where no network was trained with two seeds.
        best: multipliers of depth, width and resolution of the network with the highest mean.
        seeds: the fewest seeds of a network.
    """

    source: str
    growth: tuple[Triple, ...]
    doublings: tuple[float, ...]
    top1: tuple[float, ...]
    noise: tuple[float, ...]
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
        accuracies = typed(cls, data)
        lengths = {
            len(accuracies.growth),
            len(accuracies.doublings),
            len(accuracies.top1),
            len(accuracies.noise),
        }
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
    spreads = [float(row["top1_sd"]) for row in rows if row.get("top1_sd")]
    common = math.sqrt(sum(sd**2 for sd in spreads) / len(spreads)) if spreads else 0.0
    top1 = [float(row["top1"]) for row in rows]
    grown = [index for index, (_, doublings, _) in enumerate(placed) if doublings > LEAST_COST_SPREAD]
    best = max(grown, key=lambda index: top1[index])
    return Accuracies(
        source=str(folder),
        growth=tuple(growth for growth, _, _ in placed),
        doublings=tuple(doublings for _, doublings, _ in placed),
        top1=tuple(top1),
        noise=tuple(common / math.sqrt(n) for n in seeds),
        best=placed[best][2],
        seeds=min(seeds),
    )


def best_splits(known: Accuracies, base: Arch, law: CostLaw, *, resamples: int = 400) -> BestSplits:
    """Where the run's accuracies put the best split of twice the multiply-adds, and of twice the time.

    The directions come from the run's own networks; how far each can be gone within a budget, from the
    full-size ``base``. Where all networks of the run cost about the same, it doesn't say what going farther
    brings, and there is no answer for the time.
    """
    growth, doublings, top1, noise = (
        np.array(values, float) for values in (known.growth, known.doublings, known.top1, known.noise)
    )
    cost = smooth_cost(base)
    by_macs = macs_ratio(cost)
    tells_cost = float(doublings.std()) >= LEAST_COST_SPREAD
    if not tells_cost:
        # Differences of cost this small say nothing, but a line through them would be steep.
        doublings = np.ones_like(doublings)
    directions = simplex(STEPS)
    offered = []
    for ratio in [by_macs, latency_ratio(cost, law)] if tells_cost else [by_macs]:
        multipliers = reach(ratio, directions)
        offered.append((NOMINAL * np.log2(multipliers), np.log2(by_macs(multipliers))))
    surface = fit_surface(growth, doublings, top1)
    best = [directions[highest(surface, *one)] for one in offered]
    cloud = directions[
        resampled_highest(growth, doublings, top1, noise, offered=offered, resamples=resamples)
    ]
    moves: tuple[tuple[float, float, float], ...] = ()
    if tells_cost:
        low, high = np.quantile(cloud[:, 1] - cloud[:, 0], (0.025, 0.975), axis=0)
        moves = tuple(
            (float(move), float(a), float(b)) for move, a, b in zip(best[1] - best[0], low, high, strict=True)
        )
    return BestSplits(
        setup=law.setup,
        source=known.source,
        networks=surface.networks,
        error=surface.error,
        mean_error=surface.mean_error,
        tells_cost=tells_cost,
        macs=_triple(best[0]),
        latency=_triple(best[1]) if tells_cost else None,
        macs_cloud=tuple(_triple(one) for one in cloud[:, 0]),
        latency_cloud=tuple(_triple(one) for one in cloud[:, 1]) if tells_cost else (),
        moves=moves,
    )


def _baseline_resolution(folder: Path) -> int:
    tables = read_toml(folder / "run.toml")
    for table in tables.values():
        if isinstance(table, dict) and RESOLUTION in table:
            return int(table[RESOLUTION])
    raise KeyError(RESOLUTION)


def _placed(row: Mapping[str, str], side: int) -> tuple[Triple, float, Triple]:
    """Nominal doublings by dimension, doublings of the multiply-adds in fact, multipliers."""
    depth, width, resolution = float(row["depth"]), float(row["width"]), float(row["resolution"]) / side
    growth = (math.log2(depth), 2 * math.log2(width), 2 * math.log2(resolution))
    return growth, math.log2(float(row["macs_ratio"])), (depth, width, resolution)


def _triple(values: np.ndarray[Any, np.dtype[np.float64]]) -> Triple:
    return float(values[0]), float(values[1]), float(values[2])
