"""In what a variant differs from the paper's EfficientNet, and what each difference alone does to the cost.

Nothing here knows any variant: the fields of two tables and of two roundings are compared, so a difference
that a table holds can't be left out, nor one be told that it doesn't hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import Any

from scalesearch.architecture.baselines import EFFICIENTNET_B0
from scalesearch.architecture.cost import count
from scalesearch.architecture.cost_values import Cost
from scalesearch.architecture.rows import ACTIVATION_NAMES
from scalesearch.architecture.scaled import scale
from scalesearch.architecture.spec import ArchSpec, Rounding, StageSpec
from scalesearch.architecture.variant_types import Member, Variant
from scalesearch.scaling import Multipliers

__all__ = ["ALTOGETHER", "FEATURES", "Difference", "differences"]

ALTOGETHER = "all of these"
"""What the row is called that holds the whole variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that a variant does otherwise.

    ``params_ratio`` and ``macs_ratio`` say what it alone does to the paper's network: 1 is nothing. They are
    None where it is no part of a network.
    """

    what: str
    paper: str
    variant: str
    params_ratio: float | None = None
    macs_ratio: float | None = None


ROUNDED_ALIKE = Difference(what="rounding of channels and repeats", paper="the paper's", variant="the same")
"""What is said of a variant that differs in its network alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """Fields that are one thing to a reader: what it is called, which they are, how to say their values.

    ``arch``, ``stage`` and ``rounding`` name fields of ArchSpec, StageSpec and Rounding; ``says`` is given a
    value of the one of these that has fields here. Of stages those are said together that are alike.
    """

    what: str
    says: Callable[[Any], str]
    arch: tuple[str, ...] = ()
    stage: tuple[str, ...] = ()
    rounding: tuple[str, ...] = ()

    def taken(self, arch: ArchSpec, rounding: Rounding, other: Variant) -> tuple[ArchSpec, Rounding]:
        """``arch`` and ``rounding`` with these fields as the variant has them."""
        stages = tuple(
            replace(stage, **_values(theirs, self.stage))
            for stage, theirs in zip(arch.stages, other.arch.stages, strict=True)
        )
        return (
            replace(arch, stages=stages, **_values(other.arch, self.arch)),
            replace(rounding, **_values(other.rounding, self.rounding)),
        )

    def said(self, arch: ArchSpec, rounding: Rounding) -> str:
        """The values of these fields."""
        if self.rounding:
            return self.says(rounding)
        return _of_stages(map(self.says, arch.stages)) if self.stage else self.says(arch)


def _values(owner: object, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(owner, name) for name in names}


def _of_stages(texts: Iterable[str]) -> str:
    """What each stage has, those in a row that have the same together; a stage with nothing to say aside."""
    found: list[tuple[str, str]] = []
    for text, group in groupby(enumerate(texts, start=1), key=lambda item: item[1]):
        numbers = [number for number, _ in group]
        span = f"stage {numbers[0]}" if len(numbers) == 1 else f"stages {numbers[0]} to {numbers[-1]}"
        found.append((text, span))
    told = [(text, span) for text, span in found if text]
    if len({text for text, _ in told}) == 1:
        return told[0][0]
    return "; ".join(f"{span}: {text}" for text, span in told)


def _share(ratio: float) -> str:
    exact = Fraction(ratio).limit_denominator(100)
    return str(exact) if abs(float(exact) - ratio) < 1e-9 else f"{ratio:g}"


def _expansion(stage: StageSpec) -> str:
    if stage.expand_ratio == 1 and not stage.expand_always:
        return ""
    return f"{stage.expand_kernel_size}x{stage.expand_kernel_size}"


def _squeezed(stage: StageSpec) -> str:
    if stage.squeezed:
        return str(stage.squeezed)
    if stage.squeeze_ratio == 0:
        return "none"
    of = "the block's input" if stage.squeeze_of == "input" else "the expanded channels"
    whole = f", to a multiple of {stage.squeeze_multiple}" if stage.squeeze_multiple > 1 else ""
    return f"{_share(stage.squeeze_ratio)} of {of}{whole}"


def _drop_path(arch: ArchSpec) -> str:
    if arch.drop_path == 0:
        return "none"
    if arch.drop_path_rule == "constant":
        return f"survival {1 - arch.drop_path:g} in every block"
    return f"survival from 1 falling to {1 - arch.drop_path:g}"


