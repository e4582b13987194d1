"""--recipe: a built-in recipe by its name, or a file of the user's own."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from scalesearch.plain import typed
from scalesearch.proxy.recipe import RECIPES, ProxyRecipe
from scalesearch.proxy.recipe_file import read_recipe
from scalesearch.text import near

__all__ = ["RECIPE", "name_and_values", "with_recipe"]


class _Recipe(click.ParamType[str | ProxyRecipe]):
    """The name of a built-in recipe, or a file that describes one."""

    name = "recipe"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "NAME|FILE.toml"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | ProxyRecipe:
        if isinstance(value, ProxyRecipe) or value in RECIPES:
            chosen: str | ProxyRecipe = value
            return chosen
        text = str(value)
        if not text.lower().endswith(".toml"):
            self.fail(
                f"must be one of {', '.join(RECIPES)} or a .toml file, got {text!r}{near(text, RECIPES)}",
                param,
                ctx,
            )
        try:
            recipe = read_recipe(Path(text))
        except ValueError as error:
            self.fail(str(error).removeprefix("`recipe` "), param, ctx)
        # What describe printed of a built-in recipe is that recipe.
        return recipe.name if recipe.name in RECIPES else recipe


RECIPE = _Recipe()


def name_and_values(
    ctx: click.Context, _param: click.Parameter, value: str | ProxyRecipe | None
) -> str | None:
    """The recipe's name; its values, where it isn't built in, as ``recipe_values`` beside it."""
    ctx.params["recipe_values"] = value if isinstance(value, ProxyRecipe) else None
    return value.name if isinstance(value, ProxyRecipe) else value


def with_recipe(table: dict[str, Any], options: Collection[str | None]) -> dict[str, Any]:
    """A run's settings with the values that it keeps of a user's recipe as what --recipe takes.

    Raises:
        ValueError: if the values can't be a recipe's.
    """
    if "recipe" not in options or not isinstance(values := table.get("recipe_values"), dict):
        return table
    try:
        recipe = typed(ProxyRecipe, values)
    except ValueError as error:
        raise ValueError(f"`recipe_values`: {error}") from error
    return {name: value for name, value in table.items() if name != "recipe_values"} | {"recipe": recipe}
