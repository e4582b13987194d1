"""What a network can be handed over as; known without torch."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scalesearch.fields import require_settings, setting
from scalesearch.plain import LIMITS, Limit

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """Which network is handed over, and as what; None where that is left to the network and to what is here.

    Raises:
        ValueError: if a value is beyond its limit, or none of its choices.
    """

    candidate: str = setting(
        "highest",
        metavar="KEY",
        help="Of a run: the network, by the first letters of its key, or that of the highest mean top-1.",
    )
    seed: int | None = setting(
        None,
        limit=LIMITS["seed"],
        help="Of a run: the training run.  [default: the best one]  With --untrained: of the random weights.",
        unset="0",
    )
    untrained: bool = setting(False, help="Random weights: nothing that was trained is asked for.")
    to: tuple[str, ...] | None = setting(
        None,
        form="list",
        choices=tuple(FORMATS),
        metavar="FORMATS",
        help=f"What to write, some of {', '.join(FORMATS)} with commas between them; python brings "
        "safetensors with it, which has its weights.",
        unset="all that this network and what is installed here allow",
    )
    batch_size: int | None = setting(
        None,
        limit=LIMITS["batch_size"],
        help="Images in every pass of the ONNX model and the program.",
        unset="any number, or 1 where torch can make no graph for any",
    )
    opset: int = setting(
        DEFAULT_OPSET,
        limit=Limit(OPSETS[0], OPSETS[-1], firm=True),
        help="Version of the ONNX model's operators.",
    )

    def __post_init__(self) -> None:
        require_settings(self)


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