_BIAS = {
    "none": "in none",
    "activated": "in those that an activation follows",
    "all": "in all",
}
_WIDTH = {
    "scaled": "times the width, rounded like the stages",
    "grown": "times a width above 1, rounded like the stages",
    "fixed": "fixed",
    "floor": "times the width, rounded down to a whole number",
    "ceil": "times the width, rounded up to a whole number",
}


def _channels(rounding: Rounding) -> str:
    divisor = rounding.channel_divisor
    if rounding.channels_rule == "nearest":
        kept = f", at least {rounding.min_kept_fraction:.0%} of them" if rounding.min_kept_fraction else ""
        return f"to the nearest multiple of {divisor}{kept}"
    way = "up" if rounding.channels_rule == "ceil" else "down"
    return f"their whole part {way} to a multiple of {divisor}"


def _pixels(arch: ArchSpec) -> str:
    height, width = arch.input_size
    return f"{height} x {width} px, {arch.in_channels} channels, {arch.classes} classes"


FEATURES: Sequence[Feature] = (
    Feature(
        what="blocks",
        stage=(
            "block",
            "repeats",
            "stride",
            "expand_ratio",
            "channels",
            "groups",
            "group_width",
            "kernel_size",
        ),
        says=lambda stage: (
            f"{stage.repeats} {stage.block}{stage.expand_ratio} of {stage.channels} channels, "
            f"{stage.kernel_size}x{stage.kernel_size}, stride {stage.stride}"
        ),
    ),
    Feature(
        what="depthwise convolution at the start",
        stage=("start_kernel_size",),
        says=lambda stage: (
            f"{stage.start_kernel_size}x{stage.start_kernel_size}" if stage.start_kernel_size else "none"
        ),
    ),
    Feature(what="kernel of the expansion", stage=("expand_kernel_size",), says=_expansion),
    Feature(
        what="expansion where the ratio is 1",
        stage=("expand_always",),
        says=lambda stage: "" if stage.expand_ratio > 1 else "yes" if stage.expand_always else "none",
    ),
    Feature(
        what="channels inside squeeze-and-excite",
        stage=("squeeze_ratio", "squeezed", "squeeze_of", "squeeze_multiple"),
        says=_squeezed,
    ),
    Feature(
        what="layers of squeeze-and-excite",
        arch=("squeeze_form",),
        says=lambda arch: "1x1 convolutions" if arch.squeeze_form == "conv" else "fully connected",
    ),
    Feature(
        what="biases of squeeze-and-excite",
        arch=("squeeze_bias",),
        says=lambda arch: "in both layers" if arch.squeeze_bias else "in the second layer alone",
    ),
    Feature(what="gate of squeeze-and-excite", arch=("gate",), says=lambda arch: str(arch.gate)),
    Feature(
        what="activation",
        arch=("activation", "squeeze_activation"),
        says=lambda arch: " and inside squeeze-and-excite ".join(
            ACTIVATION_NAMES[name] for name in (arch.activation, arch.squeeze_activation) if name
        ),
    ),
    Feature(
        what="activation of a stage",
        stage=("activation",),
        says=lambda stage: ACTIVATION_NAMES[stage.activation] if stage.activation else "",
    ),
    Feature(what="biases of convolutions", arch=("conv_bias",), says=lambda arch: _BIAS[arch.conv_bias]),
    Feature(
        what="sum of a block's input and output",
        stage=("residual",),
        says=lambda stage: "where they are alike" if stage.residual else "none",
    ),
    Feature(what="stochastic depth", arch=("drop_path", "drop_path_rule"), says=_drop_path),
    Feature(what="norm", arch=("norm",), says=lambda arch: f"{arch.norm} norm"),
    Feature(
        what="norm after the pool",
        arch=("pooled_norm",),
        says=lambda arch: "yes" if arch.pooled_norm else "none",
    ),
    Feature(
        what="factor of a block's channels",
        arch=("layer_scale",),
        says=lambda arch: f"from {arch.layer_scale:g} on" if arch.layer_scale else "none",
    ),
    Feature(
        what="activation of the stem",
        arch=("stem_activated",),
        says=lambda arch: "yes" if arch.stem_activated else "none",
    ),
    Feature(what="dropout", arch=("dropout",), says=lambda arch: f"{arch.dropout:g}"),
    Feature(
        what="batch norm",
        arch=("norm_eps", "norm_momentum"),
        says=lambda arch: f"epsilon {arch.norm_eps:g}, momentum {1 - arch.norm_momentum:g}",
    ),
    Feature(
        what="input and output",
        arch=("resolution", "resolution_width", "in_channels", "classes"),
        says=_pixels,
    ),
    Feature(
        what="stem",
        arch=("stem_channels", "stem_kernel_size", "stem_stride", "stem_pool"),
        says=lambda arch: (
            f"{arch.stem_channels} channels, {arch.stem_kernel_size}x{arch.stem_kernel_size}, "
            f"stride {arch.stem_stride}{', max pool' if arch.stem_pool else ''}"
        ),
    ),
    Feature(what="head", arch=("head_channels",), says=lambda arch: f"{arch.head_channels or 'no'} channels"),
    Feature(
        what="between pool and classifier",
        arch=("features", "features_norm"),
        says=lambda arch: (
            f"{arch.features} channels, {'batch norm' if arch.features_norm else 'a bias'}"
            if arch.features
            else "nothing"
        ),
    ),
    Feature(
        what="between pool and classifier, scaled",
        arch=("features_width",),
        says=lambda arch: _WIDTH[arch.features_width],
    ),
    Feature(what="stem, scaled", arch=("stem_width",), says=lambda arch: _WIDTH[arch.stem_width]),
    Feature(what="head, scaled", arch=("head_width",), says=lambda arch: _WIDTH[arch.head_width]),
    Feature(
        what="stages, scaled",
        stage=("scaled_repeats", "scaled_channels"),
        says=lambda stage: {
            (True, True): "repeats and channels",
            (False, True): "channels alone",
            (True, False): "repeats alone",
            (False, False): "neither",
        }[stage.scaled_repeats, stage.scaled_channels],
    ),
    Feature(
        what="how strongly depth and width work on a stage",
        stage=("depth_exponent", "width_exponent"),
        says=lambda stage: f"to the powers {stage.depth_exponent:g} and {stage.width_exponent:g}",
    ),
    Feature(
        what="rows of one stage",
        stage=("joined",),
        says=lambda stage: "with the row above" if stage.joined else "",
    ),
    Feature(
        what="scaled channels",
        rounding=("channels_rule", "channel_divisor", "min_kept_fraction"),
        says=_channels,
    ),
    Feature(
        what="scaled repeats",
        rounding=("repeats_rule",),
        says=lambda rounding: {"ceil": "rounded up", "floor": "rounded down", "round": "to the nearest"}[
            rounding.repeats_rule
        ],
    ),
    Feature(
        what="scaled resolution",
        rounding=("resolution_multiple",),
        says=lambda rounding: f"to a multiple of {rounding.resolution_multiple} px",
    ),
)
"""Every field that a network and its rounding have, but for the name, in one feature each."""


