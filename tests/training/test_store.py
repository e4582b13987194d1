"""Decoded images are looked up by what was in their files, and whatever is torn is decoded again."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scalesearch.training import images
from scalesearch.training.dataset import DataSpec
from scalesearch.training.images import RECORD, PixelStore, load

MakeImages = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "scalesearch"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were decoded when they were asked for."""
    paths: list[str] = []
    decode = images.decode

    def counted(file, path, *arguments):  # type: ignore[no-untyped-def]
        paths.append(path)
        return decode(file, path, *arguments)

    monkeypatch.setattr(images, "decode", counted)
    return paths


def key(number: int) -> str:
    return f"{number:064x}"


def picture(number: int, height: int = 6, width: int = 5) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)


def filled(count: int = 5) -> PixelStore:
    pixels = PixelStore("data", 3, 256)
    for number in range(count):
        pixels.put(key(number), picture(number, 6 + number))
    return pixels


def same(given: torch.Tensor | None, number: int) -> bool:
    expected = torch.from_numpy(picture(number, 6 + number)).permute(2, 0, 1)
    return given is not None and torch.equal(given, expected)


def test_what_was_put_is_there_for_this_process_and_the_next() -> None:
    first = filled()
    again = PixelStore("data", 3, 256)
    for number in range(5):
        assert same(first.get(key(number)), number)
        assert same(again.get(key(number)), number)
    assert again.get(key(9)) is None
    assert key(4) in again
    assert key(9) not in again


@pytest.mark.parametrize("other", [("elsewhere", 3, 256), ("data", 1, 256), ("data", 3, 64)])
def test_another_dataset_number_of_channels_or_size_is_another_store(other: tuple[str, int, int]) -> None:
    filled()
    assert PixelStore(*other).get(key(0)) is None


@pytest.mark.parametrize("left", [0, 1, 51, 52, 100, 259])
def test_a_torn_index_costs_what_is_torn(left: int, cache: Path) -> None:
    filled()
    (index,) = cache.glob("pixels-*/*.index")
    index.write_bytes(index.read_bytes()[:left])
    again = PixelStore("data", 3, 256)
    for number in range(5):
        given = again.get(key(number))
        assert same(given, number) if number < left // RECORD.size else given is None


def test_torn_or_changed_pixels_are_decoded_again(cache: Path) -> None:
    filled()
    (pixels,) = cache.glob("pixels-*/*.pixels")
    content = bytearray(pixels.read_bytes())
    content[6 * 5 * 3 + 4] ^= 1  # of the second image
    pixels.write_bytes(content[:-1])
    again = PixelStore("data", 3, 256)
    assert [same(again.get(key(number)), number) for number in range(5)] == [True, False, True, True, False]
    again.put(key(1), picture(1, 7))
    assert same(PixelStore("data", 3, 256).get(key(1)), 1)


def test_an_index_of_anything_leads_nowhere(cache: Path) -> None:
    filled()
    (index,) = cache.glob("pixels-*/*.index")
    index.write_bytes(np.random.default_rng(0).bytes(RECORD.size * 50))
    again = PixelStore("data", 3, 256)
    assert all(again.get(key(number)) is None for number in range(5))


