"""The plan of a grid: its points built, merged by network, and chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any, ClassVar, cast, get_args

import numpy as np
from numpy.typing import NDArray

from scalesearch.fields import Topic, setting
from scalesearch.networks.matching import (
    BUDGETS,
    BudgetKind,
    Dimension,
    none_left,
    refusal,
    require_movable,
    skipping,
    way_out,
)
from scalesearch.networks.spec import Arch
from scalesearch.plain import LIMITS, YEAR_S, Limit
from scalesearch.records import RungRecord
from scalesearch.records.runs import NEAR, THINNED
from scalesearch.scaling import Coefficients, shares_of
from scalesearch.study.budget import (
    CostOf,
    EqualCost,
    full_size_budget,
    hold,
    nearest_error,
    phi_of,
    repaired,
    solved_dimensions,
    unmet_reason,
    within_budget,
)
from scalesearch.study.plan import (
    Describe,
    Plan,
    Planned,
    describer,
    parse_rungs,
    planned_rungs,
    require_start,
    skipped,
    ungrown,
)
from scalesearch.study.points import Candidate, GridSpec, all_points, design, distinct, feasible
from scalesearch.study.settings import CONFIRM_ON, TrainingSettings
from scalesearch.training.dataset import DataSize

# ----------------------------------------------------------------------------------------------------
# What the networks of a grid spend: held to a constraint, repaired to a budget, or made for one.


def meeting_the_constraint(
    settings: GridSettings, candidates: Sequence[Candidate], base: Arch, measured: CostOf | None
) -> list[Candidate]:
    """All of them under the nominal constraint; under a budget those whose real cost is near enough."""
    if settings.constraint == "product":
        return list(candidates)
    budget = _budget(settings, settings.constraint, base, measured)
    held = list(hold(candidates, budget))
    return _near(held, budget.tolerance)


def matched(
    settings: GridSettings, candidates: list[Candidate], base: Arch, measured: CostOf | None
) -> tuple[list[Candidate], list[Candidate], list[Candidate]]:
    """The candidates repaired to the budget that is matched, those that cannot be, and those refused then."""
    if settings.budget:
        met = _near(candidates, settings.budget_tolerance)
        return met, _not_among(met, candidates), []
    if settings.match == "none":
        return candidates, [], []
    budget = _budget(settings, settings.match, base, measured)
    matching = list(
        repaired(
            candidates,
            budget,
            base=base,
            phi=settings.phi,
            rounding=settings.proxy_rounding,
            match_by=settings.match_by,
            prefer=settings.anchor_coefficients,
        )
    )
    refused = [candidate for candidate in matching if candidate.refused]
    told = _not_among(refused, matching)
    met = _near(told, budget.tolerance) if told else []
    return met, _not_among(met, told), refused


def _not_among(met: Sequence[Candidate], candidates: Sequence[Candidate]) -> list[Candidate]:
    kept = {id(candidate) for candidate in met}
    return [candidate for candidate in candidates if id(candidate) not in kept]


def spending(settings: GridSettings, points: NDArray[np.float64], base: Arch) -> list[Candidate]:
    """The networks of the points whose full-size twins spend the budget."""
    return within_budget(
        ((row[0], row[1], row[2]) for row in points.tolist()),
        full=settings.full_baseline,
        full_rounding=settings.rounding,
        phi=settings.phi,
        base=base,
        rounding=settings.proxy_rounding,
        budget=settings.spending,
        prefer=settings.anchor_coefficients,
    )


def _near(candidates: Sequence[Candidate], tolerance: float) -> list[Candidate]:
    """Those that meet their budget.

    Raises:
        EmptyGridError: if none does.
    """
    near = [c for c in candidates if not unmet_reason(c.budget, tolerance)]
    if not near:
        raise nearest_error([(c.merged[0], c.budget) for c in candidates if c.budget], tolerance)
    return near


def _budget(settings: GridSettings, kind: str, base: Arch, measured: CostOf | None) -> EqualCost:
    return EqualCost.of(
        kind,
        base,
        settings.phi,
        tolerance=settings.budget_tolerance,
        batch_size=settings.pass_size,
        measured=measured,
    )


# ----------------------------------------------------------------------------------------------------
# ``scalesearch grid``: its settings, and what they make of the grid before anything runs.

# As scalesearch.statistics.answer has it, which takes a second to import.
FEWEST_NETWORKS = 7
CONSTRAINTS = ("product", *BUDGETS)
MATCHES = ("none", *BUDGETS)
MATCH_BY = ("auto", *get_args(Dimension), "resolution,width", "depth,width")
REGRET_ON_CPU, REGRET_ON_GPU = 1.5, 0.3
SEEDS_ON_CPU, SEEDS_ON_GPU = 2, 12
MOST_SEEDS = 100
"""Where the time decides how many designs there are."""
PHIS = Limit(-100, 100)
"""From next to nothing to more than can be built."""
MEMORY = (
    "Memory is what the tensors of a training step take at its peak, the same on every machine; what a "
    "library's kernels take for themselves beside them is not counted."
)
"""What a budget of memory promises, for the help of every option that has one."""
# Where latency is the constraint, this many networks are timed for each that can be trained: few meet it.
TIMED_PER_TRAINED = 3


def parse_triple(name: str, text: str) -> Coefficients:
    """Coefficients written as ``1.2,1.1,1.15``.

    Raises:
        ValueError: if ``text``, given for the argument ``name``, is something else.
    """
    try:
        alpha, beta, gamma = (float(part) for part in text.split(","))
        return Coefficients(alpha=alpha, beta=beta, gamma=gamma)
    except ValueError as error:
        raise ValueError(
            f"`{name}` must be three numbers >= 1 such as 1.2,1.1,1.15, or none, got {text!r}"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSettings(TrainingSettings):
    """The settings of ``scalesearch grid``, resolved.

    ``anchor`` is a triple that is always among the trained ones where the grid holds it, or "none".
    ``constraint`` is what a grid point has to meet, ``match`` the budget that networks are repaired to, or
    "none" for the paper's nominal rule; where nothing is said it is "macs", or "none" with a budget or a
    constraint on real costs, which say themselves what networks spend.
    ``budget`` is what each candidate's full-size network has to spend, such as ``latency=12ms``, with the
    cost ``law`` that predicts a latency; empty where the rule or ``match`` says what networks cost.
    ``rungs`` are those of successive halving, NETWORKS:SHARE each; none trains every network in full.
    ``time_budget`` is the wall-clock time in seconds after which no further design is begun, 0 for none;
    ``regret`` how many points the best split may be behind any other for no further one to be needed, None
    for all of them in any case. ``check_recipe``: corners and centre are trained by other recipes too.
    ``confirm`` is with how many seeds that the answer has not seen it is confirmed. ``confirm_on`` is what
    judges them; where nothing is said, images that are set apart if ``confirm`` is asked for from the first:
    without them every other run is judged on more.
    """

    BEFORE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        dict(TrainingSettings.BEFORE)
        | {"rungs": (), "time_budget": 0.0, "constraint": "product", "match": "none"}
        | {"regret": None, "check_recipe": False, "confirm": 0, "confirm_on": "same"}
    )

    phi: float = setting(
        1.0,
        form="phis",
        option="--phi",
        limit=PHIS,
        topic=Topic.SPACE,
        common=True,
        help="How much compute: the networks cost 2^phi times the baseline. 1 doubles it, -1 halves "
        "it; any number will do, and several such as 0.5,1 make one run each.",
    )
    alpha_min: float = setting(1.0, limit=LIMITS["alpha"], topic=Topic.SPACE, help="Least alpha on the grid.")
    alpha_max: float = setting(
        2.0, limit=LIMITS["alpha"], topic=Topic.SPACE, help="Greatest alpha on the grid."
    )
    beta_min: float = setting(1.0, limit=LIMITS["beta"], topic=Topic.SPACE, help="Least beta on the grid.")
    beta_max: float = setting(1.5, limit=LIMITS["beta"], topic=Topic.SPACE, help="Greatest beta on the grid.")
    gamma_min: float = setting(1.0, limit=LIMITS["gamma"], topic=Topic.SPACE, help="Least gamma on the grid.")
    gamma_max: float = setting(
        1.5, limit=LIMITS["gamma"], topic=Topic.SPACE, help="Greatest gamma on the grid."
    )
    step: float = setting(0.05, limit=LIMITS["step"], topic=Topic.SPACE, help="Distance between grid points.")
    tolerance: float = setting(
        0.1,
        limit=LIMITS["tolerance"],
        topic=Topic.SPACE,
        help="Greatest |alpha * beta^2 * gamma^2 - 2|. Below 0.08 the paper's own (1.2, 1.1, 1.15) is out.",
    )
    constraint: str = setting(
        "product",
        choices=CONSTRAINTS,
        topic=Topic.BUDGET,
        help="Which grid points count. product: those whose alpha * beta^2 * gamma^2 is within "
        "--tolerance of 2. The others: those whose network as built costs 2^phi times the baseline, to "
        "within --budget-tolerance; no network is adjusted then, unless --match asks for it.",
    )
    match: str = setting(
        "",
        choices=MATCHES,
        given="macs",
        topic=Topic.BUDGET,
        help="What all networks spend alike: each is adjusted until it costs 2^phi times the baseline "
        "in MACs, parameters, activations, memory or measured latency (where it is offered). none "
        "keeps the networks as the rule and its rounding make them; so is your own code kept unless "
        "this is given.",
        more=MEMORY,
    )
    match_by: str = setting(
        "auto",
        choices=MATCH_BY,
        topic=Topic.BUDGET,
        help="What is adjusted to get there, in this order. auto: for macs all three dimensions "
        "together, so that depth, width and resolution get the shares of the cost that the "
        "coefficients ask for; for params the width, for latency the resolution, for the others, and "
        "for macs of your own code, the resolution, then the width for what whole pixels leave.",
    )
    budget_tolerance: float = setting(
        0.05,
        limit=Limit(0, 1e6),
        topic=Topic.BUDGET,
        help="How far a network may be from what it should cost, as a part of that; farther ones are "
        "not trained.",
    )
    budget: str = setting(
        "",
        metavar="KIND=AMOUNT",
        topic=Topic.BUDGET,
        common=True,
        help="What the full-size network may spend: latency=12ms, macs=800M, params=5M, "
        "activations=20M or memory=2GiB.",
        more="A latency is predicted by this machine's cost law, for one image on all cores unless it "
        f"says so: latency=12ms@batch=8,threads=2. {MEMORY}",
    )
    law: tuple[str, ...] = setting(
        (),
        form="law",
        metavar="PATH",
        topic=Topic.BUDGET,
        help="With a budget of latency: the cost law that predicts it, a law.json or its folder, also "
        "another machine's.",
        unset="reports/law-MACHINE of this one, as `scalesearch law` writes it",
    )
    max_networks: int = setting(
        12,
        limit=Limit(0, 10**9),
        topic=Topic.BUDGET,
        help="Train at most so many different networks, spread as far apart as can be; 0 trains all of "
        "the grid.",
    )
    anchor: str = setting(
        "1.2,1.1,1.15",
        metavar="TRIPLE",
        topic=Topic.SPACE,
        help="A point of the grid that is trained in any case, as alpha,beta,gamma, or none.",
    )
    rungs: tuple[str, ...] = setting(
        (),
        form="rungs",
        topic=Topic.BUDGET,
        help="Successive halving: NETWORKS:SHARE steps such as 65:0.125,16:0.5,5:1 train 65 networks "
        "to an eighth of the length, the best 16 of them on to half, the best 5 to the end with all "
        "seeds.",
    )
    time_budget: float = setting(
        0.0,
        form="duration",
        limit=Limit(0, YEAR_S),
        given=None,
        topic=Topic.BUDGET,
        common=True,
        help="Time to spend, such as 10m: as many seeds of all networks are trained as end within it, "
        "one at least.",
    )
    regret: float | None = setting(
        None,
        limit=Limit(0, 100, firm=True),
        topic=Topic.BUDGET,
        help="Train no more seeds once the best split can be at most so many points of top-1 behind "
        "any other.",
        unset=f"{REGRET_ON_CPU} on a CPU, {REGRET_ON_GPU} on a GPU",
    )
    check_recipe: bool = setting(
        False,
        topic=Topic.TRAINING,
        help="Train some networks at half and twice the learning rate and with twice the batch, too: "
        "does another recipe turn the order?",
    )
    confirm: int = setting(
        0,
        limit=Limit(0, 1000),
        topic=Topic.TRAINING,
        common=True,
        help="When the answer is there, train the best split, the runner-up and the paper's with so "
        "many new seeds, and compare the gain with what was predicted.",
    )
    confirm_on: str = setting(
        "",
        choices=CONFIRM_ON,
        unset="fresh if a run is begun with --confirm, else same",
        topic=Topic.TRAINING,
        help="What judges the runs of --confirm. fresh: images that are set apart for them from the first, "
        "so that they judge no other run, where there are enough (400 on both sides, or --held-out). "
        "same: those of the answer.",
    )
    seeds: int = setting(
        1, unset=f"{SEEDS_ON_CPU} on a CPU, {SEEDS_ON_GPU} on a GPU, up to {MOST_SEEDS} with --time-budget"
    )
    scratch_run: str | None = setting(
        None,
        metavar="DIR",
        topic=Topic.TRAINING,
        help="With --start grown: the folder of the same search from scratch, so that the report can "
        "say whether the start changed the ranking.",
    )

    @property
    def may_change(self) -> frozenset[str]:
        """See ``TrainingSettings``: more designs, and more checks, go on from those that there are."""
        more = frozenset(("seeds", "time_budget", "regret", "check_recipe", "confirm"))
        return frozenset() if self.rungs else more

    @property
    def largest_phi(self) -> float:
        """See ``TrainingSettings``."""
        return self.phi

    def __post_init__(self) -> None:
        # super() does not know the class that slots=True makes of this one.
        TrainingSettings.__post_init__(self)
        if not self.match:
            # Code of one's own rounds as it likes: it may have no network so near to a cost.
            by_itself = bool(self.budget) or self.constraint != "product"
            by_itself |= self.baseline_arch is not None and bool(self.baseline_arch.code)
            object.__setattr__(self, "match", "none" if by_itself else "macs")
        self._refuse_with_rungs()
        self._refuse_few_networks()
        if self.rungs or self._too_few_networks:
            # Nothing will be there to confirm: images that are set apart for it would be lost.
            object.__setattr__(self, "confirm_on", "same")
        if self.match != "none" and self.match_by != "auto":
            require_movable(solved_dimensions(self.match, self.match_by), cast(BudgetKind, self.match))
        self._check_budget()
        _ = (self.grid, self.anchor_coefficients, parse_rungs(self.rungs))

    def _refuse_with_rungs(self) -> None:
        """Networks that are stopped early have no part in an answer: there is none to check or to end by.

        Raises:
            ValueError: if something that goes by the answer is asked for beside rungs.
        """
        if not self.rungs:
            return
        given = {
            "check_recipe": self.check_recipe and "true",
            "confirm": self.confirm,
            "regret": None if self.regret is None else f"{self.regret:g}",
        }
        for name, value in given.items():
            if value:
                raise ValueError(
                    f"`{name}` must be left out with `rungs` ({','.join(self.rungs)}), got {value}: it "
                    "goes by an answer, in which networks that are stopped early have no part"
                )

    def _refuse_few_networks(self) -> None:
        """A design of fewer networks than a surface takes has no answer to check or to confirm.

        Raises:
            ValueError: if one of these is asked for.
        """
        if self._too_few_networks and (self.confirm or self.check_recipe):
            name = "confirm" if self.confirm else "check_recipe"
            raise ValueError(
                f"`max_networks` must be at least {FEWEST_NETWORKS}, or 0 for all, with `{name}`: a "
                "surface over splits takes as many, and there is no answer without one, got "
                f"{self.max_networks}"
            )

    @property
    def _too_few_networks(self) -> bool:
        """Whether so few networks are trained that there is no surface over them."""
        return 0 < self.max_networks < FEWEST_NETWORKS

    def _check_budget(self) -> None:
        if not self.budget:
            return
        if self.match != "none" or self.constraint != "product":
            raise ValueError(
                f"`budget` must be given without match and constraint, got {self.budget!r} with match "
                f"{self.match} and constraint {self.constraint}: it says itself what networks spend"
            )
        _ = self.spending

    @property
    def sets_apart(self) -> bool:
        """See ``TrainingSettings``."""
        return self.confirm_on == "fresh" if self.confirm_on else self.confirm > 0

    def to_dict(self) -> dict[str, Any]:
        """See the base; with what judges the confirming runs, said or not: whoever goes on goes by it."""
        return TrainingSettings.to_dict(self) | {"confirm_on": "fresh" if self.sets_apart else "same"}

    @property
    def grid(self) -> GridSpec:
        """The grid of coefficients."""
        return GridSpec(
            alpha=(self.alpha_min, self.alpha_max),
            beta=(self.beta_min, self.beta_max),
            gamma=(self.gamma_min, self.gamma_max),
            step=self.step,
            tolerance=self.tolerance,
        )

    @property
    def anchor_coefficients(self) -> Coefficients | None:
        """The triple that is always trained where the grid holds it."""
        return None if self.anchor == "none" else parse_triple("anchor", self.anchor)

    @property
    def spending(self) -> EqualCost:
        """The budget of full-size networks, where there is one."""
        return full_size_budget(
            self.budget, self.law, tolerance=self.budget_tolerance, batch_size=self.batch_size
        )

    @property
    def most_trained(self) -> int:
        """How many networks are trained at most: as many as the first rung holds; 0 for all."""
        limits = [self.max_networks, *(rung.networks for rung in parse_rungs(self.rungs)[:1])]
        return min((limit for limit in limits if limit), default=0)

    @property
    def measures_cost(self) -> bool:
        """Whether networks have to be timed before it is known which are trained."""
        return "latency" in (self.constraint, self.match)


def plan_grid(
    settings: GridSettings, size: DataSize, measured: CostOf | None = None, start: Arch | None = None
) -> Plan:
    """Enumerates, drops duplicates, holds or repairs to the budget, leaves out what can't be grown, thins.

    Args:
        settings: the run's settings.
        size: of the dataset.
        measured: a network's latency in seconds, where a budget asks for it.
        start: what the networks are grown from; None where they start from scratch.

    Raises:
        EmptyGridError: if no grid point meets the constraint, or no network the budget.
        ValueError: if a network would have less than one pixel, or none can be grown from ``start``.
    """
    base = settings.proxy_baseline(size.classes)
    describe = describer(settings, base)
    if start is not None:
        require_start(start, base, pretrained=settings.pretrained is not None)
    candidates, unmet, refused = _candidates(settings, base, measured)
    every = (*candidates, *unmet, *refused)
    planned = _described(settings, describe, every)
    reasons = {} if start is None else ungrown(start, [c.arch for c in candidates])
    able = [c for c in candidates if c.arch.key not in reasons]
    chosen = _chosen([planned[c.arch.key] for c in able], settings.most_trained, settings.anchor_coefficients)
    kept = {one.record.key for one in chosen}
    return Plan(
        kind="grid",
        phi=settings.phi,
        settings=settings,
        classes=size.classes,
        base=base,
        grid_points=settings.grid.points,
        feasible=sum(len(c.merged) for c in every),
        order=tuple(planned),
        chosen=tuple(chosen),
        skipped=tuple(
            skipped(
                planned[c.arch.key],
                c.refused
                or unmet_reason(c.budget, settings.budget_tolerance)
                or reasons.get(c.arch.key)
                or _thinned_reason(len(chosen), len(able)),
            )
            for c in every
            if c.arch.key not in kept
        ),
        thinning=_thinning(len(chosen), len(able), settings),
        rungs=grid_rungs(settings, len(chosen), size),
        apart=size.apart,
        notes=(skipping(len(refused), base.code, _way_out(refused, base, settings)),)
        if refused and base.code
        else (),
    )


def every_network(settings: GridSettings, classes: int) -> dict[str, Planned]:
    """Every network of a grid by its key, also those that a run of it does not train.

    Raises:
        ValueError: as :func:`plan_grid`.
    """
    base = settings.proxy_baseline(classes)
    describe = describer(settings, base)
    candidates, unmet, refused = _candidates(settings, base, None)
    return _described(settings, describe, (*candidates, *unmet, *refused))


def _candidates(
    settings: GridSettings, base: Arch, measured: CostOf | None
) -> tuple[list[Candidate], list[Candidate], list[Candidate]]:
    """The networks that can be trained, those that miss the budget, and those that code refuses to be."""
    points = feasible(settings.grid) if settings.constraint == "product" else all_points(settings.grid)
    anchor = settings.anchor_coefficients
    candidates = (
        spending(settings, points, base)
        if settings.budget
        else distinct(points, base, settings.proxy_rounding, settings.phi, prefer=anchor)
    )
    # What can't be run as the rule makes it may run as matched.
    closed_match = settings.match not in ("none", "latency")
    refused, candidates = ([], candidates) if closed_match else _apart(candidates)
    _require_some(candidates, refused, base, settings)
    if settings.measures_cost:
        # Each network takes a second or more to time: a spread of them stands for all.
        several = TIMED_PER_TRAINED if settings.constraint == "latency" else 1
        nominal = [_nominal_split(candidate.coefficients) for candidate in candidates]
        first = _index_of(anchor, [candidate.coefficients for candidate in candidates])
        limit = several * settings.most_trained
        candidates = [candidates[i] for i in design(nominal, limit, first)]
    candidates = meeting_the_constraint(settings, candidates, base, measured)
    candidates, unmet, unmatched = matched(settings, candidates, base, measured)
    refused += unmatched
    _require_some((*candidates, *unmet), refused, base, settings)
    return candidates, unmet, refused


def _described(
    settings: GridSettings, describe: Describe, candidates: Sequence[Candidate]
) -> dict[str, Planned]:
    return {
        c.arch.key: describe(
            arch=c.arch,
            coefficients=c.coefficients,
            phi=phi_of(c.coefficients, c.multipliers) if settings.budget else settings.phi,
            multipliers=c.multipliers,
            merged=c.merged,
            budget=c.budget,
        )
        for c in candidates
    }


def _chosen(able: Sequence[Planned], limit: int, anchor: Coefficients | None) -> list[Planned]:
    """The networks that are trained, by their splits as built."""
    coefficients = [Coefficients(alpha=c.alpha, beta=c.beta, gamma=c.gamma) for c in (p.record for p in able)]
    splits = [
        planned.record.split or _nominal_split(asked)
        for planned, asked in zip(able, coefficients, strict=True)
    ]
    return [able[index] for index in design(splits, limit, _index_of(anchor, coefficients))]


def _index_of(anchor: Coefficients | None, coefficients: Sequence[Coefficients]) -> int | None:
    return coefficients.index(anchor) if anchor in coefficients else None


def _nominal_split(coefficients: Coefficients) -> tuple[float, float, float]:
    """The shares that coefficients ask for; equal ones where nothing grows."""
    if coefficients.product == 1:
        return 1 / 3, 1 / 3, 1 / 3
    shares = shares_of(coefficients)
    return shares.depth, shares.width, shares.resolution


def _apart(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """The candidates that a user's own code refuses to be, and the others."""
    told = [c if c.refused else replace(c, refused=refusal(c.arch)) for c in candidates]
    return [c for c in told if c.refused], [c for c in told if not c.refused]


