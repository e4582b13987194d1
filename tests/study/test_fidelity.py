from __future__ import annotations

from dataclasses import replace

import pytest

from scalesearch.commands.fidelity.run import length_settings, plan_length, spread
from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.study.settings import LengthSettings
from scalesearch.training.dataset import DataSize

SIZE = DataSize(classes=18, train_images=1000)
RUN = GridSettings(step=0.25, tolerance=0.3, max_networks=0, images=320, seeds=3, rungs=("6:0.5", "2:1"))


def test_a_length_is_a_multiple_in_whole_batches_and_nothing_else_changes() -> None:
    longer = length_settings(RUN, 1.27, seeds=2, jobs=4, threads=1)
    assert longer.images == 416  # 406.4 in batches of 32
    assert (longer.seeds, longer.jobs, longer.latency, longer.multiple) == (2, 4, False, 1.27)
    same = {name: value for name, value in longer.to_dict().items() if name in RUN.to_dict()}
    changed = {name for name, value in same.items() if RUN.to_dict()[name] != value}
    assert changed == {"images", "seeds", "jobs", "latency"}


def test_epochs_are_multiplied_as_they_are_and_the_recipes_own_length_counts() -> None:
    epochs = replace(RUN, images=None, epochs=3.0)
    longer = length_settings(epochs, 0.5, seeds=1, jobs=1, threads=1)
    assert (longer.images, longer.epochs) == (None, 1.5)
    recipes = replace(RUN, images=None)
    assert length_settings(recipes, 2, seeds=1, jobs=1, threads=1).images == 8000


def test_less_than_a_batch_is_refused() -> None:
    with pytest.raises(
        ValueError,
        match=r"^`lengths` must leave at least one batch of 32 of the run's 320 images, got 0\.01$",
    ):
        length_settings(RUN, 0.01, seeds=1, jobs=1, threads=1)
    with pytest.raises(ValueError, match=r"^`lengths` must be > 0, got 0$"):
        LengthSettings(multiple=0)


def test_another_database_is_not_shared_with_other_runs_lengths() -> None:
    elsewhere = replace(RUN, storage="postgresql://me:***@host/x")
    assert length_settings(elsewhere, 2, seeds=1, jobs=1, threads=1).storage == ""


def test_the_networks_span_the_run() -> None:
    chosen = plan_grid(replace(RUN, rungs=()), SIZE).chosen
    some = spread(chosen, 4)
    assert len(some) == len({planned.record.key for planned in some}) == 4
    splits = [p.record.split for p in some if p.record.split]
    # Each dimension has most of the growth in one of them.
    assert {max(range(3), key=split.__getitem__) for split in splits} == {0, 1, 2}
    assert len(spread(chosen, 99)) == len(chosen)


def test_a_length_trains_the_same_networks_afresh_and_in_full() -> None:
    chosen = plan_grid(RUN, SIZE).chosen
    trained = [replace(p, record=replace(p.record, status="completed", reason="x")) for p in chosen]
    settings = length_settings(RUN, 2, seeds=2, jobs=1, threads=1)
    plan = plan_length(settings, trained, 18, 1000)
    assert [p.arch for p in plan.chosen] == [p.arch for p in chosen]
    assert {(p.record.status, p.record.reason) for p in plan.chosen} == {("waiting", "")}
    assert [(r.images, r.networks, r.seeds) for r in plan.rungs] == [(640, len(chosen), 2)]
    assert plan.order == tuple(p.record.key for p in chosen)
