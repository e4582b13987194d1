from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.records import RungRecord
from scalesearch.study.plan import Rung, parse_rungs, planned_rungs


def test_rungs_are_read_as_they_are_written() -> None:
    texts = ("65:0.125", "16:0.5", "5:1")
    rungs = parse_rungs(texts)
    assert rungs == (
        Rung(networks=65, share=0.125),
        Rung(networks=16, share=0.5),
        Rung(networks=5, share=1.0),
    )
    assert [f"{rung.networks}:{rung.share:.6g}" for rung in rungs] == list(texts)
    assert parse_rungs(()) == ()


NO_RUNGS = (
    *("nonsense", "6", "6:x", "x:1", "6:0.5", "6:0.5,6:1", "6:0.5,3:0.5,2:1", "6:0,3:1", "6:-0.5,3:1"),
    *("0:1", "6:2", "3:0.5,6:1", "6:nan,3:1", "6:1,3:1", "6.5:1", ""),
)


@pytest.mark.parametrize("text", NO_RUNGS)
def test_what_are_no_rungs_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_rungs(text.split(","))
    assert str(caught.value) == (
        "`rungs` must be NETWORKS:SHARE steps with fewer networks and a greater share each, the last share 1, "
        f"such as 65:0.125,16:0.5,5:1, or none, got {text!r}"
    )


def test_planned_rungs_are_whole_batches() -> None:
    rungs = parse_rungs(("6:0.25", "3:0.5", "2:1"))
    assert planned_rungs(rungs, networks=6, images=45, batch_size=4, seeds=2) == (
        RungRecord(images=12, networks=6, seeds=1),
        RungRecord(images=24, networks=3, seeds=1),
        RungRecord(images=44, networks=2, seeds=2),
    )
    assert planned_rungs((), networks=6, images=45, batch_size=4, seeds=2) == (
        RungRecord(images=44, networks=6, seeds=2),
    )


def test_a_run_of_few_batches_drops_the_rungs_it_has_no_room_for() -> None:
    rungs = parse_rungs(("6:0.25", "3:0.5", "2:1"))
    two = planned_rungs(rungs, networks=6, images=8, batch_size=4, seeds=2)
    assert two == (RungRecord(images=4, networks=6, seeds=1), RungRecord(images=8, networks=2, seeds=2))
    # Nothing can be compared before the end: everything is trained to it, with every seed.
    assert planned_rungs(rungs, networks=6, images=4, batch_size=4, seeds=2) == (
        RungRecord(images=4, networks=6, seeds=2),
    )


@given(
    rungs=st.sampled_from([("6:0.25", "3:0.5", "2:1"), ("65:0.01", "5:1"), ("9:0.3", "8:0.31", "1:1")]),
    networks=st.integers(1, 80),
    steps=st.integers(1, 200),
    seeds=st.integers(1, 3),
)
def test_planned_rungs_climb_to_the_whole_length(
    rungs: tuple[str, ...], networks: int, steps: int, seeds: int
) -> None:
    planned = planned_rungs(
        parse_rungs(rungs), networks=networks, images=4 * steps, batch_size=4, seeds=seeds
    )
    images = [rung.images for rung in planned]
    assert images == sorted(set(images))
    assert (images[-1], planned[-1].seeds) == (4 * steps, seeds)
    assert all(rung.images % 4 == 0 and rung.networks <= networks for rung in planned)
    assert [rung.networks for rung in planned] == sorted((r.networks for r in planned), reverse=True)
    assert all(rung.seeds == 1 for rung in planned[:-1])


SEARCHES = {
    "networks": st.integers(1, 80),
    "seconds_each": st.floats(0.1, 100),
    "seeds": st.integers(1, 5),
    "seconds_finalist": st.floats(0, 10),
}
