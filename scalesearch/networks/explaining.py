"""Why numbers of one network disagree: rounding, conventions, variants."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from math import prod
from typing import Any, NamedTuple

from scalesearch.networks.baselines import EFFICIENTNET_B0, Member, Variant
from scalesearch.networks.cost import ACTIVATION_NAMES, count, layer_cost, rows
from scalesearch.networks.layers import Block, Conv, Layer, Pool, Size, lower
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import MOST, Arch, ArchSpec, CodeSpec, Cost, Rounding, StageSpec
from scalesearch.scaling import Coefficients, Multipliers, implied_phi

# ----------------------------------------------------------------------------------------------------
# In what a variant differs from the paper's EfficientNet, and what each difference alone does to the cost.
#
# Nothing here knows any variant: the fields of two tables and of two roundings are compared, so a
# difference that a table holds can't be left out, nor one be told that it doesn't hold.

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


# ----------------------------------------------------------------------------------------------------
# What a network would cost with blocks, channels and pixels that aren't whole.

# A probe's repeats: the first block of a stage, and one for all the others, which are alike.
FIRST_AND_REST = 2


class ExactCosts:
    """Multiply-adds of each row with any of its numbers exact or rounded.

    Channels that aren't whole are had by enlarging: a network with ``enlarged`` times the channels
    everywhere, inputs and classes too, costs that much, or its square, times as much in each layer. So the
    lowered layers alone say what a layer costs, here too, to about one part in ten thousand.
    """

    def __init__(self, base: ArchSpec, arch: ArchSpec, multipliers: Multipliers) -> None:
        wide = max(multipliers.width, 1.0)
        self.enlarged = max(1, int(MOST / (wide * _most_channels(base)) / 2))
        self.zoom = multipliers.resolution**2
        """Times as many pixels in each map as the baseline has, by the rule."""
        self.base = _probe(base, 1)
        self.repeats_exact = {
            f"stage{number}": stage.repeats * stage.depth_multiplier(multipliers.depth)
            for number, stage in enumerate(base.stages, start=1)
        }
        self.repeats_built = {
            f"stage{number}": float(stage.repeats) for number, stage in enumerate(arch.stages, start=1)
        }
        free = Rounding(channel_divisor=1, min_kept_fraction=0.0)
        widened = scale(_probe(base, self.enlarged), Multipliers(width=multipliers.width), free)
        self.exact = replace(widened, resolution=arch.resolution, resolution_width=arch.resolution_width)
        self.built = _probe(arch, self.enlarged)

    def rows(self, *, zoom: float | None, repeats: bool = False, channels: bool = False) -> dict[str, float]:
        """Multiply-adds of each row.

        Args:
            zoom: times as many pixels in each map as the baseline has; None for the maps as built.
            repeats: whether they are rounded.
            channels: whether they are rounded.
        """
        found: dict[str, list[float]] = {}
        before = {block.name: block for block in lower(self.base)}
        entry = 0.0
        for block in lower(self.built if channels else self.exact):
            macs = self._block(before.get(block.name, block), block, zoom) + entry
            # What leads into a stage goes with its first block.
            entry = macs if block.name.endswith("_entry") else 0.0
            if not entry:
                found.setdefault(block.row, []).append(macs)
        times = self.repeats_built if repeats else self.repeats_exact
        return {name: _stage(macs, times.get(name, 1.0)) for name, macs in found.items()}

    def _block(self, before: Block, block: Block, zoom: float | None) -> float:
        pairs: list[tuple[Layer, Layer]] = list(zip(before.layers, block.layers, strict=True))
        if block.shortcut is not None:
            # It gives the map that the last layer gives, whether the baseline's block has one or not.
            pairs.append((before.shortcut or before.layers[-1], block.shortcut))
        pooled = next((i for i, layer in enumerate(block.layers) if isinstance(layer, Pool)), len(pairs))
        # What comes after the pool reads a single pixel, whatever the input's size.
        return math.fsum(self._layer(*pair, zoom if i < pooled else None) for i, pair in enumerate(pairs))

    def _layer(self, before: Layer, layer: Layer, zoom: float | None) -> float:
        macs = layer_cost(layer).macs
        # Channels that go their own way, or in groups of a width, read no more of them in a wider network.
        alone = (
            isinstance(layer, Conv)
            and isinstance(before, Conv)
            and layer.groups > 1
            and layer.group_width == before.group_width
        )
        cost = macs / (self.enlarged if alone else self.enlarged**2)
        if zoom is not None and isinstance(layer, Conv) and isinstance(before, Conv):
            cost *= zoom * prod(before.out_size) / prod(layer.out_size)
        return cost


def _stage(macs: Sequence[float], repeats: float) -> float:
    """Of ``repeats`` blocks, of which the first reads other channels than the others, and a larger map."""
    if len(macs) < FIRST_AND_REST:
        return macs[0]
    return macs[0] * min(1.0, repeats) + macs[1] * max(0.0, repeats - 1.0)


def _most_channels(arch: ArchSpec) -> int:
    return max(
        *(arch.stem_channels, arch.head_channels, arch.features, arch.in_channels, arch.classes),
        *(max(stage.channels, stage.squeezed) for stage in arch.stages),
    )


def _probe(arch: ArchSpec, times: int) -> ArchSpec:
    """``arch`` with ``times`` the channels everywhere, and two blocks in each stage."""
    return replace(
        arch,
        in_channels=arch.in_channels * times,
        stem_channels=arch.stem_channels * times,
        head_channels=arch.head_channels * times,
        features=arch.features * times,
        classes=arch.classes * times,
        stages=tuple(
            replace(
                stage,
                repeats=FIRST_AND_REST,
                channels=stage.channels * times,
                squeezed=stage.squeezed * times,
                squeeze_multiple=stage.squeeze_multiple * times if stage.squeeze_multiple > 1 else 1,
            )
            for stage in arch.stages
        ),
    )


# ----------------------------------------------------------------------------------------------------
# Where a scaled network's cost comes from: what the rule asked of each row, what whole numbers made of it.
#
# The rule (arXiv 1905.11946, equation 3) promises ``d * w**2 * r**2`` times the cost. A network that could
# have 3.6 blocks, 33.6 channels and maps of 47.5 pixels would cost nearly that: nearly, as not every layer
# grows so. Each rounding then adds its own.


@dataclass(frozen=True, slots=True, kw_only=True)
class RowNote:
    """What the rule asked of one row of the table (``_exact``) and what was built.

    Attributes:
        name: ``stem``, ``stage1`` and so on, ``head``.
        depth_power: the power to which the depth multiplier works on the row's blocks; 0 where it does not.
        width_power: the same of the width multiplier and the row's channels.
        repeats_base: blocks of the baseline's row; 1 for stem and head.
        repeats_exact: blocks by the rule.
        repeats: blocks as built.
        channels_base: the baseline's channels.
        channels_exact: channels by the rule; the baseline's where width leaves them alone.
        channels: channels as built.
        stepped_up: whether they are a step above the nearest multiple, which would keep too few.
        map_exact: (height, width) in pixels of the map it gives, by the rule.
        map: the same as built.
        macs: multiply-adds as built.
        macs_exact: multiply-adds of the row that the rule asked for.
        by_repeats: what rounding the repeats, and nothing else, multiplies ``macs_exact`` by.
        by_channels: the same of the channels, those it reads included.
        by_maps: the same of the input and of the maps after each stride.
    """

    name: str
    depth_power: float
    width_power: float
    repeats_base: int
    repeats_exact: float
    repeats: int
    channels_base: int
    channels_exact: float
    channels: int
    stepped_up: bool
    map_exact: tuple[float, float]
    map: Size
    macs: int
    macs_exact: float
    by_repeats: float
    by_channels: float
    by_maps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One reason why the realised ratio is not the nominal one, and what it multiplies the cost by."""

    name: str
    says: str
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A network as scaled from a baseline.

    ``rows`` and ``parts`` are empty for a user's own code, whose insides nobody knows. The factors of the
    parts multiply to the realised ratio over the nominal one.
    """

    base: Arch
    arch: Arch
    multipliers: Multipliers
    coefficients: Coefficients
    rows: tuple[RowNote, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def implied_phis(self) -> Mapping[str, float | None]:
        """The phi that each dimension's multiplier implies by the coefficients; None where none does."""
        pairs = {
            "depth": (self.multipliers.depth, self.coefficients.alpha),
            "width": (self.multipliers.width, self.coefficients.beta),
            "resolution": (self.multipliers.resolution, self.coefficients.gamma),
        }
        return {name: implied_phi(*pair) for name, pair in pairs.items()}

    @property
    def by_stage(self) -> bool:
        """Whether depth or width works more strongly on some stages than on others."""
        return isinstance(self.base, ArchSpec) and any(stage.has_exponents for stage in self.base.stages)

    @property
    def nominal_ratio(self) -> float:
        """What the rule says the baseline's multiply-adds are multiplied by."""
        return self.multipliers.nominal_ratio

    @property
    def realised_ratio(self) -> float:
        """What they really are."""
        return count(self.arch).macs / count(self.base).macs


