"""A pass as a CUDA graph: what is done, and in which order, by a stand-in; what it computes, on a GPU."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from scalesearch.hardware.memory import _gpu_peak
from scalesearch.hardware.timing import CapturedPass, Pass, module_pass
from scalesearch.records.timings import Setup

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
DEVICE = torch.device("cuda", 0)


class FakeCuda:
    """A stand-in for torch.cuda that writes down what is asked of it; a graph replays what ran within."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.current = "the current stream"
        self.end_fails = False
        self.handed_out = 100
        self.peak = 0

    def Stream(self, _device: torch.device) -> FakeStream:
        return FakeStream(self, "a stream of its own")

    def current_stream(self, _device: torch.device) -> FakeStream:
        return FakeStream(self, self.current)

    @contextmanager
    def stream(self, stream: FakeStream) -> Iterator[None]:
        before, self.current = self.current, stream.name
        try:
            yield
        finally:
            self.current = before

    def CUDAGraph(self) -> FakeGraph:
        return FakeGraph(self)

    @contextmanager
    def graph(self, _graph: FakeGraph, *, stream: FakeStream) -> Iterator[None]:
        self.events.append(f"recording begins on {stream.name}")
        try:
            yield
        finally:
            if self.end_fails:
                raise RuntimeError("operation failed due to a previous error during capture")
            self.events.append("recording ends")

    def synchronize(self, _device: torch.device) -> None:
        self.events.append("all is waited for")

    def memory_allocated(self, _device: torch.device) -> int:
        return self.handed_out

    def reset_peak_memory_stats(self, _device: torch.device) -> None:
        self.events.append("the peak is forgotten")
        self.peak = self.handed_out

    def max_memory_allocated(self, _device: torch.device) -> int:
        return self.peak


class FakeStream:
    def __init__(self, cuda: FakeCuda, name: str) -> None:
        self.cuda, self.name = cuda, name

    def wait_stream(self, other: FakeStream) -> None:
        self.cuda.events.append(f"{self.name} waits for {other.name}")


class FakeGraph:
    def __init__(self, cuda: FakeCuda) -> None:
        self.cuda = cuda

    def replay(self) -> None:
        self.cuda.events.append(f"replayed on {self.cuda.current}")


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    fake = FakeCuda()
    for name in ("Stream", "current_stream", "stream", "CUDAGraph", "graph", "synchronize"):
        monkeypatch.setattr(torch.cuda, name, getattr(fake, name))
    return fake


def noted(cuda: FakeCuda) -> Callable[[], str]:
    def run() -> str:
        cuda.events.append(f"run on {cuda.current}")
        return "logits"

    return run


WARM_UP = [
    "a stream of its own waits for the current stream",
    *["run on a stream of its own"] * 3,
    "the current stream waits for a stream of its own",
    "all is waited for",
]
RECORDED = ["recording begins on a stream of its own", "run on a stream of its own", "recording ends"]


def test_warmed_up_and_recorded_once_then_replayed(cuda: FakeCuda) -> None:
    run = CapturedPass(noted(cuda), DEVICE)
    assert cuda.events == []
    assert run() == "logits"
    assert cuda.events == [*WARM_UP, *RECORDED, "replayed on the current stream"]
    cuda.events.clear()
    assert [run(), run()] == ["logits", "logits"]
    assert cuda.events == ["replayed on the current stream"] * 2


@pytest.mark.parametrize("end_fails", [True, False])
def test_what_cannot_be_recorded_says_what_it_did(cuda: FakeCuda, end_fails: bool) -> None:
    cuda.end_fails = end_fails

    def run() -> None:
        if "recording begins on a stream of its own" in cuda.events:
            raise RuntimeError("operation not permitted when stream is capturing")

    recorded = CapturedPass(run, DEVICE)
    with pytest.raises(RuntimeError, match="^operation not permitted when stream is capturing$"):
        recorded()
    assert cuda.current == "the current stream"


def test_a_record_that_does_not_end_is_an_error_too(cuda: FakeCuda) -> None:
    cuda.end_fails = True
    with pytest.raises(RuntimeError, match="^operation failed due to a previous error"):
        CapturedPass(noted(cuda), DEVICE)()


def test_an_optimizer_made_for_graphs_may_warm_up_without_one(cuda: FakeCuda) -> None:
    def run() -> None:
        if "recording begins on a stream of its own" not in cuda.events:
            warnings.warn("This instance was constructed with capturable=True or some", stacklevel=1)

    CapturedPass(run, DEVICE)()
    with pytest.warns(UserWarning, match="^another$"):
        CapturedPass(lambda: warnings.warn("another", stacklevel=1), DEVICE)()


def test_the_memory_of_a_graph_is_what_its_record_was_handed_out(
    cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> None:
        cuda.peak = cuda.handed_out + (
            5000 if "recording begins on a stream of its own" not in cuda.events else 40
        )

    def prepare() -> Pass:
        cuda.handed_out = 160  # weights and images
        return Pass(run=CapturedPass(run, DEVICE), setup=Setup(device="cuda", runtime="graph"), device=DEVICE)

    monkeypatch.setattr(torch, "get_device_module", lambda _device: cuda)
    monkeypatch.setattr(torch.accelerator, "synchronize", cuda.synchronize)
    monkeypatch.setattr(Pass, "around", lambda _self: torch.inference_mode())
    assert _gpu_peak(prepare, DEVICE) == 160 + 40 - 100
    assert cuda.events.index("the peak is forgotten") < cuda.events.index(RECORDED[0])


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 3, 2, bias=False), nn.BatchNorm2d(8), nn.SiLU(), nn.AdaptiveAvgPool2d(1)),
        *(nn.Flatten(), nn.Linear(8, 5)),
    )


@pytest.mark.gpu
@needs_cuda
def test_a_graph_gives_the_logits_of_the_pass() -> None:
    images = torch.randn(4, 3, 16, 16)
    module = network()
    eager, graph = (
        module_pass(copy.deepcopy(module), images, Setup(device="cuda", runtime=runtime, batch_size=4))
        for runtime in ("eager", "graph")
    )
    with eager.around():
        torch.testing.assert_close(eager.run(), graph.run())


@pytest.mark.gpu
@needs_cuda
def test_steps_of_a_graph_train_as_steps_do() -> None:
    images = torch.randn(4, 3, 16, 16)
    start = network()
    trained = {}
    for runtime, extra in (("eager", CapturedPass.WARM_UP), ("graph", 0)):
        module = copy.deepcopy(start)
        work = module_pass(
            module, images, Setup(mode="training", device="cuda", runtime=runtime, batch_size=4)
        )
        with work.around():
            for _ in range(5 + extra):
                work.run()
            work.wait()
        trained[runtime] = module.state_dict()
    torch.testing.assert_close(trained["graph"], trained["eager"], rtol=1e-3, atol=1e-5)


@pytest.mark.gpu
@needs_cuda
def test_a_pass_that_reads_a_number_from_the_gpu_cannot_be_recorded() -> None:
    class Asks(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * float(x.sum())

    work = module_pass(Asks(), torch.randn(2, 3, 4, 4), Setup(device="cuda", runtime="graph", batch_size=2))
    with work.around(), pytest.raises(RuntimeError, match="captur"):
        work.run()
