"""Datasets that lie on disk: CIFAR through torchvision, and any folder of images with one folder a class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional as F

from scalesearch.proxy.channels import from_rgb
from scalesearch.proxy.dataset import COLOURS, GREY, RGB, RGBA
from scalesearch.proxy.source import DataError, Examples, ImageSource

__all__ = ["load_cifar", "load_folder"]

HELD_OUT_SHARE = 0.2
SPLIT_SEED = 20190528
CACHE_BYTES = 2 * 1024**3
LONGEST_SHORT_SIDE = 256
ARRAY = ".npy"
MODES = {GREY: "L", RGB: "RGB", RGBA: "RGBA"}
# Formats whose mode I holds values from 0 to 65535: of PNG as they are, of PGM as Pillow scales them.
SIXTEEN_BITS = ("PNG", "PPM")

Progress = Callable[[Iterable[Path], int, str], Iterable[Path]]


def _pixels(image: Image.Image, in_channels: int) -> torch.Tensor:
    """uint8 (in_channels, height, width)."""
    array = np.array(image.convert(MODES[in_channels]))
    return torch.from_numpy(array if array.ndim == 3 else array[:, :, None]).permute(2, 0, 1)


def _shuffled_classes(labels: Sequence[int]) -> Iterator[list[int]]:
    """The indices of each class in turn, in an order that depends on the labels alone."""
    by_class: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        by_class.setdefault(label, []).append(index)
    generator = torch.Generator().manual_seed(SPLIT_SEED)
    for label in sorted(by_class):
        order = torch.randperm(len(by_class[label]), generator=generator).tolist()
        yield [by_class[label][i] for i in order]


def split(labels: Sequence[int], held_out: int) -> tuple[list[int], list[int]]:
    """Indices for training and for judging: stratified, at most a fifth of each class is held out.

    Every class of at least two images keeps at least one on each side.
    """
    per_class = max(1, held_out // len(set(labels)))
    train: list[int] = []
    judged: list[int] = []
    for members in _shuffled_classes(labels):
        count = min(per_class, max(1, int(len(members) * HELD_OUT_SHARE)))
        judged += members[:count]
        train += members[count:]
    return sorted(train), sorted(judged)


def _at_most(labels: Sequence[int], count: int) -> list[int]:
    """Indices of about ``count`` images, equally many of each class where there are enough."""
    per_class = max(1, count // len(set(labels)))
    return sorted(i for members in _shuffled_classes(labels) for i in members[:per_class])


def load_cifar(
    name: str, data_dir: Path, *, download: bool, held_out: int, in_channels: int = RGB
) -> ImageSource:
    """CIFAR-10 or CIFAR-100. The judges are held out of the training images: the test set stays unseen.

    torchvision checks the files' checksums before it opens them.

    Raises:
        DataError: if the files are not there (and ``download`` is off) or cannot be had.
    """
    from torchvision.datasets import CIFAR10, CIFAR100

    dataset = CIFAR10 if name == "cifar10" else CIFAR100
    try:
        images = dataset(root=str(data_dir), train=True, download=download)
    except (RuntimeError, OSError) as error:
        if download:
            raise DataError(f"`download` could not fetch {name}: {error}") from error
        raise DataError(
            f"`data_dir` must hold {name}, got {data_dir}: not found there or damaged; "
            "add --download to fetch it"
        ) from error
    tensors = from_rgb(torch.from_numpy(images.data).permute(0, 3, 1, 2), in_channels)
    train, judged = split(images.targets, held_out)
    return ImageSource(
        classes=tuple(images.classes),
        train=Examples([(tensors[i], images.targets[i]) for i in train]),
        held_out=Examples([(tensors[i], images.targets[i]) for i in judged]),
    )


class _Files(Dataset[tuple[torch.Tensor, int]]):
    """Files of images, decoded when first asked for and kept in memory up to a bound."""

    def __init__(self, items: Sequence[tuple[Path, int]], in_channels: int) -> None:
        self._items = items
        self._in_channels = in_channels
        self._kept: dict[int, torch.Tensor] = {}
        self._room = CACHE_BYTES

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path, label = self._items[index]
        pixels = self._kept.get(index)
        if pixels is None:
            pixels = _decode(path, self._in_channels)
            if self._room >= pixels.nbytes:
                self._room -= pixels.nbytes
                self._kept[index] = pixels
        return pixels, label


def _decode(path: Path, in_channels: int) -> torch.Tensor:
    """The image as uint8 (in_channels, height, width), its shorter side at most 256 pixels.

    Raises:
        DataError: if the file is not a whole image, or an array of another kind; the message names it.
    """
    if path.suffix.lower() == ARRAY:
        return _array(path, in_channels)
    if in_channels not in COLOURS:
        raise DataError(
            f"`dataset` must hold {ARRAY} arrays of shape (height, width, {in_channels}) for {in_channels} "
            f"channels, got an image: {path}"
        )
    try:
        with Image.open(path) as image:
            image.draft("RGB", (LONGEST_SHORT_SIDE, LONGEST_SHORT_SIDE))
            shrink = LONGEST_SHORT_SIDE / min(image.size)
            plain = _eight_bits(image, path)
            if shrink < 1:
                size = (round(image.width * shrink), round(image.height * shrink))
                smaller = plain.convert(MODES[in_channels]).resize(size, Image.Resampling.LANCZOS)
                return _pixels(smaller, in_channels)
            return _pixels(plain, in_channels)
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        raise DataError(f"`dataset` holds a broken image: {path} ({error})") from error


def _eight_bits(image: Image.Image, path: Path) -> Image.Image:
    """The image with 8 bits a channel: Pillow's own conversion cuts larger values off at 255.

    Raises:
        DataError: if its values have no known range.
    """
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in SIXTEEN_BITS):
        return Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise DataError(
            f"`dataset` must hold images of 8 or 16 bits a channel, got one of mode {image.mode}, 32 bits "
            f"whose white is not known: {path}"
        )
    return image


def _array(path: Path, in_channels: int) -> torch.Tensor:
    """An array of uint8 (height, width, in_channels) as an image; a grey one may lack its last axis."""
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"`dataset` holds a broken array: {path} ({error})") from error
    pixels = array[:, :, None] if array.ndim == 2 and in_channels == GREY else array
    if pixels.ndim != 3 or pixels.shape[2] != in_channels or pixels.dtype != np.uint8 or 0 in pixels.shape:
        raise DataError(
            f"`dataset` must hold arrays of uint8 and shape (height, width, {in_channels}) for {in_channels} "
            f"channel{'s' * (in_channels > 1)} in, got {array.dtype} of shape {array.shape}: {path}"
        )
    image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    if min(image.shape[1:]) > LONGEST_SHORT_SIDE:
        image = F.resize(image, [LONGEST_SHORT_SIDE], antialias=True)
    return image


def load_folder(
    root: Path,
    *,
    held_out: int,
    check: bool,
    in_channels: int = RGB,
    progress: Progress = lambda paths, _count, _label: paths,
) -> ImageSource:
    """A folder with one folder of images for each class, or two such folders named ``train`` and ``val``.

    Images are converted to grey (1 channel), RGB (3) or RGBA (4, opaque where a file has no alpha); arrays in
    ``.npy`` files are taken as they are, for any number of channels; 1, 3 and 4 of them are always taken for
    grey, RGB and RGBA. Beside images that can be converted, arrays are none of the data.

    Args:
        root: the folder.
        held_out: how many images to hold out at most, where the folder does not say which.
        check: decode every image once, so that a broken one is found before anything is trained.
        in_channels: of every image.
        progress: wraps the paths being checked, with their number and a label, to show how far it is.

    Raises:
        DataError: if the folder is missing, has fewer than two classes, a class too small, or a broken image.
    """
    from torchvision.datasets import DatasetFolder
    from torchvision.datasets.folder import IMG_EXTENSIONS

    option = f"`dataset` folder:{root}"
    if not root.is_dir():
        raise DataError(f"{option} must be a folder with one folder of images per class, got none there")
    halves = [root / "train", root / "val"]
    published_split = all(half.is_dir() for half in halves)

    def found(*extensions: str) -> list[DatasetFolder]:
        folders = halves if published_split else [root]
        return [DatasetFolder(str(folder), Path, extensions=extensions) for folder in folders]

    try:
        sets = found(*IMG_EXTENSIONS, ARRAY)
        arrays = [path.lower().endswith(ARRAY) for one in sets for path, _ in one.samples]
        if in_channels in COLOURS and any(arrays) and not all(arrays):
            sets = found(*IMG_EXTENSIONS)
    except FileNotFoundError as error:
        raise DataError(f"{option} must hold images in every class folder: {error}") from error
    classes = sets[0].classes
    if len(classes) < 2:
        raise DataError(f"{option} must hold at least 2 classes, got {len(classes)}: {', '.join(classes)}")
    if published_split and sets[1].classes != classes:
        raise DataError(f"{option} must have the same classes in train and val, got different ones")
    samples = [[(Path(path), label) for path, label in one.samples] for one in sets]
    for label, name in enumerate(classes):
        count = sum(1 for _, other in samples[0] if other == label)
        if count < 2:
            raise DataError(f"{option} must hold at least 2 images per class, got {count} of {name!r}")
    if published_split:
        train = samples[0]
        judged = [samples[1][i] for i in _at_most([label for _, label in samples[1]], held_out)]
    else:
        train_indices, judged_indices = split([label for _, label in samples[0]], held_out)
        train = [samples[0][i] for i in train_indices]
        judged = [samples[0][i] for i in judged_indices]
    if check:
        paths = [path for path, _ in train + judged]
        for path in progress(paths, len(paths), "Checking images"):
            _decode(path, in_channels)
    return ImageSource(
        classes=tuple(classes), train=_Files(train, in_channels), held_out=_Files(judged, in_channels)
    )
