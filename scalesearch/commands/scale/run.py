"""A family of scaled networks, and the settings to train it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from scalesearch.fields import Topic, default_of, require_settings, setting, setting_as
from scalesearch.hardware.device import DEVICE_HELP
from scalesearch.networks.baselines import PAPER_COEFFICIENTS, published_family_of, rounding_of
from scalesearch.networks.cost import block_count, count
from scalesearch.networks.matching import none_left, refusal, way_out
from scalesearch.networks.scaled import compound, reduce
from scalesearch.networks.spec import Arch, require_resolution
from scalesearch.records import BudgetRecord, FamilyRow, FlopRecord, LatencyRecord, PublishedRow
from scalesearch.scaling import Coefficients, implied_phi
from scalesearch.study.budget import EqualCost, affordable_phi, full_size_budget
from scalesearch.study.grid_plan import PHIS, GridSettings
from scalesearch.study.plan import Plan, describer, plan_whole_runs
from scalesearch.study.settings import BaselineSettings, TrainingSettings
from scalesearch.training.dataset import DataSize
from scalesearch.workers.executor import Executor
from scalesearch.workers.jobs import CountSpec, LatencySpec, latency_record

# ----------------------------------------------------------------------------------------------------
# STEP 2: fixed coefficients, rising phi. A family of networks, and the published one rebuilt beside it.

Track = Callable[[Iterable[Any], int, str], Iterable[Any]]
"""Wraps items, with their number and a label, to show how far they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSettings(BaselineSettings):
    """The settings of ``scalesearch scale``, resolved. Resolution 0 stands for the baseline's own.

    ``budget`` is what a network may spend, such as ``latency=12ms``, with the cost ``law`` that predicts a
    latency; ``phis`` then hold the greatest phi within it.
    """

    baseline_width: float = setting_as(
        TrainingSettings,
        "baseline_width",
        default=1.0,
        help="Width multiplier of the network at phi 0: below 1 it makes the networks small and quick "
        "to train, stem and head included. With --train that of the networks that are trained, "
        f"{default_of(TrainingSettings, 'baseline_width')} unless given.",
    )
    baseline_resolution: int = setting_as(
        TrainingSettings,
        "baseline_resolution",
        default=0,
        unset=f"the baseline's own; with --train {default_of(TrainingSettings, 'baseline_resolution')}",
    )
    alpha: float
    beta: float
    gamma: float
    phis: tuple[float, ...]
    budget: str = ""
    law: tuple[str, ...] = ()
    latency: bool = setting_as(
        TrainingSettings,
        "latency",
        default=False,
        option="--latency/--no-latency",
        help="Measure each network's latency; with --train that of the trained ones.",
    )
    latency_batch_size: int = setting_as(
        TrainingSettings, "latency_batch_size", help="Images per forward pass."
    )
    device: str = setting_as(
        TrainingSettings,
        "device",
        help=f"Where to train (and, on the first of several, to measure): {DEVICE_HELP}",
    )
    threads: int = setting_as(
        TrainingSettings,
        "threads",
        help="CPU threads when measuring.",
        unset="all cores; with --train 1 for each network, or with --jobs the cores shared out",
    )

    def __post_init__(self) -> None:
        require_settings(self)
        for phi in self.phis:
            PHIS.require("phi", phi)
        BaselineSettings.__post_init__(self)
        require_resolution(self.base, "baseline_resolution")
        # The networks themselves: a phi that leaves less than a pixel is refused before anything is written.
        _ = family_archs(self)

    @property
    def coefficients(self) -> Coefficients:
        """alpha, beta and gamma."""
        return Coefficients(alpha=self.alpha, beta=self.beta, gamma=self.gamma)

    @property
    def base(self) -> Arch:
        """The network at phi 0."""
        return reduce(
            self.full_baseline,
            self.baseline_width,
            self.rounding,
            resolution=self.baseline_resolution,
            resolution_width=self.baseline_resolution_width,
        )

    @property
    def spending(self) -> EqualCost | None:
        """The budget, where there is one; a training step's memory is that of 32 images."""
        return full_size_budget(self.budget, self.law, tolerance=0.0) if self.budget else None


