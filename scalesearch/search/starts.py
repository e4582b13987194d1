"""What the networks of a run start from: scratch, the weights of a file, or the baseline trained first."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesearch.architecture.spec import Arch
from scalesearch.files import inside
from scalesearch.scaling import Coefficients, Multipliers
from scalesearch.search.events import Events
from scalesearch.search.plan import Planned, describer
from scalesearch.search.reading import START, seed_run
from scalesearch.search.settings import LengthSettings, TrainingSettings
from scalesearch.search.training import WAIT_S, Observer, submit
from scalesearch.search.uninterrupted import uninterrupted
from scalesearch.search.weights import start_file
from scalesearch.workers.executor import Executor
from scalesearch.workers.trial import TrialSpec

if TYPE_CHECKING:
    from scalesearch.search.study import SearchStudy

__all__ = ["start_facts", "train_starts"]


def start_facts(start: Arch, *, file: str = "", **of_the_file: Any) -> dict[str, Any]:
    """What the study keeps of a start: plain data by the names of ``StartRecord``, but for what is not so."""
    kind = "pretrained" if file else "grown"
    named = {"file": file} | {name: value for name, value in of_the_file.items() if value} if file else {}
    return {"kind": kind, "network": start.name, "classes": start.classes, **named}


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


def _spec(
    planned: Planned, settings: TrainingSettings, digest: str, seed: int, folder: Path, checkpoints: Path
) -> TrialSpec:
    """The baseline's training run with a seed."""
    key = f"start-{planned.record.key}-seed{seed}"
    return TrialSpec(
        key=key,
        arch=planned.arch,
        recipe=settings.proxy_recipe.to_dict() | {"seed": seed},
        data=replace(settings.data, digest=digest).to_dict(),
        device=settings.device,
        threads=settings.threads,
        checkpoint=str(inside(checkpoints.parent, checkpoints.name, f"{key}.safetensors")),
        weights=str(start_file(folder, settings, seed)),
        count=False,
    )


def _are_of(spec: TrialSpec) -> bool:
    """Whether the weights that lie where a training run leaves its own are such a run's."""
    from scalesearch.export.state import read_state  # loads torch

    try:
        state = read_state(Path(spec.weights))
    except (OSError, ValueError):
        return False
    asked = (spec.arch.key, spec.recipe, spec.data["name"], spec.data["digest"])
    facts = state.facts
    return (state.arch.key, facts.get("recipe"), facts.get("dataset"), facts.get("data", "")) == asked


def train_starts(
    study: SearchStudy,
    settings: TrainingSettings,
    executor: Executor,
    observer: Observer,
    folder: Path,
    checkpoints: Path,
    events: Events | None = None,
) -> None:
    """Trains the baseline once per seed, where the run's networks are grown from it; what is done stays.

    Raises:
        TrialFailedError: if it can't be trained with a seed.
    """
    if not settings.trains_start:
        return
    planned = _baseline(settings, int(study.begun()["classes"]))
    known = {name for name in study.attributes if name.startswith(START)}
    specs = {
        seed: _spec(planned, settings, study.data_digest, seed, folder, checkpoints)
        for seed in settings.seed_list
    }

    def is_done(seed: int) -> bool:
        spec = specs[seed]
        if not Path(spec.weights).exists():
            return False
        if f"{START}{seed}" in known:
            return True
        # A driver killed between a baseline's weights and its result has left a checkpoint of the whole run,
        # from which the worker gives both at once. Other lengths of a run start where it did.
        return not Path(spec.checkpoint).exists() and (isinstance(settings, LengthSettings) or _are_of(spec))

    done = [seed for seed in specs if is_done(seed)]
    observer.phase("Training the baseline", settings.seeds, len(done))
    running: dict[Future[dict[str, Any]], int] = {}
    for seed, spec in specs.items():
        if seed in done:
            continue
        observer.started(spec.key, planned.record)
        running[submit(spec, planned.record, executor, observer, events)] = seed
    while running:
        finished, _ = wait(running, timeout=WAIT_S, return_when=FIRST_COMPLETED)
        study.require_owned()
        for future in finished:
            seed = running.pop(future)
            result = future.result()
            with uninterrupted():
                study.set_attribute(f"{START}{seed}", dict(result))
                Path(specs[seed].checkpoint).unlink(missing_ok=True)
            run = seed_run(seed, result)
            observer.finished(specs[seed].key, replace(planned.record, runs=(run,)))
            if events is not None:
                events.ended(specs[seed].key, whole=True)
