"""The batches of a run, read to their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from scalesearch.training.images import ImageSource
from scalesearch.training.recipe import ProxyRecipe
from scalesearch.training.rendering import Batch, host_batches
from scalesearch.training.step import Batches


def all_of(
    way: Callable[..., Batches | None],
    source: ImageSource,
    recipe: ProxyRecipe,
    size: tuple[int, int],
    numbers: range,
) -> list[Batch]:
    """The batches of those numbers, brought in one of the ways there are, on the CPU."""
    named: dict[str, Any] = {"dataset": "photographs"} if way is host_batches else {}
    batches = way(source, recipe, size=size, batches=numbers, device=torch.device("cpu"), **named)
    assert batches is not None
    given = []
    for number in numbers:
        batches.ready(number)
        images, labels = batches.batch()
        given.append((images.clone(), labels.clone()))
    return given
