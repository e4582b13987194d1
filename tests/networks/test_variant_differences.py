from __future__ import annotations

from dataclasses import fields, replace

import pytest

from scalesearch.networks.baselines import EFFICIENTNET_B0, VARIANTS, Variant, member_arch
from scalesearch.networks.cost import count
from scalesearch.networks.explaining import ALTOGETHER, FEATURES, Difference, differences
from scalesearch.networks.spec import ArchSpec, Rounding, StageSpec


def rows(variant: Variant, which: int | None = None) -> dict[str, Difference]:
    found = differences(variant, None if which is None else variant.members[which])
    assert len({row.what for row in found}) == len(found)
    return {row.what: row for row in found}


def test_every_field_is_told_by_one_feature() -> None:
    """A field that came without a feature would be a difference that no table shows."""
    told = [name for feature in FEATURES for name in feature.stage]
    assert sorted(told) == sorted(f.name for f in fields(StageSpec))
    told = [name for feature in FEATURES for name in feature.arch]
    assert sorted(told) == sorted(f.name for f in fields(ArchSpec) if f.name not in ("name", "stages"))
    told = [name for feature in FEATURES for name in feature.rounding]
    assert sorted(told) == sorted(f.name for f in fields(Rounding))


@pytest.mark.parametrize("name", VARIANTS)
def test_all_differences_together_are_the_variant(name: str) -> None:
    variant = VARIANTS[name]
    arch, rounding = EFFICIENTNET_B0, Rounding()
    found = rows(variant)
    for feature in FEATURES:
        if feature.what in found:
            assert found[feature.what].paper == feature.said(arch, rounding)
            arch, rounding = feature.taken(arch, rounding, variant)
            assert found[feature.what].variant == feature.said(arch, rounding)
    assert (replace(arch, name=name), rounding) == (variant.arch, variant.rounding)


@pytest.mark.parametrize("name", VARIANTS)
def test_each_says_two_things_that_differ(name: str) -> None:
    for row in differences(VARIANTS[name]):
        assert row.what == ALTOGETHER or (row.paper and row.variant and row.paper != row.variant), row


@pytest.mark.parametrize("name", sorted(set(VARIANTS) - {"notes"}))
@pytest.mark.parametrize("which", [None, 4])
def test_the_last_row_is_the_whole_variant_over_the_paper(name: str, which: int | None) -> None:
    variant = VARIANTS[name]
    member = variant.members[which or 0]
    paper = Variant(
        name="", title="", source="", arch=EFFICIENTNET_B0, rounding=Rounding(), members=variant.members
    )
    own, theirs = count(member_arch(variant, member)), count(member_arch(paper, member))
    row = rows(variant, which)[ALTOGETHER]
    assert row.params_ratio == own.params / theirs.params
    assert row.macs_ratio == own.macs / theirs.macs


def test_the_notes_differ_in_no_number() -> None:
    assert all(row.params_ratio is row.macs_ratio is None for row in differences(VARIANTS["notes"]))
    assert [row.what for row in differences(VARIANTS["notes"])] == [n.what for n in VARIANTS["notes"].notes]


@pytest.mark.parametrize("name", sorted(set(VARIANTS) - {"notes"}))
def test_a_rounding_like_the_papers_is_said_to_be(name: str) -> None:
    alike = rows(VARIANTS[name]).get("rounding of channels and repeats")
    assert (alike is not None) == (VARIANTS[name].rounding == Rounding())
    if alike is not None:
        assert (alike.paper, alike.variant, alike.macs_ratio) == ("the paper's", "the same", None)


def test_what_the_blog_changed_and_what_it_costs() -> None:
    found = rows(VARIANTS["blog"])
    b0 = count(EFFICIENTNET_B0)
    kernel = found["kernel of the expansion"]
    assert (kernel.paper, kernel.variant) == ("1x1", "3x3")
    # Nine times the weights of every expansion: 8 more of each, all stages but the first.
    inputs = (16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192)
    assert kernel.params_ratio == (b0.params + 8 * 6 * sum(n * n for n in inputs)) / b0.params
    inside = found["channels inside squeeze-and-excite"]
    assert (inside.paper, inside.variant) == ("1/4 of the block's input", "stage 1: 4; stages 2 to 7: 24")
    assert inside.params_ratio is not None
    assert inside.params_ratio < 1
    sums = found["sum of a block's input and output"]
    assert (sums.variant, sums.params_ratio, sums.macs_ratio) == ("none", 1, 1)
    assert found["stochastic depth"].variant == "survival 0.5 in every block"
    assert found["batch norm"].variant == "epsilon 1e-05, momentum 0.9"
    assert found["scaled repeats"].variant == "rounded down"
    assert found["training"].macs_ratio is None


def test_rounding_tells_only_where_something_is_scaled() -> None:
    alone, scaled = rows(VARIANTS["blog"]), rows(VARIANTS["blog"], 4)
    for what in ("scaled repeats", "scaled channels", "stem, scaled"):
        assert (alone[what].params_ratio, alone[what].macs_ratio) == (1, 1)
        assert scaled[what].macs_ratio != 1


def test_the_keras_squeeze_is_the_papers_in_other_words() -> None:
    row = rows(VARIANTS["notebook-keras"])["channels inside squeeze-and-excite"]
    assert row.variant == (
        "stage 1: 1/4 of the expanded channels; stages 2 to 7: 1/24 of the expanded channels"
    )
    assert (row.params_ratio, row.macs_ratio) == (1, 1)
