"""Made-up measurements of true networks: times by a rule of thumb, with seeded noise."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache

from scalesearch.networks.baselines import baseline, published_family
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, Rounding
from scalesearch.records import (
    CompareRecord,
    MachineRecord,
    MeasurementRecord,
    MeasureRecord,
    ProcessSamples,
    Setup,
)
from scalesearch.scaling import Multipliers

MACHINE = "1f0c9a3e"
OTHER = "77aa01bc"
CONDITIONS = {"before": {"load_1m": 0.12}, "after": {"load_1m": 1.75}}


@cache
def arch(number: int) -> ArchSpec:
    """EfficientNet-B<number>."""
    row = published_family()[f"b{number}"]
    at = Multipliers(depth=row.depth, width=row.width, resolution=row.resolution / 224)
    return scale(baseline("efficientnet-b0"), at, Rounding())


def measurement(
    number: int,
    setup: Setup,
    *,
    machine: str = MACHINE,
    processes: int = 3,
    samples: int = 9,
    noise: float = 0.01,
    seed: int = 0,
) -> MeasurementRecord:
    """EfficientNet-B<number>, with samples about what its cost suggests."""
    spec, rng = arch(number), random.Random(f"{seed} {number} {setup.label} {machine}")
    cost = count(spec)
    seconds = 0.002 + setup.batch_size * (cost.macs / 60e9 + cost.activations / 1e9) / setup.threads
    levels = [seconds * math.exp(rng.gauss(0, 0.01)) for _ in range(processes)]
    return MeasurementRecord(
        name=f"efficientnet-b{number}",
        key=spec.key,
        resolution=spec.resolution,
        params=cost.params,
        macs=cost.macs,
        activations=cost.activations,
        layers=cost.layers,
        setup=setup,
        machine=machine,
        processes=tuple(
            ProcessSamples(
                samples_s=tuple(level * math.exp(rng.gauss(0, noise)) for _ in range(samples)),
                conditions=CONDITIONS,
            )
            for level in levels
        ),
        peak_bytes=4 * cost.params + 3 * setup.batch_size * cost.activations,
    )


def out_of_memory(row: MeasurementRecord) -> MeasurementRecord:
    """The row as it is where the network does not fit."""
    reason = "out of memory: needs about 12.1 GiB of 7.6 GiB"
    return replace(
        row, processes=(), peak_bytes=None, outcome="out of memory", reason=reason, largest_batch=5
    )


def measured(rows: Sequence[MeasurementRecord], *, machines: Collection[str] = (MACHINE,)) -> MeasureRecord:
    """A whole command that measured ``rows``."""
    return MeasureRecord(
        name="measure-b0-b1",
        command="scalesearch measure b0..b1 --batch-size 1,8",
        settings={"networks": ["b0..b1"], "processes": 3},
        machines=tuple(
            MachineRecord(key=key, facts={"cpu": f"CPU of {key}", "cores": 2}) for key in machines
        ),
        versions={"torch": "2.14.1"},
        wall_s=75.0,
        sessions=1,
        measurements=tuple(rows),
    )


def compared(
    ratio: float, *, processes: int = 3, pairs: int = 12, noise: float = 0.01, setups: Sequence[Setup] = ()
) -> CompareRecord:
    """B0 against B1, B taking ``ratio`` times as long as A; B0 against itself in two ``setups``."""
    rng, timed = random.Random(7), []
    for _ in range(processes):
        seconds, factor = 0.01 * math.exp(rng.gauss(0, 0.03)), ratio * math.exp(rng.gauss(0, noise / 4))
        timed.append(
            tuple(
                (seconds * math.exp(rng.gauss(0, noise)), seconds * factor * math.exp(rng.gauss(0, noise)))
                for _ in range(pairs)
            )
        )
    numbers, both = ((0, 0), setups) if setups else ((0, 1), (Setup(), Setup()))
    a, b = (
        replace(
            measurement(number, setup),
            processes=tuple(
                ProcessSamples(samples_s=tuple(pair[side] for pair in run), conditions={}) for run in timed
            ),
        )
        for side, (number, setup) in enumerate(zip(numbers, both, strict=True))
    )
    return CompareRecord(
        name="compare-b0-vs-b1",
        command="scalesearch compare b0 b1",
        settings={"a": "b0", "b": "b1"},
        machines=(MachineRecord(key=MACHINE, facts={"cpu": "Example"}),),
        versions={"torch": "2.14.1"},
        wall_s=12.0,
        a=a,
        b=b,
        pairs=tuple(timed),
    )
