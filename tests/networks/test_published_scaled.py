from __future__ import annotations

import pytest

from scalesearch.networks.baselines import EFFICIENTNET_B0, published_b0_scaled, published_scaled
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.scaling import Multipliers

ROWS = published_b0_scaled()


def test_the_rows_are_those_of_the_paper_with_their_source():
    assert list(ROWS) == ["none", "depth", "width", "resolution", "compound"]
    compound = ROWS["compound"]
    assert (compound.depth, compound.width, compound.resolution) == (1.4, 1.2, 1.3)
    assert (compound.flops, compound.top1) == (1.8e9, 0.811)
    assert {row.source for row in ROWS.values()} == {"arXiv 1905.11946v5 Table 7"}


@pytest.mark.parametrize("name", list(ROWS))
def test_rebuilt_costs_come_near_the_published_ones(name):
    row = ROWS[name]
    multipliers = Multipliers(depth=row.depth, width=row.width, resolution=row.resolution)
    macs = count(scale(EFFICIENTNET_B0, multipliers, Rounding())).macs
    assert macs == pytest.approx(row.flops, rel=0.2)


def test_the_tables_are_those_of_the_paper():
    rows = published_scaled()
    assert len(rows) == 19
    assert [row.baseline for row in rows[:4]] == ["mobilenet-v1"] * 4
    assert {row.source for row in rows[:14]} == {"arXiv 1905.11946v5 Table 3"}
    assert rows[14:] == tuple(ROWS.values())
    scaled = {(r.depth, r.width, r.resolution) for r in rows if r.scaling == "compound"}
    assert scaled == {(1.4, 1.2, 1.3)}
    assert [(r.scaling, r.flops, r.top1) for r in rows if r.baseline == "resnet-50"] == [
        ("none", 4.1e9, 0.760),
        ("depth", 16.2e9, 0.781),
        ("width", 14.7e9, 0.777),
        ("resolution", 16.4e9, 0.775),
        ("compound", 16.7e9, 0.788),
    ]


def test_a_cost_is_the_printed_one_within_half_of_its_last_digit():
    row = ROWS["depth"]
    assert row.flops_step == 0.1e9
    assert row.prints(1.84e9)
    assert row.prints(1.76e9)
    assert not row.prints(1.86e9)
    assert not row.prints(1.74e9)


def test_the_rows_cannot_be_changed():
    with pytest.raises(TypeError):
        ROWS["none"] = ROWS["depth"]
