"""Image files and arrays as pixels: what can be read here, and what a damaged file comes to."""

from __future__ import annotations

import ctypes
import logging
import math
import os
import stat
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from io import BufferedReader
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError, _imaging, features

from scalesearch.proxy.dataset import COLOURS, GREY, RGB, RGBA, SHORT_SIDE, DataError
from scalesearch.text import printable

__all__ = [
    "ARRAY",
    "DECODING",
    "Stamp",
    "decode",
    "open_file",
    "quiet",
    "readable_endings",
]

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
    """The image with 8 bits a channel: Pillow's own conversion cuts larger values off at 255.

    Raises:
        DataError: if its values have no known range.
    """
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
