"""A network as a module of torch, built from its plain layers."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from itertools import product
from types import MappingProxyType
from typing import Any, assert_never

import torch
from torch import nn
from torch.nn.grad import conv2d_input

from scalesearch.networks.generators import generators_kept
from scalesearch.networks.layers import (
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
from scalesearch.networks.spec import Activation, Arch, ArchSpec, CodeSpec, Gate

# ----------------------------------------------------------------------------------------------------
# A spec as a PyTorch module, built from the same lowered layers that the counter reads.

# Side of the largest output map for which summing a depthwise gradient by taps is quicker.
MOST_BY_TAPS = 4

# Channels that oneDNN's 1x1 kernels take at once, at most (AVX-512).
ONEDNN_BLOCK = 16


class _DepthwiseByTaps(torch.autograd.Function):
    """Depthwise convolution whose weight gradient is summed up one kernel tap at a time."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, stride: int) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        padding = weight.shape[-1] // 2
        return nn.functional.conv2d(x, weight, None, stride, padding, groups=x.shape[1])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        # Under autocast the convolution ran in the gradient's dtype; what was saved may be float32.
        x, weight = (saved.to(grad.dtype) for saved in ctx.saved_tensors)
        stride, kernel = ctx.stride, weight.shape[-1]
        x_grad = conv2d_input(  # type: ignore[no-untyped-call]  # torch has no hints here
            x.shape, weight, grad, stride, kernel // 2, groups=x.shape[1]
        )
        weight_grad = torch.zeros_like(weight)
        rows = _meetings(kernel, stride, x.shape[2], grad.shape[2])
        columns = _meetings(kernel, stride, x.shape[3], grad.shape[3])
        for (i, x_rows, rows_out), (j, x_columns, columns_out) in product(rows, columns):
            met = x[:, :, x_rows, x_columns] * grad[:, :, rows_out, columns_out]
            weight_grad[:, 0, i, j] = met.sum((0, 2, 3))
        return x_grad, weight_grad, None


