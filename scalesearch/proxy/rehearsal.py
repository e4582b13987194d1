"""Training tried before a run begins: two steps and a look of a user's own network, on random images."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import torch
from safetensors.torch import save
from torch import nn

from scalesearch.architecture.code_import import reason_of
from scalesearch.architecture.code_layout import training_layout
from scalesearch.architecture.code_network import build_code, running, taken_from
from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.export.contents import contents_of, put_back, storable
from scalesearch.proxy.recipe import ProxyRecipe
from scalesearch.proxy.step import Normalise
from scalesearch.proxy.train import NonFiniteLossError, begin_run, judge, make_step, point_of

__all__ = ["rehearse"]

FEWEST = 2
SHOWN = 3


def rehearse(spec: CodeSpec, recipe: ProxyRecipe, device: torch.device) -> tuple[str, ...]:
    """What has to be said of training a network that a user's own code builds, a sentence each.

    Raises:
        ValueError: if it can't be trained as ``recipe`` says, judged, or stored and taken up again.
    """
    layout = training_layout(spec, recipe.images_of_a_pass, device)  # which raises where no pass can be run
    short = replace(recipe, batch_size=FEWEST, accumulation=1)
    try:
        untouched, kinds = _trained(spec, short, device)
    except ValueError:
        if recipe.batch_size == FEWEST:
            raise
        untouched, kinds = _trained(spec, recipe, device)
    notes = []
    if layout == torch.contiguous_format:
        notes.append(
            "Maps lie channels first in memory (contiguous): the network can't be trained channels last, "
            "which is faster elsewhere."
        )
    if kinds:
        where = "; ".join(f"in {mode} {what}" for mode, what in sorted(kinds.items()))
        notes.append(f"Of all that the network gives, the main logits alone are trained and judged: {where}.")
    if untouched:
        rest = f" and {len(untouched) - SHOWN} more" if len(untouched) > SHOWN else ""
        notes.append(
            f"Parameters that got no gradient in two trial steps, and may stay as they start: "
            f"{', '.join(untouched[:SHOWN])}{rest}."
        )
    return tuple(notes)


def _trained(spec: CodeSpec, recipe: ProxyRecipe, device: torch.device) -> tuple[list[str], dict[str, str]]:
    """The trainable parameters without a gradient, and of what logits were taken."""
    gpus = [device] if device.type == "cuda" else []
    shape = (spec.in_channels, *spec.input_size)
    with torch.random.fork_rng(devices=gpus):
        _require_storable(spec, build_code(spec))
        run = begin_run(spec, recipe, device, None)
        count = recipe.images_of_a_pass
        images = torch.randint(0, 256, (count, *shape), dtype=torch.uint8).to(device)
        labels = (torch.arange(count) % spec.classes).to(device)
        normalise = Normalise(spec.in_channels, device, run.layout)
        with running(spec, torch.device("cpu"), "that can be trained on"):
            trial = make_step(run, recipe, _Same(images, labels), normalise, steps=100, images=len(images))
            for _ in range(2):
                # A network that holds on to a step's graph fails in the next.
                trial.run()
            if run.average is not None:
                run.average.take_extra_states(run.model)
            with suppress(NonFiniteLossError):  # on real images it may do better
                # The last batch may hold a single image.
                given = judge(run, [(images, labels), (images[:1], labels[:1])], normalise)
                point_of(given, 0.0, 0)
        trained = {n: p for n, p in run.model.named_parameters() if p.requires_grad}
        _require_storable(spec, run.judged)
    return [name for name, p in trained.items() if p.grad is None], dict(taken_from(run.model))


class _Same:
    """The same batch at every step."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self._all = images, labels
        self.changed: list[torch.Tensor] = []

    def ready(self, number: int) -> None:
        """It is there."""

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Images and labels."""
        return self._all


def _require_storable(spec: CodeSpec, network: nn.Module) -> None:
    """Refuses a network whose state no file without pickles holds, or that can't take it up again.

    Raises:
        ValueError: if that is so.
    """
    try:
        contents = contents_of(network)
        save(storable(contents.tensors))
        put_back(contents, build_code(spec), (spec.in_channels, *spec.input_size))
    except (Exception, SystemExit) as error:
        what = str(error) if isinstance(error, ValueError) else reason_of(error)
        raise ValueError(
            "`baseline` must build a network whose state can be stored and taken up again, got "
            f"{spec.target}: {what}"
        ) from None
