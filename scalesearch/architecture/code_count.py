"""What one pass of any module costs, read from what torch runs: modules and functions cost alike.

A layer is a convolution, a pool, or a matrix product with an operand that is a weight: a tensor that the
network holds, or that is computed from such tensors alone, as a normalised kernel is. Linear layers are such
products, and attention's projections, and both products of a recurrent cell. Products of two things that
follow from the images, such as attention's queries with its keys, cost multiply-adds and are no layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

__all__ = ["pass_counts"]

ATEN = torch.ops.aten
CONVOLUTIONS = frozenset({ATEN.convolution, ATEN._convolution, ATEN.cudnn_convolution})
PRODUCTS: Mapping[Any, tuple[int, ...]] = MappingProxyType(
    {
        **dict.fromkeys((ATEN.mm, ATEN.bmm, ATEN.mv, ATEN.dot), (0, 1)),
        **dict.fromkeys((ATEN.addmm, ATEN.baddbmm, ATEN.addmv), (1, 2)),
        ATEN._trilinear: (1,),
    }
)
"""Matrix products, and where among their arguments the operands stand of which one has to be a weight."""
FORMULAS: Mapping[Any, Callable[..., int]] = MappingProxyType(
    {
        ATEN.mv: lambda matrix, _vector, **_: 2 * matrix.numel(),
        ATEN.dot: lambda vector, _other, **_: 2 * vector.numel(),
        ATEN.addmv: lambda _added, matrix, _vector, **_: 2 * matrix.numel(),
        # As nn.Bilinear asks for it: two vectors for each image, and a matrix for each output.
        ATEN._trilinear: lambda left, weight, *_, **_named: 2 * left.shape[0] * weight.numel(),
    }
)
"""Operations of products that torch's own counter has no formula for."""

NORMS = frozenset({"batch_norm", "layer_norm", "group_norm", "rms_norm"})
ADAPTIVE = frozenset({"adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"})
POOLS = ADAPTIVE | {
    f"{kind}_pool{dimensions}d{with_places}"
    for kind in ("avg", "max", "adaptive_max")
    for dimensions in (1, 2, 3)
    for with_places in ("", "_with_indices")
}
RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
# What they give has the shape of what they are given, and no multiply-add is counted: yet norms without data
# take torch as long as all else together.
SAME_SHAPE = frozenset({"batch_norm", "layer_norm", "group_norm", "gelu", "silu", "relu"})


class _Functions(TorchFunctionMode):
    """Counts the norms, pools and recurrent layers among the functions that are called.

    Attributes:
        norm_elements: that norms read.
        pool_elements: that adaptive average pools read.
        layers: pools, and the weight matrices of recurrent layers.
        recurring: whether a recurrent layer is being run: how many products that takes depends on the device.
    """

    def __init__(self, *, without_data: bool) -> None:
        super().__init__()
        self.norm_elements = self.pool_elements = self.layers = 0
        self.recurring = False
        self._without_data = without_data

    def __torch_function__(
        self,
        func: Any,
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in NORMS | POOLS:
            given = args[0] if args else kwargs["input"]
            self.norm_elements += given.numel() if name in NORMS else 0
            self.pool_elements += given.numel() if name in ADAPTIVE else 0
            self.layers += name in POOLS
        if name in SAME_SHAPE and args and self._without_data and isinstance(args[0], torch.Tensor):
            return args[0]
        if name not in RECURRENT:
            return func(*args, **kwargs)
        weights = next(argument for argument in reversed(args) if isinstance(argument, list))
        self.layers += sum(weight.ndim > 1 for weight in weights)
        self.recurring = True
        try:
            return func(*args, **kwargs)
        finally:
            self.recurring = False


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no hints here
    """Adds up the operations of all that has a formula, and what layers give; a multiply-add is two.

    torch's ``FlopCounterMode`` reads the same formulas; it follows modules too, which takes twice as long.
    """

    def __init__(self, weights: Iterable[torch.Tensor], functions: _Functions) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.total = self.activations = self.layers = 0
        self._functions = functions
        # By what they lie in, which views share. Kept alive: another tensor's might else lie where one did.
        self._weights = {_place(weight): weight for weight in weights}

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        made = func(*args, **kwargs)
        operation = func.overloadpacket
        if (formula := FORMULAS.get(operation)) is not None:
            self.total += formula(*args, **kwargs)
        elif (counted := flop_registry.get(operation)) is not None:
            self.total += counted(*args, **kwargs, out_val=made)
        operands = [args[place] for place in PRODUCTS.get(operation, ())]
        if operation in CONVOLUTIONS or any(_place(operand) in self._weights for operand in operands):
            self.activations += made.numel()
            self.layers += not self._functions.recurring
        self._follow((args, kwargs), made)
        return made

    def _follow(self, given: object, made: object) -> None:
        """What is made of weights alone is a weight."""
        read = [leaf for leaf in tree_leaves(given) if isinstance(leaf, torch.Tensor)]
        if read and all(_place(tensor) in self._weights for tensor in read):
            self._weights |= {
                _place(leaf): leaf for leaf in tree_leaves(made) if isinstance(leaf, torch.Tensor)
            }


def _place(tensor: torch.Tensor) -> int:
    # Storages without data have no address of their own; this is the object's.
    return int(tensor.untyped_storage()._cdata)


@contextmanager
def _plain_kernels() -> Iterator[None]:
    """Attention and recurrent layers by their matrix products, on every device.

    Of a CPU's fused kernels torch has no formulas.
    """
    fast, onednn = torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn
    torch.backends.mha.set_fastpath_enabled(False)
    before = onednn.set_flags(False, _fp32_precision=None)  # type: ignore[no-untyped-call]  # as above
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        onednn.set_flags(before[0], _fp32_precision=None)  # type: ignore[no-untyped-call]  # as above
        torch.backends.mha.set_fastpath_enabled(fast)


def pass_counts(network: nn.Module, images: torch.Tensor) -> tuple[Any, dict[str, int]]:
    """What a network gives for ``images`` without gradients, and what that takes.

    Returns:
        Its output; and by the names of ``Cost``, of modules and functions alike: ``macs`` of all convolutions
        and matrix products; ``activations``, elements that convolutions and products with weights give;
        ``norm_elements`` that batch, layer, group and RMS norms read; ``pool_elements`` that adaptive average
        pools read; ``layers``: convolutions, products with weights and pools, each as often as it is run,
        but a recurrent layer's products once for the whole sequence.
    """
    functions = _Functions(without_data=images.is_meta)  # where there is data, it may be read
    operations = _Operations([*network.parameters(), *network.buffers()], functions)
    with torch.no_grad(), _plain_kernels(), functions, operations:
        output = network(images)
    return output, {
        "macs": operations.total // 2,
        "activations": operations.activations,
        "norm_elements": functions.norm_elements,
        "pool_elements": functions.pool_elements,
        "layers": operations.layers + functions.layers,
    }