def _meetings(kernel: int, stride: int, size: int, out_size: int) -> list[tuple[int, slice, slice]]:
    """Along one axis: each tap that meets the input, where it meets it, and for which outputs."""
    found = []
    for tap in range(kernel):
        shift = tap - kernel // 2
        first = max(0, -(shift // stride))
        last = min(out_size - 1, (size - 1 - shift) // stride)
        if first <= last:
            inputs = slice(first * stride + shift, last * stride + shift + 1, stride)
            found.append((tap, inputs, slice(first, last + 1)))
    return found


def _is_trained(convolution: nn.Conv2d, x: torch.Tensor) -> bool:
    """Whether a gradient of the weights may follow this very pass, on a CPU.

    What evaluates, traces or exports a network, or counts its operations, meets plain convolutions alone.
    """
    return (
        x.is_cpu
        and convolution.weight.requires_grad
        and torch.is_grad_enabled()
        and not torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]  # torch has no hints here
        and not torch.compiler.is_exporting()
    )


class _SmallDepthwise(nn.Conv2d):
    """Depthwise convolution for maps of a few pixels, quick to train on a CPU.

    oneDNN's own kernel for the weight gradient of a depthwise convolution serves neither 5x5 kernels nor maps
    smaller than the kernel; what it uses instead pads each channel to a group of 16.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and _is_trained(self, x):
            out: torch.Tensor = _DepthwiseByTaps.apply(x, self.weight, self.stride[0])
            return out if self.bias is None else out + self.bias[:, None, None]
        return super().forward(x)


class _Pointwise(nn.Conv2d):
    """1x1 convolution, quick and safe to train on a CPU.

    As the product of matrices that it is, it is faster than as oneDNN's convolution, forward and back. With a
    stride, over few channels that are last in memory, oneDNN's gradient of the weights writes past its
    workspace (its issue 6035): wrong gradients, or a crash. There the pixels that the stride leaves out are
    left out before the convolution, which is the same.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if _is_trained(self, x):
            rows, columns = self.stride
            if self.training and rows == columns == self.groups == 1:
                pixels = nn.functional.linear(x.movedim(1, -1), self.weight.flatten(1), self.bias)
                return pixels.movedim(-1, 1)
            # Also in eval mode, where a gradient can be asked for all the same.
            if self.in_channels < ONEDNN_BLOCK and rows * columns > 1:
                kept = x[:, :, ::rows, ::columns]
                return nn.functional.conv2d(kept, self.weight, self.bias, groups=self.groups)
        return super().forward(x)


def _convolution(layer: Conv) -> type[nn.Conv2d]:
    if layer.kernel_size == 1:
        return _Pointwise
    unserved = layer.kernel_size > 3 or min(layer.in_size) < layer.kernel_size
    small = layer.depthwise and max(layer.out_size) <= MOST_BY_TAPS and unserved
    return _SmallDepthwise if small else nn.Conv2d


# Not in place: autograd would copy the input first, since the gradient needs it.
ACTIVATIONS: Mapping[Activation, type[nn.Module]] = MappingProxyType(
    {"silu": nn.SiLU, "relu": nn.ReLU, "relu6": nn.ReLU6, "hard_swish": nn.Hardswish, "gelu": nn.GELU}
)


class _LayerNorm(nn.LayerNorm):
    """Layer norm over the channels of each pixel of a map (batch, channels, height, width)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _LayerScale(nn.Module):
    """A learned factor of each channel (arXiv 2103.17239)."""

    def __init__(self, layer: LayerScale) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((layer.channels,), layer.start))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight[:, None, None]


GATES: Mapping[Gate, Callable[[torch.Tensor], torch.Tensor]] = MappingProxyType(
    {
        "sigmoid": torch.sigmoid,
        "softmax": partial(torch.softmax, dim=1),
        "hard_sigmoid": nn.functional.hardsigmoid,
    }
)


class _SqueezeExcite(nn.Module):
    """Channel gate of squeeze-and-excitation (arXiv 1709.01507)."""

    def __init__(self, layer: SqueezeExcite) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = _one_by_one(layer, layer.channels, layer.squeezed, bias=layer.bias)
        self.activation = ACTIVATIONS[layer.activation]()
        self.expand = _one_by_one(layer, layer.squeezed, layer.channels)
        self.gate = GATES[layer.gate]
        self.dense = layer.form == "dense"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = self.pool(x)
        weights = self.gate(
            self.expand(self.activation(self.reduce(pooled.flatten(1) if self.dense else pooled)))
        )
        return x * (weights[:, :, None, None] if self.dense else weights)


def _one_by_one(layer: SqueezeExcite, channels: int, out_channels: int, *, bias: bool = True) -> nn.Module:
    if layer.form == "dense":
        return nn.Linear(channels, out_channels, bias=bias)
    return _Pointwise(channels, out_channels, 1, bias=bias)


def _stochastic_depth(p: float) -> nn.Module:
    from torchvision.ops import StochasticDepth  # loading torchvision takes seconds

    module: nn.Module = StochasticDepth(p, "row")
    return module


class _Residual(nn.Module):
    """``x + body(x)``, with the body dropped for a random part of the samples in training.

    ResNet's sums may take ``x`` through a shortcut, and have an activation after them.
    """

    def __init__(
        self, body: nn.Module, drop_path: float, shortcut: nn.Module | None, activation: nn.Module | None
    ) -> None:
        super().__init__()
        self.body = body
        self.drop_path = _stochastic_depth(drop_path) if drop_path > 0 else nn.Identity()
        self.shortcut = shortcut
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = x if self.shortcut is None else self.shortcut(x)
        out: torch.Tensor = kept + self.drop_path(self.body(x))
        return out if self.activation is None else self.activation(out)


def _module(layer: Layer, arch: ArchSpec) -> nn.Module:
    match layer:
        case Conv():
            parts: list[nn.Module] = [
                _convolution(layer)(
                    layer.in_channels,
                    layer.out_channels,
                    layer.kernel_size,
                    stride=layer.stride,
                    padding=layer.padding,
                    groups=layer.groups,
                    bias=layer.bias,
                ),
            ]
            if layer.norm == "batch":
                parts.append(
                    nn.BatchNorm2d(layer.out_channels, eps=arch.norm_eps, momentum=arch.norm_momentum)
                )
            elif layer.norm == "layer":
                parts.append(_LayerNorm(layer.out_channels, eps=arch.norm_eps))
            if layer.activation is not None:
                parts.append(ACTIVATIONS[layer.activation]())
            return nn.Sequential(*parts)
        case LayerNorm():
            return _LayerNorm(layer.channels, eps=arch.norm_eps)
        case LayerScale():
            return _LayerScale(layer)
        case MaxPool():
            return nn.MaxPool2d(3, stride=2, padding=1)
        case SqueezeExcite():
            return _SqueezeExcite(layer)
        case Pool():
            pool = nn.AdaptiveAvgPool2d(1)
            return pool if layer.as_map else nn.Sequential(pool, nn.Flatten(1))
        case Linear():
            classifier = {
                "0": nn.Dropout(layer.dropout),
                "1": nn.Linear(layer.in_features, layer.out_features),
            }
            # By names, so that the tensors of every classifier are called alike.
            flat = {"flatten": nn.Flatten(1)} if layer.of_map else {}
            return nn.Sequential(OrderedDict(flat | classifier))
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
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, _SqueezeExcite) and module.dense:
        # They stand for 1x1 convolutions, and start like those.
        for layer in module.children():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, math.sqrt(2.0 / layer.out_features))


def _initialise_evenly(module: nn.Module) -> None:
    """ConvNeXt's initial values: one spread for all weights, as layer norm evens out what they give."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _block(block: Block, arch: ArchSpec) -> nn.Module:
    body = nn.Sequential(*(_module(layer, arch) for layer in block.layers))
    if not block.residual:
        if block.drop_path > 0:
            body.append(_stochastic_depth(block.drop_path))
        return body
    shortcut = None if block.shortcut is None else _module(block.shortcut, arch)
    activation = None if block.activation is None else ACTIVATIONS[block.activation]()
    return _Residual(body, block.drop_path, shortcut, activation)


def build(arch: Arch) -> nn.Module:
    """The network of ``arch``: float images (batch, in_channels, height, width) to logits (batch, classes).

    Any size works, ``arch.input_size`` is the one it was made for. Weights are drawn from torch's global
    generator: seed it for a reproducible start. A user's own code starts as it does itself.

    Raises:
        ValueError: if a user's own code can't be built, or builds another network than when it was planned.
    """
    if isinstance(arch, CodeSpec):
        from scalesearch.networks.user_network import build_code, require_same_network  # load slowly

        require_same_network(arch)
        return build_code(arch)
    network = nn.Sequential(OrderedDict((b.name, _block(b, arch)) for b in lower(arch)))
    network.apply(_initialise if arch.norm == "batch" else _initialise_evenly)
    return network


def zero_init_residual(network: nn.Module) -> None:
    """Starts every residual branch of a built network at zero (arXiv 1706.02677, section 5.1).

    The last norm of a branch, or the factors after it, get a scale of 0, so that the block begins as the
    identity.
    """
    for module in network.modules():
        if isinstance(module, _Residual):
            scales = (nn.BatchNorm2d, _LayerNorm, _LayerScale)
            last = [m for m in module.body.modules() if isinstance(m, scales)][-1]
            nn.init.zeros_(last.weight)


# ----------------------------------------------------------------------------------------------------
# Which memory layout a network is run in: channels last, unless the device or a user's code won't do in it.
#
# Convolutions run faster there, but some code does not: ``x.view(len(x), -1)`` raises on maps laid out so.
# On Apple's MPS batch norm's gradient is wrong there (torch's issue 175189): all is contiguous on it.

FAST, PLAIN = torch.channels_last, torch.contiguous_format
TRIED_BATCH = 2
"""Images that a layout is tried with first: the fewest that batch norm can be trained on."""
TOLERANCE = 1e-3
"""How far logits may differ between layouts, as a share of the largest: sums are taken in another order."""


def lay_out(network: nn.Module, device: torch.device, layout: torch.memory_format) -> nn.Module:
    """Moves a network to a device and its weights to a layout; a plain one leaves them as they are."""
    if layout == PLAIN:
        return network.to(device)
    network.to(device=device, memory_format=layout)  # type: ignore[call-overload]  # torch's hints lack it
    return network


def training_layout(arch: Arch, batch_size: int, device: torch.device) -> torch.memory_format:
    """The layout that a network is trained in on a device.

    Raises:
        ValueError: if it is a user's own code that can't be trained on batches of ``batch_size``.
    """
    if not arch.code:
        return PLAIN if device.type == "mps" else FAST
    return _layout(replace(arch, name=""), batch_size, str(device), True)


def inference_layout(arch: Arch, batch_size: int, device: torch.device) -> torch.memory_format:
    """The layout that a network is run in without gradients on a device.

    Raises:
        ValueError: if it is a user's own code that can't be run on batches of ``batch_size``.
    """
    if not arch.code:
        return PLAIN if device.type == "mps" else FAST
    return _layout(replace(arch, name=""), batch_size, str(device), False)


def runs_channels_last(arch: Arch) -> bool:
    """Whether a network runs channels last on a CPU, or nobody can tell, as it runs in no layout."""
    try:
        return inference_layout(arch, TRIED_BATCH, torch.device("cpu")) == FAST
    except ValueError:
        return True


@lru_cache(maxsize=4096)
def _layout(spec: CodeSpec, batch_size: int, device: str, training: bool) -> torch.memory_format:
    """The fast layout where the network gives in it what it gives in the plain one."""
    on = torch.device(device)
    layouts = (PLAIN, FAST) if on.type != "mps" and _stays_whole(spec, on) else (PLAIN,)
    logits: dict[torch.memory_format, torch.Tensor] = {}
    for images in dict.fromkeys((TRIED_BATCH, batch_size)):
        for layout in layouts:
            try:
                logits[layout] = _first_pass(spec, images, on, layout, training=training)
            except ValueError as error:
                failure = error
        if logits:
            break
    else:
        raise failure
    if FAST not in logits:
        return PLAIN
    if PLAIN not in logits:
        return FAST
    plain, fast = logits[PLAIN], logits[FAST]
    alike = torch.allclose(plain, fast, rtol=0, atol=TOLERANCE * float(plain.abs().max()), equal_nan=True)
    return FAST if alike or not plain.isfinite().all() else PLAIN


def _first_pass(
    spec: CodeSpec, images: int, device: torch.device, layout: torch.memory_format, *, training: bool
) -> torch.Tensor:
    """The logits, in evaluation, of a network with seeded weights for so many random images.

    In ``training`` a pass forward and backward in training mode comes after.

    Raises:
        ValueError: if it raises, gives no logits, or the loss depends on no parameter.
    """
    from scalesearch.networks.user_network import build_code, require_logits, running  # loads slowly

    with generators_kept(device):
        torch.manual_seed(0)
        network = lay_out(build_code(spec), device, layout)
    with running(spec, device, "that can be trained on" if training else "that takes"):
        torch.manual_seed(0)
        batch = torch.randn(images, spec.in_channels, *spec.input_size).to(memory_format=layout)
        with torch.no_grad():
            logits = network.eval()(batch)
    require_logits(spec, logits, images, "")
    if training:
        with running(spec, device, "that can be trained on"):
            trained = network.train()(batch)
        require_logits(spec, trained, images, " in training")
        if not trained.requires_grad:
            raise ValueError(
                f"`baseline` must build a network that can be trained, got {spec.target}, in which the "
                "logits depend on no trainable parameter (all are frozen, or cut off by no_grad or detach)"
            )
        with running(spec, device, "that can be trained on"):
            labels = torch.zeros(images, dtype=torch.long)
            nn.functional.cross_entropy(trained, labels).backward()  # type: ignore[no-untyped-call]  # torch has no hints here
    given: torch.Tensor = logits.float().cpu()
    return given


def _stays_whole(spec: CodeSpec, device: torch.device) -> bool:
    """Whether a network can be laid out anew at all: weights that share memory would be torn apart.

    On a CPU nor can strided 1x1 convolutions over few channels be trained so: oneDNN's gradient of their
    weights writes past its memory there (its issue 6035).
    """
    from scalesearch.networks.user_network import as_built, built  # loads slowly

    network = built(as_built(spec), torch.device("cpu"))
    tensors = {id(t): t for t in (*network.parameters(), *network.buffers()) if t.numel()}.values()
    if len({tensor.untyped_storage().data_ptr() for tensor in tensors}) < len(tensors):
        return False
    return device.type != "cpu" or not any(
        isinstance(module, nn.Conv2d)
        and set(module.kernel_size) == {1}
        and max(module.stride) > 1
        and module.in_channels < ONEDNN_BLOCK
        for module in network.modules()
    )
