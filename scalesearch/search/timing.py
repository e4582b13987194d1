"""Latency as a budget: networks timed before it is decided which are trained."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from scalesearch.architecture.spec import Arch
from scalesearch.search.settings import TrainingSettings
from scalesearch.workers.executor import Executor
from scalesearch.workers.jobs import LatencySpec

__all__ = ["latency_cost"]


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
