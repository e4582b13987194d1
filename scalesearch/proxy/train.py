"""The proxy run: one short training of one network, from its recipe and nothing else."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scalesearch.architecture.code_layout import lay_out, training_layout
from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.network import build, zero_init_residual
from scalesearch.architecture.spec import Arch
from scalesearch.export.contents import Contents, contents_of, put_back
from scalesearch.export.state import State
from scalesearch.proxy.average import MovingAverage
from scalesearch.proxy.checkpoint import (
    CheckpointError,
    RunState,
    read_checkpoint,
    restore,
    restore_generators,
    run_identity,
    snapshot,
    write_checkpoint,
)
from scalesearch.proxy.data import judging_batches, normalise, training_batches
from scalesearch.proxy.growth import grow
from scalesearch.proxy.recipe import ProxyRecipe
from scalesearch.proxy.source import ImageSource
from scalesearch.records import CurvePoint

__all__ = ["NonFiniteLossError", "ProxyResult", "begin_run", "look", "step", "train"]


class NonFiniteLossError(ArithmeticError):
    """Training diverged: the loss is no longer a finite number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyResult:
    """What a proxy run gave so far: its curve, whose last point is the outcome. Seconds exclude the judging.

    ``complete`` says whether the recipe's whole length was trained. ``weights`` is the state of the network
    as the last look judged it: the average's where the recipe keeps one, batch norm's statistics included;
    ``plain`` is what its modules keep beside tensors (``export.contents``).
    ``computed`` has the device kinds and numbers of CPU threads that computed it, one after another.
    """

    curve: tuple[CurvePoint, ...]
    train_seconds: float
    held_out_images: int
    complete: bool
    computed: tuple[tuple[str, int], ...]
    weights: Mapping[str, torch.Tensor] = field(repr=False, compare=False)
    plain: Mapping[str, Any] = field(repr=False, compare=False)


def train(
    arch: Arch,
    recipe: ProxyRecipe,
    source: ImageSource,
    *,
    dataset: str,
    device: torch.device,
    render_workers: int = 0,
    checkpoint: Path | None = None,
    until: int | None = None,
    start: State | None = None,
    on_point: Callable[[CurvePoint], None] = lambda _point: None,
    on_look: Callable[[Sequence[CurvePoint], float], None] = lambda _curve, _seconds: None,
    on_step: Callable[[int, int], None] = lambda _done, _steps: None,
    on_restart: Callable[[str], None] = lambda _reason: None,
) -> ProxyResult:
    """Trains ``arch`` by ``recipe`` and judges it on the held-out part.

    Which images a run sees, in which order and how they are cut follows from the recipe's seed alone, so it
    is the same for every network. On a CPU the same arguments and the same number of threads give the same
    curve to the bit, however often the run was paused or killed on its way: a pause only adds its own point.
    On a GPU kernels may add up in another order. A checkpoint of another device or number of threads is
    gone on from as well: the run then is the one of neither to the bit, and ``computed`` says so. torch's
    global generator is put back as it was.

    Args:
        arch: the network; its classes must be the source's.
        recipe: everything that decides the run.
        source: the images.
        dataset: the data's name.
        device: where to train.
        render_workers: processes that render images ahead.
        checkpoint: a file to go on from where it exists, written anew at each look.
        until: pause after that many training images of the run, in whole batches, and look at the held-out
            part; the schedule stays the whole run's. A checkpoint that is further already is left as it is.
            None trains to the end.
        start: weights that the network is grown from (``proxy/growth.py``); None starts from scratch.
        on_point: told of each look at the held-out part, once its checkpoint is written.
        on_look: told of all looks so far and of the seconds trained until the last of them: when the run is
            taken up, though there may be none yet, and after each look, once its checkpoint is written.
        on_step: told of steps done, of the whole run, and of how many it will be when this call ends.
        on_restart: told why a checkpoint could not be used; the run then starts from its beginning.

    Raises:
        NonFiniteLossError: if the loss stops being finite.
        OSError: if the checkpoint cannot be written.
        ValueError: if ``until`` is less than a batch, or the network can't be grown from its start.
    """
    if until is not None and until < recipe.batch_size:
        raise ValueError(f"`until` must be at least one batch of {recipe.batch_size}, got {until}")
    examples = len(source.train)  # type: ignore[arg-type]  # every dataset here has a length
    steps = recipe.steps(examples)
    stop = steps if until is None else min(steps, recipe.steps_to(until))
    identity = run_identity(arch, recipe, source, dataset=dataset, start=start)
    with _own_generators(device):
        run, generators = begin_run(arch, recipe, device, start), None
        if checkpoint is not None:
            # Now and not later: a run's folder that is removed while it trains is not brought back.
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
        if checkpoint is not None and checkpoint.exists():
            try:
                stored = read_checkpoint(checkpoint, identity)
                generators = restore(run, stored, (arch.in_channels, *arch.input_size))
            except CheckpointError as error:
                on_restart(str(error))
                run = begin_run(arch, recipe, device, start)
        on_look(run.curve, run.seconds)
        if run.step < stop:
            place = (device.type, torch.get_num_threads())
            if run.computed[-1:] != [place]:
                run.computed.append(place)
            batches = training_batches(
                source,
                recipe,
                dataset=dataset,
                size=arch.input_size,
                places=range(run.step * recipe.batch_size, stop * recipe.batch_size),
                workers=render_workers,
            )
            # Rendered once for all looks; `held_out` bounds how many these are.
            judged = list(judging_batches(source, size=arch.input_size))
            if generators is not None:
                restore_generators(generators, device)
            look_after = {math.ceil(steps * share / recipe.looks) for share in range(1, recipe.looks + 1)}
            started = time.perf_counter()
            for images, labels in batches:
                step(run, recipe, images, labels, device, steps=steps, examples=examples)
                on_step(run.step, stop)
                if run.step in look_after or run.step == stop:
                    train_loss = float(torch.stack(run.losses).mean())
                    run.seconds += time.perf_counter() - started
                    seen = run.step * recipe.batch_size
                    if run.average is not None:
                        run.average.take_extra_states(run.model)
                    point = look(run, judged, device, seen, train_loss)
                    run.curve.append(point)
                    # A pause leaves them: the recipe's next look then tells what it would have told without.
                    if run.step in look_after:
                        run.losses.clear()
                    if checkpoint is not None:
                        write_checkpoint(checkpoint, snapshot(run, identity, device))
                    on_point(point)
                    on_look(run.curve, run.seconds)
                    run.model.train()
                    started = time.perf_counter()
    judged_last = contents_of(run.judged)
    return ProxyResult(
        curve=tuple(run.curve),
        train_seconds=run.seconds,
        held_out_images=len(source.held_out),  # type: ignore[arg-type]  # every dataset here has a length
        complete=run.step == steps,
        computed=tuple(run.computed),
        weights=judged_last.tensors,
        plain=judged_last.plain,
    )


