"""``scalesearch sweep``: each dimension alone and all together, at equal realised cost over several budgets.

A star of networks around the baseline, from which a power law of depth, width and resolution can be fitted:
one answer for every budget. The question of the paper's Figures 3, 4 and 8 (arXiv 1905.11946) is answered
beside it: does balancing the three beat scaling one of them? Every network of a budget really costs the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from scalesearch.fields import Topic, setting
from scalesearch.networks.baselines import PAPER_COEFFICIENTS
from scalesearch.networks.matching import reason
from scalesearch.networks.scaled import compound
from scalesearch.networks.spec import Arch, RefusedError
from scalesearch.records import BudgetRecord, CandidateRecord
from scalesearch.scaling import FAST_WIDTH_SHARE, Coefficients, Multipliers, Shares, one_dial
from scalesearch.study.budget import EqualCost, along_the_rule
from scalesearch.study.grid_plan import MATCHES, MEMORY, PHIS
from scalesearch.study.plan import Plan, Planned, describer, plan_whole_runs, skipped
from scalesearch.study.settings import TrainingSettings
from scalesearch.training.dataset import DataSize

ROLES = ("depth", "width", "resolution", "compound", "fast")
MIDDLES = {
    "depth-width": Shares(depth=0.5, width=0.5, resolution=0.0),
    "depth-resolution": Shares(depth=0.5, width=0.0, resolution=0.5),
    "width-resolution": Shares(depth=0.0, width=0.5, resolution=0.5),
    "centre": Shares(depth=1 / 3, width=1 / 3, resolution=1 / 3),
}
"""Ways trained where they are named: a surface over splits takes them beside each dimension alone."""
ALONE = "--roles depth,width with --gamma 1 leaves the resolution as it is"
BUDGETS = tuple(kind for kind in MATCHES if kind not in ("none", "latency"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSettings(TrainingSettings):
    """The settings of ``scalesearch sweep``: coefficients of the compound rule, and the budgets as phis.

    ``match`` is what all networks of a budget spend alike: ``2**phi`` times the baseline. Each role scales by
    its own coefficients, to whatever phi spends that. ``roles`` are the ways to spend it; all where none is
    named.
    """

    phis: tuple[float, ...] = setting(
        (0.5, 1.0, 2.0),
        form="phis",
        option="--phi",
        limit=PHIS,
        topic=Topic.SPACE,
        common=True,
        help="How much compute: each of these budgets is 2^phi times the baseline. A power law takes "
        "two or more.",
    )
    alpha: float = setting(
        PAPER_COEFFICIENTS.alpha,
        topic=Topic.SPACE,
        common=True,
        help="Depth coefficient of the compound rule.",
    )
    beta: float = setting(
        PAPER_COEFFICIENTS.beta,
        topic=Topic.SPACE,
        common=True,
        help="Width coefficient of the compound rule.",
    )
    gamma: float = setting(
        PAPER_COEFFICIENTS.gamma,
        topic=Topic.SPACE,
        common=True,
        help="Resolution coefficient of the compound rule.",
    )
    match: str = setting(
        "macs",
        choices=BUDGETS,
        topic=Topic.BUDGET,
        help=f"What all networks of a budget spend alike. {MEMORY}",
    )
    roles: tuple[str, ...] | None = setting(
        None,
        form="list",
        choices=(*ROLES, *MIDDLES),
        metavar="LIST",
        topic=Topic.SPACE,
        common=True,
        help=f"Ways to spend a budget: {', '.join(ROLES)}, with commas between them; or, to spend it on "
        f"two or three alike, {', '.join(MIDDLES)}.",
        unset=", ".join(ROLES),
    )
    seeds: int = 3

    @property
    def largest_phi(self) -> float:
        """See ``TrainingSettings``."""
        return max(self.phis, default=0.0)

    def __post_init__(self) -> None:
        TrainingSettings.__post_init__(self)
        if not self.phis or any(phi == 0 for phi in self.phis):
            got = ", ".join(f"{phi:g}" for phi in self.phis) or "none"
            raise ValueError(f"`phi` must hold budgets other than 0, the baseline's, got {got}")
        if self.coefficients.product == 1:
            raise ValueError("`alpha`, `beta` and `gamma` must hold one above 1, got 1, 1 and 1")

    @property
    def roles_or_all(self) -> tuple[str, ...]:
        """The ways to spend a budget."""
        return ROLES if self.roles is None else self.roles

    @property
    def coefficients(self) -> Coefficients:
        """Of the compound rule."""
        return Coefficients(alpha=self.alpha, beta=self.beta, gamma=self.gamma)

    def coefficients_of(self, role: str) -> Coefficients:
        """What makes a role's network before it is matched."""
        alone = {name: Shares(**{"depth": 0, "width": 0, "resolution": 0} | {name: 1}) for name in ROLES[:3]}
        if role in alone or role in MIDDLES:
            return (alone | MIDDLES)[role].coefficients
        return self.coefficients if role == "compound" else one_dial(FAST_WIDTH_SHARE).coefficients


