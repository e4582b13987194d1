"""A pass of a network by ONNX Runtime, on the CPU or on CUDA."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from scalesearch.architecture.network import build
from scalesearch.architecture.spec import Arch
from scalesearch.export.formats import PIP_ONNX, missing_onnx
from scalesearch.measure.passes import own_randomness
from scalesearch.records.timing import Setup

__all__ = ["ensure_onnx", "onnx_pass", "require_onnx_runtime"]

CUDA = "CUDAExecutionProvider"
ERRORS_ONLY = 3
"""Of ONNX Runtime's log levels: below a warning, which it writes for every node that it places elsewhere."""


def require_onnx_runtime(device: str) -> None:
    """Raises unless ONNX Runtime is installed and can use ``device``.

    Raises:
        ValueError: with the line that installs what is missing.
    """
    if "onnxruntime" in missing_onnx():
        raise ValueError(f"`runtime` must be one that is installed, got 'onnxruntime': {PIP_ONNX}")
    if device != "cpu":
        import onnxruntime

        if CUDA not in onnxruntime.get_available_providers():
            raise ValueError(
                f"`runtime` must be one that can use {device}, got 'onnxruntime' without CUDA: "
                "pip install onnxruntime-gpu"
            )


def ensure_onnx(arch: Arch, setup: Setup, path: Path) -> None:
    """Writes ``arch``, with seeded weights of the setup's dtype, to ``path`` unless there is a file.

    Raises:
        ValueError: if a package that this needs is missing.
        OSError: if the file can't be written.
    """
    if path.exists():
        return
    from scalesearch.export.onnx import write_onnx

    with own_randomness():
        network = build(arch)
    write_onnx(network, arch, path, dtype=setup.dtype)


def onnx_pass(arch: Arch, setup: Setup, device: torch.device, onnx_path: Path | None) -> Callable[[], object]:
    """One forward pass of ``arch`` on seeded images by an ONNX Runtime session of its own.

    The session has the setup's number of threads and no second pool; it takes subnormal numbers for zero, as
    torch does in a worker. On CUDA images and logits lie in the GPU's memory already: a pass copies nothing.

    Args:
        arch: the network.
        setup: its batch size, dtype and threads.
        device: the setup's device.
        onnx_path: the network as an ONNX file of the setup's dtype, with any batch size; written there where
            there is none. None for a file that is gone again when the session has read it.

    Raises:
        ValueError: if the file holds a network of another shape or dtype, or a package is missing.
    """
    with TemporaryDirectory() as folder:
        path = onnx_path or Path(folder) / "network.onnx"
        ensure_onnx(arch, setup, path)
        session = _session(path, setup.threads, device)
    (entry,), (exit_,) = session.get_inputs(), session.get_outputs()
    shape = [setup.batch_size, arch.in_channels, *arch.input_size]
    kind = {"tensor(float)": "float32", "tensor(float16)": "float16"}.get(entry.type, entry.type)
    # An open batch has a name instead of a number.
    taken = [setup.batch_size if isinstance(entry.shape[0], str) else entry.shape[0], *entry.shape[1:]]
    if (kind, taken) != (setup.dtype, shape):
        raise ValueError(
            f"`onnx_path` must take {setup.dtype} images of {shape}, got {path.name} "
            f"with {kind} of {entry.shape}"
        )
    dtype: torch.dtype = getattr(torch, setup.dtype)
    images = torch.empty(shape, device=device).normal_().to(dtype)
    if device.type == "cpu":
        feed = {entry.name: images.numpy()}
        return lambda: session.run([exit_.name], feed)

    logits = torch.empty((setup.batch_size, arch.classes), device=device, dtype=dtype)
    binding = session.io_binding()
    element = np.dtype(setup.dtype).type
    for bind, name, tensor in (
        (binding.bind_input, entry.name, images),
        (binding.bind_output, exit_.name, logits),
    ):
        bind(name, "cuda", device.index or 0, element, list(tensor.shape), tensor.data_ptr())
    # ONNX Runtime works on a stream of its own: torch must have drawn the images by then.
    torch.cuda.synchronize(device)

    def run(_alive: tuple[torch.Tensor, ...] = (images, logits)) -> None:
        session.run_with_iobinding(binding)  # waits for the GPU before it returns

    return run


def _session(path: Path, threads: int, device: torch.device) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    if device.type == "cpu":
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    session = onnxruntime.InferenceSession(
        str(path), options, providers=[(CUDA, {"device_id": str(device.index or 0)}), "CPUExecutionProvider"]
    )
    # Where its libraries can't be loaded it goes on with the CPU, and says so in the log alone.
    if session.get_providers()[0] != CUDA:
        raise RuntimeError(
            f"onnxruntime could not start on {device}: its CUDA libraries are not those installed here"
        )
    return session
