"""A worker process: one job in as a line of JSON on standard input, JSON lines out, then the end.

Lines out: ``{"event": "step", "done": n, "of": m}`` while training, then one ``{"event": "result", ...}``
or ``{"event": "failure", "reason": ...}``. Standard input stays open as a lifeline: when it closes, the
driver is gone and the worker goes too, so that a killed driver leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from dataclasses import asdict
from typing import IO, Any

from scalesearch.search.trial import LatencySpec, TrialSpec, run_latency, run_trial

__all__ = ["main"]

STEPS_BETWEEN_LINES = 5


def main() -> None:
    """Runs the one job that standard input brings."""
    # Whatever a library prints must not land among the lines of the protocol.
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_the_driver, daemon=True).start()
    try:
        _say(lines, {"event": "result", "result": _run(job, lines)})
    except Exception as error:
        traceback.print_exc()
        _say(lines, {"event": "failure", "reason": _reason(error)})


def _run(job: dict[str, Any], lines: IO[str]) -> dict[str, Any]:
    import torch

    torch.set_num_threads(job["threads"])
    torch.set_flush_denormal(True)
    torch.use_deterministic_algorithms(True, warn_only=True)
    if job["kind"] == "latency":
        return asdict(run_latency(LatencySpec.from_dict(job)))

    def on_step(done: int, steps: int) -> None:
        if done % STEPS_BETWEEN_LINES == 0 or done == steps:
            _say(lines, {"event": "step", "done": done, "of": steps})

    return run_trial(TrialSpec.from_dict(job), on_step).to_dict()


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    memory = "allocate memory" in text or "out of memory" in text or isinstance(error, MemoryError)
    return f"out of memory: {text[:200]}" if memory else text[:300]


def _say(lines: IO[str], message: dict[str, Any]) -> None:
    lines.write(json.dumps(message) + "\n")
    lines.flush()


def _leave_with_the_driver() -> None:
    # Not sys.stdin.read(): a thread inside it would make the interpreter's own exit fail.
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
