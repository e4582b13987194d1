"""What a network can be handed over as; known without torch."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from types import MappingProxyType

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "onnx": "network.onnx",
        "program": "network.pt2",
        "safetensors": "network.safetensors",
        "python": "network.py",
    }
)
"""The name of each format's file."""
SPEC = "spec.json"
"""The file that says what the network is."""
OPSETS = range(18, 24)
"""Versions of ONNX's operators that torch's exporter writes; older ones it could only convert to."""
DEFAULT_OPSET = 20
ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")
"""What writing, checking and running an ONNX model loads; one extra brings all of them."""
PIP_ONNX = "pip install 'scalesearch[onnx]'"
"""The line that installs them, as a shell takes it."""


def missing_onnx() -> tuple[str, ...]:
    """The packages of ``ONNX_PACKAGES`` that can't be imported here, be they absent or broken.

    Each is really imported: one that is there in part, or whose libraries don't load, is of no use either.
    """
    return tuple(name for name in ONNX_PACKAGES if not _imports(name))


def _imports(name: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what one deprecates of another is no reason to do without it
            module = importlib.import_module(name)
    except Exception:  # a library that doesn't load has many ways to say so
        return False
    # A mere folder of that name can be imported too: it has no file.
    return getattr(module, "__file__", None) is not None
