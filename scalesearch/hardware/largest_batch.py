"""What fits into memory: how much there is, whether a setup will fit, and the largest batch that does.

torch is imported only where a GPU is asked.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from scalesearch.hardware.machine import ROOT, group_files
from scalesearch.networks.cost import count, inference_bytes, training_bytes
from scalesearch.networks.spec import FLOAT32_BYTES, STATES_PER_PARAM, Arch
from scalesearch.records.timings import Setup

LARGEST_TRIED = 65_536
"""No batch beyond is tried; as a result it says: that many at least."""
PROCESS_BYTES = 2**28
"""What a worker takes before it has a network: Python, torch and the kernels' own buffers, about."""
# What exhausted memory is called: by torch on a CPU and on GPUs, by ONNX Runtime's arena, C++ and cuDNN.
EXHAUSTED = ("allocate memory", "out of memory", "bad_alloc", "bad allocation", "status_alloc_failed")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out, whichever library raised it."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(name in text for name in EXHAUSTED)


def needed_bytes(arch: Arch, setup: Setup) -> int:
    """About what a pass takes, by the closed forms of ``networks.cost``, and a worker around it.

    They are of float32. A narrower dtype is taken to narrow all of inference, and of training what is not
    weights, gradients and the optimizer's states. ``torch.compile`` and ONNX Runtime may do with less.
    """
    width = 1.0 if setup.dtype == "float32" else 0.5
    if setup.mode == "inference":
        return PROCESS_BYTES + int(width * inference_bytes(arch, setup.batch_size))
    kept = FLOAT32_BYTES * count(arch).params * (2 + STATES_PER_PARAM["adamw"])
    whole = training_bytes(arch, setup.batch_size)
    return PROCESS_BYTES + kept + int(width * max(0, whole - kept))


def fits(arch: Arch, setup: Setup, available_bytes: int | None) -> str:
    """Why a pass of ``arch`` would not fit into the CPU's memory; empty if it does.

    To be asked before a worker starts: a system short of memory kills processes, not always the one that
    took it. Always empty for a GPU, where torch itself says what doesn't fit, and where nothing is known of
    the memory.
    """
    if setup.device != "cpu" or available_bytes is None:
        return ""
    needed = needed_bytes(arch, setup)
    if needed <= available_bytes:
        return ""
    return f"out of memory: needs about {needed / 2**30:.3g} GiB of {available_bytes / 2**30:.3g} GiB"


def available_bytes(device: str = "cpu", *, root: Path = ROOT) -> int | None:
    """Bytes that this process could still take; None where the system won't tell.

    On Linux the least of what the kernel calls available and what each limit of a control group (version 1 or
    2) around the process leaves, file cache that it would drop counted as free. On a GPU what its
    driver calls free; on Apple's, what it recommends.

    Args:
        device: ``cpu``, ``cuda:1`` and the like.
        root: where the system's files are.

    Raises:
        ValueError: if the device isn't there.
    """
    if device != "cpu":
        import torch

        from scalesearch.hardware.device import resolve_device

        place = resolve_device(device)
        if place.type == "mps":
            return max(0, torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
        return int(torch.get_device_module(place).mem_get_info(place)[0])
    left = list(_cgroups_leave(root))
    with suppress(OSError, ValueError, IndexError):
        for line in (root / "proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                left.append(int(line.split()[1]) * 1024)
    return max(0, min(left)) if left else None


def largest_batch(arch: Arch, setup: Setup) -> int:
    """The largest batch of which a pass of ``arch`` fits, 0 if not even the smallest does.

    On a GPU by trying: twice as many until torch or ONNX Runtime runs out of memory, then by bisection, the
    cache emptied before each try. On the CPU by the closed form against the memory that is available: to
    fill it in fact would have the system kill this process or another.

    Args:
        arch: the network.
        setup: how it is run; its own batch size does not matter.

    Returns:
        At most ``LARGEST_TRIED``.

    Raises:
        ValueError: if the device or the runtime isn't there.
        RuntimeError: if the memory of the machine can't be known.
    """
    least = 2 if setup.mode == "training" else 1
    if setup.device != "cpu":
        with TemporaryDirectory() as folder:
            onnx_path = Path(folder) / "network.onnx"  # written once, of whatever batch
            return _largest(lambda size: _runs(arch, replace(setup, batch_size=size), onnx_path), least)
    available = available_bytes()
    if available is None:
        raise RuntimeError("the system does not say how much memory is available")
    return _largest(lambda size: not fits(arch, replace(setup, batch_size=size), available), least)


def _largest(works: Callable[[int], bool], least: int) -> int:
    """The largest size, from ``least`` to ``LARGEST_TRIED``, that works; 0 if none does."""
    if not works(least):
        return 0
    good, bad = least, LARGEST_TRIED + 1
    while good < LARGEST_TRIED and good * 2 < bad:
        size = good * 2
        if not works(size):
            bad = size
            break
        good = size
    while bad - good > 1:
        middle = (good + bad) // 2
        if works(middle):
            good = middle
        else:
            bad = middle
    return good


def _runs(arch: Arch, setup: Setup, onnx_path: Path) -> bool:
    """Whether two passes, the second with an optimizer's states, run without running out of memory."""
    import torch

    from scalesearch.hardware.timing import network_pass, own_randomness

    def run() -> bool:
        try:
            with own_randomness(setup):
                work = network_pass(arch, setup, onnx_path=onnx_path)
                with work.around():
                    for _ in range(2):
                        work.run()
                    work.wait()
        except (RuntimeError, MemoryError) as error:
            # The message alone leaves here: the error's frames would keep the tensors alive.
            if is_out_of_memory(error):
                return False
            raise
        return True

    # Compiled anew each time: torch gives up on a network after its eighth shape.
    torch.compiler.reset()
    done = run()
    gc.collect()
    torch.accelerator.empty_cache()
    return done


def _cgroups_leave(root: Path) -> Iterator[int]:
    """What each control group with a limit, from the process's own up to the root, leaves of memory."""
    for controller, limit, used, cache in (
        ("", "memory.max", "memory.current", "inactive_file"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        for file in group_files(root, controller, limit):
            # No number where there is no limit.
            with suppress(OSError, ValueError):
                most = int(file.read_text("ascii"))
                taken = int(file.with_name(used).read_text("ascii"))
                yield most - taken + _entry(file.with_name("memory.stat"), cache)


def _entry(path: Path, name: str) -> int:
    """The number that stands beside ``name`` in a file of pairs; 0 if there is none."""
    with suppress(OSError):
        for line in path.read_text("ascii").splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
