"""What goes on around a measurement: the load of the machine, and how a GPU does."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from scalesearch.measure.device import device_kind
from scalesearch.measure.nvml import gpu_state

__all__ = ["conditions"]


def conditions(device: str = "cpu") -> dict[str, Any]:
    """The conditions at this moment, as plain JSON data. Never fails: what the system won't tell is left out.

    Args:
        device: ``cpu``, ``cuda:1`` and the like.

    Returns:
        ``load_1m``, the mean number of processes that wanted a core in the last minute, and for a CUDA device
        ``gpu``: see :func:`scalesearch.measure.nvml.gpu_state`.
    """
    around: dict[str, Any] = {}
    with suppress(AttributeError, OSError):  # not there on Windows
        around["load_1m"] = round(os.getloadavg()[0], 2)
    if device_kind(device) == "cuda" and (gpu := gpu_state(device)):
        around["gpu"] = gpu
    return around
