"""Images trained per second on a GPU: scalesearch, the plain eager loop and timm's benchmark, in turn.

    python experiments/benchmarks/gpu_training.py --device cuda --timm-benchmark FILE
    python experiments/benchmarks/gpu_training.py --device cpu --quick

- the default proxy baseline (EfficientNet-B0 at a quarter of its width, 48 px) on the embedded photographs at
  a batch of 32: a search's own worker against the same network in a plain eager loop, pixels on the card;
- the same in a group of runs, at batches of 32 and 128;
- EfficientNet-B0 at 224 px and a batch of 128: against the plain loop and timm's benchmark with AMP.

scalesearch's figure is of the steps once it runs: from a tenth of the way on to the last one, all runs of a
group together. It cuts, flips and resizes each image by itself, steps AdamW and keeps the average of the
weights. The plain loop cuts a whole batch alike, on the card, and has AdamW, a schedule and no average; timm
trains by SGD on one batch of fixed noise. What a run took beyond its steady speed, its first steps above all,
is printed too.

Needs timm, an extra of the benchmarks alone (`pip install timm`). FILE is the benchmark.py of its repository.

Expected on an H100, in about two minutes: at least 8,000 images/s and 9 times the plain loop for one proxy
network, 25,000 (55,000 at a batch of 128) in a group, and 4,400 images/s, 0.95 of timm's or more, for B0.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import torch
from side_by_side import Comparison, in_turn, keep, say_where
from timm_peer import timm_images_per_s
from torch import nn
from torchvision.transforms import v2

from scalesearch.hardware.device import resolve_device
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.build import build, lay_out, training_layout
from scalesearch.networks.spec import ArchSpec
from scalesearch.study.settings import TrainingSettings
from scalesearch.training.dataset import PHOTOGRAPHS, DataSpec
from scalesearch.training.images import load
from scalesearch.training.recipe import RECIPES, ProxyRecipe
from scalesearch.workers.executor import DeviceExecutor, Executor, ProcessExecutor
from scalesearch.workers.worker import TrialSpec

CLASSES = len(PHOTOGRAPHS)
DATA = DataSpec(held_out=2 * CLASSES)  # judging isn't timed: a look at few windows keeps the program short
SETTLED = 0.1
"""The share of a run after which its steps are timed."""


@dataclass
class Course:
    """How far a run was, and when: what its worker told."""

    begun: float = field(default_factory=perf_counter)
    told: list[tuple[float, int]] = field(default_factory=list)

    def hear(self, done: int, _steps: int) -> None:
        """As an executor tells it."""
        self.told.append((perf_counter(), done))

    def done_at(self, moment: float) -> float:
        """Steps done by then, in between what was told taken to be even."""
        before = max((t for t in self.told if t[0] <= moment), default=(self.begun, 0))
        after = min((t for t in self.told if t[0] > moment), default=before)
        if after[0] == before[0]:
            return before[1]
        return before[1] + (after[1] - before[1]) * (moment - before[0]) / (after[0] - before[0])

    def settled(self) -> float:
        """When the first tenth of the steps was done."""
        return next(moment for moment, done in self.told if done >= SETTLED * self.told[-1][1])


@dataclass
class Trained:
    """What was seen of scalesearch's runs: seconds that each took beyond its steady speed."""

    beyond_s: list[float] = field(default_factory=list)


def scalesearch_images_per_s(
    arch: ArchSpec, recipe: ProxyRecipe, device: str, runs: int, seen: Trained
) -> float:
    """Of so many runs side by side, seeds of one network, by the workers that a search has."""
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder) / "logs"
        executor: Executor = ProcessExecutor(jobs=runs, log_dir=logs)
        if device != "cpu":
            executor = DeviceExecutor(devices=[device], jobs=runs, log_dir=logs, first=runs)
        try:
            courses = [Course() for _ in range(runs)]
            futures = [
                executor.submit(
                    TrialSpec(
                        key=f"{arch.key}-{seed}",
                        arch=arch,
                        recipe=replace(recipe, seed=seed).to_dict(),
                        data=DATA.to_dict(),
                        device=device,
                        threads=1,
                        count=False,
                    ).to_dict(),
                    course.hear,
                )
                for seed, course in enumerate(courses)
            ]
            results = [future.result() for future in futures]
        finally:
            executor.shutdown()
    begin = max(course.settled() for course in courses)
    end = min(course.told[-1][0] for course in courses)
    if end <= begin:
        raise SystemExit("the runs did not overlap: give them more images")
    steps = sum(course.done_at(end) - course.done_at(begin) for course in courses)
    rate = steps * recipe.batch_size / (end - begin)
    if runs == 1:
        seen.beyond_s += [result["train_seconds"] - result["images_seen"] / rate for result in results]
    return rate


