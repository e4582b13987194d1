"""``scalesearch sweep``: each dimension alone and all together, at equal realised cost over several budgets.

A star of networks around the baseline, from which a power law of depth, width and resolution can be fitted:
one answer for every budget. The question of the paper's Figures 3, 4 and 8 (arXiv 1905.11946) is answered
beside it: does balancing the three beat scaling one of them? Every network of a budget really costs the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from scalesearch.fields import Topic, setting
from scalesearch.networks.baselines import PAPER_COEFFICIENTS
from scalesearch.networks.matching import reason
from scalesearch.networks.scaled import compound
from scalesearch.networks.spec import Arch, RefusedError
from scalesearch.records import BudgetRecord
from scalesearch.scaling import FAST_WIDTH_SHARE, Coefficients, Multipliers, Shares, one_dial
from scalesearch.study.budget import EqualCost, along_the_rule
from scalesearch.study.grid_plan import MATCHES, MEMORY, PHIS
from scalesearch.study.plan import Plan, Planned, describer, plan_whole_runs
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
    """The baseline, then each role's network at each budget.

    Raises:
        ValueError: if a network would have less than one pixel.
    """
    chosen = list(_networks(settings, settings.proxy_baseline(size.classes)))
    return plan_whole_runs("sweep", max(settings.phis), settings, size, chosen, ALONE)


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
        for role in ROLES if settings.roles is None else settings.roles:
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
            planned = replace(planned, record=replace(planned.record, reason=why))
            # Two roles may round to one network; each keeps a row, and a training run, of its own.
            yield planned.named(f"{planned.arch.key}-{role}-phi{phi:g}")
