"""Processes that tests start, none of which outlasts its test.

One that is left alone would be collected in the middle of another test, which would then fail instead.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from scalesearch.workers.executor import Executor

E = TypeVar("E", bound=Executor)


@contextmanager
def started(*command: str | Path, **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process, killed with all that it started and its pipes closed when the test is done with it or fails.

    Args:
        command: the program and its arguments.
        options: of ``subprocess.Popen``.
    """
    alone = hasattr(os, "killpg")
    process = subprocess.Popen(command, start_new_session=alone, **options)
    try:
        yield process
    finally:
        if alone:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()  # nothing where it has ended
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what was still to be sent
                    pipe.close()


@contextmanager
def ended(executor: E) -> Iterator[E]:
    """An executor whose processes are killed when the test is done with it or fails."""
    try:
        yield executor
    finally:
        executor.shutdown(kill=True)
