"""Checkpoints: where a training run stood, in one safetensors file that a later run goes on from.

Tensors are stored as such and all else as JSON in the file's metadata; no pickle is ever read. A file tells
which run it is of and has a checksum, so that one that is torn, damaged or another run's is never used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import save
from torch import nn

import scalesearch
from scalesearch.export.state import Contents, State, checksum, contents_of, put_back, read_tensors, storable
from scalesearch.files import write_bytes
from scalesearch.networks.spec import Arch
from scalesearch.records import CurvePoint
from scalesearch.training.images import ImageSource
from scalesearch.training.recipe import ProxyRecipe
from scalesearch.training.step import MovingAverage

# To be raised with every change of what a checkpoint holds: older ones are then started anew.
FORMAT = 4


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message says why, in one line."""


@dataclass(slots=True, kw_only=True)
class RunState:
    """A training run under way.

    Attributes:
        model: as trained.
        optimizer: of its parameters.
        average: the moving average of its weights, where the recipe wants one.
        layout: of images, weights and maps in memory.
        step: optimiser steps done.
        seconds: spent on training so far.
        curve: every look so far.
        losses: float32 (1,) on the model's device, their sum over the steps since the recipe's last look.
        computed: the device kinds and numbers of CPU threads that computed it, one after another.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    average: MovingAverage | None
    losses: torch.Tensor
    layout: torch.memory_format = torch.channels_last
    step: int = 0
    seconds: float = 0.0
    curve: list[CurvePoint] = field(default_factory=list)
    computed: list[tuple[str, int]] = field(default_factory=list)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The network that is trained and, where there is one, the average of it."""
        average = {} if self.average is None else {"average": self.average.network}
        return {"model": self.model, **average}

    @property
    def judged(self) -> nn.Module:
        """The network that is looked at: the average, where there is one."""
        return self.model if self.average is None else self.average.network


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a run stood after ``step`` optimiser steps.

    Attributes:
        identity: of the run (:func:`run_identity`).
        step: optimiser steps done.
        curve: every look so far.
        train_seconds: spent on training so far.
        computed: the device kinds and numbers of CPU threads that computed it, one after another.
        tensors: all else, by names such as ``model/features.0.weight``.
        plain: what the modules of a part keep beside tensors (``export.state.Contents``), by the part's name.
    """

    identity: str
    step: int
    curve: tuple[CurvePoint, ...]
    train_seconds: float
    computed: tuple[tuple[str, int], ...]
    tensors: Mapping[str, torch.Tensor]
    plain: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def part(self, name: str) -> dict[str, torch.Tensor]:
        """The tensors under ``name/``, without that prefix."""
        prefix = f"{name}/"
        return {key.removeprefix(prefix): t for key, t in self.tensors.items() if key.startswith(prefix)}

    def contents(self, name: str) -> Contents:
        """All that the network of a part keeps."""
        return Contents(tensors=self.part(name), plain=self.plain.get(name, {}))


def run_identity(
    arch: Arch,
    recipe: ProxyRecipe,
    source: ImageSource,
    *,
    dataset: str,
    start: State | None = None,
) -> str:
    """A hash of everything that decides a run: equal where one may go on from the other's checkpoint.

    What it is computed with, the device and the threads, is none of it: a run may move from one to another,
    and says so.
    ``start`` has the weights that the network is grown from, where it does not start from scratch.
    """
    content = {
        "format": FORMAT,
        "arch": arch.key,
        "recipe": recipe.to_dict(),
        "dataset": dataset,
        "data": source.digest,
        "short_side": source.short_side,
        "train": len(source.train),
        "held_out": len(source.held_out),
        "versions": [scalesearch.__version__, torch.__version__, torchvision.__version__],
    }
    if source.confirming:
        content["confirming"] = True
    if start is not None:
        content["start"] = start.digest
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes ``checkpoint`` to ``path`` in one go: whatever happens, the file is the old one or the new one.

    Raises:
        OSError: if it cannot be written, as when no space is left; a file from before stays as it was.
    """
    plain = json.dumps(
        {
            "identity": checkpoint.identity,
            "step": checkpoint.step,
            "curve": [asdict(point) for point in checkpoint.curve],
            "train_seconds": checkpoint.train_seconds,
            "computed": [list(place) for place in checkpoint.computed],
            "plain": checkpoint.plain,
        }
    )
    tensors = storable(checkpoint.tensors)
    # Written here and not by safetensors, whose own errors would hide that a disk is full.
    content = save(tensors, {"run": plain, "sha256": checksum(plain, tensors)})
    # The innermost folder alone: a run's own that was removed is not brought back.
    path.parent.mkdir(exist_ok=True)
    write_bytes(path, content)


