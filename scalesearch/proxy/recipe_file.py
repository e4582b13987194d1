"""A recipe as a TOML file: to read, to write, and what each of its values means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomli_w

from scalesearch.files import read_toml
from scalesearch.plain import is_needed, shown, typed
from scalesearch.proxy.recipe import RECIPES, ProxyRecipe
from scalesearch.text import near

__all__ = [
    "MEANINGS",
    "NETWORKS_OWN",
    "OF_NETWORK",
    "read_recipe",
    "recipe_toml",
    "recipe_values",
    "recipes_apart",
]

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "name": "what it is called, in tables and on pages",
        "optimizer": "adamw, sgd (Nesterov's momentum) or rmsprop (the paper's decay and epsilon)",
        "learning_rate": "the peak rate for a batch of 256 images; another batch's is in proportion",
        "momentum": "of sgd and rmsprop; adamw has its own",
        "weight_decay": "of kernels; biases and batch norm's scales are not decayed",
        "schedule": "one-cycle: up a fifth, then down half a cosine. trapezoid: up a tenth, level, down over "
        "the last 30%. exponential: x 0.97 every 2.4 epochs",
        "warmup_epochs": "epochs of rising rate before the exponential schedule; the others have their own",
        "batch_size": "images of an optimiser step",
        "accumulation": "passes that a step's images are taken in, for batches that the memory doesn't hold",
        "images": "training images that a run sees, or:",
        "epochs": "passes over the training images; without either 4,000 images on a CPU, 64,000 on a GPU",
        "label_smoothing": "how much of each label is spread over all classes",
        "ema_decay": "decay in a step of the average of the weights that is judged, or:",
        "ema_share": "how far back it looks, as a share of the run's steps; 0 and 0: the weights are judged",
        "augmentation": "crop-flip, or autoaugment as well",
        "crop_scale": "the least share of an image's area that a random crop keeps",
        "dropout": "before the classifier; network: its own",
        "drop_path": "of residual branches (stochastic depth); network: its own",
        "norm_momentum": "of batch norm's running statistics, as torch counts it; network: its own",
        "zero_init_residual": "every residual branch starts at zero, so that deep networks train at once",
        "looks": "how often the held-out images are looked at, evenly spread, the last time at the end",
    }
)
"""A sentence on each value of a recipe, in the order of a file. The seed is the run's, not the recipe's."""
OF_NETWORK = ("dropout", "drop_path", "norm_momentum")
"""What a recipe may leave to the network, written as:"""
NETWORKS_OWN = "network"
SETTINGS = ("name", "batch_size", "images", "epochs")
"""What settings say themselves, and the command line may."""
# Of each pair a file gives one, which is then meant instead of the base's other.
INSTEAD = (("images", "epochs"), ("ema_decay", "ema_share"))


def read_recipe(path: Path) -> ProxyRecipe:
    """The recipe in a TOML file; what it leaves out is its ``base``'s, a built-in recipe.

    Without a ``name`` it is called like the file, and so is one that has a built-in recipe's name but other
    values. One whose values are all a built-in recipe's of the same name is that recipe.

    Raises:
        ValueError: naming ``recipe``, the file and the key, if the file can't be read, a key is unknown or
            missing, a value can't be, or the file is called like a built-in recipe with other values.
    """
    try:
        if not path.is_file():
            raise ValueError("there is no such file")
        data = read_toml(path)
    except OSError as error:
        raise ValueError(f"`recipe` must be a file that can be read, got {path}: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"`recipe` must be a TOML file, got {path}: {error}") from error
    try:
        return _recipe(data, _called_like(path))
    except ValueError as error:
        reason = str(error).replace("`", "")
        raise ValueError(f"`recipe` must describe a recipe, got {path}: {reason}") from error


def _called_like(path: Path) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._")[:80] or "recipe"


def _recipe(data: dict[str, Any], called: str) -> ProxyRecipe:
    data = {"name": called} | data
    base = data.pop("base", None)
    if base is not None and not (isinstance(base, str) and base in RECIPES):
        meant = near(base, RECIPES) if isinstance(base, str) else ""
        raise ValueError(f"base must be one of {', '.join(RECIPES)}, got {shown(base)}{meant}")
    for key in data:
        if key not in MEANINGS:
            hint = " (--seed says it)" if key == "seed" else near(key, MEANINGS)
            listed = "" if hint else f"; there may be base, {', '.join(MEANINGS)}"
            raise ValueError(f"unknown key {shown(key)}{hint}{listed}")
    values = {} if base is None else _based_on(RECIPES[base], data)
    values |= {
        name: None if name in OF_NETWORK and value == NETWORKS_OWN else value for name, value in data.items()
    }
    for field in fields(ProxyRecipe):
        if field.name not in values and is_needed(field):
            raise ValueError(
                f"{field.name} is missing: give it, or base = {', '.join(RECIPES)} for all that is not given"
            )
    recipe = typed(ProxyRecipe, values)
    if recipe.name not in RECIPES or recipe == RECIPES[recipe.name]:
        return recipe
    # Most often what describe printed, and then was changed.
    if called in RECIPES:
        raise ValueError(
            f"name must not be that of a built-in recipe, got {recipe.name!r}: say another in the file, "
            "which is called like one"
        )
    return replace(recipe, name=called)


def _based_on(base: ProxyRecipe, data: Mapping[str, Any]) -> dict[str, Any]:
    """The values of ``base`` that stand beside those of a file."""
    if isinstance(size := data.get("batch_size"), int) and 2 <= size <= 10**6 and "accumulation" not in data:
        base = base.at_batch(size)
    values = base.to_dict()
    for pair in INSTEAD:
        if any(name in data for name in pair):
            for name in pair:
                del values[name]
    return values


def recipe_values(recipe: ProxyRecipe) -> dict[str, Any]:
    """The values of a recipe as plain data, without what is not set and without the seed."""
    return {name: value for name in MEANINGS if (value := getattr(recipe, name)) is not None}


def recipes_apart(settings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Settings to be compared, where one has a user's own recipe with all recipes' values one by one.

    They stand by names such as ``recipe.looks``. Its length and batch are settings of their own already.
    """
    if not any(isinstance(one.get("recipe_values"), Mapping) for one in settings):
        return [dict(one) for one in settings]
    return [
        {name: value for name, value in one.items() if name != "recipe_values"} | _values_of(one)
        for one in settings
    ]


def _values_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    values, name = settings.get("recipe_values"), settings.get("recipe")
    if not isinstance(values, Mapping):
        built_in = RECIPES.get(name) if isinstance(name, str) else None
        values = {} if built_in is None else recipe_values(built_in)
    return {f"recipe.{key}": value for key, value in values.items() if key not in SETTINGS}


def recipe_toml(recipe: ProxyRecipe) -> str:
    """The file that :func:`read_recipe` reads ``recipe`` from, each value under its sentence."""
    lines = []
    for name, meaning in MEANINGS.items():
        value = getattr(recipe, name)
        if value is None and name in OF_NETWORK:
            value = NETWORKS_OWN
        lines.append(f"# {meaning}\n" + (f"# {name} =\n" if value is None else tomli_w.dumps({name: value})))
    return "".join(lines)
