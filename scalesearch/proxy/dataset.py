"""Which data a proxy run is trained and judged on: a name and what goes with it, checked without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

__all__ = [
    "COLOURS",
    "DATASETS",
    "FOLDER",
    "GREY",
    "PHOTOGRAPHS",
    "PHOTOGRAPHS_SIZE",
    "RGB",
    "RGBA",
    "TRAIN_WINDOWS",
    "DataSize",
    "DataSpec",
]

GREY, RGB, RGBA = 1, 3, 4
COLOURS = MappingProxyType({GREY: "grey", RGB: "RGB", RGBA: "RGBA"})
"""What images can be rendered to, by their number of channels; any other number takes arrays."""

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
    ``in_channels`` are those of every image: see :data:`COLOURS`.

    Raises:
        ValueError: if the name is unknown, ``held_out`` below 2, or the data has no such channels.
    """

    name: str = "photographs"
    data_dir: str = "data"
    download: bool = False
    held_out: int = 900
    in_channels: int = RGB

    def __post_init__(self) -> None:
        if self.name not in DATASETS and not self.name.startswith(FOLDER):
            raise ValueError(
                f"`dataset` must be one of {', '.join(DATASETS)} or {FOLDER}PATH, got {self.name!r}"
            )
        if self.name.startswith(FOLDER) and not self.name.removeprefix(FOLDER).strip():
            raise ValueError(f"`dataset` must name a folder after {FOLDER!r}, got {self.name!r}")
        if self.held_out < 2:
            raise ValueError(f"`held_out` must be >= 2, got {self.held_out}")
        if self.in_channels < 1:
            raise ValueError(f"`in_channels` must be >= 1, got {self.in_channels}")
        if self.in_channels not in COLOURS and not self.name.startswith(FOLDER):
            raise ValueError(
                f"`in_channels` must be 1 (grey), 3 (RGB) or 4 (RGBA) for {self.name}, got "
                f"{self.in_channels}; any other number takes {FOLDER}PATH with .npy arrays (height, width, "
                "channels)"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; ``DataSpec(**data)`` turns it back."""
        return asdict(self)
