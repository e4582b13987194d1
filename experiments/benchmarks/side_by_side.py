"""What the benchmarks share: sides in turn, their medians and ratios, a table and a JSON file of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from scalesearch.files import write_bytes
from scalesearch.hardware.machine import machine, versions


@dataclass(frozen=True)
class Comparison:
    """What several sides gave in turn, in rounds; the first is scalesearch's.

    Attributes:
        key: what it is found by in the JSON file, whatever its sizes were.
        name: what was compared.
        unit: of the figures, of which more is better.
        figures: of each side, one a round.
    """

    key: str
    name: str
    unit: str
    figures: Mapping[str, tuple[float, ...]]

    @property
    def medians(self) -> dict[str, float]:
        """Of each side."""
        return {side: median(values) for side, values in self.figures.items()}

    @property
    def ratios(self) -> dict[str, float]:
        """The first side over each of the others: the median of the rounds' ratios."""
        (first, *others) = self.figures
        return {
            other: median(a / b for a, b in zip(self.figures[first], self.figures[other], strict=True))
            for other in others
        }


def in_turn(
    key: str, name: str, unit: str, sides: Mapping[str, Callable[[], float]], rounds: int
) -> Comparison:
    """Runs the sides one after another, in every second round in the other order, and prints each figure."""
    figures: dict[str, list[float]] = {side: [] for side in sides}
    print(f"\n{name}, {unit}", flush=True)
    for number in range(1, rounds + 1):
        for side in list(sides) if number % 2 else list(sides)[::-1]:
            figures[side].append(sides[side]())
            print(f"  round {number}: {side:<44} {figures[side][-1]:>12,.1f}", flush=True)
    comparison = Comparison(key, name, unit, {side: tuple(values) for side, values in figures.items()})
    for side, value in comparison.medians.items():
        ratio = comparison.ratios.get(side)
        beside = "" if ratio is None else f"   {next(iter(sides))}: {ratio:.2f} times as fast"
        print(f"  median:  {side:<44} {value:>12,.1f}{beside}", flush=True)
    return comparison


def say_where(device: str) -> None:
    """Prints the machine and how busy it is."""
    print(", ".join(f"{label}: {value}" for label, value in machine(device).items()))
    print("load average: {:.2f} {:.2f} {:.2f}".format(*os.getloadavg()))


def keep(path: Path | None, comparisons: Sequence[Comparison], device: str, **facts: object) -> None:
    """Writes the comparisons with their machine as JSON, where a path is given."""
    if path is None:
        return
    rows = [asdict(c) | {"medians": c.medians, "ratios": c.ratios} for c in comparisons]
    record = {"machine": machine(device), "versions": versions(), "comparisons": rows} | facts
    write_bytes(path, (json.dumps(record, indent=1) + "\n").encode())
