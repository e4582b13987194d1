"""How good the answers of a surface are, on surfaces of which the best split is known.

Draws surfaces of top-1 over splits of 8 points' range, trains nothing: runs are the surface's value and
normal noise. Prints, for each kind of surface and each design, the mean regret of the surface's best split
and of the best network by its mean (best-of-n), how often the 95% region holds the truly best split, how
often nothing is shown ("flat"), how often lack of fit is reported, and the mean half width of the exchange
rates' intervals.

Then it says how many runs the plain way takes for the same regret: every network of the default grid trained,
the best mean chosen. With ``--runs FOLDER`` the same is asked of a folder's real runs: both choose by some of
them, and what they chose is judged by runs that neither has seen.

Command: ``python experiments/benchmarks/answers.py [--surfaces 300] [--runs reports/step1-efficientnet-b0]``.
Cost: about 3 minutes on one core.
Expected: 24 runs with a noise of 4 points: regret at most 0.9, the region right at least 92% of the time; 144
runs with a noise of 2: regret at most 0.2, rates within 0.27; flat at least 90% of the time where there is
nothing; on surfaces that are no quadratics the region right at least 85% of the time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scalesearch.runs.kept import kept_run
from scalesearch.statistics.answer import Trained, fit, growth, lattice, read
from scalesearch.study.points import DESIGN, GridSpec, design, feasible

Floats = NDArray[np.float64]
Truth = Callable[[Floats], Floats]
RANGE = 8.0
SPLITS = lattice()
GROWTH = np.log2(feasible(GridSpec())) * (1, 2, 2)
GRID = GROWTH / GROWTH.sum(axis=1, keepdims=True)
"""The nominal splits of the default grid."""


def of_range(truth: Truth) -> Truth:
    """The surface, stretched to the range from 60 to 68 over all splits."""
    values = truth(SPLITS)
    low, spread = values.min(), values.max() - values.min()
    return lambda splits: 60 + RANGE * (truth(splits) - low) / spread


def quadratic(rng: np.random.Generator) -> Truth:
    """A hill whose top lies anywhere in the triangle."""
    top, root = rng.dirichlet([1, 1, 1])[:2], rng.normal(size=(2, 2))
    shape = root @ root.T + 0.2 * np.eye(2)
    return of_range(lambda splits: -np.einsum("ij,jk,ik->i", splits[:, :2] - top, shape, splits[:, :2] - top))


def power_law(rng: np.random.Generator) -> Truth:
    """Error as a sum of power laws of depth, width and resolution."""
    exponents, sizes = rng.uniform(0.2, 1.2, 3), rng.dirichlet([1, 1, 1])
    return of_range(lambda splits: -(sizes * 2 ** (-exponents * splits)).sum(axis=1))


def edge(rng: np.random.Generator) -> Truth:
    """A slope that hardly bends: the best split lies on an edge or in a corner."""
    slopes, bend = rng.normal(size=2), 0.3 * rng.normal()
    return of_range(lambda splits: splits[:, :2] @ slopes + bend * splits[:, 0] * splits[:, 1])


def nothing(_rng: np.random.Generator) -> Truth:
    """Every split as good as any other."""
    return lambda splits: np.full(len(splits), 60.0)


def runs_of(truth: Truth, seeds: int, noise: float, rng: np.random.Generator) -> Trained:
    """One run of each network of the design with each seed."""
    splits = np.repeat(np.array(DESIGN), seeds, axis=0)
    top1 = truth(splits) + noise * rng.normal(size=len(splits))
    return Trained(
        splits=tuple((float(d), float(w), float(r)) for d, w, r in splits),
        doublings=(1.0,) * len(splits),
        networks=tuple(str(i) for i in np.repeat(np.arange(len(DESIGN)), seeds)),
        top1=tuple(map(float, top1)),
    )


def trial(truth: Truth, seeds: int, noise: float, rng: np.random.Generator) -> tuple[float, ...]:
    """Regret, regret of best-of-n, region right, flat, lack of fit, half width of the rates."""
    trained = runs_of(truth, seeds, noise, rng)
    surface = fit(trained)
    answer, heights = read(surface), truth(SPLITS)
    means = np.array(trained.top1).reshape(len(DESIGN), seeds).mean(axis=1)
    chosen = np.array([DESIGN[int(np.argmax(means))]])
    best = int(np.argmin(np.abs(answer.splits - SPLITS[int(np.argmax(heights))]).sum(axis=1)))
    return (
        float(heights.max() - truth(np.array([answer.best]))[0]),
        float(heights.max() - truth(chosen)[0]),
        float(answer.region[best]),
        float(not surface.different),
        float(not surface.fits),
        float(np.mean([rate.points.high - rate.points.low for rate in answer.rates])) / 2,
    )


def moving(seeds: int, noise: float, rng: np.random.Generator, surfaces: int) -> Iterator[tuple[bool, bool]]:
    """Whether a surface that turns with length is called moving, and one that stays is not."""
    for _ in range(surfaces):
        first, last = quadratic(rng), quadratic(rng)
        for turned in (True, False):
            # Runs at both lengths share three quarters of their noise, as looks of one run do.
            short = runs_of(first, seeds, noise, rng)
            shared = np.array(short.top1) - first(np.array(short.splits))
            truth = (last if turned else first)(np.array(short.splits))
            long = short.at(tuple(truth + 0.75 * shared + 0.66 * noise * rng.normal(size=len(truth))))
            yield turned, growth({4000: short, 32000: long}).moving


def plain(truth: Truth, seeds: int, noise: float, rng: np.random.Generator) -> float:
    """Regret of the best mean of every network of the default grid, each with so many seeds."""
    heights = truth(GRID)
    means = heights + noise / np.sqrt(seeds) * rng.normal(size=len(heights))
    return float(truth(SPLITS).max() - heights[int(np.argmax(means))])


def compute_saved(rng: np.random.Generator, surfaces: int) -> None:
    """Prints the regret of designs and of full grids, by runs."""
    print("\nQuadratics, noise 4 points: mean regret by runs")
    truths = [quadratic(rng) for _ in range(surfaces)]
    for seeds in (2, 4, 8, 12):
        regret = np.mean([trial(truth, seeds, 4.0, rng)[0] for truth in truths])
        print(f"  surface, {len(DESIGN) * seeds:5,} runs: {regret:.2f}", flush=True)
    for seeds in (1, 2, 4, 8, 16, 32):
        regret = np.mean([plain(truth, seeds, 4.0, rng) for truth in truths for _ in range(4)])
        print(f"  every network of the grid, {len(GRID) * seeds:5,} runs: {regret:.2f}", flush=True)


def of_real_runs(folder: Path, rng: np.random.Generator, draws: int) -> None:
    """Prints what networks chosen by some of a folder's runs have in its others, by how they were chosen."""
    record = kept_run(folder).record
    networks = [c for c in record.candidates if c.status == "completed" and c.split is not None]
    top1 = np.array([[100 * run.top1 for run in c.runs] for c in networks])
    count, seeds = top1.shape
    splits = np.array([c.split for c in networks])
    found: dict[str, list[float]] = {}
    for _ in range(draws):
        order = np.argsort(rng.random(top1.shape), axis=1)
        mixed = np.take_along_axis(top1, order, axis=1)  # of each network its own order of seeds
        judged = mixed[:, -1]
        for used in range(1, seeds):
            best = int(np.argmax(mixed[:, :used].mean(axis=1)))
            found.setdefault(f"best mean, {count * used:3} runs", []).append(judged[best])
            for size in (12, count):
                rows = design(splits, size)
                trained = Trained(
                    splits=tuple(tuple(map(float, splits[row])) for row in rows for _ in range(used)),
                    doublings=(1.0,) * (size * used),
                    networks=tuple(str(row) for row in rows for _ in range(used)),
                    top1=tuple(float(mixed[row, k]) for row in rows for k in range(used)),
                )
                chosen = int(np.argmax(fit(trained).top1(splits)[0]))
                found.setdefault(f"surface,   {size * used:3} runs", []).append(judged[chosen])
    print(f"\n{folder}: {count} networks, {seeds} seeds; mean top-1 of a run that nobody has looked at")
    print(f"  any network: {top1.mean():.2f}")
    for name, values in sorted(found.items()):
        print(f"  chosen by {name}: {np.mean(values):.2f} +- {np.std(values) / np.sqrt(draws):.2f}")


