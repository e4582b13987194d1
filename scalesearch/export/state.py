"""Weights in files of plain tensors."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from scalesearch.files import write_bytes
from scalesearch.networks.build import build
from scalesearch.networks.generators import generators_kept
from scalesearch.networks.layers import Block
from scalesearch.networks.spec import Arch, arch_from_dict

# ----------------------------------------------------------------------------------------------------
# All that a torch module keeps, as tensors and plain data: what one safetensors file holds, and no pickle.
#
# A state dict is more than tensors: modules note the version of their own format in its metadata, and may
# keep a state of their own (``get_extra_state``). Both go with the tensors as JSON; tensors may share
# memory.

# What a module notes that has nothing to note.
PLAIN_VERSION = {"version": 1}
KEYS = (bool, int, float, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What :func:`contents_of` found in a module.

    Attributes:
        tensors: of its state dict, by its names; those within an extra state by that one's name and a number.
        plain: JSON data: ``versions`` of the modules' formats, ``extra`` states with references to tensors.
    """

    tensors: Mapping[str, torch.Tensor]
    plain: Mapping[str, Any] = field(default_factory=dict)


def contents_of(network: nn.Module) -> Contents:
    """All that a module's state dict holds; the tensors share the module's memory.

    Raises:
        ValueError: if a module's extra state holds anything but tensors and plain values.
    """
    state: Mapping[str, Any] = network.state_dict()
    tensors: dict[str, torch.Tensor] = {}
    extra: dict[str, Any] = {}
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            tensors[name] = value.detach()
        else:
            extra[name] = _encoded(value, name, tensors)
    noted: Mapping[str, Any] = getattr(state, "_metadata", {})
    versions = {
        name: _encoded(about, f"the metadata of {name or 'the network'}", tensors)
        for name, about in noted.items()
        if about != PLAIN_VERSION
    }
    parts = {"versions": versions, "extra": extra}
    return Contents(tensors=tensors, plain={name: part for name, part in parts.items() if part})


def put_back(contents: Contents, network: nn.Module, input_shape: tuple[int, ...] | None = None) -> None:
    """Makes a module of the same build keep what :func:`contents_of` found; files of others lack ``plain``.

    Args:
        contents: to be kept; they are copied.
        network: the module.
        input_shape: (channels, height, width) of an image, for networks that make buffers when they first
            run: where the network lacks a name, it is run once.

    Raises:
        RuntimeError, ValueError, LookupError: if the contents are another network's, as torch says it.
    """
    extra = contents.plain.get("extra", {})
    referred = {name for value in extra.values() for name in _references(value)}
    state: OrderedDict[str, Any] = OrderedDict(
        (name, tensor) for name, tensor in contents.tensors.items() if name not in referred
    )
    for name, value in extra.items():
        state[name] = _decoded(value, contents.tensors)
    if input_shape is not None and state.keys() - network.state_dict().keys():
        _run_once(network, input_shape)
    versions: dict[str, Any] = {
        name: dict(PLAIN_VERSION) for name, _ in network.named_modules(remove_duplicate=False)
    }
    versions |= {
        name: _decoded(about, contents.tensors) for name, about in contents.plain.get("versions", {}).items()
    }
    state._metadata = versions  # type: ignore[attr-defined]  # where torch looks for them
    network.load_state_dict(state)


def _run_once(network: nn.Module, input_shape: tuple[int, ...]) -> None:
    at, training = next(network.parameters()), network.training
    network.eval()
    with torch.no_grad(), generators_kept(at.device):
        network(torch.zeros(1, *input_shape, device=at.device))
    network.train(training)


