"""What fvcore counts in a network: an independent witness to the closed form of ``networks.cost``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from scalesearch.networks.build import build
from scalesearch.networks.spec import Arch, without_drop_path


@dataclass(frozen=True, slots=True, kw_only=True)
class FlopCount:
    """fvcore's count for one image, with its default handlers and the network in eval mode.

    Attributes:
        total: all that fvcore counts. A multiply-add of a convolution or a linear layer is 1; batch norm is 2
            per element, adaptive average pooling 1 per input element.
        by_operator: ``total`` split by fvcore's operator names, such as ``conv`` and ``batch_norm``.
        uncounted: operators that fvcore has no handler for, and how often each was met.
    """

    total: int
    by_operator: Mapping[str, int]
    uncounted: Mapping[str, int]

    @property
    def conv_linear(self) -> int:
        """Multiply-adds of convolutions and linear layers: the measure of the paper's tables."""
        return self.by_operator.get("conv", 0) + self.by_operator.get("linear", 0)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One CPU thread within, the caller's number again afterwards.

    fvcore needs a single real forward pass. Where other work shares the cores, threads that wait for one
    another make that pass many times slower; alone on a machine they save a second or two at most.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet_jit() -> Iterator[None]:
    """Without torch's notices that ``torch.jit``, which fvcore imports and traces with, is deprecated."""
    with warnings.catch_warnings():
        for category in (FutureWarning, DeprecationWarning):
            warnings.filterwarnings("ignore", r"`torch\.jit\.", category)
        yield


class _NoRandomStart(TorchFunctionMode):
    """Leaves tensors as they are where torch.nn.init would fill them."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def _network(arch: Arch) -> nn.Module:
    """The network to count, in eval mode: blank, but for a user's own code, which may read its values."""
    if not arch.code:
        return _blank_network(arch)
    with torch.random.fork_rng(devices=[]):
        return build(arch).eval()


def _blank_network(arch: Arch) -> nn.Module:
    """The network with every value zero: a count depends on shapes alone, so no random start is drawn.

    Zeros rather than memory as found, in which subnormal numbers could slow the convolutions down. Nothing is
    dropped in eval mode, so the network is built without what would drop it.
    """
    with _NoRandomStart():
        network = build(without_drop_path(arch))
    for tensor in chain(network.parameters(), network.buffers()):
        tensor.zero_()
    return network.eval()


def fvcore_count(arch: Arch) -> FlopCount:
    """What fvcore's ``FlopCountAnalysis`` counts in ``arch`` for one image of its own resolution.

    Runs one forward pass on the CPU: about 3 s and 1.3 GB for EfficientNet-B7 at 600 px.
    """
    with _quiet_jit(), _one_thread(), torch.no_grad():
        from fvcore.nn import FlopCountAnalysis  # slow, and warns when imported

        images = torch.zeros(1, arch.in_channels, *arch.input_size)
        analysis = FlopCountAnalysis(_network(arch), images)
        # Each of these would be logged once more; `uncounted` reports what matters of them.
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        analysis.tracer_warnings("none")
        return FlopCount(
            total=analysis.total(),
            by_operator=dict(analysis.by_operator()),
            uncounted=dict(analysis.unsupported_ops()),
        )
