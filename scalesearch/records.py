"""Finished records: what a search or a scaling left behind, as frozen plain values.

``search`` makes them from an Optuna study, ``report`` turns them into tables, figures and pages. They hold
no torch and no optuna object, so a report can be made on a machine without torch. Times are in seconds,
accuracies are fractions, one multiply-add counts as 1 MAC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "CandidateRecord",
    "CurvePoint",
    "FamilyRow",
    "FlopRecord",
    "LatencyRecord",
    "PublishedRow",
    "RunRecord",
    "ScaleRecord",
    "Status",
]

Status = Literal["completed", "failed", "skipped", "waiting"]
"""``skipped``: thinned out, never trained. ``waiting``: not trained yet (a stopped run)."""


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
    """Raw latency samples of one network, in seconds for one forward pass of a whole batch."""

    samples_s: tuple[float, ...]
    batch_size: int
    threads: int
    dtype: str
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRecord:
    """One distinct network of a search: the coefficients that make it, its cost, and what training gave.

    ``depth``, ``width`` and ``resolution_multiplier`` are multipliers of the baseline; ``resolution`` is in
    pixels. ``merged`` holds every grid triple (alpha, beta, gamma) that rounds to this network, its own
    included. ``macs`` and ``macs_ratio`` are those of the network that was trained and of the (possibly
    reduced) proxy baseline; ``full_macs`` and ``full_macs_ratio`` those of the same coefficients applied to
    the full-size baseline. Fields from ``fvcore_total`` on are None until measured.
    """

    key: str
    alpha: float
    beta: float
    gamma: float
    product: float
    merged: tuple[tuple[float, float, float], ...]
    depth: float
    width: float
    resolution_multiplier: float
    resolution: int
    blocks: int
    params: int
    macs: int
    activations: int
    nominal_ratio: float
    macs_ratio: float
    full_macs: int
    full_macs_ratio: float
    status: Status
    reason: str = ""
    fvcore_total: int | None = None
    uncounted: Mapping[str, int] | None = None
    top1: float | None = None
    loss: float | None = None
    held_out_images: int | None = None
    train_seconds: float | None = None
    images_seen: int | None = None
    curve: tuple[CurvePoint, ...] = ()
    latency: LatencyRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A whole grid search. ``candidates`` are in the order in which the grid was enumerated.

    Attributes:
        name: the run's name, such as ``grid-efficientnet-b0-phi1``.
        command: the exact command line.
        settings: every setting as resolved (the ``[grid]`` table of run.toml).
        machine: what it ran on: ``cpu``, ``cores``, ``memory_bytes``, ``system``, ``gpu`` where there is one.
        versions: package versions by name.
        grid_points: points of the Cartesian grid; ``feasible`` of them meet the constraint.
        thinning: one sentence on how networks were chosen where not all are trained; empty where all are.
        wall_s: wall-clock seconds spent so far, over all sessions; ``sessions`` counts starts and resumes.
        baseline: the proxy baseline's cost: ``params``, ``macs``, ``resolution``, ``blocks``, ``full_macs``.
        classes: number of classes, so chance is ``1 / classes``.
    """

    name: str
    command: str
    phi: float
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    grid_points: int
    feasible: int
    thinning: str
    wall_s: float
    sessions: int
    baseline: Mapping[str, int]
    classes: int
    candidates: tuple[CandidateRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRow:
    """One member of a scaled family: the rule's network at one phi."""

    phi: float
    depth: float
    width: float
    resolution_multiplier: float
    resolution: int
    blocks: int
    params: int
    macs: int
    fvcore_total: int
    uncounted: Mapping[str, int]
    activations: int
    nominal_ratio: float
    macs_ratio: float
    latency: LatencyRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One published network, rebuilt here from its published coefficients.

    ``implied_phi_*`` is the phi at which the coefficients of the run would give the published multiplier of
    that dimension; None where no phi does.
    """

    name: str
    depth: float
    width: float
    resolution: int
    params: int
    macs: int
    fvcore_total: int
    params_published: float
    flops_published: float
    implied_phi_depth: float | None
    implied_phi_width: float | None
    implied_phi_resolution: float | None
    top1_published: float
    top5_published: float
    source: str

    @property
    def params_error(self) -> float:
        """Relative difference of the rebuilt parameters from the published figure."""
        return self.params / self.params_published - 1

    @property
    def flops_error(self) -> float:
        """Relative difference of the rebuilt multiply-adds from the published FLOPs."""
        return self.macs / self.flops_published - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleRecord:
    """A whole ``scale`` command. ``published`` is empty for a baseline that nobody published a family of."""

    name: str
    command: str
    baseline: str
    alpha: float
    beta: float
    gamma: float
    product: float
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    wall_s: float
    family: tuple[FamilyRow, ...]
    published: tuple[PublishedRow, ...]
