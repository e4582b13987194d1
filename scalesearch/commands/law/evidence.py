"""What a law's figures and page both say: kinds of layers put in order, setups in few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scalesearch.commands.measure.rows import setup_titles
from scalesearch.networks.matching import Dimension
from scalesearch.records import LawRecord, Setup

DIMENSIONS: tuple[Dimension, ...] = ("depth", "width", "resolution")

SMALL = 0.02
"""A kind that takes less than this of every network's time is counted among the others."""
OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """One network's seconds by kind of layer, and what it is called beside the others."""

    label: str
    name: str
    seconds: Mapping[str, float]

    @property
    def total(self) -> float:
        """Seconds of a whole pass."""
        return sum(self.seconds.values())


def kind_rows(record: LawRecord) -> tuple[KindRow, ...]:
    """The networks that were looked into, in the order measured, small kinds among ``other``."""
    by_name: dict[str, dict[str, float]] = {}
    for part in record.kinds:
        by_name.setdefault(part.name, {})[part.kind] = part.seconds
    totals = {name: sum(parts.values()) for name, parts in by_name.items()}
    every = {kind for parts in by_name.values() for kind in parts}
    large = {
        kind
        for kind in every
        if any(parts.get(kind, 0.0) >= SMALL * totals[name] for name, parts in by_name.items())
    } | {OTHER}
    built = {price.built: price.dimension for price in record.prices}
    return tuple(
        KindRow(
            label=f"2 x MACs by {built[name]}" if name in built else name,
            name=name,
            seconds={kind: seconds for kind, seconds in parts.items() if kind in large and kind != OTHER}
            | {OTHER: sum(seconds for kind, seconds in parts.items() if kind not in large or kind == OTHER)},
        )
        for name, parts in by_name.items()
    )


def law_titles(setups: Iterable[Setup]) -> dict[Setup, str]:
    """A short name for each setup: what others do not share; of a single one, batch and threads."""
    known = tuple(dict.fromkeys(setups))
    if len(known) > 1:
        return setup_titles(known)
    return {one: ", ".join(one.label.split(", ")[1:3]) for one in known}
