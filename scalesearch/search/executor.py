"""Where trials run: a small protocol in the manner of concurrent.futures, and its default on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Executor", "ProcessExecutor", "TrialFailedError"]

Job = Mapping[str, Any]
OnStep = Callable[[int, int], None]


class TrialFailedError(Exception):
    """A job ended without a result; the message is the reason, fit for a table."""


class Executor(Protocol):
    """Runs jobs of plain data. A future gives the job's result, or raises :class:`TrialFailedError`."""

    def submit(self, job: Job, on_step: OnStep) -> Future[dict[str, Any]]:
        """Starts ``job`` as soon as there is room; ``on_step`` hears (done, steps) from another thread."""
        ...

    def shutdown(self, *, kill: bool = False) -> None:
        """Ends the executor: waits for what runs, or with ``kill`` ends it at once."""
        ...


class ProcessExecutor:
    """A fresh process for each job, ``jobs`` at a time: a crash or an out-of-memory kill costs one trial."""

    def __init__(self, *, jobs: int, log_dir: Path) -> None:
        self._threads = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="trial")
        self._log_dir = log_dir
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._ending = False

    def submit(self, job: Job, on_step: OnStep) -> Future[dict[str, Any]]:
        """See :class:`Executor`."""
        return self._threads.submit(self._run, job, on_step)

    def shutdown(self, *, kill: bool = False) -> None:
        """See :class:`Executor`."""
        if kill:
            with self._lock:
                self._ending = True
                for process in self._running:
                    process.kill()
        self._threads.shutdown(wait=True, cancel_futures=kill)

    def _run(self, job: Job, on_step: OnStep) -> dict[str, Any]:
        self._log_dir.mkdir(parents=True, exist_ok=True)
        log_path = self._log_dir / f"{job['key']}.{job['kind']}.log"
        with log_path.open("w", encoding="utf-8") as log:
            process = self._start(job, log)
            try:
                last = self._listen(process, job, on_step)
                # The lifeline may close only now: its end would end the worker.
                code = process.wait()
            finally:
                with self._lock:
                    self._running.discard(process)
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        pipe.close()
        if last.get("event") == "result":
            result: dict[str, Any] = last["result"]
            return result
        if last.get("event") == "failure":
            raise TrialFailedError(last["reason"])
        raise TrialFailedError(f"{_death(code)}; see {log_path.name}")

    def _start(self, job: Job, log: Any) -> subprocess.Popen[str]:
        threads = str(job["threads"])
        environment = os.environ | {
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "PYTHONUNBUFFERED": "1",
            # Bit-equal matrix products on CUDA need this fixed before the first one.
            "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        }
        with self._lock:
            if self._ending:
                raise TrialFailedError("stopped")
            process = subprocess.Popen(
                # -P: a file named torch.py in the user's folder must not be imported.
                [sys.executable, "-P", "-m", "scalesearch.search.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
                # Ctrl-C is the driver's to handle: a terminal would send it to the workers as well.
                start_new_session=True,
            )
            self._running.add(process)
        return process

    def _listen(self, process: subprocess.Popen[str], job: Job, on_step: OnStep) -> dict[str, Any]:
        """Hands over the job and follows the worker's lines; returns the last one, {} where there is none."""
        assert process.stdin is not None
        assert process.stdout is not None
        last: dict[str, Any] = {}
        try:
            process.stdin.write(json.dumps(dict(job)) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            return last
        for line in process.stdout:
            try:
                last = json.loads(line)
            except json.JSONDecodeError:  # cut short by a kill
                return {}
            if last["event"] == "step":
                on_step(last["done"], last["of"])
        return last


def _death(code: int) -> str:
    """How a process ended that said nothing."""
    if code >= 0:
        return f"the worker ended with exit code {code} and no result"
    name = signal.Signals(-code).name
    hint = " (often the system, out of memory)" if name == "SIGKILL" else ""
    return f"the worker was killed by {name}{hint}"
