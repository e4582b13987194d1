"""What a worker process does: train, count, measure, one job after another."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from scalesearch.hardware.largest_batch import is_out_of_memory
from scalesearch.networks.spec import Arch, arch_from_dict
from scalesearch.networks.user_code import place_of
from scalesearch.records import CurvePoint, FlopRecord
from scalesearch.text import one_line
from scalesearch.workers.jobs import (
    CountSpec,
    FactsSpec,
    KindsSpec,
    LargestBatchSpec,
    LatencySpec,
    MeasureSpec,
    PairSpec,
    ProbeSpec,
)

if TYPE_CHECKING:
    from scalesearch.hardware.flops import FlopCount
    from scalesearch.training.dataset import DataSpec
    from scalesearch.training.images import ImageSource

# ----------------------------------------------------------------------------------------------------
# One trial: what a worker is handed and what it gives back, both plain JSON data.
#
# Any trial can be replayed from its spec alone. torch is imported only where a trial really runs.

MOST_READERS = 8
"""Processes that read images ahead for one run, where they don't lie on its device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSpec:
    """A training run of one network, or a part of it. ``recipe`` and ``data`` are those values as plain data.

    Attributes:
        until: pause after that many training images of the run; None trains to the recipe's end.
        checkpoint: path of the file that the run goes on from and leaves behind; empty for none.
        weights: path of the file that keeps the weights of a run that came to its end; empty for none.
        start: path of the weights that the network is grown from; empty for a start from scratch.
        count: whether fvcore counts the network too, which is worth doing once for each network.
        fresh: whether it is judged by the images that are set apart to confirm an answer.
    """

    key: str
    arch: Arch
    recipe: Mapping[str, Any]
    data: Mapping[str, Any]
    device: str
    threads: int
    until: int | None = None
    checkpoint: str = ""
    weights: str = ""
    start: str = ""
    count: bool = True
    fresh: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return {
            "kind": "train",
            "key": self.key,
            "arch": self.arch.to_dict(),
            "recipe": dict(self.recipe),
            "data": dict(self.data),
            "device": self.device,
            "threads": self.threads,
            "until": self.until,
            "checkpoint": self.checkpoint,
            "weights": self.weights,
            "start": self.start,
            "count": self.count,
            "fresh": self.fresh,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrialSpec:
        """The spec that :meth:`to_dict` gave."""
        fields = {name: value for name, value in data.items() if name != "kind"}
        return cls(**(fields | {"arch": arch_from_dict(fields["arch"])}))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What a training run gave so far: accuracy as a fraction, times in seconds, fvcore's own count.

    ``curve``, ``train_seconds`` and ``images_seen`` are of the whole run from its start, however many trials
    it took; ``complete`` says whether the recipe's whole length was trained. ``computed`` has the device
    kinds and numbers of CPU threads that computed it, one after another. ``fvcore_total`` is None and
    ``uncounted`` empty where nothing was counted.
    """

    top1: float
    loss: float
    held_out_images: int
    train_seconds: float
    images_seen: int
    complete: bool
    curve: tuple[CurvePoint, ...]
    fvcore_total: int | None
    uncounted: Mapping[str, int]
    computed: tuple[tuple[str, int], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrialResult:
        """The result that :meth:`to_dict` gave."""
        curve = tuple(CurvePoint(**point) for point in data["curve"])
        computed = tuple((device, threads) for device, threads in data.get("computed", ()))
        return cls(**dict(data) | {"curve": curve, "computed": computed})


class Trial:
    """A trial under way in this process, a few steps at a time.

    Attributes:
        training: its training run.
    """

    def __init__(
        self,
        spec: TrialSpec,
        *,
        on_step: Callable[[int, int], None] = lambda _done, _steps: None,
        on_restart: Callable[[str], None] = lambda _reason: None,
        on_look: Callable[[Sequence[CurvePoint], float], None] = lambda _curve, _seconds: None,
        on_eager: Callable[[str], None] = lambda _reason: None,
        loaded: Callable[[DataSpec], ImageSource] | None = None,
    ) -> None:
        """Begins the trial of ``spec``, or takes it up from its checkpoint; see :func:`run_trial`.

        ``loaded`` gives the images, where the process has them already.
        """
        from scalesearch.export.state import read_state
        from scalesearch.hardware.device import resolve_device
        from scalesearch.hardware.machine import usable_cores
        from scalesearch.training.dataset import DataSpec
        from scalesearch.training.images import load
        from scalesearch.training.loop import Training, graphs_of
        from scalesearch.training.recipe import ProxyRecipe

        if spec.weights:
            # Now and not later: a run's folder that is removed while it trains is not brought back.
            Path(spec.weights).parent.parent.mkdir(parents=True, exist_ok=True)
        device = resolve_device(spec.device)
        self._spec, self._data = spec, DataSpec(**spec.data)
        self._flops = _counted(spec) if spec.count else None
        source = (loaded or load)(self._data)
        self._source = source.to_confirm() if spec.fresh else source
        self._start = read_state(Path(spec.start)) if spec.start else None
        self.training = Training(
            spec.arch,
            ProxyRecipe(**spec.recipe),
            self._source,
            dataset=self._data.name,
            device=device,
            # A GPU would wait for one thread to read its images; on a CPU they would only compete.
            render_workers=0 if device.type == "cpu" else min(usable_cores(), MOST_READERS),
            checkpoint=Path(spec.checkpoint) if spec.checkpoint else None,
            until=spec.until,
            start=self._start,
            on_look=on_look,
            on_step=on_step,
            on_restart=on_restart,
            on_eager=on_eager,
            new_graph=graphs_of(device),
        )

    def result(self) -> TrialResult:
        """What it gave, its weights kept where the spec wants them.

        Raises:
            OSError: if the weights cannot be written.
        """
        from scalesearch.export.state import write_state
        from scalesearch.training.images import input_facts

        spec, result, start = self._spec, self.training.result(), self._start
        last = result.curve[-1]
        # Before the result is told: a run that is known to be whole has its weights.
        if spec.weights and result.complete:
            facts = {
                "top1": last.top1,
                "held_out_images": result.held_out_images,
                "images_seen": last.images,
                "dataset": self._data.name,
                "data": self._source.digest,
                "classes": list(self._source.classes),
                "recipe": dict(spec.recipe),
                "input": input_facts(spec.arch.input_size, spec.arch.in_channels),
                **({} if start is None else {"start": start.digest}),
            }
            Path(spec.weights).parent.mkdir(exist_ok=True)
            write_state(Path(spec.weights), spec.arch, result.weights, facts, result.plain)
        flops = self._flops
        return TrialResult(
            top1=last.top1,
            loss=last.loss,
            held_out_images=result.held_out_images,
            train_seconds=result.train_seconds,
            images_seen=last.images,
            complete=result.complete,
            curve=result.curve,
            fvcore_total=None if flops is None else flops.total,
            uncounted={} if flops is None else flops.uncounted,
            computed=result.computed,
        )


def run_trial(
    spec: TrialSpec,
    on_step: Callable[[int, int], None],
    on_restart: Callable[[str], None] = lambda _reason: None,
    on_look: Callable[[Sequence[CurvePoint], float], None] = lambda _curve, _seconds: None,
    on_eager: Callable[[str], None] = lambda _reason: None,
) -> TrialResult:
    """Trains the network of ``spec`` in this process and counts it with fvcore.

    Args:
        spec: the trial.
        on_step: told of steps done, of the whole run, and of how many it will be when the trial ends.
        on_restart: told why the checkpoint could not be used; the run then starts from its beginning.
        on_look: told of all looks so far, and of the seconds trained until the last, as ``train`` tells them.
        on_eager: told why its steps could not be captured as a graph, where the device has graphs.

    Raises:
        NonFiniteLossError: if training diverges.
        DataError: if the data cannot be used.
        OSError: if the checkpoint or the weights cannot be written.
        ValueError: if the device is not there, ``until`` is less than a batch, or the network can't be grown
            from its start.
    """
    from scalesearch.hardware.device import resolve_device
    from scalesearch.training.loop import own_generators

    with own_generators(resolve_device(spec.device)):
        trial = Trial(spec, on_step=on_step, on_restart=on_restart, on_look=on_look, on_eager=on_eager)
        trial.training.to_the_end()
        return trial.result()


def _counted(spec: TrialSpec) -> FlopCount | None:
    """What fvcore counts; None of a user's own code that it cannot trace, the reason in the worker's log."""
    from scalesearch.hardware.flops import fvcore_count

    try:
        return fvcore_count(spec.arch)
    except Exception as error:
        if not spec.arch.code:
            raise
        print(f"not counted by fvcore: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return None


# ----------------------------------------------------------------------------------------------------
# A measuring job, run in this process. torch is imported only where a measurement really runs.


def run_job(job: Mapping[str, Any]) -> dict[str, Any]:
    """Runs a measuring job in this process.

    Args:
        job: what ``to_dict`` of a spec of ``workers.jobs`` gave.

    Returns:
        Plain JSON data: a latency or flop record, or what the spec says.

    Raises:
        ValueError: if the device or the runtime is not there, or the job's kind is unknown.
    """
    if job["kind"] not in _RUNNERS:
        raise ValueError(f"`kind` must be one of {', '.join(_RUNNERS)}, got {job['kind']!r}")
    return _RUNNERS[job["kind"]](job)


def _latency(job: Mapping[str, Any]) -> dict[str, Any]:
    from scalesearch.hardware.machine import describe
    from scalesearch.hardware.timing import measure_latency

    spec = LatencySpec.from_dict(job)
    latency = measure_latency(spec.arch, batch_size=spec.batch_size, threads=spec.threads, device=spec.device)
    return asdict(replace(latency, machine=describe(spec.device).key))


def _count(job: Mapping[str, Any]) -> dict[str, Any]:
    from scalesearch.hardware.flops import fvcore_count

    flops = fvcore_count(CountSpec.from_dict(job).arch)
    return asdict(FlopRecord(total=flops.total, uncounted=dict(flops.uncounted)))


def _measure(job: Mapping[str, Any]) -> dict[str, Any]:
    from scalesearch.hardware.machine import conditions
    from scalesearch.hardware.memory import measured_bytes
    from scalesearch.hardware.timing import time_network

    spec = MeasureSpec.from_dict(job)
    onnx_path = Path(spec.onnx_path) if spec.onnx_path else None
    # What ONNX Runtime takes shows only while the process hasn't held as much before; torch's profiler is
    # kept for the end instead, since samples are taken of a process that nobody has looked into.
    first = spec.memory and spec.setup.runtime == "onnxruntime"
    peak = measured_bytes(spec.arch, spec.setup, onnx_path=onnx_path) if first else None
    before = conditions(spec.setup.device)
    samples = time_network(spec.arch, spec.setup, min_run_time_s=spec.min_run_time_s, onnx_path=onnx_path)
    after = conditions(spec.setup.device)
    if spec.memory and not first:
        peak = measured_bytes(spec.arch, spec.setup)
    return {
        "samples_s": list(samples),
        "peak_bytes": peak,
        "conditions": {"before": before, "after": after},
    }


def _pair(job: Mapping[str, Any]) -> dict[str, Any]:
    from scalesearch.hardware.machine import conditions
    from scalesearch.hardware.timing import time_pairs

    spec = PairSpec.from_dict(job)
    before = conditions(spec.setup_a.device)
    pairs = time_pairs((spec.arch_a, spec.setup_a), (spec.arch_b, spec.setup_b), pairs=spec.pairs)
    after = conditions(spec.setup_a.device)
    return {"pairs": [list(pair) for pair in pairs], "conditions": {"before": before, "after": after}}


def _largest_batch(job: Mapping[str, Any]) -> dict[str, Any]:
    from scalesearch.hardware.largest_batch import largest_batch

    spec = LargestBatchSpec.from_dict(job)
    return {"batch_size": largest_batch(spec.arch, spec.setup)}


def _kinds(job: Mapping[str, Any]) -> dict[str, Any]:
    from scalesearch.hardware.timing import kind_seconds

    spec = KindsSpec.from_dict(job)
    return {"seconds": kind_seconds(spec.arch, spec.setup)}


def _probe(job: Mapping[str, Any]) -> dict[str, Any]:
    spec = ProbeSpec.from_dict(job)
    time.sleep(spec.seconds)
    if spec.exits:
        os._exit(3)
    if spec.fails:
        raise RuntimeError(spec.fails)
    return {"key": spec.key, "payload": "x" * spec.payload_bytes}


def _facts(job: Mapping[str, Any]) -> dict[str, Any]:
    from scalesearch.hardware.machine import describe
    from scalesearch.training.dataset import DataError, DataSpec
    from scalesearch.training.images import load

    spec = FactsSpec.from_dict(job)
    machine = describe(spec.device)
    told = {"machine": machine.key, "hardware": machine.facts.get("gpu", machine.facts.get("cpu", ""))}
    if not spec.data:
        return told | {"data": "", "problem": ""}
    try:
        return told | {"data": load(DataSpec(**dict(spec.data) | {"digest": ""})).digest, "problem": ""}
    except DataError as error:
        return told | {"data": "", "problem": one_line(error)}


_RUNNERS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = MappingProxyType(
    {
        LatencySpec.KIND: _latency,
        CountSpec.KIND: _count,
        MeasureSpec.KIND: _measure,
        PairSpec.KIND: _pair,
        LargestBatchSpec.KIND: _largest_batch,
        KindsSpec.KIND: _kinds,
        ProbeSpec.KIND: _probe,
        FactsSpec.KIND: _facts,
    }
)


# ----------------------------------------------------------------------------------------------------
# A worker process: one job in, messages out, then the end. All of them plain JSON.
#
# Messages out: while training ``{"event": "step", "done": n, "of": m}`` and, when the run is taken up and
# after each look at the held-out part, ``{"event": "look", "curve": [...], "seconds": s}`` with all looks
# so far and the seconds trained until the last of them; then one ``{"event": "result", ...}`` or
# ``{"event": "failure", "reason": ...}``. The connection is a lifeline too: when its other end closes, the
# driver is gone and the worker goes with it, so that a killed driver leaves nothing behind.

STEPS_BETWEEN_MESSAGES = 5
ELSEWHERE = ("out of memory: ", "no space left on device")
"""How the reasons begin of failures that another machine may not have."""
# As glibc's malloc.h numbers them.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def work(connection: Connection, log_path: str) -> None:
    """Runs the one job that the connection brings; whatever is printed goes to the log."""
    print_to(log_path)
    job = json.loads(connection.recv_bytes())
    threading.Thread(target=_leave_with_the_driver, args=(connection,), daemon=True).start()
    try:
        _say(connection, {"event": "result", "result": perform(job, partial(_say, connection))})
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


def perform(job: Mapping[str, Any], say: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Runs any job in this process, which is settled for it, and tells of its steps and looks meanwhile.

    Args:
        job: what ``to_dict`` of a spec gave.
        say: takes each message.

    Returns:
        Plain JSON data.

    Raises:
        Exception: whatever the job raises; :func:`reason_of_failure` puts it in a line.
    """
    training_on = job["device"].partition(":")[0] if job["kind"] == "train" else ""
    settle_torch(training_on, job["threads"])
    if not training_on:
        return run_job(job)

    def on_step(done: int, steps: int) -> None:
        if done % STEPS_BETWEEN_MESSAGES == 0 or done == steps:
            say({"event": "step", "done": done, "of": steps})

    def on_restart(reason: str) -> None:
        log_line(f"starting anew: {reason}")

    def on_look(curve: Sequence[CurvePoint], seconds: float) -> None:
        say({"event": "look", "curve": [asdict(point) for point in curve], "seconds": seconds})

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
