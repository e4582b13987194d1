"""How long one pass of a network takes, with every raw sample kept."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from scalesearch.architecture.code_layout import runs_channels_last
from scalesearch.architecture.spec import Arch
from scalesearch.measure.device import device_kind, resolve_device
from scalesearch.measure.passes import Pass, network_pass, own_randomness
from scalesearch.records import LatencyRecord
from scalesearch.records.timing import Setup

if TYPE_CHECKING:
    from torch.utils.benchmark import Timer

__all__ = ["measure_latency", "pair_passes", "time_network", "time_pairs", "time_pass"]

MIN_SAMPLES = 5
"""The fewest samples that a median and a spread are taken of, however slow the network."""
SLOW_S = 1.0
MIN_SLOW_SAMPLES = 3
"""As many are taken of a pass longer than SLOW_S, in seconds: its samples differ less than processes do."""
MIN_PAIR_SAMPLE_S = 0.010
"""The least that one sample of a pair lasts: the clock and the loop around it are then nothing beside it."""


def measure_latency(
    arch: Arch,
    *,
    batch_size: int,
    threads: int,
    device: str = "cpu",
    min_run_time_s: float = 0.5,
) -> LatencyRecord:
    """Times the inference of ``arch`` in float32, channels last where it runs so; see :func:`time_network`.

    Raises:
        ValueError: if a number is out of range, or the device isn't there.
    """
    setup = Setup(
        batch_size=batch_size,
        threads=threads,
        device=device,
        channels_last=device_kind(device) != "mps" and runs_channels_last(arch),
    )
    return LatencyRecord(
        samples_s=time_network(arch, setup, min_run_time_s=min_run_time_s),
        batch_size=batch_size,
        threads=threads,
        dtype=setup.dtype,
        device=str(resolve_device(device)),
    )


def time_network(
    arch: Arch, setup: Setup, *, min_run_time_s: float = 0.5, onnx_path: Path | None = None
) -> tuple[float, ...]:
    """Times passes of ``arch``: forward passes, or whole training steps.

    Meant to run alone: whatever else is busy on the machine is measured too. Neither the number of torch's
    threads nor the state of its generators is changed afterwards.

    Args:
        arch: the network, timed at its own resolution on seeded images.
        setup: how. A network is compiled, or captured, before the first sample.
        min_run_time_s: see :func:`time_pass`.
        onnx_path: see :func:`measure.passes.network_pass`.

    Returns:
        See :func:`time_pass`.

    Raises:
        ValueError: if the time isn't positive, or the device or the runtime isn't there.
    """
    _require_time(min_run_time_s)
    with own_randomness(setup):
        return time_pass(network_pass(arch, setup, onnx_path=onnx_path), min_run_time_s=min_run_time_s)


def time_pass(work: Pass, *, min_run_time_s: float = 0.5) -> tuple[float, ...]:
    """Times a pass by torch.utils.benchmark; each sample waits for the device.

    Args:
        work: the pass.
        min_run_time_s: time to spend on samples, in seconds; a slow network takes longer, since at least
            five samples are taken, three where a pass takes over a second.

    Returns:
        One sample per timed run, in seconds for a whole batch; a run of a network too fast for the clock is
        the mean of several passes.

    Raises:
        ValueError: if the time isn't positive.
    """
    _require_time(min_run_time_s)
    timer = _timer(work)
    with work.around():
        first_s = _warm_up(timer)
        slow = first_s > SLOW_S
        # Of a slow pass the one that was timed already is a sample too.
        samples, fewest = ([first_s], MIN_SLOW_SAMPLES) if slow else ([], MIN_SAMPLES)
        # Half a pass less than the missing ones take: noise must not ask for one more.
        wanted_s = (fewest - len(samples) - 0.5) * first_s
        measured = timer.blocked_autorange(min_run_time=max(min_run_time_s, wanted_s))
        samples += measured.times
        while len(samples) < fewest:
            samples += timer.timeit(measured.number_per_run).times
    return tuple(samples)


def time_pairs(
    a: tuple[Arch, Setup], b: tuple[Arch, Setup], *, pairs: int
) -> tuple[tuple[float, float], ...]:
    """Times two networks, or one in two setups, in turn: A B B A A B B A; see :func:`pair_passes`.

    Raises:
        ValueError: if ``pairs`` is below 1, or a device or a runtime isn't there.
    """
    _require_pairs(pairs)
    with own_randomness(a[1], b[1]):
        return pair_passes(network_pass(*a), network_pass(*b), pairs=pairs)


def pair_passes(a: Pass, b: Pass, *, pairs: int) -> tuple[tuple[float, float], ...]:
    """Times two passes in turn, both alive in this process, by torch.utils.benchmark.

    The one that began a pair ends the next: what drifts slowly, and what the first leaves behind for the
    second, falls on both alike. A sample is the mean of as many passes as last 10 ms or longer.

    Args:
        a: one pass.
        b: the other.
        pairs: how many samples to take of each.

    Returns:
        The (a, b) samples in the order taken, in seconds for a whole batch.

    Raises:
        ValueError: if ``pairs`` is below 1.
    """
    _require_pairs(pairs)
    works = (a, b)
    timers = tuple(_timer(work) for work in works)
    # Both are warm before the number of either's passes is fixed.
    for work, timer in zip(works, timers, strict=True):
        with work.around():
            _warm_up(timer)
    numbers = []
    for work, timer in zip(works, timers, strict=True):
        with work.around():
            numbers.append(max(1, math.ceil(MIN_PAIR_SAMPLE_S / timer.timeit(1).median)))

    def sample(index: int) -> float:
        with works[index].around():
            return timers[index].timeit(numbers[index]).median

    taken = []
    for pair in range(pairs):
        order = (0, 1) if pair % 2 == 0 else (1, 0)
        seconds = {index: sample(index) for index in order}
        taken.append((seconds[0], seconds[1]))
    return tuple(taken)


def _timer(work: Pass) -> Timer:
    with _quiet_toolkit():
        from torch.utils.benchmark import Timer

    def clock() -> float:
        work.wait()
        return perf_counter()

    return Timer("run()", globals={"run": work.run}, num_threads=work.setup.threads, timer=clock)


def _warm_up(timer: Timer) -> float:
    """Seconds of a pass after the first two, which compile, pick algorithms and allocate memory."""
    return timer.timeit(1).median


def _require_time(min_run_time_s: float) -> None:
    if not min_run_time_s > 0:
        raise ValueError(f"`min_run_time_s` must be > 0, got {min_run_time_s}")


def _require_pairs(pairs: int) -> None:
    if pairs < 1:
        raise ValueError(f"`pairs` must be >= 1, got {pairs}")


@contextmanager
def _quiet_toolkit() -> Iterator[None]:
    """Without the notice, on importing the timer, that a CUDA compiler is installed but no GPU is."""
    logger = logging.getLogger("torch.utils.cpp_extension")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