def default_name(settings: ScaleSettings) -> str:
    """What a family and its folder are called where nobody says, so that none is written over another.

    The paper's triple for phi from 0 to 7 goes by the baseline alone, another triple by its numbers; whatever
    else is asked for, such as latencies or a budget, by a hash of that.
    """
    paper, triple = PAPER_COEFFICIENTS, settings.coefficients
    usual = ScaleSettings(
        baseline=settings.baseline,
        baseline_arch=settings.baseline_arch,
        alpha=paper.alpha,
        beta=paper.beta,
        gamma=paper.gamma,
        phis=tuple(map(float, range(8))),
        **asdict(rounding_of(settings.baseline, {})),
    )
    told = ("alpha", "beta", "gamma", "device", "threads")
    before, asked = ({**each.to_dict(), **dict.fromkeys(told)} for each in (usual, settings))
    other = {name: value for name, value in asked.items() if before.get(name) != value}
    name = f"scale-{settings.baseline}"
    if triple != paper:
        name += f"-{triple.alpha:g}-{triple.beta:g}-{triple.gamma:g}"
    if other:
        name += "-" + hashlib.sha256(json.dumps(other, sort_keys=True).encode()).hexdigest()[:8]
    return name


def family_archs(settings: ScaleSettings) -> dict[float, Arch]:
    """The network at each phi.

    Raises:
        ValueError: if a network would have less than one pixel, or more layers than can be built.
    """
    base = settings.base
    return {phi: compound(base, settings.coefficients, phi, settings.rounding) for phi in settings.phis}


def without_refused(settings: ScaleSettings) -> tuple[ScaleSettings, str]:
    """The settings with the phis whose networks a user's own code builds and runs.

    Returns:
        The settings, and a sentence on the phis that are left out; an empty one where none is.

    Raises:
        RefusedError: if the code refuses to be all of them, or all but the baseline.
    """
    archs = family_archs(settings)
    reasons = {phi: text for phi, arch in archs.items() if (text := refusal(arch))}
    if not reasons:
        return settings, ""
    way = way_out(settings.base, (archs[phi] for phi in reasons), "--gamma 1 scales depth and width alone")
    taken = tuple(phi for phi in settings.phis if phi not in reasons)
    if not any(taken):
        raise none_left(next(iter(reasons.values())), way)
    left_out = ", ".join(f"{phi:g}" for phi in reasons)
    return replace(settings, phis=taken), (
        f"phi {left_out} left out: {settings.base.name} refuses to be that network{way}; for phi "
        f"{next(iter(reasons)):g}, {next(iter(reasons.values()))}."
    )


def with_affordable_phi(settings: ScaleSettings) -> ScaleSettings:
    """The settings with the greatest phi whose network stays within the budget among the phis.

    Raises:
        ValueError: if the coefficients cannot bring a network to the budget.
    """
    if settings.spending is None:
        return settings
    phi, _ = affordable_phi(settings.base, settings.coefficients, settings.rounding, settings.spending)
    return replace(settings, phis=tuple(sorted({*settings.phis, phi})))


def start_counting(
    archs: Sequence[Arch], executor: Executor, track: Track
) -> Callable[[], dict[str, FlopRecord]]:
    """Hands the distinct networks among ``archs`` to fvcore.

    Returns:
        A function that waits for the counts and gives them by key; it raises ``TrialFailedError`` if a
        network cannot be counted.
    """
    distinct = {arch.key: arch for arch in archs}
    cheap_first = sorted(distinct.values(), key=lambda arch: count(arch).macs)
    # The dearest runs beside the cheapest, so that the two that need most memory are not open at once.
    jobs = [CountSpec(key=arch.key, arch=arch).to_dict() for arch in cheap_first[-1:] + cheap_first[:-1]]
    futures = {executor.submit(job, _no_steps): job["key"] for job in jobs}

    def counts() -> dict[str, FlopRecord]:
        done = track(as_completed(futures), len(futures), "Counting with fvcore")
        return {futures[future]: FlopRecord(**future.result()) for future in done}

    return counts


