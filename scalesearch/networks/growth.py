"""A larger network that starts as the smaller one does: which layers grow, and how."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal

from scalesearch.networks.layers import (
    Block,
    Conv,
    Layer,
    LayerNorm,
    LayerScale,
    Linear,
    SqueezeExcite,
    lower,
)
from scalesearch.networks.spec import Arch, CodeSpec

# ----------------------------------------------------------------------------------------------------
# What one network can't be grown from another for: the refusals of ``growth``, each with its reason.

Origin = Literal["copied", "fresh", "zeroed", "identity"]
# What growth may change of a layer; all else has to stay.
SIZES = frozenset(
    {
        *("in_channels", "out_channels", "groups", "in_size", "size", "channels", "squeezed"),
        *("in_features", "out_features", "dropout", "start"),
    }
)
# Activations that leave their own outputs as they are.
IDEMPOTENT = ("relu", "relu6")


class CannotGrowError(Exception):
    """Why one network can't begin as another."""


def require_the_stages(old: Mapping[str, Block], new: Mapping[str, Block]) -> None:
    """Refuses another number of stages, or fewer blocks in one."""

    def repeats(blocks: Mapping[str, Block]) -> Counter[str]:
        return Counter(block.row for block in blocks.values())

    there, here = repeats(old), repeats(new)
    if there.keys() != here.keys():
        raise CannotGrowError(f"it has {len(here) - 2} stages, and {len(there) - 2} there")
    for stage, count in here.items():
        if count < there[stage]:
            raise CannotGrowError(f"{stage} has {_blocks(count)}, fewer than the {there[stage]} there")


def _blocks(count: int) -> str:
    return f"{count} block{'s' * (count != 1)}"


def require_alike(old: Block, new: Block) -> None:
    """Refuses a block whose layers do something else, whatever their sizes."""
    if (old.residual, old.shortcut is None) != (new.residual, new.shortcut is None):
        raise CannotGrowError(
            f"{new.name} {_sum_of(new)}, and {_sum_of(old)} there, as their channels are rounded"
        )
    if old.activation != new.activation or len(old.every) != len(new.every):
        raise CannotGrowError(f"{new.name} is made of other layers there")
    for there, layer in zip(old.every, new.every, strict=True):
        if type(there) is not type(layer):
            raise CannotGrowError(f"{new.name} is made of other layers there")
        for field in fields(layer):
            mine, its = getattr(layer, field.name), getattr(there, field.name)
            if field.name not in SIZES and mine != its:
                raise CannotGrowError(
                    f"a layer of {new.name} has {field.name.replace('_', ' ')} {mine}, and {its} there"
                )


def _sum_of(block: Block) -> str:
    if not block.residual:
        return "adds nothing to its output"
    return "adds its input to its output" if block.shortcut is None else "has a shortcut"


def zeroed_origins(block: Block) -> list[Origin]:
    """Where the layers of a new block with a sum come from: its last norm, or its factors, begin at zero.

    Raises:
        CannotGrowError: if the block would not be the identity then, or stay it for good.
    """
    if isinstance(block.layers[-1], LayerScale):
        return ["zeroed" if layer is block.layers[-1] else "fresh" for layer in block.layers]
    convs = [i for i, layer in enumerate(block.layers) if isinstance(layer, Conv)]
    last = block.layers[convs[-1]]
    assert isinstance(last, Conv)
    if last.norm is None:
        raise CannotGrowError(f"{block.name} would be new and can't be the identity: no norm ends its branch")
    if block.activation not in (None, *IDEMPOTENT):
        raise CannotGrowError(
            f"{block.name} would be new and can't be the identity: {block.activation} follows its sum"
        )
    if last.activation in IDEMPOTENT:
        # No gradient comes through a ReLU of zeros: the block would stay what it is for good.
        raise CannotGrowError(
            f"{block.name} would be new and could not learn from zero: {last.activation} ends its branch"
        )
    return ["zeroed" if index == convs[-1] else "fresh" for index in range(len(block.layers))]


def require_passing(block: Block) -> None:
    """Refuses a new block without a sum whose convolutions can't pass on what a ReLU left."""

    def passes(layer: Layer) -> bool:
        return (
            isinstance(layer, Conv)
            and layer.activation in IDEMPOTENT
            and layer.stride == 1
            and layer.in_channels == layer.out_channels
        )

    if not all(passes(layer) for layer in block.layers):
        raise CannotGrowError(
            f"{block.name} would be new and can't be the identity: it adds nothing to its output"
        )