def begin_run(arch: Arch, recipe: ProxyRecipe, device: torch.device, start: State | None) -> RunState:
    """A run before its first step; it leaves the generators as every run of this seed has them then."""
    torch.manual_seed(recipe.seed)
    built = _as_trained(arch, recipe)
    model = build(built)
    if start is not None:
        # What it knows is not to be zeroed; new blocks begin at zero whatever the recipe says.
        grown = grow(start, arch, seed=recipe.seed, fresh=contents_of(model).tensors)
        plain = start.plain if isinstance(arch, CodeSpec) else {}
        put_back(Contents(tensors=grown, plain=plain), model, (arch.in_channels, *arch.input_size))
    elif recipe.zero_init_residual:
        zero_init_residual(model)
    average = MovingAverage(built, model) if recipe.averages else None
    layout = training_layout(arch, recipe.batch_size, device)
    for network in (model,) if average is None else (model, average.network):
        lay_out(network, device, layout)
    return RunState(model=model, optimizer=_optimizer(model, recipe), average=average, layout=layout)


def step(
    run: RunState,
    recipe: ProxyRecipe,
    images: torch.Tensor,
    labels: torch.Tensor,
    device: torch.device,
    *,
    steps: int,
    examples: int,
) -> None:
    """One optimiser step on one batch."""
    factor = recipe.rate_factor(run.step, steps=steps, training_images=examples)
    for group in run.optimizer.param_groups:
        group["lr"] = _peak_rate(recipe) * factor
    logits = run.model(normalise(images, device, run.layout))
    loss = nn.functional.cross_entropy(logits, labels.to(device), label_smoothing=recipe.label_smoothing)
    run.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no hints here
    run.optimizer.step()
    run.step += 1
    if run.average is not None:
        run.average.follow(run.model, recipe.decay(steps), run.step)
    run.losses.append(loss.detach())


def _as_trained(arch: Arch, recipe: ProxyRecipe) -> Arch:
    """The network with the recipe's own regularisation, where it has one; a user's own code keeps its."""
    if isinstance(arch, CodeSpec):
        return arch
    own = {
        name: value
        for name in ("dropout", "drop_path", "norm_momentum")
        if (value := getattr(recipe, name)) is not None
    }
    return replace(arch, **own)


@contextmanager
def _own_generators(device: torch.device) -> Iterator[None]:
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def _peak_rate(recipe: ProxyRecipe) -> float:
    return recipe.learning_rate * recipe.batch_size / 256


def _optimizer(model: nn.Module, recipe: ProxyRecipe) -> torch.optim.Optimizer:
    rate = _peak_rate(recipe)
    # Biases and batch norm's scales and shifts are vectors; decaying them gains nothing.
    kernels = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    fused = all(p.is_floating_point() for p in model.parameters())  # complex ones can't be
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate, fused=fused)
    if recipe.optimizer == "sgd":
        ahead = recipe.momentum > 0  # without momentum there is nothing to look ahead by
        return torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum, nesterov=ahead, fused=fused)
    # The paper's epsilon of 1e-3 stands inside the square root; torch's stands outside, where its root
    # bounds the step alike.
    return torch.optim.RMSprop(groups, lr=rate, alpha=0.9, momentum=recipe.momentum, eps=math.sqrt(1e-3))


def look(
    run: RunState,
    batches: list[tuple[torch.Tensor, torch.Tensor]],
    device: torch.device,
    images_seen: int,
    train_loss: float,
) -> CurvePoint:
    """The held-out loss (without label smoothing) and top-1."""
    model = run.judged.eval()
    loss, correct, judged = 0.0, 0, 0
    # Not inference mode: what a network keeps of a pass for itself has to serve in training too.
    with torch.no_grad():
        for images, targets in batches:
            labels = targets.to(device)
            logits = model(normalise(images, device, run.layout))
            loss += float(nn.functional.cross_entropy(logits, labels, reduction="sum"))
            correct += int((logits.argmax(1) == labels).sum())
            judged += len(labels)
    for name, value in (("training", train_loss), ("held-out", loss)):
        if not math.isfinite(value):
            raise NonFiniteLossError(f"{name} loss became {value} within {images_seen} images")
    return CurvePoint(images=images_seen, train_loss=train_loss, loss=loss / judged, top1=correct / judged)
