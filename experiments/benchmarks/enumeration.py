"""Enumerating a grid of about a million points against a plain Python loop, and the merging that follows.

    python experiments/benchmarks/enumeration.py

Both sides find the triples of the default bounds, at a step of 0.00625 (1,056,321 points), that meet
|alpha * beta^2 * gamma^2 - 2| <= 0.1, in turn: `feasible` on whole arrays, and three nested loops that ask
`Coefficients.satisfies` point by point. They must find the same triples in the same order. The last column
is `distinct`, which makes a network of each distinct rounding of EfficientNet-B0 at phi 1 and merges the
triples that share one; the loop has no counterpart of it.

Expected, in about half a minute on one CPU core: `feasible` under 1 s, a hundred or more times as fast as the
loop.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from itertools import product
from statistics import median
from time import perf_counter
from typing import TypeVar

from scalesearch.hardware.machine import machine
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.spec import Rounding
from scalesearch.scaling import Coefficients
from scalesearch.study.points import GridSpec, distinct, feasible

T = TypeVar("T")


def loop(grid: GridSpec) -> list[list[float]]:
    axes = (grid.axis(name).tolist() for name in ("alpha", "beta", "gamma"))
    return [
        [alpha, beta, gamma]
        for alpha, beta, gamma in product(*axes)
        if Coefficients(alpha=alpha, beta=beta, gamma=gamma).satisfies(grid.tolerance)
    ]


def timed(run: Callable[[], T]) -> tuple[T, float]:
    start = perf_counter()
    result = run()
    return result, perf_counter() - start


def spread(samples: list[float]) -> str:
    return f"{min(samples):.4f} to {max(samples):.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of both sides in turn (default 5)")
    parser.add_argument(
        "--step", type=float, default=0.00625, help="distance of grid points (default 0.00625)"
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"`--rounds` must be >= 1, got {options.rounds}")
    try:
        grid = GridSpec(step=options.step)
    except ValueError as error:
        parser.error(str(error))

    print(", ".join(f"{label}: {value}" for label, value in machine().items()))
    print(f"{grid.points:,} grid points")
    print(f"{'round':>6} {'feasible':>10} {'loop':>10} {'distinct':>10}   seconds")
    arrays, loops, merges = [], [], []
    for number in range(1, options.rounds + 1):
        triples, seconds = timed(partial(feasible, grid))
        arrays.append(seconds)
        expected, seconds = timed(partial(loop, grid))
        loops.append(seconds)
        if triples.tolist() != expected:
            raise SystemExit(f"the two sides disagree: {len(triples):,} and {len(expected):,} triples")
        networks, seconds = timed(partial(distinct, triples, EFFICIENTNET_B0, Rounding(), phi=1.0))
        merges.append(seconds)
        print(f"{number:>6} {arrays[-1]:>10.4f} {loops[-1]:>10.4f} {merges[-1]:>10.4f}")
    print(f"{'median':>6} {median(arrays):>10.4f} {median(loops):>10.4f} {median(merges):>10.4f}")
    print(f"spread: feasible {spread(arrays)}, loop {spread(loops)}, distinct {spread(merges)} s")
    ratio = median(b / a for a, b in zip(arrays, loops, strict=True))
    print(f"both sides found {len(triples):,} triples; they make {len(networks):,} distinct networks")
    print(f"feasible is {ratio:,.0f} times as fast as the loop")


if __name__ == "__main__":
    main()