# ----------------------------------------------------------------------------------------------------
# Growing a trained network (Net2Net, arXiv 1511.05641): which old channel and block each new one comes
# from.
#
# A wider layer repeats the channels it had, and whoever reads them divides by how often each is there; a
# deeper stage ends in blocks that begin as the identity. All of it is read off the lowered layers, so that
# a new kind of block needs nothing here; the tensors follow in ``training/loop.py``.


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """New channels as copies of old ones: ``of[i]`` is the old channel that the new channel ``i`` repeats.

    ``old`` is how many there were; each of them is there at least once.
    """

    of: tuple[int, ...]
    old: int

    @property
    def counts(self) -> tuple[int, ...]:
        """How often each old channel is there now."""
        found = Counter(self.of)
        return tuple(found[channel] for channel in range(self.old))

    @property
    def repeated(self) -> tuple[int, ...]:
        """The new channels whose old one has come before."""
        seen: set[int] = set()
        repeated = []
        for new, old in enumerate(self.of):
            if old in seen:
                repeated.append(new)
            seen.add(old)
        return tuple(repeated)

    @property
    def plain(self) -> bool:
        """Whether the channels are what they were."""
        return self.of == tuple(range(self.old))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A layer of the new network that has parameters, and where they come from.

    Attributes:
        block: its block; one of that name is in both networks where it is ``copied``.
        index: its place among the block's layers; None for the shortcut.
        layer: itself.
        origin: ``copied`` from the old network's layer of that place; ``fresh``: as an untrained network has
            it; ``zeroed``: fresh, but its batch norm gives zeros; ``identity``: it gives what it reads.
        reads: the channels of its input.
        gives: those of its output.
        squeezed: those inside squeeze-and-excite.
    """

    block: Block
    index: int | None
    layer: Conv | LayerNorm | LayerScale | SqueezeExcite | Linear
    origin: Origin
    reads: Copies
    gives: Copies
    squeezed: Copies | None = None


def growth(old: Arch, new: Arch, *, seed: int = 0) -> tuple[Part, ...]:
    """Every layer with parameters of ``new``, from input to output, with what it takes over from ``old``.

    Which channels are repeated follows from ``seed``; the first ones are the old ones, in each group of a
    grouped convolution. A change of the input's size changes no layer; where the number of classes changes,
    the classifier is a fresh one.

    Raises:
        ValueError: if ``new`` can't begin as the same function: where it is narrower or shallower, made of
            other layers, deeper where a block can't be the identity, or a user's own code.
    """
    try:
        return _parts(old, new, seed)
    except CannotGrowError as error:
        raise ValueError(
            f"`start` must be a network that {new.name} can be grown from, got {old.name}: {error}"
        ) from None


def why_not(old: Arch, new: Arch) -> str:
    """Why ``new`` can't be grown from ``old``; empty where it can."""
    try:
        _parts(old, new, 0)
    except CannotGrowError as error:
        return str(error)
    return ""


def _parts(old: Arch, new: Arch, seed: int) -> tuple[Part, ...]:
    if isinstance(old, CodeSpec) or isinstance(new, CodeSpec):
        if _same_code(old, new):
            return ()
        raise CannotGrowError(
            "growth isn't defined for code of your own, whose layers only it knows, but to the same network"
        )
    return tuple(_Growth(seed).parts(tuple(lower(old)), tuple(lower(new))))


