"""One pass of a network, ready to be run: what is timed, what memory is measured of, and what has to fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from scalesearch.architecture.network import build
from scalesearch.architecture.spec import Arch, without_drop_path
from scalesearch.measure.device import resolve_device
from scalesearch.records.timing import Setup

__all__ = ["Pass", "module_pass", "network_pass", "own_randomness", "weights_and_images"]


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
        """Without gradients where the pass is inference; on its own GPU, which is the one waited for.

        torch's timer synchronises the current device, whichever the work is on.
        """
        gpu: AbstractContextManager[object] = nullcontext()
        if self.device.type == "cuda":
            gpu = torch.cuda.device(self.device)
        with gpu, torch.inference_mode(self.setup.mode == "inference"):
            yield

    def wait(self) -> None:
        """Until the device has done all that it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


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
    where autocast takes the setup's dtype, and a gradient scaler keeps float16 on CUDA from underflow.

    Args:
        module: for training, one that gives logits of shape (batch, classes).
        images: of shape (batch, channels, height, width).
        setup: how; the images say how many they are.

    Raises:
        ValueError: if the device is not there, or the runtime is no torch.
    """
    if setup.runtime == "onnxruntime":
        raise ValueError("`runtime` must be eager or compile for a torch module, got 'onnxruntime'")
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
    if not training:
        return Pass(run=lambda: called(images), setup=setup, device=device)

    labels = torch.zeros(len(images), dtype=torch.long, device=device)
    optimizer = torch.optim.AdamW(module.parameters(), fused=True)
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda" and dtype == torch.float16)

    def step() -> None:
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            loss = nn.functional.cross_entropy(called(images), labels)
        # As in proxy.train: the last step's gradients are freed between the two passes.
        optimizer.zero_grad()
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch has no hints here
        scaler.step(optimizer)
        scaler.update()

    return Pass(run=step, setup=setup, device=device)


@contextmanager
def own_randomness(*setups: Setup) -> Iterator[None]:
    """Seeded generators within, the caller's as they were afterwards: of the CPU and the setups' GPUs."""
    devices = {resolve_device(setup.device) for setup in setups}
    gpus = [device for device in devices if device.type == "cuda"]
    with torch.random.fork_rng(devices=gpus):
        torch.default_generator.manual_seed(0)
        for gpu in gpus:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(0)
        yield
