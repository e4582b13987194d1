"""What a network would cost with blocks, channels and pixels that aren't whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from math import prod

from scalesearch.architecture.cost import layer_cost
from scalesearch.architecture.layers import Block, Conv, Layer, Pool, lower
from scalesearch.architecture.scaled import scale
from scalesearch.architecture.spec import MOST, ArchSpec, Rounding
from scalesearch.scaling import Multipliers

__all__ = ["ExactCosts"]

# A probe's repeats: the first block of a stage, and one for all the others, which are alike.
FIRST_AND_REST = 2


class ExactCosts:
    """Multiply-adds of each row with any of its numbers exact or rounded.

    Channels that aren't whole are had by enlarging: a network with ``enlarged`` times the channels
    everywhere, inputs and classes too, costs that much, or its square, times as much in each layer. So the
    lowered layers alone say what a layer costs, here too, to about one part in ten thousand.
    """

    def __init__(self, base: ArchSpec, arch: ArchSpec, multipliers: Multipliers) -> None:
        wide = max(multipliers.width, 1.0)
        self.enlarged = max(1, int(MOST / (wide * _most_channels(base)) / 2))
        self.zoom = multipliers.resolution**2
        """Times as many pixels in each map as the baseline has, by the rule."""
        self.base = _probe(base, 1)
        self.repeats_exact = {
            f"stage{number}": stage.repeats * stage.depth_multiplier(multipliers.depth)
            for number, stage in enumerate(base.stages, start=1)
        }
        self.repeats_built = {
            f"stage{number}": float(stage.repeats) for number, stage in enumerate(arch.stages, start=1)
        }
        free = Rounding(channel_divisor=1, min_kept_fraction=0.0)
        widened = scale(_probe(base, self.enlarged), Multipliers(width=multipliers.width), free)
        self.exact = replace(widened, resolution=arch.resolution, resolution_width=arch.resolution_width)
        self.built = _probe(arch, self.enlarged)

    def rows(self, *, zoom: float | None, repeats: bool = False, channels: bool = False) -> dict[str, float]:
        """Multiply-adds of each row.

        Args:
            zoom: times as many pixels in each map as the baseline has; None for the maps as built.
            repeats: whether they are rounded.
            channels: whether they are rounded.
        """
        found: dict[str, list[float]] = {}
        before = {block.name: block for block in lower(self.base)}
        entry = 0.0
        for block in lower(self.built if channels else self.exact):
            macs = self._block(before.get(block.name, block), block, zoom) + entry
            # What leads into a stage goes with its first block.
            entry = macs if block.name.endswith("_entry") else 0.0
            if not entry:
                found.setdefault(block.row, []).append(macs)
        times = self.repeats_built if repeats else self.repeats_exact
        return {name: _stage(macs, times.get(name, 1.0)) for name, macs in found.items()}

    def _block(self, before: Block, block: Block, zoom: float | None) -> float:
        pairs: list[tuple[Layer, Layer]] = list(zip(before.layers, block.layers, strict=True))
        if block.shortcut is not None:
            # It gives the map that the last layer gives, whether the baseline's block has one or not.
            pairs.append((before.shortcut or before.layers[-1], block.shortcut))
        pooled = next((i for i, layer in enumerate(block.layers) if isinstance(layer, Pool)), len(pairs))
        # What comes after the pool reads a single pixel, whatever the input's size.
        return math.fsum(self._layer(*pair, zoom if i < pooled else None) for i, pair in enumerate(pairs))

    def _layer(self, before: Layer, layer: Layer, zoom: float | None) -> float:
        macs = layer_cost(layer).macs
        # Channels that go their own way, or in groups of a width, read no more of them in a wider network.
        alone = (
            isinstance(layer, Conv)
            and isinstance(before, Conv)
            and layer.groups > 1
            and layer.group_width == before.group_width
        )
        cost = macs / (self.enlarged if alone else self.enlarged**2)
        if zoom is not None and isinstance(layer, Conv) and isinstance(before, Conv):
            cost *= zoom * prod(before.out_size) / prod(layer.out_size)
        return cost


def _stage(macs: Sequence[float], repeats: float) -> float:
    """Of ``repeats`` blocks, of which the first reads other channels than the others, and a larger map."""
    if len(macs) < FIRST_AND_REST:
        return macs[0]
    return macs[0] * min(1.0, repeats) + macs[1] * max(0.0, repeats - 1.0)


def _most_channels(arch: ArchSpec) -> int:
    return max(
        *(arch.stem_channels, arch.head_channels, arch.features, arch.in_channels, arch.classes),
        *(max(stage.channels, stage.squeezed) for stage in arch.stages),
    )


def _probe(arch: ArchSpec, times: int) -> ArchSpec:
    """``arch`` with ``times`` the channels everywhere, and two blocks in each stage."""
    return replace(
        arch,
        in_channels=arch.in_channels * times,
        stem_channels=arch.stem_channels * times,
        head_channels=arch.head_channels * times,
        features=arch.features * times,
        classes=arch.classes * times,
        stages=tuple(
            replace(
                stage,
                repeats=FIRST_AND_REST,
                channels=stage.channels * times,
                squeezed=stage.squeezed * times,
                squeeze_multiple=stage.squeeze_multiple * times if stage.squeeze_multiple > 1 else 1,
            )
            for stage in arch.stages
        ),
    )
