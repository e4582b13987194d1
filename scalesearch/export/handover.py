"""A trained network handed over: ONNX, torch.export, Python source, weights."""

from __future__ import annotations

import copy
import io
import json
import re
import runpy
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from scalesearch.export.formats import DEFAULT_OPSET, FORMATS, OPSETS, PIP_ONNX, SPEC, missing_onnx
from scalesearch.export.state import State, read_state, write_state
from scalesearch.files import write_bytes
from scalesearch.networks.spec import Arch, ArchSpec, CodeSpec, StageSpec, seldom
from scalesearch.text import one_line

# ----------------------------------------------------------------------------------------------------
# A network as an ONNX model, written through torch's own exporter.

INPUT, OUTPUT = "images", "logits"
DTYPES = ("float32", "float16", "bfloat16")


def require_onnx() -> None:
    """Raises unless ONNX models can be written, checked and run here.

    Raises:
        ValueError: if a package is missing; the message has the line that installs it.
    """
    if missing := missing_onnx():
        raise ValueError(f"ONNX needs packages that are not installed ({', '.join(missing)}): {PIP_ONNX}")


def write_onnx(
    network: nn.Module,
    arch: Arch,
    path: Path,
    *,
    dtype: str = "float32",
    batch_size: int | None = None,
    opset: int = DEFAULT_OPSET,
) -> None:
    """Writes ``network`` as it is in eval mode: ``images`` (batch, channels, side, side) to ``logits``.

    The network itself is left as it was; a model past 2 GB cannot be written as one file.

    Args:
        network: built from ``arch``, on any device.
        arch: for the sizes of an image.
        path: of the file.
        dtype: of weights, images and logits: float32, float16 or bfloat16.
        batch_size: images in every pass; None leaves that open.
        opset: version of the operators.

    Raises:
        ValueError: if a value is out of range, or a package is missing.
        OSError: if the file cannot be written.
    """
    if dtype not in DTYPES:
        raise ValueError(f"`dtype` must be one of {', '.join(DTYPES)}, got {dtype!r}")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"`batch_size` must be >= 1, got {batch_size}")
    if opset not in OPSETS:
        raise ValueError(f"`opset` must be from {OPSETS[0]} to {OPSETS[-1]}, got {opset}")
    require_onnx()
    frozen = copy.deepcopy(network).to("cpu", getattr(torch, dtype)).eval().requires_grad_(False)
    # The exporter takes a batch of 1 for one that is always 1.
    example = torch.zeros(batch_size or 2, arch.in_channels, *arch.input_size, dtype=getattr(torch, dtype))
    _spare_a_semaphore()
    program = torch.onnx.export(
        frozen,
        (example,),
        dynamo=True,
        verbose=False,
        input_names=[INPUT],
        output_names=[OUTPUT],
        opset_version=opset,
        dynamic_shapes=None if batch_size is not None else ({0: "batch"},),
    )
    assert program is not None  # with `dynamo` there always is one
    write_bytes(path, program.model_proto.SerializeToString())


def _spare_a_semaphore() -> None:
    """Gives the exporter's progress bar a lock of threads alone.

    Its own is shared by processes: a worker, which ends without tidying up, would leave it to the system.
    """
    with suppress(ImportError):
        from tqdm import tqdm

        tqdm.set_lock(threading.RLock())


def run_onnx(path: Path, images: torch.Tensor) -> torch.Tensor:
    """The logits that ONNX Runtime gives on the CPU, once onnx's checker has passed the file.

    Raises:
        ValueError: if the checker finds fault with it, or a package is missing.
    """
    require_onnx()
    import onnx
    import onnxruntime

    try:
        onnx.checker.check_model(onnx.load(path), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ValueError(f"{path} is no valid ONNX model: {' '.join(str(error).split())}") from error
    options = onnxruntime.SessionOptions()
    # Its default takes every core, also where the caller keeps to fewer.
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (logits,) = session.run([OUTPUT], {INPUT: images.numpy()})
    return torch.from_numpy(logits)


# ----------------------------------------------------------------------------------------------------
# A network as a ``torch.export`` program: a graph that torch runs without the code that made it.


def write_program(network: nn.Module, arch: Arch, path: Path, *, batch_size: int | None = None) -> None:
    """Writes ``network`` as it is in eval mode: float32 (batch, channels, side, side) to logits.

    The network itself is left as it was.

    Args:
        network: built from ``arch``, on any device.
        arch: for the sizes of an image.
        path: of the file.
        batch_size: images in every pass; None leaves that open.

    Raises:
        ValueError: if the batch size is below 1.
        OSError: if the file cannot be written.
    """
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"`batch_size` must be >= 1, got {batch_size}")
    frozen = copy.deepcopy(network).to("cpu", torch.float32).eval().requires_grad_(False)
    # The exporter takes a batch of 1 for one that is always 1.
    example = torch.zeros(batch_size or 2, arch.in_channels, *arch.input_size)
    shapes = None if batch_size is not None else ({0: torch.export.Dim("batch")},)
    content = io.BytesIO()
    torch.export.save(torch.export.export(frozen, (example,), dynamic_shapes=shapes), content)
    write_bytes(path, content.getvalue())


