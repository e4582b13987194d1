"""Values of options, refused in one form: ``--seeds must be a whole number >= 1, got 'x'``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from scalesearch.text import near

__all__ = ["NUMBER", "Choice", "NumberWithin", "Place", "Whole"]


class Choice(click.Choice[str]):
    """One of some names; an error names them all, and the nearest of them."""

    def __init__(self, choices: Iterable[str]) -> None:
        super().__init__(tuple(choices))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name.

        Raises:
            click.BadParameter: if it is none of them.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            names = tuple(self.choices)
            self.fail(
                f"must be one of {', '.join(names)}, got {str(value)!r}{near(str(value), names)}", param, ctx
            )


class Whole(click.IntRange):
    """A whole number within bounds, of which either may be left out."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number.

        Raises:
            click.BadParameter: if it is none, or out of bounds.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            words = f"a whole number{_bounds(self.min, self.max, is_open=self.min_open)}"
            self.fail(f"must be {words}, got {_given(value, int)}", param, ctx)


class _Number(click.types.FloatParamType):
    """Any number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number.

        Raises:
            click.BadParameter: if it is none.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"must be a number, got {str(value)!r}", param, ctx)


NUMBER = _Number()


class NumberWithin(click.FloatRange):
    """A number within bounds, of which either may be left out."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number.

        Raises:
            click.BadParameter: if it is none, or out of bounds.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            words = f"a number{_bounds(self.min, self.max, is_open=self.min_open)}"
            self.fail(f"must be {words}, got {_given(value, float)}", param, ctx)


class Place(click.Path):
    """The path of a file or a folder."""

    def __init__(self, *, exists: bool = False, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(path_type=Path, exists=exists, file_okay=file_okay, dir_okay=dir_okay)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path.

        Raises:
            click.BadParameter: if it is not there though it must be, or something else.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            what = "a folder" if not self.file_okay else "a file" if not self.dir_okay else "a file or folder"
            path = Path(value)
            if not path.exists():
                why = "is not there"
            elif path.is_dir() and not self.dir_okay:
                why = "is a folder"
            elif not path.is_dir() and not self.file_okay:
                why = "is a file"
            else:
                why = "cannot be read"
            self.fail(f"must be {what}, got {str(value)!r}, which {why}", param, ctx)


def _bounds(low: float | None, high: float | None, *, is_open: bool) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" {'>' if is_open else '>='} {low}"
    return "" if high is None else f" <= {high}"


def _given(value: object, number: type[int | float]) -> str:
    """A number as it is, all else as a text."""
    text = str(value)
    try:
        number(text)
    except ValueError:
        return repr(text)
    return text
