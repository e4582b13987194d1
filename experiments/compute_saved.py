"""How many runs does a surface save over training every network of the grid and taking the best?

    python experiments/compute_saved.py reports/compute-saved

Nothing is trained: half a minute of one core, from the tables of committed runs. Two questions to each, of a
grid's surface and of the full grid trained n times over:

- *As narrow an interval.* The surface says how far the best network may be ahead of each other one of the
  grid, trained or not, with 95% confidence for all pairs at once. Tukey's test of all pairs says it of
  networks that are all trained. How many runs does it take to be as narrow in the middle (median), by the
  noise between the run's own seeds?
- *As good a choice.* Truths are drawn about the fitted surface, by its own errors and with networks that
  stray from it as far as these do; runs of each truth get errors drawn from the run's own, seed from seed.
  The surface chooses from its design, best-of-n from the whole grid. How many runs until it loses as few
  points on average?

Writes ``compute_saved.csv``. Expected: compute_saved.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import studentized_range

from scalesearch.files import write_text
from scalesearch.page.tables import csv_text
from scalesearch.records import RunRecord
from scalesearch.runs.kept import kept_run
from scalesearch.statistics.answer import Answer, Surface, fit, read
from scalesearch.statistics.runs import predictions, trained_runs
from scalesearch.study.points import design

ROOT = Path(__file__).parents[1]
RUNS = (
    *("step1-efficientnet-b0", "step1-mobilenet-v2", "step1-resnet-18"),
    *("step1-efficientnet-b0-2000", "step1-efficientnet-b0-16000", "step1-efficientnet-b0-16000-again"),
    *("step1-mobilenet-v2-2000", "step1-mobilenet-v2-16000"),
    *("step1-resnet-18-2000", "step1-resnet-18-16000"),
)
DESIGN, SEEDS = 12, (2, 4, 12)
MOST = 256
"""Repetitions of the whole grid up to which it is tried."""
TRUTHS, SEED = 2000, 1905
TWO = 2

Floats = NDArray[np.float64]


def grid_of(run: RunRecord, surface: Surface) -> tuple[list[str], Floats]:
    """The networks of the grid that the surface speaks of, and their splits."""
    able = [c for c in run.candidates if c.status == "completed" or c.thinned_out]
    placed = {c.key: c.split for c in able if c.split is not None}
    keys = [key for key in predictions(surface, able) if key in placed]
    return keys, np.array([placed[key] for key in keys])


def half_width(answer: Answer, splits: Floats) -> float:
    """Half the interval, in points, of how far the best network is ahead of another; the middle one."""
    fitted = answer.surface.top1(splits)[0]
    best = tuple(splits[int(np.argmax(fitted))].tolist())
    ahead = (answer.ahead(best, tuple(split)) for split in splits.tolist() if tuple(split) != best)
    return float(np.median([(estimate.high - estimate.low) / 2 for estimate in ahead]))


def tukey_runs(networks: int, noise: float, half: float) -> int | None:
    """Runs of so many networks until all pairs have an interval as narrow; None where ``MOST`` each don't."""

    def narrow(each: int) -> bool:
        reach = float(studentized_range.ppf(0.95, networks, networks * (each - 1)))
        return reach * noise / math.sqrt(each) <= half

    if not narrow(MOST):
        return None
    low, high = TWO - 1, MOST  # one run each has no noise to go by
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if narrow(middle) else (middle, high)
    return high * networks


def strays(surface: Surface) -> float:
    """The variance, in points squared, of networks about the surface beyond what their runs' noise makes."""
    trained = surface.trained
    y, names = np.array(trained.top1), np.array(trained.networks)
    networks = np.unique(names)
    means = np.array([y[names == name].mean() for name in networks])
    rows = [int(np.argmax(names == name)) for name in networks]
    fitted = surface.top1([trained.splits[row] for row in rows], [trained.doublings[row] for row in rows])[0]
    counts = np.array([(names == name).sum() for name in networks])
    left = len(networks) - len(surface.weights)
    about = float((counts * (means - fitted) ** 2).sum()) / left
    return max(0.0, (about - (surface.run_sd or 0.0) ** 2) / float(counts.mean()))


