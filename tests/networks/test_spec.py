from __future__ import annotations

import json
import math
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.networks.baselines import (
    BASELINES,
    EFFICIENTNET_B0,
    EFFICIENTNET_LITE0,
    baseline,
    built_in,
)
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import compound, reduce, scale
from scalesearch.networks.spec import (
    ArchSpec,
    BlockKind,
    ChannelsRule,
    RepeatsRule,
    Rounding,
    StageSpec,
    with_exponents,
)
from scalesearch.scaling import Coefficients, Multipliers

multiplier = st.floats(0.1, 4)
multipliers = st.builds(Multipliers, depth=multiplier, width=multiplier, resolution=multiplier)
roundings = st.builds(
    Rounding,
    channel_divisor=st.integers(1, 8),
    min_kept_fraction=st.floats(0, 1),
    repeats_rule=st.sampled_from(get_args(RepeatsRule)),
    resolution_multiple=st.sampled_from([1, 2, 8]),
)

PAPER = Coefficients(alpha=1.2, beta=1.1, gamma=1.15)


def error_of(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(ValueError, match=r"^`") as error:
        call(*args, **kwargs)
    return str(error.value)


# --- rounding


@pytest.mark.parametrize(
    ("base", "width", "channels"),
    [
        (32, 1.4, 48),  # B4's stem: 44.8
        (24, 1.4, 32),  # 33.6 goes down: 32 is over 90% of it
        (1280, 1.1, 1408),  # B2's head
        (16, 1.1, 16),  # B2: 17.6, down
        (40, 1.1, 48),  # B2: 44 lies halfway, and halves go up
        (80, 1.2, 96),  # B3
        (112, 1.4, 160),  # B4: 156.8
        (16, 0.1, 8),  # never under the divisor
        (32, 0.35, 16),  # 11.2: 8 would keep under 90%
        (320, 4.3, 1376),  # L2
    ],
)
def test_channels_of_the_official_rule(base: int, width: float, channels: int) -> None:
    assert Rounding().channels(base, width) == channels


@given(st.integers(1, 2000), st.floats(0.05, 5), roundings)
def test_channels_are_multiples_near_the_exact_number(base: int, width: float, rounding: Rounding) -> None:
    channels = rounding.channels(base, width)
    if width != 1:
        assert channels % rounding.channel_divisor == 0
        assert channels >= rounding.min_kept_fraction * base * width * (1 - 1e-12)
        assert abs(channels - base * width) <= rounding.channel_divisor


@pytest.mark.parametrize("divisor", [1, 3, 8, 64])
def test_width_1_keeps_the_channels_whatever_the_divisor(divisor: int) -> None:
    assert Rounding(channel_divisor=divisor).channels(20, 1.0) == 20


@pytest.mark.parametrize(
    ("rule", "base", "depth", "repeats"),
    [
        ("ceil", 10, 1.1, 11),  # 11.000000000000002 in binary
        ("ceil", 3, 1.4, 5),
        ("ceil", 1, 1.0, 1),
        ("floor", 3, 1.4, 4),
        ("floor", 100, 1.1, 110),
        ("floor", 10, 2.3, 23),
        ("floor", 1, 0.2, 1),
        ("round", 3, 1.5, 5),
        ("round", 1, 1.5, 2),
        ("round", 3, 1.4, 4),
        ("round", 1, 0.2, 1),
    ],
)
def test_repeats(rule: RepeatsRule, base: int, depth: float, repeats: int) -> None:
    assert Rounding(repeats_rule=rule).repeats(base, depth) == repeats


@given(st.integers(1, 50), st.integers(1, 60))
def test_whole_numbers_of_repeats_are_kept_by_every_rule(base: int, wanted: int) -> None:
    for rule in get_args(RepeatsRule):
        assert Rounding(repeats_rule=rule).repeats(base, wanted / base) == wanted


@pytest.mark.parametrize(
    ("multiple", "base", "times", "pixels"),
    [(1, 224, 1.15, 258), (8, 224, 1.15, 256), (32, 224, 1.15, 256), (2, 5, 1, 6), (1, 1, 0.5, 1)],
)
def test_resolution(multiple: int, base: int, times: float, pixels: int) -> None:
    assert Rounding(resolution_multiple=multiple).resolution(base, times) == pixels


@pytest.mark.parametrize(
    ("base", "times", "pixels"), [(70, "1.15", 81), (90, "1.15", 104), (130, "1.05", 137)]
)
def test_a_resolution_half_way_is_rounded_up(base: int, times: str, pixels: int) -> None:
    """In decimals: 70 x 1.15 is 80.5, but 80.49999999999999 in binary."""
    assert Decimal(base) * Decimal(times) == Decimal(pixels) - Decimal("0.5")
    assert Rounding().resolution(base, float(times)) == pixels


def test_resolution_below_one_pixel() -> None:
    assert error_of(Rounding().resolution, 224, 0.002) == (
        "`resolution` must leave at least 1 pixel, got 224 px x 0.002 rounded to a multiple of 1"
    )
    assert error_of(
        scale, EFFICIENTNET_B0, Multipliers(resolution=0.05), Rounding(resolution_multiple=32)
    ) == ("`resolution` must leave at least 1 pixel, got 224 px x 0.05 rounded to a multiple of 32")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"channel_divisor": 0}, "`channel_divisor` must be a whole number from 1 to 1,000,000, got 0"),
        ({"channel_divisor": 8.0}, "`channel_divisor` must be a whole number from 1 to 1,000,000, got 8.0"),
        (
            {"resolution_multiple": True},
            "`resolution_multiple` must be a whole number from 1 to 1,000,000, got True",
        ),
        ({"min_kept_fraction": 1.1}, "`min_kept_fraction` must be from 0 to 1, got 1.1"),
        ({"repeats_rule": "up"}, "`repeats_rule` must be one of ceil, round, floor, got 'up'"),
        ({"channels_rule": "up"}, "`channels_rule` must be one of nearest, ceil, floor, got 'up'"),
    ],
)
def test_bad_rounding(fields: dict[str, Any], message: str) -> None:
    assert error_of(Rounding, **fields) == message