def _no_steps(_done: int, _steps: int) -> None:
    pass


def measure_all(
    settings: ScaleSettings, archs: Mapping[float, Arch], executor: Executor, track: Track
) -> dict[str, LatencyRecord]:
    """The latency of each network, by key, measured one after the other.

    Raises:
        TrialFailedError: if one cannot be measured.
    """
    measured = {}
    for arch in track(archs.values(), len(archs), "Measuring latency"):
        job = LatencySpec.of(settings, arch.key, arch)
        measured[arch.key] = latency_record(executor.submit(job.to_dict(), _no_steps).result())
    return measured


def build_family(
    settings: ScaleSettings, flops: Mapping[str, FlopRecord], latency: Mapping[str, LatencyRecord]
) -> tuple[FamilyRow, ...]:
    """The rows of the family, from what was counted and measured by key (latency may be missing)."""
    base_macs = count(settings.base).macs
    spending = settings.spending
    rows = []
    for phi, arch in family_archs(settings).items():
        cost = count(arch)
        multipliers = settings.coefficients.at(phi)
        rows.append(
            FamilyRow(
                phi=phi,
                depth=multipliers.depth,
                width=multipliers.width,
                resolution_multiplier=multipliers.resolution,
                resolution=arch.resolution,
                blocks=block_count(arch),
                params=cost.params,
                macs=cost.macs,
                fvcore_total=flops[arch.key].total,
                uncounted=flops[arch.key].uncounted,
                activations=cost.activations,
                nominal_ratio=multipliers.nominal_ratio,
                macs_ratio=cost.macs / base_macs,
                latency=latency.get(arch.key),
                budget=_spent(spending, arch),
                resolution_width=arch.resolution_width,
            )
        )
    return tuple(rows)


def _spent(budget: EqualCost | None, arch: Arch) -> BudgetRecord | None:
    if budget is None:
        return None
    return BudgetRecord(kind=budget.kind, target=budget.target, value=budget.cost(arch), full_size=True)


def published_archs(settings: ScaleSettings) -> tuple[Arch, ...]:
    """The published family rebuilt from its coefficients; none for a baseline without one."""
    return tuple(network.arch() for network in published_family_of(settings.base))


def rebuild_published(settings: ScaleSettings, flops: Mapping[str, FlopRecord]) -> tuple[PublishedRow, ...]:
    """Each published network counted here, beside its published figures."""
    coefficients = settings.coefficients
    rows = []
    for network in published_family_of(settings.base):
        if network.params is None or network.flops is None or network.top1 is None:
            continue  # published by its coefficients alone
        arch = network.arch()
        cost = count(arch)
        sharper = network.resolution / settings.base.resolution
        rows.append(
            PublishedRow(
                name=network.name,
                depth=network.depth,
                width=network.width,
                resolution=network.resolution,
                params=cost.params,
                macs=cost.macs,
                fvcore_total=flops[arch.key].total,
                params_published=network.params,
                flops_published=network.flops,
                implied_phi_depth=implied_phi(network.depth, coefficients.alpha),
                implied_phi_width=implied_phi(network.width, coefficients.beta),
                implied_phi_resolution=implied_phi(sharper, coefficients.gamma),
                top1_published=network.top1,
                top5_published=network.top5,
                source=network.source,
            )
        )
    return tuple(rows)


# ----------------------------------------------------------------------------------------------------
# ``scalesearch scale --train``: the networks of a family trained as small proxies, phi by phi.
#
# The derivation is that of the full-size family; what is trained is what the same multipliers make of the
# reduced baseline, as in a grid.