def main() -> None:
    """Prints one line for each kind of surface and each design."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--surfaces", type=int, default=300, help="of each kind")
    parser.add_argument("--runs", type=Path, action="append", default=[], help="a folder of real runs")
    arguments = parser.parse_args()
    surfaces = arguments.surfaces
    rng = np.random.default_rng(7)
    for seeds, noise in ((2, 4.0), (12, 2.0)):
        print(f"{len(DESIGN) * seeds} runs, noise {noise:g} points, {surfaces} surfaces of each kind")
        for kind in (quadratic, power_law, edge, nothing):
            results = np.array([trial(kind(rng), seeds, noise, rng) for _ in range(surfaces)]).mean(axis=0)
            print(
                f"  {kind.__name__:10} regret {results[0]:.2f} (best-of-n {results[1]:.2f}), region right "
                f"{results[2]:.0%}, flat {results[3]:.0%}, lack of fit reported {results[4]:.0%}, "
                f"rates within {results[5]:.2f}",
                flush=True,
            )
        found = list(moving(seeds, noise, rng, surfaces // 3))
        for turned in (True, False):
            shown = np.mean([said for was, said in found if was is turned])
            print(f"  {'turns' if turned else 'stays'} with length: called moving {shown:.0%} of the time")
    compute_saved(rng, surfaces)
    for folder in arguments.runs:
        of_real_runs(folder, rng, 20 * surfaces)


if __name__ == "__main__":
    main()
