"""What is read of a system, from the files that one might show."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scalesearch.hardware.machine import cpu_facts, memory_facts, usable_cores

AMD = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
stepping\t: 1
flags\t\t: fpu avx2 hypervisor avx512f fma

processor\t: 1
vendor_id\t: AuthenticAMD
model name\t: another
"""
ARM = """processor\t: 0
Features\t: fp asimd sve bf16
CPU implementer\t: 0x41
CPU part\t: 0xd40
CPU revision\t: 1
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system of 8 processors, of which this process may use 0, 1, 2 and 6."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {6, 0, 1, 2}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    return tmp_path


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", "utf-8")
    return root


def of_each(name: str, texts: list[str]) -> dict[str, str]:
    return {f"sys/devices/system/cpu/cpu{i}/{name}": text for i, text in enumerate(texts)}


def test_an_x86_processor(root: Path) -> None:
    facts = cpu_facts(put(root, {"proc/cpuinfo": AMD}))
    assert facts == {
        "cpu": "AMD EPYC",
        "cpu_id": "AuthenticAMD family 25 model 17 stepping 1",
        "instruction_sets": ["fma", "avx2", "avx512f"],
        "virtual": True,
        "machine_cores": 8,
        "cores": 4,
        "affinity": "0-2,6",
        "governor": "unknown",
    }


def test_an_arm_processor(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    facts = cpu_facts(put(root, {"proc/cpuinfo": ARM}))
    assert facts["cpu"] == "aarch64"
    assert facts["cpu_id"] == "implementer 0x41 part 0xd40 revision 1"
    assert facts["instruction_sets"] == ["asimd", "sve", "bf16"]
    assert facts["virtual"] is False


def test_only_usable_processors_are_asked(root: Path) -> None:
    governors = ["performance", "performance", "schedutil", *["powersave"] * 3, "performance", "powersave"]
    siblings = ["0-1", "0-1", "2-3", "2-3", "4-5", "4-5", "6-7", "6-7"]
    put(root, of_each("cpufreq/scaling_governor", governors))
    put(root, of_each("topology/thread_siblings_list", siblings))
    put(root, of_each("cpufreq/cpuinfo_max_freq", ["3400000"] * 2 + ["800000"] * 5 + ["9900000"]))
    facts = cpu_facts(root)
    assert facts["governor"] == "performance, schedutil"
    assert facts["physical_cores"] == 3
    assert facts["max_mhz"] == "800, 3400"


GROUP_2 = {"proc/self/cgroup": "0::/pod/me"}
GROUP_1 = {"proc/self/cgroup": "3:cpu,cpuacct:/pod/me\n2:memory:/pod/me\n0::/"}
CPU_1 = "sys/fs/cgroup/cpu,cpuacct"


@pytest.mark.parametrize(
    ("files", "quota", "cores"),
    [
        ({}, None, 4),
        ({**GROUP_2, "sys/fs/cgroup/pod/me/cpu.max": "max 100000"}, None, 4),
        ({**GROUP_2, "sys/fs/cgroup/pod/me/cpu.max": "150000 100000"}, 1.5, 2),
        ({**GROUP_2, "sys/fs/cgroup/pod/me/cpu.max": "10000 100000"}, 0.1, 1),
        ({**GROUP_2, "sys/fs/cgroup/pod/me/cpu.max": "400000 100000"}, None, 4),
        # The group around it allows less; and in a container only the top folder shows.
        (
            {
                **GROUP_2,
                "sys/fs/cgroup/pod/me/cpu.max": "300000 100000",
                "sys/fs/cgroup/pod/cpu.max": "200000 100000",
            },
            2.0,
            2,
        ),
        ({**GROUP_2, "sys/fs/cgroup/cpu.max": "300000 100000"}, 3.0, 3),
        ({**GROUP_2, "sys/fs/cgroup/cpu.max": "nonsense"}, None, 4),
        (
            {**GROUP_1, f"{CPU_1}/cpu.cfs_quota_us": "50000", f"{CPU_1}/cpu.cfs_period_us": "100000"},
            0.5,
            1,
        ),
        ({**GROUP_1, f"{CPU_1}/cpu.cfs_quota_us": "-1", f"{CPU_1}/cpu.cfs_period_us": "100000"}, None, 4),
        ({**GROUP_1, f"{CPU_1}/cpu.cfs_quota_us": "50000"}, None, 4),
    ],
)
def test_a_quota_leaves_fewer_cores(
    root: Path, files: dict[str, str], quota: float | None, cores: int
) -> None:
    put(root, files)
    facts = cpu_facts(root)
    assert facts.get("cpu_quota") == quota
    assert facts["cores"] == cores == usable_cores(root)


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, None),
        ({**GROUP_2, "sys/fs/cgroup/pod/me/memory.max": "1048576"}, 1048576),
        ({**GROUP_2, "sys/fs/cgroup/pod/me/memory.max": "max"}, None),
        ({**GROUP_1, "sys/fs/cgroup/memory/pod/memory.limit_in_bytes": "1048576"}, 1048576),
        # No limit, as version 1 says it; and one above what the machine has.
        ({**GROUP_1, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}, None),
        ({**GROUP_2, "sys/fs/cgroup/memory.max": str(2**59)}, None),
    ],
)
def test_a_memory_limit_below_the_machines_memory(
    root: Path, files: dict[str, str], limit: int | None
) -> None:
    facts = memory_facts(put(root, files))
    assert facts.get("memory_limit_bytes") == limit
    assert facts["memory_bytes"] == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
