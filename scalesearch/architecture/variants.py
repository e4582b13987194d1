"""EfficientNet as others wrote it down: networks that pass for the paper's, with what each changed.

Each is data over the same builder: a table, the rounding that goes with it, and the members that it names. So
anyone can build, count, train and compare them, under their names, wherever a baseline is asked for.
``variant_differences`` says in what they differ from the paper's, and what that costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from scalesearch.architecture.baselines import EFFICIENTNET_B0
from scalesearch.architecture.published import PAPER_COEFFICIENTS, published_family
from scalesearch.architecture.spec import Rounding, StageSpec
from scalesearch.architecture.variant_types import Member, Note, Variant

__all__ = ["VARIANTS", "rounding_of"]


def _published(*names: str, swapped: bool = False) -> tuple[Member, ...]:
    """Published rows as members, depth in width's place and the other way round where ``swapped``."""
    return tuple(
        Member(
            name=name,
            phi=None,
            depth=row.width if swapped else row.depth,
            width=row.depth if swapped else row.width,
            resolution=row.resolution,
            dropout=row.dropout,
        )
        for name in names
        for row in (published_family()[name],)
    )


def _by_the_rule(name: str, phi: float, resolution: int, dropout: float) -> Member:
    """A member whose depth and width are the paper's alpha and beta to the power of phi."""
    at = PAPER_COEFFICIENTS.at(phi)
    return Member(name=name, phi=phi, depth=at.depth, width=at.width, resolution=resolution, dropout=dropout)


def _expanding_3x3(stages: tuple[StageSpec, ...], **changes: Any) -> tuple[StageSpec, ...]:
    """Rows whose expansion, where they have one, is a 3x3 convolution."""
    return tuple(
        replace(stage, expand_kernel_size=3 if stage.expand_ratio != 1 else 1, **changes) for stage in stages
    )


_OFFICIAL = ("b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7")
# What torch's batch norm does unless told.
_TORCH_NORM: Mapping[str, Any] = MappingProxyType({"norm_eps": 1e-5, "norm_momentum": 0.1})

_NOTEBOOK_PYTORCH = Variant(
    name="notebook-pytorch",
    title="a PyTorch notebook, written from the paper",
    source="the notebook 'Efficient Net from scratch'",
    arch=replace(
        EFFICIENTNET_B0,
        name="notebook-pytorch",
        stages=_expanding_3x3(EFFICIENTNET_B0.stages),
        stem_width="floor",
        head_width="ceil",
        drop_path_rule="constant",
        **_TORCH_NORM,
    ),
    rounding=Rounding(channel_divisor=4, channels_rule="ceil"),
    members=(
        _by_the_rule("b0", 0, 224, 0.2),
        _by_the_rule("b1", 0.5, 240, 0.2),
        _by_the_rule("b2", 1, 260, 0.3),
        _by_the_rule("b3", 2, 300, 0.3),
        _by_the_rule("b4", 3, 380, 0.4),
        _by_the_rule("b5", 4, 456, 0.4),
        _by_the_rule("b6", 5, 528, 0.5),
        _by_the_rule("b7", 6, 600, 0.5),
    ),
    notes=(
        Note(
            what="depth and width of B1..B7",
            paper="a table of their own, which no phi gives",
            variant="1.2^phi and 1.1^phi, phi from its table: 0.5 for B1, then 1 to 6",
        ),
        Note(
            what="resolution of B1..B7",
            paper="of the same table",
            variant="the paper's, not 1.15^phi; the network itself takes any",
        ),
    ),
)

_NOTES = Variant(
    name="notes",
    title="notes on the paper, with its table of coefficients up to B8 and L2",
    source="the notes 'EfficientNets', on torch 1.10",
    arch=replace(EFFICIENTNET_B0, name="notes"),
    rounding=Rounding(),
    members=_published(*_OFFICIAL, "b8", "l2"),
    notes=(
        Note(
            what="search of the coefficients",
            paper="alpha, beta, gamma once, at phi = 1, then phi alone",
            variant="both in turn until neither changes: scalesearch alternate",
        ),
        Note(
            what="reward",
            paper="accuracy x (FLOPs / 400M)^-0.07, in the search for B0's own table",
            variant="the same: scalesearch search --objectives reward --reward-target 400000000",
        ),
        Note(what="AutoAugment", paper="in training", variant="the same: --recipe paper"),
        Note(
            what="fine-tuning",
            paper="on eight other data sets, from ImageNet's weights",
            variant="a pretrained network with a new classifier: --pretrained FILE",
        ),
        Note(
            what="B8 and L2",
            paper="not in it: of arXiv 1911.09665 and 1911.04252",
            variant="rows of the same table",
        ),
    ),
)


