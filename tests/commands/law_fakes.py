"""A law without measuring: fake workers that can tell kinds of layers apart, too."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from scalesearch.workers.executor import TrialFailedError
from tests.commands.fakes import Bench, Job, seconds

__all__ = ["KIND_SHARES", "LawBench"]

KIND_SHARES = {"pointwise": 0.5, "depthwise": 0.2, "norm": 0.2, "linear": 0.005, "other": 0.095}


@dataclass
class LawBench(Bench):
    """As ``Bench``; kinds of layers take fixed shares of a network's time."""

    def submit(self, job: Job, _on_step: Callable[[int, int], None]) -> Future[dict[str, Any]]:
        """The result is there at once."""
        if job["kind"] != "kinds":
            return super().submit(job, _on_step)
        self.jobs.append(dict(job))
        future: Future[dict[str, Any]] = Future()
        if (reason := self.fails(job)) is not None:
            future.set_exception(TrialFailedError(reason))
            return future
        whole = seconds(job["arch"], job["setup"])
        future.set_result({"seconds": {kind: share * whole for kind, share in KIND_SHARES.items()}})
        return future