def explain(
    base: Arch,
    multipliers: Multipliers,
    rounding: Rounding,
    coefficients: Coefficients,
    *,
    resolution: int | None = None,
    name: str = "",
) -> Explanation:
    """Why the network that ``multipliers`` make of ``base`` costs what it does.

    Args:
        base: the baseline.
        multipliers: times as deep, wide and sharp.
        rounding: how whole layers, channels and pixels come of it.
        coefficients: by which the multipliers imply a phi.
        resolution: the exact side of a square input in pixels, where it is known.
        name: what the network is called; like its baseline if empty.

    Raises:
        ValueError: if no such network can be built.
    """
    arch = replace(scale(base, multipliers, rounding, resolution=resolution), name=name or base.name)
    whole = Explanation(base=base, arch=arch, multipliers=multipliers, coefficients=coefficients)
    if isinstance(base, CodeSpec) or isinstance(arch, CodeSpec):
        return whole
    costs = ExactCosts(base, arch, multipliers)
    costed = _Costed(
        exact=costs.rows(zoom=costs.zoom),
        repeats=costs.rows(zoom=costs.zoom, repeats=True),
        channels=costs.rows(zoom=costs.zoom, channels=True),
        input=costs.rows(zoom=prod(arch.input_size) / prod(base.input_size)),
        maps=costs.rows(zoom=None),
    )
    return replace(
        whole,
        rows=_notes(base, arch, multipliers, rounding, costs, costed),
        parts=_parts(base, arch, multipliers, costed),
    )


