"""Networks suggested by a sampler: which shares, at which cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, cast

from scalesearch.fields import Topic, setting, setting_as
from scalesearch.networks.cost import count
from scalesearch.networks.matching import BudgetKind, none_left, reason, refusal, require_movable, way_out
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Arch, RefusedError
from scalesearch.plain import Limit
from scalesearch.records import CandidateRecord
from scalesearch.scaling import FAST_WIDTH_SHARE, NOMINAL_BASE, Coefficients, Shares, one_dial, shares_of
from scalesearch.study.budget import (
    EqualCost,
    full_size_budget,
    phi_of,
    repaired,
    solved_dimensions,
    within_budget,
)
from scalesearch.study.grid_plan import MATCHES, PHIS, GridSettings
from scalesearch.study.plan import Plan, Planned, Rung, describer, planned_rungs, require_start, ungrown
from scalesearch.study.points import Candidate
from scalesearch.study.settings import TrainingSettings
from scalesearch.text import near
from scalesearch.training.dataset import DataSize

# ----------------------------------------------------------------------------------------------------
# One number for accuracy and cost together: the reward of the architecture search behind EfficientNet-B0.


def reward(top1: float, cost: float, target: float, weight: float) -> float:
    """``top1 * (cost / target)**weight`` (arXiv 1905.11946, section 4; MnasNet, arXiv 1807.11626, eq. 2-3).

    With the paper's ``weight`` of -0.07, twice the cost is worth about 5% more accuracy, relative to it.

    Args:
        top1: accuracy as a fraction.
        cost: what the network costs, in the unit of ``target`` (the paper's: multiply-adds).
        target: the cost at which the reward is the accuracy itself.
        weight: the exponent, at most 0; at 0 cost does not matter.

    Raises:
        ValueError: if ``cost`` or ``target`` is not above 0, or a number is not finite, or ``weight`` is
            above 0.
    """
    for name, value in (("top1", top1), ("cost", cost), ("target", target), ("weight", weight)):
        if not math.isfinite(value):
            raise ValueError(f"`{name}` must be a finite number, got {value}")
    for name, value in (("cost", cost), ("target", target)):
        if value <= 0:
            raise ValueError(f"`{name}` must be > 0, got {value}")
    if weight > 0:
        raise ValueError(f"`weight` must be <= 0, got {weight}: a dearer network would be worth more")
    return float(top1 * (cost / target) ** weight)


# ----------------------------------------------------------------------------------------------------
# From a point of the unit square to a network: shares, coefficients, the network and what it costs.

SEED_POINTS: Mapping[str, Shares] = {
    # Their product is 1.92: these are their shares of an exact doubling.
    "paper": shares_of(Coefficients(alpha=1.2, beta=1.1, gamma=1.15)),
    "fast": one_dial(FAST_WIDTH_SHARE),
}
"""What is tried first, by role: the paper's own coefficients, and the fast scaling of arXiv 2103.06877."""


def shares_at(u: float, v: float) -> Shares:
    """The shares that a point of the unit square stands for: uniform points give uniform shares.

    All points of the simplex (depth, width, resolution) whose depth share is at least ``1 - r`` are a
    triangle of the area ``r**2``: so ``u = r**2`` is uniform, and ``v`` says where on the line across.
    """
    rest = math.sqrt(u)
    return Shares(depth=1 - rest, width=rest * (1 - v), resolution=rest * v)


def point_of(shares: Shares) -> tuple[float, float]:
    """The point (u, v) of which :func:`shares_at` makes these shares; v is 0 where all goes to depth."""
    rest = 1 - shares.depth
    return rest**2, min(1.0, shares.resolution / rest) if rest else 0.0


class Suggester:
    """Turns suggestions into networks, repaired to the budget where the settings ask for one."""

    def __init__(self, settings: SearchSettings, classes: int) -> None:
        self._settings = settings
        self._base = settings.proxy_baseline(classes)
        self._describe = describer(settings, self._base)
        self._budget = (
            None
            if settings.match == "none"
            else EqualCost.of(
                settings.match,
                self._base,
                settings.phi,
                tolerance=settings.budget_tolerance,
                batch_size=settings.pass_size,
            )
        )

    def planned(self, shares: Shares, role: str = "") -> Planned:
        """The network of these shares at the search's phi; its reason says why a user's own code refuses it.

        Raises:
            ValueError: if that phi makes no network of them.
        """
        settings, coefficients = self._settings, shares.coefficients
        try:
            candidate = self._candidate(shares)
        except RefusedError as error:
            candidate = replace(self._by_the_rule(coefficients), refused=reason(error))
        planned = self._describe(
            arch=candidate.arch,
            coefficients=candidate.coefficients,
            phi=phi_of(candidate.coefficients, candidate.multipliers) if settings.budget else settings.phi,
            multipliers=candidate.multipliers,
            merged=candidate.merged,
            budget=candidate.budget,
            role=role,
        )
        return replace(planned, record=replace(planned.record, reason=candidate.refused))

    def _by_the_rule(self, coefficients: Coefficients) -> Candidate:
        """The network before it is brought to a budget."""
        multipliers = coefficients.at(self._settings.phi)
        return Candidate(
            coefficients=coefficients,
            merged=((coefficients.alpha, coefficients.beta, coefficients.gamma),),
            arch=scale(self._base, multipliers, self._settings.proxy_rounding),
            multipliers=multipliers,
        )

    def _candidate(self, shares: Shares) -> Candidate:
        settings, coefficients = self._settings, shares.coefficients
        if settings.budget:
            (found,) = within_budget(
                [(coefficients.alpha, coefficients.beta, coefficients.gamma)],
                full=settings.full_baseline,
                full_rounding=settings.rounding,
                phi=settings.phi,
                base=self._base,
                rounding=settings.proxy_rounding,
                budget=settings.spending,
                prefer=None,
            )
            return found
        candidate = self._by_the_rule(coefficients)
        if self._budget is None:
            return replace(candidate, refused=refusal(candidate.arch))
        (matched,) = repaired(
            [candidate],
            self._budget,
            base=self._base,
            phi=settings.phi,
            rounding=settings.proxy_rounding,
            match_by=settings.match_by,
            prefer=None,
        )
        return matched


def objective_values(
    settings: SearchSettings,
    candidate: CandidateRecord,
    top1: float,
    latency: Mapping[str, Any] | None = None,
) -> tuple[float, ...]:
    """The values of the search's objectives, in its order.

    Args:
        settings: the search's, its ``reward_target`` known.
        candidate: the network.
        top1: its mean held-out accuracy as a fraction.
        latency: its measurement, which the objective of that name needs.
    """

    def value(goal: str) -> float:
        if goal == "top1":
            return top1
        if goal == "reward":
            return reward(top1, candidate.macs, settings.reward_target, settings.reward_weight)
        if goal == "latency":
            return median(latency["samples_s"]) if latency else math.nan
        return float(candidate.macs if goal == "macs" else candidate.params)

    return tuple(value(goal) for goal in settings.objectives)


# ----------------------------------------------------------------------------------------------------
# ``scalesearch search``: its settings, and the program that trains what a sampler suggests.

SAMPLERS = ("tpe", "gp", "nsga2", "random", "qmc")
OBJECTIVES = ("top1", "reward", "macs", "params", "latency")
PRUNERS = ("none", "median", "halving")
# A measured latency is never the same twice: a resumed search would repair to other networks.
SEARCH_MATCHES = tuple(kind for kind in MATCHES if kind != "latency")
NO_RESOLUTION = "scalesearch grid with --gamma-max 1 scales depth and width alone"
# Where a pruner looks, as shares of the recipe's length.
RUNG_SHARES = (1 / 4, 1 / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings(TrainingSettings):
    """The settings of ``scalesearch search``, resolved.

    ``trials`` networks are suggested, ``batch`` at a time: a batch is trained and told before the next one is
    asked for, so that results don't depend on how many train at once. ``objectives``: what is optimised, an
    accuracy first. ``reward_target`` is the MACs at which the reward is the accuracy itself; 0 stands for
    ``2**phi`` times the proxy baseline's until :func:`with_reward_target` has worked that out. ``match`` and
    ``match_by`` say to which budget networks are repaired and how; ``budget`` and ``law`` are as a grid's.
    ``seed_points`` has the paper's shares and the fast ones suggested first.
    """

    phi: float = setting(
        1.0,
        limit=PHIS,
        topic=Topic.SPACE,
        common=True,
        help="How much compute: the networks cost about 2^phi times the baseline, by the rule and its "
        "rounding, and just that with --match macs. 1 doubles it, -1 halves it; any number will do.",
    )
    sampler: str = setting(
        "tpe",
        choices=SAMPLERS,
        topic=Topic.SPACE,
        common=True,
        help="tpe: tree-structured Parzen estimator. gp: Gaussian process. nsga2: the genetic algorithm "
        "NSGA-II. random: uniform. qmc: a Sobol' sequence, spread evenly.",
    )
    trials: int = setting(
        12,
        limit=Limit(1, 100_000),
        topic=Topic.SPACE,
        common=True,
        help="How many splits are suggested. One that rounds to a network already trained costs nothing.",
    )
    objectives: tuple[str, ...] = setting(
        ("top1",),
        form="names",
        metavar="LIST",
        topic=Topic.SPACE,
        common=True,
        help=f"What is optimised, with commas between them: {', '.join(OBJECTIVES)}; top1 or reward "
        "comes first. top1,macs asks for the trade-off between accuracy and multiply-adds.",
    )
    batch: int = setting(
        2,
        limit=Limit(1, 10_000),
        topic=Topic.SPACE,
        help="How many splits are suggested at a time. A batch sees the results of those before it, "
        "whatever --jobs is.",
    )
    seed_points: bool = setting(
        True,
        topic=Topic.SPACE,
        help="Try the splits of the paper's (1.2, 1.1, 1.15) and of the width-heavy rule (80% to "
        "width) first.",
    )
    match: str = setting_as(GridSettings, "match", default="none", choices=SEARCH_MATCHES, given="none")
    match_by: str = setting_as(GridSettings, "match_by")
    budget_tolerance: float = setting_as(GridSettings, "budget_tolerance")
    budget: str = setting_as(GridSettings, "budget")
    law: tuple[str, ...] = setting_as(GridSettings, "law")
    reward_target: float = setting(
        0.0,
        limit=Limit(0, 1e18),
        topic=Topic.SPACE,
        help="MACs at which the reward top1 * (MACs / TARGET)^WEIGHT is top1 itself.",
        given=0.0,
        unset="2^phi times the baseline's",
    )
    reward_weight: float = setting(
        -0.07,
        limit=Limit(-100, math.inf),
        topic=Topic.SPACE,
        help="Exponent of the reward, at most 0. The paper's: twice the MACs for 5% more accuracy.",
    )
    pruner: str = setting(
        "none",
        choices=PRUNERS,
        topic=Topic.SPACE,
        help="Stop networks early that are behind at a quarter or at half of their training: behind "
        "the median of the finished ones, or in the worse half of all.",
    )

    @property
    def largest_phi(self) -> float:
        """See ``TrainingSettings``."""
        return self.phi

    def __post_init__(self) -> None:
        # super() does not know the class that slots=True makes of this one.
        TrainingSettings.__post_init__(self)
        if self.reward_weight > 0 and math.isfinite(self.reward_weight):
            raise ValueError(
                f"`reward_weight` must be <= 0, got {self.reward_weight}: "
                "a dearer network would be worth more"
            )
        if self.match != "none" and self.match_by != "auto":
            require_movable(solved_dimensions(self.match, self.match_by), cast(BudgetKind, self.match))
        if self.budget:
            if self.match != "none":
                raise ValueError(
                    f"`budget` must be given without match, got {self.budget!r} with match "
                    f"{self.match}: it says itself what networks spend"
                )
            _ = self.spending
        self._check_objectives()

    @property
    def spending(self) -> EqualCost:
        """The budget of full-size networks, where there is one."""
        return full_size_budget(
            self.budget, self.law, tolerance=self.budget_tolerance, batch_size=self.batch_size
        )

    def _check_objectives(self) -> None:
        shown = ",".join(self.objectives)
        unknown = [name for name in self.objectives if name not in OBJECTIVES]
        if unknown or not self.objectives:
            raise ValueError(
                f"`objectives` must be of {', '.join(OBJECTIVES)}, got "
                f"{unknown[0] if unknown else 'none'!r}" + (near(unknown[0], OBJECTIVES) if unknown else "")
            )
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError(f"`objectives` must name each once, got {shown!r}")
        if self.objectives[0] not in ("top1", "reward"):
            raise ValueError(f"`objectives` must begin with top1 or reward, got {shown!r}")
        if "latency" in self.objectives and not self.latency:
            raise ValueError(f"`latency` must be on where it is an objective, got no-latency with {shown!r}")
        if self.pruner != "none" and len(self.objectives) > 1:
            raise ValueError(
                f"`pruner` must be none with several objectives, got {self.pruner!r} for {shown}: "
                "Optuna prunes by one objective only; give --pruner none or one objective"
            )


def with_reward_target(settings: SearchSettings, size: DataSize) -> SearchSettings:
    """The settings with the reward's target worked out where the reward is an objective."""
    if settings.reward_target or "reward" not in settings.objectives:
        return settings
    macs = count(settings.proxy_baseline(size.classes)).macs
    return replace(settings, reward_target=macs * NOMINAL_BASE**settings.phi)


def plan_search(settings: SearchSettings, size: DataSize, start: Arch | None = None) -> Plan:
    """The plan of a search: no network yet, but the objectives and how long networks train.

    Args:
        settings: the search's.
        size: of the dataset.
        start: what the networks are grown from; None where they start from scratch.

    Raises:
        ValueError: if no network can be made at the settings' phi, or grown from ``start``.
    """
    suggester = Suggester(replace(settings, match="none", budget=""), size.classes)
    for axis in ("depth", "width", "resolution"):
        # Where even these can be built, all between them can.
        suggester.planned(Shares(**{"depth": 0.0, "width": 0.0, "resolution": 0.0} | {axis: 1.0}))
    base = settings.proxy_baseline(size.classes)
    if start is not None:
        _require_growing(settings, size, start)
    recipe = settings.proxy_recipe
    shares = (1.0,) if settings.pruner == "none" else (*RUNG_SHARES, 1.0)
    return Plan(
        kind="search",
        phi=settings.phi,
        settings=settings,
        classes=size.classes,
        base=base,
        grid_points=0,
        feasible=0,
        order=(),
        chosen=(),
        # How many go on is up to the pruner: all may.
        rungs=planned_rungs(
            [Rung(networks=settings.trials, share=share) for share in shares],
            networks=settings.trials,
            images=recipe.steps(size.train_images) * recipe.batch_size,
            batch_size=recipe.batch_size,
            seeds=settings.seeds,
        ),
        objectives=settings.objectives,
        notes=_refusals(settings, size, base) if base.code else (),
    )


def with_examples(plan: Plan, settings: SearchSettings) -> Plan:
    """The plan with networks such as the search suggests, to say what it takes before there is a suggestion.

    They are those of the paper's split and of the width-heavy rule, and of each dimension alone.

    Raises:
        ValueError: if no such network can be trained; the message names the first one's reason.
    """
    suggester = Suggester(settings, plan.classes)
    alone = (Shares(depth=d, width=w, resolution=r) for d, w, r in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    examples = [suggester.planned(shares) for shares in (*SEED_POINTS.values(), *alone)]
    trained = {planned.record.key: planned for planned in examples if not planned.record.reason}
    if not trained:
        raise ValueError(f"`phi`: no network can be trained, {examples[0].record.reason}")
    return replace(plan, chosen=tuple(trained.values()))


def _refusals(settings: SearchSettings, size: DataSize, base: Arch) -> tuple[str, ...]:
    """A sentence where a user's own code refuses to be some of what a search usually suggests.

    Raises:
        RefusedError: if it refuses all of that.
    """
    suggester = Suggester(replace(settings, budget=""), size.classes)
    usual = [suggester.planned(shares) for shares in (shares_at(1.0, 1.0), *SEED_POINTS.values())]
    refused = [planned for planned in usual if planned.record.reason]
    if not refused:
        return ()
    way = way_out(base, (planned.arch for planned in refused), NO_RESOLUTION)
    if len(refused) == len(usual):
        raise none_left(refused[0].record.reason, way)
    return (f"Networks that {base.code} refuses to be are not trained, and count as failed{way}.",)


def _require_growing(settings: SearchSettings, size: DataSize, start: Arch) -> None:
    """Refuses a start that neither deeper, nor wider, nor usual networks of the search can be grown from.

    That of another resolution alone, which changes no weight, is one in infinitely many.
    """
    require_start(start, settings.proxy_baseline(size.classes), pretrained=settings.pretrained is not None)
    suggester = Suggester(settings, size.classes)
    alone = (Shares(depth=1, width=0, resolution=0), Shares(depth=0, width=1, resolution=0))
    ungrown(start, [suggester.planned(shares).arch for shares in (*alone, *SEED_POINTS.values())])
