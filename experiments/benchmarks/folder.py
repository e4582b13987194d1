"""Images trained per second of a folder of large JPEGs against the same images held in memory, in turn.

    python experiments/benchmarks/folder.py

Writes 2,000 JPEGs of 1,000 px, cuts of the embedded photographs, into a temporary folder (two minutes),
and trains a quarter-width EfficientNet-B0 on them at 64 px, from the folder and from their pixels in memory,
as the folder's own reading gives them. Timed are the steps after the first pass over the images, when all of
them have been read; the first pass's own speed is printed as well.

Expected on two CPU cores, in about six minutes: a ratio of 0.95 or more.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image
from side_by_side import in_turn, keep, say_where

from scalesearch.hardware.device import resolve_device
from scalesearch.hardware.machine import usable_cores
from scalesearch.networks.spec import ArchSpec
from scalesearch.study.settings import TrainingSettings
from scalesearch.training.dataset import DataSpec
from scalesearch.training.images import Examples, ImageSource, load, load_photographs
from scalesearch.training.loop import train
from scalesearch.training.recipe import RECIPES, ProxyRecipe

CLASSES = 4


def write_jpegs(folder: Path, count: int, pixels: int) -> None:
    """Windows of photographs, enlarged, each turned to other colours so that no two are one image."""
    windows = load_photographs(CLASSES).train
    turn = np.random.default_rng(0)
    for number in range(count):
        window, _ = windows[number * 7 % len(windows)]
        image = Image.fromarray(window.permute(1, 2, 0).numpy()).resize(
            (pixels, pixels), Image.Resampling.BICUBIC
        )
        tinted = np.asarray(image, dtype=np.float32) * turn.uniform(0.6, 1.0, 3) + turn.normal(
            0, 4, (pixels, pixels, 1)
        )
        place = folder / f"class{number % CLASSES}" / f"{number:05}.jpg"
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(tinted.clip(0, 255).astype(np.uint8)).save(place, quality=90)


def images_per_s(
    arch: ArchSpec, recipe: ProxyRecipe, source: ImageSource, device: str, workers: int, first: list[float]
) -> float:
    """Of the steps after the first pass, whose own speed is added to ``first``."""
    told: list[tuple[float, int]] = [(perf_counter(), 0)]
    train(
        arch,
        recipe,
        source,
        dataset="benchmark",
        device=resolve_device(device),
        render_workers=workers,
        on_step=lambda done, _steps: told.append((perf_counter(), done)),
    )
    a_pass = len(source.train) // recipe.batch_size + 1
    begun, done = next(moment for moment in told if moment[1] >= a_pass)
    first.append(done * recipe.batch_size / (begun - told[0][0]))
    ended, last = told[-1]
    return (last - done) * recipe.batch_size / (ended - begun)


def in_memory(source: ImageSource) -> ImageSource:
    """The same images, read once."""
    parts: Sequence[Examples] = [
        Examples([part[index] for index in range(len(part))]) for part in (source.train, source.held_out)
    ]
    return ImageSource(classes=source.classes, train=parts[0], held_out=parts[1])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cores = usable_cores()
    parser.add_argument("--device", default="cpu", help="where to train (default cpu)")
    parser.add_argument("--files", type=int, default=2000, help="JPEGs in the folder (default 2000)")
    parser.add_argument("--file-pixels", type=int, default=1000, help="side of each (default 1000)")
    parser.add_argument("--pixels", type=int, default=64, help="side that is trained at (default 64)")
    parser.add_argument("--passes", type=int, default=4, help="passes over the images (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of both sides in turn (default 3)")
    parser.add_argument("--threads", type=int, default=cores, help=f"CPU threads (default {cores})")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    options = parser.parse_args()
    for name, least in (
        ("files", 8),
        ("file_pixels", 8),
        ("pixels", 8),
        ("passes", 2),
        ("rounds", 1),
        ("threads", 1),
    ):
        if getattr(options, name) < least:
            parser.error(f"`--{name.replace('_', '-')}` must be >= {least}, got {getattr(options, name)}")
    return options


def main() -> None:
    options = arguments()
    say_where(options.device)
    torch.set_num_threads(options.threads)
    settings = TrainingSettings(baseline_resolution=options.pixels)
    arch = settings.proxy_baseline(CLASSES)
    with tempfile.TemporaryDirectory() as folder:
        begun = perf_counter()
        write_jpegs(Path(folder), options.files, options.file_pixels)
        print(f"{options.files} JPEGs of {options.file_pixels} px written in {perf_counter() - begun:.0f} s")
        files = load(DataSpec(name=f"folder:{folder}", held_out=2 * CLASSES))
        memory = in_memory(files)
        recipe = replace(
            RECIPES["steady"],
            images=options.passes * len(files.train),
            batch_size=min(32, len(files.train) // 2),
            looks=1,
        )
        first: dict[str, list[float]] = {"folder": [], "memory": []}
        done = in_turn(
            "folder",
            f"{options.files} JPEGs of {options.file_pixels} px at {options.pixels} px, after the first pass",
            "images/s",
            {
                # Each round reads the files anew: what a run keeps of them is part of what is timed.
                "scalesearch, from the folder": lambda: images_per_s(
                    arch,
                    recipe,
                    load(DataSpec(name=f"folder:{folder}", held_out=2 * CLASSES)),
                    options.device,
                    0,
                    first["folder"],
                ),
                "scalesearch, from memory": lambda: images_per_s(
                    arch, recipe, memory, options.device, 0, first["memory"]
                ),
            },
            options.rounds,
        )
    for side, speeds in first.items():
        print(f"first pass, from {side}: {', '.join(f'{speed:,.1f}' for speed in speeds)} images/s")
    keep(options.json, [done], options.device, first_pass=first)


if __name__ == "__main__":
    main()
