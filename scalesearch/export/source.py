"""A network as one readable Python file that depends on torch alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.spec import Arch, ArchSpec, StageSpec
from scalesearch.architecture.stage import seldom
from scalesearch.files import write_bytes

__all__ = ["python_source", "require_source", "write_source"]

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
