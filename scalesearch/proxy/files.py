"""Datasets that lie on disk: CIFAR through torchvision, and any folder of images with one folder a class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from scalesearch.proxy.channels import from_rgb
from scalesearch.proxy.dataset import COLOURS, RGB, SHORT_SIDE, DataError
from scalesearch.proxy.decoding import decode, open_file, quiet
from scalesearch.proxy.inspection import Progress, inspect, on_all_cores
from scalesearch.proxy.listing import ListedImage, Listing, candidates, layout, listed, read_tree
from scalesearch.proxy.source import Examples, Images, ImageSource
from scalesearch.proxy.store import PixelStore

__all__ = ["MANY", "Files", "list_folder", "load_cifar", "load_folder", "split"]

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
    # The files are those of these checksums, or torchvision had refused them.
    files = repr((name, images.train_list, images.meta, in_channels, SPLIT_SEED, HELD_OUT_SHARE))
    return ImageSource(
        classes=tuple(images.classes),
        train=Examples([(tensors[i], images.targets[i]) for i in train]),
        held_out=Examples([(tensors[i], images.targets[i]) for i in judged]),
        known_digest=hashlib.sha256(files.encode()).hexdigest(),
    )


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
) -> ImageSource:
    """The images of a folder, as :func:`list_folder` lists them, decoded when they are asked for.

    Raises:
        DataError: as there.
    """
    store = PixelStore(str(root.resolve()), in_channels, short_side)
    listing = list_folder(root, held_out=held_out, check=store if check else None, in_channels=in_channels)
    return ImageSource(
        classes=listing.classes,
        train=Files(listing.train, in_channels, store),
        held_out=Files(listing.judged, in_channels, store),
        known_digest=listing.digest,
        short_side=short_side,
    )


def list_folder(
    root: Path,
    *,
    held_out: int,
    check: PixelStore | None = None,
    in_channels: int = RGB,
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
    listing = listed(str(root), files, by_path, split, _at_most, held_out)
    return listing if few else replace(listing, notes=(*listing.notes, MANY_NOTE.format(len(images))))