def run_program(path: Path, images: torch.Tensor) -> torch.Tensor:
    """The logits that the program in ``path`` gives for float images."""
    with path.open("rb") as file:
        network = torch.export.load(file).module()
    with torch.inference_mode():
        logits: torch.Tensor = network(images)
    return logits


# ----------------------------------------------------------------------------------------------------
# A network as one readable Python file that depends on torch alone.

# What lies between these lines of the template is the network's own.
BEGIN, END = "# BEGIN of what is written for each network\n", "# END of what is written for each network\n"
# What the template's build() says of its input, and what it has to say where that isn't square.
SQUARE = """(batch, IN_CHANNELS, side, side) to logits (batch, CLASSES).

    It was sized for a side of RESOLUTION, and works with any."""
OBLONG = """(batch, IN_CHANNELS, height, width) to logits (batch, CLASSES).

    It was sized for RESOLUTION (height, width), and works with any."""
# So many names of classes a reader can still pass by; more of them stand in spec.json alone.
MOST_NAMES = 200


def write_source(arch: ArchSpec, path: Path, facts: Mapping[str, Any], weights: str) -> None:
    """Writes :func:`python_source` as UTF-8.

    Raises:
        OSError: if the file cannot be written.
    """
    write_bytes(path, python_source(arch, facts, module=path.stem, weights=weights).encode())


def python_source(arch: ArchSpec, facts: Mapping[str, Any], *, module: str, weights: str) -> str:
    """The text of a Python module with ``build()`` and ``load(path)`` for ``arch``.

    Its modules have the names that ``architecture.network.build`` gives them, so that the same weights load.

    Args:
        arch: the network.
        facts: what is known of its weights: ``input`` with the ``mean`` and ``std`` of the channels, and the
            names of the ``classes``, are written down where they are there.
        module: the name that the file can be imported by.
        weights: the name of the weights' file, for the example.

    Raises:
        ValueError: if the network is made of other layers than EfficientNet's.
    """
    require_source(arch)
    template = files("scalesearch.export").joinpath("template.py").read_text("utf-8")
    _, _, code = template.partition('"""\n')
    before, _, rest = code.partition(BEGIN)
    _, _, after = rest.partition(END)
    if arch.resolution_width is not None:
        after = after.replace(SQUARE, OBLONG)
    return _head(arch, facts, module, weights) + before + _constants(arch, facts) + after


def require_source(arch: Arch) -> None:
    """Raises unless a Python file can be written of the network.

    Raises:
        ValueError: if it is a user's own code, or made of other layers than EfficientNet's.
    """
    if isinstance(arch, CodeSpec):
        raise ValueError(
            "`to` must be some of onnx, program and safetensors for a network of your own code, got 'python'"
        )
    if not _like_efficientnet(arch):
        odd = ", ".join(dict.fromkeys(name for part in (arch, *arch.stages) for name in seldom(part)))
        raise ValueError(
            "`to` must be other than python for a network with other blocks or activations than "
            f"EfficientNet's, got {arch.name}{f' with its own {odd}' if odd else ''}: its file is "
            "not written yet"
        )


def _like_efficientnet(arch: ArchSpec) -> bool:
    """Whether the template knows all that the network is made of."""
    usual = arch.activation == "silu" and arch.stem_stride == 2 and not arch.stem_pool and arch.head_channels
    return (
        bool(usual)
        and not any(seldom(part) for part in (arch, *arch.stages))
        and all(stage.block == "mbconv" for stage in arch.stages)
    )


