"""torch's random generators, kept as they are around what draws from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def generators_kept(*devices: torch.device) -> Iterator[None]:
    """The generators, the CPU's and those of ``devices``, are afterwards as they were before."""
    gpus = [device for device in devices if device.type not in ("cpu", "meta")]
    # Before torch 2.14 the kind had to be said where it isn't CUDA; where there is none, any will do.
    with torch.random.fork_rng(devices=gpus, device_type=gpus[0].type if gpus else "cuda"):
        yield
