"""Made-up runs with true costs: seeded accuracies on the networks that the real arithmetic gives."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from scalesearch.networks.baselines import PAPER_COEFFICIENTS, baseline, published_family_of
from scalesearch.networks.cost import count, inference_bytes, training_bytes
from scalesearch.networks.matching import shape_of
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, Rounding
from scalesearch.records import (
    CandidateRecord,
    CurvePoint,
    FamilyRow,
    LatencyRecord,
    PublishedRow,
    RungRecord,
    RunRecord,
    ScaleRecord,
    SeedRun,
)
from scalesearch.scaling import Coefficients, Multipliers, implied_phi

HELD_OUT = 720
CLASSES = 18
PROXY = scale(
    replace(baseline("efficientnet-b0"), classes=CLASSES),
    Multipliers(width=0.5, resolution=32 / 224),
    Rounding(),
)
FULL = baseline("efficientnet-b0")


def _grid(step: float) -> list[Coefficients]:
    def axis(high: float) -> list[float]:
        return [round(1 + step * k, 10) for k in range(round((high - 1) / step) + 1)]

    triples = itertools.product(axis(2.0), axis(1.5), axis(1.5))
    found = (Coefficients(alpha=a, beta=b, gamma=g) for a, b, g in triples)
    return [c for c in found if c.satisfies(0.1)]


def _latency(base_s: float, random_: random.Random) -> LatencyRecord:
    samples = tuple(base_s * (1 + 0.02 * abs(random_.gauss(0, 1))) for _ in range(15))
    return LatencyRecord(samples_s=samples, batch_size=1, threads=2, dtype="float32", device="cpu")


def _candidate(triples: list[Coefficients], arch: ArchSpec, phi: float) -> CandidateRecord:
    first = triples[0]
    at, cost, base = first.at(phi), count(arch), count(PROXY)
    shape = shape_of(arch, PROXY)
    full = count(scale(FULL, at, Rounding()))
    return CandidateRecord(
        key=arch.key,
        alpha=first.alpha,
        beta=first.beta,
        gamma=first.gamma,
        product=first.product,
        merged=tuple((t.alpha, t.beta, t.gamma) for t in triples),
        depth=at.depth,
        width=at.width,
        resolution_multiplier=at.resolution,
        resolution=arch.resolution,
        blocks=arch.blocks,
        params=cost.params,
        macs=cost.macs,
        activations=cost.activations,
        nominal_ratio=at.nominal_ratio,
        macs_ratio=cost.macs / base.macs,
        full_macs=full.macs,
        full_macs_ratio=full.macs / count(FULL).macs,
        status="waiting",
        inference_bytes=inference_bytes(arch, 1),
        training_bytes=training_bytes(arch, 32),
        depth_doublings=shape.depth,
        width_doublings=shape.width,
        resolution_doublings=shape.resolution,
    )


LOOKS, IMAGES_A_LOOK = 6, 3600
RUNGS = (
    RungRecord(images=7200, networks=12, seeds=1),
    RungRecord(images=14400, networks=6, seeds=1),
    RungRecord(images=21600, networks=3, seeds=3),
)


def _seed_run(
    row: CandidateRecord, skill: float, random_: random.Random, *, seed: int, looks: int
) -> SeedRun:
    def top1(k: int) -> float:
        learnt = skill * (1 - 0.55**k) / (1 - 0.55**LOOKS) + random_.gauss(0, 0.008) * (k < LOOKS)
        return round(HELD_OUT * max(0.04, learnt)) / HELD_OUT

    curve = tuple(
        CurvePoint(images=IMAGES_A_LOOK * k, train_loss=2.9 - 0.25 * k, loss=2.9 - 0.2 * k, top1=top1(k))
        for k in range(1, looks + 1)
    )
    return SeedRun(
        seed=seed,
        top1=curve[-1].top1,
        loss=curve[-1].loss,
        held_out_images=HELD_OUT,
        images_seen=curve[-1].images,
        train_seconds=20.0 + row.macs / 1e6,
        curve=curve,
    )


def _trained(
    row: CandidateRecord,
    random_: random.Random,
    *,
    latency: bool,
    seeds: int = 1,
    looks: int = LOOKS,
    luck: float = 0.02,
) -> CandidateRecord:
    """A network of a skill that its coefficients decide up to ``luck``, trained with ``seeds`` seeds."""
    skill = 0.36 + 0.30 * (row.beta - 1) + 0.38 * (row.gamma - 1) - 0.10 * (row.alpha - 1)
    skill += random_.gauss(0, luck)
    noise = [0.0] if seeds == 1 else [0.006 * (seed - 1) + random_.gauss(0, 0.012) for seed in range(seeds)]
    return replace(
        row,
        status="completed",
        fvcore_total=int(row.macs * 1.04),
        uncounted={"aten::silu_": 3 * row.blocks, "aten::mul": row.blocks},
        runs=tuple(
            _seed_run(row, skill + moved, random_, seed=seed, looks=looks) for seed, moved in enumerate(noise)
        ),
        latency=_latency(0.004 + row.blocks * 3e-4 + row.macs / 4e9, random_) if latency else None,
    )


def _halved(rows: list[CandidateRecord], random_: random.Random, *, latency: bool) -> list[CandidateRecord]:
    """Successive halving by :data:`RUNGS` of the rows that were trained, on the first one's order."""
    trained = [i for i, row in enumerate(rows) if row.status == "completed"]
    rows, looks = list(rows), [rung.images // IMAGES_A_LOOK for rung in RUNGS]
    for place, i in enumerate(sorted(trained, key=lambda i: -(rows[i].top1 or 0))):
        reached = sum(place < rung.networks for rung in RUNGS) - 1
        if reached == len(RUNGS) - 1:
            rows[i] = _trained(rows[i], random_, latency=latency, seeds=RUNGS[-1].seeds)
        else:
            stopped = _trained(rows[i], random_, latency=False, looks=looks[reached])
            rows[i] = replace(stopped, status="pruned", reason=f"stopped at rung {reached + 1}")
    return rows


@cache
def fabricate_run(
    *,
    trained: int | None = None,
    latency: bool = True,
    phi: float = 1.0,
    step: float = 0.05,
    seed: int = 0,
    rest: str = "skipped",
    seeds: int = 1,
    halving: bool = False,
) -> RunRecord:
    random_ = random.Random(seed)
    by_key: dict[str, tuple[ArchSpec, list[Coefficients]]] = {}
    feasible = _grid(step)
    for triple in feasible:
        arch = scale(PROXY, triple.at(phi), Rounding())
        by_key.setdefault(arch.key, (arch, []))[1].append(triple)
    rows = [_candidate(triples, arch, phi) for arch, triples in by_key.values()]
    wanted = len(rows) if trained is None else trained
    paper = next((i for i, row in enumerate(rows) if (1.2, 1.1, 1.15) in row.merged), 0)
    order = [paper, *random_.sample([i for i in range(len(rows)) if i != paper], len(rows) - 1)]
    chosen = set(order[:wanted])
    rows = [
        _trained(row, random_, latency=latency, seeds=seeds) if i in chosen else replace(row, status=rest)
        for i, row in enumerate(rows)
    ]
    if halving:
        rows = _halved(rows, random_, latency=latency)
    thinning = (
        ""
        if wanted >= len(rows)
        else f"{wanted} of {len(rows)} networks are trained, spread over the surface."
    )
    base = count(PROXY)
    return RunRecord(
        name="grid-efficientnet-b0-phi1",
        command="scalesearch grid --phi 1",
        phi=phi,
        settings={
            "baseline": "efficientnet-b0",
            "seed": 0,
            "dataset": "photographs",
            "recipe": {"name": "quick", "epochs": 6},
            "tolerance": 0.1,
            "alpha": [1.0, 2.0],
        },
        machine={"cpu": "Xeon", "cores": 2, "memory_bytes": 8 * 2**30, "system": "Linux"},
        versions={"torch": "2.14.1", "python": "3.11.9"},
        grid_points=2541,
        feasible=len(feasible),
        thinning=thinning if rest == "skipped" else "",
        wall_s=581.2,
        sessions=1,
        baseline={
            "params": base.params,
            "macs": base.macs,
            "resolution": PROXY.resolution,
            "blocks": PROXY.blocks,
            "full_macs": count(FULL).macs,
        },
        classes=CLASSES,
        candidates=tuple(rows),
        rungs=RUNGS if halving else (),
    )


@cache
def fabricate_scale(
    *,
    baseline: ArchSpec = FULL,
    coefficients: Coefficients = PAPER_COEFFICIENTS,
    phis: tuple[float, ...] = (0, 1, 2, 3, 4, 5, 6, 7),
    published: bool = True,
    latency: bool = False,
) -> ScaleRecord:
    random_, base = random.Random(1), count(baseline)
    family = []
    for phi in phis:
        at = coefficients.at(phi)
        arch = scale(baseline, at, Rounding())
        cost = count(arch)
        family.append(
            FamilyRow(
                phi=phi,
                depth=at.depth,
                width=at.width,
                resolution_multiplier=at.resolution,
                resolution=arch.resolution,
                blocks=arch.blocks,
                params=cost.params,
                macs=cost.macs,
                fvcore_total=cost.fvcore_total,
                uncounted={"aten::silu_": 3 * arch.blocks, "aten::sigmoid": arch.blocks},
                activations=cost.activations,
                nominal_ratio=at.nominal_ratio,
                macs_ratio=cost.macs / base.macs,
                latency=_latency(cost.macs / 4e10, random_) if latency else None,
            )
        )
    rows = []
    for network in published_family_of(baseline):
        assert None not in (network.top1, network.params, network.flops)
        cost = count(network.arch())
        rows.append(
            PublishedRow(
                name=network.name,
                depth=network.depth,
                width=network.width,
                resolution=network.resolution,
                params=cost.params,
                macs=cost.macs,
                fvcore_total=cost.fvcore_total,
                params_published=network.params,
                flops_published=network.flops,
                implied_phi_depth=implied_phi(network.depth, coefficients.alpha),
                implied_phi_width=implied_phi(network.width, coefficients.beta),
                implied_phi_resolution=implied_phi(
                    network.resolution / baseline.resolution, coefficients.gamma
                ),
                top1_published=network.top1,
                top5_published=network.top5,
                source=network.source,
            )
        )
    return ScaleRecord(
        name=f"scale-{baseline.name}",
        command="scalesearch scale --alpha 1.2 --beta 1.1 --gamma 1.15 --phi 0..7",
        baseline=baseline.name,
        alpha=coefficients.alpha,
        beta=coefficients.beta,
        gamma=coefficients.gamma,
        product=coefficients.product,
        settings={
            "channel_divisor": 8,
            "min_kept_fraction": 0.9,
            "repeats_rule": "ceil",
            "resolution_multiple": 1,
        },
        machine={"cpu": "Xeon", "cores": 2, "memory_bytes": 8 * 2**30, "system": "Linux"},
        versions={"torch": "2.14.1"},
        wall_s=12.5,
        family=tuple(family),
        published=tuple(rows) if published else (),
    )


@pytest.fixture
def make_run() -> Callable[..., RunRecord]:
    return fabricate_run


@pytest.fixture
def make_scale() -> Callable[..., ScaleRecord]:
    return fabricate_scale
