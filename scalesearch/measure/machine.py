"""The machine and the packages that a result came from. Imports no torch unless asked about a GPU."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from scalesearch import __version__

__all__ = ["machine", "usable_cores", "versions"]

UNKNOWN = "unknown"
PACKAGES = (
    "torch",
    "torchvision",
    "fvcore",
    "optuna",
    "pandas",
    "numpy",
    "matplotlib",
)


def machine(device: str = "cpu") -> dict[str, str | int]:
    """What this process runs on, by label. Never fails: what the system won't tell is ``unknown``.

    Args:
        device: the device of the run; its GPU is named only for a CUDA device.

    Returns:
        ``cpu`` (model name), ``cores`` (those this process may use), ``memory_bytes`` (of the machine),
        ``system`` (kernel and Python), and ``gpu`` where ``device`` is a CUDA device that is there.
    """
    labels: dict[str, str | int] = {
        "cpu": _cpu_model(),
        "cores": usable_cores(),
        "memory_bytes": _memory_bytes(),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
    }
    if device.startswith("cuda") and (gpu := _gpu_model(device)):
        labels["gpu"] = gpu
    return labels


def versions() -> dict[str, str]:
    """Versions of Python and the packages that decide a result; ``not installed`` where one is missing."""
    found = {"python": platform.python_version(), "scalesearch": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine() or UNKNOWN


def usable_cores() -> int:
    """CPU cores that this process may use."""
    # A container or `taskset` may leave fewer cores than the machine has; macOS can't say which.
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _memory_bytes() -> int | str:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return UNKNOWN


def _gpu_model(device: str) -> str:
    try:
        import torch  # a CPU run's driver does without torch

        return torch.cuda.get_device_name(device) if torch.cuda.is_available() else ""
    except (ImportError, RuntimeError, AssertionError, ValueError):
        return ""
