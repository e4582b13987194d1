"""How long one forward pass takes, with every raw sample kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from scalesearch.architecture.network import build
from scalesearch.architecture.spec import ArchSpec
from scalesearch.measure.device import resolve_device
from scalesearch.records import LatencyRecord

__all__ = ["measure_latency"]

MIN_SAMPLES = 5
"""The fewest samples that a median and a spread are taken of, however slow the network."""


@contextmanager
def _quiet_toolkit() -> Iterator[None]:
    """Without the notice, on importing the timer, that a CUDA compiler is installed but no GPU is."""
    logger = logging.getLogger("torch.utils.cpp_extension")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def measure_latency(
    arch: ArchSpec,
    *,
    batch_size: int,
    threads: int,
    device: str = "cpu",
    min_run_time_s: float = 0.5,
) -> LatencyRecord:
    """Times the inference of ``arch`` in float32 and channels-last layout, by torch.utils.benchmark.

    Meant to run alone: whatever else is busy on the machine is measured too. Neither the number of torch's
    threads nor the state of its CPU generator is changed afterwards.

    Args:
        arch: the network, timed at its own resolution.
        batch_size: images in one forward pass.
        threads: CPU threads of torch while timing.
        device: ``cpu``, ``cuda`` or ``cuda:N``; CUDA is waited for within each sample.
        min_run_time_s: time to spend on samples, in seconds; a slow network takes longer, since at least
            five samples are taken.

    Returns:
        One sample per timed run, in seconds for a whole batch; a run of a network too fast for the clock is
        the mean of several passes.

    Raises:
        ValueError: if a number is out of range, or the device isn't there.
    """
    for name, value in (("batch_size", batch_size), ("threads", threads)):
        if value < 1:
            raise ValueError(f"`{name}` must be >= 1, got {value}")
    if not min_run_time_s > 0:
        raise ValueError(f"`min_run_time_s` must be > 0, got {min_run_time_s}")
    target = resolve_device(device)
    with _quiet_toolkit():
        from torch.utils.benchmark import Timer

    shape = (batch_size, arch.in_channels, *arch.input_size)
    with torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(0)
        # Nothing is dropped in eval mode; without it, torchvision need not be loaded.
        network = build(replace(arch, drop_path=0.0)).eval().to(target).to(memory_format=torch.channels_last)
        images = torch.randn(shape).to(target, memory_format=torch.channels_last)

    timer = Timer("network(images)", globals={"network": network, "images": images}, num_threads=threads)
    with torch.inference_mode():
        # The first passes pick algorithms and allocate memory: `timeit` discards two before it times one.
        first_s = timer.timeit(1).median
        run_time_s = max(min_run_time_s, MIN_SAMPLES * first_s)
        samples = list(timer.blocked_autorange(min_run_time=run_time_s).times)
        while len(samples) < MIN_SAMPLES:
            samples += timer.timeit(1).times
    return LatencyRecord(
        samples_s=tuple(samples),
        batch_size=batch_size,
        threads=threads,
        dtype=str(images.dtype).removeprefix("torch."),
        device=str(target),
    )
