"""The proxy run: one short training of one network, from its recipe and nothing else."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from scalesearch.architecture.network import build, zero_init_residual
from scalesearch.architecture.spec import ArchSpec
from scalesearch.proxy.data import normalise, rendered_batches
from scalesearch.proxy.recipe import ProxyRecipe
from scalesearch.proxy.source import ImageSource
from scalesearch.records import CurvePoint

__all__ = ["NonFiniteLossError", "ProxyResult", "train"]


# The share of a one-cycle run in which the rate rises in a line; over the rest it falls as half a cosine.
ONE_CYCLE_WARMUP = 0.2


class NonFiniteLossError(ArithmeticError):
    """Training diverged: the loss is no longer a finite number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyResult:
    """What a proxy run gave: its curve, whose last point is the outcome. Seconds exclude the judging."""

    curve: tuple[CurvePoint, ...]
    train_seconds: float
    held_out_images: int


def train(
    arch: ArchSpec,
    recipe: ProxyRecipe,
    source: ImageSource,
    *,
    dataset: str,
    device: torch.device,
    render_workers: int = 0,
    on_point: Callable[[CurvePoint], None] = lambda _point: None,
    on_step: Callable[[int, int], None] = lambda _done, _steps: None,
) -> ProxyResult:
    """Trains ``arch`` by ``recipe`` and judges it on the held-out part.

    On a CPU the same arguments and the same number of threads give the same curve to the bit. torch's global
    generator is put back as it was.

    Args:
        arch: the network; its classes must be the source's.
        recipe: everything that decides the run.
        source: the images.
        dataset: the data's name.
        device: where to train.
        render_workers: processes that render images ahead.
        on_point: told of each look at the held-out part.
        on_step: told of steps done and steps in all.

    Raises:
        NonFiniteLossError: if the loss stops being finite.
    """
    with _seeded(recipe.seed, device):
        model = build(_as_trained(arch, recipe))
        if recipe.zero_init_residual:
            zero_init_residual(model)
        model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        examples = len(source.train)  # type: ignore[arg-type]
        steps = recipe.steps(examples)
        optimizer = _optimizer(model, recipe)
        scheduler = _scheduler(optimizer, recipe, steps, examples)
        average = _average(model, recipe)
        batches = rendered_batches(
            source,
            recipe,
            dataset=dataset,
            resolution=arch.resolution,
            order=_order(examples, steps * recipe.batch_size),
            workers=render_workers,
        )
        # Rendered once for all looks; `held_out` bounds how many these are.
        judged = list(
            rendered_batches(source, recipe, dataset=dataset, resolution=arch.resolution, order=None)
        )
        loss_function = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
        look_after = {math.ceil(steps * look / recipe.looks) for look in range(1, recipe.looks + 1)}
        curve: list[CurvePoint] = []
        losses: list[torch.Tensor] = []
        seconds, started = 0.0, time.perf_counter()
        model.train()
        for step, (images, labels) in enumerate(batches, start=1):
            loss = loss_function(model(normalise(images, device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            if average is not None:
                _update(average, model, recipe.ema_decay, step)
            losses.append(loss.detach())
            on_step(step, steps)
            if step in look_after:
                train_loss = float(torch.stack(losses).mean())
                seconds += time.perf_counter() - started
                point = _look(average or model, judged, device, step * recipe.batch_size, train_loss)
                curve.append(point)
                on_point(point)
                losses.clear()
                model.train()
                started = time.perf_counter()
    return ProxyResult(
        curve=tuple(curve),
        train_seconds=seconds,
        held_out_images=len(source.held_out),  # type: ignore[arg-type]
    )


def _as_trained(arch: ArchSpec, recipe: ProxyRecipe) -> ArchSpec:
    """The network with the recipe's own regularisation where it has one."""
    own = {
        name: value
        for name in ("dropout", "drop_path", "norm_momentum")
        if (value := getattr(recipe, name)) is not None
    }
    return replace(arch, **own)


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def _order(examples: int, count: int) -> list[int]:
    """``count`` indices: every example once, in a new order each epoch."""
    epochs = math.ceil(count / examples)
    return torch.cat([torch.randperm(examples) for _ in range(epochs)])[:count].tolist()


def _optimizer(model: nn.Module, recipe: ProxyRecipe) -> torch.optim.Optimizer:
    rate = recipe.learning_rate * recipe.batch_size / 256
    # Biases and batch norm's scales and shifts are vectors; decaying them gains nothing.
    kernels = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate, fused=True)
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum, nesterov=True, fused=True)
    # The paper's epsilon of 1e-3 stands inside the square root; torch's stands outside, where its root
    # bounds the step alike.
    return torch.optim.RMSprop(groups, lr=rate, alpha=0.9, momentum=recipe.momentum, eps=math.sqrt(1e-3))


def _scheduler(
    optimizer: torch.optim.Optimizer, recipe: ProxyRecipe, steps: int, examples: int
) -> torch.optim.lr_scheduler.LRScheduler:
    warmup = max(1.0, ONE_CYCLE_WARMUP * steps)

    def one_cycle(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, steps - warmup)))

    def exponential(step: int) -> float:
        epoch = step * recipe.batch_size / examples
        if epoch < recipe.warmup_epochs:
            return epoch / recipe.warmup_epochs
        return float(0.97 ** (epoch // 2.4))

    factor = one_cycle if recipe.schedule == "one-cycle" else exponential
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _average(model: nn.Module, recipe: ProxyRecipe) -> AveragedModel | None:
    if not recipe.ema_decay:
        return None
    return AveragedModel(model, use_buffers=True)


def _update(average: AveragedModel, model: nn.Module, decay: float, step: int) -> None:
    # As in the official code, the average follows closely at first and slows down to its decay.
    average.multi_avg_fn = get_ema_multi_avg_fn(  # type: ignore[no-untyped-call]  # torch has no hints here
        min(decay, (1 + step) / (10 + step))
    )
    average.update_parameters(model)


def _look(
    model: nn.Module,
    batches: list[tuple[torch.Tensor, torch.Tensor]],
    device: torch.device,
    images_seen: int,
    train_loss: float,
) -> CurvePoint:
    """The held-out loss (without label smoothing) and top-1."""
    model.eval()
    loss, correct, judged = 0.0, 0, 0
    with torch.inference_mode():
        for images, targets in batches:
            labels = targets.to(device)
            logits = model(normalise(images, device))
            loss += float(nn.functional.cross_entropy(logits, labels, reduction="sum"))
            correct += int((logits.argmax(1) == labels).sum())
            judged += len(labels)
    for name, value in (("training", train_loss), ("held-out", loss)):
        if not math.isfinite(value):
            raise NonFiniteLossError(f"{name} loss became {value} within {images_seen} images")
    return CurvePoint(images=images_seen, train_loss=train_loss, loss=loss / judged, top1=correct / judged)