class _Costed(NamedTuple):
    """Multiply-adds of each row: by the rule, and with one thing rounded."""

    exact: Mapping[str, float]
    repeats: Mapping[str, float]
    channels: Mapping[str, float]
    input: Mapping[str, float]
    maps: Mapping[str, float]


def _notes(
    base: ArchSpec,
    arch: ArchSpec,
    multipliers: Multipliers,
    rounding: Rounding,
    costs: ExactCosts,
    costed: _Costed,
) -> tuple[RowNote, ...]:
    # Without the share that has to be kept, channels go to the nearest multiple whatever it is.
    nearest = scale(base, multipliers, replace(rounding, min_kept_fraction=0.0))
    exact = costed.exact
    stages = {f"stage{number}": stage for number, stage in enumerate(base.stages, start=1)}
    tables = zip(
        rows(base), rows(arch), rows(nearest), rows(costs.exact), _maps(base), _maps(arch), strict=True
    )
    return tuple(
        RowNote(
            name=built.name,
            depth_power=stages[built.name].depth_power if built.name in stages else 0.0,
            width_power=stages[built.name].width_power if built.name in stages else 0.0,
            repeats_base=before.repeats,
            repeats_exact=costs.repeats_exact.get(built.name, 1.0),
            repeats=built.repeats,
            channels_base=before.channels,
            channels_exact=(
                before.channels
                if asked.channels == before.channels * costs.enlarged
                else before.channels * _wider(stages.get(built.name), multipliers.width)
            ),
            channels=built.channels,
            stepped_up=built.channels > unkept.channels,
            map_exact=(size_before[0] * multipliers.resolution, size_before[1] * multipliers.resolution),
            map=size,
            macs=built.macs,
            macs_exact=exact[built.name],
            by_repeats=costed.repeats[built.name] / exact[built.name],
            by_channels=costed.channels[built.name] / exact[built.name],
            by_maps=costed.maps[built.name] / exact[built.name],
        )
        for before, built, unkept, asked, size_before, size in tables
    )


def _wider(stage: StageSpec | None, width: float) -> float:
    """What width multiplies the channels of a stage by, or those of stem or head."""
    return width if stage is None else stage.width_multiplier(width)


def _parts(base: ArchSpec, arch: ArchSpec, multipliers: Multipliers, costed: _Costed) -> tuple[Part, ...]:
    exact, repeats, channels, whole_input, maps = (sum(row.values()) for row in costed)
    before = count(base).macs
    parts = [
        Part(
            name="the rule itself",
            says="not every layer grows as d w^2 r^2: depthwise, squeeze-and-excite, stem, classifier, what "
            "the table holds fixed",
            factor=exact / before / multipliers.nominal_ratio,
        ),
        Part(name="repeats", says="whole blocks in each stage", factor=repeats / exact),
        Part(name="channels", says="whole multiples in each row", factor=channels / exact),
        Part(name="input", says="whole pixels of the input", factor=whole_input / exact),
        Part(
            name="feature maps",
            says="a stride rounds an odd map up",
            factor=maps / whole_input,
        ),
    ]
    realised = count(arch).macs / before / multipliers.nominal_ratio
    rest = realised / math.prod(part.factor for part in parts)
    return (*parts, Part(name="together", says="the roundings act on each other", factor=rest))


def _maps(arch: ArchSpec) -> list[Size]:
    """The map that each row gives: the head the one it pools."""
    found: dict[str, Size] = {}
    for block in lower(arch):
        for layer in block.layers:
            size = getattr(layer, "out_size", None) or getattr(layer, "size", None)
            if size is not None:
                found[block.row] = size
    return list(found.values())
