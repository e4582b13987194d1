"""Images per second of a proxy training run against the plain way to train the same network.

    python experiments/benchmarks/training.py

Both sides train EfficientNet-B0 with 18 classes on the same windows of the embedded photographs, in turn,
each time in a fresh process on the same number of CPU threads, at 32 px and at 64 px:

- scalesearch: a search's own worker running `scalesearch.training.loop.train` with the `quick` recipe;
- plain: `torchvision.models.efficientnet_b0` in torch's default layout, a DataLoader with torchvision's
  transforms, `torch.optim.AdamW` as it comes, a loop. Crop and flip, batch size, rate, decay, schedule, label
  smoothing, and no dropout nor stochastic depth, are the recipe's.

Timed is the whole training loop, its first step and its data included; starting, building the network and
judging it are not. The two networks are checked to have equally many parameters before anything is timed.

Threads wait for one another: where other work takes one of the cores, either side can fall to a fraction of
its speed. The load is printed; `--threads 1` is the fairer comparison on a busy machine. For a GPU there is
gpu_training.py.

Expected, in four to five minutes on two CPU cores that nothing else uses: at least 3 times the images per
second at 32 px and 2 times at 64 px.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch
from side_by_side import in_turn, keep, say_where
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.models import efficientnet_b0
from torchvision.transforms import v2

from scalesearch.hardware.machine import usable_cores
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.build import build
from scalesearch.training.dataset import PHOTOGRAPHS, DataSpec
from scalesearch.training.images import load_photographs
from scalesearch.training.recipe import RECIPES, ProxyRecipe
from scalesearch.workers.executor import ProcessExecutor
from scalesearch.workers.worker import TrialSpec

RESOLUTIONS = (32, 64)
FEW_JUDGES = 36  # judging isn't timed: a look at few windows keeps the program short
CLASSES = len(PHOTOGRAPHS)


class Windows(Dataset[tuple[torch.Tensor, int]]):
    """The photographs' training windows through a transform."""

    def __init__(self, transform: v2.Transform) -> None:
        self.windows = load_photographs(FEW_JUDGES).train
        self.transform = transform

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        window, label = self.windows[index]
        return self.transform(window), label


def plain_network() -> nn.Module:
    return efficientnet_b0(num_classes=CLASSES, dropout=0.0, stochastic_depth_prob=0.0)


def plain_images_per_s(recipe: ProxyRecipe, resolution: int, threads: int) -> float:
    torch.set_num_threads(threads)
    torch.manual_seed(recipe.seed)
    transform = v2.Compose(
        [
            v2.RandomResizedCrop(resolution, scale=(recipe.crop_scale, 1.0), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        ]
    )
    loader = DataLoader(Windows(transform), batch_size=recipe.batch_size, shuffle=True, drop_last=True)
    network = plain_network().train()
    rate = recipe.learning_rate * recipe.batch_size / 256
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=recipe.weight_decay)
    steps = recipe.steps(len(loader.dataset))
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=steps, pct_start=0.2, cycle_momentum=False
    )
    loss_function = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    done, losses = 0, 0.0
    start = perf_counter()
    while done < steps:
        for images, labels in loader:
            optimizer.zero_grad()
            loss = loss_function(network(images), labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses += loss.item()
            done += 1
            if done == steps:
                break
    return steps * recipe.batch_size / (perf_counter() - start)


def plain_in_a_process(recipe: ProxyRecipe, resolution: int, threads: int) -> float:
    command = [
        sys.executable,
        __file__,
        "--plain",
        json.dumps(recipe.to_dict()),
        str(resolution),
        str(threads),
    ]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def scalesearch_in_a_process(
    recipe: ProxyRecipe, resolution: int, threads: int, executor: ProcessExecutor
) -> float:
    arch = replace(EFFICIENTNET_B0, resolution=resolution, classes=CLASSES)
    trial = TrialSpec(
        key=arch.key,
        arch=arch,
        recipe=recipe.to_dict(),
        data=DataSpec(held_out=FEW_JUDGES).to_dict(),
        device="cpu",
        threads=threads,
    )
    result = executor.submit(trial.to_dict(), lambda _done, _steps: None).result()
    return result["images_seen"] / result["train_seconds"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cores = usable_cores()
    parser.add_argument(
        "--threads", type=int, default=cores, help=f"CPU threads of each side (default {cores})"
    )
    parser.add_argument("--pairs", type=int, default=5, help="runs of both sides in turn (default 5)")
    parser.add_argument("--images", type=int, default=480, help="training images of a run (default 480)")
    parser.add_argument("--batch-size", type=int, default=32, help="images of a step (default 32)")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument(
        "--plain", nargs=3, metavar=("RECIPE", "RESOLUTION", "THREADS"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    for name in ("threads", "pairs"):
        if getattr(options, name) < 1:
            parser.error(f"`--{name}` must be >= 1, got {getattr(options, name)}")
    try:
        options.recipe = replace(
            RECIPES["quick"], images=options.images, batch_size=options.batch_size, looks=1
        )
    except ValueError as error:
        parser.error(str(error))
    return options


def main() -> None:
    options = arguments()
    if options.plain:
        recipe, resolution, threads = options.plain
        print(plain_images_per_s(ProxyRecipe(**json.loads(recipe)), int(resolution), int(threads)))
        return
    recipe = options.recipe

    networks = (build(replace(EFFICIENTNET_B0, classes=CLASSES)), plain_network())
    params = [sum(p.numel() for p in network.parameters()) for network in networks]
    if params[0] != params[1]:
        raise SystemExit(f"the two networks differ: {params[0]:,} and {params[1]:,} parameters")

    say_where("cpu")
    print(f"{params[0]:,} parameters, {options.threads} threads, ", end="")
    print(f"{recipe.images} images a run in batches of {recipe.batch_size}")
    with tempfile.TemporaryDirectory() as folder:
        executor = ProcessExecutor(jobs=1, log_dir=Path(folder))
        done = [
            in_turn(
                f"{size} px",
                f"EfficientNet-B0 at {size} px, {options.threads} threads",
                "images/s",
                {
                    "scalesearch": lambda size=size: scalesearch_in_a_process(
                        recipe, size, options.threads, executor
                    ),
                    "the plain loop, torchvision": lambda size=size: plain_in_a_process(
                        recipe, size, options.threads
                    ),
                },
                options.pairs,
            )
            for size in RESOLUTIONS
        ]
        executor.shutdown()
    print("load average: {:.2f} {:.2f} {:.2f}".format(*os.getloadavg()))
    keep(options.json, done, "cpu")


if __name__ == "__main__":
    main()
