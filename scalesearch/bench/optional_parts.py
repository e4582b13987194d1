"""What scalesearch can use but does without: ONNX, a compiler, a GPU and its driver's word on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from scalesearch.bench.finding import Finding
from scalesearch.export.formats import ONNX_PACKAGES, PIP_ONNX, missing_onnx
from scalesearch.measure.device import device_kind
from scalesearch.text import one_line

__all__ = ["accelerator", "compiler", "nvml", "onnx"]

# What torch.compile's code for a CPU includes.
PROGRAM = "#include <Python.h>\n#include <omp.h>\nint main() { return omp_get_max_threads(); }\n"
WINDOWS_DRIVER = "C:/Windows/System32/nvcuda.dll"


def onnx() -> Finding:
    """Whether networks can be exported as ONNX and run by ONNX Runtime."""
    if lacking := missing_onnx():
        return Finding(
            name="ONNX", outcome="missing", detail=f"no {', '.join(lacking)}", advice=PIP_ONNX, needed=False
        )
    detail = ", ".join(f"{package} {_version(package)}" for package in ONNX_PACKAGES)
    return Finding(name="ONNX", outcome="ok", detail=detail, needed=False)


def compiler(device: str = "cpu", environment: Mapping[str, str] = os.environ) -> Finding:
    """Whether torch.compile finds what it compiles with.

    That is a C++ compiler with OpenMP and Python's headers, and on a GPU Triton too.
    """
    name = "torch.compile"
    default = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    command = environment.get("CXX", default)
    found = shutil.which(command)
    if device_kind(device) in ("cuda", "xpu") and find_spec("triton") is None:
        return Finding(
            name=name, outcome="missing", detail="no Triton", advice="pip install triton", needed=False
        )
    if found is None:
        return Finding(
            name=name,
            outcome="missing",
            detail=f"no C++ compiler {command}",
            advice="install one (apt install g++, xcode-select --install), or name one in CXX",
            needed=False,
        )
    if sys.platform != "linux":  # flags differ, and so does OpenMP's place
        return Finding(name=name, outcome="ok", detail=f"a C++ compiler, {command}", needed=False)
    headers = sysconfig.get_path("include")
    try:
        tried = subprocess.run(
            [found, "-x", "c++", "-fopenmp", "-fsyntax-only", f"-I{headers}", "-"],
            input=PROGRAM,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        wrong = next((line for line in tried.stderr.splitlines() if "error" in line), tried.stderr)
        failed = tried.returncode != 0
    except (OSError, subprocess.SubprocessError) as error:
        wrong, failed = str(error), True
    if failed:
        return Finding(
            name=name,
            outcome="failed",
            detail=f"{command} can't compile for Python: {one_line(wrong)}",
            advice="install Python's headers and OpenMP (apt install g++ python3-dev libgomp1)",
            needed=False,
        )
    return Finding(
        name=name, outcome="ok", detail=f"a C++ compiler, {command}, with Python's headers", needed=False
    )


def accelerator(device: str) -> Finding:
    """Which GPUs torch sees: CUDA's (or ROCm's), Intel's or Apple's."""
    from scalesearch.measure.device import DRIVER_NODES, resolve_devices

    name, needed = "GPU", device != "cpu"
    # A system without a driver is not asked further: loading torch takes seconds.
    if (
        not needed
        and sys.platform != "darwin"
        and not any(node.exists() for node in (*DRIVER_NODES, Path(WINDOWS_DRIVER)))
    ):
        return Finding(
            name=name,
            outcome="missing",
            detail="no driver of a GPU; networks are trained and measured on the CPU",
            advice="on a machine with a GPU, install its driver",
            needed=False,
        )
    import torch

    built_for = torch.accelerator.current_accelerator()
    if built_for is None or not torch.accelerator.is_available():
        version = torch.version.cuda or torch.version.hip or ""
        kind = "ROCm" if torch.version.hip else "" if built_for is None else built_for.type.upper()
        build = f"built for {kind} {version}".rstrip() if kind else "built without one"
        return Finding(
            name=name,
            outcome="missing",
            detail=f"there may be a driver, but torch {torch.__version__} ({build}) sees no GPU",
            advice="install the torch that pytorch.org names for this GPU and its driver",
            needed=needed,
        )
    named = getattr(torch.get_device_module(built_for), "get_device_name", lambda _: "")  # Apple's has none
    devices = resolve_devices(built_for.type)
    detail = ", ".join(f"{place} {named(place)}".rstrip() for place in devices)
    return Finding(name=name, outcome="ok", detail=detail, needed=needed)


def nvml(device: str) -> Finding:
    """Whether a GPU's clocks, temperature and throttling can be asked for."""
    from scalesearch.measure.nvml import gpu_state, nvml_works

    if not nvml_works():
        return Finding(
            name="NVML",
            outcome="missing",
            detail="no NVIDIA driver answers: a GPU's clocks and throttling would not be recorded",
            advice="on a machine with an NVIDIA GPU, install its driver"
            if find_spec("pynvml")
            else "pip install nvidia-ml-py",
            needed=False,
        )
    state = gpu_state(device) if device_kind(device) == "cuda" else {}
    told = ", ".join(f"{label} {value}" for label, value in state.items() if not isinstance(value, list))
    return Finding(name="NVML", outcome="ok", detail=told or "the driver answers", needed=False)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # a module without a distribution, such as one built from source
        return "of unknown version"