@pytest.mark.parametrize(
    ("rule", "base", "width", "channels"),
    [
        ("ceil", 16, 1.1, 20),  # 17.6: its whole part 17, up
        ("ceil", 24, 1.1, 28),
        ("ceil", 40, 1.1, 44),
        ("ceil", 112, 1.1, 124),  # 123.2: 123, up
        ("ceil", 16, 0.1, 4),
        ("floor", 16, 1.1, 16),
        ("floor", 24, 1.1, 24),
        ("floor", 40, 1.1, 44),
        ("floor", 80, 1.2, 96),
        ("floor", 112, 1.1, 120),
        ("floor", 16, 0.1, 4),  # at least the divisor
        ("floor", 20, 0.7 + 1e-13, 12),
        ("floor", 40, 0.7 - 1e-13, 28),  # 27.999999999996: a hair that binary made
    ],
)
def test_channels_up_or_down(rule: ChannelsRule, base: int, width: float, channels: int) -> None:
    assert Rounding(channel_divisor=4, channels_rule=rule).channels(base, width) == channels


@pytest.mark.parametrize("rule", ["ceil", "floor"])
@given(st.integers(1, 2000), st.floats(0.05, 5), st.integers(1, 8))
def test_channels_up_or_down_are_the_next_multiple(
    rule: ChannelsRule, base: int, width: float, divisor: int
) -> None:
    channels = Rounding(channel_divisor=divisor, channels_rule=rule, min_kept_fraction=1).channels(
        base, width
    )
    if width == 1:
        assert channels == base
        return
    assert channels % divisor == 0
    exact = base * width
    if rule == "floor":
        assert channels <= max(divisor, exact + 1e-6)
        assert channels > exact - divisor - 1e-6
    else:
        assert channels > exact - 1 - 1e-6
        assert channels < max(exact, 1) + divisor + 1e-6


@given(st.integers(8, 200), st.floats(0.05, 3), st.floats(0.05, 3))
def test_a_stem_and_head_to_whole_channels(channels: int, width: float, depth: float) -> None:
    base = replace(
        EFFICIENTNET_B0, stem_channels=channels, head_channels=channels, stem_width="floor", head_width="ceil"
    )
    spec = scale(base, Multipliers(width=width, depth=depth), Rounding())
    assert spec.stem_channels == max(1, math.floor(round(channels * width, 9)))
    assert spec.head_channels == max(1, math.ceil(round(channels * width, 9)))


def test_a_hair_of_binary_makes_no_channel() -> None:
    assert 110 * 1.1 > 121
    head = replace(EFFICIENTNET_B0, head_channels=110, head_width="ceil")
    assert scale(head, Multipliers(width=1.1), Rounding()).head_channels == 121


