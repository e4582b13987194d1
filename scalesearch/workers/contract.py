"""What every executor has to do, as checks that anybody's can be put to.

An executor of your own passes where none of these raises::

    from scalesearch.workers.contract import CHECKS

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_mine(check, tmp_path):
        check(lambda jobs, stall_timeout: MyExecutor(...))

Each check makes the executors it needs, and ends them. Together they take about a minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Protocol

from scalesearch.workers.executor import Executor, TrialFailedError
from scalesearch.workers.jobs import ProbeSpec

PATIENCE_S = 120.0
"""How long any job of a check may take; a worker's start is most of it."""
LARGE_BYTES = 10_000_000
STRANGE = "naïve \x1b[31m`code`\n\t{not} %s \U0001f40d \\ " + "x" * 500


class MakeExecutor(Protocol):
    """Makes an executor that runs ``jobs`` at a time, and takes a worker for hung after some seconds."""

    def __call__(self, jobs: int, stall_timeout: float | None, /) -> Executor:
        """The executor."""


class BrokenContractError(AssertionError):
    """An executor does something else than an executor has to; the message says what."""


def results_are_their_own_jobs(make: MakeExecutor) -> None:
    """Each future has its own job's result, whichever job ends first, and more wait than run at a time."""
    with _executor(make, 2) as executor:
        seconds = {"first": 1.0, "second": 0.0, "third": 0.3, "fourth": 0.0, "fifth": 0.1}
        futures = {key: _submit(executor, key=key, seconds=s) for key, s in seconds.items()}
        for key, future in futures.items():
            _require(_result(future)["key"] == key, f"the result of {key!r} was another job's")


def no_more_run_than_may(make: MakeExecutor) -> None:
    """With room for one job at a time jobs follow one another."""
    with _executor(make, 1) as executor:
        _result(_submit(executor, key="warm"))
        begun = time.monotonic()
        for future in [_submit(executor, key=f"sleeps-{number}", seconds=0.5) for number in range(3)]:
            _result(future)
        lasted = time.monotonic() - begun
        _require(lasted >= 1.5, f"three jobs of 0.5 s took {lasted:.2f} s in room for one")


def a_failure_is_told_by_its_reason(make: MakeExecutor) -> None:
    """A job that raises fails with its message in one line, and the next one runs."""
    with _executor(make, 1) as executor:
        reason = _reason(_submit(executor, key="fails", fails="the reason"))
        _require("the reason" in reason, f"the job raised 'the reason', and its future {reason!r}")
        _require(_result(_submit(executor, key="next"))["key"] == "next", "nothing ran after a failure")


def a_strange_message_comes_through(make: MakeExecutor) -> None:
    """Control characters, braces, long texts and other alphabets in a message do no harm."""
    with _executor(make, 1) as executor:
        reason = _reason(_submit(executor, key="strange", fails=STRANGE))
        _require("\n" not in reason, f"the reason must be one line, got {reason!r}")
        _require("naïve" in reason and "{not} %s" in reason, f"the message was changed to {reason!r}")


def a_worker_that_dies_costs_its_job(make: MakeExecutor) -> None:
    """A job whose process ends without a word fails, if not at once, and the next one runs."""
    with _executor(make, 1) as executor:
        reason = _reason(_submit(executor, key="exits", exits=True))
        _require(bool(reason), "a worker that died must have a reason")
        _require(_result(_submit(executor, key="next"))["key"] == "next", "nothing ran after a death")


def a_silent_worker_is_given_up(make: MakeExecutor) -> None:
    """A job that says nothing for longer than it may fails, and the next one runs."""
    with _executor(make, 1, stall_timeout=10.0) as executor:
        reason = _reason(_submit(executor, key="silent", seconds=600.0))
        _require(bool(reason), "a worker that said nothing must have a reason")
        _require(_result(_submit(executor, key="next"))["key"] == "next", "nothing ran after a stall")


def a_large_result_comes_back_whole(make: MakeExecutor) -> None:
    """A result of 10 MB is what the job gave."""
    with _executor(make, 1) as executor:
        result = _result(_submit(executor, key="large", payload_bytes=LARGE_BYTES))
        _require(result["payload"] == "x" * LARGE_BYTES, "a result of 10 MB came back as something else")


