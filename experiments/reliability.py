"""How much does one short run say about a network, and do other data of the same photographs say more?

    python experiments/reliability.py reports/reliability
    python experiments/reliability.py reports/reliability --of reports/step1-efficientnet-b0-16000 --of ...

The second command trains nothing: it reads the runs of searches off their ``runs.csv``, whatever their data
and length, and writes ``searches.csv`` with a row for each. The first is this experiment: ten networks of
equal cost and different shape are trained with two seeds on each variant of the data, as long as ``grid``
trains by default (4,000 images), and the reliability of one run is estimated: the variance between networks
over that plus the variance of one run, with its 95% interval (of the ratio of the two mean
squares, seeds being blocks). The variants:

- ``photographs``: the embedded data as it is, 18 classes, the last third of each photograph judged.
- ``stripes``: each photograph cut along its longer side into at most four stripes that a window fits into,
  each a class (58), its own last third judged.
- ``rotating``: a third of each photograph chosen by the seed is judged, so that seeds sample the split too.
- ``grown``: the embedded data; networks are grown from a baseline trained first, for whose cost each network
  is trained on fewer images.

A run takes 12 to 20 s on one core, all of them 25 minutes; runs that are in the table already are
kept. Writes ``runs.csv`` (a row for each run) and ``summary.csv`` (a row for each variant and measure), which
it prints. What came out is told in reports/reliability/report.md: no variant is shown to be better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch
from scipy.stats import f as fisher

from scalesearch.export.state import State
from scalesearch.files import write_text
from scalesearch.networks.scaled import compound
from scalesearch.networks.spec import Arch, ArchSpec
from scalesearch.scaling import Coefficients
from scalesearch.study.settings import TrainingSettings
from scalesearch.training.dataset import PHOTOGRAPHS, TRAIN_WINDOWS
from scalesearch.training.images import (
    TRAIN_SHARE,
    WINDOW,
    WINDOW_SEED,
    Examples,
    ImageSource,
    _photograph,
    load_photographs,
)
from scalesearch.training.loop import train
from scalesearch.training.recipe import RECIPES, ProxyRecipe

DEVICE = torch.device("cpu")
SETTINGS = TrainingSettings(baseline_resolution=48, baseline_channel_divisor=2)
IMAGES = 4000
HELD_OUT = 900
RESOLUTIONS = {
    # Most of the compute to one dimension, to two, and to all three, at about twice the baseline's MACs. The
    # resolution alone was matched to that, so that all can be grown.
    (1.8, 1.0, 1.05): 46,
    (1.0, 1.3, 1.1): 50,
    (1.0, 1.15, 1.25): 62,
    (1.65, 1.1, 1.0): 42,
    (1.2, 1.3, 1.0): 34,
    (1.5, 1.15, 1.0): 36,
    (1.3, 1.0, 1.25): 56,
    (1.15, 1.0, 1.35): 58,
    (1.0, 1.2, 1.2): 58,
    (1.3, 1.15, 1.1): 42,
}
"""Of each network, by its alpha, beta and gamma."""
Part = tuple[str, torch.Tensor, list[torch.Tensor]]
"""A class: its name, what judges, and what is trained on, each uint8 (3, height, width)."""


def networks() -> dict[str, Arch]:
    """The networks by their alpha, beta and gamma."""
    archs: dict[str, Arch] = {}
    for (alpha, beta, gamma), resolution in RESOLUTIONS.items():
        coefficients = Coefficients(alpha=alpha, beta=beta, gamma=gamma)
        arch = compound(baseline(), coefficients, 1.0, SETTINGS.proxy_rounding)
        archs[f"{alpha:g} {beta:g} {gamma:g}"] = replace(arch, resolution=resolution)
    return archs


def baseline() -> ArchSpec:
    """What networks are grown from: a quarter-width EfficientNet-B0 at 48 px, half their cost."""
    arch = SETTINGS.proxy_baseline(len(PHOTOGRAPHS))
    assert isinstance(arch, ArchSpec)
    return arch


@cache
def photograph(name: str) -> torch.Tensor:
    """One photograph as uint8 (3, height, width)."""
    return _photograph(name)


def thirds(region: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A region in three parts across its longer side."""
    axis = 2 if region.shape[2] >= region.shape[1] else 1
    side = region.shape[axis]
    cuts = [int(side * (1 - TRAIN_SHARE)), int(side * TRAIN_SHARE)]
    first, middle, last = region.tensor_split(cuts, axis)
    return first, middle, last


