from __future__ import annotations

import pickle
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10

from scalesearch.training.dataset import DataError, DataSpec
from scalesearch.training.images import load, split


def test_the_split_is_stratified_repeatable_and_leaves_training_images() -> None:
    labels = [0] * 50 + [1] * 10 + [2] * 2
    train, judged, apart = split(labels, 30)
    assert not apart
    assert sorted(train + judged) == list(range(62))
    assert [sum(labels[i] == c for i in judged) for c in range(3)] == [10, 2, 1]
    assert split(labels, 30) == (train, judged, [])


def test_a_folder_is_read_with_its_classes(image_folder: Path) -> None:
    source = load(DataSpec(name=f"folder:{image_folder}"), check=True)
    assert source.classes == ("blue", "red")
    assert (len(source.train), len(source.held_out)) == (16, 4)
    image, label = source.train[0]
    assert image.shape == (3, 24, 30)
    assert image[2].float().mean() > image[0].float().mean()
    assert label == 0


def test_a_folder_with_its_own_split_is_judged_by_its_val_part(image_folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "split"
    (root / "val").mkdir(parents=True)
    (root / "train").symlink_to(image_folder)
    for name in ("red", "blue"):
        (root / "val" / name).mkdir()
        for file in list((image_folder / name).iterdir())[:4]:
            file.rename(root / "val" / name / file.name)
    source = load(DataSpec(name=f"folder:{root}", held_out=6))
    assert (len(source.train), len(source.held_out)) == (12, 6)


def test_large_images_are_kept_at_256_pixels(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for index in range(2):
            Image.new("RGB", (900, 600), (90 * index, 0, 200 * (name == "a"))).save(
                tmp_path / name / f"{index}.jpg"
            )
    assert load(DataSpec(name=f"folder:{tmp_path}")).train[0][0].shape == (3, 256, 384)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"must be a folder with one folder of images per class, got none there"
    ):
        load(DataSpec(name=f"folder:{tmp_path / 'nowhere'}"))


def test_one_class_is_too_few(image_folder: Path) -> None:
    for file in (image_folder / "red").iterdir():
        file.unlink()
    (image_folder / "red").rmdir()
    with pytest.raises(DataError, match="must hold at least 2 classes, got 1: blue"):
        load(DataSpec(name=f"folder:{image_folder}"))


def test_a_class_without_enough_images_is_named(image_folder: Path) -> None:
    for file in sorted((image_folder / "red").iterdir())[1:]:
        file.unlink()
    with pytest.raises(DataError, match="must hold at least 2 images per class, got 1 of 'red'"):
        load(DataSpec(name=f"folder:{image_folder}"))


@pytest.mark.parametrize("damage", ["cut", "text"])
def test_a_broken_image_is_named(image_folder: Path, damage: str) -> None:
    broken = image_folder / "blue" / "3.png"
    broken.write_bytes(broken.read_bytes()[:300] if damage == "cut" else b"no image")
    with pytest.raises(DataError, match="holds a broken image: .*blue/3.png"):
        load(DataSpec(name=f"folder:{image_folder}"), check=True)


def test_cifar_that_is_not_there_says_what_would_fetch_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="`data_dir` must hold cifar10, got .*; add --download to fetch it"):
        load(DataSpec(name="cifar10", data_dir=str(tmp_path)))


def test_cifar_is_read_from_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published layout in small: five batches, checksums as torchvision demands them."""
    root = tmp_path / "cifar-10-batches-py"
    root.mkdir()
    generator = np.random.default_rng(0)

    def write(name: str, content: dict[str, object]) -> list[str]:
        data = pickle.dumps(content)
        (root / name).write_bytes(data)
        return [name, md5(data).hexdigest()]

    batches = [
        write(f"data_batch_{i}", {"data": generator.integers(0, 256, (20, 3072), dtype=np.uint8), "labels": [*range(10)] * 2})
        for i in range(1, 6)
    ]  # fmt: skip
    meta = write("batches.meta", {"label_names": [f"class {i}" for i in range(10)]})
    monkeypatch.setattr(CIFAR10, "train_list", batches)
    monkeypatch.setattr(CIFAR10, "test_list", [])
    monkeypatch.setattr(CIFAR10, "meta", {"filename": meta[0], "key": "label_names", "md5": meta[1]})
    source = load(DataSpec(name="cifar10", data_dir=str(tmp_path), held_out=10))
    assert len(source.classes) == 10
    assert (len(source.train), len(source.held_out)) == (90, 10)
    assert source.train[0][0].shape == (3, 32, 32)
    assert source.train[0][0].dtype == torch.uint8


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "mnist",
            "`dataset` must be one of photographs, cifar10, cifar100, folder:PATH, windows:PATH or tensors:FILE, got 'mnist'",
        ),
        (
            "folder:two\nlines",
            "`dataset` must have a name without control characters and stray bytes, got folder:two\\nlines; rename the folder, or make a link to it",
        ),
        (
            "folder:stray\udcff",
            "`dataset` must have a name without control characters and stray bytes, got folder:stray\\udcff; rename the folder, or make a link to it",
        ),
        ("folder:", "`dataset` must name a folder after 'folder:', got 'folder:'"),
    ],
)
def test_an_unknown_dataset_is_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        DataSpec(name=name)
    assert str(caught.value) == message
