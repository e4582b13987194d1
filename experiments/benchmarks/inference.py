"""EfficientNet-B0's inference in images per second: scalesearch's timing against timm's benchmark, in turn.

    python experiments/benchmarks/inference.py --device cuda --timm-benchmark FILE

Both time torch as it is, channels last, at 224 px, in float32 and in bfloat16: the same network (the
parameters are compared), each built by its own package. timm lets cuDNN choose its algorithms by trying them,
scalesearch leaves the choice to cuDNN's rules; so scalesearch is timed as timm does it too, and that is the
figure that has to agree. Needs timm; FILE is the benchmark.py of its repository.

Expected on an H100, in about half a minute: with cuDNN trying, the two within 5% of each other.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from side_by_side import in_turn, keep, say_where
from timm.models import create_model
from timm_peer import timm_images_per_s

from scalesearch.hardware.device import resolve_device
from scalesearch.hardware.machine import usable_cores
from scalesearch.hardware.timing import time_network
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.cost import count
from scalesearch.networks.spec import ArchSpec
from scalesearch.records.timings import Dtype, Setup


def scalesearch_images_per_s(arch: ArchSpec, setup: Setup, *, trying: bool = False) -> float:
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = trying
    try:
        return setup.batch_size / median(time_network(arch, setup))
    finally:
        torch.backends.cudnn.benchmark = before


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", help="where to run (default cuda)")
    parser.add_argument("--batch-size", type=int, default=256, help="images of a pass (default 256)")
    parser.add_argument("--pixels", type=int, default=224, help="the input's side (default 224)")
    parser.add_argument("--threads", type=int, default=usable_cores(), help="CPU threads (default all cores)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all sides in turn (default 3)")
    parser.add_argument("--timm-benchmark", type=Path, help="timm's benchmark.py, from its repository")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    options = parser.parse_args()
    for name in ("batch_size", "pixels", "threads", "rounds"):
        if getattr(options, name) < 1:
            parser.error(f"`--{name.replace('_', '-')}` must be >= 1, got {getattr(options, name)}")
    if options.timm_benchmark is not None and not options.timm_benchmark.is_file():
        parser.error(f"`--timm-benchmark` must be a file, got {options.timm_benchmark}")
    return options


def main() -> None:
    options = arguments()
    device, batch_size = options.device, options.batch_size
    resolve_device(device)
    arch = replace(EFFICIENTNET_B0, resolution=options.pixels)
    params = sum(p.numel() for p in create_model("efficientnet_b0").parameters())
    if params != count(arch).params:
        raise SystemExit(f"the two networks differ: {count(arch).params:,} and {params:,} parameters")
    say_where(device)
    torch.set_num_threads(options.threads)
    timm = "timm's benchmark.py" if options.timm_benchmark else "timm, as its benchmark does"
    done = []
    dtypes: tuple[Dtype, ...] = ("float32", "bfloat16")
    for dtype in dtypes:
        setup = Setup(batch_size=batch_size, dtype=dtype, device=device, threads=options.threads)
        sides = {
            "scalesearch, cuDNN trying": lambda setup=setup: scalesearch_images_per_s(
                arch, setup, trying=True
            ),
            timm: lambda dtype=dtype: timm_images_per_s(
                "inference",
                batch_size=batch_size,
                pixels=options.pixels,
                precision=dtype,
                device=device,
                benchmark=options.timm_benchmark,
                **({} if device != "cpu" else {"warm": 1, "timed": 5}),
            ),
            "scalesearch, cuDNN by its rules": lambda setup=setup: scalesearch_images_per_s(arch, setup),
        }
        done.append(
            in_turn(dtype, f"inference, batch {batch_size}, {dtype}", "images/s", sides, options.rounds)
        )
    keep(options.json, done, device)


if __name__ == "__main__":
    main()
