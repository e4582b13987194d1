"""NVML as a driver might answer: no test here needs one but the last."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from scalesearch.hardware.machine import gpu_facts, gpu_state, machine, nvml_works, throttle_reasons

UUID = "8932f937-d72c-4106-c12f-20bd9faed9f6"


class FakeNvml:
    """The functions of pynvml that are used, for one GPU or a slice of it, each as a driver would answer."""

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    class NVMLError(Exception):
        pass

    def __init__(self) -> None:
        self.open = 0
        self.refused: set[str] = set()
        self.known = {f"GPU-{UUID}": "gpu", "00000000:17:00.0": "gpu"}
        self.reasons = 0x44
        self.answers: dict[str, Callable[..., Any]] = {
            "nvmlSystemGetDriverVersion": lambda: "580.65.06",
            "nvmlDeviceGetHandleByUUID": self._find,
            "nvmlDeviceGetHandleByPciBusId": self._find,
            "nvmlDeviceIsMigDeviceHandle": lambda handle: int(handle == "slice"),
            "nvmlDeviceGetDeviceHandleFromMigDeviceHandle": lambda _handle: "gpu",
            "nvmlDeviceGetMemoryInfo": lambda _handle: SimpleNamespace(total=80 * 2**30),
            "nvmlDeviceGetEnforcedPowerLimit": lambda _handle: 700_000,
            "nvmlDeviceGetEccMode": lambda _handle: [1, 1],
            "nvmlDeviceGetMaxClockInfo": lambda _handle, kind: {1: 1980, 2: 2619}[kind],
            "nvmlDeviceGetClockInfo": lambda _handle, kind: {1: 345, 2: 2619}[kind],
            "nvmlDeviceGetPowerUsage": lambda _handle: 71_500,
            "nvmlDeviceGetCurrentClocksEventReasons": lambda _handle: self.reasons,
            "nvmlDeviceGetCurrentClocksThrottleReasons": lambda _handle: self.reasons,
            "nvmlDeviceGetTemperatureV": lambda _handle, _sensor: 31,
            "nvmlDeviceGetTemperature": lambda _handle, _sensor: 32,
            "nvmlDeviceGetComputeRunningProcesses": lambda _handle: [object(), object()],
        }

    def nvmlInit(self) -> None:
        if "nvmlInit" in self.refused:
            raise self.NVMLError("Driver Not Loaded")
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in self.__dict__.get("refused", ()):
            return self._refuse
        if name not in self.__dict__.get("answers", ()):
            raise AttributeError(name)
        return self.answers[name]

    def _find(self, name: str) -> str:
        if name not in self.known:
            raise self.NVMLError("Not Found")
        return self.known[name]

    def _refuse(self, *_: object) -> None:
        raise self.NVMLError("Not Supported")


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    fake = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    properties = SimpleNamespace(
        uuid=UUID, pci_domain_id=0, pci_bus_id=0x17, pci_device_id=0, total_memory=80 * 2**30
    )

    def of(device: str) -> SimpleNamespace:
        if device not in ("cuda", "cuda:0"):
            raise AssertionError("Invalid device id")
        return properties

    monkeypatch.setattr(torch.cuda, "get_device_properties", of)
    return fake


FACTS = {
    "driver": "580.65.06",
    "gpu_memory_bytes": 80 * 2**30,
    "gpu_power_limit_w": 700.0,
    "gpu_max_sm_mhz": 1980,
    "gpu_max_memory_mhz": 2619,
    "gpu_ecc": True,
}
STATE = {
    "sm_mhz": 345,
    "memory_mhz": 2619,
    "temperature_c": 31,
    "power_w": 71.5,
    "throttle": ["software power cap", "hardware thermal slowdown"],
    "processes": 2,
}


def test_facts_and_state(nvml: FakeNvml) -> None:
    assert nvml_works()
    assert gpu_facts("cuda") == FACTS
    assert gpu_state("cuda:0") == STATE
    assert nvml.open == 0


@pytest.mark.parametrize("label", [*FACTS, *STATE])
def test_what_the_driver_will_not_tell_is_left_out(nvml: FakeNvml, label: str) -> None:
    functions = {
        "driver": ["nvmlSystemGetDriverVersion"],
        "gpu_memory_bytes": ["nvmlDeviceGetMemoryInfo"],
        "gpu_power_limit_w": ["nvmlDeviceGetEnforcedPowerLimit"],
        "gpu_max_sm_mhz": ["nvmlDeviceGetMaxClockInfo"],
        "gpu_max_memory_mhz": ["nvmlDeviceGetMaxClockInfo"],
        "gpu_ecc": ["nvmlDeviceGetEccMode"],
        "sm_mhz": ["nvmlDeviceGetClockInfo"],
        "memory_mhz": ["nvmlDeviceGetClockInfo"],
        "temperature_c": ["nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature"],
        "power_w": ["nvmlDeviceGetPowerUsage"],
        "throttle": [f"nvmlDeviceGetCurrentClocks{kind}Reasons" for kind in ("Event", "Throttle")],
        "processes": ["nvmlDeviceGetComputeRunningProcesses"],
    }[label]
    nvml.refused |= set(functions)
    told = gpu_facts() | gpu_state()
    assert label not in told
    assert {**FACTS, **STATE}.items() >= told.items()
    assert len(told) >= len(FACTS) + len(STATE) - 2


def test_old_names_serve_where_the_driver_lacks_the_new(nvml: FakeNvml) -> None:
    nvml.refused |= {"nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetTemperatureV"}
    assert gpu_state() == STATE | {"temperature_c": 32}


def test_a_gpu_is_found_by_its_place_where_its_name_is_not_known(nvml: FakeNvml) -> None:
    del nvml.known[f"GPU-{UUID}"]
    assert gpu_facts() == FACTS
    del nvml.known["00000000:17:00.0"]
    assert gpu_facts() == gpu_state() == {}
    assert nvml.open == 0


def test_a_slice_of_a_gpu_has_the_whole_ones_clocks(nvml: FakeNvml) -> None:
    nvml.known = {f"MIG-{UUID}": "slice"}
    nvml.answers["nvmlDeviceGetPowerUsage"] = lambda handle: {"gpu": 71_500}[handle]
    assert gpu_facts() == FACTS | {"gpu_slice": True}
    assert gpu_state() == STATE


@pytest.mark.usefixtures("nvml")
@pytest.mark.parametrize("device", ["cpu", "cuda:3"])
def test_no_such_gpu(device: str) -> None:
    assert gpu_facts(device) == gpu_state(device) == {}


def test_no_driver(nvml: FakeNvml) -> None:
    nvml.refused.add("nvmlInit")
    assert not nvml_works()
    assert gpu_facts() == gpu_state() == {}
    assert nvml.open == 0


@pytest.mark.usefixtures("nvml")
def test_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert not nvml_works()
    assert gpu_facts() == gpu_state() == {}


def test_an_old_package_lacks_functions(nvml: FakeNvml) -> None:
    for name in ("nvmlDeviceGetEccMode", "nvmlDeviceGetCurrentClocksEventReasons"):
        del nvml.answers[name]
    assert gpu_facts() == {label: fact for label, fact in FACTS.items() if label != "gpu_ecc"}
    assert gpu_state() == STATE
    assert nvml.open == 0


@pytest.mark.parametrize(
    ("bits", "reasons"),
    [
        (0, []),
        (0x1, ["idle"]),
        (0x8, ["hardware slowdown"]),
        (0x1 | 0x80, ["idle", "hardware power brake"]),
        (0x10 | 0x8000, ["sync boost", "0x8000"]),
    ],
)
def test_reasons_in_words(bits: int, reasons: list[str]) -> None:
    assert throttle_reasons(bits) == reasons


def test_reasons_are_those_of_the_package() -> None:
    import pynvml

    names = {
        "idle": "GpuIdle",
        "clocks set by hand": "ApplicationsClocksSetting",
        "software power cap": "SwPowerCap",
        "hardware slowdown": "HwSlowdown",
        "sync boost": "SyncBoost",
        "software thermal slowdown": "SwThermalSlowdown",
        "hardware thermal slowdown": "HwThermalSlowdown",
        "hardware power brake": "HwPowerBrakeSlowdown",
        "display clocks": "DisplayClockSetting",
    }
    for said, name in names.items():
        assert throttle_reasons(getattr(pynvml, f"nvmlClocksEventReason{name}")) == [said]


def test_facts_of_a_gpu_reach_the_machine(nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "NVIDIA H100")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (9, 0))
    # Without a GPU it is known the second time it is asked alone.
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 92400)
    before = machine("cuda")
    assert {label: before[label] for label in FACTS} == FACTS
    nvml.answers["nvmlDeviceGetTemperatureV"] = lambda _handle, _sensor: 80
    nvml.reasons = 0x40
    assert machine("cuda") == before
    nvml.answers["nvmlSystemGetDriverVersion"] = lambda: "581.0"
    assert machine("cuda")["key"] != before["key"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
def test_this_machines_gpu() -> None:
    assert nvml_works()
    facts, state = gpu_facts(), gpu_state()
    assert facts["driver"]
    assert abs(facts["gpu_memory_bytes"] / torch.cuda.get_device_properties(0).total_memory - 1) < 0.1
    assert 0 < state["sm_mhz"] <= facts["gpu_max_sm_mhz"]
    assert 0 < state["power_w"] < 2000
