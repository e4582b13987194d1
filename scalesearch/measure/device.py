"""Which device a measurement or a training run is asked to use, checked before any work is done."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["auto_device", "resolve_device"]

# Where Linux shows an NVIDIA driver: its own node, and the one that Windows lends to its Linux.
DRIVER_NODES = (Path("/proc/driver/nvidia/version"), Path("/dev/dxg"))


def auto_device() -> str:
    """``cuda`` where torch sees a CUDA device, else ``cpu``.

    torch is asked only where a driver shows: loading it takes seconds.
    """
    if sys.platform == "darwin" or (
        sys.platform == "linux" and not any(node.exists() for node in DRIVER_NODES)
    ):
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def resolve_device(name: str) -> torch.device:
    """The torch device called ``name``: ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ValueError: if it is none of these, or not there; the message says which CUDA devices torch sees.
    """
    import torch

    if name == "cpu":
        return torch.device(name)
    # A driver can list devices that torch can't use.
    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    seen = [f"cuda:{index}" for index in range(devices)]
    if name in seen or (name == "cuda" and seen):
        return torch.device(name)
    raise ValueError(
        f"`device` must be cpu or an available CUDA device, got {name!r}: "
        f"torch sees {', '.join(seen) or 'no CUDA'}"
    )
