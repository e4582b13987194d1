"""A network's weights in one safetensors file, with the spec that rebuilds it and where they came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from scalesearch.architecture.layers import Block
from scalesearch.architecture.network import build
from scalesearch.architecture.spec import Arch, arch_from_dict
from scalesearch.export.contents import Contents, extra_text, put_back, storable
from scalesearch.files import write_bytes

__all__ = [
    "ABOUT",
    "FRESH",
    "State",
    "checksum",
    "layer_prefix",
    "read_state",
    "read_tensors",
    "state_of",
    "write_state",
]

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
