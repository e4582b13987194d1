"""A worker process: one job in, messages out, then the end. All of them plain JSON.

Messages out: while training ``{"event": "step", "done": n, "of": m}`` and, when the run is taken up and
after each look at the held-out part, ``{"event": "look", "curve": [...], "seconds": s}`` with all looks so
far and the seconds trained until the last of them; then one ``{"event": "result", ...}`` or
``{"event": "failure", "reason": ...}``. The connection is a lifeline too: when its other end closes, the
driver is gone and the worker goes with it, so that a killed driver leaves nothing behind.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import Any

from scalesearch.architecture.code_import import place_of
from scalesearch.measure.largest_batch import is_out_of_memory
from scalesearch.records import CurvePoint
from scalesearch.text import one_line
from scalesearch.workers.measurement import run_job
from scalesearch.workers.trial import TrialSpec, run_trial

__all__ = ["STEPS_BETWEEN_MESSAGES", "log_line", "print_to", "reason_of_failure", "settle_torch", "work"]

STEPS_BETWEEN_MESSAGES = 5
# As glibc's malloc.h numbers them.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def work(connection: Connection, log_path: str) -> None:
    """Runs the one job that the connection brings; whatever is printed goes to the log."""
    print_to(log_path)
    job = json.loads(connection.recv_bytes())
    threading.Thread(target=_leave_with_the_driver, args=(connection,), daemon=True).start()
    try:
        _say(connection, {"event": "result", "result": _run(job, connection)})
    except (Exception, SystemExit) as error:  # a user's own code may end itself
        _say(connection, {"event": "failure", "reason": reason_of_failure(error)})
        log_line(traceback.format_exc())
    with suppress(OSError):
        sys.stderr.flush()
    # Nothing is left to tidy up, and the lifeline's thread would be in the way of an ordinary exit.
    os._exit(0)


def print_to(log_path: str) -> None:
    """Has whatever this process prints go to a log of its own."""
    # Ctrl-C is the driver's to handle: a terminal sends it to every process of its group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o644)
    for handle in (1, 2):  # by number: where the driver's are closed, Python has no streams of them
        os.dup2(log, handle)
    for name, handle in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(
                sys, name, os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
            )


def _run(job: dict[str, Any], connection: Connection) -> dict[str, Any]:
    training_on = job["device"].partition(":")[0] if job["kind"] == "train" else ""
    settle_torch(training_on, job["threads"])
    if not training_on:
        return run_job(job)

    def on_step(done: int, steps: int) -> None:
        if done % STEPS_BETWEEN_MESSAGES == 0 or done == steps:
            _say(connection, {"event": "step", "done": done, "of": steps})

    def on_restart(reason: str) -> None:
        log_line(f"starting anew: {reason}")

    def on_look(curve: Sequence[CurvePoint], seconds: float) -> None:
        _say(connection, {"event": "look", "curve": [asdict(point) for point in curve], "seconds": seconds})

    def on_eager(reason: str) -> None:
        log_line(f"steps are run as they stand, since they can't be captured as a graph: {reason}")

    return run_trial(TrialSpec.from_dict(job), on_step, on_restart, on_look, on_eager).to_dict()


def settle_torch(training_on: str, threads: int) -> None:
    """Settles how this process computes; training on a CPU gives the same to the bit each time.

    ``training_on`` is a kind of device, empty where nothing is trained.
    """
    import torch

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    if training_on == "cpu":
        _keep_freed_memory()
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Nothing here reads memory before writing it; filling it all first costs a tenth of a training step.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # torch sets it up late


def _keep_freed_memory() -> None:
    """Has glibc keep what a training step frees for the next one.

    Handed back to the system, every 4 KiB of it would cost a page fault when they are asked for again: a
    sixth of a step of EfficientNet-B0 at 64 px.
    """
    with suppress(OSError, AttributeError, TypeError):  # another system, another library
        tune = ctypes.CDLL(None).mallopt
        for parameter, value in ((M_MMAP_THRESHOLD, 2**30), (M_TRIM_THRESHOLD, 2**31 - 1)):
            tune(parameter, value)


def reason_of_failure(error: BaseException) -> str:
    """Why a job failed, in one line."""
    text = one_line(error)
    if is_out_of_memory(error):
        return f"out of memory: {text[:200]}"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"no space left on device: {error.filename}" if error.filename else "no space left on device"
    place = place_of(error)
    return text + (f" ({place})" if place else "")


def log_line(text: str) -> None:
    """Writes a line to the process's log."""
    # A full disk takes no log, but that must not keep the outcome from being told.
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _say(connection: Connection, message: dict[str, Any]) -> None:
    connection.send_bytes(json.dumps(message).encode())


def _leave_with_the_driver(connection: Connection) -> None:
    try:
        connection.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