# --- specs


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"repeats": 0}, "`repeats` must be a whole number from 1 to 1,000, got 0"),
        ({"channels": 1.5}, "`channels` must be a whole number from 1 to 1,000,000, got 1.5"),
        ({"kernel_size": 4}, "`kernel_size` must be odd, got 4"),
        ({"squeeze_ratio": -0.1}, "`squeeze_ratio` must be from 0 to 1, got -0.1"),
        ({"squeeze_ratio": "a"}, "`squeeze_ratio` must be from 0 to 1, got 'a'"),
        (
            {"block": "dense"},
            f"`block` must be one of {', '.join(get_args(BlockKind))}, got 'dense'",
        ),
    ],
)
def test_bad_stage(fields: dict[str, Any], message: str) -> None:
    assert error_of(replace, EFFICIENTNET_B0.stages[0], **fields) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"resolution": 0}, "`resolution` must be a whole number from 1 to 1,000,000, got 0"),
        ({"classes": "10"}, "`classes` must be a whole number from 1 to 1,000,000, got '10'"),
        ({"stages": ()}, "`stages` must hold at least one stage, got none"),
        ({"stem_kernel_size": 4}, "`stem_kernel_size` must be odd, or the stem's stride too, got 4"),
        ({"dropout": 1}, "`dropout` must be from 0 to below 1, got 1"),
        ({"drop_path": math.nan}, "`drop_path` must be from 0 to below 1, got nan"),
        ({"norm_eps": -1e-3}, "`norm_eps` must be from 0 to 1, got -0.001"),
    ],
)
def test_bad_arch(fields: dict[str, Any], message: str) -> None:
    assert error_of(replace, EFFICIENTNET_B0, **fields) == message


def test_key_tells_networks_apart_but_not_names() -> None:
    assert replace(EFFICIENTNET_B0, name="mine").key == EFFICIENTNET_B0.key
    stage = EFFICIENTNET_B0.stages[0]
    others = [
        replace(EFFICIENTNET_B0, resolution=225),
        replace(EFFICIENTNET_B0, dropout=0.3),
        replace(EFFICIENTNET_B0, stages=(replace(stage, kernel_size=5), *EFFICIENTNET_B0.stages[1:])),
    ]
    assert len({EFFICIENTNET_B0.key, *(other.key for other in others)}) == 4


def test_equal_specs_have_equal_keys_however_their_numbers_were_written() -> None:
    whole = replace(EFFICIENTNET_B0, dropout=0, drop_path=0)
    real = replace(EFFICIENTNET_B0, dropout=0.0, drop_path=0.0)
    assert whole == real
    assert whole.key == real.key


@given(multipliers, roundings)
def test_a_spec_survives_json(times: Multipliers, rounding: Rounding) -> None:
    spec = scale(EFFICIENTNET_B0, times, rounding)
    again = ArchSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert again == spec
    assert again.key == spec.key
    assert hash(again) == hash(spec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1, "bias": 2}, "`arch` must hold only known fields, got bias, colour"),
        ({"stages": "none"}, "`stages` must be a list, got 'none'"),
        ({"stages": []}, "`stages` must hold at least one stage, got none"),
        (
            {"stages": [{"colour": 1}]},
            "`stages`: settings must be known ones, got colour",
        ),
        ({"classes": None}, "`classes` must be a whole number, got None"),
    ],
)
def test_from_dict_of_bad_data(change: dict[str, Any], message: str) -> None:
    assert error_of(ArchSpec.from_dict, EFFICIENTNET_B0.to_dict() | change) == message


def test_from_dict_names_a_missing_field() -> None:
    data = EFFICIENTNET_B0.to_dict()
    del data["head_channels"]
    assert error_of(ArchSpec.from_dict, data) == "`head_channels` is missing"


def test_baselines_by_name() -> None:
    assert all(baseline(name) is spec for name, spec in BASELINES.items())
    assert error_of(baseline, "vgg") == f"`baseline` must be one of {', '.join(built_in())}, got 'vgg'"


# --- scaling


@given(multipliers, roundings)
def test_scaling_never_changes_the_base(times: Multipliers, rounding: Rounding) -> None:
    before = deepcopy(EFFICIENTNET_B0)
    scale(EFFICIENTNET_B0, times, rounding)
    assert before == EFFICIENTNET_B0


@given(roundings.filter(lambda r: 224 % r.resolution_multiple == 0))
def test_multipliers_of_1_give_the_base(rounding: Rounding) -> None:
    assert scale(EFFICIENTNET_B0, Multipliers(), rounding) == EFFICIENTNET_B0


