"""All that several searches say of one another's splits, and in what the searches differ."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scalesearch.networks.baselines import PAPER_COEFFICIENTS
from scalesearch.networks.spec import arch_from_dict
from scalesearch.page.parts import said
from scalesearch.records import RunRecord, TransferRecord
from scalesearch.scaling import shares_of
from scalesearch.statistics.answer import (
    Answer,
    DesignError,
    Estimate,
    Split,
    Surface,
    fit,
    read,
    same_slopes,
)
from scalesearch.statistics.runs import trained_runs
from scalesearch.statistics.summaries import SIGNIFICANCE, holm
from scalesearch.study.settings import NOT_IDENTITY
from scalesearch.training.recipe import recipes_apart

_PAPER = shares_of(PAPER_COEFFICIENTS)
PAPER_SPLIT: Split = (_PAPER.depth, _PAPER.width, _PAPER.resolution)
"""How alpha 1.2, beta 1.1 and gamma 1.15 share out the growth before rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One search and what the surface over its runs says.

    ``name`` is what it goes by, ``folder`` where it is; empty where it is in none.
    """

    name: str
    run: RunRecord
    answer: Answer
    folder: str = ""

    @property
    def surface(self) -> Surface:
        """Over the splits of its networks."""
        return self.answer.surface


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrowed:
    """The best split of search ``source``, used in search ``target``.

    ``loss`` is how far it is behind the target's own best, in points, with an interval that allows for the
    best being chosen; None where the target trained nothing around that split.
    """

    source: str
    target: str
    split: Split
    loss: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """Two searches: ``p`` is of the F test that moving compute brings both the same.

    ``p_holm`` is corrected for all pairs.
    """

    first: Side
    second: Side
    p: float
    p_holm: float
    borrowed: tuple[Borrowed, Borrowed]

    @property
    def differ(self) -> bool:
        """Whether the two are shown to want different splits."""
        return self.p_holm < SIGNIFICANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A setting that is not the same in all searches, with its value in each."""

    setting: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transfer:
    """Several searches held against one another; ``differences`` are of the settings that matter."""

    name: str
    command: str
    sides: tuple[Side, ...]
    pairs: tuple[Pair, ...]
    differences: tuple[Difference, ...]


def transfer_evidence(record: TransferRecord) -> Transfer:
    """Everything that the searches of ``record`` say of one another.

    Raises:
        ValueError: if there are fewer than two, their phi differ, or one is too small for a surface.
    """
    if len(record.runs) < 2:
        raise ValueError(f"`runs` must hold at least two, got {len(record.runs)}")
    folders = record.folders or ("",) * len(record.runs)
    sides = tuple(side_of(*named, folder) for named, folder in zip(record.runs, folders, strict=True))
    return Transfer(
        name=record.name,
        command=record.command,
        sides=sides,
        pairs=pairs_of(sides),
        differences=run_differences([run.settings for _, run in record.runs], NOT_IDENTITY),
    )


def side_of(name: str, run: RunRecord, folder: str = "") -> Side:
    """What a search says of splits, at the mean cost of its networks.

    Raises:
        DesignError: naming the search, if its networks are too few or too much alike.
    """
    try:
        answer = read(fit(trained_runs(run)), {"the paper's": PAPER_SPLIT})
    except DesignError as error:
        raise DesignError(f"{error} in {name}") from error
    return Side(name=name, run=run, answer=answer, folder=folder)


def pairs_of(sides: Sequence[Side]) -> tuple[Pair, ...]:
    """Every two of the searches.

    Raises:
        ValueError: if their phi differ: a tenth of the growth is not as much compute then.
    """
    if len({side.run.phi for side in sides}) > 1:
        each = ", ".join(f"{side.name} with {side.run.phi:g}" for side in sides)
        raise ValueError(f"`sides` must be of one phi, got {each}")
    couples = list(itertools.combinations(sides, 2))
    p_values = [same_slopes(first.surface, second.surface) for first, second in couples]
    return tuple(
        Pair(
            first=first,
            second=second,
            p=p,
            p_holm=p_holm,
            borrowed=(_borrowed(first, second), _borrowed(second, first)),
        )
        for (first, second), p, p_holm in zip(couples, p_values, holm(p_values), strict=True)
    )


def _borrowed(source: Side, target: Side) -> Borrowed:
    split = source.answer.best
    there = bool(target.surface.inside(split))
    loss = target.answer.ahead(target.answer.best, split) if there else None
    return Borrowed(source=source.name, target=target.name, split=split, loss=loss)


def run_differences(
    settings: Sequence[Mapping[str, Any]], ignored: Collection[str]
) -> tuple[Difference, ...]:
    """The settings that are not the same in all of ``settings``, in the order in which they come up."""
    settings = recipes_apart(settings)
    names = dict.fromkeys(name for of_run in settings for name in of_run if name not in ignored)
    values = {name: tuple(_shown(name, of_run.get(name)) for of_run in settings) for name in names}
    return tuple(
        Difference(setting=name, values=shown) for name, shown in values.items() if len(set(shown)) > 1
    )


def _shown(name: str, value: object) -> str:
    if value is None or value in ("", [], ()):  # absent, or there and empty: it says nothing
        return "not set"
    # A whole network is too much for a cell: its key tells it from others.
    return f"network {arch_from_dict(value).key}" if isinstance(value, Mapping) else said(name, value)