def _head(arch: ArchSpec, facts: Mapping[str, Any], module: str, weights: str) -> str:
    name = re.sub(r"[^\w.,:=+-]+", "-", arch.name, flags=re.ASCII)
    height, width = arch.input_size
    size = f"{height}" if height == width else f"{height} x {width}"
    shape = f"{arch.in_channels}, {height}, {width}"
    known = bool(_mean(arch, facts))
    lines = [
        f'"""{name} at {size} px, on torch alone; written by scalesearch.',
        "",
        f"Float images (batch, {shape}) become logits (batch, {arch.classes})::",
        "",
        "    import torch",
        f"    from {module} import {'MEAN, STD, load' if known else 'load'}",
        "",
        f'    network = load("{weights}")',
        f"    images = torch.rand(1, {shape})  # pixels from 0 to 1",
        *([f"    images = (images - {_channels('MEAN')}) / {_channels('STD')}"] if known else ()),
        "    with torch.inference_mode():",
        "        print(network(images).softmax(1))",
        "",
        "``build()`` gives the same network with new weights, to train.",
        '"""',
    ]
    return "\n".join(lines) + "\n"


def _channels(name: str) -> str:
    return f"torch.tensor({name}).view(-1, 1, 1)"


def _mean(arch: ArchSpec, facts: Mapping[str, Any]) -> list[float]:
    """The channels' means, where they are known."""
    mean: list[float] = facts.get("input", {}).get("mean", [])
    return mean if len(mean) == arch.in_channels else []


def _constants(arch: ArchSpec, facts: Mapping[str, Any]) -> str:
    height, width = arch.input_size
    resolution = f"{height}" if height == width else f"({height}, {width})"
    lines = [f"IN_CHANNELS = {arch.in_channels}", f"RESOLUTION = {resolution}"]
    if mean := _mean(arch, facts):
        lines += [
            "# Of each channel, for pixels from 0 to 1.",
            f"MEAN = {_tuple(mean)}",
            f"STD = {_tuple(facts['input']['std'])}",
        ]
    lines += [
        "",
        f"STEM_KERNEL_SIZE = {arch.stem_kernel_size}",
        f"STEM_CHANNELS = {arch.stem_channels}",
        "STAGES = (",
        "    #     expand  kernel  stride  channels  repeats  squeeze",
        *(f"    Stage({_row(stage)})," for stage in arch.stages),
        ")",
        f"HEAD_CHANNELS = {arch.head_channels}",
        f"CLASSES = {arch.classes}",
        *_names(arch, facts),
        "",
        f"NORM_EPS = {arch.norm_eps}",
        "# These matter in training alone.",
        f"NORM_MOMENTUM = {arch.norm_momentum}",
        f"DROPOUT = {arch.dropout}",
        f"DROP_PATH = {arch.drop_path}",
    ]
    return "\n".join(lines) + "\n"


def _row(stage: StageSpec) -> str:
    values = (stage.expand_ratio, stage.kernel_size, stage.stride, stage.channels, stage.repeats)
    return ", ".join(map(str, (*values, stage.squeeze_ratio)))


def _names(arch: ArchSpec, facts: Mapping[str, Any]) -> list[str]:
    names = facts.get("classes", [])
    if len(names) != arch.classes or len(names) > MOST_NAMES:
        return []
    return ["CLASS_NAMES = (", *(f"    {_quoted(name)}," for name in names), ")"]


def _quoted(name: str) -> str:
    """A string literal, in double quotes where it can be."""
    if '"' in name:
        return ascii(name)
    # repr() takes double quotes only where there is a single one.
    literal = ascii(f"'{name}")
    return literal[0] + literal[2:]


def _tuple(values: list[float]) -> str:
    return f"({values[0]},)" if len(values) == 1 else f"({', '.join(map(str, values))})"


# ----------------------------------------------------------------------------------------------------
# A network handed over in a folder of its own, each of its files read back and compared with it.

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
    try:
        images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            expected = network(images)
    except RuntimeError as error:
        if batch_size is None or "memory" not in str(error):
            raise
        raise ValueError(
            f"`batch_size` must be a batch that memory holds for a pass to compare with, got {batch_size}"
        ) from error
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
