"""The moving average of a network's weights while it trains, as a network of its own that can be judged."""

from __future__ import annotations

import torch
from torch import nn

from scalesearch.architecture.network import build
from scalesearch.architecture.spec import Arch
from scalesearch.export.contents import contents_of, copied, put_back

__all__ = ["MovingAverage"]

Pairs = list[tuple[torch.Tensor, torch.Tensor]]


class MovingAverage:
    """A network whose weights and statistics follow those of another one of the same build.

    Attributes:
        network: the average; to be judged and stored, not trained.
    """

    def __init__(self, arch: Arch, model: nn.Module) -> None:
        """Begins as ``model``, which was built from ``arch``, where and as that lies in memory."""
        # Built anew, since not every module can be copied.
        with torch.random.fork_rng(devices=[]):
            self.network = build(arch).requires_grad_(False)
        put_back(contents_of(model), self.network, (arch.in_channels, *arch.input_size))
        self._averaged: Pairs = []
        self._taken_over: Pairs = []

    @torch.no_grad()
    def follow(self, model: nn.Module, share: torch.Tensor) -> None:
        """Has the average go that share (a scalar, where the weights are) of its way to the weights."""
        if not self._averaged:
            # Only now: a network may make buffers of its own when it first runs.
            self._pair_up(model)
        for mean, value in self._taken_over:
            mean.copy_(value)
        means, values = [mean for mean, _ in self._averaged], [value for _, value in self._averaged]
        if share.device.type == "cpu":
            torch._foreach_lerp_(means, values, share.item())
        else:  # in few kernels, and without asking the device what the share is
            way = torch._foreach_sub(values, means)
            torch._foreach_mul_(way, share)
            torch._foreach_add_(means, way)

    def take_extra_states(self, model: nn.Module) -> None:
        """Takes over what modules keep beside weights and buffers."""
        modules = dict(self.network.named_modules())
        for name, module in model.named_modules():
            if type(module).get_extra_state is not nn.Module.get_extra_state and name in modules:
                modules[name].set_extra_state(copied(module.get_extra_state()))

    def _pair_up(self, model: nn.Module) -> None:
        now = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        named = [*self.network.named_parameters(), *self.network.named_buffers()]
        pairs = [(mean, now[name].detach()) for name, mean in named if name in now]
        self._averaged = _apart([pair for pair in pairs if _is_continuous(pair[0])])
        # Whole numbers and flags have no average: an index would no longer be one.
        self._taken_over = [pair for pair in pairs if not _is_continuous(pair[0])]


def _is_continuous(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _apart(pairs: Pairs) -> Pairs:
    """The pairs whose first tensors share no memory with one another: the larger ones of those that do."""
    places: dict[int, list[tuple[int, int]]] = {}
    kept = []
    for mean, value in sorted(pairs, key=lambda pair: -pair[0].nbytes):
        taken = places.setdefault(mean.untyped_storage().data_ptr(), [])
        begin, end = mean.data_ptr(), mean.data_ptr() + mean.nbytes
        if all(end <= first or last <= begin for first, last in taken):
            taken.append((begin, end))
            kept.append((mean, value))
    return kept
