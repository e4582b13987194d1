from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.hardware.largest_batch import (
    LARGEST_TRIED,
    PROCESS_BYTES,
    _largest,
    available_bytes,
    fits,
    is_out_of_memory,
    largest_batch,
    needed_bytes,
)
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.spec import ArchSpec
from scalesearch.records.timings import Setup

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
B0 = EFFICIENTNET_B0
GIB = 2**30


@given(st.integers(0, 2 * LARGEST_TRIED), st.integers(1, 2))
def test_the_search_finds_the_edge(edge: int, least: int) -> None:
    tried = []

    def works(size: int) -> bool:
        tried.append(size)
        return size <= edge

    expected = min(edge, LARGEST_TRIED) if edge >= least else 0
    assert _largest(works, least) == expected
    assert len(tried) <= 36
    assert max(tried) <= LARGEST_TRIED


@pytest.mark.parametrize("setup", [Setup(), Setup(mode="training", batch_size=2), Setup(dtype="bfloat16")])
def test_on_the_cpu_one_image_more_would_not_fit(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalesearch.hardware.largest_batch.available_bytes", lambda: 4 * GIB)
    size = largest_batch(B0, setup)
    assert size > 10
    assert fits(B0, replace(setup, batch_size=size), 4 * GIB) == ""
    assert fits(B0, replace(setup, batch_size=size + 1), 4 * GIB) != ""


def test_nothing_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalesearch.hardware.largest_batch.available_bytes", lambda: PROCESS_BYTES)
    assert largest_batch(B0, Setup()) == 0


def test_a_machine_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalesearch.hardware.largest_batch.available_bytes", lambda: None)
    with pytest.raises(RuntimeError) as error:
        largest_batch(B0, Setup())
    assert str(error.value) == "the system does not say how much memory is available"
    assert fits(B0, Setup(batch_size=10**6), None) == ""


def test_what_does_not_fit_is_told_with_both_numbers() -> None:
    setup = Setup(batch_size=10_000)
    needed = needed_bytes(B0, setup) / GIB
    assert fits(B0, setup, 3 * GIB) == f"out of memory: needs about {needed:.3g} GiB of 3 GiB"
    assert fits(B0, replace(setup, device="cuda"), 1) == ""  # torch itself will say


def test_half_the_width_needs_half_but_for_what_stays_float32() -> None:
    def net(mode: str, dtype: str) -> int:
        return needed_bytes(B0, Setup(mode=mode, dtype=dtype, batch_size=32)) - PROCESS_BYTES

    assert net("inference", "float16") == net("inference", "float32") // 2
    assert net("training", "float32") / 2 < net("training", "bfloat16") < net("training", "float32")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to ..."), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (
            RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer of size 9"),
            True,
        ),
        (RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc"), True),
        (RuntimeError("expected scalar type Half but found Float"), False),
        (RuntimeError("out of resource: shared memory, Required: 1, Hardware limit: 0"), False),
    ],
)
def test_exhausted_memory_by_its_many_names(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def _machine(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


MEMINFO = {"proc/meminfo": "MemTotal: 9000 kB\nMemFree: 1000 kB\nMemAvailable:    8000 kB\n"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        (MEMINFO, 8000 * 1024),
        (
            MEMINFO
            | {
                "proc/self/cgroup": "0::/outer/inner\n",
                "sys/fs/cgroup/outer/inner/memory.max": "max\n",
                "sys/fs/cgroup/outer/inner/memory.current": "10\n",
                "sys/fs/cgroup/outer/memory.max": "5000\n",
                "sys/fs/cgroup/outer/memory.current": "3000\n",
                "sys/fs/cgroup/outer/memory.stat": "anon 1\ninactive_file 700\n",
            },
            2700,
        ),
        (
            MEMINFO
            | {
                "proc/self/cgroup": "5:devices:/\n4:cpu,memory:/elsewhere\n",
                "sys/fs/cgroup/cpu,memory/memory.limit_in_bytes": "5000\n",
                "sys/fs/cgroup/cpu,memory/memory.usage_in_bytes": "6000\n",
            },
            0,
        ),
        (
            MEMINFO
            | {
                "proc/self/cgroup": "4:memory:/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "6000\n",
            },
            8000 * 1024,
        ),
    ],
)
def test_what_is_available(tmp_path: Path, files: dict[str, str], expected: int | None) -> None:
    assert available_bytes(root=_machine(tmp_path, files)) == expected


@pytest.mark.gpu
@needs_cuda
def test_on_a_gpu_by_trying() -> None:
    """With a hundredth of the memory, so that the edge is near; what is left over is given back."""
    arch = ArchSpec(**{**{f: getattr(B0, f) for f in B0.__dataclass_fields__}, "resolution": 64})
    torch.cuda.set_per_process_memory_fraction(0.01)
    try:
        size = largest_batch(arch, Setup(device="cuda"))
        assert 0 < size < LARGEST_TRIED
        assert torch.cuda.memory_allocated() < 2**20
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert available_bytes("cuda") > 0
