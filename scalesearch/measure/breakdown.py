"""Where the time of a forward pass goes, by kind of layer."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

import torch
from torch import nn

from scalesearch.architecture.network import ACTIVATIONS
from scalesearch.architecture.spec import Arch
from scalesearch.measure.device import device_kind
from scalesearch.measure.passes import module_pass, own_randomness, weights_and_images
from scalesearch.records.timing import Setup

__all__ = ["KINDS", "kind_seconds", "module_kind_seconds"]

KINDS = (
    "depthwise",
    "pointwise",
    "spatial",
    "squeeze-excite",
    "norm",
    "activation",
    "add",
    "linear",
    "other",
)
"""``spatial`` are convolutions over more than a pixel that are not depthwise, the stem's above all; ``add``
sums a block's input and output; ``other`` is pooling and what lies between the layers: calls, allocations."""

PASSES = 11
WARM_UP = 3
SQUEEZE_EXCITE, RESIDUAL = "_SqueezeExcite", "_Residual"


def kind_seconds(arch: Arch, setup: Setup, *, passes: int = PASSES) -> dict[str, float]:
    """Seconds that each kind of layer takes in one forward pass of a whole batch.

    See :func:`module_kind_seconds`. torch's generators are left as they were.

    Args:
        arch: the network, at its own resolution, with seeded weights and images.
        setup: inference, run eagerly; torch's threads are the caller's to set, as the workers do.
        passes: passes with and without the instrument; the median of each counts.

    Raises:
        ValueError: if the setup is another, or the device is not there.
    """
    if setup.mode != "inference" or setup.runtime != "eager":
        raise ValueError(
            "`setup` must be inference, eager, to tell layers apart, got "
            f"{setup.mode}, {setup.runtime}: other runtimes merge them"
        )
    with own_randomness(setup):
        network, images = weights_and_images(arch, setup)
    return module_kind_seconds(network, images, setup, passes=passes)


def module_kind_seconds(
    network: nn.Module, images: torch.Tensor, setup: Setup, *, passes: int = PASSES
) -> dict[str, float]:
    """As :func:`kind_seconds`, of a module whose layers are torch's own, or squeeze-excite and residuals.

    Hooks read the clock before and after every layer; on a GPU they record events, which are read when the
    pass is over, so that no layer waits for the one before. Looking costs time: a clock's reading or two
    microseconds within each layer's share, and several around it. Passes with and without hooks take
    turns, so that both see the same machine. What a pass without hooks takes beyond its layers is
    ``other``; should the layers with hooks take more than that, all are scaled down together. So the kinds
    always add up to the median pass without hooks.

    Args:
        network: the module; it is put into the setup's dtype, layout and device.
        images: (batch, channels, height, width).
        setup: how.
        passes: at least 1.

    Returns:
        Seconds by kind, all of ``KINDS``; their sum is the median of the passes without hooks.
    """
    if passes < 1:
        raise ValueError(f"`passes` must be >= 1, got {passes}")
    one = module_pass(network, images, setup)
    kinds = _layer_kinds(network)
    whole: list[float] = []
    shares: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with one.around():
        for _ in range(WARM_UP):
            one.run()
        one.wait()
        for _ in range(passes):
            started = time.perf_counter()
            one.run()
            one.wait()
            whole.append(time.perf_counter() - started)
            with _watched(kinds, _clock(setup.device)) as spans:
                one.run()
                one.wait()
            for kind, seconds in _by_kind(spans, kinds).items():
                shares[kind].append(seconds)
    total = median(whole)
    found = {kind: median(values) if values else 0.0 for kind, values in shares.items()}
    layers = sum(found.values())
    found = {kind: seconds * min(1.0, total / layers) for kind, seconds in found.items()}
    found["other"] += max(0.0, total - sum(found.values()))
    return found


Span = tuple[nn.Module, Callable[[], float]]
"""A layer and, once the pass is over, the seconds from before it to after it."""


def _layer_kinds(network: nn.Module) -> Mapping[nn.Module, str]:
    """The kind of each module that is timed as a whole; a residual is timed with its body inside it."""
    kinds: dict[nn.Module, str] = {}
    inside: set[nn.Module] = set()
    for module in network.modules():
        if module in inside:
            continue
        if type(module).__name__ == SQUEEZE_EXCITE:
            kinds[module] = "squeeze-excite"
            inside.update(module.modules())
        elif type(module).__name__ == RESIDUAL:
            kinds[module] = "add"
            kinds[module.get_submodule("body")] = "body"
            # A ResNet's: timed within the residual, and no part of the sum.
            if isinstance(shortcut := getattr(module, "shortcut", None), nn.Module):
                kinds[shortcut] = "body"
            if isinstance(activation := getattr(module, "activation", None), nn.Module):
                kinds[activation] = "activation of a sum"
                inside.add(activation)
        elif not list(module.children()):
            kinds[module] = _leaf_kind(module)
    return kinds


def _leaf_kind(module: nn.Module) -> str:
    if isinstance(module, nn.Conv2d):
        if 1 < module.groups == module.in_channels:
            return "depthwise"
        return "pointwise" if module.kernel_size == (1, 1) else "spatial"
    if isinstance(module, nn.BatchNorm2d):
        return "norm"
    if isinstance(module, tuple(ACTIVATIONS.values())):
        return "activation"
    return "linear" if isinstance(module, nn.Linear) else "other"


def _by_kind(spans: Sequence[Span], kinds: Mapping[nn.Module, str]) -> dict[str, float]:
    """Seconds by kind of one pass; what a residual takes beyond its body is the addition."""
    seconds: dict[str, float] = defaultdict(float)
    for module, span in spans:
        kind = kinds[module]
        if kind == "body":
            seconds["add"] -= span()
        elif kind == "activation of a sum":
            taken = span()
            seconds["add"] -= taken
            seconds["activation"] += taken
        else:
            seconds[kind] += span()
    seconds["add"] = max(0.0, seconds["add"])
    return seconds


Mark = Callable[[], Any]
Between = Callable[[Any, Any], float]


def _clock(device: str) -> tuple[Mark, Between]:
    """How a moment is marked on the device, and the seconds between two marks once it has been waited for."""
    if device == "cpu":
        return time.perf_counter, lambda start, end: float(end - start)

    def event() -> torch.Event:
        mark = torch.Event(device=device_kind(device), enable_timing=True)
        mark.record()
        return mark

    return event, lambda start, end: float(start.elapsed_time(end)) / 1e3


@contextmanager
def _watched(kinds: Mapping[nn.Module, str], clock: tuple[Mark, Between]) -> Iterator[list[Span]]:
    """Hooks on every module of ``kinds`` while within; the list fills with spans in the order they end."""
    mark, between = clock
    spans: list[Span] = []
    open_marks: dict[nn.Module, Any] = {}

    def before(module: nn.Module, _inputs: Any) -> None:
        open_marks[module] = mark()

    def after(module: nn.Module, _inputs: Any, _output: Any) -> None:
        end = mark()
        start = open_marks.pop(module)
        spans.append((module, lambda: between(start, end)))

    handles = [
        handle
        for module in kinds
        for handle in (module.register_forward_pre_hook(before), module.register_forward_hook(after))
    ]
    try:
        yield spans
    finally:
        for handle in handles:
            handle.remove()
