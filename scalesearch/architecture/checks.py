"""What fields of frozen descriptions have to be: each check names the field, its value and what would do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scalesearch.plain import shown

__all__ = [
    "MOST",
    "MOST_REPEATS",
    "blamed_on",
    "require_bool",
    "require_choice",
    "require_counts",
    "require_odd",
    "set_share",
]

# Far beyond any network that can be built: a count past it is a slip that would keep the counter busy.
MOST = 1_000_000
MOST_REPEATS = 1_000
LARGEST_FLOAT = 10**308


@contextmanager
def blamed_on(argument: str) -> Iterator[None]:
    """Errors about a network call it ``baseline``; here they call it what the command does."""
    try:
        yield
    except ValueError as error:
        raise ValueError(str(error).replace("`baseline`", argument)) from error


def require_counts(owner: object, *names: str, least: int = 1, most: int = MOST) -> None:
    """Raises ValueError unless each field is a whole number from ``least`` to ``most``."""
    for name in names:
        value = getattr(owner, name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            large = isinstance(value, int) and most < value < LARGEST_FLOAT
            told = f"{value:.4g}" if large else shown(value)
            raise ValueError(f"`{name}` must be a whole number from {least} to {most:,}, got {told}")


def require_odd(owner: object, *names: str) -> None:
    """Raises ValueError unless each field is odd."""
    # An even kernel can't be padded to keep ceil(size / stride), which the counts rely on.
    for name in names:
        if getattr(owner, name) % 2 == 0:
            raise ValueError(f"`{name}` must be odd, got {getattr(owner, name)}")


def require_choice(owner: object, name: str, choices: Any) -> None:
    """Raises ValueError unless the field is one of the texts of a ``Literal``."""
    # As typing.get_args gives them, in a third of the time: specs are made by the hundred thousand.
    if getattr(owner, name) not in choices.__args__:
        raise ValueError(
            f"`{name}` must be one of {', '.join(choices.__args__)}, got {getattr(owner, name)!r}"
        )


def require_bool(owner: object, *names: str) -> None:
    """Raises ValueError unless each field is true or false."""
    for name in names:
        if not isinstance(getattr(owner, name), bool):
            raise ValueError(f"`{name}` must be true or false, got {getattr(owner, name)!r}")


def set_share(owner: object, *names: str, below_one: bool = False) -> None:
    """Raises ValueError unless each field of the frozen ``owner`` is from 0 to 1; makes it a float."""
    for name in names:
        value = getattr(owner, name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and 0 <= value <= 1) or (below_one and value == 1):
            top = "below 1" if below_one else "1"
            raise ValueError(f"`{name}` must be from 0 to {top}, got {value!r}")
        # 0 and 0.0 are equal, but JSON tells them apart, and so would a key.
        object.__setattr__(owner, name, float(value))
