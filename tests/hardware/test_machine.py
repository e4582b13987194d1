from __future__ import annotations

import os
import platform
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
import tomli_w
import torch
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.hardware.machine import describe, machine, machine_key, performance_flags, versions
from scalesearch.page.parts import readable_machine

FACTS = {
    "cpu": "AMD EPYC",
    "cpu_id": "AuthenticAMD family 25 model 17 stepping 1",
    "instruction_sets": ["avx", "avx2"],
    "virtual": True,
    "cores": 2,
    "physical_cores": 2,
    "cpu_quota": 2.0,
    "max_mhz": "3400",
    "governor": "performance",
    "architecture": "x86_64",
    "memory_bytes": 25_276_514_304,
    "memory_limit_bytes": 16 * 2**30,
    "machine_cores": 64,
    "affinity": "0-1",
    "system": "Linux 6.18.44, Python 3.11.7",
    "torch": "2.14.1",
    "flags": ["ATEN_CPU_CAPABILITY=avx2", "OMP_NUM_THREADS=2"],
    "gpu": "NVIDIA A100",
    "gpu_capability": "8.0",
    "gpu_memory_bytes": 40 * 2**30,
    "gpu_power_limit_w": 400.0,
    "gpu_max_sm_mhz": 1410,
    "gpu_max_memory_mhz": 1215,
    "gpu_ecc": True,
    "gpu_slice": True,
    "driver": "580.1",
    "cuda": "13.0",
    "cudnn": 91000,
    "torch_flags": ["matmul=none"],
}
# Each thing that decides a time, as another machine might have it.
OTHER = {
    "cpu": "Xeon",
    "cpu_id": "AuthenticAMD family 25 model 17 stepping 2",
    "instruction_sets": ["avx"],
    "virtual": False,
    "cores": 4,
    "physical_cores": 1,
    "cpu_quota": 1.5,
    "max_mhz": "2600, 3400",
    "governor": "powersave",
    "architecture": "aarch64",
    "memory_limit_bytes": 8 * 2**30,
    "torch": "2.14.2",
    "flags": ["ATEN_CPU_CAPABILITY=default", "OMP_NUM_THREADS=2"],
    "gpu": "NVIDIA H100",
    "gpu_capability": "9.0",
    "gpu_memory_bytes": 80 * 2**30,
    "gpu_power_limit_w": 300.0,
    "gpu_max_sm_mhz": 1400,
    "gpu_max_memory_mhz": 1200,
    "gpu_ecc": False,
    "gpu_slice": False,
    "driver": "580.2",
    "cuda": "12.8",
    "cudnn": 91001,
    "torch_flags": ["matmul=tf32"],
    "system": "Darwin 25.0, Python 3.11.7",
}
# What does not, however it reads.
IDLE = {
    "machine_cores": 128,
    "affinity": "4,9",
    "memory_bytes": 128 * 2**30,  # the limit is what counts
    "system": "Linux 7.0.1, Python 3.11.9",
    "flags": ["ATEN_CPU_CAPABILITY=avx2", "OMP_NUM_THREADS=8", "MKL_NUM_THREADS=1"],
}


def test_a_cpu_run_names_what_its_times_depend_on() -> None:
    facts = machine("cpu")
    assert next(iter(facts)) == "key"
    assert {"cpu", "cores", "memory_bytes", "system", "governor", "architecture", "torch"} <= set(facts)
    assert not {label for label in facts if label.startswith(("gpu", "cuda"))}
    assert facts["cpu"]
    assert platform.python_version() in facts["system"]
    assert 1 <= facts["cores"] <= (os.cpu_count() or 1)
    assert facts["memory_bytes"] > 2**28
    assert facts["torch"] == version("torch")
    record = describe("cpu")
    assert facts == {"key": record.key, **record.facts}


def test_facts_survive_the_file_of_a_run() -> None:
    facts = machine()
    assert tomllib.loads(tomli_w.dumps({"machine": facts}))["machine"] == facts


def test_the_key_is_the_same_in_another_process() -> None:
    code = "from scalesearch.hardware.machine import describe; print(describe().key)"
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert found.stdout.strip() == describe().key
    assert len(describe().key) == 8
    int(describe().key, 16)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_cores_are_those_this_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    first = min(allowed)
    try:
        os.sched_setaffinity(0, {first})
        facts = machine()
        assert (facts["cores"], facts["affinity"]) == (1, str(first))
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
    facts = machine()
    assert (facts["cpu"], facts["cores"], facts["memory_bytes"]) == ("unknown", 1, "unknown")
    assert (facts["governor"], facts["architecture"], facts["torch"]) == ("unknown", "unknown", "unknown")
    assert len(facts["key"]) == 8


@pytest.mark.parametrize("label", OTHER)
def test_the_key_moves_with_each_thing_that_decides_a_time(label: str) -> None:
    assert machine_key(FACTS | {label: OTHER[label]}) != machine_key(FACTS)
    if label != "memory_limit_bytes":
        assert machine_key({k: v for k, v in FACTS.items() if k != label}) != machine_key(FACTS)


def test_every_other_fact_is_one_that_the_key_does_not_move_with() -> None:
    """So that a fact added here or there has to be put on one of the two sides."""
    assert set(OTHER) | set(IDLE) == set(FACTS)
    assert set(describe().facts) <= set(FACTS)


