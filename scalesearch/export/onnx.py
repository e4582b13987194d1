"""A network as an ONNX model, written through torch's own exporter."""

from __future__ import annotations

import copy
import threading
from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

from scalesearch.architecture.spec import Arch
from scalesearch.export.formats import DEFAULT_OPSET, OPSETS, PIP_ONNX, missing_onnx
from scalesearch.files import write_bytes

__all__ = ["INPUT", "OUTPUT", "require_onnx", "run_onnx", "write_onnx"]

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