def read_checkpoint(path: Path, identity: str) -> Checkpoint:
    """The checkpoint in ``path``, if it is whole and of the run called ``identity``. Tensors are on the CPU.

    Raises:
        FileNotFoundError: if there is none.
        CheckpointError: if it is truncated, damaged, of another run, or no checkpoint at all.
    """
    try:
        metadata, tensors = read_tensors(path)
    except SafetensorError as error:
        reason = " ".join(str(error).split())
        message = f"`checkpoint` must be a whole safetensors file, got {path}: {reason}"
        raise CheckpointError(message) from error
    if metadata.keys() != {"run", "sha256"}:
        raise CheckpointError(f"`checkpoint` must be one of scalesearch's own, got {path}")
    if metadata["sha256"] != checksum(metadata["run"], tensors):
        raise CheckpointError(f"`checkpoint` must be undamaged, got {path} with a wrong checksum")
    try:
        plain = json.loads(metadata["run"])
        checkpoint = Checkpoint(
            **plain
            | {
                "curve": tuple(CurvePoint(**point) for point in plain["curve"]),
                "computed": tuple((str(device), int(threads)) for device, threads in plain["computed"]),
                "tensors": tensors,
            }
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"`checkpoint` must be one of scalesearch's own, got {path}") from error
    if checkpoint.identity != identity:
        raise CheckpointError(
            f"`checkpoint` must be of the same network, recipe, data and versions, got another run's: {path}"
        )
    return checkpoint


def snapshot(state: RunState, identity: str) -> Checkpoint:
    """Where the run called ``identity`` stands now.

    It shares the run's memory: write it before the run goes on.
    """
    networks = state.networks
    contents = {part: contents_of(network) for part, network in networks.items()}
    parts = {
        **{part: kept.tensors for part, kept in contents.items()},
        **{f"{part}-unsaved": _unsaved(network) for part, network in networks.items()},
        "optimizer": _remembered(state.optimizer),
        "losses": {"sum": state.losses},
    }
    return Checkpoint(
        identity=identity,
        step=state.step,
        curve=tuple(state.curve),
        train_seconds=state.seconds,
        computed=tuple(state.computed),
        tensors={f"{part}/{name}": t for part, tensors in parts.items() for name, t in tensors.items()},
        plain={part: kept.plain for part, kept in contents.items()},
    )


def _unsaved(network: nn.Module) -> dict[str, torch.Tensor]:
    """The buffers that a state dict leaves out: what training has made of them is part of a run too."""
    saved = network.state_dict().keys()
    return {n: b for n, b in network.named_buffers(remove_duplicate=False) if n not in saved}


def restore(state: RunState, checkpoint: Checkpoint, input_shape: tuple[int, int, int]) -> None:
    """Brings a run that has just begun to where ``checkpoint`` stood.

    ``input_shape`` is (channels, height, width) of an image.

    Raises:
        CheckpointError: if its tensors are not this run's; the run is then of no more use.
    """
    try:
        for part, network in state.networks.items():
            put_back(checkpoint.contents(part), network, input_shape)
            buffers = dict(network.named_buffers(remove_duplicate=False))
            for name, value in checkpoint.part(f"{part}-unsaved").items():
                if name in buffers:  # else it is made when the network first runs, and will be again
                    buffers[name].copy_(value)
        _remember(state.optimizer, checkpoint.part("optimizer"))
        state.losses.copy_(checkpoint.part("losses")["sum"])
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError("`checkpoint` must hold the tensors of this network, got others") from error
    state.step, state.seconds = checkpoint.step, checkpoint.train_seconds
    state.curve, state.computed = list(checkpoint.curve), list(checkpoint.computed)


def _remembered(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What an optimizer remembers, by names such as ``12/exp_avg``: parameter number and kind."""
    return {
        f"{index}/{kind}": value
        for index, kinds in optimizer.state_dict()["state"].items()
        for kind, value in kinds.items()
        if isinstance(value, torch.Tensor)
    }


def _remember(optimizer: torch.optim.Optimizer, saved: Mapping[str, torch.Tensor]) -> None:
    """Makes an optimizer of the same parameters remember what :func:`_remembered` gave."""
    parameters: list[nn.Parameter] = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in saved.items():
        index, _, kind = name.partition("/")
        parameter = parameters[int(index)]
        # In the parameter's own memory layout: fused optimizers go through both as they lie in memory.
        laid_out = value
        if value.shape == parameter.shape:
            laid_out = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
        state.setdefault(int(index), {})[kind] = laid_out
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
