"""A folder of images: found, checked and decoded."""

from __future__ import annotations

import ctypes
import hashlib
import json
import logging
import math
import os
import re
import stat
import textwrap
import time
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError, _imaging, features

from scalesearch.files import write_text
from scalesearch.text import printable
from scalesearch.training.dataset import (
    COLOURS,
    FOLDER,
    GREY,
    RGB,
    RGBA,
    SHORT_SIDE,
    WINDOWS,
    DataError,
    ImageRow,
)

# ----------------------------------------------------------------------------------------------------
# Image files and arrays as pixels: what can be read here, and what a damaged file comes to.

DECODING = 1
"""To be raised with every change of what a file's pixels come to: every file is then checked once more."""
LONGEST_REASON = 160
ARRAY = ".npy"
MODES = {GREY: "L", RGB: "RGB", RGBA: "RGBA"}
# Formats whose mode I holds values from 0 to 65535: of PNG as they are, of PGM as Pillow scales them.
SIXTEEN_BITS = ("PNG", "PPM")
# What Pillow hands to other programs (PostScript to Ghostscript), only knows by name, or has no pictures in.
NOT_IMAGES = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF"})
# Formats that a build of Pillow may come without.
NEEDS = {"AVIF": "avif", "JPEG": "jpg", "JPEG2000": "jpg_2000", "MPO": "jpg", "PNG": "zlib", "WEBP": "webp"}
EXIF_ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Stamp = tuple[int, int, int, int, int]
"""What changes when a file does: device, inode, size in bytes, and both its times in nanoseconds."""
Pixels = npt.NDArray[np.uint8]


@cache
def _formats() -> tuple[str, ...]:
    """The formats that Pillow reads by itself here."""
    Image.init()
    # What they write of damage to standard error is raised as well.
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    _hush_libtiff()
    return tuple(
        sorted(f for f in Image.OPEN if f not in NOT_IMAGES and (f not in NEEDS or features.check(NEEDS[f])))
    )


def _hush_libtiff() -> None:
    """Keeps libtiff from writing to standard error, where it can be reached."""
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            handler = getattr(library, name)
            handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            handler(None)


@cache
def readable_endings() -> frozenset[str]:
    """The endings of files that can be read here, in small letters: Pillow's formats and ``.npy``."""
    formats = Image.registered_extensions()
    return frozenset({ending for ending, name in formats.items() if name in _formats()} | {ARRAY})


@contextmanager
def quiet() -> Iterator[None]:
    """Hushes Pillow's warnings (of odd metadata, of large images); for one thread at a time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of a file."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@contextmanager
def open_file(path: str, stamp: Stamp | None = None) -> Iterator[BufferedReader]:
    """A plain file, opened to be read; a pipe or a device in its place is refused instead of waited for.

    Raises:
        DataError: if it is gone, no plain file, or no longer the one that has ``stamp``.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise DataError(f"`dataset` holds a file that cannot be read: {_said(path, error)}") from error
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"`dataset` must hold plain files, got another kind: {printable(path)}")
        if stamp is not None and stamp_of(status) != stamp:
            raise DataError(
                f"`dataset` must not change while it is used, but this file did: {printable(path)}"
            )
        yield file


def decode(
    file: BufferedReader,
    path: str,
    in_channels: int,
    short_side: int = SHORT_SIDE,
    smallest: tuple[int, int] = (1, 1),
) -> Pixels:
    """What a file holds, upright, as uint8 (height, width, in_channels).

    Of a moving picture or a file of several pages it is the first. Larger images are made smaller; an array
    keeps its size.

    Args:
        file: opened, at its beginning.
        path: its name, of which only the ending and messages make use.
        in_channels: grey (1), RGB (3), RGBA (4, opaque where the file has no alpha); any number of an array.
        short_side: the most pixels that an image's shorter side is to have.
        smallest: the fewest pixels that its shorter and its longer side must have.

    Raises:
        DataError: if the file is not a whole image, one too small, or an array of another kind; the message
            names it.
    """
    if path.lower().endswith(ARRAY):
        array = _array(file, path, in_channels)
        _require_size(array.shape[1::-1], smallest, path)
        return array
    if in_channels not in COLOURS:
        raise DataError(
            f"`dataset` must hold {ARRAY} arrays of shape (height, width, {in_channels}) for {in_channels} "
            f"channels, got an image: {printable(path)}"
        )
    try:
        with Image.open(file, formats=_formats()) as image:
            _require_size(image.size, smallest, path)
            return _upright_pixels(image, path, in_channels, short_side)
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(
            f"`dataset` holds an image too large for the memory here: {printable(path)}"
        ) from error
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise DataError(
            f"`dataset` must hold images of at most {limit:,} pixels, got a larger one: {printable(path)}"
        ) from error
    except Exception as error:  # a damaged file makes Pillow's many readers raise nearly anything
        raise DataError(f"`dataset` holds a broken image: {_said(path, error)}") from error


def _require_size(size: Sequence[int], smallest: tuple[int, int], path: str) -> None:
    if any(side < least for side, least in zip(sorted(size), smallest, strict=True)):
        raise DataError(
            f"`dataset` must hold pictures of at least {smallest[0]} by {smallest[1]} pixels, got one of "
            f"{size[0]} by {size[1]}: {printable(path)}; move such elsewhere"
        )


