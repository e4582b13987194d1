"""What the system tells of its processor and memory: much on Linux, little elsewhere, errors nowhere."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["cpu_facts", "group_files", "memory_facts", "usable_cores"]

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
