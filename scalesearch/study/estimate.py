"""How long a plan takes: steps timed before it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
from scipy.optimize import nnls

from scalesearch.networks.cost import block_count, count, training_bytes
from scalesearch.networks.spec import Arch
from scalesearch.records import RungRecord
from scalesearch.study.plan import whole_runs
from scalesearch.study.settings import TrainingSettings
from scalesearch.workers.executor import Executor
from scalesearch.workers.jobs import LatencySpec
from scalesearch.workers.worker import TrialSpec

# ----------------------------------------------------------------------------------------------------
# Latency as a budget: networks timed before it is decided which are trained.


def latency_cost(
    settings: TrainingSettings, executor: Executor, on_measured: Callable[[], None]
) -> Callable[[Arch], float]:
    """A function that gives a network's median latency in seconds; each network is measured once.

    The executor must run one job at a time, and nothing else may run. ``on_measured`` hears of each
    measurement. The function raises ``TrialFailedError`` where a network cannot be measured.
    """
    known: dict[str, float] = {}

    def cost(arch: Arch) -> float:
        if arch.key not in known:
            spec = LatencySpec.of(settings, arch.key, arch)
            result = executor.submit(spec.to_dict(), lambda _done, _steps: None).result()
            known[arch.key] = median(result["samples_s"])
            on_measured()
        return known[arch.key]

    return cost


# ----------------------------------------------------------------------------------------------------
# How long a run is going to take and how much memory it needs, worked out before it starts.
#
# A few networks of the plan train for some batches; their seconds per image, fitted to what networks do per
# image (blocks and activations: at proxy size overheads and memory traffic decide, not multiply-adds), give
# every other network's.

PROBE_BATCHES = 8
# An accelerator's steps are only captured, and as fast as a run's, where a run has some more of them; side by
# side its runs are about three times as fast as alone, eight or more of them (measured on an H100).
PROBE_BATCHES_CAPTURED = 256
SIDE_BY_SIDE = 3.0
# A forward pass alone takes about a third of a training step.
JUDGING = 1 / 3
# A worker's start, its data and fvcore's count; a latency measurement and its start; loading and reporting.
START_S = 2.0
LATENCY_S = 2.0
OVERHEAD_S = 15.0
# What a process holds before it trains: the interpreter, torch, the data.
PROCESS_BYTES = 450 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Seconds that one training image takes: ``per_block * blocks + per_activation * activations``."""

    per_block: float
    per_activation: float

    def seconds_per_image(self, arch: Arch) -> float:
        """Of one network, while as many train at a time as when it was measured."""
        return self.per_block * block_count(arch) + self.per_activation * count(arch).activations


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A plan's expected wall-clock seconds, peak bytes over all workers, and training images in all."""

    seconds: float
    peak_bytes: int
    images: int


def measure_speed(
    archs: Sequence[Arch],
    settings: TrainingSettings,
    executor: Executor,
    track: Callable[[Iterable[Any], int, str], Iterable[Any]],
) -> Speed:
    """Trains the cheapest, the deepest and the dearest network for a few batches.

    Raises:
        TrialFailedError: if one cannot be trained.
    """
    by_activations = sorted(archs, key=lambda arch: count(arch).activations)
    deepest = max(archs, key=block_count)
    probes = list({a.key: a for a in (by_activations[0], deepest, by_activations[-1])}.values())
    recipe = settings.proxy_recipe
    data = replace(settings.data, held_out=2)
    futures = []
    for arch in probes:
        spec = TrialSpec(
            key=f"speed-{arch.key}",
            arch=arch,
            recipe=replace(recipe, looks=1).to_dict(),
            data=data.to_dict(),
            device=settings.device,
            threads=settings.threads,
            until=(PROBE_BATCHES if settings.device == "cpu" else PROBE_BATCHES_CAPTURED) * recipe.batch_size,
            count=False,
        )
        futures.append(executor.submit(spec.to_dict(), lambda _done, _steps: None))
    seconds = [
        future.result()["train_seconds"] / future.result()["images_seen"]
        for future in track(futures, len(futures), "Timing a few batches")
    ]
    features = np.array([[block_count(arch), count(arch).activations] for arch in probes], dtype=float)
    scale = features.max(axis=0)
    weights, _ = nnls(features / scale, np.array(seconds))
    per_block, per_activation = weights / scale
    return Speed(per_block=float(per_block), per_activation=float(per_activation))


def runs_at_a_time(settings: TrainingSettings) -> float:
    """How many runs take the time of one, as they were timed alone or beside others."""
    return settings.jobs if settings.device == "cpu" else min(settings.jobs, SIDE_BY_SIDE)


def run_seconds(arch: Arch, speed: Speed, settings: TrainingSettings, images: int) -> float:
    """Seconds of one whole training run of a network, judging and start included."""
    looks = settings.proxy_recipe.looks
    judged = settings.held_out * (looks + 1) * JUDGING
    return START_S + (images + judged) * speed.seconds_per_image(arch)


def estimate(
    archs: Sequence[Arch], rungs: Sequence[RungRecord], settings: TrainingSettings, speed: Speed
) -> Estimate:
    """What a plan takes, networks of average cost going on from rung to rung."""
    whole = rungs[-1].images
    each = float(np.mean([run_seconds(arch, speed, settings, whole) for arch in archs]))
    last = rungs[-1]
    runs = whole_runs([(rung.networks, rung.images / whole) for rung in rungs], last.seeds)
    seconds = runs * each / runs_at_a_time(settings) + OVERHEAD_S
    if settings.latency:
        seconds += LATENCY_S * last.networks
    largest = sorted((training_bytes(arch, settings.pass_size) for arch in archs), reverse=True)
    return Estimate(
        seconds=seconds,
        peak_bytes=sum(largest[: settings.jobs]) + PROCESS_BYTES * settings.jobs,
        images=round(runs * whole),
    )
