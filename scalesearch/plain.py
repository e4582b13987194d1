"""Frozen descriptions out of plain data, as TOML, JSON and databases hold it: types and ranges are checked.

What a file holds was written by anybody: a value of the wrong type has to be an error where it is read, that
names it, not one in the middle of what is done with it.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = [
    "LIMITS",
    "Limit",
    "checked",
    "is_number",
    "is_utf8",
    "require_limits",
    "require_utf8",
    "require_within",
    "shown",
    "typed",
]

Described = TypeVar("Described")

GREATEST_WHOLE = 2**63 - 1
"""What a column of a table or a database takes, and a float still counts."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Between what a number has to be; ``above`` leaves ``least`` itself out."""

    least: float
    most: float
    above: bool = False


YEAR_S = 365 * 24 * 3600.0
LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        # What is done: far beyond what anybody would wait for, or any machine hold.
        "jobs": Limit(1, 1024),
        "threads": Limit(1, 1024),
        "seed": Limit(0, 2**32 - 1),
        "seeds": Limit(1, 1000),
        "images": Limit(1, 10**12),
        "epochs": Limit(0, 1e6, above=True),
        "batch_size": Limit(1, 1_000_000),
        "held_out": Limit(2, 10**9),
        "latency_batch_size": Limit(1, 1_000_000),
        "processes": Limit(1, 10_000),
        "pairs": Limit(1, 1_000_000),
        "random": Limit(0, 10_000),
        "trials": Limit(1, 100_000),
        "batch": Limit(1, 10_000),
        "max_rounds": Limit(1, 1000),
        "max_networks": Limit(0, 10**9),
        "networks": Limit(1, 10**9),
        "stall_timeout": Limit(0, YEAR_S, above=True),
        "min_time": Limit(0, 24 * 3600.0, above=True),
        "time_budget": Limit(0, YEAR_S),
        # Networks: from next to nothing to more than can be built.
        "phi": Limit(-100, 100),
        "phis": Limit(-100, 100),
        "train_phi": Limit(-100, 100),
        "lengths": Limit(0, 1e6, above=True),
        "alpha": Limit(1, 100),
        "beta": Limit(1, 100),
        "gamma": Limit(1, 100),
        "step": Limit(0, 10, above=True),
        "tolerance": Limit(0, 1e6),
        "budget_tolerance": Limit(0, 1e6),
        "budget_ratio": Limit(1, 1e6, above=True),
        "reward_target": Limit(0, 1e18),
        "reward_weight": Limit(-100, 0),
        "depth": Limit(0, 1e12, above=True),
        "width": Limit(0, 1e12, above=True),
        "resolution": Limit(0, 1e12, above=True),
        "baseline_width": Limit(0, 1e6, above=True),
        "baseline_resolution": Limit(1, 1_000_000),
        "baseline_resolution_width": Limit(1, 1_000_000),
    }
)
"""Of the numbers that a user says, by the name that settings and options share."""


def require_limits(owner: object, *names: str) -> None:
    """Raises ValueError unless each field is within its limits; a list's numbers each, None anyway."""
    for name in names:
        value = getattr(owner, name)
        for number in value if isinstance(value, tuple) else (value,):
            if number is not None:
                require_within(name, number)


def require_within(name: str, number: Any) -> None:
    """Raises ValueError unless a number is within the limits of that name."""
    limit = LIMITS[name]
    finite = not isinstance(number, float) or math.isfinite(number)
    if finite and limit.least <= number <= limit.most and not (limit.above and number == limit.least):
        return
    kind = "" if isinstance(number, int) else "a finite number "
    if finite and number > limit.most:
        raise ValueError(f"`{name}` must be at most {limit.most:,.0f}, got {shown(number)}")
    bound = "" if limit.least < 0 and not finite else f"{'>' if limit.above else '>='} {limit.least:g}"
    raise ValueError(f"`{name}` must be {f'{kind}{bound}'.strip()}, got {shown(number)}")


