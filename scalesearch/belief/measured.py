"""How far the recipes that come with the package can be trusted, where that was measured."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from scalesearch.records import ReliabilityRecord

__all__ = ["CONDITIONS", "measured_reliability"]

CONDITIONS = (
    *("baseline", "baseline_width", "baseline_resolution", "baseline_channel_divisor"),
    *("dataset", "recipe", "images", "batch_size"),
)
"""The settings that a figure belongs to: under others it says nothing."""

CHANGES = (
    *("baseline_arch", "baseline_resolution_width", "stem_stride", "in_channels", "start"),
    "recipe_values",
)
"""Settings that make another network of the baseline where they are set, or start from other weights; nothing
was measured for those."""


def measured_reliability(settings: Mapping[str, Any]) -> tuple[ReliabilityRecord, ...]:
    """What was found for runs of these settings; empty where nobody measured it.

    The figures are those of ``scalesearch fidelity`` in the reports named by their source, read from
    ``reliability.csv``.
    """
    if any(settings.get(name) is not None for name in CHANGES):
        return ()
    text = files("scalesearch.belief").joinpath("reliability.csv").read_text("utf-8")
    asked = tuple(str(settings.get(name)) for name in CONDITIONS)
    return tuple(
        ReliabilityRecord(
            images=int(row["images"]),
            reference_images=int(row["reference_images"]),
            **{name: float(row[name]) for name in ("tau", "tau_low", "tau_high", "regret")},
            networks=int(row["networks"]),
            seeds=int(row["seeds"]),
            source=row["source"],
        )
        for row in csv.DictReader(text.splitlines())
        if tuple(row[name] for name in CONDITIONS) == asked
    )