def errors_of(surface: Surface) -> Floats:
    """The runs' own errors about their networks' means, in points, as wide as single runs are."""
    y, names = np.array(surface.trained.top1), np.array(surface.trained.networks)
    drawn = []
    for name in np.unique(names):
        mine = y[names == name]
        if len(mine) > 1:
            drawn.append((mine - mine.mean()) * math.sqrt(len(mine) / (len(mine) - 1)))
    return np.concatenate(drawn)


def regrets(surface: Surface, splits: Floats) -> Iterator[tuple[str, int, float]]:
    """(way, runs, mean points lost) of a design's surface, and of the whole grid, over drawn truths."""
    rng = np.random.default_rng(SEED)
    terms, errors = surface.terms(splits), errors_of(surface)
    root = np.linalg.cholesky(surface.covariance + 1e-12 * np.eye(len(surface.weights)))
    weights = surface.weights + math.sqrt(surface.variance) * rng.normal(size=(TRUTHS, len(root))) @ root.T
    truth = weights @ terms.T + math.sqrt(strays(surface)) * rng.normal(size=(TRUTHS, len(splits)))
    best = truth.max(axis=1)

    def lost(chosen: NDArray[np.int_]) -> float:
        return float((best - np.take_along_axis(truth, chosen[:, None], axis=1)[:, 0]).mean())

    def means(networks: list[int], each: int) -> Floats:
        seen = truth[:, networks].copy()
        for _ in range(each):
            seen += rng.choice(errors, size=seen.shape) / each
        return seen

    chosen = design(splits, DESIGN)
    solve = np.linalg.pinv(surface.terms(splits[chosen])).T
    for seeds in SEEDS:
        yield "surface", seeds * len(chosen), lost((means(chosen, seeds) @ solve @ terms.T).argmax(axis=1))
    every, each = list(range(len(splits))), 1
    while each <= MOST:
        yield "best of all", each * len(every), lost(means(every, each).argmax(axis=1))
        each = max(each + 1, round(each * 1.25))


def rows(name: str) -> Iterator[dict[str, Any]]:
    """One run's answers."""
    run = kept_run(ROOT / "reports" / name).record
    surface = fit(trained_runs(run))
    _, splits = grid_of(run, surface)
    shared = {
        "run": name,
        "networks": len(splits),
        "noise": surface.run_sd,
        "strays": math.sqrt(strays(surface)),
    }
    half = half_width(read(surface), splits)
    tukey = tukey_runs(len(splits), surface.run_sd or 0.0, half)
    yield shared | {
        "question": "interval",
        "runs": surface.runs,
        "points": half,
        "full_grid_runs": tukey,
        "saved": None if tukey is None else tukey / surface.runs,
    }
    lost = list(regrets(surface, splits))
    for _, runs, points in (row for row in lost if row[0] == "surface"):
        needed = next((n for way, n, other in lost if way == "best of all" and other <= points), None)
        yield shared | {
            "question": "choice",
            "runs": runs,
            "points": points,
            "full_grid_runs": needed,
            "saved": None if needed is None else needed / runs,
        }


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
def main(out: Path) -> None:
    """Works it out for every committed run, and writes the table into OUT."""
    table = pd.DataFrame([row for name in RUNS for row in rows(name)])
    write_text(out / "compute_saved.csv", csv_text(table))
    with pd.option_context("display.width", 160):
        click.echo(table.round(2).to_string(index=False))
    for question, of in table.groupby("question"):
        click.echo(
            f"{question}: saved {of['saved'].median():.1f} x in the middle, {of['saved'].min():.1f} x "
            "at least"
        )


if __name__ == "__main__":
    main()
