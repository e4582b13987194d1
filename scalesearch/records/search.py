"""What a search left behind: candidates, rungs, rounds, and how far its short runs can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Literal

from scalesearch.records.budget import BudgetRecord
from scalesearch.records.family import ScaleRecord
from scalesearch.records.measured import LatencyRecord, SeedMeans, SeedRun
from scalesearch.records.start import StartRecord

__all__ = [
    "THINNED",
    "CandidateRecord",
    "CheckRun",
    "FidelityRecord",
    "ReliabilityRecord",
    "RoundRecord",
    "RunKind",
    "RunRecord",
    "RungRecord",
    "Status",
]

Status = Literal["completed", "pruned", "failed", "skipped", "waiting"]
"""``pruned``: stopped early, at a rung of successive halving, because others were ahead. ``skipped``: never
trained (thinned out, or a budget it cannot meet). ``waiting``: not trained to its end yet (a stopped run)."""

RunKind = Literal["grid", "search", "sweep", "fidelity", "scale"]


THINNED = "thinned out"
"""How the reason of a network begins that could be trained, and was not since others stand for it."""
LEAST_DOUBLINGS = 0.25
"""A network whose cost is within so many doublings of the baseline's shares out next to nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RungRecord:
    """A rung of successive halving: ``networks`` train on to ``images`` images, with ``seeds`` seeds each."""

    images: int
    networks: int
    seeds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityRecord:
    """How well runs of ``images`` images rank networks, against runs of ``reference_images``.

    ``tau`` is Kendall's tau-b over ``networks`` networks with a 95% bootstrap interval over networks;
    ``regret`` is the long run's top-1 of its own best network minus that of the short run's choice.
    ``source`` says where it was measured.
    """

    images: int
    reference_images: int
    tau: float
    tau_low: float
    tau_high: float
    regret: float
    networks: int
    seeds: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRecord:
    """One distinct network of a search: the coefficients that make it, its cost, and what training gave.

    ``depth``, ``width`` and ``resolution_multiplier`` are multipliers of the baseline; ``resolution`` is the
    height of the input in pixels, and its width where ``resolution_width`` says no other. ``merged`` holds
    every grid triple (alpha, beta, gamma) that rounds to this network, its own included. ``macs`` and
    ``macs_ratio`` are those of the network that was trained and of the (possibly reduced) proxy baseline;
    ``full_macs`` and ``full_macs_ratio`` those of the same coefficients applied to the full-size baseline.
    Where a budget was matched, ``resolution`` (or the width) is the one that was solved for and the
    coefficients are those the network started from. ``inference_bytes`` and ``training_bytes`` are
    closed-form peaks of memory: of one forward pass at the run's latency batch size and of one training step
    at its batch size; None where they are not known. ``phi`` is the network's
    own. ``depth_doublings``, ``width_doublings`` and ``resolution_doublings`` are how many times each
    dimension doubles the cost, as the network was built; they add up to log2 of ``macs_ratio``, and are None
    where an earlier version did not record them. ``repeats`` are the blocks of each stage, None where it did
    not or the network has no stages. ``role`` names what a network stands for, such as ``depth``
    in a sweep. ``runs`` holds one training run per seed, and all outcomes derive from it, but for what only
    ``means`` has of them.

    A network that a user's own code refuses to be is not trained, and nobody can tell what it costs: that
    is 0. So is what it costs at full size where the code refuses that.

    Raises:
        ValueError: if a network was trained of which nobody can tell what it costs.
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
    phi: float = 1.0
    role: str = ""
    reason: str = ""
    budget: BudgetRecord | None = None
    inference_bytes: int | None = None
    training_bytes: int | None = None
    resolution_width: int | None = None
    depth_doublings: float | None = None
    width_doublings: float | None = None
    resolution_doublings: float | None = None
    repeats: tuple[int, ...] | None = None
    fvcore_total: int | None = None
    uncounted: Mapping[str, int] | None = None
    runs: tuple[SeedRun, ...] = ()
    latency: LatencyRecord | None = None
    means: SeedMeans | None = None

    def __post_init__(self) -> None:
        if self.status in ("completed", "pruned") and not self.counted:
            raise ValueError(f"`macs` must be > 0 of a network that was trained, got {self.macs}")

    @property
    def counted(self) -> bool:
        """Whether it is known what the network costs."""
        return self.macs > 0 and self.macs_ratio > 0

    @property
    def thinned_out(self) -> bool:
        """Whether the network could be trained, and was not since others stand for it."""
        return self.status == "skipped" and self.reason.startswith(THINNED)

    @property
    def split(self) -> tuple[float, float, float] | None:
        """The shares of depth, width and resolution in the growth of the cost, as the network was built.

        None where they are not known, or where the cost is so near to the baseline's that nothing is shared.
        """
        if self.depth_doublings is None or self.width_doublings is None or self.resolution_doublings is None:
            return None
        total = self.depth_doublings + self.width_doublings + self.resolution_doublings
        if abs(total) < LEAST_DOUBLINGS:
            return None
        return self.depth_doublings / total, self.width_doublings / total, self.resolution_doublings / total

    @property
    def top1(self) -> float | None:
        """Held-out top-1 as a fraction, the mean over seeds; None before any run."""
        return fmean(run.top1 for run in self.runs) if self.runs else None

    @property
    def top1_sd(self) -> float | None:
        """Standard deviation of top-1 over seeds; None for fewer than two."""
        return stdev(run.top1 for run in self.runs) if len(self.runs) > 1 else None

    @property
    def loss(self) -> float | None:
        """Held-out loss, the mean over seeds."""
        if self.means is not None:
            return self.means.loss
        losses = [run.loss for run in self.runs if run.loss is not None]
        return fmean(losses) if losses else None

    @property
    def held_out_images(self) -> int | None:
        """Images that judged each run."""
        return self.runs[0].held_out_images if self.runs else None

    @property
    def train_seconds(self) -> float | None:
        """Seconds of training, summed over seeds."""
        if self.means is not None:
            return self.means.train_seconds
        seconds = [run.train_seconds for run in self.runs if run.train_seconds is not None]
        return sum(seconds) if seconds else None

    @property
    def images_seen(self) -> int | None:
        """Training images that the longest run saw."""
        return max(run.images_seen for run in self.runs) if self.runs else None

    @property
    def trained_device(self) -> str:
        """What its runs were computed on, such as ``cpu``; where they differ, all of it: ``cpu; cuda``."""
        return "; ".join(dict.fromkeys(run.device for run in self.runs if run.device))

    @property
    def trained_threads(self) -> str:
        """With how many CPU threads, in the same way."""
        return "; ".join(dict.fromkeys(run.threads for run in self.runs if run.threads))

    @property
    def curve(self) -> tuple[tuple[int, float], ...]:
        """Training images and the mean top-1 over seeds after them, at the looks that all runs have."""
        if self.means is not None:
            return self.means.curve
        if not self.runs:
            return ()
        by_run = [{point.images: point.top1 for point in run.curve} for run in self.runs]
        common = [point.images for point in self.runs[0].curve if all(point.images in r for r in by_run)]
        return tuple((images, fmean(top1[images] for top1 in by_run)) for images in common)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRun:
    """A training run that checks an answer and takes no part in it.

    Attributes:
        purpose: ``confirm``: a seed that the answer has not seen; ``recipe``: another rate or batch size.
        network: the key of the network that was trained.
        role: what the network stands for: ``best``, ``runner-up`` or ``paper``, a corner or ``centre``.
        variant: of the recipe, such as ``rate x 0.5``; ``as searched`` where it is the search's own.
        run: what came of it.
    """

    purpose: Literal["confirm", "recipe"]
    network: str
    role: str
    variant: str
    run: SeedRun


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A whole search. ``candidates`` are in the order in which they were enumerated or suggested.

    Attributes:
        kind: the command that made it.
        name: the run's name, such as ``grid-efficientnet-b0-phi1``.
        command: the exact command line.
        settings: every setting as resolved (the command's table of run.toml).
        machine: what it ran on: ``cpu``, ``cores``, ``memory_bytes``, ``system``, ``gpu`` where there is one.
        versions: package versions by name.
        grid_points: points of the Cartesian grid; ``feasible`` of them meet the constraint.
        thinning: one sentence on how networks were chosen where not all are trained; empty where all are.
        wall_s: wall-clock seconds spent so far, over all sessions; ``sessions`` counts starts and resumes.
        baseline: the proxy baseline's cost: ``params``, ``macs``, ``resolution``, ``blocks``, ``full_macs``.
        classes: number of classes, so chance is ``1 / classes``.
        rungs: of successive halving, the last one the whole length; a single one where nothing is pruned.
        objectives: what is optimised, the first one first: ``top1``, ``reward`` (maximised), ``macs``,
            ``params``, ``latency`` (minimised).
        reliability: how far runs like these can be trusted, by length of run; empty where nobody measured it.
        derivation: of a trained family, the full-size family whose proxies the candidates are.
        start: what all networks were grown from; None where they started from scratch.
        notes: sentences on how a user's own code is trained, where that isn't as usual.
        stopped: why no further design was trained, in words; empty where that isn't decided.
        checks: training runs that check the answer.
    """

    kind: RunKind = "grid"
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
    rungs: tuple[RungRecord, ...] = ()
    objectives: tuple[str, ...] = ("top1",)
    reliability: tuple[ReliabilityRecord, ...] = ()
    derivation: ScaleRecord | None = None
    start: StartRecord | None = None
    notes: tuple[str, ...] = ()
    stopped: str = ""
    checks: tuple[CheckRun, ...] = ()

    @property
    def highest_mean(self) -> CandidateRecord | None:
        """The network of the highest mean top-1, trained to the end; of equal ones the cheapest."""
        done = [c for c in self.candidates if c.status == "completed"]
        return min(done, key=lambda c: (-(c.top1 or 0.0), c.macs), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityRecord:
    """Networks of a run trained for other lengths: ``run`` as it was, ``lengths`` with one record per length.

    ``multiples`` are the lengths as multiples of the run's own, rising, one for each record; the longest is
    the reference. A network has the same ``key`` in all of them.
    """

    run: RunRecord
    multiples: tuple[float, ...]
    lengths: tuple[RunRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRecord:
    """One round of ``alternate``: coefficients searched at ``phi``, then the phi that meets the budget.

    ``alpha``, ``beta``, ``gamma``: the round's choice; ``next_phi`` what the budget then allows;
    ``next_cost`` the cost of that network in the budget's unit; ``run`` the search it rests on.
    """

    number: int
    phi: float
    alpha: float
    beta: float
    gamma: float
    next_phi: float
    next_cost: float
    budget_kind: str
    budget: float
    run: RunRecord
