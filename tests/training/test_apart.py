"""Images that are set apart to confirm an answer: which, how many, and that they judge nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scalesearch.networks.baselines import baseline
from scalesearch.networks.scaled import reduce
from scalesearch.networks.spec import Rounding
from scalesearch.runs.lifecycle import data_size
from scalesearch.training.dataset import (
    FEWEST_APART,
    NARROW_PHOTOGRAPHS,
    PHOTOGRAPHS,
    DataError,
    DataSpec,
)
from scalesearch.training.images import Images, ImageSource, list_folder, load, split, write_tensors
from scalesearch.training.recipe import RECIPES
from scalesearch.workers.worker import TrialSpec, run_trial
from tests.training.test_windows import picture


def counted(labels: list[int], held_out: int, *, apart: bool = True) -> tuple[int, int, int]:
    """How many images train, judge and are set apart; each is on one side, a fifth at most is held out."""
    sides = split(labels, held_out, apart=apart)
    assert sorted(index for side in sides for index in side) == list(range(len(labels)))
    of_class = Counter(labels)
    held = Counter(labels[i] for side in sides[1:] for i in side)
    judged = Counter(labels[i] for i in sides[1])
    assert all(held[label] <= max(1, of_class[label] // 5) for label in of_class)
    assert set(judged) == set(of_class)
    assert split(labels, held_out, apart=apart) == sides
    train, judges, confirming = map(len, sides)
    return train, judges, confirming


@pytest.mark.parametrize(
    ("images", "held_out", "expected"),
    [
        (50_000, 900, (48_200, 900, 900)),  # CIFAR: as many as judge, which are as many as ever
        (6_500, 900, (5_200, 900, 400)),
        (5_000, 900, (4_000, 600, 400)),  # too few beyond those that judge: some of these
        (4_000, 900, (3_200, 400, 400)),
        (3_990, 900, (3_200, 790, 0)),  # neither side would be worth it
        (50_000, 200, (49_400, 200, 400)),  # asked for fewer judges: not for a noisier confirmation
        (20, 900, (16, 4, 0)),
    ],
)
def test_images_are_set_apart_where_both_sides_keep_enough(
    images: int, held_out: int, expected: tuple[int, int, int]
) -> None:
    assert (
        counted([index % 10 for index in range(images)] if images > 20 else [0, 1] * 10, held_out) == expected
    )


def test_those_that_judge_are_the_same_where_there_are_enough_beyond_them() -> None:
    labels = [index % 10 for index in range(50_000)]
    assert split(labels, 900)[1] == split(labels, 900, apart=True)[1]


def test_classes_of_one_held_out_image_judge_with_it() -> None:
    train, judged, apart = counted([0] * 6_000 + [1] * 4_000 + [2] * 7, 900)
    assert (judged, apart) == (601, 600)
    assert train == 10_007 - judged - apart


@pytest.fixture
def photographs() -> ImageSource:
    return load(DataSpec(held_out=900, apart=True))


def covered(images: Images, label: int, shape: tuple[int, int]) -> np.ndarray:
    """Which pixels of a photograph the windows of a class show."""
    seen = np.zeros(shape, dtype=bool)
    for window, of in (images[i] for i in range(len(images))):
        if of == label:
            top, left = divmod(window.storage_offset(), window.stride(1))
            seen[top : top + window.shape[1], left : left + window.shape[2]] = True
    return seen


def test_no_pixel_of_a_photograph_is_seen_by_two_sides(photographs: ImageSource) -> None:
    assert photographs.apart is not None
    for label, name in enumerate(PHOTOGRAPHS):
        window, _ = photographs.train[200 * label]
        width = window.stride(1)
        shape = (window.untyped_storage().nbytes() // 3 // width, width)
        sides = [covered(part, label, shape) for part in (photographs.train, photographs.held_out)]
        apart = covered(photographs.apart, label, shape)
        assert not (sides[0] & sides[1]).any()
        assert not (apart & (sides[0] | sides[1])).any()
        assert apart.any() == (name not in NARROW_PHOTOGRAPHS)


def test_as_many_windows_of_photographs_confirm_as_judge(photographs: ImageSource) -> None:
    assert photographs.apart is not None
    labels = Counter(photographs.apart[i][1] for i in range(len(photographs.apart)))
    assert set(labels.values()) == {56}
    assert len(photographs.apart) == 16 * 56 == data_size(DataSpec(apart=True)).apart
    assert data_size(DataSpec()).apart == 0
    assert len(photographs.held_out) == 900
    plain = load(DataSpec())
    assert plain.apart is None
    # What is trained on is the same with and without.
    assert all(torch.equal(plain.train[i][0], photographs.train[i][0]) for i in range(0, 3600, 90))
    assert plain.digest == photographs.digest


def test_what_confirms_takes_the_place_of_what_judges(photographs: ImageSource) -> None:
    confirming = photographs.to_confirm()
    assert confirming.held_out is photographs.apart
    assert confirming.train is photographs.train
    assert confirming.digest == photographs.digest
    with pytest.raises(DataError, match="must have images set apart to confirm an answer by, got none"):
        confirming.to_confirm()


def files(root: Path, each: int, *, copies: int = 0) -> Path:
    """A folder of two classes of different images, and copies of some of them."""
    for label, name in enumerate(("blue", "red")):
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(each):
            pixels = np.full((8, 8, 3), (index % 256, index // 256, 200 * label), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index:04}.png")
        for index in range(copies):
            (root / name / f"copy-{index}.png").write_bytes((root / name / f"{index:04}.png").read_bytes())
    return root


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten images are enough to be set apart."""
    monkeypatch.setattr("scalesearch.training.images.FEWEST_APART", 10)


