"""What a search, a sweep or a family leaves behind, as frozen values, and their tables read back."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from statistics import fmean, stdev
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from scalesearch.plain import Bounds, field_types, is_needed, shown, value_of
from scalesearch.text import bare

# ----------------------------------------------------------------------------------------------------
# What one training run and one measurement of a network gave.


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


# ----------------------------------------------------------------------------------------------------
# What one network should cost, and does.

IN_SHARES = "shares"
"""What a network was matched by whose depth, width and resolution were solved for together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRecord:
    """What one network should cost and does. ``kind``: macs, params, activations, memory or latency.

    ``target`` and ``value`` are multiply-adds, parameters, elements, bytes (the peak of a training step) or
    seconds. ``matched_by`` names the dimension that was solved for, empty where the network was only chosen,
    and is ``shares`` where all three were, to have the shares that were asked for; ``missed`` is then what is
    farther from them than 5 points, and from the target than 2%, in words.
    ``full_size``: the budget is of the same multipliers' full-size network, not of the one that is trained;
    its latency is predicted by a cost law.
    """

    kind: str
    target: float
    value: float
    matched_by: str = ""
    full_size: bool = False
    missed: str = ""

    @property
    def residual(self) -> float:
        """How far the cost is from its target, relative to it."""
        return self.value / self.target - 1


# ----------------------------------------------------------------------------------------------------
# What a scaling left behind: the family of the rule, and the published one rebuilt beside it.


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRow:
    """One member of a scaled family: the rule's network at one phi, and what it spends of a budget.

    ``resolution`` is the height of its input, and the width where ``resolution_width`` says no other.
    """

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
    budget: BudgetRecord | None = None
    resolution_width: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One published network, rebuilt here from its published coefficients.

    ``implied_phi_*`` is the phi at which the coefficients of the run would give the published multiplier of
    that dimension; None where no phi does. ``top5_published`` is None where it wasn't published.
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
    top5_published: float | None
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


# ----------------------------------------------------------------------------------------------------
# What the networks of a search were grown from, where they did not start from scratch.


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRecord:
    """The trained network that every network of a run was grown from.

    Attributes:
        kind: ``pretrained``: a file's; ``grown``: the run's own baseline, trained first, once per seed.
        network: its name.
        classes: of its classifier; with other classes than the data has it was replaced.
        file: name of the file; empty without one.
        read: what of the file was read, where that isn't all: ``state_dict_ema``, or ``model`` for tensors
            whose names begin with ``model.``.
        fresh_classifier: whether the file has no classifier of a linear layer: all networks draw their own.
        digest: a hash of its network and weights; empty without a file.
        runs: the trainings of the run's own baseline, one per seed, as far as they are known.
    """

    kind: Literal["pretrained", "grown"]
    network: str
    classes: int
    file: str = ""
    digest: str = ""
    read: str = ""
    fresh_classifier: bool = False
    runs: tuple[SeedRun, ...] = ()


# ----------------------------------------------------------------------------------------------------
# The numbers that a record's fields can hold, by their names: nobody trained a network to a top-1 of 7.

POSITIVE = frozenset(
    (
        *("alpha", "beta", "gamma", "product", "depth", "width", "resolution_multiplier", "resolution"),
        *("resolution_width", "macs", "full_macs", "macs_ratio", "full_macs_ratio", "nominal_ratio"),
        *("target", "value", "classes", "held_out_images", "networks", "batch_size"),
    )
)
SHARES = frozenset(("top1",))
# A phi may be below 0, and so may a correlation and what a wrong choice costs; nothing else that is stored.
SIGNED = frozenset(
    (
        *("phi", "implied_phi_depth", "implied_phi_width", "implied_phi_resolution"),
        *("tau", "tau_low", "tau_high", "regret"),
        *("depth_doublings", "width_doublings", "resolution_doublings"),
    )
)


UNKNOWN = frozenset(("macs", "macs_ratio", "full_macs", "full_macs_ratio"))
"""Costs that are 0 where nobody can tell them; see ``CandidateRecord``."""


@cache
def _range_of(name: str) -> tuple[float, float]:
    """The least and the greatest number, both finite, that a field of that name can hold."""
    greatest = 1.0 if name in SHARES else sys.float_info.max
    if name in POSITIVE:
        return sys.float_info.min, greatest
    return (0.0 if name in SHARES or name not in SIGNED else -greatest), greatest


