"""timm's own benchmark, called from here: its runners where its program is at hand, else its procedure.

timm's package holds networks and optimizers, but not the program that benchmarks them, the benchmark.py of
its repository. Named by `--timm-benchmark FILE`, its runners are used as they stand. Without it the same is
done with the package's parts: 10 steps to warm up, then 40 that each wait for the device, on fixed random
images, for training SGD and cross entropy with new random labels in each step, and cuDNN choosing its
algorithms by trying them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Literal

import torch
from torch import nn

Mode = Literal["train", "inference"]
WARM, TIMED = 10, 40


def timm_images_per_s(
    mode: Mode,
    *,
    batch_size: int,
    pixels: int,
    precision: Literal["amp", "float32", "bfloat16"],
    device: str,
    benchmark: Path | None,
    classes: int = 1000,
    warm: int = WARM,
    timed: int = TIMED,
) -> float:
    """Images per second of timm's EfficientNet-B0, channels last."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True  # as its program sets it
    try:
        if benchmark is None:
            return _by_its_procedure(mode, batch_size, pixels, precision, device, classes, warm, timed)
        program = _loaded(benchmark)
        runner = getattr(
            program, {"train": "TrainBenchmarkRunner", "inference": "InferenceBenchmarkRunner"}[mode]
        )
        made = runner(
            model_name="efficientnet_b0",
            device=device,
            precision=precision,
            channels_last=True,
            batch_size=batch_size,
            img_size=pixels,
            num_classes=classes,
            num_warm_iter=warm,
            num_bench_iter=timed,
        )
        return float(made.run()["samples_per_sec"])
    finally:
        torch.backends.cudnn.benchmark = before


def _loaded(benchmark: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("timm_benchmark", benchmark)
    if spec is None or spec.loader is None:
        raise SystemExit(f"--timm-benchmark must be timm's benchmark.py, got {benchmark}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.has_fvcore_profiling = False  # after it has timed a network it would count it too
    return module


def _by_its_procedure(
    mode: Mode, batch_size: int, pixels: int, precision: str, device: str, classes: int, warm: int, timed: int
) -> float:
    from timm.models import create_model
    from timm.optim import create_optimizer_v2

    place = torch.device(device)
    # On a CPU autocast has no float16 worth the name.
    autocast_dtype = torch.float16 if place.type == "cuda" else torch.bfloat16
    held = torch.bfloat16 if precision == "bfloat16" else torch.float32
    network: nn.Module = create_model("efficientnet_b0", num_classes=classes, global_pool="fast")
    network.to(device=place, dtype=held, memory_format=torch.channels_last)
    images = torch.randn(batch_size, 3, pixels, pixels, device=place, dtype=held)
    images = images.contiguous(memory_format=torch.channels_last)

    def forward() -> torch.Tensor:
        with torch.autocast(place.type, autocast_dtype, enabled=precision == "amp"):
            return network(images)

    if mode == "inference":
        network.eval()
        with torch.no_grad():
            return batch_size / _seconds(forward, place, warm, timed)
    network.train()
    optimizer = create_optimizer_v2(network, opt="sgd", lr=1e-4)
    loss_function = nn.CrossEntropyLoss().to(place)

    def step() -> None:
        optimizer.zero_grad()
        logits = forward()
        labels = torch.empty(batch_size, device=place, dtype=torch.long).random_(classes)
        loss_function(logits, labels).backward()
        optimizer.step()

    return batch_size / _seconds(step, place, warm, timed)


def _seconds(step: Callable[[], object], place: torch.device, warm: int, timed: int) -> float:
    """Of a step that is waited for."""

    def done() -> None:
        step()
        if place.type != "cpu":
            torch.accelerator.synchronize(place)

    for _ in range(warm):
        done()
    begun = perf_counter()
    for _ in range(timed):
        done()
    return (perf_counter() - begun) / timed
