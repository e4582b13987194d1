"""How far back should the average of the weights look? Several averages follow one and the same training run.

    python experiments/averages.py reports/averages
    python experiments/averages.py reports/averages --ranking reports/step1-equal-cost-quick

An average changes nothing about the training that it follows, so a run of each network, length and seed
judges them all, paired. Each average's horizon (a decay of 1 - 1/h weighs about h steps) is a share of the
run's steps; "decay 0.95" is fixed, and 0 judges the weights themselves. Three networks, two seeds, 2,000,
4,000 and 16,000 images: about 20 minutes of one core; runs that are there already are kept. Writes
``averages.csv`` (a row for each run, moment and average) and prints the table of the page.

With ``--ranking`` the twelve networks of equal cost of a run are trained for 4,000 images each instead, about
15 minutes of one core, and it prints how well each average ranks them, held against the longest runs of that
run's fidelity. Writes ``networks.csv`` and ``ranking.csv``.
"""

from __future__ import annotations

import copy
import os
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch
from scipy.stats import t as student
from torch import nn

from scalesearch.files import write_text
from scalesearch.networks.scaled import compound
from scalesearch.networks.spec import Arch
from scalesearch.runs.kept import kept_run
from scalesearch.scaling import Coefficients
from scalesearch.statistics.ranks import rank_agreement
from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.study.settings import TrainingSettings
from scalesearch.training.dataset import PHOTOGRAPHS_SIZE
from scalesearch.training.images import load_photographs
from scalesearch.training.loop import begin_run, make_step
from scalesearch.training.recipe import RECIPES, ProxyRecipe
from scalesearch.training.rendering import judging_batches, training_batches
from scalesearch.training.step import Normalise

DEVICE = torch.device("cpu")
SHARES = (0.0, 0.02, 0.04, 0.08, 0.16, 0.32)
FIXED = 0.95
NETWORKS = {"baseline": (1.0, 1.0, 1.0), "deep": (2.0, 1.0, 1.0), "wide": (1.0, 1.4, 1.0)}
MOMENTS = (0.5, 1.0)
"""Where the averages are judged, as shares of the run: where a rung may stop it, and at its end."""
RANKED_IMAGES = 4000


class Average:
    """A network whose weights and statistics are an average of another one's."""

    def __init__(self, network: nn.Module) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def follow(self, network: nn.Module, decay: float, step: int) -> None:
        """As the product's own average: closely in the first steps."""
        weight = 1 - min(decay, (1 + step) / (10 + step)) if step > 1 else 1.0
        values = network.state_dict()
        for name, mean in self.network.state_dict().items():
            if mean.is_floating_point():
                mean.lerp_(values[name], weight)
            else:
                mean.copy_(values[name])


def network(triple: tuple[float, float, float]) -> Arch:
    """A quarter-width EfficientNet-B0 at 48 px, scaled."""
    settings = TrainingSettings()
    alpha, beta, gamma = triple
    base = settings.proxy_baseline(classes=18)
    return compound(base, Coefficients(alpha=alpha, beta=beta, gamma=gamma), 1.0, settings.proxy_rounding)


def horizons(steps: int) -> dict[str, float]:
    """The decay of each average in a run of so many steps, by its name."""
    return {f"{share:g}": max(0.0, 1 - 1 / max(1.0, share * steps)) for share in SHARES} | {
        f"decay {FIXED}": FIXED
    }


def run(arch: Arch, recipe: ProxyRecipe) -> list[dict[str, object]]:
    """Trains a network once; what each average is worth at each moment."""
    source = load_photographs(900)
    steps = recipe.steps(len(source.train))
    judged = list(judging_batches(source, size=arch.input_size, device=DEVICE))
    state = begin_run(arch, recipe, DEVICE, None)
    decays = horizons(steps)
    averages = {name: Average(state.model) for name in decays}
    moments = {round(share * steps): share for share in MOMENTS}
    batches = training_batches(
        source,
        recipe,
        dataset="photographs",
        size=arch.input_size,
        batches=range(steps),
        device=DEVICE,
        workers=0,
    )
    normalise = Normalise(arch.in_channels, DEVICE, state.layout)
    step = make_step(state, recipe, batches, normalise, steps=steps, images=len(source.train))
    rows = []
    for done in range(1, steps + 1):
        step.run()
        for name, average in averages.items():
            average.follow(state.model, decays[name], done)
        if done in moments:
            for name, average in averages.items():
                loss, top1 = judge(average.network, judged, normalise)
                rows.append({"moment": moments[done], "average": name, "loss": loss, "top1": top1})
    return rows


