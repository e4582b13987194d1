"""How much of a network's cost each dimension's rounding added, by scaling one dimension at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from scalesearch.networks.baselines import chosen_baseline
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import reduce, scale
from scalesearch.networks.spec import Arch, Rounding, arch_from_dict
from scalesearch.page.parts import is_own_code
from scalesearch.records import FamilyRow, ScaleRecord
from scalesearch.scaling import Multipliers


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundingShare:
    """The cost ratio of scaling one dimension alone, by the rule and as built."""

    dimension: str
    nominal: float
    realised: float

    @property
    def factor(self) -> float:
        """What rounding multiplied the cost by; 1 is nothing."""
        return self.realised / self.nominal


def rounding_shares(record: ScaleRecord, row: FamilyRow) -> list[RoundingShare]:
    """Depth, width and resolution alone at the multipliers of ``row``.

    Empty where the record does not say enough to build its networks again: those counted here must cost
    exactly what the record says, or their shares would explain something else.
    """
    if is_own_code(record.settings):
        return []  # how a user's own code rounds, it alone knows
    try:
        base, rounding = base_network(record.baseline, record.settings)
        whole = Multipliers(depth=row.depth, width=row.width, resolution=row.resolution_multiplier)
        if count(scale(base, whole, rounding)).macs != row.macs:
            return []
        alone = (
            ("depth", Multipliers(depth=row.depth)),
            ("width", Multipliers(width=row.width)),
            ("resolution", Multipliers(resolution=row.resolution_multiplier)),
        )
        macs = count(base).macs
        return [
            RoundingShare(
                dimension=name,
                nominal=multipliers.nominal_ratio,
                realised=count(scale(base, multipliers, rounding)).macs / macs,
            )
            for name, multipliers in alone
        ]
    except (KeyError, TypeError, ValueError):
        return []


def base_network(name: str, settings: Mapping[str, Any]) -> tuple[Arch, Rounding]:
    """The network at phi 0 and how those scaled from it are rounded, as a run's settings tell.

    Raises:
        KeyError, TypeError, ValueError: if they don't.
    """
    rounding = Rounding(**{f.name: settings[f.name] for f in fields(Rounding) if f.name in settings})
    table = settings.get("baseline_arch")
    arch = None if table is None else arch_from_dict(table)
    full = chosen_baseline(name, arch, settings.get("stem_stride"), settings.get("in_channels"))
    base = reduce(
        full,
        settings.get("baseline_width", 1.0),
        rounding,
        resolution=settings.get("baseline_resolution"),
        resolution_width=settings.get("baseline_resolution_width"),
    )
    return base, rounding
