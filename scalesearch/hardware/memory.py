"""How many bytes a pass takes in fact: of its tensors alone, and with what kernels take beside them.

The tensors are what the closed form of ``networks.cost`` speaks of: they are the same on every machine.
What a kernel takes for itself while it runs (reordered weights, padded channels, im2col buffers) depends on
the processor's instructions, the GPU and the library's version, and is no part of that promise.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from scalesearch.hardware.device import resolve_device
from scalesearch.hardware.timing import CapturedPass, Pass, network_pass, own_randomness
from scalesearch.networks.spec import Arch
from scalesearch.networks.user_network import TensorFollower
from scalesearch.records.timings import Setup

MARK = "the pass whose memory is measured"


def measured_bytes(arch: Arch, setup: Setup, *, onnx_path: Path | None = None) -> int | None:
    """Peak bytes during one pass of ``arch``: a forward pass, or a training step that is not the first.

    Weights and images are counted, in training also gradients and the optimizer's states. A pass before it
    compiles, picks algorithms and makes those states. torch's generators are left as they were. What is
    seen differs by device:

    - torch on the CPU: the running sum of the allocations and frees that torch's profiler sees: the tensors
      (see :func:`tensor_bytes`) and what kernels hold beside them, which differs from one processor to
      another. It leaves out oneDNN's own scratch, and Python and torch.
    - torch on CUDA or XPU: what torch's caching allocator has handed out at most, its rounding to 512 bytes
      and the workspaces of cuDNN and cuBLAS included. It leaves out what the allocator keeps in reserve, and
      the context. Of a CUDA graph it is what was handed out while it was recorded, all of which it keeps.
    - ONNX Runtime on the CPU, on Linux: how far the process's resident memory rises above where it stood
      before the session began: the network as the session holds it, its arena, images and logits. Memory that
      the process had freed but kept is not seen, so a fresh process tells most.
    - ONNX Runtime on CUDA, or elsewhere than on Linux, and torch on MPS: nothing.

    Args:
        arch: the network, at its own resolution on random images.
        setup: how it is run.
        onnx_path: see :func:`~scalesearch.hardware.timing.network_pass`.

    Returns:
        Bytes, or None where they can't be known.

    Raises:
        ValueError: if the device or the runtime isn't there.
    """
    with own_randomness(setup):
        if setup.runtime == "onnxruntime":
            return _onnx_bytes(arch, setup, onnx_path)

        def prepare() -> Pass:
            return network_pass(arch, setup)

        if setup.device == "cpu":
            return _profiled_peak(prepare)
        return None if setup.device == "mps" else _gpu_peak(prepare, resolve_device(setup.device))


def tensor_bytes(arch: Arch, setup: Setup) -> int:
    """Peak bytes of the tensors alone during one pass of ``arch`` that is not the first.

    Each tensor is followed from the operation that makes it to where it is freed, during the very pass that
    :func:`measured_bytes` measures; what kernels take beside tensors is left out, so that the figure is that
    of the network and its setup, on any machine. torch's generators are left as they were.

    Args:
        arch: the network, at its own resolution on random images.
        setup: how it is run.

    Raises:
        ValueError: if the device isn't there, or the runtime isn't torch's eager one, which alone shows its
            tensors.
    """
    if setup.runtime != "eager":
        raise ValueError(f"`runtime` must be eager for its tensors to be followed, got {setup.runtime!r}")
    # Followed from the start: weights, the optimizer's states and the last step's gradients are tensors too.
    with own_randomness(setup), TensorFollower() as follower:
        work = network_pass(arch, setup)
        with work.around():
            work.run()
            follower.peak = follower.live
            work.run()
    return int(follower.peak)


def _gpu_peak(prepare: Callable[[], Pass], device: torch.device) -> int:
    """The most that torch's allocator has handed out on the GPU, above what it had before ``prepare``."""
    gpu = torch.get_device_module(device)
    gpu.synchronize(device)
    before = gpu.memory_allocated(device)
    work = prepare()
    run = work.run
    with work.around():
        if isinstance(run, CapturedPass):
            stream = run.warm_up()
            watched: Callable[[], object] = partial(
                run.record, stream
            )  # nothing is handed out when it is replayed
        else:
            for _ in range(2):
                run()
            watched = run
        work.wait()
        # What compiling and the choice of algorithms took at their height is no part of a pass.
        gpu.reset_peak_memory_stats(device)
        watched()
        work.wait()
    return int(gpu.max_memory_allocated(device)) - int(before)


@contextmanager
def _quiet_profiler() -> Iterator[None]:
    """Without the profiler's notices, which it prints each time it starts and stops."""
    name = "KINETO_LOG_LEVEL"
    before = os.environ.get(name)
    os.environ[name] = "99"
    try:
        with warnings.catch_warnings():
            # torch 2.11 tells of this, once, whoever starts a profile.
            warnings.filterwarnings("ignore", "Warning: Profiler clears events at the end of each cycle")
            yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _profiled_peak(prepare: Callable[[], Pass]) -> int:
    """The peak, during a pass, of the running sum of what the profiler saw allocated and freed on the CPU."""
    with _quiet_profiler(), TemporaryDirectory() as folder:
        # Begun before anything is allocated: a block that is older than the profile is never seen freed.
        with torch.profiler.profile(
            activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
        ) as profile:
            work = prepare()
            with work.around():
                work.run()
                with torch.profiler.record_function(MARK):
                    work.run()
        trace = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text("utf-8"))["traceEvents"]
    begun = min(float(event["ts"]) for event in events if event["name"] == MARK)
    live = peak = 0
    for event in sorted(events, key=lambda event: float(event.get("ts", 0))):
        if event["name"] == "[memory]":
            live += event["args"]["Bytes"]
        if float(event.get("ts", 0)) >= begun:
            peak = max(peak, live)
    return peak


def _onnx_bytes(arch: Arch, setup: Setup, onnx_path: Path | None) -> int | None:
    from scalesearch.hardware.timing import ensure_onnx, require_onnx_runtime

    require_onnx_runtime(setup.device)
    if setup.device != "cpu":
        return None
    with TemporaryDirectory() as folder:
        # Writing the file takes more memory than running what is in it: done, and given back, before.
        path = onnx_path or Path(folder) / "network.onnx"
        ensure_onnx(arch, setup, path)

        import onnxruntime  # noqa: F401  # its code is no part of a pass

        before = _reset_resident_peak()
        if before is None:
            return None
        work = network_pass(arch, setup, onnx_path=path)
        with work.around():
            for _ in range(2):
                work.run()
        return max(0, _resident("VmHWM") - before)


def _reset_resident_peak() -> int | None:
    """Sets the peak of this process's resident bytes to what it holds now, which it returns.

    None where the system can't do that.
    """
    gc.collect()
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc gives back to the system what it only keeps
    try:
        Path("/proc/self/clear_refs").write_text("5", "ascii")
        now, peak = _resident("VmRSS"), _resident("VmHWM")
    except (OSError, LookupError):
        return None
    # Some sandboxes take the request and forget it.
    return peak if peak - now < max(2**20, now // 100) else None


def _resident(name: str) -> int:
    """Bytes of a line of this process's status, such as VmRSS."""
    for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)
