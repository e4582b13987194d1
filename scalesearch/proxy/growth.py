"""A trained network's tensors made those of a larger one that gives the same outputs (Net2Net, 1511.05641).

Outputs are the same in evaluation mode, in exact arithmetic and without ``noise``; in training mode too, but
for stages deepened without sums (MobileNetV1's): batch norm's own statistics of the batch then stand in for
those that make a new block the identity, which are only worked out, for activations that are normal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from scalesearch.architecture.growth import Copies, Part, growth
from scalesearch.architecture.layers import Conv, LayerScale, SqueezeExcite
from scalesearch.architecture.spec import Arch, ArchSpec
from scalesearch.export.state import State, layer_prefix

__all__ = ["grow"]

NOISE = 0.02
"""What repeated channels are changed by, relative to each weight: exact copies would learn alike for good."""


def grow(
    state: State,
    arch: Arch,
    *,
    fresh: Mapping[str, torch.Tensor],
    seed: int = 0,
    noise: float = NOISE,
) -> dict[str, torch.Tensor]:
    """The tensors of ``arch`` with which it begins as the network of ``state``.

    Args:
        state: a smaller network, or the same, with its weights.
        arch: the network to begin. Its input may have any size, its classifier is a fresh one where it has
            other classes.
        fresh: tensors of ``arch`` as an untrained network has them.
        seed: of the choice of channels, and of the noise.
        noise: standard deviation of the factors, around 1, on the weights that make a repeated channel.

    Returns:
        By the names that ``build(arch)`` has for them, in their order.

    Raises:
        ValueError: if the one can't be grown from the other; the message says what is not well defined.
    """
    parts = growth(state.arch, arch, seed=seed)
    if not (isinstance(state.arch, ArchSpec) and isinstance(arch, ArchSpec)):
        # The same network of a user's own code, all else was refused; its classifier may be another.
        other = {n: t for n, t in fresh.items() if n in state.tensors and state.tensors[n].shape != t.shape}
        return dict(state.tensors) | other
    before, now = state.arch.norm_eps, arch.norm_eps
    generator = torch.Generator().manual_seed(seed)
    grown = {name: tensor.detach().clone() for name, tensor in fresh.items()}
    last: Part | None = None
    for part in parts:
        here = layer_prefix(part.block, part.index)
        if part.origin == "copied":
            for name in [name for name in grown if name.startswith(here)]:
                value = state.tensors.get(name)
                if value is not None:  # some files leave out how many batches were counted
                    grown[name] = _copied(part, name.removeprefix(here), value, generator, noise)
            if isinstance(part.layer, Conv) and part.layer.norm == "batch":
                _keep_scale(grown, f"{here}1.", before, now)
        elif part.origin == "zeroed":
            grown[f"{here}{'weight' if isinstance(part.layer, LayerScale) else '1.weight'}"].zero_()
        elif part.origin == "identity":
            assert last is not None  # a stage begins with a block that is copied
            _pass_on(grown, here, f"{layer_prefix(last.block, last.index)}1.", now)
        if part.origin == "copied" and isinstance(part.layer, Conv):
            last = part
    return grown


def _copied(
    part: Part, name: str, value: torch.Tensor, generator: torch.Generator, noise: float
) -> torch.Tensor:
    """One tensor of a copied layer, its channels repeated, its inputs shared out among the repeated ones."""
    if value.ndim == 0:
        return value.clone()
    rows, columns, groups, alone = part.gives, part.reads, 1, False
    if isinstance(part.layer, SqueezeExcite):
        assert part.squeezed is not None  # every one has them
        inward = name.startswith("reduce.")
        rows, columns = (part.squeezed, part.reads) if inward else (part.gives, part.squeezed)
    elif isinstance(part.layer, Conv):
        groups = part.layer.groups
        # Channels that go their own way, or in groups that are repeated whole.
        alone = groups > 1 and value.ndim > 1 and part.layer.group_width == value.shape[1]
    out = value[list(rows.of)]
    if value.ndim == 1:
        return out
    if groups == 1 or not alone:
        out = _shared_out(out, columns, groups)
    _stir(out, rows, generator, noise)
    return out


def _shared_out(weight: torch.Tensor, reads: Copies, groups: int) -> torch.Tensor:
    """A kernel over repeated inputs: each weight in equal parts on all copies of the channel it was for."""
    width = len(reads.of) // groups
    here = torch.tensor(reads.of).reshape(groups, width)
    first = torch.arange(groups)[:, None] * (reads.old // groups)
    group_of = torch.arange(len(weight)) // (len(weight) // groups)
    shares = torch.tensor(reads.counts, dtype=weight.dtype)[here]
    trailing = (1,) * (weight.ndim - 2)
    index = (here - first)[group_of].reshape(len(weight), width, *trailing)
    chosen = weight.gather(1, index.expand(-1, -1, *weight.shape[2:]))
    return chosen / shares[group_of].reshape(len(weight), width, *trailing)


def _stir(weight: torch.Tensor, rows: Copies, generator: torch.Generator, noise: float) -> None:
    """Changes what makes each repeated channel a little, in place."""
    repeated = list(rows.repeated)
    if repeated and noise:
        drawn = torch.randn(weight[repeated].shape, generator=generator, dtype=torch.float32)
        weight[repeated] *= 1 + noise * drawn.to(weight.dtype)


def _keep_scale(tensors: dict[str, torch.Tensor], norm: str, before: float, now: float) -> None:
    """Has a batch norm with another epsilon give what it gave."""
    if before != now:
        variance = tensors[f"{norm}running_var"]
        tensors[f"{norm}weight"] = tensors[f"{norm}weight"] * ((variance + now) / (variance + before)).sqrt()


def _pass_on(tensors: dict[str, torch.Tensor], here: str, before: str, eps: float) -> None:
    """Makes a convolution, its batch norm and its ReLU the identity for what a batch norm and a ReLU left.

    The batch norm takes for statistics what a ReLU leaves of a normal distribution with the scale and shift
    of the batch norm before it, and undoes them.
    """
    kernel = tensors[f"{here}0.weight"]
    torch.nn.init.dirac_(kernel, groups=kernel.shape[0] // kernel.shape[1] if kernel.shape[1] == 1 else 1)
    if (bias := tensors.get(f"{here}0.bias")) is not None:
        bias.zero_()
    scale, shift = tensors[f"{before}weight"].abs(), tensors[f"{before}bias"]
    z = shift / scale.clamp_min(torch.finfo(scale.dtype).tiny)
    above, density = torch.special.ndtr(z), torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    mean = shift * above + scale * density
    variance = (
        (shift.square() + scale.square()) * above + shift * scale * density - mean.square()
    ).clamp_min(0)
    tensors[f"{here}1.running_mean"] = mean
    tensors[f"{here}1.running_var"] = variance
    tensors[f"{here}1.weight"] = (variance + eps).sqrt()
    tensors[f"{here}1.bias"] = mean.clone()
