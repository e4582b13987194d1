"""What one training run and one measurement of a network gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CurvePoint", "FlopRecord", "LatencyRecord", "SeedMeans", "SeedRun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One look at the held-out part during a proxy run, after ``images`` training images."""

    images: int
    train_loss: float
    loss: float
    top1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FlopRecord:
    """fvcore's total for one image, and the operators it did not count with how often each was met."""

    total: int
    uncounted: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyRecord:
    """Raw latency samples of one network, in seconds for one forward pass of a whole batch.

    ``machine`` is the key of the machine that was timed; empty where an earlier version did not record it.
    """

    samples_s: tuple[float, ...]
    batch_size: int
    threads: int
    dtype: str
    device: str
    machine: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRun:
    """One training run of one network with one seed, as far as it got.

    ``top1`` and ``loss`` are the last point's of ``curve``; ``train_seconds`` leaves out the judging.
    ``source`` says where a run's figures come from that the run itself did not keep: then ``loss`` and
    ``train_seconds`` may be unknown (None), and ``curve`` empty.
    ``device`` and ``threads`` say what it was computed with, such as ``cpu`` and ``1``; ``cpu then cuda``
    where it was stopped and gone on with elsewhere, empty where an earlier version did not record it.
    """

    seed: int
    top1: float
    loss: float | None
    held_out_images: int
    images_seen: int
    train_seconds: float | None
    curve: tuple[CurvePoint, ...]
    source: str = ""
    device: str = ""
    threads: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedMeans:
    """What is known of a network's training runs together, where it was not kept of each.

    ``loss`` is their mean, ``train_seconds`` their sum, and ``curve`` their mean top-1 (a fraction) after so
    many training images.
    """

    loss: float | None
    train_seconds: float | None
    curve: tuple[tuple[int, float], ...] = ()
