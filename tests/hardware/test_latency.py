from __future__ import annotations

import re
import time

import pytest
import torch

from scalesearch.hardware.timing import (
    Pass,
    measure_latency,
    module_pass,
    network_pass,
    pair_passes,
    time_network,
    time_pairs,
    time_pass,
)
from scalesearch.networks.build import build
from scalesearch.networks.spec import ArchSpec, StageSpec
from scalesearch.records.timings import Setup

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


def test_a_slow_pass_is_sampled_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counted(torch.nn.Module):
        passes = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            Counted.passes += 1
            time.sleep(0.05)
            return x

    monkeypatch.setattr("scalesearch.hardware.timing.SLOW_S", 0.04)
    work = module_pass(Counted(), torch.zeros(1, 3, 2, 2), Setup())
    assert len(time_pass(work, min_run_time_s=1e-9)) >= 3
    # Two to warm up, one that counts, one that the timer looks at, and two more samples.
    assert 6 <= Counted.passes <= 9


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

    monkeypatch.setattr("scalesearch.hardware.timing.build", watched)
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
        ({"device": "tpu"}, "`device` must be cpu or an available device, got 'tpu': torch sees "),
    ],
)
def test_bad_input(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        measure_latency(TINY, **{"batch_size": 1, "threads": 1} | fields)


def watch(pass_of: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Has every convolution note what it meets."""
    forward = torch.nn.Conv2d.forward

    def look(module: torch.nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
        out = forward(module, x)
        layout = x.is_contiguous(memory_format=torch.channels_last)
        pass_of.append((module.training, module.weight.dtype, out.dtype, layout, torch.is_grad_enabled()))
        return out

    monkeypatch.setattr(torch.nn.Conv2d, "forward", look)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("mode", ["inference", "training"])
def test_a_setup_is_what_is_run(mode: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of the dtype in inference, autocast over float32 weights in training."""
    seen: list[tuple[object, ...]] = []
    watch(seen, monkeypatch)
    setup = Setup(mode=mode, dtype=dtype, batch_size=2, channels_last=False)
    samples = time_network(TINY, setup, min_run_time_s=0.01)
    assert len(samples) >= 5
    assert all(sample > 0 for sample in samples)
    asked, training = getattr(torch, dtype), mode == "training"
    found = {(trains, held, out, grad) for trains, held, out, _layout, grad in seen}
    assert found == {(training, torch.float32 if training else asked, asked, training)}
    assert not seen[0][3]  # the images


def test_a_training_step_trains() -> None:
    """Forward, cross entropy, backward and AdamW: as an independent loop of them leaves the weights."""
    model = torch.nn.Sequential(torch.nn.Flatten(1), torch.nn.Linear(12, 3))
    twin = torch.nn.Sequential(torch.nn.Flatten(1), torch.nn.Linear(12, 3))
    twin.load_state_dict(model.state_dict())
    images = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    work = module_pass(model, images, Setup(mode="training", batch_size=4))
    optimizer = torch.optim.AdamW(twin.parameters())
    for _ in range(3):
        with work.around():
            work.run()
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(twin(images), torch.zeros(4, dtype=torch.long)).backward()
        optimizer.step()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_networks_start_alike() -> None:
    """The same seed each time, whatever was drawn before: a figure can be taken again."""
    states = []

    def note(module: torch.nn.Module) -> None:
        states.append([parameter.detach().clone() for parameter in module.parameters()])

    setup = Setup()
    with pytest.MonkeyPatch.context() as patch:

        def watched(arch: ArchSpec) -> torch.nn.Module:
            network = build(arch)
            note(network)
            return network

        patch.setattr("scalesearch.hardware.timing.build", watched)
        for seed in (1, 2):
            torch.manual_seed(seed)
            time_network(TINY, setup, min_run_time_s=0.01)
    first, second = states
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def counted(log: list[str], name: str) -> Pass:
    class Logged(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            log.append(name)
            time.sleep(0.011)
            return x

    return module_pass(Logged(), torch.zeros(1, 1, 1, 1), Setup())


def test_pairs_go_a_b_b_a() -> None:
    """Both warm up first; then each sample, two passes before it and one timed, in turn."""
    log: list[str] = []
    pairs = pair_passes(counted(log, "a"), counted(log, "b"), pairs=4)
    assert len(pairs) == 4
    assert all(a >= 0.011 and b >= 0.011 for a, b in pairs)
    assert "".join(log[-24:]) == "aaabbb" + "bbbaaa" + "aaabbb" + "bbbaaa"
    assert "".join(log[:-24]) == "aaabbb" * 2


def test_a_sample_of_a_fast_pass_is_many() -> None:
    """So that it lasts 10 ms: the clock is nothing beside it."""
    calls = []
    work = module_pass(torch.nn.Identity(), torch.zeros(1, 1, 1, 1), Setup())
    fast = Pass(run=lambda: calls.append(0), setup=work.setup, device=work.device)
    ((a, b),) = pair_passes(fast, fast, pairs=1)
    assert len(calls) > 1000
    assert max(a, b) < 1e-3


def test_pairs_of_networks_in_unlike_setups() -> None:
    threads = torch.get_num_threads()
    generator = torch.get_rng_state()
    training = Setup(mode="training", batch_size=2, dtype="bfloat16")
    pairs = time_pairs((TINY, Setup()), (TINY, training), pairs=3)
    assert len(pairs) == 3
    assert all(a > 0 and b > 0 for a, b in pairs)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), generator)


def test_bad_input_of_the_parts() -> None:
    work = network_pass(TINY, Setup())
    for call, message in (
        (lambda: time_pairs((TINY, Setup()), (TINY, Setup()), pairs=0), "`pairs` must be >= 1, got 0"),
        (lambda: pair_passes(work, work, pairs=0), "`pairs` must be >= 1, got 0"),
        (lambda: time_pass(work, min_run_time_s=-1), "`min_run_time_s` must be > 0, got -1"),
        (
            lambda: module_pass(torch.nn.Identity(), torch.zeros(1), Setup(runtime="onnxruntime")),
            "`runtime` must be eager, graph or compile for a torch module, got 'onnxruntime'",
        ),
    ):
        with pytest.raises(ValueError) as error:
            call()
        assert str(error.value) == message


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["inference", "training"])
def test_compilation_is_in_no_sample(mode: str) -> None:
    """It takes seconds at least; a pass of this network takes a small part of one."""
    torch.compiler.reset()
    samples = time_network(TINY, Setup(mode=mode, runtime="compile", batch_size=2), min_run_time_s=0.05)
    assert len(samples) >= 5
    assert max(samples) < 1


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("mode", ["inference", "training"])
@pytest.mark.parametrize("runtime", ["eager", "graph"])
def test_every_dtype_on_a_gpu(runtime: str, mode: str, dtype: str) -> None:
    setup = Setup(mode=mode, runtime=runtime, dtype=dtype, batch_size=2, device="cuda")
    generator = torch.cuda.get_rng_state()
    assert len(time_network(TINY, setup, min_run_time_s=0.05)) >= 5
    assert torch.equal(torch.cuda.get_rng_state(), generator)


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("mode", ["inference", "training"])
def test_a_graph_beside_the_pass_that_it_records(mode: str) -> None:
    eager, graph = (
        Setup(mode=mode, runtime=runtime, batch_size=4, device="cuda") for runtime in ("eager", "graph")
    )
    pairs = time_pairs((TINY, eager), (TINY, graph), pairs=4)
    assert len(pairs) == 4
    assert all(a > 0 and b > 0 for a, b in pairs)


@pytest.mark.gpu
@needs_cuda
def test_pairs_on_a_gpu() -> None:
    small, large = (Setup(batch_size=size, device="cuda") for size in (1, 4096))
    pairs = time_pairs((TINY, small), (TINY, large), pairs=4)
    assert len(pairs) == 4
    assert all(a > 0 and b > 0 for a, b in pairs)


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
