"""Which devices a measurement or a training run is asked to use, checked before any work is done."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

DEVICE_HELP = "auto, cpu, cuda or xpu (all GPUs of the machine), cuda:0,2 (some of them) or mps."
"""What an option may be that names the devices to train on."""

# Where Linux shows an accelerator's driver: NVIDIA's own node, AMD's, Intel's, and the one that Windows lends
# to its Linux.
DRIVER_NODES = tuple(map(Path, ("/proc/driver/nvidia/version", "/dev/kfd", "/dev/dri", "/dev/dxg")))
# mps has one device, and no number.
NAME = re.compile(r"mps|(cuda|xpu)(?::(\d{1,4}(?:,\d{1,4})*))?", re.ASCII)


def auto_device() -> str:
    """The kind of accelerator that torch sees: ``cuda`` (ROCm's too), ``xpu`` or ``mps``; else ``cpu``.

    torch is asked only where a driver shows: loading it takes seconds.
    """
    if sys.platform == "linux" and not any(node.exists() for node in DRIVER_NODES):
        return "cpu"
    seen = _seen()
    return seen[0].type if seen else "cpu"


def device_kind(name: str) -> str:
    """``cuda`` of ``cuda:0,2``."""
    return name.partition(":")[0]


def first_device(name: str) -> str:
    """``cuda:0`` of ``cuda:0,2``: the device of several that is measured and described."""
    return name.partition(",")[0]


def resolve_devices(name: str) -> tuple[torch.device, ...]:
    """The torch devices that ``name`` says, in its order: at least one, none twice, all of one kind.

    Args:
        name: ``cpu``, ``cuda`` or ``xpu`` (all that torch sees), ``cuda:1`` or ``cuda:0,2`` (some of them),
            ``mps``, or ``auto`` (all of the accelerator that torch sees, else the CPU).

    Raises:
        ValueError: if it is none of these, or one is not there; the message says which devices torch sees.
    """
    import torch

    if name == "auto":
        name = auto_device()
    if name == "cpu":
        return (torch.device("cpu"),)
    seen = _seen()
    same_kind = tuple(device for device in seen if device.type == device_kind(name))
    match = NAME.fullmatch(name)
    numbers = [int(number) for number in match[2].split(",")] if match and match[2] else []
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"`device` must name each device once, got {name!r}")
    chosen = tuple(device for number in numbers for device in same_kind if device.index == number)
    if match and same_kind and len(chosen) == len(numbers):
        return chosen or same_kind
    wanted = "devices of one kind, such as cuda:0,2" if "," in name and not match else "an available device"
    raise ValueError(
        f"`device` must be cpu or {wanted}, got {name!r}: torch sees "
        f"{', '.join(map(str, seen)) or 'no accelerator'}"
    )


def resolve_device(name: str) -> torch.device:
    """The torch device that is measured: the first of :func:`resolve_devices`.

    Raises:
        ValueError: as there.
    """
    return resolve_devices(name)[0]


def _seen() -> tuple[torch.device, ...]:
    """All devices of the accelerator that torch was built for and can use; empty where there is none."""
    import torch

    # A driver can list devices that torch can't use.
    if not torch.accelerator.is_available():
        return ()
    accelerator = torch.accelerator.current_accelerator()
    assert accelerator is not None  # as it is available
    if accelerator.type == "mps":
        return (torch.device("mps"),)
    return tuple(torch.device(accelerator.type, index) for index in range(torch.accelerator.device_count()))
