"""The answer of a search as its page and the terminal tell it: what a surface over its runs says at each
length.
"""

from __future__ import annotations

import math

from scalesearch.belief.runs import whole_runs
from scalesearch.proxy.recipe import RECIPES, ProxyRecipe
from scalesearch.records import RunRecord

__all__ = ["lengths"]

PARTS = (0.25, 0.5, 1.0)
"""Of the whole length: where a search is looked at to see whether its answer still moves."""
TOLERANCE = 1.25
"""A look may be so many times earlier or later than the part that it stands for."""


def lengths(run: RunRecord) -> tuple[int, ...]:
    """The looks, in training images and rising, at which the answer is read: the last is the whole length.

    About a quarter and a half of it come first where looks before the end mean something: where the weights
    that are judged are an average, and the rate is still the full one (the trapezoid's).
    """
    looks = sorted({point.images for c in run.candidates for r in whole_runs(c) for point in r.curve})
    whole = looks[-1:] or sorted({r.images_seen for c in run.candidates for r in whole_runs(c)})[-1:]
    if not whole or not _looks_mean_something(run):
        return tuple(whole)
    end = whole[0]
    nearest = [min(looks, key=lambda images: abs(math.log(images / (part * end)))) for part in PARTS]
    fit = {
        images
        for images, part in zip(nearest, PARTS, strict=True)
        if 1 / TOLERANCE <= images / (part * end) <= TOLERANCE
    }
    return tuple(sorted(fit))


def _looks_mean_something(run: RunRecord) -> bool:
    values = run.settings.get("recipe_values")
    try:
        recipe = RECIPES[run.settings["recipe"]] if values is None else ProxyRecipe(**values)
    except (KeyError, TypeError, ValueError):
        return False
    return recipe.averages and recipe.schedule == "trapezoid"
