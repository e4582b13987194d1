"""Which memory layout a network is run in: channels last, unless the device or a user's code won't do in it.

Convolutions run faster there, but some code does not: ``x.view(len(x), -1)`` raises on maps laid out so. On
Apple's MPS batch norm's gradient is wrong there (torch's issue 175189): all is contiguous on it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch
from torch import nn

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.generators import generators_kept
from scalesearch.architecture.network import ONEDNN_BLOCK
from scalesearch.architecture.spec import Arch

__all__ = ["inference_layout", "lay_out", "runs_channels_last", "training_layout"]

FAST, PLAIN = torch.channels_last, torch.contiguous_format
TRIED_BATCH = 2
"""Images that a layout is tried with first: the fewest that batch norm can be trained on."""
TOLERANCE = 1e-3
"""How far logits may differ between layouts, as a share of the largest: sums are taken in another order."""


def lay_out(network: nn.Module, device: torch.device, layout: torch.memory_format) -> nn.Module:
    """Moves a network to a device and its weights to a layout; a plain one leaves them as they are."""
    if layout == PLAIN:
        return network.to(device)
    network.to(device=device, memory_format=layout)  # type: ignore[call-overload]  # torch's hints lack it
    return network


def training_layout(arch: Arch, batch_size: int, device: torch.device) -> torch.memory_format:
    """The layout that a network is trained in on a device.

    Raises:
        ValueError: if it is a user's own code that can't be trained on batches of ``batch_size``.
    """
    if not isinstance(arch, CodeSpec):
        return PLAIN if device.type == "mps" else FAST
    return _layout(replace(arch, name=""), batch_size, str(device), True)


def inference_layout(arch: Arch, batch_size: int, device: torch.device) -> torch.memory_format:
    """The layout that a network is run in without gradients on a device.

    Raises:
        ValueError: if it is a user's own code that can't be run on batches of ``batch_size``.
    """
    if not isinstance(arch, CodeSpec):
        return PLAIN if device.type == "mps" else FAST
    return _layout(replace(arch, name=""), batch_size, str(device), False)


def runs_channels_last(arch: Arch) -> bool:
    """Whether a network runs channels last on a CPU, or nobody can tell, as it runs in no layout."""
    try:
        return inference_layout(arch, TRIED_BATCH, torch.device("cpu")) == FAST
    except ValueError:
        return True


@lru_cache(maxsize=4096)
def _layout(spec: CodeSpec, batch_size: int, device: str, training: bool) -> torch.memory_format:
    """The fast layout where the network gives in it what it gives in the plain one."""
    on = torch.device(device)
    layouts = (PLAIN, FAST) if on.type != "mps" and _stays_whole(spec, on) else (PLAIN,)
    logits: dict[torch.memory_format, torch.Tensor] = {}
    for images in dict.fromkeys((TRIED_BATCH, batch_size)):
        for layout in layouts:
            try:
                logits[layout] = _first_pass(spec, images, on, layout, training=training)
            except ValueError as error:
                failure = error
        if logits:
            break
    else:
        raise failure
    if FAST not in logits:
        return PLAIN
    if PLAIN not in logits:
        return FAST
    plain, fast = logits[PLAIN], logits[FAST]
    alike = torch.allclose(plain, fast, rtol=0, atol=TOLERANCE * float(plain.abs().max()), equal_nan=True)
    return FAST if alike or not plain.isfinite().all() else PLAIN


def _first_pass(
    spec: CodeSpec, images: int, device: torch.device, layout: torch.memory_format, *, training: bool
) -> torch.Tensor:
    """The logits, in evaluation, of a network with seeded weights for so many random images.

    In ``training`` a pass forward and backward in training mode comes after.

    Raises:
        ValueError: if it raises, gives no logits, or the loss depends on no parameter.
    """
    from scalesearch.architecture.code_network import build_code, require_logits, running  # loads slowly

    with generators_kept(device):
        torch.manual_seed(0)
        network = lay_out(build_code(spec), device, layout)
    with running(spec, device, "that can be trained on" if training else "that takes"):
        torch.manual_seed(0)
        batch = torch.randn(images, spec.in_channels, *spec.input_size).to(memory_format=layout)
        with torch.no_grad():
            logits = network.eval()(batch)
    require_logits(spec, logits, images, "")
    if training:
        with running(spec, device, "that can be trained on"):
            trained = network.train()(batch)
        require_logits(spec, trained, images, " in training")
        if not trained.requires_grad:
            raise ValueError(
                f"`baseline` must build a network that can be trained, got {spec.target}, in which the "
                "logits depend on no trainable parameter (all are frozen, or cut off by no_grad or detach)"
            )
        with running(spec, device, "that can be trained on"):
            labels = torch.zeros(images, dtype=torch.long)
            nn.functional.cross_entropy(trained, labels).backward()  # type: ignore[no-untyped-call]  # torch has no hints here
    given: torch.Tensor = logits.float().cpu()
    return given


def _stays_whole(spec: CodeSpec, device: torch.device) -> bool:
    """Whether a network can be laid out anew at all: weights that share memory would be torn apart.

    On a CPU nor can strided 1x1 convolutions over few channels be trained so: oneDNN's gradient of their
    weights writes past its memory there (its issue 6035).
    """
    from scalesearch.architecture.code_network import as_built, built  # loads slowly

    network = built(as_built(spec), torch.device("cpu"))
    tensors = {id(t): t for t in (*network.parameters(), *network.buffers()) if t.numel()}.values()
    if len({tensor.untyped_storage().data_ptr() for tensor in tensors}) < len(tensors):
        return False
    return device.type != "cpu" or not any(
        isinstance(module, nn.Conv2d)
        and set(module.kernel_size) == {1}
        and max(module.stride) > 1
        and module.in_channels < ONEDNN_BLOCK
        for module in network.modules()
    )