def plan_sweep(settings: SweepSettings, size: DataSize) -> Plan:
    """The baseline, then the networks of each budget: one for each role, or for several that round to one.

    A network that another budget has too, or that is the baseline, is trained once, as that.

    Raises:
        ValueError: if a network would have less than one pixel, or at no budget two roles have two networks.
    """
    planned = list(_networks(settings, settings.proxy_baseline(size.classes)))
    chosen, again = [], []
    first: dict[str, CandidateRecord] = {}
    for network in planned:
        record = network.record
        same = record if record.reason else first.setdefault(network.arch.key, record)
        if same is record:
            chosen.append(network)
            continue
        budget = "" if same.role == "baseline" else f" at phi {same.phi:g}"
        again.append(skipped(network, f"the same network as {same.role}{budget}, trained once"))
    _require_different(settings, chosen)
    plan = plan_whole_runs("sweep", max(settings.phis), settings, size, chosen, ALONE)
    order = tuple(network.record.key for network in planned)
    return replace(plan, order=order, skipped=(*plan.skipped, *again))


def _require_different(settings: SweepSettings, chosen: Sequence[Planned]) -> None:
    """Refuses budgets so near to the baseline that there is nothing to compare at any of them.

    Raises:
        ValueError: if at each budget all roles round to one network.
    """
    roles = settings.roles_or_all
    at_budgets = Counter(planned.record.phi for planned in chosen if planned.record.role != "baseline")
    if len(roles) > 1 and max(at_budgets.values(), default=0) < 2:
        phis = ", ".join(f"{phi:g}" for phi in settings.phis)
        raise ValueError(
            f"`phi` must hold a budget at which {', '.join(roles)} are different networks, got {phis}, where "
            "all round to one; a larger budget (--phi 1) or a larger baseline (--baseline-width, "
            "--baseline-resolution) tells them apart"
        )


def _networks(settings: SweepSettings, base: Arch) -> Iterator[Planned]:
    describe = describer(settings, base)
    rounding = settings.proxy_rounding
    yield describe(
        arch=base,
        coefficients=Coefficients(alpha=1, beta=1, gamma=1),
        phi=0.0,
        multipliers=Multipliers(),
        merged=((1.0, 1.0, 1.0),),
        role="baseline",
    )
    for phi in settings.phis:
        budget = EqualCost.of(settings.match, base, phi, tolerance=1.0, batch_size=settings.pass_size)
        here: dict[str, Planned] = {}
        for role in settings.roles_or_all:
            coefficients = settings.coefficients_of(role)
            try:
                matched = along_the_rule(base, coefficients, phi, rounding, budget)
                network = {"arch": matched.arch, "multipliers": matched.multipliers}
                spent = BudgetRecord(
                    kind=settings.match, target=budget.target, value=matched.value, matched_by="phi,width"
                )
                why = ""
            except RefusedError as error:
                network = {
                    "arch": compound(base, coefficients, phi, rounding),
                    "multipliers": coefficients.at(phi),
                }
                spent, why = None, reason(error)
            planned = describe(
                **network,
                coefficients=coefficients,
                phi=phi,
                merged=((coefficients.alpha, coefficients.beta, coefficients.gamma),),
                budget=spent,
                role=role,
            )
            # Several roles may round to one network: it stands for all of them.
            key = f"{planned.arch.key}-{role}" if why else planned.arch.key
            if (shared := here.get(key)) is None:
                here[key] = replace(planned, record=replace(planned.record, reason=why))
            else:
                merged = (*shared.record.merged, *planned.record.merged)
                both = replace(shared.record, role=f"{shared.record.role}, {role}", merged=merged)
                here[key] = replace(shared, record=both)
        for planned in here.values():
            roles = "-".join(planned.record.roles)
            yield planned.named(f"{planned.arch.key}-{roles}-phi{phi:g}")
