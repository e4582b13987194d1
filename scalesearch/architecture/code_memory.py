"""How many bytes a pass of any module holds at most: every tensor followed from where it is made to its end.

On torch's meta device this costs no memory: a tensor there has a size and a lifetime, but no data.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["TensorFollower", "forward_peak", "step_peak"]


class TensorFollower(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no hints here
    """Adds up the bytes of the tensors that are alive and were made within it.

    It sees what torch's operations give, not what a kernel takes for itself while it runs: the same on every
    processor, device and version of a library.

    Attributes:
        live: bytes of what is alive now.
        peak: the most that ``live`` has been since the follower was made; may be set back to ``live``.
    """

    def __init__(self, known: Iterable[torch.Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.live = self.peak = 0
        self._ends: dict[int, weakref.ref[torch.UntypedStorage] | None] = {
            _place(tensor.untyped_storage()): None for tensor in known
        }

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self._see(tensor.untyped_storage())
        return made

    def _see(self, storage: torch.UntypedStorage) -> None:
        place, size = _place(storage), storage.nbytes()
        if place in self._ends:
            return

        def end(_reference: object) -> None:
            self._ends.pop(place, None)
            self.live -= size

        self._ends[place] = weakref.ref(storage, end)
        self.live += size
        self.peak = max(self.peak, self.live)


def _place(storage: torch.UntypedStorage) -> int:
    # Storages without data have no address of their own; this is the object's.
    return int(storage._cdata)


def forward_peak(network: nn.Module, images: torch.Tensor) -> int:
    """Bytes of the images and of the tensors alive at once in a forward pass in eval mode, weights aside."""
    network.eval()
    with torch.no_grad(), TensorFollower(_held(network, images)) as follower:
        network(images)
    peak: int = images.nbytes + follower.peak
    return peak


def step_peak(network: nn.Module, images: torch.Tensor) -> int:
    """Bytes of images, saved tensors and gradients alive at once in a step of training, weights aside.

    The step is forward and backward; the last step's gradients are freed between the two, as ``proxy.train``
    does.
    """
    network.train()
    network.zero_grad()
    labels = torch.zeros(len(images), dtype=torch.long, device=images.device)
    with TensorFollower([*_held(network, images), labels]) as follower:
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
        loss = nn.functional.cross_entropy(network(images), labels)
        network.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no hints here
    network.zero_grad()
    peak: int = images.nbytes + follower.peak
    return peak


def _held(network: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    return [*network.parameters(), *network.buffers(), images]
