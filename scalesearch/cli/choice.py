"""A choice among names that says which of them somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from scalesearch.text import near

__all__ = ["Choice"]


class Choice(click.Choice[str]):
    """One of some names; click names them all, this also the nearest of them."""

    def __init__(self, choices: Iterable[str]) -> None:
        super().__init__(tuple(choices))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name.

        Raises:
            click.BadParameter: if it is none of them.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            meant = near(str(value), tuple(self.choices))
            return self.fail(
                f"{error.message.removesuffix('.')}{meant}" if meant else error.message, param, ctx
            )