@dataclass(frozen=True, slots=True)
class Ranges:
    """The numbers that fields can hold, by their names; costs in ``unknown`` may be 0, where nobody knows."""

    unknown: frozenset[str] = frozenset()

    def range_of(self, name: str) -> tuple[float, float]:
        """The least and the greatest number, both finite, that a field of that name can hold."""
        return _range_of(name)

    def __call__(self, name: str, number: float) -> None:
        """Raises ValueError, saying what it must be, for a number that no field of that name can hold."""
        least, greatest = _range_of(name)
        # A number that is none lies nowhere.
        if least <= number <= greatest or (name in self.unknown and number == 0):
            return
        if not math.isfinite(number):
            raise ValueError(f"must be a finite number, got {number}")
        if name in SHARES:
            raise ValueError(f"must be between 0 and 1, got {number}")
        if name in POSITIVE and number <= 0:
            raise ValueError(f"must be > 0, got {number}")
        if name not in SIGNED and number < 0:
            raise ValueError(f"must be >= 0, got {number}")


require_in_range = Ranges()
require_in_plan = Ranges(unknown=UNKNOWN)
"""For the networks of a search, some of which can't be counted."""


# ----------------------------------------------------------------------------------------------------
# What a search left behind: candidates, rungs, rounds, and how far its short runs can be trusted.

Status = Literal["completed", "pruned", "failed", "skipped", "waiting"]
"""``pruned``: stopped early, at a rung of successive halving, because others were ahead. ``skipped``: never
trained (thinned out, or a budget it cannot meet). ``waiting``: not trained to its end yet (a stopped run)."""

SELDOM = "seldom"
"""Marks a field that tables leave out where it has its default: earlier versions did not know it."""


NEAR = 1.05
"""Training lengths of which the longer is not so many times the shorter are one, and tell nothing apart."""
TWICE = 1.9
"""From here on lengths count as a factor of 2 apart: batches are whole."""
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
    not or the network has no stages. ``role`` names what a network stands for, such as ``depth`` in a sweep,
    or ``depth, compound`` where these two round to one network. ``runs`` holds one training run per seed, and
    all outcomes derive from it, but for what only ``means`` has of them.

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
    def roles(self) -> tuple[str, ...]:
        """Everything that the network stands for."""
        return tuple(self.role.split(", ")) if self.role else ()

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
        fresh: whether it was judged by images that judged nothing else.
    """

    purpose: Literal["confirm", "recipe"]
    network: str
    role: str
    variant: str
    run: SeedRun
    fresh: bool = field(default=False, metadata={SELDOM: True})


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

    kind: str = "grid"
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

    @property
    def residual(self) -> float:
        """How far that cost is from the budget, relative to it."""
        return self.next_cost / self.budget - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternateRecord:
    """A whole alternation between coefficients and phi.

    Attributes:
        name: the run's name, such as ``alternate-efficientnet-b0``.
        command: the exact command line.
        settings: every setting as resolved, without the password of a database.
        machine: what it ran on, as a ``RunRecord`` has it.
        versions: package versions by name.
        rounds: those that came to their end, in order.
        converged: whether the answer stopped changing.
        reason: why the loop ended, in words.
    """

    name: str
    command: str
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    rounds: tuple[RoundRecord, ...]
    converged: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRecord:
    """Finished searches set against one another: ``runs`` has each with the name it goes by.

    ``folders`` are theirs, in the same order; empty where they are in none.
    """

    name: str
    command: str
    runs: tuple[tuple[str, RunRecord], ...]
    folders: tuple[str, ...] = ()


# ----------------------------------------------------------------------------------------------------
# Searches as the CSV files that stand beside their pages, and back: all that a report needs of a study.
#
# ``study.csv`` has a row for each search (one, or the rounds of ``alternate``, or the lengths of
# ``fidelity``), ``plan.csv`` one for each network, ``runs.csv`` one for each training run, ``looks.csv``
# one for each look at the held-out images, ``latency.csv`` one for each timed pass. Columns are the fields
# of the records; what is no number and no text is JSON, floats have the digits that read back exactly, and
# what is None is blank.

STUDY, PLAN, RUNS, LOOKS, LATENCY = "study.csv", "plan.csv", "runs.csv", "looks.csv", "latency.csv"
TABLES = (STUDY, PLAN, RUNS, LOOKS, LATENCY)
"""All files; the last is there only where something was timed."""
START = "start"
"""In place of a network's key: the baseline that all networks of a search were grown from."""
LABELS = ("role", "phi", "alpha", "beta", "gamma", "status")
"""What ``runs.csv`` repeats of a run's network, so that it can be read alone."""
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")
LONGEST_CELL = 2**27
Cells = Mapping[str, Any]
Line = Sequence[str | int | float]
"""The cells of a row as they are written, in the order of the columns."""
Kinds = Mapping[str, Any]


