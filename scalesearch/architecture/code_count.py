"""What one pass of any module costs, read from what torch runs and from the modules that it goes through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

__all__ = ["pass_counts"]

WEIGHTED = (nn.modules.conv._ConvNd, nn.Linear, nn.Bilinear)
NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
ADAPTIVE = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
POOLS = (*ADAPTIVE, nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveMaxPool2d)


# What they give has the shape of what they are given, and no multiply-add is counted: yet norms without data
# take torch as long as all else together.
SAME_SHAPE = frozenset(
    {
        *(nn.functional.batch_norm, nn.functional.layer_norm, nn.functional.group_norm),
        *(nn.functional.gelu, nn.functional.silu, nn.functional.relu),
    }
)


class _WithoutNorms(TorchFunctionMode):
    """Hands on what norms and activations are given as what they give."""

    def __torch_function__(
        self,
        func: Any,
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        return args[0] if func in SAME_SHAPE and args else func(*args, **(kwargs or {}))


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no hints here
    """Adds up the operations of all that torch's own counter has a formula for; a multiply-add is two.

    torch's ``FlopCounterMode`` reads the same formulas; it follows modules too, which takes twice as long.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.total = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        made = func(*args, **kwargs)
        if (formula := flop_registry.get(func.overloadpacket)) is not None:
            self.total += formula(*args, **kwargs, out_val=made)
        return made


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Attention by its matrix products on every device: of a CPU's fused kernels torch has no formulas."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def pass_counts(network: nn.Module, images: torch.Tensor) -> tuple[Any, dict[str, int]]:
    """What a network gives for ``images`` without gradients, and what that takes.

    Returns:
        Its output; and by the names of ``Cost``: ``macs`` of every convolution and matrix product, in modules
        or not; of modules alone ``activations`` (convolutions and linear layers), ``norm_elements`` (batch,
        layer and group norms), ``pool_elements`` (adaptive average pools), ``layers`` (the first and pools).
    """
    counts = dict.fromkeys(("macs", "activations", "norm_elements", "pool_elements", "layers"), 0)

    def seen(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(module, NORMS):
            counts["norm_elements"] += output.numel()
            return
        counts["layers"] += 1
        if isinstance(module, WEIGHTED):
            counts["activations"] += output.numel()
        elif isinstance(module, ADAPTIVE):
            counts["pool_elements"] += inputs[0].numel()

    watched = [m for m in network.modules() if isinstance(m, (*WEIGHTED, *NORMS, *POOLS))]
    hooks = [module.register_forward_hook(seen) for module in watched]
    operations = _Operations()
    try:
        # Where there is data, it may be read.
        norms = _WithoutNorms() if images.is_meta else nullcontext()
        with torch.no_grad(), _plain_attention(), norms, operations:
            output = network(images)
    finally:
        for hook in hooks:
            hook.remove()
    return output, counts | {"macs": operations.total // 2}
