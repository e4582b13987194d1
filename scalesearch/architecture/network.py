"""A spec as a PyTorch module, built from the same lowered layers that the counter reads."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import assert_never

import torch
from torch import nn

from scalesearch.architecture.layers import Block, Conv, Layer, Linear, Pool, SqueezeExcite, lower
from scalesearch.architecture.spec import ArchSpec

__all__ = ["build", "zero_init_residual"]


class _SqueezeExcite(nn.Module):
    """Channel gate of squeeze-and-excitation (arXiv 1709.01507) with SiLU inside."""

    def __init__(self, layer: SqueezeExcite) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(layer.channels, layer.squeezed, 1)
        self.activation = nn.SiLU(inplace=True)
        self.expand = nn.Conv2d(layer.squeezed, layer.channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = self.expand(self.activation(self.reduce(self.pool(x))))
        return x * torch.sigmoid(gate)


class _Residual(nn.Module):
    """``x + body(x)``, with the body dropped for a random part of the samples in training."""

    def __init__(self, body: nn.Module, drop_path: float) -> None:
        super().__init__()
        self.body = body
        self.drop_path: nn.Module = nn.Identity()
        if drop_path > 0:
            from torchvision.ops import StochasticDepth  # loading torchvision takes seconds

            self.drop_path = StochasticDepth(drop_path, "row")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = x + self.drop_path(self.body(x))
        return out


def _module(layer: Layer, arch: ArchSpec) -> nn.Module:
    match layer:
        case Conv():
            parts: list[nn.Module] = [
                nn.Conv2d(
                    layer.in_channels,
                    layer.out_channels,
                    layer.kernel_size,
                    stride=layer.stride,
                    padding=layer.padding,
                    groups=layer.groups,
                    bias=False,
                ),
                nn.BatchNorm2d(layer.out_channels, eps=arch.norm_eps, momentum=arch.norm_momentum),
            ]
            if layer.activation:
                parts.append(nn.SiLU(inplace=True))
            return nn.Sequential(*parts)
        case SqueezeExcite():
            return _SqueezeExcite(layer)
        case Pool():
            return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(1))
        case Linear():
            return nn.Sequential(nn.Dropout(layer.dropout), nn.Linear(layer.in_features, layer.out_features))
        case _:
            assert_never(layer)


def _initialise(module: nn.Module) -> None:
    """The paper's code's initial values: fan-out normal convolutions, uniform classifier, zero biases.

    A depthwise kernel has a fan-out of its area alone: torch's ``kaiming_normal_`` would multiply it by all
    the channels and start these layers too small.
    """
    if isinstance(module, nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        bound = 1.0 / math.sqrt(module.out_features)
        nn.init.uniform_(module.weight, -bound, bound)
        nn.init.zeros_(module.bias)


def _block(block: Block, arch: ArchSpec) -> nn.Module:
    body = nn.Sequential(*(_module(layer, arch) for layer in block.layers))
    return _Residual(body, block.drop_path) if block.residual else body


def build(arch: ArchSpec) -> nn.Module:
    """The network of ``arch``: float images (batch, in_channels, side, side) to logits (batch, classes).

    Any side works, ``arch.resolution`` is the one it was sized for. Weights are drawn from torch's global
    generator: seed it for a reproducible start.
    """
    network = nn.Sequential(OrderedDict((b.name, _block(b, arch)) for b in lower(arch)))
    network.apply(_initialise)
    return network


def zero_init_residual(network: nn.Module) -> None:
    """Starts every residual branch of a built network at zero (arXiv 1706.02677, section 5.1).

    The last batch norm of a branch gets a scale of 0, so that the block begins as the identity.
    """
    for module in network.modules():
        if isinstance(module, _Residual):
            last = [m for m in module.body.modules() if isinstance(m, nn.BatchNorm2d)][-1]
            nn.init.zeros_(last.weight)