def _said(path: str, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    # Pillow names the file, or the object that it was opened as, once more.
    reason = "cannot identify image file" if isinstance(error, UnidentifiedImageError) else reason
    # NumPy quotes all that it cannot read.
    reason = printable(textwrap.shorten(reason, LONGEST_REASON, placeholder=" ..."))[:LONGEST_REASON]
    return f"{printable(path)} ({reason or type(error).__name__})"


def _upright_pixels(image: Image.Image, path: str, in_channels: int, short_side: int) -> Pixels:
    # A JPEG is made smaller while it is decoded, which saves most of the work.
    image.draft("RGB", (short_side, short_side))
    image.load()
    turn = UPRIGHT.get(_orientation(image))
    plain = _eight_bits(image, path)
    if plain.mode == "P" and "transparency" in plain.info:
        # Pillow takes the palette's colours apart from their alpha in two steps only.
        plain = plain.convert("RGBA")
    plain = plain.convert(MODES[in_channels])
    shrink = short_side / min(plain.size)
    if shrink < 1:
        size = (round(plain.width * shrink), round(plain.height * shrink))
        plain = plain.resize(size, Image.Resampling.LANCZOS)
    if turn is not None:
        plain = plain.transpose(turn)
    array = np.array(plain)
    return array if array.ndim == 3 else array[:, :, None]


def _orientation(image: Image.Image) -> int:
    """How a camera was held, as EXIF numbers it; 1, upright, where that cannot be read.

    Pillow's own ImageOps.exif_transpose also rewrites the metadata, and fails where these are damaged.
    """
    with suppress(Exception):  # of all that damaged metadata may raise: the picture itself is whole
        value = image.getexif().get(EXIF_ORIENTATION, 1)
        return value if isinstance(value, int) else 1
    return 1


def _eight_bits(image: Image.Image, path: str) -> Image.Image:
    """The image with 8 bits a channel: Pillow's own conversion cuts larger values off at 255."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in SIXTEEN_BITS):
        return Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise DataError(
            f"`dataset` must hold images of 8 or 16 bits a channel, got one of mode {image.mode}, 32 bits "
            f"whose white is not known: {printable(path)}"
        )
    return image


def _array(file: BufferedReader, path: str, in_channels: int) -> Pixels:
    """An array of uint8 (height, width, in_channels) as an image; a grey one may lack its last axis."""
    try:
        dtype, shape, fortran = _header(file)
    except Exception as error:  # the header is a Python literal, of which anything may be torn
        raise DataError(f"`dataset` holds a broken array: {_said(path, error)}") from error
    whole = (*shape, 1) if len(shape) == 2 and in_channels == GREY else shape
    if len(whole) != 3 or whole[2] != in_channels or dtype != np.uint8 or min(whole) < 1:
        raise DataError(
            f"`dataset` must hold arrays of uint8 and shape (height, width, {in_channels}) for {in_channels} "
            f"channel{'s' * (in_channels > 1)} in, got {dtype} of shape {shape}: {printable(path)}"
        )
    size = math.prod(whole)
    # Before anything is read: a header may ask for more than any memory has.
    there = os.fstat(file.fileno()).st_size - file.tell()
    if there != size:
        raise DataError(
            f"`dataset` holds a broken array: {printable(path)} (its shape {shape} asks for {size:,} bytes, "
            f"it has {there:,})"
        )
    if size > 2 * (Image.MAX_IMAGE_PIXELS or size) * in_channels:
        raise DataError(
            f"`dataset` holds an array too large for an image: {printable(path)} of shape {shape}"
        )
    data = np.frombuffer(bytearray(file.read(size)), dtype=np.uint8)  # writable, as torch wants it
    return data.reshape(whole, order="F" if fortran else "C")


def _header(file: BufferedReader) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    """Of a ``.npy`` file: its dtype, its shape, and whether the first index runs fastest.

    Raises:
        Exception: of many kinds, where it is no such file.
    """
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in read:
        raise ValueError(f"version {version[0]}.{version[1]} of the format, which is for structured arrays")
    shape, fortran, dtype = read[version](file)
    return dtype, tuple(int(side) for side in shape), bool(fortran)


# ----------------------------------------------------------------------------------------------------
# Every file of a dataset read once, on all cores: its digest, and its pixels, which a store keeps.
#
# What was learnt of a file is remembered, in the user's cache folder, for as long as the file stays what it
# was by its device, inode, size and times. The memory is a help alone: a torn or foreign one is as good as
# none.

MEMORY_VERSION = 2
MOST_MEMORIES = 64
"""So many datasets are remembered; those not asked for longest are forgotten."""
SETTLED_NS = 2 * 10**9
"""A file changed so shortly before it was read may change again without its times telling."""
AT_A_TIME = 512
ENDS = 4096
"""Bytes that are read at either end of a file, where there are too many files to read whole."""
MOST_THREADS = 32

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]


_Item = TypeVar("_Item")
_Given = TypeVar("_Given")


@dataclass(frozen=True, slots=True)
class Inspected:
    """What is known of a file: what it was, and a digest of its bytes."""

    stamp: Stamp
    digest: str


class Store(Protocol):
    """Keeps what files were decoded to, by their digests."""

    short_side: int
    smallest: tuple[int, int]

    def __contains__(self, digest: str) -> bool:
        """Whether it has the image."""

    def put(self, digest: str, decoded: npt.NDArray[np.uint8]) -> object:
        """Keeps what a file was decoded to: (height, width, channels)."""


def inspect(
    files: Sequence[tuple[str, Stamp]],
    root: str,
    *,
    channels: int,
    store: Store | None = None,
    whole: bool = True,
    progress: Progress = lambda items, _count, _label: items,
) -> list[str]:
    """The digest of each file, its bytes read only where they are not remembered.

    Args:
        files: paths and stamps.
        root: the dataset's own path, which its memory goes by.
        channels: to decode files to.
        store: has every file decoded into it, but for those that it has; None has the bytes read alone.
        whole: have every byte read; else a file's digest is of its length, its first and last bytes.
        progress: wraps what is done one by one, with their number and a label, to show how far it is.

    Raises:
        DataError: if files are broken, can't be read, or change meanwhile: one named, the others counted.
    """
    memory, settled = _memory_path(root if whole else f"{root}, ends alone"), time.time_ns() - SETTLED_NS
    remembered = {} if memory is None else _recall(memory)
    seen = {path: remembered[path] for path, stamp in files if _is_of(remembered.get(path), stamp)}
    todo = [
        file
        for file in files
        if file[0] not in seen or (store is not None and seen[file[0]].digest not in store)
    ]
    problems: list[DataError] = []

    def look(file: tuple[str, Stamp]) -> tuple[str, Inspected | DataError]:
        return file[0], _inspected(*file, seen.get(file[0]), channels, store, whole=whole)

    try:
        with quiet():
            done: Iterable[tuple[str, Inspected | DataError]] = on_all_cores(look, todo)
            if todo and (store is not None or not whole):
                done = progress(done, len(todo), "Reading images")
            for path, outcome in done:
                if isinstance(outcome, DataError):
                    problems.append(outcome)
                else:
                    seen[path] = outcome
    finally:
        # What was learnt before Ctrl-C is remembered too.
        if memory is not None and todo:
            _remember(memory, seen, settled)
    if problems:
        more = len(problems) - 1
        also = f", and {more:,} file{'s' * (more > 1)} more with faults" if more else ""
        raise DataError(f"{problems[0]}{also}") from problems[0]
    return [seen[path].digest for path, _ in files]


def _inspected(
    path: str, stamp: Stamp, before: Inspected | None, channels: int, store: Store | None, *, whole: bool
) -> Inspected | DataError:
    try:
        with open_file(path, stamp) as file:
            digest = _digest_of(file, whole=whole) if before is None else before.digest
            if store is not None and digest not in store:
                file.seek(0)
                store.put(digest, decode(file, path, channels, store.short_side, store.smallest))
    except DataError as error:
        return error
    except OSError as error:
        return DataError(
            f"`dataset` holds a file that cannot be read: {printable(path)} ({error.strerror or error})"
        )
    return Inspected(stamp, digest)


def _digest_of(file: BufferedReader, *, whole: bool) -> str:
    if whole:
        return hashlib.file_digest(file, "sha256").hexdigest()
    length = file.seek(0, os.SEEK_END)
    digest = hashlib.sha256(str(length).encode())
    for place in (0, max(0, length - ENDS)):
        file.seek(place)
        digest.update(file.read(ENDS))
    return digest.hexdigest()


def on_all_cores(look: Callable[[_Item], _Given], items: Sequence[_Item]) -> Iterator[_Given]:
    """``look`` at every item, in order. Pillow and hashlib let other threads run while they work."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pool = ThreadPoolExecutor(min(cores, MOST_THREADS), thread_name_prefix="images")
    try:
        left = iter(items)
        # So many at a time: a million waiting tasks would take a gigabyte.
        while batch := list(islice(left, AT_A_TIME)):
            yield from pool.map(look, batch)
    finally:
        pool.shutdown(cancel_futures=True)


def memory_folder() -> Path | None:
    """The folder of what is remembered, ``$XDG_CACHE_HOME/scalesearch``; None for a user without a home."""
    place = os.environ.get("XDG_CACHE_HOME", "")
    # A relative one is to be ignored, by the specification.
    if place and Path(place).is_absolute():
        return Path(place) / "scalesearch"
    with suppress(RuntimeError):
        return Path.home() / ".cache" / "scalesearch"
    return None


def _memory_path(root: str) -> Path | None:
    folder = memory_folder()
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:24]
    return None if folder is None else folder / f"images-{name}.json"


