"""What a network costs: multiply-adds, parameters and memory, exactly, and where they go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from math import prod
from types import MappingProxyType
from typing import NamedTuple, assert_never

from scalesearch.networks.layers import (
    Block,
    Conv,
    Layer,
    LayerNorm,
    LayerScale,
    Linear,
    MaxPool,
    Pool,
    Size,
    SqueezeExcite,
    lower,
    runs,
)
from scalesearch.networks.spec import (
    FLOAT32_BYTES,
    STATES_PER_PARAM,
    Activation,
    Arch,
    ArchSpec,
    BlockKind,
    CodeSpec,
    Cost,
    StageSpec,
)

# ----------------------------------------------------------------------------------------------------
# What a network costs, in closed form from its lowered layers: no tensor is made.
#
# One multiply-add counts as 1 (the paper's and fvcore's "FLOPs"). Costs are for one image.

_Counts = tuple[int, int, int, int, int, int, int]
"""(params, macs, activations, norm elements, pool elements, layers, layer norm elements)"""


def count(arch: Arch) -> Cost:
    """The cost of ``arch`` for one image of its own resolution.

    A user's own code is built on torch's meta device and counted there.

    Raises:
        ValueError: if that code can't be built or run.
    """
    if isinstance(arch, CodeSpec):
        from scalesearch.networks.user_network import count_code  # it can only be counted with torch

        return count_code(arch)
    return _count_table(arch)


# A search for a budget, and the plan that it is for, ask for the same networks again and again.
@lru_cache(maxsize=4096)
def _count_table(arch: ArchSpec) -> Cost:
    return _cost(
        (run.layers if run.shortcut is None else (*run.layers, run.shortcut), run.times) for run in runs(arch)
    )


def block_count(arch: Arch) -> int:
    """Blocks over all stages; of a user's own code, whose blocks nobody knows, its layers."""
    return count(arch).layers if isinstance(arch, CodeSpec) else arch.blocks


def count_blocks(blocks: Iterable[Block]) -> Cost:
    """The cost of lowered blocks for one image: of a whole network, or of a part of it."""
    return _cost((block.every, 1) for block in blocks)


def layer_cost(layer: Layer) -> Cost:
    """The cost of one layer by itself."""
    return _cost([((layer,), 1)])


def macs_of(layers: Iterable[Layer]) -> int:
    """The multiply-adds of layers for one image."""
    return sum(_layer_cost(layer)[1] for layer in layers)


def _cost(parts: Iterable[tuple[tuple[Layer, ...], int]]) -> Cost:
    """The cost of layers, each tuple of them so many times."""
    params = macs = activations = norm_elements = pool_elements = built = layer_norm_elements = 0
    for layers, times in parts:
        for layer in layers:
            own = _layer_cost(layer)
            params += times * own[0]
            macs += times * own[1]
            activations += times * own[2]
            norm_elements += times * own[3]
            pool_elements += times * own[4]
            built += times * own[5]
            layer_norm_elements += times * own[6]
    return Cost(
        params=params,
        macs=macs,
        activations=activations,
        norm_elements=norm_elements,
        pool_elements=pool_elements,
        layers=built,
        layer_norm_elements=layer_norm_elements,
    )


def _layer_cost(layer: Layer) -> _Counts:
    match layer:
        case Conv():
            weights = layer.kernel_size**2 * layer.in_channels // layer.groups * layer.out_channels
            pixels = prod(layer.out_size)
            out = layer.out_channels * pixels
            params = weights + (layer.bias + 2 * (layer.norm is not None)) * layer.out_channels
            batch, each = out * (layer.norm == "batch"), out * (layer.norm == "layer")
            return params, weights * pixels, out, batch, 0, 1, each
        case LayerNorm():
            return 2 * layer.channels, 0, 0, 0, 0, 0, layer.channels * prod(layer.size)
        case LayerScale():
            return layer.channels, 0, 0, 0, 0, 0, 0
        case SqueezeExcite():
            weights = 2 * layer.channels * layer.squeezed
            outputs = layer.channels + layer.squeezed
            biases = outputs if layer.bias else layer.channels
            return weights + biases, weights, outputs, 0, layer.channels * prod(layer.size), 1, 0
        case MaxPool():
            return 0, 0, 0, 0, 0, 1, 0
        case Pool():
            return 0, 0, 0, 0, layer.channels * prod(layer.size), 1, 0
        case Linear():
            weights = layer.in_features * layer.out_features
            return weights + layer.out_features, weights, layer.out_features, 0, 0, 1, 0
        case _:
            assert_never(layer)


