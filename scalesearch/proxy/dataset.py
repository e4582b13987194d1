"""Which data a proxy run is trained and judged on: a name and what goes with it, checked without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["DATASETS", "FOLDER", "PHOTOGRAPHS", "PHOTOGRAPHS_SIZE", "TRAIN_WINDOWS", "DataSize", "DataSpec"]

FOLDER = "folder:"
DATASETS = ("photographs", "cifar10", "cifar100")
# The photographs and textures in scikit-image's wheel, by the names of their loaders; a class each.
PHOTOGRAPHS = (
    "astronaut",
    "brick",
    "camera",
    "cell",
    "chelsea",
    "clock",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "page",
    "retina",
    "rocket",
    "stereo_motorcycle",
    "text",
)

TRAIN_WINDOWS = 200
"""Training windows cut from each photograph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSize:
    """What a plan needs to know of a dataset: its number of classes and of training images."""

    classes: int
    train_images: int


PHOTOGRAPHS_SIZE = DataSize(classes=len(PHOTOGRAPHS), train_images=TRAIN_WINDOWS * len(PHOTOGRAPHS))


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """A dataset by name: ``photographs``, ``cifar10``, ``cifar100`` or ``folder:PATH``.

    ``held_out`` is how many images judge a candidate, at most. Nothing is fetched unless ``download``.

    Raises:
        ValueError: if the name is unknown or ``held_out`` below 2.
    """

    name: str = "photographs"
    data_dir: str = "data"
    download: bool = False
    held_out: int = 900

    def __post_init__(self) -> None:
        if self.name not in DATASETS and not self.name.startswith(FOLDER):
            raise ValueError(
                f"`dataset` must be one of {', '.join(DATASETS)} or {FOLDER}PATH, got {self.name!r}"
            )
        if self.name.startswith(FOLDER) and not self.name.removeprefix(FOLDER).strip():
            raise ValueError(f"`dataset` must name a folder after {FOLDER!r}, got {self.name!r}")
        if self.held_out < 2:
            raise ValueError(f"`held_out` must be >= 2, got {self.held_out}")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; ``DataSpec(**data)`` turns it back."""
        return asdict(self)
