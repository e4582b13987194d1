"""A user's own network: built, and counted on torch's meta device, where no tensor has data.

What can't be built or run there, such as code that reads a tensor's values, is built and run on the CPU.
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from scalesearch.architecture.code_count import pass_counts
from scalesearch.architecture.code_import import at_home, load, reason_of, takes
from scalesearch.architecture.code_memory import forward_peak, step_peak
from scalesearch.architecture.code_source import require_same_source, source_hash
from scalesearch.architecture.code_spec import RESOLUTION, CodeSpec, code_name
from scalesearch.architecture.cost import FLOAT32_BYTES, Cost
from scalesearch.architecture.memory import STATES_PER_PARAM

__all__ = [
    "build_code",
    "code_baseline",
    "code_inference_bytes",
    "code_training_bytes",
    "count_code",
    "settled",
]

PLAIN_CHANNELS = 3
PLAIN_CLASSES = 1000
PROBES = (64, RESOLUTION, 32)
"""Sides of the input, in pixels, at which a network is run, if it takes one, to tell it from others."""
META, CPU = torch.device("meta"), torch.device("cpu")


def code_baseline(target: str) -> CodeSpec:
    """The network that ``package.module:function`` builds at multipliers of 1, which has been tried.

    Raises:
        ValueError: if there is none, it can't be built, or its cost doesn't grow with depth and with width.
    """
    load(target)
    asked = CodeSpec(name=code_name(target), target=target, source=source_hash(target), resolution=RESOLUTION)
    spec = settled(asked)
    twice = {"depth": (replace(asked, depth=2.0), "deeper"), "width": (replace(asked, width=2.0), "wider")}
    for dimension, (larger, more) in twice.items():
        before, after = _size(spec), _size(larger)
        if after <= before:
            moves = "doesn't move with" if after == before else "falls with"
            raise ValueError(
                f"`baseline` must build a {more} network at {dimension} 2 than at {dimension} 1, got "
                f"{target}, whose cost {moves} {dimension}: {before[0]:,} parameters at 1, {after[0]:,} at 2"
            )
    return spec


def settled(spec: CodeSpec) -> CodeSpec:
    """The spec with the shape of what it builds: specs that the function rounds to one network get one key.

    Raises:
        ValueError: if it can't be built.
    """
    plain = replace(_of_any_size(spec), classes=PLAIN_CLASSES, in_channels=PLAIN_CHANNELS)
    return replace(spec, shape=_shape(plain))


def build_code(spec: CodeSpec) -> nn.Module:
    """The module that the user's function gives, as it starts itself: on torch's default device.

    ``in_channels`` is asked for only where it isn't 3. Lazy layers take their shape from a pass of one blank
    image of the spec's size, and start from torch's generator like all others.

    Raises:
        ValueError: if the code has changed since the spec was made, can't be imported, raises, or gives no
            module, or has lazy layers that such a pass doesn't reach.
    """
    network = _as_given(spec)
    if _unsettled(network):
        _settle(network, spec)
    return network


def _as_given(spec: CodeSpec) -> nn.Module:
    """The module that the user's function gives, its lazy layers without a shape."""
    require_same_source(spec.target, spec.source)
    function = load(spec.target)
    arguments: dict[str, Any] = {"depth": spec.depth, "width": spec.width, "num_classes": spec.classes}
    if spec.in_channels != PLAIN_CHANNELS:
        if not takes(function, "in_channels"):
            raise ValueError(
                f"`in_channels` must be {PLAIN_CHANNELS}, as {spec.target} takes no in_channels, "
                f"got {spec.in_channels}"
            )
        arguments["in_channels"] = spec.in_channels
    asked = f"depth {spec.depth:g} and width {spec.width:g}"
    try:
        with at_home(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Lazy modules are a new feature", UserWarning)
            network = function(**arguments)
    except (Exception, SystemExit) as error:
        raise ValueError(
            f"`baseline` must build a network at {asked}, got {spec.target}, which raised {reason_of(error)}"
        ) from error
    if not isinstance(network, nn.Module):
        raise ValueError(
            f"`baseline` must give a torch.nn.Module, got {spec.target}, which gives "
            f"{_kind(network)} at {asked}"
        )
    return network


def _unsettled(network: nn.Module) -> list[str]:
    """The names of parameters and buffers that are yet to get a shape from the first pass."""
    return [name for name, tensor in _tensors(network) if is_lazy(tensor)]


def _tensors(network: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from network.named_parameters()
    yield from network.named_buffers()


def _settle(network: nn.Module, spec: CodeSpec) -> None:
    """Has lazy layers take their shape from a pass in eval mode, which leaves all else as it was."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        with at_home(), torch.no_grad():
            network.eval()(torch.zeros(1, spec.in_channels, *spec.input_size))
    except (Exception, SystemExit) as error:
        raise _unfit(spec, error) from error
    for module, training in modes:
        module.training = training
    if left := _unsettled(network):
        raise ValueError(
            "`baseline` must build a network all of whose lazy layers are run in a pass, got "
            f"{spec.target}, which doesn't run that of {left[0]}"
        )


def count_code(spec: CodeSpec) -> Cost:
    """What it costs for one image of its own size.

    What is counted how: see ``code_count``.

    Raises:
        ValueError: if it can't be built or run, gives anything but logits, or holds nothing that costs.
    """
    return _cost(replace(spec, name=""))


@lru_cache(maxsize=65536)
def _cost(spec: CodeSpec) -> Cost:
    return _either(lambda device: _count(spec, device))


def code_training_bytes(spec: CodeSpec, batch_size: int, *, optimizer: str = "adamw") -> int:
    """Bytes at the peak of one step of training in float32, without what a library takes for itself.

    The step is run without data, and every tensor followed from where it is made to where it is freed.
    """
    weights, buffers = _held(_as_built(spec))
    states = weights * (1 + STATES_PER_PARAM[optimizer])
    # Batch norm can't be trained on a single image.
    return states + buffers + _bytes(spec, batch_size, step_peak, least=2)


def code_inference_bytes(spec: CodeSpec, batch_size: int) -> int:
    """Bytes of the weights and of the most tensors alive at once in a forward pass without gradients."""
    return sum(_held(_as_built(spec))) + _bytes(spec, batch_size, forward_peak, least=1)


Peak = Callable[[nn.Module, torch.Tensor], int]


def _bytes(spec: CodeSpec, batch_size: int, peak: Peak, *, least: int) -> int:
    """A peak for a batch; from two small ones where it is too small, or where only real data would do."""
    spec = replace(spec, name="")
    if batch_size >= least:
        with suppress(ValueError):
            return _peak(spec, batch_size, peak, META)
    two, three = (_either(lambda device, n=n: _peak(spec, n, peak, device)) for n in (2, 3))  # type: ignore[misc]  # n is bound
    return two + (batch_size - 2) * (three - two)


@lru_cache(maxsize=65536)
def _peak(spec: CodeSpec, batch_size: int, peak: Peak, device: torch.device) -> int:
    network = _built(_as_built(spec), device)
    with _running(spec, device):
        return peak(network, torch.zeros(batch_size, spec.in_channels, *spec.input_size))


def _count(spec: CodeSpec, device: torch.device) -> Cost:
    network = _built(_as_built(spec), device).eval()
    with _running(spec, device):
        logits, counts = pass_counts(network, torch.zeros(1, spec.in_channels, *spec.input_size))
    if not (isinstance(logits, torch.Tensor) and logits.shape == (1, spec.classes)):
        gives = tuple(logits.shape) if isinstance(logits, torch.Tensor) else _kind(logits)
        raise ValueError(
            "`baseline` must build a network that gives logits of shape (batch, classes), got "
            f"{spec.target}, which gives {gives} for 1 image and {spec.classes} classes"
        )
    if not counts["macs"]:
        raise ValueError(
            "`baseline` must build a network of convolutions or linear layers, "
            f"got {spec.target}, which runs none"
        )
    return Cost(params=_numbers(network)[0], **counts)


@lru_cache(maxsize=65536)
def _held(spec: CodeSpec) -> tuple[int, int]:
    """Bytes of its parameters, as float32, and of its buffers."""
    network = _either(lambda device: _built(spec, device))
    params, buffers = _numbers(network)
    return FLOAT32_BYTES * params, buffers


def _numbers(network: nn.Module) -> tuple[int, int]:
    """Trainable parameters, and the bytes of all that is kept beside them."""
    trained = [p for p in network.parameters() if p.requires_grad]
    kept = [*network.buffers(), *(p for p in network.parameters() if not p.requires_grad)]
    return sum(p.numel() for p in trained), sum(tensor.nbytes for tensor in kept)


def _size(spec: CodeSpec) -> tuple[int, int]:
    """Parameters, and multiply-adds where it can be run at its resolution: what has to grow."""
    try:
        cost = count_code(spec)
        return cost.params, cost.macs
    except ValueError:  # perhaps it takes other resolutions
        if not _is_lazy(_of_any_size(spec)):
            return _held(_as_built(spec))[0] // FLOAT32_BYTES, 0
    for side in PROBES:
        with suppress(ValueError):
            return count_code(replace(spec, resolution=side)).params, 0
    return count_code(spec).params, 0  # which says why not


@lru_cache(maxsize=65536)
def _shape(spec: CodeSpec) -> str:
    """A hash of a network's modules, as they show themselves, of its tensors' shapes, and of what it runs.

    Modules that are run several times, and strides and pools without a module, show in what it runs alone.
    """
    network = _either(lambda device: _given(spec, device))
    shapes = [(name, None if is_lazy(tensor) else list(tensor.shape)) for name, tensor in _tensors(network)]
    # Functions show where they lie in memory.
    shown = re.sub(r"0x[0-9a-f]+", "", str(network))
    return hashlib.sha256(json.dumps([shown, shapes, _probed(spec)]).encode()).hexdigest()[:12]


def _probed(spec: CodeSpec) -> Mapping[str, object]:
    """What a network runs at a size that doesn't depend on its own; its multipliers where it takes none."""
    for side in PROBES:
        with suppress(ValueError):
            return asdict(count_code(replace(spec, resolution=side)))
    return {"depth": spec.depth, "width": spec.width}


def _of_any_size(spec: CodeSpec) -> CodeSpec:
    """What a network is built from: all but the size of its input, and the shape, which comes of it."""
    return replace(spec, name="", resolution=1, resolution_width=None, shape="")


def _as_built(spec: CodeSpec) -> CodeSpec:
    """What a network is built from: also the size of its input where it has lazy layers."""
    plain = _of_any_size(spec)
    return replace(spec, name="", shape="") if _is_lazy(plain) else plain


@lru_cache(maxsize=65536)
def _is_lazy(spec: CodeSpec) -> bool:
    return _either(lambda device: bool(_unsettled(_given(spec, device))))


@lru_cache(maxsize=32)
def _given(spec: CodeSpec, device: torch.device) -> nn.Module:
    with torch.random.fork_rng(devices=[]), device:
        return _as_given(spec)


@lru_cache(maxsize=32)
def _built(spec: CodeSpec, device: torch.device) -> nn.Module:
    network = _given(_of_any_size(spec), device)
    if not _unsettled(network):
        return network
    with torch.random.fork_rng(devices=[]), device:
        return build_code(spec)


_Found = TypeVar("_Found")


def _either(work: Callable[[torch.device], _Found]) -> _Found:
    """What ``work`` finds on the meta device; where that won't do, on the CPU, whose errors count."""
    try:
        return work(META)
    except ValueError:
        return work(CPU)


@contextmanager
def _running(spec: CodeSpec, device: torch.device) -> Iterator[None]:
    """Where a network is run, on one device and with the generators as they were; its errors in one line."""
    try:
        with at_home(), torch.random.fork_rng(devices=[]), device:
            yield
    except (Exception, SystemExit) as error:
        raise _unfit(spec, error) from error


def _unfit(spec: CodeSpec, error: BaseException) -> ValueError:
    height, width = spec.input_size
    return ValueError(
        f"`baseline` must build a network that takes images of {height} x {width} px, got {spec.target} "
        f"at depth {spec.depth:g} and width {spec.width:g}, which raised {reason_of(error)}"
    )


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
