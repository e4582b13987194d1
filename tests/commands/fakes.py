"""Measurements without measuring: an executor whose results follow from the job alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from scalesearch.networks.cost import count
from scalesearch.networks.spec import arch_from_dict
from scalesearch.workers.executor import TrialFailedError

Job = Mapping[str, Any]
CONDITIONS = {"before": {"load": 0.1}, "after": {"load": 0.2}}


def seconds(arch: Mapping[str, Any], setup: Mapping[str, Any]) -> float:
    """A made-up latency: 0.1 ms, and 1 ns for each MAC of the batch, shared among the threads."""
    macs = count(arch_from_dict(arch)).macs
    return 1e-4 + macs * setup["batch_size"] / setup["threads"] * 1e-9


@dataclass
class Bench:
    """What fake workers share: the jobs they were given, in order, and which of them fail.

    ``fails`` says why a job fails; None lets it run. ``on_result`` is called before a result is told.
    """

    jobs: list[dict[str, Any]] = field(default_factory=list)
    fails: Callable[[Job], str | None] = lambda _job: None
    on_result: Callable[[Job], None] = lambda _job: None

    def executor(self, **_ignored: Any) -> Bench:
        """In place of ``ProcessExecutor``."""
        return self

    def submit(self, job: Job, _on_step: Callable[[int, int], None]) -> Future[dict[str, Any]]:
        """The result is there at once."""
        plain = json.loads(json.dumps(dict(job)))  # plain data, as for a real worker
        self.jobs.append(plain)
        future: Future[dict[str, Any]] = Future()
        reason = self.fails(plain)
        if reason is not None:
            future.set_exception(TrialFailedError(reason))
            return future
        future.set_result(_result(plain))
        self.on_result(plain)
        return future

    def shutdown(self, *, kill: bool = False) -> None:
        """Nothing runs."""


def _result(job: Job) -> dict[str, Any]:
    if job["kind"] == "largest_batch":
        return {"batch_size": 64}
    if job["kind"] == "pair":
        a, b = seconds(job["arch_a"], job["setup_a"]), seconds(job["arch_b"], job["setup_b"])
        pairs = [[a * (1 + n / 100), b * (1 + n / 100)] for n in range(job["pairs"])]
        return {"pairs": pairs, "conditions": CONDITIONS}
    middle = seconds(job["arch"], job["setup"])
    return {
        "samples_s": [middle * (1 + n / 100) for n in (-2, -1, 0, 1, 2)],
        "peak_bytes": 1_000_000 if job["memory"] else None,
        "conditions": CONDITIONS,
    }