@pytest.mark.usefixtures("few")
def test_copies_of_an_image_are_on_one_side(tmp_path: Path) -> None:
    root = files(tmp_path / "images", 100, copies=30)
    listing = list_folder(root, held_out=20, apart=True)
    sides = [{image.digest for image in side} for side in (listing.train, listing.judged, listing.apart)]
    assert [len(side) for side in sides] == [160, 20, 20]
    assert len(set.union(*sides)) == 200
    assert Counter(row.side for row in listing.rows) == {"train": 160, "held out": 20, "set apart": 20}
    plain = list_folder(root, held_out=20)
    assert plain.judged == listing.judged
    assert not plain.apart
    assert plain.digest != listing.digest
    size = data_size(DataSpec(name=f"folder:{root}", held_out=20, apart=True))
    assert (size.train_images, size.apart) == (160, 20)
    source = load(DataSpec(name=f"folder:{root}", held_out=20, apart=True, digest=size.digest))
    assert source.apart is not None
    assert len(source.apart) == 20


@pytest.mark.usefixtures("few")
def test_a_part_that_judges_by_itself_gives_what_is_set_apart(tmp_path: Path) -> None:
    files(tmp_path / "train", 20)
    for name in ("blue", "red"):
        (tmp_path / "val" / name).mkdir(parents=True)
        for index in range(30):
            pixels = np.full((8, 8, 3), (index, 77, 200 * (name == "red")), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "val" / name / f"{index}.png")
    # A copy of an image that is trained on.
    copied = (tmp_path / "train" / "red" / "0003.png").read_bytes()
    (tmp_path / "val" / "red" / "another.png").write_bytes(copied)
    listing = list_folder(tmp_path, held_out=20, apart=True)
    assert (len(listing.train), len(listing.judged), len(listing.apart)) == (39, 20, 20)
    assert all(image.name.startswith("val/") for image in (*listing.judged, *listing.apart))
    names = [{image.digest for image in side} for side in (listing.train, listing.judged, listing.apart)]
    assert len(set.union(*names)) == 79


def test_a_file_of_tensors_sets_images_apart(tmp_path: Path) -> None:
    labels = torch.arange(4_000) % 2
    images = (torch.arange(4_000)[:, None, None, None] % 251).expand(-1, 1, 2, 2).to(torch.uint8)
    path = write_tensors(images, labels, tmp_path)
    source = load(DataSpec(name=f"tensors:{path}", in_channels=1, apart=True))
    assert source.apart is not None
    assert (len(source.train), len(source.held_out), len(source.apart)) == (3_200, 400, FEWEST_APART)
    assert load(DataSpec(name=f"tensors:{path}", in_channels=1)).apart is None


def pictures(root: Path, *sizes: tuple[int, int]) -> DataSpec:
    """A folder of pictures of those widths and heights."""
    for seed, (width, height) in enumerate(sizes):
        picture(root / f"{seed}.png", width, height, seed=seed)
    return DataSpec(name=f"windows:{root}", held_out=200, short_side=64, apart=True)


def seen(images: Images, label: int, channel: int) -> set[int]:
    """The levels of a channel that the windows of a picture show: its columns (0) or its rows (1)."""
    return {
        int(level)
        for window, of in (images[i] for i in range(len(images)))
        if of == label
        for level in window[channel].unique()
    }


def test_windows_that_confirm_share_no_row_with_those_that_judge(tmp_path: Path) -> None:
    spec = pictures(tmp_path, (700, 400), (400, 700), (900, 500), (300, 460), (800, 450))
    source = load(spec)
    assert source.apart is not None
    assert data_size(spec).apart == len(source.apart) == 200
    for label, channel in enumerate((1, 0, 1, 0, 1)):
        apart, judged = (seen(part, label, channel) for part in (source.apart, source.held_out))
        assert not apart & judged
        assert len(apart) > 40
        assert len(judged) > len(apart)
        assert min(seen(source.apart, label, 1 - channel)) > max(seen(source.train, label, 1 - channel))
    assert len({window.shape for window, of in (source.apart[i] for i in range(200)) if of == 0}) == 1
    again = load(spec).apart
    assert again is not None
    assert torch.equal(again[7][0], source.apart[7][0])


def test_pictures_that_are_too_narrow_set_nothing_apart(tmp_path: Path) -> None:
    spec = pictures(tmp_path / "many", *((700, 400),) * 4, (700, 250))
    source = load(spec)
    assert source.apart is not None
    assert data_size(spec).apart == 200
    assert {source.apart[i][1] for i in range(200)} == {0, 1, 2, 3}
    # A picture without a part set apart judges by all of its last third.
    assert len(seen(source.held_out, 4, 1)) > 200
    assert data_size(pictures(tmp_path / "few", *((700, 400),) * 3, (700, 250))).apart == 0


def test_a_run_that_confirms_is_judged_by_what_is_set_apart() -> None:
    spec = TrialSpec(
        key="confirming",
        arch=reduce(baseline("efficientnet-b0"), 0.125, Rounding(channel_divisor=1), resolution=16),
        recipe={**RECIPES["quick"].to_dict(), "images": 8, "epochs": None, "batch_size": 4},
        data=DataSpec(held_out=36, apart=True).to_dict(),
        device="cpu",
        threads=1,
        count=False,
        fresh=True,
    )
    spec = TrialSpec.from_dict(spec.to_dict() | {"arch": spec.arch.to_dict() | {"classes": 18}})
    assert run_trial(spec, lambda _done, _steps: None).held_out_images == 32
