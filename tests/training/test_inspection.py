"""Files are read once, and what was learnt of them is remembered for as long as they stay what they were."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalesearch.training import folders
from scalesearch.training.dataset import DataError
from scalesearch.training.folders import Listing, memory_folder
from scalesearch.training.images import PixelStore, list_folder

MakeImages = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and files that are remembered however young they are."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(folders, "SETTLED_NS", -(10**12))
    return tmp_path / "cache" / "scalesearch"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were opened to be looked at."""
    paths: list[str] = []
    open_file = folders.open_file

    def opened(path: str, *arguments: Any) -> Any:
        paths.append(path)
        return open_file(path, *arguments)

    monkeypatch.setattr(folders, "open_file", opened)
    return paths


def store_of(root: Path, in_channels: int = 3) -> PixelStore:
    return PixelStore(str(root.resolve()), in_channels, 256)


def checked(root: Path, in_channels: int = 3) -> Listing:
    return list_folder(root, held_out=9, check=store_of(root, in_channels), in_channels=in_channels)


def test_what_is_known_is_not_read_again(make_images: MakeImages, read: list[str]) -> None:
    root = make_images({"cat": 5, "dog": 5})
    first = checked(root)
    assert len(read) == 10
    assert checked(root) == first
    assert list_folder(root, held_out=9) == first
    assert len(read) == 10
    make_images({"bird": 3})
    checked(root)
    assert sorted(Path(path).parent.name for path in read[10:]) == ["bird"] * 3


def test_bytes_that_are_known_are_decoded_where_that_is_asked_for(
    make_images: MakeImages, read: list[str]
) -> None:
    root = make_images({"cat": 5, "dog": 5})
    list_folder(root, held_out=9)
    for again in (3, 1):
        del read[:]
        checked(root, again)
        assert len(read) == 10
    del read[:]
    assert checked(root, 3).digest == checked(root, 1).digest
    assert not read


def test_a_change_is_seen_though_size_and_time_are_the_old_ones(make_images: MakeImages) -> None:
    root = make_images({"cat": 5, "dog": 5}, ending="bmp")
    before = checked(root)
    path = root / "cat" / "01.bmp"
    content, times = bytearray(path.read_bytes()), path.stat()
    content[-1] ^= 1
    time.sleep(0.02)  # the system's clock for files ticks every few milliseconds
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert checked(root).digest != before.digest


def test_files_that_just_changed_are_not_remembered(
    make_images: MakeImages, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "SETTLED_NS", 10**12)
    root = make_images({"cat": 5, "dog": 5})
    checked(root)
    checked(root)
    assert len(read) == 20


TORN = {
    "cut": lambda text: text[: len(text) // 2],
    "empty": lambda _text: "",
    "another version": lambda text: text.replace('"version": 2', '"version": 99'),
    "a list": lambda _text: "[]",
    "other values": lambda text: json.dumps({**json.loads(text), "files": {"x": [1, 2, 3]}}),
    "no digests": lambda text: json.dumps(
        {"version": 2, "files": {k: [v[0], 7] for k, v in json.loads(text)["files"].items()}}
    ),
    "deep": lambda _text: "[" * 100_000,
}


@pytest.mark.parametrize("tear", TORN.values(), ids=TORN)
def test_a_torn_memory_is_as_good_as_none(
    tear: Callable[[str], str], make_images: MakeImages, cache: Path, read: list[str]
) -> None:
    root = make_images({"cat": 5, "dog": 5})
    first = checked(root)
    (memory,) = cache.glob("images-*")
    memory.write_text(tear(memory.read_text()))
    assert checked(root) == first
    assert len(read) == 20
    assert checked(root) == first  # it was written anew
    assert len(read) == 20


def test_so_many_datasets_are_remembered(
    make_images: MakeImages, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MOST_MEMORIES", 2)
    for number in range(4):
        checked(make_images({"cat": 3, "dog": 3}, root=f"data{number}"))
    assert len(list(cache.glob("images-*"))) == 2


def test_without_a_folder_for_it_nothing_is_remembered(
    make_images: MakeImages, cache: Path, read: list[str]
) -> None:
    cache.parent.write_text("a file where the folder should be")
    root = make_images({"cat": 5, "dog": 5})
    assert checked(root) == checked(root)
    assert len(read) == 20


def test_the_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for place in ("", "relative/place"):
        monkeypatch.setenv("XDG_CACHE_HOME", place)
        assert memory_folder() == tmp_path / ".cache" / "scalesearch"
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/x")
    assert memory_folder() == Path("/var/x/scalesearch")


def test_a_fault_is_told_each_time_and_repaired_is_forgotten(make_images: MakeImages) -> None:
    root = make_images({"cat": 5, "dog": 5})
    path = root / "cat" / "03.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:60])
    for _ in range(2):
        with pytest.raises(DataError, match="holds a broken image: .*cat/03.png"):
            checked(root)
    path.write_bytes(whole)
    assert len(checked(root).train) == 8


def test_progress_counts_what_is_looked_at(make_images: MakeImages) -> None:
    heard: list[tuple[int, str, int]] = []

    def progress(items: Iterable[Any], count: int, label: str) -> Iterable[Any]:
        looked_at = list(items)
        heard.append((count, label, len(looked_at)))
        return looked_at

    root = make_images({"cat": 300, "dog": 300})  # more than are handed out at a time
    for _ in range(2):
        list_folder(root, held_out=9, check=store_of(root), progress=progress)
    assert heard == [(600, "Reading images", 600)]


def test_what_was_learnt_before_a_stop_is_remembered(make_images: MakeImages, read: list[str]) -> None:
    def stop(items: Iterable[Any], _count: int, _label: str) -> Iterable[Any]:
        for number, item in enumerate(items):
            yield item
            if number == 599:
                raise KeyboardInterrupt

    root = make_images({"cat": 400, "dog": 400})
    with pytest.raises(KeyboardInterrupt):
        list_folder(root, held_out=9, check=store_of(root), progress=stop)
    del read[:]
    checked(root)
    assert len(read) <= 200


def test_arrays_are_checked_by_their_channels(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "d" / name).mkdir(parents=True)
        for index in range(3):
            np.save(
                tmp_path / "d" / name / f"{index}.npy", np.full((4, 4, 7), index * 10 + ord(name), np.uint8)
            )
    assert len(checked(tmp_path / "d", 7).train) == 4
    with pytest.raises(DataError, match=r"shape \(height, width, 5\) .* and 5 files more with faults"):
        checked(tmp_path / "d", 5)
