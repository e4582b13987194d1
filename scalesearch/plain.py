"""Frozen descriptions out of plain data, as files and databases hold it: types and ranges are checked.

What a file holds was written by anybody: a value of the wrong type has to be an error where it is read, that
names it, not one in the middle of what is done with it.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache, partial
from types import MappingProxyType, UnionType
from typing import Any, Literal, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

Described = TypeVar("Described")


class Bounds(Protocol):
    """Which numbers can stand under the names of fields."""

    def range_of(self, name: str) -> tuple[float, float]:
        """Between which any number can; of others, which are few, :meth:`__call__` is asked."""

    def __call__(self, name: str, number: float) -> None:
        """Raises ValueError, saying what it must be, for a number that cannot stand under a name."""

    def __hash__(self) -> int:
        """What has been worked out with it is kept."""


GREATEST_WHOLE = 2**63 - 1
"""What a column of a table or a database takes, and a float still counts."""

PLAIN_WORDS: Mapping[Any, str] = MappingProxyType(
    {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
)


@dataclass(frozen=True, slots=True)
class Limit:
    """Between what a number has to be; ``above`` leaves ``least`` out, ``below`` leaves ``most`` out.

    ``most`` is far beyond what anybody would ask for, unless it is ``firm``: then help pages say it too.
    """

    least: float
    most: float
    above: bool = False
    below: bool = False
    firm: bool = False

    def require(self, name: str, number: Any) -> None:
        """Raises ValueError unless the number is within, saying what ``name`` must be."""
        finite = not isinstance(number, float) or math.isfinite(number)
        ends = (*([self.least] if self.above else []), *([self.most] if self.below else []))
        if finite and self.least <= number <= self.most and number not in ends:
            return
        kind = "" if isinstance(number, int) else "a finite number "
        if finite and (number > self.most or (self.below and number == self.most)):
            most = f"< {self.most:g}" if self.below else f"at most {self.most:,.0f}"
            raise ValueError(f"`{name}` must be {most}, got {shown(number)}")
        bound = "" if self.least < 0 and not finite else f"{'>' if self.above else '>='} {self.least:g}"
        raise ValueError(f"`{name}` must be {f'{kind}{bound}'.strip()}, got {shown(number)}")


YEAR_S = 365 * 24 * 3600.0
LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        # What is done: far beyond what anybody would wait for, or any machine hold.
        "threads": Limit(1, 1024),
        "seed": Limit(0, 2**32 - 1, firm=True),
        "images": Limit(1, 10**12),
        "epochs": Limit(0, 1e6, above=True),
        "batch_size": Limit(1, 1_000_000),
        # Recipes: what an optimiser and a transform can be told.
        "learning_rate": Limit(0, 1e30, above=True),
        "momentum": Limit(0, 1, below=True),
        "weight_decay": Limit(0, 1e6),
        "warmup_epochs": Limit(0, 1e6),
        "label_smoothing": Limit(0, 1, below=True),
        "ema_decay": Limit(0, 1, below=True),
        "ema_share": Limit(0, 1),
        "crop_scale": Limit(0, 1, above=True),
        "dropout": Limit(0, 1, below=True),
        "drop_path": Limit(0, 1, below=True),
        "norm_momentum": Limit(0, 1, above=True),
        "looks": Limit(1, 10_000),
        # Networks: from next to nothing to more than can be built.
        "lengths": Limit(0, 1e6, above=True),
        "alpha": Limit(1, 100),
        "beta": Limit(1, 100),
        "gamma": Limit(1, 100),
        "step": Limit(0, 10, above=True),
        "tolerance": Limit(0, 1e6),
        "depth": Limit(0, 1e12, above=True),
        "width": Limit(0, 1e12, above=True),
        "resolution": Limit(0, 1e12, above=True),
    }
)
"""Of the numbers of descriptions, by name; a number that is a setting has its limit at its field."""


def require_limits(owner: object, *names: str) -> None:
    """Raises ValueError unless each field is within its limits; a list's numbers each, None anyway."""
    for name in names:
        value = getattr(owner, name)
        for number in value if isinstance(value, tuple) else (value,):
            if number is not None:
                require_within(name, number)


def require_within(name: str, number: Any) -> None:
    """Raises ValueError unless a number is within the limits of that name."""
    LIMITS[name].require(name, number)


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


def typed(cls: type[Described], data: object, bounds: Bounds | None = None) -> Described:
    """A frozen description out of a table of its fields, lists made tuples.

    Args:
        cls: the description's class.
        data: the table.
        bounds: asked of each number, however deep it lies.

    Raises:
        ValueError: if ``data`` is no such table: a field is missing, unknown, or of another type.
    """
    if isinstance(data, cls):
        return data
    return cls(**checked(cls, data, bounds))


