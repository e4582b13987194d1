"""A network of one's own to scale: a small ConvNeXt (arXiv 2201.03545), which is no EfficientNet.

See own_network.md. scalesearch asks only for the function ``build``: how real multipliers become whole blocks
and channels is decided here, and nowhere else.
"""

from __future__ import annotations

import torch
from torch import nn

# ConvNeXt's four stages, narrower and shallower than its smallest: about as dear as EfficientNet-B0.
BLOCKS = (2, 2, 4, 2)
CHANNELS = (48, 96, 192, 384)
STEM_STRIDE = 4


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of maps (batch, channels, height, width)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The maps, normalised."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """A depthwise 7x7 convolution, then two 1x1 ones with 4 times the channels between them, added to x."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 7, padding=3, groups=channels),
            ChannelNorm(channels, eps=1e-6),
            nn.Conv2d(channels, 4 * channels, 1),
            nn.GELU(),
            nn.Conv2d(4 * channels, channels, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps of the shape of ``x``."""
        return x + self.body(x)


def build(depth: float, width: float, num_classes: int) -> nn.Module:
    """The network that is ``depth`` times as deep and ``width`` times as wide.

    Depth multiplies the blocks of each stage, width the channels of every layer; both are rounded to the
    nearest, channels to a multiple of 4, and neither falls below one of them.
    """
    blocks = [max(1, round(number * depth)) for number in BLOCKS]
    channels = [max(4, 4 * round(number * width / 4)) for number in CHANNELS]
    layers: list[nn.Module] = [
        nn.Conv2d(3, channels[0], STEM_STRIDE, stride=STEM_STRIDE),
        ChannelNorm(channels[0], eps=1e-6),
    ]
    for index, (repeats, now) in enumerate(zip(blocks, channels, strict=True)):
        if index > 0:
            # Rounds an odd map up, where ConvNeXt's 2x2 convolution would round it down, and drop pixels.
            before = channels[index - 1]
            layers += [ChannelNorm(before, eps=1e-6), nn.Conv2d(before, now, 3, stride=2, padding=1)]
        layers += [Block(now) for _ in range(repeats)]
    head = [
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.LayerNorm(channels[-1]),
        nn.Linear(channels[-1], num_classes),
    ]
    return nn.Sequential(*layers, *head)
