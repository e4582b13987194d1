"""Data sets as tensors: the embedded photographs, CIFAR, folders, windows of large pictures, tensors."""

from __future__ import annotations

import hashlib
import math
import mmap
import os
import secrets
import shutil
import struct
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import PIL
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional as F

from scalesearch.files import inside, write_bytes
from scalesearch.text import one_line, printable
from scalesearch.training.dataset import (
    COLOURS,
    FEWEST_APART,
    GREY,
    NARROW_PHOTOGRAPHS,
    PHOTOGRAPHS,
    RGB,
    RGBA,
    SHORT_SIDE,
    TRAIN_WINDOWS,
    WINDOWS,
    DataError,
    DataSize,
    DataSpec,
    each_of,
    photographs_digest,
)
from scalesearch.training.folders import (
    DECODING,
    ListedImage,
    Listing,
    Progress,
    candidates,
    decode,
    inspect,
    layout,
    listed,
    listed_pictures,
    memory_folder,
    on_all_cores,
    open_file,
    pictures,
    quiet,
    read_tree,
)

# ----------------------------------------------------------------------------------------------------
# What every dataset is to a proxy run: two sets of source images with labels, never rendered yet.


class Images(Dataset[tuple[torch.Tensor, int]]):
    """One part of a dataset: uint8 (channels, height, width) each, with a label from 0."""

    def __len__(self) -> int:
        raise NotImplementedError

    def read_ahead(self, indices: Iterable[int]) -> None:
        """Has those images read that still have to be, on all cores."""


