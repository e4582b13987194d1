from __future__ import annotations

import pytest

from scalesearch.page.parts import made_of, readable_machine
from scalesearch.page.templates import part

OLD = {"cpu": "AMD EPYC", "cores": 2, "memory_bytes": 25276514304, "system": "Linux 6.18, Python 3.11.7"}
CPU = {
    "key": "215546cd",
    "cpu": "AMD EPYC",
    "cores": 2,
    "governor": "unknown",
    "cpu_id": "AuthenticAMD family 25 model 17 stepping 1",
    "instruction_sets": ["fma", "avx2"],
    "machine_cores": 2,
    "physical_cores": 2,
    "affinity": "0-1",
    "virtual": True,
    "memory_bytes": 25276514304,
    "architecture": "x86_64",
    "system": "Linux 6.18, Python 3.11.7",
    "torch": "2.14.1",
}
GPU = CPU | {
    "virtual": False,
    "governor": "performance",
    "max_mhz": "3400",
    "machine_cores": 64,
    "physical_cores": 1,
    "cpu_quota": 1.5,
    "memory_limit_bytes": 2**30,
    "gpu": "NVIDIA H100",
    "gpu_capability": "9.0",
    "gpu_memory_bytes": 80 * 2**30,
    "gpu_ecc": False,
    "gpu_power_limit_w": 700.0,
    "gpu_max_sm_mhz": 1980,
    "gpu_max_memory_mhz": 2619,
    "driver": "580.65.06",
    "cuda": "13.0",
    "cudnn": 91000,
    "flags": ["ATEN_CPU_CAPABILITY=avx2", "OMP_NUM_THREADS=2"],
    "torch_flags": ["matmul=none", "conv=tf32"],
}


def test_a_record_of_an_earlier_release_reads_as_it_did() -> None:
    for facts in (OLD, OLD | {"gpu": "NVIDIA A100"}, {"cpu": "unknown", "memory_bytes": "unknown"}, {}):
        assert readable_machine(facts) == facts


def test_the_facts_of_a_cpu_in_few_lines() -> None:
    assert readable_machine(CPU) == {
        "key": "215546cd",
        "cpu": "AMD EPYC (AuthenticAMD family 25 model 17 stepping 1, virtual, fma avx2)",
        "cores": "2 (processors 0-1)",
        "memory_bytes": 25276514304,
        "system": "Linux 6.18, Python 3.11.7, torch 2.14.1",
    }


def test_the_facts_of_a_gpu_in_one_line() -> None:
    lines = readable_machine(GPU)
    assert lines["cpu"] == "AMD EPYC (AuthenticAMD family 25 model 17 stepping 1, fma avx2)"
    assert lines["cores"] == "2 (of 64, processors 0-1, on 1 physical core, time of 1.5 allowed)"
    assert lines["frequency"] == "governor performance, up to 3400 MHz"
    assert lines["memory_bytes"] == "23.5 GiB (1.0 GiB allowed)"
    assert lines["gpu"] == (
        "NVIDIA H100 (capability 9.0, 80.0 GiB, no ECC, 700 W, up to 1980 MHz, memory 2619 MHz)"
    )
    assert lines["driver"] == "580.65.06, CUDA 13.0, cuDNN 91000"
    assert lines["flags"] == "ATEN_CPU_CAPABILITY=avx2 OMP_NUM_THREADS=2"
    assert lines["torch_flags"] == "matmul=none conv=tf32"
    assert len(lines) == 10


def test_a_fact_that_nothing_is_known_of_is_shown_as_it_is() -> None:
    assert readable_machine(CPU | {"colour": "red"})["colour"] == "red"


def test_several_machines_one_by_one() -> None:
    both = readable_machine({"one": CPU, "two": OLD})
    assert both == {"one": readable_machine(CPU), "two": OLD}


@pytest.mark.parametrize("label", sorted(GPU))
def test_a_file_edited_by_hand_still_makes_a_page(label: str) -> None:
    for value in ("<b>|x|</b>", -1, None, ["a", 1], True):
        made = made_of(command="x", settings={}, machine=GPU | {label: value}, versions={})
        page = part("page/parts.md.j2", "how_it_was_made", made)
        assert "- Machine: " in page
        assert "<b>" not in page
