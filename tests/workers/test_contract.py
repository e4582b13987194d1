"""Executors do what executors have to do; and the checks that say so can fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from scalesearch.workers.contract import CHECKS, BrokenContractError, MakeExecutor
from scalesearch.workers.engines import Work, engine
from scalesearch.workers.executor import Executor, TrialFailedError

Check = Callable[[MakeExecutor], None]


class _Threads:
    """An executor of threads that keeps the contract, or breaks it in one way."""

    def __init__(self, jobs: int, stall_timeout: float | None, fault: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=jobs + (fault == "more than may"))
        self._stall, self._fault = stall_timeout or 600.0, fault
        self._killed = False

    def submit(
        self, job: dict[str, Any], _on_step: object, _on_look: object = None
    ) -> Future[dict[str, Any]]:
        return self._pool.submit(self._run, job)

    def _run(self, job: dict[str, Any]) -> dict[str, Any]:
        # Ten times as fast: what counts is which is longer.
        stall = self._stall if self._stall > 50 else self._stall / 100
        ends = time.monotonic() + job["seconds"]
        silent_until = time.monotonic() + stall
        while time.monotonic() < ends:
            if self._killed:
                raise TrialFailedError("stopped")
            if time.monotonic() > silent_until:
                raise TrialFailedError("said nothing")
            time.sleep(0.005)
        if job["exits"]:
            raise TrialFailedError("it died")
        if job["fails"]:
            text = job["fails"] if self._fault == "lines" else " ".join(job["fails"].split())
            raise (RuntimeError if self._fault == "another error" else TrialFailedError)(text)
        key = "another" if self._fault == "mixed up" else job["key"]
        return {"key": key, "payload": "x" * (job["payload_bytes"] - (self._fault == "cut"))}

    def shutdown(self, *, kill: bool = False) -> None:
        self._killed = kill
        self._pool.shutdown(wait=self._fault != "in a hurry" or kill, cancel_futures=kill)


def _threads(fault: str = "") -> MakeExecutor:
    def make(jobs: int, stall_timeout: float | None) -> Executor:
        return _Threads(jobs, stall_timeout, fault)

    return make


@pytest.mark.parametrize(
    "check", [pytest.param(c, marks=pytest.mark.slow) for c in CHECKS], ids=lambda c: c.__name__
)
def test_threads_keep_it(check: Check) -> None:
    check(_threads())


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        ("mixed up", "a_failure_is_told_by_its_reason", "nothing ran after a failure"),
        ("mixed up", "jobs_come_from_any_thread", "was another job's"),
        ("another error", "a_failure_is_told_by_its_reason", "must raise TrialFailedError, got RuntimeError"),
        ("lines", "a_strange_message_comes_through", "must be one line"),
        ("cut", "a_large_result_comes_back_whole", "came back as something else"),
        ("in a hurry", "shutdown_waits_for_what_runs", "without its result"),
    ],
)
def test_a_broken_one_is_told(fault: str, check: str, message: str) -> None:
    checks = {made.__name__: made for made in CHECKS}
    with pytest.raises(BrokenContractError, match=message):
        checks[check](_threads(fault))


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ["processes", "ray"])
def test_built_in_engines_keep_it(name: str, check: Check, tmp_path: Path) -> None:
    if name == "ray":
        pytest.importorskip("ray", reason="needs scalesearch[ray]")
    found, address = engine(name)

    def make(jobs: int, stall_timeout: float | None) -> Executor:
        work = Work(device="cpu", jobs=jobs, log_dir=tmp_path / "logs", stall_timeout=stall_timeout)
        return found.executor(address, work)

    check(make)
