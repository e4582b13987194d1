"""One pass of a network, ready to be run: what is timed, what memory is measured of, and what has to fit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from scalesearch.architecture.generators import generators_kept
from scalesearch.architecture.network import build
from scalesearch.architecture.spec import Arch, without_drop_path
from scalesearch.measure.device import resolve_device
from scalesearch.records.timing import Setup

__all__ = ["CapturedPass", "Pass", "module_pass", "network_pass", "own_randomness", "weights_and_images"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A pass of a whole batch: ``run`` does one and may leave the device busy. To be run within ``around``.

    Attributes:
        run: one forward pass, or one training step.
        setup: how.
        device: the setup's device.
    """

    run: Callable[[], object]
    setup: Setup
    device: torch.device

    @contextmanager
    def around(self) -> Iterator[None]:
        """Without gradients where the pass is inference; on its own GPU, where there are several."""
        gpu: AbstractContextManager[object] = nullcontext()
        if self.device.index is not None:
            gpu = torch.accelerator.device_index(self.device.index)
        with gpu, torch.inference_mode(self.setup.mode == "inference"):
            yield

    def wait(self) -> None:
        """Until the device has done all that it was given."""
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)


def network_pass(arch: Arch, setup: Setup, *, onnx_path: Path | None = None) -> Pass:
    """A pass of ``arch`` at its own resolution, with seeded weights and images. Nothing is run yet.

    Weights and images are drawn from torch's global generators, see :func:`own_randomness`.

    Args:
        arch: the network. In inference it is built without its stochastic depth, which drops nothing there.
        setup: mode, runtime, dtype, layout, batch size, threads and device.
        onnx_path: for ONNX Runtime, the network as an ONNX file; written there first where there is none.
            Without a path the file is made for this pass alone.

    Raises:
        ValueError: if the device or the runtime is not there.
    """
    if setup.runtime == "onnxruntime":
        from scalesearch.measure.onnx_runtime import onnx_pass, require_onnx_runtime

        device = resolve_device(setup.device)
        require_onnx_runtime(setup.device)
        return Pass(run=onnx_pass(arch, setup, device, onnx_path), setup=setup, device=device)
    return module_pass(*weights_and_images(arch, setup), setup)


def weights_and_images(arch: Arch, setup: Setup) -> tuple[nn.Module, torch.Tensor]:
    """The network on the setup's device, and a batch for it: (batch, channels, height, width).

    See :func:`network_pass`.

    Raises:
        ValueError: if the device is not there.
    """
    # Where it isn't needed, torchvision need not be loaded.
    made = arch if setup.mode == "training" else without_drop_path(arch)
    with torch.device(resolve_device(setup.device)):
        network = build(made)
        images = torch.empty((setup.batch_size, arch.in_channels, *arch.input_size)).normal_()
    return network, images


def module_pass(module: nn.Module, images: torch.Tensor, setup: Setup) -> Pass:
    """A pass of any torch module, in every setup that torch serves. Nothing is run yet.

    The module is put into the setup's mode, device, dtype and layout. Its weights stay float32 in training,
    where autocast takes the setup's dtype, and a gradient scaler keeps float16 on a GPU from underflow.

    Args:
        module: for training, one that gives logits of shape (batch, classes).
        images: of shape (batch, channels, height, width).
        setup: how; the images say how many they are.

    Raises:
        ValueError: if the device is not there, or the runtime is no torch.
    """
    if setup.runtime == "onnxruntime":
        raise ValueError("`runtime` must be eager, graph or compile for a torch module, got 'onnxruntime'")
    device = resolve_device(setup.device)
    dtype: torch.dtype = getattr(torch, setup.dtype)
    layout = torch.channels_last if setup.channels_last else torch.contiguous_format
    training = setup.mode == "training"
    held = torch.float32 if training else dtype
    module = module.train(training).to(device, held, memory_format=layout)  # type: ignore[call-overload]  # torch's hints know no all-in-one
    images = images.to(device, held, memory_format=layout)
    called: Callable[[torch.Tensor], torch.Tensor] = module
    if setup.runtime == "compile":
        # In one piece or not at all: else what runs uncompiled would be timed as compiled.
        called = torch.compile(module, fullgraph=True, dynamic=False)
    run = (
        _training_step(module, called, images, dtype, capturable=setup.runtime == "graph")
        if training
        else lambda: called(images)
    )
    return Pass(
        run=CapturedPass(run, device) if setup.runtime == "graph" else run, setup=setup, device=device
    )


