"""Folders of small images, no two of them alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MakeImages = Callable[..., Path]


@pytest.fixture
def make_images(tmp_path: Path) -> MakeImages:
    """Writes so many images into each folder below a root: ``make_images({"train/cat": 3})``."""
    numbers: Iterator[int] = count()

    def make(folders: dict[str, int], root: str = "data", ending: str = "png") -> Path:
        for folder, images in folders.items():
            place = tmp_path / root / folder
            place.mkdir(parents=True, exist_ok=True)
            for index in range(images):
                pixels = np.random.default_rng(next(numbers)).integers(0, 256, (6, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{index:02d}.{ending}")
        return tmp_path / root

    return make
