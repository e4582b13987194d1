from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from scalesearch.measure.machine import machine, versions


def test_a_cpu_run_names_cpu_cores_memory_and_system() -> None:
    labels = machine("cpu")
    assert set(labels) == {"cpu", "cores", "memory_bytes", "system"}
    assert isinstance(labels["cpu"], str)
    assert labels["cpu"]
    assert platform.python_version() in str(labels["system"])
    assert isinstance(labels["cores"], int)
    assert 1 <= labels["cores"] <= (os.cpu_count() or 1)
    assert isinstance(labels["memory_bytes"], int)
    assert labels["memory_bytes"] > 2**28


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_cores_are_those_this_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert machine()["cores"] == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_a_system_that_tells_nothing_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError("no such thing here")

    monkeypatch.setattr(Path, "read_text", refuse)
    monkeypatch.setattr(os, "sysconf", refuse)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for name in ("processor", "machine"):
        monkeypatch.setattr(platform, name, lambda: "")
    labels = machine()
    assert (labels["cpu"], labels["cores"], labels["memory_bytes"]) == ("unknown", 1, "unknown")


def test_a_gpu_is_named_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "gpu" not in machine("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Some GPU at {device}")
    assert machine("cuda:1")["gpu"] == "Some GPU at cuda:1"
    assert "gpu" not in machine("cpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
def test_this_machines_gpu() -> None:
    assert machine("cuda")["gpu"] == torch.cuda.get_device_name(0)


def test_versions_are_those_installed() -> None:
    found = versions()
    assert set(found) == {
        "scalesearch",
        "python",
        "torch",
        "torchvision",
        "fvcore",
        "optuna",
        "pandas",
        "numpy",
        "matplotlib",
    }
    assert found["python"] == platform.python_version()
    assert found["torch"] == version("torch")


def test_a_cpu_runs_driver_imports_no_torch() -> None:
    code = (
        "import sys; from scalesearch.measure.machine import machine, versions; machine('cpu'); versions(); "
        "assert not {'torch', 'numpy', 'optuna'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