def _require_some(
    candidates: Sequence[Candidate], refused: Sequence[Candidate], base: Arch, settings: GridSettings
) -> None:
    """Raises RefusedError where all candidates are refused."""
    if refused and not candidates:
        raise none_left(refused[0].refused, _way_out(refused, base, settings))


def _way_out(refused: Sequence[Candidate], base: Arch, settings: GridSettings) -> str:
    solved = () if settings.match == "none" else solved_dimensions(settings.match, settings.match_by)
    by_width = " with --match-by width" if "resolution" in solved else ""
    alone = f"--gamma-max 1{by_width} scales depth and width alone"
    return way_out(base, (c.arch for c in refused), alone)


def _thinned_reason(chosen: int, candidates: int) -> str:
    return f"{THINNED}: {chosen} of {candidates} distinct networks are trained"


def _thinning(chosen: int, candidates: int, settings: GridSettings) -> str:
    """One sentence on how the trained networks were chosen; empty where all are trained."""
    if chosen == candidates:
        return ""
    first = "" if settings.anchor == "none" else f", ({settings.anchor}) among them where the grid holds it"
    why = f"--max-networks {settings.max_networks}"
    if settings.most_trained != settings.max_networks:
        why = f"the first of the rungs {', '.join(settings.rungs)}"
    return (
        f"{chosen} of {candidates} distinct networks are trained ({why}): those nearest to the "
        "corners, the middles of the edges, the centre and the inside of the triangle of shares of "
        f"depth, width and resolution{first}. The surface through them predicts the others."
    )


def grid_rungs(settings: GridSettings, networks: int, size: DataSize) -> tuple[RungRecord, ...]:
    """The rungs that so many networks climb.

    Raises:
        ValueError: if two of them would be of one length, or of nearly one.
    """
    recipe = settings.proxy_recipe
    steps = recipe.steps(size.train_images)
    planned = planned_rungs(
        parse_rungs(settings.rungs),
        networks=networks,
        images=steps * recipe.batch_size,
        batch_size=recipe.batch_size,
        seeds=settings.seeds,
    )
    if len(planned) < len(settings.rungs):
        raise ValueError(
            f"`rungs` must be a batch of {recipe.batch_size} images apart at least, got "
            f"{','.join(settings.rungs)} of {steps * recipe.batch_size:,} images; shares further "
            "apart, or longer training, would do"
        )
    for shorter, longer in pairwise(planned):
        if longer.images < NEAR * shorter.images:
            raise ValueError(
                f"`rungs` must be at least {NEAR - 1:.0%} apart in length, got {','.join(settings.rungs)}: "
                f"{shorter.images:,} and {longer.images:,} images; shares further apart would do"
            )
    return planned
