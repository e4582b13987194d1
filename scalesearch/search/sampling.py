"""``scalesearch search``: its settings, and the program that trains what a sampler suggests."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.cost import count
from scalesearch.architecture.match import BudgetKind, require_movable
from scalesearch.architecture.refused import none_left, way_out
from scalesearch.architecture.spec import Arch
from scalesearch.plain import require_limits
from scalesearch.proxy.dataset import DataSize
from scalesearch.scaling import NOMINAL_BASE, Shares
from scalesearch.search.budget import EqualCost, solved_dimensions
from scalesearch.search.grid_plan import MATCH_BY, MATCHES
from scalesearch.search.growing import require_start, ungrown
from scalesearch.search.plan import Plan
from scalesearch.search.rungs import Rung, planned_rungs
from scalesearch.search.settings import TrainingSettings
from scalesearch.search.spending import full_size_budget
from scalesearch.search.suggesting import SEED_POINTS, Suggester, shares_at
from scalesearch.text import near

if TYPE_CHECKING:
    pass

__all__ = [
    "OBJECTIVES",
    "PRUNERS",
    "SAMPLERS",
    "SEARCH_MATCHES",
    "SearchSettings",
    "plan_search",
    "with_reward_target",
]

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

    phi: float = 1.0
    trials: int = 12
    sampler: str = "tpe"
    objectives: tuple[str, ...] = ("top1",)
    batch: int = 2
    seed_points: bool = True
    match: str = "none"
    match_by: str = "auto"
    budget: str = ""
    law: tuple[str, ...] = ()
    budget_tolerance: float = 0.05
    reward_target: float = 0.0
    reward_weight: float = -0.07
    pruner: str = "none"

    @property
    def largest_phi(self) -> float:
        """See ``TrainingSettings``."""
        return self.phi

    def __post_init__(self) -> None:
        # super() does not know the class that slots=True makes of this one.
        TrainingSettings.__post_init__(self)
        choices = {
            "sampler": SAMPLERS,
            "match": SEARCH_MATCHES,
            "match_by": MATCH_BY,
            "pruner": PRUNERS,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"`{name}` must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if self.reward_weight > 0 and math.isfinite(self.reward_weight):
            raise ValueError(
                f"`reward_weight` must be <= 0, got {self.reward_weight}: "
                "a dearer network would be worth more"
            )
        require_limits(
            self, *("phi", "reward_weight", "budget_tolerance", "reward_target", "trials", "batch")
        )
        if self.match != "none" and self.match_by != "auto":
            require_movable(solved_dimensions(self.match, self.match_by), cast(BudgetKind, self.match))
        if self.budget:
            if self.match != "none":
                raise ValueError(
                    f"`budget` must be given without match, got {self.budget!r} with match {self.match}: it "
                    "says itself what networks spend"
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
                f"`objectives` must be of {', '.join(OBJECTIVES)}, got {unknown[0] if unknown else 'none'!r}"
                + (near(unknown[0], OBJECTIVES) if unknown else "")
            )
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError(f"`objectives` must name each once, got {shown!r}")
        if self.objectives[0] not in ("top1", "reward"):
            raise ValueError(f"`objectives` must begin with top1 or reward, got {shown!r}")
        if "latency" in self.objectives and not self.latency:
            raise ValueError(f"`latency` must be on where it is an objective, got no-latency with {shown!r}")
        if self.pruner != "none" and len(self.objectives) > 1:
            raise ValueError(
                f"`pruner` must be none with several objectives, got {self.pruner!r} for {shown}: Optuna "
                "prunes by one objective only; give --pruner none or one objective"
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
        notes=_refusals(settings, size, base) if isinstance(base, CodeSpec) else (),
    )


def _refusals(settings: SearchSettings, size: DataSize, base: CodeSpec) -> tuple[str, ...]:
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
    return (f"Networks that {base.target} refuses to be are not trained, and count as failed{way}.",)


def _require_growing(settings: SearchSettings, size: DataSize, start: Arch) -> None:
    """Refuses a start that neither deeper, nor wider, nor usual networks of the search can be grown from.

    That of another resolution alone, which changes no weight, is one in infinitely many.
    """
    require_start(start, settings.proxy_baseline(size.classes), pretrained=settings.pretrained is not None)
    suggester = Suggester(settings, size.classes)
    alone = (Shares(depth=1, width=0, resolution=0), Shares(depth=0, width=1, resolution=0))
    ungrown(start, [suggester.planned(shares).arch for shares in (*alone, *SEED_POINTS.values())])
