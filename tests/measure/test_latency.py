from __future__ import annotations

import re

import pytest
import torch

from scalesearch.architecture.network import build
from scalesearch.architecture.spec import ArchSpec, StageSpec
from scalesearch.measure.latency import measure_latency

TINY = ArchSpec(
    name="tiny",
    stem_channels=4,
    stages=(StageSpec(expand_ratio=2, kernel_size=3, stride=1, channels=4, repeats=2),),
    head_channels=8,
    resolution=9,
    classes=3,
)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")


def test_raw_samples_and_what_was_measured() -> None:
    record = measure_latency(TINY, batch_size=3, threads=1, min_run_time_s=0.05)
    assert len(record.samples_s) >= 5
    assert all(sample > 0 for sample in record.samples_s)
    assert (record.batch_size, record.threads, record.dtype, record.device) == (3, 1, "float32", "cpu")


def test_a_network_slower_than_the_time_allowed_is_still_sampled_five_times() -> None:
    record = measure_latency(TINY, batch_size=1, threads=1, min_run_time_s=1e-9)
    assert len(record.samples_s) >= 5


def test_the_network_is_timed_as_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watched(arch: ArchSpec) -> torch.nn.Module:
        def look(module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
            weight = next(p for p in module.parameters() if p.ndim == 4)
            seen.append(
                (
                    module.training,
                    torch.is_inference_mode_enabled(),
                    torch.get_num_threads(),
                    tuple(inputs[0].shape),
                    inputs[0].is_contiguous(memory_format=torch.channels_last),
                    weight.is_contiguous(memory_format=torch.channels_last),
                )
            )

        network = build(arch)
        network.register_forward_pre_hook(look)
        return network

    monkeypatch.setattr("scalesearch.measure.latency.build", watched)
    threads = torch.get_num_threads() + 1
    measure_latency(TINY, batch_size=2, threads=threads, min_run_time_s=0.01)
    assert set(seen) == {(False, True, threads, (2, 3, 9, 9), True, True)}


def test_measuring_leaves_threads_and_generator_alone() -> None:
    torch.manual_seed(0)
    generator, threads = torch.get_rng_state(), torch.get_num_threads()
    measure_latency(TINY, batch_size=1, threads=threads + 1, min_run_time_s=0.01)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), generator)
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be >= 1, got 0"),
        ({"threads": -1}, "`threads` must be >= 1, got -1"),
        ({"min_run_time_s": 0.0}, "`min_run_time_s` must be > 0, got 0.0"),
        ({"device": "tpu"}, "`device` must be cpu or an available CUDA device, got 'tpu': torch sees "),
    ],
)
def test_bad_input(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        measure_latency(TINY, **{"batch_size": 1, "threads": 1} | fields)


@pytest.mark.gpu
@needs_cuda
def test_latency_on_a_gpu() -> None:
    record = measure_latency(TINY, batch_size=4, threads=1, device="cuda", min_run_time_s=0.05)
    assert len(record.samples_s) >= 5
    assert all(sample > 0 for sample in record.samples_s)
    assert record.device.startswith("cuda")


@pytest.mark.gpu
@needs_cuda
def test_gpu_samples_wait_for_the_gpu() -> None:
    """A large batch takes longer: launching alone would take as long for one image as for many."""
    wide = ArchSpec(
        name="wide",
        stem_channels=256,
        stages=(StageSpec(expand_ratio=1, kernel_size=3, stride=1, channels=256, repeats=1),),
        head_channels=256,
        resolution=128,
        classes=3,
    )
    one, many = (
        measure_latency(wide, batch_size=size, threads=1, device="cuda", min_run_time_s=0.05)
        for size in (1, 256)
    )
    assert min(many.samples_s) > 4 * min(one.samples_s)