def striped(most: int) -> list[Part]:
    """Stripes of the photographs, a class each."""
    parts: list[Part] = []
    for name in PHOTOGRAPHS:
        pixels = photograph(name)
        axis = 1 if pixels.shape[2] >= pixels.shape[1] else 2
        side = pixels.shape[axis]
        count = max(1, min(most, side // WINDOW))
        for number, stripe in enumerate(
            pixels.tensor_split([side * i // count for i in range(1, count)], axis)
        ):
            along = 3 - axis
            cut = int(stripe.shape[along] * TRAIN_SHARE)
            judged = stripe.narrow(along, cut, stripe.shape[along] - cut)
            parts.append((f"{name}-{number}", judged, [stripe.narrow(along, 0, cut)]))
    return parts


def rotated(seed: int) -> list[Part]:
    """The photographs, a third of each judged that the seed chose."""
    chosen = np.random.default_rng([seed, WINDOW_SEED]).integers(3, size=len(PHOTOGRAPHS))
    parts: list[Part] = []
    for name, which in zip(PHOTOGRAPHS, chosen, strict=True):
        three = thirds(photograph(name))
        trained = [part for number, part in enumerate(three) if number != which]
        # Two thirds side by side are one part, as in the embedded data.
        if which != 1:
            axis = 2 if photograph(name).shape[2] >= photograph(name).shape[1] else 1
            trained = [torch.cat(trained, axis)]
        parts.append((name, three[which], trained))
    return parts


def source_of(parts: list[Part], name: str) -> ImageSource:
    """Windows of the parts: 200 of each class to train on, about 900 in all to judge."""
    generator = torch.Generator().manual_seed(WINDOW_SEED)

    def windows(parts: list[torch.Tensor], count: int) -> list[torch.Tensor]:
        views = []
        for number in range(count):
            part = parts[number % len(parts)]
            top, left = (
                int(torch.randint(side - WINDOW + 1, (), generator=generator)) for side in part.shape[1:]
            )
            views.append(part[:, top : top + WINDOW, left : left + WINDOW])
        return views

    train_items, judged_items = [], []
    for label, (_, judged, trained) in enumerate(parts):
        train_items += [(w, label) for w in windows(trained, TRAIN_WINDOWS)]
        judged_items += [(w, label) for w in windows([judged], max(1, round(HELD_OUT / len(parts))))]
    return ImageSource(
        classes=tuple(part[0] for part in parts),
        train=Examples(train_items),
        held_out=Examples(judged_items),
        known_digest=name,
    )


VARIANTS: dict[str, Callable[[int], ImageSource]] = {
    "photographs": lambda _seed: load_photographs(HELD_OUT),
    "stripes": lambda _seed: source_of(striped(4), "stripes"),
    "grown": lambda _seed: load_photographs(HELD_OUT),
    "rotating": lambda seed: source_of(rotated(seed), f"rotating-{seed}"),
}


def recipe_of(seed: int, images: int = IMAGES) -> ProxyRecipe:
    """The default recipe at its default length."""
    return replace(RECIPES["steady"], images=images, seed=seed)


@cache
def trained_baseline(seed: int) -> State:
    """The baseline trained as long as a network is by default."""
    arch = baseline()
    result = train(arch, recipe_of(seed), load_photographs(HELD_OUT), device=DEVICE, dataset="photographs")
    return State(arch=arch, tensors=result.weights, facts={}, plain=result.plain)


def images_of(variant: str) -> int:
    """Training images of a run: fewer of a grown network's, in whole batches, for the baseline's cost."""
    if variant != "grown":
        return IMAGES
    batch = RECIPES["steady"].batch_size
    share = IMAGES / 2 / len(RESOLUTIONS)  # the baseline costs half of what a network does
    return round((IMAGES - share) / batch) * batch


def runs(table: Path) -> pd.DataFrame:
    """A row for each run; what the table has already is not trained again."""
    rows = pd.read_csv(table) if table.exists() else pd.DataFrame()
    archs = networks()
    for variant, source_of_seed in VARIANTS.items():
        for seed in (0, 1):
            source = source_of_seed(seed)
            for name, arch in archs.items():
                facts = {"variant": variant, "network": name, "seed": seed}
                if len(rows) and (rows[list(facts)] == pd.Series(facts)).all(axis=1).any():
                    continue
                result = train(
                    replace(arch, classes=len(source.classes)),
                    recipe_of(seed, images_of(variant)),
                    source,
                    device=DEVICE,
                    dataset=variant,
                    start=trained_baseline(seed) if variant == "grown" else None,
                )
                last = result.curve[-1]
                measured = {
                    "classes": len(source.classes),
                    "images": last.images,
                    "top1": last.top1,
                    "loss": last.loss,
                    "train_seconds": round(result.train_seconds, 1),
                }
                rows = pd.concat([rows, pd.DataFrame([facts | measured])], ignore_index=True)
                write_text(table, rows.to_csv(index=False, lineterminator="\n"))
                click.echo(f"{variant}, ({name}), seed {seed}: {last.top1:.1%}", err=True)
    return rows


def reliability(values: pd.DataFrame) -> dict[str, float]:
    """Reliability of one run in a table of networks (rows) by seeds (columns), with its 95% interval.

    A negative estimate says that networks differ less than runs alone would have them.
    """
    table = values.to_numpy()
    count, seeds = table.shape
    means = table.mean(axis=1, keepdims=True)
    rest = table - means - table.mean(axis=0, keepdims=True) + table.mean()
    freedom = count - 1, (count - 1) * (seeds - 1)
    between = seeds * means.var(ddof=1)
    within = (rest**2).sum() / freedom[1]
    ratio = between / within

    def share(ratio: float) -> float:
        return (ratio - 1) / (ratio - 1 + seeds)

    return {
        "between_networks": max(0.0, (between - within) / seeds) ** 0.5,
        "of_one_run": within**0.5,
        "reliability": share(ratio),
        "low": share(ratio / fisher.ppf(0.975, *freedom)),
        "high": share(ratio * fisher.ppf(0.975, *reversed(freedom))),
        "p": fisher.sf(ratio, *freedom),
    }


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each variant and measure: standard deviations, reliability and its interval."""
    table = []
    for variant in VARIANTS:
        part = rows[rows["variant"] == variant]
        for measure in ("top1", "loss"):
            values = part.pivot(index="network", columns="seed", values=measure).dropna()
            if values.shape[1] > 1 and len(values) > 2:
                facts = {"variant": variant, "measure": measure, "runs": values.size}
                table.append(facts | {"mean": values.to_numpy().mean()} | reliability(values))
    return pd.DataFrame(table)


def of_searches(folders: Sequence[Path]) -> pd.DataFrame:
    """A row for each search and measure, over the networks that were trained with every seed."""
    table = []
    for folder in folders:
        rows = pd.read_csv(folder / "runs.csv")
        rows = rows[rows["status"] == "completed"]
        for measure in ("top1", "loss"):
            values = rows.pivot(index="key", columns="seed", values=measure).dropna()
            if values.size == 0:  # the earliest searches kept no run's own loss
                continue
            facts = {"search": folder.name, "images": int(rows["images_seen"].max()), "measure": measure}
            table.append(
                facts | {"runs": values.size, "mean": values.to_numpy().mean()} | reliability(values)
            )
    return pd.DataFrame(table)


@click.command
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--of", multiple=True, type=click.Path(path_type=Path, exists=True, file_okay=False), help="A search."
)
def main(out: Path, of: tuple[Path, ...]) -> None:
    """Estimate the reliability of one run, of searches or of each network on each variant with each seed."""
    if of:
        table = of_searches(of)
        write_text(out / "searches.csv", table.to_csv(index=False, lineterminator="\n"))
        click.echo(table.to_string(index=False, float_format="{:.3f}".format))
        return
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    table = summary(runs(out / "runs.csv"))
    write_text(out / "summary.csv", table.to_csv(index=False, lineterminator="\n"))
    click.echo(table.to_string(index=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
