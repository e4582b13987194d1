"""A network handed over in a folder of its own, each of its files read back and compared with it."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import nn

from scalesearch.architecture.spec import ArchSpec
from scalesearch.export.formats import DEFAULT_OPSET, FORMATS, SPEC
from scalesearch.export.onnx import run_onnx, write_onnx
from scalesearch.export.program import run_program, write_program
from scalesearch.export.source import require_source, write_source
from scalesearch.export.state import State, read_state, write_state
from scalesearch.files import write_bytes
from scalesearch.text import one_line

__all__ = ["Exported", "hand_over", "write_spec"]

# How far the outputs may be from the original's, as a share of its largest: other kernels add up in another
# order, the same ones may pick another algorithm.
TOLERANCE = MappingProxyType({"onnx": 1e-4, "program": 1e-5, "safetensors": 1e-5, "python": 1e-5})

GRAPHS = frozenset(("onnx", "program"))
"""The formats that take as many images in a pass as they were written for, or any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One file, and what became of it when it was read back.

    Attributes:
        format: a name of ``FORMATS``.
        file: its path.
        bytes: its size, 0 where it could not be written.
        difference: the largest of all logits from the original's; None where there were none to compare.
        bound: what it may be.
        reason: why there were none.
        written: whether the file could be written at all.
        batch_size: images in every pass of a graph; None where any number will do.
    """

    format: str
    file: Path
    bytes: int
    difference: float | None
    bound: float
    reason: str = ""
    written: bool = True
    batch_size: int | None = None

    @property
    def passed(self) -> bool:
        """Whether the file gives the original's outputs."""
        return self.difference is not None and self.difference <= self.bound


def write_spec(folder: Path, name: str, state: State, exported: Sequence[Exported] = ()) -> Path:
    """Writes what a user of the network has to know: its spec, its input, where its weights come from.

    Of graphs that were ``exported`` for one size of batch alone, it says which.

    Raises:
        OSError: if it cannot be written.
    """
    content = {
        "name": name,
        "identity": state.digest,
        "arch": state.arch.to_dict(),
        "facts": dict(state.facts),
    }
    if batches := {item.file.name: item.batch_size for item in exported if item.batch_size and item.written}:
        content["batch_size"] = batches
    write_bytes(folder / SPEC, (json.dumps(content, indent=2) + "\n").encode())
    return folder / SPEC


def hand_over(
    state: State,
    folder: Path,
    formats: Sequence[str],
    *,
    batch_size: int | None = None,
    opset: int = DEFAULT_OPSET,
    on_format: Callable[[str], None] = lambda _name: None,
) -> tuple[Exported, ...]:
    """Writes the network in every format and compares what each file gives for random images.

    Args:
        state: the network.
        folder: for the files, named by ``FORMATS``.
        formats: names of ``FORMATS``; ``python`` brings ``safetensors`` with it, where its weights lie.
        batch_size: images in every pass of the graphs; None leaves that open, but for a network whose graph
            torch can make for a batch of one size alone: that is 1 then.
        opset: of the ONNX model.
        on_format: told of each format as it begins.

    Returns:
        One for each format, in the order of ``FORMATS``.

    Raises:
        OSError: if a file cannot be written.
        ValueError: if a format is unknown, or the state's tensors are not its network's.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise ValueError(f"`to` must be some of {', '.join(FORMATS)}, got {', '.join(unknown) or 'none'}")
    network = state.network()
    wanted = {*formats} | ({"safetensors"} if "python" in formats else set())
    written: dict[str, Exported] = {}
    # The weights first: the Python file loads them.
    for name in sorted(wanted, key=lambda name: (name != "safetensors", name)):
        on_format(name)
        path = folder / FORMATS[name]
        written[name] = _handed_over(name, state, network, path, batch_size, opset)
        if batch_size is None and name in GRAPHS and written[name].difference is None:
            # Code that asks for the size of a batch, as attention does, has torch fix it in the graph.
            fixed = _handed_over(name, state, network, path, 1, opset)
            written[name] = fixed if fixed.written else written[name]
    return tuple(written[name] for name in FORMATS if name in written)


def _handed_over(
    name: str, state: State, network: nn.Module, path: Path, batch_size: int | None, opset: int
) -> Exported:
    """A file of one format, written, read back and compared for a batch of random images."""
    # Not a batch that a graph was traced with, where that is left open.
    shape = (batch_size or 3, state.arch.in_channels, *state.arch.input_size)
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network(images)
    done = False
    try:
        _write(name, state, network, path, batch_size, opset)
        done = True
        difference, reason = _difference(_run(name, path, images), expected)
    except OSError:
        raise
    except Exception as error:  # whatever an exporter or a runtime raises is this format's outcome
        difference, reason = None, one_line(error)
    return Exported(
        format=name,
        file=path,
        bytes=path.stat().st_size if done else 0,
        difference=difference,
        bound=TOLERANCE[name] * float(expected.abs().max()),
        reason=reason,
        written=done,
        batch_size=batch_size if name in GRAPHS else None,
    )


def _write(
    name: str, state: State, network: nn.Module, path: Path, batch_size: int | None, opset: int
) -> None:
    if name == "onnx":
        write_onnx(network, state.arch, path, batch_size=batch_size, opset=opset)
    elif name == "program":
        write_program(network, state.arch, path, batch_size=batch_size)
    elif name == "safetensors":
        write_state(path, state.arch, state.tensors, state.facts, state.plain)
    else:
        require_source(state.arch)
        assert isinstance(state.arch, ArchSpec)  # of what else there is, no file is written
        write_source(state.arch, path, state.facts, FORMATS["safetensors"])


def _run(name: str, path: Path, images: torch.Tensor) -> torch.Tensor:
    """What the file gives."""
    if name == "onnx":
        return run_onnx(path, images)
    if name == "program":
        return run_program(path, images)
    if name == "safetensors":
        network = read_state(path).network()
    else:
        network = runpy.run_path(str(path))["load"](path.with_name(FORMATS["safetensors"]))
    with torch.inference_mode():
        logits: torch.Tensor = network(images)
    return logits


def _difference(got: torch.Tensor, expected: torch.Tensor) -> tuple[float | None, str]:
    if got.shape != expected.shape:
        return None, f"gives {tuple(got.shape)} for {tuple(expected.shape)}"
    if not (got.isfinite().all() and expected.isfinite().all()):
        return None, "gives numbers that are not finite"
    return float((got - expected).abs().max()), ""
