from __future__ import annotations

import pytest

from scalesearch.architecture.baselines import EFFICIENTNET_B0
from scalesearch.architecture.cost import count
from scalesearch.architecture.published import published_b0_scaled
from scalesearch.architecture.spec import Rounding, scale
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


def test_the_rows_cannot_be_changed():
    with pytest.raises(TypeError):
        ROWS["none"] = ROWS["depth"]