# ----------------------------------------------------------------------------------------------------
# A network as the table of a paper: a row for the stem, each stage and the head, with what it costs.

_OPERATORS: Mapping[BlockKind, str] = MappingProxyType(
    {
        "mbconv": "MBConv{}",
        "fused_mbconv": "Fused-MBConv{}",
        "separable": "Separable",
        "bottleneck": "Bottleneck/{}",
        "basic": "Basic",
        "conv": "Conv",
        "convnext": "ConvNeXt{}",
    }
)


ACTIVATION_NAMES: Mapping[Activation, str] = MappingProxyType(
    {"silu": "SiLU", "relu": "ReLU", "relu6": "ReLU6", "hard_swish": "hard-swish", "gelu": "GELU"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a network's table.

    Attributes:
        name: ``stem``, ``stage1`` and so on, ``head``.
        operator: as the papers write it, such as ``MBConv6, k5x5, SE``.
        input_size: (height, width) of what it reads, in pixels.
        stride: of all of it.
        channels: that it gives; of the head those that are pooled.
        repeats: blocks, or 1.
        params: trainable parameters.
        macs: multiply-adds for one image.
        activations: elements of the outputs of convolutions and linear layers for one image.
        scaled: what a multiplier does to a stage: ``depth^1.5 x width``; empty in stem and head.
    """

    name: str
    operator: str
    input_size: Size
    stride: int
    channels: int
    repeats: int
    params: int
    macs: int
    activations: int
    scaled: str = ""


def rows(arch: ArchSpec) -> tuple[Row, ...]:
    """The rows of ``arch``; their costs add up to those of the whole network."""
    stages = {f"stage{number}": stage for number, stage in enumerate(arch.stages, start=1)}
    found = []
    for name, group in groupby(lower(arch), key=lambda block: block.row):
        blocks = tuple(group)
        stage = stages.get(name)
        first = blocks[0].layers[0]
        cost = count_blocks(blocks)
        stem = arch.stem_stride * (2 if arch.stem_pool else 1)
        found.append(
            Row(
                name=name,
                operator=_operator(arch, name, stage),
                input_size=first.in_size if isinstance(first, Conv | MaxPool) else _map(first),
                stride=stem if name == "stem" else 1 if stage is None else stage.stride,
                channels=_channels(arch, name, stage),
                repeats=1 if stage is None else stage.repeats,
                params=cost.params,
                macs=cost.macs,
                activations=cost.activations,
                scaled="" if stage is None else _scaled(stage),
            )
        )
    return tuple(found)


def _scaled(stage: StageSpec) -> str:
    """How multipliers work on a stage: ``depth^1.5 x width``."""
    parts = {"depth": stage.depth_power, "width": stage.width_power}
    return (
        " x ".join(name if power == 1 else f"{name}^{power:g}" for name, power in parts.items() if power)
        or "fixed"
    )


def _map(layer: object) -> Size:
    assert isinstance(layer, Pool | SqueezeExcite | LayerNorm)  # no block begins with a classifier
    return layer.size


def _channels(arch: ArchSpec, name: str, stage: StageSpec | None) -> int:
    if stage is not None:
        return stage.channels
    if name == "stem":
        return arch.stem_channels
    return arch.head_channels or arch.stages[-1].channels


def _kernel(side: int) -> str:
    return f"k{side}x{side}"


def _operator(arch: ArchSpec, name: str, stage: StageSpec | None) -> str:
    if stage is not None:
        return _block(stage, arch)
    return _stem(arch) if name == "stem" else _head(arch)


def _stem(arch: ArchSpec) -> str:
    pool = " & max pool" if arch.stem_pool else ""
    return f"Conv, {_kernel(arch.stem_kernel_size)}{_bias(arch)}{pool}"


def _head(arch: ArchSpec) -> str:
    before = f"Conv1x1{_bias(arch)} & " if arch.head_channels else ""
    after = f"Conv1x1 to {arch.features} & " if arch.features else ""
    return f"{before}Pooling & {after}FC"


def _bias(arch: ArchSpec) -> str:
    return "" if arch.conv_bias == "none" else ", bias"


def _block(stage: StageSpec, arch: ArchSpec) -> str:
    parts = [_OPERATORS[stage.block].format(stage.expand_ratio)]
    if stage.start_kernel_size:
        parts.append(f"{_kernel(stage.start_kernel_size)} start")
    if stage.kernel_size:
        parts.append(_kernel(stage.kernel_size))
    if stage.groups > 1:
        parts.append(f"{stage.groups} groups")
    if stage.group_width:
        parts.append(f"groups of {stage.group_width}")
    said = stage.expand_kernel_size > 1 if stage.expand_ratio > 1 else stage.expand_always
    if said:  # where it is another than MBConv's own
        parts.append(f"{_kernel(stage.expand_kernel_size)} expansion")
    if stage.squeezed or stage.squeeze_ratio:
        fixed = f" {stage.squeezed}" if stage.squeezed else ""
        dense = " (fully connected)" if arch.squeeze_form == "dense" else ""
        parts.append(f"SE{fixed}{' softmax' if arch.gate == 'softmax' else ''}{dense}")
    if stage.activation:
        parts.append(ACTIVATION_NAMES[stage.activation])
    if not stage.residual:
        parts.append("no sum")
    return ", ".join(parts) + _bias(arch)


# ----------------------------------------------------------------------------------------------------
# One network, many counts: what each tool or paper means by its FLOPs, side by side.
#
# Every value is for one image, in closed form from the network's lowered layers.

PROFILER_NORM = 6
"""Operations that TensorFlow's registry gives batch norm in training, unfused: mean 1, squared difference 2,
its mean 1, scale 1, shift 1 (tensorflow/python/profiler/internal/flops_registry.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """One way to count: ``value`` operations for one image, what it ``says``, and ``who`` counts so."""

    name: str
    value: int
    says: str
    who: str


def ledger(arch: Arch) -> tuple[Convention, ...]:
    """The cost of ``arch`` by each convention, the plain multiply-adds first.

    Of a user's own code only what counts operators is known: biases and the place of its pools are not.
    """
    cost = count(arch)
    return (*_plain(cost), *(() if isinstance(arch, CodeSpec) else _detailed(arch, cost)))


def nearest(conventions: tuple[Convention, ...], figure: float) -> Convention:
    """The convention whose value is nearest to ``figure``, by ratio."""

    def distance(convention: Convention) -> float:
        low, high = sorted((convention.value, figure))
        return high / low

    return min(conventions, key=distance)


def _plain(cost: Cost) -> Iterator[Convention]:
    yield Convention(
        name="MACs",
        value=cost.macs,
        says="multiply-adds of convolutions and linear layers",
        who="the paper's FLOPS, fvcore's conv + linear, torchvision's GFLOPS",
    )
    yield Convention(
        name="2 x MACs",
        value=2 * cost.macs,
        says="a multiplication and an addition are two",
        who="torch's FlopCounterMode",
    )


def _detailed(arch: ArchSpec, cost: Cost) -> Iterator[Convention]:
    layers = [layer for block in lower(arch) for layer in block.every]
    last = max(index for index, layer in enumerate(layers) if isinstance(layer, Pool))
    norm = cost.macs + cost.norm_operations
    yield Convention(
        name="MACs + biases",
        value=cost.macs + sum(map(_bias_additions, layers)),
        says="MACs, and 1 for each output of a layer that has a bias",
        who="to compare with",
    )
    yield Convention(
        name="MACs + batch norm",
        value=norm,
        says="MACs, and 2 for each element that batch norm reads (5 where it is layer norm)",
        who="fvcore, but for its pools",
    )
    yield Convention(
        name="timm's gmacs",
        value=norm + layer_cost(layers[last]).pool_elements,
        says="the same, and 1 for each element that the last pool reads; inside the gates pools are means, "
        "which count nothing",
        who="timm's benchmark.py: fvcore on timm's own networks",
    )
    yield Convention(
        name="fvcore's total",
        value=cost.fvcore_total,
        says="MACs + batch norm, and 1 for each element that any adaptive pool reads",
        who="fvcore's FlopCountAnalysis on the network as built here, in eval mode",
    )
    yield Convention(
        name="TensorFlow's, halved",
        value=cost.macs + PROFILER_NORM // 2 * cost.norm_elements,
        says="half of all: 2 for each multiply-add, 6 for each element of batch norm in training; the "
        "profiler's other operators are left out here",
        who="the authors' utilities: half of what tf.profiler counts (google/automl, efficientdet/utils.py)",
    )


def _bias_additions(layer: Layer) -> int:
    """Additions of biases: one for each output that has a bias."""
    match layer:
        case Conv():
            return layer.out_channels * prod(layer.out_size) * layer.bias
        case SqueezeExcite():
            return layer.channels + layer.squeezed * layer.bias
        case Linear():
            return layer.out_features
        case Pool() | MaxPool() | LayerNorm() | LayerScale():
            return 0
        case _:
            assert_never(layer)


# ----------------------------------------------------------------------------------------------------
# How many bytes a network takes while it is trained or run, in closed form from its lowered layers.
#
# A step of training is walked through as autograd takes it. Its forward pass saves what the backward pass
# will read: of a convolution with batch norm and SiLU that is all three outputs, since the convolution's
# feeds the gradient of batch norm, batch norm's that of SiLU, and SiLU's that of the next layer's weights
# (nothing is done in place). ReLU's gradient reads what ReLU wrote: batch norm's output isn't kept then.
# The backward pass frees them from the head down, while each operation holds the gradient that it reads
# beside the one that it writes. So the bytes go up and down, and the peak is what has to fit.
#
# Everything is float32, and a statement about tensors, so that it holds on every machine. Left out, since
# they depend on a library or a processor rather than on the network: the workspaces of cuDNN and oneDNN
# (im2col buffers, reordered weights, the channels that the gradients of depthwise convolutions are padded
# with, 8 or 16 to a vector: beside a network of a few hundred kB these may be as much again, and where wide
# plain 3x3 convolutions meet maps of a few pixels, as in a ResNet at 64 px, a fifth); what an allocator
# rounds up to or keeps in reserve; the CUDA context, Python and torch themselves; and what a training loop
# may hold beside the step: an averaged copy of the weights, the next batch. ``hardware.memory``
# measures both: what the tensors take, and what is allocated in all.


class _Walk(NamedTuple):
    """A stretch of a pass: the highest that live memory gets and where it ends, both from its start."""

    peak: int = 0
    net: int = 0

    def then(self, other: _Walk) -> _Walk:
        """Both stretches in a row."""
        return _Walk(max(self.peak, self.net + other.peak), self.net + other.net)

    def holding(self, extra: int) -> _Walk:
        """The same stretch with ``extra`` more held from its start to its end."""
        return _Walk(self.peak + extra, self.net)


def training_bytes(arch: Arch, batch_size: int, *, optimizer: str = "adamw") -> int:
    """Bytes at the peak of one step of training in float32, at the network's own resolution.

    The step is one of many: optimizer states are there, and the last step's gradients are freed between the
    forward and the backward pass, as training does.

    Args:
        arch: the network.
        batch_size: images in the step.
        optimizer: one of ``STATES_PER_PARAM``.

    Raises:
        ValueError: if the batch size is below 1 or the optimizer unknown.
    """
    _require_batch(batch_size)
    if optimizer not in STATES_PER_PARAM:
        raise ValueError(f"`optimizer` must be one of {', '.join(STATES_PER_PARAM)}, got {optimizer!r}")
    if isinstance(arch, CodeSpec):
        from scalesearch.networks.user_network import code_training_bytes  # only torch can tell

        return code_training_bytes(arch, batch_size, optimizer=optimizer)
    return _training_bytes(arch, batch_size, STATES_PER_PARAM[optimizer])


@lru_cache(maxsize=4096)
def _training_bytes(arch: ArchSpec, batch_size: int, states_per_param: int) -> int:
    blocks = list(lower(arch))
    backward = _Walk()
    walked: tuple[tuple[Layer, ...], bool] | None = None
    # The images are the caller's: the stem's convolution frees what it writes in their stead.
    reads_relu = [False, *map(_ends_in_relu, blocks)]
    for block, kept in zip(reversed(blocks), reversed(reads_relu[:-1]), strict=True):
        # Repeats of a stage share one tuple of layers: it needs walking only once.
        if walked is None or walked[0] is not block.layers or walked[1] != kept:
            walked = (block.layers, kept)
            walk = _block_backward(block, batch_size, kept)
        backward = backward.then(walk)
    weights = count_blocks(blocks).params
    images = batch_size * arch.in_channels * prod(arch.input_size)
    # The backward pass begins with all that was saved and ends with the gradients and the images.
    saved = weights + images - backward.net
    # Last in the forward pass, the last map is pooled, and not kept but for ReLU.
    (position,) = (i for i, layer in enumerate(blocks[-1].layers) if isinstance(layer, Pool))
    before = blocks[-1].layers[position - 1] if position else None
    own = _is_relu(before) if before is not None else reads_relu[-2]
    pooled = 0 if own else batch_size * _input(blocks[-1].layers[position])
    forward_peak = saved + weights + pooled
    states = weights * (1 + states_per_param) + _statistics(blocks)
    return FLOAT32_BYTES * (states + max(forward_peak, saved + backward.peak))


def inference_bytes(arch: Arch, batch_size: int) -> int:
    """Bytes of the weights and of the most activations alive at once in a forward pass without gradients.

    Args:
        arch: the network, in float32 and eval mode, at its own resolution.
        batch_size: images in the pass.

    Raises:
        ValueError: if the batch size is below 1.
    """
    _require_batch(batch_size)
    if isinstance(arch, CodeSpec):
        from scalesearch.networks.user_network import code_inference_bytes  # only torch can tell

        return code_inference_bytes(arch, batch_size)
    blocks = list(lower(arch))
    images = arch.in_channels * prod(arch.input_size)
    # The caller holds the images throughout; they are what the first block holds as its input.
    stem, *others = map(_forward_live, blocks)
    live = max(stem, images + max(others))
    return FLOAT32_BYTES * (count_blocks(blocks).params + _statistics(blocks) + batch_size * live)


def _require_batch(batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be >= 1, got {batch_size}")


def _statistics(blocks: list[Block]) -> int:
    """Running means and variances of all batch norms."""
    return sum(
        2 * layer.out_channels
        for b in blocks
        for layer in b.every
        if isinstance(layer, Conv) and layer.norm == "batch"
    )


def _output(layer: Layer) -> int:
    """Elements of a layer's output for one image."""
    match layer:
        case Conv():
            return layer.out_channels * prod(layer.out_size)
        case MaxPool():
            return layer.channels * prod(layer.out_size)
        case SqueezeExcite() | LayerNorm() | LayerScale():
            return layer.channels * prod(layer.size)
        case Pool():
            return layer.channels
        case Linear():
            return layer.out_features
        case _:
            assert_never(layer)


def _ends_in_relu(block: Block) -> bool:
    """Whether what a block gives is the output of a ReLU, which keeps it for its own gradient."""
    if block.residual:
        return block.activation == "relu"
    return _is_relu(block.layers[-1])


def _is_relu(layer: Layer) -> bool:
    return isinstance(layer, Conv) and layer.activation == "relu"


def _forward_live(block: Block) -> int:
    """The most elements alive at once, for one image, while a block is run without gradients."""
    held = _input(block.layers[0])
    waiting = 0 if block.shortcut is None else _output(block.shortcut)
    # The shortcut is run first: its convolution's output, and batch norm's.
    most = held + 2 * waiting
    for layer in block.layers:
        # The block's input and its shortcut's output wait for the end of the block, the layer's own input for
        # the end of the layer, in which batch norm and the activation each write a new tensor.
        before = held + waiting if layer is block.layers[0] else held + waiting + _input(layer)
        most = max(most, before + _made(layer) * _output(layer))
    return most


def _made(layer: Layer) -> int:
    """Tensors as large as its output that a layer makes at once, the output included."""
    if isinstance(layer, MaxPool):
        return 3  # a maximum is found with its place, a number twice as long
    # Batch norm makes another, and so does the activation where there is none.
    return 2 if isinstance(layer, Conv) and (layer.norm or layer.activation is not None) else 1


def _input(layer: Layer) -> int:
    """Elements of a layer's input for one image."""
    match layer:
        case Conv():
            return layer.in_channels * prod(layer.in_size)
        case MaxPool():
            return layer.channels * prod(layer.in_size)
        case SqueezeExcite() | Pool() | LayerNorm() | LayerScale():
            return layer.channels * prod(layer.size)
        case Linear():
            return layer.in_features
        case _:
            assert_never(layer)


def _block_backward(block: Block, batch: int, kept: bool) -> _Walk:
    """A block's way back, from its output's gradient to its input's; ``kept`` as in :func:`_backward`."""
    out = batch * _output(block.layers[-1])
    body = _Walk()
    for position in range(len(block.layers) - 1, -1, -1):
        # A shortcut reads the block's input too, and is the last to do so.
        own = _is_relu(block.layers[position - 1]) if position else kept or block.shortcut is not None
        body = body.then(_backward(block.layers[position], batch, own))
    if not block.residual:
        return body
    # As after a convolution: a gradient is written, the one read and the tensor saved are freed.
    activation = _Walk(out, -out) if block.activation is not None else _Walk()
    # The gradient of a sum goes both ways: one way waits while the block is walked back.
    walk = activation.then(body.holding(out))
    if block.shortcut is None:
        return walk
    # Then the other way is walked, while the first one's result waits to be added to.
    inputs = batch * _input(block.shortcut)
    other = _backward(block.shortcut, batch, kept)
    return walk.then(_Walk(out + other.peak, out + other.net - inputs))


def _backward(layer: Layer, batch: int, kept: bool) -> _Walk:
    """A layer's way back, in elements, from its output's gradient to its input's, which takes its place.

    The layer that reads a tensor frees it: a layer's input is freed here, its output was freed before. But
    where the input is ``kept``, by the ReLU that wrote it or by another reader, that one frees it.
    """
    out = batch * _output(layer)
    inputs = batch * _input(layer)
    freed = 0 if kept else inputs
    weights = layer_cost(layer).params
    match layer:
        case Conv():
            # Of batch norm: gradients take the place of saved statistics.
            vectors = 2 * layer.out_channels if layer.norm else 0
            weights -= vectors
            # The activation and batch norm each write a gradient, then free the one they read and the tensor
            # saved: ReLU its own output, the others their input.
            norm = _Walk(out + vectors, -out) if layer.norm else _Walk()
            activation = _Walk(out, -out) if layer.activation is not None else _Walk()
            # The convolution writes its input's gradient and its weights', then frees the one it read.
            convolution = _Walk(inputs + weights, inputs + weights - out - freed)
            return activation.then(norm).then(convolution)
        case LayerNorm():
            # The mean and the spread of each pixel were saved.
            vectors = 2 * layer.channels
            return _Walk(inputs + vectors, vectors - freed - 2 * batch * prod(layer.size))
        case LayerScale():
            # The gradients of both factors, the channels' before it is summed over the maps.
            return _Walk(2 * out, weights - freed)
        case MaxPool():
            # It saves where each maximum was, in numbers twice as long.
            return _Walk(inputs, inputs - 3 * out - freed)
        case SqueezeExcite():
            # The pooled map, the gate, and both sides of the activation between (ReLU keeps one).
            squeezed = 1 if layer.activation == "relu" else 2
            pooled = batch * (2 * layer.channels + squeezed * layer.squeezed)
            # The gradients of both factors, the gate's before it is summed over the map; then the gradient
            # of the pooled input spread over the map again, added to the first factor's.
            product = _Walk(2 * out, -freed)
            gate = _Walk(out + weights, weights - pooled)
            return product.then(gate)
        case Pool():
            return _Walk(inputs, inputs - out)
        case Linear():
            # Dropout saves its mask.
            return _Walk(2 * inputs + weights, weights - out - inputs)
        case _:
            assert_never(layer)
