"""``scalesearch explain``: which network is asked for, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scalesearch.errors import ScalesearchError
from scalesearch.fields import require_settings, setting
from scalesearch.networks.baselines import (
    BASELINES,
    PAPER_COEFFICIENTS,
    VARIANTS,
    PublishedNetwork,
    Variant,
    baseline,
    published_network,
)
from scalesearch.networks.explaining import Explanation
from scalesearch.networks.explaining import explain as explain_network
from scalesearch.networks.spec import Arch, Rounding, with_exponents
from scalesearch.plain import LIMITS
from scalesearch.scaling import Coefficients, Multipliers
from scalesearch.study.settings import StagesSettings
from scalesearch.text import near

MULTIPLIERS = ("depth", "width", "resolution")
COEFFICIENTS = ("alpha", "beta", "gamma")
SHARPEST = 16.0
"""A resolution multiplier above this is taken for pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainSettings(StagesSettings):
    """How the network is scaled that is explained; what is None was not asked for.

    Raises:
        ValueError: if a number is beyond its limit.
    """

    depth: float | None = setting(None, limit=LIMITS["depth"], help="Times as deep.", unset="1")
    width: float | None = setting(None, limit=LIMITS["width"], help="Times as wide.", unset="1")
    resolution: float | None = setting(
        None, limit=LIMITS["resolution"], help="Times as sharp, not pixels.", unset="1"
    )
    alpha: float | None = setting(
        None, limit=LIMITS["alpha"], help="Depth coefficient.", unset="1.2, the paper's"
    )
    beta: float | None = setting(
        None, limit=LIMITS["beta"], help="Width coefficient.", unset="1.1, the paper's"
    )
    gamma: float | None = setting(
        None, limit=LIMITS["gamma"], help="Resolution coefficient.", unset="1.15, the paper's"
    )
    phi: float | None = setting(None, help="Scale WHAT by the coefficients at this exponent.")

    def __post_init__(self) -> None:
        require_settings(self)

    def given(self, names: Sequence[str]) -> dict[str, float]:
        """What there is of these."""
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def coefficients(self) -> Coefficients:
        """Those that were given, or the paper's.

        Raises:
            ScalesearchError: if some of the three are missing.
        """
        given = self.given(COEFFICIENTS)
        if not given:
            return PAPER_COEFFICIENTS
        for name in COEFFICIENTS:
            if name not in given:
                raise ScalesearchError(
                    f"`{name}` must be given where `{next(iter(given))}` is: the three go together"
                )
        return Coefficients(**given)

    @property
    def multipliers(self) -> Multipliers | None:
        """What the network is to be scaled by; None where nothing was said.

        Raises:
            ScalesearchError: if two ways of saying it meet, or pixels were given.
        """
        given = self.given(MULTIPLIERS)
        if self.phi is not None:
            if given:
                raise ScalesearchError(
                    f"`phi` must be left out where `{next(iter(given))}` is given, got {self.phi:g}"
                )
            if self.alpha is None:
                raise ScalesearchError(
                    f"`phi` must come with `alpha`, `beta` and `gamma`, got {self.phi:g} without them"
                )
            return self.coefficients.at(self.phi)
        if (sharper := given.get("resolution", 1.0)) > SHARPEST:
            raise ScalesearchError(
                f"`resolution` must be a multiplier such as 1.15, not pixels, got {sharper:g}"
            )
        return Multipliers(**given) if given else None


def variant_alone(name: str, settings: ExplainSettings, rules: Mapping[str, Any]) -> Variant:
    """The variant of that name, of which nothing but its name is asked for.

    Args:
        name: of the variant.
        settings: that change nothing of it, and have to be empty.
        rules: of rounding that were given, which have to be empty too.

    Raises:
        ScalesearchError: if there is no such variant, or something else is asked for.
    """
    if name not in VARIANTS:
        titles = "; ".join(f"{known.name} ({known.title})" for known in VARIANTS.values())
        raise ScalesearchError(f"`variant` must be one of {titles}; got {name!r}{near(name, VARIANTS)}")
    for option, value in settings.given((*MULTIPLIERS, *COEFFICIENTS, "phi")).items():
        raise ScalesearchError(
            f"`{option}` must be left out with `variant`, got {value:g}; "
            f"scalesearch explain {name} --{option} ... scales it"
        )
    for stage in settings.stages:
        raise ScalesearchError(f"`stages` must be left out with `variant`, got {stage}: it has its own rules")
    for rule, value in rules.items():
        raise ScalesearchError(
            f"`{rule}` must be left out with `variant`, got {value}; scalesearch explain {name} "
            f"--{rule.replace('_', '-')} ... rounds by it"
        )
    return VARIANTS[name]


def explained(
    what: str | Arch, settings: ExplainSettings, rounding: Rounding
) -> tuple[Explanation, PublishedNetwork | None]:
    """The explanation that is asked for, with the network's published row where it has one.

    Args:
        what: the name of a published network or of a built-in one, or the network itself.
        settings: how it is scaled.
        rounding: by which rules.

    Raises:
        ScalesearchError: if the settings don't go together, or not with this network.
    """
    coefficients, asked = settings.coefficients, settings.multipliers
    row = published_network(what) if isinstance(what, str) else None
    stages = settings.stages
    if stages and isinstance(what, str) and what in VARIANTS:
        raise ScalesearchError(
            f"`stages` must be left out for {what}, whose rounding goes with its name, got {stages[0]}"
        )
    if row is not None and asked is None:
        explanation = explain_network(
            with_exponents(BASELINES[row.baseline], stages),
            row.multipliers,
            rounding,
            coefficients,
            resolution=row.resolution,
            name=f"{'my-' if stages else ''}efficientnet-{row.name}",
        )
        return explanation, None if stages else row
    base = row.arch() if row is not None else baseline(what) if isinstance(what, str) else what
    base = with_exponents(base, stages)
    multipliers = asked or Multipliers()
    values = (multipliers.depth, multipliers.width, multipliers.resolution)
    name = base.name if asked is None else f"{base.name}:{','.join(f'{value:.4g}' for value in values)}"
    return explain_network(base, multipliers, rounding, coefficients, name=name), None