def require_utf8(owner: object, *names: str) -> None:
    """Raises ValueError unless each field that is a text, or a list of them, can be kept in a file of UTF-8.

    The name of a file need not be: Python has lone surrogates in the place of bytes that are no letters.
    """
    for name in names:
        value = getattr(owner, name)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and not is_utf8(text):
                raise ValueError(f"`{name}` must be a text of UTF-8, got {text!r}: rename what it names")


def is_utf8(text: str) -> bool:
    """Whether a text has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(value: object) -> str:
    """A value as an error shows it: on one line, and of a long one the two ends."""
    return reprlib.repr(value)


def is_number(value: object) -> bool:
    """Whether a value is a number that can be reckoned with, which true and false are not."""
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) <= GREATEST_WHOLE
    return isinstance(value, float)


def typed(cls: type[Described], data: object) -> Described:
    """A frozen description out of a table of its fields, lists made tuples.

    Raises:
        ValueError: if ``data`` is no such table: a field is missing, unknown, or of another type.
    """
    if isinstance(data, cls):
        return data
    return cls(**checked(cls, data))


def checked(cls: type, data: object) -> dict[str, Any]:
    """What :func:`typed` makes a description of, for a class that still has to work on it.

    Raises:
        ValueError: as there.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"it must be a table, got {shown(data)}")
    hints = _hints(cls)
    if unknown := sorted(str(name) for name in data if name not in hints):
        raise ValueError(f"settings must be known ones, got {', '.join(unknown)}")
    for field in fields(cls):
        if field.name not in data and field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"`{field.name}` is missing")
    return {str(name): _value(str(name), value, hints[name]) for name, value in data.items()}


@cache
def _hints(cls: type) -> dict[str, Any]:
    """The fields' types, by name."""
    known, hints = {field.name for field in fields(cls)}, get_type_hints(cls)
    return {name: hint for name, hint in hints.items() if name in known}


def _value(name: str, value: Any, hint: Any) -> Any:
    origin, choices = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return value
    if origin in (Union, UnionType):
        return _one_of(name, value, choices)
    if origin is Literal:
        return _literal(name, value, choices)
    if origin is tuple:
        return _sequence(name, value, choices)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ValueError(f"`{name}` must be a table, got {shown(value)}")
        return {key: _value(name, item, choices[1]) for key, item in value.items()}
    if is_dataclass(hint) and isinstance(hint, type):
        try:
            return typed(hint, value)
        except ValueError as error:
            raise ValueError(f"`{name}`: {error}") from error
    return _plain_value(name, value, hint)


def _plain_value(name: str, value: Any, hint: type) -> Any:
    if hint is float and is_number(value):
        return float(value)
    if hint is int and isinstance(value, int) and is_number(value):
        return value
    if hint not in (int, float) and isinstance(value, hint):
        return value
    words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    too_large = hint in (int, float) and isinstance(value, int) and not isinstance(value, bool)
    kind = f"at most {GREATEST_WHOLE:,}" if too_large else words.get(hint, hint.__name__)
    raise ValueError(f"`{name}` must be {kind}, got {shown(value)}")


def _one_of(name: str, value: Any, choices: tuple[Any, ...]) -> Any:
    if value is None and type(None) in choices:
        return None
    wrong: ValueError | None = None
    for hint in choices:
        if hint is not type(None):
            try:
                return _value(name, value, hint)
            except ValueError as error:
                wrong = wrong or error
    assert wrong is not None  # a union has more than None
    raise wrong


def _literal(name: str, value: Any, choices: tuple[Any, ...]) -> Any:
    if not (isinstance(value, str | int) and value in choices):
        raise ValueError(f"`{name}` must be one of {', '.join(map(str, choices))}, got {shown(value)}")
    return value


def _sequence(name: str, value: Any, choices: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"`{name}` must be a list, got {shown(value)}")
    if len(choices) == 2 and choices[1] is Ellipsis:
        return tuple(_value(name, item, choices[0]) for item in value)
    if len(value) != len(choices):
        raise ValueError(f"`{name}` must be a list of {len(choices)}, got {shown(value)}")
    return tuple(_value(name, item, hint) for item, hint in zip(value, choices, strict=True))
