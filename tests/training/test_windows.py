"""Windows of large pictures: what is a class, what is trained on, what judges, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scalesearch.training.dataset import DataError, DataSpec
from scalesearch.training.images import Images, ImageSource, load
from scalesearch.training.recipe import RECIPES
from scalesearch.training.rendering import cut_batches, device_batches, host_batches, judging_batches
from scalesearch.training.step import Batches
from tests.training.reading import all_of


def picture(path: Path, width: int, height: int, *, seed: int = 0, **options: object) -> None:
    """A picture without two pixels alike in a row or a column: red says the column, green the row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    across, down = np.linspace(0, 255, width), np.linspace(0, 255, height)
    pixels = np.stack(np.broadcast_arrays(across[None], down[:, None], np.float64(seed)), axis=2)
    Image.fromarray(pixels.astype(np.uint8)).save(path, **options)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three pictures at different depths: lying, standing and large."""
    root = tmp_path / "pictures"
    picture(root / "lying.png", 400, 200, seed=1)
    picture(root / "trip" / "standing.png", 150, 330, seed=2)
    picture(root / "trip" / "day 2" / "large.png", 900, 600, seed=3)
    return root


def windows(root: Path, **options: int) -> ImageSource:
    return load(DataSpec(name=f"windows:{root}", **{"short_side": 64} | options), check=True)  # type: ignore[arg-type]


def columns_and_rows(images: Images, label: int) -> tuple[np.ndarray, np.ndarray]:
    """The red and green values of all windows of a picture: where in it they lie, of 255."""
    each = len(images) // 3
    seen = [images[i][0].numpy() for i in range(label * each, (label + 1) * each)]
    return np.concatenate([w[0].ravel() for w in seen]), np.concatenate([w[1].ravel() for w in seen])


def test_a_class_is_a_picture_wherever_it_lies(pictures: Path) -> None:
    source = windows(pictures, held_out=90)
    assert source.classes == ("lying.png", "trip/standing.png", "trip/day 2/large.png")
    for images, each in ((source.train, 200), (source.held_out, 30)):
        labels = [images[i][1] for i in range(len(images))]
        assert [labels.count(label) for label in range(3)] == [each] * 3


@pytest.mark.parametrize(("label", "axis"), [(0, 0), (1, 1), (2, 0)])
def test_the_last_third_of_the_longer_side_judges_and_nothing_is_on_both_sides(
    pictures: Path, label: int, axis: int
) -> None:
    source = windows(pictures, held_out=120)
    trained = columns_and_rows(source.train, label)[axis]
    judged = columns_and_rows(source.held_out, label)[axis]
    assert trained.max() <= 255 * 2 / 3 <= judged.min()
    assert trained.min() < 10
    assert judged.max() > 240
    # The other axis is seen in full on both sides.
    for images in (source.train, source.held_out):
        other = columns_and_rows(images, label)[1 - axis]
        assert other.min() < 30
        assert other.max() > 225


def test_no_pixel_of_one_part_reaches_a_window_of_the_other_through_a_picture_made_smaller(
    tmp_path: Path,
) -> None:
    for name in "ab":
        pixels = np.zeros((900, 1202, 3), dtype=np.uint8)
        pixels[:, 801:] = 255
        pixels[0, 0] = ord(name)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    source = windows(tmp_path, held_out=200)
    assert max(int(source.train[i][0][:, 8:].max()) for i in range(400)) == 0
    assert min(int(source.held_out[i][0].min()) for i in range(200)) == 255


def test_small_pictures_keep_their_pixels_and_a_window_of_a_large_one_is_a_quarter_as_high(
    pictures: Path,
) -> None:
    source = windows(pictures)
    sides = [source.train[label * 200][0].shape for label in range(3)]
    assert sides == [(3, 112, 112), (3, 106, 106), (3, 112, 112)]
    # The window that one pixel in 255 says where: a column of the source is a column of the window.
    first = source.train[0][0].numpy()[0, 0].astype(int)
    assert first[-1] - first[0] == pytest.approx(111 * 255 / 399, abs=1)


def test_a_window_shows_the_same_part_however_many_pixels_networks_look_at(pictures: Path) -> None:
    few, many = windows(pictures, short_side=64), windows(pictures, short_side=256)
    assert (few.train[400][0].shape, many.train[400][0].shape) == ((3, 112, 112), (3, 150, 150))
    assert few.digest == many.digest
    for index in (400, 433, 599):
        small, large = (source.train[index][0].float() for source in (few, many))
        assert (small.mean((1, 2)) - large.mean((1, 2))).abs().max() < 1.5


def test_two_networks_sizes_are_rendered_from_the_same_windows(pictures: Path) -> None:
    source = windows(pictures, held_out=6)
    ((low, labels),) = judging_batches(source, size=(16, 16))
    ((high, same),) = judging_batches(source, size=(64, 64))
    assert (low.shape, high.shape) == ((6, 3, 16, 16), (6, 3, 64, 64))
    assert torch.equal(labels, same)
    assert (low.float().mean((2, 3)) - high.float().mean((2, 3))).abs().max() < 2


def test_a_camera_that_was_held_upright_is_respected(tmp_path: Path) -> None:
    for seed, name in enumerate(("a.png", "b.png")):
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by a quarter: its left edge is its top
        picture(tmp_path / name, 330, 150, seed=seed, exif=exif)
    source = windows(tmp_path, held_out=20)
    # Upright it is 150 wide and 330 high: what was its right end, red, is now the bottom, which judges.
    assert min(int(source.held_out[i][0][0].min()) for i in range(10)) >= 255 * 2 // 3
    assert source.held_out[0][0][0, :, 0].float().diff().mean() > 0


def test_a_picture_has_the_same_windows_whatever_lies_beside_it(pictures: Path) -> None:
    before = windows(pictures).train[200][0].clone()
    picture(pictures / "another.png", 300, 300, seed=9)
    source = windows(pictures)
    assert source.classes[2] == "trip/standing.png"
    assert torch.equal(source.train[400][0], before)


def test_the_digest_is_of_the_pictures_and_their_names(pictures: Path, tmp_path: Path) -> None:
    digest = windows(pictures).digest
    moved = pictures.rename(tmp_path / "elsewhere")
    assert windows(moved).digest == digest
    (moved / "lying.png").rename(moved / "flat.png")
    renamed = windows(moved).digest
    picture(moved / "flat.png", 400, 200, seed=7)
    assert len({digest, renamed, windows(moved).digest}) == 3


def test_fewer_judges_than_pictures_are_spread_over_them(pictures: Path) -> None:
    for seed in range(7):
        picture(pictures / "more" / f"{seed}.png", 300, 200, seed=20 + seed)
    source = windows(pictures, held_out=4)
    assert [source.held_out[i][1] for i in range(len(source.held_out))] == [0, 2, 5, 7]


def test_copies_are_one_picture_and_other_files_are_none(pictures: Path) -> None:
    (pictures / "copy.png").write_bytes((pictures / "lying.png").read_bytes())
    (pictures / "link.png").symlink_to("lying.png")
    (pictures / "notes.txt").write_text("of the trip")
    (pictures / ".hidden.png").write_bytes(b"")
    assert windows(pictures).classes == ("copy.png", "trip/standing.png", "trip/day 2/large.png")


@pytest.mark.parametrize("channels", [1, 4])
def test_pictures_come_in_grey_and_with_alpha(pictures: Path, channels: int) -> None:
    assert windows(pictures, in_channels=channels).train[0][0].shape == (channels, 112, 112)


def test_arrays_of_any_channels_are_pictures(tmp_path: Path) -> None:
    for name in "ab":
        pixels = np.random.default_rng(ord(name)).integers(0, 256, (240, 500, 5), dtype=np.uint8)
        np.save(tmp_path / f"{name}.npy", pixels)
    source = windows(tmp_path, in_channels=5)
    assert source.train[0][0].shape == (5, 112, 112)
    assert source.classes == ("a.npy", "b.npy")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    place = tmp_path / "none"
    with pytest.raises(
        DataError, match=re.escape(f"`dataset` windows:{place} must be a folder of pictures, got none there")
    ):
        windows(place)
    place.write_bytes(b"")
    with pytest.raises(DataError, match="must be a folder of pictures, got a file"):
        windows(place)


def test_too_few_pictures_are_refused_with_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("none")
    with pytest.raises(DataError, match=r"must hold at least 2 pictures, a class each, got none \(\.txt 1\)"):
        windows(tmp_path)
    picture(tmp_path / "a.png", 400, 200)
    picture(tmp_path / "b.png", 400, 200)
    with pytest.raises(
        DataError,
        match=r"at least 2 pictures, a class each, got 1; left out files of other kinds \(\.txt 1\): 1; "
        r"copies of the same images: 1, such as b\.png",
    ):
        windows(tmp_path)


@pytest.mark.parametrize("size", [(63, 500), (215, 215), (500, 40)])
def test_a_picture_too_small_to_be_cut_up_is_named(pictures: Path, size: tuple[int, int]) -> None:
    picture(pictures / "icon.png", *size)
    picture(pictures / "trip" / "icon.png", 3, 3)
    message = (
        f"`dataset` must hold pictures of at least 64 by 216 pixels, got one of {size[0]} by {size[1]}: "
        f"{pictures / 'icon.png'}; move such elsewhere, and 1 file more with faults"
    )
    with pytest.raises(DataError, match=re.escape(message)):
        windows(pictures)


def test_the_smallest_pictures_give_two_parts(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 64, 216)
    picture(tmp_path / "b.png", 216, 64)
    source = windows(tmp_path, held_out=40)
    assert {tuple(source.train[i][0].shape) for i in range(400)} == {(3, 64, 64)}
    assert {tuple(source.held_out[i][0].shape) for i in range(40)} == {(3, 64, 64)}


def test_a_broken_picture_is_named(pictures: Path) -> None:
    whole = (pictures / "lying.png").read_bytes()
    (pictures / "torn.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"`dataset` holds a broken image: .*torn\.png \("):
        windows(pictures)


def test_more_pictures_than_a_classifier_tells_apart_are_refused(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalesearch.training.images.MOST_PICTURES", 2)
    with pytest.raises(
        DataError, match="must hold at most 2 pictures, a class each, got 3; name a folder of"
    ):
        windows(pictures)


@pytest.mark.parametrize("way", [device_batches, cut_batches])
def test_windows_that_lie_on_a_device_are_those_of_the_host(
    pictures: Path, way: Callable[..., Batches | None]
) -> None:
    source = windows(pictures)
    recipe = replace(RECIPES["quick"], batch_size=8)
    there = all_of(way, source, recipe, (24, 24), range(3))
    here = all_of(host_batches, source, recipe, (24, 24), range(3))
    for (images, labels), (others, same) in zip(there, here, strict=True):
        assert torch.equal(labels, same)
        assert (images.float() - others.float()).abs().max() <= 1
