"""How many bytes are allocated in fact: a witness to the closed form of ``architecture.memory``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from scalesearch.architecture.network import build
from scalesearch.architecture.spec import ArchSpec
from scalesearch.measure.device import resolve_device

__all__ = ["measured_inference_bytes", "measured_training_bytes"]


def measured_training_bytes(arch: ArchSpec, batch_size: int, *, device: str = "cpu") -> int:
    """Peak bytes that torch allocates for two steps of training: float32, channels last, AdamW.

    Two, since from the second step on the optimizer's states and old gradients are there. Weights and images
    are counted. On CUDA it is what torch's caching allocator has handed out at most, its rounding to 512
    bytes and the workspaces of cuDNN and cuBLAS included; on the CPU it is the running sum of the allocations
    and frees that torch's profiler sees, which leaves out what oneDNN allocates for itself. Neither sees what
    an allocator keeps in reserve, nor Python and torch themselves. torch's generators are left as they were.

    Args:
        arch: the network, trained at its own resolution on random images.
        batch_size: images in a step, at least 2: batch norm can't train on fewer.
        device: ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ValueError: if the batch size is below 2, or the device isn't there.
    """
    if batch_size < 2:
        raise ValueError(f"`batch_size` must be >= 2, got {batch_size}")
    target = resolve_device(device)

    def train() -> None:
        network, images = _network_and_images(arch, batch_size, target)
        labels = torch.zeros(batch_size, dtype=torch.long, device=target)
        optimizer = torch.optim.AdamW(network.parameters(), fused=True)
        for _ in range(2):
            loss = nn.functional.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no hints here
            optimizer.step()

    return _peak_bytes(train, target)


def measured_inference_bytes(arch: ArchSpec, batch_size: int, *, device: str = "cpu") -> int:
    """Peak bytes that torch allocates for one forward pass in eval mode, weights and images included.

    What is seen and what not is as in :func:`measured_training_bytes`.

    Raises:
        ValueError: if the batch size is below 1, or the device isn't there.
    """
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be >= 1, got {batch_size}")
    target = resolve_device(device)

    def infer() -> None:
        network, images = _network_and_images(arch, batch_size, target)
        network.eval()
        with torch.inference_mode():
            network(images)

    return _peak_bytes(infer, target)


def _network_and_images(
    arch: ArchSpec, batch_size: int, device: torch.device
) -> tuple[nn.Module, torch.Tensor]:
    with torch.device(device):
        network = build(arch).to(memory_format=torch.channels_last)
        shape = (batch_size, arch.in_channels, *arch.input_size)
        images = torch.empty(shape, memory_format=torch.channels_last).normal_()
    return network, images


def _peak_bytes(work: Callable[[], None], device: torch.device) -> int:
    """The most bytes at once, on the device, of all that ``work`` allocates; its generators are put back."""
    cuda = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if cuda else []):
        torch.manual_seed(0)
        if cuda:
            torch.cuda.synchronize(device)
            before = torch.cuda.memory_allocated(device)
            torch.cuda.reset_peak_memory_stats(device)
            work()
            torch.cuda.synchronize(device)
            return torch.cuda.max_memory_allocated(device) - before
        return _profiled_peak(work)


@contextmanager
def _quiet_profiler() -> Iterator[None]:
    """Without the profiler's notices, which it prints each time it starts and stops."""
    name = "KINETO_LOG_LEVEL"
    before = os.environ.get(name)
    os.environ[name] = "99"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _profiled_peak(work: Callable[[], None]) -> int:
    """The peak of the running sum of what the profiler saw allocated and freed on the CPU."""
    with _quiet_profiler(), TemporaryDirectory() as folder:
        # Begun before anything is allocated: a block that is older than the profile is never seen freed.
        with torch.profiler.profile(
            activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
        ) as profile:
            work()
        trace = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text("utf-8"))["traceEvents"]
    changes = [event for event in events if event["name"] == "[memory]"]
    live = peak = 0
    for event in sorted(changes, key=lambda event: float(event["ts"])):
        live += event["args"]["Bytes"]
        peak = max(peak, live)
    return peak
