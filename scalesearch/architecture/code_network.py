"""A user's own network: imported, built, and counted on torch's meta device, where no tensor has data."""

from __future__ import annotations

from torch import nn

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.cost import Cost

__all__ = ["build_code", "code_inference_bytes", "code_training_bytes", "count_code"]


def build_code(spec: CodeSpec) -> nn.Module:
    """The module that the user's function gives."""
    raise NotImplementedError


def count_code(spec: CodeSpec) -> Cost:
    """What it costs for one image."""
    raise NotImplementedError


def code_training_bytes(spec: CodeSpec, batch_size: int, *, optimizer: str = "adamw") -> int:
    """Bytes at the peak of a training step."""
    raise NotImplementedError


def code_inference_bytes(spec: CodeSpec, batch_size: int) -> int:
    """Bytes at the peak of a forward pass without gradients."""
    raise NotImplementedError
