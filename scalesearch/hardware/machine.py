"""The machine: its processor, its GPUs, and the conditions that a timing was taken under."""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import os
import platform
import re
import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from scalesearch import __version__
from scalesearch.hardware.device import device_kind, first_device
from scalesearch.records.timings import MachineRecord

# ----------------------------------------------------------------------------------------------------
# What the system tells of its processor and memory: much on Linux, little elsewhere, errors nowhere.

Facts = dict[str, str | int | float | bool | list[str]]

UNKNOWN = "unknown"
ROOT = Path("/")
# The instruction sets that kernels are chosen by, of x86 and of ARM: a hypervisor may hide some of them, and
# model names are often as short as "AMD EPYC".
INSTRUCTION_SETS = (
    *("sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni"),
    *("avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8"),
    *("asimd", "asimdhp", "asimddp", "sve", "sve2", "bf16", "i8mm", "sme"),
)
# Version 1 of control groups says "no limit" by a number close to 2**63.
NO_LIMIT = 2**60


@cache
def process_space() -> str:
    """What a number of a process means something in: this machine since it started, and this container."""
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip())
        # Containers of one machine may have the same name, and count their processes each for itself.
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    if len(parts) < 3:
        parts = [platform.node(), f"{uuid.getnode():x}"]
        if os.name == "nt":  # where a process can't be asked for without harm: nobody is on the same machine
            parts.append(secrets.token_hex(8))
    return "/".join(parts)


def usable_cores(root: Path = ROOT) -> int:
    """CPU cores that this process may use: those of its affinity, or fewer by a control group's quota."""
    cores = len(affinity) if (affinity := _affinity()) else os.cpu_count() or 1
    quota = _cpu_quota(root)
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def cpu_facts(root: Path = ROOT) -> Facts:
    """The processor as this process may use it, by label.

    Args:
        root: where the system's files are.

    Returns:
        Always ``cpu`` (model name), ``cores`` (those this process may use) and ``governor`` (``unknown``
        where the system sets no frequencies). Where it tells: ``cpu_id`` (vendor, family, model, stepping),
        ``instruction_sets``, ``virtual`` (under a hypervisor), ``machine_cores``, ``physical_cores`` (among
        the usable), ``affinity``, ``cpu_quota`` (cores' worth of time, where fewer) and ``max_mhz``.
    """
    info = _first_processor(root)
    flags = (info.get("flags") or info.get("Features") or "").split()
    affinity = _affinity()
    quota = _cpu_quota(root)
    facts: Facts = {
        "cpu": info.get("model name") or platform.processor() or platform.machine() or UNKNOWN,
        "cores": usable_cores(root),
        "governor": ", ".join(_of_each(root, affinity, "cpufreq/scaling_governor")) or UNKNOWN,
    }
    frequencies = _of_each(root, affinity, "cpufreq/cpuinfo_max_freq")
    kilohertz = sorted(int(text) for text in frequencies if text.isdecimal())
    told: dict[str, str | int | float | list[str] | None] = {
        "cpu_id": _identity(info),
        "instruction_sets": [name for name in INSTRUCTION_SETS if name in flags],
        "machine_cores": os.cpu_count(),
        "physical_cores": len(_of_each(root, affinity, "topology/thread_siblings_list")),
        "affinity": _ranges(affinity),
        "cpu_quota": quota if quota is not None and quota < len(affinity) else None,
        "max_mhz": ", ".join(f"{value / 1000:.0f}" for value in kilohertz),
    }
    facts |= {label: value for label, value in told.items() if value}
    if flags:
        facts["virtual"] = "hypervisor" in flags
    return facts


def memory_facts(root: Path = ROOT) -> Facts:
    """``memory_bytes`` (or ``unknown``), and ``memory_limit_bytes`` where a control group allows less."""
    try:
        memory: int | str = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        memory = UNKNOWN
    facts: Facts = {"memory_bytes": memory}
    files = (*group_files(root, "memory", "memory.limit_in_bytes"), *group_files(root, "", "memory.max"))
    limits = [int(text) for text in map(_text, files) if text.isdecimal()]
    limit = min((value for value in limits if value < NO_LIMIT), default=None)
    if limit is not None and (isinstance(memory, str) or limit < memory):
        facts["memory_limit_bytes"] = limit
    return facts