@given(
    st.sampled_from(["depth", "width", "resolution"]),
    multiplier,
    multiplier,
    # A divisor that divides the base's channels: width 1 keeps the others, which are off the steps.
    roundings.filter(lambda r: r.channel_divisor in (1, 2, 4, 8)),
)
def test_a_larger_multiplier_never_makes_a_smaller_network(
    dimension: str, a: float, b: float, rounding: Rounding
) -> None:
    low, high = (
        count(scale(EFFICIENTNET_B0, Multipliers(**{dimension: times}), rounding)) for times in sorted((a, b))
    )
    assert low.params <= high.params
    assert low.macs <= high.macs
    assert low.activations <= high.activations


def test_an_exact_resolution_overrides_the_multiplier() -> None:
    assert scale(EFFICIENTNET_B0, Multipliers(resolution=2), Rounding(), resolution=300).resolution == 300
    assert error_of(scale, EFFICIENTNET_B0, Multipliers(), Rounding(), resolution=0) == (
        "`resolution` must be a whole number from 1 to 1,000,000, got 0"
    )


def test_phi_1_of_the_paper() -> None:
    spec = scale(EFFICIENTNET_B0, PAPER.at(1), Rounding())
    assert [stage.repeats for stage in spec.stages] == [2, 3, 3, 4, 4, 5, 2]
    assert [stage.channels for stage in spec.stages] == [16, 24, 48, 88, 120, 208, 352]
    assert (spec.stem_channels, spec.head_channels, spec.resolution, spec.blocks) == (32, 1408, 258, 23)
    assert count(spec).macs / count(EFFICIENTNET_B0).macs == pytest.approx(2.57, abs=0.005)


def test_the_papers_grid_has_109_candidates_but_65_networks() -> None:
    steps = [1 + step / 20 for step in range(21)]
    grid = [
        rule
        for alpha in steps
        for beta in steps[:11]
        for gamma in steps[:11]
        if (rule := Coefficients(alpha=alpha, beta=beta, gamma=gamma)).satisfies(0.1)
    ]
    networks = [scale(EFFICIENTNET_B0, rule.at(1), Rounding()) for rule in grid]
    base = count(EFFICIENTNET_B0).macs
    ratios = [count(network).macs / base for network in networks]
    assert len(grid) == 109
    assert PAPER in grid
    # On the edge of the tolerance: in binary |1.9 - 2| comes out above 0.1.
    assert Coefficients(alpha=1.9, beta=1, gamma=1) in grid
    assert len({network.key for network in networks}) == len(set(networks)) == 65
    assert (round(min(ratios), 2), round(max(ratios), 2)) == (1.93, 3.33)
    assert sum(abs(ratio / 2 - 1) <= 0.1 for ratio in ratios) == 12


def test_a_stage_row_needs_its_five_numbers_only() -> None:
    stage = StageSpec(expand_ratio=6, kernel_size=5, stride=2, channels=40, repeats=2)
    assert stage == EFFICIENTNET_B0.stages[2]


@pytest.mark.parametrize("name", list(BASELINES))
@given(width=st.floats(0.1, 3))
def test_a_reduced_network_is_narrower_in_every_part_and_keeps_its_rules(name: str, width: float) -> None:
    base, rounding = BASELINES[name], Rounding(channel_divisor=2)
    reduced = reduce(base, width, rounding, resolution=48, resolution_width=32)
    assert reduced.stem_channels == rounding.channels(base.stem_channels, width)
    assert reduced.head_channels == (base.head_channels and rounding.channels(base.head_channels, width))
    assert (reduced.stem_width, reduced.head_width) == (base.stem_width, base.head_width)
    assert reduced.input_size == (48, 32)
    assert reduce(base, 1, rounding) == base


def test_what_a_family_holds_fixed_is_held_from_where_it_was_reduced_to() -> None:
    proxy = reduce(BASELINES["efficientnet-lite0"], 0.25, Rounding(channel_divisor=2))
    wider = scale(proxy, Multipliers(width=2), Rounding(channel_divisor=2))
    assert (
        (wider.stem_channels, wider.head_channels) == (proxy.stem_channels, proxy.head_channels) == (8, 320)
    )
    assert wider.stages[0].channels == 2 * proxy.stages[0].channels


# --- stages that depth and width work on more or less strongly


def exponents(*texts: str) -> ArchSpec:
    return with_exponents(EFFICIENTNET_B0, texts)