TRAINED_PHIS = (0.0, 1.0, 2.0, 3.0)
"""What is trained unless more is asked for: each phi about doubles the time of the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyTrainingSettings(TrainingSettings):
    """The settings of ``scalesearch scale --train``.

    ``phi`` holds the exponents of the derivation, ``train_phi`` those whose networks are trained. The
    baseline's width and resolution are those of what is trained: the derivation is of the full size.
    ``budget`` and ``law`` say by what the greatest phi was found.
    """

    alpha: float = setting(
        PAPER_COEFFICIENTS.alpha,
        topic=Topic.SPACE,
        common=True,
        help="Depth coefficient, >= 1; the paper's unless given.",
    )
    beta: float = setting(
        PAPER_COEFFICIENTS.beta,
        topic=Topic.SPACE,
        common=True,
        help="Width coefficient, >= 1; the paper's unless given.",
    )
    gamma: float = setting(
        PAPER_COEFFICIENTS.gamma,
        topic=Topic.SPACE,
        common=True,
        help="Resolution coefficient, >= 1; the paper's unless given.",
    )
    phi: tuple[float, ...] = setting(
        TRAINED_PHIS,
        form="phis",
        limit=PHIS,
        given="0..7",
        topic=Topic.SPACE,
        common=True,
        help="How far to scale: a number, a list 0,0.5,1 or a range 0..7. Each step of 1 about doubles "
        "the cost.",
    )
    budget: str = setting_as(GridSettings, "budget")
    law: tuple[str, ...] = setting_as(GridSettings, "law")
    train: bool = setting(
        True,
        given=False,
        topic=Topic.TRAINING,
        common=True,
        help="Train the family too, as small copies of a quarter of the width: does accuracy rise with "
        "phi on your data? The other options of data and training need this one.",
    )
    train_phi: tuple[float, ...] = setting(
        TRAINED_PHIS,
        form="phis",
        limit=PHIS,
        topic=Topic.TRAINING,
        help="With --train: the phis that are trained.",
        unset="those of --phi where it or --budget is given, else 0 to 3 of them",
    )
    seeds: int = 3

    @property
    def largest_phi(self) -> float:
        """See ``TrainingSettings``."""
        return max(self.train_phi, default=0.0)

    def __post_init__(self) -> None:
        TrainingSettings.__post_init__(self)
        if not self.train_phi:
            raise ValueError("`train_phi` must hold at least one phi, got none")
        # Networks that cannot be built are refused before anything is written.
        base = self.proxy_baseline(classes=2)
        try:
            for phi in self.train_phi:
                _ = compound(base, self.coefficients, phi, self.proxy_rounding)
        except ValueError as error:
            raise ValueError(str(error).replace("`phi`", "`train_phi`")) from error
        _ = self.derived

    @property
    def coefficients(self) -> Coefficients:
        """alpha, beta and gamma."""
        return Coefficients(alpha=self.alpha, beta=self.beta, gamma=self.gamma)

    @property
    def derived(self) -> ScaleSettings:
        """The settings of the full-size family that the page derives."""
        own = {field.name for field in fields(BaselineSettings)} - {"baseline_resolution_width"}
        shared = (*own, "alpha", "beta", "gamma", "budget", "law", "device", "threads")
        return ScaleSettings(**{name: getattr(self, name) for name in shared}, phis=self.phi)


def plan_family(settings: FamilyTrainingSettings, size: DataSize) -> Plan:
    """The network at each phi, as it is trained."""
    base = settings.proxy_baseline(size.classes)
    describe = describer(settings, base)
    coefficients = settings.coefficients
    triple = (coefficients.alpha, coefficients.beta, coefficients.gamma)
    chosen = []
    for phi in settings.train_phi:
        planned = describe(
            arch=compound(base, coefficients, phi, settings.proxy_rounding),
            coefficients=coefficients,
            phi=phi,
            multipliers=coefficients.at(phi),
            merged=(triple,),
            role="family",
        )
        # Two phis may round to one network; each keeps a row, and a training run, of its own.
        chosen.append(planned.named(f"{planned.record.key}-phi{phi:g}"))
    alone = "--gamma 1 scales depth and width alone"
    return plan_whole_runs("scale", max(settings.train_phi), settings, size, chosen, alone)