def _is_of(entry: Inspected | None, stamp: Stamp) -> bool:
    return entry is not None and entry.stamp == stamp


def _recall(memory: Path) -> dict[str, Inspected]:
    """What a memory holds; nothing where it is torn or something else."""
    try:
        content = json.loads(memory.read_text("utf-8"))
        if content["version"] != MEMORY_VERSION:
            return {}
        recalled = {
            str(path): Inspected(_stamp(stamp), _digest(digest))
            for path, (stamp, digest) in content["files"].items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    with suppress(OSError):
        os.utime(memory)  # it was asked for
    return recalled


def _stamp(values: Sequence[Any]) -> Stamp:
    device, inode, size, modified, changed = (int(value) for value in values)
    return device, inode, size, modified, changed


def _digest(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 64:
        raise ValueError("no SHA-256")
    return value


def _remember(memory: Path, seen: dict[str, Inspected], settled: int) -> None:
    """Writes what is known of a dataset's files; a cache folder that cannot be written is done without.

    ``settled`` is a time in nanoseconds: files changed later may change again without their times telling.
    """
    files = {
        path: (entry.stamp, entry.digest) for path, entry in seen.items() if max(entry.stamp[3:]) < settled
    }
    with suppress(OSError):
        write_text(memory, json.dumps({"version": MEMORY_VERSION, "files": files}))
        others = sorted(memory.parent.glob("images-*.json"), key=lambda path: path.stat().st_mtime_ns)
        for forgotten in others[:-MOST_MEMORIES]:
            forgotten.unlink(missing_ok=True)


# ----------------------------------------------------------------------------------------------------
# A folder of images as a list: which files are the data, of which class, and which of them judge.
#
# A class is a folder of images, or a single picture that is cut up.
#
# Reading the tree is the only effect. What its folders mean, which names are the same file and what is left
# out is worked out from the tree as it was read, and the outcome is one frozen value.

HIDDEN = (".", "~$")
"""How the names begin of what is hidden, and of office programs' locks."""
# Beside these: what systems, archives, servers and editors leave in people's folders.
FOREIGN = frozenset(
    {
        *("__macosx", "$recycle.bin", "system volume information", "lost+found", "found.000", "recycler"),
        *(
            "thumbs.db",
            "thumbs.db:encryptable",
            "ehthumbs.db",
            "desktop.ini",
            "icon\r",
            "network trash folder",
        ),
        *(
            "@eadir",
            "#recycle",
            "@recycle",
            "@recently-snapshot",
            "@tmp",
            "@__thumb",
            "#snapshot",
            "__pycache__",
        ),
    }
)

TRAIN, VALIDATION, TEST = "train", "validation", "test"
ROLES = {
    **dict.fromkeys(("train", "training", "trn", "tr", "trainval"), TRAIN),
    **dict.fromkeys(
        ("val", "valid", "va", "validation", "validate", "validating", "dev", "devel"), VALIDATION
    ),
    **dict.fromkeys(("development", "eval", "evaluation", "holdout", "heldout"), VALIDATION),
    **dict.fromkeys(("test", "testing", "tst", "te"), TEST),
}
"""Words that name a part of a dataset."""
FILLERS = frozenset({"set", "data", "dataset", "images", "image", "imgs", "img", "split", "part", "folder"})
"""Words that say nothing about a folder of images."""
NUMBERED = re.compile(r"(cv|k)?[ _.-]*(fold|split|part|subset|batch)[ _.-]*\d+", re.IGNORECASE)
"""What one of several like parts of a dataset is called."""
GLUED = re.compile(rf"({'|'.join(sorted(ROLES, key=len, reverse=True))})({'|'.join(FILLERS)})")
NAMED_AT_MOST = 5
WANTED = {FOLDER: "a folder with one folder of images per class", WINDOWS: "a folder of pictures"}

Split = Callable[[Sequence[int], int], tuple[list[int], list[int], list[int]]]
Pick = Callable[[Sequence[int], int], tuple[list[int], list[int]]]
Key = tuple[int, int]
"""Device and inode: what a file or a folder is, whatever its names."""


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    path: str
    key: Key
    stamp: Stamp
    linked: bool


@dataclass(frozen=True, slots=True)
class _Subfolder:
    name: str
    key: Key
    linked: bool


@dataclass(frozen=True, slots=True)
class _Folder:
    """What lies directly in a folder; ``unread`` are the endings of files that are not read."""

    files: tuple[_File, ...]
    folders: tuple[_Subfolder, ...]
    unread: tuple[str, ...]
    foreign: int
    dangling: int
    special: int


NO_STAMP: Stamp = (0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A folder, a file or a link of a tree that is to be had elsewhere.

    Attributes:
        name: its path there.
        path: where a file is read; empty for others.
        stamp: what that file was when it was listed.
        link: where a link leads: a symbolic one from the folder it is in, a hard one from the top.
        hard: whether it is a further name of a file, as good as the first.
    """

    name: str
    path: str = ""
    stamp: Stamp = NO_STAMP
    link: str = ""
    hard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All folders below a root, and those that links in it lead to, each once; ``kind`` is of the dataset."""

    path: str
    kind: str = FOLDER
    root: Key
    folders: Mapping[Key, _Folder]

    def members(self, name: str, aside: str) -> Iterator[Member]:
        """All that it takes to have the tree elsewhere, links being links, so that it is listed alike there.

        Folders come before what lies in them, and files before links to them.

        Args:
            name: what its root is to be called.
            aside: folder beside it, for what only links lead to.
        """
        homes = {self.root: name}
        waiting, linked, beside = [self.root], list[Key](), 0
        links: list[tuple[str, Key, str, Stamp]] = []
        while waiting or linked:
            if waiting:
                key = waiting.pop()
            elif (key := linked.pop(0)) in homes:
                continue
            else:
                homes[key], beside = f"{aside}/{beside}", beside + 1
            home, folder = homes[key], self.folders[key]
            yield Member(name=home)
            for sub in folder.folders:
                if sub.linked or sub.key in homes:
                    links.append((f"{home}/{sub.name}", sub.key, "", NO_STAMP))
                    linked.append(sub.key)
                else:
                    homes[sub.key] = f"{home}/{sub.name}"
                    waiting.append(sub.key)
            for file in folder.files:
                place = f"{home}/{file.name}"
                if file.linked:
                    links.append((place, file.key, file.path, file.stamp))
                elif file.key in homes:
                    yield Member(name=place, link=homes[file.key], hard=True)
                else:
                    homes[file.key] = place
                    yield Member(name=place, path=file.path, stamp=file.stamp)
        for place, key, path, stamp in links:
            if key not in homes:
                homes[key], beside = f"{aside}/{beside}", beside + 1
                yield Member(name=homes[key], path=path, stamp=stamp)
            yield Member(name=place, link=os.path.relpath(homes[key], os.path.dirname(place)))  # noqa: PTH120


def read_tree(path: Path, kind: str = FOLDER) -> Tree:
    """Reads a folder and all below it. Links are followed, but not to a folder that the root lies in.

    Args:
        path: the folder.
        kind: what the dataset's name begins with.

    Raises:
        DataError: if there is no such folder, or a part of it cannot be read.
    """
    option, wanted = _option(path, kind), WANTED[kind]
    try:
        status = path.stat()
        real = path.resolve()
        above = {_key(parent.stat(), parent) for parent in real.parents}
    except (OSError, ValueError, RuntimeError) as error:  # a NUL byte, a loop of links
        raise DataError(f"{option} must be {wanted}, got none there") from error
    if not stat.S_ISDIR(status.st_mode):
        raise DataError(f"{option} must be {wanted}, got a file")
    root = _key(status, real)
    folders: dict[Key, _Folder] = {}
    waiting, linked = [(root, str(real))], list[tuple[Key, str]]()
    # What lies in the tree itself comes first, so that paths are its own where there are several.
    while waiting or linked:
        key, place = waiting.pop() if waiting else linked.pop()
        if key in folders:
            continue
        try:
            folders[key], places = _read_folder(place, above)
        except OSError as error:
            where, reason = printable(error.filename or place), error.strerror or error
            raise DataError(f"{option} must be readable, got {where}: {reason}") from error
        for sub, where in zip(folders[key].folders, places, strict=True):
            (linked if sub.linked else waiting).append((sub.key, where))
    return Tree(path=str(path), kind=kind, root=root, folders=folders)


def _option(path: object, kind: str = FOLDER) -> str:
    return f"`dataset` {kind}{printable(path)}"


def _key(status: os.stat_result, path: Path | str) -> Key:
    # A few file systems number nothing: there a file is what it is by its place.
    return status.st_dev, status.st_ino or hash(os.path.realpath(path))


def _read_folder(place: str, above: set[Key]) -> tuple[_Folder, list[str]]:
    files: list[_File] = []
    folders: list[_Subfolder] = []
    places: list[str] = []
    unread: list[str] = []
    foreign = dangling = special = 0
    with os.scandir(place) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(HIDDEN) or entry.name.casefold() in FOREIGN:
                foreign += 1
                continue
            linked = entry.is_symlink()
            try:
                # Not the entry's own, which knows no inode on Windows.
                status = os.stat(entry.path)  # noqa: PTH116  # a path object for each of a million files is slow
            except OSError:
                if not linked and os.path.lexists(entry.path):
                    raise
                dangling += 1  # a link to nothing or to itself, or a file that has just gone
                continue
            if stat.S_ISDIR(status.st_mode):
                if (key := _key(status, entry.path)) in above:
                    dangling += 1
                    continue
                folders.append(_Subfolder(entry.name, key, linked))
                places.append(entry.path)
            elif not stat.S_ISREG(status.st_mode):
                special += 1
            elif _ending(entry.name) in readable_endings():
                key = _key(status, entry.path)
                files.append(_File(entry.name, entry.path, key, stamp_of(status), linked))
            else:
                unread.append(_ending(entry.name) or "no ending")
    return _Folder(tuple(files), tuple(folders), tuple(unread), foreign, dangling, special), places


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122  # see above


@dataclass(frozen=True, slots=True)
class _Start:
    """A folder to look for images in: whether it is a link, and the folders that it lies in."""

    key: Key
    linked: bool
    above: tuple[Key, ...]


Classes = Mapping[str, tuple[_Start, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the folders of a tree mean: classes to train on and, where they are set apart, those to judge on.

    Attributes:
        train: the classes by name, each with its folders.
        judged: the same classes of the part that judges; None where judges are to be held out of ``train``.
        part_names: the folders' own names of the two parts, empty where there are none.
        notes: what else was understood, in sentences.
    """

    train: Classes
    judged: Classes | None = None
    part_names: tuple[str, str] = ("", "")
    notes: tuple[str, ...] = ()


def layout(tree: Tree) -> Layout:
    """Takes a tree for a folder of classes, or for one of parts such as train and val that hold the classes.

    Raises:
        DataError: if it is neither, or may be both; the message says what would do.
    """
    option = _option(tree.path)
    root = _Start(tree.root, False, ())
    top = _subfolders(tree, root)
    if not top:
        loose = len(tree.folders[tree.root].files)
        what = f"{loose:,} with no folder" if loose else f"none that can be read{_unread(tree)}"
        raise DataError(f"{option} must hold images in one folder per class, got {what}")
    roles = _roles(top)
    parts = [name for name in top if name in roles]
    nested = {name for name in parts if _subfolders(tree, top[name][0])}
    others = [name for name in top if name not in roles]
    if nested and not others:
        return _parts(tree, top, roles)
    if nested:
        if len(nested) > 1 and TRAIN in {roles[name] for name in nested}:
            apart = f"{_names(others)} left out: no part of the data as {_names(parts)} are"
            return _parts(tree, {name: top[name] for name in parts}, roles, (apart,))
        raise DataError(
            f"{option} must hold classes, or parts such as train and val, got {_names(sorted(nested))} with "
            f"folders in it beside {_names(others)}: name folder:{_below(tree, sorted(nested)[0])}, or move "
            "the others elsewhere"
        )
    if len(parts) > 1 and not others:
        raise DataError(
            f"{option} must hold one folder of images per class, got {_names(parts)} with no folders "
            "of classes in them; rename them if these are classes"
        )
    classes = _classes(tree, root, option)
    if len(classes) < 2:
        hint = _wrapped(tree, root, Path(tree.path))
        raise DataError(f"{option} must hold at least 2 classes, got 1: {_names(classes)}{hint}")
    for name, starts in classes.items():
        inner = [sub for start in starts for sub in _subfolders(tree, start)]
        roles = _roles(inner)
        if TRAIN in roles.values() and len(set(roles.values())) > 1:
            raise DataError(
                f"{option} must hold classes, or parts that hold classes, got a class {printable(name)} of "
                f"the parts {_names(inner)}: put the classes into folders {_names(list(roles))}"
            )
    notes = (f"{_names(parts)} taken for a class, beside {_names(others)}",) if parts else ()
    return Layout(train=classes, notes=notes + _alike(tree, top, option) + _loose(tree, root))


def _alike(tree: Tree, top: Classes, option: str) -> tuple[str, ...]:
    """What is said of classes that all hold folders of the same names, as parts of a dataset do.

    Raises:
        DataError: if they are numbered as such parts are.
    """
    inner = {tuple(sorted(_subfolders(tree, starts[0]))) for starts in top.values()}
    if len(top) < 2 or len(inner) > 1 or len(min(inner)) < 2:
        return ()
    same, first = _names(min(inner)), _below(tree, next(iter(top)))
    if all(NUMBERED.fullmatch(name) for name in top):
        raise DataError(
            f"{option} must hold classes, or parts such as train and val, got {_names(list(top))}, each with "
            f"the folders {same}: name one of them, such as folder:{first}, or two of them train and val"
        )
    return (
        f"{_names(list(top))} taken for the classes, though each holds the folders {same}: if these are the "
        f"classes, name folder:{first}",
    )


def _parts(
    tree: Tree,
    top: Classes,
    roles: Mapping[str, str],
    notes: tuple[str, ...] = (),
) -> Layout:
    """The layout of a tree whose folders are parts of a dataset."""
    option = _option(tree.path)
    by_role: dict[str, str] = {}
    for name in top:
        if roles[name] in by_role:
            raise DataError(
                f"{option} must have one part of a kind, got {_names([by_role[roles[name]], name])}, both to "
                f"{'train' if roles[name] == TRAIN else 'judge'} on; move one elsewhere"
            )
        by_role[roles[name]] = name
    if TRAIN not in by_role:
        raise DataError(
            f"{option} must have a part to train on, such as train, got {_names(top)} alone; to train on "
            f"one of them, name folder:{_below(tree, next(iter(top)))}"
        )
    # An empty part that should judge is a mistake; without it the judges would be others.
    for empty, role in _roles([name for name, _ in _inside(tree, _Start(tree.root, False, ()))]).items():
        if role == VALIDATION and role not in by_role:
            raise DataError(f"{option} must hold images in {printable(empty)}, got none that can be read")
    name = by_role[TRAIN]
    notes += _loose(
        tree, _Start(tree.root, False, ()), top[name][0], *top.get(by_role.get(VALIDATION, ""), ())
    )
    train = _classes(tree, top[name][0], f"{option}/{printable(name)}")
    if len(train) < 2:
        raise DataError(
            f"{option} must hold at least 2 classes in {printable(name)}, got {len(train)}"
            + (f": {_names(train)}" if train else ", no folder with images in it")
            + _wrapped(tree, top[name][0], Path(tree.path) / name)
        )
    judging = by_role.get(VALIDATION)
    test = by_role.get(TEST)
    if test is not None:
        tested = _subfolders(tree, top[test][0])
        # One folder, or none, is how images without labels are handed out.
        if len(tested) > 1:
            _require_same(option, name, train, test, tested)
        how = "" if judging else f", and the judges are held out of {printable(name)}"
        notes += (f"{printable(test)} stays unseen{how}",)
    if judging is None:
        return Layout(train=train, part_names=(name, ""), notes=notes)
    judged = _subfolders(tree, top[judging][0])
    _require_same(option, name, train, judging, judged)
    return Layout(train=train, judged=judged, part_names=(name, judging), notes=notes)


def _loose(tree: Tree, *folders: _Start) -> tuple[str, ...]:
    """What is said of images that lie beside the folders of classes."""
    count = sum(len(tree.folders[folder.key].files) for folder in folders)
    return (f"left out images beside the folders of classes: {count:,}",) if count else ()


def _require_same(
    option: str, first: str, classes: Mapping[str, object], second: str, others: Mapping[str, object]
) -> None:
    differences = [
        f"{_names(sorted(set(more) - set(less)))} only in {printable(name)}"
        for name, more, less in ((first, classes, others), (second, others, classes))
        if set(more) - set(less)
    ]
    if differences:
        raise DataError(
            f"{option} must have the same classes in {printable(first)} and {printable(second)}, got "
            f"{' and '.join(differences)}"
        )


def _roles(names: Iterable[str]) -> dict[str, str]:
    """The part of a dataset that each name stands for, where it stands for one.

    A name of more words, such as ``seg_train``, does where its other words name another part too.
    """
    readings = {name: _reading(name) for name in names}
    by_rest: dict[tuple[str, ...], set[str]] = {}
    for role, rest in filter(None, readings.values()):
        by_rest.setdefault(rest, set()).add(role)
    return {
        name: reading[0]
        for name, reading in readings.items()
        if reading is not None and (not reading[1] or len(by_rest[reading[1]]) > 1)
    }


def _reading(name: str) -> tuple[str, tuple[str, ...]] | None:
    """The part that a name has a word for, and its other words; None where it has none, or several."""
    words = [word.casefold() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_]+", name)]
    words = [glued[1] if (glued := GLUED.fullmatch(word)) else word for word in words]
    telling = [word for word in words if word not in FILLERS]
    if (whole := "".join(telling)) in ROLES:  # held-out, train_val
        return ROLES[whole], ()
    parts = [word for word in telling if word in ROLES]
    if len(parts) != 1:
        return None
    return ROLES[parts[0]], tuple(word for word in telling if word != parts[0])


def _subfolders(tree: Tree, folder: _Start) -> dict[str, tuple[_Start, ...]]:
    """The folders in a folder that have images somewhere, in the order of their names.

    Names that only differ in how Unicode composes an accent are one.
    """
    folders: dict[str, tuple[_Start, ...]] = {}
    for name, start in _inside(tree, folder):
        if any(True for _ in _images(tree, (start,), "")):
            folders[name] = (*folders.get(name, ()), start)
    return dict(sorted(folders.items()))


def _inside(tree: Tree, folder: _Start) -> Iterator[tuple[str, _Start]]:
    above = (*folder.above, folder.key)
    for sub in tree.folders[folder.key].folders:
        if sub.key not in above:
            name = unicodedata.normalize("NFC", sub.name)
            yield name, _Start(sub.key, folder.linked or sub.linked, above)


def _classes(tree: Tree, folder: _Start, option: str) -> dict[str, tuple[_Start, ...]]:
    classes = _subfolders(tree, folder)
    empty = {name: start for name, start in _inside(tree, folder) if name not in classes}
    if empty and classes:
        raise DataError(
            f"{option} must hold images in every class folder, got none in {_names(empty)}"
            f"{_unread(tree, next(iter(empty.values())))}; a folder of other things may lie elsewhere"
        )
    return classes


def _wrapped(tree: Tree, folder: _Start, place: Path) -> str:
    """Where the classes or parts may be meant to be: the first folder below that holds several."""
    while len(subs := _subfolders(tree, folder)) == 1:
        (name, (folder, *_)), *_ = subs.items()
        place /= name
    return f"; if its folders are meant, name folder:{printable(place)}" if subs else ""


def _below(tree: Tree, name: str) -> str:
    return printable(Path(tree.path) / name)


def _names(names: Sequence[str] | Mapping[str, object]) -> str:
    """Names in a sentence, the first few of them."""
    shown = [printable(name) for name in names][:NAMED_AT_MOST]
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more:,} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _unread(tree: Tree, start: _Start | None = None) -> str:
    """In brackets, the endings of the files below a folder that are not read; empty where there are none."""
    folders = tree.folders.values() if start is None else [f for f, *_ in _walk(tree, (start,), "")]
    endings = Counter(ending for each in folders for ending in each.unread)
    return f" ({_endings(endings)})" if endings else ""


def _endings(endings: Counter[str]) -> str:
    ordered = sorted(endings.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{printable(ending)} {count:,}" for ending, count in ordered[:NAMED_AT_MOST])
    return f"{shown}, ..." if len(ordered) > NAMED_AT_MOST else shown


def _walk(tree: Tree, starts: Sequence[_Start], name: str) -> Iterator[tuple[_Folder, str, bool]]:
    """Each folder from some folders on once, with its name and whether a link leads there.

    A link to a folder that it lies in is not followed.
    """
    seen: set[Key] = set()
    waiting = [(start, name) for start in reversed(starts)]
    linked: list[tuple[_Start, str]] = []
    while waiting or linked:
        start, place = waiting.pop() if waiting else linked.pop()
        if start.key in seen:
            continue
        seen.add(start.key)
        yield tree.folders[start.key], place, start.linked
        for sub, inside in reversed(list(_inside(tree, start))):
            (linked if inside.linked else waiting).append((inside, f"{place}/{sub}"))


def _images(tree: Tree, starts: Sequence[_Start], name: str) -> Iterator[tuple[_File, str, bool]]:
    """The files from some folders on that can be read, with their names and whether a link leads to them."""
    for folder, place, linked in _walk(tree, starts, name):
        for file in folder.files:
            yield file, f"{place}/{file.name}", linked or file.linked


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedImage:
    """An image file of a dataset.

    Attributes:
        path: where it is opened.
        name: its path in the dataset's folder.
        label: its class, from 0.
        stamp: what it was when it was listed.
        digest: of its bytes; empty while these were not read.
    """

    path: str
    name: str
    label: int
    stamp: Stamp
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A folder of images as data: every image once, none on both sides.

    Of pictures that are cut up each is a class of its name, and on both sides: one part of it on each.

    Attributes:
        classes: their names; labels are places in it.
        train: what networks are trained on.
        judged: what they are judged on.
        apart: what judges nothing but runs that confirm an answer.
        notes: what was understood and what was left out, in sentences for the user.
    """

    classes: tuple[str, ...]
    train: tuple[ListedImage, ...]
    judged: tuple[ListedImage, ...]
    apart: tuple[ListedImage, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Tells the data from any other: names, classes, sides and bytes of all files, in their order."""
        digest = hashlib.sha256()
        for row in self.rows:
            digest.update("\0".join(row).encode("utf-8", "surrogateescape") + b"\0\n")
        return digest.hexdigest()

    @property
    def rows(self) -> tuple[ImageRow, ...]:
        """Every image with its class and its side, in their order."""
        return tuple(
            ImageRow(image.name, self.classes[image.label], side, image.digest)
            for side, images in (
                ("train", self.train),
                ("held out", self.judged),
                ("set apart", self.apart),
            )
            for image in images
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The files of a layout, each once whatever its names, before their bytes are known.

    ``left_out`` counts what is none of the data, by what it is; ``examples`` names one for each.
    """

    classes: tuple[str, ...]
    part_names: tuple[str, str]
    train: tuple[ListedImage, ...]
    judged: tuple[ListedImage, ...] | None
    left_out: Mapping[str, int]
    examples: Mapping[str, str]
    notes: tuple[str, ...]


SAME_FILE = "further names (links) of the same files"
TWO_LABELS = "images under two classes"
COPIES = "copies of the same images"
IN_BOTH = "images to train on that judge too"
ARRAYS = f"{ARRAY} arrays beside images"


@dataclass(frozen=True, slots=True)
class _Occurrence:
    """A name of a file in a part of the data."""

    image: ListedImage
    judged: bool
    linked: bool


def candidates(tree: Tree, folders: Layout, *, arrays_alone: bool) -> Candidates:
    """The files of the classes, by what they are and not by their names.

    A file that several names lead to counts once. Where it lies says its class, and a link elsewhere does
    not; one that lies under two classes, or is linked from two, is left out: no label of it can be relied on.

    Args:
        tree: the folders.
        folders: what they mean.
        arrays_alone: whether only arrays will do; else images, and arrays where there is no image.
    """
    classes = tuple(folders.train)
    # By the whole stamp too: some file systems number two files alike.
    occurrences: dict[tuple[Key, Stamp], list[_Occurrence]] = {}
    left_out: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for judged, by_name in ((False, folders.train), (True, folders.judged or {})):
        for label, name in enumerate(classes):
            part = folders.part_names[judged]
            for file, place, linked in _images(
                tree, by_name.get(name, ()), f"{part}/{name}" if part else name
            ):
                image = ListedImage(path=file.path, name=place, label=label, stamp=file.stamp)
                occurrences.setdefault((file.key, file.stamp), []).append(_Occurrence(image, judged, linked))
    images = any(not o[0].image.path.lower().endswith(ARRAY) for o in occurrences.values())
    train: list[ListedImage] = []
    held: list[ListedImage] = []
    for names in occurrences.values():
        if images and not arrays_alone and names[0].image.path.lower().endswith(ARRAY):
            left_out[ARRAYS] += 1
            continue
        lying = [o for o in names if not o.linked] or names
        if len({o.image.label for o in lying}) > 1:
            left_out[TWO_LABELS] += 1
            examples.setdefault(TWO_LABELS, _pair([o.image for o in lying]))
            continue
        same = [o for o in names if o.image.label == lying[0].image.label]
        # What judges is not trained on, whatever leads there.
        judged = any(o.judged for o in same)
        kept = next(o.image for o in (*lying, *same) if o.judged == judged)
        (held if judged else train).append(kept)
        in_both = sum(not o.judged for o in same) if judged else 0
        left_out[IN_BOTH] += in_both
        left_out[SAME_FILE] += len(names) - 1 - in_both
    return Candidates(
        classes=classes,
        part_names=folders.part_names,
        train=tuple(sorted(train, key=_place)),
        judged=None if folders.judged is None else tuple(sorted(held, key=_place)),
        left_out=left_out + _elsewhere(tree),
        examples=examples,
        notes=folders.notes,
    )


def _place(image: ListedImage) -> tuple[int, str, str]:
    """Files in the order of their classes, folders and names."""
    folder, _, name = image.name.rpartition("/")
    return image.label, folder, name


def _pair(images: Sequence[ListedImage]) -> str:
    first = images[0]
    other = next(image for image in images if image.label != first.label)
    return f"{printable(first.name)} and {printable(other.name)}"


def _elsewhere(tree: Tree) -> Counter[str]:
    """What lies in the tree and is no image that can be read."""
    folders = tree.folders.values()
    endings = Counter(ending for folder in folders for ending in folder.unread)
    counts = Counter(
        {
            "hidden or system names": sum(folder.foreign for folder in folders),
            "links to nothing or to a folder around them": sum(folder.dangling for folder in folders),
            "pipes and devices": sum(folder.special for folder in folders),
        }
    )
    if endings:
        counts[f"files of other kinds ({_endings(endings)})"] = sum(endings.values())
    return +counts


def listed(
    root: str, files: Candidates, digests: Mapping[str, str], split: Split, judges: Pick, held_out: int
) -> Listing:
    """The list of the data, now that the bytes are known: the same bytes count once.

    Of copies the first is kept, and of those in both parts the one that judges. Bytes that lie under two
    classes are left out under both.

    Args:
        root: the dataset's folder, as messages name it.
        files: the files.
        digests: of each file's bytes, by its path.
        split: gives the places of images to train on, to judge by and to confirm by among labels, so many
            of them held out.
        judges: gives the places of about so many images to judge by, and of those to confirm by, of labels
            of a part that judges.
        held_out: how many images to hold out at most.

    Raises:
        DataError: if a class is left with too few images.
    """
    left_out, examples = Counter(files.left_out), dict(files.examples)
    labels: dict[str, set[int]] = {}
    for image in (*files.train, *(files.judged or ())):
        labels.setdefault(digests[image.path], set()).add(image.label)
    several = {digest for digest, of in labels.items() if len(of) > 1}
    if several:
        twice = [i for i in (*files.train, *(files.judged or ())) if digests[i.path] in several]
        left_out[TWO_LABELS] += len(twice)
        first = [image for image in twice if digests[image.path] == digests[twice[0].path]]
        examples.setdefault(TWO_LABELS, _pair(first))
    kept: set[str] = set(several)

    def once(images: Sequence[ListedImage], reason: str) -> list[ListedImage]:
        fresh: list[ListedImage] = []
        before = frozenset(kept)
        for image in images:
            digest = digests[image.path]
            if digest not in kept:
                kept.add(digest)
                fresh.append(replace(image, digest=digest))
            elif digest not in several:
                left_out[reason if digest in before else COPIES] += 1
                examples.setdefault(reason if digest in before else COPIES, printable(image.name))
        return fresh

    judged = once(files.judged or (), COPIES)
    train = once(files.train, IN_BOTH)
    left = _left_out(left_out, examples)
    _require_enough(root, files, train, 2, files.part_names[0], left)
    if files.judged is None:
        places = split([image.label for image in train], held_out)
        train, judged, apart = ([train[i] for i in side] for side in places)
    else:
        _require_enough(root, files, judged, 1, files.part_names[1], left)
        of_part = judges([image.label for image in judged], held_out)
        judged, apart = ([judged[i] for i in side] for side in of_part)
    return Listing(
        classes=files.classes,
        train=tuple(train),
        judged=tuple(judged),
        apart=tuple(apart),
        notes=(*files.notes, *((f"left out {left}",) if left else ())),
    )


def pictures(tree: Tree, *, arrays_alone: bool) -> Candidates:
    """All pictures in a tree, wherever they lie, before their bytes are known.

    Raises:
        DataError: if there are fewer than two.
    """
    everything = Layout(train={"": (_Start(tree.root, False, ()),)})
    files = candidates(tree, everything, arrays_alone=arrays_alone)
    _require_two(tree.path, len(files.train), _unread(tree))
    return files


def listed_pictures(root: str, files: Candidates, digests: Mapping[str, str]) -> Listing:
    """The list of pictures, now that the bytes are known: a class each, named by its path, copies left out.

    Args:
        root: the dataset's folder, as messages name it.
        files: the pictures.
        digests: of each file's bytes, by its path.

    Raises:
        DataError: if fewer than two differ.
    """
    by_digest: dict[str, ListedImage] = {}
    left_out, examples = Counter(files.left_out), dict(files.examples)
    for image in files.train:
        digest, name = digests[image.path], image.name.removeprefix("/")
        if digest in by_digest:
            left_out[COPIES] += 1
            examples.setdefault(COPIES, printable(name))
        else:
            by_digest[digest] = replace(image, name=name, label=len(by_digest), digest=digest)
    left = _left_out(left_out, examples)
    _require_two(root, len(by_digest), f"; left out {left}" if left else "")
    images = tuple(by_digest.values())
    return Listing(
        classes=tuple(image.name for image in images),
        train=images,
        judged=images,
        notes=(*files.notes, *((f"left out {left}",) if left else ())),
    )


def _require_two(root: str, count: int, also: str) -> None:
    if count < 2:
        raise DataError(
            f"{_option(root, WINDOWS)} must hold at least 2 pictures, a class each, got "
            f"{count or 'none'}{also}"
        )


def _require_enough(
    root: str, files: Candidates, images: Sequence[ListedImage], least: int, part: str, left: str
) -> None:
    counts = Counter(image.label for image in images)
    for label, name in enumerate(files.classes):
        if counts[label] < least:
            where = f" in {printable(part)}" if part else ""
            also = f"; left out {left}" if left else ""
            raise DataError(
                f"{_option(root)} must hold at least {least} image{'s' * (least > 1)} per class{where}, "
                f"got {counts[label]} of '{printable(name)}'{also}"
            )


def _left_out(counts: Mapping[str, int], examples: Mapping[str, str]) -> str:
    return "; ".join(
        f"{what}: {count:,}{f', such as {examples[what]}' if what in examples else ''}"
        for what, count in counts.items()
        if count
    )
