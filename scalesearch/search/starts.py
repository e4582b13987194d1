"""What the networks of a run start from: scratch, the weights of a file, or the baseline trained first."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesearch.architecture.growth import why_not
from scalesearch.architecture.spec import Arch
from scalesearch.scaling import Coefficients, Multipliers
from scalesearch.search.fidelity import LengthSettings
from scalesearch.search.plan import Plan, Planned, describer, skipped
from scalesearch.search.reading import START, seed_run
from scalesearch.search.settings import TrainingSettings
from scalesearch.search.training import WAIT_S, Observer
from scalesearch.search.uninterrupted import uninterrupted
from scalesearch.search.weights import start_file
from scalesearch.workers.executor import Executor
from scalesearch.workers.trial import TrialSpec

if TYPE_CHECKING:
    from scalesearch.search.study import SearchStudy

__all__ = ["grown_plan", "start_facts", "train_starts"]


def start_facts(start: Arch, *, file: str = "", digest: str = "") -> dict[str, Any]:
    """What the study keeps of a start, as plain data."""
    kind = "pretrained" if file else "grown"
    named = {"file": file, "digest": digest} if file else {}
    return {"kind": kind, "network": start.name, "classes": start.classes, **named}


def grown_plan(plan: Plan, start: Arch) -> Plan:
    """The plan with the networks alone that can be grown from ``start``; the others are skipped.

    Raises:
        ValueError: if the baseline can't be grown from it, or no network of the plan.
    """
    pretrained = plan.settings.pretrained is not None
    if reason := why_not(start, plan.base):
        at_full_size = "; --baseline-width 1 keeps all of the file's channels" if pretrained else ""
        name = "pretrained" if pretrained else "start"
        raise ValueError(
            f"`{name}` must hold a network that the baseline as trained can be grown from, got {start.name}: "
            f"{reason}{at_full_size}"
        )
    reasons = {planned.record.key: why_not(start, planned.arch) for planned in plan.chosen}
    if plan.chosen and all(reasons.values()):
        raise ValueError(
            f"`start` must be scratch for these networks, none of which can be grown from {start.name}: "
            f"{next(iter(reasons.values()))}"
        )
    return replace(
        plan,
        chosen=tuple(planned for planned in plan.chosen if not reasons[planned.record.key]),
        skipped=(
            *plan.skipped,
            *(
                skipped(planned, f"can't be grown from {start.name}: {reasons[planned.record.key]}")
                for planned in plan.chosen
                if reasons[planned.record.key]
            ),
        ),
    )


def _baseline(settings: TrainingSettings, classes: int) -> Planned:
    """The proxy baseline as a network of its run."""
    base = settings.proxy_baseline(classes)
    return describer(settings, base)(
        arch=base,
        coefficients=Coefficients(alpha=1, beta=1, gamma=1),
        phi=0.0,
        multipliers=Multipliers(),
        merged=((1.0, 1.0, 1.0),),
        role="baseline",
    )


def _are_of(spec: TrialSpec) -> bool:
    """Whether the weights that lie where a training run leaves its own are such a run's."""
    from scalesearch.export.state import read_state  # loads torch

    try:
        state = read_state(Path(spec.weights))
    except (OSError, ValueError):
        return False
    asked = (spec.arch.key, spec.recipe, spec.data["name"])
    return (state.arch.key, state.facts.get("recipe"), state.facts.get("dataset")) == asked


def train_starts(
    study: SearchStudy,
    settings: TrainingSettings,
    executor: Executor,
    observer: Observer,
    folder: Path,
    checkpoints: Path,
) -> None:
    """Trains the baseline once per seed, where the run's networks are grown from it; what is done stays.

    Raises:
        TrialFailedError: if it can't be trained with a seed.
    """
    if settings.start is None or settings.pretrained:
        return
    planned = _baseline(settings, int(study.begun()["classes"]))
    with study.opened() as opened:
        known = {name for name in opened.user_attrs if name.startswith(START)}

    def checkpoint(seed: int) -> Path:
        return checkpoints / f"start-{planned.record.key}-seed{seed}.safetensors"

    def weights(seed: int) -> Path:
        path = start_file(folder, settings, seed)
        assert path is not None  # it is no start from scratch
        return path

    specs = {
        seed: TrialSpec(
            key=f"start-{planned.record.key}-seed{seed}",
            arch=planned.arch,
            recipe=settings.proxy_recipe.to_dict() | {"seed": seed},
            data=settings.data.to_dict(),
            device=settings.device,
            threads=settings.threads,
            checkpoint=str(checkpoint(seed)),
            weights=str(weights(seed)),
            count=False,
        )
        for seed in settings.seed_list
    }

    def is_done(seed: int) -> bool:
        if not weights(seed).exists():
            return False
        if f"{START}{seed}" in known:
            return True
        # A driver killed between a baseline's weights and its result has left a checkpoint of the whole run,
        # from which the worker gives both at once. Other lengths of a run start where it did.
        return not checkpoint(seed).exists() and (
            isinstance(settings, LengthSettings) or _are_of(specs[seed])
        )

    done = [seed for seed in specs if is_done(seed)]
    observer.phase("Training the baseline", settings.seeds, len(done))
    running: dict[Future[dict[str, Any]], int] = {}
    for seed, spec in specs.items():
        if seed in done:
            continue
        task = spec.key
        observer.started(task, planned.record)

        def on_step(done: int, steps: int, task: str = task) -> None:
            observer.step(task, done, steps)

        running[executor.submit(spec.to_dict(), on_step)] = seed
    while running:
        finished, _ = wait(running, timeout=WAIT_S, return_when=FIRST_COMPLETED)
        for future in finished:
            seed = running.pop(future)
            result = future.result()
            with uninterrupted():
                with study.opened() as opened:
                    opened.set_user_attr(f"{START}{seed}", dict(result))
                checkpoint(seed).unlink(missing_ok=True)
            run = seed_run(seed, result)
            observer.finished(f"start-{planned.record.key}-seed{seed}", replace(planned.record, runs=(run,)))
