"""The machine and the packages that a result came from. Imports no torch unless asked about a GPU."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from scalesearch import __version__
from scalesearch.measure.cpu import cpu_facts, memory_facts, usable_cores
from scalesearch.measure.device import device_kind, first_device
from scalesearch.measure.nvml import gpu_facts
from scalesearch.records.timing import MachineRecord

__all__ = ["describe", "machine", "machine_key", "performance_flags", "usable_cores", "versions"]

UNKNOWN = "unknown"
NOT_INSTALLED = "not installed"
PACKAGES = (
    "torch",
    "torchvision",
    "fvcore",
    "optuna",
    "pandas",
    "numpy",
    "matplotlib",
)
OPTIONAL_PACKAGES = ("onnx", "onnxruntime")

# What two machines must share for their times to be compared. Not here: the kernel's release, the machine's
# own cores beyond those that may be used, which of its like cores those are, and all that changes by itself.
DECISIVE = (
    *("cpu", "cpu_id", "instruction_sets", "virtual", "cores", "physical_cores", "cpu_quota", "max_mhz"),
    *("governor", "architecture", "torch", "driver", "cuda", "rocm", "cudnn", "torch_flags"),
    *("gpu", "gpu_slice", "gpu_capability", "gpu_memory_bytes", "gpu_ecc"),
    *("gpu_power_limit_w", "gpu_max_sm_mhz", "gpu_max_memory_mhz"),
)
FLAG_PREFIXES = (
    *("OMP_", "KMP_", "GOMP_", "MKL_", "ONEDNN_", "DNNL_", "OPENBLAS_", "ATEN_"),
    *(
        "MALLOC_",
        "TCMALLOC_",
        "CUDA_",
        "CUDNN_",
        "CUBLAS_",
        "NVIDIA_TF32_",
        "PYTORCH_",
        "TORCH_",
        "TORCHINDUCTOR_",
    ),
)
# Which device is used is said by its own facts; its number or serial number is nobody's business.
NO_FLAGS = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_VERSION")
# Places and secrets are not part of a record that may be published.
PRIVATE_WORDS = ("HOME", "PATH", "DIR", "FILE", "ROOT", "KEY", "TOKEN", "SECRET", "PASSWORD", "URL", "HOST")


def describe(device: str = "cpu") -> MachineRecord:
    """What this process runs on, with its key.

    Never fails: what the system won't tell is ``unknown`` or left out.

    Args:
        device: the device of the run, of several the first.

    Returns:
        Facts by label, all of them plain values: those of :func:`scalesearch.measure.cpu.cpu_facts` and
        :func:`~scalesearch.measure.cpu.memory_facts`, ``architecture``, ``system`` (kernel and Python),
        ``torch`` (its version) and ``flags`` where any is set (see :func:`performance_flags`). For a GPU that
        is there also ``gpu`` (its name) and ``gpu_memory_bytes``, of CUDA ``gpu_capability``, ``cuda`` (or
        ``rocm``), ``cudnn``, ``torch_flags`` and those of :func:`scalesearch.measure.nvml.gpu_facts`.
    """
    facts: dict[str, Any] = {
        **cpu_facts(),
        **memory_facts(),
        "architecture": platform.machine() or UNKNOWN,
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "torch": _version("torch"),
    }
    if flags := performance_flags(os.environ):
        facts["flags"] = flags
    if device_kind(device) in ("cuda", "xpu"):
        facts |= _gpu_facts(first_device(device))
    return MachineRecord(key=machine_key(facts), facts=facts)


def machine(device: str = "cpu") -> dict[str, Any]:
    """The facts of :func:`describe`, ``key`` first: the table ``machine`` of a ``run.toml``."""
    record = describe(device)
    return {"key": record.key, **record.facts}


def machine_key(facts: Mapping[str, Any]) -> str:
    """Eight hex digits that are the same for machines whose times may be compared, and for no others.

    They depend on the hardware that may be used, the frequency governor, the driver, the version of torch
    (and Python's, by ``major.minor``) and the flags that decide a time; not on the order of the facts. The
    number of threads that the environment asks for is no such flag: every measurement sets its own.
    """
    decisive = {label: facts[label] for label in DECISIVE if label in facts}
    decisive["flags"] = [
        flag for flag in facts.get("flags", ()) if not flag.partition("=")[0].endswith("_NUM_THREADS")
    ]
    system, _, python = str(facts.get("system", "")).partition(", Python ")
    decisive["system"] = [system.partition(" ")[0], ".".join(python.split(".")[:2])]
    # The system keeps some memory for itself, a little more with each release.
    least = [
        facts[name] for name in ("memory_bytes", "memory_limit_bytes") if isinstance(facts.get(name), int)
    ]
    decisive["memory_gib"] = round(min(least) / 2**30) if least else UNKNOWN
    text = json.dumps(decisive, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def performance_flags(environment: Mapping[str, str]) -> list[str]:
    """The variables that decide a time, as ``NAME=value`` in a fixed order; no path and no secret."""
    # Another allocator, say: which library it is matters, not where it lies.
    loaded = (Path(place).name for place in re.split(r"[ :]+", environment.get("LD_PRELOAD", "")) if place)
    preloaded = [f"LD_PRELOAD={name}" for name in loaded if name.isprintable()]
    return preloaded + sorted(
        f"{name}={value}"
        for name, value in environment.items()
        if name.startswith(FLAG_PREFIXES)
        and name not in NO_FLAGS
        and not set(name.split("_")) & set(PRIVATE_WORDS)
        and not set(value) & set("/\\@")
        and value.isprintable()
    )


def versions() -> dict[str, str]:
    """Versions of Python and the packages that decide a result; ``not installed`` where one is missing.

    Packages of the optional parts are there only where they are installed.
    """
    found = {"python": platform.python_version(), "scalesearch": __version__}
    found |= {package: _version(package) for package in PACKAGES}
    extra = {package: _version(package) for package in OPTIONAL_PACKAGES}
    return found | {package: text for package, text in extra.items() if text != NOT_INSTALLED}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return NOT_INSTALLED
    except OSError:
        return UNKNOWN


def _gpu_facts(device: str) -> dict[str, Any]:
    """The facts of a GPU of kind ``cuda`` (NVIDIA's, AMD's) or ``xpu``; none where torch sees no such."""
    try:
        import torch  # a CPU run's driver does without torch

        gpu: Any = torch.get_device_module(device_kind(device))
        if not gpu.is_available():
            return {}
        name = gpu.get_device_name(device)
    except (ImportError, RuntimeError, AssertionError, ValueError):
        return {}
    told: dict[str, Callable[[], Any]] = {
        "gpu_memory_bytes": lambda: gpu.get_device_properties(device).total_memory
    }
    if device_kind(device) == "cuda":
        told |= {
            "gpu_capability": lambda: ".".join(map(str, gpu.get_device_capability(device))),
            "cuda": lambda: torch.version.cuda,
            "rocm": lambda: torch.version.hip,
            "cudnn": torch.backends.cudnn.version,
            "torch_flags": _torch_flags,
        }
    else:
        told["driver"] = lambda: str(gpu.get_device_properties(device).driver_version)
    facts: dict[str, Any] = {"gpu": name}
    for label, ask in told.items():
        try:
            value = ask()
        except (RuntimeError, AssertionError, ValueError, AttributeError):
            continue
        if value is not None:
            facts[label] = value
    return facts | gpu_facts(device)


def _torch_flags() -> list[str]:
    """The switches of torch itself that decide a time on a GPU, as this process has them."""
    import torch

    cudnn: Any = torch.backends.cudnn
    return [
        f"matmul={torch.backends.cuda.matmul.fp32_precision}",
        f"conv={cudnn.conv.fp32_precision}",
        f"cudnn.benchmark={cudnn.benchmark}",
        f"cudnn.deterministic={cudnn.deterministic}",
        f"deterministic={torch.are_deterministic_algorithms_enabled()}",
    ]
