"""What a network is, as frozen data: the rows of its paper's table, or a user's own code.

What a family holds
fixed when it is scaled stands in its table; every rounding rule that turns real multipliers into whole layers
and channels is in a :class:`Rounding`, which travels with every record.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from scalesearch.architecture.checks import MOST, MOST_REPEATS
from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.rounding import ChannelsRule, RepeatsRule, Rounding
from scalesearch.architecture.stage import MOST_EXPONENT, BlockKind, StageSpec
from scalesearch.architecture.table_spec import (
    Activation,
    ArchSpec,
    SqueezeForm,
)
from scalesearch.plain import shown

__all__ = [
    "MOST",
    "MOST_REPEATS",
    "Activation",
    "Arch",
    "ArchSpec",
    "BlockKind",
    "ChannelsRule",
    "RepeatsRule",
    "Rounding",
    "SqueezeForm",
    "StageSpec",
    "arch_from_dict",
    "require_resolution",
    "with_exponents",
    "with_network",
    "without_drop_path",
]

Arch = ArchSpec | CodeSpec
"""Any network: a table's, or what a user's own code builds."""
EXPONENTS: Mapping[str, str] = MappingProxyType({"depth": "repeats", "width": "channels"})
"""What may work more strongly on some stages than on others, and on what of them."""
_Arch = TypeVar("_Arch", ArchSpec, CodeSpec, Arch)


def arch_from_dict(data: Mapping[str, object]) -> Arch:
    """The network that its ``to_dict`` wrote.

    Raises:
        ValueError: if a field is missing, unknown or of the wrong value.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"`arch` must be a table, got {shown(data)}")
    return CodeSpec.from_dict(data) if "target" in data else ArchSpec.from_dict(data)


def with_network(data: object) -> dict[str, Any]:
    """A table of settings with the network that it keeps, where it keeps one, made of its own table.

    Raises:
        ValueError: if ``data`` is no table, or the network cannot be.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"settings must be a table, got {shown(data)}")
    if (network := data.get("baseline_arch")) is None:
        return dict(data)
    return {**data, "baseline_arch": arch_from_dict(network)}


def require_resolution(arch: Arch, name: str, size: tuple[int, int] | None = None) -> None:
    """Refuses an input that the network's strides leave next to nothing of; a user's code knows its own.

    A padded map has always a pixel: of an input of less than half of what the strides multiply to, the last
    one covers more padding than image. Patches have to be whole: there it is all that the strides multiply
    to.

    Args:
        arch: the network.
        name: what the error calls the input's size.
        size: (height, width) of the input in pixels; the network's own if None.

    Raises:
        ValueError: if a side is too small.
    """
    if isinstance(arch, CodeSpec):
        return
    size, strides = size or arch.input_size, arch.total_stride
    least = strides if arch.patched else math.ceil(strides / 2)
    if min(size) < least:
        why = (
            f"the {strides} that the strides multiply to, as patches aren't padded"
            if arch.patched
            else f"half of the {strides} that the strides multiply to: below that the last map covers more "
            "padding than image"
        )
        got = "x".join(str(side) for side in dict.fromkeys(size))
        raise ValueError(f"`{name}` must be at least {least} px a side, {why}, got {got}")


def without_drop_path(arch: Arch) -> Arch:
    """The network with nothing that drops whole blocks; a user's own code keeps what it has."""
    return arch if isinstance(arch, CodeSpec) else replace(arch, drop_path=0.0)


def with_exponents(base: _Arch, texts: Sequence[str]) -> _Arch:
    """The network, with how strongly depth and width work on each of its stages.

    Args:
        base: the network.
        texts: ``depth=0,1,1,2`` or ``width=...``, an exponent for each row of the network's table: the row is
            scaled by the multiplier to that power, 0 leaves it as it is.

    Raises:
        ValueError: if a text is none such, or has another number of exponents than there are rows.
    """
    if texts and isinstance(base, CodeSpec):
        raise ValueError(
            f"`stages` must be left out for code of your own, which scales itself, got {texts[0]!r}"
        )
    if isinstance(base, CodeSpec):
        return base
    for place, text in enumerate(texts):
        name, equals, values = text.replace(" ", "").partition("=")
        if not equals or name not in EXPONENTS:
            raise ValueError(
                f"`stages` must be depth= or width= with an exponent for each stage, got {text!r}"
            )
        if any(other.replace(" ", "").startswith(f"{name}=") for other in texts[:place]):
            raise ValueError(f"`stages` must say {name} once, got {text!r} too")
        exponents = values.split(",")
        if len(exponents) != len(base.stages):
            raise ValueError(
                f"`stages` must have {len(base.stages)} exponents for {name}, one for each stage of "
                f"{base.name}, got {len(exponents)}: {values}"
            )
        powers = [_exponent(name, number, value) for number, value in enumerate(exponents, start=1)]
        if not any(powers):
            raise ValueError(
                f"`stages` must leave {name} a stage to work on, got {text!r}: one of its numbers "
                "at least has to be above 0"
            )
        rows = zip(base.stages, powers, strict=True)
        base = replace(base, stages=tuple(_with_exponent(row, name, power) for row, power in rows))
    return base


def _exponent(name: str, number: int, value: str) -> float:
    """The exponent of the stage of that number."""
    try:
        power = float(value)
    except ValueError:
        power = math.nan
    if not 0 <= power <= MOST_EXPONENT:  # nor is nan
        raise ValueError(
            f"`stages` must hold a number from 0 to {MOST_EXPONENT} for each stage, got {value!r} for "
            f"{name} of stage {number}"
        )
    return power


def _with_exponent(row: StageSpec, name: str, power: float) -> StageSpec:
    changes: dict[str, Any] = {f"scaled_{EXPONENTS[name]}": True, f"{name}_exponent": power}
    return replace(row, **changes)
