"""Worker processes for as long as a command needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scalesearch.cli.main import Fail
from scalesearch.workers.executor import ProcessExecutor, TrialFailedError

__all__ = ["workers"]


@contextmanager
def workers(
    jobs: int, log_dir: Path, preload: Sequence[str], failure: str, *, stall_timeout: float | None = None
) -> Iterator[ProcessExecutor]:
    """Workers that end with the block, whatever ends it.

    Args:
        jobs: how many run at a time.
        log_dir: where they log.
        preload: what they need and takes seconds to load.
        failure: what to say where one gives no result, before its reason.
        stall_timeout: seconds of silence after which one is killed.

    Raises:
        Fail: with exit code 1 if one gives no result.
    """
    executor = ProcessExecutor(jobs=jobs, log_dir=log_dir, preload=preload, stall_timeout=stall_timeout)
    try:
        yield executor
    except TrialFailedError as error:
        raise Fail(f"{failure}: {error}", 1) from error
    finally:
        executor.shutdown(kill=True)
