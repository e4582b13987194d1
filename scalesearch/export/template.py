"""What a network handed over as one file of Python is made of; the table here is only an example."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn


class Stage(NamedTuple):
    """A row of the table: ``repeats`` blocks of one kind, of which the first has the stride."""

    expand_ratio: int
    kernel_size: int
    stride: int
    channels: int
    repeats: int
    squeeze_ratio: float


# BEGIN of what is written for each network
IN_CHANNELS = 3
RESOLUTION = 32
STEM_KERNEL_SIZE = 3
STEM_CHANNELS = 8
STAGES = (
    #     expand  kernel  stride  channels  repeats  squeeze
    Stage(1, 3, 1, 8, 1, 0.25),
)
HEAD_CHANNELS = 16
CLASSES = 10

NORM_EPS = 0.001
NORM_MOMENTUM = 0.01
DROPOUT = 0.2
DROP_PATH = 0.2
# END of what is written for each network


def convolution(
    in_channels: int,
    channels: int,
    kernel_size: int,
    stride: int = 1,
    groups: int = 1,
    activation: bool = True,
) -> nn.Sequential:
    """Convolution without bias, batch norm and, unless it is left out, SiLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(
            in_channels, channels, kernel_size, stride, (kernel_size - 1) // 2, groups=groups, bias=False
        ),
        nn.BatchNorm2d(channels, eps=NORM_EPS, momentum=NORM_MOMENTUM),
    ]
    if activation:
        layers.append(nn.SiLU())
    return nn.Sequential(*layers)


class SqueezeExcite(nn.Module):
    """Weighs each channel by what all channels hold on average (arXiv 1709.01507)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.activation = nn.SiLU()
        self.expand = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channels, height, width) to the same."""
        gate = self.expand(self.activation(self.reduce(self.pool(x))))
        return x * torch.sigmoid(gate)


class Residual(nn.Module):
    """``x + body(x)``; in training the body is left out for a random part of the images."""

    def __init__(self, body: nn.Module, drop_path: float) -> None:
        super().__init__()
        self.body = body
        self.drop_path = drop_path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channels, height, width) to the same."""
        out: torch.Tensor = self.body(x)
        if self.training and self.drop_path > 0:
            kept = 1 - self.drop_path
            out = out * out.new_empty(len(out), 1, 1, 1).bernoulli_(kept) / kept
        return x + out


def mbconv(stage: Stage, in_channels: int, stride: int) -> nn.Sequential:
    """Mobile inverted bottleneck: expand, depthwise, squeeze-and-excite, project."""
    expanded = in_channels * stage.expand_ratio
    layers: list[nn.Module] = []
    if stage.expand_ratio != 1:
        layers.append(convolution(in_channels, expanded, 1))
    layers.append(convolution(expanded, expanded, stage.kernel_size, stride, groups=expanded))
    if stage.squeeze_ratio > 0:
        layers.append(SqueezeExcite(expanded, max(1, int(stage.squeeze_ratio * in_channels))))
    layers.append(convolution(expanded, stage.channels, 1, activation=False))
    return nn.Sequential(*layers)


def build() -> nn.Sequential:
    """The network: float images (batch, IN_CHANNELS, side, side) to logits (batch, CLASSES).

    It was sized for a side of RESOLUTION, and works with any. Its weights are drawn from torch's
    global generator.
    """
    network = nn.Sequential()
    network.add_module("stem", nn.Sequential(convolution(IN_CHANNELS, STEM_CHANNELS, STEM_KERNEL_SIZE, 2)))
    channels, index, blocks = STEM_CHANNELS, 0, sum(stage.repeats for stage in STAGES)
    for number, stage in enumerate(STAGES, start=1):
        for repeat in range(1, stage.repeats + 1):
            stride = stage.stride if repeat == 1 else 1
            block: nn.Module = mbconv(stage, channels, stride)
            if stride == 1 and channels == stage.channels:
                # Stochastic depth grows linearly over the blocks (arXiv 1603.09382).
                block = Residual(block, DROP_PATH * index / blocks)
            network.add_module(f"stage{number}_block{repeat}", block)
            channels, index = stage.channels, index + 1
    head = nn.Sequential(
        convolution(channels, HEAD_CHANNELS, 1),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(1)),
        nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(HEAD_CHANNELS, CLASSES)),
    )
    network.add_module("head", head)
    return network.apply(initialise)


def initialise(module: nn.Module) -> None:
    """The first weights: fan-out normal convolutions, uniform classifier, biases of zero."""
    if isinstance(module, nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))
    elif isinstance(module, nn.Linear):
        bound = 1.0 / math.sqrt(module.out_features)
        nn.init.uniform_(module.weight, -bound, bound)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def load(path: str | Path) -> nn.Sequential:
    """The network with the weights in a safetensors file, in eval mode.

    Raises:
        ValueError: if the file is damaged, or holds the weights of another network.
    """
    network = build()
    wanted = network.state_dict()
    tensors = read_safetensors(path)
    if tensors.keys() != wanted.keys():
        odd = sorted(tensors.keys() ^ wanted.keys())
        raise ValueError(f"{path} holds the weights of another network: {odd[0]} is in one of both only")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise ValueError(
                f"{path} holds the weights of another network: {name} is {tuple(tensor.shape)} there "
                f"and {tuple(wanted[name].shape)} here"
            )
    network.load_state_dict(tensors)
    return network.eval()


DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
}


def read_safetensors(path: str | Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file: the length of a JSON header, the header, then plain bytes.

    Raises:
        ValueError: if the file is not one, or is cut short.
    """
    content = bytearray(Path(path).read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    if len(content) < 8 or start > len(content):
        raise ValueError(f"{path} is no whole safetensors file: its header is cut short")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        shape, (begin, end) = entry["shape"], entry["data_offsets"]
        dtype = DTYPES[entry["dtype"]]
        count = math.prod(shape)
        if end - begin != count * dtype.itemsize or start + end > len(content):
            raise ValueError(f"{path} is no whole safetensors file: {name} is cut short")
        tensors[name] = torch.frombuffer(content, dtype=dtype, count=count, offset=start + begin).view(shape)
    return tensors
