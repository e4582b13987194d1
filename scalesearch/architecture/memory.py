"""How many bytes a network takes while it is trained or run, in closed form from its lowered layers.

A step of training is walked through as autograd takes it. Its forward pass saves what the backward pass will
read: of a convolution with batch norm and SiLU that is all three outputs, since the convolution's feeds the
gradient of batch norm, batch norm's that of SiLU, and SiLU's that of the next layer's weights (nothing is
done in place). ReLU's gradient reads what ReLU wrote: batch norm's output isn't kept then. The backward pass
frees them from the head down, while each operation holds the gradient that it reads beside the one that it
writes. So the bytes go up and down, and the peak is what has to fit.

Everything is float32, and a statement about tensors, so that it holds on every machine. Left out, since they
depend on a library or a processor rather than on the network: the workspaces of cuDNN and oneDNN (im2col
buffers, reordered weights, the channels that the gradients of depthwise convolutions are padded with, 8 or 16
to a vector: beside a network of a few hundred kB these may be as much again, and where wide plain 3x3
convolutions meet maps of a few pixels, as in a ResNet at 64 px, a fifth); what an allocator rounds up to or
keeps in reserve; the CUDA context, Python and torch themselves; and what a training loop may hold beside the
step: an averaged copy of the weights, the next batch. ``measure.memory`` measures both: what the tensors
take, and what is allocated in all.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import NamedTuple, assert_never

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.cost import count_blocks, layer_cost
from scalesearch.architecture.cost_values import FLOAT32_BYTES, STATES_PER_PARAM
from scalesearch.architecture.layers import (
    Block,
    Conv,
    Layer,
    LayerNorm,
    LayerScale,
    Linear,
    MaxPool,
    Pool,
    SqueezeExcite,
    lower,
)
from scalesearch.architecture.spec import Arch, ArchSpec

__all__ = ["inference_bytes", "training_bytes"]


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
    forward and the backward pass, as ``proxy.train`` does.

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
        from scalesearch.architecture.code_network import code_training_bytes  # only torch can tell

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
        from scalesearch.architecture.code_network import code_inference_bytes  # only torch can tell

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