def differences(variant: Variant, member: Member | None = None) -> tuple[Difference, ...]:
    """What ``variant`` does otherwise: its network and rounding, all of that together, then its notes.

    Of a rounding that is the paper's a row says so.

    Args:
        variant: the system.
        member: the size at which the ratios are taken: the paper's network scaled by the member's depth and
            width to its pixels, each difference alone made to it. B0 if None, where what only tells in
            scaling has ratios of 1.
    """
    paper, official = EFFICIENTNET_B0, Rounding()
    base = _cost(paper, official, member)
    rows = []
    for feature in FEATURES:
        here, there = feature.said(paper, official), feature.said(variant.arch, variant.rounding)
        changed = feature.taken(paper, official, variant)
        if changed != (paper, official):
            rows.append(_row(feature.what, here, there, _cost(*changed, member), base))
    if rows:
        own = _cost(variant.arch, variant.rounding, member)
        rows.append(_row(ALTOGETHER, "", "", own, base))
        if variant.rounding == official:
            rows.append(ROUNDED_ALIKE)  # what is not said would be taken for unknown
    notes = (Difference(what=note.what, paper=note.paper, variant=note.variant) for note in variant.notes)
    return (*rows, *notes)


def _cost(arch: ArchSpec, rounding: Rounding, member: Member | None) -> Cost:
    if member is None:
        return count(arch)
    multipliers = Multipliers(depth=member.depth, width=member.width)
    return count(scale(arch, multipliers, rounding, resolution=member.resolution))


def _row(what: str, paper: str, variant: str, cost: Cost, base: Cost) -> Difference:
    return Difference(
        what=what,
        paper=paper,
        variant=variant,
        params_ratio=cost.params / base.params,
        macs_ratio=cost.macs / base.macs,
    )
