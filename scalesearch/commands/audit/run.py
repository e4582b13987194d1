"""``scalesearch audit``: the rows of the paper's tables rebuilt and counted, and the sweeps that train them.

The tables are 3 and 7 of arXiv 1905.11946: four baselines, each scaled in one dimension alone and in all
three by one rule. Their costs were printed in one decimal, and are neither equal nor those of one rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from scalesearch.commands.sweep.run import MIDDLES, SweepSettings
from scalesearch.fields import Topic, setting
from scalesearch.networks.baselines import PublishedScaling, baseline, published_scaled
from scalesearch.networks.cost import count
from scalesearch.networks.rounding_rules import costs_by_rule
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, Rounding
from scalesearch.records import AuditMatch, AuditRow
from scalesearch.scaling import Coefficients
from scalesearch.study.budget import EqualCost, along_the_rule
from scalesearch.study.grid_plan import PHIS
from scalesearch.study.settings import TrainingSettings

AUDITED = tuple(dict.fromkeys(row.baseline for row in published_scaled()))
"""The baselines of the tables."""
TRAINED_ROLES = ("depth", "width", "resolution", "compound")
# Settings that say which network is scaled: here several are.
_ONE_BASELINE = ("baseline", "baseline_arch")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings(TrainingSettings):
    """The settings of ``scalesearch audit``: the baselines, and how they are trained where they are.

    ``phis`` are the budgets of the trained networks, ``2**phi`` times the baseline each: the rows of the
    tables were meant to cost 4 times as much.
    """

    train: bool = setting(
        False,
        topic=Topic.TRAINING,
        common=True,
        help="Also train the rows, at equal real cost, on your data.",
    )
    surface: bool = setting(
        False,
        topic=Topic.TRAINING,
        common=True,
        help="With --train: train the splits between the rows too, so that a surface over all splits says "
        "which is best at each baseline.",
    )
    phis: tuple[float, ...] = setting(
        (2.0,),
        form="phis",
        option="--phi",
        limit=PHIS,
        topic=Topic.SPACE,
        common=True,
        help="With --train: the budgets, 2^phi times the baseline each; the tables' rows were meant to "
        "be at 2.",
    )
    baselines: tuple[str, ...] = setting(
        AUDITED,
        choices=AUDITED,
        option="--baseline",
        topic=Topic.NETWORK,
        common=True,
        help="Only this baseline's rows; may be given several times.",
        given=AUDITED,
        unset="all",
    )
    seeds: int = 3

    def __post_init__(self) -> None:
        TrainingSettings.__post_init__(self)
        _ = [self.sweep_of(name) for name in self.baselines]

    def sweep_of(self, name: str) -> SweepSettings:
        """The settings of the sweep that trains the rows of one baseline at equal cost."""
        shared: dict[str, Any] = {
            field.name: getattr(self, field.name)
            for field in fields(TrainingSettings)
            if field.name not in _ONE_BASELINE
        }
        rule = compound_row(name)
        return SweepSettings(
            **shared,
            baseline=name,
            alpha=rule.depth,
            beta=rule.width,
            gamma=rule.resolution,
            phis=self.phis,
            roles=(*TRAINED_ROLES, *MIDDLES) if self.surface else TRAINED_ROLES,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data; of an audit that trains nothing only what it goes by."""
        # super() does not know the class that slots=True makes of this one.
        whole = TrainingSettings.to_dict(self)
        if not self.train:
            return {name: whole[name] for name in ("baselines", "train")}
        return {name: value for name, value in whole.items() if name not in _ONE_BASELINE}


def published_rows(name: str) -> list[PublishedScaling]:
    """The published rows of one baseline."""
    return [row for row in published_scaled() if row.baseline == name]


def compound_row(name: str) -> PublishedScaling:
    """The row of one baseline that was scaled in all three dimensions."""
    return next(row for row in published_rows(name) if row.scaling == "compound")


def audit_rows(names: Sequence[str]) -> tuple[AuditRow, ...]:
    """The rows of these baselines, in the order of the tables, rebuilt with the official rounding."""
    return tuple(
        _row(published, {row.scaling: row for row in published_rows(name)})
        for name in AUDITED
        if name in names
        for published in published_rows(name)
    )


def _row(published: PublishedScaling, of_baseline: Mapping[str, PublishedScaling]) -> AuditRow:
    base = baseline(published.baseline)
    arch = scale(base, published.multipliers, Rounding())
    cost = count(arch)
    return AuditRow(
        published=published,
        resolution=arch.resolution,
        blocks=arch.blocks,
        params=cost.params,
        macs=cost.macs,
        fvcore_total=cost.fvcore_total,
        base_macs=count(base).macs,
        base_flops=of_baseline["none"].flops,
        base_top1=of_baseline["none"].top1,
        costs=costs_by_rule(base, published.multipliers),
    )


def best_single(rows: Sequence[AuditRow]) -> AuditRow:
    """The row of a single dimension with the highest published accuracy; of equal ones the cheapest."""
    single = [row for row in rows if row.scaling not in ("none", "compound")]
    return min(single, key=lambda row: (-row.published.top1, row.macs))


def fair_matches(rows: Sequence[AuditRow]) -> tuple[AuditMatch, ...]:
    """For each baseline the compound network that costs what the best single row does, and the reverse.

    Each goes along its own rule to whatever phi spends the target; its width takes up what whole blocks
    leave.
    """
    matches = []
    for name in dict.fromkeys(row.baseline for row in rows):
        here = [row for row in rows if row.baseline == name]
        compound = next(row for row in here if row.scaling == "compound")
        single = best_single(here)
        matches += [_match(compound, single), _match(single, compound)]
    return tuple(matches)


def _match(moved: AuditRow, target: AuditRow) -> AuditMatch:
    """``moved`` brought along its own direction to what ``target`` costs."""
    base, published = baseline(moved.baseline), moved.published
    budget = EqualCost(
        kind="macs", cost=lambda arch: count(arch).macs, target=float(target.macs), tolerance=1.0
    )
    rule = Coefficients(alpha=published.depth, beta=published.width, gamma=published.resolution)
    matched = along_the_rule(base, rule, 1.0, Rounding(), budget)
    assert isinstance(matched.arch, ArchSpec)  # as its base
    return AuditMatch(
        baseline=moved.baseline,
        scaling=moved.scaling,
        spends_as=target.scaling,
        depth=matched.multipliers.depth,
        width=matched.multipliers.width,
        multiplier=matched.multipliers.resolution,
        resolution=matched.arch.resolution,
        blocks=matched.arch.blocks,
        macs=int(matched.value),
        target=target.macs,
    )