def run_tables(records: Sequence[RunRecord]) -> dict[str, str]:
    """The text of each file, by its name; no ``latency.csv`` where nothing was timed.

    Args:
        records: of one folder, each with a name of its own.
    """
    tables: dict[str, Iterable[Line]] = {
        STUDY: (_line(record, _study_kinds()) for record in records),
        PLAN: (_line(c, [*_plan_kinds()][1:], record.name) for record in records for c in record.candidates),
        RUNS: (line for record in records for line in _run_lines(record)),
        LOOKS: (line for record in records for line in _look_lines(record)),
        LATENCY: (line for record in records for line in _latency_lines(record)),
    }
    timed = any(c.latency is not None and c.latency.samples_s for r in records for c in r.candidates)
    return {name: _csv(_kinds_of(name), lines) for name, lines in tables.items() if timed or name != LATENCY}


def runs_of_tables(texts: Mapping[str, str]) -> tuple[RunRecord, ...]:
    """The searches that :func:`run_tables` wrote, in their order.

    Args:
        texts: of the files, by their names.

    Raises:
        ValueError: naming file, row (the header is row 1) and column where a table isn't as it was written.
    """
    rows = {name: _rows(name, texts[name]) for name in TABLES[:-1]}
    rows[LATENCY] = _rows(LATENCY, texts[LATENCY]) if LATENCY in texts else []
    studies = {row["name"]: row for row in _once(rows[STUDY], ("name",))}
    plan = {(row["study"], row["key"]): row for row in _once(rows[PLAN], ("study", "key"))}
    for row in plan.values():
        if row["study"] not in studies:
            raise row.error("study", f"must be a name of {STUDY}, got {row['study']!r}")
        if not KEY.fullmatch(row["key"]) or row["key"] == START:
            raise row.error(
                "key", f"must be letters, digits, points, dashes and underscores, got {row['key']!r}"
            )
    looks = _looks(rows[LOOKS])
    runs = _seed_runs(rows[RUNS], studies, plan, looks)
    if left := next(iter(looks.values()), None):
        raise left[0].error("seed", f"must be a run of {RUNS}, got none of seed {left[0]['seed']}")
    latencies = _latencies(rows[LATENCY], plan)
    candidates: dict[str, list[CandidateRecord]] = {name: [] for name in studies}
    for (study, key), row in plan.items():
        try:
            candidates[study].append(
                CandidateRecord(
                    **row.values(but=("study",)),
                    runs=tuple(runs.get((study, key), ())),
                    latency=latencies.get((study, key)),
                )
            )
        except ValueError as error:
            raise row.error("macs", str(error).replace("`macs` ", "")) from None
    return tuple(
        RunRecord(
            **dict(row.cells)
            | {"start": _started(row.cells.get("start"), runs.get((name, START), ()))}
            | {"candidates": tuple(candidates[name])}
        )
        for name, row in studies.items()
    )


def _started(start: StartRecord | None, runs: Sequence[SeedRun]) -> StartRecord | None:
    return None if start is None else replace(start, runs=tuple(runs))


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a file: its cells as values by column, and where it stands for what is wrong with it."""

    file: str
    number: int
    cells: Cells

    def __getitem__(self, column: str) -> Any:
        return self.cells[column]

    def values(self, but: Sequence[str] = ()) -> dict[str, Any]:
        return {name: value for name, value in self.cells.items() if name not in but}

    def error(self, column: str, what: str) -> ValueError:
        return ValueError(f"{self.file}, row {self.number}, column {column}: {what}")


@cache
def _study_kinds() -> Kinds:
    return {name: kind for name, kind in field_types(RunRecord).items() if name != "candidates"}


@cache
def _plan_kinds() -> Kinds:
    kinds = field_types(CandidateRecord)
    return {"study": str} | {n: kind for n, kind in kinds.items() if n not in ("runs", "latency")}


@cache
def _kinds_of(name: str) -> Kinds:
    """The columns of a file, each with its type."""
    network = {"study": str, "key": str}
    if name == STUDY:
        return _study_kinds()
    if name == PLAN:
        return _plan_kinds()
    if name == RUNS:
        plan = _plan_kinds()
        # A baseline that networks are grown from has no coefficients.
        labels = {label: plan[label] if label == "role" else plan[label] | None for label in LABELS[:-1]}
        run = {n: kind for n, kind in field_types(SeedRun).items() if n != "curve"}
        return network | labels | {"status": str} | run
    if name == LOOKS:
        return {**network, "seed": int, **field_types(CurvePoint)}
    timed = {n: kind for n, kind in field_types(LatencyRecord).items() if n != "samples_s"}
    return network | timed | {"sample": int, "seconds": float}


def _needed(name: str) -> set[str]:
    """The columns that a file can't be without: later versions may have written more, earlier ones fewer."""
    records = {STUDY: (RunRecord,), PLAN: (CandidateRecord,), RUNS: (SeedRun,), LATENCY: (LatencyRecord,)}
    with_defaults = {
        field.name for record in records.get(name, ()) for field in fields(record) if not is_needed(field)
    }
    return set(_kinds_of(name)) - with_defaults - set(LABELS if name == RUNS else ())


