"""Closed-form counting against fvcore's, in networks per second.

    python experiments/benchmarks/counting.py

Both sides count the same networks, in turn: the paper's coefficients (1.2, 1.1, 1.15) applied to
EfficientNet-B0 at phi 0, 0.25, ..., 2. fvcore builds and traces each network with a real forward pass (on one
thread); the closed form adds up the lowered layers. Their conv + linear counts are checked to be equal before
anything is timed, and fvcore's import isn't timed.

Expected, in about a minute on two CPU cores: closed form over 1,000 networks/s, fvcore 1 to 3 networks/s.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter

from scalesearch.hardware.flops import fvcore_count
from scalesearch.hardware.machine import machine
from scalesearch.networks.baselines import EFFICIENTNET_B0, PAPER_COEFFICIENTS
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, Rounding


def networks_per_s(counter: Callable[[ArchSpec], object], archs: Sequence[ArchSpec], passes: int) -> float:
    start = perf_counter()
    for _ in range(passes):
        for arch in archs:
            counter(arch)
    return passes * len(archs) / (perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of both sides in turn (default 5)")
    rounds = parser.parse_args().rounds
    if rounds < 1:
        parser.error(f"`--rounds` must be >= 1, got {rounds}")

    archs = [scale(EFFICIENTNET_B0, PAPER_COEFFICIENTS.at(step / 4), Rounding()) for step in range(9)]
    for arch in archs:  # also warms both sides up
        if count(arch).macs != fvcore_count(arch).conv_linear:
            raise SystemExit(f"the two sides disagree about {arch}")

    print(", ".join(f"{label}: {value}" for label, value in machine().items()))
    print(f"{'round':>6} {'closed form':>16} {'fvcore':>16}   networks/s")
    closed, traced = [], []
    for number in range(1, rounds + 1):
        closed.append(networks_per_s(count, archs, passes=50))
        traced.append(networks_per_s(fvcore_count, archs, passes=1))
        print(f"{number:>6} {closed[-1]:>16,.0f} {traced[-1]:>16.2f}")
    ratio = median(a / b for a, b in zip(closed, traced, strict=True))
    print(f"{'median':>6} {median(closed):>16,.0f} {median(traced):>16.2f}   ratio {ratio:,.0f}")


if __name__ == "__main__":
    main()
