"""A GPU as its driver sees it, through NVML: what it is, and how it does right now. Nothing here raises."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

__all__ = ["gpu_facts", "gpu_state", "nvml_works", "throttle_reasons"]

# The bits of nvmlClocksEventReasons, which are part of the driver's interface and never change.
REASONS = {
    0x001: "idle",
    0x002: "clocks set by hand",
    0x004: "software power cap",
    0x008: "hardware slowdown",
    0x010: "sync boost",
    0x020: "software thermal slowdown",
    0x040: "hardware thermal slowdown",
    0x080: "hardware power brake",
    0x100: "display clocks",
    0x200: "board limit",
    0x400: "reliability",
}


@dataclass(frozen=True, slots=True)
class _Gpu:
    """A GPU: the module to ask, and its handle."""

    nvml: Any
    handle: Any

    def ask(self, name: str, *arguments: Any) -> Any:
        """What the function of that name says of this GPU, None where it (or its driver) can't."""
        return _ask(self.nvml, name, self.handle, *arguments)


def nvml_works() -> bool:
    """Whether NVML is there and finds a driver."""
    with _session() as nvml:
        return nvml is not None


def gpu_facts(device: str = "cuda") -> dict[str, str | int | float | bool]:
    """What does not change while the driver is loaded, by label; what NVML won't tell is left out.

    Returns:
        ``driver``, ``gpu_memory_bytes``, ``gpu_power_limit_w``, ``gpu_max_sm_mhz``, ``gpu_max_memory_mhz``,
        ``gpu_ecc`` and, for a slice of a GPU alone, ``gpu_slice``. Empty without NVML or without the device.
    """
    with _gpu(device) as found:
        if found is None:
            return {}
        gpu, is_slice = found
        nvml = gpu.nvml
        memory = gpu.ask("nvmlDeviceGetMemoryInfo")
        limit_mw = gpu.ask("nvmlDeviceGetEnforcedPowerLimit")
        ecc = gpu.ask("nvmlDeviceGetEccMode")
        facts = {
            "driver": _ask(nvml, "nvmlSystemGetDriverVersion"),
            "gpu_memory_bytes": None if memory is None else int(memory.total),
            "gpu_power_limit_w": None if limit_mw is None else limit_mw / 1000,
            "gpu_max_sm_mhz": gpu.ask("nvmlDeviceGetMaxClockInfo", nvml.NVML_CLOCK_SM),
            "gpu_max_memory_mhz": gpu.ask("nvmlDeviceGetMaxClockInfo", nvml.NVML_CLOCK_MEM),
            "gpu_ecc": None if ecc is None else bool(ecc[0]),
            "gpu_slice": True if is_slice else None,
        }
        return {label: value for label, value in facts.items() if value is not None}
    return {}


def gpu_state(device: str = "cuda") -> dict[str, Any]:
    """How the GPU does now, by label; what NVML won't tell is left out.

    Returns:
        ``sm_mhz``, ``memory_mhz``, ``temperature_c``, ``power_w``, ``throttle`` (a list of reasons, see
        :func:`throttle_reasons`) and ``processes`` (how many compute on it). Empty without NVML or without
        the device.
    """
    with _gpu(device) as found:
        if found is None:
            return {}
        gpu, _ = found
        nvml = gpu.nvml
        power_mw = gpu.ask("nvmlDeviceGetPowerUsage")
        # Each has a new name and an old one, and a driver knows one of them or both.
        bits = _first(
            lambda: gpu.ask("nvmlDeviceGetCurrentClocksEventReasons"),
            lambda: gpu.ask("nvmlDeviceGetCurrentClocksThrottleReasons"),
        )
        celsius = _first(
            lambda: gpu.ask("nvmlDeviceGetTemperatureV", nvml.NVML_TEMPERATURE_GPU),
            lambda: gpu.ask("nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU),
        )
        processes = gpu.ask("nvmlDeviceGetComputeRunningProcesses")
        state = {
            "sm_mhz": gpu.ask("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM),
            "memory_mhz": gpu.ask("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_MEM),
            "temperature_c": celsius,
            "power_w": None if power_mw is None else power_mw / 1000,
            "throttle": None if bits is None else throttle_reasons(bits),
            "processes": None if processes is None else len(processes),
        }
        return {label: value for label, value in state.items() if value is not None}
    return {}


def throttle_reasons(bits: int) -> list[str]:
    """The reasons that a driver gives for clocks below the highest, in words; empty for none."""
    unknown = bits & ~sum(REASONS)
    named = [name for bit, name in REASONS.items() if bits & bit]
    return [*named, f"0x{unknown:x}"] if unknown else named


@contextmanager
def _session() -> Iterator[Any | None]:
    """The module with its library loaded, None where it or a driver is missing."""
    nvml = None
    with suppress(Exception):  # no package, no library, no driver, no permission: each has its own error
        module = importlib.import_module("pynvml")
        module.nvmlInit()
        nvml = module
    try:
        yield nvml
    finally:
        if nvml is not None:
            _ask(nvml, "nvmlShutdown")


@contextmanager
def _gpu(device: str) -> Iterator[tuple[_Gpu, bool] | None]:
    """The GPU that torch calls ``device``, and whether torch sees only a slice (MIG) of it; None without one.

    NVML counts all GPUs in the order of their slots; CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER change how
    CUDA counts. So torch is asked for the GPU's identity, never for its number.
    """
    names = _identities(device)
    with _session() as nvml:
        handle = None
        if nvml is not None:
            handle = _first(*(partial(_ask, nvml, function, name) for function, name in names))
        if nvml is None or handle is None:
            yield None
            return
        # Clocks, power and temperature are the whole GPU's, and so is the answer to who else uses it.
        whole = _ask(nvml, "nvmlDeviceGetDeviceHandleFromMigDeviceHandle", handle)
        is_slice = bool(_ask(nvml, "nvmlDeviceIsMigDeviceHandle", handle))
        yield _Gpu(nvml, whole if is_slice and whole is not None else handle), is_slice


def _identities(device: str) -> list[tuple[str, str]]:
    """NVML's functions that find the GPU, best first, each with what it is to be found by."""
    if not device.startswith("cuda"):
        return []
    try:
        import torch

        properties: Any = torch.cuda.get_device_properties(device)
    except (ImportError, RuntimeError, AssertionError, ValueError):
        return []
    names = []
    with suppress(AttributeError):
        names += [("nvmlDeviceGetHandleByUUID", f"{kind}-{properties.uuid}") for kind in ("GPU", "MIG")]
    with suppress(AttributeError):
        place = (properties.pci_domain_id, properties.pci_bus_id, properties.pci_device_id)
        names.append(("nvmlDeviceGetHandleByPciBusId", "{:08x}:{:02x}:{:02x}.0".format(*place)))
    return names


def _ask(nvml: Any, name: str, *arguments: Any) -> Any:
    """What NVML's function of that name gives, None where it can't."""
    try:
        return getattr(nvml, name)(*arguments)
    except Exception:  # NVMLError has dozens of kinds, and an old package lacks the function
        return None


def _first(*ways: Callable[[], Any]) -> Any:
    """The first answer that is one."""
    return next((answer for way in ways if (answer := way()) is not None), None)