@torch.no_grad()
def judge(
    network: nn.Module, batches: list[tuple[torch.Tensor, torch.Tensor]], normalise: Normalise
) -> tuple[float, float]:
    """Held-out loss and top-1."""
    loss, correct, total = 0.0, 0, 0
    for images, labels in batches:
        logits = network(normalise(images))
        loss += float(nn.functional.cross_entropy(logits, labels, reduction="sum"))
        correct += int((logits.argmax(1) == labels).sum())
        total += len(labels)
    return loss / total, correct / total


def compared(rows: pd.DataFrame) -> pd.DataFrame:
    """Each average's mean top-1, and its gain over the fixed decay, paired by run, with its 95% interval."""
    keys = ["network", "seed"]
    table = []
    for (images, moment), group in rows.groupby(["images", "moment"]):
        tops = group.pivot(index=keys, columns="average", values="top1")
        for name in horizons(1):
            gain = 100 * (tops[name] - tops[f"decay {FIXED}"])
            spread = gain.std(ddof=1) / np.sqrt(len(gain)) * student.ppf(0.975, len(gain) - 1)
            table.append(
                {
                    "images": images,
                    "moment": moment,
                    "average": name,
                    "top1": 100 * tops[name].mean(),
                    "gain": gain.mean(),
                    "plus_minus": spread,
                    "runs": len(gain),
                }
            )
    return pd.DataFrame(table)


def ranked(rows: pd.DataFrame, long: dict[str, float]) -> pd.DataFrame:
    """How the mean top-1 by each average at each moment ranks networks, against that of long runs."""
    table = []
    for (name, moment), group in rows.groupby(["average", "moment"]):
        means = group.groupby("network")["top1"].mean()
        agreement = rank_agreement([means[key] for key in long], list(long.values()))
        table.append(
            {
                "average": name,
                "images": round(moment * RANKED_IMAGES / 32) * 32,
                **{part: getattr(agreement, part) for part in ("tau", "tau_low", "tau_high", "regret")},
                "mean_top1": means.mean(),
                "networks": len(long),
                "seeds": group["seed"].nunique(),
            }
        )
    return pd.DataFrame(table)


def rivals(folder: Path) -> tuple[dict[str, Arch], dict[str, float]]:
    """The networks of a run that its fidelity trained longest, and the mean top-1 of each there."""
    record = kept_run(folder).record
    lengths = pd.read_csv(folder / "fidelity" / "networks.csv")
    long = lengths[lengths["multiple"] == lengths["multiple"].max()].set_index("key")["top1"].to_dict()
    plan = plan_grid(GridSettings.from_dict(record.settings), PHOTOGRAPHS_SIZE)
    return {planned.record.key: planned.arch for planned in plan.chosen if planned.record.key in long}, long


@click.command
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--images", default="2000,4000,16000", show_default=True)
@click.option("--seeds", default=2, show_default=True)
@click.option("--ranking", type=click.Path(path_type=Path, exists=True, file_okay=False))
def main(out: Path, images: str, seeds: int, ranking: Path | None) -> None:
    """Train each network with each seed and length once, and judge every average of it."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if ranking is None:
        archs = {name: network(triple) for name, triple in NETWORKS.items()}
        rows = trained(archs, list(map(int, images.split(","))), seeds, out / "averages.csv")
        table = compared(rows)
    else:
        archs, long = rivals(ranking)
        rows = trained(archs, [RANKED_IMAGES], seeds, out / "networks.csv")
        table = ranked(rows, long)
        write_text(out / "ranking.csv", table.to_csv(index=False, lineterminator="\n"))
    click.echo(table.to_string(index=False, float_format="{:.3f}".format))


def trained(archs: dict[str, Arch], lengths: list[int], seeds: int, table: Path) -> pd.DataFrame:
    """A row for each run, moment and average; what the table has already is not trained again."""
    rows = pd.read_csv(table, dtype={"average": str}) if table.exists() else pd.DataFrame()
    for length in lengths:
        for seed in range(seeds):
            for name, arch in archs.items():
                facts = {"network": name, "images": length, "seed": seed}
                if len(rows) and (rows[list(facts)] == pd.Series(facts)).all(axis=1).any():
                    continue
                recipe = replace(RECIPES["quick"], schedule="trapezoid", images=length, seed=seed)
                fresh = pd.DataFrame([facts | row for row in run(arch, recipe)])
                rows = pd.concat([rows, fresh], ignore_index=True)
                write_text(table, rows.to_csv(index=False, lineterminator="\n"))
                click.echo(f"{name}, {length:,} images, seed {seed}; load {os.getloadavg()[0]:.1f}", err=True)
    return rows


if __name__ == "__main__":
    main()