class Examples(Images):
    """Images held in memory: uint8 (channels, height, width) each, with a label from 0."""

    def __init__(self, items: Sequence[tuple[torch.Tensor, int]]) -> None:
        self._items = items

    @property
    def items(self) -> Sequence[tuple[torch.Tensor, int]]:
        """All of them."""
        return self._items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self._items[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSource:
    """A dataset at its source's own sizes. No training run sees the held-out part.

    ``known_digest`` is the dataset's digest where it is known without looking at every pixel, ``short_side``
    the most pixels that an image's shorter side has, where there is such a bound (else 0). ``apart`` are
    held-out images that judge nothing but what confirms an answer; ``confirming``: they are the held-out
    part.
    """

    classes: tuple[str, ...]
    train: Images
    held_out: Images
    known_digest: str = ""
    short_side: int = 0
    apart: Images | None = None
    confirming: bool = False

    @property
    def digest(self) -> str:
        """Tells the data from any other: its images, their labels and order, and which are held out."""
        if self.known_digest:
            return self.known_digest
        digest = hashlib.sha256("\0".join(self.classes).encode("utf-8", "surrogateescape"))
        for part in (self.train, self.held_out, *(() if self.apart is None else (self.apart,))):
            count = len(part)
            digest.update(f"\n{count}\n".encode())
            # In memory they are hashed as they lie there: nothing is rendered, drawn or read for it.
            items = part.items if isinstance(part, Examples) else (part[index] for index in range(count))
            for image, label in items:
                digest.update(f"{label} {tuple(image.shape)} ".encode())
                digest.update(image.contiguous().numpy().data)
        return digest.hexdigest()

    def to_confirm(self) -> ImageSource:
        """The same to train on, judged by what was set apart.

        Raises:
            DataError: if nothing was.
        """
        if self.apart is None:
            raise DataError("`dataset` must have images set apart to confirm an answer by, got none")
        return replace(self, held_out=self.apart, known_digest=self.digest, apart=None, confirming=True)


# ----------------------------------------------------------------------------------------------------
# Images of any number of channels: how colours become grey or RGBA, and how each is normalised.

# The usual channel statistics of photographs (ImageNet's), on a scale of 0 to 255.
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
# Red, green and blue in grey (ITU-R BT.601), as Pillow and torchvision mix them.
LUMA = (0.299, 0.587, 0.114)
# Of values that are spread evenly over 0 to 255: all that can be said of a channel of unknown meaning.
EVEN_MEAN, EVEN_STD = 127.5, 73.6


def statistics(channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, on a scale of 0 to 255.

    1, 3 and 4 channels are always taken for grey, RGB and RGBA, an array's too, whatever they are in it.
    Grey has the mixture of the colours', an alpha channel and channels of any other meaning those of values
    that are spread evenly.
    """
    if channels == GREY:
        return (_mixed(MEAN),), (_mixed(STD),)
    if channels in (RGB, RGBA):
        more = channels - RGB
        return MEAN + (EVEN_MEAN,) * more, STD + (EVEN_STD,) * more
    return (EVEN_MEAN,) * channels, (EVEN_STD,) * channels


def channel_names(channels: int) -> str:
    """What the channels are taken for: ``RGB``, ``grey``, ``RGBA``, or how many an array has."""
    return COLOURS.get(channels, f"{channels} channels of an array")


def from_rgb(images: torch.Tensor, channels: int) -> torch.Tensor:
    """uint8 RGB (..., 3, height, width) as grey, RGB or opaque RGBA: (..., channels, height, width)."""
    if channels == GREY:
        grey: torch.Tensor = F.rgb_to_grayscale(images)
        return grey
    if channels == RGBA:
        return torch.cat([images, torch.full_like(images[..., :1, :, :], 255)], dim=-3)
    return images


def _mixed(values: tuple[float, ...]) -> float:
    return round(sum(share * value for share, value in zip(LUMA, values, strict=True)), 3)


# ----------------------------------------------------------------------------------------------------
# The embedded data: 18 photographs and textures that scikit-image's wheel ships, as a classification task.
#
# A class is a photograph; an example is a square window of it. Windows for training come from the first two
# thirds of a photograph along its longer side, held-out windows from the last third, so the two never share
# a pixel. Windows keep the source's pixels: a network's own resolution decides how much of them it gets to
# see. Windows that confirm come from a band across the last third, which those that judge then keep out of.

WINDOW = 112
"""Side of a window in source pixels: the most that fits the held-out third of the smallest photographs."""
TRAIN_SHARE = 2 / 3
APART_SHARE = 2 / 5
"""Of the held-out third's other side, what is set apart: the most that leaves a window of the smallest."""
GAP = 8
"""Pixels between two parts: a picture made smaller has blurred its neighbours into each of its pixels."""
# The windows are part of the task, not of a run: the same for every seed that a run may have.
WINDOW_SEED = 20190528


def _photograph(name: str) -> torch.Tensor:
    """One photograph as uint8 (3, height, width)."""
    import skimage.data

    pixels = getattr(skimage.data, name)()
    if isinstance(pixels, tuple):  # the stereo pair: left image, right image, disparity
        pixels = pixels[0]
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def _regions(photograph: torch.Tensor, label: int, *, apart: bool) -> tuple[torch.Tensor, ...]:
    """The training part and the held-out part, split across the longer side.

    Where something is to be set apart, and there is room, the held-out part is split across the other side,
    and what is set apart comes third.
    """
    axis = 2 if photograph.shape[2] >= photograph.shape[1] else 1
    cut = int(photograph.shape[axis] * TRAIN_SHARE)
    train, held_out = (
        photograph.narrow(axis, 0, cut),
        photograph.narrow(axis, cut, photograph.shape[axis] - cut),
    )
    across = 3 - axis
    bands = _bands(held_out.shape[across], WINDOW, first=bool(label % 2)) if apart else None
    if bands is None:
        return train, held_out
    return train, *(held_out.narrow(across, low, high - low) for low, high in bands)


Band = tuple[int, int]
"""Where a part of a side begins and ends, in pixels."""


def _bands(extent: int, window: int, *, first: bool) -> tuple[Band, Band] | None:
    """The bands of a side in which windows judge, and confirm; None where there is no room for both.

    Args:
        extent: of the side, in pixels.
        window: side of a window.
        first: whether the band that is set apart comes first.
    """
    apart = int(extent * APART_SHARE) - GAP
    if apart < window:
        return None
    if first:
        return (apart + GAP, extent), (0, apart)
    return (0, extent - apart - GAP), (extent - apart, extent)


def _windows(region: torch.Tensor, count: int, generator: torch.Generator) -> list[torch.Tensor]:
    """Views of ``count`` windows at random places of a region; no pixel is copied."""
    height, width = region.shape[1:]
    tops = torch.randint(height - WINDOW + 1, (count,), generator=generator).tolist()
    lefts = torch.randint(width - WINDOW + 1, (count,), generator=generator).tolist()
    return [
        region[:, top : top + WINDOW, left : left + WINDOW] for top, left in zip(tops, lefts, strict=True)
    ]


def load_photographs(held_out: int, in_channels: int = RGB, *, apart: bool = False) -> ImageSource:
    """The photographs as 200 training windows a class and about ``held_out`` held-out windows in all.

    Args:
        held_out: windows that judge, and as many that confirm, where those are set apart.
        in_channels: 3 for colour, 1 for grey, 4 for colour and an alpha channel, all of it opaque.
        apart: whether a part of each photograph that is wide enough is set apart.
    """
    # What is set apart has numbers of its own: training windows are the same with and without.
    generator, other = (torch.Generator().manual_seed(WINDOW_SEED + k) for k in range(2))
    able = len(PHOTOGRAPHS) - len(NARROW_PHOTOGRAPHS)
    train: list[tuple[torch.Tensor, int]] = []
    judged: list[tuple[torch.Tensor, int]] = []
    confirming: list[tuple[torch.Tensor, int]] = []
    for label, name in enumerate(PHOTOGRAPHS):
        train_region, held_out_region, *rest = _regions(
            from_rgb(_photograph(name), in_channels), label, apart=apart
        )
        train += [(w, label) for w in _windows(train_region, TRAIN_WINDOWS, generator)]
        count = each_of(held_out, len(PHOTOGRAPHS))
        judged += [(w, label) for w in _windows(held_out_region, count, generator)]
        for region in rest:
            confirming += [(w, label) for w in _windows(region, each_of(held_out, able), other)]
    return ImageSource(
        classes=PHOTOGRAPHS,
        train=Examples(train),
        held_out=Examples(judged),
        known_digest=photographs_digest(),
        apart=Examples(confirming) if apart else None,
    )


# ----------------------------------------------------------------------------------------------------
# Decoded images kept on disk, in the user's cache folder, by the digests of the files that they come from.
#
# A training run sees each image many times and a search sees it in many runs; a photograph takes
# milliseconds to decode and no time to be looked up. Pixels are found by what was in their file, so a
# changed file is just another one. Each process appends to files of its own, pixels first and then where
# they lie, with a checksum: a torn end is as good as none. What can't be written is kept in memory as far
# as there is room.

Pixels = npt.NDArray[np.uint8]

# Digest of the file, where its pixels begin, height, width, and the pixels' checksum.
RECORD = struct.Struct("<32sQIII")
MOST_BYTES = 64 * 2**30
"""Of all stores together; those not used for longest are removed beyond it."""
FREE_BYTES = 2 * 2**30
"""Nothing is added to a disk that has no more than that left."""
CHECKED_EVERY = 64 * 2**20
MEMORY_BYTES = 2 * 2**30
"""Pixels kept in memory, by each process, where the disk takes none."""


class PixelStore:
    """The images of one dataset as uint8 (channels, height, width), decoded to one size.

    Attributes:
        short_side: the most pixels that an image's shorter side has.
        smallest: the fewest that an image's shorter and longer side had before it was decoded.
    """

    def __init__(self, root: str, channels: int, short_side: int, smallest: tuple[int, int] = (1, 1)) -> None:
        """The store of the dataset at ``root``.

        Args:
            root: the dataset's own path.
            channels: of every image.
            short_side: the most pixels that an image's shorter side has.
            smallest: the fewest that its shorter and longer side must have had.
        """
        self.short_side = short_side
        self.smallest = smallest
        self._channels = channels
        self._lock = threading.Lock()
        self._places: dict[bytes, tuple[Path, int, int, int, int]] = {}
        self._maps: dict[Path, Pixels] = {}
        self._sound: set[bytes] = set()
        self._memory: dict[bytes, torch.Tensor] = {}
        self._room = MEMORY_BYTES
        self._writer: _Writer | None = None
        folder = memory_folder()
        what = (os.fsencode(root), channels, short_side, *smallest, DECODING, PIL.__version__)
        name = f"pixels-{hashlib.sha256(repr(what).encode()).hexdigest()[:24]}"
        self._folder = None if folder is None else folder / name
        if self._folder is not None:
            self._read()

    def __contains__(self, digest: str) -> bool:
        """Whether the image of the file with that SHA-256 is there; it may turn out to be damaged."""
        key = bytes.fromhex(digest)
        return key in self._memory or key in self._places

    def size(self, digest: str) -> tuple[int, int] | None:
        """Height and width of the image of the file with that SHA-256; None where it has to be decoded."""
        key = bytes.fromhex(digest)
        if key in self._memory:
            height, width = self._memory[key].shape[1:]
            return height, width
        place = self._places.get(key)
        return None if place is None else place[2:4]

    def get(self, digest: str) -> torch.Tensor | None:
        """The image of the file with that SHA-256 (hexadecimal); None where it has to be decoded."""
        key = bytes.fromhex(digest)
        if key in self._memory:
            return self._memory[key]
        place = self._places.get(key)
        if place is None:
            return None
        path, begin, height, width, checksum = place
        count = self._channels * height * width
        flat = self._mapped(path, begin + count)
        pixels = None if flat is None else flat[begin : begin + count]
        if pixels is None or (key not in self._sound and zlib.crc32(pixels.data) != checksum):
            del self._places[key]
            return None
        self._sound.add(key)
        return torch.from_numpy(pixels).view(self._channels, height, width)

    def put(self, digest: str, decoded: Pixels) -> torch.Tensor:
        """Keeps what the file with that digest was decoded to, (height, width, channels), and gives it back.

        Returns:
            uint8 (channels, height, width), its shorter side as this store has it.
        """
        key = bytes.fromhex(digest)
        image = torch.from_numpy(np.ascontiguousarray(decoded.transpose(2, 0, 1)))
        if min(image.shape[1:]) > self.short_side:  # an array: images come smaller
            image = F.resize(image, [self.short_side], antialias=True)
        pixels = image.numpy()
        with self._lock:
            if self._folder is not None and (self._writer is None or self._writer.process != os.getpid()):
                self._writer = _Writer(self._folder)
            begin = None if self._writer is None else self._writer.append(key, pixels)
            if begin is not None and self._writer is not None:
                _, height, width = pixels.shape
                self._places[key] = (self._writer.path, begin, height, width, zlib.crc32(pixels.data))
            elif self._room >= pixels.nbytes:
                self._room -= pixels.nbytes
                self._memory[key] = image
        return image

    def _read(self) -> None:
        """Learns what lies where from the files of earlier processes."""
        assert self._folder is not None
        with suppress(OSError):
            os.utime(self._folder)  # it was asked for
        # What was decoded again, as it was damaged, was written later.
        for index in sorted(self._folder.glob("*.index"), key=lambda file: (_changed(file), file)):
            path = index.with_suffix(".pixels")
            try:
                records, length = index.read_bytes(), path.stat().st_size
            except OSError:
                continue
            for key, begin, height, width, checksum in RECORD.iter_unpack(
                records[: len(records) // RECORD.size * RECORD.size]
            ):
                if begin + self._channels * height * width <= length and height and width:
                    self._places[key] = (path, begin, height, width, checksum)

    def _mapped(self, path: Path, end: int) -> Pixels | None:
        """A file of pixels, at least as far as ``end``; None where it is shorter or gone."""
        flat = self._maps.get(path)
        if flat is None or len(flat) < end:
            try:
                with path.open("rb") as file:
                    # Of one's own: torch takes no memory that may not be written.
                    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            except (OSError, ValueError):
                return None
            flat = self._maps[path] = np.frombuffer(mapped, dtype=np.uint8)
        return flat if len(flat) >= end else None

    def __getstate__(self) -> dict[str, Any]:
        """Without what another process can't take over."""
        state = self.__dict__.copy()
        return state | {"_lock": None, "_maps": {}, "_writer": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()


class _Writer:
    """The files that one process appends to."""

    def __init__(self, folder: Path) -> None:
        self.process = os.getpid()
        self.path = folder / f"{self.process}-{secrets.token_hex(4)}.pixels"
        self._end = 0
        self._checked = -CHECKED_EVERY
        self._handles: tuple[int, int] | None = None
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            _make_room(folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
            paths = (self.path, self.path.with_suffix(".index"))
            self._handles = (os.open(paths[0], flags, 0o600), os.open(paths[1], flags, 0o600))

    def append(self, key: bytes, pixels: Pixels) -> int | None:
        """Writes an image and where it begins, which it returns; None where that failed."""
        if self._handles is None:
            return None
        data, index = self._handles
        try:
            if self._end - self._checked >= CHECKED_EVERY:
                self._checked = self._end
                if shutil.disk_usage(self.path.parent).free < FREE_BYTES:
                    raise OSError("the disk is nearly full")
            _, height, width = pixels.shape
            begin = self._end
            _write(data, pixels.data.cast("B"))
            _write(index, memoryview(RECORD.pack(key, begin, height, width, zlib.crc32(pixels.data))))
        except OSError:
            # Half an image may be there now: nothing is written behind it.
            self._handles = None
            for handle in (data, index):
                os.close(handle)
            return None
        self._end += pixels.nbytes
        return begin


def _changed(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _write(handle: int, data: memoryview) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _make_room(folder: Path) -> None:
    """Removes the stores not used for longest where all together are too large."""
    stores = []
    for store in folder.parent.glob("pixels-*"):
        with suppress(OSError):
            used = sum(file.stat().st_size for file in store.iterdir())
            stores.append((store.stat().st_mtime, used, store))
    excess = sum(used for _, used, _ in stores) - MOST_BYTES
    for changed, used, store in sorted(stores):
        if excess <= 0:
            return
        if store != folder and time.time() - changed > 3600:  # nor one that is in use
            shutil.rmtree(store, ignore_errors=True)
            excess -= used


# ----------------------------------------------------------------------------------------------------
# Datasets that lie on disk: CIFAR through torchvision, and any folder of images with one folder a class.

HELD_OUT_SHARE = 0.2
SPLIT_SEED = 20190528
MANY = 200_000
"""Images past which a folder is not read whole before the first step."""
MANY_NOTE = (
    "{:,} images are too many to be read beforehand: each is read when training comes to it, is told from "
    "others by its name, its length and its first and last bytes, and copies are not looked for"
)


def _shuffled_classes(labels: Sequence[int]) -> Iterator[list[int]]:
    """The indices of each class in turn, in an order that depends on the labels alone."""
    by_class: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        by_class.setdefault(label, []).append(index)
    generator = torch.Generator().manual_seed(SPLIT_SEED)
    for label in sorted(by_class):
        order = torch.randperm(len(by_class[label]), generator=generator).tolist()
        yield [by_class[label][i] for i in order]


Indices = list[int]


def split(labels: Sequence[int], held_out: int, *, apart: bool = False) -> tuple[Indices, Indices, Indices]:
    """Indices for training, for judging, and for confirming: stratified, at most a fifth of a class held out.

    Every class of at least two images keeps at least one to train on and one that judges.

    Args:
        labels: of all images.
        held_out: how many are to judge, at most.
        apart: whether images are set apart to confirm, where there are enough; else there are none.
    """
    classes = list(_shuffled_classes(labels))
    room = [max(1, int(len(members) * HELD_OUT_SHARE)) for members in classes]
    return _cut(classes, _shared_out(room, held_out, apart=apart))


def _judges(labels: Sequence[int], held_out: int, *, apart: bool = False) -> tuple[Indices, Indices]:
    """Indices for judging and for confirming, of a part that is all held out; see :func:`split`."""
    classes = list(_shuffled_classes(labels))
    _, judged, confirming = _cut(classes, _shared_out(list(map(len, classes)), held_out, apart=apart))
    return judged, confirming


def _cut(
    classes: Sequence[Sequence[int]], counts: Sequence[tuple[int, int]]
) -> tuple[Indices, Indices, Indices]:
    """What is left of each class, its first so many members, and so many that follow."""
    rest: Indices = []
    judged: Indices = []
    confirming: Indices = []
    for members, (first, second) in zip(classes, counts, strict=True):
        judged += members[:first]
        confirming += members[first : first + second]
        rest += members[first + second :]
    return sorted(rest), sorted(judged), sorted(confirming)


def _shared_out(room: Sequence[int], held_out: int, *, apart: bool) -> list[tuple[int, int]]:
    """How many images of each class judge, and how many are set apart to confirm.

    Those that judge are as many as without any set apart, where that leaves ``FEWEST_APART`` to confirm;
    else, where there are twice that, so many are set apart of them.

    Args:
        room: how many images of each class may be held out.
        held_out: how many are to judge, at most: equally many of each class that has them.
        apart: whether any are to be set apart.
    """
    each = max(1, held_out // len(room))
    judged = [min(each, images) for images in room]
    if not apart:
        return [(count, 0) for count in judged]
    wanted = -(-max(held_out, FEWEST_APART) // len(room))
    confirming = [min(wanted, images - count) for images, count in zip(room, judged, strict=True)]
    if sum(confirming) < FEWEST_APART:
        reach = [min(images, each + wanted) for images in room]
        share = FEWEST_APART / sum(reach)
        confirming = [min(images - 1, math.ceil(images * share)) for images in reach]
        fewer = [min(each, images - count) for images, count in zip(reach, confirming, strict=True)]
        if min(sum(confirming), sum(fewer)) < FEWEST_APART:
            return [(count, 0) for count in judged]
        judged = fewer
    return list(zip(judged, confirming, strict=True))


def load_cifar(
    name: str,
    data_dir: Path,
    *,
    download: bool,
    held_out: int,
    in_channels: int = RGB,
    apart: bool = False,
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
    # The files are those of these checksums, or torchvision had refused them.
    files = repr((name, images.train_list, images.meta, in_channels, SPLIT_SEED, HELD_OUT_SHARE))
    digest = hashlib.sha256(files.encode()).hexdigest()
    parts = split(images.targets, held_out, apart=apart)
    return _in_parts(tensors, images.targets, parts, images.classes, digest)


def _in_parts(
    images: torch.Tensor,
    targets: Sequence[int],
    parts: Sequence[Indices],
    names: Iterable[str],
    digest: str,
) -> ImageSource:
    """Images in memory, split as the indices of the parts say: to train, to judge and to confirm."""
    train, judged, confirming = (Examples([(images[i], targets[i]) for i in part]) for part in parts)
    return ImageSource(
        classes=tuple(names),
        train=train,
        held_out=judged,
        known_digest=digest,
        apart=confirming if len(confirming) else None,
    )


def load_tensors(path: Path, *, held_out: int, in_channels: int = RGB, apart: bool = False) -> ImageSource:
    """Images and labels in one file, as :func:`write_tensors` writes it; it is read as safetensors alone.

    Raises:
        DataError: if the file is none, or its images have other channels.
    """
    try:
        content = path.read_bytes()
        tensors = safetensors.torch.load(content)
        images, labels = checked_tensors(tensors["images"], tensors["labels"])
    except OSError as error:
        raise DataError(
            f"`dataset` must name a readable file, got {path}: {error.strerror or error}"
        ) from error
    except (SafetensorError, KeyError) as error:
        raise DataError(
            f"`dataset` must name a safetensors file with images and labels, got {path}: {one_line(error)}"
        ) from error
    if images.shape[1] != in_channels:
        raise DataError(
            f"`in_channels` must be {images.shape[1]}, as the images of {path} have, got {in_channels}"
        )
    targets: list[int] = labels.tolist()
    digest = hashlib.sha256(repr((SPLIT_SEED, HELD_OUT_SHARE)).encode() + content).hexdigest()
    parts = split(targets, held_out, apart=apart)
    return _in_parts(images, targets, parts, map(str, range(max(targets) + 1)), digest)


def write_tensors(images: torch.Tensor, labels: torch.Tensor, folder: Path) -> Path:
    """Writes images and labels into a file that is named by their content; returns it.

    Args:
        images: (N, channels, height, width), uint8, or floats from 0 to 1.
        labels: (N,) whole numbers from 0 on; each class twice at the least.
        folder: where the file goes.

    Raises:
        DataError: naming ``dataset``, if they are not as said.
        OSError: if it can't be written.
    """
    images, labels = checked_tensors(images, labels)
    content = safetensors.torch.save({"images": images, "labels": labels})
    path = inside(folder, f"{hashlib.sha256(content).hexdigest()[:24]}.safetensors")
    return path if path.exists() else write_bytes(path, content)


def checked_tensors(images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Images as uint8 (N, channels, height, width) and labels as int64 (N,).

    Raises:
        DataError: naming ``dataset``, if they can't be that.
    """
    if images.ndim != 4 or labels.ndim != 1 or len(images) != len(labels) or not images.numel():
        raise DataError(
            "`dataset` must have images (N, channels, height, width) and as many labels (N,), got "
            f"{tuple(images.shape)} and {tuple(labels.shape)}"
        )
    if images.is_floating_point():
        low, high = images.amin().item(), images.amax().item()
        if not 0 <= low <= high <= 1:
            raise DataError(
                "`dataset` must have images of uint8, or of floats from 0 to 1 (not normalised), got "
                f"{low:g} to {high:g}"
            )
        images = (images * 255).round().to(torch.uint8)
    if images.dtype != torch.uint8 or labels.is_floating_point() or labels.dtype == torch.bool:
        raise DataError(
            "`dataset` must have images of uint8, or of floats from 0 to 1, and whole numbers for labels, "
            f"got {images.dtype} and {labels.dtype}"
        )
    labels = labels.to(torch.int64)
    counts = labels.clamp(min=0).bincount()
    if labels.amin() < 0 or len(counts) < 2 or counts.amin() < 2:
        raise DataError(
            "`dataset` must have labels from 0 on, two classes and two images of each at the least, got "
            f"labels from {labels.amin().item()} to {labels.amax().item()}, {counts.amin().item()} images of "
            "one class"
        )
    return images.cpu().contiguous(), labels.cpu()


class Files(Images):
    """Listed files, decoded when first asked for and looked up from then on."""

    def __init__(self, images: Sequence[ListedImage], in_channels: int, store: PixelStore) -> None:
        self._images, self._in_channels, self._store = images, in_channels, store

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = self._images[index]
        pixels = self._store.get(image.digest)
        if pixels is None:
            with quiet():
                pixels = self._decoded(image)
        return pixels, image.label

    def read_ahead(self, indices: Iterable[int]) -> None:
        """See :class:`Images`.

        Raises:
            DataError: if a file is not a whole image, an array of another kind, or no longer what was listed.
        """
        missing = [self._images[i] for i in indices if self._images[i].digest not in self._store]
        if missing:
            with quiet():
                for _ in on_all_cores(self._decoded, missing):
                    pass

    def size(self, index: int) -> tuple[int, int]:
        """Height and width of an image, which is decoded where that is not known."""
        known = self._store.size(self._images[index].digest)
        if known is None:
            height, width = self[index][0].shape[1:]
            return height, width
        return known

    def _decoded(self, image: ListedImage) -> torch.Tensor:
        with open_file(image.path, image.stamp) as file:
            array = decode(file, image.path, self._in_channels, self._store.short_side, self._store.smallest)
        return self._store.put(image.digest, array)


def load_folder(
    root: Path,
    *,
    held_out: int,
    check: bool,
    in_channels: int = RGB,
    short_side: int = SHORT_SIDE,
    apart: bool = False,
) -> ImageSource:
    """The images of a folder, as :func:`list_folder` lists them, decoded when they are asked for.

    Raises:
        DataError: as there.
    """
    store = PixelStore(str(root.resolve()), in_channels, short_side)
    listing = list_folder(
        root, held_out=held_out, check=store if check else None, in_channels=in_channels, apart=apart
    )
    return ImageSource(
        classes=listing.classes,
        train=Files(listing.train, in_channels, store),
        held_out=Files(listing.judged, in_channels, store),
        known_digest=listing.digest,
        short_side=short_side,
        apart=Files(listing.apart, in_channels, store) if listing.apart else None,
    )


def list_folder(
    root: Path,
    *,
    held_out: int,
    check: PixelStore | None = None,
    in_channels: int = RGB,
    apart: bool = False,
    progress: Progress = lambda items, _count, _label: items,
) -> Listing:
    """A folder with one folder of images for each class, or ``train``, ``val`` and ``test`` of such.

    The part to judge on is known by any common name, in any case; a test part is never looked at. Images are
    converted to grey (1 channel), RGB (3) or RGBA (4, opaque where a file has no alpha); arrays in ``.npy``
    files are taken as they are, for any number of channels; 1, 3 and 4 of them are always taken for grey, RGB
    and RGBA. Beside images that can be converted, arrays are none of the data.

    More images than :data:`MANY` are only looked at: none is decoded, and copies are not looked for.

    Args:
        root: the folder.
        held_out: how many images to hold out at most.
        check: decode every image that is not in this store into it, so that a broken one is found before
            anything is trained.
        in_channels: of every image.
        apart: whether images are set apart to confirm, where there are enough.
        progress: wraps the images being checked, with their number and a label, to show how far it is.

    Raises:
        DataError: if the folder is missing, has fewer than two classes, a class too small, or a broken image.
    """
    tree = read_tree(root)
    files = candidates(tree, layout(tree), arrays_alone=in_channels not in COLOURS)
    images = (*files.train, *(files.judged or ()))
    few = len(images) <= MANY
    digests = inspect(
        [(image.path, image.stamp) for image in images],
        str(root.resolve()),
        channels=in_channels,
        store=check if few else None,
        whole=few,
        progress=progress,
    )
    if not few:  # what is alike at its ends need not be alike
        digests = [
            hashlib.sha256(f"{digest} {image.name!r}".encode()).hexdigest()
            for image, digest in zip(images, digests, strict=True)
        ]
    by_path = {image.path: digest for image, digest in zip(images, digests, strict=True)}
    listing = listed(
        str(root), files, by_path, partial(split, apart=apart), partial(_judges, apart=apart), held_out
    )
    return listing if few else replace(listing, notes=(*listing.notes, MANY_NOTE.format(len(images))))


# ----------------------------------------------------------------------------------------------------
# Windows of large pictures: any folder of them is data, a class each; no labels are needed.
#
# A picture is split as the embedded photographs are: windows from the first two thirds of its longer side
# are trained on, windows from the last third judge. A window is a square as high as a quarter of the
# picture's shorter side, but of no fewer than 112 of its pixels where there are so many: small pictures
# lose no pixel, large ones are kept so small that a window has as many pixels as the run's largest network
# looks at, and shows the same part of the picture whatever that is. What confirms comes from a band across
# the last third of each picture that is wide enough, which what judges then keeps out of.

FEWEST_PIXELS = 112
"""Side of a window in pixels of the picture, where that has so many and a quarter of it has fewer."""
PARTS = 4
"""So many windows side by side are as high as a large picture."""
SMALLEST = (64, 3 * (64 + GAP))
"""Fewest pixels of a picture's shorter and longer side: a window of 64 fits into both of its parts."""
MOST_PICTURES = 10_000
"""A class each: no classifier of a short run tells more apart."""
CUTTING = 1
"""To be raised with every change of where windows lie: the same pictures are then other data."""


def picture_store(root: Path, in_channels: int, short_side: int) -> PixelStore:
    """The store of a folder's pictures, for windows of so many pixels at most."""
    return PixelStore(
        f"{WINDOWS}{root.resolve()}", in_channels, PARTS * max(short_side, FEWEST_PIXELS), SMALLEST
    )


def list_pictures(
    root: Path,
    *,
    check: PixelStore | None = None,
    in_channels: int = RGB,
    progress: Progress = lambda items, _count, _label: items,
) -> Listing:
    """All pictures of a folder and of the folders in it, a class each; copies of the same bytes count once.

    Args:
        root: the folder.
        check: decode every picture that is not in this store into it, so that one that is broken, or too
            small to be cut up, is found before anything is trained.
        in_channels: of every picture, as of a folder's images.
        progress: wraps the pictures being checked, with their number and a label, to show how far it is.

    Raises:
        DataError: if the folder is missing, holds fewer than two pictures, too many, or a bad one.
    """
    files = pictures(read_tree(root, WINDOWS), arrays_alone=in_channels not in COLOURS)
    if len(files.train) > MOST_PICTURES:
        raise DataError(
            f"`dataset` {WINDOWS}{printable(root)} must hold at most {MOST_PICTURES:,} pictures, a class "
            f"each, got {len(files.train):,}; name a folder of fewer, or folder:PATH where images have labels"
        )
    digests = inspect(
        [(image.path, image.stamp) for image in files.train],
        f"{WINDOWS}{root.resolve()}",
        channels=in_channels,
        store=check,
        progress=progress,
    )
    by_path = {image.path: digest for image, digest in zip(files.train, digests, strict=True)}
    return listed_pictures(str(root), files, by_path)


LEAST_WIDE = 0.8
"""Of all pictures, how many must be wide enough for a band to be set apart, for any to be."""


def windows_size(listing: Listing, files: Files, *, apart: int) -> DataSize:
    """What a run needs to know of the windows of some pictures.

    Args:
        listing: the pictures.
        files: the same, to be decoded.
        apart: how many windows are to be set apart; none are where too few pictures are wide enough.
    """
    confirming = _Windows(files, listing, apart, "apart", apart=True)
    enough = apart and len(confirming.of) >= LEAST_WIDE * len(files)
    return DataSize(
        classes=len(listing.classes),
        train_images=TRAIN_WINDOWS * len(listing.classes),
        digest=_digest(listing),
        images=listing.rows,
        apart=len(confirming) if enough else 0,
    )


def load_windows(
    root: Path,
    *,
    held_out: int,
    check: bool = False,
    in_channels: int = RGB,
    short_side: int = SHORT_SIDE,
    apart: bool = False,
) -> ImageSource:
    """200 training windows of each picture, and about ``held_out`` in all that judge, at most so many.

    ``apart``: as many more are set apart to confirm, of each picture that is wide enough.

    Only the pictures are kept, on disk as a folder's images are, and windows are views of them: 5,000
    photographs at the least size take about 4 GB there, and little memory that others can't have. Where no
    disk takes them, each process keeps 2 GiB of them in memory and decodes the others whenever asked.

    Raises:
        DataError: as :func:`list_pictures`.
    """
    store = picture_store(root, in_channels, short_side)
    listing = list_pictures(root, check=store if check else None, in_channels=in_channels)
    files = Files(listing.train, in_channels, store)
    return ImageSource(
        classes=listing.classes,
        train=_Windows(files, listing, TRAIN_WINDOWS * len(files), "train"),
        held_out=_Windows(files, listing, held_out, "judged", apart=apart),
        known_digest=_digest(listing),
        short_side=store.short_side // PARTS,
        apart=_Windows(files, listing, held_out, "apart", apart=True) if apart else None,
    )


def _digest(listing: Listing) -> str:
    content = repr((WINDOWS, CUTTING, TRAIN_WINDOWS, listing.digest))
    return hashlib.sha256(content.encode()).hexdigest()


Part = Literal["train", "judged", "apart"]
"""What windows are for: training, judging, or confirming an answer."""


class _Windows(Images):
    """Windows of pictures, cut when they are asked for: as many of each, those of a picture one by one.

    Where there are fewer windows than pictures, so many pictures spread over all have one. Of those that
    judge or confirm there are no more than asked for.
    """

    def __init__(
        self, pictures: Files, listing: Listing, count: int, part: Part, *, apart: bool = False
    ) -> None:
        """``apart``: those that judge keep out of what is set apart."""
        self._pictures, self._asked, self._part, self._apart = pictures, count, part, apart
        self._digests = [image.digest for image in listing.train]

    @cached_property
    def of(self) -> Sequence[int]:
        """The pictures that they are windows of."""
        every = range(len(self._pictures))
        if self._part != "apart":
            return every
        sizes = map(self._pictures.size, every)
        return [i for i, size in zip(every, sizes, strict=True) if _extent(*size, "apart", first=True)]

    @cached_property
    def _count(self) -> int:
        # No more than asked for, though then not every picture judges.
        return min(self._asked, max(1, self._asked // max(1, len(self.of))) * len(self.of))

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture = self._picture(index)
        pixels, label = self._pictures[picture]
        # By the picture alone, so that its windows are the same whatever lies beside it.
        first = int(self._digests[picture][-1], 16) % 2 == 1 if self._apart else None
        top, left, side = _place(
            pixels.shape[1], pixels.shape[2], *self._random[index].tolist(), part=self._part, first=first
        )
        return pixels[:, top : top + side, left : left + side], label

    def read_ahead(self, indices: Iterable[int]) -> None:
        """See :class:`Images`."""
        self._pictures.read_ahead(sorted({self._picture(index) for index in indices}))

    def _picture(self, index: int) -> int:
        return self.of[index * len(self.of) // self._count]

    @cached_property
    def _random(self) -> torch.Tensor:
        """Where each window lies (windows, 2), from 0 to 1: it depends on nothing but its own picture."""
        places = torch.arange(self._count) * len(self.of) // self._count
        counts = places.bincount(minlength=len(self.of))
        drawn = []
        for picture, count in zip(self.of, counts.tolist(), strict=True):
            digest = self._digests[picture]
            seed = int(digest[15:30] if self._part == "apart" else digest[:15], 16)
            generator = torch.Generator().manual_seed(seed * 2 + (self._part != "train"))
            drawn.append(torch.rand((count, 2), generator=generator, dtype=torch.float64))
        return torch.cat(drawn)


def _place(
    height: int, width: int, down: float, right: float, *, part: Part, first: bool | None
) -> tuple[int, int, int]:
    """Top, left and side of a window in one part of a picture; ``down`` and ``right`` are from 0 to 1.

    ``first`` says whether what is set apart comes first on the picture's shorter side, None that nothing is.
    """
    extent = _extent(height, width, part, first=first)
    assert extent is not None  # no window is asked of a picture that has none
    (along, after), (across, beyond), side = extent
    if width >= height:
        return (
            across + int(down * (beyond - across - side + 1)),
            along + int(right * (after - along - side + 1)),
            side,
        )
    return (
        along + int(down * (after - along - side + 1)),
        across + int(right * (beyond - across - side + 1)),
        side,
    )


def _extent(height: int, width: int, part: Part, *, first: bool | None) -> tuple[Band, Band, int] | None:
    """What of a picture's longer side, and of its shorter one, a part has, and the side of its windows.

    None where nothing of it can be set apart.
    """
    longer, shorter = max(height, width), min(height, width)
    cut = int(longer * TRAIN_SHARE)
    # Of both parts the smaller one decides, so that all windows of a picture are alike.
    side = min(max(shorter // PARTS, FEWEST_PIXELS), shorter, longer - cut - GAP // 2)
    if part == "train":
        return (0, cut - GAP // 2), (0, shorter), side
    bands = None if first is None else _bands(shorter, side, first=first)
    if bands is None:
        return None if part == "apart" else ((cut + GAP // 2, longer), (0, shorter), side)
    return (cut + GAP // 2, longer), bands[part == "apart"], side


# ----------------------------------------------------------------------------------------------------
# A dataset by its name, and what is done to its images before a network sees them.


def load(spec: DataSpec, *, check: bool = False) -> ImageSource:
    """The images that ``spec`` names; ``check`` makes sure that each of a folder's can be read.

    Raises:
        DataError: if the data is missing, cannot be used, or is not the one that has the spec's digest.
    """
    how: dict[str, Any] = {
        "held_out": spec.held_out,
        "in_channels": spec.in_channels,
        "apart": spec.apart,
    }
    if spec.name == "photographs":
        source = load_photographs(**how)
    elif spec.in_folder:
        load_images = load_windows if spec.name.startswith(WINDOWS) else load_folder
        source = load_images(spec.folder, check=check, short_side=spec.short_side, **how)
    elif spec.at_path:
        source = load_tensors(spec.folder, **how)
    else:
        source = load_cifar(spec.name, Path(spec.data_dir).expanduser(), download=spec.download, **how)
    if spec.digest and source.digest != spec.digest:
        raise DataError(
            f"`dataset` {spec.name} must be the data that the run was begun with, got other files or labels"
        )
    return source


def input_facts(size: tuple[int, int], in_channels: int) -> dict[str, Any]:
    """How images become the input of a network that was judged here, as plain data for those who use it.

    ``mean`` and ``std`` are of each channel, for pixels from 0 to 1.

    Args:
        size: (height, width) in pixels.
        in_channels: of an image.
    """
    mean, std = statistics(in_channels)
    height, width = size
    square = height == width
    view = (
        "the shorter side resized to the resolution (bilinear, antialiased), then the centre crop"
        if square
        else "resized to the least that covers height and width (bilinear, antialiased), then the centre crop"
    )
    return {
        "resolution": height if square else [height, width],
        "view": view,
        "channels": channel_names(in_channels),
        "mean": [round(value / 255, 6) for value in mean],
        "std": [round(value / 255, 6) for value in std],
    }
