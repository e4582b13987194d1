"""``scalesearch scale --train``: the networks of a family trained as small proxies, phi by phi.

The derivation is that of the full-size family; what is trained is what the same multipliers make of the
reduced baseline, as in a grid.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from scalesearch.architecture.published import PAPER_COEFFICIENTS
from scalesearch.architecture.scaled import compound
from scalesearch.plain import require_limits
from scalesearch.proxy.dataset import DataSize
from scalesearch.scaling import Coefficients
from scalesearch.search.family import ScaleSettings
from scalesearch.search.plan import Plan, describer, plan_whole_runs
from scalesearch.search.settings import BaselineSettings, TrainingSettings

__all__ = ["TRAINED_PHIS", "FamilyTrainingSettings", "plan_family"]

TRAINED_PHIS = (0.0, 1.0, 2.0, 3.0)
"""What is trained unless more is asked for: each phi about doubles the time of the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyTrainingSettings(TrainingSettings):
    """The settings of ``scalesearch scale --train``.

    ``phi`` holds the exponents of the derivation, ``train_phi`` those whose networks are trained. The
    baseline's width and resolution are those of what is trained: the derivation is of the full size.
    ``budget`` and ``law`` say by what the greatest phi was found.
    """

    alpha: float = PAPER_COEFFICIENTS.alpha
    beta: float = PAPER_COEFFICIENTS.beta
    gamma: float = PAPER_COEFFICIENTS.gamma
    phi: tuple[float, ...] = TRAINED_PHIS
    train_phi: tuple[float, ...] = TRAINED_PHIS
    budget: str = ""
    law: tuple[str, ...] = ()
    train: bool = True

    @property
    def largest_phi(self) -> float:
        """See ``TrainingSettings``."""
        return max(self.train_phi, default=0.0)

    def __post_init__(self) -> None:
        TrainingSettings.__post_init__(self)
        if not self.train_phi:
            raise ValueError("`train_phi` must hold at least one phi, got none")
        require_limits(self, "phi", "train_phi")
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