def test_where_nothing_can_be_written_it_is_kept_in_memory(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.parent.write_text("a file where the folder should be")
    monkeypatch.setattr(images, "MEMORY_BYTES", 3 * (6 + 7 + 8) * 5 + 10)
    pixels = filled()
    assert [same(pixels.get(key(number)), number) for number in range(5)] == [True] * 3 + [False] * 2


def test_a_full_disk_takes_no_more(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def full(_handle: int, _data: object) -> int:
        raise OSError(28, "No space left on device")

    pixels = filled(2)
    monkeypatch.setattr(images.os, "write", full)
    for number in (2, 3):
        pixels.put(key(number), picture(number, 6 + number))
    assert all(same(pixels.get(key(number)), number) for number in range(4))
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    assert [PixelStore("data", 3, 256).get(key(number)) is not None for number in range(4)] == [
        *(True, True, False, False)
    ]


def _put(numbers: range) -> None:
    pixels = PixelStore("data", 3, 256)
    for number in numbers:
        pixels.put(key(number), picture(number, 6 + number))
    os._exit(9)  # killed: nothing is closed


@pytest.mark.slow
def test_processes_write_side_by_side_and_may_be_killed() -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_put, args=(range(first, first + 20),)) for first in (0, 10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    pixels = PixelStore("data", 3, 256)
    assert all(same(pixels.get(key(number)), number) for number in range(30))


def test_stores_not_used_for_longest_make_room(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("old", "older", "new"):
        pixels = PixelStore(name, 3, 256)
        pixels.put(key(0), picture(0))
    folders = sorted(cache.iterdir(), key=lambda folder: folder.stat().st_mtime_ns)
    for age, folder in zip((9, 8, 0), folders, strict=True):
        when = folder.stat().st_mtime - age * 3600
        os.utime(folder, (when, when))
    monkeypatch.setattr(images, "MOST_BYTES", 2 * (90 + RECORD.size))
    PixelStore("newest", 3, 256).put(key(0), picture(0))
    assert not folders[0].exists()
    assert folders[1].exists()
    assert folders[2].exists()


def test_a_folder_is_decoded_once_and_no_larger_than_needed(
    make_images: MakeImages, decoded: list[str]
) -> None:
    root = make_images({"cat": 6, "dog": 6})
    for path in root.glob("*/*.png"):
        Image.open(path).resize((90, 70)).save(path)
    spec = DataSpec(name=f"folder:{root}", held_out=4, short_side=35)
    source = load(spec)
    assert source.short_side == 35
    assert {tuple(source.train[index][0].shape) for index in range(len(source.train))} == {(3, 35, 45)}
    assert len(decoded) == len(source.train)
    again = load(spec)
    for index in range(len(again.train)):
        assert torch.equal(again.train[index][0], source.train[index][0])
    assert len(decoded) == len(source.train)
    again.held_out.read_ahead(range(len(again.held_out)))
    assert len(decoded) == 12


def test_a_changed_file_is_decoded_again(make_images: MakeImages, decoded: list[str]) -> None:
    root = make_images({"cat": 4, "dog": 4})
    spec = DataSpec(name=f"folder:{root}", held_out=2)
    before = load(spec)
    old = [before.train[index][0] for index in range(len(before.train))]
    changed = root / "cat" / "01.png"
    Image.new("RGB", (9, 9), "white").save(changed)
    after = load(spec)
    new = [after.train[index][0] for index in range(len(after.train))]
    assert decoded[len(old) :] == [str(changed)]
    assert sum(not torch.equal(a, b) for a, b in zip(old, new, strict=True)) == 1


def test_of_very_many_images_none_is_decoded_before_training_comes_to_it(
    make_images: MakeImages, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_images({"cat": 6, "dog": 6})
    copy = root / "cat" / "copy.png"
    copy.write_bytes((root / "cat" / "00.png").read_bytes())
    monkeypatch.setattr(images, "MANY", 12)
    pixels = PixelStore(str(root), 3, 256)
    listing = images.list_folder(root, held_out=4, check=pixels)
    assert len(listing.train) + len(listing.judged) == 13
    assert len({image.digest for image in (*listing.train, *listing.judged)}) == 13
    (note,) = listing.notes
    assert note.startswith("13 images are too many to be read beforehand")
    source = load(DataSpec(name=f"folder:{root}", held_out=4))
    assert not decoded
    source.train[3]
    assert len(decoded) == 1
    # Another length, or other bytes at an end, is another file.
    with copy.open("ab") as file:
        file.write(b"x")
    assert images.list_folder(root, held_out=4).digest != listing.digest
