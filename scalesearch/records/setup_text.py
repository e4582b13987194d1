"""Setups as text: ``dtype=bf16,batch=8`` after the @ of a network or of a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from scalesearch.records.timing import DTYPES, MODES, RUNTIMES

__all__ = ["SHORT_DTYPES", "dtype_of", "parse_changes", "whole_number"]

SHORT_DTYPES = MappingProxyType({"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"})
ON_OFF = MappingProxyType({"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False})


def parse_changes(text: str, argument: str) -> dict[str, Any]:
    """Fields of a ``Setup`` out of ``dtype=bf16,batch=8,runtime=compile``.

    Raises:
        ValueError: if a field or a value is unknown.
    """
    changes: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        field_name, read = CHANGES.get(name, ("", str))
        if not (equals and field_name):
            known = ", ".join(f"{key}=" for key in CHANGES)
            raise ValueError(f"`{argument}` must be followed by one of {known} after @, got {part!r}")
        try:
            changes[field_name] = read(value)
        except ValueError as error:
            raise ValueError(f"`{argument}` must have {error} as {name} after @, got {part!r}") from None
    return changes


def _of(allowed: Sequence[str]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return value

    return read


def dtype_of(value: str) -> str:
    """A number type by its short or its whole name.

    Raises:
        ValueError: naming those that there are, if it is none.
    """
    name = SHORT_DTYPES.get(value, value)
    if name not in DTYPES:
        raise ValueError(f"one of {', '.join(SHORT_DTYPES)}")
    return name


def whole_number(value: str) -> int:
    """A whole number >= 1.

    Raises:
        ValueError: saying so, if it is none.
    """
    if not (value.isascii() and value.isdecimal() and int(value) > 0):
        raise ValueError("a whole number >= 1")
    return int(value)


def _flag(value: str) -> bool:
    if value not in ON_OFF:
        raise ValueError("yes or no")
    return ON_OFF[value]


CHANGES: Mapping[str, tuple[str, Callable[[str], Any]]] = MappingProxyType(
    {
        "dtype": ("dtype", dtype_of),
        "batch": ("batch_size", whole_number),
        "runtime": ("runtime", _of(RUNTIMES)),
        "mode": ("mode", _of(MODES)),
        "threads": ("threads", whole_number),
        "channels_last": ("channels_last", _flag),
        "device": ("device", str),
    }
)
