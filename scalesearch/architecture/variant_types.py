"""What a variant of a network family is made of: its table, its rounding, its members, notes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scalesearch.architecture.scaled import scale
from scalesearch.architecture.spec import ArchSpec, Rounding
from scalesearch.scaling import Multipliers

__all__ = ["Member", "Note", "Variant", "member_arch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A network of a family: its name, its multipliers, its input's side in pixels, its dropout.

    ``phi`` is the number that the family goes by, None where it goes by names alone.
    """

    name: str
    phi: float | None
    depth: float
    width: float
    resolution: int
    dropout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A difference, or a remark, that is none of the network: what, in the paper, in the variant."""

    what: str
    paper: str
    variant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A system that calls itself EfficientNet.

    Attributes:
        name: what options call it.
        title: what it is.
        source: where it stands.
        arch: its network at multiplier 1, named like the variant.
        rounding: how its scaled channels, repeats and pixels become whole.
        members: the networks that it builds when asked for them, the first at multiplier 1.
        meant: the same members as its own table has them, where what it builds is another thing.
        notes: what else there is to say of it.
    """

    name: str
    title: str
    source: str
    arch: ArchSpec
    rounding: Rounding
    members: tuple[Member, ...]
    meant: tuple[Member, ...] = ()
    notes: tuple[Note, ...] = ()


def member_arch(variant: Variant, member: Member) -> ArchSpec:
    """The network of a member, named after both."""
    spec = scale(
        variant.arch,
        Multipliers(depth=member.depth, width=member.width),
        variant.rounding,
        resolution=member.resolution,
    )
    return replace(spec, name=f"{variant.name}-{member.name}", dropout=member.dropout)