@given(
    kept=st.sets(st.sampled_from(sorted(IDLE))),
    order=st.permutations(sorted(FACTS)),
    extra=st.dictionaries(st.sampled_from(["load_1m", "pandas", "gpu_temperature_c"]), st.integers()),
    grown=st.integers(-50 * 2**20, 50 * 2**20),
)
def test_the_key_does_not_move_with_what_does_not_matter(
    kept: set[str], order: list[str], extra: dict[str, int], grown: int
) -> None:
    facts = FACTS | {name: IDLE[name] for name in kept}
    shuffled = {name: facts[name] for name in order} | extra
    shuffled["memory_limit_bytes"] = int(shuffled["memory_limit_bytes"]) + grown
    assert machine_key(shuffled) == machine_key(FACTS)


def test_python_decides_by_its_minor_version() -> None:
    assert machine_key(FACTS | {"system": "Linux 6.18.44, Python 3.12.7"}) != machine_key(FACTS)


@given(st.dictionaries(st.sampled_from([*FACTS, "other"]), st.one_of(st.integers(), st.text(), st.none())))
def test_any_facts_have_a_key(facts: dict[str, object]) -> None:
    facts.pop("flags", None)  # a list wherever it is
    assert len(machine_key(facts)) == 8


def test_flags_hold_no_path_and_no_secret() -> None:
    environment = {
        "OMP_PROC_BIND": "close",
        "KMP_AFFINITY": "granularity=fine,compact,1,0",
        "ATEN_CPU_CAPABILITY": "avx2",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "TORCH_HOME": "cache",
        "CUDA_HOME": "/usr/local/cuda",
        "CUDA_PATH_V13": "C:\\cuda",
        "TORCH_UPLOAD_TOKEN": "abc",
        "TORCH_LOGS_OUT": "/somewhere/log",
        "PYTORCH_PROXY": "user@example.org",
        "CUDA_VISIBLE_DEVICES": "GPU-8932f937",
        "PATH": "bin",
        "LANG": "C",
        "OMP_DISPLAY_ENV": "a\nb",
        "LD_PRELOAD": "/home/me/lib/libjemalloc.so.2:libiomp5.so",
    }
    assert performance_flags(environment) == [
        "LD_PRELOAD=libjemalloc.so.2",
        "LD_PRELOAD=libiomp5.so",
        "ATEN_CPU_CAPABILITY=avx2",
        "KMP_AFFINITY=granularity=fine,compact,1,0",
        "OMP_PROC_BIND=close",
        "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True",
    ]


def test_flags_of_this_process_are_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    before = describe()
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    after = describe()
    assert "ATEN_CPU_CAPABILITY=default" in after.facts["flags"]
    assert after.key != before.key
    monkeypatch.delenv("ATEN_CPU_CAPABILITY")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert describe().key == before.key


def test_a_gpu_is_named_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert machine("cuda") == machine("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Some GPU at {device}")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (9, 0))
    facts = machine("cuda:1")
    assert (facts["gpu"], facts["gpu_capability"]) == ("Some GPU at cuda:1", "9.0")
    assert "cudnn.benchmark=False" in facts["torch_flags"]
    assert "gpu" not in machine("cpu")
    assert len({machine("cpu")["key"], facts["key"], machine("cuda:0")["key"]}) == 3
    assert machine("cuda:1,0")["gpu"] == facts["gpu"]


def test_the_gpu_of_another_maker(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine("xpu") == machine("cpu")
    properties = SimpleNamespace(total_memory=2**34, driver_version="1.6.33578")
    monkeypatch.setattr(torch.xpu, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "get_device_name", lambda device: f"Some GPU at {device}")
    monkeypatch.setattr(torch.xpu, "get_device_properties", lambda _device: properties)
    facts = machine("xpu:1")
    assert {label: facts[label] for label in facts.keys() - machine("cpu").keys()} == {
        "gpu": "Some GPU at xpu:1",
        "gpu_memory_bytes": 2**34,
        "driver": "1.6.33578",
    }
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "AMD Instinct MI300X")
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", "7.0.51831")
    amd = machine("cuda")
    assert (amd["gpu"], amd["rocm"], "cuda" in amd) == ("AMD Instinct MI300X", "7.0.51831", False)
    assert readable_machine(amd)["driver"].startswith("ROCm 7.0.51831")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
def test_this_machines_gpu() -> None:
    facts = machine("cuda")
    assert facts["gpu"] == torch.cuda.get_device_name(0)
    assert facts["cuda"] == torch.version.cuda
    assert facts["cudnn"] == torch.backends.cudnn.version()
    assert facts["gpu_memory_bytes"] > 2**30
    assert facts["key"] == machine("cuda:0")["key"]


def test_versions_are_those_installed() -> None:
    found = versions()
    packages = ("torch", "torchvision", "fvcore", "optuna", "pandas", "numpy", "matplotlib")
    needed = {"scalesearch", "python", *packages}
    assert needed <= set(found) <= needed | {"onnx", "onnxruntime"}
    assert found["python"] == platform.python_version()
    assert found["torch"] == version("torch")
    assert "not installed" not in (found.get("onnx"), found.get("onnxruntime"))


def test_a_cpu_runs_driver_imports_no_torch() -> None:
    code = (
        "import sys; from scalesearch.hardware.machine import machine, versions; machine('cpu'); versions(); "
        "assert not {'torch', 'numpy', 'optuna', 'pynvml'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
