"""Which data a proxy run is trained and judged on: a name and what goes with it, checked without torch."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from scalesearch.errors import ScalesearchError
from scalesearch.text import near, printable

GREY, RGB, RGBA = 1, 3, 4
COLOURS = MappingProxyType({GREY: "grey", RGB: "RGB", RGBA: "RGBA"})
"""What images can be rendered to, by their number of channels; any other number takes arrays."""

FOLDER, WINDOWS = "folder:", "windows:"
FOLDERS = (FOLDER, WINDOWS)
"""What the names of data in a folder begin with: images in a folder for each class, pictures to cut up."""
TENSORS = "tensors:"
"""What the name of data in one file begins with: safetensors with ``images`` and ``labels``."""
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

SHORT_SIDE = 256
"""Pixels of the shorter side of a folder's images, where nobody says how many networks look at."""
TRAIN_WINDOWS = 200
"""Training windows cut from each photograph or picture."""
NARROW_PHOTOGRAPHS = ("page", "text")
"""Photographs whose held-out third has no room for windows that judge beside others that confirm."""
FEWEST_APART = 400
"""Held-out images that are set apart to confirm an answer, and that are left to judge networks, at the least;
fewer only where fewer are asked for.

Of n images a share of 1/2 that is named rightly has a standard error of 50 / sqrt(n) points: 2.5 of 400, as
much as seeds make a run differ after some 16,000 images. Fewer would say less of the networks than of
themselves.
"""


class DataError(ScalesearchError):
    """The data cannot be used; the message names the option, its value and what would do."""


class ImageRow(NamedTuple):
    """An image file of a dataset: path there, class, side, and its bytes' SHA-256.

    A side is ``train``, ``held out`` or ``set apart``.
    """

    file: str
    label: str
    side: str
    sha256: str


def _with_its_kind(name: str) -> str:
    """What would do where the path of data is given alone: its kind before it; empty elsewhere."""
    if "\0" in name or not name.strip():
        return ""
    if Path(name).is_dir():
        return f", which is a folder: give it as {FOLDER}{name}, or as {WINDOWS}{name} for pictures to cut up"
    return f", which is a file: give it as {TENSORS}{name}" if Path(name).is_file() else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSize:
    """What a run needs to know of a dataset before any image is loaded.

    Attributes:
        classes: how many.
        train_images: how many images there are to train on.
        digest: tells the data, files and labels, from any other; empty where it is not known.
        images: of a folder, all of them; of pictures that are cut up, each on both sides.
        apart: how many held-out images judge nothing but what confirms an answer; 0 where none are set apart.
    """

    classes: int
    train_images: int
    digest: str = ""
    images: tuple[ImageRow, ...] = field(default=(), repr=False)
    apart: int = 0


PHOTOGRAPHS_SIZE = DataSize(classes=len(PHOTOGRAPHS), train_images=TRAIN_WINDOWS * len(PHOTOGRAPHS))


def photographs_size(*, apart: int) -> DataSize:
    """What a run needs to know of the photographs; ``apart`` is how many windows are to be set apart."""
    able = len(PHOTOGRAPHS) - len(NARROW_PHOTOGRAPHS)
    return replace(PHOTOGRAPHS_SIZE, digest=photographs_digest(), apart=apart and able * each_of(apart, able))


def each_of(images: int, classes: int) -> int:
    """How many of each class make about so many images in all, one at the least."""
    return max(1, round(images / classes))


def photographs_digest() -> str:
    """Tells the photographs, which come with a version of scikit-image, from any other data."""
    content = repr(("photographs", version("scikit-image"), PHOTOGRAPHS, TRAIN_WINDOWS))
    return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """A dataset by name.

    ``photographs``, ``cifar10``, ``cifar100``, ``folder:PATH``, ``windows:PATH`` or ``tensors:FILE``.

    ``held_out`` is how many images judge a candidate, at most. Nothing is fetched unless ``download``.
    ``in_channels`` are those of every image: see :data:`COLOURS`. ``digest`` is that of the only data that
    will do; empty where any will. ``short_side`` is the most pixels that the shorter side of a folder's
    images, or of a window of a picture, is kept at. ``apart``: where there are enough, some held-out images
    are set apart, and judge nothing but what confirms an answer. ``place`` is where the user's own data lie
    on this machine, where that isn't what ``name`` says: it is another machine's.

    Raises:
        ValueError: if the name is unknown, ``held_out`` below 2, or the data has no such channels.
    """

    name: str = "photographs"
    data_dir: str = "data"
    download: bool = False
    held_out: int = 900
    in_channels: int = RGB
    digest: str = ""
    short_side: int = SHORT_SIDE
    apart: bool = False
    place: str = ""

    def __post_init__(self) -> None:
        if self.name not in DATASETS and not self.at_path:
            raise ValueError(
                f"`dataset` must be one of {', '.join(DATASETS)}, {FOLDER}PATH, {WINDOWS}PATH or "
                f"{TENSORS}FILE, got "
                f"{self.name!r}{_with_its_kind(self.name) or near(self.name, DATASETS)}"
            )
        if self.at_path and not self._path.strip():
            prefix = self.name.removesuffix(self._path)
            what = "folder" if self.in_folder else "file"
            raise ValueError(f"`dataset` must name a {what} after {prefix!r}, got {self.name!r}")
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in self.name):
            # It is kept in files of text, such as run.toml.
            raise ValueError(
                f"`dataset` must have a name without control characters and stray bytes, got "
                f"{printable(self.name)}; rename the folder, or make a link to it"
            )
        if self.held_out < 2:
            raise ValueError(f"`held_out` must be >= 2, got {self.held_out}")
        if self.in_channels < 1:
            raise ValueError(f"`in_channels` must be >= 1, got {self.in_channels}")
        if self.in_channels not in COLOURS and not self.at_path:
            raise ValueError(
                f"`in_channels` must be 1 (grey), 3 (RGB) or 4 (RGBA) for {self.name}, got "
                f"{self.in_channels}; any other number takes {FOLDER}PATH with .npy arrays (height, width, "
                "channels)"
            )

    @property
    def in_folder(self) -> bool:
        """Whether the data are images in a folder of the user's."""
        return self.name.startswith(FOLDERS)

    @property
    def at_path(self) -> bool:
        """Whether the data are the user's own, in a folder or a file."""
        return self.in_folder or self.name.startswith(TENSORS)

    @property
    def _path(self) -> str:
        return self.name.partition(":")[2]

    @property
    def folder(self) -> Path:
        """Where ``folder:PATH``, ``windows:PATH`` or ``tensors:FILE`` lies, ``~`` being the user's own."""
        folder = Path(self.place or self._path)
        try:
            return folder.expanduser()
        except RuntimeError:  # of a user who is not known here
            return folder

    def from_the_root_on(self) -> DataSpec:
        """The data with their places from the root of the file system on, as other machines look for them."""
        place = str(self.folder.absolute()) if self.at_path else ""
        return replace(self, place=place, data_dir=str(Path(self.data_dir).expanduser().absolute()))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; ``DataSpec(**data)`` turns it back."""
        return asdict(self)