def checked(cls: type, data: object, bounds: Bounds | None = None) -> dict[str, Any]:
    """What :func:`typed` makes a description of, for a class that still has to work on it.

    Raises:
        ValueError: as there.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"it must be a table, got {shown(data)}")
    fields_, needed = _readers(cls, bounds)
    if not data.keys() <= fields_.keys():
        unknown = sorted(str(name) for name in data if name not in fields_)
        raise ValueError(f"settings must be known ones, got {', '.join(unknown)}")
    if not data.keys() >= needed.keys():
        raise ValueError(f"`{next(name for name in needed if name not in data)}` is missing")
    values, name = {}, ""
    try:
        for name, value in data.items():
            kind, least, greatest, reader = fields_[name]
            # What needs no second look, which is nearly everything.
            plain = type(value) is kind and (least is None or least <= value <= greatest)  # type: ignore[operator]  # a number
            values[name] = value if plain else reader(value)
    except ValueError as error:
        # What is wrong with the value itself, or with something in it that has a name of its own.
        colon = "" if str(error).startswith("must ") else ":"
        raise ValueError(f"`{name}`{colon} {error}") from error
    return values


Reader = Callable[[Any], Any]
Plain = tuple[type | None, float | None, float]
"""The type of what needs no second look, and of a number between what; no type where everything does."""


@cache
def _readers(
    cls: type, bounds: Bounds | None
) -> tuple[dict[str, tuple[type | None, float | None, float, Reader]], dict[str, None]]:
    """What reads each field of a description, by name; and the fields that it can't be without, in order."""
    readers = {
        name: (*_plain(hint, name, bounds), _reader(hint, name, bounds))
        for name, hint in field_types(cls).items()
    }
    return readers, {field.name: None for field in fields(cls) if is_needed(field)}


@cache
def field_types(cls: type) -> Mapping[str, Any]:
    """The type of each field of a description, by name."""
    hints = get_type_hints(cls)
    return MappingProxyType({field.name: hints[field.name] for field in fields(cls)})


def is_needed(field: Field[Any]) -> bool:
    """Whether no description can be made without the field."""
    return field.default is MISSING and field.default_factory is MISSING


def value_of(hint: Any, value: Any, name: str = "", bounds: Bounds | None = None) -> Any:
    """A value of type ``hint`` out of plain data; ``name`` is its field's, for ``bounds``.

    Raises:
        ValueError: saying what it must be, without naming it.
    """
    return _reader(hint, name, bounds)(value)


@cache
def _reader(hint: Any, name: str, bounds: Bounds | None) -> Reader:
    """What reads values of a type: taken apart once, as thousands of networks hold a hundred values each."""
    origin, choices = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return lambda value: value
    if origin in (Union, UnionType):
        readers = tuple(_reader(choice, name, bounds) for choice in choices if choice is not type(None))
        return _one_of(readers, optional=type(None) in choices)
    if origin is Literal:
        return partial(_choice, choices)
    if origin is tuple and len(choices) == 2 and choices[1] is Ellipsis:
        return partial(_list, _reader(choices[0], name, bounds))
    if origin is tuple:
        return partial(_sequence, tuple(_reader(choice, name, bounds) for choice in choices))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return partial(_table, _reader(choices[1], name, bounds))
    if is_dataclass(hint) and isinstance(hint, type):
        return lambda value: typed(hint, value, bounds)
    kind, least, greatest = _plain(hint, name, bounds)

    def read(value: Any) -> Any:
        if type(value) is kind and (least is None or least <= value <= greatest):  # type: ignore[operator]  # a number
            return value
        return _plain_value(hint, value, name, bounds)

    return read


def _plain_value(hint: type, value: Any, name: str, bounds: Bounds | None) -> Any:
    if hint in (int, float):
        whole = isinstance(value, int)
        if is_number(value) and (whole or hint is float):
            if bounds is not None:
                bounds(name, value)
            return hint(value)
        too_large = whole and not isinstance(value, bool)
    elif isinstance(value, hint):
        return value
    else:
        too_large = False
    kind = f"at most {GREATEST_WHOLE:,}" if too_large else PLAIN_WORDS.get(hint, hint.__name__)
    raise ValueError(f"must be {kind}, got {shown(value)}")


def _plain(hint: Any, name: str, bounds: Bounds | None) -> Plain:
    if get_origin(hint) in (Union, UnionType):
        choices = [choice for choice in get_args(hint) if choice is not type(None)]
        return _plain(choices[0], name, bounds) if len(choices) == 1 else (None, None, 0)
    if hint is str or hint is bool:
        return hint, None, 0
    if hint is not float and hint is not int:
        return None, None, 0
    least, greatest = (-math.inf, math.inf) if bounds is None else bounds.range_of(name)
    if hint is int:
        least, greatest = max(least, -GREATEST_WHOLE), min(greatest, GREATEST_WHOLE)
    return hint, least, greatest


def _one_of(readers: tuple[Reader, ...], *, optional: bool) -> Reader:
    def read(value: Any) -> Any:
        wrong: ValueError | None = None
        for reader in readers:
            try:
                return reader(value)
            except ValueError as error:
                wrong = wrong or error
        assert wrong is not None  # a union has more than None
        raise wrong

    several = readers[0] if len(readers) == 1 else read
    return (lambda value: None if value is None else several(value)) if optional else several


def _choice(choices: tuple[Any, ...], value: Any) -> Any:
    if not (isinstance(value, str | int) and value in choices):
        raise ValueError(f"must be one of {', '.join(map(str, choices))}, got {shown(value)}")
    return value


def _list(reader: Reader, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list, got {shown(value)}")
    return tuple([reader(item) for item in value])


def _sequence(readers: tuple[Reader, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list, got {shown(value)}")
    if len(value) != len(readers):
        raise ValueError(f"must be a list of {len(readers)}, got {shown(value)}")
    return tuple([reader(item) for reader, item in zip(readers, value, strict=True)])


def _table(reader: Reader, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"must be a table, got {shown(value)}")
    return {key: reader(item) for key, item in value.items()}