def _size(member: Member) -> str:
    return f"{member.depth:g} times as deep, {member.width:g} times as wide"


def _notebook_keras(name: str, form: str, **changes: Any) -> Variant:
    """The Keras notebook with one of its two forms of squeeze-and-excite."""
    stages = EFFICIENTNET_B0.stages
    # Of the expanded channels over 24 where 24 divides them, else over 4. It divides them wherever a block
    # expands by 6 and reads a multiple of 4 channels: by the notebook's rounding always. The first block
    # expands by 1.
    first = replace(
        stages[0], expand_always=True, squeeze_of="expanded", scaled_channels=False, scaled_repeats=False
    )
    others = tuple(replace(stage, squeeze_ratio=1 / 24, squeeze_of="expanded") for stage in stages[1:])
    # It calls its rows' numbers phi, which no power is made of: they have none.
    meant, built = (
        tuple(replace(member, dropout=0.0) for member in _published(*_OFFICIAL, swapped=swapped))
        for swapped in (False, True)
    )
    return Variant(
        name=name,
        title=f"a Keras notebook, its squeeze-and-excite of {form}",
        source="the notebook 'EfficientNet: Rethinking Model Scaling', on TensorFlow 2.4",
        arch=replace(
            EFFICIENTNET_B0,
            name=name,
            stages=(first, *others),
            activation="relu6",
            gate="softmax",
            conv_bias="all",
            stem_width="fixed",
            head_width="fixed",
            dropout=0.0,
            drop_path=0.0,
            **changes,
        ),
        rounding=Rounding(),
        members=built,
        meant=meant,
        notes=(
            Note(
                what="depth and width of B1..B7",
                paper=f"B4: {_size(meant[4])}",
                variant=f"its table holds (width, depth), and is handed over as (depth, width): B4 is built "
                f"{_size(built[4])}",
            ),
            Note(what="output", paper="logits", variant="their softmax, by its default; logits here"),
        ),
    )


_BLOG = Variant(
    name="blog",
    title="a blog's PyTorch implementation, never run there on CIFAR-10",
    source="boosungkim.com/blog/2023/efficientnet-implementation and the code that it speaks of, "
    "github.com/boosungkim/milestone-cnn-model-implementations, models/efficientnet.py",
    arch=replace(
        EFFICIENTNET_B0,
        name="blog",
        # Its channels over a quarter of the input's: 4 times the expansion ratio, whatever they are.
        stages=tuple(
            replace(stage, residual=False, squeezed=4 * int(stage.expand_ratio))
            for stage in _expanding_3x3(EFFICIENTNET_B0.stages)
        ),
        stem_width="floor",
        head_width="floor",
        conv_bias="activated",
        squeeze_form="dense",
        squeeze_bias=False,
        drop_path=0.5,
        drop_path_rule="constant",
        **_TORCH_NORM,
    ),
    rounding=Rounding(channel_divisor=4, channels_rule="floor", repeats_rule="floor"),
    members=tuple(_by_the_rule(f"b{phi}", phi, 224, 0.2) for phi in range(8)),
    notes=(
        Note(
            what="members",
            paper="B0 to B7",
            variant="phi 0 alone; its formulas make the others, all at 224 px: gamma is named, never used",
        ),
        Note(
            what="training",
            paper="on ImageNet",
            variant="never run: scalesearch scale --train --baseline blog --dataset cifar10",
        ),
    ),
)

VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        variant.name: variant
        for variant in (
            _NOTEBOOK_PYTORCH,
            _NOTES,
            _notebook_keras("notebook-keras", "1x1 convolutions"),
            _notebook_keras("notebook-keras-dense", "fully connected layers", squeeze_form="dense"),
            _BLOG,
        )
    }
)
"""Every variant by its name."""


def rounding_of(name: str, given: Mapping[str, Any]) -> Rounding:
    """How a network of that name is rounded: a variant as it was written, any other by the official rules.

    Args:
        name: of the network.
        given: the rules that were asked for, by the names of ``Rounding``'s fields; they go before its own.

    Raises:
        ValueError: if one of them is out of range or unknown.
    """
    return replace(VARIANTS[name].rounding if name in VARIANTS else Rounding(), **given)