def _training_step(
    module: nn.Module,
    called: Callable[[torch.Tensor], torch.Tensor],
    images: torch.Tensor,
    dtype: torch.dtype,
    *,
    capturable: bool,
) -> Callable[[], object]:
    """One step of AdamW on ``module``, whose logits ``called`` gives: forward, backward, update."""
    device = images.device
    labels = torch.zeros(len(images), dtype=torch.long, device=device)
    # What is captured may not ask the CPU how many steps there have been.
    optimizer = torch.optim.AdamW(module.parameters(), fused=True, capturable=capturable)
    scaler = torch.amp.GradScaler(device.type, enabled=device.type != "cpu" and dtype == torch.float16)

    def step() -> None:
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            loss = nn.functional.cross_entropy(called(images), labels)
        # As in proxy.train: the last step's gradients are freed between the two passes.
        optimizer.zero_grad()
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch has no hints here
        scaler.step(optimizer)
        scaler.update()

    return step


class CapturedPass:
    """A pass as a CUDA graph: its kernels are recorded once and launched together from then on.

    The first call warms up and records. Inputs, weights and results keep their places in memory, which the
    graph holds on to.

    Raises:
        RuntimeError: when recorded, of a pass that waits for the GPU, reads a number from it or needs memory
            that isn't there; torch's message says so.
    """

    WARM_UP = 3
    """Passes before: libraries pick their algorithms and make their workspaces, the optimizer its states."""

    def __init__(self, run: Callable[[], object], device: torch.device) -> None:
        self._run, self._device = run, device
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: object = None

    def __call__(self) -> object:
        """Replays the pass and returns what it gives, which the next one overwrites."""
        if self._graph is None:
            self._graph = self.record(self.warm_up())
        self._graph.replay()
        return self._result

    def warm_up(self) -> torch.cuda.Stream:
        """Runs the pass as it is on a stream of its own, and gives that stream, on which to record."""
        stream: torch.cuda.Stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]  # torch has no hints here
        current = torch.cuda.current_stream(self._device)
        stream.wait_stream(current)
        with torch.cuda.stream(stream), warnings.catch_warnings():
            # An optimizer made for graphs complains of its steps outside of one.
            warnings.filterwarnings("ignore", "This instance was constructed with capturable=True")
            for _ in range(self.WARM_UP):
                self._run()
        current.wait_stream(stream)
        torch.cuda.synchronize(self._device)
        return stream

    def record(self, stream: torch.cuda.Stream) -> torch.cuda.CUDAGraph:
        """Records a pass, which is not run by that, on the stream that it was warmed up on."""
        graph = torch.cuda.CUDAGraph()
        failure: Exception | None = None
        try:
            # The outer one leads back to the stream before, even where ending the record fails.
            with torch.cuda.stream(stream), torch.cuda.graph(graph, stream=stream):
                try:
                    self._result = self._run()
                except Exception as error:
                    failure = error
                    raise
        except Exception as error:
            # What ending it raises then says less.
            raise failure or error from None
        return graph


@contextmanager
def own_randomness(*setups: Setup) -> Iterator[None]:
    """Seeded generators within, the caller's as they were afterwards: of the CPU and the setups' GPUs."""
    devices = {resolve_device(setup.device) for setup in setups}
    gpus = [device for device in devices if device.type != "cpu"]
    with generators_kept(*gpus):
        torch.default_generator.manual_seed(0)
        for gpu in gpus:
            with torch.accelerator.device_index(gpu.index):
                torch.get_device_module(gpu).manual_seed(0)
        yield