def what_waits_can_be_cancelled(make: MakeExecutor) -> None:
    """A job that has not begun is cancelled by its future, and costs the others nothing."""
    with _executor(make, 1) as executor:
        running = _submit(executor, key="runs", seconds=2.0)
        waiting = [_submit(executor, key=f"waits-{number}", seconds=600.0) for number in range(3)]
        _require(all(future.cancel() for future in waiting), "a job that waited could not be cancelled")
        _require(_result(running)["key"] == "runs", "cancelling others cost a job that ran")
        _require(_result(_submit(executor, key="next"))["key"] == "next", "nothing ran after a cancellation")


def shutdown_waits_for_what_runs(make: MakeExecutor) -> None:
    """``shutdown()`` returns when all jobs have their results, those that waited too."""
    with _executor(make, 1) as executor:
        futures = [_submit(executor, key=f"runs-{number}", seconds=0.5) for number in range(2)]
        executor.shutdown()
        _require(all(future.done() for future in futures), "shutdown() left a job without its result")
        for future in futures:
            _result(future)


def a_kill_ends_everything(make: MakeExecutor) -> None:
    """``shutdown(kill=True)`` ends what runs and what waits at once: every future is done, none hangs."""
    with _executor(make, 1) as executor:
        _result(_submit(executor, key="warm"))
        futures = [_submit(executor, key=f"sleeps-{number}", seconds=600.0) for number in range(3)]
        time.sleep(1.0)
        begun = time.monotonic()
        executor.shutdown(kill=True)
        _require(time.monotonic() - begun < PATIENCE_S / 2, "a kill waited for what ran")
        for future in futures:
            _require(future.done(), "a job has no outcome after a kill")
            _require(
                future.cancelled() or isinstance(future.exception(), TrialFailedError),
                "a job that was killed must be cancelled or have failed",
            )


def jobs_come_from_any_thread(make: MakeExecutor) -> None:
    """Several threads may submit at once."""
    with _executor(make, 2) as executor:
        keys = [f"thread-{number}" for number in range(8)]
        futures: dict[str, Future[dict[str, Any]]] = {}
        threads = [
            threading.Thread(target=lambda key=key: futures.update({key: _submit(executor, key=key)}))
            for key in keys
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for key in keys:
            _require(_result(futures[key])["key"] == key, f"the result of {key!r} was another job's")


CHECKS: tuple[Callable[[MakeExecutor], None], ...] = (
    results_are_their_own_jobs,
    no_more_run_than_may,
    a_failure_is_told_by_its_reason,
    a_strange_message_comes_through,
    a_worker_that_dies_costs_its_job,
    a_silent_worker_is_given_up,
    a_large_result_comes_back_whole,
    what_waits_can_be_cancelled,
    shutdown_waits_for_what_runs,
    a_kill_ends_everything,
    jobs_come_from_any_thread,
)
"""All of them."""


@contextmanager
def _executor(make: MakeExecutor, jobs: int, stall_timeout: float | None = 60.0) -> Iterator[Executor]:
    executor = make(jobs, stall_timeout)
    try:
        yield executor
    finally:
        executor.shutdown(kill=True)


def _submit(executor: Executor, **probe: Any) -> Future[dict[str, Any]]:
    return executor.submit(ProbeSpec(**probe).to_dict(), lambda _done, _steps: None)


def _result(future: Future[dict[str, Any]]) -> dict[str, Any]:
    try:
        return future.result(timeout=PATIENCE_S)
    except TimeoutError:
        raise BrokenContractError(f"a job had no outcome after {PATIENCE_S:g} s") from None
    except TrialFailedError as failure:
        raise BrokenContractError(f"a job that does nothing wrong failed: {failure}") from failure


def _reason(future: Future[dict[str, Any]]) -> str:
    try:
        result = future.result(timeout=PATIENCE_S)
    except TrialFailedError as failure:
        return str(failure)
    except TimeoutError:
        raise BrokenContractError(f"a job had no outcome after {PATIENCE_S:g} s") from None
    except Exception as error:
        raise BrokenContractError(
            f"a job that fails must raise TrialFailedError, got {type(error).__name__}: {error}"
        ) from error
    raise BrokenContractError(f"a job that fails gave the result {str(result)[:80]}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BrokenContractError(otherwise)
