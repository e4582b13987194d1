"""Where trials run: a small protocol in the manner of concurrent.futures, and its default on this machine."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

from scalesearch.files import inside
from scalesearch.workers.worker import work

__all__ = [
    "TO_MEASURE",
    "TO_TRAIN",
    "Executor",
    "OnLook",
    "ProcessExecutor",
    "TrialFailedError",
    "death",
    "process_context",
]

Job = Mapping[str, Any]
OnStep = Callable[[int, int], None]
OnLook = Callable[[Sequence[Mapping[str, Any]], float], None]
"""Hears all looks of a training run so far, and the seconds trained until the last of them."""
# What workers need and takes seconds to load: to train, or to measure alone.
TO_TRAIN = (
    "scalesearch.workers.worker",
    "scalesearch.proxy.train",
    "torchvision",
    "torch._inductor.config",  # torch loads it, in seconds, when it is asked to be deterministic
)
TO_MEASURE = ("scalesearch.workers.worker", "scalesearch.architecture.network")


class TrialFailedError(Exception):
    """A job ended without a result; the message is the reason, fit for a table."""


class Executor(Protocol):
    """Runs jobs of plain data. A future gives the job's result, or raises :class:`TrialFailedError`."""

    def submit(
        self, job: Job, on_step: OnStep, on_look: OnLook = lambda _curve, _seconds: None
    ) -> Future[dict[str, Any]]:
        """Starts ``job`` as soon as there is room.

        Both are called from another thread: ``on_step`` hears (done, steps), ``on_look`` the looks of a
        training run when it is taken up and after each of them.
        """
        ...

    def shutdown(self, *, kill: bool = False) -> None:
        """Ends the executor: waits for what runs, or with ``kill`` ends it at once."""
        ...


class ProcessExecutor:
    """A fresh process for each job, ``jobs`` at a time: a crash or an out-of-memory kill costs one trial.

    Where the system can, the processes are forked from one that has loaded torch but never used it, which
    saves each of them the seconds that loading takes. A worker that says nothing for ``stall_timeout``
    seconds is taken for hung and killed.
    """

    def __init__(
        self,
        *,
        jobs: int,
        log_dir: Path,
        preload: Sequence[str] = TO_TRAIN,
        stall_timeout: float | None = None,
    ) -> None:
        self._threads = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="trial")
        self._log_dir = log_dir
        self._stall_timeout = stall_timeout
        self._running: set[BaseProcess] = set()
        self._has_logged = False
        self._lock = threading.Lock()
        self._ending = False
        self._context = process_context(preload)

    def submit(
        self, job: Job, on_step: OnStep, on_look: OnLook = lambda _curve, _seconds: None
    ) -> Future[dict[str, Any]]:
        """See :class:`Executor`."""
        return self._threads.submit(self._run, job, on_step, on_look)

    def shutdown(self, *, kill: bool = False) -> None:
        """See :class:`Executor`."""
        if kill:
            with self._lock:
                self._ending = True
                for process in self._running:
                    process.kill()
        self._threads.shutdown(wait=True, cancel_futures=kill)

    def _run(self, job: Job, on_step: OnStep, on_look: OnLook) -> dict[str, Any]:
        log_path = inside(self._log_dir.parent, self._log_dir.name, f"{job['key']}.{job['kind']}.log")
        # A folder that was there and is not any more was removed: it is not brought back.
        self._log_dir.mkdir(parents=not self._has_logged, exist_ok=True)
        self._has_logged = True
        process, connection = self._start(log_path)
        try:
            with connection:
                last = _converse(connection, job, on_step, on_look, self._stall_timeout)
                if last.get("event") == "silence":
                    process.kill()
                process.join()
        finally:
            with self._lock:
                self._running.discard(process)
        if last.get("event") == "result":
            result: dict[str, Any] = last["result"]
            return result
        if last.get("event") == "failure":
            raise TrialFailedError(last["reason"])
        if last.get("event") == "silence":
            raise TrialFailedError(
                f"the worker said nothing for {self._stall_timeout:g} s and was killed; "
                f"see logs/{log_path.name}"
            )
        raise TrialFailedError(f"{death(process.exitcode)}; see logs/{log_path.name}")

    def _start(self, log_path: Path) -> tuple[BaseProcess, Connection]:
        with self._lock:
            if self._ending:
                raise TrialFailedError("stopped")
            ours, theirs = self._context.Pipe()
            process: BaseProcess = self._context.Process(target=work, args=(theirs, str(log_path)))
            process.start()
            # Only the worker may hold its end: its death is then the end of the conversation.
            theirs.close()
            self._running.add(process)
        return process, ours


def process_context(preload: Sequence[str]) -> Any:
    """What starts processes: forked, where the system can, from one that has loaded those modules."""
    forkserver = "forkserver" in multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if forkserver else "spawn")
    if forkserver:
        context.set_forkserver_preload(list(preload))
        _start_server()
    return context


def _start_server() -> None:
    """Starts the process that workers are forked from, unless it runs already."""
    from multiprocessing import forkserver  # not there on every system

    # It would look for modules in the current folder first: a file named torch.py there must not be loaded.
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _converse(
    connection: Connection, job: Job, on_step: OnStep, on_look: OnLook, stall_timeout: float | None
) -> dict[str, Any]:
    """Hands over the job and follows the worker's messages; returns the last one, {} where there is none.

    A silence longer than ``stall_timeout`` seconds ends it with an event of that name.
    """
    last: dict[str, Any] = {}
    try:
        connection.send_bytes(json.dumps(dict(job)).encode())
        while last.get("event") not in ("result", "failure"):
            if not connection.poll(stall_timeout):
                return {"event": "silence"}
            last = json.loads(connection.recv_bytes())
            if last["event"] == "step":
                on_step(last["done"], last["of"])
            elif last["event"] == "look":
                on_look(last["curve"], last["seconds"])
    except (EOFError, OSError):  # the worker is gone
        return {}
    return last


def death(code: int | None) -> str:
    """How a process ended that said nothing."""
    if code is None or code >= 0:
        return f"the worker ended with exit code {code} and no result"
    name = signal.Signals(-code).name
    hint = " (often the system, out of memory)" if name == "SIGKILL" else ""
    return f"the worker was killed by {name}{hint}"
