"""How a network's growth is shared out between depth, width and resolution, as it was built.

Coefficients say what is asked; after whole blocks, channels and pixels something else may have been built.
With ``C`` the multiply-adds of a network and ``C0`` those of its baseline, the growth in doublings is
``T = log2(C / C0)``. Depth has ``D = log2`` of the cost when the repeats alone are the network's, resolution
``R = log2`` of the pixels, both over the baseline's, and width has what is left, ``W = T - D - R``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.cost import count
from scalesearch.architecture.scaled import scale
from scalesearch.architecture.spec import Arch, ArchSpec, Rounding
from scalesearch.scaling import Multipliers

__all__ = ["Shape", "deepened", "shape_of", "with_repeats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How often each dimension of a network doubles the cost of its baseline.

    Attributes:
        depth: doublings of the cost by more (below 0: by fewer) blocks alone.
        width: those that are left to width: all of the growth but depth's and resolution's.
        resolution: doublings of the pixels.
    """

    depth: float
    width: float
    resolution: float

    @property
    def total(self) -> float:
        """Doublings of the cost by all three."""
        return self.depth + self.width + self.resolution

    @property
    def shares(self) -> tuple[float, float, float]:
        """The parts of depth, width and resolution in the total; they add up to 1, and may be below 0.

        Raises:
            ValueError: if the network costs what its baseline does: nothing grew that could be shared.
        """
        if self.total == 0:
            raise ValueError("`shape` must be of a network that costs more or less than its baseline, got 0")
        return self.depth / self.total, self.width / self.total, self.resolution / self.total


def shape_of(arch: Arch, base: Arch) -> Shape:
    """How the growth of ``base`` to ``arch``, a network of its family, is shared out as built.

    Of a user's own code, whose blocks nobody knows, the cost of depth is that of the network which the code
    builds when depth alone is asked for.

    Raises:
        RefusedError: if a user's own code refuses to be one of the three networks that are counted.
        ValueError: if the networks are not of one family.
    """
    cost = count(base).macs
    depth = math.log2(count(deepened(base, arch)).macs / cost)
    resolution = math.log2(math.prod(arch.input_size) / math.prod(base.input_size))
    total = math.log2(count(arch).macs / cost)
    return Shape(depth=depth, width=total - depth - resolution, resolution=resolution)


def deepened(base: Arch, arch: Arch) -> Arch:
    """``base`` with as many blocks in each stage as ``arch`` has, its channels and pixels as they are.

    Raises:
        ValueError: if they are not of one family.
    """
    if isinstance(base, CodeSpec) and isinstance(arch, CodeSpec) and base.target == arch.target:
        return scale(base, Multipliers(depth=arch.depth / base.depth), Rounding())
    if (
        isinstance(base, ArchSpec)
        and isinstance(arch, ArchSpec)
        and [stage.block for stage in base.stages] == [stage.block for stage in arch.stages]
    ):
        return with_repeats(base, [stage.repeats for stage in arch.stages])
    raise ValueError(
        f"`arch` must be of the baseline's family, {base.name}: the same code, or stages of the same blocks, "
        f"got {arch.name}"
    )


def with_repeats(arch: ArchSpec, repeats: Sequence[int]) -> ArchSpec:
    """The network with so many blocks in each stage."""
    stages = zip(arch.stages, repeats, strict=True)
    return replace(arch, stages=tuple(replace(stage, repeats=number) for stage, number in stages))
