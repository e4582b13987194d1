"""The training runs of a search as a surface sees them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from scalesearch.records import CandidateRecord, RunRecord, SeedRun
from scalesearch.statistics.answer import DesignError, Surface, Trained
from scalesearch.statistics.power_law import Grown


def trained_runs(run: RunRecord, images: int | None = None) -> Trained:
    """Every training run of the networks that were trained to their end, or still are being trained.

    Networks whose split is not known, or that cost about as much as the baseline, say nothing and are left
    out.

    Args:
        run: the search.
        images: the look whose top-1 is taken, in training images; the end of each run if None.

    Raises:
        DesignError: if no run has such a look.
    """
    rows = [
        (candidate, split, top1)
        for candidate in run.candidates
        if candidate.status in ("completed", "waiting") and (split := candidate.split) is not None
        for seed_run in whole_runs(candidate)
        if (top1 := _top1(seed_run, images)) is not None and math.isfinite(top1)
    ]
    if not rows:
        at = "" if images is None else f" at {images:,} images"
        raise DesignError(f"`runs` must be of networks that were trained{at}, got none whose split is known")
    return Trained(
        splits=tuple(split for _, split, _ in rows),
        doublings=tuple(math.log2(candidate.macs_ratio) for candidate, _, _ in rows),
        networks=tuple(candidate.key for candidate, _, _ in rows),
        top1=tuple(100 * top1 for _, _, top1 in rows),
    )


def shape_of(candidate: CandidateRecord) -> tuple[int, ...]:
    """What tells whether two candidates are one network: MACs, parameters, pixels and blocks."""
    return candidate.macs, candidate.params, candidate.resolution, candidate.blocks


def grown_runs(run: RunRecord) -> Grown:
    """Every training run of the networks of which it is known what grew, the baseline's own included.

    Where several names stand for one network, as two ways to scale may round to one, the runs of a seed are
    one run.
    """
    shapes: dict[tuple[float, ...], str] = {}
    rows: dict[tuple[str, int], tuple[tuple[float, float, float], float]] = {}
    for c in run.candidates:
        depth, width, resolution = c.depth_doublings, c.width_doublings, c.resolution_doublings
        if c.status not in ("completed", "waiting") or depth is None or width is None or resolution is None:
            continue
        growth = (depth, width, resolution)
        network = shapes.setdefault(shape_of(c), c.key)
        for seed_run in whole_runs(c):
            if not math.isfinite(seed_run.top1):
                continue
            rows.setdefault((network, seed_run.seed), (growth, 100 * seed_run.top1))
    return Grown(
        growth=tuple(growth for growth, _ in rows.values()),
        networks=tuple(network for network, _ in rows),
        top1=tuple(top1 for _, top1 in rows.values()),
    )


def predictions(surface: Surface, candidates: Iterable[CandidateRecord]) -> dict[str, tuple[float, float]]:
    """What a surface says of networks, trained or not: by key, top-1 and half its 95% interval, in points.

    Networks whose split is not known, or lies beyond the trained ones, are left out.
    """
    placed = {c.key: c.split for c in candidates if c.split is not None and c.counted}
    if not placed:
        return {}
    splits = np.array(list(placed.values()))
    rows = zip(placed, *surface.top1(splits), surface.inside(splits), strict=True)
    return {key: (float(height), float(half)) for key, height, half, inside in rows if inside}


def whole_runs(candidate: CandidateRecord) -> tuple[SeedRun, ...]:
    """The runs that came as far as the farthest one."""
    farthest = max((run.images_seen for run in candidate.runs), default=0)
    return tuple(run for run in candidate.runs if run.images_seen == farthest)


def _top1(run: SeedRun, images: int | None) -> float | None:
    if images is None:
        return run.top1
    return next((point.top1 for point in run.curve if point.images == images), None)
