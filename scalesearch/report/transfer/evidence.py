"""All that several searches say of one another, and in what they differ."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scalesearch.architecture.spec import arch_from_dict
from scalesearch.proxy.recipe_file import recipes_apart
from scalesearch.records import RunRecord
from scalesearch.report.provenance import said
from scalesearch.report.transfer.agreement_evidence import (
    Agreement,
    Joint,
    Side,
    agreement,
    joint_of,
    side_of,
)

__all__ = ["Difference", "Transfer", "run_differences", "transfer_evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A setting that is not the same in all searches, with its value in each."""

    setting: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transfer:
    """Several searches held against one another.

    ``joint`` is on what all of them trained, ``agreements`` on what each two did. ``differences`` are of the
    settings that matter for results.
    """

    name: str
    command: str
    sides: tuple[Side, ...]
    joint: Joint
    agreements: tuple[Agreement, ...]
    differences: tuple[Difference, ...]


def transfer_evidence(
    runs: Sequence[tuple[str, RunRecord]], *, name: str, command: str, ignored: Collection[str] = ()
) -> Transfer:
    """Everything about ``runs``, each with the name it goes by; ``ignored`` settings change no result.

    Raises:
        ValueError: if there are fewer than two, their phi differ, or one has no trained network.
    """
    if len(runs) < 2:
        raise ValueError(f"`runs` must hold at least two, got {len(runs)}")
    sides = tuple(side_of(own, run) for own, run in runs)
    return Transfer(
        name=name,
        command=command,
        sides=sides,
        joint=joint_of(sides),
        agreements=tuple(agreement(one, other) for one, other in itertools.combinations(sides, 2)),
        differences=run_differences([run.settings for _, run in runs], ignored),
    )


def run_differences(
    settings: Sequence[Mapping[str, Any]], ignored: Collection[str]
) -> tuple[Difference, ...]:
    """The settings that are not the same in all of ``settings``, in the order in which they come up."""
    settings = recipes_apart(settings)
    names = dict.fromkeys(name for one in settings for name in one)
    return tuple(
        Difference(setting=name, values=tuple(_shown(name, one.get(name)) for one in settings))
        for name in names
        if name not in ignored and len({_shown(name, one.get(name)) for one in settings}) > 1
    )


def _shown(name: str, value: object) -> str:
    if value is None or value in ("", [], ()):  # absent, or there and empty: it says nothing
        return "not set"
    # A whole network is too much for a cell: its key tells it from others.
    return f"network {arch_from_dict(value).key}" if isinstance(value, Mapping) else said(name, value)