def plain_images_per_s(
    arch: ArchSpec, recipe: ProxyRecipe, device: str, steps: int, autocast: torch.dtype | None = None
) -> float:
    """The same network in a plain eager loop, all pixels on the device, a batch cut as a whole."""
    place = resolve_device(device)
    torch.manual_seed(0)
    part = load(DATA).train
    windows, names = zip(*(part[index] for index in range(len(part))), strict=True)
    pixels, labels = torch.stack(windows).to(place), torch.tensor(names, device=place)
    view = v2.Compose(
        [
            v2.RandomResizedCrop(arch.resolution, scale=(recipe.crop_scale, 1.0), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        ]
    )
    layout = training_layout(arch, recipe.batch_size, place)
    network = lay_out(build(arch), place, layout).train()
    rate = recipe.learning_rate * recipe.batch_size / 256
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=recipe.weight_decay)
    warm = max(2, steps // 10)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=warm + steps)
    loss_function = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)

    def train(count: int) -> None:
        for _ in range(count):
            chosen = torch.randint(len(pixels), (recipe.batch_size,), device=place)
            images = view(pixels[chosen]).to(memory_format=layout)
            optimizer.zero_grad()
            with torch.autocast(place.type, autocast, enabled=autocast is not None):
                loss = loss_function(network(images), labels[chosen])
            loss.backward()
            optimizer.step()
            scheduler.step()
        if place.type != "cpu":
            torch.accelerator.synchronize(place)

    train(warm)
    begun = perf_counter()
    train(steps)
    return steps * recipe.batch_size / (perf_counter() - begun)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", help="where to train (default cuda)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all sides in turn (default 3)")
    parser.add_argument("--group", type=int, default=8, help="runs side by side (default 8)")
    parser.add_argument("--quick", action="store_true", help="tiny networks, to try the program itself")
    parser.add_argument("--timm-benchmark", type=Path, help="timm's benchmark.py, from its repository")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    options = parser.parse_args()
    for name in ("rounds", "group"):
        if getattr(options, name) < 1:
            parser.error(f"`--{name}` must be >= 1, got {getattr(options, name)}")
    if options.timm_benchmark is not None and not options.timm_benchmark.is_file():
        parser.error(f"`--timm-benchmark` must be a file, got {options.timm_benchmark}")
    return options


def networks(quick: bool) -> tuple[ArchSpec, ArchSpec]:
    """The default proxy baseline, and EfficientNet-B0 at 224 px."""
    if quick:
        settings = TrainingSettings(baseline_width=0.125, baseline_resolution=16)
        return settings.proxy_baseline(CLASSES), replace(EFFICIENTNET_B0, classes=CLASSES, resolution=32)
    return TrainingSettings().proxy_baseline(CLASSES), replace(EFFICIENTNET_B0, classes=CLASSES)


def main() -> None:
    options = arguments()
    device, quick, seen = options.device, options.quick, Trained()
    resolve_device(device)
    say_where(device)
    proxy, whole = networks(quick)
    steady = replace(RECIPES["steady"], looks=1)

    def recipe(batch_size: int, steps: int) -> ProxyRecipe:
        return replace(steady, batch_size=batch_size, images=batch_size * (20 if quick else steps))

    def group(key: str, batch_size: int, steps: int) -> Comparison:
        """Runs side by side against one: what the group gains."""
        return in_turn(
            key,
            f"proxy baseline, batch {batch_size}, {options.group} runs side by side",
            "images/s in all",
            {
                f"scalesearch, {options.group} runs": lambda: scalesearch_images_per_s(
                    proxy, recipe(batch_size, steps), device, options.group, seen
                )
            },
            1,
        )

    few = 3 if quick else 100
    done: list[Comparison] = []
    small, large = (8, 2) if quick else (32, 128)
    one = recipe(small, 1000)
    done.append(
        in_turn(
            "one run",
            f"proxy baseline, batch {small}",
            "images/s",
            {
                "scalesearch": lambda: scalesearch_images_per_s(proxy, one, device, 1, seen),
                "plain eager loop, pixels on the device": lambda: plain_images_per_s(proxy, one, device, few),
            },
            options.rounds,
        )
    )
    done.append(group("group", small, 1000))
    done.append(group("group, large batch", 16 if quick else 128, 500))
    big = recipe(large, 80)
    timm = "timm's benchmark.py" if options.timm_benchmark else "timm, as its benchmark does"
    done.append(
        in_turn(
            "B0",
            f"EfficientNet-B0 at {whole.resolution} px, batch {large}",
            "images/s",
            {
                "scalesearch": lambda: scalesearch_images_per_s(whole, big, device, 1, seen),
                "plain eager loop, bfloat16": lambda: plain_images_per_s(
                    whole, big, device, 2 if quick else 30, torch.bfloat16
                ),
                f"{timm}, AMP": lambda: timm_images_per_s(
                    "train",
                    batch_size=large,
                    pixels=whole.resolution,
                    precision="amp",
                    device=device,
                    benchmark=options.timm_benchmark,
                    classes=CLASSES,
                    **({"warm": 1, "timed": 5} if quick else {}),
                ),
            },
            options.rounds,
        )
    )
    print_beyond(seen.beyond_s)
    keep(options.json, done, device, beyond_steady_s=seen.beyond_s, quick=quick)


def print_beyond(seconds: Sequence[float]) -> None:
    print("\nseconds of training beyond a run's steady speed, its first steps above all: ", end="")
    print(", ".join(f"{value:.2f}" for value in seconds))


if __name__ == "__main__":
    main()