def storable(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors as a safetensors file takes them: on the CPU, contiguous, each with memory of its own.

    Of weights under several names every name keeps its values: what reads them need not know which are one.
    """
    stored: dict[str, torch.Tensor] = {}
    places: set[int] = set()
    for name, tensor in tensors.items():
        plain = tensor.detach().cpu().contiguous()
        storage = plain.untyped_storage()
        if storage.data_ptr() in places or storage.nbytes() != plain.nbytes:
            plain = plain.clone(memory_format=torch.contiguous_format)
        places.add(plain.untyped_storage().data_ptr())
        stored[name] = plain
    return stored


def _encoded(value: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    """A value as JSON data, its tensors put beside it; containers say of which kind they are."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, torch.Tensor):
        key = next(key for i in range(len(tensors) + 1) if (key := f"{name}#{i}") not in tensors)
        tensors[key] = value.detach()
        return {"tensor": key}
    if type(value) in (list, tuple):
        return {type(value).__name__: [_encoded(item, name, tensors) for item in value]}
    if type(value) in (dict, OrderedDict) and all(type(key) in KEYS for key in value):
        return {"dict": [[key, _encoded(item, name, tensors)] for key, item in value.items()]}
    raise ValueError(
        f"{name} must be made of tensors, numbers, texts, None, lists, tuples and dicts, as files without "
        "pickles are, got a value of type "
        f"{type(value).__module__}.{type(value).__qualname__}"
    )


def _decoded(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content].clone()
    if kind == "dict":
        return {key: _decoded(item, tensors) for key, item in content}
    items = (_decoded(item, tensors) for item in content)
    return list(items) if kind == "list" else tuple(items)


def _references(value: Any) -> Iterator[str]:
    """The names of the tensors that an encoded value refers to."""
    if isinstance(value, dict):
        ((kind, content),) = value.items()
        if kind == "tensor":
            yield content
            return
        for item in content:
            yield from _references(item[1] if kind == "dict" else item)


def copied(value: Any) -> Any:
    """A copy of an extra state that shares no memory with it.

    Raises:
        ValueError: if it holds anything but tensors and plain values.
    """
    tensors: dict[str, torch.Tensor] = {}
    return _decoded(_encoded(value, "an extra state", tensors), tensors)


def extra_text(plain: Mapping[str, Any]) -> str:
    """The extra states as one text, for a hash; empty where there are none."""
    return json.dumps(plain["extra"], sort_keys=True) if plain.get("extra") else ""


# ----------------------------------------------------------------------------------------------------
# A network's weights in one safetensors file, with the spec that rebuilds it and where they came from.

FRESH = "fresh_classifier"
"""The fact of weights that came without a classifier: networks that start from them draw their own."""
ABOUT = "scalesearch"
"""The name in a file's metadata under which spec and facts stand, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A network with weights.

    Attributes:
        arch: the network.
        tensors: by the names that ``build(arch)`` has for them; on the CPU.
        facts: what is known of them, such as ``top1``, ``recipe`` and ``input``; plain JSON data.
        plain: what modules keep beside tensors (``contents``).
    """

    arch: Arch
    tensors: Mapping[str, torch.Tensor]
    facts: Mapping[str, Any]
    plain: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A hash of the network and its weights, whatever is known of them."""
        return checksum(self.arch.key + extra_text(self.plain), self.tensors)

    def network(self) -> nn.Module:
        """The network with these weights, in eval mode.

        Raises:
            ValueError: if the tensors are another network's.
        """
        with torch.random.fork_rng(devices=[]):  # what is drawn is overwritten, but for a fresh classifier
            torch.manual_seed(0)
            network = build(self.arch)
        drawn = network.state_dict()
        classifier = list(drawn)[-2:] if self.facts.get(FRESH) else []  # weight and bias of the last layer
        tensors = {name: drawn[name] for name in classifier} | dict(self.tensors)
        try:
            put_back(
                Contents(tensors=tensors, plain=self.plain),
                network,
                (self.arch.in_channels, *self.arch.input_size),
            )
        except (RuntimeError, LookupError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"the weights are not those of {self.arch.name}: {reason}") from None
        return network.eval()


def write_state(
    path: Path,
    arch: Arch,
    tensors: Mapping[str, torch.Tensor],
    facts: Mapping[str, Any],
    plain: Mapping[str, Any] | None = None,
) -> None:
    """Writes a network's weights in one go; all but the tensors goes into the file's metadata as JSON.

    Raises:
        OSError: if the file cannot be written; one from before stays as it was.
    """
    # Under one name: of several the order in the file, and so its bytes, would be left to chance.
    about = {"spec": arch.to_dict(), "facts": dict(facts), **({"plain": dict(plain)} if plain else {})}
    write_bytes(path, save(storable(tensors), {ABOUT: json.dumps(about)}))


def read_state(path: Path) -> State:
    """What :func:`write_state` wrote.

    Raises:
        FileNotFoundError: if there is no file.
        ValueError: if it is truncated, or not one of scalesearch's own.
    """
    try:
        metadata, tensors = read_tensors(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is no whole safetensors file: {' '.join(str(error).split())}") from error
    return state_of(path, metadata, tensors)


def state_of(path: Path, metadata: Mapping[str, str], tensors: Mapping[str, torch.Tensor]) -> State:
    """The state that :func:`read_tensors` found in a file.

    Raises:
        ValueError: if it is not one of scalesearch's own.
    """
    try:
        about = json.loads(metadata[ABOUT])
        arch, facts = arch_from_dict(about["spec"]), dict(about["facts"])
        plain = dict(about.get("plain", {}))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} holds no weights that scalesearch wrote: {error}") from error
    return State(arch=arch, tensors=tensors, facts=facts, plain=plain)


def read_tensors(path: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    """The metadata and the tensors, on the CPU, of a safetensors file.

    Raises:
        FileNotFoundError: if there is no file.
        SafetensorError: if it is truncated, or no such file.
    """
    with safe_open(path, framework="pt") as file:
        # Cloned: a tensor would else keep the file mapped, which may change under it.
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118  # no mapping: it cannot be iterated over
        return file.metadata() or {}, tensors


def layer_prefix(block: Block, index: int | None) -> str:
    """How the names of a lowered layer's tensors begin among those that ``build`` has for a network.

    Args:
        block: the layer's block.
        index: its place among the block's layers; None for the shortcut.
    """
    if index is None:
        return f"{block.name}.shortcut."
    return f"{block.name}.body.{index}." if block.residual else f"{block.name}.{index}."


def checksum(text: str, tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over a text and over every tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
