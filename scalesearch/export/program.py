"""A network as a ``torch.export`` program: a graph that torch runs without the code that made it."""

from __future__ import annotations

import copy
import io
from pathlib import Path

import torch
from torch import nn

from scalesearch.architecture.spec import Arch
from scalesearch.files import write_bytes

__all__ = ["run_program", "write_program"]


def write_program(network: nn.Module, arch: Arch, path: Path, *, batch_size: int | None = None) -> None:
    """Writes ``network`` as it is in eval mode: float32 (batch, channels, side, side) to logits.

    The network itself is left as it was.

    Args:
        network: built from ``arch``, on any device.
        arch: for the sizes of an image.
        path: of the file.
        batch_size: images in every pass; None leaves that open.

    Raises:
        ValueError: if the batch size is below 1.
        OSError: if the file cannot be written.
    """
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"`batch_size` must be >= 1, got {batch_size}")
    frozen = copy.deepcopy(network).to("cpu", torch.float32).eval().requires_grad_(False)
    # The exporter takes a batch of 1 for one that is always 1.
    example = torch.zeros(batch_size or 2, arch.in_channels, *arch.input_size)
    shapes = None if batch_size is not None else ({0: torch.export.Dim("batch")},)
    content = io.BytesIO()
    torch.export.save(torch.export.export(frozen, (example,), dynamic_shapes=shapes), content)
    write_bytes(path, content.getvalue())


def run_program(path: Path, images: torch.Tensor) -> torch.Tensor:
    """The logits that the program in ``path`` gives for float images."""
    with path.open("rb") as file:
        network = torch.export.load(file).module()
    with torch.inference_mode():
        logits: torch.Tensor = network(images)
    return logits
