"""Which short recipe ranks networks as a long one does? Recipes side by side, on the networks of a run.

    scalesearch grid --phi 1 --match macs --seeds 3 --no-latency --out reports/step1-equal-cost
    scalesearch fidelity reports/step1-equal-cost --lengths 0.5,4 --networks 12 --seeds 2
    python experiments/recipes.py reports/step1-equal-cost reports/recipes --seeds 2

Every recipe trains the networks of the first command for about the same time and is judged by the longest
runs of the second. About 5 minutes for each recipe on two cores; what is trained already is kept. Writes
``runs.csv`` (each training run with its looks) and ``recipes.csv`` (a row for each recipe).
"""

from __future__ import annotations

import json
from concurrent.futures import as_completed
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import click
import numpy as np
import pandas as pd
from scipy.stats import permutation_test, rankdata, spearmanr

from scalesearch.files import write_text
from scalesearch.runs.progress import Bars
from scalesearch.statistics.ranks import rank_agreement
from scalesearch.study.grid_plan import GridSettings
from scalesearch.study.plan import Planned
from scalesearch.study.storage import sqlite_url
from scalesearch.study.study import SearchStudy, open_study
from scalesearch.training.recipe import RECIPES, ProxyRecipe
from scalesearch.workers.executor import ProcessExecutor
from scalesearch.workers.worker import TrialSpec

BASE = replace(RECIPES["quick"], batch_size=32, schedule="one-cycle", ema_decay=0.0, images=4000, looks=8)
VARIANTS: dict[str, ProxyRecipe] = {
    # Residual branches start as the paper's do.
    "plain": replace(BASE, zero_init_residual=False),
    # Twice as many steps on the same images.
    "batch16": replace(BASE, batch_size=16),
    # A constant rate with a decay at the end; a moving average of the weights is judged.
    "trapezoid": replace(BASE, schedule="trapezoid", ema_decay=0.95),
    "trapezoid16": replace(BASE, schedule="trapezoid", ema_decay=0.97, batch_size=16),
}


@click.command
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--seeds", default=2, show_default=True)
@click.option("--variants", default=",".join(VARIANTS), show_default=True)
@click.option("--jobs", default=2, show_default=True)
def main(run: Path, out: Path, seeds: int, variants: str, jobs: int) -> None:
    """Train the networks of RUN by each recipe and judge the rankings by RUN's fidelity study."""
    study = _study(run)
    settings = GridSettings.from_dict(study.begun()["settings"])
    networks = study.completed()
    rows: list[dict[str, Any]] = []
    for name in variants.split(","):
        rows += _train(name, networks, settings, seeds, out, jobs)
    runs = pd.DataFrame(rows)
    write_text(out / "runs.csv", runs.to_csv(index=False, lineterminator="\n"))
    table = _judge(runs, study, _reference(run / "fidelity"), networks)
    write_text(out / "recipes.csv", table.to_csv(index=False, lineterminator="\n"))
    click.echo(table.to_string(index=False, float_format="{:.3f}".format))


def _study(folder: Path) -> SearchStudy:
    return open_study(sqlite_url(folder), folder.name, create=False)


def _reference(folder: Path) -> dict[str, float]:
    """Mean top-1 of each network after the longest training."""
    multiples = sorted(float(name.removeprefix("x")) for name in _names(folder))
    study = open_study(sqlite_url(folder), f"x{multiples[-1]:g}", create=False)
    return {c.key: c.top1 for c in study.record().candidates if c.top1 is not None}


def _names(folder: Path) -> list[str]:
    import optuna

    return optuna.get_all_study_names(sqlite_url(folder))


def _train(
    name: str, networks: list[Planned], settings: GridSettings, seeds: int, out: Path, jobs: int
) -> list[dict[str, Any]]:
    """Each network with each seed; one JSON file per run, so that nothing is trained twice."""
    executor = ProcessExecutor(jobs=jobs, log_dir=out / "logs")
    futures, kept = {}, []
    for planned in networks:
        for seed in range(seeds):
            spec = TrialSpec(
                key=f"{name}-{planned.record.key}-seed{seed}",
                arch=planned.arch,
                recipe=replace(VARIANTS[name], seed=seed).to_dict(),
                data=settings.data.to_dict(),
                device=settings.device,
                threads=1,
                count=False,
            )
            path = out / "runs" / f"{spec.key}.json"
            facts = {"recipe": name, "key": planned.record.key, "seed": seed}
            if path.exists():
                kept.append(facts | json.loads(path.read_text()))
            else:
                future = executor.submit(spec.to_dict(), lambda _done, _steps: None)
                futures[future] = (facts, path)
    for future in Bars().track(as_completed(futures), len(futures), f"Recipe {name}"):
        facts, path = futures[future]
        result = future.result()
        row = {
            "top1": result["top1"],
            "train_seconds": round(result["train_seconds"], 2),
            **{f"at_{point['images']}": point["top1"] for point in result["curve"]},
        }
        write_text(path, json.dumps(row))
        kept.append(facts | row)
    executor.shutdown()
    return sorted(kept, key=lambda row: (row["key"], row["seed"]))


def _judge(
    runs: pd.DataFrame, study: SearchStudy, reference: dict[str, float], networks: list[Planned]
) -> pd.DataFrame:
    """How each recipe ranks the networks, against the reference; the run's own recipe first."""
    depth = {planned.record.key: planned.record.depth for planned in networks}
    own = {c.key: c for c in study.record().candidates if c.status == "completed"}
    keys = [key for key in reference if key in own]
    rows = []
    for look in [p.images for p in own[keys[0]].curve]:
        means = {key: next(p.top1 for p in own[key].curve if p.images == look) for key in keys}
        rows.append(("the run's own", look, means, fmean(own[k].train_seconds or 0 for k in keys)))
    for (name,), group in runs.groupby(["recipe"], sort=False):
        seconds = float(group.groupby("key")["train_seconds"].sum().mean())
        for column in sorted((c for c in group if str(c).startswith("at_")), key=lambda c: int(c[3:])):
            if group[column].notna().all():
                means = group.groupby("key")[column].mean().to_dict()
                rows.append((name, int(column[3:]), means, seconds))
    found = []
    for name, images, means, seconds in rows:
        short, long = [means[k] for k in keys], [reference[k] for k in keys]
        agreement = rank_agreement(short, long)
        rho, p = _depth_shift(short, long, [depth[k] for k in keys])
        found.append(
            {
                "recipe": name,
                "images": images,
                "tau": agreement.tau,
                "tau_low": agreement.tau_low,
                "tau_high": agreement.tau_high,
                "regret": agreement.regret,
                "depth_shift": rho,
                "depth_shift_p": p,
                "mean_top1": fmean(short),
                "seconds_per_network": seconds,
                "networks": len(keys),
            }
        )
    return pd.DataFrame(found)


def _depth_shift(short: list[float], long: list[float], depth: list[float]) -> tuple[float, float]:
    """Spearman's correlation of places gained in the long runs with depth, and its p by permutation."""
    gained = rankdata(long) - rankdata(short)
    if np.ptp(gained) == 0 or np.ptp(depth) == 0:
        return 0.0, 1.0
    test = permutation_test(
        (depth,),
        lambda shuffled: spearmanr(gained, shuffled).statistic,
        permutation_type="pairings",
        rng=np.random.default_rng(1905),
    )
    return float(test.statistic), float(test.pvalue)


if __name__ == "__main__":
    main()