def _same_code(old: Arch, new: Arch) -> bool:
    """Whether both are one network of a user's own code, whatever its classes and the size of its input."""
    if not (isinstance(old, CodeSpec) and isinstance(new, CodeSpec)):
        return False
    told = (old.target, old.shape, old.in_channels)
    return bool(old.shape) and told == (new.target, new.shape, new.in_channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """How channels are repeated: within each of ``groups``, or ``together`` ones as a whole."""

    groups: int = 1
    together: int = 1


class _Growth:
    """One walk through both networks side by side."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def parts(self, old: tuple[Block, ...], new: tuple[Block, ...]) -> Iterator[Part]:
        before = {block.name: block for block in old}
        require_the_stages(before, {block.name: block for block in new})
        first = next(layer for layer in new[0].layers if isinstance(layer, Conv))
        there = next(layer for layer in old[0].layers if isinstance(layer, Conv))
        if first.in_channels != there.in_channels:
            raise CannotGrowError(
                f"its input has {first.in_channels} channels, and {there.in_channels} there"
            )
        stream = _same(first.in_channels)
        for block in new:
            source = before.get(block.name)
            if source is None:
                yield from _new_block(block, stream)
            else:
                parts = list(self._block(source, block, stream))
                yield from parts
                stream = next((p.gives for p in reversed(parts) if p.index is not None), stream)

    def _block(self, old: Block, new: Block, stream: Copies) -> Iterator[Part]:
        require_alike(old, new)
        added = new.residual and new.shortcut is None
        convs = [i for i, layer in enumerate(new.layers) if isinstance(layer, Conv) and not layer.depthwise]
        # Whatever is added up has to have its channels in one order.
        target = stream if added else None
        reads = stream
        for index, (there, layer) in enumerate(zip(old.layers, new.layers, strict=True)):
            where = f"{new.name}, layer {index + 1}"
            if isinstance(layer, Conv) and isinstance(there, Conv):
                last = bool(convs) and index == convs[-1]
                unit = _unit(old, new, index)
                gives = self._conv(there, layer, reads, unit, target if last else None, where)
                if last:
                    target = gives
                _require_plain(gives, layer, where)
                yield Part(block=new, index=index, layer=layer, origin="copied", reads=reads, gives=gives)
                reads = gives
            elif isinstance(layer, SqueezeExcite) and isinstance(there, SqueezeExcite):
                squeezed = self._copies(there.squeezed, layer.squeezed, f"{where}, inside")
                if layer.gate == "softmax" and not reads.plain:
                    raise CannotGrowError(
                        f"the softmax gate of {new.name} shares 1 out among its channels, so that repeated "
                        "ones would each get less"
                    )
                yield Part(
                    block=new,
                    index=index,
                    layer=layer,
                    origin="copied",
                    reads=reads,
                    gives=reads,
                    squeezed=squeezed,
                )
            elif isinstance(layer, LayerNorm | LayerScale):
                _require_plain(reads, layer, where)
                yield Part(block=new, index=index, layer=layer, origin="copied", reads=reads, gives=reads)
            elif isinstance(layer, Linear) and isinstance(there, Linear):
                same = layer.out_features == there.out_features
                yield Part(
                    block=new,
                    index=index,
                    layer=layer,
                    origin="copied" if same else "fresh",
                    reads=reads,
                    gives=_same(layer.out_features),
                )
        if new.shortcut is not None:
            assert old.shortcut is not None  # they are alike
            gives = self._conv(old.shortcut, new.shortcut, stream, _Unit(), target, f"{new.name}, shortcut")
            yield Part(block=new, index=None, layer=new.shortcut, origin="copied", reads=stream, gives=gives)

    def _conv(
        self, old: Conv, new: Conv, reads: Copies, unit: _Unit, target: Copies | None, where: str
    ) -> Copies:
        """The channels that it gives."""
        if new.depthwise and old.depthwise:
            return reads
        if old.groups != new.groups:
            if new.group_width != old.group_width or new.in_channels != new.out_channels:
                raise CannotGrowError(f"{where} has {new.groups} groups, and {old.groups} there")
            return reads  # whole groups are repeated, and each goes its own way
        if target is not None:
            return target
        unit = replace(unit, groups=max(new.groups, unit.groups))
        return self._copies(old.out_channels, new.out_channels, where, unit)

    def _copies(self, old: int, new: int, where: str, unit: _Unit | None = None) -> Copies:
        """The old channels, then repeated ones in a random order, none a second time before all others."""
        groups, together = (1, 1) if unit is None else (unit.groups, unit.together)
        if new < old:
            raise CannotGrowError(f"{where} has {new} channels, fewer than the {old} there")
        draw = random.Random(f"{self._seed}/{where}")
        before, after = old // together // groups, new // together // groups
        of: list[int] = []
        for group in range(groups):
            channels = list(range(group * before, (group + 1) * before))
            own = list(channels)
            while len(own) < after:
                own += draw.sample(channels, before)
            of += own[:after]
        return Copies(of=tuple(u * together + i for u in of for i in range(together)), old=old)


def _same(channels: int) -> Copies:
    return Copies(of=tuple(range(channels)), old=channels)


def _require_plain(channels: Copies, layer: Layer, where: str) -> None:
    """Refuses repeated channels where layer norm takes its mean over all of them."""
    normed = isinstance(layer, LayerNorm) or (isinstance(layer, Conv) and layer.norm == "layer")
    if normed and not channels.plain:
        raise CannotGrowError(
            f"{where} ends in layer norm, whose mean over the channels repeated ones would shift: such a "
            "network can be grown in depth and resolution alone"
        )


def _unit(old: Block, new: Block, index: int) -> _Unit:
    """How the channels that a layer gives are repeated, for the sake of the convolution that reads them."""
    if index + 1 == len(new.layers):
        return _Unit()
    there, following = old.layers[index + 1], new.layers[index + 1]
    if not (isinstance(there, Conv) and isinstance(following, Conv)) or following.depthwise:
        return _Unit()
    if there.groups != following.groups and there.group_width == following.group_width:
        return _Unit(together=following.group_width)
    return _Unit(groups=following.groups)


def _new_block(block: Block, stream: Copies) -> Iterator[Part]:
    """A block at the end of a stage that begins as the identity.

    With a sum the last batch norm begins at zero. Without one, convolutions that each end in a ReLU can pass
    on what a ReLU left.

    Raises:
        CannotGrowError: if it can't be the identity.
    """
    if block.residual:
        origins = zeroed_origins(block)
    else:
        require_passing(block)
        origins = ["identity"] * len(block.layers)
    for index, (layer, origin) in enumerate(zip(block.layers, origins, strict=True)):
        if isinstance(layer, Conv | LayerNorm | LayerScale | SqueezeExcite):
            yield Part(block=block, index=index, layer=layer, origin=origin, reads=stream, gives=stream)
