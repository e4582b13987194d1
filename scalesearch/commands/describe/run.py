"""``scalesearch describe``: the network that is asked for, and what a recipe comes to."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from scalesearch.fields import require_settings, setting
from scalesearch.networks.baselines import baseline, chosen_baseline
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import MOST, Arch, Rounding, with_exponents
from scalesearch.plain import LIMITS, Limit
from scalesearch.scaling import Multipliers
from scalesearch.study.settings import StagesSettings
from scalesearch.training.dataset import PHOTOGRAPHS_SIZE
from scalesearch.training.recipe import ACCELERATOR_IMAGES, ACCELERATORS, CPU_IMAGES, ProxyRecipe

ITS_OWN = "its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeSettings(StagesSettings):
    """What is described: a network with what is changed of it (None: as it is), or ``recipe`` in its place.

    ``resolution`` is height and width in pixels.

    Raises:
        ValueError: if a number is beyond its limit.
    """

    recipe: str | ProxyRecipe | None = setting(
        None, form="recipe", help="A recipe instead of a network: all its values, what each means."
    )
    depth: float = setting(1.0, limit=LIMITS["depth"], help="Times as many blocks in a stage.")
    width: float = setting(1.0, limit=LIMITS["width"], help="Times as many channels.")
    resolution: tuple[int, int] | None = setting(
        None, form="size", limit=Limit(1, MOST), help="Input in pixels: 224, or 320x192.", unset=ITS_OWN
    )
    stem_stride: int | None = setting(None, limit=Limit(1, MOST), help="1: for small images.", unset=ITS_OWN)
    classes: int | None = setting(None, limit=Limit(1, MOST), help="Outputs.", unset=ITS_OWN)
    in_channels: int | None = setting(
        None, limit=Limit(1, MOST), help="Channels of the input.", unset=ITS_OWN
    )

    def __post_init__(self) -> None:
        require_settings(self)


def described(network: str | Arch, settings: DescribeSettings, rounding: Rounding) -> Arch:
    """The network with what the settings change of it; under another name where that is another network.

    Raises:
        ValueError: if there is no such network, or it can't be so changed.
    """
    given = baseline(network) if isinstance(network, str) else network
    arch = with_exponents(chosen_baseline(given.name, given, settings.stem_stride), settings.stages)
    arch = scale(arch, Multipliers(depth=settings.depth, width=settings.width), rounding)
    if settings.resolution is not None:
        height, width = settings.resolution
        arch = replace(arch, resolution=height, resolution_width=width)
    ends: dict[str, Any] = {"classes": settings.classes, "in_channels": settings.in_channels}
    arch = replace(arch, **{name: value for name, value in ends.items() if value is not None})
    return arch if arch.code or arch == given else replace(arch, name=f"my-{given.name}")


def lengths(recipe: ProxyRecipe) -> list[dict[str, Any]]:
    """What a recipe's values come to at the length that it has, or that each kind of device has."""
    examples = PHOTOGRAPHS_SIZE.train_images
    if recipe.images is None and recipe.epochs is None:
        kinds = {"cpu": CPU_IMAGES, ", ".join(ACCELERATORS): ACCELERATOR_IMAGES}
        runs = {device: replace(recipe, images=images) for device, images in kinds.items()}
    else:
        runs = {"any": recipe}
    rows = []
    for device, run in runs.items():
        steps = run.steps(examples)
        decay = run.decay(steps) if run.averages else None
        rows.append(
            {
                "device": device,
                "images": steps * run.batch_size,
                "steps": steps,
                "epochs_of_photographs": steps * run.batch_size / examples,
                "peak_rate": run.learning_rate * run.batch_size / 256,
                "pass_images": run.images_of_a_pass,
                "average_decay": decay,
                "average_steps": None if decay is None else round(1 / (1 - decay), 1),
                "looks_at": sorted(
                    {math.ceil(steps * n / run.looks) * run.batch_size for n in range(1, run.looks + 1)}
                ),
            }
        )
    return rows
