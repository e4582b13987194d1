"""What a network can be handed over as; known without torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["DEFAULT_OPSET", "FORMATS", "ONNX_PACKAGES", "OPSETS", "SPEC"]

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