def test_each_stage_is_scaled_by_the_multiplier_to_its_power() -> None:
    base = exponents("depth=0,1,1,1,1.5,2,1", "width=1,1,0,1,1,1,2")
    arch = scale(base, Multipliers(depth=1.4, width=1.2), Rounding())
    expected = [
        1,
        math.ceil(2 * 1.4),
        math.ceil(2 * 1.4),
        math.ceil(3 * 1.4),
        math.ceil(3 * 1.4**1.5),
        math.ceil(4 * 1.4**2),
        2,
    ]
    assert [stage.repeats for stage in arch.stages] == expected
    channels = [Rounding().channels(stage.channels, 1.2) for stage in EFFICIENTNET_B0.stages]
    channels[2], channels[6] = 40, Rounding().channels(320, 1.44)
    assert [stage.channels for stage in arch.stages] == channels


@given(st.floats(1, 2), st.floats(1, 1.5), st.floats(0, 3))
def test_powers_stay_a_compound_rule(alpha: float, beta: float, phi: float) -> None:
    """alpha^phi to a stage's power is (alpha to that power)^phi: each stage has coefficients of its own."""
    base = exponents("depth=0,1,1,1,1.5,2,1", "width=1,1,0,1,1,1,2")
    arch = compound(base, Coefficients(alpha=alpha, beta=beta, gamma=1.0), phi, Rounding())
    for before, stage in zip(base.stages, arch.stages, strict=True):
        depth = alpha ** (before.depth_exponent if before.scaled_repeats else 0)
        assert stage.repeats == pytest.approx(before.repeats * depth**phi, abs=1 + 1e-6)


def test_powers_of_one_and_of_nought_are_what_they_were() -> None:
    """One network has one key, however it is said."""
    assert exponents("depth=1,1,1,1,1,1,1").key == EFFICIENTNET_B0.key
    lite = with_exponents(EFFICIENTNET_LITE0, ["depth=0,1,1,1,1,1,0"])
    assert lite == EFFICIENTNET_LITE0
    freed = with_exponents(EFFICIENTNET_LITE0, ["depth = 2, 1, 1, 1, 1, 1, 0"])
    assert (freed.stages[0].scaled_repeats, freed.stages[0].depth_exponent) == (True, 2.0)
    again = ArchSpec.from_dict(json.loads(json.dumps(freed.to_dict())))
    assert (again, again.key) == (freed, freed.key)


def test_a_proxy_keeps_the_powers() -> None:
    base = exponents("depth=0,1,1,1,1.5,2,1", "width=1,1,0,1,1,1,2")
    proxy = reduce(base, 0.25, Rounding(channel_divisor=2))
    powers = [(stage.depth_exponent, stage.width_exponent, stage.scaled_repeats) for stage in base.stages]
    assert [(s.depth_exponent, s.width_exponent, s.scaled_repeats) for s in proxy.stages] == powers
    assert proxy.stages[2].channels == 10  # narrower with the rest, and held fixed from there


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["depth=1,2"],
            "`stages` must have 7 exponents for depth, one for each stage of efficientnet-b0, got 2: 1,2",
        ),
        (["depth"], "`stages` must be depth= or width= with an exponent for each stage, got 'depth'"),
        (
            ["resolution=1"],
            "`stages` must be depth= or width= with an exponent for each stage, got 'resolution=1'",
        ),
        (
            ["width=1,1,1,1,1,1,1", "width=1,1,1,1,1,1,2"],
            "`stages` must say width once, got 'width=1,1,1,1,1,1,2' too",
        ),
        (
            ["depth=1,1,1,1,1,1,"],
            "`stages` must hold a number from 0 to 10 for each stage, got '' for depth of stage 7",
        ),
        (
            ["depth=1,1,1,1,1,1,-1"],
            "`stages` must hold a number from 0 to 10 for each stage, got '-1' for depth of stage 7",
        ),
        (
            ["width=nan,1,1,1,1,1,1"],
            "`stages` must hold a number from 0 to 10 for each stage, got 'nan' for width of stage 1",
        ),
    ],
)
def test_bad_powers(texts: list[str], message: str) -> None:
    assert error_of(exponents, *texts) == message


def test_a_row_that_is_not_scaled_has_no_power() -> None:
    row = {"scaled_repeats": False, "depth_exponent": 2}
    assert error_of(replace, EFFICIENTNET_B0.stages[0], **row) == (
        "`depth_exponent` must be 1 where scaled_repeats is false, got 2"
    )
