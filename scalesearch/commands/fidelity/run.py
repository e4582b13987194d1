"""``scalesearch fidelity``: networks of a run trained for other lengths, to see how far its ranking holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from typing import Any

from scalesearch.errors import ScalesearchError
from scalesearch.fields import require_settings, setting
from scalesearch.plain import LIMITS, Limit, typed
from scalesearch.records import CandidateRecord
from scalesearch.records.runs import TWICE
from scalesearch.study.plan import Plan, Planned, plan_whole_runs
from scalesearch.study.points import design
from scalesearch.study.settings import LengthSettings, TrainingSettings
from scalesearch.training.dataset import DataSize

# As scalesearch.statistics.answer has it, which takes a second to import: --help is instant.
FEWEST_NETWORKS = 7
APART = 2
LENGTHS = (
    "must be multiples of the run's length, each once and none of them 1, "
    "the greatest above 1, such as 0.5,2,4"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelitySettings:
    """The settings of ``scalesearch fidelity``; all else is as in the run that it is about.

    Attributes:
        lengths: multiples of the run's length, rising; the greatest is what the others are judged by.
        networks: how many of the run's networks are trained for them.
        seeds: of each.

    Raises:
        ScalesearchError: if a length is 1, comes twice or is too near to another, or none is above 1.
    """

    lengths: tuple[float, ...] = setting(
        (0.5, 2.0, 4.0),
        form="lengths",
        help="Train for so many times the run's length; the greatest is what the others are judged by.",
    )
    networks: int = setting(
        12,
        limit=Limit(FEWEST_NETWORKS, 10**9),
        help="How many of the run's networks, spread as far apart as can be. A surface takes seven.",
    )
    seeds: int = setting(
        1,
        limit=Limit(1, 1000),
        help="Seeds at the other lengths, from the run's first one on; at most the run's.",
    )

    def __post_init__(self) -> None:
        lengths = tuple(sorted(self.lengths))
        object.__setattr__(self, "lengths", lengths)
        given = ",".join(f"{length:g}" for length in lengths)
        usable = all(0 < x <= LIMITS["lengths"].most for x in lengths) and len(set(lengths)) == len(lengths)
        if not (lengths and usable and lengths[-1] > 1) or 1 in lengths:
            raise ScalesearchError(f"`lengths` {LENGTHS}, got {given!r}")
        if any(longer < APART * shorter for shorter, longer in pairwise(sorted((*lengths, 1.0)))):
            raise ScalesearchError(
                f"`lengths` must be at least a factor of {APART} apart from one another and from 1, the "
                f"run's own, to tell whether anything moves, such as 0.5,2,4, got {given!r}"
            )
        require_settings(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data; :meth:`from_dict` turns it back."""
        return asdict(self) | {"lengths": list(self.lengths)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FidelitySettings:
        """The settings that :meth:`to_dict` gave.

        Raises:
            ValueError: if a setting is unknown, missing or wrong.
        """
        return typed(cls, data)


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
        if not shared["images"]:
            raise ScalesearchError(
                f"`lengths` must leave at least one batch of {recipe.batch_size} of the run's "
                f"{recipe.images:,} images, got {multiple:g}"
            )
    else:
        shared["epochs"] = (recipe.epochs or 0.0) * multiple
    return LengthSettings(
        **shared
        | {"seeds": seeds, "jobs": jobs, "threads": threads, "latency": False, "multiple": multiple}
        | {"confirm_on": "fresh" if of.sets_apart else "same"}
        # A database of its own: another run's lengths have the same names.
        | {"storage": ""}
    )


def require_apart(of: TrainingSettings, lengths: Sequence[LengthSettings], train_images: int) -> None:
    """Refuses lengths that whole batches bring too near to one another, or to the run's own.

    Args:
        of: the run's settings.
        lengths: the settings of each length.
        train_images: images in the training part of its data.

    Raises:
        ScalesearchError: if two lengths are less than about a factor of 2 apart.
    """
    recipes = [settings.proxy_recipe for settings in (of, *lengths)]
    images = sorted(recipe.steps(train_images) * recipe.batch_size for recipe in recipes)
    for shorter, longer in pairwise(images):
        if longer < TWICE * shorter:
            given = ",".join(f"{settings.multiple:g}" for settings in lengths)
            raise ScalesearchError(
                f"`lengths` must be a factor of {APART} apart in whole batches of {of.batch_size} too, got "
                f"{given} of a run so short that they are {shorter:,} and {longer:,} images"
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
