"""Records as plain JSON data, and back, checked field by field by what their types say."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

__all__ = ["field_types", "from_plain", "has_default", "optional", "to_plain"]

Reader = Callable[[Any], Any]

GREATEST_WHOLE = 2**63 - 1
"""What a column of a table takes."""
POSITIVE = frozenset(
    (
        *("alpha", "beta", "gamma", "product", "depth", "width", "resolution_multiplier", "resolution"),
        *("resolution_width", "macs", "full_macs", "macs_ratio", "full_macs_ratio", "nominal_ratio"),
        *("target", "value", "classes", "held_out_images", "networks", "batch_size"),
    )
)
SHARES = frozenset(("top1",))
# A phi may be below 0, and so may a correlation and what a wrong choice costs; nothing else that is stored.
SIGNED = frozenset(
    (
        *("phi", "implied_phi_depth", "implied_phi_width", "implied_phi_resolution"),
        *("tau", "tau_low", "tau_high", "regret"),
    )
)


def to_plain(value: Any) -> Any:
    """A record, or a field of one, as lists, dicts, numbers and texts; :func:`from_plain` turns it back."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: Any, data: Any, name: str = "") -> Any:
    """The value of type ``kind`` that :func:`to_plain` made ``data`` of; ``name`` is its field's.

    Raises:
        ValueError: saying what it must be, if it is something else, or out of its field's range.
    """
    return _reader(kind, name)(data)


def field_types(kind: type) -> dict[str, Any]:
    """The type of each field of a record, by name."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def optional(kind: Any) -> Any:
    """What a type is where it is not None; None for a type that never is."""
    if get_origin(kind) not in (Union, types.UnionType):
        return None
    rest = [item for item in get_args(kind) if item is not type(None)]
    return rest[0] if len(rest) == 1 else Any


@cache
def _reader(kind: Any, name: str) -> Reader:
    """What turns plain data into a value of that type."""
    inner, origin = optional(kind), get_origin(kind)
    if inner is not None:
        read = _reader(inner, name)
        return lambda data: None if data is None else read(data)
    if kind is Any:
        return lambda data: data
    if kind in (int, float):
        return lambda data: _number(kind, name, data)
    if kind in (str, bool):
        return lambda data: _of_type(kind, data)
    if origin is Literal:
        return lambda data: _one_of(get_args(kind), data)
    if origin is tuple:
        return _sequence_reader(get_args(kind), name)
    if is_dataclass(kind):
        return _record_reader(kind)
    value_type = get_args(kind)[1] if get_args(kind) else Any
    read_value = _reader(value_type, name)

    def mapping(data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise ValueError(f"must be names with their values, got {_short(data)}")
        return {key: read_value(item) for key, item in data.items()}

    return mapping


def _sequence_reader(parts: tuple[Any, ...], name: str) -> Reader:
    endless = parts[-1] is Ellipsis
    readers = [_reader(part, name) for part in parts if part is not Ellipsis]

    def sequence(data: Any) -> tuple[Any, ...]:
        if not isinstance(data, list) or not (endless or len(data) == len(readers)):
            length = "" if endless else f" of {len(readers)}"
            raise ValueError(f"must be a list{length}, got {_short(data)}")
        each = readers * len(data) if endless else readers
        return tuple(read(item) for read, item in zip(each, data, strict=True))

    return sequence


def _record_reader(kind: Any) -> Reader:
    readers = {name: _reader(hint, name) for name, hint in field_types(kind).items()}
    needed = [field.name for field in fields(kind) if not has_default(field)]

    def record(data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError(f"must be names with their values, got {_short(data)}")
        if missing := [name for name in needed if name not in data]:
            raise ValueError(f"must have {', '.join(missing)}, got {_short(data)}")
        if unknown := sorted(set(data) - set(readers)):
            raise ValueError(f"must have none but {', '.join(readers)}, got {', '.join(unknown)}")
        values = {}
        for name, item in data.items():
            try:
                values[name] = readers[name](item)
            except ValueError as error:
                raise ValueError(f"{name} {error}") from None
        return kind(**values)

    return record


def has_default(field: Field[Any]) -> bool:
    """Whether a record can be made without the field."""
    return field.default is not MISSING or field.default_factory is not MISSING


def _number(kind: type, name: str, data: Any) -> Any:
    allowed = int if kind is int else int | float
    if isinstance(data, bool) or not isinstance(data, allowed):
        raise ValueError(f"must be a {'whole number' if kind is int else 'number'}, got {_short(data)}")
    if not math.isfinite(data):
        raise ValueError(f"must be a finite number, got {data}")
    if kind is int and data > GREATEST_WHOLE:
        raise ValueError(f"must be at most {GREATEST_WHOLE}, got {_short(data)}")
    if name in SHARES and not 0 <= data <= 1:
        raise ValueError(f"must be between 0 and 1, got {data}")
    if name in POSITIVE and data <= 0:
        raise ValueError(f"must be > 0, got {data}")
    if name not in SIGNED and data < 0:
        raise ValueError(f"must be >= 0, got {data}")
    return data


def _of_type(kind: type, data: Any) -> Any:
    if not isinstance(data, kind):
        raise ValueError(f"must be {'a text' if kind is str else 'true or false'}, got {_short(data)}")
    return data


def _one_of(allowed: tuple[str, ...], data: Any) -> Any:
    if data not in allowed:
        raise ValueError(f"must be one of {', '.join(allowed)}, got {_short(data)}")
    return data


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else f"{text[:57]}..."
