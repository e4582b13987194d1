"""``scalesearch fidelity``: networks of a run trained for other lengths, to see how far its ranking holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from scalesearch.records import CandidateRecord
from scalesearch.study.plan import Plan, Planned, plan_whole_runs
from scalesearch.study.points import design
from scalesearch.study.settings import LengthSettings, TrainingSettings
from scalesearch.training.dataset import DataSize


def length_settings(
    of: TrainingSettings, multiple: float, *, seeds: int, jobs: int, threads: int
) -> LengthSettings:
    """What trains the networks of a run for ``multiple`` times its length.

    Raises:
        ValueError: if that is less than a batch.
    """
    shared: dict[str, Any] = {field.name: getattr(of, field.name) for field in fields(TrainingSettings)}
    recipe = of.proxy_recipe
    if recipe.images is not None:
        shared["images"] = round(recipe.images * multiple / recipe.batch_size) * recipe.batch_size
    else:
        shared["epochs"] = (recipe.epochs or 0.0) * multiple
    return LengthSettings(
        **shared
        | {"seeds": seeds, "jobs": jobs, "threads": threads, "latency": False, "multiple": multiple}
        # A database of its own: another run's lengths have the same names.
        | {"storage": ""}
    )


def spread(candidates: Sequence[Planned], networks: int) -> list[Planned]:
    """At most ``networks`` of a run's networks: those that a surface over all of them is best fitted to."""
    splits = [planned.record.split or (1 / 3, 1 / 3, 1 / 3) for planned in candidates]
    return [candidates[index] for index in design(splits, networks)]


def plan_length(
    settings: LengthSettings, planned: Sequence[Planned], classes: int, train_images: int
) -> Plan:
    """The plan that trains these networks for the settings' length."""
    fresh = [replace(p, record=_untrained(p.record)) for p in planned]
    size = DataSize(classes=classes, train_images=train_images)
    return plan_whole_runs("fidelity", planned[0].record.phi, settings, size, fresh)


def _untrained(record: CandidateRecord) -> CandidateRecord:
    return replace(record, status="waiting", reason="", runs=(), latency=None)