def _line(record: object, fields: Iterable[str], *first: object) -> Line:
    """What is in some fields of a record, as cells, behind others."""
    return [_cell_text(value) for value in (*first, *(getattr(record, name) for name in fields))]


def _run_lines(record: RunRecord) -> Iterator[Line]:
    fields = [name for name in field_types(SeedRun) if name != "curve"]
    for run in () if record.start is None else record.start.runs:
        labels = {**dict.fromkeys(LABELS), "role": START, "status": ""}
        yield _line(run, fields, record.name, START, *labels.values())
    for candidate in record.candidates:
        for run in candidate.runs:
            yield _line(run, fields, record.name, candidate.key, *(getattr(candidate, n) for n in LABELS))


def _look_lines(record: RunRecord) -> Iterator[Line]:
    points = tuple(field_types(CurvePoint))
    starts = () if record.start is None else ((START, run) for run in record.start.runs)
    for key, run in (*starts, *((c.key, run) for c in record.candidates for run in c.runs)):
        shared = [_cell_text(value) for value in (record.name, key, run.seed)]
        for point in run.curve:
            yield [*shared, *(_cell_text(getattr(point, name)) for name in points)]


def _latency_lines(record: RunRecord) -> Iterator[Line]:
    timed = [name for name in field_types(LatencyRecord) if name != "samples_s"]
    for candidate in record.candidates:
        if candidate.latency is not None:
            values = (getattr(candidate.latency, name) for name in timed)
            shared = [_cell_text(value) for value in (record.name, candidate.key, *values)]
            for index, seconds in enumerate(candidate.latency.samples_s, start=1):
                yield [*shared, index, _cell_text(seconds)]