def _first_processor(root: Path) -> dict[str, str]:
    """The lines of ``/proc/cpuinfo`` on the first processor."""
    fields: dict[str, str] = {}
    for line in _text(root / "proc/cpuinfo").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    return fields


def _identity(info: dict[str, str]) -> str:
    x86 = (("", "vendor_id"), ("family ", "cpu family"), ("model ", "model"), ("stepping ", "stepping"))
    arm = (("implementer ", "CPU implementer"), ("part ", "CPU part"), ("revision ", "CPU revision"))
    parts = x86 if "vendor_id" in info else arm
    return " ".join(f"{said}{info[name]}" for said, name in parts if info.get(name))


def _affinity() -> list[int]:
    """The processors that this process may run on; empty where the system doesn't say (macOS)."""
    ask = getattr(os, "sched_getaffinity", None)
    return sorted(ask(0)) if ask else []


def _of_each(root: Path, processors: Iterable[int], name: str) -> list[str]:
    """What that file says of the processors, each answer once, sorted."""
    folder = root / "sys/devices/system/cpu"
    return sorted({text for number in processors if (text := _text(folder / f"cpu{number}" / name))})


def _ranges(numbers: list[int]) -> str:
    """``0-3,8`` for 0, 1, 2, 3 and 8."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)


def _cpu_quota(root: Path) -> float | None:
    """How many cores' worth of time the control groups around this process allow; None for no limit."""
    quotas = []
    for file in group_files(root, "", "cpu.max"):  # "QUOTA PERIOD" in microseconds, or "max PERIOD"
        quotas.append(_text(file).split())
    for file in group_files(root, "cpu", "cpu.cfs_quota_us"):  # -1 for no limit
        quotas.append([_text(file), _text(file.with_name("cpu.cfs_period_us"))])
    limited = [q for q in quotas if len(q) == 2 and all(text.isdecimal() and int(text) for text in q)]
    return min((int(quota) / int(period) for quota, period in limited), default=None)


def group_files(root: Path, controller: str, name: str) -> Iterator[Path]:
    """The file of that name in this process's control group and in all around it.

    ``controller`` is that of version 1, or empty for version 2, whose line has none. In a container the
    group's own folder may be out of sight; the top one is then the container's.
    """
    base = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            top = base / controllers if controller else base
            inner = Path(path.lstrip("/"))
            for folder in (inner, *inner.parents):
                if (file := top / folder / name).is_file():
                    yield file


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


# ----------------------------------------------------------------------------------------------------
# A GPU as its driver sees it, through NVML: what it is, and how it does right now. Nothing here raises.

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


# ----------------------------------------------------------------------------------------------------
# The machine and the packages that a result came from. Imports no torch unless asked about a GPU.

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
        Facts by label, all of them plain values: those of :func:`scalesearch.hardware.machine.cpu_facts` and
        :func:`~scalesearch.hardware.machine.memory_facts`, ``architecture``, ``system`` (kernel and Python),
        ``torch`` (its version) and ``flags`` where any is set (see :func:`performance_flags`). For a GPU that
        is there also ``gpu`` (its name) and ``gpu_memory_bytes``, of CUDA ``gpu_capability``, ``cuda`` (or
        ``rocm``), ``cudnn``, ``torch_flags`` and those of :func:`scalesearch.hardware.machine.gpu_facts`.
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


# ----------------------------------------------------------------------------------------------------
# What goes on around a measurement: the load of the machine, and how a GPU does.


def conditions(device: str = "cpu") -> dict[str, Any]:
    """The conditions at this moment, as plain JSON data. Never fails: what the system won't tell is left out.

    Args:
        device: ``cpu``, ``cuda:1`` and the like.

    Returns:
        ``load_1m``, the mean number of processes that wanted a core in the last minute, and for a CUDA device
        ``gpu``: see :func:`scalesearch.hardware.machine.gpu_state`.
    """
    around: dict[str, Any] = {}
    with suppress(AttributeError, OSError):  # not there on Windows
        around["load_1m"] = round(os.getloadavg()[0], 2)
    if device_kind(device) == "cuda" and (gpu := gpu_state(device)):
        around["gpu"] = gpu
    return around
