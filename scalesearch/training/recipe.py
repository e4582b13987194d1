"""How networks are trained: the recipes, and files of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import tomli_w

from scalesearch.files import read_toml
from scalesearch.plain import is_needed, require_limits, require_within, shown, typed
from scalesearch.scaling import exact
from scalesearch.text import bare, near

# ----------------------------------------------------------------------------------------------------
# The recipe of a proxy run: one frozen value that decides everything about a training run but its data.

Optimizer = Literal["adamw", "sgd", "rmsprop"]
Schedule = Literal["one-cycle", "trapezoid", "exponential"]
Augmentation = Literal["crop-flip", "autoaugment"]

# The share of a one-cycle run in which the rate rises in a line; over the rest it falls as half a cosine.
ONE_CYCLE_WARMUP = 0.2
# The trapezoid's: it rises in a line, stays, and over the last share falls in a line to zero.
TRAPEZOID_WARMUP = 0.1
TRAPEZOID_COOLDOWN = 0.3
# Images of a run where nobody says how long it is, by the kind of device: minutes of a search on either.
CPU_IMAGES = 4_000
ACCELERATOR_IMAGES = 64_000
ACCELERATORS = ("cuda", "xpu")
# It stands in tables, in pages and on command lines.
NAME = r"[a-z0-9][a-z0-9._-]{0,79}"
LIMITED = (
    *("learning_rate", "momentum", "weight_decay", "warmup_epochs", "label_smoothing"),
    *("ema_decay", "ema_share", "crop_scale", "dropout", "drop_path", "norm_momentum", "looks", "epochs"),
    "batch_size",
)


def default_images(device: str) -> int:
    """Training images of a run on a device such as ``cuda:1``, where neither recipe nor user says."""
    return ACCELERATOR_IMAGES if device.partition(":")[0] in ACCELERATORS else CPU_IMAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRecipe:
    """Everything that decides a training run, the data and the network aside.

    Attributes:
        name: of small letters, digits, dots, dashes and underscores.
        learning_rate: the peak rate, for a batch of 256 images; it is scaled in proportion to ``batch_size``.
        schedule: how the rate goes over the whole run. ``trapezoid`` (arXiv 2405.18392: a constant rate, then
            a cooldown) suits runs that pause to be compared: with an average its looks before the cooldown
            mean something too.
        warmup_epochs: epochs of linear warm-up of the exponential schedule (the others have their own).
        batch_size: images of an optimiser step.
        accumulation: passes that a step's images are taken in, ``batch_size / accumulation`` images each, for
            batches larger than the device's memory.
        images: training images seen in the whole run; None where ``epochs`` says it instead.
        epochs: passes over the training part; None where ``images`` says it instead. Without either the
            device decides (:func:`default_images`), and there is no counting the steps before.
        ema_decay: decay, in a step, of the moving average of the weights that is judged.
        ema_share: the same average by its horizon, a share of the run's steps: ``ema_decay`` is then
            ``1 - 1 / (ema_share * steps)``, so that it lags by the same share of a run of any length. At most
            one of the two is above 0; with neither the weights themselves are judged.
        dropout, drop_path, norm_momentum: override the network's own; None keeps them.
        zero_init_residual: start every residual branch at zero, so that deep networks train at once.
        looks: how many times the held-out part is looked at, evenly spaced, the last one at the end.
        seed: of initial weights, order, augmentation, dropout and stochastic depth.

    Raises:
        ValueError: naming the first field that can't be.
    """

    name: str
    optimizer: Optimizer
    learning_rate: float
    momentum: float
    weight_decay: float
    schedule: Schedule
    warmup_epochs: float
    batch_size: int
    accumulation: int = 1
    images: int | None = None
    epochs: float | None = None
    label_smoothing: float
    ema_decay: float = 0.0
    ema_share: float = 0.0
    augmentation: Augmentation
    crop_scale: float
    dropout: float | None = None
    drop_path: float | None = None
    norm_momentum: float | None = None
    zero_init_residual: bool
    looks: int
    seed: int = 0

    def __post_init__(self) -> None:
        if not re.fullmatch(NAME, self.name):
            raise ValueError(
                "`name` must be of small letters, digits, dots, dashes and underscores, at most 80 of them, "
                f"got {self.name[:100]!r}"
            )
        choices = (("optimizer", Optimizer), ("schedule", Schedule), ("augmentation", Augmentation))
        for name, allowed in choices:
            if getattr(self, name) not in get_args(allowed):
                raise ValueError(
                    f"`{name}` must be one of {', '.join(get_args(allowed))}, got {getattr(self, name)!r}"
                )
        for name, least in (("batch_size", 2), ("accumulation", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` must be >= {least}, got {getattr(self, name)}")
        require_limits(self, *LIMITED)
        if self.batch_size % self.accumulation or self.batch_size < 2 * self.accumulation:
            raise ValueError(
                f"`accumulation` must part a batch of {self.batch_size} into equal passes of at least 2 "
                f"images, got {self.accumulation}"
            )
        if self.images is not None and self.epochs is not None:
            raise ValueError(
                f"one of `images` and `epochs` must be given, got images={self.images}, epochs={self.epochs}"
            )
        if self.images is not None and self.images < self.batch_size:
            raise ValueError(f"`images` must be at least one batch of {self.batch_size}, got {self.images}")
        require_limits(self, "images")
        if self.ema_decay and self.ema_share:
            raise ValueError(
                "one of `ema_decay` and `ema_share` must be 0: both say how far back the average looks, got "
                f"ema_decay={self.ema_decay}, ema_share={self.ema_share}"
            )

    @property
    def images_of_a_pass(self) -> int:
        """Images that go through the network together: a step's, or the share of them in a pass."""
        return self.batch_size // self.accumulation

    @property
    def averages(self) -> bool:
        """Whether a moving average of the weights is judged."""
        return self.ema_decay > 0 or self.ema_share > 0

    def decay(self, steps: int) -> float:
        """The moving average's decay in each step of a run of so many."""
        return max(0.0, 1 - 1 / max(1.0, self.ema_share * steps)) if self.ema_share else self.ema_decay

    def at_batch(self, batch_size: int) -> ProxyRecipe:
        """The recipe with another batch, in the fewest equal passes of no more images than now.

        Raises:
            ValueError: if there is no such batch, or the recipe's length is less than one.
        """
        require_within("batch_size", batch_size)
        least = -(-batch_size // self.images_of_a_pass)
        passes = next((n for n in range(least, batch_size // 2 + 1) if batch_size % n == 0), 1)
        return replace(self, batch_size=batch_size, accumulation=passes)

    def steps(self, training_images: int) -> int:
        """Optimiser steps of whole batches for a training part of that many images (at least 1).

        Raises:
            ValueError: if neither ``images`` nor ``epochs`` is given.
        """
        if self.images is None and self.epochs is None:
            raise ValueError("one of `images` and `epochs` must be given, got neither")
        seen = self.images if self.images is not None else exact(self.epochs or 0) * training_images
        return self.steps_to(int(seen))

    def steps_to(self, images: int) -> int:
        """Optimiser steps of whole batches in that many training images (at least 1)."""
        return max(1, images // self.batch_size)

    def rate_factor(self, step: int, *, steps: int, training_images: int) -> float:
        """What the peak learning rate is multiplied by in step number ``step``, counted from 0.

        Args:
            step: the step.
            steps: of the whole run.
            training_images: in one epoch.
        """
        if self.schedule == "one-cycle":
            return _one_cycle(step, steps)
        if self.schedule == "trapezoid":
            return _trapezoid(step, steps)
        return _exponential(step * self.batch_size / training_images, self.warmup_epochs)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; ``ProxyRecipe(**data)`` turns it back."""
        return asdict(self)


def _one_cycle(step: int, steps: int) -> float:
    warmup = max(1.0, ONE_CYCLE_WARMUP * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, steps - warmup)))


def _trapezoid(step: int, steps: int) -> float:
    warmup = max(1.0, TRAPEZOID_WARMUP * steps)
    cooldown = max(1.0, TRAPEZOID_COOLDOWN * steps)
    return min(1.0, (step + 1) / (warmup + 1), (steps - step) / cooldown)


def _exponential(epoch: float, warmup_epochs: float) -> float:
    if epoch < warmup_epochs:
        return epoch / warmup_epochs
    return float(0.97 ** (epoch // 2.4))


# Batch norm averages over tens of steps instead of hundreds, and residual branches start at zero (arXiv
# 1706.02677, section 5.1): with the paper's own start a run this short ends before deep networks have begun
# to learn.
QUICK = ProxyRecipe(
    name="quick",
    optimizer="adamw",
    learning_rate=0.032,
    momentum=0.9,
    weight_decay=1e-4,
    schedule="one-cycle",
    warmup_epochs=0.0,
    batch_size=32,
    label_smoothing=0.1,
    augmentation="crop-flip",
    crop_scale=0.5,
    dropout=0.0,
    drop_path=0.0,
    norm_momentum=0.1,
    zero_init_residual=True,
    looks=4,
)

RECIPES: Mapping[str, ProxyRecipe] = MappingProxyType(
    {
        # For minutes on a CPU: QUICK, but the rate stays up until the last third, and an average of the
        # weights is judged (experiments/recipes.md shows what that gains).
        "steady": replace(QUICK, name="steady", schedule="trapezoid", ema_share=0.04),
        "quick": QUICK,
        # arXiv 1905.11946, section 5.2, and the official code: 0.016 for every 256 images, x 0.97 every 2.4
        # epochs, 350 epochs. Dropout and stochastic depth are the network's own.
        "paper": ProxyRecipe(
            name="paper",
            optimizer="rmsprop",
            learning_rate=0.016,
            momentum=0.9,
            weight_decay=1e-5,
            schedule="exponential",
            warmup_epochs=5.0,
            batch_size=4096,
            accumulation=32,
            epochs=350.0,
            label_smoothing=0.1,
            ema_decay=0.9999,
            augmentation="autoaugment",
            crop_scale=0.08,
            zero_init_residual=False,
            looks=10,
        ),
    }
)


# ----------------------------------------------------------------------------------------------------
# A recipe as a TOML file: to read, to write, and what each of its values means.

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
        raise ValueError(f"`recipe` must describe a recipe, got {path}: {bare(error)}") from error


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