def _csv(kinds: Kinds, lines: Iterable[Line]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(kinds)
    writer.writerows(lines)
    return stream.getvalue()


def _cell_text(value: Any) -> str | int | float:
    """A cell; a text that a line of CSV can't hold as it is, or that looks like JSON, is a JSON text.

    A number stays one: the writer gives it the digits that JSON would, in a fraction of the time.
    """
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value
    if value is None:
        return ""
    if isinstance(value, str) and value.isprintable() and not value.startswith('"'):
        return value
    if isinstance(value, StartRecord):
        value = replace(value, runs=())
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> dict[str, Any]:
    """A record, or a table that JSON does not know, as a dict."""
    if isinstance(value, Mapping):
        return dict(value)
    kept = ((field, getattr(value, field.name)) for field in fields(value))
    return {f.name: item for f, item in kept if not (SELDOM in f.metadata and item == f.default)}


def _rows(name: str, text: str) -> list[_Row]:
    """The rows of a file, every cell of its column's type; a ValueError names what isn't so."""
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        lines = csv.reader(io.StringIO(text, newline=""))
        header = next(lines, [])
        kinds = _kinds_of(name)
        bounds = require_in_plan if name == PLAN else require_in_range
        if missing := sorted(_needed(name) - set(header)):
            raise ValueError(
                f"{name}, row 1: must have the column {missing[0]}, got {', '.join(header)[:200] or 'none'}"
            )
        if twice := next((column for column in header if header.count(column) > 1), None):
            raise ValueError(f"{name}, row 1: must have each column once, got {twice} twice")
        columns = [(place, column) for place, column in enumerate(header) if column in kinds]
        rows = []
        for number, line in enumerate(lines, start=2):
            if len(line) != len(header):
                raise ValueError(
                    f"{name}, row {number}: must have {len(header)} cells as its header, got {len(line)}"
                )
            cells = {}
            for place, column in columns:
                try:
                    cells[column] = _cell(kinds[column], column, line[place], bounds)
                except ValueError as error:
                    raise ValueError(f"{name}, row {number}, column {column}: {bare(error)}") from None
            rows.append(_Row(name, number, cells))
        return rows
    except csv.Error as error:
        raise ValueError(f"{name} must be a table as scalesearch writes it, got one with {error}") from None
    finally:
        csv.field_size_limit(before)


def _cell(kind: Any, column: str, text: str, bounds: Bounds) -> Any:
    """The value of a cell of that type and its column's range; a ValueError says what it must be."""
    choices, of_text = _choices(kind)
    if not text and type(None) in choices:
        return None
    if of_text and not text.startswith('"'):
        return value_of(kind, text, column, bounds)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        what = "a number" if {int, float} & set(choices) else "a text or JSON as it was written"
        raise ValueError(f"must be {what}, got {shown(text)}") from None
    return value_of(kind, data, column, bounds)


@cache
def _choices(kind: Any) -> tuple[tuple[Any, ...], bool]:
    """The types that a cell may have, and whether one of them is a text as it stands."""
    choices = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return choices, any(choice is str or get_origin(choice) is Literal for choice in choices)


def _once(rows: Sequence[_Row], columns: Sequence[str]) -> Sequence[_Row]:
    """The rows; a ValueError if two of them are about the same."""
    seen: dict[tuple[Any, ...], int] = {}
    for row in rows:
        about = tuple(row[column] for column in columns)
        if about in seen:
            raise row.error(
                columns[-1], f"must be another than in row {seen[about]}, got {row[columns[-1]]!r} again"
            )
        seen[about] = row.number
    return rows


def _looks(rows: Sequence[_Row]) -> dict[tuple[str, str, int], list[_Row]]:
    """The looks of each training run, in their order."""
    looks: dict[tuple[str, str, int], list[_Row]] = {}
    for row in _once(rows, ("study", "key", "seed", "images")):
        looks.setdefault((row["study"], row["key"], row["seed"]), []).append(row)
    return looks


def _seed_runs(
    rows: Sequence[_Row],
    studies: Mapping[str, _Row],
    plan: Mapping[tuple[str, str], _Row],
    looks: dict[tuple[str, str, int], list[_Row]],
) -> dict[tuple[str, str], list[SeedRun]]:
    """The training runs of each network; takes their looks out of ``looks``."""
    runs: dict[tuple[str, str], list[SeedRun]] = {}
    for row in _once(rows, ("study", "key", "seed")):
        study, key = row["study"], row["key"]
        if study not in studies:
            raise row.error("study", f"must be a name of {STUDY}, got {study!r}")
        if key == START and studies[study].cells.get("start") is not None:
            pass
        elif (study, key) not in plan:
            raise row.error("key", f"must be a network of {PLAN}, got {key!r} of {study!r}")
        else:
            for label in LABELS:
                there = plan[study, key].cells.get(label)
                if label in row.cells and row[label] != there:
                    raise row.error(label, f"must be {there!r} as in {PLAN}, got {row[label]!r}")
        names = {name for name in field_types(SeedRun) if name in row.cells}
        curve = tuple(
            CurvePoint(**look.values(but=("study", "key", "seed")))
            for look in looks.pop((study, key, row["seed"]), ())
        )
        run = SeedRun(**{name: row[name] for name in names}, curve=curve)
        runs.setdefault((study, key), []).append(run)
    return runs


def _latencies(
    rows: Sequence[_Row], plan: Mapping[tuple[str, str], _Row]
) -> dict[tuple[str, str], LatencyRecord]:
    """What was timed of each network."""
    timed: dict[tuple[str, str], list[_Row]] = {}
    for row in _once(rows, ("study", "key", "sample")):
        if (row["study"], row["key"]) not in plan:
            raise row.error("key", f"must be a network of {PLAN}, got {row['key']!r} of {row['study']!r}")
        samples = timed.setdefault((row["study"], row["key"]), [])
        if changed := [n for n in LATENCY_SHARED if samples and row[n] != samples[0][n]]:
            raise row.error(changed[0], f"must be as in row {samples[0].number}, got {row[changed[0]]!r}")
        samples.append(row)
    return {
        network: LatencyRecord(
            samples_s=tuple(row["seconds"] for row in samples),
            **samples[0].values(but=("study", "key", "sample", "seconds")),
        )
        for network, samples in timed.items()
    }


LATENCY_SHARED = ("batch_size", "threads", "dtype", "device")
