"""Which networks of a run can be grown from what they start from; the others are not trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scalesearch.architecture.growth import why_not
from scalesearch.architecture.spec import Arch
from scalesearch.search.plan import Plan, without

__all__ = ["grown_plan", "require_start", "ungrown", "ungrown_reason"]


def require_start(start: Arch, base: Arch, *, pretrained: bool) -> None:
    """Refuses a start, a file's where it is ``pretrained``, that the proxy baseline can't be grown from.

    Raises:
        ValueError: if that is so.
    """
    if reason := why_not(start, base):
        at_full_size = "; --baseline-width 1 keeps all of the file's channels" if pretrained else ""
        name = "pretrained" if pretrained else "start"
        raise ValueError(
            f"`{name}` must hold a network that the baseline as trained can be grown from, got {start.name}: "
            f"{reason}{at_full_size}"
        )


def ungrown_reason(start: Arch, arch: Arch) -> str:
    """Why a network is not trained that can't be grown from ``start``; empty where it can."""
    reason = why_not(start, arch)
    return f"can't be grown from {start.name}: {reason}" if reason else ""


def ungrown(start: Arch, archs: Iterable[Arch]) -> Mapping[str, str]:
    """Why networks can't be grown from ``start``, by their keys; those that can are left out.

    Raises:
        ValueError: if there are networks, and none can.
    """
    reasons = {arch.key: why_not(start, arch) for arch in archs}
    if reasons and all(reasons.values()):
        raise ValueError(
            f"`start` must be scratch for these networks, none of which can be grown from {start.name}: "
            f"{next(iter(reasons.values()))}"
        )
    return {key: f"can't be grown from {start.name}: {why}" for key, why in reasons.items() if why}


def grown_plan(plan: Plan, start: Arch) -> Plan:
    """The plan with the networks alone that can be grown from ``start``; the others are skipped.

    Raises:
        ValueError: if the baseline can't be grown from it, or no network of the plan.
    """
    require_start(start, plan.base, pretrained=plan.settings.pretrained is not None)
    reasons = ungrown(start, [planned.arch for planned in plan.chosen])
    return without(plan, reasons)
